//! What nobody could apply: looked at, and tried again.

use access::Request;
use model::{Action, DataClass, Gateway, GatewayEventId, Timestamp};
use serde::{Deserialize, Serialize};
use web::{Exchange, Problem, Reply, page_size};

use crate::book::{Book, Fate, GatewayEvent, OpenBook};
use crate::gateway::Told;
use crate::invoice::TiedOrder;
use crate::keys::vault;
use crate::ledger::{Ledgers, admit_about};
use crate::settlement::{give_up, settle};

/// Events that are listed. What was applied stands in the invoice, and is for those who may see that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ListedState {
    Dead,
    Noted,
    Received,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    state: Option<ListedState>,
    cursor: Option<u64>,
    limit: Option<usize>,
}

#[derive(Serialize)]
struct EventAnswer<'e> {
    id: GatewayEventId,
    gateway: Gateway,
    r#type: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway_event_id: Option<&'e str>,
    at: Timestamp,
    received_at: Timestamp,
    #[serde(flatten)]
    fate: Fate,
    /// What it tells, until it is applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    tells: Option<&'e Told>,
}

#[derive(Serialize)]
struct ListAnswer<'e> {
    events: Vec<EventAnswer<'e>>,
    /// Where the next page begins.
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
        Fate::Noted => state == ListedState::Noted,
        Fate::Received => state == ListedState::Received,
        Fate::Applied => false,
    };
    let book = Book::new(exchange, caller.clinic())?.open_if_begun(&vault(exchange)?, &recorded)?;
    let (events, next) = match book {
        Some(book) => book.list(query.cursor, limit, is_wanted)?,
        None => (Vec::new(), None),
    };
    let answer = ListAnswer {
        events: events.iter().map(EventAnswer::from).collect(),
        next: next.map(|next| next.to_string()),
    };
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}

/// `POST /v1/billing/webhook-events/{event}/replay`
///
/// Order: trail, that the event waits for its order, trail once more, then as an event that is delivered. A crash anywhere leaves what a
/// crash leaves there; the request is repeated.
pub(crate) fn replay(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let id: GatewayEventId = exchange.parameter("event")?;
    let caller = exchange.caller()?;
    let request = Request::new(Action::Execute, DataClass::Billing)
        .of(id)
        .purpose(exchange.purpose()?);
    let recorded = exchange.gate()?.admit(&caller, &request, None)?;
    let not_found = || Problem::not_found(recorded.event());
    let book = Book::new(exchange, caller.clinic())?
        .open_if_begun(&vault(exchange)?, &recorded)?
        .ok_or_else(not_found)?;
    let find = || book.find(id)?.ok_or_else(not_found);
    let event = find()?;
    if event.fate != Fate::Applied
        && let Some(told) = &event.told
    {
        pass_on(exchange, &book, &event, told)?;
    }
    Ok(Reply::ok(&EventAnswer::from(&find()?))?.recorded(recorded.event()))
}

/// Applies an event again where its order is tied: on the ground that whoever asks has, not on the gateway's, which has told what it
/// had to tell.
fn pass_on(exchange: &Exchange<'_>, book: &OpenBook<'_>, event: &GatewayEvent, told: &Told) -> Result<(), Problem> {
    let order = book.change_order(event.gateway, &told.order, |order| {
        order.wait(event.id, told.facts.moves_money());
    })?;
    let Some(tied) = order.tied else {
        return Ok(());
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
