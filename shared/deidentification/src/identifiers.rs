//! What somebody is known by, as far as it is known: her names, numbers, telecoms, places and dates, and where they occur in a text.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use model::digit;
use serde_json::Value;

use crate::place::is_in_the_united_states;
use crate::released::Finding;

/// The shortest number that is looked for inside other words. A shorter one, "140", has to be a whole word.
const LONG_ENOUGH: usize = 4;

/// The digits of a telephone number that are the same however it is dialled.
const LOCAL_DIGITS: usize = 7;

/// Words of addresses that say nothing of whose it is.
static STREETS: [&str; 24] = [
    "street",
    "road",
    "avenue",
    "lane",
    "drive",
    "court",
    "place",
    "suite",
    "apartment",
    "floor",
    "north",
    "south",
    "east",
    "west",
    "house",
    "unit",
    "park",
    "square",
    "station",
    "center",
    "centre",
    "building",
    "room",
    "mall",
];

static MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Somebody's own identifiers, and those of her relatives, employers and household, to be looked for where there is no table: in codes that
/// are known by their form alone, and in free text.
#[derive(Clone, Default)]
pub struct Identifiers {
    names: Vec<String>,
    places: Vec<Vec<String>>,
    /// Names of which a text does not say where they begin and end, as skeletons: see [`is_unspaced`].
    unspaced_names: Vec<String>,
    unspaced_places: Vec<String>,
    /// Codes of places, in capitals: "ON".
    place_codes: Vec<String>,
    numbers: Vec<String>,
    telephones: Vec<String>,
    dates: BTreeSet<Date>,
}

impl fmt::Debug for Identifiers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[confidential]")
    }
}

/// Lower case, digits of every script as those of ASCII, without marks that are written as characters of their own (Unicode block Combining
/// Diacritical Marks).
pub(crate) fn folded(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars()
        .filter(|letter| !('\u{300}'..='\u{36f}').contains(letter))
        .map(|letter| {
            let value = digit(letter);
            value
                .and_then(|value| char::from_digit(value.into(), 10))
                .unwrap_or(letter)
        })
        .flat_map(char::to_lowercase)
}

/// Letters and digits alone.
fn skeleton(text: &str) -> String {
    folded(text).filter(|letter| letter.is_alphanumeric()).collect()
}

fn digits(text: &str) -> String {
    folded(text).filter(char::is_ascii_digit).collect()
}

/// Words, of letters or of digits: "21st" is two. A name among letters of a script without spaces is one, too.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut last = None;
    for letter in folded(text) {
        let kind = letter
            .is_alphanumeric()
            .then(|| (letter.is_numeric(), is_unspaced(letter)));
        if kind != last {
            words.push(String::new());
        }
        if let (Some(_), Some(word)) = (kind, words.last_mut()) {
            word.push(letter);
        }
        last = kind;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a text has no space on both sides of a word in this script, so that a name in it is in the middle of what looks like a word: scripts whose lines break between
/// letters or by a dictionary (Unicode Standard Annex #14, classes ID, CJ and SA), and Hangul, whose particles are written at the name.
fn is_unspaced(letter: char) -> bool {
    matches!(letter,
        // Thai, Lao, Myanmar, Khmer, Tai Le, New Tai Lue, Tai Tham, Tai Viet, with the marks above and below their letters.
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17d3}' | '\u{1950}'..='\u{19df}' | '\u{1a20}'..='\u{1aaf}'
        | '\u{a9e0}'..='\u{a9ff}' | '\u{aa60}'..='\u{aadf}'
        // Han with its mark of repetition, Hiragana, Katakana without the point between names, Hangul.
        | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{309f}' | '\u{30a1}'..='\u{30fa}' | '\u{30fc}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
}

/// The parts of a name that are in such scripts, however short: a family name is often one character.
fn unspaced(name: &str) -> impl Iterator<Item = String> + '_ {
    name.split(|letter| !is_unspaced(letter))
        .map(skeleton)
        .filter(|part| !part.is_empty())
}

/// Whether two words are the same to somebody who leaves out accents: "José" is "Jose". Latin letters with a mark (Latin-1 Supplement to
/// Latin Extended-B, Latin Extended Additional) equal any letter without one, which finds too much rather than too little.
fn is_same(left: &str, right: &str) -> bool {
    let is_marked = |letter: char| matches!(letter, '\u{df}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}');
    let is_letter = |left: char, right: char| {
        left == right
            || (is_marked(left) && right.is_ascii_alphabetic())
            || (is_marked(right) && left.is_ascii_alphabetic())
    };
    left.chars().count() == right.chars().count()
        && left
            .chars()
            .zip(right.chars())
            .all(|(left, right)| is_letter(left, right))
}

