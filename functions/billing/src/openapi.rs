//! What this function takes and answers, for `docs/openapi/billing.json`.

use datatype::DateTime;
use http::StatusCode;
use model::{ClaimId, ExplanationOfBenefitId, Timestamp};
use openapi::{AsSent, Operation};
use schemars::JsonSchema;
use web::{PageQuery, RewrapAnswer};

use crate::insurance::{Claim, DocumentAnswer, ExplanationOfBenefit, Status, VersionsAnswer};
use crate::{events, invoice, invoices, payments, register, statement, webhook};

type InvoiceAnswer = invoices::InvoiceAnswer<'static>;
type ClaimContent = AsSent<Claim>;
type ExplanationContent = AsSent<ExplanationOfBenefit>;

const INVOICES: &str = "/v1/billing/clients/{client}/invoices";
const INVOICE: &str = "/v1/billing/clients/{client}/invoices/{invoice}";
// Nothing is changed here, so no `If-Match` takes it.
const ANOTHER: &str = "Another one where the answer is another one";
const EVENTS: &str = "/v1/billing/webhook-events";

// What a list says of a claim. Its status and its time are those of the content, which is none without them.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it says what the handler's one type for both kinds comes to")]
struct ListedClaim {
    id: ClaimId,
    created_at: Timestamp,
    status: Status,
    /// When its source says that it was made.
    created: DateTime,
}

// What a list says of an explanation of benefit.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it says what the handler's one type for both kinds comes to")]
struct ListedExplanationOfBenefit {
    id: ExplanationOfBenefitId,
    created_at: Timestamp,
    status: Status,
    /// When its source says that it was made.
    created: DateTime,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "it says what the handler's one type for both kinds comes to")]
