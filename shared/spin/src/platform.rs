use std::cell::RefCell;
use std::io::Write;
use std::time::Duration;

use jiff::Timestamp;
use ports::{Clock, Entropy, Kv, KvError, OperatorLog, Secrets, Stores};
use store::Disciplined;
use wasi::clocks::monotonic_clock::subscribe_duration;

use crate::bucket::SpinBucket;

/// The host's clocks.
pub(crate) struct HostClock;

impl Clock for HostClock {
    /// From the host and not by way of the standard library, which imports twice as much for clock and waiting.
    fn now(&self) -> Timestamp {
        let now = wasi::clocks::wall_clock::now();
        let nanoseconds = i32::try_from(now.nanoseconds);
        i64::try_from(now.seconds)
            .ok()
            .zip(nanoseconds.ok())
            .and_then(|(seconds, nanoseconds)| Timestamp::new(seconds, nanoseconds).ok())
            // A host whose time is none must not let the request go on with another.
            .unwrap_or_else(|| std::process::abort())
    }

    fn pause(&self, duration: Duration) {
        subscribe_duration(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)).block();
    }
}

/// How much randomness is asked for at once, in bytes.
const RANDOM_AT_ONCE: u64 = 128;

/// `wasi:random`, which the host takes from its cryptographic generator. A request wants a few bytes many times, and each
/// call to the host costs more than the bytes: they are asked for ahead, handed out once and wiped.
#[derive(Default)]
pub(crate) struct HostEntropy(RefCell<Vec<u8>>);

impl Entropy for HostEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        let mut ahead = self.0.borrow_mut();
        for byte in buffer {
            if ahead.is_empty() {
                *ahead = wasi::random::random::get_random_bytes(RANDOM_AT_ONCE);
            }
            // A host that gives nothing must not let the request go on with zeros.
            *byte = ahead
                .last_mut()
                .map(std::mem::take)
                .unwrap_or_else(|| std::process::abort());
            ahead.pop();
        }
    }
}

/// Component variables.
pub(crate) struct Variables;

impl Secrets for Variables {
    fn secret(&self, name: &str) -> Option<String> {
        spin_sdk::variables::get(name).ok()
    }
}

/// Standard error, which the host shows under the function's name.
pub(crate) struct Stderr;

impl OperatorLog for Stderr {
    fn write(&self, line: &str) {
        // Where the log can't be written there is nobody left to tell.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

/// The stores of the manifest's `key_value_stores`.
pub(crate) struct Granted;

impl Stores for Granted {
    fn store(&self, label: &'static str) -> Result<Box<dyn Kv + '_>, KvError> {
        Ok(Box::new(Disciplined::new(SpinBucket::open(label)?, &HostClock)))
    }
}
