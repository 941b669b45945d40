use http::Method;
use notification::MESSAGES;
use web::Route;

use crate::{accept, callbacks, capture, drain, review};

/// What this function answers.
pub const ROUTES: [Route; 7] = [
    Route::private(Method::POST, MESSAGES, accept::accept),
    Route::new(Method::GET, MESSAGES, review::list).with_query(),
    Route::new(Method::GET, "/v1/notify/messages/{message}", review::read),
    Route::new(Method::GET, "/v1/notify/dead-letters", review::dead_letters).with_query(),
    Route::new(Method::POST, "/v1/notify/jobs/drain", drain::drain),
    Route::new(Method::POST, "/v1/notify/callbacks/{provider}", callbacks::callback).with_query(),
    Route::new(Method::GET, "/v1/notify/capture", capture::show),
];
