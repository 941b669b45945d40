//! What something is called: codes of published systems, and words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Check;

use crate::limits::{self, Text};

/// The longest URI of a system, and the longest code, in characters. ICD-11 clusters of codes are the longest in use.
const URI: usize = 255;

/// The most codes for one thing.
const CODINGS: usize = 10;

/// A code of a system (FHIR R4, data type Coding).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Coding {
    system: Text,
    code: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    display: Option<Text>,
}

/// What something is called: codes, words, or both (FHIR R4, data type CodeableConcept).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Concept {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    coding: Vec<Coding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<Text>,
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

/// Notes where a code is none.
pub fn check_code(check: &mut Check, code: &str, at: String) {
    check.that(
        is_code(code),
        at,
        "code",
        "must be a code: up to 255 visible ASCII characters, with single blanks between them",
    );
}

/// Notes where what names a system is no URI.
pub fn check_system(check: &mut Check, system: &str, at: String) {
    check.that(
        is_uri(system),
        at,
        "uri",
        "must be an absolute URI of up to 255 characters, such as http://snomed.info/sct",
    );
}

impl Coding {
    /// What it names the system by.
    #[must_use]
    pub fn system(&self) -> &str {
        self.system.expose()
    }

    /// What the system calls it.
    #[must_use]
    pub fn display(&self) -> Option<&str> {
        self.display.as_ref().map(|display| display.expose().as_str())
    }

    /// Notes every rule that it breaks.
    pub fn check(&self, check: &mut Check, at: &str) {
        check_system(check, self.system.expose(), format!("{at}/system"));
        check_code(check, self.code.expose(), format!("{at}/code"));
        limits::line(check, self.display.as_ref(), &format!("{at}/display"));
    }
}

impl Concept {
    /// The codes.
    #[must_use]
    pub fn codings(&self) -> &[Coding] {
        &self.coding
    }

    /// Notes every rule that it breaks.
    pub fn check(&self, check: &mut Check, at: &str) {
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
}
