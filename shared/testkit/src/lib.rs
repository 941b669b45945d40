//! The platform in memory, for tests: a clock that stands still until it is told to go on, seeded entropy, keyrings
//! made on the spot, and stores whose every operation can be made to fail, to take effect and be reported as failed,
//! or to be the last before the process dies. Functions reach each other, and a provider outside that does as it is told.
//!
//! The stores behave as SQLite under Spin does, traps included: a swap of an absent key overwrites, an increment of
//! something that is no number poisons the store for good.
#![forbid(unsafe_code)]
#![warn(missing_docs)]
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod bucket;
mod connection;
mod event;
mod notice;
mod outbound;
mod patients;
mod refusal;
mod request;
mod said;
mod session;
mod world;

pub use bucket::{Fault, MemoryBucket, MemoryStores, survive};
pub use event::event;
pub use notice::{jurisdiction, notice};
pub use outbound::{Provider, Reaction};
pub use patients::PATIENTS;
pub use refusal::{assert_names, assert_refused};
pub use request::{Answer, Call};
pub use said::Said;
pub use session::{log_in, log_in_with};
pub use world::{SeededEntropy, StandingClock, World, serve};
