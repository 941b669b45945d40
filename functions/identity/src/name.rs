//! What a client is called, and was.

use datatype::person::{AFFIXES, GIVEN, LINE, PREVIOUS_NAMES};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Check;

use crate::calendar::Period;
use crate::codes::codes;
use crate::form;
use crate::several::Element;

/// Her official name (FHIR `HumanName`): `given`, `family`, or both, as not everybody has either.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Name {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = GIVEN))]
    pub(crate) given: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) family: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = AFFIXES))]
    prefix: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = AFFIXES))]
    suffix: Vec<String>,
    /// What she wants to be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) preferred: Option<String>,
}

codes! {
    /// Why a name is not in use any more (FHIR `NameUse`).
    PreviousUse {
        /// From before a marriage.
        Maiden = "maiden",
        Old = "old",
    }
}

/// A name that she had: `given`, `family`, or both.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreviousName {
    r#use: PreviousUse,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = GIVEN))]
    pub(crate) given: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) family: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    period: Option<Period>,
}

fn check_any(given: &[String], family: Option<&String>, check: &mut Check, at: &str) {
    check.that(
        !given.is_empty() || family.is_some(),
        at,
        "any-of",
        "must have given, family or both",
    );
}

impl Name {
    pub(crate) fn normalised(self, check: &mut Check, at: &str) -> Self {
        check_any(&self.given, self.family.as_ref(), check, at);
        Self {
            given: form::lines(&self.given, check, &format!("{at}/given"), GIVEN),
            family: form::optional_line(self.family.as_ref(), check, &format!("{at}/family"), LINE),
            prefix: form::lines(&self.prefix, check, &format!("{at}/prefix"), AFFIXES),
            suffix: form::lines(&self.suffix, check, &format!("{at}/suffix"), AFFIXES),
            preferred: form::optional_line(self.preferred.as_ref(), check, &format!("{at}/preferred"), LINE),
        }
    }
}

impl Element for PreviousName {
    const MOST: usize = PREVIOUS_NAMES;

    fn normalised(self, check: &mut Check, at: &str) -> Self {
        check_any(&self.given, self.family.as_ref(), check, at);
        if let Some(period) = &self.period {
            period.check(check, &format!("{at}/period"));
        }
        Self {
            given: form::lines(&self.given, check, &format!("{at}/given"), GIVEN),
            family: form::optional_line(self.family.as_ref(), check, &format!("{at}/family"), LINE),
            ..self
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.given == other.given && self.family == other.family
    }
}
