//! What a front end is told when something is wrong: the status that HTTP means, the failing field, and nothing written.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use confide_tests::{Deployment, Practice, note};
use http::Method;
use serde_json::json;
use testkit::{Answer, Call};
use web::Route;

/// The failing field and rule of a problem.
fn violation(answer: &Answer) -> (String, String) {
    let first = &answer.json["errors"][0];
    (
        first["field"].as_str().unwrap_or_default().to_owned(),
        first["rule"].as_str().unwrap_or_default().to_owned(),
    )
}

#[test]
fn each_mistake_has_its_answer() {
    let deployment = Deployment::start();
    let practice = Practice::open(&deployment);
    let clinician = practice.join("dr.rivera@practice.example", &["clinician"], None);
    let client = practice.consenting_client(&clinician);
    let records = format!("/v1/records/clients/{client}/records");
    let record = deployment.expect(201, &practice.post(&records, &clinician, &note("first")));
    let record = format!("{records}/{}", record.text("id"));
    let token = clinician.token.as_str();
    let post = |body: &str| {
        Call::new(Method::POST, &records)
            .bearer(token)
            .once("a-key-of-this-test")
            .header("content-type", "application/json")
            .body(body)
    };
    let amendment = json!({"reason": "typing", "record": note("second")});
    let cases: Vec<(&str, Call, u16, &str, &str)> = vec![
        ("no JSON", post("{"), 400, "malformed-request", ""),
        ("unknown field", post(r#"{"kind":"progress_note","content":{"session_at":"2026-11-02T14:00:00Z","text":"a"},"mood":1}"#), 400, "malformed-request", "/mood"),
        ("wrong type", post(r#"{"kind":"progress_note","content":{"session_at":"yesterday","text":"a"}}"#), 400, "malformed-request", "/content/session_at"),
        ("too deep", post(&"[".repeat(40)), 400, "malformed-request", ""),
        ("no idempotency key", Call::post(&records, &note("a")).bearer(token), 400, "malformed-request", "idempotency-key"),
        ("two idempotency keys", Call::post(&records, &note("a")).bearer(token).once("one").once("two"), 400, "malformed-request", "idempotency-key"),
        ("unknown query", Call::get(format!("{records}?client=x")).bearer(token), 400, "malformed-request", "client"),
        ("unknown purpose", Call::get(&record).bearer(token).header("purpose-of-use", "CURIOSITY"), 400, "malformed-request", "purpose-of-use"),
        ("no session", Call::get(&record), 401, "unauthenticated", ""),
        ("a wrong token", Call::get(&record).bearer("cfs_AAAA"), 401, "unauthenticated", ""),
        ("a changed token", Call::get(&record).bearer(&token.replace(&token[60..62], "zz")), 401, "unauthenticated", ""),
        ("not permitted", Call::get(&record).bearer(&practice.admin.token), 403, "access-denied", ""),
        ("a purpose that is never served", Call::get(&record).bearer(token).header("purpose-of-use", "HMARKT"), 403, "prohibited-purpose", ""),
        ("no such path", Call::get("/v1/records/everything").bearer(token), 404, "no-such-route", ""),
        ("no such record", Call::get(format!("{records}/rec_00000000000000000000000000")).bearer(token), 404, "not-found", ""),
        ("an id that is none", Call::get(format!("{records}/1")).bearer(token), 404, "no-such-route", ""),
        ("another method", Call::new(Method::PATCH, &record).bearer(token), 405, "method-not-allowed", ""),
        ("another kind", Call::put(&record, &json!({"reason": "x", "record": {"kind": "treatment_plan", "content": {"status": "active", "period": {"start": "2026-11-02"}, "goals": [{"description": "a", "status": "active"}]}}})).bearer(token).header("if-match", "\"v1\""), 409, "kind-differs", ""),
        ("a stale version", Call::put(&record, &amendment).bearer(token).header("if-match", "\"v7\""), 412, "stale-version", ""),
        ("a large body", post(&" ".repeat(1024 * 1024 + 1)), 413, "body-too-large", ""),
        ("another media type", Call::new(Method::POST, &records).bearer(token).once("k").header("content-type", "text/plain").body("a"), 415, "unsupported-media-type", ""),
        ("a rule of the content", post(r#"{"kind":"progress_note","content":{"session_at":"2026-11-02T14:00:00Z","text":" "}}"#), 422, "invalid-content", "/content/text"),
        ("no version named", Call::put(&record, &amendment).bearer(token), 428, "precondition-required", ""),
        ("large headers", Call::get(&record).bearer(token).header("x-filler", &"x".repeat(20_000)), 431, "headers-too-large", ""),
    ];
    for (what, call, status, problem, field) in cases {
        let answer = deployment.send(&call);
        assert_eq!(
            (answer.status, answer.problem()),
            (status, Some(problem)),
            "{what}: {}",
            answer.json
        );
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{what}"
        );
        assert_eq!(answer.json["status"], status, "{what}");
        if !field.is_empty() {
            assert_eq!(violation(&answer).0, field, "{what}: {}", answer.json);
        }
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
        match status {
            401 => assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{what}"),
            405 => assert_eq!(answer.header("allow"), Some("GET, PUT, DELETE"), "{what}"),
            403 => assert!(answer.header("audit-id").is_some(), "{what}"),
            _ => {}
        }
    }
    // After all of this the record is what it was, and alone.
    let listed = deployment.expect(200, &Call::get(&records).bearer(token));
    assert_eq!(listed.json["records"].as_array().unwrap().len(), 1);
    let read = deployment.expect(200, &Call::get(&record).bearer(token));
    assert_eq!(
        (read.header("etag"), read.json["content"]["text"].as_str()),
        (Some("\"v1\""), Some("first"))
    );
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ] {
        assert_eq!(read.header(name), Some(value));
    }
    assert!(read.header("strict-transport-security").is_some() && read.header("x-request-id").is_some());
}

/// Two components answer below one prefix: a path that is known reaches the one that knows it, and only that one.
#[test]
fn every_path_below_auth_reaches_the_component_that_answers_it() {
    let deployment = Deployment::start();
    let tables: [&[Route]; 2] = [&auth::ROUTES, &accounts::ROUTES];
    for route in tables.concat() {
        let path: Vec<&str> = route
            .path
            .split('/')
            .map(|segment| if segment.starts_with('{') { "some" } else { segment })
            .collect();
        let refused = deployment.expect(405, &Call::new(Method::PATCH, path.join("/")));
        assert_eq!(refused.problem(), Some("method-not-allowed"), "{}", route.path);
        let allowed = refused.header("allow").unwrap_or_default();
        assert!(
            allowed.split(", ").any(|method| method == route.method.as_str()),
            "{}: {allowed}",
            route.path
        );
    }
    for path in [
        "/v1/auth",
        "/v1/auth/everything",
        "/v1/auth/totp",
        "/v1/auth/password/everything",
        "/v1/auth/sessions/current/everything",
        "/v1/auth/recoveries/complete/everything",
        "/v1/auth/accounts/some/everything",
    ] {
        let answer = deployment.expect(404, &Call::get(path));
        assert_eq!(answer.problem(), Some("no-such-route"), "{path}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{path}"
        );
    }
}

/// Whether a client exists, at this clinic or at another, can't be told from a refusal.
#[test]
fn a_refusal_does_not_tell_who_exists() {
    let deployment = Deployment::start();
    let (here, there) = (Practice::open(&deployment), Practice::open(&deployment));
    let stranger = here.join("dr.curious@practice.example", &["clinician"], None);
    let treating = here.join("dr.rivera@practice.example", &["clinician"], None);
    let elsewhere = there.join("dr.okafor@practice.example", &["clinician"], None);
    let clients = [
        here.consenting_client(&treating),
        there.consenting_client(&elsewhere),
        "cli_00000000000000000000000000".to_owned(),
    ];
    for path in [
        "/v1/records/clients/{}/records",
        "/v1/identity/clients/{}",
        "/v1/consent/clients/{}",
    ] {
        let answers: Vec<Answer> = clients
            .iter()
            .map(|client| deployment.expect(403, &Call::get(path.replace("{}", client)).bearer(&stranger.token)))
            .collect();
        for answer in &answers {
            assert_eq!(answer.json, answers[0].json, "{path}");
            assert!(answer.header("audit-id").is_some());
        }
    }
}

/// A function without its keyring answers 503 and the others go on: there is no default key.
#[test]
fn a_missing_keyring_is_no_default() {
    let deployment = Deployment::start_with(&[("records_keyring", "")]);
    let answer = deployment.expect(
        503,
        &Call::get("/v1/records/clients/cli_00000000000000000000000000/records").bearer("cfs_AAAA"),
    );
    assert_eq!(answer.problem(), Some("unavailable"));
    assert!(answer.header("retry-after").is_some());
    let practice = Practice::open(&deployment);
    deployment.expect(
        200,
        &Call::get("/v1/auth/sessions/current").bearer(&practice.admin.token),
    );
}

/// No function remembers a session: each looks it up for each request, so the end of one is the end of it everywhere.
#[test]
fn a_session_that_is_ended_is_over_on_the_next_request_of_every_function() {
    let deployment = Deployment::start();
    let practice = Practice::open(&deployment);
    let clinician = practice.join("dr.rivera@practice.example", &["clinician"], None);
    let client = practice.consenting_client(&clinician);
    let token = clinician.token.as_str();
    let routes = [
        "/v1/auth/sessions/current".to_owned(),
        "/v1/auth/accounts".to_owned(),
        format!("/v1/identity/clients/{client}"),
        format!("/v1/consent/clients/{client}"),
        format!("/v1/records/clients/{client}/records"),
        format!("/v1/billing/clients/{client}/invoices"),
        format!("/v1/exchange/clients/{client}/export"),
        "/v1/audit/events".to_owned(),
        "/v1/notify/messages".to_owned(),
    ];
    let status = |route: &String| deployment.send(&Call::get(route).bearer(token)).status;
    // Whether a clinician may read it is another question: she is known.
    let before: Vec<u16> = routes.iter().map(status).collect();
    assert!(
        before.iter().all(|status| [200, 403, 404].contains(status)),
        "{before:?}"
    );
    deployment.expect(204, &Call::delete("/v1/auth/sessions/current").bearer(token));
    let after: Vec<u16> = routes.iter().map(status).collect();
    assert_eq!(after, [401; 9]);
}

/// A front end of another origin is told what is wrong, by every function, where the operator has named it; no other page is.
#[test]
fn a_page_of_another_origin_reads_refusals_where_it_may() {
    const APP: &str = "https://app.practice.example";
    let deployment = Deployment::start_with(&[("cors_origins", APP)]);
    for path in [
        "/v1/auth/sessions",
        "/v1/auth/accounts",
        "/v1/identity/clients",
        "/v1/consent/clients/some",
        "/v1/records/clients/some/records",
        "/v1/billing/webhook-events",
        "/v1/exchange/everything",
        "/v1/audit/events",
        "/v1/notify/messages",
    ] {
        let may = |method: Method, origin| {
            let call = Call::new(method, path).header("origin", origin);
            let answer = deployment.send(&call.header("access-control-request-method", "GET"));
            let allowed = answer.header("access-control-allow-origin").map(str::to_owned);
            (answer.status, allowed)
        };
        assert_eq!(may(Method::OPTIONS, APP), (204, Some(APP.to_owned())), "{path}");
        let (status, allowed) = may(Method::GET, APP);
        assert!((401..=405).contains(&status), "{path}: {status}");
        assert_eq!(allowed.as_deref(), Some(APP), "{path}");
        for method in [Method::OPTIONS, Method::GET] {
            let (status, allowed) = may(method, "https://app.practice.example.attacker.example");
            assert!((401..=405).contains(&status), "{path}: {status}");
            assert_eq!(allowed, None, "{path}");
        }
    }
}
