//! Card numbers and card security codes, which are refused wherever they are sent: no field of Confide is for them, and what never
//! comes in needs no protection (PCI DSS 4.0.1, requirement 3.3.1: security codes are never kept; 3.5.1: nor numbers that can be read).
//!
//! A number is a run of 13 to 19 digits, in any script and with any separators between them, that begins as a card network's numbers
//! do (ISO/IEC 7812-1) and ends in its Luhn check digit (annex B there). Beginnings are looked at because one of ten
//! numbers passes Luhn's check by chance, and numbers of insurers, records and telephones are what practices write down. So are lists of
//! dates, times and scores, which are known by how their digits are grouped.

use std::borrow::Cow;

use model::{digit, has_form};
use zeroize::Zeroizing;

use crate::Problem;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CardData {
    Number,
    SecurityCode,
}

/// What was found and where, and never which digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    data: CardData,
    /// How many characters (Unicode scalar values) of the text stand before it. None where it is not within the field's own text.
    at: Option<usize>,
}

impl Found {
    /// A security code that is one by its field's name.
    pub(crate) const NAMED_CODE: Self = Self {
        data: CardData::SecurityCode,
        at: None,
    };

    pub(crate) fn in_a_name(self) -> Self {
        Self { at: None, ..self }
    }

    pub(crate) fn detail(self) -> String {
        let what = match self.data {
            CardData::Number => "holds what looks like a payment card's number; Confide takes none, not even in a note",
            CardData::SecurityCode => "holds what looks like a payment card's security code; Confide takes none",
        };
        match self.at {
            None => what.to_owned(),
            Some(at) => format!("{what}; it begins after {at} characters"),
        }
    }
}

const SHORTEST: usize = 13;
const LONGEST: usize = 19;

/// How the digits of a number are grouped on cards. Within a longer run of digits a number is looked for in these groups alone, so that
/// a list of scores or of dates is no card.
const PRINTED: [&[usize]; 6] = [
    &[4, 4, 4, 4],
    &[4, 6, 5],
    &[4, 6, 4],
    &[4, 4, 4, 4, 3],
    &[6, 13],
    &[8, 8],
];

