//! Passkeys as callers see them: added, used alone and as a second factor, taken away.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use jiff::SignedDuration;
use model::Function;
use practicekit::authenticator::Authenticator;
use practicekit::{Person, Practice, messages, race};
use serde_json::{Value, json};
use testkit::{Answer, Call};

const PASSKEYS: &str = "/v1/auth/factors/passkeys";
const LOG_IN: &str = "/v1/auth/passkeys/sessions";

/// Ada with a passkey beside her app, and her session.
fn ada_with_passkey(seed: u64) -> (Practice, Person, Authenticator, String) {
    let (practice, ada) = Practice::open(seed);
    let token = practice.log_in(&ada).text("token");
    let mut device = Authenticator::new(1);
    practice.register_passkey(&token, &mut device);
    messages();
    (practice, ada, device, token)
}

fn refused(answer: &Answer) {
    assert_eq!(
        (answer.status, answer.problem()),
        (401, Some("invalid-credentials")),
        "{}",
        answer.json
    );
}

#[test]
fn a_passkey_alone_is_a_log_in() {
    let (practice, _, mut device, token) = ada_with_passkey(201);
    let options = practice.send(&Call::post(
        "/v1/auth/passkeys/challenge",
        &json!({"clinic_id": practice.clinic}),
    ));
    assert_eq!(options.json["rpId"], "localhost");
    assert_eq!(options.json["allowCredentials"], json!([]), "it names nobody");
    let call = practice.passkey_alone(&mut device);
    let inside = practice.send(&call);
    assert_eq!(
        (inside.status, &inside.json["assurance"]),
        (201, &json!("multi_factor")),
        "{}",
        inside.json
    );
    assert!(practice.is_live(&inside.text("token")));
    refused(&practice.send(&call));

    let listed = practice.send(&Call::get("/v1/auth/factors").bearer(&token));
    let passkey = &listed.json["passkeys"][0];
    assert_eq!(
        (&passkey["name"], &passkey["backed_up"]),
        (&json!("Telephone"), &json!(false))
    );
    assert!(passkey["last_used_at"].is_string());
}

#[test]
fn what_is_wrong_with_a_passkey_is_told_to_nobody() {
    let (practice, ada, mut device, _) = ada_with_passkey(202);
    let call =
        |credential: &Value, clinic: &str| Call::post(LOG_IN, &json!({"clinic_id": clinic, "credential": credential}));
    let options = |practice: &Practice, clinic: &str| {
        practice
            .send(&Call::post(
                "/v1/auth/passkeys/challenge",
                &json!({"clinic_id": clinic}),
            ))
            .json
    };
    let clinic = practice.clinic.clone();
    let elsewhere = model::ClinicId::from_bytes([9; 16]).to_string();

    let unknown = Authenticator::new(2).get(&options(&practice, &clinic));
    refused(&practice.send(&call(&unknown, &clinic)));
    let mut somebody = device.get(&options(&practice, &clinic));
    somebody["response"]["userHandle"] = json!(data_encoding::BASE64URL_NOPAD.encode(&[7; 16]));
    refused(&practice.send(&call(&somebody, &clinic)));
    let of_another_clinic = device.get(&options(&practice, &elsewhere));
    refused(&practice.send(&call(&of_another_clinic, &clinic)));
    refused(&practice.send(&call(&of_another_clinic, &elsewhere)));
    let mut made_up = options(&practice, &clinic);
    made_up["challenge"] = json!(data_encoding::BASE64URL_NOPAD.encode(&[0; 32]));
    refused(&practice.send(&call(&device.get(&made_up), &clinic)));
    let for_a_log_in_that_waits = practice.password_alone(&ada).text("log_in");
    let asked = practice.send(&Call::post(
        "/v1/auth/log-ins/passkey",
        &json!({"log_in": for_a_log_in_that_waits}),
    ));
    refused(&practice.send(&call(&device.get(&asked.json), &clinic)));
    let late = device.get(&options(&practice, &clinic));
    practice.world.clock.advance(SignedDuration::from_mins(5));
    refused(&practice.send(&call(&late, &clinic)));
    let mut careless = device.copied();
    careless.verifies_user = false;
    refused(&practice.send(&call(&careless.get(&options(&practice, &clinic)), &clinic)));
    let mut phished = device.copied();
    phished.origin = "https://localhost.example.com".to_owned();
    refused(&practice.send(&call(&phished.get(&options(&practice, &clinic)), &clinic)));

    for (body, status) in [
        (json!({"clinic_id": clinic, "credential": {}}), 400),
        (json!({"clinic_id": clinic, "credential": "x"}), 400),
        (json!({"clinic_id": clinic}), 400),
    ] {
        assert_eq!(practice.send(&Call::post(LOG_IN, &body)).status, status);
    }
    assert_eq!(
        practice.send(&practice.passkey_alone(&mut device)).status,
        201,
        "and she gets in"
    );
}

