//! What a function sends: to other hosts where it may, and to other functions inside the process.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use http::Uri;
use http::uri::{Authority, Scheme};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks, default_send_request};

use crate::allowed_hosts::{AllowedHosts, Decision};

/// The application that a function is part of, as requests of the function itself reach it.
pub(crate) trait Application: Send + Sync {
    /// Where it can be reached; known once it listens.
    fn own_address(&self) -> Option<SocketAddr>;

    /// Runs a function on a request of another, without the network between them. Boxed for the type system: a chained call can itself
    /// chain.
    ///
    /// # Errors
    /// What the caller's `wasi:http/outgoing-handler` reports.
    fn chain(self: Arc<Self>, component: String, request: http::Request<WasiBody>) -> Chained;
}

/// The answer of a chained call, when it comes.
pub(crate) type Chained = Pin<Box<dyn Future<Output = Result<http::Response<WasiBody>, Error>> + Send>>;

/// What one request of a component may send; consulted by `wasi:http/outgoing-handler`.
pub(crate) struct Outbound {
    application: Arc<dyn Application>,
    allowed: Arc<AllowedHosts>,
}

impl Outbound {
    #[must_use]
    pub(crate) fn new(application: Arc<dyn Application>, allowed: Arc<AllowedHosts>) -> Self {
        Self { application, allowed }
    }
}

type Connection = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Answer = Result<(http::Response<WasiBody>, Connection), Error>;

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _response_result: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        let application = Arc::clone(&self.application);
        match self.allowed.decide(request.uri()) {
            Decision::Refuse => Box::new(std::future::ready(Err(Error::HttpRequestDenied))),
            Decision::Send => Box::new(send(request, options)),
            Decision::Own => Box::new(async move {
                let own = application.own_address().ok_or(Error::HttpRequestUriInvalid)?;
                send(to_own_address(request, own)?, options).await
            }),
            Decision::Chain(component) => {
                let call = application.chain(component, request);
                Box::new(async move {
                    let response = call.await?;
                    let done: Connection = Box::new(std::future::ready(Ok(())));
                    Ok((response, done))
                })
            }
        }
    }
}

async fn send(request: http::Request<WasiBody>, options: Option<RequestOptions>) -> Answer {
    let (response, connection) = default_send_request(request, options).await?;
    Ok((
        response.map(http_body_util::BodyExt::boxed_unsync),
        Box::new(connection),
    ))
}

fn to_own_address(mut request: http::Request<WasiBody>, own: SocketAddr) -> Result<http::Request<WasiBody>, Error> {
    let authority: Authority = own.to_string().parse().map_err(|_| Error::HttpRequestUriInvalid)?;
    let host = http::HeaderValue::from_str(authority.as_str()).map_err(|_| Error::HttpRequestUriInvalid)?;
    request.headers_mut().insert(http::header::HOST, host);
    let mut parts = request.uri().clone().into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority);
    *request.uri_mut() = Uri::from_parts(parts).map_err(|_| Error::HttpRequestUriInvalid)?;
    Ok(request)
}
