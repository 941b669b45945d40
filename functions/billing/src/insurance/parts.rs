//! What claims and explanations of benefit have in common.

use datatype::{Concept, LINE, Period, Text, check_system, each, line, says_diagnosis};
use schemars::JsonSchema;
use serde::Deserialize;
use web::Check;

/// The most identifiers, coverages and totals.
pub(super) const FEW: usize = 20;

/// The most items. A claim on paper's successor has as many service lines (ASC X12 837I).
pub(super) const ITEMS: usize = 999;

/// The highest number of an item or a coverage.
const SEQUENCE: u32 = 99_999;

/// FHIR R4, value set `fm-status`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "ClaimStatus")]
pub(crate) enum Status {
    Active,
    Cancelled,
    Draft,
    EnteredInError,
}

/// FHIR R4, value set `claim-use`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "ClaimUse")]
pub(super) enum Use {
    Claim,
    Preauthorization,
    Predetermination,
}

/// What somebody calls it by (FHIR R4, data type Identifier).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Identifier {
    system: Text,
    value: Text,
}

/// What both are, whatever else they say.
pub(super) struct Heading<'c> {
    pub(super) identifiers: &'c [Identifier],
    pub(super) r#type: &'c Concept,
    pub(super) billable_period: Option<&'c Period>,
    pub(super) provider: &'c Text,
}

impl Heading<'_> {
    pub(super) fn check(&self, check: &mut Check, at: &str) {
        each(
            check,
            self.identifiers,
            FEW,
            &format!("{at}/identifiers"),
            |check, identifier, at| {
                check_system(check, identifier.system.expose(), format!("{at}/system"));
                check.text(identifier.value.expose(), &format!("{at}/value"), 1, LINE);
            },
        );
        self.r#type.check(check, &format!("{at}/type"));
        if let Some(period) = self.billable_period {
            period.check(check, &format!("{at}/billable_period"));
        }
        line(check, Some(self.provider), &format!("{at}/provider"));
    }
}

/// Notes where what was given or done is not named, or by what somebody has. In its place stands that it is masked (FHIR R4, code
/// system `data-absent-reason`).
pub(super) fn check_service(check: &mut Check, service: &Concept, at: &str) {
    service.check(check, at);
    let mut codings = service.codings().iter();
    check.that(
        !codings.any(|coding| says_diagnosis(coding.system(), coding.display())),
        at,
        "diagnosis",
        "must not say what somebody has: no diagnosis is kept here",
    );
}

/// Notes where entries of a list have no number of their own.
pub(super) fn check_sequences(check: &mut Check, sequences: impl Iterator<Item = u32>, at: &str) {
    let mut seen = std::collections::BTreeSet::new();
    for (index, sequence) in sequences.enumerate() {
        let at = format!("{at}/{index}/sequence");
        check.that(
            (1..=SEQUENCE).contains(&sequence),
            &at,
            "range",
            format!("must be 1 to {SEQUENCE}"),
        );
        check.that(seen.insert(sequence), at, "unique", "must not be that of another entry");
    }
}
