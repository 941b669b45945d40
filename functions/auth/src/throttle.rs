//! Throttling: how often somebody may be wrong (NIST SP 800-63B-4, section 3.2.2).
//!
//! Failures are counted per address of an account, whether it exists or not, and per network. The counts live in a fixed
//! number of documents of bounded size, so that whoever tries every address in the world fills nothing. Lockouts end
//! by themselves: locking an account for good would be an attack that anybody could mount.

use std::net::IpAddr;

use crypto::{KeySet, Label, Secret, mac};
use jiff::SignedDuration;
use model::{ClinicId, Timestamp};
use ports::Creation;
use serde::{Deserialize, Serialize};
use store::{Doc, UpdateError};
use web::{Exchange, Problem};

use crate::account::Accounts;
use crate::email::Email;

const ACCOUNT: Label = Label::new("confide 2026-11 throttle account");
const NETWORK: Label = Label::new("confide 2026-11 throttle network");

/// How many entries a bucket holds.
const ENTRIES: usize = 64;

/// How many failures an account has before it is locked.
const ACCOUNT_FAILURES: u32 = 5;

/// The first lockout of an account; each failure after it doubles the next.
const FIRST_LOCKOUT: SignedDuration = SignedDuration::from_mins(1);
const LONGEST_LOCKOUT: SignedDuration = SignedDuration::from_mins(15);

/// An account's failures are forgotten when there was none for so long.
const ACCOUNT_MEMORY: SignedDuration = SignedDuration::from_hours(24);

/// How many failures a network has in a window, at the end of which they are forgotten.
const NETWORK_FAILURES: u32 = 50;
const NETWORK_WINDOW: SignedDuration = SignedDuration::from_mins(15);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Account,
    Network,
}

/// Whose failures are counted: a keyed hash, so that the count says neither who nor where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    kind: Kind,
    hash: [u8; 16],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    kind: Kind,
    hash: [u8; 16],
    failures: u32,
    first_at: Timestamp,
    last_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    locked_until: Option<Timestamp>,
}

/// Some of the counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bucket {
    entries: Vec<Entry>,
}

fn after(moment: Timestamp, duration: SignedDuration) -> Timestamp {
    moment.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

/// How long an account is locked after so many failures in a row.
fn lockout(failures: u32) -> Option<SignedDuration> {
    let doublings = failures.checked_sub(ACCOUNT_FAILURES)?;
    let factor = 1_i32.checked_shl(doublings.min(30)).unwrap_or(i32::MAX);
    Some(
        FIRST_LOCKOUT
            .checked_mul(factor)
            .map_or(LONGEST_LOCKOUT, |lockout| lockout.min(LONGEST_LOCKOUT)),
    )
}

impl Entry {
    fn is_forgotten(&self, now: Timestamp) -> bool {
        match self.kind {
            Kind::Account => now.duration_since(self.last_at) >= ACCOUNT_MEMORY,
            Kind::Network => now.duration_since(self.first_at) >= NETWORK_WINDOW,
        }
    }

    fn fail(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.last_at = now;
        self.locked_until = match self.kind {
            Kind::Account => lockout(self.failures).map(|lockout| after(now, lockout)),
            Kind::Network => (self.failures >= NETWORK_FAILURES).then(|| after(self.first_at, NETWORK_WINDOW)),
        };
    }
}

impl Bucket {
    /// How many seconds are left until it may be tried again.
    fn wait(&self, key: Key, now: Timestamp) -> Option<i64> {
        let until = self.entry(key)?.locked_until?;
        (until > now).then(|| until.duration_since(now).as_secs().saturating_add(1))
    }

    fn entry(&self, key: Key) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.hash == key.hash)
    }

    fn fail(&mut self, key: Key, now: Timestamp) {
        self.entries.retain(|entry| !entry.is_forgotten(now));
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.hash == key.hash) {
            return entry.fail(now);
        }
        while self.entries.len() >= ENTRIES {
            // The least telling one goes, so that a flood of single failures washes no lockout away.
            let least = (0..self.entries.len())
                .min_by_key(|index| self.entries.get(*index).map(|entry| (entry.failures, entry.last_at)));
            self.entries.remove(least.unwrap_or(0));
        }
        let mut entry = Entry {
            kind: key.kind,
            hash: key.hash,
            failures: 0,
            first_at: now,
            last_at: now,
            locked_until: None,
        };
        entry.fail(now);
        self.entries.push(entry);
    }

    fn clear(&mut self, key: Key) {
        self.entries.retain(|entry| entry.hash != key.hash);
    }
}

