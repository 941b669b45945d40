//! The handlers of those who read claims and explanations of benefit: authenticate, decide and record, unlock, read, answer.

use model::{AccountId, Action, Confidential, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use web::import::Source;
use web::listing::Wanted;
use web::{Exchange, Problem, Reply, VersionsPage};

use super::content::{Content, Kind};
use super::document::{Document, DocumentId, Version};
use crate::ledger::{Ledgers, admit};

/// What its source says now.
// A claim or an explanation of benefit: what describes it says which, by the types of its id and its content.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Imported{C}")]
pub(crate) struct DocumentAnswer<'d, I = DocumentId, C = Content> {
    id: I,
    created_by: AccountId,
    created_at: Timestamp,
    source: &'d Source,
    /// Counts the versions, from 1.
    revision: u64,
    written_by: AccountId,
    written_at: Timestamp,
    /// Why there is another version than the first, which has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'d Confidential<String>>,
    content: &'d C,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "{C}Version")]
struct VersionAnswer<'d, C = Content> {
    /// Counts the versions, from 1.
    revision: u64,
    written_by: AccountId,
    written_at: Timestamp,
    /// Why there is another version than the first, which has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'d Confidential<String>>,
    content: &'d C,
}

impl<'d> From<&'d Version> for VersionAnswer<'d> {
    fn from(version: &'d Version) -> Self {
        Self {
            revision: version.revision,
            written_by: version.written_by,
            written_at: version.written_at,
            reason: version.reason.as_ref(),
            content: &version.content,
        }
    }
}

#[derive(Serialize)]
struct ListedAnswer {
    id: DocumentId,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    /// When its source says that it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
}

#[derive(Serialize)]
struct ListAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<Vec<ListedAnswer>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanations_of_benefit: Option<Vec<ListedAnswer>>,
    /// The `cursor` of the next page. Absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "{C}Versions")]
pub(crate) struct VersionsAnswer<'d, C = Content> {
    /// Newest first.
    versions: Vec<VersionAnswer<'d, C>>,
    /// The `cursor` of the next page. Absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `GET /v1/billing/clients/{client}/claims`
pub(crate) fn list_claims(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    list(exchange, Kind::Claim)
}

/// `GET /v1/billing/clients/{client}/explanations-of-benefit`
pub(crate) fn list_explanations(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    list(exchange, Kind::ExplanationOfBenefit)
}

/// `GET /v1/billing/clients/{client}/claims/{document}`
pub(crate) fn read_claim(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    read(exchange, DocumentId::Claim(exchange.parameter("document")?))
}

/// `GET /v1/billing/clients/{client}/explanations-of-benefit/{document}`
pub(crate) fn read_explanation(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    read(
        exchange,
        DocumentId::ExplanationOfBenefit(exchange.parameter("document")?),
    )
}

/// `GET /v1/billing/clients/{client}/claims/{document}/versions`
pub(crate) fn claim_versions(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    versions(exchange, DocumentId::Claim(exchange.parameter("document")?))
}

/// `GET /v1/billing/clients/{client}/explanations-of-benefit/{document}/versions`
pub(crate) fn explanation_versions(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    versions(
        exchange,
        DocumentId::ExplanationOfBenefit(exchange.parameter("document")?),
    )
}

fn list(exchange: &Exchange<'_>, kind: Kind) -> Result<Reply, Problem> {
    let wanted = Wanted::by(exchange)?;
    let recorded = admit(exchange, Action::List, None)?;
    let ledgers = Ledgers::new(exchange)?;
    let mut listed = Vec::new();
    let mut next = None;
    if let Some(ledger) = ledgers.open_if_begun(&recorded)? {
        let page = wanted.page(&ledger.insurance_listing(kind)?)?;
        next = page.next;
        for id in page.ids {
            let id = DocumentId::from_bytes(kind, id);
            let document = ledger.read_insurance(id)?.value;
            let text = |field| document.current.content.text(field).map(str::to_owned);
            listed.push(ListedAnswer {
                id,
                created_at: document.created_at,
                status: text("status"),
                created: text("created"),
            });
        }
    }
    let (claims, explanations_of_benefit) = match kind {
        Kind::Claim => (Some(listed), None),
        Kind::ExplanationOfBenefit => (None, Some(listed)),
    };
    let answer = ListAnswer {
        claims,
        explanations_of_benefit,
        next,
    };
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}

fn read(exchange: &Exchange<'_>, id: DocumentId) -> Result<Reply, Problem> {
    let recorded = admit(exchange, Action::Read, Some(&id))?;
    let document = Ledgers::new(exchange)?.open(&recorded)?.read_insurance(id)?;
    let Document {
        created_by,
        created_at,
        current,
        imported,
    } = &document.value;
    let answer = DocumentAnswer {
        id,
        created_by: *created_by,
        created_at: *created_at,
        source: &imported.source,
        revision: current.revision,
        written_by: current.written_by,
        written_at: current.written_at,
        reason: current.reason.as_ref(),
        content: &current.content,
    };
    Ok(Reply::ok(&answer)?.etag(document.version).recorded(recorded.event()))
}

fn versions(exchange: &Exchange<'_>, id: DocumentId) -> Result<Reply, Problem> {
    let page = VersionsPage::by(exchange)?;
    let recorded = admit(exchange, Action::Read, Some(&id))?;
    let ledgers = Ledgers::new(exchange)?;
    let ledger = ledgers.open(&recorded)?;
    let current = ledger.read_insurance(id)?.value.current;
    let past = ledger.past_insurance(id, page.before(current.revision), page.earlier())?;
    let next = page.next(current.revision, past.last().map(|last| last.revision));
    let versions = page
        .current(&current)
        .into_iter()
        .chain(&past)
        .map(VersionAnswer::from)
        .collect();
    Ok(Reply::ok(&VersionsAnswer { versions, next })?.recorded(recorded.event()))
}
