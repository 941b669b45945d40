use http::Method;
use web::Route;

use crate::{events, insurance, invoices, keys, payments, register, statement, webhook};

/// What this function answers.
pub const ROUTES: [Route; 25] = [
    Route::new(Method::GET, "/v1/billing/invoices", register::list).with_query(),
    Route::new(Method::POST, "/v1/billing/clients/{client}/invoices", invoices::create),
    Route::new(Method::GET, "/v1/billing/clients/{client}/invoices", invoices::list).with_query(),
    Route::new(
        Method::GET,
        "/v1/billing/clients/{client}/invoices/{invoice}",
        invoices::read,
    ),
    Route::new(
        Method::PUT,
        "/v1/billing/clients/{client}/invoices/{invoice}",
        invoices::amend,
    ),
    Route::new(
        Method::GET,
        "/v1/billing/clients/{client}/invoices/{invoice}/versions",
        invoices::versions,
    )
    .with_query(),
    Route::new(
        Method::POST,
        "/v1/billing/clients/{client}/invoices/{invoice}/void",
        invoices::void,
    ),
    Route::new(
        Method::POST,
        "/v1/billing/clients/{client}/invoices/{invoice}/payments",
        payments::pay,
    ),
    Route::new(
        Method::POST,
        "/v1/billing/clients/{client}/invoices/{invoice}/payments/{payment}/refunds",
        payments::refund,
    ),
    Route::new(
        Method::POST,
        "/v1/billing/clients/{client}/invoices/{invoice}/gateway-orders",
        payments::tie,
    ),
    Route::new(Method::GET, "/v1/billing/clients/{client}/statement", statement::read).with_query(),
    Route::new(
        Method::GET,
        "/v1/billing/clients/{client}/claims",
        insurance::list_claims,
    )
    .with_query(),
    Route::new(
        Method::GET,
        "/v1/billing/clients/{client}/claims/{document}",
        insurance::read_claim,
    ),
    Route::new(
        Method::GET,
        "/v1/billing/clients/{client}/claims/{document}/versions",
        insurance::claim_versions,
    )
    .with_query(),
    Route::new(
        Method::GET,
        "/v1/billing/clients/{client}/explanations-of-benefit",
        insurance::list_explanations,
    )
    .with_query(),
    Route::new(
        Method::GET,
        "/v1/billing/clients/{client}/explanations-of-benefit/{document}",
        insurance::read_explanation,
    ),
    Route::new(
        Method::GET,
        "/v1/billing/clients/{client}/explanations-of-benefit/{document}/versions",
        insurance::explanation_versions,
    )
    .with_query(),
    Route::private(Method::POST, "/v1/billing/private/import/check", insurance::check),
    Route::private(Method::POST, "/v1/billing/private/import", insurance::import),
    Route::private(Method::POST, "/v1/billing/private/export", insurance::export),
    Route::new(
        Method::POST,
        "/v1/billing/webhooks/{gateway}/{clinic}",
        webhook::receive,
    ),
    Route::new(Method::GET, "/v1/billing/webhook-events", events::list).with_query(),
    Route::new(
        Method::POST,
        "/v1/billing/webhook-events/{event}/replay",
        events::replay,
    ),
    Route::new(
        Method::POST,
        "/v1/billing/webhook-events/{event}/dismiss",
        events::dismiss,
    ),
    Route::new(Method::POST, "/v1/billing/jobs/rewrap", keys::rewrap),
];
