//! What the trail says of what was told or refused: the entry that an answer names, and as what.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::rc::Rc;

use audit_trail::Decision;
use jiff::SignedDuration;
use notification::Template;
use practicekit::authenticator::Authenticator;
use practicekit::sweep::recorded_as;
use practicekit::{ADMIN, ADMIN_PASSWORD, Person, Practice, ZOE, code_by_sms, mailed_link, messages, other_code};
use serde_json::json;
use testkit::{Answer, Call};

const PHONE: &str = "+14155550123";
const NEW_PASSWORD: &str = "seven lanterns at dusk";

fn later(practice: &Practice) {
    practice.world.clock.advance(SignedDuration::from_secs(61));
}

/// The request is refused so, and the trail says so.
fn refused(practice: &Practice, call: &Call, problem: &str, rule: &str) {
    let answer = practice.send(call);
    assert_eq!(answer.problem(), Some(problem), "{}", answer.json);
    assert_eq!(
        recorded_as(practice, &answer),
        (rule.to_owned(), Decision::Denied),
        "{problem}"
    );
}

fn log_in_call(what: &str, begun: &Answer) -> Call {
    Call::post(
        format!("/v1/auth/log-ins/{what}"),
        &json!({"log_in": begun.text("log_in")}),
    )
}

/// A client who gets codes by SMS, and a session from before she did.
fn zoe_with_sms(seed: u64) -> (Practice, Person, String) {
    let (practice, ada) = Practice::open(seed);
    let zoe = practice.enrol_zoe(&ada);
    let [before, token] = [(), ()].map(|()| practice.password_alone(&zoe).text("token"));
    practice.register_sms(&token, PHONE);
    later(&practice);
    messages();
    (practice, zoe, before)
}

/// Whoever has the password, its owner or not.
#[test]
fn what_a_log_in_that_waits_is_told() {
    let (practice, ada) = Practice::open(901);
    let token = practice.log_in(&ada).text("token");
    let begun = practice.password_alone(&ada);
    refused(
        &practice,
        &log_in_call("passkey", &begun),
        "no-such-factor",
        "login.refused",
    );
    refused(
        &practice,
        &log_in_call("sms", &begun),
        "no-such-factor",
        "login.refused",
    );
    practice.register_passkey(&token, &mut Authenticator::new(1));
    let options = practice.send(&log_in_call("passkey", &begun));
    assert_eq!(options.json["allowCredentials"].as_array().unwrap().len(), 1);
    assert_eq!(
        recorded_as(&practice, &options),
        ("login.passkey-options".to_owned(), Decision::Allowed)
    );

    let (practice, zoe, _) = zoe_with_sms(902);
    let call = log_in_call("sms", &practice.password_alone(&zoe));
    let sent = practice.send(&call);
    assert_eq!(
        recorded_as(&practice, &sent),
        ("login.sms-code".to_owned(), Decision::Allowed)
    );
    refused(&practice, &call, "too-many-requests", "login.refused");
}

#[test]
fn what_a_link_does_not_do() {
    let (practice, ..) = zoe_with_sms(903);
    let link = |email: &str| {
        messages();
        let body = json!({"clinic_id": practice.clinic, "email": email});
        practice.send(&Call::post("/v1/auth/password-resets", &body));
        mailed_link(Template::PasswordReset)
    };
    let (adas, zoes) = (link(ADMIN), link(ZOE));
    let code = |link: &str| Call::post("/v1/auth/password-resets/sms", &json!({"token": link}));
    refused(&practice, &code(&adas), "no-such-factor", "reset.refused");
    assert_eq!(practice.send(&code(&zoes)).status, 202);
    refused(&practice, &code(&zoes), "too-many-requests", "reset.refused");
    let (_, digits) = code_by_sms();
    let confirm = |password: &str, digits: Option<&str>| {
        let body = json!({"token": zoes, "password": password, "sms_code": digits});
        Call::post("/v1/auth/password-resets/confirm", &body)
    };
    refused(
        &practice,
        &confirm(NEW_PASSWORD, None),
        "second-factor-required",
        "reset.refused",
    );
    refused(
        &practice,
        &confirm("short", Some(&digits)),
        "invalid-content",
        "reset.refused",
    );
    let done = practice.send(&confirm(NEW_PASSWORD, Some(&digits)));
    assert_eq!(
        recorded_as(&practice, &done),
        ("reset.confirmed".to_owned(), Decision::Allowed)
    );
}

