//! What this function takes and answers, for `docs/openapi/auth.json`.

use http::StatusCode;
use openapi::Operation;
use webauthn::{CreationOptions, RequestOptions};

use crate::own_factors::{ListAnswer as OwnFactors, passkeys, recovery_codes, sms, totp};
use crate::sms_codes::SentAnswer;
use crate::{
    confirmation, log_in, opening, passkey_log_in, password_change, reset, second_factor, service_log_in, sessions,
    step_up,
};

/// Answers a session that has begun, with its token.
fn begins(operation: Operation) -> Operation {
    operation
        .answers::<opening::SessionAnswer<'_>>(StatusCode::CREATED)
        .located()
        .rate_limited()
}

/// Answers a session that has begun, with its token or as a cookie.
fn begins_as_wanted(operation: Operation) -> Operation {
    begins(operation).with_optional_header(
        "Set-Cookie",
        "The session, where the `transport` that was asked for is `cookie`",
    )
}

fn log_ins() -> Vec<Operation> {
    vec![
        Operation::post("/v1/auth/totp/confirm", "Confirms the app from enrolment")
            .open()
            .body::<confirmation::ConfirmBody>()
            .answers_nothing(StatusCode::NO_CONTENT)
            .rate_limited(),
        begins_as_wanted(
            Operation::post("/v1/auth/sessions", "Logs in with a password")
                .open()
                .body::<log_in::LogInBody>(),
        )
        .answers::<log_in::PendingAnswer>(StatusCode::ACCEPTED)
        .rate_limited(),
        Operation::post("/v1/auth/log-ins/sms", "Sends a code for a log-in that waits")
            .open()
            .body::<second_factor::LogInBody>()
            .answers::<SentAnswer>(StatusCode::ACCEPTED)
            .rate_limited(),
        Operation::post(
            "/v1/auth/log-ins/passkey",
            "Options of `navigator.credentials.get()` for a log-in that waits",
        )
        .open()
        .body::<second_factor::LogInBody>()
        .answers::<RequestOptions<'_>>(StatusCode::OK)
        .rate_limited(),
        begins_as_wanted(
            Operation::post(
                "/v1/auth/log-ins/complete",
                "Completes a log-in that waits with a second factor",
            )
            .open()
            .body::<second_factor::CompletionBody>(),
        ),
        Operation::post(
            "/v1/auth/passkeys/challenge",
            "Options of `navigator.credentials.get()` to log in with a passkey alone",
        )
        .open()
        .body::<passkey_log_in::ChallengeBody>()
        .answers::<RequestOptions<'_>>(StatusCode::OK)
        .rate_limited(),
        begins_as_wanted(
            Operation::post("/v1/auth/passkeys/sessions", "Logs in with a passkey alone")
                .open()
                .body::<passkey_log_in::PasskeyBody>(),
        ),
    ]
}

fn own_sessions() -> Vec<Operation> {
    vec![
        Operation::get("/v1/auth/sessions", "Own live sessions, the newest first")
            .purpose()
            .answers::<sessions::ListAnswer>(StatusCode::OK),
        Operation::delete("/v1/auth/sessions", "Ends own sessions: all others, or all")
            .purpose()
            .query::<sessions::RevokeAllQuery>()
            .answers_nothing(StatusCode::NO_CONTENT),
        Operation::get("/v1/auth/sessions/current", "This session")
            .purpose()
            .answers::<sessions::CurrentAnswer<'_>>(StatusCode::OK),
        Operation::delete("/v1/auth/sessions/current", "Logs out")
            .purpose()
            .answers_nothing(StatusCode::NO_CONTENT)
            .with_header("Set-Cookie", "Takes the session's cookie away"),
        Operation::post(
            "/v1/auth/sessions/current/step-up",
            "Proves again to be there, for what needs a recent proof; the token so far is over",
        )
        .purpose()
        .body::<step_up::StepUpBody>()
        .answers::<step_up::StepUpAnswer>(StatusCode::OK)
        .rate_limited()
        .with_optional_header("Set-Cookie", "The session, where the request had it as a cookie"),
        Operation::post("/v1/auth/sessions/current/step-up/sms", "Sends a code for a step-up")
            .purpose()
            .answers::<SentAnswer>(StatusCode::ACCEPTED),
        Operation::post(
            "/v1/auth/sessions/current/step-up/passkey",
            "Options of `navigator.credentials.get()` for a step-up",
        )
        .purpose()
        .answers::<RequestOptions<'_>>(StatusCode::OK),
        Operation::delete("/v1/auth/sessions/{session}", "Ends one of the own sessions")
            .purpose()
            .answers_nothing(StatusCode::NO_CONTENT),
    ]
}

