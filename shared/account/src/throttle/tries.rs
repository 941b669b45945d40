//! The failures at one account, and whether another try is open.

use jiff::fmt::serde::timestamp::nanosecond;
use model::Timestamp;
use serde::{Deserialize, Serialize};

use super::network::Network;
use super::policy::{Factor, KNOWN_FOR, MEMORY, MOST_CONSECUTIVE, MOST_KNOWN, after, lockout};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Count {
    factor: Factor,
    failures: u32,
    #[serde(with = "nanosecond::required")]
    last_at: Timestamp,
}

/// What is counted together, each factor apart and once at most. A list and not a map: a map that is read from JSON
/// adds ten times as much to the function's size.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Lane(Vec<Count>);

/// Failures of one factor that nothing right has followed, however long they are ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    factor: Factor,
    failures: u32,
}

/// A network from which the owner has proven herself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownNetwork {
    network: Network,
    #[serde(with = "nanosecond::required")]
    last_proven_at: Timestamp,
    lane: Lane,
}

/// The tries at an account's factors that nothing right has followed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tries {
    /// Over all lanes, and not forgotten with time: the standard counts until something is right.
    rows: Vec<Row>,
    strangers: Lane,
    /// The one that was proven last first.
    known: Vec<KnownNetwork>,
}

/// A try that is counted already. Who finds that it was not wrong gives it back.
#[derive(Debug)]
pub(super) struct Reservation {
    network: Network,
    now: Timestamp,
    reserved: Vec<Reserved>,
}

#[derive(Debug, Clone, Copy)]
struct Reserved {
    factor: Factor,
    counted_at: Timestamp,
    last_at: Option<Timestamp>,
}

impl Lane {
    fn remembered(&self, factor: Factor, now: Timestamp) -> Option<Count> {
        let count = self.0.iter().find(|count| count.factor == factor)?;
        (now < after(count.last_at, MEMORY)).then_some(*count)
    }

    fn is_locked(&self, factor: Factor, now: Timestamp) -> bool {
        self.remembered(factor, now)
            .and_then(|count| Some(after(count.last_at, lockout(count.failures)?)))
            .is_some_and(|until| now < until)
    }

    fn reserve(&mut self, factor: Factor, now: Timestamp) -> Reserved {
        let before = self.remembered(factor, now);
        let last_at = before.map(|count| count.last_at);
        // A clock that is behind another one's ends no lockout early.
        let counted_at = last_at.map_or(now, |last_at| last_at.max(now));
        self.0.retain(|count| count.factor != factor);
        self.0.push(Count {
            factor,
            failures: before.map_or(0, |count| count.failures).saturating_add(1),
            last_at: counted_at,
        });
        Reserved {
            factor,
            counted_at,
            last_at,
        }
    }

    fn give_back(&mut self, reserved: &Reserved) {
        for count in self.0.iter_mut().filter(|count| count.factor == reserved.factor) {
            count.failures = count.failures.saturating_sub(1);
            // Unless somebody was wrong since, the lane is locked as long as it was before.
            if let Some(last_at) = reserved.last_at
                && count.last_at == reserved.counted_at
            {
                count.last_at = last_at;
            }
        }
        self.0.retain(|count| count.failures > 0);
    }
}

impl Tries {
    fn known(&self, network: Network, now: Timestamp) -> Option<&KnownNetwork> {
        let mut known = self.known.iter();
        known.find(|known| known.network == network && now < after(known.last_proven_at, KNOWN_FOR))
    }

    fn lane(&mut self, network: Network, now: Timestamp) -> &mut Lane {
        let mut known = self.known.iter_mut();
        match known.find(|known| known.network == network && now < after(known.last_proven_at, KNOWN_FOR)) {
            Some(known) => &mut known.lane,
            None => &mut self.strangers,
        }
    }

    fn is_locked(&self, network: Network, factor: Factor, now: Timestamp) -> bool {
        let lane = self.known(network, now).map_or(&self.strangers, |known| &known.lane);
        let mut rows = self.rows.iter().filter(|row| row.factor == factor);
        rows.any(|row| row.failures >= MOST_CONSECUTIVE) || lane.is_locked(factor, now)
    }

    /// Counts a try that shows these factors as a failure of each, before it is known to be one; `None` where one of
    /// them is locked, and then nothing is counted.
    pub(super) fn reserve(&mut self, network: Network, factors: &[Factor], now: Timestamp) -> Option<Reservation> {
        if factors.iter().any(|factor| self.is_locked(network, *factor, now)) {
            return None;
        }
        let mut reserved = Vec::with_capacity(factors.len());
        for factor in factors {
            match self.rows.iter_mut().find(|row| row.factor == *factor) {
                Some(row) => row.failures = row.failures.saturating_add(1),
                None => self.rows.push(Row {
                    factor: *factor,
                    failures: 1,
                }),
            }
            reserved.push(self.lane(network, now).reserve(*factor, now));
        }
        Some(Reservation { network, now, reserved })
    }

