use datatype::{Concept, Period};
use model::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Check;

use super::coding::Reason;
use super::limits::{self, ITEMS, Text};

/// What was done to or with somebody (FHIR R4, Procedure).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Procedure {
    code: Concept,
    status: EventStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    performed: Option<Period>,
    /// Her or his name, or the organisation's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    performer: Option<Text>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Reason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<Text>,
}

/// FHIR R4, value set `event-status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "ProcedureStatus")]
pub(crate) enum EventStatus {
    Preparation,
    InProgress,
    NotDone,
    OnHold,
    Stopped,
    Completed,
    EnteredInError,
    Unknown,
}

impl Procedure {
    pub(crate) fn effective_at(&self) -> Option<Timestamp> {
        self.performed.as_ref().map(|performed| performed.start().earliest())
    }

    pub(crate) fn check(&self, check: &mut Check, at: &str, now: Timestamp) {
        self.code.check(check, &format!("{at}/code"));
        if let Some(performed) = &self.performed {
            performed.check(check, &format!("{at}/performed"));
            if self.status == EventStatus::Completed {
                performed.check_past(check, &format!("{at}/performed"), now);
            }
        }
        limits::line(check, self.performer.as_ref(), &format!("{at}/performer"));
        limits::each(
            check,
            &self.reasons,
            ITEMS,
            &format!("{at}/reasons"),
            |check, reason, at| reason.check(check, at),
        );
        limits::text(check, self.note.as_ref(), &format!("{at}/note"));
    }
}
