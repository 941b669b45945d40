use http::Method;
use web::Route;

use crate::{events, invoices, keys, payments, statement, webhook};

/// What this function answers.
pub const ROUTES: [Route; 14] = [
    Route::new(Method::POST, "/v1/billing/clients/{client}/invoices", invoices::create),
    Route::new(Method::GET, "/v1/billing/clients/{client}/invoices", invoices::list),
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
    ),
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
    Route::new(Method::GET, "/v1/billing/clients/{client}/statement", statement::read),
    Route::new(
        Method::POST,
        "/v1/billing/webhooks/{gateway}/{clinic}",
        webhook::receive,
    ),
    Route::new(Method::GET, "/v1/billing/webhook-events", events::list),
    Route::new(
        Method::POST,
        "/v1/billing/webhook-events/{event}/replay",
        events::replay,
    ),
    Route::new(Method::POST, "/v1/billing/jobs/rewrap", keys::rewrap),
];
