//! The decision: a pure function of who asks, what for, what the client's permissions say, and the time.

use jiff::SignedDuration;
use model::{AccountId, Action, ClientId, ClinicId, DataClass, Purpose, Role, SessionId, SubjectId, Timestamp};

use crate::asker::Asker;
use crate::table::{CALLS, CallRule, Need, Rule, TABLE, WEBHOOKS, WebhookRule};
use crate::{Assurance, Caller, CallingFunction, LawfulGround, Permissions, VerifiedDelivery};

/// How long a proof counts for what needs a recent one.
pub const FRESH_FOR: SignedDuration = SignedDuration::from_mins(5);

/// What somebody wants to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What.
    pub action: Action,
    /// To which data.
    pub class: DataClass,
    /// Of which client, where it is about one.
    pub client: Option<ClientId>,
    /// Which one, by its opaque id.
    pub resource: Option<String>,
    /// What for; `None` is the usual purpose of the caller's role.
    pub purpose: Option<Purpose>,
    /// Who wrote it, where that decides.
    pub author: Option<AccountId>,
    holder: Option<AccountId>,
    while_enrolling: bool,
    fresh: bool,
}

impl Request {
    /// Something that is about no client.
    #[must_use]
    pub fn new(action: Action, class: DataClass) -> Self {
        Self {
            action,
            class,
            client: None,
            resource: None,
            purpose: None,
            author: None,
            holder: None,
            while_enrolling: false,
            fresh: false,
        }
    }

    /// About this client.
    #[must_use]
    pub fn about(self, client: ClientId) -> Self {
        Self {
            client: Some(client),
            ..self
        }
    }

    /// This one.
    #[must_use]
    pub fn of(self, resource: impl ToString) -> Self {
        Self {
            resource: Some(resource.to_string()),
            ..self
        }
    }

    /// What there is of this account, as which it stands in the trail.
    #[must_use]
    pub fn of_account(self, account: AccountId) -> Self {
        Self {
            holder: Some(account),
            ..self.of(account)
        }
    }

    /// For this purpose, if one is given.
    #[must_use]
    pub fn purpose(self, purpose: Option<Purpose>) -> Self {
        Self { purpose, ..self }
    }

    /// Written by this account, or to be.
    #[must_use]
    pub fn by(self, author: AccountId) -> Self {
        Self {
            author: Some(author),
            ..self
        }
    }

    /// Open to a session that is there to set up a second factor. Nothing else is.
    #[must_use]
    pub fn while_enrolling(self) -> Self {
        Self {
            while_enrolling: true,
            ..self
        }
    }

    /// Only for somebody who has lately proven to be there (ASVS 5.0, 7.5.1 and 7.5.3). A session for enrolment counts as that:
    /// it can do nothing else.
    #[must_use]
    pub fn fresh(self) -> Self {
        Self { fresh: true, ..self }
    }
}

/// A decision that allows, and everything that it is about. Not yet a right to anything: see [`crate::Recorded`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    pub(crate) clinic: ClinicId,
    pub(crate) account: AccountId,
    pub(crate) session: SessionId,
    pub(crate) role: Role,
    pub(crate) action: Action,
    pub(crate) class: DataClass,
    pub(crate) client: Option<ClientId>,
    pub(crate) subject: Option<SubjectId>,
    pub(crate) resource: Option<String>,
    pub(crate) author: Option<AccountId>,
    pub(crate) purpose: Purpose,
    pub(crate) rule: &'static str,
    pub(crate) ground: Option<LawfulGround>,
}

/// Why something is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenialReason {
    /// The purpose is never served to anybody.
    ProhibitedPurpose,
    /// All but a live consent of the client, or another lawful ground, is there. Said only to those whom the table would otherwise let
    /// in, like the next two.
    NoConsent,
    /// All but that the client does not hide it is there.
    Restricted,
    /// All is there, but the client is a minor, for whom others decide.
    Minor,
    /// The session is there to set up a second factor, and this is something else.
    Enrolling,
    /// All but a proof that is recent enough is there. Said only to those whom the table lets in.
    NotFresh,
    /// No row of the table allows it.
    NoRule,
}

impl DenialReason {
    /// Its name in the audit trail.
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self {
            Self::ProhibitedPurpose => "deny.prohibited-purpose",
            Self::NoConsent => "deny.no-consent",
            Self::Restricted => "deny.restricted",
            Self::Minor => "deny.minor",
            Self::Enrolling => "deny.enrolling",
            Self::NotFresh => "deny.not-fresh",
            Self::NoRule => "deny.no-rule",
        }
    }
}

