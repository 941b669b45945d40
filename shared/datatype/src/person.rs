//! What a person's details are held to, wherever they are made: rules of single texts, and how many there may be of what.
//!
//! Texts are held to them in Unicode normalisation form C, in which they are kept: two that show the same are the same, and as long.

use model::nfc;
use unicode_normalization::char::is_combining_mark;

/// The longest line, in characters.
pub const LINE: usize = 200;
/// The longest pronouns, in characters: a few of them with strokes in between.
pub const PRONOUNS: usize = 40;
/// The longest number that others know her by, in characters.
pub const IDENTIFIER: usize = 64;
/// How many given names.
pub const GIVEN: usize = 8;
/// How many titles, on either side of a name.
pub const AFFIXES: usize = 4;
/// How many lines of an address.
pub const ADDRESS_LINES: usize = 4;
/// How many names that she had.
pub const PREVIOUS_NAMES: usize = 4;
/// How many ways to reach somebody.
pub const TELECOMS: usize = 10;
/// How many addresses.
pub const ADDRESSES: usize = 6;
/// How many numbers that others know her by.
pub const IDENTIFIERS: usize = 8;
/// How many people to be called for her.
pub const EMERGENCY_CONTACTS: usize = 5;
/// How many people who look after her.
pub const GUARDIANS: usize = 4;
/// How many languages she speaks besides the one that she prefers.
pub const OTHER_LANGUAGES: usize = 8;

/// The longest e-mail address, in bytes (RFC 5321, section 4.5.3.1.3, without the angle brackets).
const MAILBOX: usize = 254;

/// The longest part before the at sign, in bytes (RFC 5321, section 4.5.3.1.1).
const LOCAL_PART: usize = 64;

/// The longest label of a domain name, in bytes (RFC 1035, section 2.3.4).
const LABEL: usize = 63;

/// The longest postal code: ten characters and some room.
const POSTAL_CODE: usize = 16;

/// The longest URI, in bytes.
const SYSTEM: usize = 200;

/// The officially assigned codes of ISO 3166-1 alpha-2 (2020, with its newsletters up to 2024), one after the other.
const COUNTRIES: &str = "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZ\
DEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKR\
KWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARE\
RORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSYEYTZAZMZW";

/// Systems of numbers that are not collected, whatever they are said to be: of social security, of driver's licences, of passports.
const NOT_COLLECTED: [&str; 4] = [
    "http://hl7.org/fhir/sid/us-ssn",
    "urn:oid:2.16.840.1.113883.4.1",
    "urn:oid:2.16.840.1.113883.4.3",
    "urn:oid:2.16.840.1.113883.4.330",
];

/// Whether a text is one line that shows as it is written. What turns the direction of text around is no part of one: a name must not
/// be able to show as another (Unicode Technical Report 36, section 2.10).
#[must_use]
pub fn is_one_line(text: &str) -> bool {
    !text.contains(['\n', '\r', '\t', '\u{2028}', '\u{2029}'])
        && !text.contains(|character| matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

/// A text in normalisation form C, without space around it.
#[must_use]
pub fn text(written: &str) -> String {
    nfc(written).trim().to_owned()
}

/// A line of at most `most` characters that are not all blank and can be shown, in its one form.
#[must_use]
pub fn line(written: &str, most: usize) -> Option<String> {
    let line = text(written);
    let is_line = is_one_line(&line) && (1..=most).contains(&line.chars().count()) && !line.contains(char::is_control);
    is_line.then_some(line)
}

/// An e-mail address in lower case and normalisation form C, or `None` where it is none.
#[must_use]
pub fn email(written: &str) -> Option<String> {
    // Lower case can undo the normalisation, so it comes in between.
    let address = nfc(&nfc(written.trim()).to_lowercase());
    is_mailbox(&address).then_some(address)
}

/// Whether a text has the form of an e-mail address that mail systems accept today. Quoted local parts and address literals are not
/// taken: nobody is reached there.
fn is_mailbox(address: &str) -> bool {
    // Marks are part of letters that have no composed form.
    let is_letter = |character: char| character.is_alphanumeric() || is_combining_mark(character);
    let Some((local, domain)) = address.split_once('@') else {
        return false;
    };
    let is_atom = |character: char| is_letter(character) || "!#$%&'*+-/=?^_`{|}~.".contains(character);
    let is_local = (1..=LOCAL_PART).contains(&local.len())
        && local.chars().all(is_atom)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..");
    let is_label = |label: &str| {
        (1..=LABEL).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|character| is_letter(character) || character == '-')
    };
    let is_domain = domain.contains('.') && domain.split('.').all(is_label);
    address.len() <= MAILBOX && is_local && is_domain
}

/// A country's code of two letters, in capitals.
#[must_use]
pub fn country(written: &str) -> Option<String> {
    let code = written.trim().to_ascii_uppercase();
    let is_code = COUNTRIES
        .as_bytes()
        .as_chunks::<2>()
        .0
        .iter()
        .any(|known| known == code.as_bytes());
    is_code.then_some(code)
}

/// A postal code in capitals, with single spaces.
#[must_use]
pub fn postal_code(written: &str) -> Option<String> {
    let words: Vec<String> = written.split_whitespace().map(str::to_ascii_uppercase).collect();
    let code = words.join(" ");
    let is_code = (1..=POSTAL_CODE).contains(&code.len())
        && code
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b' ' || byte == b'-');
    is_code.then_some(code)
}

