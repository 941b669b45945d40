//! What a language tag (RFC 5646) says of a text: which way it is read, and who is looking for it.

use std::iter::successors;

use schemars::JsonSchema;
use serde::Serialize;

/// Which way a text is read, as HTML's `dir` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    Ltr,
    Rtl,
}

/// The scripts in use today that are written from right to left, by their ISO 15924 codes.
const RTL_SCRIPTS: [&str; 11] = [
    "Adlm", "Arab", "Aran", "Hebr", "Mand", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa", "Yezi",
];

/// The languages that are written in one of them where their tag names no script (CLDR, likely subtags).
const RTL_LANGUAGES: [&str; 28] = [
    "ar", "arc", "arz", "azb", "bal", "bgn", "ckb", "dv", "fa", "glk", "he", "iw", "ji", "ks", "lrc", "mzn", "nqo",
    "pnb", "prs", "ps", "rhg", "sd", "skr", "syr", "ug", "ur", "yi", "apc",
];

/// The languages that are so in one country and otherwise elsewhere.
const RTL_IN: [(&str, &str); 8] = [
    ("az", "IQ"),
    ("az", "IR"),
    ("kk", "CN"),
    ("ku", "IQ"),
    ("ku", "IR"),
    ("ms", "CC"),
    ("pa", "PK"),
    ("uz", "AF"),
];

/// Which way a text in this language is read: by the script that the tag names, else by the one that the language is usually
/// written in.
pub(crate) fn direction(tag: &str) -> Direction {
    let mut subtags = tag.split('-');
    let language = subtags.next().unwrap_or_default();
    // What follows a single character is an extension, and names neither script nor region.
    let rest = || subtags.clone().take_while(|subtag| subtag.len() > 1);
    let is_alphabetic = |subtag: &str| subtag.bytes().all(|byte| byte.is_ascii_alphabetic());
    let script = rest().find(|subtag| subtag.len() == 4 && is_alphabetic(subtag));
    let region = rest().find(|subtag| subtag.len() == 2);
    let is_rtl = match (script, region) {
        (Some(script), _) => RTL_SCRIPTS.iter().any(|rtl| rtl.eq_ignore_ascii_case(script)),
        // Sindhi is written in Devanagari in India, where its tag says so.
        (None, Some(region)) if language.eq_ignore_ascii_case("sd") && region.eq_ignore_ascii_case("IN") => false,
        (None, region) => {
            RTL_LANGUAGES.iter().any(|rtl| rtl.eq_ignore_ascii_case(language))
                || region.is_some_and(|region| {
                    RTL_IN
                        .iter()
                        .any(|(rtl, at)| rtl.eq_ignore_ascii_case(language) && at.eq_ignore_ascii_case(region))
                })
        }
    };
    if is_rtl { Direction::Rtl } else { Direction::Ltr }
}

/// How well a tag serves who asks for `range` by the lookup scheme of RFC 4647, section 3.4: the more of the range it names,
/// the better; `None` where it does not serve her.
pub(crate) fn lookup(range: &str, tag: &str) -> Option<usize> {
    // The range is cut from its end, a subtag at a time; a single character at the end goes with what it introduces.
    let cut = |range: &&'_ str| -> Option<usize> {
        let (shorter, _) = range.rsplit_once('-')?;
        Some(match shorter.rsplit_once('-') {
            Some((shortest, single)) if single.len() == 1 => shortest.len(),
            _ => shorter.len(),
        })
    };
    successors(Some(range), |range| range.get(..cut(range)?))
        .find(|range| range.eq_ignore_ascii_case(tag))
        .map(str::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_its_script_is() {
        for tag in [
            "ar",
            "AR",
            "ar-EG",
            "he",
            "iw",
            "ur",
            "ur-IN",
            "fa-IR",
            "ps",
            "sd",
            "ks",
            "ks-Arab-IN",
            "yi",
            "dv",
            "pa-PK",
            "pa-Arab",
            "uz-AF",
            "az-IR",
            "az-arab",
            "ku-IQ",
            "ar-x-latn",
            "hi-Aran",
        ] {
            assert_eq!(direction(tag), Direction::Rtl, "{tag}");
        }
        for tag in [
            "en",
            "de",
            "hi",
            "ta",
            "pa",
            "pa-IN",
            "pa-Guru-PK",
            "ar-Latn",
            "ks-Deva",
            "sd-Deva",
            "sd-IN",
            "uz",
            "ku-TR",
            "zh-Hant-TW",
            "en-x-arab",
            "az-AZ",
            "",
        ] {
            assert_eq!(direction(tag), Direction::Ltr, "{tag}");
        }
    }

    /// The fallback pattern of RFC 4647, section 3.4: `zh-Hant-CN-x-private1-private2`.
    #[test]
    fn a_range_is_cut_from_its_end() {
        let range = "zh-Hant-CN-x-private1-private2";
        let ranks = [
            "zh-Hant-CN-x-private1-private2",
            "zh-Hant-CN-x-private1",
            "zh-hant-cn",
            "zh-Hant",
            "zh",
        ]
        .map(|tag| lookup(range, tag));
        assert!(ranks.iter().all(Option::is_some));
        assert!(ranks.is_sorted_by(|one, other| one > other));
        for tag in ["zh-Hant-CN-x", "zh-CN", "zh-Hans", "en", "z", ""] {
            assert_eq!(lookup(range, tag), None, "{tag}");
        }
        assert_eq!(lookup("de", "de-CH"), None, "a tag that says more than was asked for");
    }
}