#[test]
fn a_copied_authenticator_is_noticed() {
    let (practice, _, mut device, _) = ada_with_passkey(203);
    let mut copy = device.copied();
    assert_eq!(practice.send(&practice.passkey_alone(&mut device)).status, 201);
    assert_eq!(practice.send(&practice.passkey_alone(&mut device)).status, 201);
    refused(&practice.send(&practice.passkey_alone(&mut copy)));
}

#[test]
fn of_two_requests_with_one_assertion_one_is_let_in() {
    let prepare = |practice: &Practice, ada: &Person| {
        let token = practice.log_in(ada).text("token");
        let mut device = Authenticator::new(1);
        practice.register_passkey(&token, &mut device);
        let call = practice.passkey_alone(&mut device);
        (call.clone(), call)
    };
    race(204, prepare, |nth, one, other| {
        let statuses = [one.status, other.map_or(401, |other| other.status)];
        assert!(matches!(statuses, [201, 401] | [401, 201]), "{nth}: {statuses:?}");
    });
}

#[test]
fn a_passkey_beside_the_password() {
    let (practice, ada, mut device, _) = ada_with_passkey(205);
    let begun = practice.password_alone(&ada);
    assert_eq!(begun.json["second_factors"], json!(["passkey", "totp"]));
    let [log_in, other] = [begun.text("log_in"), practice.password_alone(&ada).text("log_in")];
    let options = |log_in: &str| practice.send(&Call::post("/v1/auth/log-ins/passkey", &json!({"log_in": log_in})));
    let asked = options(&log_in);
    assert_eq!(asked.json["allowCredentials"].as_array().unwrap().len(), 1);
    let credential = device.get(&asked.json);
    let complete = |log_in: &str, credential: &Value| {
        practice.send(&Call::post(
            "/v1/auth/log-ins/complete",
            &json!({"log_in": log_in, "passkey": credential}),
        ))
    };
    refused(&complete(&other, &credential));
    let inside = complete(&log_in, &credential);
    assert_eq!(
        (inside.status, &inside.json["assurance"]),
        (201, &json!("multi_factor")),
        "{}",
        inside.json
    );
    assert_eq!(complete(&log_in, &credential).problem(), Some("log-in-over"));
    assert_eq!(options(&log_in).problem(), Some("log-in-over"));
    assert_eq!(complete(&other, &json!({})).status, 400);
    let begun_anew = device.get(&options(&other).json);
    assert_eq!(complete(&other, &begun_anew).status, 201);
}

#[test]
fn nobody_is_locked_out_of_a_passkey() {
    let (practice, ada, mut device, _) = ada_with_passkey(206);
    for _ in 0..8 {
        practice.send(&practice.credentials(ada.email, "guess", None));
    }
    practice.world.clock.advance(SignedDuration::from_secs(30));
    let right = practice.credentials(ada.email, ada.password, Some(&practice.code(&ada)));
    assert_eq!(practice.send(&right).status, 401, "locked");
    assert_eq!(practice.send(&practice.passkey_alone(&mut device)).status, 201);
}