/// The check digit of ISO/IEC 7812-1, annex B.
fn passes_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .zip([false, true].into_iter().cycle())
        .map(|(digit, is_doubled)| match u32::from(*digit) {
            digit if is_doubled => digit * 2 / 10 + digit * 2 % 10,
            digit => digit,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether numbers that begin like this, of this length, are some card network's. The ranges are those that the networks publish for
/// merchants; lengths are taken widely.
fn is_issued(digits: &[u8]) -> bool {
    let first = |count: usize| {
        digits
            .iter()
            .take(count)
            .fold(0_u32, |number, digit| number * 10 + u32::from(*digit))
    };
    match digits.len() {
        // American Express
        15 if matches!(first(2), 34 | 37) => true,
        // Diners Club
        14..=19 if matches!(first(3), 300..=305 | 309) || matches!(first(2), 36 | 38 | 39) => true,
        // Visa
        13 | 16 | 19 if first(1) == 4 => true,
        // Mastercard, Mir
        16..=19 if matches!(first(2), 51..=55) || matches!(first(4), 2200..=2204 | 2221..=2720) => true,
        // JCB
        15 if matches!(first(4), 1800 | 2131) => true,
        16..=19 if matches!(first(4), 3528..=3589) => true,
        // Discover, UnionPay, RuPay, Maestro
        13..=19 if matches!(first(2), 50 | 56..=69 | 81 | 82) => true,
        16 if first(3) == 508 => true,
        _ => false,
    }
}

fn is_number(digits: &[u8]) -> bool {
    (SHORTEST..=LONGEST).contains(&digits.len()) && is_issued(digits) && passes_luhn(digits)
}

struct Group {
    /// Where its word begins in the text, in bytes.
    at: usize,
    length: usize,
}

/// Digits with nothing between them but separators, and how they are grouped.
#[derive(Default)]
struct Run {
    digits: Vec<u8>,
    groups: Vec<Group>,
    /// What stands between the groups, and after the last of them.
    separators: Vec<char>,
    /// How many of the separators stand between groups.
    between: usize,
    /// A plus in front makes a telephone number of up to 15 digits (E.164).
    is_international: bool,
}

impl Run {
    fn add(&mut self, at: usize, digits: &[u8]) {
        self.digits.extend_from_slice(digits);
        let length = digits.len();
        self.groups.push(Group { at, length });
        self.between = self.separators.len();
    }

    /// All kinds of spaces and breaks of lines are one separator.
    fn separate(&mut self, separator: char) {
        if !self.groups.is_empty() {
            let is_space = separator.is_whitespace();
            self.separators.push(if is_space { ' ' } else { separator });
        }
    }

    /// Where the word begins in which a number does.
    fn number_at(&self) -> Option<usize> {
        if self.is_international && self.digits.len() <= 15 {
            return None;
        }
        if is_number(&self.digits) && !self.is_list() {
            return self.groups.first().map(|group| group.at);
        }
        self.printed_within()
            .find(|(_, digits)| is_number(digits))
            .map(|(at, _)| at)
    }

    /// Every group with where its digits begin among all.
    fn placed(&self) -> impl Iterator<Item = (usize, &Group)> {
        self.groups.iter().scan(0_usize, |next, group| {
            let start = *next;
            *next = next.saturating_add(group.length);
            Some((start, group))
        })
    }

    /// Whether it is grouped as dates, times and scores are: every group has one digit or two, or is a year of this century or the one
    /// before it. Whoever writes a card's number in such short groups makes them all alike: single digits, or pairs with one separator
    /// between them, where dates and times have one within and another between them, and lists of scores a comma and a space.
    fn is_list(&self) -> bool {
        let is_year = |start| matches!(self.digits.get(start..), Some([1, 9, ..] | [2, 0, ..]));
        let is_item = |(start, group): (usize, &Group)| group.length <= 2 || group.length == 4 && is_year(start);
        let are_all = |length| self.groups.iter().all(|group| group.length == length);
        let mut between = self.separators.iter().take(self.between);
        let first = between.next();
        let is_written_out = are_all(1) || are_all(2) && between.all(|separator| Some(separator) == first);
        self.placed().all(is_item) && !is_written_out
    }

    /// Every stretch of whole groups that is one group alone, or grouped as on cards, with where its word begins.
    fn printed_within(&self) -> impl Iterator<Item = (usize, &[u8])> {
        self.placed().enumerate().flat_map(move |(position, (start, group))| {
            let groups = self.groups.get(position..).unwrap_or_default();
            let is_grouped = |pattern: &[usize]| {
                pattern.len() <= groups.len()
                    && pattern
                        .iter()
                        .eq(groups.iter().take(pattern.len()).map(|group| &group.length))
            };
            let printed = PRINTED
                .iter()
                .filter(move |pattern| is_grouped(pattern))
                .map(|pattern| pattern.iter().sum::<usize>());
            std::iter::once(group.length)
                .chain(printed)
                .filter_map(move |length| Some((group.at, self.digits.get(start..start.checked_add(length)?)?)))
        })
    }
}

/// A word's only stretch of digits, with whether letters stand before and after it. Words with several are identifiers.
fn only_digits(word: &str) -> Option<(bool, Vec<u8>, bool)> {
    let mut digits = Vec::new();
    let (mut before, mut after) = (false, false);
    for character in word.chars() {
        match digit(character) {
            Some(_) if after => return None,
            Some(digit) => digits.push(digit),
            None if digits.is_empty() => before = true,
            None => after = true,
        }
    }
    (!digits.is_empty()).then_some((before, digits, after))
}

/// Whether a word is a UUID (RFC 9562, section 4) with a letter in it. Bundles are full of them, and in one of some ten thousand the digits happen
/// to be a card's.
fn is_uuid(word: &str) -> bool {
    let groups = || word.split('-');
    groups().map(str::len).eq([8, 4, 4, 4, 12])
        && groups().flat_map(str::bytes).all(|byte| byte.is_ascii_hexdigit())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Whether a word is an instant of this century or the one before it (RFC 3339, section 5.6). Clocks tell it to the nanosecond, and one in
/// fifty then looks like a card's number.
fn is_instant(word: &str) -> bool {
    word.split_at_checked("0000-00-00T00:00:00".len())
        .is_some_and(|(second, rest)| {
            let (fraction, offset) = rest.split_at(rest.find(['Z', '+', '-']).unwrap_or(rest.len()));
            let digits = fraction.strip_prefix('.').unwrap_or_default();
            has_form(second, "0000-00-00T00:00:00")
                && (second.starts_with("19") || second.starts_with("20"))
                && (fraction.is_empty() || matches!(digits.len(), 1..=9))
                && digits.bytes().all(|byte| byte.is_ascii_digit())
                && (offset == "Z" || has_form(offset, "+00:00") || has_form(offset, "-00:00"))
        })
}

/// A text with letters in the place of those of each of its words that is one of these, so that the others stand where they stood. Words are
/// of letters, digits and `joined`.
fn without<'t>(text: &'t str, joined: &[char], is_one: fn(&str) -> bool) -> Cow<'t, str> {
    let words = || text.split_inclusive(|character: char| !character.is_alphanumeric() && !joined.contains(&character));
    let is_one = |word: &str| is_one(word.trim_end_matches(|character: char| !character.is_alphanumeric()));
    if !words().any(is_one) {
        return Cow::Borrowed(text);
    }
    words()
        .flat_map(|word| {
            let is_one = is_one(word);
            word.chars().map(move |character| match character {
                '0'..='9' | 'a'..='z' | 'A'..='Z' if is_one => 'x',
                other => other,
            })
        })
        .collect()
}

/// A text without what is known to be something else than a card's number.
fn without_names(text: &str) -> Cow<'_, str> {
    // Most texts have too few hyphens for either.
    match text.bytes().filter(|byte| *byte == b'-').count() {
        0 | 1 => Cow::Borrowed(text),
        hyphens => {
            let text = without(text, &['-', ':', '.', '+'], is_instant);
            match hyphens {
                2 | 3 => text,
                _ => Cow::Owned(without(&text, &['-'], is_uuid).into_owned()),
            }
        }
    }
}

