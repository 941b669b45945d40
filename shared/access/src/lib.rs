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
//! ```compile_fail,E0277
//! fn open(vault: &access::Vault<'_>, permit: &access::Permit) {
//!     let _ = vault.unlock(permit);
//! }
//! ```
//!
//! Functions that call each other by private calls come the same way, by a table of their own:
//!
//! ```text
//! MAC ── PrivateCall::verify ─▶ CallingFunction ── Gate::admit_call ─▶ RecordedCall ── Vault::unlock ─▶ ClientKey
//! ```
//!
//! and so do payment gateways, which tell of payments by signed webhooks:
//!
//! ```text
//! signature ── Delivery::verify ─▶ VerifiedDelivery ── Gate::admit_webhook ─▶ RecordedWebhook ── Vault::unlock ─▶ ClientKey
//! ```
//!
//! which can be made by hand as little:
//!
//! ```compile_fail,E0451
//! fn forge(permit: access::WebhookPermit, event: model::EventId) -> access::RecordedWebhook {
//!     access::RecordedWebhook { permit, event }
//! }
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod asker;
pub mod bootstrap_code;
mod call;
mod clinic_key;
mod decide;
mod explain;
mod gate;
mod ground;
mod key_index;
mod lawful;
mod party;
mod permissions;
mod rewrap;
mod session;
mod sessions;
mod table;
mod vault;
mod webhook;

pub use asker::Asker;
pub use call::{CallingFunction, InNameOf, PrivateCall, Unproven};
pub use clinic_key::ClinicKey;
pub use decide::{
    CallPermit, Denial, DenialReason, FRESH_FOR, Permit, Request, WebhookPermit, decide, decide_call, decide_webhook,
};
pub use explain::{Considered, Explanation, explain};
pub use gate::{Gate, Recorded, RecordedCall, RecordedWebhook, Refusal};
pub use ground::Ground;
pub use lawful::{LawfulGround, LiveConsent, LiveGround, Recipient, Restriction};
pub use party::{Authority, CareRole, CareTeamMember, EmergencyAccess, Representative};
pub use permissions::{Permissions, PermissionsReader, permissions_name};
pub use rewrap::{GRACE, Rewrap, RewrapState};
pub use session::{Assurance, Caller, Session, Token};
pub use sessions::{SessionKeys, Sessions, Unauthenticated, Used, session_name};
pub use table::{CALLS, CallRule, Need, Rule, TABLE, WEBHOOKS, WebhookRule};
pub use vault::{ClientKey, DATA_KEY_CLASSES, Vault, VaultError};
pub use webhook::{Delivery, MalformedSecrets, Unverified, VerifiedDelivery, WebhookSecrets};
