//! When something was: as exactly as it is known.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::{Confidential, Timestamp, has_form, latest_today};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Check;

/// What stands where in a dateTime, up to its fraction of a second and its offset (FHIR R4, data type `dateTime`): digits where this has zeros.
const FORM: &str = "0000-00-00T00:00:00";

/// The farthest offset of a dateTime.
const FARTHEST: &str = "14:00";

/// How far the clock of whoever writes may be ahead of this one.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// From the first moment of a day to its last.
const LAST_OF_DAY: SignedDuration = SignedDuration::new(24 * 60 * 60 - 1, 999_999_999);

/// A year, a month, a day or an instant with its offset (FHIR R4, data type `dateTime`), kept as it was written.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct DateTime {
    text: Confidential<String>,
    earliest: Timestamp,
    latest: Timestamp,
}

/// A text that is none.
#[derive(Debug, thiserror::Error)]
#[error(
    "must be a year, a month, a day or an instant with an offset, such as 2026, 2026-12, 2026-12-01 or 2026-12-01T08:00:00Z"
)]
pub struct NoDateTime;

impl DateTime {
    /// The first moment that it may have been. What is without an offset is taken as UTC.
    #[must_use]
    pub fn earliest(&self) -> Timestamp {
        self.earliest
    }

    /// Whether it lies before another, as far as both are known.
    #[must_use]
    pub fn is_before(&self, other: &Self) -> bool {
        self.latest < other.earliest
    }

    /// Notes a violation where it lies in the future.
    pub fn check_past(&self, check: &mut Check, at: &str, now: Timestamp) {
        let has_come = if self.earliest == self.latest {
            has_come(self.earliest, now)
        } else {
            self.earliest.to_zoned(TimeZone::UTC).date() <= latest_today(now)
        };
        note_future(check, at, has_come);
    }
}

fn has_come(instant: Timestamp, now: Timestamp) -> bool {
    instant <= now.saturating_add(CLOCK_SKEW).unwrap_or(now)
}

fn note_future(check: &mut Check, at: &str, has_come: bool) {
    check.that(has_come, at, "past", "must not lie in the future");
}

/// Notes a violation where an instant lies in the future.
pub fn check_past(instant: Timestamp, check: &mut Check, at: &str, now: Timestamp) {
    note_future(check, at, has_come(instant, now));
}

impl TryFrom<String> for DateTime {
    type Error = NoDateTime;

    fn try_from(text: String) -> Result<Self, NoDateTime> {
        let (earliest, latest) = moments(&text).ok_or(NoDateTime)?;
        Ok(Self {
            text: Confidential::new(text),
            earliest,
            latest,
        })
    }
}

/// Whether a text is a `dateTime` of FHIR R4: a year, a month, a day, or an instant to the second with its offset.
#[must_use]
pub fn is_date_time(text: &str) -> bool {
    moments(text).is_some()
}

/// Whether a text is an `instant` of FHIR R4: a `dateTime` that is known to the second.
#[must_use]
pub fn is_instant(text: &str) -> bool {
    text.len() > FORM.len() && is_date_time(text)
}

/// The first and the last moment that a dateTime may mean, or `None` where a text is none.
fn moments(text: &str) -> Option<(Timestamp, Timestamp)> {
    if !has_fields(text) {
        return None;
    }
    let day = |text: &str| text.parse::<Date>().ok();
    let (first, last) = match text.len() {
        4 => (day(&format!("{text}-01-01"))?, day(&format!("{text}-12-31"))?),
        7 => {
            let first = day(&format!("{text}-01"))?;
            (first, first.last_of_month())
        }
        10 => (day(text)?, day(text)?),
        _ => {
            let instant = text.parse().ok()?;
            return Some((instant, instant));
        }
    };
    let start_of = |date: Date| date.to_zoned(TimeZone::UTC).map(|start| start.timestamp()).ok();
    Some((start_of(first)?, start_of(last)?.checked_add(LAST_OF_DAY).ok()?))
}

