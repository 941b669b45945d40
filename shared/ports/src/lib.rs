//! The only doors to the world. Everything that Confide decides is a function of what comes
//! through these traits, so it runs the same on Spin, on the embedded host and in tests.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod body;
mod entropy;
mod kv;
mod outbound;

use std::time::Duration;

pub use body::{BrokenBody, Connection, RequestBody, Responder, ResponseBody};
pub use entropy::{Entropy, EntropyExt};
use jiff::Timestamp;
pub use kv::{CountKey, Creation, DocKey, Kv, KvError, OnceKey, Slot, Stores, Swap};
pub use outbound::{Outbound, OutboundError, OutboundLimits};

/// The time of day, and waiting.
pub trait Clock {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;

    /// Lets this much time pass. Used between bounded retries only.
    fn pause(&self, duration: Duration);
}

/// Secrets that the platform hands to this function, and to this function only.
pub trait Secrets {
    /// The secret with this name, or `None` where the platform has none.
    fn secret(&self, name: &str) -> Option<String>;
}

/// Lines for the people who run the deployment. They carry no personal datum, no key and no
/// request content: only what an operator can act upon.
pub trait OperatorLog {
    /// Writes one line.
    fn write(&self, line: &str);
}

/// Everything a function gets from its platform.
#[derive(Clone, Copy)]
pub struct Platform<'a> {
    /// The time.
    pub clock: &'a dyn Clock,
    /// Randomness.
    pub entropy: &'a dyn Entropy,
    /// Secrets.
    pub secrets: &'a dyn Secrets,
    /// The stores that the function is granted.
    pub stores: &'a dyn Stores,
    /// Requests to others.
    pub outbound: &'a dyn Outbound,
    /// The operators' log.
    pub log: &'a dyn OperatorLog,
}
