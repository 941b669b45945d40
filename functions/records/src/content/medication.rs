use datatype::{Concept, DateTime, Decimal, Period};
use model::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Check;

use super::coding::{Quantity, Reason};
use super::limits::{self, ITEMS, Text};

/// What somebody takes or is to take (FHIR R4, MedicationRequest; without an intent, MedicationStatement).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Medication {
    medication: Concept,
    status: MedicationStatus,
    /// What a prescription is. Left out where it is only told that somebody takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    intent: Option<Intent>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dosage: Vec<Dosage>,
    /// From when until when it is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    period: Option<Period>,
    /// When it was prescribed or told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    authored: Option<DateTime>,
    /// Her or his name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prescriber: Option<Text>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Reason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<Text>,
}

/// FHIR R4, value sets `medicationrequest-status` without `draft`, and `medication-statement-status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MedicationStatus {
    Active,
    OnHold,
    Cancelled,
    Completed,
    EnteredInError,
    Stopped,
    Intended,
    NotTaken,
    Unknown,
}

/// FHIR R4, value set `medicationrequest-intent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "MedicationIntent")]
pub(crate) enum Intent {
    Proposal,
    Plan,
    Order,
    OriginalOrder,
    ReflexOrder,
    FillerOrder,
    InstanceOrder,
    Option,
}

/// How much of it and how often: in words, or `frequency` times each `period` of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dosage {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    as_needed: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dose: Option<Quantity>,
    /// How often within each `period`: 1 or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    frequency: Option<u16>,
    /// How many of `period_unit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    period: Option<Decimal>,
    /// Needed where there is a `period`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    period_unit: Option<TimeUnit>,
}

/// FHIR R4, value set `units-of-time` (UCUM): from seconds to years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TimeUnit {
    S,
    Min,
    H,
    D,
    Wk,
    Mo,
    A,
}

impl Medication {
    pub(crate) fn effective_at(&self) -> Option<Timestamp> {
        let start = self.period.as_ref().map(Period::start);
        start.or(self.authored.as_ref()).map(DateTime::earliest)
    }

    pub(crate) fn check(&self, check: &mut Check, at: &str, now: Timestamp) {
        self.medication.check(check, &format!("{at}/medication"));
        limits::each(
            check,
            &self.dosage,
            ITEMS,
            &format!("{at}/dosage"),
            |check, dosage, at| {
                limits::line(check, dosage.text.as_ref(), &format!("{at}/text"));
                if let Some(dose) = &dosage.dose {
                    dose.check(check, &format!("{at}/dose"));
                    check.that(
                        !dose.is_negative(),
                        format!("{at}/dose/value"),
                        "range",
                        "must not be negative",
                    );
                }
                // FHIR R4, Timing: frequency is a positiveInt; constraints tim-5 and tim-2.
                check.that(
                    dosage.frequency != Some(0),
                    format!("{at}/frequency"),
                    "range",
                    "must be at least 1",
                );
                check.that(
                    !dosage.period.as_ref().is_some_and(Decimal::is_negative),
                    format!("{at}/period"),
                    "range",
                    "must not be negative",
                );
                check.that(
                    dosage.period.is_none() || dosage.period_unit.is_some(),
                    format!("{at}/period_unit"),
                    "required",
                    "is needed where there is a period",
                );
            },
        );
        if let Some(period) = &self.period {
            period.check(check, &format!("{at}/period"));
        }
        if let Some(authored) = &self.authored {
            authored.check_past(check, &format!("{at}/authored"), now);
        }
        limits::line(check, self.prescriber.as_ref(), &format!("{at}/prescriber"));
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
