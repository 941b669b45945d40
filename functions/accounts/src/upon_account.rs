//! What administrators do upon somebody's account: why, as what, and never upon their own.

use access::{Caller, Request};
use audit_trail::{Actor, Decision};
use model::{Confidential, EventId, Role};
use web::{Check, Exchange, Problem};

/// The longest reason, in characters.
pub(crate) const MOST_REASON: usize = 500;

/// A reason, which is shown to administrators only.
pub(crate) fn checked_reason(reason: String) -> Result<Confidential<String>, Problem> {
    let mut check = Check::new();
    check.text(&reason, "/reason", 1, MOST_REASON);
    check.finish()?;
    Ok(Confidential::new(reason))
}

pub(crate) fn own_account_refused() -> Problem {
    Problem::conflict(
        "own-account",
        "Nobody does this to their own account. Ask another administrator.",
    )
}

/// Writes as what a caller does something, beside the decision that she may.
pub(crate) fn note(
    exchange: &Exchange<'_>,
    caller: &Caller,
    role: Role,
    request: &Request,
    rule: &'static str,
) -> Result<EventId, Problem> {
    enter(exchange, caller, role, request, Decision::Allowed, rule)
}

/// Writes that something is refused which a caller may do elsewise, where an entry stands already that says that it is done. What comes back
/// names the entry of the refusal.
pub(crate) fn refuse(
    exchange: &Exchange<'_>,
    caller: &Caller,
    role: Role,
    request: &Request,
    rule: &'static str,
    problem: Problem,
) -> Problem {
    match enter(exchange, caller, role, request, Decision::Denied, rule) {
        Ok(event) => problem.recorded(event),
        Err(unrecorded) => unrecorded,
    }
}

fn enter(
    exchange: &Exchange<'_>,
    caller: &Caller,
    role: Role,
    request: &Request,
    decision: Decision,
    rule: &'static str,
) -> Result<EventId, Problem> {
    let actor = Actor {
        account: caller.account(),
        role,
        session: Some(caller.session().id),
    };
    let gate = exchange.gate()?;
    Ok(gate.note(Some(caller.clinic()), Some(actor), request, decision, rule)?)
}
