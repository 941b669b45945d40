use datatype::{Coding, Concept, Period};
use model::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Check;

use super::coding::Reason;
use super::limits::{self, ITEMS, Text};

/// A meeting of a client and those who treat her (FHIR R4, Encounter).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Encounter {
    status: EncounterStatus,
    /// Where it took place: of the value set `v3-ActEncounterCode`, such as `AMB` or `VR`.
    class: Coding,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    types: Vec<Concept>,
    period: Period,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Reason>,
    /// Names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    participants: Vec<Text>,
    /// The organisation, by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider: Option<Text>,
    /// Where somebody went after a stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    discharge: Option<Concept>,
}

/// FHIR R4, value set `encounter-status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EncounterStatus {
    Planned,
    Arrived,
    Triaged,
    InProgress,
    Onleave,
    Finished,
    Cancelled,
    EnteredInError,
    Unknown,
}

impl Encounter {
    pub(crate) fn effective_at(&self) -> Timestamp {
        self.period.start().earliest()
    }

    pub(crate) fn check(&self, check: &mut Check, at: &str, now: Timestamp) {
        self.class.check(check, &format!("{at}/class"));
        limits::each(check, &self.types, ITEMS, &format!("{at}/types"), |check, kind, at| {
            kind.check(check, at)
        });
        self.period.check(check, &format!("{at}/period"));
        if self.status == EncounterStatus::Finished {
            self.period.check_past(check, &format!("{at}/period"), now);
        }
        limits::each(
            check,
            &self.reasons,
            ITEMS,
            &format!("{at}/reasons"),
            |check, reason, at| reason.check(check, at),
        );
        limits::each(
            check,
            &self.participants,
            ITEMS,
            &format!("{at}/participants"),
            |check, name, at| {
                limits::line(check, Some(name), at);
            },
        );
        limits::line(check, self.provider.as_ref(), &format!("{at}/provider"));
        if let Some(discharge) = &self.discharge {
            discharge.check(check, &format!("{at}/discharge"));
        }
    }
}
