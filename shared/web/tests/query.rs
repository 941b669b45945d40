//! Parameters of the query, and routes that take none.

// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use http::Method;
use model::Function;
use serde::Deserialize;
use testkit::{Answer, Call, World, assert_refused};
use web::{Exchange, Problem, Reply, Route};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    limit: Option<u8>,
}

fn with(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let Query { limit } = exchange.query()?;
    Reply::ok(&limit)
}

fn without(_: &Exchange<'_>) -> Result<Reply, Problem> {
    Ok(Reply::no_content())
}

fn ask(target: &str) -> Answer {
    let routes = [
        Route::new(Method::GET, "/v1/with", with).with_query(),
        Route::new(Method::GET, "/v1/without", without),
        Route::private(Method::GET, "/v1/private", without),
    ];
    Answer::from(World::new(7).serve(Function::Records, &routes, &Call::get(target).request()))
}

#[test]
fn a_parameter_that_is_not_known_is_refused_whether_the_route_takes_any_or_not() {
    assert_eq!(ask("/v1/with?limit=7").json, 7);
    for (target, status) in [
        ("/v1/with", 200),
        ("/v1/with?", 200),
        ("/v1/without", 204),
        ("/v1/without?", 204),
    ] {
        assert_eq!(ask(target).status, status, "{target}");
    }
    assert_refused(&ask("/v1/private?page=7"), 404, "no-such-route");
    for target in ["/v1/with?page=7", "/v1/without?page=7", "/v1/without?limit=7&page=7"] {
        let refused = ask(target);
        assert_refused(&refused, 400, "malformed-request");
        assert_eq!(refused.json["errors"][0]["rule"], "unknown-field", "{target}");
    }
}
