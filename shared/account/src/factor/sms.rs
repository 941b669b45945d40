//! Codes by SMS, the weaker choice: a number can be taken over at the carrier, and a code can be relayed (NIST SP
//! 800-63B-4, section 3.2.9, calls it restricted). Clients may choose it; staff may not.

use jiff::SignedDuration;
use jiff::fmt::serde::timestamp::nanosecond;
use model::{Confidential, Timestamp};
use serde::{Deserialize, Serialize};

use crate::factor::OneTimeCode;

/// The digits of a number in E.164 form, country code included (ITU-T E.164, section 6.2: 15 at most).
const DIGITS: std::ops::RangeInclusive<usize> = 8..=15;

/// What is said of a text that is no number.
pub const PHONE_RULE: &str = "must be a telephone number in E.164 form: + and 8 to 15 digits, country code first";

/// How many codes are sent to one account in a window. Somebody is paid for every message: a stolen password must not
/// become a way to send them without end.
const MOST_SENT: u8 = 10;
const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// A telephone number in E.164 form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phone(Confidential<String>);

/// A text that is no telephone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotANumber;

impl Phone {
    /// Reads what somebody says is her number.
    ///
    /// # Errors
    /// `NotANumber` for what is none.
    pub fn parse(text: &str) -> Result<Self, NotANumber> {
        let digits = text.strip_prefix('+').ok_or(NotANumber)?;
        let is_number = DIGITS.contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        is_number
            .then(|| Self(Confidential::new(text.to_owned())))
            .ok_or(NotANumber)
    }

    /// The number, for the message's address.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The last two digits, by which its owner recognises it and nobody else does.
    pub fn hint(&self) -> Confidential<String> {
        let text = self.0.expose();
        let (_, last) = text.split_at(text.len().saturating_sub(2));
        Confidential::new(format!("…{last}"))
    }
}

/// How many codes were sent lately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    #[serde(with = "nanosecond::required")]
    since: Timestamp,
    count: u8,
}

/// A number and the code that was sent to it last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sms {
    /// Whose owner she is.
    pub phone: Phone,
    /// Since when it is a factor.
    #[serde(with = "nanosecond::required")]
    pub confirmed_at: Timestamp,
    /// The code that showed whose number it is: the request that did it is repeated, and changes nothing.
    pub confirmed_by: OneTimeCode,
    /// The code that was sent last, unless it is used up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<OneTimeCode>,
}

/// A number that is to become a factor, and the code that was sent to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsCandidate {
    /// Whose owner she says she is.
    pub phone: Phone,
    /// What was sent there.
    pub code: OneTimeCode,
}

/// How many messages an account has caused, whatever for and to whichever number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SmsBudget(Option<Sent>);

impl SmsBudget {
    /// Counts one more, or says how many seconds it has to wait.
    ///
    /// # Errors
    /// The seconds; then nothing is counted.
    pub fn spend(&mut self, now: Timestamp) -> Result<(), i64> {
        let sent = match &mut self.0 {
            Some(sent) if now.duration_since(sent.since) < WINDOW => sent,
            other => other.insert(Sent { since: now, count: 0 }),
        };
        if sent.count >= MOST_SENT {
            return Err((WINDOW - now.duration_since(sent.since)).as_secs().max(1));
        }
        sent.count += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_e_164_form() {
        for number in ["+14155550123", "+4915112345678", "+29012345", "+123456789012345"] {
            assert_eq!(Phone::parse(number).unwrap().expose(), number);
        }
        for text in [
            "",
            "+",
            "14155550123",
            "+04155550123",
            "+1 415 555 0123",
            "+1415555012a",
            "+1234567",
            "+1234567890123456",
            "++1415555012",
            "+١٤١٥٥٥٥٠١٢٣",
        ] {
            assert_eq!(Phone::parse(text), Err(NotANumber), "{text}");
        }
    }

    #[test]
    fn a_number_is_shown_by_its_end_and_never_printed() {
        let phone = Phone::parse("+14155550123").unwrap();
        assert_eq!(phone.hint().expose(), "…23");
        assert!(!format!("{phone:?}").contains("415"));
    }

    #[test]
    fn ten_messages_an_hour() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut budget = SmsBudget::default();
        for minute in 0..10 {
            assert_eq!(budget.spend(at(60 * minute)), Ok(()));
        }
        assert_eq!(budget.spend(at(600)), Err(3000));
        assert_eq!(budget.spend(at(3599)), Err(1));
        assert_eq!(budget.spend(at(3600)), Ok(()));
    }
}
