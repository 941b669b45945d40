//! Free text that a person released.

use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;
use model::{AccountId, Confidential};
use serde::Serialize;

use crate::identifiers::{Identifiers, folded, is_month, words};

/// The longest text, in bytes.
const LONGEST: usize = 100_000;

/// From this many digits on a number is taken for one of a person: a telephone number without its area, a social security number.
const LONG_NUMBER: usize = 7;

/// Who released a text, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Review {
    /// The account of the reviewer.
    pub reviewer: AccountId,
    /// The time of the decision.
    pub decided_at: Timestamp,
}

/// Why a text is not released, without a word of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// No identifier was given to look for: nothing would be proven.
    NothingToLookFor,
    /// More than 100 000 bytes.
    TooLong,
    /// A name of the client or of her people.
    Name,
    /// Her city, district or street.
    Place,
    /// A number of hers, or an address of hers on a network.
    Number,
    /// A telephone number of hers.
    Telecom,
    /// A day of hers, or anything that looks like a date finer than a year.
    Date,
    /// Something with an `@`.
    Email,
    /// Something with a scheme or `www.` before it.
    Url,
    /// An address of the Internet Protocol.
    IpAddress,
    /// A number of seven digits or more, whatever stands between them.
    LongNumber,
    /// An age over 89.
    AgeOver89,
}

/// A text that a reviewer released, and in which none of the client's own identifiers is found.
///
/// The reviewer is the one who knows; the search is a second look that cannot be forgotten. It finds what is written as it was given, in
/// another case, without accents or separators, with digits of other scripts, and in scripts without spaces between words wherever it stands. It does not find nicknames, other
/// spellings, other scripts, names with an ending ("Annas"), named months in other languages than English, or a story that only one person can
/// have.
#[derive(Clone, PartialEq, Eq)]
pub struct ReleasedText {
    text: Confidential<String>,
    review: Review,
}

impl fmt::Debug for ReleasedText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReleasedText")
            .field("text", &self.text)
            .field("review", &self.review)
            .finish()
    }
}

impl ReleasedText {
    /// Releases a text.
    ///
    /// # Errors
    /// Every [`Finding`], each once, in their order.
    pub fn new(text: String, review: Review, identifiers: &Identifiers) -> Result<Self, Vec<Finding>> {
        let mut findings = identifiers.find(&text);
        if identifiers.is_empty() {
            findings.push(Finding::NothingToLookFor);
        }
        if text.len() > LONGEST {
            findings.push(Finding::TooLong);
        }
        findings.extend(looks_like(&text));
        findings.sort_unstable();
        findings.dedup();
        if findings.is_empty() {
            Ok(Self {
                text: Confidential::new(text),
                review,
            })
        } else {
            Err(findings)
        }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.expose()
    }

    /// Who released it. It does not leave with the text.
    #[must_use]
    pub fn review(&self) -> Review {
        self.review
    }
}

/// What is an identifier by its look, whoever's it is: of relatives and others, whose identifiers nobody gave.
fn looks_like(text: &str) -> impl Iterator<Item = Finding> {
    let lower = text.to_lowercase();
    let is_address = |word: &str| {
        word.trim_matches(|edge: char| !edge.is_ascii_hexdigit() && edge != ':')
            .parse::<IpAddr>()
            .is_ok()
    };
    [
        (Finding::Email, text.contains(['@', '＠'])),
        (Finding::Url, lower.contains("://") || lower.contains("www.")),
        (Finding::IpAddress, text.split_whitespace().any(is_address)),
        (Finding::LongNumber, longest_number(text) >= LONG_NUMBER),
        (Finding::Date, has_date(text)),
        (Finding::AgeOver89, tells_age_over_89(&words(text))),
    ]
    .into_iter()
    .filter_map(|(finding, is_there)| is_there.then_some(finding))
}

