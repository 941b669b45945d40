//! Opening a client's file, and what holds for her now.

use access::{Authority, CareRole, CareTeamMember, LiveConsent, Permissions, Recipient, Recorded, Request};
use model::{
    AccountId, Action, ClientId, ConsentId, ContactChannel, DataClass, GroundId, NoticeId, Purpose, RestrictionId,
    Role, SubjectId, Timestamp,
};
use ports::EntropyExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::idempotency;
use web::{Check, Exchange, Problem, Reply};

use crate::file::{ClientFile, Files};
use crate::ledger::{Change, Entered, Membership, Standing};
use crate::redaction::Reader;
use crate::{care_team, caseload, roster, shared_files};

/// The most whose file one can be: a family, a group in therapy.
const PARTICIPANTS: usize = 16;

/// Whose file it is to be.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewClientFile")]
pub(crate) struct Opening {
    /// The clients of a couple or a group, 2 to 16, each once. Absent for a client by herself.
    #[serde(default)]
    participants: Vec<ClientId>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OpenedClientFile")]
pub(crate) struct OpenedAnswer<'o> {
    /// Of the file: what it is called everywhere else.
    client_id: ClientId,
    /// Absent where it is one client's.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    participants: &'o [ClientId],
}

/// What holds for a client now, as far as whoever asks sees it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ClientFile")]
pub(crate) struct ClientAnswer {
    client_id: ClientId,
    /// The clients of a couple or a group, whose file this is. Absent where it is one client's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    participants: Vec<ClientId>,
    /// When she is of age, which may be past. Absent where nobody said that she is a minor.
    #[serde(skip_serializing_if = "Option::is_none")]
    minor_until: Option<Timestamp>,
    /// Who belongs to it now.
    care_team: Vec<MemberAnswer>,
    /// Who was named to act for her, also those who do not act yet or any more.
    representatives: Vec<RepresentativeAnswer>,
    /// Those in effect.
    consents: Vec<LiveConsentAnswer>,
    /// The other grounds than consent that are in effect.
    grounds: Vec<LiveGroundAnswer>,
    /// What she hides.
    restrictions: Vec<RestrictionAnswer>,
    /// Her pseudonym in the audit trail, for privacy officers and auditors alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_id: Option<SubjectId>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CareTeamMember")]
struct MemberAnswer {
    account_id: AccountId,
    role: CareRole,
    since: Timestamp,
    /// Absent where no end is agreed.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Representative")]
struct RepresentativeAnswer {
    account_id: AccountId,
    authority: Authority,
    /// Whether she may read the client's records as well.
    reads_records: bool,
    /// Absent for a nominee who was not activated.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    /// Absent where no end is set. A parent, or a minor's guardian, acts no longer than until `minor_until` all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// Whether she may act for the client now.
    acts: bool,
}

/// A consent in effect.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LiveConsent")]
struct LiveConsentAnswer {
    consent_id: ConsentId,
    notice_id: NoticeId,
    purposes: Vec<Purpose>,
    classes: Vec<DataClass>,
    /// For whom alone, where it is an authorization to share.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<receipt::Recipient>")]
    recipient: Option<Recipient>,
    /// How she may be written to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    channels: Vec<ContactChannel>,
    /// Which participant of a shared file gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    participant_id: Option<ClientId>,
    /// Whether it ends when she is of age: `true`, or absent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    until_majority: bool,
    /// Absent where no end was agreed.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

/// Another ground than consent, in effect.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LiveGround")]
struct LiveGroundAnswer {
    ground_id: GroundId,
    purposes: Vec<Purpose>,
    classes: Vec<DataClass>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

/// Something that the client hides.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LiveRestriction")]
struct RestrictionAnswer {
    restriction_id: RestrictionId,
    /// Absent where it is everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<DataClass>,
    /// From whom. Absent where it is from everybody but the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<AccountId>,
}

/// Whether everybody whose file it is to be is a client that whoever opens it has to do with. Each is decided and recorded as a look at
/// that client's own file: a shared file tells who comes together.
fn admit_participants(exchange: &Exchange<'_>, participants: &[ClientId]) -> Result<(), Problem> {
    let caller = exchange.caller()?;
    for participant in participants {
        let permissions = Files::new(exchange)?
            .of(caller.clinic(), *participant)
            .permissions()
            .read()?;
        let request = Request::new(Action::Read, DataClass::ClientFile)
            .about(*participant)
            .purpose(exchange.purpose()?);
        let permissions = permissions.map(|permissions| permissions.value);
        let recorded = exchange.gate()?.admit(&caller, &request, permissions.as_ref())?;
        if permissions.is_some_and(|permissions| !permissions.participants.is_empty()) {
            let mut check = Check::new();
            check.that(
                false,
                "/participants",
                "person",
                "must name clients, not files that are shared themselves",
            );
            check.finish().map_err(|problem| problem.recorded(recorded.event()))?;
        }
    }
    Ok(())
}

/// Opens a file: an opaque id to record consents under, and nothing about anybody; or the file of a couple or a group, whose consents
/// all count.
///
/// Order: roster of the clinic or lists of the participants, ledger entry and caseload of the clinician who opens it, permissions document, answer. A
/// crash before the document leaves an entry in those lists, and perhaps a ledger, of nobody, under an id that nobody was told; a crash after it
/// leaves a file whose id only its lists tell. The repeated request comes to the same id and finishes or finds it.
pub(crate) fn open(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let Opening { mut participants } = match exchange.body() {
        [] => Opening {
            participants: Vec::new(),
        },
        _ => exchange.json()?,
    };
    let named = participants.len();
    participants.sort_unstable();
    participants.dedup();
    let mut check = Check::new();
    check.that(
        participants.len() == named && (named == 0 || (2..=PARTICIPANTS).contains(&named)),
        "/participants",
        "count",
        format!("must name 2 to {PARTICIPANTS} clients, each once, or nobody"),
    );
    check.finish()?;
    let key = exchange.idempotency_key()?;
    let caller = exchange.caller()?;
    let (clinic, account) = (caller.clinic(), caller.account());
    let index = exchange.keyring.key("index")?;
    let client_id: ClientId = idempotency::created_id(index, clinic, account, exchange.path(), key);
    let request = Request::new(Action::Create, DataClass::ClientFile)
        .of(client_id)
        .purpose(exchange.purpose()?);
    let recorded = exchange.gate()?.admit(&caller, &request, None)?;
    admit_participants(exchange, &participants)?;
    let file = Files::new(exchange)?.of(clinic, client_id);
    let existing = file.permissions().read()?.map(|permissions| permissions.value);
    match existing {
        Some(existing) if existing.participants != participants => {
            return Err(Problem::idempotency_key_reused().recorded(recorded.event()));
        }
        // A retry must not bring back a care team that has changed since.
        Some(_) => {}
        None => {
            let mut permissions = Permissions {
                participants: participants.clone(),
                ..Permissions::of(clinic, client_id, exchange.platform.entropy.id())
            };
            // Who comes in a couple or a group is a client by herself.
            if participants.is_empty() {
                roster::enter(&file)?;
            }
            for participant in &participants {
                shared_files::enter(&file, *participant)?;
            }
            if recorded.role() == Role::Clinician {
                permissions.care_team.push(first_member(&file, account)?);
            }
            // Two tries that meet here differ in the pseudonym; the first to come makes the document, whichever it is.
            file.permissions().create(&permissions)?;
            file.settle(
                |permissions| care_team::standing(permissions, account),
                &Entered::by(account),
            )?;
        }
    }
    let location = format!("{}/{client_id}", exchange.path());
    let answer = OpenedAnswer {
        client_id,
        participants: &participants,
    };
    Ok(Reply::created(&location, &answer)?.recorded(recorded.event()))
}

fn first_member(file: &ClientFile<'_>, account: AccountId) -> Result<CareTeamMember, Problem> {
    let membership = Membership {
        role: CareRole::Treating,
        until: None,
    };
    let since = file.ledger().ensure(Change {
        standing: Standing::CareTeam(account, Some(membership)),
        at: file.now,
        entered: Entered::by(account),
    })?;
    caseload::enter(file, account)?;
    Ok(CareTeamMember {
        account,
        role: CareRole::Treating,
        since,
        until: None,
    })
}

/// What holds for a client now.
pub(crate) fn read(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let caller = exchange.caller()?;
    let (file, recorded, mut permissions) =
        ClientFile::enter(exchange, &caller, Action::Read, DataClass::Consent, None)?;
    let reader = Reader::of(recorded.role(), recorded.account(), &permissions, file.now);
    file.redact(&reader, &mut permissions)?;
    Ok(Reply::ok(&ClientAnswer::new(permissions, &recorded, file.now))?.recorded(recorded.event()))
}

impl ClientAnswer {
    fn new(file: Permissions, recorded: &Recorded, now: Timestamp) -> Self {
        let reads_trail = matches!(recorded.role(), Role::PrivacyOfficer | Role::Auditor);
        let live = |consent: &&LiveConsent| file.is_current(consent, now);
        Self {
            client_id: file.client,
            minor_until: file.minor_until,
            care_team: file
                .care_team
                .iter()
                .filter(|member| member.is_current(now))
                .map(|member| MemberAnswer {
                    account_id: member.account,
                    role: member.role,
                    since: member.since,
                    until: member.until,
                })
                .collect(),
            representatives: file
                .representatives
                .iter()
                .map(|representative| RepresentativeAnswer {
                    account_id: representative.account,
                    authority: representative.authority,
                    reads_records: representative.reads_records,
                    since: representative.since,
                    until: representative.until,
                    acts: file.representative(representative.account, now).is_some(),
                })
                .collect(),
            consents: file.consents.iter().filter(live).map(LiveConsentAnswer::from).collect(),
            grounds: file
                .grounds
                .iter()
                .filter(|ground| ground.is_current(now))
                .map(|ground| LiveGroundAnswer {
                    ground_id: ground.id,
                    purposes: ground.purposes.clone(),
                    classes: ground.classes.clone(),
                    expires_at: ground.expires_at,
                })
                .collect(),
            restrictions: file
                .restrictions
                .iter()
                .map(|restriction| RestrictionAnswer {
                    restriction_id: restriction.id,
                    class: restriction.class,
                    account_id: restriction.account,
                })
                .collect(),
            subject_id: reads_trail.then_some(file.subject),
            participants: file.participants,
        }
    }
}

impl From<&LiveConsent> for LiveConsentAnswer {
    fn from(consent: &LiveConsent) -> Self {
        Self {
            consent_id: consent.id,
            notice_id: consent.notice,
            purposes: consent.purposes.clone(),
            classes: consent.classes.clone(),
            recipient: consent.recipient.clone(),
            channels: consent.channels.clone(),
            participant_id: consent.participant,
            until_majority: consent.until_majority,
            expires_at: consent.expires_at,
        }
    }
}
