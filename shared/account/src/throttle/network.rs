//! The failures and requests of networks.

use std::cmp::Reverse;
use std::net::IpAddr;

use crypto::{Label, Secret, mac};
use jiff::fmt::serde::timestamp::nanosecond;
use model::{ClinicId, Timestamp};
use serde::{Deserialize, Serialize};
use web::RateLimit;

use super::policy::{NETWORK_FAILURES, Quota, RouteClass};
use crate::email::Email;

const NETWORK: Label = Label::new("confide 2026-11 throttle network");
const ADDRESS: Label = Label::new("confide 2026-11 throttle address");

/// How many networks a bucket holds.
const ENTRIES: usize = 64;

/// A network, as a keyed hash, so that what is counted does not say where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Network([u8; 16]);

/// What is counted, each with a limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Counted {
    Failures,
    Requests(RouteClass),
}

/// How much was counted since a window began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    counted: Counted,
    count: u32,
    #[serde(with = "nanosecond::required")]
    began_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    network: Network,
    windows: Vec<Window>,
}

/// Some of the networks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bucket {
    entries: Vec<Entry>,
}

/// What a request can do besides being one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It can be wrong, which is counted until it turns out not to be.
    Guess,
    Plain,
}

/// A request that is counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Admitted {
    pub(super) limit: RateLimit,
    /// When the window began in which it was counted.
    pub(super) counted_in: Timestamp,
    /// When the window began in which a failure was counted.
    pub(super) failure_in: Option<Timestamp>,
}

impl Network {
    /// A subscriber of IPv6 has at least a /64, so the rest of the address tells nobody apart. Requests whose host
    /// names no address count as one network: not to be counted must not be an advantage.
    pub(super) fn of(index: &Secret, address: Option<&str>) -> Self {
        let address = address.and_then(|address| address.parse().ok());
        let hash = match address.map(|address: IpAddr| address.to_canonical()) {
            None => mac(index, NETWORK, &[]),
            Some(IpAddr::V4(address)) => mac(index, NETWORK, &[&address.octets()]),
            Some(IpAddr::V6(address)) => mac(index, NETWORK, &[address.octets().split_at(8).0]),
        };
        Self(hash.truncated())
    }

    /// Links to an address that are good for one thing, which are counted as networks are, in documents of their own.
    pub(super) fn of_links(index: &Secret, clinic: ClinicId, email: &Email, good_for: &[u8]) -> Self {
        let address = email.folded().as_bytes();
        Self(mac(index, ADDRESS, &[clinic.as_bytes(), address, good_for]).truncated())
    }

    /// Which bucket it lies in.
    pub(super) fn bucket(self) -> u8 {
        let [first, ..] = self.0;
        first
    }

    #[cfg(test)]
    pub(super) fn numbered(number: u32) -> Self {
        let mut hash = [0; 16];
        hash[..4].copy_from_slice(&number.to_le_bytes());
        Self(hash)
    }
}

impl Counted {
    fn quota(self) -> Quota {
        match self {
            Self::Failures => NETWORK_FAILURES,
            Self::Requests(class) => class.quota(),
        }
    }
}

impl Window {
    fn end(&self) -> Timestamp {
        self.counted.quota().end(self.began_at)
    }

    /// With one more, or the limit where it is reached.
    fn counting(self, now: Timestamp) -> Result<Self, RateLimit> {
        if self.count >= self.counted.quota().count {
            return Err(self.limit(now));
        }
        Ok(Self {
            count: self.count.saturating_add(1),
            ..self
        })
    }

    fn limit(&self, now: Timestamp) -> RateLimit {
        let quota = self.counted.quota();
        let left = self.end().duration_since(now);
        // Rounded up: who waits for so long comes after the end.
        let reset = left.as_secs().saturating_add(i64::from(left.subsec_nanos() > 0));
        RateLimit {
            policy: quota.name,
            quota: quota.count,
            window: quota.window,
            remaining: quota.count.saturating_sub(self.count),
            reset: u32::try_from(reset).unwrap_or(0),
        }
    }
}

impl Entry {
    /// The window that is open for this now.
    fn window(&self, counted: Counted, now: Timestamp) -> Window {
        let mut open = self.windows.iter().filter(|window| now < window.end());
        open.find(|window| window.counted == counted)
            .copied()
            .unwrap_or(Window {
                counted,
                count: 0,
                began_at: now,
            })
    }

    fn put(&mut self, window: Window) {
        self.windows.retain(|old| old.counted != window.counted);
        self.windows.push(window);
    }

    /// How near it is to a limit, in thousandths, and when it was first counted.
    fn weight(&self) -> (u32, Option<Timestamp>) {
        let share = |window: &Window| {
            let thousandths = window.count.saturating_mul(1000);
            thousandths.checked_div(window.counted.quota().count)
        };
        let most = self.windows.iter().filter_map(share).max().unwrap_or(0);
        (most, self.windows.iter().map(|window| window.began_at).min())
    }
}

