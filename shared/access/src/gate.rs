//! Decide, then record, then nothing else before the record is durable.

use std::cell::Cell;

use audit_trail::{Actor, Decision, Event, Trail};
use model::{ClientId, ClinicId, DataClass, EventId, RequestId, Role, SubjectId};
use ports::{Clock, Entropy, EntropyExt};
use store::StoreError;

use crate::decide::{
    CallPermit, Denial, DenialReason, Permit, Request, USUAL_CALL_PURPOSE, USUAL_WEBHOOK_PURPOSE, WebhookPermit,
    decide, decide_call, decide_webhook, of_whom_it_is_about,
};
use crate::{Caller, CallingFunction, LawfulGround, Permissions, VerifiedDelivery};

/// Decides requests and writes every decision to the audit trail before anybody learns it.
pub struct Gate<'a> {
    trail: Trail<'a>,
    clock: &'a dyn Clock,
    entropy: &'a dyn Entropy,
    request: RequestId,
    calling: Option<CallingFunction>,
    network: Option<String>,
    newest: &'a Cell<Option<EventId>>,
}

/// A permit whose audit entry is durable. [`Gate::admit`] alone makes it.
#[derive(Debug)]
pub struct Recorded {
    permit: Permit,
    event: EventId,
}

impl Recorded {
    /// The audit entry.
    #[must_use]
    pub fn event(&self) -> EventId {
        self.event
    }

    /// The caller's clinic.
    #[must_use]
    pub fn clinic(&self) -> ClinicId {
        self.permit.clinic
    }

    /// The account that asked.
    #[must_use]
    pub fn account(&self) -> model::AccountId {
        self.permit.account
    }

    /// The role that it was decided for, of those that the account has.
    #[must_use]
    pub fn role(&self) -> model::Role {
        self.permit.role
    }

    /// The class that is permitted.
    #[must_use]
    pub fn class(&self) -> DataClass {
        self.permit.class
    }

    /// The client that it is about.
    #[must_use]
    pub fn client(&self) -> Option<ClientId> {
        self.permit.client
    }

    /// Who wrote what it is about, or is to, where that decided.
    #[must_use]
    pub fn author(&self) -> Option<model::AccountId> {
        self.permit.author
    }

    /// The rule that allowed it.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        self.permit.rule
    }

    /// What for.
    #[must_use]
    pub fn purpose(&self) -> model::Purpose {
        self.permit.purpose
    }
}

/// A permit of a function whose audit entry is durable. [`Gate::admit_call`] alone makes it.
#[derive(Debug)]
pub struct RecordedCall {
    permit: CallPermit,
    event: EventId,
}

impl RecordedCall {
    /// The audit entry.
    #[must_use]
    pub fn event(&self) -> EventId {
        self.event
    }

    /// The clinic in whose name the function asked.
    #[must_use]
    pub fn clinic(&self) -> ClinicId {
        self.permit.clinic
    }

    /// The class that is permitted.
    #[must_use]
    pub fn class(&self) -> DataClass {
        self.permit.class
    }

    /// The client that it is about.
    #[must_use]
    pub fn client(&self) -> Option<ClientId> {
        self.permit.client
    }
}

/// A permit of a payment gateway whose audit entry is durable. [`Gate::admit_webhook`] alone makes it.
#[derive(Debug)]
pub struct RecordedWebhook {
    permit: WebhookPermit,
    event: EventId,
}

impl RecordedWebhook {
    /// The audit entry.
    #[must_use]
    pub fn event(&self) -> EventId {
        self.event
    }

    /// The clinic that the gateway signed for.
    #[must_use]
    pub fn clinic(&self) -> ClinicId {
        self.permit.clinic
    }

    /// The class that is permitted.
    #[must_use]
    pub fn class(&self) -> DataClass {
        self.permit.class
    }

    /// The client that it is about.
    #[must_use]
    pub fn client(&self) -> Option<ClientId> {
        self.permit.client
    }
}

/// Why a request goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Denied, and recorded as denied.
    Denied {
        /// Why.
        reason: DenialReason,
        /// The audit entry.
        event: EventId,
    },
    /// The decision could not be recorded, so it was not taken.
    Unrecorded(StoreError),
}

