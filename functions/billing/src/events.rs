//! What nobody could apply: looked at, tried again, and put aside.

use access::{Recorded, Request};
use model::{Action, Confidential, DataClass, Gateway, GatewayEventId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::{Check, Exchange, Problem, Reply, page_size};

use crate::book::{Book, DeadReason, Dismissal, Fate, GatewayEvent, Listing, OpenBook};
use crate::gateway::Told;
use crate::invoice::{TiedOrder, check_reason};
use crate::keys::vault;
use crate::ledger::{Ledgers, admit_about};
use crate::settlement::{give_up, settle, wait_for_order};

/// Events that are listed. What was applied stands in the invoice, and is for those who may see that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ListedEventState")]
enum ListedState {
    Dead,
    Dismissed,
    Noted,
    Received,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// `dead` where it is not said.
    state: Option<ListedState>,
    /// The `next` of the page before.
    cursor: Option<u64>,
    /// How many at most.
    limit: Option<usize>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewDismissal")]
pub(crate) struct Dismissing {
    /// 1 to 500 characters.
    reason: String,
}

/// Something that a payment gateway told, and what became of it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "GatewayEvent")]
pub(crate) struct EventAnswer<'e> {
    id: GatewayEventId,
    gateway: Gateway,
    /// What the gateway calls it, such as `payment.captured`; `unrecognised` where that is no plain name.
    r#type: &'e str,
    /// The gateway's own id of it, to look it up there.
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway_event_id: Option<&'e str>,
    /// When it happened.
    at: Timestamp,
    received_at: Timestamp,
    #[serde(flatten)]
    fate: Fate,
    /// What it tells, until it is applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    tells: Option<&'e Told>,
    /// Who dismissed it last, also where it came to something since.
    #[serde(skip_serializing_if = "Option::is_none")]
    dismissed: Option<&'e Dismissal>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "GatewayEvents")]
pub(crate) struct ListAnswer<'e> {
    /// A page may have fewer than the limit, or none, where `next` leads on.
    events: Vec<EventAnswer<'e>>,
    /// The `cursor` of the next page. Absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl<'e> From<&'e GatewayEvent> for EventAnswer<'e> {
    fn from(event: &'e GatewayEvent) -> Self {
        Self {
            id: event.id,
            gateway: event.gateway,
            r#type: &event.kind,
            gateway_event_id: event.gateway_id.as_deref(),
            at: event.at,
            received_at: event.received_at,
            fate: event.fate,
            tells: event.told.as_ref().filter(|_| event.fate != Fate::Applied),
            dismissed: event.dismissal.as_ref(),
        }
    }
}

/// `GET /v1/billing/webhook-events`
pub(crate) fn list(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let query: ListQuery = exchange.query()?;
    let limit = page_size(query.limit)?;
    let state = query.state.unwrap_or(ListedState::Dead);
    let caller = exchange.caller()?;
    let request = Request::new(Action::Search, DataClass::Billing).purpose(exchange.purpose()?);
    let recorded = exchange.gate()?.admit(&caller, &request, None)?;
    let is_wanted = |event: &GatewayEvent| match event.fate {
        Fate::Dead(_) => state == ListedState::Dead,
        Fate::Dismissed(_) => state == ListedState::Dismissed,
        Fate::Noted => state == ListedState::Noted,
        Fate::Received => state == ListedState::Received,
        Fate::Applied => false,
    };
    let listing = match state {
        ListedState::Dead | ListedState::Dismissed => Listing::DeadLetters,
        ListedState::Noted | ListedState::Received => Listing::All,
    };
    let book = Book::new(exchange, caller.clinic())?.open_if_begun(&vault(exchange)?, &recorded)?;
    let (events, next) = match book {
        Some(book) => book.list(listing, query.cursor, limit, is_wanted)?,
        None => (Vec::new(), None),
    };
    let answer = ListAnswer {
        events: events.iter().map(EventAnswer::from).collect(),
        next: next.map(|next| next.to_string()),
    };
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}

/// Decides and records that somebody does something about an event, and opens the book that it stands in, or 404.
fn open<'a>(exchange: &Exchange<'a>, id: GatewayEventId) -> Result<(Recorded, OpenBook<'a>, GatewayEvent), Problem> {
    let caller = exchange.caller()?;
    let request = Request::new(Action::Execute, DataClass::Billing)
        .of(id)
        .purpose(exchange.purpose()?);
    let recorded = exchange.gate()?.admit(&caller, &request, None)?;
    let book = Book::new(exchange, caller.clinic())?.open_if_begun(&vault(exchange)?, &recorded)?;
    let found = match book {
        Some(book) => book.find(id)?.map(|event| (book, event)),
        None => None,
    };
    let (book, event) = found.ok_or_else(|| Problem::not_found(recorded.event()))?;
    Ok((recorded, book, event))
}

/// `POST /v1/billing/webhook-events/{event}/replay`
///
/// Order: trail, that the event waits for its order (see [`wait_for_order`]), trail once more, then as an event that is delivered. A crash anywhere leaves what a
/// crash leaves there; the request is repeated.
pub(crate) fn replay(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let id: GatewayEventId = exchange.parameter("event")?;
    let (recorded, book, mut event) = open(exchange, id)?;
    if event.fate != Fate::Applied
        && let Some(told) = &event.told
    {
        pass_on(exchange, &book, &event, told)?;
        event = book.find(id)?.ok_or_else(|| Problem::not_found(recorded.event()))?;
    }
    Ok(Reply::ok(&EventAnswer::from(&event))?.recorded(recorded.event()))
}

/// `POST /v1/billing/webhook-events/{event}/dismiss`
///
/// One write, so there is no in between; a repeated request finds the letter dismissed. It goes on waiting for its order: whatever
/// applies it later does.
pub(crate) fn dismiss(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let Dismissing { reason } = exchange.json()?;
    let id: GatewayEventId = exchange.parameter("event")?;
    let mut check = Check::new();
    check_reason(&mut check, &reason);
    check.finish()?;
    let (recorded, book, _) = open(exchange, id)?;
    let dismissal = Dismissal {
        by: recorded.account(),
        at: exchange.platform.clock.now(),
        reason: Confidential::new(reason),
    };
    let event = book.dismiss(id, &dismissal)?.ok_or_else(|| {
        let why =
            "Only a dead letter can be dismissed, and only once. This event is none, or somebody has dismissed it.";
        Problem::conflict("not-a-dead-letter", why).recorded(recorded.event())
    })?;
    Ok(Reply::ok(&EventAnswer::from(&event))?.recorded(recorded.event()))
}

/// Applies an event again where its order is tied: on the ground that whoever asks has, not on the gateway's, which has told what it
/// had to tell.
fn pass_on(exchange: &Exchange<'_>, book: &OpenBook<'_>, event: &GatewayEvent, told: &Told) -> Result<(), Problem> {
    let order = wait_for_order(book, event.gateway, event.id, told)?;
    let Some(tied) = order.tied else {
        return book.decide(event.id, Fate::Dead(DeadReason::UnknownOrder));
    };
    let recorded = admit_about(exchange, Action::Amend, Some(&tied.invoice), tied.client)?;
    let ledgers = Ledgers::new(exchange)?;
    let Some(ledger) = ledgers.open_if_begun(&recorded)? else {
        return give_up(book, &[event.id]);
    };
    let order = TiedOrder {
        gateway: event.gateway,
        reference: told.order.clone(),
    };
    settle(book, &ledger, &order, tied, Some(event.id)).map(drop)
}