#[test]
fn staff_enrol_with_a_passkey_instead_of_an_app() {
    let (practice, ada) = Practice::open(207);
    let ben = practice.enrol_ben(&ada);
    let token = practice.password_alone(&ben).text("token");
    let mut device = Authenticator::new(3);
    practice.register_passkey(&token, &mut device);
    let inside = practice.send(&practice.passkey_alone(&mut device));
    assert_eq!(inside.json["assurance"], json!("multi_factor"), "{}", inside.json);
    assert_eq!(practice.password_alone(&ben).json["second_factors"], json!(["passkey"]));
    // Whoever has the password and the secret from enrolment does not get round the passkey.
    assert_eq!(practice.send(&practice.confirmation(&ben)).status, 401);
}

#[test]
fn adding_is_told_once_and_repeated_without_harm() {
    let (practice, ada) = Practice::open(208);
    let token = practice.log_in(&ada).text("token");
    messages();
    let mut device = Authenticator::new(1);
    let body = json!({"name": "Telephone", "credential": practice.created(&token, &mut device)});
    let call = Call::post(PASSKEYS, &body).bearer(&token);
    let first = practice.send(&call);
    assert_eq!(first.status, 201, "{}", first.json);
    assert_eq!(practice.send(&call).json, first.json);
    let told = messages();
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0].content,
        notification::Content::FactorAdded {
            factor: notification::Factor::Passkey
        }
    );
    let path = format!("{PASSKEYS}/{}", first.text("id"));
    assert_eq!(practice.send(&Call::delete(path).bearer(&token)).status, 204);
    // What was taken away does not come back with the answer that once added it.
    let again = practice.send(&call);
    assert_eq!(
        (again.status, &again.json["errors"][0]["rule"]),
        (422, &json!("challenge"))
    );
}

#[test]
fn what_is_wrong_with_a_new_passkey_is_told_to_its_owner() {
    let (practice, ada) = Practice::open(209);
    let token = practice.log_in(&ada).text("token");
    let other_token = practice.log_in(&ada).text("token");
    let add = |token: &str, name: &str, credential: &Value| {
        let body = json!({"name": name, "credential": credential});
        let answer = practice.send(&Call::post(PASSKEYS, &body).bearer(token));
        let error = &answer.json["errors"][0];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (answer.status, text(&error["field"]), text(&error["rule"]))
    };
    let refusal = |status: u16, field: &str, rule: &str| (status, field.to_owned(), rule.to_owned());
    let mut device = Authenticator::new(1);
    let mut careless = Authenticator::new(2);
    careless.verifies_user = false;
    let mut phished = Authenticator::new(3);
    phished.origin = "https://example.com".to_owned();
    let right = practice.created(&token, &mut device);
    let mut broken = right.clone();
    broken["response"]["attestationObject"] = json!("AAAA");
    for (token, name, credential, expected) in [
        (&token, "", right.clone(), refusal(422, "/name", "length")),
        (
            &other_token,
            "x",
            right.clone(),
            refusal(422, "/credential", "challenge"),
        ),
        (
            &token,
            "x",
            practice.created(&token, &mut careless),
            refusal(422, "/credential", "user-verification"),
        ),
        (
            &token,
            "x",
            practice.created(&token, &mut phished),
            refusal(422, "/credential", "origin"),
        ),
        (
            &token,
            "x",
            broken,
            refusal(400, "/credential/response/attestationObject", "webauthn"),
        ),
        (
            &token,
            "x",
            json!({"id": 1}),
            refusal(400, "/credential/type", "webauthn"),
        ),
        (&token, "x", right, refusal(201, "", "")),
    ] {
        assert_eq!(add(token, name, &credential), expected);
    }
    for number in 10..19 {
        practice.register_passkey(&token, &mut Authenticator::new(number));
    }
    let one_more = practice.created(&token, &mut Authenticator::new(19));
    assert_eq!(add(&token, "x", &one_more).0, 409);
}

