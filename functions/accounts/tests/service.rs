//! What schedulers log in with.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use jiff::SignedDuration;
use practicekit::{Practice, messages};
use serde_json::json;
use testkit::{Answer, Call};

const IDENTITIES: &str = "/v1/auth/service-identities";

fn make_call(token: &str, key: &str) -> Call {
    Call::post(IDENTITIES, &json!({"name": "nightly jobs", "role": "job"}))
        .bearer(token)
        .once(key)
}

fn make(practice: &Practice, token: &str, key: &str) -> Answer {
    let made = practice.send(&make_call(token, key));
    assert_eq!(made.status, 201, "{}", made.json);
    made
}

fn log_in(practice: &Practice, secret: &str) -> Answer {
    practice.send(&Call::post("/v1/auth/service-tokens", &json!({"secret": secret})))
}

#[test]
fn a_secret_opens_short_sessions_of_role_job() {
    let (practice, ada) = Practice::open(101);
    let token = practice.log_in(&ada).text("token");
    let made = make(&practice, &token, "one");
    let secret = made.text("secret");
    assert!(secret.starts_with("cfx_"));
    let session = log_in(&practice, &secret);
    assert_eq!(
        (session.status, &session.json["roles"]),
        (201, &json!(["job"])),
        "{}",
        session.json
    );
    assert_eq!(session.json.get("suggested"), None);
    let token_of_job = session.text("token");
    assert!(practice.is_live(&token_of_job));
    practice.world.clock.advance(SignedDuration::from_secs(599));
    assert!(practice.is_live(&token_of_job));
    practice.world.clock.advance(SignedDuration::from_secs(2));
    assert!(!practice.is_live(&token_of_job), "ten minutes, however much it is used");

    let stored = format!("{:?}", practice.world.stores.dump());
    assert!(
        !stored.contains(&secret)
            && messages()
                .iter()
                .all(|message| !format!("{message:?}").contains("cfx_"))
    );
}

#[test]
fn a_job_runs_jobs_and_nothing_else() {
    let (practice, ada) = Practice::open(102);
    let token = practice.log_in(&ada).text("token");
    let secret = make(&practice, &token, "one").text("secret");
    let job = log_in(&practice, &secret).text("token");
    for call in [
        Call::get("/v1/auth/accounts"),
        Call::get("/v1/auth/factors"),
        Call::post("/v1/auth/factors/totp", &json!({})),
        Call::post(IDENTITIES, &json!({"name": "another", "role": "job"})).once("two"),
        Call::put(
            "/v1/auth/password",
            &json!({"current": "whatever it is", "new": "something else"}),
        ),
    ] {
        assert_eq!(practice.send(&call.bearer(&job)).problem(), Some("access-denied"));
    }
}

#[test]
fn only_a_clinic_admin_who_proved_it_lately_makes_and_deletes() {
    let (practice, ada) = Practice::open(103);
    let token = practice.log_in(&ada).text("token");
    let made = make(&practice, &token, "one");
    let path = format!("{IDENTITIES}/{}", made.text("service_identity_id"));
    let zoe = practice.enrol_zoe(&ada);
    let zoes = practice.password_alone(&zoe).text("token");
    practice.world.clock.advance(SignedDuration::from_mins(6));
    for (token, problem) in [(&token, "step-up-required"), (&zoes, "access-denied")] {
        assert_eq!(practice.send(&make_call(token, "two")).problem(), Some(problem));
        assert_eq!(
            practice.send(&Call::delete(&path).bearer(token)).problem(),
            Some(problem)
        );
    }
    let token = practice.log_in(&ada).text("token");
    for (body, status) in [
        (json!({"name": "x", "role": "clinic_admin"}), 422),
        (json!({"name": "", "role": "job"}), 422),
        (json!({"name": "x"}), 400),
    ] {
        let call = Call::post(IDENTITIES, &body).bearer(&token).once("three");
        assert_eq!(practice.send(&call).status, status);
    }
    let accounts = practice.send(&Call::get("/v1/auth/accounts").bearer(&token));
    let person = accounts.json["accounts"][0]["account_id"].as_str().unwrap();
    let wrong = practice.send(&Call::delete(format!("{IDENTITIES}/{person}")).bearer(&token));
    assert_eq!(wrong.problem(), Some("not-a-service-identity"));
}

#[test]
fn rotation_is_another_one_and_the_old_one_deleted() {
    let (practice, ada) = Practice::open(104);
    let token = practice.log_in(&ada).text("token");
    let old = make(&practice, &token, "old");
    let job = log_in(&practice, &old.text("secret")).text("token");
    let new = make(&practice, &token, "new").text("secret");
    let path = format!("{IDENTITIES}/{}", old.text("service_identity_id"));
    for _ in 0..2 {
        let deleted = practice.send(&Call::delete(&path).bearer(&token));
        assert_eq!(deleted.status, 204, "{}", deleted.json);
    }
    assert!(!practice.is_live(&job), "its sessions end at once");
    assert_eq!(log_in(&practice, &old.text("secret")).problem(), Some("invalid-secret"));
    assert_eq!(log_in(&practice, &new).status, 201);
    let listed = practice.send(&Call::get(IDENTITIES).bearer(&token));
    let active: Vec<_> = listed.json["service_identities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|identity| identity["active"].clone())
        .collect();
    assert_eq!(active, [json!(true), json!(false)]);
}

#[test]
fn what_is_wrong_is_one_answer_and_limited_by_network() {
    let (practice, ada) = Practice::open(105);
    let token = practice.log_in(&ada).text("token");
    let secret = make(&practice, &token, "one").text("secret");
    let wrong = format!(
        "{}{}",
        &secret[..secret.len() - 2],
        if secret.ends_with("AA") { "BB" } else { "AA" }
    );
    let answers: Vec<_> = ["", "cfx_", "cfs_AAAA", wrong.as_str()]
        .map(|secret| log_in(&practice, secret))
        .into();
    for answer in &answers {
        assert_eq!((answer.status, answer.problem()), (401, Some("invalid-secret")));
    }
    let last = (0..60).map(|_| log_in(&practice, &wrong).status).last();
    assert_eq!(last, Some(429));
}

#[test]
fn sessions_stay_few() {
    let (practice, ada) = Practice::open(106);
    let token = practice.log_in(&ada).text("token");
    let secret = make(&practice, &token, "one").text("secret");
    let tokens: Vec<String> = (0..12).map(|_| log_in(&practice, &secret).text("token")).collect();
    assert_eq!(tokens.iter().filter(|token| practice.is_live(token)).count(), 8);
}