/// Whether each field is where FHIR R4 wants it, whose years begin with 1. What is in the fields is jiff's to check, which reads more
/// forms of ISO 8601 than this one.
fn has_fields(text: &str) -> bool {
    if text.starts_with("0000") {
        return false;
    }
    let Some((time, rest)) = text.split_at_checked(FORM.len()) else {
        let is_partial = matches!(text.len(), 4 | 7 | 10);
        return is_partial && FORM.get(..text.len()).is_some_and(|form| has_form(text, form));
    };
    let offset = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => match fraction.trim_start_matches(|digit: char| digit.is_ascii_digit()) {
            offset if offset.len() < fraction.len() => offset,
            _ => return false,
        },
    };
    let is_offset = match offset.strip_prefix(['+', '-']) {
        Some(hours) => has_form(hours, "00:00") && hours <= FARTHEST,
        None => offset == "Z",
    };
    has_form(time, FORM) && is_offset
}

impl From<DateTime> for String {
    fn from(time: DateTime) -> Self {
        time.text.into_inner()
    }
}

impl fmt::Debug for DateTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(formatter)
    }
}

/// A year, a month or a day (FHIR R4, data type `date`), kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct PartialDate(DateTime);

/// A text that is none.
#[derive(Debug, thiserror::Error)]
#[error("must be a year, a month or a day, such as 2026, 2026-12 or 2026-12-01")]
pub struct NoPartialDate;

impl TryFrom<String> for PartialDate {
    type Error = NoPartialDate;

    fn try_from(text: String) -> Result<Self, NoPartialDate> {
        let time = DateTime::try_from(text).map_err(|_| NoPartialDate)?;
        let is_instant = time.earliest == time.latest;
        if is_instant { Err(NoPartialDate) } else { Ok(Self(time)) }
    }
}

impl From<PartialDate> for String {
    fn from(date: PartialDate) -> Self {
        date.0.into()
    }
}

/// From when until when; open where it has no end yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Period {
    start: DateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<DateTime>,
}

impl Period {
    /// From when.
    #[must_use]
    pub fn start(&self) -> &DateTime {
        &self.start
    }

    /// Notes a violation where it begins in the future, and one where it ends there.
    pub fn check_past(&self, check: &mut Check, at: &str, now: Timestamp) {
        self.start.check_past(check, &format!("{at}/start"), now);
        if let Some(end) = &self.end {
            end.check_past(check, &format!("{at}/end"), now);
        }
    }

