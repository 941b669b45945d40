//! What this function takes and answers, for `docs/openapi/consent.json`.

mod ledger;

use http::StatusCode;
use openapi::Operation;
use receipt::JwkSet;
use schemars::JsonSchema;
use web::PageQuery;

use crate::acceptance::Acceptance;
use crate::care_team::{MemberBody, TransferBody};
use crate::caseload::CaseloadAnswer;
use crate::clients::{ClientAnswer, OpenedAnswer, Opening};
use crate::consents::{ConsentAnswer, GivenAnswer, WithdrawalAnswer};
use crate::content::Content;
use crate::emergency_access::{EmergencyAnswer, EmergencyBody, JobAnswer, ReviewBody, TakenAnswer};
use crate::explain::{ExplanationAnswer, Question};
use crate::grounds::{EndAnswer, GroundBody};
use crate::jurisdiction::{Jurisdiction, JurisdictionAnswer};
use crate::ledger::{Hidden, OtherGround};
use crate::minority::MinorityBody;
use crate::notices::{CheckAnswer, ListQuery, NoticeAnswer};
use crate::optional_body::Reason;
use crate::receipts::ReceiptAnswer;
use crate::representations::RepresentationsAnswer;
use crate::representatives::{ActivationBody, RepresentativeBody};
use crate::restrictions::RestrictionBody;
use crate::shared_files::SharedFilesAnswer;
use crate::terms::Terms;
use crate::{acceptances, emergency_access, fhir, notices};

// The handler answers the type of the clinic's list, which has pages. This one has none.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it describes what is answered, and nothing is answered by it")]
struct EmergenciesOfClient {
    emergencies: Vec<EmergencyAnswer>,
}

#[test]
fn the_document_is_current() {
    let operations = [
        clients(),
        representatives(),
        restrictions_and_grounds(),
        lists(),
        emergencies(),
        consents(),
        proofs(),
        all_notices(),
        all_acceptances(),
        jurisdictions(),
    ];
    openapi::assert_current("consent", &crate::ROUTES, &operations.concat());
}

fn clients() -> Vec<Operation> {
    vec![
        Operation::post("/v1/consent/clients", "Open the file of a client, a couple or a group")
            .purpose()
            .idempotent()
            .optional_body::<Opening>()
            .answers::<OpenedAnswer<'_>>(StatusCode::CREATED)
            .located(),
        Operation::get("/v1/consent/clients/{client}", "What holds for a client now")
            .purpose()
            .answers::<ClientAnswer>(StatusCode::OK),
        Operation::put(
            "/v1/consent/clients/{client}/care-team/{account}",
            "Add somebody to the care team, or change as what or until when she belongs to it",
        )
        .purpose()
        .optional_body::<MemberBody>()
        .answers_nothing(StatusCode::NO_CONTENT),
        Operation::delete(
            "/v1/consent/clients/{client}/care-team/{account}",
            "Remove somebody from the care team",
        )
        .purpose()
        .answers_nothing(StatusCode::NO_CONTENT),
        Operation::post(
            "/v1/consent/clients/{client}/care-team/transfers",
            "Hand a client over from one who treats her to another",
        )
        .purpose()
        .body::<TransferBody>()
        .answers_nothing(StatusCode::NO_CONTENT),
    ]
}

fn representatives() -> Vec<Operation> {
    vec![
        Operation::put(
            "/v1/consent/clients/{client}/minority",
            "Say until when a client is a minor",
        )
        .purpose()
        .body::<MinorityBody>()
        .answers_nothing(StatusCode::NO_CONTENT),
        Operation::put(
            "/v1/consent/clients/{client}/representatives/{account}",
            "Name somebody who may act for a client",
        )
        .purpose()
        .body::<RepresentativeBody>()
        .answers_nothing(StatusCode::NO_CONTENT),
        Operation::post(
            "/v1/consent/clients/{client}/representatives/{account}/activate",
            "Let a nominee act from now on",
        )
        .purpose()
        .body::<ActivationBody>()
        .answers_nothing(StatusCode::NO_CONTENT),
        Operation::delete(
            "/v1/consent/clients/{client}/representatives/{account}",
            "End that somebody may act for a client",
        )
        .purpose()
        .answers_nothing(StatusCode::NO_CONTENT),
    ]
}

