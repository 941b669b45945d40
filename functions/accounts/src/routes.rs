use http::Method;
use web::Route;

use crate::{
    access_review, administration, directory, email_change, enrolment, invitations, profile, recoveries, registration,
    service,
};

/// What this function answers.
pub const ROUTES: [Route; 36] = [
    Route::new(Method::POST, "/v1/auth/clinics", enrolment::open_clinic),
    Route::new(Method::POST, "/v1/auth/invitations", invitations::invite),
    Route::new(Method::GET, "/v1/auth/invitations", invitations::list).with_query(),
    Route::new(Method::POST, "/v1/auth/invitations/accept", enrolment::accept),
    Route::new(Method::DELETE, "/v1/auth/invitations/{invitation}", invitations::revoke),
    Route::new(Method::GET, "/v1/auth/accounts", administration::list).with_query(),
    Route::new(Method::GET, "/v1/auth/accounts/{account}", administration::read),
    Route::new(
        Method::POST,
        "/v1/auth/accounts/{account}/disable",
        administration::disable,
    ),
    Route::new(
        Method::POST,
        "/v1/auth/accounts/{account}/enable",
        administration::enable,
    ),
    Route::new(
        Method::POST,
        "/v1/auth/accounts/{account}/deactivate",
        administration::deactivate,
    ),
    Route::new(
        Method::PUT,
        "/v1/auth/accounts/{account}/roles",
        administration::set_roles,
    ),
    Route::new(Method::GET, "/v1/auth/staff", directory::staff).with_query(),
    Route::new(Method::GET, "/v1/auth/profile", profile::read),
    Route::new(Method::PUT, "/v1/auth/profile", profile::set),
    Route::new(Method::GET, "/v1/auth/clinic/settings", registration::settings),
    Route::new(Method::PUT, "/v1/auth/clinic/settings", registration::set),
    Route::new(Method::POST, "/v1/auth/registrations", registration::ask),
    Route::new(Method::POST, "/v1/auth/registrations/confirm", registration::confirm),
    Route::new(Method::POST, "/v1/auth/recoveries", recoveries::request),
    Route::new(Method::GET, "/v1/auth/recoveries", recoveries::list).with_query(),
    Route::new(Method::DELETE, "/v1/auth/recoveries/{recovery}", recoveries::withdraw),
    Route::new(
        Method::POST,
        "/v1/auth/recoveries/{recovery}/approve",
        recoveries::approve,
    ),
    Route::new(Method::POST, "/v1/auth/service-identities", service::make),
    Route::new(Method::GET, "/v1/auth/service-identities", service::list).with_query(),
    Route::new(Method::DELETE, "/v1/auth/service-identities/{account}", service::delete),
    Route::new(
        Method::PUT,
        "/v1/auth/accounts/{account}/client-file",
        administration::set_client_file,
    ),
    Route::new(Method::POST, "/v1/auth/email-change", email_change::ask),
    Route::new(Method::GET, "/v1/auth/email-change", email_change::read),
    Route::new(Method::DELETE, "/v1/auth/email-change", email_change::withdraw),
    Route::new(Method::POST, "/v1/auth/email-change/confirm", email_change::confirm),
    Route::new(Method::POST, "/v1/auth/access-reviews", access_review::begin),
    Route::new(Method::GET, "/v1/auth/access-reviews", access_review::list).with_query(),
    Route::new(Method::GET, "/v1/auth/access-reviews/{review}", access_review::read).with_query(),
    Route::new(
        Method::GET,
        "/v1/auth/access-reviews/{review}/evidence",
        access_review::evidence,
    )
    .with_query(),
    Route::new(
        Method::PUT,
        "/v1/auth/access-reviews/{review}/accounts/{account}",
        access_review::decide,
    ),
    Route::new(Method::POST, "/v1/auth/access-reviews/jobs/run", access_review::run),
];
