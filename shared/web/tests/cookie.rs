//! Who a browser speaks for: a session as a cookie opens what a bearer opens, and another site cannot use it.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used)]

use access::Token;
use crypto::Keyring;
use http::Method;
use model::{AccountId, ClinicId, Function, Role};
use testkit::{Answer, Call, World, log_in};
use web::{Exchange, Problem, Reply, Route};

fn who(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    exchange.caller()?;
    Ok(Reply::no_content())
}

const ROUTES: [Route; 2] = [
    Route::new(Method::GET, "/v1/records/who", who),
    Route::new(Method::POST, "/v1/records/who", who),
];

fn send(world: &World, call: &Call) -> Answer {
    Answer::from(world.serve(Function::Records, &ROUTES, &call.request()))
}

#[test]
fn a_cookie_needs_a_second_token_to_change_anything() {
    let world = World::new(1);
    let [mine, other] = [5, 6].map(|account| {
        let account = AccountId::from_bytes([account; 16]);
        log_in(&world, &[Role::Clinician], ClinicId::from_bytes([3; 16]), account, None)
    });
    let text = world.keyrings.get(&Function::Auth).map(String::as_str);
    let keyring = Keyring::parse(Function::Auth, text).unwrap();
    let index = keyring.attests("sessions").unwrap().index();
    let csrf = |token: &str| Token::parse(token).unwrap().csrf_token(index).to_string();
    let (cookie, bearer) = (
        |token: &str| vec![("cookie", format!("__Host-confide-session={token}"))],
        |token: &str| vec![("authorization", format!("Bearer {token}"))],
    );
    let with = |mut headers: Vec<(&'static str, String)>, csrf: String| {
        headers.push(("x-csrf-token", csrf));
        headers
    };
    let nobody = "cfs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for (what, headers, get, post) in [
        ("nothing", vec![], 401, 401),
        ("a bearer", bearer(&mine), 204, 204),
        (
            "a cookie alone, as another site makes a browser send it",
            cookie(&mine),
            204,
            403,
        ),
        ("a cookie and its token", with(cookie(&mine), csrf(&mine)), 204, 204),
        (
            "a cookie and another session's token",
            with(cookie(&mine), csrf(&other)),
            204,
            403,
        ),
        ("a cookie and itself", with(cookie(&mine), mine.clone()), 204, 403),
        (
            "a cookie and an empty token",
            with(cookie(&mine), String::new()),
            204,
            403,
        ),
        ("nobody's cookie", with(cookie(nobody), csrf(nobody)), 401, 401),
        ("a token without a cookie", with(vec![], csrf(&mine)), 401, 401),
        (
            "a wrong bearer beside a right cookie",
            [bearer(nobody), with(cookie(&mine), csrf(&mine))].concat(),
            401,
            401,
        ),
        ("two cookies", [cookie(&mine), cookie(&other)].concat(), 400, 400),
    ] {
        for (method, status) in [(Method::GET, get), (Method::POST, post)] {
            let call = headers
                .iter()
                .fold(Call::new(method.clone(), "/v1/records/who"), |call, (name, value)| {
                    call.header(name, value)
                });
            assert_eq!(send(&world, &call).status, status, "{method} with {what}");
        }
    }
}
