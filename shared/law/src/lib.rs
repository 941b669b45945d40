//! What laws of privacy ask of a practice, as data: regimes, and rules that each say where they stand, since when, and whether
//! that was read in the text.
//!
//! Tables, and pure functions over them. A clinic may be under several regimes at once, and the stricter one counts: what
//! any of them requires is required ([`notice`]), and only what all of them allow is allowed ([`grounds`]).
//!
//! Confide computes and reminds; it gives no legal advice. What is [`Status::Unverified`] is for counsel to check.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod grounds;
mod language;
mod majority;
pub mod notice;
mod regime;
mod source;

pub use language::{EIGHTH_SCHEDULE, is_notice_language};
pub use majority::{Majority, latest_majority, majority};
pub use regime::Regime;
pub use source::{Source, Status};
