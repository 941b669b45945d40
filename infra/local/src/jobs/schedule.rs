//! When a job runs next: a function of how it went, and of nothing else.

use std::time::Duration;

/// How often in a row a job that says that there is more is repeated at once. A backlog that is longer than that gives way to the
/// other jobs until the next interval.
pub(crate) const MOST_REPEATS: u32 = 20;

/// How long the first failure keeps a job waiting; each one after it doubles that.
const FIRST_RETRY: Duration = Duration::from_secs(2);

/// How long failures keep a job waiting at most: a deployment that is back is noticed within this.
const LONGEST_RETRY: Duration = Duration::from_mins(5);

/// How long a server can ask to be left alone (RFC 9110, section 10.2.3). The longest that `auth` asks for is a quarter of an hour; a
/// proxy that asks for a year must not stop the jobs.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(15);

/// How a run went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// There is nothing more to do until the next interval.
    Done,
    /// There is more to do at once.
    More,
    /// It did not run, as far as anybody knows.
    Failed {
        /// How long the server asked to be left alone.
        retry_after: Option<Duration>,
    },
}

/// What went the same way in a row until now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Streak {
    pub(crate) repeats: u32,
    pub(crate) failures: u32,
}

/// When a job runs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Next {
    /// From the end of the run that was.
    pub(crate) delay: Duration,
    pub(crate) streak: Streak,
}

/// Decides. `took` is how long the run took, which the interval includes; `random` is uniform.
pub(crate) fn after(every: Duration, streak: Streak, outcome: Outcome, took: Duration, random: u32) -> Next {
    match outcome {
        Outcome::More if streak.repeats < MOST_REPEATS => Next {
            delay: Duration::ZERO,
            streak: Streak {
                repeats: streak.repeats + 1,
                failures: 0,
            },
        },
        Outcome::Done | Outcome::More => Next {
            delay: interval(every, random).saturating_sub(took),
            streak: Streak::default(),
        },
        Outcome::Failed { retry_after } => {
            let doublings = 2_u32.saturating_pow(streak.failures);
            let longest = FIRST_RETRY.saturating_mul(doublings).min(LONGEST_RETRY);
            let asked = retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
            Next {
                // Half of it is random: what failed together must not come back together.
                delay: (longest / 2 + part(longest / 2, random)).max(asked),
                streak: Streak {
                    repeats: 0,
                    failures: streak.failures.saturating_add(1),
                },
            }
        }
    }
}

/// How long until the first run: soon, and not all identities at once.
pub(crate) fn first(every: Duration, random: u32) -> Duration {
    part(every / 20, random)
}

/// The interval, or up to a tenth less, so that what began together does not stay together. Never longer: the list's is a promise.
fn interval(every: Duration, random: u32) -> Duration {
    every - part(every / 10, random)
}

