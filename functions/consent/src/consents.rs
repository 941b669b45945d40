//! Giving, withdrawing and proving consent.

use access::Recorded;
use model::{Action, ClientId, Confidential, ConsentId, DataClass, Timestamp};
use serde::{Deserialize, Serialize};
use store::idempotency;
use web::{Check, Exchange, Problem, Reply, page_size};

use crate::file::ClientFile;
use crate::ledger::{Consent, ConsentHistory, Given, LedgerEntry, Membership, Withdrawal};
use crate::notice::Notices;
use crate::proofs::Receipts;
use crate::standing::Standing;
use crate::terms::Terms;

/// The most that are live at a time. The permissions document is read on every request about the client, so it stays small.
const LIVE: usize = 64;

#[derive(Serialize)]
struct ConsentAnswer<'c> {
    #[serde(flatten)]
    consent: &'c Consent,
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawn_at: Option<Timestamp>,
}

/// A consent with its receipt, which speaks of the moment when it was given: the same however often the request is repeated.
#[derive(Serialize)]
struct GivenAnswer<'c> {
    #[serde(flatten)]
    consent: &'c Consent,
    receipt: String,
}

#[derive(Serialize)]
struct WithdrawalAnswer {
    consent_id: ConsentId,
    withdrawn_at: Timestamp,
    receipt: String,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum EntryAnswer<'e> {
    Given(&'e Consent),
    Withdrawn(&'e Withdrawal),
    JoinedCareTeam(&'e Membership),
    LeftCareTeam(&'e Membership),
}

impl<'e> From<&'e LedgerEntry> for EntryAnswer<'e> {
    fn from(entry: &'e LedgerEntry) -> Self {
        match entry {
            LedgerEntry::Given(Given { consent, .. }) => Self::Given(consent),
            LedgerEntry::Withdrawn(withdrawal) => Self::Withdrawn(withdrawal),
            LedgerEntry::JoinedCareTeam(change) => Self::JoinedCareTeam(change),
            LedgerEntry::LeftCareTeam(change) => Self::LeftCareTeam(change),
        }
    }
}

#[derive(Serialize)]
struct LedgerAnswer<'e> {
    entries: Vec<EntryAnswer<'e>>,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LedgerQuery {
    cursor: Option<u64>,
    limit: Option<usize>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WithdrawalBody {
    #[serde(default)]
    reason: Option<Confidential<String>>,
}

/// Records a consent.
///
/// Order: ledger, permissions, answer with its receipt. A crash after the ledger entry leaves a consent that is proven and not yet
/// in effect; the repeated request comes to the same id, finds the entry and lets it take effect. A crash after the
/// permissions leaves nothing undone but the answer.
pub(crate) fn give(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let terms: Terms = exchange.json()?;
    let key = exchange.idempotency_key()?;
    let caller = exchange.caller()?;
    let index = exchange.keyring.key("index")?;
    let consent_id: ConsentId = idempotency::created_id(index, caller.clinic(), caller.account(), exchange.path(), key);
    let (file, recorded, permissions) = ClientFile::enter(
        exchange,
        &caller,
        Action::Create,
        DataClass::Consent,
        Some(consent_id.to_string()),
    )?;
    // Before anything is written: what can't be proven is not recorded.
    let receipts = Receipts::new(exchange)?;
    let now = exchange.platform.clock.now();
    let fingerprint = idempotency::fingerprint(index, exchange.body());
    let ledger = file.ledger();
    if ledger.find(consent_id)?.is_none() {
        let notice = Notices::new(exchange)?.read(recorded.clinic(), terms.notice_id)?;
        terms
            .check(notice.as_ref(), now)
            .map_err(|problem| problem.recorded(recorded.event()))?;
        // Requests that meet here may go beyond the bound by as many as they are, which keeps the document small enough.
        let live = permissions
            .consents
            .iter()
            .filter(|consent| consent.expires_at.is_none_or(|end| now < end));
        if live.count() >= LIVE {
            return Err(Problem::conflict(
                "too-many-consents",
                format!("A client has at most {LIVE} live consents. Withdraw one first."),
            )
            .recorded(recorded.event()));
        }
        ledger.enter_given(Given {
            consent: Consent {
                consent_id,
                notice_id: terms.notice_id,
                notice_sha256: notice.map(|notice| notice.sha256).unwrap_or_default(),
                language: terms.language,
                purposes: terms.purposes,
                classes: terms.classes,
                given_by: terms.given_by,
                method: terms.method,
                given_at: now,
                recorded_by: recorded.account(),
                expires_at: terms.expires_at,
            },
            fingerprint,
        })?;
    }
    let given = ledger
        .find(consent_id)?
        .ok_or_else(|| Problem::defect("a consent that was just entered is not in the ledger"))?
        .given;
    if given.fingerprint != fingerprint {
        return Err(Problem::idempotency_key_reused().recorded(recorded.event()));
    }
    file.make_live(&given.consent, now)?;
    let consent = &given.consent;
    let receipt = receipts.issue(&Standing::when_given(recorded.clinic(), permissions.client, consent))?;
    let location = format!("{}/{consent_id}", exchange.path());
    Ok(Reply::created(&location, &GivenAnswer { consent, receipt })?.recorded(recorded.event()))
}

/// The ledger, newest first.
pub(crate) fn list(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let query: LedgerQuery = exchange.query()?;
    let limit = page_size(query.limit)?;
    let caller = exchange.caller()?;
    let (file, recorded, _) = ClientFile::enter(exchange, &caller, Action::List, DataClass::Consent, None)?;
    let mut page = Vec::with_capacity(limit);
    let mut next = None;
    let mut last = None;
    for entry in file.ledger().log.newest_first(query.cursor) {
        if page.len() == limit {
            next = last;
            break;
        }
        let entry = entry?;
        last = Some(entry.sequence.to_string());
        page.push(entry.value);
    }
    let entries = page.iter().map(EntryAnswer::from).collect();
    Ok(Reply::ok(&LedgerAnswer { entries, next })?.recorded(recorded.event()))
}

/// Decides and records that one consent is read, and finds it: as it is, as a receipt, as a FHIR resource.
pub(crate) fn find(exchange: &Exchange<'_>) -> Result<(Recorded, ClientId, ConsentHistory), Problem> {
    let consent_id: ConsentId = exchange.parameter("consent")?;
    let caller = exchange.caller()?;
    let (file, recorded, permissions) = ClientFile::enter(
        exchange,
        &caller,
        Action::Read,
        DataClass::Consent,
        Some(consent_id.to_string()),
    )?;
    let history = file
        .ledger()
        .find(consent_id)?
        .ok_or_else(|| Problem::not_found(recorded.event()))?;
    Ok((recorded, permissions.client, history))
}

/// One consent, whether it was withdrawn or not.
pub(crate) fn read(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let (recorded, _, history) = find(exchange)?;
    let answer = ConsentAnswer {
        consent: &history.given.consent,
        withdrawn_at: history.withdrawal.map(|withdrawal| withdrawal.withdrawn_at),
    };
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}

/// Withdraws a consent, as easily as it was given: one request, in effect on the very next one everywhere.
///
/// Order: permissions, ledger, permissions once more, answer with its receipt. A crash after the first leaves a consent that is without
/// effect and not yet entered as withdrawn; the repeated request enters it. The second write keeps a request that is
/// recording the same consent from bringing it back: see [`ClientFile::make_live`]. A crash before it is healed by the
/// repeated request too.
pub(crate) fn withdraw(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let consent_id: ConsentId = exchange.parameter("consent")?;
    let body = match exchange.body() {
        [] => WithdrawalBody::default(),
        _ => exchange.json()?,
    };
    if let Some(reason) = &body.reason {
        let mut check = Check::new();
        check.text(reason.expose(), "/reason", 1, 500);
        check.finish()?;
    }
    let caller = exchange.caller()?;
    let (file, recorded, permissions) = ClientFile::enter(
        exchange,
        &caller,
        Action::Revoke,
        DataClass::Consent,
        Some(consent_id.to_string()),
    )?;
    let ledger = file.ledger();
    let history = ledger
        .find(consent_id)?
        .ok_or_else(|| Problem::not_found(recorded.event()))?;
    file.end(consent_id)?;
    if history.withdrawal.is_none() {
        ledger.enter_withdrawn(Withdrawal {
            consent_id,
            withdrawn_at: exchange.platform.clock.now(),
            recorded_by: recorded.account(),
            reason: body.reason,
        })?;
        file.end(consent_id)?;
    }
    // Of two withdrawals that meet, the first is in the ledger, and both are answered with it.
    let entered = || Problem::defect("a withdrawal that was just entered is not in the ledger");
    let history = ledger.find(consent_id)?.ok_or_else(entered)?;
    let withdrawn_at = history.withdrawal.as_ref().ok_or_else(entered)?.withdrawn_at;
    // The moment that the withdrawal speaks of, however late it is repeated.
    let standing = Standing::at(recorded.clinic(), permissions.client, &history, withdrawn_at);
    let answer = WithdrawalAnswer {
        consent_id,
        withdrawn_at,
        // Last, because a withdrawal waits for nothing: where it can't be proven, it is in effect all the same.
        receipt: Receipts::new(exchange)?.issue(&standing)?,
    };
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}