    /// Notes a violation where it ends before it begins. Where one of them is only known to the month, it may be either way.
    pub fn check(&self, check: &mut Check, at: &str) {
        let end = self.end.as_ref();
        check.that(
            end.is_none_or(|end| !end.is_before(&self.start)),
            format!("{at}/end"),
            "order",
            "must not lie before start",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Option<DateTime> {
        DateTime::try_from(text.to_owned()).ok()
    }

    #[test]
    fn a_time_is_as_exact_as_it_is_known() {
        for (text, earliest, latest) in [
            ("2026", "2026-01-01T00:00:00Z", "2026-12-31T23:59:59.999999999Z"),
            ("2024-02", "2024-02-01T00:00:00Z", "2024-02-29T23:59:59.999999999Z"),
            ("2026-12-01", "2026-12-01T00:00:00Z", "2026-12-01T23:59:59.999999999Z"),
            (
                "1992-10-16T06:38:03+02:00",
                "1992-10-16T04:38:03Z",
                "1992-10-16T04:38:03Z",
            ),
            (
                "2012-09-10T15:29:24.181Z",
                "2012-09-10T15:29:24.181Z",
                "2012-09-10T15:29:24.181Z",
            ),
        ] {
            let found = time(text).unwrap();
            assert_eq!(found.earliest, earliest.parse().unwrap(), "{text}");
            assert_eq!(found.latest, latest.parse().unwrap(), "{text}");
            assert_eq!(String::from(found), text, "it is kept as it was written");
        }
        for text in [
            "",
            "26",
            "2026-",
            "2026-13",
            "2026-02-29",
            "2026-12-01T08:00:00",
            "2026-12-01 08:00:00Z",
            "yesterday",
            "2026-12-01T08:00:00Z[UTC]",
            "2026-12-01T08:00:00+00:00[Europe/Vienna]",
            "-002026",
            // Times, and no dateTime of FHIR R4: fields are where they belong, seconds are required, years begin with 1.
            "2018-09-17T10:15Z",
            "2018-09-17T07Z",
            "2018-09-17T101500Z",
            "20180917T101500Z",
            "20180917",
            "2018-09-17T10:15:00+0530",
            "2018-09-17T10:15:00+05",
            "2018-09-17T10:15:00+5:30",
            "2018-09-17T10:15:00+14:01",
            "2018-09-17T10:15:00+05:30:00",
            "2018-09-17T10:15:00.Z",
            "2018-09-17T10:15:00ZZ",
            "2018-09-17T24:00:00Z",
            "2018-09-17T10:60:00Z",
            "2018-09-17T10:15:00+05:60",
            "0000",
            "0000-01",
            "0000-01-01",
            "0000-01-01T00:00:00Z",
            "+2018-09",
            "+201",
        ] {
            assert_eq!(time(text), None, "{text}");
            assert!(!is_date_time(text) && !is_instant(text), "{text}");
        }
        for text in [
            "0001",
            "2018-09-17T10:15:00+05:30",
            "2018-09-17T10:15:00-13:59",
            "2018-09-17T10:15:00+14:00",
            "2018-09-17T23:59:60Z",
            "2018-09-17T10:15:00.123456789-00:00",
        ] {
            assert!(time(text).is_some(), "{text}");
            assert_eq!(
                (is_date_time(text), is_instant(text)),
                (true, text.len() > 10),
                "{text}"
            );
        }
    }

    #[test]
    fn a_date_has_no_time() {
        for (text, is_date) in [
            ("2026", true),
            ("2026-12", true),
            ("2026-12-01", true),
            ("2026-12-01T00:00:00Z", false),
            ("2026-13", false),
            ("", false),
        ] {
            let date = PartialDate::try_from(text.to_owned()).ok();
            assert_eq!(date.is_some(), is_date, "{text}");
            assert!(date.is_none_or(|date| String::from(date) == text));
        }
    }

    #[test]
    fn a_day_may_have_begun_elsewhere_and_clocks_differ_by_minutes() {
        let is_past = |text: &str| {
            let mut check = Check::new();
            time(text)
                .unwrap()
                .check_past(&mut check, "", "2026-12-01T12:00:00Z".parse().unwrap());
            check.finish().is_ok()
        };
        for (text, past) in [
            ("2026-12-01T12:00:00Z", true),
            ("2026-12-01T12:05:00Z", true),
            ("2026-12-01T12:05:01Z", false),
            ("2026-12-02", true),
            ("2026-12-03", false),
            ("2027", false),
        ] {
            assert_eq!(is_past(text), past, "{text}");
        }
    }

    #[test]
    fn a_period_ends_after_it_begins() {
        for (start, end, is_ordered) in [
            ("2026-12-01", "2026-12-01", true),
            ("2026-12-05", "2026-12", true),
            ("2026-12-05", "2026-11", false),
            ("2026-12-01", "2026-11-30", false),
            ("2026-12-01T08:00:00Z", "2026-12-01T07:59:59Z", false),
        ] {
            let period = Period {
                start: time(start).unwrap(),
                end: time(end),
            };
            let mut check = Check::new();
            period.check(&mut check, "");
            assert_eq!(check.finish().is_ok(), is_ordered, "{start} {end}");
        }
    }
}
