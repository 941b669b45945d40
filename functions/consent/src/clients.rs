//! Opening a client's file, and what holds for her now.

use access::{CareTeamMember, LiveConsent, Permissions, Request};
use model::{AccountId, Action, ClientId, ConsentId, DataClass, NoticeId, Purpose, Role, SubjectId, Timestamp};
use ports::EntropyExt;
use serde::{Deserialize, Serialize};
use store::idempotency;
use web::{Exchange, Problem, Reply};

use crate::file::{ClientFile, Files};
use crate::ledger::Membership;

/// A body without fields, which may be left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoFields {}

impl NoFields {
    pub(crate) fn check(exchange: &Exchange<'_>) -> Result<(), Problem> {
        if exchange.body().is_empty() {
            return Ok(());
        }
        exchange.json().map(|Self {}| ())
    }
}

#[derive(Serialize)]
struct OpenedAnswer {
    client_id: ClientId,
}

#[derive(Serialize)]
struct ClientAnswer {
    client_id: ClientId,
    care_team: Vec<MemberAnswer>,
    consents: Vec<LiveConsentAnswer>,
    /// Her pseudonym in the audit trail, for those who read it. Nobody else can link the two.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_id: Option<SubjectId>,
}

#[derive(Serialize)]
struct MemberAnswer {
    account_id: AccountId,
    since: Timestamp,
}

#[derive(Serialize)]
struct LiveConsentAnswer {
    consent_id: ConsentId,
    notice_id: NoticeId,
    purposes: Vec<Purpose>,
    classes: Vec<DataClass>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

/// Opens a file: an opaque id to record consents under, and nothing about anybody.
///
/// Order: ledger entry of the clinician who opens it, permissions document, answer. A crash before the document leaves a ledger
/// of nobody, under an id that nobody was told; a crash after it leaves a file whose id nobody was told. The repeated
/// request comes to the same id and finishes or finds it.
pub(crate) fn open(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    NoFields::check(exchange)?;
    let key = exchange.idempotency_key()?;
    let caller = exchange.caller()?;
    let (clinic, account) = (caller.clinic(), caller.account());
    let index = exchange.keyring.key("index")?;
    let client_id: ClientId = idempotency::created_id(index, clinic, account, exchange.path(), key);
    let request = Request::new(Action::Create, DataClass::ClientFile)
        .of(client_id)
        .purpose(exchange.purpose()?);
    let recorded = exchange.gate()?.admit(&caller, &request, None)?;
    let file = Files::new(exchange)?.of(clinic, client_id);
    // A retry must not bring back a care team that has changed since.
    if file.permissions().read()?.is_none() {
        let now = exchange.platform.clock.now();
        let mut care_team = Vec::new();
        if recorded.role() == Role::Clinician {
            let change = Membership {
                account_id: account,
                at: now,
                recorded_by: account,
            };
            let since = file.ledger().ensure_membership(true, change)?;
            care_team.push(CareTeamMember { account, since });
        }
        // Two tries that meet here differ in the pseudonym; the first to come makes the document, whichever it is.
        file.permissions().create(&Permissions {
            client: client_id,
            clinic,
            subject: exchange.platform.entropy.id(),
            care_team,
            consents: Vec::new(),
        })?;
        file.settle(account, account, now)?;
    }
    let location = format!("{}/{client_id}", exchange.path());
    Ok(Reply::created(&location, &OpenedAnswer { client_id })?.recorded(recorded.event()))
}

/// What holds for a client now.
pub(crate) fn read(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let caller = exchange.caller()?;
    let (_, recorded, permissions) = ClientFile::enter(exchange, &caller, Action::Read, DataClass::Consent, None)?;
    let now = exchange.platform.clock.now();
    let reads_trail = matches!(recorded.role(), Role::PrivacyOfficer | Role::Auditor);
    let answer = ClientAnswer {
        client_id: permissions.client,
        care_team: permissions
            .care_team
            .into_iter()
            .map(|CareTeamMember { account, since }| MemberAnswer {
                account_id: account,
                since,
            })
            .collect(),
        consents: permissions
            .consents
            .into_iter()
            .filter(|consent| consent.expires_at.is_none_or(|end| now < end))
            .map(LiveConsentAnswer::from)
            .collect(),
        subject_id: reads_trail.then_some(permissions.subject),
    };
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}

impl From<LiveConsent> for LiveConsentAnswer {
    fn from(consent: LiveConsent) -> Self {
        Self {
            consent_id: consent.id,
            notice_id: consent.notice,
            purposes: consent.purposes,
            classes: consent.classes,
            expires_at: consent.expires_at,
        }
    }
}