/// A decision that denies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Why.
    pub reason: DenialReason,
    pub(crate) role: Role,
    pub(crate) purpose: Purpose,
    pub(crate) subject: Option<SubjectId>,
}

/// Whether a circumstance holds.
pub(crate) fn is_met(
    need: Need,
    asker: &Asker<'_>,
    request: &Request,
    purpose: Purpose,
    permissions: Option<&Permissions>,
    now: Timestamp,
) -> bool {
    let (account, class) = (asker.account, request.class);
    let holds = |check: &dyn Fn(&Permissions) -> bool| permissions.is_some_and(check);
    match need {
        Need::KnownClient => permissions.is_some(),
        Need::IsClient => request.client.is_some() && asker.client == request.client,
        Need::IsSubject => holds(&|file| asker.client.is_some_and(|client| file.is_about(client))),
        Need::CareTeam => holds(&|file| file.treats(account, now)),
        Need::Supervision => holds(&|file| file.care_role(account, now) == Some(crate::CareRole::Supervising)),
        Need::Representation => holds(&|file| file.representative(account, now).is_some()),
        Need::RecordsRepresentation => holds(&|file| {
            file.representative(account, now)
                .is_some_and(|acting| acting.reads_records)
        }),
        Need::Authorship => request.author == Some(account),
        Need::OwnAccount => request.holder == Some(account),
        Need::Authorization | Need::EmergencyAccess | Need::Ground => {
            holds(&|file| ground_for(need, asker, request, purpose, file, now).is_some())
        }
        Need::NotHidden => holds(&|file| !file.hides(class, account)),
        Need::NotHiddenFromPerson => holds(&|file| !file.hides_from_person(class, account)),
        Need::NotHiddenFromEverybody => holds(&|file| !file.hides_from_everybody(class)),
        Need::OfAge => holds(&|file| !file.is_minor(now)),
    }
}

/// What meets a need of something to stand on.
fn ground_for(
    need: Need,
    asker: &Asker<'_>,
    request: &Request,
    purpose: Purpose,
    permissions: &Permissions,
    now: Timestamp,
) -> Option<LawfulGround> {
    match need {
        Need::Ground => permissions.ground(request.class, purpose, now),
        Need::Authorization => permissions.authorization(asker.account, request.class, purpose, now),
        Need::EmergencyAccess => permissions.emergency(asker.account, now),
        _ => None,
    }
}

/// The rows that are about what somebody asks for in one of her roles.
pub(crate) fn rules_for(role: Role, purpose: Purpose, request: &Request) -> impl Iterator<Item = &'static Rule> {
    let (action, class) = (request.action, request.class);
    TABLE.iter().filter(move |rule| {
        rule.roles.contains(&role)
            && rule.actions.contains(&action)
            && rule.classes.contains(&class)
            && rule.purposes.contains(&purpose)
    })
}

/// Permissions that are those of whom the request is about, or none.
pub(crate) fn of_whom_it_is_about<'p>(
    clinic: ClinicId,
    request: &Request,
    permissions: Option<&'p Permissions>,
) -> Option<&'p Permissions> {
    permissions.filter(|permissions| Some(permissions.client) == request.client && permissions.clinic == clinic)
}

/// Decides. Default deny: without a row of the table whose every need is met, the answer is no.
///
/// `permissions` must be those of `request.client` in the caller's clinic; permissions of anybody else count as none.
///
/// # Errors
/// The [`Denial`].
pub fn decide(
    caller: &Caller,
    request: &Request,
    permissions: Option<&Permissions>,
    now: Timestamp,
) -> Result<Permit, Denial> {
    let permissions = of_whom_it_is_about(caller.clinic(), request, permissions);
    let asker = Asker::from(caller);
    let first_role = caller.roles().first().copied().unwrap_or(Role::Client);
    let denial = |reason, role, purpose| Denial {
        reason,
        role,
        purpose,
        subject: permissions.map(|permissions| permissions.subject),
    };
    let mut denied = denial(
        DenialReason::NoRule,
        first_role,
        request.purpose.unwrap_or(first_role.usual_purpose()),
    );
    if denied.purpose.is_prohibited() {
        denied.reason = DenialReason::ProhibitedPurpose;
        return Err(denied);
    }
    let assurance = caller.session().assurance;
    if assurance == Assurance::Enrolment && !request.while_enrolling {
        denied.reason = DenialReason::Enrolling;
        return Err(denied);
    }
    let is_fresh = assurance == Assurance::Enrolment || now.duration_since(caller.session().proven_at) < FRESH_FOR;
    for role in caller.roles().iter().copied() {
        let purpose = request.purpose.unwrap_or(role.usual_purpose());
        for rule in rules_for(role, purpose, request) {
            let unmet = |need: &&Need| !is_met(**need, &asker, request, purpose, permissions, now);
            if let Some(missing) = rule.needs.iter().find(unmet) {
                // Of several reasons that may be told, the first of the table.
                if denied.reason == DenialReason::NoRule {
                    denied = denial(missing.reason(), role, purpose);
                }
                continue;
            }
            if request.fresh && !is_fresh {
                return Err(denial(DenialReason::NotFresh, role, purpose));
            }
            return Ok(Permit {
                clinic: caller.clinic(),
                account: caller.account(),
                session: caller.session().id,
                role,
                action: request.action,
                class: request.class,
                client: request.client,
                subject: permissions.map(|permissions| permissions.subject),
                resource: request.resource.clone(),
                author: request.author,
                purpose,
                rule: rule.id,
                ground: permissions.and_then(|permissions| {
                    let mut needs = rule.needs.iter();
                    needs.find_map(|need| ground_for(*need, &asker, request, purpose, permissions, now))
                }),
            });
        }
    }
    Err(denied)
}

