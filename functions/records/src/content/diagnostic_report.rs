use datatype::{Concept, DateTime};
use model::{RecordId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Check;

use super::limits::{self, ITEMS, Text};
use super::observation::ResultStatus;

/// What a laboratory or another service reports (FHIR R4, DiagnosticReport).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DiagnosticReport {
    code: Concept,
    status: ResultStatus,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    categories: Vec<Concept>,
    /// Of when it tells.
    effective: DateTime,
    /// When it was given out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issued: Option<DateTime>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    results: Vec<Finding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    conclusion: Option<Text>,
}

/// What the report rests on: the record of an observation, what it is called, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finding {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    record: Option<RecordId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    display: Option<Text>,
}

impl DiagnosticReport {
    pub(crate) fn effective_at(&self) -> Timestamp {
        self.effective.earliest()
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
        self.effective.check_past(check, &format!("{at}/effective"), now);
        if let Some(issued) = &self.issued {
            issued.check_past(check, &format!("{at}/issued"), now);
        }
        limits::each(
            check,
            &self.results,
            ITEMS,
            &format!("{at}/results"),
            |check, finding, at| {
                check.that(
                    finding.record.is_some() || finding.display.is_some(),
                    at,
                    "content",
                    "must have a record or a display",
                );
                limits::line(check, finding.display.as_ref(), &format!("{at}/display"));
            },
        );
        limits::text(check, self.conclusion.as_ref(), &format!("{at}/conclusion"));
    }
}