fn actor(caller: &Caller, role: Role) -> Actor {
    Actor {
        account: caller.account(),
        role,
        session: Some(caller.session().id),
    }
}

impl<'a> Gate<'a> {
    /// A gate that writes to this trail, for one HTTP request: that of a function, where one calls, in its own name or in a person's. `newest` is told each
    /// entry that is durable, so that an answer can name it whatever fails afterwards.
    #[must_use]
    pub fn new(
        trail: Trail<'a>,
        clock: &'a dyn Clock,
        entropy: &'a dyn Entropy,
        request: RequestId,
        calling: Option<CallingFunction>,
        network: Option<String>,
        newest: &'a Cell<Option<EventId>>,
    ) -> Self {
        Self {
            trail,
            clock,
            entropy,
            request,
            calling,
            network,
            newest,
        }
    }

    /// Decides and records.
    ///
    /// # Errors
    /// [`Refusal::Denied`] once the denial is durable, [`Refusal::Unrecorded`] where the trail could not be written.
    pub fn admit(
        &self,
        caller: &Caller,
        request: &Request,
        permissions: Option<&Permissions>,
    ) -> Result<Recorded, Refusal> {
        let decision = decide(caller, request, permissions, self.clock.now());
        let (role, purpose, subject, rule, ground, outcome) = match &decision {
            Ok(permit) => (
                permit.role,
                permit.purpose,
                permit.subject,
                permit.rule,
                permit.ground,
                Decision::Allowed,
            ),
            Err(Denial {
                reason,
                role,
                purpose,
                subject,
            }) => (*role, *purpose, *subject, reason.rule(), None, Decision::Denied),
        };
        let event = Event {
            actor: Some(actor(caller, role)),
            subject,
            resource: request.resource.clone(),
            purpose,
            decision: outcome,
            rule: rule.to_owned(),
            consent: ground.and_then(LawfulGround::consent),
            ground: ground.and_then(LawfulGround::other),
            emergency: ground.and_then(LawfulGround::emergency),
            ..self.event(Some(caller.clinic()), request)
        };
        let (permit, event) = self.record(&event, decision.map_err(|denial| denial.reason))?;
        Ok(Recorded { permit, event })
    }

    /// Decides and records what a function asks by a private call, in the name of a clinic.
    ///
    /// # Errors
    /// [`Refusal::Denied`] once the denial is durable, [`Refusal::Unrecorded`] where the trail could not be written.
    pub fn admit_call(
        &self,
        calling: CallingFunction,
        clinic: ClinicId,
        request: &Request,
        permissions: Option<&Permissions>,
    ) -> Result<RecordedCall, Refusal> {
        let decision = decide_call(calling, clinic, request, permissions);
        let (rule, outcome) = match &decision {
            Ok(permit) => (permit.rule, Decision::Allowed),
            Err(reason) => (reason.rule(), Decision::Denied),
        };
        let event = Event {
            calling: Some(calling.function()),
            subject: of_whom_it_is_about(clinic, request, permissions).map(|permissions| permissions.subject),
            resource: request.resource.clone(),
            purpose: request.purpose.unwrap_or(USUAL_CALL_PURPOSE),
            decision: outcome,
            rule: rule.to_owned(),
            ..self.event(Some(clinic), request)
        };
        let (permit, event) = self.record(&event, decision)?;
        Ok(RecordedCall { permit, event })
    }

    /// Decides and records what a payment gateway tells of by a signed webhook.
    ///
    /// # Errors
    /// [`Refusal::Denied`] once the denial is durable, [`Refusal::Unrecorded`] where the trail could not be written.
    pub fn admit_webhook(
        &self,
        delivery: VerifiedDelivery,
        request: &Request,
        permissions: Option<&Permissions>,
    ) -> Result<RecordedWebhook, Refusal> {
        let clinic = delivery.clinic();
        let decision = decide_webhook(delivery, request, permissions);
        let (rule, outcome) = match &decision {
            Ok(permit) => (permit.rule, Decision::Allowed),
            Err(reason) => (reason.rule(), Decision::Denied),
        };
        let event = Event {
            gateway: Some(delivery.gateway()),
            subject: of_whom_it_is_about(clinic, request, permissions).map(|permissions| permissions.subject),
            resource: request.resource.clone(),
            purpose: request.purpose.unwrap_or(USUAL_WEBHOOK_PURPOSE),
            decision: outcome,
            rule: rule.to_owned(),
            ..self.event(Some(clinic), request)
        };
        let (permit, event) = self.record(&event, decision)?;
        Ok(RecordedWebhook { permit, event })
    }

