use std::io::Write;
use std::time::Duration;

use jiff::Timestamp;
use ports::{Clock, Entropy, Kv, KvError, OperatorLog, Secrets, Stores};
use store::Disciplined;

use crate::bucket::SpinBucket;

/// The host's clocks.
pub(crate) struct HostClock;

impl Clock for HostClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the port that everybody else takes the time from"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the port that everybody else waits with"
    )]
    fn pause(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// `wasi:random`, which the host takes from its cryptographic generator.
pub(crate) struct HostEntropy;

impl Entropy for HostEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        let length = u64::try_from(buffer.len()).unwrap_or(u64::MAX);
        buffer.copy_from_slice(&wasi::random::random::get_random_bytes(length));
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
