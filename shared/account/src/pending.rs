//! Log-ins that are half done: the password was right, and a second factor is wanted.
//!
//! They lie in the account's document, a few at most and for ten minutes, and are taken away by whoever completes them.
//! What is open is named by a token that the caller holds: which one (clinic, account and log-in, 128 bits each) and what
//! proves it (256 bits).

use base64ct::{Base64UrlUnpadded, Encoding};
use crypto::{Label, Secret, mac};
use jiff::SignedDuration;
use jiff::fmt::serde::timestamp::nanosecond;
use model::{AccountId, ClinicId, Confidential, Timestamp};
use ports::{Entropy, EntropyExt};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

const VERIFIER: Label = Label::new("confide 2026-11 pending log-in verifier");

const PREFIX: &str = "cfl_";
const ID_LENGTH: usize = 16;
const SECRET_LENGTH: usize = 32;
const TOKEN_LENGTH: usize = 3 * ID_LENGTH + SECRET_LENGTH;

/// How many log-ins of an account can be half done. The oldest makes room: who begins one has shown the password.
const MOST: usize = 4;

/// How long a second factor is waited for.
const LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// The random name of a log-in that is half done.
pub(crate) type PendingId = [u8; ID_LENGTH];

/// What the caller holds.
pub struct PendingToken {
    /// Where the log-in was begun.
    pub clinic: ClinicId,
    /// Of which account it is.
    pub account: AccountId,
    /// Which of its log-ins it is.
    pub id: PendingId,
    secret: Zeroizing<[u8; SECRET_LENGTH]>,
}

/// A log-in that is half done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PendingLogIn {
    id: PendingId,
    verifier: [u8; 32],
    #[serde(with = "nanosecond::required")]
    begun_at: Timestamp,
    /// Until when it can be completed.
    #[serde(with = "nanosecond::required")]
    pub expires_at: Timestamp,
    /// What the device is called that it is to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_name: Option<Confidential<String>>,
}

/// All of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PendingLogIns(Vec<PendingLogIn>);

impl PendingToken {
    /// A fresh token.
    pub fn generate(entropy: &dyn Entropy, clinic: ClinicId, account: AccountId) -> Self {
        Self {
            clinic,
            account,
            id: entropy.bytes(),
            secret: Zeroizing::new(entropy.bytes()),
        }
    }

    /// Parses what somebody presents.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; TOKEN_LENGTH]);
        let decoded = Base64UrlUnpadded::decode(text.strip_prefix(PREFIX)?, bytes.as_mut_slice()).ok()?;
        let (clinic, rest) = decoded.split_first_chunk::<ID_LENGTH>()?;
        let (account, rest) = rest.split_first_chunk::<ID_LENGTH>()?;
        let (id, secret) = rest.split_first_chunk::<ID_LENGTH>()?;
        Some(Self {
            clinic: ClinicId::from_bytes(*clinic),
            account: AccountId::from_bytes(*account),
            id: *id,
            secret: Zeroizing::new(secret.try_into().ok()?),
        })
    }

    /// The text that the caller gets.
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; TOKEN_LENGTH]);
        let parts = self.clinic.as_bytes().iter().chain(self.account.as_bytes());
        for (to, from) in bytes.iter_mut().zip(parts.chain(&self.id).chain(self.secret.iter())) {
            *to = *from;
        }
        let encoded = Zeroizing::new(Base64UrlUnpadded::encode_string(bytes.as_slice()));
        Zeroizing::new(format!("{PREFIX}{}", *encoded))
    }

    fn verifier(&self, index: &Secret) -> crypto::Mac {
        let (clinic, account) = (self.clinic.as_bytes(), self.account.as_bytes());
        mac(index, VERIFIER, &[clinic, account, &self.id, self.secret.as_slice()])
    }
}

impl PendingLogIn {
    /// The log-in of a fresh token.
    pub fn new(
        token: &PendingToken,
        index: &Secret,
        device_name: Option<Confidential<String>>,
        now: Timestamp,
    ) -> Self {
        Self {
            id: token.id,
            verifier: *token.verifier(index).as_bytes(),
            begun_at: now,
            expires_at: now.saturating_add(LIFETIME).unwrap_or(now),
            device_name,
        }
    }
}