impl Key {
    fn account(index: &Secret, clinic: ClinicId, email: &Email) -> Self {
        Self {
            kind: Kind::Account,
            hash: mac(index, ACCOUNT, &[clinic.as_bytes(), email.folded().as_bytes()]).truncated(),
        }
    }

    /// A subscriber of IPv6 has at least a /64, so the rest of the address tells nobody apart. Requests whose host names
    /// no address count as one network: not to be counted must not be an advantage.
    fn network(index: &Secret, address: Option<&str>) -> Self {
        let address = address.and_then(|address| address.parse().ok());
        let hash = match address.map(|address: IpAddr| address.to_canonical()) {
            None => mac(index, NETWORK, &[]),
            Some(IpAddr::V4(address)) => mac(index, NETWORK, &[&address.octets()]),
            Some(IpAddr::V6(address)) => mac(index, NETWORK, &[address.octets().split_at(8).0]),
        };
        Self {
            kind: Kind::Network,
            hash: hash.truncated(),
        }
    }

    fn bucket(self) -> u8 {
        let [first, ..] = self.hash;
        first
    }
}

/// One attempt to prove something, which may turn out wrong.
pub(crate) struct Attempt<'t> {
    accounts: &'t Accounts<'t>,
    now: Timestamp,
    keys: Vec<Key>,
}

impl<'t> Attempt<'t> {
    /// Begins an attempt from this request's network.
    ///
    /// # Errors
    /// 429 while the network is locked.
    pub(crate) fn begin(exchange: &Exchange<'_>, accounts: &'t Accounts<'t>) -> Result<Self, Problem> {
        let mut attempt = Self {
            accounts,
            now: exchange.platform.clock.now(),
            keys: Vec::with_capacity(2),
        };
        attempt.add(Key::network(accounts.index, exchange.network().as_deref()))?;
        Ok(attempt)
    }

    /// The attempt is at this account, whether there is one or not.
    ///
    /// # Errors
    /// 429 while the account is locked.
    pub(crate) fn at(&mut self, clinic: ClinicId, email: &Email) -> Result<(), Problem> {
        self.add(Key::account(self.accounts.index, clinic, email))
    }

    fn add(&mut self, key: Key) -> Result<(), Problem> {
        let bucket = self.accounts.bucket(key.bucket()).read()?;
        if let Some(seconds) = bucket.and_then(|bucket| bucket.value.wait(key, self.now)) {
            return Err(Problem::too_many(
                seconds,
                "Too many attempts failed. Wait as long as Retry-After says.",
            ));
        }
        self.keys.push(key);
        Ok(())
    }

    /// Counts the attempt as failed, durably.
    pub(crate) fn failed(&self) -> Result<(), Problem> {
        for key in &self.keys {
            change(&self.accounts.bucket(key.bucket()), |bucket| {
                bucket.fail(*key, self.now)
            })?;
        }
        Ok(())
    }

    /// Forgets the failures of the account. Those of the network stay: one right password among many wrong ones is no excuse.
    pub(crate) fn succeeded(&self) -> Result<(), Problem> {
        for key in self.keys.iter().filter(|key| key.kind == Kind::Account) {
            let doc = self.accounts.bucket(key.bucket());
            let counted = doc.read()?.is_some_and(|bucket| bucket.value.entry(*key).is_some());
            if counted {
                change(&doc, |bucket| bucket.clear(*key))?;
            }
        }
        Ok(())
    }
}

