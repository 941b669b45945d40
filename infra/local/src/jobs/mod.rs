//! Scheduled jobs: what is to be run at intervals, as whom, and who does it.
//!
//! Every job is a `POST` that is safe to repeat and to run twice at once, so that any scheduler will do, and several at once. This one
//! runs over HTTP as a service identity of each clinic, as every other would: it holds no key of any function.
//!
//! `list` reads what there is to run, `schedule` decides when, `secrets` keeps what identities log in with, `identity` calls, and
//! `runner` brings them together.

mod identity;
mod list;
mod runner;
mod schedule;
mod secrets;

pub(crate) use identity::Identity;
pub use list::{Job, read};
pub use runner::{Runner, Schedule, once};
pub use secrets::{JobSecret, Source, VARIABLE, add, parse_words};
