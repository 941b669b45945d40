use datatype::{Concept, DateTime};
use model::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Check;

use super::limits::{self, ITEMS, Text};

/// What somebody has, or may have (FHIR R4, Condition). Its code says by which system: ICD-10, ICD-10-CM, ICD-11, SNOMED CT, DSM-5-TR.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Diagnosis {
    code: Concept,
    /// Left out of what was entered in error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clinical_status: Option<ClinicalStatus>,
    verification_status: VerificationStatus,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    categories: Vec<Concept>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    severity: Option<Concept>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    onset: Option<DateTime>,
    /// Since when it is over: where `clinical_status` is `inactive`, `remission` or `resolved`, or it was entered in error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    abatement: Option<DateTime>,
    /// When it was first written down, here or elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recorded: Option<DateTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<Text>,
}

/// FHIR R4, value set `condition-clinical`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ClinicalStatus {
    Active,
    Recurrence,
    Relapse,
    Inactive,
    Remission,
    Resolved,
}

/// FHIR R4, value set `condition-ver-status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum VerificationStatus {
    Unconfirmed,
    Provisional,
    Differential,
    Confirmed,
    Refuted,
    EnteredInError,
}

impl Diagnosis {
    pub(crate) fn effective_at(&self) -> Option<Timestamp> {
        self.onset.as_ref().or(self.recorded.as_ref()).map(DateTime::earliest)
    }

    pub(crate) fn check(&self, check: &mut Check, at: &str, now: Timestamp) {
        self.code.check(check, &format!("{at}/code"));
        limits::each(
            check,
            &self.categories,
            ITEMS,
            &format!("{at}/categories"),
            |check, category, at| {
                category.check(check, at);
            },
        );
        if let Some(severity) = &self.severity {
            severity.check(check, &format!("{at}/severity"));
        }
        for (time, field) in [
            (&self.onset, "onset"),
            (&self.abatement, "abatement"),
            (&self.recorded, "recorded"),
        ] {
            if let Some(time) = time {
                time.check_past(check, &format!("{at}/{field}"), now);
            }
        }
        let both = self.onset.as_ref().zip(self.abatement.as_ref());
        check.that(
            !both.is_some_and(|(onset, abatement)| abatement.is_before(onset)),
            format!("{at}/abatement"),
            "order",
            "must not lie before onset",
        );
        // FHIR R4, Condition, constraint con-5: what was entered in error has no clinical status. con-4: what has abated is over.
        let is_error = self.verification_status == VerificationStatus::EnteredInError;
        check.that(
            !is_error || self.clinical_status.is_none(),
            format!("{at}/clinical_status"),
            "entered-in-error",
            "must be left out where it was entered in error",
        );
        let is_over = matches!(
            self.clinical_status,
            Some(ClinicalStatus::Inactive | ClinicalStatus::Remission | ClinicalStatus::Resolved)
        );
        check.that(
            self.abatement.is_none() || is_over || is_error,
            format!("{at}/clinical_status"),
            "abated",
            "must be inactive, remission or resolved where there is an abatement",
        );
        limits::text(check, self.note.as_ref(), &format!("{at}/note"));
    }
}
