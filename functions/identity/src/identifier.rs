//! Numbers that others know a client by (FHIR `Identifier`).

use serde::{Deserialize, Serialize};
use web::Check;

use crate::codes::codes;
use crate::form;
use crate::several::Element;

/// The longest number, in characters.
const VALUE: usize = 64;

/// The longest URI, in bytes.
const SYSTEM: usize = 200;

codes! {
    /// What the number is (HL7 v2 table 0203). These are all: what a practice needs to find a client in another's files and to be paid
    /// for her. Numbers that prove who somebody is to a state or a bank (`SS`, `NI`, `DL`, `PPN`, `TAX`, …) are of no use to a practice
    /// and of much to a thief: they are not collected (GDPR 5(1)(c) and 87, PIPEDA principle 4.4, HIPAA 164.502(b)).
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

/// Systems of numbers that are not collected, whatever they are said to be: of social security, of driver's licences, of passports.
const NOT_COLLECTED: [&str; 4] = [
    "http://hl7.org/fhir/sid/us-ssn",
    "urn:oid:2.16.840.1.113883.4.1",
    "urn:oid:2.16.840.1.113883.4.3",
    "urn:oid:2.16.840.1.113883.4.330",
];

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identifier {
    /// Must be said: an unknown number might be one of those that are not collected.
    r#type: IdentifierType,
    system: String,
    value: String,
}

/// Whether a text is an absolute URI (RFC 3986, section 4.3), by its scheme and its characters.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    text.len() <= SYSTEM
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        && !rest.is_empty()
        && rest
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&byte))
}

/// Whether it is one of those systems or, as object identifiers are assigned, under one.
fn is_collected(system: &str) -> bool {
    !NOT_COLLECTED.iter().any(|refused| {
        system
            .to_ascii_lowercase()
            .strip_prefix(refused)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
    })
}

impl Element for Identifier {
    const MOST: usize = 8;

    fn normalised(self, check: &mut Check, at: &str) -> Self {
        let (system, value) = (self.system.trim().to_owned(), format!("{at}/value"));
        check.that(
            is_uri(&system),
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
            value: form::line(&self.value, check, &value, VALUE),
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
    fn systems_are_uris_of_numbers_that_are_collected() {
        for (system, uri, collected) in [
            ("https://insurer.example/members", true, true),
            ("urn:oid:2.16.840.1.113883.4.572", true, true),
            ("urn:oid:2.16.840.1.113883.4.10", true, true),
            ("http://hl7.org/fhir/sid/us-ssn", true, false),
            ("HTTP://hl7.org/fhir/sid/US-SSN", true, false),
            ("urn:oid:2.16.840.1.113883.4.1", true, false),
            ("urn:oid:2.16.840.1.113883.4.3.25", true, false),
            ("urn:oid:2.16.840.1.113883.4.330.840", true, false),
            ("insurer", false, true),
            ("1urn:x", false, true),
            ("urn:", false, true),
            ("urn:a b", false, true),
            ("urn:a#b", false, true),
            ("", false, true),
        ] {
            assert_eq!((is_uri(system), is_collected(system)), (uri, collected), "{system}");
        }
    }

    #[test]
    fn other_types_are_not_known() {
        for code in ["SS", "NI", "DL", "PPN", "TAX", "BRN", "mr", ""] {
            assert!(serde_json::from_value::<IdentifierType>(code.into()).is_err(), "{code}");
        }
    }
}