#[test]
fn what_a_session_does_not_do() {
    const RULE: &str = "authenticator.refused";
    let (practice, _, before) = zoe_with_sms(904);
    let list = Call::get("/v1/auth/factors").bearer(&before);
    refused(&practice, &list, "step-up-required", RULE);

    let (practice, ada) = Practice::open(905);
    let zoe = practice.enrol_zoe(&ada);
    let zoes = practice.password_alone(&zoe).text("token");
    messages();
    practice.send(&Call::post("/v1/auth/factors/sms", &json!({"phone": PHONE})).bearer(&zoes));
    let (_, digits) = code_by_sms();
    let wrong = |what: &str, token: &str, code: &str| {
        Call::post(format!("/v1/auth/factors/{what}/confirm"), &json!({"code": code})).bearer(token)
    };
    refused(&practice, &wrong("sms", &zoes, other_code(&digits)), "wrong-code", RULE);
    for _ in 0..4 {
        practice.send(&wrong("sms", &zoes, other_code(&digits)));
    }
    refused(&practice, &wrong("sms", &zoes, &digits), "wrong-code", RULE);
    let token = practice.log_in(&ada).text("token");
    let phone = Call::post("/v1/auth/factors/sms", &json!({"phone": PHONE})).bearer(&token);
    refused(&practice, &phone, "sms-for-clients-only", RULE);
    let removal = Call::delete("/v1/auth/factors/totp").bearer(&token);
    refused(&practice, &removal, "last-second-factor", RULE);
    let codes = Call::post("/v1/auth/factors/recovery-codes", &json!({})).bearer(&zoes);
    refused(&practice, &codes.once("codes"), "no-second-factor", RULE);
    practice.send(&Call::post("/v1/auth/factors/totp", &json!({})).bearer(&token));
    refused(&practice, &wrong("totp", &token, "000000"), "wrong-code", RULE);

    let change = |current: &str| {
        let body = json!({"current": current, "new": NEW_PASSWORD});
        Call::put("/v1/auth/password", &body).bearer(&token)
    };
    for _ in 0..5 {
        refused(&practice, &change("hill walks 8"), "proof-refused", RULE);
    }
    // It is locked now.
    refused(&practice, &change(ADMIN_PASSWORD), "proof-refused", RULE);
}

/// Of two changes of the password at one time, at every operation: the one that comes late was let go on and is refused then.
#[test]
fn what_is_refused_after_it_was_allowed() {
    let mut refusals = 0;
    for nth in 0.. {
        let (practice, ada) = Practice::open(906);
        let practice = Rc::new(practice);
        let token = practice.log_in(&ada).text("token");
        let change = |new: &str| {
            let body = json!({"current": ADMIN_PASSWORD, "new": new});
            Call::put("/v1/auth/password", &body).bearer(&token)
        };
        let (rival, other) = (Rc::clone(&practice), change("two slow ferries"));
        practice.world.stores.meanwhile(nth, move || {
            rival.send(&other);
        });
        let answer = practice.send(&change(NEW_PASSWORD));
        let crossed = practice.world.stores.operations() > nth;
        practice.world.stores.disarm();
        if !crossed {
            break;
        }
        if answer.status == 403 {
            refusals += 1;
            let refused = ("authenticator.refused".to_owned(), Decision::Denied);
            assert_eq!(recorded_as(&practice, &answer), refused, "{nth}");
        }
    }
    assert!(refusals > 0);
}