/// How many characters stand before a number.
fn number_at(text: &str) -> Option<usize> {
    if is_measured(text) {
        return None;
    }
    let text = without_names(text);
    let mut run = Run::default();
    let mut found = None;
    let mut end = |run: &mut Run| {
        let ended = std::mem::take(run);
        found = found.or_else(|| ended.number_at());
    };
    let mut plus = false;
    let mut at = 0_usize;
    for piece in text.split_inclusive(|character: char| !character.is_alphanumeric()) {
        let word = piece.trim_end_matches(|character: char| !character.is_alphanumeric());
        if !word.is_empty() {
            match only_digits(word) {
                Some((letters_before, group, letters_after)) => {
                    if letters_before || plus {
                        end(&mut run);
                    }
                    run.is_international |= plus && !letters_before;
                    run.add(at, &group);
                    if letters_after {
                        end(&mut run);
                    }
                }
                None => end(&mut run),
            }
        }
        if let Some(separator) = piece.chars().next_back().filter(|last| !last.is_alphanumeric()) {
            run.separate(separator);
        }
        plus = piece.ends_with('+');
        at = at.saturating_add(piece.len());
    }
    end(&mut run);
    let (before, word) = text.split_at_checked(found?)?;
    let letters = word.chars().take_while(|character| digit(*character).is_none());
    Some(before.chars().count().saturating_add(letters.count()))
}