impl Bucket {
    /// Counts a request, or says which limit is reached; then nothing is counted.
    pub(super) fn admit(
        &mut self,
        network: Network,
        class: RouteClass,
        kind: Kind,
        now: Timestamp,
    ) -> Result<Admitted, RateLimit> {
        let found = self.entries.iter().find(|entry| entry.network == network);
        let mut entry = found.cloned().unwrap_or(Entry {
            network,
            windows: Vec::new(),
        });
        let failures = match kind {
            Kind::Guess => Some(entry.window(Counted::Failures, now).counting(now)?),
            Kind::Plain => None,
        };
        let requests = entry.window(Counted::Requests(class), now).counting(now)?;

        for window in failures.iter().chain([&requests]) {
            entry.put(*window);
        }
        self.entries.retain(|entry| entry.network != network);
        for entry in &mut self.entries {
            entry.windows.retain(|window| now < window.end());
        }
        self.entries.retain(|entry| !entry.windows.is_empty());
        while self.entries.len() >= ENTRIES {
            // The one that is furthest from any limit, and of those the one that began last: a flood of networks that
            // ask a little washes no limit away. Who has networks enough to fill a bucket to its limits gains nothing
            // by washing one away: she had as many requests from each of them.
            let weights = self.entries.iter().map(Entry::weight).enumerate();
            let least = weights.min_by_key(|(_, (share, since))| (*share, Reverse(*since)));
            self.entries.remove(least.map_or(0, |(index, _)| index));
        }
        self.entries.push(entry);
        Ok(Admitted {
            limit: requests.limit(now),
            counted_in: requests.began_at,
            failure_in: failures.map(|window| window.began_at),
        })
    }

