//! The handlers. Looking at the trail is itself an access: it is recorded before anything is read.

use access::{Recorded, Request};
use audit_trail::{EXPORT_FORMAT, Event, Export, Signature, statement};
use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use http::StatusCode;
use model::{Action, DataClass, Function, Timestamp};
use serde::{Deserialize, Serialize};
use web::{Exchange, Problem, Reply};

use crate::query::{Parameters, Query};
use crate::trail::{ChainState, ClinicTrail};

/// The most events that one export holds: about 12 MiB of JSON.
const LARGEST_EXPORT: u64 = 20_000;

const ALGORITHM: &str = "Ed25519";

#[derive(Serialize)]
struct EventsAnswer {
    events: Vec<Event>,
    /// How far back was looked.
    from: Timestamp,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize)]
struct VerifyAnswer {
    /// Whether every chain is.
    intact: bool,
    events: u64,
    chains: Vec<ChainState>,
}

#[derive(Serialize)]
struct KeysAnswer {
    algorithm: &'static str,
    public_key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExportQuery {
    function: Option<Function>,
}

fn admit(exchange: &Exchange<'_>, action: Action) -> Result<Recorded, Problem> {
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

/// Events by filter, newest first.
pub(crate) fn query(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let parameters: Parameters = exchange.query()?;
    let query = Query::new(parameters, exchange.platform.clock.now())?;
    let recorded = admit(exchange, Action::Search)?;
    let trail = ClinicTrail::new(exchange, recorded.clinic())?;
    let mut found = Vec::new();
    for function in query.functions() {
        let chains = trail.each_chain(function, |entries| {
            query.contribution(entries.map(|entry| entry.map(|entry| entry.value)))
        })?;
        found.extend(chains.into_iter().flatten());
    }
    let (events, next) = query.page(found);
    Ok(Reply::ok(&EventsAnswer {
        events,
        from: query.from,
        next: next.map(|next| next.to_string()),
    })?
    .recorded(recorded.event()))
}

/// Recomputes every chain. A chain that was changed is an answer, not an error: it is what was asked for.
pub(crate) fn verify(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let recorded = admit(exchange, Action::Verify)?;
    let trail = ClinicTrail::new(exchange, recorded.clinic())?;
    let mut chains = Vec::new();
    for function in Function::ALL {
        chains.extend(trail.verify(function)?);
    }
    let intact = chains.iter().all(|chain| chain.intact);
    if !intact {
        exchange
            .platform
            .log
            .write("integrity violation: an audit chain is not what was recorded");
    }
    let events = chains.iter().filter_map(|chain| chain.events).sum();
    Ok(Reply::ok(&VerifyAnswer { intact, events, chains })?.recorded(recorded.event()))
}

/// A signed copy that anybody can check offline.
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
    if events > LARGEST_EXPORT {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "export-too-large",
            format!("The trail has {events} events and an export holds {LARGEST_EXPORT}. Export one function at a time with `?function=`."),
        )
        .recorded(recorded.event()));
    }
    let mut chains = Vec::new();
    for function in functions() {
        chains.extend(trail.export(function)?);
    }
    let key = signing_key(exchange)?;
    let clinic = recorded.clinic();
    let exported_at = exchange.platform.clock.now();
    let signature = key.sign(statement(clinic, exported_at, &chains).as_bytes());
    let export = Export {
        format: EXPORT_FORMAT.to_owned(),
        clinic,
        exported_at,
        chains,
        signature: Signature {
            algorithm: ALGORITHM.to_owned(),
            public_key: public_key(&key),
            value: Base64::encode_string(&signature.to_bytes()),
        },
    };
    Ok(Reply::ok(&export)?.recorded(recorded.event()))
}

/// The public key that exports are signed with. Readable by anybody: whoever is handed an export must be able to check it.
pub(crate) fn keys(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    Reply::ok(&KeysAnswer {
        algorithm: ALGORITHM,
        public_key: public_key(&signing_key(exchange)?),
    })
}
