use std::cell::{Cell, OnceCell};

use crypto::Keyring;
use http::uri::PathAndQuery;
use http::{Request, Response, StatusCode};
use model::Function;
use ports::{BrokenBody, Connection, Platform, RequestBody};
use zeroize::Zeroizing;

use crate::common_headers::CommonHeaders;
use crate::cors;
use crate::exchange::Missing;
use crate::route::find;
use crate::{Exchange, Problem, Reply, Route, payment_card, query};

/// The largest body that is read, in bytes.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// The most that all headers together may have, in bytes.
const HEADER_LIMIT: usize = 16 * 1024;

/// The longest path and query, in bytes.
const TARGET_LIMIT: usize = 2048;

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

/// What is wrong with a request, to whoever may know that there is such a route. A private one is told by its handler to whoever has a proof: to anybody
/// else it is nothing, whatever she sends there.
fn hidden(route: &Route, problem: Problem) -> Problem {
    if route.is_private() {
        Problem::no_such_route()
    } else {
        problem
    }
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
    headers: &CommonHeaders,
) -> Result<Reply, Problem> {
    // Before anything is looked at: what is wrong with the request it is told itself, in an answer that the page can read.
    if headers.has_allowed_origin() && cors::is_preflight(&request) {
        return Ok(cors::preflight());
    }
    check_bounds(&request)?;
    let path = request.uri().path().to_owned();
    let (route, parameters) = find(routes, request.method(), &path)?;
    if let Some(parameters) = request.uri().query().filter(|_| !route.takes_query()) {
        query::refuse(parameters).map_err(|problem| hidden(route, problem))?;
    }
    // No route reads the body of a GET (RFC 9110, section 9.3.1), and asking the host for it costs as much as a read.
    let body = if route.takes_stream || request.method().is_safe() {
        Vec::new()
    } else {
        whole_body(connection.body).map_err(|problem| hidden(route, problem))?
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
        headers,
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

/// Answers one request to a function; `None` where the answer was sent while it was made.
#[must_use]
pub fn serve(
    platform: Platform<'_>,
    function: Function,
    routes: &[Route],
    request: Request<()>,
    connection: Connection<'_>,
) -> Option<Response<Vec<u8>>> {
    let headers = CommonHeaders::of(&request, &platform);
    let reply = answer(platform, function, routes, request, connection, &headers).unwrap_or_else(|problem| {
        if let Some(line) = &problem.operator_line {
            platform.log.write(&format!("{} {line}", headers.request_id));
        }
        problem.into()
    });
    let mut response = reply.into_response()?;
    headers.complete(response.headers_mut());
    Some(response)
}
