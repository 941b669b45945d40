//! Confide as its users meet it: the functions as they are deployed, on the embedded host, over HTTP.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod deployment;
mod practice;

pub use deployment::{Deployment, manifest, store_files};
pub use practice::{PASSWORD, Person, Practice, note, totp};
