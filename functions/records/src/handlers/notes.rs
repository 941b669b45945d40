//! Psychotherapy notes: the same, in files of their own that only requests for their author's come to. Nobody signs beside her.

use model::{AccountId, DataClass, RecordId};
use serde::Deserialize;
use web::{Exchange, Problem, Reply};

use super::{FirstStatus, signing};
use crate::content::{Content, Note};

const CLASS: DataClass = DataClass::Psychotherapy;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoteBody {
    content: Note,
    encounter: Option<RecordId>,
    #[serde(default)]
    status: FirstStatus,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Amendment {
    reason: Option<String>,
    content: Note,
    encounter: Option<RecordId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoteQuery {
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
    super::versions(exchange, CLASS)
}

pub(crate) fn sign(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    signing::sign_alone(exchange, CLASS)
}

pub(crate) fn add(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    super::add(exchange, CLASS)
}
