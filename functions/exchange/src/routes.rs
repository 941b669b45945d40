use http::Method;
use web::Route;

use crate::{export, figures, import, research};

/// What this function answers.
pub const ROUTES: [Route; 4] = [
    Route::streaming(Method::POST, "/v1/exchange/clients/{client}/import", import::import).with_query(),
    Route::new(Method::GET, "/v1/exchange/clients/{client}/export", export::export),
    Route::new(Method::POST, "/v1/exchange/research-exports", research::export),
    Route::new(Method::POST, "/v1/exchange/aggregates", figures::read),
];
