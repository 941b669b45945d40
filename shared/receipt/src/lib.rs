//! Consent receipts: what was agreed, as a record in the terms of ISO/IEC TS 27560:2023, signed so that whoever holds it can prove it
//! with nothing but the public key (GDPR 7(1), DPDP Act 6(10), 45 CFR 164.508(c)(4)).
//!
//! Written once for the two that need it: the function that issues receipts, and the command that checks them offline.

mod issue;
mod jwk;
mod jws;
mod record;
#[cfg(test)]
mod vectors;
mod verify;

pub use issue::ReceiptKey;
pub use jwk::{Jwk, JwkSet};
pub use record::{
    Event, ExplicitlyExpressed, GivenBy, LawfulBasis, Method, PiiController, PiiInformation, PrivacyNotice, Recipient,
    Record, SchemaVersion, Validity,
};
pub use verify::Refused;