/// Changes a bucket, which comes to be with its first failure.
fn change(doc: &Doc<'_, Bucket, KeySet>, mut change: impl FnMut(&mut Bucket)) -> Result<(), Problem> {
    let mut update = || {
        doc.update(None, |bucket| {
            change(bucket);
            Ok::<_, Problem>(())
        })
    };
    match update() {
        Err(UpdateError::Absent) => {}
        done => return Ok(done.map(drop)?),
    }
    // Empty first: whoever creates it, everybody's change goes the same way.
    let (Creation::Created | Creation::Exists) = doc.create(&Bucket::default())?;
    Ok(update().map(drop)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn key(kind: Kind, number: u32) -> Key {
        let mut hash = [0; 16];
        hash[..4].copy_from_slice(&number.to_le_bytes());
        Key { kind, hash }
    }

    #[test]
    fn lockouts_double_up_to_a_quarter_of_an_hour() {
        for (failures, minutes) in [
            (0, None),
            (4, None),
            (5, Some(1)),
            (6, Some(2)),
            (7, Some(4)),
            (8, Some(8)),
            (9, Some(15)),
            (10, Some(15)),
            (40, Some(15)),
            (u32::MAX, Some(15)),
        ] {
            assert_eq!(lockout(failures), minutes.map(SignedDuration::from_mins), "{failures}");
        }
    }

    #[test]
    fn an_account_is_locked_for_a_time_and_cleared_by_success() {
        let (mut bucket, ada) = (Bucket::default(), key(Kind::Account, 1));
        for second in 0..4 {
            bucket.fail(ada, at(second));
        }
        assert_eq!(bucket.wait(ada, at(4)), None);
        bucket.fail(ada, at(4));
        assert_eq!(bucket.wait(ada, at(4)), Some(61));
        assert_eq!(bucket.wait(ada, at(63)), Some(2));
        assert_eq!(bucket.wait(ada, at(64)), None);
        bucket.fail(ada, at(64));
        assert_eq!(bucket.wait(ada, at(64)), Some(121));
        assert_eq!(bucket.wait(key(Kind::Account, 2), at(64)), None);
        bucket.clear(ada);
        assert_eq!(bucket.wait(ada, at(64)), None);
        assert_eq!(bucket.entry(ada), None);
    }

    #[test]
    fn an_account_is_forgotten_after_a_quiet_day() {
        let (mut bucket, ada) = (Bucket::default(), key(Kind::Account, 1));
        for _ in 0..9 {
            bucket.fail(ada, at(0));
        }
        bucket.fail(ada, at(24 * 3600));
        assert_eq!(bucket.entry(ada).unwrap().failures, 1);
    }

    #[test]
    fn a_network_has_fifty_failures_a_window() {
        let (mut bucket, network) = (Bucket::default(), key(Kind::Network, 1));
        for second in 0..49 {
            bucket.fail(network, at(second));
        }
        assert_eq!(bucket.wait(network, at(49)), None);
        bucket.fail(network, at(49));
        assert_eq!(bucket.wait(network, at(49)), Some(900 - 49 + 1));
        assert_eq!(bucket.wait(network, at(900)), None);
        bucket.fail(network, at(900));
        assert_eq!(bucket.entry(network).unwrap().failures, 1);
    }

    #[test]
    fn a_flood_fills_a_bucket_and_washes_no_lockout_away() {
        let (mut bucket, ada) = (Bucket::default(), key(Kind::Account, 1));
        for _ in 0..5 {
            bucket.fail(ada, at(0));
        }
        for number in 2..1000 {
            bucket.fail(key(Kind::Account, number), at(1));
        }
        assert_eq!(bucket.entries.len(), ENTRIES);
        assert_eq!(bucket.wait(ada, at(1)), Some(60));
    }

    #[test]
    fn networks_are_told_apart_as_subscribers_are() {
        let index = Secret::from_bytes([1; 32]);
        let network = |address: &str| Key::network(&index, Some(address));
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
        ] {
            assert_eq!(network(one) == network(other), same, "{one} {other}");
        }
        assert_ne!(Key::network(&index, None), network("192.0.2.1"));
    }
}