struct Claims {
    claims: Vec<ListedClaim>,
    /// The `cursor` of the next page. Absent on the last.
    #[schemars(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "it says what the handler's one type for both kinds comes to")]
struct ExplanationsOfBenefit {
    explanations_of_benefit: Vec<ListedExplanationOfBenefit>,
    /// The `cursor` of the next page. Absent on the last.
    #[schemars(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

fn invoices() -> Vec<Operation> {
    vec![
        Operation::get(
            "/v1/billing/invoices",
            "What is owed to the clinic, by whomever, newest first",
        )
        .purpose()
        .query::<register::RegisterQuery>()
        .answers::<register::RegisterAnswer>(StatusCode::OK),
        Operation::post(INVOICES, "A new invoice")
            .purpose()
            .idempotent()
            .body::<invoice::Content>()
            .answers::<InvoiceAnswer>(StatusCode::CREATED)
            .etag()
            .located(),
        Operation::get(INVOICES, "A client's invoices, newest first")
            .purpose()
            .query::<PageQuery>()
            .answers::<invoices::ListAnswer>(StatusCode::OK),
        Operation::get(INVOICE, "An invoice")
            .purpose()
            .answers::<InvoiceAnswer>(StatusCode::OK)
            .etag(),
        Operation::put(
            INVOICE,
            "Amends an invoice, while there is no money on it, or held for it, and no gateway took any",
        )
        .purpose()
        .if_match()
        .body::<invoices::Amendment>()
        .answers::<InvoiceAnswer>(StatusCode::OK)
        .etag(),
        Operation::get(
            "/v1/billing/clients/{client}/invoices/{invoice}/versions",
            "What an invoice said so far, newest first",
        )
        .purpose()
        .query::<PageQuery>()
        .answers::<invoices::VersionsAnswer<'static>>(StatusCode::OK),
        Operation::post(
            "/v1/billing/clients/{client}/invoices/{invoice}/void",
            "Voids an invoice, while nobody's money is on it, or held for it",
        )
        .purpose()
        .if_match()
        .body::<invoices::Voiding>()
        .answers::<InvoiceAnswer>(StatusCode::OK)
        .etag(),
    ]
}

/// 201 of what was recorded on an invoice.
fn recorded<T: JsonSchema>(operation: Operation) -> Operation {
    operation
        .answers::<T>(StatusCode::CREATED)
        .with_header("ETag", "The version of the invoice, for `If-Match`")
        .with_header("Location", "The path of the invoice")
}

fn payments() -> Vec<Operation> {
    let paid = Operation::post(
        "/v1/billing/clients/{client}/invoices/{invoice}/payments",
        "A payment that the clinic itself took",
    )
    .purpose()
    .idempotent()
    .body::<payments::PaymentBody>();
    let refunded = Operation::post(
        "/v1/billing/clients/{client}/invoices/{invoice}/payments/{payment}/refunds",
        "A refund of a payment that the clinic itself took",
    )
    .purpose()
    .idempotent()
    .body::<payments::RefundBody>();
    vec![
        recorded::<payments::PaidAnswer<'static>>(paid),
        recorded::<payments::RefundedAnswer<'static>>(refunded),
        Operation::post(
            "/v1/billing/clients/{client}/invoices/{invoice}/gateway-orders",
            "Ties an order of a payment gateway to an invoice, for ever",
        )
        .purpose()
        .body::<payments::OrderBody>()
        .answers::<InvoiceAnswer>(StatusCode::OK)
        .etag(),
        Operation::get(
            "/v1/billing/clients/{client}/statement",
            "What a client was asked for, paid and was given back, and what is owed",
        )
        .purpose()
        .query::<statement::StatementQuery>()
        .answers::<statement::StatementAnswer>(StatusCode::OK),
    ]
}

fn insurance() -> Vec<Operation> {
    vec![
        Operation::get("/v1/billing/clients/{client}/claims", "A client's claims, newest first")
            .purpose()
            .query::<PageQuery>()
            .answers::<Claims>(StatusCode::OK),
        Operation::get("/v1/billing/clients/{client}/claims/{document}", "A claim")
            .purpose()
            .answers::<DocumentAnswer<'static, ClaimId, ClaimContent>>(StatusCode::OK)
            .with_header("ETag", ANOTHER),
        Operation::get(
            "/v1/billing/clients/{client}/claims/{document}/versions",
            "What a claim's source said so far, newest first",
        )
        .purpose()
        .query::<PageQuery>()
        .answers::<VersionsAnswer<'static, ClaimContent>>(StatusCode::OK),
        Operation::get(
            "/v1/billing/clients/{client}/explanations-of-benefit",
            "A client's explanations of benefit, newest first",
        )
        .purpose()
        .query::<PageQuery>()
        .answers::<ExplanationsOfBenefit>(StatusCode::OK),
        Operation::get(
            "/v1/billing/clients/{client}/explanations-of-benefit/{document}",
            "An explanation of benefit",
        )
        .purpose()
        .answers::<DocumentAnswer<'static, ExplanationOfBenefitId, ExplanationContent>>(StatusCode::OK)
        .with_header("ETag", ANOTHER),
        Operation::get(
            "/v1/billing/clients/{client}/explanations-of-benefit/{document}/versions",
            "What the source of an explanation of benefit said so far, newest first",
        )
        .purpose()
        .query::<PageQuery>()
        .answers::<VersionsAnswer<'static, ExplanationContent>>(StatusCode::OK),
    ]
}

fn gateways() -> Vec<Operation> {
    vec![
        Operation::post(
            "/v1/billing/webhooks/{gateway}/{clinic}",
            "An event, of `razorpay` or `stripe`, as they send it",
        )
        .open()
        .header(
            "X-Razorpay-Signature",
            false,
            "Where the gateway is `razorpay`: its signature",
        )
        .header("X-Razorpay-Event-Id", false, "Razorpay's own id of the event")
        .header(
            "Stripe-Signature",
            false,
            "Where the gateway is `stripe`: its signature",
        )
        .opaque_body("application/json")
        .answers::<webhook::ReceivedAnswer>(StatusCode::OK),
        Operation::get(EVENTS, "What gateways told and nobody could apply, newest first")
            .purpose()
            .query::<events::ListQuery>()
            .answers::<events::ListAnswer<'static>>(StatusCode::OK),
        Operation::post(
            "/v1/billing/webhook-events/{event}/replay",
            "Tries an event again: the event as it is then",
        )
        .purpose()
        .answers::<events::EventAnswer<'static>>(StatusCode::OK),
        Operation::post(
            "/v1/billing/webhook-events/{event}/dismiss",
            "Puts a dead letter aside: the event as it is then",
        )
        .purpose()
        .body::<events::Dismissing>()
        .answers::<events::EventAnswer<'static>>(StatusCode::OK),
    ]
}

#[test]
fn the_document_is_current() {
    let rewrap = Operation::post("/v1/billing/jobs/rewrap", "Job: bring data keys under the current key")
        .purpose()
        .answers::<RewrapAnswer>(StatusCode::OK);
    let operations: Vec<Operation> = [invoices(), payments(), insurance(), gateways(), vec![rewrap]].concat();
    openapi::assert_current("billing", &crate::ROUTES, &operations);
}