/// What people call a card's security code.
const SECURITY_CODE: [&str; 8] = [
    "cvv",
    "cvv2",
    "cvc",
    "cvc2",
    "cvn",
    "cid2",
    "cardsecuritycode",
    "cardverificationcode",
];

fn squeezed(name: &str) -> String {
    name.chars()
        .filter(|character| character.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

fn is_code(value: &str) -> bool {
    (3..=4).contains(&value.chars().count()) && value.chars().all(|character| digit(character).is_some())
}

fn names_security_code(name: &str) -> bool {
    SECURITY_CODE.contains(&squeezed(name).as_str())
}

/// Whether something of this name is a card's security code.
pub(crate) fn is_security_code(name: &str, value: &str) -> bool {
    is_code(value.trim()) && names_security_code(name)
}

/// How many characters stand before a security code that a text says: its name of one word or of three, and three or four digits as one of
/// the two words after it.
fn security_code_at(text: &str) -> Option<usize> {
    let is_between = |character: char| !character.is_alphanumeric();
    let mut at = 0_usize;
    let words: Vec<(usize, &str)> = text
        .split_inclusive(is_between)
        .map(|piece| {
            let start = at;
            at = at.saturating_add(piece.chars().count());
            (start, piece.trim_end_matches(is_between))
        })
        .filter(|(_, word)| !word.is_empty())
        .collect();
    let is_named = |code: usize| {
        [code, code.saturating_sub(1)].into_iter().any(|end| {
            let before = words.get(..end).unwrap_or_default();
            let last = |count| before.len().checked_sub(count).and_then(|start| before.get(start..));
            [1, 3]
                .into_iter()
                .filter_map(last)
                .any(|name| names_security_code(&name.iter().map(|(_, word)| *word).collect::<String>()))
        })
    };
    // Codes are looked for before their names: hardly any text has words of three digits.
    words
        .iter()
        .enumerate()
        .find(|(code, (_, word))| is_code(word) && is_named(*code))
        .map(|(_, (start, _))| *start)
}

/// Whether a text is a decimal and nothing else, of at most six digits in front of the point. What was computed or measured (FHIR's decimals are
/// texts here, so that they keep their digits) has so many digits behind it by chance that one of twenty looks like a card's number, and
/// nobody writes a card's number with one point in it. As a JSON number it would not be looked at either.
fn is_measured(text: &str) -> bool {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    unsigned
        .split_once('.')
        .is_some_and(|(whole, fraction)| whole.len() <= 6 && is_digits(whole) && is_digits(fraction))
}

/// What of a payment card a text holds.
pub(crate) fn find(text: &str) -> Option<Found> {
    let digits = text
        .chars()
        .filter(|character| digit(*character).is_some())
        .take(SHORTEST)
        .count();
    let number = (digits == SHORTEST).then(|| number_at(text)).flatten();
    let (data, at) = match number {
        Some(at) => (CardData::Number, at),
        None if digits >= 3 => (CardData::SecurityCode, security_code_at(text)?),
        None => return None,
    };
    Some(Found { data, at: Some(at) })
}

/// Looks for payment cards in a text of any length as it arrives.
#[derive(Default)]
pub struct CardSearch {
    /// The end of what was looked at, in which a number may have begun.
    end: Zeroizing<Vec<u8>>,
    /// How many characters came before it.
    before: usize,
}

/// How much of a text is looked at once more, with what follows, in bytes. A number whose digits stand so far apart that it is longer is
/// not found where two pieces meet in it.
const OVERLAP: usize = 256;

/// Whether a byte begins a character in UTF-8.
fn begins_character(byte: u8) -> bool {
    byte & 0b1100_0000 != 0b1000_0000
}

impl CardSearch {
    /// Nothing looked at.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at the next piece of a text. What is no UTF-8 in it separates words.
    ///
    /// # Errors
    /// 422 where it holds something of a payment card.
    pub fn look_at(&mut self, piece: &[u8]) -> Result<(), Problem> {
        self.end.extend_from_slice(piece);
        if let Some(found) = find(&Zeroizing::new(String::from_utf8_lossy(&self.end).into_owned())) {
            let at = found.at.map(|at| at.saturating_add(self.before));
            return Err(Problem::payment_card("body", Found { at, ..found }));
        }
        let looked_at = self.end.len().saturating_sub(OVERLAP);
        // Cut within a character, it would be counted twice.
        let whole = |end: &usize| self.end.get(*end).is_none_or(|byte| begins_character(*byte));
        let looked_at = (0..=looked_at).rev().take(4).find(whole).unwrap_or(looked_at);
        let characters = self.end.drain(..looked_at).filter(|byte| begins_character(*byte));
        self.before = self.before.saturating_add(characters.count());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Numbers that the networks and gateways publish for tests; none was ever issued.
    const TEST_NUMBERS: [&str; 11] = [
        "4111111111111111",
        "4012888888881881",
        "4222222222222",
        "5555555555554444",
        "2223003122003222",
        "378282246310005",
        "6011111111111117",
        "30569309025904",
        "3530111333300000",
        "6304000000000000",
        "6076590000000000000",
    ];

    fn data(text: &str) -> Option<CardData> {
        find(text).map(|found| found.data)
    }

    #[test]
    fn numbers_are_found_however_they_are_written() {
        for number in TEST_NUMBERS {
            let spaced = |separator: &str| number.chars().map(String::from).collect::<Vec<_>>().join(separator);
            for text in [
                number.to_owned(),
                format!("her card is {number}, she says"),
                format!("card{number}exp"),
                spaced(" "),
                spaced("-"),
                spaced(" . "),
                spaced("\u{a0}"),
                spaced("\n"),
                spaced("_/\u{200b}"),
                spaced(", "),
                number
                    .chars()
                    .map(|digit| char::from_u32(u32::from(digit) - 48 + 0x966).unwrap())
                    .collect(),
                number
                    .chars()
                    .map(|digit| char::from_u32(u32::from(digit) - 48 + 0xff10).unwrap())
                    .collect(),
            ] {
                assert_eq!(data(&text), Some(CardData::Number), "{text}");
            }
        }
        for text in [
            "4111111111111111.0",
            "4111.1111.1111.1111",
            "4111 11111111 1111",
            "4 111 1111 1111 1111",
            "41 11 11 11 11 11 11 11",
            "41 11 11 11\n11 11 11 11",
            "41-11-11-11-11-11-11-11",
            "54 1905 0000 0000 09",
            "order 12345 4111 1111 1111 1111 12/27",
            "12 3782 822463 10005 99",
            "tel. 555 0100, 4111111111111111",
            "550e8400-e29b-41d4-a716-446655440000 4111 1111 1111 1111",
            "4111-1111-1111-1111 550e8400-e29b-41d4-a716-446655440000",
        ] {
            assert_eq!(data(text), Some(CardData::Number), "{text}");
        }
    }

    #[test]
    fn what_practices_write_down_is_no_card() {
        for text in [
            "",
            "2026-11-30T10:00:00.123456789Z",
            "2026-11-30 2026-12-01 2026-12-02 2027-01-04",
            "+49 30 123456000",
            "+4930123456000",
            "PHQ-9: 3, 2, 1, 0, 3, 2, 1, 0, 1 (13); PCL-5: 4, 3, 2, 1, 0, 4, 3, 2, 1, 0, 4, 3, 2, 1, 0, 4, 3, 2, 1, 0",
            "550e8400-e29b-41d4-a716-446655440000",
            "urn:uuid:c0ffee00-5100-4000-8000-0003abcdefab and Condition/c0ffee00-5100-4000-8000-0003abcdefab",
            "rec_4111111111111111a4111111111111b1",
            "4111111111111112",
            "30.474482042810113",
            "-30.474482042810113",
            "1234567812345670",
            "99999999999",
            "born 1987, in therapy 2019 to 2024, 16 sessions in 2025",
            "the security code of the alarm was changed, 1234 people were evacuated",
            "CVC told her to call 555-0100",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }

    /// Without regard to how they are grouped, all of them begin and end as some network's numbers.
    #[test]
    fn a_list_of_dates_times_or_scores_is_no_card() {
        for text in [
            "Sessions on 6/4, 6/11, 6/18, 6/25, 7/2, 7/9.",
            "Sessions on 6/4/2026, 6/17/2026",
            "Slept 22:00, 22:30, 23:15, 22:44",
            "Sitzungen am 30.09., 07.10., 14.10., 22.10.",
            "Scores: 45, 42, 38, 35, 30, 28, 25, 21",
            "Scores: 45; 42; 38; 35; 30; 28; 25; 21",
        ] {
            let digits: Vec<u8> = text.chars().filter_map(digit).collect();
            assert!(is_number(&digits), "{text}");
            assert_eq!(find(text), None, "{text}");
        }
    }

    /// In characters, whatever stands in front of it.
    #[test]
    fn where_it_begins_is_told() {
        for (text, at) in [
            ("4111111111111111", 0),
            ("\u{e4}\u{1f600} card4111 1111 1111 1111exp", 7),
            ("in 2026: 12345 4111 1111 1111 1111", 15),
            (
                "2026-11-30T10:41:24Z, 550e8400-e29b-41d4-a716-446655440000: 4111-1111-1111-1111",
                60,
            ),
            ("555 0100 and \u{967}: her code, CVV 123", 30),
        ] {
            assert_eq!(find(text).and_then(|found| found.at), Some(at), "{text}");
        }
        let found = find("her card: 4111111111111111").unwrap();
        assert!(
            found.detail().ends_with("; it begins after 10 characters"),
            "{}",
            found.detail()
        );
        assert!(!found.in_a_name().detail().contains("begins"));
    }

    /// The span that the trail is asked for, as a URL has it, and what other systems' clocks write.
    #[test]
    fn an_instant_is_no_card() {
        for text in [
            "2026-11-30T10:41:24.846885253Z",
            "2026-11-30T10:44:28.285970256Z",
            "2026-11-30T10:42:17.696002456Z",
            "/v1/audit/events?from=2026-11-30T10:41:24.846885253Z&to=2026-11-30T10:44:28.285970256Z&resource=rec_4111",
            "seen at 2026-11-30T10:36:29.446278-05:00.",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
        for text in [
            "2026-11-30T10:41:24.846885253Z 4111 1111 1111 1111",
            "4111-11-11 11:11:11.11",
            "2026-11-30T10:41:24.4111111111111111Z",
            "paid 2026-11-30T10:41:24Z with 4111-1111-1111-1111",
        ] {
            assert_eq!(data(text), Some(CardData::Number), "{text}");
        }
    }

    /// Of what Synthea computed (FHIR R4, data type `decimal`): all of them pass Luhn's check in a network's range, with or without what
    /// stands in front of the point.
    #[test]
    fn a_decimal_is_no_card() {
        for text in [
            "612.7040000000001",
            "440.9069454213376",
            "143.65119440566727",
            "2.2414438547604294",
            "-2.2414438547604294",
            "4111.111111111111",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
        for text in [
            "4111111111111111.0",
            "-4111111111111111.50",
            "411111111111.1111",
            "4111.1111.1111.1111",
            "4111.111111111111 ",
            "card 4111.111111111111",
            ".4111111111111111",
            "4111111111111111.",
        ] {
            assert_eq!(data(text), Some(CardData::Number), "{text}");
        }
    }

    #[test]
    fn security_codes_are_found_by_their_name() {
        for text in [
            "CVV 123",
            "cvc2: 1234",
            "her cvv is 987",
            "Card Security Code: 321",
            "card-verification-code 4321",
        ] {
            assert_eq!(data(text), Some(CardData::SecurityCode), "{text}");
        }
        for (name, value, is_one) in [
            ("cvv", "123", true),
            ("CVC", " 1234 ", true),
            ("card_security_code", "123", true),
            ("cvv", "12345", false),
            ("cvv", "abc", false),
            ("code", "123", false),
        ] {
            assert_eq!(is_security_code(name, value), is_one, "{name} {value}");
        }
    }

    #[test]
    fn a_number_is_found_wherever_pieces_of_a_text_meet_in_it() {
        let text = format!(
            "{}her card is 4111 1111 1111 1111, she says{}",
            "é ".repeat(300),
            "a ".repeat(300)
        );
        for at in 0..text.len() {
            let mut search = CardSearch::new();
            let (first, second) = text.as_bytes().split_at(at);
            let found = search.look_at(first).and_then(|()| search.look_at(second));
            let problem = found.unwrap_err();
            assert_eq!(problem.kind, "payment-card-data", "{at}");
            let detail = &problem.violations[0].detail;
            assert!(detail.ends_with("; it begins after 612 characters"), "{at}: {detail}");
        }
        let mut search = CardSearch::new();
        for byte in text.replace("4111", "4112").bytes() {
            search.look_at(&[byte]).unwrap();
        }
    }

    /// How sixteen digits can be grouped: all by one or by two, or with a group that no date, time or score has.
    fn grouping() -> impl Strategy<Value = Vec<usize>> {
        let uneven = proptest::collection::vec(1..=8_usize, 16).prop_map(|lengths| {
            let mut left = 16;
            let cut = lengths.into_iter().map(|length| {
                let length = length.min(left);
                left -= length;
                length
            });
            cut.take_while(|length| *length > 0).collect::<Vec<_>>()
        });
        prop_oneof![
            Just(vec![1; 16]),
            Just(vec![2; 8]),
            Just(vec![4; 4]),
            Just(vec![16]),
            uneven.prop_filter("as in a list", |groups| groups
                .iter()
                .any(|length| *length == 3 || *length > 4)),
        ]
    }

    proptest! {
        /// Every number with its check digit is found, however its digits are grouped and whatever separates the groups, unless it is
        /// grouped as a list; with a wrong one, none is.
        #[test]
        fn the_check_digit_decides(
            middle in proptest::collection::vec(0..10_u8, 14),
            groups in grouping(),
            separators in proptest::collection::vec("[ .,;:/_-]{1,3}", 16),
            wrong in 1..10_u8,
        ) {
            let mut digits = [&[4_u8], middle.as_slice()].concat();
            let check = (0..10).find(|check| passes_luhn(&[digits.as_slice(), &[*check]].concat())).unwrap();
            digits.push(check);
            let mut written = String::new();
            let mut rest = digits.as_slice();
            for (length, separator) in groups.iter().zip(&separators) {
                let (group, after) = rest.split_at(*length);
                written.extend(group.iter().map(u8::to_string));
                written.push_str(if groups.iter().all(|length| *length == 2) { "-" } else { separator });
                rest = after;
            }
            prop_assert_eq!(data(&written), Some(CardData::Number));
            digits.pop();
            digits.push((check + wrong) % 10);
            prop_assert!(!is_number(&digits));
        }

        #[test]
        fn no_instant_is_a_card(second in 0..4_102_444_800_i64, nanosecond in 0..1_000_000_000_i32, shown in 0..=9_u8) {
            let instant = jiff::Timestamp::new(second, nanosecond).unwrap();
            let text = format!("{instant:.precision$}", precision = usize::from(shown));
            prop_assert_eq!(find(&format!("?from={text}&to={text}")), None);
        }

        /// No text makes looking at it fail.
        #[test]
        fn any_text_can_be_looked_at(text in any::<String>()) {
            let _ = find(&text);
        }
    }
}
