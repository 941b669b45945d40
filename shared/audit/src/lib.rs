//! The audit trail: what an event says, how it is appended, and how anybody checks that none was changed.
//!
//! Each function appends to its own chains and holds only their keys; the audit function holds them all. A chain is a
//! `store::Log`: sealed, authenticated, hash-linked. An event carries no name and no content.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod event;
mod export;
mod joined;
mod part;
mod trail;

pub use event::{Actor, Decision, Event};
pub use export::{Export, ExportedChain, ExportedEntry, FORMAT as EXPORT_FORMAT, Finding, Signature};
pub use joined::{DISORDER, Flaw, Joined, Total};
pub use part::{FORMAT as PART_FORMAT, Part, Stand, Stretch};
pub use trail::{Chains, SHARDS, Trail};
