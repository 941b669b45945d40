//! What a function takes and answers, as OpenAPI 3.1, made of the types that its handlers read and write. For tests only.
//!
//! Each function lists its [`Operation`]s; [`assert_current`] holds the list against its routes, and `docs/openapi/FUNCTION.json` against
//! the list. [`assert_described`] holds a request and its answer against those documents: the testkit does so with every one that a test
//! sends, so that what they say is what is done.
#![forbid(unsafe_code)]
#![warn(missing_docs)]
// Test support: a failed expectation is a failed test.
#![allow(clippy::panic, clippy::expect_used, clippy::indexing_slicing)]

mod as_sent;
mod closed;
mod described;
mod document;
mod operation;
mod schemas;

pub use as_sent::AsSent;
pub use described::assert_described;
pub use document::assert_current;
pub use operation::Operation;
