//! When to try again: exponential backoff with full jitter, so that what failed together does not come back together.

use http::StatusCode;
use jiff::SignedDuration;
use model::Timestamp;
use ports::{Entropy, EntropyExt};
use web::Problem;

/// How often a message is tried at most. With the delays below the last try comes some seven hours after the first in the
/// mean, which is longer than providers are usually away.
pub(crate) const TRIES: u32 = 12;

/// The longest first delay, in seconds. It doubles with every try.
const FIRST: u32 = 30;

/// The longest delay, in seconds.
const LONGEST: u32 = 6 * 60 * 60;

/// A moment so long after another.
pub(crate) fn after(moment: Timestamp, duration: SignedDuration) -> Timestamp {
    moment.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

/// How long a message waits that could not be tried. A defect, or a document that is not what was written, does not mend itself; what too many
/// wrote at once, or what is not set up, may be well the next time.
pub(crate) fn until_mended(problem: &Problem) -> SignedDuration {
    if problem.status == StatusCode::INTERNAL_SERVER_ERROR {
        SignedDuration::from_hours(1)
    } else {
        SignedDuration::from_mins(1)
    }
}

/// The most that is waited after so many tries, in seconds.
fn bound(tries: u32) -> u32 {
    1_u32
        .checked_shl(tries.saturating_sub(1))
        .and_then(|factor| FIRST.checked_mul(factor))
        .map_or(LONGEST, |bound| bound.min(LONGEST))
}

/// How long to wait after so many tries: anything up to the bound, but as long as the provider asks.
pub(crate) fn delay(entropy: &dyn Entropy, tries: u32, asked: Option<SignedDuration>) -> SignedDuration {
    let jittered = SignedDuration::from_secs(i64::from(entropy.below(bound(tries) + 1)));
    let asked = asked
        .unwrap_or_default()
        .min(SignedDuration::from_secs(i64::from(LONGEST)));
    jittered.max(asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::SeededEntropy;

    #[test]
    fn delays_double_up_to_a_bound() {
        for (tries, seconds) in [
            (1, 30),
            (2, 60),
            (3, 120),
            (10, 15360),
            (11, 21600),
            (12, 21600),
            (40, 21600),
        ] {
            assert_eq!(bound(tries), seconds, "{tries}");
        }
    }

    #[test]
    fn delays_are_spread_and_bounded() {
        let entropy = SeededEntropy::new(1);
        let delays: Vec<i64> = (0..1000).map(|_| delay(&entropy, 3, None).as_secs()).collect();
        assert!(delays.iter().all(|delay| (0..=120).contains(delay)));
        // Every quarter of the range has its share.
        for quarter in 0..4 {
            let here = delays.iter().filter(|delay| **delay / 31 == quarter).count();
            assert!(here > 150, "{quarter}: {here}");
        }
        let asked = SignedDuration::from_secs(300);
        assert_eq!(delay(&entropy, 1, Some(asked)), asked);
        let longest = SignedDuration::from_secs(21600);
        assert_eq!(delay(&entropy, 1, Some(SignedDuration::MAX)), longest);
        assert!(delay(&entropy, 1, Some(SignedDuration::MIN)) >= SignedDuration::ZERO);
    }
}
