//! What payment gateways deliver. Whoever can't sign is told nothing and changes nothing; what is signed settles an invoice, waits for
//! one, or is kept for somebody to look at.

use access::{Delivery, Refusal, Request, VerifiedDelivery};
use http::{HeaderName, StatusCode};
use model::{Action, ClinicId, DataClass, Gateway, GatewayEventId};
use schemars::JsonSchema;
use serde::Serialize;
use web::{Exchange, Problem, Reply};

use crate::book::{Book, DeadReason, Fate, GatewayEvent, OpenBook, Tied};
use crate::gateway::{self, Content, Delivered, Told, shown_id};
use crate::invoice::TiedOrder;
use crate::keys::vault;
use crate::ledger::Ledgers;
use crate::settings::webhook_secrets;
use crate::settlement::{give_up, settle, wait_for_order};

const RAZORPAY_SIGNATURE: HeaderName = HeaderName::from_static("x-razorpay-signature");
const RAZORPAY_EVENT_ID: HeaderName = HeaderName::from_static("x-razorpay-event-id");
const STRIPE_SIGNATURE: HeaderName = HeaderName::from_static("stripe-signature");

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReceivedEvent")]
pub(crate) struct ReceivedAnswer {
    event_id: GatewayEventId,
}

fn not_genuine() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "invalid-signature",
        "The signature of this webhook is not genuine, or it is too old.",
    )
}

/// Checks the signature over the bytes of the body, before anything of it is looked at.
fn verify(exchange: &Exchange<'_>, gateway: Gateway, clinic: ClinicId) -> Result<VerifiedDelivery, Problem> {
    let secrets = webhook_secrets(exchange, gateway, clinic)?;
    let header = match gateway {
        Gateway::Razorpay => RAZORPAY_SIGNATURE,
        Gateway::Stripe => STRIPE_SIGNATURE,
    };
    // Two signatures could be read differently by whoever takes the first and whoever takes the last.
    let signature = exchange.header(&header).ok().flatten().ok_or_else(not_genuine)?;
    let delivery = Delivery {
        gateway,
        clinic,
        body: exchange.body(),
        signature,
    };
    delivery
        .verify(&secrets, exchange.platform.clock.now())
        .map_err(|_| not_genuine())
}

/// What is kept of a delivery.
fn event(exchange: &Exchange<'_>, gateway: Gateway, id: GatewayEventId, delivered: Delivered) -> GatewayEvent {
    let gateway_id = match gateway {
        Gateway::Razorpay => shown_id(exchange.header(&RAZORPAY_EVENT_ID).ok().flatten()),
        Gateway::Stripe => String::from_utf8(delivered.identity).ok(),
    };
    let (told, fate) = match delivered.content {
        Content::Payment(told) => (Some(*told), Fate::Received),
        Content::NoOrder => (None, Fate::Dead(DeadReason::NoOrder)),
        Content::Incomplete => (None, Fate::Dead(DeadReason::Incomplete)),
        Content::Other => (None, Fate::Noted),
    };
    GatewayEvent {
        id,
        gateway,
        kind: delivered.kind,
        gateway_id,
        at: delivered.at,
        received_at: exchange.platform.clock.now(),
        told,
        fate,
        dismissal: None,
    }
}

/// `POST /v1/billing/webhooks/{gateway}/{clinic}`
///
/// Order: signature, trail, event, its place in the log, that it waits for its order, the invoice, what became of the event, that it waits
/// no more, that it is settled, answer. A crash anywhere is no answer, so the gateway sends the event again, and it goes on from
/// there: each step that was done is found done and done no second time. An event that is settled writes nothing, not even in the
/// trail, so a delivery that is sent again and again grows no store.
///
/// Exactly once, then, by what the event says of itself under the signature; and where a gateway tells the same under another name,
/// once by what it tells, because a state is joined and not added to: see [`crate::payment`].
pub(crate) fn receive(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let gateway: Gateway = exchange.parameter("gateway")?;
    let clinic: ClinicId = exchange.parameter("clinic")?;
    let delivery = verify(exchange, gateway, clinic)?;
    let delivered = gateway::read(gateway, exchange.body())?;
    let book = Book::new(exchange, clinic)?;
    let id = book.event_id(gateway, &delivered);
    if !book.is_settled(id)? {
        let request = Request::new(Action::Create, DataClass::Billing).of(id);
        let recorded = exchange.gate()?.admit_webhook(delivery, &request, None)?;
        let book = book.open_or_begin(&vault(exchange)?, &recorded)?;
        let event = book.keep(event(exchange, gateway, id, delivered))?;
        if let Some(told) = &event.told {
            pass_on(exchange, delivery, &book, id, told)?;
        }
        book.settle(id)?;
    }
    Reply::ok(&ReceivedAnswer { event_id: id })
}

/// Lets an event wait for its order, and applies it where that is tied.
fn pass_on(
    exchange: &Exchange<'_>,
    delivery: VerifiedDelivery,
    book: &OpenBook<'_>,
    id: GatewayEventId,
    told: &Told,
) -> Result<(), Problem> {
    let order = wait_for_order(book, delivery.gateway(), id, told)?;
    match order.tied {
        Some(tied) => apply(exchange, delivery, book, id, told, tied),
        None => book.decide(id, Fate::Dead(DeadReason::UnknownOrder)),
    }
}

/// Applies an event, and what waits beside it, on a ground of its own: the gateway's. No consent is asked for, and none can be
/// missing: see `webhook.settlement` in the access table.
fn apply(
    exchange: &Exchange<'_>,
    delivery: VerifiedDelivery,
    book: &OpenBook<'_>,
    id: GatewayEventId,
    told: &Told,
    tied: Tied,
) -> Result<(), Problem> {
    let permissions = exchange.permissions()?.read(delivery.clinic(), tied.client)?;
    let request = Request::new(Action::Amend, DataClass::Billing)
        .about(tied.client)
        .of(tied.invoice);
    let recorded = match exchange.gate()?.admit_webhook(delivery, &request, permissions.as_ref()) {
        Ok(recorded) => recorded,
        // Her file is gone, and with it whose invoice it was.
        Err(Refusal::Denied { .. }) => return give_up(book, &[id]),
        Err(refusal) => return Err(refusal.into()),
    };
    let ledgers = Ledgers::new(exchange)?;
    let Some(ledger) = ledgers.open_if_begun(&recorded)? else {
        return give_up(book, &[id]);
    };
    let order = TiedOrder {
        gateway: delivery.gateway(),
        reference: told.order.clone(),
    };
    settle(book, &ledger, &order, tied, Some(id)).map(drop)
}
