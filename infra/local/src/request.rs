//! A request and its response as they cross between the host and a function.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http::header::{HeaderName, InvalidHeaderValue};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::Error;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use crate::routes::RouteHeaders;

/// Why a function gave no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It trapped, or returned without a response.
    Trapped,
    Late,
    /// Every place was taken until the deadline.
    Crowded,
    /// The host is going down.
    Stopped,
    /// The request cannot be handed to a function: no usable authority.
    Unroutable,
}

/// How a request reached its function.
pub(crate) struct Reached<'a> {
    pub(crate) headers: &'a RouteHeaders,
    pub(crate) path_info: String,
    pub(crate) host: &'a str,
    pub(crate) client: HeaderValue,
}

/// Adds the headers by which Spin tells a function how it was reached.
///
/// They are appended: a client can send headers of the same names, and functions that go by them take the last value.
///
/// # Errors
/// A path or host that is no header value.
pub(crate) fn describe<B>(request: &mut Request<B>, reached: &Reached<'_>) -> Result<(), InvalidHeaderValue> {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str);
    let full_url = HeaderValue::try_from(format!("http://{}{path}", reached.host))?;
    let path_info = HeaderValue::from_str(&reached.path_info)?;
    let headers = request.headers_mut();
    for (name, value) in [
        ("spin-path-info", path_info),
        ("spin-full-url", full_url),
        ("spin-matched-route", reached.headers.matched_route.clone()),
        ("spin-base-path", HeaderValue::from_static("/")),
        ("spin-raw-component-route", reached.headers.raw_component_route.clone()),
        ("spin-component-route", reached.headers.component_route.clone()),
        ("spin-client-addr", reached.client.clone()),
    ] {
        headers.append(HeaderName::from_static(name), value);
    }
    Ok(())
}

/// A request body that ends with an error once it is longer than allowed.
pub(crate) struct Bounded<B> {
    inner: B,
    left: u64,
    exceeded: Arc<AtomicBool>,
}

impl<B> Bounded<B> {
    /// The body, and whether it turned out too long.
    pub(crate) fn new(inner: B, limit: u64) -> (Self, Arc<AtomicBool>) {
        let exceeded = Arc::new(AtomicBool::new(false));
        let body = Self {
            inner,
            left: limit,
            exceeded: Arc::clone(&exceeded),
        };
        (body, exceeded)
    }
}

impl<B> Body for Bounded<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Error>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            None => return Poll::Ready(None),
        };
        if let Some(data) = frame.data_ref() {
            let length = u64::try_from(data.remaining()).unwrap_or(u64::MAX);
            match self.left.checked_sub(length) {
                Some(left) => self.left = left,
                None => {
                    self.exceeded.store(true, Ordering::Relaxed);
                    return Poll::Ready(Some(Err(Error::HttpRequestBodySize(None))));
                }
            }
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A response of the host's own.
#[must_use]
pub(crate) fn plain(status: StatusCode, text: &'static str) -> Response<HyperOutgoingBody> {
    let body = Full::new(Bytes::from_static(text.as_bytes()))
        .map_err(Error::from)
        .boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

/// The response to a function's failure: a status, and nothing about what went wrong inside.
#[must_use]
pub(crate) fn failure(failure: Failure) -> Response<HyperOutgoingBody> {
    let status = match failure {
        Failure::Trapped => StatusCode::INTERNAL_SERVER_ERROR,
        Failure::Late => StatusCode::GATEWAY_TIMEOUT,
        Failure::Crowded | Failure::Stopped => StatusCode::SERVICE_UNAVAILABLE,
        Failure::Unroutable => StatusCode::BAD_REQUEST,
    };
    plain(status, "")
}
