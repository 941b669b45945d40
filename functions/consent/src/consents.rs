//! Giving, withdrawing and proving consent.

use std::cell::Cell;

use access::{LiveConsent, Permissions, Recorded};
use model::{AccountId, Action, Confidential, ConsentId, DataClass, Role, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use store::idempotency;
use web::listing::Wanted;
use web::{Check, Exchange, Problem, Reply};

use crate::consent_state::{ConsentHistory, ConsentState};
use crate::file::{ClientFile, Files};
use crate::ledger::{
    BrokenGlass, Change, Consent, Entered, Established, Given, GivenBy, GroundEnd, Hidden, LedgerEntry, Lifting,
    Membership, Method, OtherGround, Representation, Restricted, Standing, Withdrawal,
};
use crate::minority::{GIVEN_FOR_TOO_LONG, outlasts};
use crate::notice::{Notice, Notices};
use crate::optional_body::Reason;
use crate::receipts::Receipts;
use crate::redaction::Reader;
use crate::terms::{Recorder, Terms, give_anew, guardian_decides};

/// The most that are live at a time. The permissions document is read on every request about the client, so it stays small.
const LIVE: usize = 64;

/// A consent as it was given, and what ended it before its time.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Consent")]
pub(crate) struct ConsentAnswer<'c> {
    #[serde(flatten)]
    consent: &'c Consent,
    /// Absent where it was not withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawn_at: Option<Timestamp>,
    /// The consent that came in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    superseded_by: Option<ConsentId>,
}

/// A consent with its receipt.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "GivenConsent")]
pub(crate) struct GivenAnswer<'c> {
    #[serde(flatten)]
    consent: &'c Consent,
    /// A compact JWS (RFC 7515), which speaks of the moment when it was given: the same however often the request is repeated.
    receipt: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WithdrawnConsent")]
pub(crate) struct WithdrawalAnswer {
    consent_id: ConsentId,
    /// Of the first withdrawal, where there are several.
    withdrawn_at: Timestamp,
    /// A compact JWS (RFC 7515), which speaks of the moment of the withdrawal.
    receipt: String,
}

/// A change of what stands, as a list shows it.
#[derive(Serialize)]
struct ChangeAnswer<'e, T: Serialize> {
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<AccountId>,
    #[serde(flatten)]
    standing: T,
    at: Timestamp,
    #[serde(flatten)]
    entered: &'e Entered,
}

