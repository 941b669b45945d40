//! WebAuthn challenges that nobody has to keep: random bytes, when they end, and a MAC over both and what they are for.
//!
//! A challenge that is not kept can be shown again until it ends. So the account that it was answered for remembers it until
//! then (WebAuthn Level 3, section 13.4.3).

use crypto::{Label, Mac, Secret, mac};
use jiff::SignedDuration;
use jiff::fmt::serde::timestamp::nanosecond;
use model::{AccountId, ClinicId, SessionId, Timestamp};
use ports::{Entropy, EntropyExt};
use serde::{Deserialize, Serialize};

use crate::pending::PendingId;
use webauthn::{Challenge, TIMEOUT_MILLISECONDS};

const CHALLENGE: Label = Label::new("confide 2026-11 webauthn challenge");

/// As long as the options say that an answer is waited for.
const LIFETIME: SignedDuration = SignedDuration::from_mins(5);
const _: () = assert!(TIMEOUT_MILLISECONDS == 5 * 60 * 1000);

const NONCE_LENGTH: usize = 12;
const EXPIRY_LENGTH: usize = 4;
const MAC_LENGTH: usize = 16;

type Nonce = [u8; NONCE_LENGTH];

/// How many challenges an account remembers. More answers within five minutes are refused instead of forgetting any.
const REMEMBERED: usize = 32;

/// What a challenge is for. One for one thing is right for no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ceremony {
    /// Logging in to a clinic with a passkey alone.
    LogIn(ClinicId),
    /// The second factor of a log-in that is half done.
    SecondFactor(ClinicId, AccountId, PendingId),
    /// Proving again to be there, in this session.
    StepUp(ClinicId, AccountId, SessionId),
    /// Adding a passkey, in this session.
    Registration(ClinicId, AccountId, SessionId),
}

impl Ceremony {
    /// The name of each kind keeps equal identifiers of different kinds apart.
    fn parts(&self) -> [&[u8]; 4] {
        match self {
            Self::LogIn(clinic) => [b"log-in", clinic.as_bytes(), &[], &[]],
            Self::SecondFactor(clinic, account, log_in) => {
                [b"second factor", clinic.as_bytes(), account.as_bytes(), log_in]
            }
            Self::StepUp(clinic, account, session) => {
                [b"step-up", clinic.as_bytes(), account.as_bytes(), session.as_bytes()]
            }
            Self::Registration(clinic, account, session) => [
                b"registration",
                clinic.as_bytes(),
                account.as_bytes(),
                session.as_bytes(),
            ],
        }
    }

    fn mac(&self, index: &Secret, nonce: &Nonce, expiry: [u8; EXPIRY_LENGTH]) -> Mac {
        let [kind, clinic, account, within] = self.parts();
        mac(index, CHALLENGE, &[kind, clinic, account, within, nonce, &expiry])
    }

    /// A fresh challenge: 96 random bits, the second it ends, and 128 bits of a MAC.
    pub fn challenge(&self, index: &Secret, entropy: &dyn Entropy, now: Timestamp) -> Challenge {
        let nonce = entropy.bytes();
        let end = now.saturating_add(LIFETIME).unwrap_or(now).as_second();
        let expiry = u32::try_from(end).unwrap_or(u32::MAX).to_be_bytes();
        let mut challenge = [0; NONCE_LENGTH + EXPIRY_LENGTH + MAC_LENGTH];
        let code = self.mac(index, &nonce, expiry).truncated();
        for (to, from) in challenge.iter_mut().zip(nonce.iter().chain(&expiry).chain(&code)) {
            *to = *from;
        }
        Challenge::from_bytes(challenge)
    }

    /// The challenge as one that can be used, if it was made for this and has not ended. Compares in constant time.
    pub fn recognise(&self, index: &Secret, challenge: &Challenge, now: Timestamp) -> Option<Unused> {
        let (nonce, rest) = challenge.as_bytes().split_first_chunk::<NONCE_LENGTH>()?;
        let (expiry, code) = rest.split_first_chunk::<EXPIRY_LENGTH>()?;
        let genuine = self.mac(index, nonce, *expiry).matches_truncated(code.try_into().ok()?);
        let ends_at = Timestamp::from_second(i64::from(u32::from_be_bytes(*expiry))).ok()?;
        (genuine && now < ends_at).then_some(Unused { nonce: *nonce, ends_at })
    }
}

