//! The HTTP server: connections in, routed requests to functions, one log line each.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::uri::Authority;
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use crate::allowed_hosts::chained_component;
use crate::console;
use crate::engine::{Engine, Phase};
use crate::request::{self, Bounded, Failure, Reached};
use crate::routes::{RESERVED_PREFIX, Router};

/// Connections held open at once; more wait in the listener's queue.
const CONNECTIONS: usize = 1024;

/// All headers of one request, in bytes (hyper may buffer up to twice that before it looks) and in lines; beyond either it answers
/// 431.
const HEADER_BYTES: usize = 64 * 1024;
const HEADER_LINES: usize = 100;

/// From the start of a request, or from the end of the one before it, to the end of its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long running requests have after the signal to stop.
pub(crate) const DRAIN: Duration = Duration::from_secs(10);

/// What every connection shares.
pub(crate) struct Server {
    pub(crate) engine: Arc<Engine>,
    pub(crate) router: Router,
    pub(crate) access_log: bool,
    pub(crate) phase: watch::Receiver<Phase>,
}

/// Accepts connections until the phase is no longer `Serving`, then waits for the open ones.
pub(crate) async fn serve(server: Arc<Server>, listener: TcpListener, mut phase: watch::Receiver<Phase>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = phase.wait_for(|phase| *phase > Phase::Serving) => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, peer, place)) = accepted else {
            // Out of file descriptors, most likely: one may be free in a moment.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (server, phase) = (Arc::clone(&server), phase.clone());
        connections.spawn(async move {
            connection(server, stream, peer, phase).await;
            drop(place);
        });
    }
    drop(listener);
    let all = async {
        while connections.join_next().await.is_some() {}
        // A function whose client has gone is still at work.
        server.engine.idle().await;
    };
    tokio::select! {
        _ = tokio::time::timeout(DRAIN, all) => {}
        _ = phase.wait_for(|phase| *phase == Phase::Stopped) => {}
    }
    connections.shutdown().await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    let (stream, peer) = listener.accept().await.ok()?;
    Some((stream, peer, place))
}

async fn connection(server: Arc<Server>, stream: TcpStream, peer: SocketAddr, mut phase: watch::Receiver<Phase>) {
    // Without it a response in two segments waits for the client's delayed acknowledgement, some 40 ms.
    let _ = stream.set_nodelay(true);
    let Ok(client) = HeaderValue::try_from(peer.to_string()) else {
        return;
    };
    let service = service_fn(move |request| {
        let (server, client) = (Arc::clone(&server), client.clone());
        async move { Ok::<_, Infallible>(server.answer(request, client).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(HEADER_LINES)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // A connection that ends badly is the client's affair: there is nothing to do about it and nothing to log about it.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = phase.wait_for(|phase| *phase > Phase::Serving) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

impl Server {
    async fn answer(&self, request: Request<Incoming>, client: HeaderValue) -> Response<HyperOutgoingBody> {
        let path = request.uri().path();
        if let Some(name) = path.strip_prefix(RESERVED_PREFIX) {
            return match name {
                "health" => request::plain(StatusCode::OK, "OK"),
                _ => request::plain(StatusCode::NOT_FOUND, ""),
            };
        }
        let found = self.router.find(path);
        let mut line = LogLine {
            server: self,
            method: request.method().clone(),
            route: found.as_ref().map_or("-", |found| &found.route.pattern),
            component: found.as_ref().map_or("-", |found| &found.route.component),
            started: Instant::now(),
            status: None,
        };
        let response = match &found {
            Some(found) => self.run(request, &found.path_info, found.route, client).await,
            None => request::plain(StatusCode::NOT_FOUND, ""),
        };
        line.status = Some(response.status());
        response
    }

    async fn run(
        &self,
        mut request: Request<Incoming>,
        path_info: &str,
        route: &crate::routes::Route,
        client: HeaderValue,
    ) -> Response<HyperOutgoingBody> {
        let limit = self.engine.limits().body;
        let too_long = || request::plain(StatusCode::PAYLOAD_TOO_LARGE, "");
        if request.body().size_hint().lower() > limit {
            return too_long();
        }
        let Some(authority) = authority(&request) else {
            return request::failure(Failure::Unroutable);
        };
        let reached = Reached {
            headers: &route.headers,
            path_info: path_info.to_owned(),
            host: authority.as_str(),
            client,
        };
        if request::describe(&mut request, &reached).is_err() {
            return request::failure(Failure::Unroutable);
        }
        let (parts, body) = request.into_parts();
        let (body, exceeded) = Bounded::new(body, limit);
        let request = Request::from_parts(parts, body);
        let response = self.engine.serve(&route.component, request).await;
        // A body without a length is measured as the function reads it; what the function made of the cut one does not matter.
        if exceeded.load(Ordering::Relaxed) {
            return too_long();
        }
        response.unwrap_or_else(request::failure)
    }
}

/// What is logged of a request once it has ended. Never the path, the query or an address: all three can hold personal data.
struct LogLine<'s> {
    server: &'s Server,
    method: http::Method,
    route: &'s str,
    component: &'s str,
    started: Instant,
    /// None while it has no answer.
    status: Option<StatusCode>,
}

/// A client that hangs up ends the connection and what waits for an answer on it, while the function goes on: the line is written then too, or the
/// slowest requests would be the ones that nobody sees.
impl Drop for LogLine<'_> {
    fn drop(&mut self) {
        if self.server.access_log {
            let status = match self.status {
                Some(status) => status.as_u16().to_string(),
                None if *self.server.phase.borrow() > Phase::Serving => "stopped".to_owned(),
                // As web servers log it that nobody was there any more to be answered.
                None => "499".to_owned(),
            };
            console::line(format_args!(
                "{} {} {} {status} {:.1} ms",
                self.method,
                self.route,
                self.component,
                self.started.elapsed().as_secs_f64() * 1000.0
            ));
        }
    }
}

/// The request's authority, if there is exactly one, and not one that only chained calls may have.
fn authority<B>(request: &Request<B>) -> Option<Authority> {
    let mut hosts = request.headers().get_all(http::header::HOST).iter();
    let header: Option<Authority> = match hosts.next() {
        Some(host) => Some(host.to_str().ok()?.parse().ok()?),
        None => None,
    };
    // Two hosts would let a proxy before this server and the function behind it each believe another one.
    if hosts.next().is_some() {
        return None;
    }
    let authority = match (request.uri().authority(), header) {
        (None, None) => return None,
        (None, Some(header)) => header,
        (Some(uri), None) => uri.clone(),
        (Some(uri), Some(header)) if *uri == header => header,
        (Some(_), Some(_)) => return None,
    };
    chained_component(authority.host()).is_none().then_some(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_authority() {
        for (uri, hosts, expected) in [
            ("/", &["a"][..], Some("a")),
            ("/", &["a:1"], Some("a:1")),
            ("http://a/", &[], Some("a")),
            ("http://a/", &["a"], Some("a")),
            ("http://a/", &["b"], None),
            ("/", &["a", "a"], None),
            ("/", &[], None),
            ("/", &["a b"], None),
            ("/", &["audit.spin.internal"], None),
        ] {
            let mut request = Request::builder().uri(uri);
            for host in hosts {
                request = request.header("host", *host);
            }
            let found = authority(&request.body(()).unwrap());
            assert_eq!(found.as_ref().map(Authority::as_str), expected, "{uri} {hosts:?}");
        }
    }
}
