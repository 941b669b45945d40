//! Days and spans of them, as FHIR's `date` and `Period` have them, but whole days only.

use jiff::civil::{Date, date};
use model::{Timestamp, latest_today};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use web::Check;

/// Nobody who is a client today was born before.
const EARLIEST: Date = date(1900, 1, 1);

// It has no `Debug`: most days here are somebody's birthday.
/// A day, written `YYYY-MM-DD`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Day(Date);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // The parser's own messages may quote what they could not parse.
        text.parse()
            .map(Self)
            .map_err(|_| serde::de::Error::custom("must be a date as YYYY-MM-DD"))
    }
}

impl Day {
    /// Whether a day of somebody's life can be this one.
    pub(crate) fn is_past(self, now: Timestamp) -> bool {
        (EARLIEST..=latest_today(now)).contains(&self.0)
    }

    /// The day as it is written.
    pub(crate) fn text(self) -> String {
        self.0.to_string()
    }
}

/// From a day to a day, both included; open where one is absent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DayPeriod")]
pub(crate) struct Period {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<Day>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<Day>,
}

impl Period {
    pub(crate) fn check(&self, check: &mut Check, at: &str) {
        let holds = match (self.start, self.end) {
            (None, None) => false,
            (Some(start), Some(end)) => start <= end,
            _ => true,
        };
        check.that(
            holds,
            at,
            "period",
            "must have a start or an end, and not end before it starts",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_may_be_born_today_where_it_is_tomorrow_already() {
        let day: Day = serde_json::from_str(r#""2026-12-02""#).unwrap();
        for (now, is_past) in [("2026-12-01T09:59:59Z", false), ("2026-12-01T10:00:00Z", true)] {
            assert_eq!(day.is_past(now.parse().unwrap()), is_past, "{now}");
        }
    }
}
