//! Outages of ours while somebody shows what is right: they are no failures of hers, and lock nothing.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use jiff::SignedDuration;
use notification::Template;
use practicekit::sweep::outlast;
use practicekit::{ADMIN, Person, Practice, ZOE, code_by_sms, mailed_link, messages};
use serde_json::json;
use testkit::Call;

const PHONE: &str = "+14155550123";

fn minute(practice: &Practice) {
    practice.world.clock.advance(SignedDuration::from_mins(1));
}

/// A client who gets codes by SMS.
fn zoe_with_sms(seed: u64) -> (Practice, Person) {
    let (practice, ada) = Practice::open(seed);
    let zoe = practice.enrol_zoe(&ada);
    let token = practice.password_alone(&zoe).text("token");
    practice.register_sms(&token, PHONE);
    minute(&practice);
    messages();
    (practice, zoe)
}

#[test]
fn a_log_in_outlasts_them() {
    let (practice, ada) = Practice::open(501);
    minute(&practice);
    outlast(&practice, "audit", || practice.password_alone(&ada));
    let log_in = practice.password_alone(&ada).text("log_in");
    outlast(&practice, "audit", || {
        practice.complete(&log_in, "totp", &practice.code(&ada))
    });
    minute(&practice);
    outlast(&practice, "audit", || practice.send(&practice.log_in_call(&ada)));
}

#[test]
fn a_code_by_sms_outlasts_them() {
    let (practice, zoe) = zoe_with_sms(502);
    let log_in = practice.password_alone(&zoe).text("log_in");
    let send = Call::post("/v1/auth/log-ins/sms", &json!({"log_in": log_in}));
    assert_eq!(practice.send(&send).status, 202);
    let (_, code) = code_by_sms();
    outlast(&practice, "audit", || practice.complete(&log_in, "sms_code", &code));
}

#[test]
fn a_step_up_outlasts_them() {
    let (practice, ada) = Practice::open(503);
    let zoe = practice.enrol_zoe(&ada);
    let token = practice.password_alone(&zoe).text("token");
    let step_up = Call::post("/v1/auth/sessions/current/step-up", &json!({"password": zoe.password}));
    let step_up = step_up.bearer(&token);
    outlast(&practice, "sessions swap", || practice.send(&step_up));
}

#[test]
fn a_reset_outlasts_them() {
    let link = |practice: &Practice, email: &str| {
        messages();
        let body = json!({"clinic_id": practice.clinic, "email": email});
        assert_eq!(
            practice.send(&Call::post("/v1/auth/password-resets", &body)).status,
            202
        );
        mailed_link(Template::PasswordReset)
    };
    let confirm = |practice: &Practice, token: &str, factor: &str, code: &str| {
        let body = json!({"token": token, "password": "seven lanterns at dusk", factor: code});
        practice.send(&Call::post("/v1/auth/password-resets/confirm", &body))
    };
    let (practice, ada) = Practice::open(504);
    let token = link(&practice, ADMIN);
    minute(&practice);
    let code = practice.code(&ada);
    outlast(&practice, "outbound", || confirm(&practice, &token, "totp", &code));
    // Followed once more, by what the link has set.
    outlast(&practice, "audit", || confirm(&practice, &token, "totp", &code));

    let (practice, _) = zoe_with_sms(505);
    let token = link(&practice, ZOE);
    let send = Call::post("/v1/auth/password-resets/sms", &json!({"token": token}));
    assert_eq!(practice.send(&send).status, 202);
    let (_, code) = code_by_sms();
    outlast(&practice, "outbound", || confirm(&practice, &token, "sms_code", &code));
}

#[test]
fn confirming_a_factor_outlasts_them() {
    let (practice, ada) = Practice::open(506);
    let zoe = practice.enrol_zoe(&ada);
    let token = practice.password_alone(&zoe).text("token");
    let confirm = practice.sms_confirmation(&token, PHONE);
    outlast(&practice, "outbound", || practice.send(&confirm));

    let (practice, ada) = Practice::open(507);
    let zoe = practice.enrol_zoe(&ada);
    for operation in ["audit", "outbound"] {
        // That she has logged in makes the app one to be told of.
        assert_eq!(practice.password_alone(&zoe).status, 201);
        let before = practice.world.stores.dump();
        outlast(&practice, operation, || practice.send(&practice.confirmation(&zoe)));
        practice.world.stores.restore(&before);
    }
}