impl Identifiers {
    /// Whether there is nothing to look for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
            && self.places.is_empty()
            && self.unspaced_names.is_empty()
            && self.unspaced_places.is_empty()
            && self.place_codes.is_empty()
            && self.numbers.is_empty()
            && self.telephones.is_empty()
            && self.dates.is_empty()
    }

    /// A name, or several in one text. Every word of two letters or more is one; initials are too common to be looked for. In scripts without
    /// spaces between words one character is enough, wherever it stands, which finds too much rather than too little.
    pub fn add_name(&mut self, name: &str) {
        self.unspaced_names.extend(unspaced(name));
        let whole = skeleton(name);
        let words = words(name).into_iter().filter(|word| word.chars().count() > 1);
        self.names.extend(words);
        // "O'Neil" is also written "ONeil".
        if whole.chars().count() > 1 {
            self.names.push(whole);
        }
    }

    /// A record, insurance, account, licence, vehicle, device or any other number, also with letters in it; an identifier of Confide.
    pub fn add_number(&mut self, number: &str) {
        let number = skeleton(number);
        if !number.is_empty() {
            self.numbers.push(number);
        }
    }

    /// A telephone or fax number, an e-mail address or a URL.
    pub fn add_telecom(&mut self, telecom: &str) {
        let all_digits = digits(telecom);
        let local = all_digits
            .len()
            .checked_sub(LOCAL_DIGITS)
            .and_then(|start| all_digits.get(start..));
        match local {
            Some(local) if !telecom.contains('@') => self.telephones.push(local.to_owned()),
            _ => self.add_number(telecom),
        }
    }

    /// A city, district or other place smaller than a State.
    pub fn add_place(&mut self, place: &str) {
        self.unspaced_places.extend(unspaced(place));
        let words = words(place);
        if !words.is_empty() {
            self.places.push(words);
        }
    }

    /// A province, a state or another first division of a country other than the United States: no State in the sense of 45 CFR 160.103, so a
    /// place like any other. A code of up to three capitals, such as "ON", is looked for as it is: in small letters it is a word.
    pub fn add_division(&mut self, division: &str) {
        let is_code = division.len() <= 3 && division.bytes().all(|letter| letter.is_ascii_uppercase());
        if is_code && !division.is_empty() {
            self.place_codes.push(division.to_owned());
        } else {
            self.add_place(division);
        }
    }

    /// A line of an address: as it is, and its longer words but those that many streets share.
    pub fn add_address_line(&mut self, line: &str) {
        self.add_place(line);
        let telling = words(line)
            .into_iter()
            .filter(|word| word.chars().count() >= LONG_ENOUGH && !STREETS.contains(&word.as_str()));
        self.places.extend(telling.map(|word| vec![word]));
    }

    /// A day of hers: birth, admission, discharge, death, a session.
    pub fn add_date(&mut self, date: Date) {
        self.dates.insert(date);
    }

    /// Every day that a resource tells of, such as a session's, wherever it stands in it.
    pub fn add_days(&mut self, resource: &Value) {
        match resource {
            Value::String(text) => days(text).for_each(|day| self.add_date(day)),
            Value::Array(items) => items.iter().for_each(|item| self.add_days(item)),
            Value::Object(fields) => fields.values().for_each(|value| self.add_days(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Everything that a resource (FHIR R4) says of who the client or somebody near her is: a Patient with its contacts and her mother's
    /// maiden name, or a RelatedPerson, such as a guardian. Other resources say nothing of that.
    pub fn add_people(&mut self, resource: &Value) {
        let kind = resource.get("resourceType").and_then(Value::as_str);
        if matches!(kind, Some("Patient" | "RelatedPerson")) {
            self.add_person(resource);
        }
    }

    fn add_person(&mut self, person: &Value) {
        self.add_strings(person.get("id"), Self::add_number);
        for one in [person].into_iter().chain(items(person.get("contact"))) {
            // `contact.name` is one name, `Patient.name` are several.
            for name in items(one.get("name")) {
                for part in ["text", "family", "given", "suffix"] {
                    self.add_strings(name.get(part), Self::add_name);
                }
            }
            for telecom in items(one.get("telecom")) {
                self.add_strings(telecom.get("value"), Self::add_telecom);
            }
            for address in items(one.get("address")) {
                self.add_address(address);
            }
        }
        for identifier in items(person.get("identifier")) {
            self.add_strings(identifier.get("value"), Self::add_number);
        }
        for extension in items(person.get("extension")) {
            if extension
                .get("url")
                .and_then(Value::as_str)
                .is_some_and(|url| url.ends_with("patient-mothersMaidenName"))
            {
                self.add_strings(extension.get("valueString"), Self::add_name);
            }
            for address in items(extension.get("valueAddress")) {
                self.add_address(address);
            }
        }
        for date in ["birthDate", "deceasedDateTime"] {
            let date = person.get(date).and_then(Value::as_str).and_then(|date| date.get(..10));
            self.dates.extend(date.and_then(|date| date.parse::<Date>().ok()));
        }
    }

    fn add_address(&mut self, address: &Value) {
        self.add_strings(address.get("line"), Self::add_address_line);
        self.add_strings(address.get("city"), Self::add_place);
        self.add_strings(address.get("district"), Self::add_place);
        if !is_in_the_united_states(address.get("country")) {
            self.add_strings(address.get("state"), Self::add_division);
        }
        self.add_strings(address.get("postalCode"), Self::add_number);
    }

    fn add_strings(&mut self, value: Option<&Value>, add: fn(&mut Self, &str)) {
        for text in items(value).filter_map(Value::as_str) {
            add(self, text);
        }
    }

    /// Whether a code, or a number as it is written, is one of them.
    pub(crate) fn has(&self, code: &str) -> bool {
        let (code, its_digits) = (skeleton(code), digits(code));
        self.names.contains(&code)
            || self
                .numbers
                .iter()
                .any(|number| *number == code || (number.len() > LONG_ENOUGH && code.contains(number.as_str())))
            || self
                .telephones
                .iter()
                .any(|telephone| its_digits.contains(telephone.as_str()))
            || self.has_day_in(&its_digits)
    }

    /// Whether digits in a row are one of the days: year first, month first, day first. Looked up rather than looked for, since of a long file
    /// there are thousands of days and of codes.
    fn has_day_in(&self, digits: &str) -> bool {
        let number = |digits: &str, from: usize, to: usize| digits.get(from..to)?.parse::<i16>().ok();
        let day = |digits: &str, year: usize, month: usize, day: usize| {
            let small = |at: usize| i8::try_from(number(digits, at, at + 2)?).ok();
            Date::new(number(digits, year, year + 4)?, small(month)?, small(day)?).ok()
        };
        let windows = (0..digits.len()).filter_map(|from| digits.get(from..from.checked_add(8)?));
        windows
            .flat_map(|digits| [day(digits, 0, 4, 6), day(digits, 4, 0, 2), day(digits, 4, 2, 0)])
            .flatten()
            .any(|day| self.dates.contains(&day))
    }

    /// Which of them occur in a text.
    pub(crate) fn find(&self, text: &str) -> Vec<Finding> {
        let (whole, all_digits, words) = (skeleton(text), digits(text), words(text));
        // A word of letters and digits, such as "A12", is two of `words` and one of these.
        let blocks: Vec<String> = text
            .split(|letter: char| !letter.is_alphanumeric())
            .map(skeleton)
            .collect();
        let has_code = |code: &String| {
            text.split(|letter: char| !letter.is_alphanumeric())
                .any(|word| word == code)
        };
        let is_within = |part: &String| whole.contains(part.as_str());
        let has_word = |wanted: &str| words.iter().chain(&blocks).any(|word| is_same(word, wanted));
        let has_place = |place: &Vec<String>| {
            words
                .windows(place.len())
                .any(|found| found.iter().zip(place).all(|(found, wanted)| is_same(found, wanted)))
        };
        let has_number = |number: &String| {
            if number.chars().count() < LONG_ENOUGH {
                has_word(number)
            } else {
                whole.contains(number.as_str())
            }
        };
        // Numbers that nothing but separators stand between are one, and what stands between others is none of a day.
        let numbers: String = words
            .iter()
            .map(|word| if is_number(word) { word.as_str() } else { " " })
            .collect();
        let runs = runs(&words);
        [
            (
                Finding::Name,
                self.names.iter().any(|name| has_word(name)) || self.unspaced_names.iter().any(is_within),
            ),
            (
                Finding::Place,
                self.places.iter().any(has_place)
                    || self.unspaced_places.iter().any(is_within)
                    || self.place_codes.iter().any(has_code),
            ),
            (Finding::Number, self.numbers.iter().any(has_number)),
            (
                Finding::Telecom,
                self.telephones
                    .iter()
                    .any(|telephone| all_digits.contains(telephone.as_str())),
            ),
            (
                Finding::Date,
                self.has_day_in(&numbers) || self.dates.iter().any(|date| runs.iter().any(|run| occurs(*date, run))),
            ),
        ]
        .into_iter()
        .filter_map(|(finding, is_there)| is_there.then_some(finding))
        .collect()
    }
}

/// What is in a list, or the one thing that is no list.
fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let (list, one) = match value {
        Some(Value::Array(list)) => (list.as_slice(), None),
        other => (&[][..], other),
    };
    list.iter().chain(one)
}

/// The days that a text is, where it is a date or a time of FHIR: of a time each that it is somewhere on earth, since whoever writes of it
/// means her own.
fn days(text: &str) -> impl Iterator<Item = Date> {
    let is_year_first = text.as_bytes().get(4) == Some(&b'-');
    let date = is_year_first.then(|| text.parse::<Date>().ok()).flatten();
    let time = is_year_first.then(|| text.parse::<Timestamp>().ok()).flatten();
    let local = [-12, 0, 14].into_iter().filter_map(move |hours| {
        let there = time?.checked_add(SignedDuration::from_hours(hours)).ok()?;
        Some(there.to_zoned(TimeZone::UTC).date())
    });
    date.into_iter().chain(local)
}

/// What stands between any two parts of a day, as [`words`] cuts it: endings of numbers, and "of" and "the" of several languages; in Chinese, Japanese
/// and Korean what stands behind its numbers.
const FILL: [&str; 7] = [
    "st nd rd th of the",
    "er de du des la l del el di do da º",
    "der",
    "का के की",
    "من",
    "\u{5e74} \u{6708} \u{65e5}",
    "\u{b144} \u{c6d4} \u{c77c}",
];

/// What else stands within a day in these languages: that it is on a date, in a year.
const WITHIN: [&str; 6] = [
    "on in year month day",
    "le en an année mois jour",
    "año mes día em nel anno",
    "am im den jahr jahres monat monats tag",
    "को में सन साल वर ष माह महीने तारीख",
    "في عام العام لعام سنة لسنة شهر الشهر يوم",
];

/// Whether a month of this name, whole or cut to three letters.
pub(crate) fn is_month(word: &str) -> bool {
    MONTHS.iter().any(|month| is_month_named(word, month))
}

fn is_month_named(word: &str, month: &str) -> bool {
    word == month || (word.len() >= 3 && word.len() <= 4 && month.starts_with(word))
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number or a month of a text, and whether it is next to the one before it but for [`FILL`].
type Part<'w> = (&'w str, bool);

/// The numbers and months that nothing stands between but what stands within a day.
fn runs(words: &[String]) -> Vec<Vec<Part<'_>>> {
    let (mut runs, mut run, mut is_next) = (Vec::new(), Vec::new(), true);
    for word in words {
        let is_one_of = |lists: &[&str]| {
            lists
                .iter()
                .flat_map(|list| list.split(' '))
                .any(|one| is_same(one, word))
        };
        if is_number(word) || is_month(word) {
            run.push((word.as_str(), is_next));
            is_next = true;
        } else if is_one_of(&WITHIN) {
            is_next = false;
        } else if !is_one_of(&FILL) {
            runs.push(std::mem::take(&mut run));
            is_next = true;
        }
    }
    runs.push(run);
    runs.retain(|run| run.len() > 1);
    runs
}

/// Whether parts of a run are this day, in any order; or its day and month without the year, or its month and year. A numbered month has to be next to
/// the year: "10 in 2026" is a score.
fn occurs(date: Date, run: &[Part<'_>]) -> bool {
    let number = |word: &str, wanted: i16| word.len() <= 4 && word.parse() == Ok(wanted);
    let name = usize::try_from(date.month())
        .ok()
        .and_then(|month| MONTHS.get(month.checked_sub(1)?))
        .copied()
        .unwrap_or_default();
    let day = |word: &str| number(word, date.day().into());
    let named = |word: &str| is_month_named(word, name);
    let month = |word: &str| number(word, date.month().into()) || named(word);
    let whole_year = |word: &str| number(word, date.year());
    let year = |word: &str| whole_year(word) || (word.len() == 2 && number(word, date.year().rem_euclid(100)));
    let is_whole = |parts: &[Part<'_>]| match parts {
        [(a, _), (b, _), (c, _)] => {
            (day(a) && month(b) && year(c))
                || (month(a) && day(b) && year(c))
                || (year(a) && ((month(b) && day(c)) || (day(b) && month(c))))
        }
        _ => false,
    };
    let is_part = |parts: &[Part<'_>]| match parts {
        [(a, _), (b, is_next)] => {
            (day(a) && named(b))
                || (named(a) && (day(b) || year(b)))
                || (*is_next && ((month(a) && whole_year(b)) || (whole_year(a) && month(b))))
        }
        _ => false,
    };
    run.windows(3).any(is_whole) || run.windows(2).any(is_part)
}
