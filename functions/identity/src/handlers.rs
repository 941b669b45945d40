//! The handlers: what each request wants, in the order of effects that every one of them keeps: authenticate, decide and
//! record, unlock, then read or write, then answer.

use access::{Recorded, Refusal, Request};
use model::{AccountId, Action, ClientId, Confidential, DataClass, Purpose, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Versioned, idempotency};
use web::import::Source;
use web::{Asking, Check, Exchange, Problem, Reply, VersionsPage};

use crate::details::Details;
use crate::lookup::Sought;
use crate::name::Name;
use crate::register::{Client, Merged, Register};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewClient")]
pub(crate) struct Registration {
    /// Her file, as `consent` opened it.
    client_id: ClientId,
    client: Details,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Correction {
    /// Why she is corrected: stands in the version.
    #[schemars(length(min = 1, max = 500))]
    reason: Confidential<String>,
    client: Details,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Client")]
pub(crate) struct ClientAnswer<'c> {
    client_id: ClientId,
    version: u64,
    registered_at: Timestamp,
    registered_by: AccountId,
    written_at: Timestamp,
    written_by: AccountId,
    /// Why this version was written. Absent in the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'c Confidential<String>>,
    /// The entry that she is looked at by, since this one was merged into it.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_by: Option<Merged>,
    /// The entries that were merged into this one.
    #[serde(skip_serializing_if = "<[Merged]>::is_empty")]
    replaces: &'c [Merged],
    /// Where the details were imported from.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'c Source>,
    #[serde(flatten)]
    details: &'c Details,
}

impl<'c> ClientAnswer<'c> {
    fn new(client_id: ClientId, version: u64, client: &'c Client) -> Self {
        Self {
            client_id,
            version,
            registered_at: client.registered_at,
            registered_by: client.registered_by,
            written_at: client.written_at,
            written_by: client.written_by,
            reason: client.reason.as_ref(),
            replaced_by: client.replaced_by,
            replaces: &client.replaces,
            source: client.imported.as_ref().map(|imported| &imported.source),
            details: &client.details,
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "History")]
pub(crate) struct HistoryAnswer<'c> {
    versions: Vec<ClientAnswer<'c>>,
    /// The `cursor` of the next page. Absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FoundClients")]
pub(crate) struct SearchAnswer {
    clients: Vec<Hit>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FoundClient")]
struct Hit {
    client_id: ClientId,
    /// Absent in an emergency: whoever breaks the glass is told more, and not before.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Confidential<Name>>,
}

/// Decides and records what a caller wants to do with a client's entry.
pub(crate) fn admit(exchange: &Exchange<'_>, action: Action, client: ClientId) -> Result<Recorded, Problem> {
    let asking = Asking::new(exchange, exchange.caller()?, client, DataClass::Identity)?;
    Ok(asking.admit(action, None)?)
}

/// Registers a client. The document is named by the client, so the key that a repeated request is known by has nothing to name
/// here; it is asked for all the same, as on every request that creates.
pub(crate) fn register(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let Registration { client_id, client } = exchange.json()?;
    let now = exchange.platform.clock.now();
    let details = client.normalised("/client", now)?;
    exchange.idempotency_key()?;
    let recorded = admit(exchange, Action::Create, client_id)?;
    let register = Register::new(exchange)?;
    let written = register.open_or_begin(&recorded)?.create(Client {
        registered_at: now,
        registered_by: recorded.account(),
        written_at: now,
        written_by: recorded.account(),
        reason: None,
        details,
        replaced_by: None,
        replaces: Vec::new(),
        imported: None,
        fingerprint: idempotency::fingerprint(exchange.keyring.key("index")?, exchange.body()),
    })?;
    let location = format!("{}/{client_id}", exchange.path());
    Ok(Reply::created(
        &location,
        &ClientAnswer::new(client_id, written.version, &written.value),
    )?
    .etag(written.version)
    .recorded(recorded.event()))
}

pub(crate) fn read(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let client_id: ClientId = exchange.parameter("client")?;
    let recorded = admit(exchange, Action::Read, client_id)?;
    let register = Register::new(exchange)?;
    let entry = register
        .open(&recorded)?
        .ok_or_else(|| Problem::not_found(recorded.event()))?;
    let Versioned { version, value } = entry.read()?;
    Ok(Reply::ok(&ClientAnswer::new(client_id, version, &value))?
        .etag(version)
        .recorded(recorded.event()))
}

pub(crate) fn correct(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let client_id: ClientId = exchange.parameter("client")?;
    let Correction { reason, client } = exchange.json()?;
    let expected = exchange.if_match()?;
    let mut check = Check::new();
    check.text(reason.expose(), "/reason", 1, 500);
    check.finish()?;
    let now = exchange.platform.clock.now();
    let details = client.normalised("/client", now)?;
    let recorded = admit(exchange, Action::Amend, client_id)?;
    let register = Register::new(exchange)?;
    let entry = register
        .open(&recorded)?
        .ok_or_else(|| Problem::not_found(recorded.event()))?;
    let corrected = entry.correct(expected, |client| Client {
        written_at: now,
        written_by: recorded.account(),
        reason: Some(reason.clone()),
        details: details.clone(),
        ..client.clone()
    })?;
    Ok(
        Reply::ok(&ClientAnswer::new(client_id, corrected.version, &corrected.value))?
            .etag(corrected.version)
            .recorded(recorded.event()),
    )
}

/// The versions of a client's entry, newest first, the first page beginning with the current one.
pub(crate) fn history(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let client_id: ClientId = exchange.parameter("client")?;
    let page = VersionsPage::by(exchange)?;
    let recorded = admit(exchange, Action::Read, client_id)?;
    let register = Register::new(exchange)?;
    let entry = register
        .open(&recorded)?
        .ok_or_else(|| Problem::not_found(recorded.event()))?;
    let current = entry.read()?;
    let past = entry.past_versions(current.version, page)?;
    let next = page.next(current.version, past.last().map(|last| last.version));
    let versions = page.current(&current).into_iter().chain(&past);
    let versions = versions
        .map(|Versioned { version, value }| ClientAnswer::new(client_id, *version, value))
        .collect();
    Ok(Reply::ok(&HistoryAnswer { versions, next })?.recorded(recorded.event()))
}

/// Finds clients by one exact value. The search itself is decided and recorded once; then each client that the index names is
/// decided and recorded as a read of her entry, so that the trail shows whom a search was about. Those whom the caller
/// may not read are left out without a word. An entry that was merged into another one finds that one, where the caller may
/// read it; it is decided and recorded too.
///
/// In an emergency (purpose BTG) a clinician finds the ids of clients who are not hers, to break the glass for them. Each is decided and
/// recorded too.
pub(crate) fn search(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let sought: Sought = exchange.json()?;
    let value = sought.value()?;
    let caller = exchange.caller()?;
    let gate = exchange.gate()?;
    let purpose = exchange.purpose()?;
    let request = Request::new(Action::Search, DataClass::Identity).purpose(purpose);
    let search = gate.admit(&caller, &request, None)?;
    let permissions = exchange.permissions()?;
    let register = Register::new(exchange)?;
    let is_emergency = purpose == Some(Purpose::BreakGlass);
    let look = if is_emergency { Action::Search } else { Action::Read };
    let look_at = |client_id| -> Result<Option<Client>, Problem> {
        let request = Request::new(look, DataClass::Identity)
            .about(client_id)
            .purpose(purpose);
        let permissions = permissions.read(caller.clinic(), client_id)?;
        let recorded = match gate.admit(&caller, &request, permissions.as_ref()) {
            Ok(recorded) => recorded,
            Err(Refusal::Denied { .. }) => return Ok(None),
            Err(refusal) => return Err(refusal.into()),
        };
        let Some(entry) = register.open(&recorded)? else {
            return Ok(None);
        };
        Ok(entry.read_if_there()?.map(|client| client.value))
    };
    let mut clients: Vec<Hit> = Vec::new();
    for listed in register.find(&search, &value)? {
        // What the index says is only where to look: what counts is what the client has now.
        let Some(client) = look_at(listed)?.filter(|client| client.details.values().contains(&value)) else {
            continue;
        };
        let survivor = match client.replaced_by {
            Some(Merged { client_id, merge_id }) => look_at(client_id)?
                .filter(|survivor| survivor.stands_for(listed, merge_id))
                .map(|survivor| (client_id, survivor)),
            None => None,
        };
        let (client_id, client) = survivor.unwrap_or((listed, client));
        if !clients.iter().any(|hit| hit.client_id == client_id) {
            clients.push(Hit {
                client_id,
                name: (!is_emergency).then_some(client.details.name),
            });
        }
    }
    Ok(Reply::ok(&SearchAnswer { clients })?.recorded(search.event()))
}
