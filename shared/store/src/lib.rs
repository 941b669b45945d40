//! State, on top of `ports::Kv` and `crypto`.
//!
//! Two structures carry everything: [`Doc`], a sealed versioned document that changes by compare-and-swap, and [`Log`],
//! an append-only hash chain whose append is one durable write. [`Content`] carries what is too large for them. [`Disciplined`] makes the three key disciplines true on
//! what key-value stores really offer; [`Lease`] lets one job at a time run; [`idempotency`] lets a retry name what the
//! first try made.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod bucket;
mod content;
mod disciplined;
mod doc;
mod encoding;
mod error;
mod history;
pub mod idempotency;
mod lease;
mod log;
mod mark;
mod retry;
mod shelf;

pub use bucket::{Bucket, BucketError, CompareAndSwap, SwapFailure};
pub use content::{Content, ContentError};
pub use disciplined::Disciplined;
pub use doc::{Doc, Margined, Resealed, UpdateError, Versioned};
pub use encoding::{Compact, Encoding, Json};
pub use error::StoreError;
pub use history::History;
pub use lease::{Lease, LeaseRecord};
pub use log::{Entry, Head, INLINE as LONGEST_RUN, Link, Log, Run, chain};
pub use mark::without_doubles;
pub use shelf::Shelf;