#[test]
fn a_deployment_without_a_domain_says_so_to_its_operator() {
    let (practice, ada) = Practice::open(210);
    let token = practice.log_in(&ada).text("token");
    for (id, origins, line) in [
        ("", "http://localhost:3000", "`rp_id`"),
        ("localhost", " ", "`origins`"),
        ("localhost", "https://example.org", "name no relying party"),
        ("org", "https://example.org", "name no relying party"),
    ] {
        practice.world.set(Function::Auth, "rp_id", id);
        practice.world.set(Function::Auth, "origins", origins);
        for call in [
            Call::post("/v1/auth/passkeys/challenge", &json!({"clinic_id": practice.clinic})),
            Call::post("/v1/auth/factors/passkeys/options", &json!({})).bearer(&token),
        ] {
            let answer = practice.send(&call);
            assert_eq!(
                (answer.status, answer.problem()),
                (503, Some("unavailable")),
                "{id} {origins}"
            );
            let log = practice.world.log();
            assert!(log.last().unwrap().contains(line), "{log:?}");
        }
    }
}

/// Who is wrong on purpose in a clinic's network keeps nobody's passkey out there, and gets no more wrong ones looked at than guesses.
#[test]
fn a_network_that_is_wrong_too_often_may_still_use_passkeys() {
    let (practice, ada, mut device, token) = ada_with_passkey(212);
    let log_in = practice.password_alone(&ada).text("log_in");
    let minute = SignedDuration::from_mins(1);
    practice.world.clock.advance(minute);
    let statuses: Vec<u16> = (0..51)
        .map(|_| practice.complete("x", "totp", "000000").status)
        .collect();
    assert_eq!(statuses, [[401; 50].as_slice(), &[429]].concat());
    practice.world.clock.advance(minute);
    assert_eq!(practice.send(&practice.log_in_call(&ada)).status, 429);

    let options = |path: &str, body: &Value| practice.send(&Call::post(path, body).bearer(&token)).json;
    let waiting = json!({"log_in": log_in});
    let shown = device.get(&options("/v1/auth/log-ins/passkey", &waiting));
    let complete = |credential: &Value| {
        let body = json!({"log_in": log_in, "passkey": credential});
        practice.send(&Call::post("/v1/auth/log-ins/complete", &body)).status
    };
    let step_up = |credential: &Value| {
        let body = json!({"passkey": credential});
        let call = Call::post("/v1/auth/sessions/current/step-up", &body);
        practice.send(&call.bearer(&token)).status
    };
    let proof = device.get(&options("/v1/auth/sessions/current/step-up/passkey", &json!({})));
    let alone = practice.passkey_alone(&mut device);
    assert_eq!(complete(&shown), 201);
    assert_eq!(step_up(&proof), 200);
    assert_eq!(practice.send(&alone).status, 201);

    // Each is used up, and so refused: beyond the limit that is all that is said of it.
    assert_eq!(practice.send(&alone).status, 429);
    assert_eq!(complete(&shown), 429);
    // Its token was replaced with it.
    assert_eq!(step_up(&proof), 401);
}

#[test]
fn a_passkey_that_is_refused_is_a_failure_of_the_network() {
    let (practice, ada, mut device, token) = ada_with_passkey(213);
    let alone = practice.passkey_alone(&mut device);
    assert_eq!(practice.send(&alone).status, 201);
    let body = json!({"clinic_id": practice.clinic});
    let of_a_log_in = practice.send(&Call::post("/v1/auth/passkeys/challenge", &body));
    let proof = device.get(&of_a_log_in.json);
    let proof = Call::post("/v1/auth/sessions/current/step-up", &json!({"passkey": proof})).bearer(&token);
    practice.world.clock.advance(SignedDuration::from_mins(1));
    for _ in 0..25 {
        refused(&practice.send(&alone));
        assert_eq!(practice.send(&proof).status, 403);
    }
    assert_eq!(practice.send(&alone).status, 429);
    practice.world.clock.advance(SignedDuration::from_mins(1));
    assert_eq!(practice.send(&practice.log_in_call(&ada)).status, 429);
    practice.world.clock.advance(SignedDuration::from_mins(14));
    practice.log_in(&ada);
}
