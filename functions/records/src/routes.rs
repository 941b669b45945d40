use http::Method;
use web::Route;

use crate::handlers::{notes, records};

/// What this function answers.
pub const ROUTES: [Route; 10] = [
    Route::new(Method::POST, "/v1/records/clients/{client}/records", records::write),
    Route::new(Method::GET, "/v1/records/clients/{client}/records", records::list),
    Route::new(
        Method::GET,
        "/v1/records/clients/{client}/records/{record}",
        records::read,
    ),
    Route::new(
        Method::PUT,
        "/v1/records/clients/{client}/records/{record}",
        records::amend,
    ),
    Route::new(
        Method::GET,
        "/v1/records/clients/{client}/records/{record}/versions",
        records::versions,
    ),
    Route::new(
        Method::POST,
        "/v1/records/clients/{client}/psychotherapy-notes",
        notes::write,
    ),
    Route::new(
        Method::GET,
        "/v1/records/clients/{client}/psychotherapy-notes",
        notes::list,
    ),
    Route::new(
        Method::GET,
        "/v1/records/clients/{client}/psychotherapy-notes/{record}",
        notes::read,
    ),
    Route::new(
        Method::PUT,
        "/v1/records/clients/{client}/psychotherapy-notes/{record}",
        notes::amend,
    ),
    Route::new(
        Method::GET,
        "/v1/records/clients/{client}/psychotherapy-notes/{record}/versions",
        notes::versions,
    ),
];
