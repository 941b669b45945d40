//! What people really prove themselves with: a browser's passkey, and an authenticator app that is not ours.
//!
//! They need programs that `cargo` does not bring (Debian: `chromium`, `chromium-driver`, `oathtool`), so they run on demand:
//! `cargo test -p confide-tests --test real_authenticators -- --ignored`.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod browser;
mod front_end;

use std::process::Command;

use confide_tests::{Deployment, PASSWORD, Practice};
use serde_json::json;
use testkit::Call;

use crate::browser::Browser;
use crate::front_end::FrontEnd;

#[test]
#[ignore = "needs chromium and chromedriver"]
fn chromium_registers_a_passkey_and_logs_in_with_it_alone() {
    let front_end = FrontEnd::bind();
    let origin = front_end.origin.clone();
    let deployment = Deployment::start_with(&[("auth_rp_id", "localhost"), ("auth_origins", &origin)]);
    front_end.serve(&deployment.url());
    let practice = Practice::open(&deployment);
    let clinic = practice.clinic.to_string();
    let browser = Browser::start();
    browser.open(&origin);

    let registered = browser.call("register", &[&practice.admin.token, "Test device"]);
    assert_eq!(registered["status"], 201, "{registered}");
    let factors = deployment.expect(200, &Call::get("/v1/auth/factors").bearer(&practice.admin.token));
    assert_eq!(factors.json["passkeys"][0]["name"], "Test device", "{}", factors.json);

    let session = browser.call("logIn", &[&clinic]);
    assert_eq!(session["status"], 201, "{session}");
    let token = session["body"]["token"].as_str().unwrap();
    let current = deployment.expect(200, &Call::get("/v1/auth/sessions/current").bearer(token));
    assert_eq!(current.json["account_id"], practice.admin.account.to_string());
    assert_eq!(current.json["assurance"], "multi_factor");

    // What the browser sent is good once.
    let replay = Call::post(
        "/v1/auth/passkeys/sessions",
        &json!({"clinic_id": clinic, "credential": session["credential"]}),
    );
    deployment.expect(401, &replay);
    // And a page of another origin gets nothing that is good here.
    browser.open(&origin.replace("localhost", "127.0.0.1"));
    let elsewhere = browser.call("logIn", &[&clinic]);
    assert!(elsewhere["error"].is_string(), "{elsewhere}");
}

/// The code that OATH Toolkit shows, some time from now.
fn oathtool(secret: &str, when: &str) -> String {
    let shown = Command::new("oathtool")
        .args(["--totp", "--base32", &format!("--now={when}"), secret])
        .output()
        .expect("oathtool is installed (Debian: oathtool)");
    let code = String::from_utf8(shown.stdout).unwrap();
    code.trim().to_owned()
}

#[test]
#[ignore = "needs oathtool"]
fn codes_of_oathtool_log_in_once() {
    let deployment = Deployment::start();
    let email = "ada@practice.example";
    let opened = deployment.expect(
        201,
        &Call::post(
            "/v1/auth/clinics",
            &json!({
                "code": *deployment.home.bootstrap_code().unwrap(),
                "clinic": {"name": "Quayside Practice"},
                "administrator": {"email": email, "display_name": "Ada Administrator", "password": PASSWORD},
            }),
        ),
    );
    let secret = opened.json["totp"]["secret"].as_str().unwrap();
    let credentials = |field: &str, code: String| {
        let mut body = json!({"clinic_id": opened.text("clinic_id"), "email": email, "password": PASSWORD});
        body[field] = code.into();
        body
    };
    // The codes of now and of the step that comes: should the step end meanwhile, both are still within the drift.
    let confirmation = credentials("code", oathtool(secret, "now"));
    deployment.expect(204, &Call::post("/v1/auth/totp/confirm", &confirmation));
    let log_in = Call::post(
        "/v1/auth/sessions",
        &credentials("totp", oathtool(secret, "+30 seconds")),
    );
    deployment.expect(201, &log_in);
    deployment.expect(401, &log_in);
    // A code that is too early is refused like any other.
    let early = credentials("totp", oathtool(secret, "+120 seconds"));
    deployment.expect(401, &Call::post("/v1/auth/sessions", &early));
}
