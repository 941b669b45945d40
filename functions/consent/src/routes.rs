use http::Method;
use web::Route;

use crate::{
    acceptances, care_team, caseload, clients, consents, emergency_access, explain, grounds, jurisdiction, minority,
    notices, proofs, representations, representatives, restrictions, roster, shared_files,
};

/// What this function answers.
pub const ROUTES: [Route; 39] = [
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
    Route::new(
        Method::POST,
        "/v1/consent/clients/{client}/care-team/transfers",
        care_team::transfer,
    ),
    Route::new(Method::PUT, "/v1/consent/clients/{client}/minority", minority::set),
    Route::new(
        Method::PUT,
        "/v1/consent/clients/{client}/representatives/{account}",
        representatives::name,
    ),
    Route::new(
        Method::POST,
        "/v1/consent/clients/{client}/representatives/{account}/activate",
        representatives::activate,
    ),
    Route::new(
        Method::DELETE,
        "/v1/consent/clients/{client}/representatives/{account}",
        representatives::remove,
    ),
    Route::new(
        Method::POST,
        "/v1/consent/clients/{client}/restrictions",
        restrictions::restrict,
    ),
    Route::new(
        Method::DELETE,
        "/v1/consent/clients/{client}/restrictions/{restriction}",
        restrictions::lift,
    ),
    Route::new(Method::POST, "/v1/consent/clients/{client}/grounds", grounds::establish),
    Route::new(
        Method::POST,
        "/v1/consent/clients/{client}/grounds/{ground}/end",
        grounds::end,
    ),
    Route::new(
        Method::GET,
        "/v1/consent/clients/{client}/access/explain",
        explain::read,
    )
    .with_query(),
    Route::new(
        Method::POST,
        "/v1/consent/clients/{client}/emergency-access",
        emergency_access::take,
    ),
    Route::new(
        Method::GET,
        "/v1/consent/clients/{client}/emergency-access",
        emergency_access::list_of_client,
    ),
    Route::new(
        Method::GET,
        "/v1/consent/clients/{client}/shared-files",
        shared_files::list,
    )
    .with_query(),
    Route::new(Method::GET, "/v1/consent/representations", representations::own).with_query(),
    Route::new(Method::GET, "/v1/consent/caseloads/{account}", caseload::read).with_query(),
    Route::private(Method::POST, "/v1/consent/private/clients", roster::read),
    Route::new(Method::GET, "/v1/consent/emergency-access", emergency_access::list).with_query(),
    Route::new(
        Method::PUT,
        "/v1/consent/emergency-access/{emergency}/review",
        emergency_access::review,
    ),
    Route::new(Method::POST, "/v1/consent/jobs/emergencies", emergency_access::tell_all),
    Route::new(Method::POST, "/v1/consent/clients/{client}/consents", consents::give),
    Route::new(Method::GET, "/v1/consent/clients/{client}/consents", consents::list).with_query(),
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
    Route::new(Method::GET, "/v1/consent/notices/{clinic}", notices::list).with_query(),
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
    )
    .with_query(),
    Route::new(Method::GET, "/v1/consent/acceptances", acceptances::own).with_query(),
    Route::new(Method::GET, "/v1/consent/jurisdiction/{clinic}", jurisdiction::read),
    Route::new(Method::PUT, "/v1/consent/jurisdiction", jurisdiction::put),
];
