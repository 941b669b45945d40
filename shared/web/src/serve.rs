use std::cell::Cell;

use crypto::Keyring;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use model::{Function, RequestId};
use ports::{EntropyExt, Platform};
use zeroize::Zeroizing;

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

fn check_bounds(request: &Request<Vec<u8>>) -> Result<(), Problem> {
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
    if request.body().len() > BODY_LIMIT {
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            format!("A body may have {BODY_LIMIT} bytes."),
        ));
    }
    Ok(())
}

fn answer(
    platform: Platform<'_>,
    function: Function,
    routes: &[Route],
    request: &Request<Vec<u8>>,
    request_id: RequestId,
) -> Result<Reply, Problem> {
    check_bounds(request)?;
    let (handler, parameters) = find(routes, request.method(), request.uri().path())?;
    let text = platform.secrets.secret("keyring").map(Zeroizing::new);
    let keyring = Keyring::parse(function, text.as_ref().map(|text| text.as_str()))
        .map_err(|error| Missing { function, error })?;
    let exchange = Exchange {
        platform,
        keyring: &keyring,
        function,
        request,
        request_id,
        parameters,
        rate_limit: Cell::new(None),
    };
    let answer = handler(&exchange);
    match exchange.rate_limit.get() {
        Some(limit) => answer
            .map(|reply| reply.rate_limited(limit))
            .map_err(|problem| problem.rate_limited(limit)),
        None => answer,
    }
}

/// Answers one request to a function.
#[must_use]
pub fn serve(
    platform: Platform<'_>,
    function: Function,
    routes: &[Route],
    request: &Request<Vec<u8>>,
) -> Response<Vec<u8>> {
    // The caller's own id is taken where it is one of ours, so that a front end can follow a request through its log.
    let request_id = request
        .headers()
        .get(&REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| platform.entropy.id());
    let reply = answer(platform, function, routes, request, request_id).unwrap_or_else(|problem| {
        if let Some(line) = &problem.operator_line {
            platform.log.write(&format!("{request_id} {line}"));
        }
        problem.into()
    });
    let mut response = reply.into_response();
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(&request_id.to_string()) {
        headers.insert(REQUEST_ID, value);
    }
    response
}