    /// Takes a try back, but for the factor that was wrong. Where the owner has proven herself meanwhile, the counts
    /// were cleared or belong to another lane, and less is taken back or nothing.
    pub(super) fn give_back(&mut self, reservation: &Reservation, wrong: Option<Factor>) {
        for reserved in &reservation.reserved {
            if Some(reserved.factor) == wrong {
                continue;
            }
            for row in self.rows.iter_mut().filter(|row| row.factor == reserved.factor) {
                row.failures = row.failures.saturating_sub(1);
            }
            self.rows.retain(|row| row.failures > 0);
            self.lane(reservation.network, reservation.now).give_back(reserved);
        }
    }

    /// The owner has proven herself from this network: what was wrong in its lane is forgotten, it has a lane of its
    /// own from now on, and the row of failures is over for every factor, also one that was shut.
    pub(super) fn prove(&mut self, network: Network, now: Timestamp) {
        *self.lane(network, now) = Lane::default();
        self.rows.clear();
        self.known
            .retain(|known| known.network != network && now < after(known.last_proven_at, KNOWN_FOR));
        self.known.insert(
            0,
            KnownNetwork {
                network,
                last_proven_at: now,
                lane: Lane::default(),
            },
        );
        self.known.truncate(MOST_KNOWN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const PASSWORD: &[Factor] = &[Factor::Password];

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn days(count: i64) -> i64 {
        count * 24 * 3600
    }

    fn network(number: u32) -> Network {
        Network::numbered(number)
    }

    const HOME: u32 = 0;

    /// The tries of an owner who proved herself at home at second 0.
    fn at_home() -> Tries {
        let mut tries = Tries::default();
        tries.prove(network(HOME), at(0));
        tries
    }

    fn is_open(tries: &Tries, from: u32, factors: &[Factor], now: i64) -> bool {
        tries.clone().reserve(network(from), factors, at(now)).is_some()
    }

    fn row(tries: &Tries, factor: Factor) -> u32 {
        let row = tries.rows.iter().find(|row| row.factor == factor);
        row.map_or(0, |row| row.failures)
    }

    /// In an order that does not depend on who was counted last.
    fn sorted(mut tries: Tries) -> Tries {
        tries.rows.sort_by_key(|row| row.factor);
        let known = tries.known.iter_mut().map(|known| &mut known.lane);
        for lane in known.chain([&mut tries.strangers]) {
            lane.0.sort_by_key(|count| count.factor);
        }
        tries
    }

    #[test]
    fn five_failures_lock_and_then_one_at_a_time() {
        let mut tries = Tries::default();
        for second in 0..5 {
            assert!(tries.reserve(network(1), PASSWORD, at(second)).is_some(), "{second}");
        }
        let mut last = 4;
        for minutes in [1, 2, 4, 8, 15, 30, 60, 120, 240, 480, 960, 1440, 1440, 1440] {
            let until = last + minutes * 60;
            assert!(!is_open(&tries, 1, PASSWORD, last));
            assert!(!is_open(&tries, 1, PASSWORD, until - 1), "{minutes}");
            assert!(tries.reserve(network(1), PASSWORD, at(until)).is_some(), "{minutes}");
            last = until;
        }
    }

    #[test]
    fn of_many_guesses_at_one_time_no_more_are_open_than_in_a_row() {
        let mut tries = Tries::default();
        let open = |tries: &mut Tries, now| {
            let guesses = (0..64).filter(|from| tries.reserve(network(1 + from), PASSWORD, at(now)).is_some());
            guesses.count()
        };
        assert_eq!(open(&mut tries, 0), 5);
        assert_eq!(open(&mut tries, 60), 1);
        assert_eq!(open(&mut tries, 179), 0);
        assert_eq!(open(&mut tries, 180), 1);
    }

    #[test]
    fn hammering_at_a_lock_does_not_prolong_it() {
        let mut tries = Tries::default();
        for _ in 0..5 {
            tries.reserve(network(1), PASSWORD, at(0));
        }
        let locked = tries.clone();
        for second in 0..60 {
            assert!(tries.reserve(network(1), PASSWORD, at(second)).is_none());
        }
        assert_eq!(tries, locked);
        assert!(is_open(&tries, 1, PASSWORD, 60));
    }

    #[test]
    fn each_factor_is_counted_apart() {
        let mut tries = Tries::default();
        let both = [Factor::Password, Factor::Totp];
        // The password was right each time and the code was not.
        for second in 0..5 {
            let reservation = tries.reserve(network(1), &both, at(second)).unwrap();
            tries.give_back(&reservation, Some(Factor::Totp));
        }
        for (factors, open) in [
            (&both[..], false),
            (&[Factor::Totp], false),
            (PASSWORD, true),
            (&[Factor::Sms], true),
            (&[Factor::Password, Factor::RecoveryCode], true),
            (&[Factor::EmailCode], true),
        ] {
            assert_eq!(is_open(&tries, 1, factors, 5), open, "{factors:?}");
        }
        // And the other way round: who does not know the password counts nothing against the app.
        let mut tries = Tries::default();
        for second in 0..5 {
            let reservation = tries.reserve(network(1), &both, at(second)).unwrap();
            tries.give_back(&reservation, Some(Factor::Password));
        }
        assert!(!is_open(&tries, 1, &both, 5) && is_open(&tries, 1, &[Factor::Totp], 5));
    }

    #[test]
    fn strangers_do_not_lock_the_owner_out_at_her_usual_place() {
        let mut tries = at_home();
        for day in 1..80 {
            for from in 1..40 {
                tries.reserve(network(from), PASSWORD, at(days(day)));
            }
            assert!(!is_open(&tries, 99, PASSWORD, days(day)));
            assert!(is_open(&tries, HOME, PASSWORD, days(day)), "{day}");
        }
    }

    #[test]
    fn her_own_failures_do_lock_her_out_at_home_and_nowhere_else() {
        let mut tries = at_home();
        tries.prove(network(7), at(1));
        for second in 2..7 {
            tries.reserve(network(HOME), PASSWORD, at(second));
        }
        assert!(!is_open(&tries, HOME, PASSWORD, 7));
        assert!(is_open(&tries, 7, PASSWORD, 7) && is_open(&tries, 1, PASSWORD, 7));
        // What she proves elsewhere ends the row, but opens no lane that is locked.
        tries.prove(network(7), at(7));
        assert!(!is_open(&tries, HOME, PASSWORD, 7));
        tries.prove(network(HOME), at(8));
        assert!(is_open(&tries, HOME, PASSWORD, 8));
    }

    #[test]
    fn her_success_at_home_opens_nothing_to_strangers() {
        let mut tries = at_home();
        for _ in 0..5 {
            tries.reserve(network(1), PASSWORD, at(0));
        }
        tries.prove(network(HOME), at(1));
        assert!(!is_open(&tries, 1, PASSWORD, 1));
    }

    #[test]
    fn a_hundred_in_a_row_shut_the_factor_until_something_else_is_proven() {
        let mut tries = at_home();
        let (mut open, mut second) = (0, 0);
        while second < days(365) {
            open += u32::from(tries.reserve(network(1), PASSWORD, at(second)).is_some());
            second += 3600;
        }
        assert_eq!(open, MOST_CONSECUTIVE);
        assert!(!is_open(&tries, 1, PASSWORD, second) && !is_open(&tries, HOME, PASSWORD, second));
        assert!(is_open(&tries, HOME, &[Factor::Totp], second));
        // A passkey, which counts nothing here, proves her.
        tries.prove(network(HOME), at(second));
        assert!(is_open(&tries, HOME, PASSWORD, second));
    }

    #[test]
    fn failures_are_forgotten_after_a_quiet_month_but_not_the_row() {
        let mut tries = Tries::default();
        for _ in 0..5 {
            tries.reserve(network(1), PASSWORD, at(0));
        }
        tries.reserve(network(1), PASSWORD, at(days(30) - 1));
        assert!(!is_open(&tries, 1, PASSWORD, days(30)));
        let quiet = days(60) - 1;
        for _ in 0..5 {
            assert!(tries.reserve(network(1), PASSWORD, at(quiet)).is_some());
        }
        assert!(!is_open(&tries, 1, PASSWORD, quiet));
        assert_eq!(row(&tries, Factor::Password), 11);
    }

    #[test]
    fn networks_are_known_for_a_time_and_a_few_at_most() {
        let mut tries = Tries::default();
        for number in 0..9 {
            tries.prove(network(number), at(i64::from(number)));
        }
        assert_eq!(tries.known.len(), MOST_KNOWN);
        let is_known = |tries: &Tries, number, now| tries.known(network(number), at(now)).is_some();
        assert!(!is_known(&tries, 0, 9), "the oldest made room");
        assert!((1..9).all(|number| is_known(&tries, number, 9)));
        assert!(is_known(&tries, 1, days(90)) && !is_known(&tries, 1, days(90) + 1));
        tries.prove(network(1), at(days(90)));
        assert!(is_known(&tries, 1, days(180) - 1));
    }

    #[test]
    fn what_is_given_back_leaves_a_lock_as_it_was() {
        let mut tries = Tries::default();
        for _ in 0..5 {
            tries.reserve(network(1), PASSWORD, at(0));
        }
        let before = tries.clone();
        let reservation = tries.reserve(network(1), PASSWORD, at(60)).unwrap();
        assert!(!is_open(&tries, 1, PASSWORD, 60), "while it is open");
        tries.give_back(&reservation, None);
        assert_eq!(tries, before);
        // Somebody else was wrong since: that stays.
        let first = tries.reserve(network(1), PASSWORD, at(60)).unwrap();
        tries.reserve(network(1), PASSWORD, at(180)).unwrap();
        tries.give_back(&first, None);
        assert!(!is_open(&tries, 1, PASSWORD, 180 + 119) && is_open(&tries, 1, PASSWORD, 180 + 120));
    }

    /// Without the counts that time has made to nothing.
    fn remembered(tries: &Tries, now: i64) -> Tries {
        let mut tries = tries.clone();
        let known = tries.known.iter_mut().map(|known| &mut known.lane);
        for lane in known.chain([&mut tries.strangers]) {
            lane.0.retain(|count| at(now) < after(count.last_at, MEMORY));
        }
        sorted(tries)
    }

    #[derive(Debug, Clone)]
    enum Happens {
        Wrong { from: u32, factor: Factor },
        Right { from: u32, factor: Factor },
        Hour,
    }

    fn happens(from: std::ops::Range<u32>) -> impl Strategy<Value = Happens> {
        let factor = prop_oneof![Just(Factor::Password), Just(Factor::Totp)];
        (0..6_u8, from, factor).prop_map(|(kind, from, factor)| match kind {
            0..3 => Happens::Wrong { from, factor },
            3 => Happens::Right { from, factor },
            _ => Happens::Hour,
        })
    }

    proptest! {
        /// Right answers at one factor that are no proof yet (the other factor is missing) give back what they took.
        #[test]
        fn never_more_than_a_hundred_in_a_row(story in prop::collection::vec(happens(0..12), 0..1000)) {
            let mut tries = at_home();
            let (mut second, mut wrong) = (1, BTreeMap::new());
            for happens in story {
                match happens {
                    Happens::Wrong { from, factor } => {
                        if tries.reserve(network(from), &[factor], at(second)).is_some() {
                            *wrong.entry(factor).or_insert(0) += 1;
                        }
                    }
                    Happens::Right { from, factor } => {
                        let before = remembered(&tries, second);
                        if let Some(reservation) = tries.reserve(network(from), &[factor], at(second)) {
                            tries.give_back(&reservation, None);
                        }
                        prop_assert_eq!(remembered(&tries, second), before);
                    }
                    Happens::Hour => second += 3600 * 20,
                }
                prop_assert!(tries.known.len() <= MOST_KNOWN);
            }
            prop_assert!(wrong.values().all(|count| *count <= MOST_CONSECUTIVE));
            for (factor, count) in wrong {
                prop_assert_eq!(row(&tries, factor), count);
            }
        }

        /// Unless a hundred failures shut the factor, nothing that strangers do is seen from home.
        #[test]
        fn strangers_are_not_noticed_at_home(story in prop::collection::vec(happens(1..50), 0..400)) {
            let (mut tries, mut quiet) = (at_home(), at_home());
            let mut second = 1;
            for (number, happens) in story.into_iter().enumerate() {
                match happens {
                    Happens::Wrong { from, factor } | Happens::Right { from, factor } => {
                        tries.reserve(network(from), &[factor], at(second));
                    }
                    Happens::Hour => second += 3600,
                }
                prop_assume!(tries.rows.iter().all(|row| row.failures < MOST_CONSECUTIVE - 20));
                if number % 20 == 0 {
                    let seen = tries.reserve(network(HOME), PASSWORD, at(second)).is_some();
                    prop_assert_eq!(seen, quiet.reserve(network(HOME), PASSWORD, at(second)).is_some());
                }
            }
        }

        #[test]
        fn a_lockout_ends_in_time(failures in 1_u32..100, second in 0_i64..1000) {
            let mut tries = Tries::default();
            for _ in 0..failures {
                // As if each had waited for its turn.
                let lane = tries.lane(network(1), at(second));
                lane.reserve(Factor::Password, at(second));
            }
            let day = SignedDuration::from_hours(24).as_secs();
            prop_assert!(is_open(&tries, 1, PASSWORD, second + day));
        }
    }
}