#[derive(Serialize)]
struct MinorityAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum EntryAnswer<'e> {
    Given(&'e Consent),
    Withdrawn(&'e Withdrawal),
    Restricted(&'e Hidden),
    RestrictionLifted(&'e Lifting),
    GroundEstablished(&'e OtherGround),
    GroundEnded(&'e GroundEnd),
    BrokeGlass(&'e BrokenGlass),
    JoinedCareTeam(ChangeAnswer<'e, &'e Membership>),
    LeftCareTeam(ChangeAnswer<'e, ()>),
    RepresentativeNamed(ChangeAnswer<'e, &'e Representation>),
    RepresentativeRemoved(ChangeAnswer<'e, ()>),
    MinoritySet(ChangeAnswer<'e, MinorityAnswer>),
}

impl<'e> From<&'e LedgerEntry> for EntryAnswer<'e> {
    fn from(entry: &'e LedgerEntry) -> Self {
        match entry {
            LedgerEntry::Given(Given { consent, .. }) => Self::Given(consent),
            LedgerEntry::Withdrawn(withdrawal) => Self::Withdrawn(withdrawal),
            LedgerEntry::Restricted(Restricted { restriction, .. }) => Self::Restricted(restriction),
            LedgerEntry::Lifted(lifting) => Self::RestrictionLifted(lifting),
            LedgerEntry::Established(Established { ground, .. }) => Self::GroundEstablished(ground),
            LedgerEntry::GroundEnded(end) => Self::GroundEnded(end),
            LedgerEntry::BrokeGlass(broken) => Self::BrokeGlass(broken),
            LedgerEntry::Changed(change) => Self::of(change),
        }
    }
}

impl<'e> EntryAnswer<'e> {
    fn of(change: &'e Change) -> Self {
        fn answer<T: Serialize>(change: &Change, account_id: Option<AccountId>, standing: T) -> ChangeAnswer<'_, T> {
            ChangeAnswer {
                account_id,
                standing,
                at: change.at,
                entered: &change.entered,
            }
        }
        match &change.standing {
            Standing::CareTeam(account, Some(membership)) => {
                Self::JoinedCareTeam(answer(change, Some(*account), membership))
            }
            Standing::CareTeam(account, None) => Self::LeftCareTeam(answer(change, Some(*account), ())),
            Standing::Representative(account, Some(representation)) => {
                Self::RepresentativeNamed(answer(change, Some(*account), representation))
            }
            Standing::Representative(account, None) => Self::RepresentativeRemoved(answer(change, Some(*account), ())),
            Standing::Minority(until) => Self::MinoritySet(answer(change, None, MinorityAnswer { until: *until })),
        }
    }
}

#[derive(Serialize)]
struct LedgerAnswer<'e> {
    entries: Vec<EntryAnswer<'e>>,
    /// The `cursor` of the next page. Absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

fn superseded_problem() -> Problem {
    Problem::conflict(
        "superseded",
        "Another consent has come in the place of this one. Withdraw that.",
    )
}

/// Ends a consent and what it came in the place of: that is not there either, where this one never took effect.
///
/// Order: permissions, ledger, permissions once more. A crash after the first leaves a consent that is without effect and not yet entered as ended; the repeated
/// request enters it. The second write keeps a request that is recording the same consent from bringing it back: see [`ClientFile::make_live`].
fn end(
    file: &ClientFile<'_>,
    recorded: &Recorded,
    consent: &Consent,
    is_entered: bool,
    reason: Option<Confidential<String>>,
) -> Result<(), Problem> {
    let (consent_id, superseded) = (consent.consent_id, consent.supersedes);
    let remove = |permissions: &mut Permissions| {
        permissions
            .consents
            .retain(|live| live.id != consent_id && Some(live.id) != superseded);
    };
    file.end(remove)?;
    if is_entered {
        return Ok(());
    }
    file.ledger().end(&LedgerEntry::Withdrawn(Withdrawal {
        consent_id,
        withdrawn_at: file.now,
        recorded_by: recorded.account(),
        reason,
    }))?;
    file.end(remove)
}

/// Enters that a consent never comes to have effect, and returns why.
fn void(
    file: &ClientFile<'_>,
    recorded: &Recorded,
    consent: &Consent,
    why: Problem,
    reason: &str,
) -> Result<Problem, Problem> {
    if !file.has_ended(consent.consent_id.as_bytes())? {
        let reason = Some(Confidential::new(reason.to_owned()));
        end(file, recorded, consent, false, reason)?;
    }
    Ok(why.recorded(recorded.event()))
}

/// Refuses a consent that was to supersede one that had ended when this one was entered: it has no effect, and is entered as withdrawn.
///
/// Between the look at what is live and the entry the other may have been withdrawn, or superseded by a third. The first entry that ends it
/// counts: nothing comes in the place of what is gone, and a withdrawal that was answered holds.
///
/// Order: where this one has no end yet, as [`end`] says. A crash in between leaves it without effect and not entered as withdrawn; the repeated
/// request, or one that withdraws it, enters that.
fn check_place(file: &ClientFile<'_>, recorded: &Recorded, consent: &Consent) -> Result<(), Problem> {
    let Some(superseded) = consent.supersedes else {
        return Ok(());
    };
    let successor = ConsentHistory::read(&file.ledger(), superseded)?.and_then(|history| history.successor);
    if successor.is_some_and(|successor| successor.consent_id == consent.consent_id) {
        return Ok(());
    }
    let why = Problem::conflict(
        "supersedes-ended",
        "What this consent was to supersede had been withdrawn, or superseded by another, so this one has no effect.",
    );
    Err(void(
        file,
        recorded,
        consent,
        why,
        "What it was to supersede had ended.",
    )?)
}

/// Records a consent.
///
/// Order: ledger, permissions, answer with its receipt. A crash after the ledger entry leaves a consent that is proven and not yet in
/// effect; the repeated request comes to the same id, finds the entry and lets it take effect, in place of the one that it supersedes. Until then that one
/// goes on, so that there is one or the other at any time: who wants neither withdraws either. A crash after the permissions leaves nothing undone but the answer.
///
/// Where it became known meanwhile that the client who gave it is a minor, or that it was given for one beyond her majority, it never takes effect either,
/// and is entered as withdrawn.
///
/// Where that one had ended when this one was entered, this one never takes effect: see [`check_place`]. A crash after the ledger entry leaves it without an end;
/// the repeated request, or one that withdraws it, enters that.
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
    let now = file.now;
    let fingerprint = idempotency::fingerprint(index, exchange.body());
    let ledger = file.ledger();
    let recorder = Recorder {
        role: recorded.role(),
        account: recorded.account(),
        client: caller.client(),
    };
    let participant = terms.participant(&permissions, &recorder);
    let own_file = match participant.filter(|client| permissions.participants.contains(client)) {
        Some(client) => Some(Files::new(exchange)?.of(recorded.clinic(), client)),
        None => None,
    };
    let person = match &own_file {
        Some(own) => own.permissions().read()?.map(|own| own.value),
        None => None,
    };
    let person = person.as_ref().unwrap_or(&permissions);
    let begun = if let Some(begun) = ledger.begun(consent_id.as_bytes())? {
        begun
    } else {
        let notices = Notices::new(exchange)?;
        let notice = notices.read(recorded.clinic(), terms.notice_id)?;
        // What was signed on paper is entered later, by staff, on the notice that was signed.
        let is_paper = terms.method == Method::Written && recorded.role().is_staff();
        if let Some(notice) = &notice
            && !is_paper
            && notices.replaced_by(recorded.clinic(), notice)?.is_some()
        {
            return Err(Problem::conflict(
                "already-replaced",
                "Another notice has replaced this one. Ask for consent on the newest of its series.",
            )
            .recorded(recorded.event()));
        }
        let consent = admissible(consent_id, terms, notice, &permissions, person, &recorder, now)
            .map_err(|problem| problem.recorded(recorded.event()))?;
        ledger.begin(LedgerEntry::Given(Given { consent, fingerprint }))?
    };
    let LedgerEntry::Given(given) = begun else {
        return Err(Problem::defect("something else has the id of a consent"));
    };
    if given.fingerprint != fingerprint {
        return Err(Problem::idempotency_key_reused().recorded(recorded.event()));
    }
    let consent = &given.consent;
    check_place(&file, &recorded, consent)?;
    let is_clients = consent.given_by == GivenBy::Client;
    let is_minors = |person: &Permissions| {
        let is_for_longer = |majority| outlasts(consent, person, majority, now);
        person.is_minor(now) && (is_clients || person.minor_until.is_some_and(is_for_longer))
    };
    // In a shared file nothing ends what is given for a minor when she is said to be of age sooner, but the request that says so.
    let acts_no_more = |person: &Permissions| {
        let acts = |account| person.representative(account, now).is_some();
        own_file.is_some() && !is_clients && !consent.representative_id.is_some_and(acts)
    };
    let has_ended = |current: &Permissions| {
        // Not what the permissions say alone: a majority that was said to be later since does not bring it back.
        let history = ConsentHistory::read(&ledger, consent_id)?;
        let is_over = |history| ConsentState::at(current, &history, now).ended_at().is_some();
        Ok::<_, Problem>(history.is_none_or(is_over))
    };
    // A participant's own file says it, and may have come to say it since: what she agrees to, or is agreed to for her, is looked at in both orders, here and
    // by what says so.
    let is_invalid_by_now = |current: &Permissions, has_ended: bool| -> Result<bool, Problem> {
        let own = match &own_file {
            Some(own) => Some(own.current()?.value),
            None => None,
        };
        let person = own.as_ref().unwrap_or(current);
        Ok(is_minors(person) || (!has_ended && acts_no_more(person)))
    };
    // What somebody gave for her and is in effect goes on until the minority itself ends it.
    let is_invalid = Cell::new(is_clients && is_minors(person));
    if !is_invalid.get() {
        let is_live = file.make_live(
            |current| {
                let has_ended = has_ended(current)?;
                is_invalid.set(is_invalid_by_now(current, has_ended)?);
                Ok(is_invalid.get() || has_ended)
            },
            |permissions| permissions.consents.iter().any(|live| live.id == consent_id),
            |permissions| {
                permissions.consents.retain(|live| Some(live.id) != consent.supersedes);
                permissions.consents.push(live(consent));
            },
        )?;
        if !is_live {
            // A minority that ended it between the two looks was in the permissions before its entry in the ledger.
            is_invalid.set(is_invalid.get() || is_invalid_by_now(&file.current()?.value, true)?);
            if let Some(superseded) = consent.supersedes {
                // Repeated so late that it ended by itself: the one that it came in the place of must not go on for that.
                file.end(|permissions| permissions.consents.retain(|live| live.id != superseded))?;
            }
        }
    }
    if is_invalid.get() {
        let (why, reason) = match consent.given_by {
            GivenBy::Client => (guardian_decides(), "The client is a minor."),
            GivenBy::Guardian => (give_anew(), GIVEN_FOR_TOO_LONG),
        };
        return Err(void(&file, &recorded, consent, why, reason)?);
    }
    let receipt = receipts.issue(&ConsentState::when_given(&permissions, consent))?;
    let location = format!("{}/{consent_id}", exchange.path());
    Ok(Reply::created(&location, &GivenAnswer { consent, receipt })?.recorded(recorded.event()))
}

/// The consent that these terms come to, or why they can't.
fn admissible(
    consent_id: ConsentId,
    terms: Terms,
    notice: Option<Notice>,
    file: &Permissions,
    person: &Permissions,
    recorder: &Recorder,
    now: Timestamp,
) -> Result<Consent, Problem> {
    terms.check(notice.as_ref(), now)?;
    terms.check_recorder(recorder)?;
    let giver = terms.giver(file, person, recorder, now)?;
    let superseded = terms.supersedes.map(|superseded| {
        file.consents
            .iter()
            .find(|live| live.id == superseded && file.is_current(live, now))
    });
    let mut check = Check::new();
    check.that(
        superseded.is_none_or(|found| found.is_some_and(|live| live.participant == giver.participant)),
        "/supersedes",
        "live-consent",
        "must be a live consent of whoever gives this one",
    );
    check.finish()?;
    // Requests that meet here may go beyond the bound by as many as they are, which keeps the document small enough.
    let live = file
        .consents
        .iter()
        .filter(|consent| file.is_current(consent, now))
        .count();
    if live >= LIVE && terms.supersedes.is_none() {
        return Err(Problem::conflict(
            "too-many-consents",
            format!("A client has at most {LIVE} live consents. Withdraw one first."),
        ));
    }
    Ok(Consent {
        consent_id,
        notice_id: terms.notice_id,
        notice_sha256: notice.map(|notice| notice.sha256).unwrap_or_default(),
        language: terms.language,
        purposes: terms.purposes,
        classes: terms.classes,
        recipient: terms.recipient,
        channels: terms.channels,
        participant_id: giver.participant,
        given_by: terms.given_by,
        representative_id: giver.representative,
        until_majority: giver.until_majority,
        method: terms.method,
        given_at: now,
        recorded_by: recorder.account,
        // Nobody agrees for longer than she may act.
        expires_at: [terms.expires_at, giver.until].into_iter().flatten().min(),
        supersedes: terms.supersedes,
    })
}

fn live(consent: &Consent) -> LiveConsent {
    LiveConsent {
        id: consent.consent_id,
        notice: consent.notice_id,
        purposes: consent.purposes.clone(),
        classes: consent.classes.clone(),
        recipient: consent.recipient.clone(),
        channels: consent.channels.clone(),
        participant: consent.participant_id,
        until_majority: consent.until_majority,
        expires_at: consent.expires_at,
    }
}

/// The ledger, newest first, as far as whoever asks sees it: a page may have fewer entries than its limit.
pub(crate) fn list(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let wanted = Wanted::by(exchange)?;
    let caller = exchange.caller()?;
    let (file, recorded, permissions) = ClientFile::enter(exchange, &caller, Action::List, DataClass::Consent, None)?;
    let reader = Reader::of(recorded.role(), recorded.account(), &permissions, file.now);
    let ledger = file.ledger();
    let (page, next) = wanted.entries(&ledger.log)?;
    let mut seen = Vec::with_capacity(page.len());
    for entry in page {
        let hidden_by = match &entry.value {
            LedgerEntry::Lifted(lifting) => ledger.restricted_by(lifting.restriction_id)?,
            _ => None,
        };
        seen.extend(reader.redact(entry.value, hidden_by));
    }
    let entries = seen.iter().map(EntryAnswer::from).collect();
    Ok(Reply::ok(&LedgerAnswer { entries, next })?.recorded(recorded.event()))
}

/// Decides and records that one consent is read, and finds it: as it is, as a receipt, as a FHIR resource.
pub(crate) fn find(exchange: &Exchange<'_>) -> Result<(Recorded, Permissions, ConsentHistory), Problem> {
    let consent_id: ConsentId = exchange.parameter("consent")?;
    let caller = exchange.caller()?;
    let (file, recorded, permissions) = ClientFile::enter(
        exchange,
        &caller,
        Action::Read,
        DataClass::Consent,
        Some(consent_id.to_string()),
    )?;
    let history =
        ConsentHistory::read(&file.ledger(), consent_id)?.ok_or_else(|| Problem::not_found(recorded.event()))?;
    Ok((recorded, permissions, history))
}

/// One consent, whether it has ended or not.
pub(crate) fn read(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let (recorded, _, history) = find(exchange)?;
    let answer = ConsentAnswer {
        consent: &history.given.consent,
        withdrawn_at: history.withdrawal.map(|withdrawal| withdrawal.withdrawn_at),
        superseded_by: history.successor.map(|successor| successor.consent_id),
    };
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}

/// Withdraws a consent, as easily as it was given: one request, in effect on the very next one everywhere.
///
/// Order: as [`end`] says, then the answer with its receipt. A crash in between is healed by the repeated request. What another has superseded loses its effect as well, before that is refused.
pub(crate) fn withdraw(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let consent_id: ConsentId = exchange.parameter("consent")?;
    let reason = Reason::of(exchange)?;
    let caller = exchange.caller()?;
    let (file, recorded, permissions) = ClientFile::enter(
        exchange,
        &caller,
        Action::Revoke,
        DataClass::Consent,
        Some(consent_id.to_string()),
    )?;
    let ledger = file.ledger();
    let found = ConsentHistory::read(&ledger, consent_id)?.ok_or_else(|| Problem::not_found(recorded.event()))?;
    let participant = found.given.consent.participant_id;
    if recorded.role() == Role::Client && participant.is_some() && participant != caller.client() {
        return Err(Problem::conflict(
            "not-your-consent",
            "In a shared file each participant withdraws what she gave herself.",
        )
        .recorded(recorded.event()));
    }
    if found.successor.is_some() {
        // A crash of the request that entered the successor may have left it live, and so more than the ledger says.
        if permissions.consents.iter().any(|live| live.id == consent_id) {
            file.end(|permissions| permissions.consents.retain(|live| live.id != consent_id))?;
        }
        return Err(superseded_problem().recorded(recorded.event()));
    }
    check_place(&file, &recorded, &found.given.consent)?;
    end(
        &file,
        &recorded,
        &found.given.consent,
        found.withdrawal.is_some(),
        reason,
    )?;
    // Of two withdrawals that meet, the first is in the ledger, and both are answered with it.
    let ended = ConsentHistory::read(&ledger, consent_id)?
        .ok_or_else(|| Problem::defect("a consent that was just withdrawn is not in the ledger"))?;
    if ended.successor.is_some() {
        return Err(superseded_problem().recorded(recorded.event()));
    }
    let withdrawn_at = ended
        .withdrawal
        .as_ref()
        .ok_or_else(|| Problem::defect("a withdrawal that was just entered is not in the ledger"))?
        .withdrawn_at;
    // The moment that the withdrawal speaks of, however late it is repeated.
    let state = ConsentState::at(&permissions, &ended, withdrawn_at);
    let answer = WithdrawalAnswer {
        consent_id,
        withdrawn_at,
        // Last, because a withdrawal waits for nothing: where it can't be proven, it is in effect all the same.
        receipt: Receipts::new(exchange)?.issue(&state)?,
    };
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}
