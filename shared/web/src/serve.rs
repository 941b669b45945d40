use std::cell::{Cell, OnceCell};

use crypto::Keyring;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use model::{Function, RequestId};
use ports::{BrokenBody, Connection, EntropyExt, Platform, RequestBody};
use zeroize::Zeroizing;

use crate::cors::{self, AllowedOrigin};
use crate::exchange::Missing;
use crate::route::find;
use crate::{Exchange, Problem, Reply, Route, payment_card};

/// The largest body that is read, in bytes.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// The most that all headers together may have, in bytes.
const HEADER_LIMIT: usize = 16 * 1024;

/// The longest path and query, in bytes.
const TARGET_LIMIT: usize = 2048;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// On every answer: nothing is cached, sniffed, framed or passed on (OWASP secure headers for APIs). A page for people has a
/// content policy of its own.
const HEADERS: [(HeaderName, &str); 6] = [
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (REFERRER_POLICY, "no-referrer"),
    (RESOURCE_POLICY, "same-origin"),
];

fn check_bounds(request: &Request<()>) -> Result<(), Problem> {
    let headers: usize = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if headers > HEADER_LIMIT {
        return Err(Problem::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "headers-too-large",
            format!("All headers together may have {HEADER_LIMIT} bytes."),
        ));
    }
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > TARGET_LIMIT {
        return Err(Problem::new(
            StatusCode::URI_TOO_LONG,
            "uri-too-long",
            format!("Path and query may have {TARGET_LIMIT} bytes."),
        ));
    }
    // Nobody's card belongs into an address, which proxies write down.
    if let Some(found) = payment_card::find(request.uri().path_and_query().map_or("", PathAndQuery::as_str)) {
        return Err(Problem::payment_card("path", found));
    }
    Ok(())
}

/// The whole body of a request that is no stream, or 413 without reading on.
fn whole_body(body: &dyn RequestBody) -> Result<Vec<u8>, Problem> {
    let mut whole = Vec::new();
    body.read(BODY_LIMIT.saturating_add(1), &mut whole)
        .map_err(|BrokenBody| Problem::broken_body())?;
    if whole.len() > BODY_LIMIT {
        return Err(Problem::body_too_large(BODY_LIMIT));
    }
    Ok(whole)
}

fn answer(
    platform: Platform<'_>,
    function: Function,
    routes: &[Route],
    request: Request<()>,
    connection: Connection<'_>,
    envelope: &Envelope,
) -> Result<Reply, Problem> {
    check_bounds(&request)?;
    if envelope.allowed_origin.is_some() && cors::is_preflight(&request) {
        return Ok(cors::preflight());
    }
    let path = request.uri().path().to_owned();
    let (route, parameters) = find(routes, request.method(), &path)?;
    // No route reads the body of a GET (RFC 9110, section 9.3.1), and asking the host for it costs as much as a read.
    let body = if route.takes_stream || request.method().is_safe() {
        Vec::new()
    } else {
        whole_body(connection.body)?
    };
    let request = &request.map(|()| body);
    let text = platform.secrets.secret("keyring").map(Zeroizing::new);
    let keyring = Keyring::parse(function, text.as_ref().map(|text| text.as_str()))
        .map_err(|error| Missing { function, error })?;
    let recorded = Cell::new(None);
    let exchange = Exchange {
        platform,
        keyring: &keyring,
        function,
        request,
        envelope,
        parameters,
        rate_limit: Cell::new(None),
        connection,
        calling: Cell::new(None),
        recorded: &recorded,
        network: OnceCell::new(),
    };
    // What broke off after a decision names its entry, for whoever has to find out why. What is refused names the one that its handler says: of log-ins
    // none, since whether there is one would tell whether there is an account.
    let answer = (route.handler)(&exchange).map_err(|problem| match recorded.get() {
        Some(event) if problem.is_of_ours() => problem.or_recorded(event),
        _ => problem,
    });
    match exchange.rate_limit.get() {
        Some(limit) => answer
            .map(|reply| reply.rate_limited(limit))
            .map_err(|problem| problem.rate_limited(limit)),
        None => answer,
    }
}

/// What every head has beside what its answer says.
pub(crate) struct Envelope {
    pub(crate) request_id: RequestId,
    allowed_origin: Option<AllowedOrigin>,
}

impl Envelope {
    fn of(request: &Request<()>, platform: &Platform<'_>) -> Self {
        let headers = request.headers();
        Self {
            // The caller's own id is taken where it is one of ours, so that a front end can follow a request through its log.
            request_id: headers
                .get(&REQUEST_ID)
                .and_then(|value| value.to_str().ok())
                .and_then(|text| text.parse().ok())
                .unwrap_or_else(|| platform.entropy.id()),
            allowed_origin: AllowedOrigin::of(headers, || platform.secrets.secret(cors::ORIGINS)),
        }
    }

    pub(crate) fn dress(&self, headers: &mut HeaderMap) {
        for (name, value) in HEADERS {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
        if let Ok(value) = HeaderValue::from_str(&self.request_id.to_string()) {
            headers.insert(REQUEST_ID, value);
        }
        if let Some(origin) = &self.allowed_origin {
            origin.admit(headers);
        }
    }
}

/// Answers one request to a function; `None` where the answer was sent while it was made.
#[must_use]
pub fn serve(
    platform: Platform<'_>,
    function: Function,
    routes: &[Route],
    request: Request<()>,
    connection: Connection<'_>,
) -> Option<Response<Vec<u8>>> {
    let envelope = Envelope::of(&request, &platform);
    let reply = answer(platform, function, routes, request, connection, &envelope).unwrap_or_else(|problem| {
        if let Some(line) = &problem.operator_line {
            platform.log.write(&format!("{} {line}", envelope.request_id));
        }
        problem.into()
    });
    let mut response = reply.into_response()?;
    envelope.dress(response.headers_mut());
    Some(response)
}