/// The most digits in a row, not counting what people put between them. Digits of every script count.
fn longest_number(text: &str) -> usize {
    let (mut longest, mut length) = (0, 0);
    for letter in text.chars() {
        if letter.is_numeric() {
            length += 1;
        } else if !" -./()\u{a0}\u{2010}\u{2011}\u{2012}\u{2013}+_'".contains(letter) {
            length = 0;
        }
        longest = longest.max(length);
    }
    longest
}

/// What stands between the numbers of a date.
const SEPARATORS: [char; 3] = ['/', '.', '-'];

/// A text without what may stand beside a separator and is not seen: white space, and marks of direction, which dates in Arabic are written with.
/// Digits and separators are those of ASCII.
fn closed_up(text: &str) -> String {
    let is_blank = |letter: char| {
        letter.is_whitespace()
            || matches!(letter, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
    };
    let mut closed_up = String::with_capacity(text.len());
    for letter in folded(text) {
        let letter = match letter {
            '\u{60d}' | '\u{2044}' | '\u{2215}' | '\u{ff0f}' => '/',
            '\u{ff0e}' => '.',
            '\u{2010}'..='\u{2013}' | '\u{2212}' | '\u{ff0d}' => '-',
            other => other,
        };
        if SEPARATORS.contains(&letter) {
            let end = closed_up.trim_end_matches(is_blank).len();
            closed_up.truncate(end);
        } else if is_blank(letter) && closed_up.ends_with(SEPARATORS) {
            continue;
        }
        closed_up.push(letter);
    }
    closed_up
}

/// Three numbers with the same separator between them, a numbered month beside a year, or a month beside a number: by its name, or numbered as in
/// Chinese, Japanese and Korean.
fn has_date(text: &str) -> bool {
    let is_number = |part: &&str| !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_numeric = closed_up(text)
        .split(|letter: char| !letter.is_ascii_digit() && !SEPARATORS.contains(&letter))
        .any(|block| {
            let parts: Vec<&str> = block.split(SEPARATORS).collect();
            SEPARATORS
                .iter()
                .any(|separator| block.split(*separator).filter(is_number).count() >= 3)
                || parts.windows(2).any(is_month_of_a_year)
        });
    let words = words(text);
    let words: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| !["st", "nd", "rd", "th", "of", "the"].contains(word))
        .collect();
    let is_digits = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    let is_named = words.windows(2).any(|pair| match pair {
        // Month 3, and not three months, which takes a counter in between.
        [a, b] if is_digits(a) && b.starts_with(['\u{6708}', '\u{c6d4}']) => true,
        [a, b] => (is_month(a) && is_digits(b)) || (is_digits(a) && is_month(b)),
        _ => false,
    });
    is_numeric || is_named
}

/// A month and a year, in either order: finer than a year (45 CFR 164.514(b)(2)(i)(C)).
fn is_month_of_a_year(pair: &[&str]) -> bool {
    let is_month = |part: &str| part.len() <= 2 && part.parse().is_ok_and(|month: u8| (1..=12).contains(&month));
    let is_year = |part: &str| part.len() == 4 && (part.starts_with("19") || part.starts_with("20"));
    matches!(pair, [a, b] if (is_month(a) && is_year(b)) || (is_year(a) && is_month(b)))
}

/// A number from 90 on beside a word of age, or in the plural ("in her 90s"), or a word that says as much.
fn tells_age_over_89(words: &[String]) -> bool {
    let is_old = |word: &String| word.parse().is_ok_and(|age: u16| (90..=130).contains(&age));
    let is_of_age =
        |word: &String| ["year", "years", "yr", "yrs", "yo", "y", "aged", "age", "old"].contains(&word.as_str());
    let says_old = |word: &String| {
        ["ninety", "nineties", "nonagenarian", "centenarian", "supercentenarian"].contains(&word.as_str())
    };
    words.iter().any(says_old)
        || words.windows(2).any(|pair| match pair {
            [a, b] => (is_old(a) && (is_of_age(b) || b == "s")) || (is_of_age(a) && is_old(b)),
            _ => false,
        })
}
