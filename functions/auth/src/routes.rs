use http::Method;
use web::Route;

use crate::{
    confirmation, log_in, own_factors, passkey_log_in, password_change, reset, second_factor, service_log_in, sessions,
    step_up,
};

/// What this function answers.
pub const ROUTES: [Route; 33] = [
    Route::new(Method::POST, "/v1/auth/totp/confirm", confirmation::confirm_totp),
    Route::new(Method::POST, "/v1/auth/sessions", log_in::log_in),
    Route::new(Method::POST, "/v1/auth/log-ins/sms", second_factor::send_code),
    Route::new(Method::POST, "/v1/auth/log-ins/passkey", second_factor::passkey_options),
    Route::new(Method::POST, "/v1/auth/log-ins/complete", second_factor::complete),
    Route::new(Method::POST, "/v1/auth/passkeys/challenge", passkey_log_in::challenge),
    Route::new(Method::POST, "/v1/auth/passkeys/sessions", passkey_log_in::log_in),
    Route::new(Method::GET, "/v1/auth/sessions", sessions::list),
    Route::new(Method::DELETE, "/v1/auth/sessions", sessions::revoke_all).with_query(),
    Route::new(Method::GET, "/v1/auth/sessions/current", sessions::inspect),
    Route::new(Method::DELETE, "/v1/auth/sessions/current", sessions::log_out),
    Route::new(Method::POST, "/v1/auth/sessions/current/step-up", step_up::step_up),
    Route::new(
        Method::POST,
        "/v1/auth/sessions/current/step-up/sms",
        step_up::send_code,
    ),
    Route::new(
        Method::POST,
        "/v1/auth/sessions/current/step-up/passkey",
        step_up::passkey_options,
    ),
    Route::new(Method::DELETE, "/v1/auth/sessions/{session}", sessions::revoke),
    Route::new(Method::PUT, "/v1/auth/password", password_change::change),
    Route::new(Method::POST, "/v1/auth/password-resets", reset::ask),
    Route::new(Method::POST, "/v1/auth/password-resets/sms", reset::send_code),
    Route::new(Method::POST, "/v1/auth/password-resets/passkey", reset::passkey_options),
    Route::new(Method::POST, "/v1/auth/password-resets/confirm", reset::confirm),
    Route::new(Method::POST, "/v1/auth/recoveries/complete", reset::complete_recovery),
    Route::new(Method::POST, "/v1/auth/service-tokens", service_log_in::log_in),
    Route::new(Method::GET, "/v1/auth/factors", own_factors::list),
    Route::new(Method::POST, "/v1/auth/factors/totp", own_factors::begin_totp),
    Route::new(Method::POST, "/v1/auth/factors/totp/confirm", own_factors::confirm_totp),
    Route::new(Method::DELETE, "/v1/auth/factors/totp", own_factors::remove_totp),
    Route::new(Method::POST, "/v1/auth/factors/sms", own_factors::begin_sms),
    Route::new(Method::POST, "/v1/auth/factors/sms/confirm", own_factors::confirm_sms),
    Route::new(Method::DELETE, "/v1/auth/factors/sms", own_factors::remove_sms),
    Route::new(
        Method::POST,
        "/v1/auth/factors/passkeys/options",
        own_factors::passkey_options,
    ),
    Route::new(Method::POST, "/v1/auth/factors/passkeys", own_factors::add_passkey),
    Route::new(
        Method::DELETE,
        "/v1/auth/factors/passkeys/{passkey}",
        own_factors::remove_passkey,
    ),
    Route::new(
        Method::POST,
        "/v1/auth/factors/recovery-codes",
        own_factors::make_recovery_codes,
    ),
];
