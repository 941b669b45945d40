//! Which years may be told of somebody (45 CFR 164.514(b)(2)(i)(C)): no element of a date but the year, and not even the year where it
//! tells an age over 89.

use jiff::Timestamp;
use jiff::civil::Date;

/// The highest age that may be told. Above it there is one category, "90 or older".
const HIGHEST_AGE: i16 = 89;

/// How far ahead of the export a year may lie: what is planned, no number that looks like a year.
const AHEAD: i16 = 10;

/// What is known of somebody's life at the time of the export.
///
/// Ages are counted in calendar years: who turns 90 in the year of the export counts as 90. A reader has the year alone, and in that
/// year it comes to 90.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    /// The year of birth, where it is known and not in the future.
    born: Option<i16>,
    /// The last year that she is known to have lived in: of death, or else of the export.
    last: i16,
    /// The year of the export.
    now: i16,
}

/// The year of a FHIR R4 `date`, `dateTime` or `instant`. The whole text has to be one, so that nothing hides behind four digits.
pub(crate) fn year_of(text: &str) -> Option<i16> {
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'.' | b'+' | b'T' | b'Z'));
    let date = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        10 => text.to_owned(),
        // The date as it was written, not as it is in UTC: it is the year of where she was.
        11.. => {
            text.parse::<Timestamp>().ok()?;
            text.get(..10)?.to_owned()
        }
        _ => return None,
    };
    let date: Date = if is_plain { date.parse().ok()? } else { return None };
    Some(date.year())
}

impl Life {
    pub(crate) fn new(birth: Option<&str>, death: Option<&str>, as_of: Date) -> Self {
        let now = as_of.year();
        let is_past = |year: &i16| (1..=now).contains(year);
        Self {
            born: birth.and_then(year_of).filter(is_past),
            last: death.and_then(year_of).filter(is_past).unwrap_or(now),
            now,
        }
    }

    /// Whether she is, or was when she died, over 89. Unknown where her birth is.
    pub(crate) fn is_over_89(self) -> Option<bool> {
        self.born.map(|born| self.last.saturating_sub(born) > HIGHEST_AGE)
    }

    /// The year of birth where it tells no age over 89. Counted to the export and not to her death, so that it does not depend on whether
    /// the year of death leaves with it.
    pub(crate) fn birth_year(self) -> Option<i16> {
        self.born.filter(|born| self.now.saturating_sub(*born) <= HIGHEST_AGE)
    }

    /// The year of something that happened to her, where it tells no age over 89: neither by itself, for she lived in it, nor together
    /// with the year of birth.
    pub(crate) fn year(self, year: i16) -> Option<i16> {
        let is_near = year <= self.now.saturating_add(AHEAD) && self.now.saturating_sub(year) <= HIGHEST_AGE;
        let is_of_life = self
            .birth_year()
            .is_none_or(|born| (0..=HIGHEST_AGE).contains(&year.saturating_sub(born)));
        (is_near && is_of_life).then_some(year)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    #[test]
    fn a_year_is_read_from_whole_dates_only() {
        for (text, year) in [
            ("1987", 1987),
            ("1987-03", 1987),
            ("1987-03-21", 1987),
            ("2012-12-31T23:30:00-05:00", 2012),
            ("2012-09-10T15:29:24.181Z", 2012),
        ] {
            assert_eq!(year_of(text), Some(year), "{text}");
        }
        for text in [
            "",
            "87",
            "19870321",
            "1987-13",
            "1987-02-29",
            "1987-03-21 Jane",
            "1987-03-21T",
            "1987/03/21",
            "-987",
            "Jane",
            "1987-03-21T10:00:00",
            "1987-03-21T10:00:00Z[UTC]",
            "1987-03-211",
            "１９８７",
        ] {
            assert_eq!(year_of(text), None, "{text}");
        }
    }

    #[test]
    fn over_89_begins_in_the_year_of_the_ninetieth_birthday() {
        for (birth, death, over, told) in [
            (Some("1937-12-31"), None, Some(false), Some(1937)),
            (Some("1936-12-31"), None, Some(true), None),
            (Some("1936"), None, Some(true), None),
            (Some("1905-05-05"), Some("1990-01-01"), Some(false), None),
            (Some("1905-05-05"), Some("1995-01-01"), Some(true), None),
            (Some("2027-01-01"), None, None, None),
            (Some("unknown"), None, None, None),
            (None, None, None, None),
        ] {
            let life = Life::new(birth, death, date(2026, 6, 1));
            assert_eq!((life.is_over_89(), life.birth_year()), (over, told), "{birth:?}");
        }
    }

    proptest! {
        /// Whatever years are told, no two of them and the year of the export lie more than 89 years apart, unless by what is planned
        /// for somebody whose birth is not told.
        #[test]
        fn no_told_years_come_to_an_age_over_89(born in 1880_i16..2030, died in proptest::option::of(1880_i16..2030), year in 1800_i16..2100) {
            let birth = format!("{born:04}-06-15");
            let death = died.map(|died| format!("{died:04}-06-15"));
            let life = Life::new(Some(&birth), death.as_deref(), date(2026, 6, 1));
            if let Some(told) = life.birth_year() {
                prop_assert!(2026 - told <= 89);
                if let Some(year) = life.year(year) {
                    prop_assert!((0..=89).contains(&(year - told)));
                }
            }
            if let Some(year) = life.year(year) {
                prop_assert!(2026 - year <= 89 && year <= 2036);
            }
        }
    }
}
