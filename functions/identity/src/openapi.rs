//! What this function takes and answers, for `docs/openapi/identity.json`.

use http::StatusCode;
use openapi::Operation;
use web::{PageQuery, RewrapAnswer};

use crate::handlers::{ClientAnswer, Correction, HistoryAnswer, Registration, SearchAnswer};
use crate::lookup::Sought;
use crate::merges::{MergeAnswer, MergeBody, UndoBody};

const ADMINISTRATION: &str = "`PATADMIN`, which it is without this header";

#[test]
fn the_document_is_current() {
    let operations = [
        Operation::post(
            "/v1/identity/clients",
            "Register a client under the file that was opened for her",
        )
        .purpose()
        .idempotent()
        .body::<Registration>()
        .answers::<ClientAnswer<'_>>(StatusCode::CREATED)
        .etag()
        .located(),
        Operation::post("/v1/identity/clients/search", "Find clients by one exact value")
            .purpose()
            .body::<Sought>()
            .answers::<SearchAnswer>(StatusCode::OK),
        Operation::get("/v1/identity/clients/{client}", "Who a client is")
            .purpose()
            .answers::<ClientAnswer<'_>>(StatusCode::OK)
            .etag(),
        Operation::put(
            "/v1/identity/clients/{client}",
            "Correct a client: all her details, as they are from now on",
        )
        .purpose()
        .if_match()
        .body::<Correction>()
        .answers::<ClientAnswer<'_>>(StatusCode::OK)
        .etag(),
        Operation::get(
            "/v1/identity/clients/{client}/history",
            "All versions of a client, newest first",
        )
        .purpose()
        .query::<PageQuery>()
        .answers::<HistoryAnswer<'_>>(StatusCode::OK),
        Operation::post("/v1/identity/merges", "Merge two entries that are one client's")
            .header("Purpose-Of-Use", false, ADMINISTRATION)
            .idempotent()
            .body::<MergeBody>()
            .answers::<MergeAnswer>(StatusCode::OK),
        Operation::post("/v1/identity/merges/{merge}/undo", "Undo a merge")
            .header("Purpose-Of-Use", false, ADMINISTRATION)
            .body::<UndoBody>()
            .answers::<MergeAnswer>(StatusCode::OK),
        Operation::post("/v1/identity/jobs/rewrap", "Job: bring data keys under the current key")
            .purpose()
            .answers::<RewrapAnswer>(StatusCode::OK),
    ];
    openapi::assert_current("identity", &crate::ROUTES, &operations);
}
