//! Who may do what: from a bearer token to an opened record, each step proven by a type.
//!
//! ```text
//! token ── Sessions::authenticate ─▶ Caller ── Gate::admit ─▶ Recorded ── Vault::unlock ─▶ ClientKey
//! ```
//!
//! * [`Caller`]: a live session was found, attested by `auth`, neither idle, expired nor revoked.
//! * `decide` (inside [`Gate::admit`]): a pure function of caller, request, permissions and time; default deny.
//! * [`Recorded`]: the decision allows it **and** is durable in the audit trail.
//! * [`Vault`]: gives a client's key only against a [`Recorded`].
//!
//! A `Recorded` cannot be made by hand, so a record cannot be opened without a durable audit entry:
//!
//! ```compile_fail,E0451
//! fn forge(permit: access::Permit, event: model::EventId) -> access::Recorded {
//!     access::Recorded { permit, event }
//! }
//! ```
//!
//! and the vault takes nothing less. This is what a handler writes:
//!
//! ```
//! fn open(vault: &access::Vault<'_>, recorded: &access::Recorded) {
//!     let _ = vault.unlock(recorded);
//! }
//! ```
//!
//! and this, with a mere permit, does not compile:
//!
//! ```compile_fail,E0308
//! fn open(vault: &access::Vault<'_>, permit: &access::Permit) {
//!     let _ = vault.unlock(permit);
//! }
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod bootstrap_code;
mod decide;
mod gate;
mod permissions;
mod session;
mod sessions;
mod table;
mod vault;

pub use decide::{Denial, DenialReason, FRESH_FOR, Permit, Request, decide};
pub use gate::{Gate, Recorded, Refusal};
pub use permissions::{CareTeamMember, LiveConsent, Permissions, PermissionsReader, permissions_name};
pub use session::{Assurance, Caller, Session, Token};
pub use sessions::{SessionKeys, Sessions, Unauthenticated, Used, session_name};
pub use table::{Need, Rule, TABLE};
pub use vault::{ClientKey, Vault, VaultError};
