//! Why something was, and how much of it there was.

use datatype::{Concept, Decimal, check_code, check_system};
use model::RecordId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Check;

use super::limits::{self, Text};

/// Why: what it is called, or the record that says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reason {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    concept: Option<Concept>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    record: Option<RecordId>,
}

/// A measured amount (FHIR R4, data type Quantity).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quantity {
    value: Decimal,
    /// Where the true value is not the one that is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    comparator: Option<Comparator>,
    /// The unit, as people read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<Text>,
    /// What system `code` is of, as an absolute URI. Needed where there is a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    system: Option<Text>,
    /// The unit, as the system writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<Text>,
}

/// How the true value lies to the one that is given (FHIR R4, value set `quantity-comparator`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum Comparator {
    #[serde(rename = "<")]
    Less,
    #[serde(rename = "<=")]
    AtMost,
    #[serde(rename = ">=")]
    AtLeast,
    #[serde(rename = ">")]
    More,
}

impl Reason {
    pub(crate) fn check(&self, check: &mut Check, at: &str) {
        check.that(
            self.concept.is_some() || self.record.is_some(),
            at,
            "content",
            "must have a concept or a record",
        );
        if let Some(concept) = &self.concept {
            concept.check(check, &format!("{at}/concept"));
        }
    }
}

impl Quantity {
    pub(crate) fn is_negative(&self) -> bool {
        self.value.is_negative()
    }

    pub(crate) fn check(&self, check: &mut Check, at: &str) {
        limits::line(check, self.unit.as_ref(), &format!("{at}/unit"));
        if let Some(system) = &self.system {
            check_system(check, system.expose(), format!("{at}/system"));
        }
        if let Some(code) = &self.code {
            check_code(check, code.expose(), format!("{at}/code"));
            // FHIR R4, Quantity, constraint qty-3.
            check.that(
                self.system.is_some(),
                format!("{at}/system"),
                "required",
                "is needed where there is a code",
            );
        }
    }
}
