//! Numbers that others know a client by (FHIR `Identifier`).

use datatype::person::{IDENTIFIER, IDENTIFIERS, is_collected, is_identifier_system};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Check;

use crate::codes::codes;
use crate::form;
use crate::several::Element;

codes! {
    // These are all: what a practice needs to find a client in another's files and to be paid for her. Numbers that prove who somebody is
    // to a state or a bank (`SS`, `NI`, `DL`, `PPN`, `TAX`, …) are of no use to a practice and of much to a thief: they are not collected
    // (GDPR 5(1)(c) and 87, PIPEDA principle 4.4, HIPAA 164.502(b)).
    /// What the number is (HL7 v2 table 0203).
    IdentifierType {
        /// Medical record number.
        Mr = "MR",
        /// The number by which another provider knows her.
        Pi = "PI",
        /// Member number of an insurer.
        Mb = "MB",
        /// Subscriber number of an insurer.
        Sn = "SN",
        /// Health card number.
        Hc = "HC",
        /// Jurisdictional health number.
        Jhn = "JHN",
        /// National health plan identifier.
        Nh = "NH",
        /// Medicare number.
        Mc = "MC",
        /// Medicaid number.
        Ma = "MA",
    }
}

/// A number that others know her by.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ClientIdentifier")]
pub(crate) struct Identifier {
    // Must be said: an unknown number might be one of those that are not collected.
    r#type: IdentifierType,
    /// Who gives the number, as an absolute URI.
    system: String,
    value: String,
}

impl Element for Identifier {
    const MOST: usize = IDENTIFIERS;

    fn normalised(self, check: &mut Check, at: &str) -> Self {
        let (system, value) = (self.system.trim().to_owned(), format!("{at}/value"));
        check.that(
            is_identifier_system(&system),
            format!("{at}/system"),
            "uri",
            "must be an absolute URI without a fragment, of up to 200 characters",
        );
        check.that(
            is_collected(&system),
            format!("{at}/system"),
            "not-collected",
            "names numbers that are not collected",
        );
        Self {
            value: form::line(&self.value, check, &value, IDENTIFIER),
            system,
            ..self
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.system == other.system && self.value == other.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_types_are_not_known() {
        for code in ["SS", "NI", "DL", "PPN", "TAX", "BRN", "mr", ""] {
            assert!(serde_json::from_value::<IdentifierType>(code.into()).is_err(), "{code}");
        }
    }
}
