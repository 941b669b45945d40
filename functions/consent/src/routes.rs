use http::Method;
use web::Route;

use crate::{acceptances, care_team, clients, consents, jurisdiction, notices};

/// What this function answers.
pub const ROUTES: [Route; 17] = [
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
    Route::new(Method::POST, "/v1/consent/notices", notices::publish),
    Route::new(Method::GET, "/v1/consent/notices/{clinic}", notices::list),
    Route::new(Method::GET, "/v1/consent/notices/{clinic}/{notice}", notices::read),
    Route::new(Method::POST, "/v1/consent/notices/check", notices::check),
    Route::new(
        Method::POST,
        "/v1/consent/notices/{clinic}/{notice}/acceptances",
        acceptances::accept,
    ),
    Route::new(
        Method::GET,
        "/v1/consent/notices/{clinic}/{notice}/acceptances",
        acceptances::of_notice,
    ),
    Route::new(Method::GET, "/v1/consent/acceptances", acceptances::own),
    Route::new(Method::GET, "/v1/consent/jurisdiction/{clinic}", jurisdiction::read),
    Route::new(Method::PUT, "/v1/consent/jurisdiction", jurisdiction::put),
];
