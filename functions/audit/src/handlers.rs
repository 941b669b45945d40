//! The handlers. Looking at the trail is itself an access: it is recorded before anything is read.

use access::{Recorded, Request};
use audit_trail::{EXPORT_FORMAT, Event, Export, Signature};
use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use http::StatusCode;
use model::{Action, DataClass, Function, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::{Exchange, Problem, Reply};

use crate::cursor::{CursorOf, Cursors};
use crate::query::{Parameters, Query};
use crate::trail::{ChainState, ClinicTrail};
use crate::walk::{Budget, MOST, Verified};

const ALGORITHM: &str = "Ed25519";

#[derive(Serialize, JsonSchema)]
pub(crate) struct EventsAnswer {
    /// A page may have fewer than the limit, or none, where `next` leads on.
    events: Vec<Event>,
    /// How far back was looked.
    from: Timestamp,
    /// Whether the chains are gone through one after the other, so that pages are in no order among each other.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    by_chain: bool,
    /// The `cursor` of the next page. Absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct VerifyAnswer {
    /// Whether every chain is. Not said before the last answer, unless one is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    intact: Option<bool>,
    /// In all chains so far.
    events: u64,
    /// Those that were finished by this request.
    chains: Vec<ChainState>,
    /// The cursor to go on with.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct KeysAnswer {
    /// `Ed25519`.
    algorithm: &'static str,
    /// Base64.
    public_key: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerifyQuery {
    /// The `next` of the answer before.
    cursor: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportQuery {
    /// Whose chains; else those of all.
    function: Option<Function>,
}

pub(crate) fn admit(exchange: &Exchange<'_>, action: Action) -> Result<Recorded, Problem> {
    let caller = exchange.caller()?;
    let request = Request::new(action, DataClass::Audit).purpose(exchange.purpose()?);
    Ok(exchange.gate()?.admit(&caller, &request, None)?)
}

fn signing_key(exchange: &Exchange<'_>) -> Result<SigningKey, Problem> {
    Ok(SigningKey::from_bytes(exchange.keyring.key("sign")?.expose()))
}

fn public_key(key: &SigningKey) -> String {
    Base64::encode_string(key.verifying_key().as_bytes())
}

/// In the place of the signature, until what is signed is there.
pub(crate) const UNSIGNED: Signature = Signature {
    algorithm: String::new(),
    public_key: String::new(),
    value: String::new(),
};

/// Signs what an export states.
pub(crate) fn sign(exchange: &Exchange<'_>, statement: &str) -> Result<Signature, Problem> {
    let key = signing_key(exchange)?;
    Ok(Signature {
        algorithm: ALGORITHM.to_owned(),
        public_key: public_key(&key),
        value: Base64::encode_string(&key.sign(statement.as_bytes()).to_bytes()),
    })
}

/// Events by filter, newest first, as far back as one request reads; from there on chain by chain.
pub(crate) fn query(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let parameters: Parameters = exchange.query()?;
    let query = Query::new(
        parameters,
        exchange.platform.clock.now(),
        exchange.keyring.key("index")?,
    )?;
    let recorded = admit(exchange, Action::Search)?;
    let trail = ClinicTrail::new(exchange, recorded.clinic())?;
    let cursors = Cursors::new(exchange, recorded.clinic(), CursorOf::Query)?;
    let progress = query.cursor().map(|cursor| cursors.open(cursor)).transpose();
    let page = progress
        .and_then(|progress| query.page(progress))
        .map_err(|problem| problem.recorded(recorded.event()))?;
    let (from, was_by_chain) = (page.progress.from, page.is_by_chain());
    let (events, next) = trail.page(query.scope(), page, Budget::new(exchange.platform.clock))?;
    Ok(Reply::ok(&EventsAnswer {
        events,
        from,
        by_chain: was_by_chain || next.is_some_and(|next| next.at.is_some()),
        next: next.map(|next| cursors.seal(&next)).transpose()?,
    })?
    .recorded(recorded.event()))
}

/// Recomputes every chain, or as much of them as one request can, from the `next` of an earlier answer on. A chain that was changed is an
/// answer, not an error: it is what was asked for.
pub(crate) fn verify(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let VerifyQuery { cursor } = exchange.query()?;
    let recorded = admit(exchange, Action::Verify)?;
    let trail = ClinicTrail::new(exchange, recorded.clinic())?;
    let cursors = Cursors::new(exchange, recorded.clinic(), CursorOf::Verification)?;
    let verified = match cursor {
        Some(cursor) => cursors
            .open(&cursor)
            .map_err(|problem| problem.recorded(recorded.event()))?,
        None => Verified::NOTHING,
    };
    let (chains, verified) = trail.verify(verified, Budget::new(exchange.platform.clock))?;
    if chains.iter().any(|chain| !chain.intact) {
        exchange
            .platform
            .log
            .write("integrity violation: an audit chain is not what was recorded");
    }
    let next = match verified.at {
        Some(_) => Some(cursors.seal(&verified)?),
        None => None,
    };
    let answer = VerifyAnswer {
        // Who does not look at `next` must not take a part for the whole.
        intact: (next.is_none() || !verified.intact).then_some(verified.intact),
        events: verified.events,
        chains,
        next,
    };
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}

/// A signed copy of a trail that one answer holds. Anybody can check it offline.
pub(crate) fn export(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let ExportQuery { function } = exchange.query()?;
    let recorded = admit(exchange, Action::Export)?;
    let trail = ClinicTrail::new(exchange, recorded.clinic())?;
    let functions = || {
        Function::ALL
            .into_iter()
            .filter(|other| function.is_none_or(|wanted| wanted == *other))
    };
    let mut events = 0_u64;
    for function in functions() {
        events = events.saturating_add(trail.count(function)?);
    }
    if usize::try_from(events).map_or(true, |events| events > MOST) {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "export-too-large",
            format!(
                "The trail has {events} events and one answer holds {MOST}. Take it in parts: `/v1/audit/export/parts`."
            ),
        )
        .recorded(recorded.event()));
    }
    let began_at = exchange.platform.clock.now();
    let mut chains = Vec::new();
    for function in functions() {
        chains.extend(trail.export(function)?);
    }
    let mut export = Export {
        format: EXPORT_FORMAT.to_owned(),
        clinic: recorded.clinic(),
        began_at: Some(began_at),
        exported_at: exchange.platform.clock.now(),
        chains,
        signature: UNSIGNED,
    };
    export.signature = sign(exchange, &export.statement())?;
    Ok(Reply::ok(&export)?.recorded(recorded.event()))
}

/// The public key that exports are signed with. Readable by anybody: whoever is handed an export must be able to check it.
pub(crate) fn keys(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    Reply::ok(&KeysAnswer {
        algorithm: ALGORITHM,
        public_key: public_key(&signing_key(exchange)?),
    })
}
