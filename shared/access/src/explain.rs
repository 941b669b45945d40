//! Why something would be allowed or denied: the same rows and the same needs as the decision, each said with whether it is met.

use model::{Purpose, Role, Timestamp};

use crate::decide::{is_met, of_whom_it_is_about, rules_for};
use crate::{Asker, DenialReason, Need, Permissions, Request};

/// A row of the table that is about what would be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Considered {
    /// Its name.
    pub rule: &'static str,
    /// For which of the roles.
    pub role: Role,
    /// What it needs, and whether that is met.
    pub needs: Vec<(Need, bool)>,
}

impl Considered {
    fn allows(&self) -> bool {
        self.needs.iter().all(|(_, is_met)| *is_met)
    }

    fn reason(&self) -> Option<DenialReason> {
        let (missing, _) = self.needs.iter().find(|(_, is_met)| !is_met)?;
        Some(missing.reason())
    }
}

/// How a request would be decided, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The rule that would allow it, or why it would be denied.
    pub decision: Result<&'static str, DenialReason>,
    /// What for: what was named, or what is usual for the role.
    pub purpose: Purpose,
    /// Every row that is about it, in the table's order.
    pub considered: Vec<Considered>,
}

/// Explains the decision about a request of somebody who is fully logged in: [`crate::decide`] comes to the same, but for what depends on
/// the session alone (a second factor that is missing, a proof that is not recent enough).
#[must_use]
pub fn explain(asker: &Asker<'_>, request: &Request, permissions: Option<&Permissions>, now: Timestamp) -> Explanation {
    let permissions = of_whom_it_is_about(asker.clinic, request, permissions);
    let first_role = asker.roles.first().copied().unwrap_or(Role::Client);
    let first_purpose = request.purpose.unwrap_or(first_role.usual_purpose());
    if first_purpose.is_prohibited() {
        return Explanation {
            decision: Err(DenialReason::ProhibitedPurpose),
            purpose: first_purpose,
            considered: Vec::new(),
        };
    }
    let mut considered = Vec::new();
    for role in asker.roles.iter().copied() {
        let purpose = request.purpose.unwrap_or(role.usual_purpose());
        for rule in rules_for(role, purpose, request) {
            let assess = |need: &Need| (*need, is_met(*need, asker, request, purpose, permissions, now));
            considered.push(Considered {
                rule: rule.id,
                role,
                needs: rule.needs.iter().map(assess).collect(),
            });
        }
    }
    let decision = match considered.iter().find(|row| row.allows()) {
        Some(row) => Ok(row.rule),
        None => Err(considered
            .iter()
            .filter_map(Considered::reason)
            .find(|reason| *reason != DenialReason::NoRule)
            .unwrap_or(DenialReason::NoRule)),
    };
    let role = considered
        .iter()
        .find(|row| row.allows())
        .map_or(first_role, |row| row.role);
    Explanation {
        decision,
        purpose: request.purpose.unwrap_or(role.usual_purpose()),
        considered,
    }
}
