use audit_trail::{Decision, Event};
use model::{Action, ClinicId, DataClass, EventId, Function, Purpose, RequestId, Timestamp};

/// An event as functions record them: somebody's read of a record for treatment, which was allowed. A test says what else it is to be.
#[must_use]
pub fn event(id: EventId, at: Timestamp, function: Function, clinic: Option<ClinicId>, request: RequestId) -> Event {
    Event {
        id,
        at,
        function,
        clinic,
        actor: None,
        calling: None,
        gateway: None,
        action: Action::Read,
        class: DataClass::Health,
        subject: None,
        resource: None,
        purpose: Purpose::Treatment,
        decision: Decision::Allowed,
        rule: "care.records".to_owned(),
        consent: None,
        ground: None,
        emergency: None,
        network: None,
        request,
    }
}
