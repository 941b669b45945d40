use datatype::{Concept, DateTime};
use model::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Check;

use super::coding::Quantity;
use super::limits::{self, ITEMS, Text};

/// What was measured or found (FHIR R4, Observation).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Observation {
    code: Concept,
    /// None of the last two, which are of reports alone.
    status: ResultStatus,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    categories: Vec<Concept>,
    /// When it was measured or found.
    effective: DateTime,
    /// When it was given out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issued: Option<DateTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    components: Vec<Component>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<Text>,
}

/// FHIR R4, value sets `observation-status` and, with the last two, `diagnostic-report-status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ResultStatus {
    Registered,
    Preliminary,
    Final,
    Amended,
    Corrected,
    Cancelled,
    EnteredInError,
    Unknown,
    Partial,
    Appended,
}

impl ResultStatus {
    /// Whether an observation can have it.
    fn is_of_observation(self) -> bool {
        !matches!(self, Self::Partial | Self::Appended)
    }
}

/// What came out: one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ObservationValue")]
pub(crate) enum Value {
    Quantity(Quantity),
    Concept(Concept),
    Text(Text),
}

/// A part of what was measured, such as one of two blood pressures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ObservationComponent")]
pub(crate) struct Component {
    code: Concept,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
}

fn check_value(check: &mut Check, value: Option<&Value>, at: &str) {
    match value {
        None => {}
        Some(Value::Quantity(quantity)) => quantity.check(check, &format!("{at}/quantity")),
        Some(Value::Concept(concept)) => concept.check(check, &format!("{at}/concept")),
        Some(Value::Text(text)) => limits::text(check, Some(text), &format!("{at}/text")),
    }
}

impl Observation {
    pub(crate) fn effective_at(&self) -> Timestamp {
        self.effective.earliest()
    }

    pub(crate) fn check(&self, check: &mut Check, at: &str, now: Timestamp) {
        self.code.check(check, &format!("{at}/code"));
        check.that(
            self.status.is_of_observation(),
            format!("{at}/status"),
            "status",
            "is one of reports alone",
        );
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
        check_value(check, self.value.as_ref(), &format!("{at}/value"));
        limits::each(
            check,
            &self.components,
            ITEMS,
            &format!("{at}/components"),
            |check, component, at| {
                component.code.check(check, &format!("{at}/code"));
                check_value(check, component.value.as_ref(), &format!("{at}/value"));
            },
        );
        limits::text(check, self.note.as_ref(), &format!("{at}/note"));
    }
}