/// A challenge that is genuine and of which nobody has asked yet whether it was used.
#[derive(Debug, Clone, Copy)]
pub struct Unused {
    nonce: Nonce,
    ends_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Used {
    nonce: Nonce,
    #[serde(with = "nanosecond::required")]
    ends_at: Timestamp,
}

/// The challenges that were answered for an account and have not ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UsedChallenges(Vec<Used>);

impl UsedChallenges {
    /// Uses a challenge up; `false` where it is used, or where so many are that this one could not be remembered.
    pub fn use_up(&mut self, challenge: Unused, now: Timestamp) -> bool {
        self.0.retain(|used| now < used.ends_at);
        let fresh = self.0.len() < REMEMBERED && self.0.iter().all(|used| used.nonce != challenge.nonce);
        if fresh {
            self.0.push(Used {
                nonce: challenge.nonce,
                ends_at: challenge.ends_at,
            });
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::SeededEntropy;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn index() -> Secret {
        Secret::from_bytes([1; 32])
    }

    /// One of each kind, and one more of each that differs in one identifier; the identifiers of all are the same bytes.
    fn ceremonies() -> Vec<Ceremony> {
        use Ceremony::{LogIn, Registration, SecondFactor, StepUp};
        let (clinic, account, session) = (
            ClinicId::from_bytes([2; 16]),
            AccountId::from_bytes([2; 16]),
            SessionId::from_bytes([2; 16]),
        );
        let (other_account, other_session) = (AccountId::from_bytes([3; 16]), SessionId::from_bytes([3; 16]));
        vec![
            LogIn(clinic),
            LogIn(ClinicId::from_bytes([3; 16])),
            SecondFactor(clinic, account, [2; 16]),
            SecondFactor(clinic, account, [3; 16]),
            SecondFactor(clinic, other_account, [2; 16]),
            StepUp(clinic, account, session),
            StepUp(clinic, account, other_session),
            Registration(clinic, account, session),
            Registration(clinic, other_account, session),
        ]
    }

    #[test]
    fn a_challenge_is_right_for_what_it_was_made_for_and_nothing_else() {
        let entropy = SeededEntropy::new(1);
        for made in ceremonies() {
            let challenge = made.challenge(&index(), &entropy, at(1000));
            for asked in ceremonies() {
                let right = asked.recognise(&index(), &challenge, at(1000)).is_some();
                assert_eq!(right, asked == made, "{made:?} {asked:?}");
            }
        }
    }

    #[test]
    fn a_challenge_ends_after_five_minutes_and_cannot_be_made_up() {
        let (entropy, log_in) = (SeededEntropy::new(2), Ceremony::LogIn(ClinicId::from_bytes([2; 16])));
        let challenge = log_in.challenge(&index(), &entropy, at(1000));
        let other = log_in.challenge(&index(), &entropy, at(1000));
        assert_ne!(challenge.as_bytes(), other.as_bytes(), "each is another");
        for (second, right) in [(1000, true), (1299, true), (1300, false)] {
            assert_eq!(
                log_in.recognise(&index(), &challenge, at(second)).is_some(),
                right,
                "{second}"
            );
        }
        for position in 0..32 {
            let mut changed = *challenge.as_bytes();
            changed[position] ^= 1;
            let changed = Challenge::from_bytes(changed);
            assert!(log_in.recognise(&index(), &changed, at(1000)).is_none(), "{position}");
        }
        assert!(
            log_in
                .recognise(&Secret::from_bytes([9; 32]), &challenge, at(1000))
                .is_none()
        );
    }

    #[test]
    fn a_challenge_is_used_once_and_none_is_forgotten_before_its_end() {
        let (entropy, log_in) = (SeededEntropy::new(3), Ceremony::LogIn(ClinicId::from_bytes([2; 16])));
        let unused = |second| {
            let challenge = log_in.challenge(&index(), &entropy, at(second));
            log_in.recognise(&index(), &challenge, at(second)).unwrap()
        };
        let mut used = UsedChallenges::default();
        let first: Vec<Unused> = (0..32).map(|_| unused(1000)).collect();
        assert!(first.iter().all(|challenge| used.use_up(*challenge, at(1000))));
        assert!(first.iter().all(|challenge| !used.use_up(*challenge, at(1299))), "used");
        assert!(!used.use_up(unused(1299), at(1299)), "none to spare");
        assert!(used.use_up(unused(1300), at(1300)), "the first ones are over");
        assert_eq!(used.0.len(), 1);
    }
}
