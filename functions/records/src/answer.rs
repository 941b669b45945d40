//! What is answered of a record.

use model::{AccountId, AddendumId, Confidential, DataClass, RecordId, Timestamp};
use serde::Serialize;
use store::Versioned;
use web::import::Source;

use crate::attachment::Attachment;
use crate::chart::Addendum;
use crate::content::{Json, Kind};
use crate::record::{Record, Signature, Status};

/// The short form of the notice (42 CFR 2.32(a)(2)).
pub(crate) const PART_2: &str = "42 CFR part 2 prohibits unauthorized use or disclosure of these records.";

#[derive(Serialize)]
pub(crate) struct RecordAnswer<'r> {
    id: RecordId,
    version: u64,
    status: Status,
    author: AccountId,
    created_at: Timestamp,
    written_by: AccountId,
    written_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'r Confidential<String>>,
    signatures: &'r [Signature],
    #[serde(skip_serializing_if = "Option::is_none")]
    cosigner: Option<AccountId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encounter: Option<RecordId>,
    /// Where it was imported from.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'r Source>,
    kind: Kind,
    content: &'r Json,
    /// What a document holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    attachment: Option<AttachmentAnswer>,
    /// What an assessment's answers come to.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'r Json>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    addenda: Vec<AddendumAnswer<'r>>,
    /// What goes with every disclosure of such a record (42 CFR 2.32(a)(2)).
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'static str>,
}

#[derive(Serialize)]
struct AttachmentAnswer {
    size: u64,
    attached_at: Timestamp,
}

#[derive(Serialize)]
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
