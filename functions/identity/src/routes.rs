use http::Method;
use web::Route;

use crate::{exchange, handlers, keys, merges, private_contact};

/// What this function answers.
pub const ROUTES: [Route; 12] = [
    Route::new(Method::POST, "/v1/identity/clients", handlers::register),
    Route::new(Method::POST, "/v1/identity/clients/search", handlers::search),
    Route::new(Method::GET, "/v1/identity/clients/{client}", handlers::read),
    Route::new(Method::PUT, "/v1/identity/clients/{client}", handlers::correct),
    Route::new(Method::GET, "/v1/identity/clients/{client}/history", handlers::history).with_query(),
    Route::new(Method::POST, "/v1/identity/merges", merges::merge),
    Route::new(Method::POST, "/v1/identity/merges/{merge}/undo", merges::undo),
    Route::new(Method::POST, "/v1/identity/jobs/rewrap", keys::rewrap),
    Route::private(Method::POST, "/v1/identity/private/contact", private_contact::contact),
    Route::private(Method::POST, "/v1/identity/private/import/check", exchange::check),
    Route::private(Method::POST, "/v1/identity/private/import", exchange::import),
    Route::private(Method::POST, "/v1/identity/private/export", exchange::export),
];
