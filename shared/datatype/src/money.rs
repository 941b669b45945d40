//! Amounts of money, from the decimals of FHIR to whole minor units.

/// The most that anything may come to, in minor units. A few thousand of them still stay within the 53 bits that JSON numbers keep
/// everywhere (RFC 8259, section 6), so sums over what is bounded elsewhere can't overflow.
pub const MOST_MINOR_UNITS: i64 = 1_000_000_000_000;

/// The most digits behind the point. What computes amounts in binary fractions writes seventeen or so, and with point and twelve digits
/// in front of it this is still a [`Decimal`](crate::Decimal).
const FRACTION: usize = 27;

/// What a decimal comes to in whole minor units: cents, paise, whole yen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinorUnits {
    /// How many, rounded half up.
    pub whole: i64,
    /// Whether a part of one was rounded away.
    pub is_rounded: bool,
}

impl MinorUnits {
    /// Of a decimal in a currency with so many digits behind the point. `None` where it is no plain decimal, or more than
    /// [`MOST_MINOR_UNITS`].
    #[must_use]
    pub fn of(decimal: &str, digits: usize) -> Option<Self> {
        // An exponent, a sign: no amount that somebody was billed is written so.
        let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
        let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > 12 || fraction.len() > FRACTION || !is_plain(whole) || !is_plain(fraction)
        {
            return None;
        }
        let (minor, rest) = fraction.split_at_checked(digits).unwrap_or((fraction, ""));
        let units: i64 = format!("{whole}{minor:0<digits$}").parse().ok()?;
        let rounds_up = rest.bytes().next().is_some_and(|digit| digit >= b'5');
        let whole = units.checked_add(i64::from(rounds_up))?;
        (whole <= MOST_MINOR_UNITS).then_some(Self {
            whole,
            is_rounded: rest.bytes().any(|digit| digit != b'0'),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_come_to_whole_minor_units() {
        for (decimal, digits, whole, is_rounded) in [
            ("140.52", 2, 14_052, false),
            ("140.5", 2, 14_050, false),
            ("140", 2, 14_000, false),
            ("140.", 2, 14_000, false),
            ("0.005", 2, 1, true),
            ("0.004", 2, 0, true),
            ("28.104000000000003", 2, 2_810, true),
            ("28.100000", 2, 2_810, false),
            ("500", 0, 500, false),
            ("0.5", 0, 1, true),
            ("1.234", 3, 1_234, false),
            ("10000000000.00", 2, MOST_MINOR_UNITS, false),
            ("10000000000.004", 2, MOST_MINOR_UNITS, true),
        ] {
            let expected = MinorUnits { whole, is_rounded };
            assert_eq!(MinorUnits::of(decimal, digits), Some(expected), "{decimal}");
        }
        for decimal in [
            "",
            ".5",
            "-1",
            "+1",
            "1e3",
            "1,5",
            "1.2.3",
            "1234567890123",
            "10000000000.005",
            "10000000000.01",
            "0.0000000000000000000000000001",
        ] {
            assert_eq!(MinorUnits::of(decimal, 2), None, "{decimal}");
        }
    }
}