/// Whether a text is an absolute URI (RFC 3986, section 4.3), by its scheme and its characters.
#[must_use]
pub fn is_identifier_system(text: &str) -> bool {
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

/// Whether numbers of a system are collected: it is none of those that are not nor, as object identifiers are assigned, under one.
#[must_use]
pub fn is_collected(system: &str) -> bool {
    !NOT_COLLECTED.iter().any(|refused| {
        system
            .to_ascii_lowercase()
            .strip_prefix(refused)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_those_of_iso_3166() {
        assert_eq!(COUNTRIES.len(), 2 * 249);
        assert!(
            COUNTRIES
                .as_bytes()
                .as_chunks::<2>()
                .0
                .is_sorted_by(|one, other| one < other)
        );
        for (written, code) in [
            ("de", Some("DE")),
            (" Gb ", Some("GB")),
            ("CA", Some("CA")),
            // No code of its own, exceptionally reserved, of three letters, and where two codes touch.
            ("UK", None),
            ("EU", None),
            ("USA", None),
            ("DA", None),
            ("", None),
            ("D", None),
            ("DEDJ", None),
        ] {
            assert_eq!(country(written).as_deref(), code, "{written}");
        }
    }

    #[test]
    fn postal_codes_come_to_one_form() {
        for (written, code) in [
            (" k1a  0b1 ", Some("K1A 0B1")),
            ("10115", Some("10115")),
            ("00-950", Some("00-950")),
            ("", None),
            ("10115\u{7}", None),
            ("１０１１５", None),
            ("12345678901234567", None),
        ] {
            assert_eq!(postal_code(written).as_deref(), code, "{written}");
        }
    }

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
            assert_eq!(
                (is_identifier_system(system), is_collected(system)),
                (uri, collected),
                "{system}"
            );
        }
    }

    #[test]
    fn email_comes_to_one_form() {
        for (text, form) in [
            (" Ada.Okafor@Example.ORG\n", Some("ada.okafor@example.org")),
            ("e\u{301}va@example.org", Some("éva@example.org")),
            (
                "O'Neil+therapy@sub-domain.example.org",
                Some("o'neil+therapy@sub-domain.example.org"),
            ),
            (
                "\u{936}\u{930}\u{94d}\u{924}@example.in",
                Some("\u{936}\u{930}\u{94d}\u{924}@example.in"),
            ),
            ("ΣΑΣ@example.gr", Some("σας@example.gr")),
            ("ada", None),
            ("ada@localhost", None),
            ("@example.org", None),
            ("ada@", None),
            ("ada@example..org", None),
            ("ada@-example.org", None),
            (".ada@example.org", None),
            ("a..a@example.org", None),
            ("a b@example.org", None),
            ("ada@example.org, eve@example.org", None),
            ("ada@eve@example.org", None),
            ("ada@example.org\r\nBcc: eve@example.org", None),
            ("<ada@example.org>", None),
        ] {
            assert_eq!(email(text).as_deref(), form, "{text}");
        }
        assert_eq!(email(&format!("{}@example.org", "a".repeat(65))), None);
        assert_eq!(email(&format!("a@{}org", "a.".repeat(130))), None);
    }

    #[test]
    fn a_line_is_one_line_that_shows_as_it_is_written() {
        for (written, holds) in [
            ("Okafor", true),
            (" Okafor\n", true),
            ("OkaforOkafo", false),
            ("  ", false),
            ("Oka\nfor", false),
            ("Oka\u{202e}for", false),
            ("Oka\u{7}for", false),
            ("शर्मा", true),
            // Ten characters as they are kept.
            ("e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}", true),
        ] {
            assert_eq!(line(written, 10).is_some(), holds, "{written:?}");
        }
    }
}