/// A uniform part of a length of time.
fn part(whole: Duration, random: u32) -> Duration {
    whole.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: Duration = Duration::from_mins(1);
    const FAILED: Outcome = Outcome::Failed { retry_after: None };

    fn streak(repeats: u32, failures: u32) -> Streak {
        Streak { repeats, failures }
    }

    fn asked(seconds: u64) -> Outcome {
        Outcome::Failed {
            retry_after: Some(Duration::from_secs(seconds)),
        }
    }

    /// The earliest and the latest that it can be, in milliseconds.
    fn window(every: Duration, before: Streak, outcome: Outcome, took: Duration) -> (u128, u128, Streak) {
        let earliest = after(every, before, outcome, took, u32::MAX);
        let latest = after(every, before, outcome, took, 0);
        assert_eq!(earliest.streak, latest.streak, "chance decides nothing but the time");
        let (one, other) = (earliest.delay.as_millis(), latest.delay.as_millis());
        (one.min(other), one.max(other), latest.streak)
    }

    #[test]
    fn what_comes_next_is_a_table() {
        let (none, second) = (Duration::ZERO, Duration::from_secs(1));
        for (every, before, outcome, took, earliest, latest, streak_after) in [
            // The interval counts from the beginning of the run.
            (MINUTE, streak(0, 0), Outcome::Done, none, 54_000, 60_000, streak(0, 0)),
            (
                MINUTE,
                streak(0, 0),
                Outcome::Done,
                second * 20,
                34_000,
                40_000,
                streak(0, 0),
            ),
            (MINUTE, streak(0, 0), Outcome::Done, MINUTE * 2, 0, 0, streak(0, 0)),
            (second, streak(0, 0), Outcome::Done, none, 900, 1000, streak(0, 0)),
            // A success ends every streak.
            (MINUTE, streak(3, 0), Outcome::Done, none, 54_000, 60_000, streak(0, 0)),
            (MINUTE, streak(0, 9), Outcome::Done, none, 54_000, 60_000, streak(0, 0)),
            // More is done at once, so often and no more.
            (MINUTE, streak(0, 0), Outcome::More, none, 0, 0, streak(1, 0)),
            (MINUTE, streak(0, 4), Outcome::More, none, 0, 0, streak(1, 0)),
            (MINUTE, streak(19, 0), Outcome::More, none, 0, 0, streak(20, 0)),
            (MINUTE, streak(20, 0), Outcome::More, none, 54_000, 60_000, streak(0, 0)),
            // Failures wait longer each time, whatever the interval is.
            (MINUTE, streak(0, 0), FAILED, none, 1000, 2000, streak(0, 1)),
            (MINUTE, streak(5, 0), FAILED, none, 1000, 2000, streak(0, 1)),
            (MINUTE, streak(0, 1), FAILED, none, 2000, 4000, streak(0, 2)),
            (second, streak(0, 2), FAILED, MINUTE, 4000, 8000, streak(0, 3)),
            (MINUTE, streak(0, 7), FAILED, none, 128_000, 256_000, streak(0, 8)),
            (MINUTE, streak(0, 8), FAILED, none, 150_000, 300_000, streak(0, 9)),
            (
                MINUTE,
                streak(0, u32::MAX),
                FAILED,
                none,
                150_000,
                300_000,
                streak(0, u32::MAX),
            ),
            // The server is left alone as long as it asks, within reason, and never less than it would be anyway.
            (MINUTE, streak(0, 0), asked(30), none, 30_000, 30_000, streak(0, 1)),
            (MINUTE, streak(0, 0), asked(0), none, 1000, 2000, streak(0, 1)),
            (MINUTE, streak(0, 8), asked(1), none, 150_000, 300_000, streak(0, 9)),
            (
                MINUTE,
                streak(0, 0),
                asked(u64::MAX),
                none,
                900_000,
                900_000,
                streak(0, 1),
            ),
        ] {
            assert_eq!(
                window(every, before, outcome, took),
                (earliest, latest, streak_after),
                "{every:?} {before:?} {outcome:?} {took:?}"
            );
        }
    }

    #[test]
    fn the_first_run_is_soon() {
        assert_eq!(first(MINUTE, 0), Duration::ZERO);
        assert_eq!(first(MINUTE, u32::MAX), Duration::from_secs(3));
    }

    fn outcome() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            Just(Outcome::Done),
            Just(Outcome::More),
            proptest::option::of(any::<u64>()).prop_map(|seconds| Outcome::Failed {
                retry_after: seconds.map(Duration::from_secs)
            }),
        ]
    }

    proptest! {
        /// Whatever happens in whatever order: nothing runs in a tight loop, and nothing waits for ever.
        #[test]
        fn no_history_makes_a_tight_loop(
            every in 1..=744_u64 * 3600,
            history in proptest::collection::vec((outcome(), any::<u32>()), 1..200),
        ) {
            let every = Duration::from_secs(every);
            let (mut streak, mut at_once) = (Streak::default(), 0);
            for (outcome, random) in history {
                let next = after(every, streak, outcome, Duration::ZERO, random);
                streak = next.streak;
                at_once = if next.delay.is_zero() { at_once + 1 } else { 0 };
                prop_assert!(at_once <= MOST_REPEATS);
                prop_assert!(next.delay.is_zero() || next.delay >= Duration::from_millis(900));
                prop_assert!(next.delay <= every.max(LONGEST_RETRY_AFTER));
            }
        }
    }
}
