//! Bundles in and out, as HL7 published them for R4.
// Test code: a failed expectation is a failed test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)]

mod bounds;
mod bundles;
mod ended;
mod exported;
mod leftovers;
mod medications;
mod plans;
mod published;
mod references;
mod unfit;
