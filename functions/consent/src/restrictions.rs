//! The lock-box: what a client hides from those who could otherwise see it, a class of her data or a person.

use access::{Permissions, Restriction};
use model::{AccountId, Action, DataClass, RestrictionId, Role};
use schemars::JsonSchema;
use serde::Deserialize;
use store::idempotency;
use web::{Check, Exchange, Problem, Reply};

use crate::file::ClientFile;
use crate::ledger::{Hidden, LedgerEntry, Lifting, Restricted};
use crate::optional_body::NoFields;

/// The most that one client hides. The permissions document is read on every request about her, so it stays small.
const RESTRICTIONS: usize = 64;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewRestriction")]
pub(crate) struct RestrictionBody {
    /// What is hidden. Absent for everything.
    #[serde(default)]
    class: Option<DataClass>,
    /// From whom. Absent for everybody but the client.
    #[serde(default)]
    account_id: Option<AccountId>,
}

fn is_live(permissions: &Permissions, id: RestrictionId) -> bool {
    permissions.restrictions.iter().any(|restriction| restriction.id == id)
}

/// Hides something, from the next request on.
///
/// Order: ledger, permissions, answer. A crash after the ledger entry leaves something entered that is not hidden yet; the repeated request
/// comes to the same id, finds the entry and hides it.
pub(crate) fn restrict(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let RestrictionBody { class, account_id } = exchange.json()?;
    let mut check = Check::new();
    check.that(
        class.is_none_or(DataClass::is_consentable),
        "/class",
        "consentable",
        "must be a class that holds data about the client",
    );
    check.finish()?;
    let key = exchange.idempotency_key()?;
    let caller = exchange.caller()?;
    let index = exchange.keyring.key("index")?;
    let restriction_id: RestrictionId =
        idempotency::created_id(index, caller.clinic(), caller.account(), exchange.path(), key);
    let (file, recorded, permissions) = ClientFile::enter(
        exchange,
        &caller,
        Action::Create,
        DataClass::Restriction,
        Some(restriction_id.to_string()),
    )?;
    let fingerprint = idempotency::fingerprint(index, exchange.body());
    let ledger = file.ledger();
    let id = restriction_id.as_bytes();
    let begun = if let Some(begun) = ledger.begun(id)? {
        begun
    } else {
        // Requests that meet here may go beyond the bound by as many as they are, which keeps the document small enough.
        if permissions.restrictions.len() >= RESTRICTIONS {
            return Err(Problem::conflict(
                "too-many-restrictions",
                format!("A client hides at most {RESTRICTIONS} things. Lift one first."),
            )
            .recorded(recorded.event()));
        }
        ledger.begin(LedgerEntry::Restricted(Restricted {
            restriction: Hidden {
                restriction_id,
                class,
                account_id,
                restricted_at: file.now,
                recorded_by: recorded.account(),
            },
            fingerprint,
        }))?
    };
    let LedgerEntry::Restricted(restricted) = begun else {
        return Err(Problem::defect("something else has the id of a restriction"));
    };
    if restricted.fingerprint != fingerprint {
        return Err(Problem::idempotency_key_reused().recorded(recorded.event()));
    }
    let hidden = &restricted.restriction;
    file.make_live(
        |_| file.has_ended(id),
        |permissions| is_live(permissions, restriction_id),
        |permissions| {
            permissions.restrictions.push(Restriction {
                id: restriction_id,
                class: hidden.class,
                account: hidden.account_id,
            });
        },
    )?;
    Ok(Reply::created_without_location(hidden)?.recorded(recorded.event()))
}

/// Shows again what was hidden. In a shared file nobody shows what another hid: what staff entered there the privacy officer lifts. No officer
/// lifts what names her own account: as a clinician she would let herself at what the client hides from her of all people.
///
/// Order: ledger, permissions, answer. A crash in between leaves something hidden that the ledger shows as lifted; the repeated request
/// lifts it.
pub(crate) fn lift(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let restriction_id: RestrictionId = exchange.parameter("restriction")?;
    NoFields::check(exchange)?;
    let caller = exchange.caller()?;
    let (file, recorded, permissions) = ClientFile::enter(
        exchange,
        &caller,
        Action::Revoke,
        DataClass::Restriction,
        Some(restriction_id.to_string()),
    )?;
    let ledger = file.ledger();
    let history = ledger
        .find(restriction_id.as_bytes())?
        .ok_or_else(|| Problem::not_found(recorded.event()))?;
    let LedgerEntry::Restricted(Restricted { restriction, .. }) = &history.begun else {
        return Err(Problem::not_found(recorded.event()));
    };
    let is_anothers = restriction.recorded_by != recorded.account();
    if recorded.role() == Role::Client && !permissions.participants.is_empty() && is_anothers {
        return Err(Problem::conflict(
            "not-your-restriction",
            "In a shared file each participant lifts what she restricted herself.",
        )
        .recorded(recorded.event()));
    }
    if recorded.role() != Role::Client && restriction.account_id == Some(recorded.account()) {
        return Err(Problem::conflict(
            "own-restriction",
            "Nobody lifts what is hidden from her by name. Ask the client, or another privacy officer.",
        )
        .recorded(recorded.event()));
    }
    if history.ended.is_none() {
        ledger.end(&LedgerEntry::Lifted(Lifting {
            restriction_id,
            lifted_at: file.now,
            recorded_by: recorded.account(),
        }))?;
    }
    file.end(|permissions| permissions.restrictions.retain(|hidden| hidden.id != restriction_id))?;
    Ok(Reply::no_content().recorded(recorded.event()))
}
