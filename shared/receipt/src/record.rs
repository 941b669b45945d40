//! A consent record in the terms of ISO/IEC TS 27560:2023. What Confide does not know is not in it.

use model::{
    AccountId, ClientId, ClinicId, Confidential, ConsentId, ContactChannel, DataClass, NoticeId, Purpose, Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The record's schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ConsentRecordSchema")]
pub enum SchemaVersion {
    /// This one.
    #[serde(rename = "confide-consent-record-1")]
    V1,
}

// A field that is not known is refused: it could take back what the others say.
/// What was agreed and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ConsentRecord")]
pub struct Record {
    /// The schema.
    pub schema_version: SchemaVersion,
    /// The consent.
    pub record_id: ConsentId,
    /// Whose consent, by the clinic's opaque id. Who she is does not stand here.
    pub pii_principal_id: ClientId,
    /// The moment that the record speaks of. What happened later is in a later record.
    pub as_of: Timestamp,
    /// What she was told before.
    pub privacy_notice: PrivacyNotice,
    /// The language that she was told it in (BCP 47).
    pub language: String,
    /// What for: HL7 PurposeOfUse codes.
    pub purposes: Vec<Purpose>,
    /// On which ground.
    pub lawful_basis: LawfulBasis,
    /// Which data.
    pub pii_information: Vec<PiiInformation>,
    /// For whom alone, where it is an authorization to share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_third_parties: Option<Recipient>,
    /// How she agreed to be written to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contact_channels: Vec<ContactChannel>,
    /// Who decides about the data.
    pub pii_controllers: Vec<PiiController>,
    /// How long the data is kept, in the words of the notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_period: Option<String>,
    /// The laws that the notice was held against when it was published.
    pub jurisdiction: Vec<String>,
    /// How to withdraw, in the words of the notice.
    pub withdrawal_method: String,
    /// How to complain, in the words of the notice.
    pub privacy_rights: String,
    /// What happened, oldest first. The last says how the consent stands.
    pub events: Vec<Event>,
}

/// A notice, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrivacyNotice {
    /// The notice.
    pub id: NoticeId,
    /// Which of its series, from 1.
    pub version: u64,
    /// Its title.
    pub title: String,
    /// Over its content, as the README of `consent` says; hexadecimal.
    pub sha256: String,
    /// The language that it is written in (BCP 47).
    pub language: String,
    /// Where it is published, on the clinic's deployment.
    pub path: String,
}

/// The ground of Article 6(1) GDPR, or what is like it elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LawfulBasis {
    /// 6(1)(a), and for health data 9(2)(a).
    Consent,
}

/// A class of data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PiiInformation {
    /// The class.
    pub pii_type: DataClass,
}

/// Whom a client lets have something that others do not get by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "ConsentRecipient")]
pub enum Recipient {
    /// Somebody of the clinic.
    Account(AccountId),
    /// Somebody else, by name.
    Name(Confidential<String>),
}

/// Who decides about the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PiiController {
    /// The clinic.
    pub party_id: ClinicId,
    /// How to reach it about privacy, in the words of the notice.
    pub party_contact: String,
}

/// Who gave a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ConsentGivenBy")]
pub enum GivenBy {
    /// The client.
    Client,
    /// Somebody who may give it for her.
    Guardian,
}

/// How it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ConsentMethod")]
pub enum Method {
    /// Said in the presence of who recorded it.
    InPerson,
    /// Signed.
    Written,
    /// By an act in an electronic form.
    Electronic,
}

/// The kind of consent. There is no other: nothing is taken for agreed that somebody did not agree to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExplicitlyExpressed {
    /// By a statement on a notice (GDPR 9(2)(a)).
    ExplicitlyExpressed,
}

/// From when until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ConsentValidity")]
pub struct Validity {
    /// The first moment.
    pub starts_at: Timestamp,
    /// The first moment after it.
    pub ends_at: Timestamp,
}

/// Something that happened to the consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event_state", rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "ConsentRecordEvent")]
pub enum Event {
    /// It was given.
    Given {
        /// When.
        event_time: Timestamp,
        /// What kind.
        event_type: ExplicitlyExpressed,
        /// Who gave it, where it was the client.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        entity_id: Option<ClientId>,
        /// Who gave it in her place.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        representative_id: Option<AccountId>,
        /// Who gave it.
        given_by: GivenBy,
        /// How.
        method: Method,
        /// Which account entered it.
        recorded_by: AccountId,
        /// For how long, where an end was agreed. Without it: until it is withdrawn.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        validity_duration: Option<Validity>,
        /// Whether it ends when the client is of age: a parent gave it, or a minor's guardian.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        until_majority: bool,
        /// The consent in whose place it came.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        supersedes: Option<ConsentId>,
    },
    /// It was withdrawn. Why is nobody's business but hers.
    Withdrawn {
        /// When.
        event_time: Timestamp,
        /// Which account entered it.
        recorded_by: AccountId,
    },
    /// Another consent came in its place.
    Superseded {
        /// When.
        event_time: Timestamp,
        /// The other one.
        superseded_by: ConsentId,
    },
    /// The time that was agreed ran out, or the client came of age for whom a parent or guardian had agreed.
    Expired {
        /// When.
        event_time: Timestamp,
    },
}

impl Event {
    /// When it happened.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        match self {
            Self::Given { event_time, .. }
            | Self::Withdrawn { event_time, .. }
            | Self::Superseded { event_time, .. }
            | Self::Expired { event_time } => *event_time,
        }
    }
}
