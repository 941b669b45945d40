//! What something is called: codes of published systems, and words.

use std::fmt;

use model::{Confidential, RecordId};
use serde::{Deserialize, Serialize};
use web::Check;

use super::limits::{self, Text};

/// The longest URI of a system, and the longest code, in characters. ICD-11 clusters of codes are the longest in use.
const URI: usize = 255;

/// The most codes for one thing.
const CODINGS: usize = 10;

/// The longest decimal, in characters.
const DECIMAL: usize = 40;

/// A code of a system (FHIR R4, data type Coding).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Coding {
    system: Text,
    code: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    display: Option<Text>,
}

/// What something is called: codes, words, or both (FHIR R4, data type CodeableConcept).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Concept {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    coding: Vec<Coding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<Text>,
}

/// Why: what it is called, or the record that says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reason {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    concept: Option<Concept>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    record: Option<RecordId>,
}

/// A number as it was measured: as text, so that 7.0 stays as precise as it is (FHIR R4, data type `decimal`).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Decimal(Text);

#[derive(Debug, thiserror::Error)]
#[error("must be a decimal as text, such as \"7.0\" or \"-1.5e3\", of at most 40 characters")]
pub(crate) struct NoDecimal;

/// A measured amount (FHIR R4, data type Quantity).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quantity {
    value: Decimal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    comparator: Option<Comparator>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    system: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<Text>,
}

/// How the true value lies to the one that is given (FHIR R4, value set `quantity-comparator`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// An absolute URI (RFC 3986, section 3.1): what names a system is never looked up, only compared.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme && !rest.is_empty() && text.len() <= URI && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A code (FHIR R4, data type `code`): no blanks but single ones inside.
fn is_code(text: &str) -> bool {
    let is_whole = !text.is_empty() && text.len() <= URI;
    is_whole
        && text
            .split(' ')
            .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic()))
}

fn check_code(check: &mut Check, code: &str, at: String) {
    check.that(
        is_code(code),
        at,
        "code",
        "must be a code: up to 255 visible ASCII characters, with single blanks between them",
    );
}

fn check_system(check: &mut Check, system: &str, at: String) {
    check.that(
        is_uri(system),
        at,
        "uri",
        "must be an absolute URI of up to 255 characters, such as http://snomed.info/sct",
    );
}

impl Coding {
    pub(crate) fn check(&self, check: &mut Check, at: &str) {
        check_system(check, self.system.expose(), format!("{at}/system"));
        check_code(check, self.code.expose(), format!("{at}/code"));
        limits::line(check, self.display.as_ref(), &format!("{at}/display"));
    }
}

impl Concept {
    pub(crate) fn check(&self, check: &mut Check, at: &str) {
        check.that(
            !self.coding.is_empty() || self.text.is_some(),
            at,
            "content",
            "must have a coding or a text",
        );
        limits::each(
            check,
            &self.coding,
            CODINGS,
            &format!("{at}/coding"),
            |check, coding, at| {
                coding.check(check, at);
            },
        );
        limits::line(check, self.text.as_ref(), &format!("{at}/text"));
    }
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

impl TryFrom<String> for Decimal {
    type Error = NoDecimal;

    fn try_from(text: String) -> Result<Self, NoDecimal> {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let unsigned = text.strip_prefix('-').unwrap_or(&text);
        let (number, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
            None => (unsigned, None),
        };
        let (whole, fraction) = match number.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (number, None),
        };
        let is_decimal = digits(whole)
            && (whole == "0" || !whole.starts_with('0'))
            && fraction.is_none_or(digits)
            && exponent.is_none_or(digits);
        if is_decimal && text.len() <= DECIMAL {
            Ok(Self(Confidential::new(text)))
        } else {
            Err(NoDecimal)
        }
    }
}

impl From<Decimal> for String {
    fn from(decimal: Decimal) -> Self {
        decimal.0.into_inner()
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_absolute_uris_and_codes_have_no_odd_blanks() {
        for system in [
            "http://snomed.info/sct",
            "urn:oid:2.16.840.1.113883.6.238",
            "http://hl7.org/fhir/sid/icd-10-cm",
        ] {
            assert!(is_uri(system), "{system}");
        }
        for system in [
            "",
            "snomed",
            ":x",
            "1a:x",
            "http:",
            "http://a b",
            "http://ö",
            &format!("urn:{}", "x".repeat(252)),
        ] {
            assert!(!is_uri(system), "{system}");
        }
        for code in ["F32.1", "mm[Hg]", "428191000124101", "6A70.1/MB23.H", "two words"] {
            assert!(is_code(code), "{code}");
        }
        for code in ["", " F32", "F32 ", "a  b", "a\tb", "é", &"x".repeat(256)] {
            assert!(!is_code(code), "{code}");
        }
    }

    #[test]
    fn decimals_are_those_of_fhir() {
        for text in ["0", "-0", "7.0", "71.57727343548594", "-1.5e3", "1E-10", "120"] {
            assert_eq!(String::from(Decimal::try_from(text.to_owned()).unwrap()), text);
        }
        for text in [
            "",
            "-",
            ".5",
            "5.",
            "007",
            "1,5",
            "0x1",
            "1e",
            "1e+",
            "NaN",
            " 1",
            "--1",
            &"1".repeat(41),
        ] {
            assert!(Decimal::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
