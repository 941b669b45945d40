//! Psychotherapy notes: the same, in files of their own that only requests for their author's come to. Nobody signs beside her.

use model::{AccountId, DataClass, RecordId};
use schemars::JsonSchema;
use serde::Deserialize;
use web::{Exchange, Problem, Reply, VersionsPage};

use super::{FirstStatus, signing};
use crate::content::{Content, Note};

const CLASS: DataClass = DataClass::Psychotherapy;

/// A psychotherapy note as its author writes it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewPsychotherapyNote")]
pub(crate) struct NoteBody {
    content: Note,
    /// The record of the meeting that it came of.
    encounter: Option<RecordId>,
    /// Signed, unless it says otherwise.
    #[serde(default)]
    status: FirstStatus,
}

/// An amendment of a psychotherapy note, or a change of a draft.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PsychotherapyNoteAmendment")]
pub(crate) struct Amendment {
    /// Why, in 1 to 500 characters. Needed of what was signed once.
    reason: Option<String>,
    content: Note,
    /// The record of the meeting that it came of.
    encounter: Option<RecordId>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoteQuery {
    /// Who wrote it, where it was not the caller.
    author: Option<AccountId>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionsQuery {
    /// The `next` of the page before.
    cursor: Option<u64>,
    /// How many at most.
    limit: Option<usize>,
    /// Who wrote it, where it was not the caller.
    author: Option<AccountId>,
}

pub(crate) fn write(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let NoteBody {
        content,
        encounter,
        status,
    } = exchange.json()?;
    super::write(exchange, CLASS, &Content::PsychotherapyNote(content), encounter, status)
}

pub(crate) fn list(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    super::list(exchange, CLASS)
}

pub(crate) fn read(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let NoteQuery { author } = exchange.query()?;
    super::read(exchange, CLASS, author)
}

pub(crate) fn amend(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let Amendment {
        reason,
        content,
        encounter,
    } = exchange.json()?;
    super::amend(
        exchange,
        CLASS,
        reason,
        &Content::PsychotherapyNote(content),
        encounter,
        "",
    )
}

pub(crate) fn discard(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    super::discard(exchange, CLASS)
}

pub(crate) fn versions(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let VersionsQuery { cursor, limit, author } = exchange.query()?;
    super::versions(exchange, CLASS, author, VersionsPage::new(cursor, limit)?)
}

pub(crate) fn sign(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    signing::sign_alone(exchange, CLASS)
}

pub(crate) fn add(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    super::add(exchange, CLASS)
}
