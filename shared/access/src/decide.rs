//! The decision: a pure function of who asks, what for, what the client's permissions say, and the time.

use jiff::SignedDuration;
use model::{
    AccountId, Action, ClientId, ClinicId, ConsentId, DataClass, Purpose, Role, SessionId, SubjectId, Timestamp,
};

use crate::table::{CALLS, CallRule, Need, Rule, TABLE};
use crate::{Assurance, Caller, CallingFunction, Permissions};

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

    /// For this purpose, if one is given.
    #[must_use]
    pub fn purpose(self, purpose: Option<Purpose>) -> Self {
        Self { purpose, ..self }
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
    pub(crate) purpose: Purpose,
    pub(crate) rule: &'static str,
    pub(crate) consent: Option<ConsentId>,
}

/// Why something is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenialReason {
    /// The purpose is never served to anybody.
    ProhibitedPurpose,
    /// All but a live consent of the client is there. Said only to those whom the table would otherwise let in.
    NoConsent,
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

fn is_met(need: Need, caller: &Caller, client: Option<ClientId>, permissions: Option<&Permissions>) -> bool {
    match need {
        Need::KnownClient => permissions.is_some(),
        Need::IsClient => client.is_some() && caller.client() == client,
        Need::CareTeam => permissions.is_some_and(|permissions| permissions.treats(caller.account())),
        // Looked up apart, because the consent that it is becomes part of the permit.
        Need::Consent => true,
    }
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
    let permissions = permissions
        .filter(|permissions| Some(permissions.client) == request.client && permissions.clinic == caller.clinic());
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
        let applies = |rule: &&Rule| {
            rule.roles.contains(&role)
                && rule.actions.contains(&request.action)
                && rule.classes.contains(&request.class)
                && rule.purposes.contains(&purpose)
                && rule
                    .needs
                    .iter()
                    .all(|need| is_met(*need, caller, request.client, permissions))
        };
        for rule in TABLE.iter().filter(applies) {
            let consent = permissions.and_then(|permissions| permissions.consent(request.class, purpose, now));
            if rule.needs.contains(&Need::Consent) && consent.is_none() {
                denied = denial(DenialReason::NoConsent, role, purpose);
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
                purpose,
                rule: rule.id,
                consent,
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
    let is_known = permissions
        .is_some_and(|permissions| Some(permissions.client) == request.client && permissions.clinic == clinic);
    let applies = |rule: &&CallRule| {
        rule.caller == calling.function()
            && rule.actions.contains(&request.action)
            && rule.classes.contains(&request.class)
            && rule.purposes.contains(&purpose)
            && rule.needs.iter().all(|need| match need {
                Need::KnownClient => is_known,
                // A function is nobody: it treats no client, is none, and is not what she consents to.
                Need::IsClient | Need::CareTeam | Need::Consent => false,
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
