//! Pages of other origins: those that the operator names read every answer, whatever it is, and all others read none.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used)]

use access::Token;
use crypto::Keyring;
use http::Method;
use model::{AccountId, ClinicId, Function, Role};
use testkit::{Answer, Call, World, log_in};
use web::{Exchange, Problem, Reply, Route};

const APP: &str = "https://app.example.org";
const STRANGER: &str = "https://attacker.example";

fn who(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    exchange.caller()?;
    Ok(Reply::no_content())
}

fn download(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    exchange.stream(Reply::attachment("application/pdf"), 4, |send| {
        send(b"%PDF").map_err(|_| Problem::broken_body())
    })
}

const ROUTES: [Route; 3] = [
    Route::new(Method::GET, "/v1/records/who", who),
    Route::new(Method::POST, "/v1/records/who", who),
    Route::new(Method::GET, "/v1/records/download", download),
];

fn world() -> World {
    let world = World::new(1);
    world.set(
        Function::Records,
        "cors_origins",
        "http://localhost:5173 https://app.example.org",
    );
    world
}

fn clinician(world: &World) -> String {
    let (clinic, account) = (ClinicId::from_bytes([3; 16]), AccountId::from_bytes([5; 16]));
    log_in(world, &[Role::Clinician], clinic, account, None)
}

fn send(world: &World, call: &Call) -> Answer {
    Answer::from(world.serve(Function::Records, &ROUTES, &call.request()))
}

fn allowed(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

fn preflight(path: &str, origin: &str) -> Call {
    Call::new(Method::OPTIONS, path)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,content-type,idempotency-key",
        )
}

#[test]
fn a_page_that_may_ask_is_told_so() {
    let world = world();
    // A path that there is not is told of in an answer to the request, which a page can read, as it can no refused preflight.
    let long = format!("/v1/records/{}", "a".repeat(3000));
    for path in ["/v1/records/who", "/v1/records/nowhere", &long] {
        let answer = send(&world, &preflight(path, APP));
        assert_eq!((answer.status, allowed(&answer)), (204, Some(APP)), "{path}");
        for (name, value) in [
            ("access-control-allow-methods", "GET, POST, PUT, DELETE"),
            (
                "access-control-allow-headers",
                "authorization, content-type, idempotency-key, if-match, prefer, purpose-of-use, x-request-id",
            ),
            ("access-control-max-age", "7200"),
            ("vary", "origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
    }
    let other_method = Call::new(Method::OPTIONS, "/v1/records/who").header("origin", APP);
    assert_eq!(
        send(&world, &other_method).status,
        405,
        "not every OPTIONS is a preflight"
    );
    assert_eq!(
        world.stores.operations(),
        0,
        "a question that needs no answer from a store asks none"
    );
}

#[test]
fn every_answer_is_read_by_those_who_may() {
    let world = world();
    let token = clinician(&world);
    for (what, call, status) in [
        ("an answer", Call::get("/v1/records/who").bearer(&token), 204),
        ("a stream", Call::get("/v1/records/download"), 200),
        ("a refusal", Call::get("/v1/records/who"), 401),
        ("no such path", Call::get("/v1/records/nowhere"), 404),
        ("no such method", Call::delete("/v1/records/who"), 405),
        (
            "a long path",
            Call::get(format!("/v1/records/{}", "a".repeat(3000))),
            414,
        ),
    ] {
        for (origin, is_allowed) in [
            (Some(APP), true),
            (Some(STRANGER), false),
            (Some("null"), false),
            (None, false),
        ] {
            let call = origin.map_or(call.clone(), |origin| call.clone().header("origin", origin));
            let answer = send(&world, &call);
            assert_eq!(answer.status, status, "{what} for {origin:?}");
            assert_eq!(allowed(&answer), origin.filter(|_| is_allowed), "{what} for {origin:?}");
            let exposed = answer.header("access-control-expose-headers");
            assert_eq!(
                exposed.is_some_and(|names| names.contains("etag")),
                is_allowed,
                "{what} for {origin:?}"
            );
        }
    }
}

#[test]
fn nobody_else_may() {
    for (listed, origin) in [
        (Some("https://app.example.org"), STRANGER),
        (Some("https://app.example.org"), "null"),
        (Some("*"), APP),
        (Some(""), APP),
        (None, APP),
    ] {
        let world = World::new(1);
        if let Some(listed) = listed {
            world.set(Function::Records, "cors_origins", listed);
        }
        let answer = send(&world, &preflight("/v1/records/who", origin));
        assert_eq!((answer.status, allowed(&answer)), (405, None), "{listed:?} {origin}");
        assert_eq!(answer.header("access-control-allow-methods"), None);
    }
}

/// A browser shows a page of another origin nothing that it asked for with cookies unless the answer says that it may.
#[test]
fn a_cookie_speaks_for_no_page_of_another_origin() {
    let world = world();
    let token = clinician(&world);
    let keyring = Keyring::parse(Function::Auth, world.keyrings.get(&Function::Auth).map(String::as_str)).unwrap();
    let csrf = Token::parse(&token)
        .unwrap()
        .csrf_token(keyring.attests("sessions").unwrap().index())
        .to_string();
    for call in [
        preflight("/v1/records/who", APP),
        Call::get("/v1/records/who"),
        Call::post("/v1/records/who", &serde_json::json!({})).header("x-csrf-token", &csrf),
    ] {
        let call = call
            .header("cookie", &format!("__Host-confide-session={token}"))
            .header("origin", APP);
        assert_eq!(send(&world, &call).header("access-control-allow-credentials"), None);
    }
    let asked = send(&world, &preflight("/v1/records/who", APP));
    assert!(!asked.header("access-control-allow-headers").unwrap().contains("csrf"));
}
