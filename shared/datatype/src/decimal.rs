//! Numbers as they were written.

use std::fmt;

use model::Confidential;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Text;

/// The longest decimal, in characters.
const LONGEST: usize = 40;

/// A number as it was measured: as text, so that 7.0 stays as precise as it is (FHIR R4, data type `decimal`).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Decimal(Text);

/// A text that is none.
#[derive(Debug, thiserror::Error)]
#[error("must be a decimal as text, such as \"7.0\" or \"-1.5e3\", of at most 40 characters")]
pub struct NoDecimal;

impl Decimal {
    /// The digits.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Whether it has a minus in front and is not zero.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        let number = self.expose().strip_prefix('-');
        number.is_some_and(|number| {
            let digits = number.split(['e', 'E']).next().unwrap_or_default();
            digits.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
        })
    }
}

impl TryFrom<String> for Decimal {
    type Error = NoDecimal;

    fn try_from(text: String) -> Result<Self, NoDecimal> {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let unsigned = text.strip_prefix('-').unwrap_or(&text);
        let (number, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
            None => (unsigned, None),
        };
        let (whole, fraction) = match number.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (number, None),
        };
        let is_decimal = digits(whole)
            && (whole == "0" || !whole.starts_with('0'))
            && fraction.is_none_or(digits)
            && exponent.is_none_or(digits);
        if is_decimal && text.len() <= LONGEST {
            Ok(Self(Confidential::new(text)))
        } else {
            Err(NoDecimal)
        }
    }
}

impl From<Decimal> for String {
    fn from(decimal: Decimal) -> Self {
        decimal.0.into_inner()
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_not_negative_however_it_is_written() {
        for (text, is_negative) in [
            ("0", false),
            ("-0", false),
            ("-0.00e5", false),
            ("7.0", false),
            ("1e-3", false),
            ("-7.0", true),
            ("-0.01", true),
            ("-1e-3", true),
        ] {
            assert_eq!(
                Decimal::try_from(text.to_owned()).unwrap().is_negative(),
                is_negative,
                "{text}"
            );
        }
    }

    #[test]
    fn decimals_are_those_of_fhir() {
        for text in ["0", "-0", "7.0", "71.57727343548594", "-1.5e3", "1E-10", "120"] {
            assert_eq!(String::from(Decimal::try_from(text.to_owned()).unwrap()), text);
        }
        for text in [
            "",
            "-",
            ".5",
            "5.",
            "007",
            "1,5",
            "0x1",
            "1e",
            "1e+",
            "NaN",
            " 1",
            "--1",
            &"1".repeat(41),
        ] {
            assert!(Decimal::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
