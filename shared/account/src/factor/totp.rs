//! Time-based one-time passwords (RFC 6238) as every authenticator app makes them: SHA-1, 6 digits, 30 seconds.
//! SHA-1's collisions do not matter to HMAC (RFC 4226, appendix B.2).

use data_encoding::BASE32_NOPAD;
use jiff::fmt::serde::timestamp::nanosecond;
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

/// The secret that an app shares with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TotpSecret(Confidential<Zeroizing<[u8; SECRET_LENGTH]>>);

/// An app that has proven to hold its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totp {
    secret: TotpSecret,
    /// The newest step that was used. It and older ones are used up (RFC 6238, section 5.2).
    last_step: u64,
    /// The step that proved it.
    confirmed_by: u64,
    #[serde(with = "nanosecond::required")]
    pub confirmed_at: Timestamp,
}

impl TotpSecret {
    /// A fresh secret.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self::of(entropy.bytes())
    }

    fn of(secret: [u8; SECRET_LENGTH]) -> Self {
        Self(Confidential::new(Zeroizing::new(secret)))
    }

    /// The step that the code belongs to.
    fn step(&self, code: &str, now: Timestamp) -> Result<Option<u64>, Problem> {
        let totp = totp_rs::Builder::new()
            .with_algorithm(totp_rs::Algorithm::SHA1)
            .with_digits(DIGITS)
            .with_step_duration(STEP_SECONDS)
            .with_skew(DRIFT)
            .with_secret(**self.0.expose())
            .build()
            .map_err(|_| Problem::defect("TOTP does not take its parameters"))?;
        let seconds = u64::try_from(now.as_second()).map_err(|_| Problem::defect("the clock stands before 1970"))?;
        Ok(totp.check(code, seconds))
    }

    /// The app, where the code proves that it has the secret. The code is used up with that.
    ///
    /// # Errors
    /// 500 where the clock stands before 1970.
    pub fn confirm(&self, code: &str, now: Timestamp) -> Result<Option<Totp>, Problem> {
        Ok(self.step(code, now)?.map(|step| Totp {
            secret: self.clone(),
            last_step: step,
            confirmed_by: step,
            confirmed_at: now,
        }))
    }

    /// The secret as people type it into an app.
    pub fn base32(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(self.0.expose().as_slice()))
    }

    /// The secret as apps scan it (Google Authenticator's key URI format, which all of them read).
    pub fn uri(&self, account: &str) -> Zeroizing<String> {
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

impl Totp {
    /// The app of an account that has none: it takes the same time to check, and no code is right.
    pub(crate) fn nobody() -> Self {
        Self {
            secret: TotpSecret::of([0; SECRET_LENGTH]),
            last_step: u64::MAX,
            confirmed_by: u64::MAX,
            confirmed_at: Timestamp::MIN,
        }
    }

    /// Uses the code's step up; `false` where the code is wrong, or it or a later one was used.
    pub(crate) fn use_up(&mut self, code: &str, now: Timestamp) -> Result<bool, Problem> {
        let step = self.secret.step(code, now)?.filter(|step| *step > self.last_step);
        if let Some(step) = step {
            self.last_step = step;
        }
        Ok(step.is_some())
    }

    /// Whether it is the code that confirmed the app: the request that did it is repeated, and changes nothing.
    pub(crate) fn was_confirmed_by(&self, code: &str, now: Timestamp) -> Result<bool, Problem> {
        Ok(self.secret.step(code, now)? == Some(self.confirmed_by))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn rfc() -> TotpSecret {
        TotpSecret::of(*b"12345678901234567890")
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
            assert_eq!(rfc().step(code, now).unwrap(), Some(counter), "{counter}");
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
            assert_eq!(rfc().step(code, at(second)).unwrap(), Some(step), "{second}");
        }
    }

    #[test]
    fn clocks_may_be_off_by_one_step() {
        // "287082" is the code of step 1.
        for (second, right) in [(0, true), (29, true), (59, true), (89, true), (90, false)] {
            assert_eq!(rfc().step("287082", at(second)).unwrap().is_some(), right, "{second}");
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
            assert_eq!(rfc().step(wrong, at(59)).unwrap(), None, "{wrong}");
        }
    }

    #[test]
    fn a_step_is_used_once_and_then_no_older_one() {
        // RFC 4226, appendix D: the codes of steps 0 to 4.
        let codes = ["755224", "287082", "359152", "969429", "338314"];
        let mut totp = rfc().confirm(codes[1], at(30)).unwrap().unwrap();
        for (step, second, unused) in [
            (1, 30, false),
            (0, 30, false),
            (3, 60, true),
            (2, 60, false),
            (3, 90, false),
            (4, 90, true),
        ] {
            assert_eq!(totp.use_up(codes[step], at(second)).unwrap(), unused, "{step}");
        }
    }

    #[test]
    fn a_confirmation_may_be_repeated_and_nothing_else() {
        assert_eq!(rfc().confirm("287083", at(59)).unwrap(), None);
        let mut totp = rfc().confirm("287082", at(59)).unwrap().unwrap();
        assert!(totp.was_confirmed_by("287082", at(59)).unwrap());
        assert!(!totp.use_up("287082", at(59)).unwrap());
        assert!(totp.use_up("359152", at(60)).unwrap());
        assert!(!totp.was_confirmed_by("359152", at(60)).unwrap());
        assert!(totp.was_confirmed_by("287082", at(60)).unwrap());
    }

    #[test]
    fn nobody_has_no_right_code() {
        let code = |step: u64| {
            let totp = totp_rs::Builder::new().with_secret([0; SECRET_LENGTH]).build().unwrap();
            totp.generate(step * STEP_SECONDS).to_string()
        };
        assert!(
            TotpSecret::of([0; SECRET_LENGTH])
                .step(&code(7), at(7 * 30))
                .unwrap()
                .is_some()
        );
        assert!(!Totp::nobody().use_up(&code(7), at(7 * 30)).unwrap());
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