fn passwords() -> Vec<Operation> {
    vec![
        Operation::put("/v1/auth/password", "Sets another password; all other sessions end")
            .purpose()
            .body::<password_change::PasswordBody>()
            .answers_nothing(StatusCode::NO_CONTENT)
            .rate_limited(),
        Operation::post(
            "/v1/auth/password-resets",
            "Has a link mailed to who has forgotten the password",
        )
        .open()
        .body::<reset::ResetBody>()
        .answers::<reset::AskedAnswer>(StatusCode::ACCEPTED)
        .rate_limited(),
        Operation::post("/v1/auth/password-resets/sms", "Sends a code for a reset")
            .open()
            .body::<reset::LinkBody>()
            .answers::<SentAnswer>(StatusCode::ACCEPTED)
            .rate_limited(),
        Operation::post(
            "/v1/auth/password-resets/passkey",
            "Options of `navigator.credentials.get()` for a reset",
        )
        .open()
        .body::<reset::LinkBody>()
        .answers::<reset::PasskeyAnswer<'_>>(StatusCode::OK)
        .rate_limited(),
        Operation::post(
            "/v1/auth/password-resets/confirm",
            "Sets another password with the link",
        )
        .open()
        .body::<reset::ConfirmBody>()
        .answers_nothing(StatusCode::NO_CONTENT)
        .rate_limited(),
        Operation::post(
            "/v1/auth/recoveries/complete",
            "Chooses a password with the link of a recovery",
        )
        .open()
        .body::<reset::RecoveryBody>()
        .answers_nothing(StatusCode::NO_CONTENT)
        .rate_limited(),
        begins(
            Operation::post("/v1/auth/service-tokens", "Logs a service identity in")
                .open()
                .body::<service_log_in::TokenBody>(),
        ),
    ]
}

fn own_factors() -> Vec<Operation> {
    vec![
        Operation::get("/v1/auth/factors", "Own second factors")
            .purpose()
            .answers::<OwnFactors>(StatusCode::OK),
        Operation::post("/v1/auth/factors/totp", "A fresh secret for an authenticator app")
            .purpose()
            .answers::<totp::SecretAnswer>(StatusCode::OK),
        Operation::post("/v1/auth/factors/totp/confirm", "Confirms the app")
            .purpose()
            .body::<totp::ConfirmBody>()
            .answers_nothing(StatusCode::NO_CONTENT)
            .rate_limited(),
        Operation::delete("/v1/auth/factors/totp", "Takes the app away")
            .purpose()
            .answers_nothing(StatusCode::NO_CONTENT),
        Operation::post("/v1/auth/factors/sms", "Sends a code to a number that is to be added")
            .purpose()
            .body::<sms::PhoneBody>()
            .answers::<SentAnswer>(StatusCode::ACCEPTED),
        Operation::post("/v1/auth/factors/sms/confirm", "Confirms the number")
            .purpose()
            .body::<sms::ConfirmBody>()
            .answers_nothing(StatusCode::NO_CONTENT),
        Operation::delete("/v1/auth/factors/sms", "Takes the number away")
            .purpose()
            .answers_nothing(StatusCode::NO_CONTENT),
        Operation::post(
            "/v1/auth/factors/passkeys/options",
            "Options of `navigator.credentials.create()` for a passkey that is to be added",
        )
        .purpose()
        .answers::<CreationOptions<'_>>(StatusCode::OK),
        Operation::post("/v1/auth/factors/passkeys", "Adds a passkey")
            .purpose()
            .body::<passkeys::PasskeyBody>()
            .answers::<passkeys::PasskeyAnswer>(StatusCode::CREATED),
        Operation::delete("/v1/auth/factors/passkeys/{passkey}", "Takes a passkey away")
            .purpose()
            .answers_nothing(StatusCode::NO_CONTENT),
        Operation::post(
            "/v1/auth/factors/recovery-codes",
            "Makes ten recovery codes in the place of those before",
        )
        .purpose()
        .idempotent()
        .answers::<recovery_codes::CodesAnswer>(StatusCode::OK),
    ]
}

#[test]
fn the_document_is_current() {
    let operations = [log_ins(), own_sessions(), passwords(), own_factors()].concat();
    openapi::assert_current("auth", &crate::ROUTES, &operations);
}
