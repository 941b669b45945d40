use http::Method;
use web::Route;

use crate::{export, import};

/// What this function answers.
pub const ROUTES: [Route; 2] = [
    Route::streaming(Method::POST, "/v1/exchange/clients/{client}/import", import::import),
    Route::new(Method::GET, "/v1/exchange/clients/{client}/export", export::export),
];
