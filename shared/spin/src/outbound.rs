use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use ports::{Outbound, OutboundError, OutboundLimits};
use wasi::clocks::monotonic_clock::subscribe_duration;
use wasi::http::outgoing_handler;
use wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, Method as WasiMethod, OutgoingBody, OutgoingRequest, RequestOptions,
    Scheme,
};
use wasi::io::poll::Pollable;

use crate::body::{read, wait, write};

/// `wasi:http/outgoing-handler`, within the manifest's `allowed_outbound_hosts`.
pub struct Granted;

/// The way out of a function that has none.
pub struct Nowhere;

impl Outbound for Nowhere {
    fn send(&self, _: Request<Vec<u8>>, _: OutboundLimits) -> Result<Response<Vec<u8>>, OutboundError> {
        Err(OutboundError::NotSent)
    }
}

/// Whether the host failed before anything could have reached the other side. What is not known to be so, is not.
fn failure(error: &ErrorCode) -> OutboundError {
    match error {
        ErrorCode::DnsTimeout
        | ErrorCode::DnsError(_)
        | ErrorCode::DestinationNotFound
        | ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpProhibited
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionRefused
        // Of connecting: the other two time-outs have names of their own.
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionLimitReached
        // Met in the handshake, before the request.
        | ErrorCode::TlsCertificateError
        | ErrorCode::HttpRequestDenied
        | ErrorCode::HttpRequestMethodInvalid
        | ErrorCode::HttpRequestUriInvalid
        | ErrorCode::ConfigurationError => OutboundError::NotSent,
        _ => OutboundError::Unknown,
    }
}

fn method(method: &Method) -> WasiMethod {
    match *method {
        Method::GET => WasiMethod::Get,
        Method::POST => WasiMethod::Post,
        Method::PUT => WasiMethod::Put,
        Method::DELETE => WasiMethod::Delete,
        _ => WasiMethod::Other(method.as_str().to_owned()),
    }
}

/// The request as the host takes it. Fails before anything is sent.
fn outgoing(request: &Request<Vec<u8>>) -> Option<OutgoingRequest> {
    let mut fields: Vec<(String, Vec<u8>)> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect();
    fields.push((
        "content-length".to_owned(),
        request.body().len().to_string().into_bytes(),
    ));
    let outgoing = OutgoingRequest::new(Fields::from_list(&fields).ok()?);
    let uri = request.uri();
    let scheme = match uri.scheme_str()? {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        _ => return None,
    };
    outgoing.set_method(&method(request.method())).ok()?;
    outgoing.set_scheme(Some(&scheme)).ok()?;
    outgoing.set_authority(Some(uri.authority()?.as_str())).ok()?;
    outgoing
        .set_path_with_query(uri.path_and_query().map(http::uri::PathAndQuery::as_str))
        .ok()?;
    Some(outgoing)
}

/// Every time-out that the host knows. A host that does not take one of them is held to the deadline all the same.
fn options(limits: OutboundLimits) -> RequestOptions {
    let options = RequestOptions::new();
    let nanoseconds = |duration: std::time::Duration| u64::try_from(duration.as_nanos()).ok();
    let _ = options.set_connect_timeout(nanoseconds(limits.connect));
    let _ = options.set_first_byte_timeout(nanoseconds(limits.total));
    let _ = options.set_between_bytes_timeout(nanoseconds(limits.total));
    options
}

fn answer(
    future: &FutureIncomingResponse,
    limit: usize,
    deadline: &Pollable,
) -> Result<Response<Vec<u8>>, OutboundError> {
    wait(&future.subscribe(), Some(deadline)).map_err(|_| OutboundError::Unknown)?;
    let incoming = future
        .get()
        .and_then(Result::ok)
        .ok_or(OutboundError::Unknown)?
        .map_err(|error| failure(&error))?;
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::from_u16(incoming.status()).map_err(|_| OutboundError::Unknown)?;
    for (name, value) in incoming.headers().entries() {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| OutboundError::Unknown)?;
        let value = HeaderValue::from_bytes(&value).map_err(|_| OutboundError::Unknown)?;
        response.headers_mut().append(name, value);
    }
    let body = incoming.consume().map_err(|()| OutboundError::Unknown)?;
    *response.body_mut() = read(&body, limit, Some(deadline)).map_err(|_| OutboundError::Unknown)?;
    if response.body().len() > limit {
        return Err(OutboundError::Unknown);
    }
    Ok(response)
}

impl Outbound for Granted {
    fn send(&self, request: Request<Vec<u8>>, limits: OutboundLimits) -> Result<Response<Vec<u8>>, OutboundError> {
        // The time-outs of the host begin anew with every byte; this one does not.
        let deadline = subscribe_duration(u64::try_from(limits.total.as_nanos()).unwrap_or(u64::MAX));
        let outgoing = outgoing(&request).ok_or(OutboundError::NotSent)?;
        let body = outgoing.body().map_err(|()| OutboundError::NotSent)?;
        let future = outgoing_handler::handle(outgoing, Some(options(limits))).map_err(|error| failure(&error))?;
        // Where the other side answers before it has read everything, the body breaks and the answer still counts; where
        // there was no connection, the answer says so. So a body that breaks decides nothing.
        if write(&body, request.body(), Some(&deadline)).is_ok() {
            let _ = OutgoingBody::finish(body, None);
        }
        answer(&future, limits.body, &deadline)
    }
}
