//! What this function takes and answers, for `docs/openapi/exchange.json`.

use http::StatusCode;
use openapi::Operation;

use crate::{figures, import, research};

const FHIR: &str = "application/fhir+json";

#[test]
fn the_document_is_current() {
    let operations = [
        Operation::post(
            "/v1/exchange/clients/{client}/import",
            "Import a bundle of FHIR R4, a transaction or collection of one Patient's",
        )
        .purpose()
        .header(
            "Prefer",
            false,
            "`handling=lenient`: import what can be, and say what can\u{2019}t",
        )
        .query::<import::Query>()
        .opaque_body(FHIR)
        .opaque_body("application/json")
        .answers::<import::Answer>(StatusCode::OK),
        Operation::get(
            "/v1/exchange/clients/{client}/export",
            "Export what the caller may have of a client as a collection of FHIR R4",
        )
        .purpose()
        .answers_opaque(FHIR)
        .download(),
        Operation::post(
            "/v1/exchange/research-exports",
            "De-identified resources of eleven or more clients",
        )
        .header("Purpose-Of-Use", true, "`HRESCH`")
        .body::<research::Wanted>()
        .answers::<research::Answer<'_>>(StatusCode::OK)
        .download(),
        Operation::post(
            "/v1/exchange/aggregates",
            "Figures about all clients, small ones suppressed",
        )
        .header("Purpose-Of-Use", true, "`HQUALIMP`")
        .body::<figures::Wanted>()
        .answers::<figures::Answer>(StatusCode::OK),
    ];
    openapi::assert_current("exchange", &crate::ROUTES, &operations);
}