/// A decision that lets a function have what it asks for. Not yet a right to anything: see [`crate::RecordedCall`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallPermit {
    pub(crate) clinic: ClinicId,
    pub(crate) class: DataClass,
    pub(crate) client: Option<ClientId>,
    pub(crate) rule: &'static str,
}

/// The purpose of a private call that names none.
pub(crate) const USUAL_CALL_PURPOSE: Purpose = Purpose::SystemAdministration;

/// Decides what a function asks by a private call, in the name of a clinic. Default deny, as [`decide`].
///
/// # Errors
/// [`DenialReason`].
pub fn decide_call(
    calling: CallingFunction,
    clinic: ClinicId,
    request: &Request,
    permissions: Option<&Permissions>,
) -> Result<CallPermit, DenialReason> {
    let purpose = request.purpose.unwrap_or(USUAL_CALL_PURPOSE);
    if purpose.is_prohibited() {
        return Err(DenialReason::ProhibitedPurpose);
    }
    let is_known = of_whom_it_is_about(clinic, request, permissions).is_some();
    let applies = |rule: &&CallRule| {
        rule.caller == calling.function()
            && rule.actions.contains(&request.action)
            && rule.classes.contains(&request.class)
            && rule.purposes.contains(&purpose)
            && rule.needs.iter().all(|need| match need {
                Need::KnownClient => is_known,
                // A function is nobody: it treats no client, is none, and is not what she consents to.
                _ => false,
            })
    };
    let rule = CALLS.iter().find(applies).ok_or(DenialReason::NoRule)?;
    Ok(CallPermit {
        clinic,
        class: request.class,
        client: request.client,
        rule: rule.id,
    })
}

/// A decision that lets what a payment gateway tells of be kept or applied. Not yet a right to anything: see
/// [`crate::RecordedWebhook`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookPermit {
    pub(crate) clinic: ClinicId,
    pub(crate) class: DataClass,
    pub(crate) client: Option<ClientId>,
    pub(crate) rule: &'static str,
}

/// What a payment gateway tells of payments for.
pub(crate) const USUAL_WEBHOOK_PURPOSE: Purpose = Purpose::Payment;

/// Decides what a payment gateway's signed delivery may do in the clinic that it was signed for. Default deny, as [`decide`].
///
/// # Errors
/// [`DenialReason`].
pub fn decide_webhook(
    delivery: VerifiedDelivery,
    request: &Request,
    permissions: Option<&Permissions>,
) -> Result<WebhookPermit, DenialReason> {
    let purpose = request.purpose.unwrap_or(USUAL_WEBHOOK_PURPOSE);
    if purpose.is_prohibited() {
        return Err(DenialReason::ProhibitedPurpose);
    }
    let clinic = delivery.clinic();
    let is_known = of_whom_it_is_about(clinic, request, permissions).is_some();
    let applies = |rule: &&WebhookRule| {
        rule.actions.contains(&request.action)
            && rule.classes.contains(&request.class)
            && rule.purposes.contains(&purpose)
            // What is kept before anybody knows whom it is about opens nothing of a client.
            && rule.needs.is_empty() == request.client.is_none()
            && rule.needs.iter().all(|need| match need {
                Need::KnownClient => is_known,
                // A gateway is nobody: it treats no client, is none, and is not what she consents to.
                _ => false,
            })
    };
    let rule = WEBHOOKS.iter().find(applies).ok_or(DenialReason::NoRule)?;
    Ok(WebhookPermit {
        clinic,
        class: request.class,
        client: request.client,
        rule: rule.id,
    })
}
