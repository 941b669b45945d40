use http::Method;
use web::Route;

use crate::{handlers, parts};

/// What this function answers.
pub const ROUTES: [Route; 5] = [
    Route::new(Method::GET, "/v1/audit/events", handlers::query).with_query(),
    Route::new(Method::GET, "/v1/audit/verify", handlers::verify).with_query(),
    Route::new(Method::GET, "/v1/audit/export", handlers::export).with_query(),
    Route::new(Method::GET, "/v1/audit/export/parts", parts::export).with_query(),
    Route::new(Method::GET, "/v1/audit/keys", handlers::keys),
];
