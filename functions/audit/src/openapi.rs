//! What this function takes and answers, for `docs/openapi/audit.json`.

use audit_trail::{Export, Part};
use http::StatusCode;
use openapi::Operation;

use crate::handlers::{EventsAnswer, ExportQuery, KeysAnswer, VerifyAnswer, VerifyQuery};
use crate::parts::PartsQuery;
use crate::query::Parameters;

#[test]
fn the_document_is_current() {
    let operations = [
        Operation::get("/v1/audit/events", "Events by filter, newest first")
            .purpose()
            .query::<Parameters>()
            .answers::<EventsAnswer>(StatusCode::OK),
        Operation::get("/v1/audit/verify", "Whether the chains are what was recorded")
            .purpose()
            .query::<VerifyQuery>()
            .answers::<VerifyAnswer>(StatusCode::OK),
        Operation::get("/v1/audit/export", "A signed copy of a trail that one answer holds")
            .purpose()
            .query::<ExportQuery>()
            .answers::<Export>(StatusCode::OK),
        Operation::get(
            "/v1/audit/export/parts",
            "The next signed part of a trail of any length",
        )
        .purpose()
        .query::<PartsQuery>()
        .answers::<Part>(StatusCode::OK),
        Operation::get("/v1/audit/keys", "The public key that exports are signed with")
            .open()
            .answers::<KeysAnswer>(StatusCode::OK),
    ];
    openapi::assert_current("audit", &crate::ROUTES, &operations);
}
