//! What may be said about clients to people who must not know who they are. Pure: no I/O, no clock; randomness comes in as a port.
//!
//! * [`Deidentified::of`] makes an export of FHIR R4 resources without the identifiers of HIPAA's Safe Harbor, 45 CFR
//!   164.514(b)(2)(i)(A) to (R). It is an allow-list: a table says which elements of which resources may leave, and as what.
//!   Everything else stays, whatever it is called and however deep it lies. [`allowed`] shows the table.
//! * [`ReleasedText`] is free text that a reviewer released and that holds none of the client's own identifiers.
//! * [`PublishedList`], [`PublishedTable`] and [`PublishedResponses`] are counts of which none of 1 to 10 can be read or computed.
//!
//! The types are the proof: nothing but this crate makes them, and none can be read back from bytes.
//!
//! ```
//! use deidentification::{Client, Deidentified, Entry, Identifiers};
//! # struct Zeros;
//! # impl ports::Entropy for Zeros { fn fill(&self, buffer: &mut [u8]) { buffer.fill(0); } }
//! # let entropy = Zeros;
//! let patient = serde_json::json!({
//!     "resourceType": "Patient", "id": "cli_1", "birthDate": "1987-03-21", "gender": "female",
//!     "name": [{"family": "Okafor"}], "address": [{"postalCode": "02134", "state": "MA", "country": "US"}]
//! });
//! let client = Client { entries: vec![Entry { full_url: None, resource: &patient }], identifiers: Identifiers::default() };
//! let export = Deidentified::of(&[client], jiff::civil::date(2026, 12, 1), &entropy);
//! assert_eq!(export.resources()[0]["birthDate"], "1987");
//! assert_eq!(export.resources()[0]["address"][0]["postalCode"], "021");
//! assert!(export.resources()[0].get("name").is_none());
//! ```
//!
//! Safe Harbor removes identifiers; it does not make everybody one of many. What remains to be done by people, and why the table is as it is,
//! stands in `docs/design/deidentification.md`.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod cells;
mod elements;
mod export;
mod identifiers;
mod life;
mod network;
mod number;
mod place;
mod released;
mod responses;
mod terminology;
#[cfg(test)]
mod tests;

pub use cells::{Count, NoTable, PublishedList, PublishedTable, THRESHOLD};
pub use elements::{Allowed, allowed};
pub use export::{Client, Deidentified, Entry, LeftOut};
pub use identifiers::Identifiers;
pub use released::{Finding, ReleasedText, Review};
pub use responses::PublishedResponses;
