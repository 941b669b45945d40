use datatype::{Concept, DateTime};
use model::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Check;

use super::limits::{self, Text};

/// A vaccination (FHIR R4, Immunization).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Immunization {
    vaccine: Concept,
    status: ImmunizationStatus,
    occurrence: DateTime,
    /// Whether who wrote it down first gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    primary_source: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<Text>,
}

/// FHIR R4, value set `immunization-status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ImmunizationStatus {
    Completed,
    EnteredInError,
    NotDone,
}

impl Immunization {
    pub(crate) fn effective_at(&self) -> Timestamp {
        self.occurrence.earliest()
    }

    pub(crate) fn check(&self, check: &mut Check, at: &str, now: Timestamp) {
        self.vaccine.check(check, &format!("{at}/vaccine"));
        self.occurrence.check_past(check, &format!("{at}/occurrence"), now);
        limits::text(check, self.note.as_ref(), &format!("{at}/note"));
    }
}