fn restrictions_and_grounds() -> Vec<Operation> {
    vec![
        Operation::post(
            "/v1/consent/clients/{client}/restrictions",
            "Hide a class of a client's data, or all of it, from somebody or from everybody",
        )
        .purpose()
        .idempotent()
        .body::<RestrictionBody>()
        .answers::<Hidden>(StatusCode::CREATED),
        Operation::delete(
            "/v1/consent/clients/{client}/restrictions/{restriction}",
            "Show again what was hidden",
        )
        .purpose()
        .answers_nothing(StatusCode::NO_CONTENT),
        Operation::post(
            "/v1/consent/clients/{client}/grounds",
            "Establish another ground than consent",
        )
        .purpose()
        .idempotent()
        .body::<GroundBody>()
        .answers::<OtherGround>(StatusCode::CREATED),
        Operation::post("/v1/consent/clients/{client}/grounds/{ground}/end", "End a ground")
            .purpose()
            .optional_body::<Reason>()
            .answers::<EndAnswer>(StatusCode::OK),
        Operation::get(
            "/v1/consent/clients/{client}/access/explain",
            "Why somebody would be let at something of a client's, or would not",
        )
        .purpose()
        .query::<Question>()
        .answers::<ExplanationAnswer>(StatusCode::OK),
        Operation::post(
            "/v1/consent/clients/{client}/emergency-access",
            "Break the glass: read a client's records for an hour",
        )
        .header("Purpose-Of-Use", false, "`BTG`, which it is without this header")
        .idempotent()
        .body::<EmergencyBody>()
        .answers::<TakenAnswer>(StatusCode::CREATED),
        Operation::get(
            "/v1/consent/clients/{client}/emergency-access",
            "All accesses in an emergency to a client, newest first",
        )
        .purpose()
        .answers::<EmergenciesOfClient>(StatusCode::OK),
    ]
}

fn lists() -> Vec<Operation> {
    vec![
        Operation::get(
            "/v1/consent/clients/{client}/shared-files",
            "The files of couples and groups that a client is a participant of, newest first",
        )
        .purpose()
        .query::<PageQuery>()
        .answers::<SharedFilesAnswer>(StatusCode::OK),
        Operation::get("/v1/consent/representations", "For whom the calling guardian acts now")
            .purpose()
            .query::<PageQuery>()
            .answers::<RepresentationsAnswer>(StatusCode::OK),
        Operation::get(
            "/v1/consent/caseloads/{account}",
            "Whom an account treats or supervises",
        )
        .purpose()
        .query::<PageQuery>()
        .answers::<CaseloadAnswer>(StatusCode::OK),
    ]
}

fn emergencies() -> Vec<Operation> {
    vec![
        Operation::get(
            "/v1/consent/emergency-access",
            "Who broke the glass in the clinic, newest first",
        )
        .purpose()
        .query::<PageQuery>()
        .answers::<emergency_access::ListAnswer>(StatusCode::OK),
        Operation::put(
            "/v1/consent/emergency-access/{emergency}/review",
            "Say whether breaking the glass was justified: if not, it ends at once",
        )
        .purpose()
        .body::<ReviewBody>()
        .answers::<EmergencyAnswer>(StatusCode::OK),
        Operation::post(
            "/v1/consent/jobs/emergencies",
            "Job: hand over the messages about broken glass that could not be handed over at once",
        )
        .purpose()
        .answers::<JobAnswer>(StatusCode::OK),
    ]
}

fn consents() -> Vec<Operation> {
    vec![
        Operation::post("/v1/consent/clients/{client}/consents", "Record a consent")
            .purpose()
            .idempotent()
            .body::<Terms>()
            .answers::<GivenAnswer<'_>>(StatusCode::CREATED)
            .located(),
        Operation::get(
            "/v1/consent/clients/{client}/consents",
            "The ledger of a client: what was agreed, withdrawn, hidden and changed, newest first",
        )
        .purpose()
        .query::<PageQuery>()
        .answers::<ledger::Ledger>(StatusCode::OK),
        Operation::get("/v1/consent/clients/{client}/consents/{consent}", "A consent")
            .purpose()
            .answers::<ConsentAnswer<'_>>(StatusCode::OK),
        Operation::post(
            "/v1/consent/clients/{client}/consents/{consent}/withdraw",
            "Withdraw a consent",
        )
        .purpose()
        .optional_body::<Reason>()
        .answers::<WithdrawalAnswer>(StatusCode::OK),
    ]
}

