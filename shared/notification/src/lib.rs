//! Telling people something: what a function asks of `notify`, and how it asks.
//!
//! ```no_run
//! # use notification::{Content, Message, Recipient, Urgency};
//! # use model::Confidential;
//! # fn f(exchange: &web::Exchange<'_>, clinic_id: model::ClinicId, expires_at: model::Timestamp) -> Result<(), web::Problem> {
//! Message {
//!     key: "password-reset/acc_…/1".to_owned(),
//!     clinic_id,
//!     recipient: Recipient::Email(Confidential::new("zoe@example.org".to_owned())),
//!     content: Content::PasswordReset { token: Confidential::new("cfr_…".to_owned()) },
//!     language: "de-CH".to_owned(),
//!     urgency: Urgency::Queued,
//!     expires_at: Some(expires_at),
//! }
//! .send(exchange)?;
//! # Ok(())
//! # }
//! ```
//!
//! **No message says anything about anybody's health**: not that somebody is a client, not of which practice, not why. Whoever
//! reads over a shoulder or in a shared mailbox learns that somebody has an account. There is no field for free text,
//! and none for what a person or a stranger wrote: nobody can put words into a message that others trust.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod message;
mod send;

pub use message::{Accepted, Channel, Content, Factor, Message, Recipient, State, Template, Urgency};
pub use send::MESSAGES;
