//! Amounts in minor units, and the currencies that they are in.

use std::fmt;

use datatype::MOST_MINOR_UNITS as MOST;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An amount of money in minor units: cents, paise, whole yen. Never less than nothing.
// It does not print: what somebody owes is nobody's business.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "i64")]
#[schemars(extend("minimum" = 0, "maximum" = MOST))]
pub(crate) struct Amount(i64);

impl Amount {
    pub(crate) const NOTHING: Self = Self(0);

    pub(crate) fn minor_units(self) -> i64 {
        self.0
    }

    /// As many times as much, where that is still an amount.
    pub(crate) fn times(self, quantity: u32) -> Option<Self> {
        self.0.checked_mul(i64::from(quantity))?.try_into().ok()
    }

    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0)?.try_into().ok()
    }

    pub(crate) fn is_nothing(self) -> bool {
        self.0 == 0
    }
}

/// A number that is no amount.
#[derive(Debug)]
pub(crate) struct NoAmount;

impl fmt::Display for NoAmount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "must be 0 to {MOST} minor units")
    }
}

impl TryFrom<i64> for Amount {
    type Error = NoAmount;

    fn try_from(minor_units: i64) -> Result<Self, NoAmount> {
        (0..=MOST)
            .contains(&minor_units)
            .then_some(Self(minor_units))
            .ok_or(NoAmount)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[confidential]")
    }
}

/// What amounts come to, in minor units.
pub(crate) fn sum(amounts: impl IntoIterator<Item = Amount>) -> i64 {
    amounts.into_iter().map(Amount::minor_units).sum()
}

/// A currency of ISO 4217, such as `EUR`. It has minor units, zero digits of them included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "&'static str")]
#[schemars(extend("pattern" = "^[A-Z]{3}$"))]
pub(crate) struct Currency(iso_currency::Currency);

impl Currency {
    /// The currency of this code, in upper case. What is counted in no unit (gold, the code for tests) is none.
    pub(crate) fn from_code(code: &str) -> Option<Self> {
        let currency = iso_currency::Currency::from_code(code)?;
        currency.exponent().map(|_| Self(currency))
    }

    pub(crate) fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many digits of an amount stand behind the point.
    pub(crate) fn minor_digits(self) -> u16 {
        self.0.exponent().unwrap_or_default()
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Currency {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.code().cmp(other.code())
    }
}

/// A text that is no currency.
#[derive(Debug)]
pub(crate) struct NoCurrency;

impl fmt::Display for NoCurrency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("must be an ISO 4217 code in upper case, such as EUR")
    }
}

impl TryFrom<String> for Currency {
    type Error = NoCurrency;

    fn try_from(code: String) -> Result<Self, NoCurrency> {
        Self::from_code(&code).ok_or(NoCurrency)
    }
}

impl From<Currency> for &'static str {
    fn from(currency: Currency) -> Self {
        currency.code()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// ISO 4217, list one (six-group.com, maintenance agency), one of each number of digits, and some that have changed lately.
    #[test]
    fn currencies_have_the_digits_of_the_standard() {
        for (code, digits) in [
            ("INR", Some(2)),
            ("EUR", Some(2)),
            ("USD", Some(2)),
            ("JPY", Some(0)),
            ("UGX", Some(0)),
            ("ISK", Some(0)),
            ("KWD", Some(3)),
            ("CLF", Some(4)),
            ("MGA", Some(2)),
            ("XAU", None),
            ("XXX", None),
            ("eur", None),
            ("Eur", None),
            ("EU", None),
            ("", None),
            ("ABC", None),
        ] {
            let found = Currency::from_code(code).map(Currency::minor_digits);
            assert_eq!(found, digits, "{code}");
        }
        let parsed: Currency = serde_json::from_str("\"INR\"").unwrap();
        assert_eq!(serde_json::to_string(&parsed).unwrap(), "\"INR\"");
        assert!(serde_json::from_str::<Currency>("\"inr\"").is_err());
    }

    #[test]
    fn amounts_are_whole_and_bounded() {
        for (text, good) in [
            ("0", true),
            ("1", true),
            ("1000000000000", true),
            ("1000000000001", false),
            ("-1", false),
            ("1.0", false),
            ("1e3", false),
            ("\"1\"", false),
            ("9223372036854775808", false),
        ] {
            assert_eq!(serde_json::from_str::<Amount>(text).is_ok(), good, "{text}");
        }
        assert_eq!(format!("{:?}", Amount(250)), "[confidential]");
    }

    proptest! {
        #[test]
        fn arithmetic_leaves_no_bounds(one in 0..=MOST, other in 0..=MOST, quantity: u32) {
            let (one, other) = (Amount(one), Amount(other));
            let product = i128::from(one.0) * i128::from(quantity);
            let total = i128::from(one.0) + i128::from(other.0);
            let within = |value: i128| (value <= i128::from(MOST)).then_some(value);
            prop_assert_eq!(one.times(quantity).map(|amount| i128::from(amount.0)), within(product));
            prop_assert_eq!(one.plus(other).map(|amount| i128::from(amount.0)), within(total));
            prop_assert_eq!(i128::from(sum([one, other])), total);
        }
    }
}
