//! A client's clinical records, in one of the books that they are kept in.

use model::{DataClass, RecordId};
use schemars::JsonSchema;
use serde::Deserialize;
use web::{Exchange, Part, Problem, Reply, VersionsPage};

use super::{FirstStatus, attachments, signing};
use crate::content::{Content, Kind, KindAndContent};

/// A class of records of these kinds.
pub(crate) trait Book {
    const CLASS: DataClass;
}

/// A client's clinical records.
pub(crate) struct Clinical;

/// Those of treatment for substance use, under keys and consents of their own.
pub(crate) struct SubstanceUse;

impl Book for Clinical {
    const CLASS: DataClass = DataClass::Health;
}

impl Book for SubstanceUse {
    const CLASS: DataClass = DataClass::SubstanceUse;
}

/// A record as somebody writes it: kind and content, and what stands beside them.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewRecord")]
pub(crate) struct Body {
    #[schemars(skip)]
    kind: Kind,
    #[schemars(flatten, with = "KindAndContent")]
    content: Part,
    /// The record of the meeting that it came of.
    encounter: Option<RecordId>,
    /// Signed, unless it says otherwise. A document begins as a draft.
    status: Option<FirstStatus>,
}

/// An amendment of a record, or a change of a draft.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RecordAmendment")]
pub(crate) struct Amendment {
    /// Why, in 1 to 500 characters. Needed of what was signed once.
    reason: Option<String>,
    #[cfg_attr(test, schemars(with = "crate::openapi::AmendedRecord"))]
    record: Body,
}

impl Body {
    /// What it says, from this place of the request on.
    fn content(&self, at: &str) -> Result<Content, Problem> {
        if self.kind == Kind::PsychotherapyNote {
            return Err(Problem::malformed(
                format!("{at}/kind"),
                "kind",
                "psychotherapy notes are kept apart: use the path …/psychotherapy-notes",
            ));
        }
        Content::read(self.kind, &self.content, &format!("{at}/content"))
    }
}

pub(crate) fn write<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let body: Body = exchange.json()?;
    let content = body.content("")?;
    super::write(
        exchange,
        B::CLASS,
        &content,
        body.encounter,
        body.status.unwrap_or_default(),
    )
}

pub(crate) fn list<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    super::list(exchange, B::CLASS)
}

pub(crate) fn read<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    super::read(exchange, B::CLASS, None)
}

pub(crate) fn amend<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let Amendment { reason, record } = exchange.json()?;
    let at = "/record";
    let content = record.content(at)?;
    if record.status.is_some() {
        return Err(Problem::malformed(
            format!("{at}/status"),
            "unknown-field",
            "is changed by signing",
        ));
    }
    super::amend(exchange, B::CLASS, reason, &content, record.encounter, at)
}

pub(crate) fn discard<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    super::discard(exchange, B::CLASS)
}

pub(crate) fn versions<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    super::versions(exchange, B::CLASS, None, VersionsPage::by(exchange)?)
}

pub(crate) fn sign<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    signing::sign_for(exchange, B::CLASS)
}

pub(crate) fn cosign<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    signing::cosign(exchange, B::CLASS)
}

pub(crate) fn give_back<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    signing::give_back(exchange, B::CLASS)
}

pub(crate) fn add<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    super::add(exchange, B::CLASS)
}

pub(crate) fn upload<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    attachments::upload(exchange, B::CLASS)
}

pub(crate) fn download<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    attachments::download(exchange, B::CLASS)
}
