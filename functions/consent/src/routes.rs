use http::Method;
use web::Route;

use crate::{care_team, clients, consents, notices, proofs};

/// What this function answers.
pub const ROUTES: [Route; 14] = [
    Route::new(Method::POST, "/v1/consent/clients", clients::open),
    Route::new(Method::GET, "/v1/consent/clients/{client}", clients::read),
    Route::new(
        Method::PUT,
        "/v1/consent/clients/{client}/care-team/{account}",
        care_team::add,
    ),
    Route::new(
        Method::DELETE,
        "/v1/consent/clients/{client}/care-team/{account}",
        care_team::remove,
    ),
    Route::new(Method::POST, "/v1/consent/clients/{client}/consents", consents::give),
    Route::new(Method::GET, "/v1/consent/clients/{client}/consents", consents::list),
    Route::new(
        Method::GET,
        "/v1/consent/clients/{client}/consents/{consent}",
        consents::read,
    ),
    Route::new(
        Method::POST,
        "/v1/consent/clients/{client}/consents/{consent}/withdraw",
        consents::withdraw,
    ),
    Route::new(
        Method::GET,
        "/v1/consent/clients/{client}/consents/{consent}/receipt",
        proofs::receipt,
    ),
    Route::new(
        Method::GET,
        "/v1/consent/clients/{client}/consents/{consent}/fhir",
        proofs::fhir,
    ),
    Route::new(Method::GET, "/v1/consent/receipt-keys", proofs::keys),
    Route::new(Method::POST, "/v1/consent/notices", notices::publish),
    Route::new(Method::GET, "/v1/consent/notices/{clinic}", notices::list),
    Route::new(Method::GET, "/v1/consent/notices/{clinic}/{notice}", notices::read),
];
