//! Time-based one-time passwords (RFC 6238) as every authenticator app makes them: SHA-1, 6 digits, 30 seconds.
//! SHA-1's collisions do not matter to HMAC (RFC 4226, appendix B.2).

use data_encoding::BASE32_NOPAD;
use model::{Confidential, Timestamp};
use ports::{Entropy, EntropyExt};
use serde::{Deserialize, Serialize};
use web::Problem;
use zeroize::Zeroizing;

const STEP_SECONDS: u64 = 30;

/// How many steps an app's clock may be off, in either direction.
const DRIFT: u16 = 1;

const DIGITS: u8 = 6;

/// As long as the hash (RFC 4226, section 4, R6).
const SECRET_LENGTH: usize = 20;

/// The name that apps show beside the account.
const ISSUER: &str = "Confide";

/// An account's second factor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Totp {
    secret: Confidential<Zeroizing<[u8; SECRET_LENGTH]>>,
    /// The newest step that was used. It and older ones are used up (RFC 6238, section 5.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_step: Option<u64>,
    /// The step that first proved that the app has the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirmed_by: Option<u64>,
}

/// A code that was right and not used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step(u64);

impl Totp {
    /// A fresh secret that nobody has confirmed yet.
    pub(crate) fn generate(entropy: &dyn Entropy) -> Self {
        Self::of(entropy.bytes())
    }

    /// The second factor of an account that does not exist: it takes the same time to check.
    pub(crate) fn nobody() -> Self {
        Self::of([0; SECRET_LENGTH])
    }

    fn of(secret: [u8; SECRET_LENGTH]) -> Self {
        Self {
            secret: Confidential::new(Zeroizing::new(secret)),
            last_step: None,
            confirmed_by: None,
        }
    }

    pub(crate) fn is_confirmed(&self) -> bool {
        self.confirmed_by.is_some()
    }

    /// The step that the code belongs to, used up or not.
    fn step(&self, code: &str, now: Timestamp) -> Result<Option<u64>, Problem> {
        let totp = totp_rs::Builder::new()
            .with_algorithm(totp_rs::Algorithm::SHA1)
            .with_digits(DIGITS)
            .with_step_duration(STEP_SECONDS)
            .with_skew(DRIFT)
            .with_secret(**self.secret.expose())
            .build()
            .map_err(|_| Problem::defect("TOTP does not take its parameters"))?;
        let seconds = u64::try_from(now.as_second()).map_err(|_| Problem::defect("the clock stands before 1970"))?;
        Ok(totp.check(code, seconds))
    }

    /// The step of a code that is right and not used up.
    pub(crate) fn check(&self, code: &str, now: Timestamp) -> Result<Option<Step>, Problem> {
        let step = self.step(code, now)?;
        Ok(step.filter(|step| self.is_unused(*step)).map(Step))
    }

    /// As [`Totp::check`], but the code that confirmed the secret is right when it comes again: a repeated request changes nothing.
    pub(crate) fn check_confirmation(&self, code: &str, now: Timestamp) -> Result<Option<Step>, Problem> {
        let step = self.step(code, now)?;
        Ok(step
            .filter(|step| self.is_unused(*step) || self.confirmed_by == Some(*step))
            .map(Step))
    }

    fn is_unused(&self, step: u64) -> bool {
        self.last_step.is_none_or(|last| last < step)
    }

    /// Uses the step up; `false` where it already is.
    pub(crate) fn use_up(&mut self, step: Step) -> bool {
        let unused = self.is_unused(step.0);
        if unused {
            self.last_step = Some(step.0);
        }
        unused
    }

    /// Notes that the app has the secret, and uses the step up; `false` where it was used up by something else.
    pub(crate) fn confirm(&mut self, step: Step) -> bool {
        if self.confirmed_by == Some(step.0) {
            return true;
        }
        let unused = self.use_up(step);
        if unused {
            self.confirmed_by.get_or_insert(step.0);
        }
        unused
    }

    /// The secret as people type it into an app.
    pub(crate) fn base32(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(self.secret.expose().as_slice()))
    }

    /// The secret as apps scan it (Google Authenticator's key URI format, which all of them read).
    pub(crate) fn uri(&self, account: &str) -> Zeroizing<String> {
        let mut label = Zeroizing::new(String::with_capacity(3 * account.len()));
        for byte in account.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                label.push(char::from(byte));
            } else {
                label.push_str(&format!("%{byte:02X}"));
            }
        }
        Zeroizing::new(format!(
            "otpauth://totp/{ISSUER}:{}?secret={}&issuer={ISSUER}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}",
            *label,
            *self.base32()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn rfc() -> Totp {
        Totp::of(*b"12345678901234567890")
    }

    /// RFC 4226, appendix D: counters 0 to 9.
    #[test]
    fn rfc_4226_vectors() {
        let codes = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489",
        ];
        for (counter, code) in codes.iter().enumerate() {
            let counter = u64::try_from(counter).unwrap();
            let now = at(i64::try_from(counter * STEP_SECONDS).unwrap());
            assert_eq!(rfc().check(code, now).unwrap(), Some(Step(counter)), "{counter}");
        }
    }

    /// RFC 6238, appendix B, SHA-1: the last six of the eight digits.
    #[test]
    fn rfc_6238_vectors() {
        for (second, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = u64::try_from(second).unwrap() / STEP_SECONDS;
            assert_eq!(rfc().check(code, at(second)).unwrap(), Some(Step(step)), "{second}");
        }
    }

    #[test]
    fn clocks_may_be_off_by_one_step() {
        // "287082" is the code of step 1.
        for (second, right) in [(0, true), (29, true), (59, true), (89, true), (90, false)] {
            assert_eq!(rfc().check("287082", at(second)).unwrap().is_some(), right, "{second}");
        }
        for wrong in [
            "",
            "287083",
            "28708",
            "2870822",
            " 287082",
            "+87082",
            "28708a",
            "\u{662}87082",
        ] {
            assert_eq!(rfc().check(wrong, at(59)).unwrap(), None, "{wrong}");
        }
    }

    #[test]
    fn a_step_is_used_once_and_then_no_older_one() {
        let mut totp = rfc();
        assert!(totp.use_up(Step(5)));
        for (step, unused) in [(4, false), (5, false), (6, true)] {
            assert_eq!(totp.is_unused(step), unused);
        }
        assert!(!totp.use_up(Step(5)));
        assert!(totp.use_up(Step(6)));
    }

    #[test]
    fn a_confirmation_may_be_repeated_and_nothing_else() {
        let mut totp = rfc();
        assert!(!totp.is_confirmed());
        let step = totp.check_confirmation("287082", at(59)).unwrap().unwrap();
        assert!(totp.confirm(step));
        assert!(totp.is_confirmed());
        assert_eq!(totp.check_confirmation("287082", at(59)).unwrap(), Some(step));
        assert!(totp.confirm(step));
        assert_eq!(totp.check("287082", at(59)).unwrap(), None);
        assert!(totp.use_up(Step(2)));
        assert!(!totp.confirm(Step(2)));
    }

    #[test]
    fn apps_read_the_uri() {
        assert_eq!(
            *rfc().uri("a+b@example.org"),
            "otpauth://totp/Confide:a%2Bb%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Confide&algorithm=SHA1&digits=6&period=30"
        );
        assert!(!format!("{:?}", rfc()).contains("49, 50"));
    }
}
