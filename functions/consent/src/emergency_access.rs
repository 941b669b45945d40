//! Breaking the glass: a clinician who does not treat a client is let at her records for an hour, because there is an emergency, and
//! everybody comes to know of it.

use access::{Caller, EmergencyAccess, Permissions, Recorded};
use jiff::SignedDuration;
use model::{AccountId, Action, ClientId, ClinicId, Confidential, DataClass, EmergencyId, Purpose, Timestamp};
use notification::{Channel, Content, Message, Recipient, Urgency};
use ports::Creation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{UpdateError, idempotency};
use web::listing::{Page, Wanted, list_once};
use web::{Check, Exchange, Problem, Reply};

use crate::emergency::{Emergencies, Emergency, Finding, Review};
use crate::file::{ClientFile, Files};
use crate::jurisdiction::Jurisdictions;
use crate::ledger::{BrokenGlass, LedgerEntry};
use crate::redaction::Reader;

/// How long it holds.
const LASTS: SignedDuration = SignedDuration::from_hours(1);

/// The most that hold at once for one client. Requests that meet here may go beyond it by as many as they are.
const AT_ONCE: usize = 16;

/// The most of them that are one account's, so that nobody alone keeps the others out. One is enough, and another before it ends.
const OWN_AT_ONCE: usize = 2;

