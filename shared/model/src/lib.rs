//! The plain words of Confide: identifiers, roles, data classes, purposes and functions.
//!
//! Nothing here does I/O and nothing here depends on another crate of the workspace, so these
//! types mean the same in every function, on the host and in tests.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod base32hex;
mod class;
mod confidential;
mod contact;
mod digit;
mod e164;
mod email_address;
mod fhir_id;
mod form;
mod function;
mod gateway;
mod id;
pub mod json_depth;
mod language;
mod network;
mod nfc;
mod purpose;
mod region;
mod role;
mod today;

pub use class::{Action, DataClass};
pub use confidential::Confidential;
pub use contact::ContactChannel;
pub use digit::digit;
pub use e164::e164;
pub use email_address::is_email_address;
pub use fhir_id::fhir_id;
pub use form::has_form;
pub use function::Function;
pub use gateway::Gateway;
pub use id::kind;
pub use id::{
    AccessReviewId, AccountId, AddendumId, ClaimId, ClientId, ClinicId, ConsentId, EmergencyId, EventId,
    ExplanationOfBenefitId, GatewayEventId, GroundId, Id, IdError, InvitationId, InvoiceId, Kind, MergeId, MessageId,
    NoticeId, PasskeyId, PaymentId, RecordId, RecoveryId, RefundId, RequestId, RestrictionId, SessionId, SubjectId,
};
pub use jiff::Timestamp;
pub use language::is_language_tag;
pub use network::{Network, NotANetwork};
pub use nfc::nfc;
pub use purpose::Purpose;
pub use region::{NoRegion, Region};
pub use role::Role;
pub use today::latest_today;
