use std::cell::RefCell;

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use model::Function;
use ports::{BrokenBody, Connection, Outbound, Platform, Responder, ResponseBody};
use wasi::http::types::{
    Fields, IncomingRequest, Method as WasiMethod, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use wasi::io::streams::OutputStream;
use web::{CLIENT_ADDRESS, Route};

use crate::body::{Broken, Incoming, write, write_to};
use crate::platform::{Granted, HostClock, HostEntropy, Stderr, Variables};

/// The most that a host takes into an outgoing body that nobody reads yet, in bytes.
const BODY_BEFORE_RESPONSE: usize = 1024 * 1024;

/// What the host's own headers begin with.
const HOST_HEADERS: &str = "spin-";

/// A request that is not HTTP as the `http` crate understands it.
struct Malformed;

fn method(method: &WasiMethod) -> Result<Method, Malformed> {
    let name = match method {
        WasiMethod::Get => return Ok(Method::GET),
        WasiMethod::Head => return Ok(Method::HEAD),
        WasiMethod::Post => return Ok(Method::POST),
        WasiMethod::Put => return Ok(Method::PUT),
        WasiMethod::Delete => return Ok(Method::DELETE),
        WasiMethod::Connect => return Ok(Method::CONNECT),
        WasiMethod::Options => return Ok(Method::OPTIONS),
        WasiMethod::Trace => return Ok(Method::TRACE),
        WasiMethod::Patch => return Ok(Method::PATCH),
        WasiMethod::Other(name) => name,
    };
    Method::from_bytes(name.as_bytes()).map_err(|_| Malformed)
}

fn incoming(request: &IncomingRequest) -> Result<Request<()>, Malformed> {
    let target = request.path_with_query().unwrap_or_else(|| "/".to_owned());
    let mut received = Request::new(());
    *received.method_mut() = method(&request.method())?;
    *received.uri_mut() = target.parse::<Uri>().map_err(|_| Malformed)?;
    let entries = request.headers().entries();
    received.headers_mut().reserve(entries.len());
    for (name, value) in entries {
        // The host describes the route in half a dozen headers that nothing here believes, because a client can send them too.
        if name.starts_with(HOST_HEADERS) && CLIENT_ADDRESS != *name {
            continue;
        }
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Malformed)?;
        let value = HeaderValue::from_bytes(&value).map_err(|_| Malformed)?;
        received.headers_mut().append(name, value);
    }
    Ok(received)
}

fn outgoing(status: StatusCode, headers: &HeaderMap) -> OutgoingResponse {
    // All at once: each header on its own would be a call to the host.
    let fields: Vec<(String, Vec<u8>)> = headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect();
    // Names and values come from the `http` crate, which holds them to the same rules.
    let outgoing = OutgoingResponse::new(Fields::from_list(&fields).unwrap_or_else(|_| Fields::new()));
    let _ = outgoing.set_status_code(status.as_u16());
    outgoing
}

/// Writes the answer. The body is finished before the response is set, so that head and body leave in one segment: set
/// first, they leave in two, and a kept-alive connection then stalls for the time of a delayed acknowledgement. A body
/// that is larger than what the host buffers must be written afterwards.
fn send(response: Response<Vec<u8>>, outparam: ResponseOutparam) {
    let (mut head, bytes) = response.into_parts();
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let outgoing = outgoing(head.status, &head.headers);
    // A failure to write means that the client has gone: there is nobody left to tell.
    let Ok(body) = outgoing.body() else {
        return;
    };
    if bytes.len() <= BODY_BEFORE_RESPONSE {
        let _ = write(&body, &bytes, None);
        let _ = OutgoingBody::finish(body, None);
        ResponseOutparam::set(outparam, Ok(outgoing));
    } else {
        ResponseOutparam::set(outparam, Ok(outgoing));
        let _ = write(&body, &bytes, None);
        let _ = OutgoingBody::finish(body, None);
    }
}

/// The way back for an answer that is sent while it is made.
struct Back(RefCell<Option<ResponseOutparam>>);

impl Responder for Back {
    fn begin(&self, head: Response<()>) -> Result<Box<dyn ResponseBody + '_>, BrokenBody> {
        let outparam = self.0.take().ok_or(BrokenBody)?;
        let outgoing = outgoing(head.status(), head.headers());
        let body = outgoing.body().map_err(|()| BrokenBody)?;
        let stream = body.write().map_err(|()| BrokenBody)?;
        ResponseOutparam::set(outparam, Ok(outgoing));
        Ok(Box::new(Leaving { stream, body }))
    }
}

/// In this order: a stream must be dropped before the body that it is of.
struct Leaving {
    stream: OutputStream,
    body: OutgoingBody,
}

impl ResponseBody for Leaving {
    fn write(&mut self, bytes: &[u8]) -> Result<(), BrokenBody> {
        write_to(&self.stream, bytes, None).map_err(|Broken| BrokenBody)
    }

    fn finish(self: Box<Self>) {
        let Self { stream, body } = *self;
        drop(stream);
        let _ = OutgoingBody::finish(body, None);
    }
}

/// Answers one request. Reached through [`crate::export!`].
pub fn handle(
    function: Function,
    routes: &[Route],
    outbound: &dyn Outbound,
    request: IncomingRequest,
    outparam: ResponseOutparam,
) {
    let platform = Platform {
        clock: &HostClock,
        entropy: &HostEntropy::default(),
        secrets: &Variables,
        stores: &Granted,
        outbound,
        log: &Stderr,
    };
    let back = Back(RefCell::new(Some(outparam)));
    let body = Incoming::new(&request);
    let connection = Connection {
        body: &body,
        responder: &back,
    };
    let response = match incoming(&request) {
        Ok(received) => web::serve(platform, function, routes, received, connection),
        Err(Malformed) => {
            let mut response = Response::new(Vec::new());
            *response.status_mut() = StatusCode::BAD_REQUEST;
            Some(response)
        }
    };
    if let (Some(response), Some(outparam)) = (response, back.0.take()) {
        send(response, outparam);
    }
}
