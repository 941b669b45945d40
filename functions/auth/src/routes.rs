use http::Method;
use web::Route;

use crate::{enrolment, invitations, log_in, sessions};

/// What this function answers.
pub const ROUTES: [Route; 11] = [
    Route::new(Method::POST, "/v1/auth/clinics", enrolment::open_clinic),
    Route::new(Method::POST, "/v1/auth/invitations", invitations::invite),
    Route::new(Method::GET, "/v1/auth/invitations", invitations::list),
    Route::new(Method::POST, "/v1/auth/invitations/accept", enrolment::accept),
    Route::new(Method::DELETE, "/v1/auth/invitations/{invitation}", invitations::revoke),
    Route::new(Method::POST, "/v1/auth/totp/confirm", log_in::confirm_totp),
    Route::new(Method::POST, "/v1/auth/sessions", log_in::log_in),
    Route::new(Method::GET, "/v1/auth/sessions", sessions::list),
    Route::new(Method::GET, "/v1/auth/sessions/current", sessions::inspect),
    Route::new(Method::DELETE, "/v1/auth/sessions/current", sessions::log_out),
    Route::new(Method::DELETE, "/v1/auth/sessions/{session}", sessions::revoke),
];