/// How far back the job looks for messages that were not accepted yet.
const LOOKS_BACK: SignedDuration = SignedDuration::from_hours(24 * 30);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewEmergencyAccess")]
pub(crate) struct EmergencyBody {
    /// 10 to 1 000 characters. The client can read it.
    reason: Confidential<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewEmergencyReview")]
pub(crate) struct ReviewBody {
    finding: Finding,
    /// 1 to 2 000 characters. The client can read it.
    note: Confidential<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TakenEmergencyAccess")]
pub(crate) struct TakenAnswer {
    emergency_id: EmergencyId,
    client_id: ClientId,
    /// What reading is for from now on: the `Purpose-Of-Use` to send with it.
    purpose: Purpose,
    /// How long it holds: an hour.
    until: Timestamp,
}

/// Access that a clinician took in an emergency.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Emergency")]
pub(crate) struct EmergencyAnswer {
    emergency_id: EmergencyId,
    client_id: ClientId,
    /// Who took it.
    account_id: AccountId,
    /// Why. Absent for a participant of a shared file.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Confidential<String>>,
    taken_at: Timestamp,
    /// As it was when it was taken, also where a review ended it earlier.
    until: Timestamp,
    /// When the message to the client was ready to leave, or those to each participant of a shared file: nobody need have been reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_message_accepted_at: Option<Timestamp>,
    /// Absent where it was not reviewed yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    review: Option<ReviewAnswer>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EmergencyReview")]
struct ReviewAnswer {
    finding: Finding,
    /// Absent for a participant of a shared file.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<Confidential<String>>,
    reviewed_by: AccountId,
    reviewed_at: Timestamp,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Emergencies")]
pub(crate) struct ListAnswer {
    emergencies: Vec<EmergencyAnswer>,
    /// The `cursor` of the next page. Absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EmergencyJob")]
pub(crate) struct JobAnswer {
    /// Of how many accesses all messages are on their way, now that this has run.
    handed_over: usize,
    /// Of how many they are not.
    not_handed_over: usize,
}

/// Breaks the glass.
///
/// Order: emergency document, the clinic's index, ledger, permissions, messages, answer. So nothing is ever opened that the privacy officer
/// does not find in her list. A crash before the permissions leaves an emergency that opened nothing, which the list shows; the repeated
/// request finishes it, with the hour counted from the first. A message that could not be handed over is the job's to send: nobody
/// waits for a mail system in an emergency.
pub(crate) fn take(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let EmergencyBody { reason } = exchange.json()?;
    let mut check = Check::new();
    check.text(reason.expose(), "/reason", 10, 1_000);
    check.finish()?;
    let key = exchange.idempotency_key()?;
    let caller = exchange.caller()?;
    let (clinic, account_id) = (caller.clinic(), caller.account());
    let index = exchange.keyring.key("index")?;
    let emergency_id: EmergencyId = idempotency::created_id(index, clinic, account_id, exchange.path(), key);
    let purpose = exchange.purpose()?.unwrap_or(Purpose::BreakGlass);
    let (file, recorded, permissions) = ClientFile::enter_for(
        exchange,
        &caller,
        Action::Create,
        DataClass::EmergencyAccess,
        Some(emergency_id.to_string()),
        Some(purpose),
    )?;
    let now = file.now;
    let emergencies = Emergencies::new(exchange)?;
    let doc = emergencies.doc(clinic, emergency_id);
    let current = permissions.emergencies.iter().filter(|emergency| now < emergency.until);
    let own = current.clone().filter(|emergency| emergency.account == account_id);
    if (current.count() >= AT_ONCE || own.count() >= OWN_AT_ONCE) && doc.read()?.is_none() {
        return Err(Problem::conflict(
            "too-many-emergencies",
            format!("The glass is broken at most {AT_ONCE} times for one client at a time, {OWN_AT_ONCE} times by one account."),
        )
        .recorded(recorded.event()));
    }
    let taken = Emergency {
        emergency_id,
        client_id: permissions.client,
        account_id,
        reason,
        taken_at: now,
        until: now.saturating_add(LASTS).unwrap_or(now),
        client_message_accepted_at: None,
        alerted_at: None,
        review: None,
        fingerprint: idempotency::fingerprint(index, exchange.body()),
    };
    let taken = match doc.create(&taken)? {
        Creation::Created => taken,
        Creation::Exists => {
            let existing = doc
                .read()?
                .ok_or_else(|| Problem::defect("an emergency that exists is gone"))?
                .value;
            if existing.fingerprint != taken.fingerprint {
                return Err(Problem::idempotency_key_reused().recorded(recorded.event()));
            }
            existing
        }
    };
    list_once(&emergencies.index(clinic), index, *emergency_id.as_bytes(), now)?;
    file.ledger().begin(LedgerEntry::BrokeGlass(BrokenGlass {
        emergency_id,
        account_id,
        reason: Some(taken.reason.clone()),
        taken_at: taken.taken_at,
        until: taken.until,
    }))?;
    if now < taken.until {
        file.make_live(
            // Not what was read above: a review may have come since, and writes the document before the permissions.
            |_| Ok(emergencies.known(clinic, emergency_id)?.is_unjustified()),
            |permissions| permissions.emergencies.iter().any(|live| live.id == emergency_id),
            |permissions| {
                permissions.emergencies.push(EmergencyAccess {
                    id: emergency_id,
                    account: account_id,
                    until: taken.until,
                });
            },
        )?;
    }
    tell(exchange, &emergencies, clinic, &taken, &concerned(&permissions))?;
    let answer = TakenAnswer {
        emergency_id,
        client_id: taken.client_id,
        purpose: Purpose::BreakGlass,
        until: taken.until,
    };
    Ok(Reply::created_without_location(&answer)?.recorded(recorded.event()))
}

/// Whose records an access opens. A shared file is nobody: each participant has an entry of her own, which says where she is reached, and the
/// file has none.
fn concerned(permissions: &Permissions) -> Vec<ClientId> {
    match permissions.participants.as_slice() {
        [] => vec![permissions.client],
        participants => participants.to_vec(),
    }
}

/// Hands over the messages to those whom it concerns, as far as that has not happened: to each of these clients, and to the privacy contact that
/// the clinic names. Whether all are accepted now.
///
/// Order: messages to all clients, document; message to the contact, document. A crash or a refusal in between sends the same messages
/// again, each under a key of its own, and each leaves once.
fn tell(
    exchange: &Exchange<'_>,
    emergencies: &Emergencies<'_>,
    clinic: ClinicId,
    taken: &Emergency,
    concerned: &[ClientId],
) -> Result<bool, Problem> {
    let id = taken.emergency_id;
    let hand_over = |to: &str, recipient: Recipient, content: Content| {
        let whom = match &recipient {
            Recipient::Client { client_id, .. } => format!("/{client_id}"),
            _ => String::new(),
        };
        let message = Message {
            key: format!("emergency-access/{id}/{}{whom}", content.template().name()),
            clinic_id: clinic,
            recipient,
            content,
            language: "en".to_owned(),
            urgency: Urgency::Queued,
            expires_at: None,
        };
        let is_accepted = message.send(exchange).is_ok();
        if !is_accepted {
            let line =
                format!("{to} could not be told of an emergency access yet; the job consent-emergencies tries again");
            exchange.platform.log.write(&line);
        }
        is_accepted
    };
    let now = exchange.platform.clock.now();
    let doc = emergencies.doc(clinic, id);
    let mut are_clients_done = taken.client_message_accepted_at.is_some();
    if !are_clients_done {
        are_clients_done = true;
        // All are tried: that one can't be told keeps nothing from the others.
        for client_id in concerned {
            let client = Recipient::Client {
                client_id: *client_id,
                channel: Channel::Email,
            };
            are_clients_done &= hand_over("the client", client, Content::UrgentAccess);
        }
        if are_clients_done {
            doc.update(None, |emergency| {
                emergency.client_message_accepted_at.get_or_insert(now);
                Ok::<_, Problem>(())
            })?;
        }
    }
    if taken.alerted_at.is_some() {
        return Ok(are_clients_done);
    }
    // A clinic that has not said whom to ask about privacy has nobody to be told by mail: its list has it all the same.
    let Some(jurisdiction) = Jurisdictions::new(exchange)?.read(clinic)? else {
        return Ok(are_clients_done);
    };
    let contact = Recipient::Email(Confidential::new(jurisdiction.value.privacy_contact.email));
    let is_alerted = hand_over("the privacy contact", contact, Content::UrgentAccessReview);
    if is_alerted {
        doc.update(None, |emergency| {
            emergency.alerted_at.get_or_insert(now);
            Ok::<_, Problem>(())
        })?;
    }
    Ok(are_clients_done && is_alerted)
}

/// Decides and records what somebody does with one access to a client whom her request does not name, so that the trail of whom it was taken to
/// has it too (45 CFR 164.312(b), PHIPA s.10.1(4)).
fn admit(
    exchange: &Exchange<'_>,
    caller: &Caller,
    action: Action,
    Emergency {
        emergency_id,
        client_id,
        ..
    }: &Emergency,
) -> Result<Recorded, Problem> {
    let file = Files::new(exchange)?.of(caller.clinic(), *client_id);
    let resource = Some(emergency_id.to_string());
    let (recorded, _) = file.admit(
        exchange,
        caller,
        action,
        DataClass::EmergencyAccess,
        resource,
        exchange.purpose()?,
    )?;
    Ok(recorded)
}

/// The accesses that were taken in the clinic, newest first. The list is decided about and recorded once; then each that is shown is, as a read.
pub(crate) fn list(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let wanted = Wanted::by(exchange)?;
    let caller = exchange.caller()?;
    let request = access::Request::new(Action::List, DataClass::EmergencyAccess).purpose(exchange.purpose()?);
    let recorded = exchange.gate()?.admit(&caller, &request, None)?;
    let clinic = recorded.clinic();
    let emergencies = Emergencies::new(exchange)?;
    let Page { ids, next } = wanted.page(&emergencies.index(clinic))?;
    let mut page = Vec::with_capacity(ids.len());
    for id in ids {
        let emergency = emergencies.known(clinic, EmergencyId::from_bytes(id))?;
        admit(exchange, &caller, Action::Read, &emergency)?;
        page.push(emergency.into());
    }
    let answer = ListAnswer {
        emergencies: page,
        next,
    };
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}

/// The accesses that were taken to one client, for her. To a participant of a shared file without what was written about them, as in the ledger: it
/// speaks of the others too.
pub(crate) fn list_of_client(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let caller = exchange.caller()?;
    let (file, recorded, permissions) =
        ClientFile::enter(exchange, &caller, Action::List, DataClass::EmergencyAccess, None)?;
    let reader = Reader::of(recorded.role(), recorded.account(), &permissions, file.now);
    let emergencies = Emergencies::new(exchange)?;
    let mut taken = Vec::new();
    for entry in file.ledger().log.newest_first(None) {
        if let LedgerEntry::BrokeGlass(broken) = entry?.value {
            let emergency = emergencies.known(recorded.clinic(), broken.emergency_id)?;
            let mut answer = EmergencyAnswer::from(emergency);
            if !reader.sees_emergency_texts() {
                answer.reason = None;
                if let Some(review) = &mut answer.review {
                    review.note = None;
                }
            }
            taken.push(answer);
        }
    }
    let answer = ListAnswer {
        emergencies: taken,
        next: None,
    };
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}

/// Says what the privacy officer found. What was not justified ends at once. It is decided about twice: as what it is, and, once it is known, about
/// the client.
///
/// Order: document, permissions, answer. A crash in between leaves an access that was found unjustified and still holds, an hour at most;
/// the repeated request ends it.
pub(crate) fn review(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let emergency_id: EmergencyId = exchange.parameter("emergency")?;
    let ReviewBody { finding, note } = exchange.json()?;
    let mut check = Check::new();
    check.text(note.expose(), "/note", 1, 2_000);
    check.finish()?;
    let caller = exchange.caller()?;
    let request = access::Request::new(Action::Amend, DataClass::EmergencyAccess)
        .of(emergency_id)
        .purpose(exchange.purpose()?);
    let asked = exchange.gate()?.admit(&caller, &request, None)?;
    let clinic = asked.clinic();
    let now = exchange.platform.clock.now();
    let emergencies = Emergencies::new(exchange)?;
    let taken = emergencies.doc(clinic, emergency_id).read()?;
    let taken = taken.ok_or_else(|| Problem::not_found(asked.event()))?.value;
    let recorded = admit(exchange, &caller, Action::Amend, &taken)?;
    let event = recorded.event();
    let reviewed = emergencies.doc(clinic, emergency_id).update(None, |emergency| {
        if emergency.account_id == recorded.account() {
            return Err(Problem::conflict("own-access", "Nobody reviews what she took herself."));
        }
        match &emergency.review {
            Some(review) if review.finding == finding && review.note == note => Ok(emergency.clone()),
            Some(_) => Err(Problem::conflict(
                "already-reviewed",
                "This has been reviewed already, and stays as it was found.",
            )),
            None => {
                emergency.review = Some(Review {
                    finding,
                    note: note.clone(),
                    reviewed_by: recorded.account(),
                    reviewed_at: now,
                });
                Ok(emergency.clone())
            }
        }
    });
    let emergency = match reviewed {
        Ok(reviewed) => reviewed.value,
        Err(UpdateError::Absent) => return Err(Problem::not_found(event)),
        Err(UpdateError::Refused(refused)) => return Err(refused.recorded(event)),
        Err(error) => return Err(error.into()),
    };
    if finding == Finding::Unjustified && now < emergency.until {
        let file = Files::new(exchange)?.of(clinic, emergency.client_id);
        file.end(|permissions| permissions.emergencies.retain(|live| live.id != emergency_id))?;
    }
    Ok(Reply::ok(&EmergencyAnswer::from(emergency))?.recorded(event))
}

/// `POST /v1/consent/jobs/emergencies`: hands over the messages that could not be handed over when it happened.
///
/// Safe to repeat and to run twice at once: a message has one key, and leaves once.
pub(crate) fn tell_all(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let caller = exchange.caller()?;
    let request = access::Request::new(Action::Execute, DataClass::EmergencyAccess).purpose(exchange.purpose()?);
    let recorded = exchange.gate()?.admit(&caller, &request, None)?;
    let clinic = recorded.clinic();
    let now = exchange.platform.clock.now();
    let emergencies = Emergencies::new(exchange)?;
    // Where the clinic names nobody, there is nobody left to tell after the clients.
    let has_contact = Jurisdictions::new(exchange)?.read(clinic)?.is_some();
    let mut answer = JobAnswer {
        handed_over: 0,
        not_handed_over: 0,
    };
    for entry in emergencies.index(clinic).newest_first(None) {
        let emergency = emergencies.known(clinic, EmergencyId::from_bytes(entry?.value.id()))?;
        if emergency.taken_at.duration_until(now) > LOOKS_BACK {
            break;
        }
        if emergency.client_message_accepted_at.is_none() || (has_contact && emergency.alerted_at.is_none()) {
            let file = Files::new(exchange)?.of(clinic, emergency.client_id);
            let permissions = file
                .permissions()
                .read()?
                .ok_or_else(|| Problem::defect("the permissions of a client whose records were opened are gone"))?;
            match tell(
                exchange,
                &emergencies,
                clinic,
                &emergency,
                &concerned(&permissions.value),
            )? {
                true => answer.handed_over += 1,
                false => answer.not_handed_over += 1,
            }
        }
    }
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}

impl Emergencies<'_> {
    fn known(&self, clinic: ClinicId, id: EmergencyId) -> Result<Emergency, Problem> {
        let found = self.doc(clinic, id).read()?;
        found
            .map(|emergency| emergency.value)
            .ok_or_else(|| Problem::defect("an emergency that was recorded is gone"))
    }
}

impl From<Emergency> for EmergencyAnswer {
    fn from(emergency: Emergency) -> Self {
        Self {
            emergency_id: emergency.emergency_id,
            client_id: emergency.client_id,
            account_id: emergency.account_id,
            reason: Some(emergency.reason),
            taken_at: emergency.taken_at,
            until: emergency.until,
            client_message_accepted_at: emergency.client_message_accepted_at,
            review: emergency.review.map(|review| ReviewAnswer {
                finding: review.finding,
                note: Some(review.note),
                reviewed_by: review.reviewed_by,
                reviewed_at: review.reviewed_at,
            }),
        }
    }
}
