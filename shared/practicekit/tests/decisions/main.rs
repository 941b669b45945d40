//! The same decision everywhere, at every moment: `consent`, `records` and `identity` over the stores that they share.
//!
//! Native and beside the practice of the tests, because each of these needs several functions and none needs a host: a store in memory
//! stops where it is told to, and a run is the same every time. What only a host has, threads, is raced in `tests/races.rs`.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod clinic;
mod differential;
mod expected;
mod overtaken;
mod simulation;
