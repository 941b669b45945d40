//! What is answered of a record.

use model::{AccountId, AddendumId, Confidential, DataClass, RecordId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use store::Versioned;
use web::import::Source;

use crate::attachment::Attachment;
use crate::chart::Addendum;
use crate::content::{Json, Kind, KindAndContent, Scored};
use crate::record::{Record, Signature, Status};

/// The short form of the notice (42 CFR 2.32(a)(2)).
pub(crate) const PART_2: &str = "42 CFR part 2 prohibits unauthorized use or disclosure of these records.";

/// A version of a record.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Record")]
pub(crate) struct RecordAnswer<'r> {
    id: RecordId,
    /// From 1. Each change makes the next one.
    version: u64,
    status: Status,
    author: AccountId,
    created_at: Timestamp,
    /// Who made this version.
    written_by: AccountId,
    /// When this version was made.
    written_at: Timestamp,
    /// Why it was amended or returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'r Confidential<String>>,
    /// Those under the content as it is now: the author's, and then the cosigner's. None under a draft.
    signatures: &'r [Signature],
    /// Who is to sign beside the author, or has.
    #[serde(skip_serializing_if = "Option::is_none")]
    cosigner: Option<AccountId>,
    /// The record of the meeting that it came of.
    #[serde(skip_serializing_if = "Option::is_none")]
    encounter: Option<RecordId>,
    /// Where it was imported from.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'r Source>,
    #[schemars(skip)]
    kind: Kind,
    #[schemars(flatten, with = "KindAndContent")]
    content: &'r Json,
    /// What a document holds, once it was uploaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    attachment: Option<AttachmentAnswer>,
    /// What an assessment's answers come to, where Confide knows how to score the instrument.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Scored>")]
    result: Option<&'r Json>,
    /// What was added to it, where it is read by itself. Absent where there is nothing, in lists of versions and after a change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    addenda: Vec<AddendumAnswer<'r>>,
    /// Of a record of treatment for substance use alone: what goes with every disclosure (42 CFR 2.32(a)(2)).
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'static str>,
}

/// What a document holds.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Attachment")]
struct AttachmentAnswer {
    /// In bytes.
    size: u64,
    attached_at: Timestamp,
}

/// What somebody added to a record. It is never changed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Addendum")]
pub(crate) struct AddendumAnswer<'r> {
    id: AddendumId,
    author: AccountId,
    added_at: Timestamp,
    text: &'r Confidential<String>,
}

impl<'r> RecordAnswer<'r> {
    pub(crate) fn new(class: DataClass, record: &'r Versioned<Record>) -> Self {
        let Versioned { version, value: record } = record;
        Self {
            notice: (class == DataClass::SubstanceUse).then_some(PART_2),
            id: record.id,
            version: *version,
            status: record.status,
            author: record.author,
            created_at: record.created_at,
            written_by: record.written_by,
            written_at: record.written_at,
            reason: record.reason.as_ref(),
            signatures: &record.signatures,
            cosigner: record.cosigner,
            encounter: record.encounter,
            source: record.imported.as_ref().map(|imported| &imported.source),
            kind: record.content.kind,
            content: &record.content.content,
            result: record.content.result.as_ref(),
            attachment: record.attachment.as_ref().map(AttachmentAnswer::new),
            addenda: Vec::new(),
        }
    }

    /// With what was added to it.
    pub(crate) fn with(self, addenda: &'r [Addendum]) -> Self {
        Self {
            addenda: addenda.iter().map(AddendumAnswer::new).collect(),
            ..self
        }
    }
}

impl AttachmentAnswer {
    fn new(attachment: &Attachment) -> Self {
        Self {
            size: attachment.size,
            attached_at: attachment.attached_at,
        }
    }
}

impl<'r> AddendumAnswer<'r> {
    pub(crate) fn new(addendum: &'r Addendum) -> Self {
        Self {
            id: addendum.id,
            author: addendum.author,
            added_at: addendum.added_at,
            text: &addendum.text,
        }
    }
}
