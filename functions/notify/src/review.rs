//! What those who run and watch over a clinic see of its messages: that they were sent and what became of them. Never what
//! they say, nor whom they went to.

use access::{Recorded, Request};
use crypto::KeySet;
use model::{Action, DataClass, Function, MessageId, Timestamp};
use notification::{Channel, State, Template};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::Log;
use web::{Exchange, Problem, Reply, page_size};

use crate::outbox::{LogEntry, Outbox};
use crate::outgoing::{Outgoing, Progress};
use crate::provider::ProviderName;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// The `next` of the page before.
    cursor: Option<u64>,
    /// How many at most.
    limit: Option<usize>,
}

/// What became of a message: never what it says, nor to whom.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Message")]
pub(crate) struct MessageAnswer {
    message_id: MessageId,
    /// The function that asked for it.
    asked_by: Function,
    template: Template,
    channel: Channel,
    state: State,
    accepted_at: Timestamp,
    /// When it is of no use any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// How often it began to leave.
    tries: u32,
    /// When it is tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<Timestamp>,
    /// When it was sent, or given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<Timestamp>,
    /// Who took it, or is offered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<ProviderName>,
    /// What the provider calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_id: Option<String>,
    /// When the provider said what became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_at: Option<Timestamp>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Messages")]
pub(crate) struct ListAnswer {
    messages: Vec<MessageAnswer>,
    /// The `cursor` of the next page. Absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl From<Outgoing> for MessageAnswer {
    fn from(message: Outgoing) -> Self {
        let (state, due_at) = (message.state(), message.due_at());
        let (settled_at, provider, provider_id) = match message.progress {
            Progress::Waiting { .. } => (None, None, None),
            Progress::Sending { provider, .. } => (None, Some(provider), None),
            Progress::Sent {
                at,
                provider,
                provider_id,
            } => (Some(at), Some(provider), provider_id),
            Progress::Unknown { at, provider } => (Some(at), Some(provider), None),
            Progress::Ended { at, .. } => (Some(at), None, None),
        };
        Self {
            message_id: message.id,
            asked_by: message.from,
            template: message.template,
            channel: message.channel,
            state,
            accepted_at: message.accepted_at,
            expires_at: message.expires_at,
            tries: message.tries,
            due_at,
            settled_at,
            provider,
            provider_id,
            delivery_at: message.delivery.map(|delivery| delivery.at),
        }
    }
}

fn admit(exchange: &Exchange<'_>, request: Request) -> Result<Recorded, Problem> {
    let caller = exchange.caller()?;
    let request = request.purpose(exchange.purpose()?);
    Ok(exchange.gate()?.admit(&caller, &request, None)?)
}

fn page(
    exchange: &Exchange<'_>,
    log: impl for<'o> FnOnce(&'o Outbox<'_>) -> Log<'o, LogEntry, KeySet>,
) -> Result<Reply, Problem> {
    let query: ListQuery = exchange.query()?;
    let limit = page_size(query.limit)?;
    let recorded = admit(exchange, Request::new(Action::List, DataClass::Message))?;
    let outbox = Outbox::open(exchange, recorded.clinic())?;
    let mut messages = Vec::with_capacity(limit);
    let (mut last, mut next) = (None, None);
    for entry in log(&outbox).newest_first(query.cursor) {
        let entry = entry?;
        if messages.len() == limit {
            next = last;
            break;
        }
        last = Some(entry.sequence);
        let message = outbox
            .find(entry.value.id)?
            .ok_or_else(|| Problem::defect("a log of messages names one that does not exist"))?;
        messages.push(MessageAnswer::from(message));
    }
    let next = next.map(|next: u64| next.to_string());
    Ok(Reply::ok(&ListAnswer { messages, next })?.recorded(recorded.event()))
}

/// `GET /v1/notify/messages`
pub(crate) fn list(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    page(exchange, |outbox| outbox.log())
}

/// `GET /v1/notify/dead-letters`
pub(crate) fn dead_letters(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    page(exchange, |outbox| outbox.dead_letters())
}

/// `GET /v1/notify/messages/{message}`
pub(crate) fn read(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let id: MessageId = exchange.parameter("message")?;
    let recorded = admit(exchange, Request::new(Action::Read, DataClass::Message).of(id))?;
    let message = Outbox::open(exchange, recorded.clinic())?
        .find(id)?
        .ok_or_else(|| Problem::not_found(recorded.event()))?;
    Ok(Reply::ok(&MessageAnswer::from(message))?.recorded(recorded.event()))
}
