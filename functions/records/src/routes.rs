use http::Method;
use web::Route;

use crate::handlers::records::{Clinical, SubstanceUse};
use crate::handlers::{notes, records};
use crate::keys;

/// What this function answers.
pub const ROUTES: [Route; 16] = [
    Route::new(
        Method::POST,
        "/v1/records/clients/{client}/records",
        records::write::<Clinical>,
    ),
    Route::new(
        Method::GET,
        "/v1/records/clients/{client}/records",
        records::list::<Clinical>,
    ),
    Route::new(
        Method::GET,
        "/v1/records/clients/{client}/records/{record}",
        records::read::<Clinical>,
    ),
    Route::new(
        Method::PUT,
        "/v1/records/clients/{client}/records/{record}",
        records::amend::<Clinical>,
    ),
    Route::new(
        Method::GET,
        "/v1/records/clients/{client}/records/{record}/versions",
        records::versions::<Clinical>,
    ),
    Route::new(
        Method::POST,
        "/v1/records/clients/{client}/substance-use-records",
        records::write::<SubstanceUse>,
    ),
    Route::new(
        Method::GET,
        "/v1/records/clients/{client}/substance-use-records",
        records::list::<SubstanceUse>,
    ),
    Route::new(
        Method::GET,
        "/v1/records/clients/{client}/substance-use-records/{record}",
        records::read::<SubstanceUse>,
    ),
    Route::new(
        Method::PUT,
        "/v1/records/clients/{client}/substance-use-records/{record}",
        records::amend::<SubstanceUse>,
    ),
    Route::new(
        Method::GET,
        "/v1/records/clients/{client}/substance-use-records/{record}/versions",
        records::versions::<SubstanceUse>,
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
    Route::new(Method::POST, "/v1/records/jobs/rewrap", keys::rewrap),
];