fn proofs() -> Vec<Operation> {
    vec![
        Operation::get(
            "/v1/consent/clients/{client}/consents/{consent}/receipt",
            "The receipt of a consent as it stands now",
        )
        .purpose()
        .answers::<ReceiptAnswer>(StatusCode::OK),
        Operation::get(
            "/v1/consent/clients/{client}/consents/{consent}/fhir",
            "A consent as it stands now, as a FHIR R4 resource",
        )
        .purpose()
        .answers_as::<fhir::Consent>(StatusCode::OK, fhir::MEDIA_TYPE),
        Operation::get(
            "/v1/consent/receipt-keys",
            "The public keys that receipts are checked with",
        )
        .open()
        .answers_as::<JwkSet>(StatusCode::OK, "application/jwk-set+json"),
    ]
}

fn all_notices() -> Vec<Operation> {
    let etag = |operation: Operation| operation.with_header("ETag", "Another one where the answer is another one");
    vec![
        etag(
            Operation::post("/v1/consent/notices", "Publish a notice, a policy or an agreement")
                .purpose()
                .idempotent()
                .body::<Content>()
                .answers::<NoticeAnswer<'_>>(StatusCode::CREATED)
                .located(),
        ),
        etag(
            Operation::get("/v1/consent/notices/{clinic}", "The notices of a clinic, newest first")
                .several()
                .open()
                .query::<ListQuery>()
                .answers::<notices::ListAnswer>(StatusCode::OK),
        ),
        etag(
            Operation::get("/v1/consent/notices/{clinic}/{notice}", "A notice")
                .open()
                .answers::<NoticeAnswer<'_>>(StatusCode::OK),
        ),
        Operation::post(
            "/v1/consent/notices/check",
            "What a notice still has to tell before it can be published: nothing is stored",
        )
        .purpose()
        .body::<Content>()
        .answers::<CheckAnswer<'_>>(StatusCode::OK),
    ]
}

fn all_acceptances() -> Vec<Operation> {
    vec![
        Operation::post(
            "/v1/consent/notices/{clinic}/{notice}/acceptances",
            "Accept a policy or an agreement in one's own name",
        )
        .purpose()
        .answers::<Acceptance>(StatusCode::CREATED)
        .with_header("Location", "The path of the list of what the caller has accepted"),
        Operation::get(
            "/v1/consent/notices/{clinic}/{notice}/acceptances",
            "Who has accepted a policy or an agreement, newest first",
        )
        .purpose()
        .query::<PageQuery>()
        .answers::<acceptances::ListAnswer>(StatusCode::OK),
        Operation::get("/v1/consent/acceptances", "What the caller has accepted, newest first")
            .purpose()
            .query::<PageQuery>()
            .answers::<acceptances::ListAnswer>(StatusCode::OK),
    ]
}

fn jurisdictions() -> Vec<Operation> {
    vec![
        Operation::get(
            "/v1/consent/jurisdiction/{clinic}",
            "Which laws a clinic is under, and whom to ask about privacy",
        )
        .open()
        .answers::<JurisdictionAnswer<'_>>(StatusCode::OK)
        .etag(),
        Operation::put(
            "/v1/consent/jurisdiction",
            "Say which laws the clinic is under, and whom to ask about privacy",
        )
        .purpose()
        .header(
            "If-Match",
            false,
            "The `ETag` of what is to be changed. Needed where something was said before",
        )
        .body::<Jurisdiction>()
        .answers::<JurisdictionAnswer<'_>>(StatusCode::OK)
        .etag()
        .answers::<JurisdictionAnswer<'_>>(StatusCode::CREATED)
        .etag()
        .located(),
    ]
}