impl PendingLogIns {
    /// Adds one. What is over goes first, then the oldest.
    pub fn begin(&mut self, log_in: PendingLogIn, now: Timestamp) {
        self.0.retain(|other| now < other.expires_at);
        while self.0.len() >= MOST {
            let oldest = (0..self.0.len()).min_by_key(|index| self.0.get(*index).map(|log_in| log_in.begun_at));
            self.0.remove(oldest.unwrap_or(0));
        }
        self.0.push(log_in);
    }

    /// The log-in that the token is of, unless it is over.
    pub fn find(&self, token: &PendingToken, index: &Secret, now: Timestamp) -> Option<&PendingLogIn> {
        self.0
            .iter()
            .find(|log_in| log_in.id == token.id)
            // In constant time: the id is no secret of its own.
            .filter(|log_in| token.verifier(index).matches(&log_in.verifier) && now < log_in.expires_at)
    }

    /// Takes a log-in away: it is complete, and its token is nobody's any more.
    pub fn end(&mut self, id: PendingId) {
        self.0.retain(|log_in| log_in.id != id);
    }

    /// Takes all away: what they were begun with does not count any more.
    pub(crate) fn end_all(&mut self) {
        self.0.clear();
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

    fn token(entropy: &SeededEntropy) -> PendingToken {
        PendingToken::generate(entropy, ClinicId::from_bytes([2; 16]), AccountId::from_bytes([3; 16]))
    }

    fn begun(log_ins: &mut PendingLogIns, entropy: &SeededEntropy, second: i64) -> PendingToken {
        let token = token(entropy);
        log_ins.begin(PendingLogIn::new(&token, &index(), None, at(second)), at(second));
        token
    }

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let token = token(&SeededEntropy::new(1));
        let text = token.reveal();
        assert_eq!(text.len(), 4 + 107);
        let read = PendingToken::parse(&text).unwrap();
        assert_eq!(
            (read.clinic, read.account, read.id),
            (token.clinic, token.account, token.id)
        );
        assert!(read.verifier(&index()).matches(token.verifier(&index()).as_bytes()));
        for wrong in [
            "",
            "cfl_",
            &text[..text.len() - 1],
            &format!("{}A", *text),
            &text.replace("cfl_", "cfs_"),
        ] {
            assert!(PendingToken::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_token_opens_its_own_log_in_for_ten_minutes_once() {
        let (entropy, mut log_ins) = (SeededEntropy::new(2), PendingLogIns::default());
        let (one, other) = (begun(&mut log_ins, &entropy, 0), begun(&mut log_ins, &entropy, 1));
        let found = |log_ins: &PendingLogIns, token: &PendingToken, second| {
            log_ins.find(token, &index(), at(second)).map(|log_in| log_in.id)
        };
        assert_eq!(found(&log_ins, &one, 599), Some(one.id));
        assert_eq!(found(&log_ins, &one, 600), None);
        assert_eq!(found(&log_ins, &other, 600), Some(other.id));
        for forged in [
            PendingToken {
                secret: Zeroizing::new([0; 32]),
                ..token(&entropy)
            },
            PendingToken {
                id: one.id,
                ..token(&entropy)
            },
            PendingToken {
                id: one.id,
                secret: other.secret.clone(),
                ..token(&entropy)
            },
            PendingToken {
                account: AccountId::from_bytes([4; 16]),
                ..PendingToken::parse(&one.reveal()).unwrap()
            },
        ] {
            assert_eq!(found(&log_ins, &forged, 2), None);
        }
        assert!(log_ins.find(&one, &Secret::from_bytes([9; 32]), at(2)).is_none());
        log_ins.end(one.id);
        assert_eq!(found(&log_ins, &one, 2), None);
        log_ins.end_all();
        assert_eq!(found(&log_ins, &other, 2), None);
    }

    #[test]
    fn four_at_most_and_the_oldest_goes() {
        let (entropy, mut log_ins) = (SeededEntropy::new(3), PendingLogIns::default());
        let tokens: Vec<PendingToken> = (0..6).map(|second| begun(&mut log_ins, &entropy, second)).collect();
        let open: Vec<bool> = tokens
            .iter()
            .map(|token| log_ins.find(token, &index(), at(6)).is_some())
            .collect();
        assert_eq!(open, [false, false, true, true, true, true]);
        begun(&mut log_ins, &entropy, 700);
        assert_eq!(log_ins.0.len(), 1, "those that are over went first");
    }
}
