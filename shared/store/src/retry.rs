use std::time::Duration;

use ports::{Clock, Entropy, EntropyExt};

/// How often a change is tried against others before it gives up.
const ATTEMPTS: u32 = 24;

/// The longest wait between two tries, in milliseconds.
const LONGEST_WAIT: u32 = 64;

/// Bounded tries with full jitter: of many who change one thing at once, each waits a random time that doubles in the
/// mean, so that they do not collide again in step.
pub(crate) fn attempts<'a>(clock: &'a dyn Clock, entropy: &'a dyn Entropy) -> impl Iterator<Item = u32> + 'a {
    (0..ATTEMPTS).inspect(move |attempt| {
        if *attempt > 0 {
            let bound = 1_u32.checked_shl(*attempt).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
            clock.pause(Duration::from_millis(u64::from(entropy.below(bound + 1))));
        }
    })
}
