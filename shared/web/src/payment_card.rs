//! Card numbers and card security codes, which are refused wherever they are sent: no field of Confide is for them, and what never
//! comes in needs no protection (PCI DSS 4.0.1, requirement 3.3.1: security codes are never kept; 3.5.1: nor numbers that can be read).
//!
//! A number is a run of 13 to 19 digits, in any script and with any separators between them, that begins as a card network's numbers
//! do (ISO/IEC 7812-1) and ends in its Luhn check digit (annex B there). Beginnings are looked at because one of ten
//! numbers passes Luhn's check by chance, and numbers of insurers, records and telephones are what practices write down.

use std::borrow::Cow;

use model::has_form;
use zeroize::Zeroizing;

use crate::Problem;

/// What was found, and never where in the text or which digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CardData {
    Number,
    SecurityCode,
}

impl CardData {
    pub(crate) fn detail(self) -> &'static str {
        match self {
            Self::Number => "holds what looks like a payment card's number; Confide takes none, not even in a note",
            Self::SecurityCode => "holds what looks like a payment card's security code; Confide takes none",
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

/// The zeros of the scripts that people write numbers in (Unicode, general category Nd).
const ZEROS: [char; 22] = [
    '٠', '۰', '०', '০', '੦', '૦', '୦', '௦', '౦', '೦', '൦', '๐', '໐', '༠', '၀', '០', '᠐', '０', '𝟎', '𝟘', '𝟢', '𝟶',
];

fn digit(character: char) -> Option<u8> {
    if character.is_ascii() {
        return character.to_digit(10).and_then(|value| u8::try_from(value).ok());
    }
    ZEROS.iter().find_map(|zero| {
        let value = u32::from(character).checked_sub(u32::from(*zero))?;
        u8::try_from(value).ok().filter(|value| *value < 10)
    })
}

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

/// Digits with nothing between them but separators, and how they are grouped.
#[derive(Default)]
struct Run {
    digits: Vec<u8>,
    groups: Vec<usize>,
    /// A plus in front makes a telephone number of up to 15 digits (E.164).
    is_international: bool,
}

impl Run {
    fn add(&mut self, group: &[u8]) {
        self.digits.extend_from_slice(group);
        self.groups.push(group.len());
    }

    fn holds_number(&self) -> bool {
        if self.is_international && self.digits.len() <= 15 {
            return false;
        }
        is_number(&self.digits) || self.printed_within().any(is_number)
    }

    /// Every stretch of whole groups that is one group alone, or grouped as on cards.
    fn printed_within(&self) -> impl Iterator<Item = &[u8]> {
        let starts = self.groups.iter().scan(0_usize, |next, length| {
            let start = *next;
            *next = next.saturating_add(*length);
            Some(start)
        });
        starts.enumerate().flat_map(move |(position, start)| {
            let groups = self.groups.get(position..).unwrap_or_default();
            let alone = groups.first().copied().into_iter();
            let printed = PRINTED
                .iter()
                .filter(|pattern| groups.starts_with(pattern))
                .map(|pattern| pattern.iter().sum::<usize>());
            alone
                .chain(printed)
                .filter_map(move |length: usize| self.digits.get(start..start.checked_add(length)?))
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

/// A text with `name` in the place of each of its words that is one of these. Words are of letters, digits and `joined`.
fn without<'t>(text: &'t str, joined: &[char], is_one: fn(&str) -> bool, name: &str) -> Cow<'t, str> {
    let words = || text.split_inclusive(|character: char| !character.is_alphanumeric() && !joined.contains(&character));
    let is_one = |word: &str| is_one(word.trim_end_matches(|character: char| !character.is_alphanumeric()));
    if !words().any(is_one) {
        return Cow::Borrowed(text);
    }
    words().map(|word| if is_one(word) { name } else { word }).collect()
}

/// A text without what is known to be something else than a card's number.
fn without_names(text: &str) -> Cow<'_, str> {
    // Most texts have too few hyphens for either.
    match text.bytes().filter(|byte| *byte == b'-').count() {
        0 | 1 => Cow::Borrowed(text),
        hyphens => {
            let text = without(text, &['-', ':', '.', '+'], is_instant, "instant ");
            match hyphens {
                2 | 3 => text,
                _ => Cow::Owned(without(&text, &['-'], is_uuid, "uuid ").into_owned()),
            }
        }
    }
}

fn holds_number(text: &str) -> bool {
    if is_measured(text) {
        return false;
    }
    let text = without_names(text);
    let mut run = Run::default();
    let mut found = false;
    let mut end = |run: &mut Run| found |= std::mem::take(run).holds_number();
    let mut plus = false;
    for piece in text.split_inclusive(|character: char| !character.is_alphanumeric()) {
        let word = piece.trim_end_matches(|character: char| !character.is_alphanumeric());
        if !word.is_empty() {
            match only_digits(word) {
                Some((letters_before, group, letters_after)) => {
                    if letters_before || plus {
                        end(&mut run);
                    }
                    run.is_international |= plus && !letters_before;
                    run.add(&group);
                    if letters_after {
                        end(&mut run);
                    }
                }
                None => end(&mut run),
            }
        }
        plus = piece.ends_with('+');
    }
    end(&mut run);
    found
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

/// Whether a text says a security code: its name of one word or of three, and three or four digits as one of the two words after it.
fn holds_security_code(text: &str) -> bool {
    let words: Vec<&str> = text
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    // Codes are looked for before their names: hardly any text has words of three digits.
    words
        .iter()
        .enumerate()
        .filter(|(_, word)| is_code(word))
        .any(|(code, _)| {
            [code, code.saturating_sub(1)].into_iter().any(|end| {
                let before = words.get(..end).unwrap_or_default();
                let last = |count| before.len().checked_sub(count).and_then(|start| before.get(start..));
                [1, 3]
                    .into_iter()
                    .filter_map(last)
                    .any(|name| names_security_code(&name.concat()))
            })
        })
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
pub(crate) fn find(text: &str) -> Option<CardData> {
    let digits = text
        .chars()
        .filter(|character| digit(*character).is_some())
        .take(SHORTEST)
        .count();
    if digits == SHORTEST && holds_number(text) {
        Some(CardData::Number)
    } else if digits >= 3 && holds_security_code(text) {
        Some(CardData::SecurityCode)
    } else {
        None
    }
}

/// Looks for payment cards in a text of any length as it arrives.
#[derive(Default)]
pub struct CardSearch {
    /// The end of what was looked at, in which a number may have begun.
    end: Zeroizing<Vec<u8>>,
}

/// How much of a text is looked at once more, with what follows, in bytes. A number whose digits stand so far apart that it is longer is
/// not found where two pieces meet in it.
const OVERLAP: usize = 256;

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
            return Err(Problem::payment_card("body", found));
        }
        let looked_at = self.end.len().saturating_sub(OVERLAP);
        self.end.drain(..looked_at);
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
                number
                    .chars()
                    .map(|digit| char::from_u32(u32::from(digit) - 48 + 0x966).unwrap())
                    .collect(),
                number
                    .chars()
                    .map(|digit| char::from_u32(u32::from(digit) - 48 + 0xff10).unwrap())
                    .collect(),
            ] {
                assert_eq!(find(&text), Some(CardData::Number), "{text}");
            }
        }
        for text in [
            "4111111111111111.0",
            "4111.1111.1111.1111",
            "order 12345 4111 1111 1111 1111 12/27",
            "12 3782 822463 10005 99",
            "tel. 555 0100, 4111111111111111",
            "550e8400-e29b-41d4-a716-446655440000 4111 1111 1111 1111",
            "4111-1111-1111-1111 550e8400-e29b-41d4-a716-446655440000",
        ] {
            assert_eq!(find(text), Some(CardData::Number), "{text}");
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

    /// The cursor of a list that goes by time, as a URL has it, and what other systems' clocks write.
    #[test]
    fn an_instant_is_no_card() {
        for text in [
            "2026-11-30T10:41:24.846885253Z",
            "2026-11-30T10:44:28.285970256Z",
            "2026-11-30T10:42:17.696002456Z",
            "/v1/audit/events?cursor=2026-11-30T10:41:24.846885253Z~aud_4111&from=2026-11-30T10:44:28.285970256Z",
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
            assert_eq!(find(text), Some(CardData::Number), "{text}");
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
            assert_eq!(find(text), Some(CardData::Number), "{text}");
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
            assert_eq!(find(text), Some(CardData::SecurityCode), "{text}");
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
            assert_eq!(found.unwrap_err().kind, "payment-card-data", "{at}");
        }
        let mut search = CardSearch::new();
        for byte in text.replace("4111", "4112").bytes() {
            search.look_at(&[byte]).unwrap();
        }
    }

    proptest! {
        /// Every number with its check digit is found, whatever separates its digits; with a wrong one, none is.
        #[test]
        fn the_check_digit_decides(
            middle in proptest::collection::vec(0..10_u8, 14),
            separators in proptest::collection::vec("[ .,;:/_-]{0,3}", 16),
            wrong in 1..10_u8,
        ) {
            let mut digits = [&[4_u8], middle.as_slice()].concat();
            let check = (0..10).find(|check| passes_luhn(&[digits.as_slice(), &[*check]].concat())).unwrap();
            let written = |digits: &[u8]| -> String {
                digits.iter().zip(&separators).map(|(digit, separator)| format!("{separator}{digit}")).collect()
            };
            digits.push(check);
            prop_assert_eq!(find(&written(&digits)), Some(CardData::Number));
            digits.pop();
            digits.push((check + wrong) % 10);
            prop_assert!(!is_number(&digits));
        }

        #[test]
        fn no_instant_is_a_card(second in 0..4_102_444_800_i64, nanosecond in 0..1_000_000_000_i32, shown in 0..=9_u8) {
            let instant = jiff::Timestamp::new(second, nanosecond).unwrap();
            let text = format!("{instant:.precision$}", precision = usize::from(shown));
            prop_assert_eq!(find(&format!("?cursor={text}~aud_1")), None);
        }

        /// No text makes looking at it fail.
        #[test]
        fn any_text_can_be_looked_at(text in any::<String>()) {
            let _ = find(&text);
        }
    }
}
