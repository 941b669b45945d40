//! One-time codes that are sent to somebody (NIST SP 800-63B-4, section 3.1.3.2): six random digits, ten minutes, five
//! tries, one use. Only a keyed hash of a code is kept, over what it is for: a code for one thing is right for no other.

use crypto::{Label, Secret, mac};
use jiff::SignedDuration;
use jiff::fmt::serde::timestamp::nanosecond;
use model::Timestamp;
use ports::{Entropy, EntropyExt};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

const CODE: Label = Label::new("confide 2026-11 one-time code");

/// 10^6: six digits.
const CODES: u32 = 1_000_000;

/// How long a code is right (NIST SP 800-63B-4, section 3.1.3.2: 10 minutes at most).
pub(crate) const LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// How often somebody may be wrong about one code: guessing gets through once in 200 000 codes.
const TRIES: u8 = 5;

/// How long until another code may be sent in the place of one.
pub const RESEND_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// The digits, on their way to whom they are sent.
pub struct Digits(Zeroizing<String>);

impl Digits {
    /// Six digits, each as likely as the other: what would make some more likely is drawn again.
    fn random(entropy: &dyn Entropy) -> Self {
        let fair = u32::MAX - u32::MAX % CODES;
        loop {
            let number = u32::from_le_bytes(entropy.bytes());
            if number < fair {
                return Self(Zeroizing::new(format!("{:06}", number % CODES)));
            }
        }
    }

    /// The code, for the message that it is sent in.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// A code that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneTimeCode {
    mac: [u8; 32],
    tries: u8,
    #[serde(with = "nanosecond::required")]
    sent_at: Timestamp,
    /// Until when it is right.
    #[serde(with = "nanosecond::required")]
    pub expires_at: Timestamp,
}

impl OneTimeCode {
    /// A fresh code for what `about` names, with all its tries.
    pub fn issue(index: &Secret, entropy: &dyn Entropy, about: &[&[u8]], now: Timestamp) -> (Digits, Self) {
        let digits = Digits::random(entropy);
        let code = Self {
            mac: *of(index, about, &digits.0).as_bytes(),
            tries: 0,
            sent_at: now,
            expires_at: now.saturating_add(LIFETIME).unwrap_or(now),
        };
        (digits, code)
    }

    /// Counts a try, which may then be made; `false` where the code is over. The count must be durable before the try is
    /// made: else tries that come at the same time would all be the first.
    pub fn count_try(&mut self, now: Timestamp) -> bool {
        let open = now < self.expires_at && self.tries < TRIES;
        self.tries += u8::from(open);
        open
    }

    /// Gives back the try of one that was right, where this is still that code.
    pub fn give_back_try(&mut self, tried: &Self) {
        if self.mac == tried.mac {
            self.tries = self.tries.saturating_sub(1);
        }
    }

    /// Whether the text is the code for what `about` names. Compares in constant time. Only for whoever has had a try
    /// counted; who gets `true` must take the code away in the same write.
    pub fn is_right(&self, index: &Secret, about: &[&[u8]], text: &str, now: Timestamp) -> bool {
        of(index, about, text.trim()).matches(&self.mac) && now < self.expires_at
    }

    /// How many seconds are left until another code may be sent.
    pub fn wait(&self, now: Timestamp) -> Option<i64> {
        let left = RESEND_AFTER.as_secs() - now.duration_since(self.sent_at).as_secs();
        (left > 0).then_some(left)
    }
}

fn of(index: &Secret, about: &[&[u8]], text: &str) -> crypto::Mac {
    let parts: Vec<&[u8]> = about.iter().copied().chain([text.as_bytes()]).collect();
    mac(index, CODE, &parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::SeededEntropy;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn wrong(digits: &Digits) -> &'static str {
        if digits.reveal() == "000000" {
            "000001"
        } else {
            "000000"
        }
    }

    #[test]
    fn a_code_is_right_for_one_thing_for_ten_minutes() {
        let index = Secret::from_bytes([1; 32]);
        let (digits, code) = OneTimeCode::issue(&index, &SeededEntropy::new(1), &[b"phone", b"a"], at(0));
        assert!(digits.reveal().len() == 6 && digits.reveal().bytes().all(|byte| byte.is_ascii_digit()));
        let spaced = format!(" {} ", digits.reveal());
        for (about, text, second, right) in [
            ([b"phone".as_slice(), b"a"], digits.reveal(), 0, true),
            ([b"phone", b"a"], &spaced, 599, true),
            ([b"phone", b"a"], digits.reveal(), 600, false),
            ([b"phone", b"b"], digits.reveal(), 0, false),
            ([b"phon", b"ea"], digits.reveal(), 0, false),
            ([b"phone", b"a"], wrong(&digits), 0, false),
            ([b"phone", b"a"], "", 0, false),
        ] {
            assert_eq!(code.is_right(&index, &about, text, at(second)), right, "{second}");
        }
        let other = Secret::from_bytes([2; 32]);
        assert!(!code.is_right(&other, &[b"phone", b"a"], digits.reveal(), at(0)));
    }

    #[test]
    fn a_code_has_five_tries() {
        let (_, mut code) = OneTimeCode::issue(&Secret::from_bytes([1; 32]), &SeededEntropy::new(2), &[], at(0));
        assert!(!code.clone().count_try(at(600)), "it is over");
        for open in [true, true, true, true, true, false, false] {
            assert_eq!(code.count_try(at(1)), open);
        }
    }

    #[test]
    fn another_is_sent_after_a_minute() {
        let (_, code) = OneTimeCode::issue(&Secret::from_bytes([1; 32]), &SeededEntropy::new(3), &[], at(100));
        for (second, wait) in [(100, Some(60)), (159, Some(1)), (160, None), (1000, None)] {
            assert_eq!(code.wait(at(second)), wait, "{second}");
        }
    }

    #[test]
    fn digits_are_drawn_until_they_are_fair() {
        struct Scripted(std::cell::RefCell<Vec<u32>>);
        impl Entropy for Scripted {
            fn fill(&self, buffer: &mut [u8]) {
                buffer.copy_from_slice(&self.0.borrow_mut().remove(0).to_le_bytes());
            }
        }
        // 4 294 000 000 is the last multiple of a million; what lies above would favour the small codes.
        for (drawn, digits) in [
            (vec![0], "000000"),
            (vec![4_293_999_999], "999999"),
            (vec![4_294_000_000, u32::MAX, 7_000_042], "000042"),
        ] {
            assert_eq!(Digits::random(&Scripted(drawn.into())).reveal(), digits);
        }
    }
}
