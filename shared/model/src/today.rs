use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// How far ahead of UTC it may already be tomorrow somewhere (UTC+14, Kiribati).
const AHEAD_OF_UTC: SignedDuration = SignedDuration::from_hours(14);

/// The latest day that it is anywhere. A date says no offset, so its day has come once it has come somewhere.
#[must_use]
pub fn latest_today(now: Timestamp) -> Date {
    let latest = now.saturating_add(AHEAD_OF_UTC).unwrap_or(now);
    latest.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_come_once_it_has_come_in_kiribati() {
        for (now, today) in [
            ("2026-12-01T09:59:59Z", "2026-12-01"),
            ("2026-12-01T10:00:00Z", "2026-12-02"),
            ("2026-12-31T23:59:59Z", "2027-01-01"),
            ("9999-12-30T22:00:00.999999999Z", "9999-12-30"),
        ] {
            assert_eq!(latest_today(now.parse().unwrap()).to_string(), today, "{now}");
        }
    }
}
