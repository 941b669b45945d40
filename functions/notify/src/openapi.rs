//! What this function takes and answers, for `docs/openapi/notify.json`.

use http::StatusCode;
use model::{ClinicId, MessageId};
use notification::MESSAGES;
use openapi::Operation;
use schemars::JsonSchema;

use crate::drain::DrainAnswer;
use crate::review::{ListAnswer, ListQuery, MessageAnswer};

#[derive(JsonSchema)]
#[expect(dead_code, reason = "it says what the handler reads for one of the providers alone")]
struct CallbackQuery {
    /// Where the provider is `twilio`: as the URL says that it was given.
    clinic: Option<ClinicId>,
    /// Where the provider is `twilio`: as the URL says that it was given.
    message: Option<MessageId>,
}

/// The headers that sign as Standard Webhooks does, which a provider needs all of.
fn signed(callback: Operation) -> Operation {
    [
        ("Webhook-Id", "Where the provider is `webhook`: the id of what it tells"),
        ("Webhook-Timestamp", "Where the provider is `webhook`: when it told it"),
        (
            "Webhook-Signature",
            "Where the provider is `webhook`: its signature, as Standard Webhooks has it",
        ),
        ("Svix-Id", "Where the provider is `resend`: the id of what it tells"),
        ("Svix-Timestamp", "Where the provider is `resend`: when it told it"),
        ("Svix-Signature", "Where the provider is `resend`: its signature"),
        ("X-Twilio-Signature", "Where the provider is `twilio`: its signature"),
    ]
    .into_iter()
    .fold(callback, |callback, (name, description)| {
        callback.header(name, false, description)
    })
}

#[test]
fn the_document_is_current() {
    let callback = Operation::post(
        "/v1/notify/callbacks/{provider}",
        "What became of a message, of `twilio`, `resend` or `webhook`, as they send it",
    )
    .open()
    .query::<CallbackQuery>();
    let operations = [
        Operation::get(MESSAGES, "Messages, newest first")
            .purpose()
            .query::<ListQuery>()
            .answers::<ListAnswer>(StatusCode::OK),
        Operation::get("/v1/notify/messages/{message}", "What became of a message")
            .purpose()
            .answers::<MessageAnswer>(StatusCode::OK),
        Operation::get("/v1/notify/dead-letters", "Messages that were given up, newest first")
            .purpose()
            .query::<ListQuery>()
            .answers::<ListAnswer>(StatusCode::OK),
        Operation::post("/v1/notify/jobs/drain", "Job: send what is due")
            .purpose()
            .answers::<DrainAnswer>(StatusCode::OK),
        signed(callback)
            .opaque_body("*/*")
            .answers_nothing(StatusCode::NO_CONTENT),
        Operation::get(
            "/v1/notify/capture",
            "A page of what would have been sent, where that is on, for development",
        )
        .open()
        .answers_opaque("text/html"),
    ];
    openapi::assert_current("notify", &crate::ROUTES, &operations);
}