    /// Counts a failure of a network whose request was admitted as plain, or says that the limit is reached; then nothing is counted, and
    /// nor is it where the network had to make room since.
    pub(super) fn fail(&mut self, network: Network, now: Timestamp) -> Result<(), RateLimit> {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.network == network) {
            let failures = entry.window(Counted::Failures, now).counting(now)?;
            entry.put(failures);
        }
        Ok(())
    }

    /// Takes a failure back that none was, unless its window is over.
    pub(super) fn give_back(&mut self, network: Network, failure_in: Timestamp) {
        self.take_back(network, Counted::Failures, failure_in);
    }

    /// Takes a request back of which nothing came, unless its window is over.
    pub(super) fn give_request_back(&mut self, network: Network, class: RouteClass, counted_in: Timestamp) {
        self.take_back(network, Counted::Requests(class), counted_in);
    }

    fn take_back(&mut self, network: Network, counted: Counted, counted_in: Timestamp) {
        let entries = self.entries.iter_mut().filter(|entry| entry.network == network);
        for window in entries.flat_map(|entry| &mut entry.windows) {
            if window.counted == counted && window.began_at == counted_in {
                window.count = window.count.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn guess(bucket: &mut Bucket, number: u32, second: i64) -> Result<Admitted, RateLimit> {
        bucket.admit(
            Network::numbered(number),
            RouteClass::Acceptance,
            Kind::Guess,
            at(second),
        )
    }

    #[test]
    fn a_network_has_fifty_failures_a_quarter_of_an_hour() {
        let mut bucket = Bucket::default();
        for second in 0..50 {
            assert!(guess(&mut bucket, 1, second).is_ok());
        }
        let limit = guess(&mut bucket, 1, 50).unwrap_err();
        assert_eq!((limit.policy, limit.remaining, limit.reset), ("failures", 0, 850));
        assert!(guess(&mut bucket, 2, 50).is_ok());
        // Whatever can't be guessed goes on.
        let plain = bucket.admit(Network::numbered(1), RouteClass::PasskeyChallenge, Kind::Plain, at(50));
        assert!(plain.is_ok_and(|admitted| admitted.failure_in.is_none()));
        assert!(guess(&mut bucket, 1, 899).is_err());
        assert!(guess(&mut bucket, 1, 900).is_ok());
    }

    #[test]
    fn what_was_not_wrong_is_given_back() {
        let mut bucket = Bucket::default();
        for _ in 0..49 {
            guess(&mut bucket, 1, 0).unwrap();
        }
        for _ in 0..10 {
            let admitted = guess(&mut bucket, 1, 1).unwrap();
            bucket.give_back(Network::numbered(1), admitted.failure_in.unwrap());
        }
        let last = guess(&mut bucket, 1, 1).unwrap();
        assert!(guess(&mut bucket, 1, 1).is_err());
        // In the next window it is forgotten, and takes nothing from what is counted there.
        let fresh = guess(&mut bucket, 1, 900).unwrap();
        bucket.give_back(Network::numbered(1), last.failure_in.unwrap());
        assert_eq!(fresh.failure_in, Some(at(900)));
        let failures = bucket.entries[0].window(Counted::Failures, at(900));
        assert_eq!(failures.count, 1);
    }

    #[test]
    fn what_is_refused_later_counts_like_a_guess() {
        let mut bucket = Bucket::default();
        let network = Network::numbered(1);
        assert!(bucket.fail(network, at(0)).is_ok());
        assert_eq!(bucket, Bucket::default(), "nobody asked from there");
        let plain = bucket.admit(network, RouteClass::LogIn, Kind::Plain, at(0));
        assert!(plain.is_ok());
        for _ in 0..49 {
            assert!(bucket.fail(network, at(0)).is_ok());
        }
        assert!(guess(&mut bucket, 1, 1).is_ok());
        assert_eq!(bucket.fail(network, at(1)).unwrap_err().reset, 899);
        assert!(guess(&mut bucket, 1, 1).is_err());
        assert!(bucket.fail(network, at(900)).is_ok());
    }

    #[test]
    fn each_class_has_its_quota() {
        for (class, name, quota, window) in [
            (RouteClass::LogIn, "log-in", 60, 60),
            (RouteClass::Registration, "registration", 20, 900),
            (RouteClass::Acceptance, "acceptance", 60, 900),
            (RouteClass::Reset, "reset", 20, 900),
            (RouteClass::PasskeyChallenge, "passkey-challenge", 60, 60),
            (RouteClass::ResetMail, "reset-mail", 3, 1800),
            (RouteClass::RegistrationMail, "registration-mail", 5, 3600),
        ] {
            let mut bucket = Bucket::default();
            let mut ask = |second| bucket.admit(Network::numbered(1), class, Kind::Plain, at(second));
            for nth in 1..=quota {
                let limit = ask(10).unwrap().limit;
                let expected = RateLimit {
                    policy: name,
                    quota,
                    window,
                    remaining: quota - nth,
                    reset: window,
                };
                assert_eq!(limit, expected);
            }
            let limit = ask(15).unwrap_err();
            assert_eq!((limit.remaining, limit.reset), (0, window - 5));
            assert!(ask(9 + i64::from(window)).is_err());
            assert!(ask(10 + i64::from(window)).is_ok());
            let other = if class == RouteClass::LogIn {
                RouteClass::Reset
            } else {
                RouteClass::LogIn
            };
            let admitted = bucket.admit(Network::numbered(1), other, Kind::Plain, at(10));
            assert!(admitted.is_ok(), "{name} takes nothing from others");
        }
    }

    #[test]
    fn a_wait_is_rounded_up() {
        let mut bucket = Bucket::default();
        let ask = |bucket: &mut Bucket, now| bucket.admit(Network::numbered(1), RouteClass::Reset, Kind::Plain, now);
        for _ in 0..20 {
            ask(&mut bucket, at(0)).unwrap();
        }
        let almost: Timestamp = "1970-01-01T00:14:59.25Z".parse().unwrap();
        assert_eq!(ask(&mut bucket, almost).unwrap_err().reset, 1);
    }

    proptest! {
        // Each is a thousand requests.
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_flood_fills_a_bucket_and_washes_no_limit_away(
            flood in prop::collection::vec((2_u32..300, 0_i64..600), 0..600),
        ) {
            let mut bucket = Bucket::default();
            for _ in 0..NETWORK_FAILURES.count {
                guess(&mut bucket, 1, 0).unwrap();
            }
            let mut asked = BTreeMap::new();
            for (number, second) in flood {
                // Each of them keeps away from its own limits.
                let count = asked.entry(number).or_insert(0);
                *count += 1;
                if *count < NETWORK_FAILURES.count {
                    prop_assert!(guess(&mut bucket, number, second).is_ok());
                }
                prop_assert!(bucket.entries.len() <= ENTRIES);
                prop_assert!(guess(&mut bucket, 1, second).is_err());
            }
        }

    }

    proptest! {
        #[test]
        fn no_network_asks_more_often_than_its_quota(seconds in prop::collection::vec(0_i64..59, 0..200)) {
            let mut bucket = Bucket::default();
            let ask = |second| bucket.admit(Network::numbered(1), RouteClass::LogIn, Kind::Plain, at(second)).is_ok();
            let admitted = seconds.iter().copied().map(ask).filter(|admitted| *admitted).count();
            prop_assert_eq!(admitted, seconds.len().min(60));
        }
    }

    #[test]
    fn networks_are_told_apart_as_subscribers_are() {
        let index = Secret::from_bytes([1; 32]);
        let network = |address: &str| Network::of(&index, Some(address));
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
        ] {
            assert_eq!(network(one) == network(other), same, "{one} {other}");
        }
        assert_ne!(Network::of(&index, None), network("192.0.2.1"));
    }
}
