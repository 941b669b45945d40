//! Accounts: what an account is and holds, how somebody proves that it is hers, and how often she may be wrong about that.
//!
//! Two functions work on accounts. `accounts` makes and changes them; `auth` lets their owners in. Both hold the accounts store
//! and its keys, and are one authority towards all others.
//!
//! * [`Accounts`]: the store, and the documents that both read.
//! * [`Account`]: all that a log-in uses up, in one document, so that one compare-and-swap decides.
//! * [`step`]: what is enough for what. Pure.
//! * [`factor`], [`password`]: what an account is proven with, as it is kept.
//! * [`throttle`]: how often.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod account;
mod administrators;
mod challenge;
pub mod email;
mod email_change;
pub mod factor;
mod link;
pub mod notice;
pub mod password;
mod pending;
mod proof;
mod service_secret;
pub mod session;
pub mod slots;
pub mod step;
pub mod throttle;

pub use account::{Account, AccountState, Accounts, Clinic, SESSION_LENGTH, USUAL_LANGUAGE, Unchanged, strength};
pub use administrators::{Administrators, Last};
pub use challenge::Ceremony;
pub use email_change::{EmailChange, Mailbox};
pub use link::{Link, LinkUse};
pub use pending::{PendingLogIn, PendingToken};
pub use proof::{CodeUse, PasskeyProof, Proof};
pub use service_secret::ServiceSecret;