    /// Records that what was admitted is refused all the same, for a reason that lies in what it was asked of and not in the table.
    ///
    /// # Errors
    /// [`StoreError`] where the event is not known to be durable.
    pub fn deny(
        &self,
        caller: &Caller,
        recorded: &Recorded,
        request: &Request,
        rule: &'static str,
    ) -> Result<EventId, StoreError> {
        let subject = recorded.permit.subject;
        self.record_besides(caller, recorded, request, subject, (Decision::Denied, rule))
    }

    /// Records what follows from something that was admitted, in a file that it does not name: in the same role, for the same purpose and by the same rule.
    ///
    /// # Errors
    /// [`StoreError`] where the event is not known to be durable.
    pub fn follow(
        &self,
        caller: &Caller,
        recorded: &Recorded,
        request: &Request,
        permissions: &Permissions,
    ) -> Result<EventId, StoreError> {
        let subject = Some(permissions.subject);
        let decided = (Decision::Allowed, recorded.permit.rule);
        self.record_besides(caller, recorded, request, subject, decided)
    }

    /// Records something else than what was admitted, in the role and for the purpose in which that was.
    fn record_besides(
        &self,
        caller: &Caller,
        recorded: &Recorded,
        request: &Request,
        subject: Option<SubjectId>,
        (decision, rule): (Decision, &'static str),
    ) -> Result<EventId, StoreError> {
        let Permit { role, purpose, .. } = recorded.permit;
        let event = Event {
            actor: Some(actor(caller, role)),
            subject,
            resource: request.resource.clone(),
            purpose,
            decision,
            rule: rule.to_owned(),
            ..self.event(Some(caller.clinic()), request)
        };
        self.append(&event)?;
        Ok(event.id)
    }

    /// Makes a decision known, once it is durable.
    fn record<P>(&self, event: &Event, decision: Result<P, DenialReason>) -> Result<(P, EventId), Refusal> {
        self.append(event).map_err(Refusal::Unrecorded)?;
        match decision {
            Ok(permit) => Ok((permit, event.id)),
            Err(reason) => Err(Refusal::Denied {
                reason,
                event: event.id,
            }),
        }
    }

    /// Records what happened before anybody was known to be who they say: log-ins, enrolments.
    ///
    /// # Errors
    /// [`StoreError`] where the event is not known to be durable.
    pub fn note(
        &self,
        clinic: Option<ClinicId>,
        actor: Option<Actor>,
        request: &Request,
        decision: Decision,
        rule: &'static str,
    ) -> Result<EventId, StoreError> {
        let event = Event {
            actor,
            resource: request.resource.clone(),
            decision,
            rule: rule.to_owned(),
            ..self.event(clinic, request)
        };
        self.append(&event)?;
        Ok(event.id)
    }

    fn append(&self, event: &Event) -> Result<(), StoreError> {
        self.trail.append(event)?;
        self.newest.set(Some(event.id));
        Ok(())
    }

    fn event(&self, clinic: Option<ClinicId>, request: &Request) -> Event {
        Event {
            id: self.entropy.id(),
            at: self.clock.now(),
            function: self.trail.function(),
            clinic,
            actor: None,
            calling: self.calling.map(CallingFunction::function),
            gateway: None,
            action: request.action,
            class: request.class,
            subject: None::<SubjectId>,
            resource: None,
            purpose: request.purpose.unwrap_or(model::Purpose::SystemAdministration),
            decision: Decision::Denied,
            rule: String::new(),
            consent: None,
            ground: None,
            emergency: None,
            network: self.network.clone(),
            request: self.request,
        }
    }
}
