//! What `exchange` takes along when a client's data goes out as a FHIR bundle.

use std::fmt;

use model::{Action, ClientId};
use serde::{Deserialize, Serialize};
use web::import::{PAGE, PARTS, check_exchange_calls};
use web::{Exchange, Problem, Reply};

use super::content::{Content, Kind};
use super::document::DocumentId;
use crate::ledger::{Ledger, Ledgers, asking};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Export {
    client_id: ClientId,
    #[serde(default)]
    cursor: Option<Cursor>,
}

/// Where a page begins: behind this entry of the listing of this kind, or at its beginning. First go claims, then explanations of
/// benefit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Cursor {
    kind: Kind,
    after: Option<u64>,
}

impl Cursor {
    const BEGINNING: Self = Self {
        kind: Kind::Claim,
        after: None,
    };
}

/// A text that no page said to go on from.
#[derive(Debug)]
struct NoCursor;

impl fmt::Display for NoCursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("must be what the page before has in `next`")
    }
}

impl TryFrom<String> for Cursor {
    type Error = NoCursor;

    fn try_from(text: String) -> Result<Self, NoCursor> {
        let (name, after) = match text.split_once('/') {
            Some((name, after)) => (name, Some(after.parse().map_err(|_| NoCursor)?)),
            None => (text.as_str(), None),
        };
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        kind.map(|kind| Self { kind, after }).ok_or(NoCursor)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.kind.name())?;
        match self.after {
            Some(after) => write!(formatter, "/{after}"),
            None => Ok(()),
        }
    }
}

#[derive(Serialize)]
struct ExportedPart<'d> {
    id: DocumentId,
    kind: Kind,
    content: &'d Content,
}

#[derive(Serialize)]
struct ExportAnswer<'d> {
    parts: Vec<ExportedPart<'d>>,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `POST /v1/billing/private/export`
pub(crate) fn export(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    check_exchange_calls(exchange)?;
    let Export { client_id, cursor } = exchange.json()?;
    let recorded = asking(exchange, client_id)?.admit(Action::Export, None)?;
    let ledgers = Ledgers::new(exchange)?;
    let page = match ledgers.open_if_begun(&recorded)? {
        Some(ledger) => Page::read(&ledger, cursor.unwrap_or(Cursor::BEGINNING))?,
        None => Page::default(),
    };
    let parts = page.documents.iter().map(|(id, content)| ExportedPart {
        id: *id,
        kind: id.kind(),
        content,
    });
    let answer = ExportAnswer {
        parts: parts.collect(),
        next: page.next.map(|next| next.to_string()),
    };
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}

/// What goes out together.
#[derive(Default)]
struct Page {
    documents: Vec<(DocumentId, Content)>,
    next: Option<Cursor>,
}

impl Page {
    fn read(ledger: &Ledger<'_, '_>, from: Cursor) -> Result<Self, Problem> {
        let (mut page, mut bytes) = (Self::default(), 0_usize);
        for kind in Kind::ALL.into_iter().skip_while(|kind| *kind != from.kind) {
            let mut after = from.after.filter(|_| kind == from.kind);
            for entry in ledger.insurance_listing(kind)?.newest_first(after) {
                let entry = entry?;
                let id = DocumentId::from_bytes(kind, entry.value.id());
                let content = ledger.read_insurance(id)?.value.current.content;
                bytes = bytes.saturating_add(content.json()?.len());
                if page.documents.len() == PARTS || (bytes > PAGE && !page.documents.is_empty()) {
                    page.next = Some(Cursor { kind, after });
                    return Ok(page);
                }
                after = Some(entry.sequence);
                page.documents.push((id, content));
            }
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_where_the_next_one_begins() {
        for cursor in [
            Cursor::BEGINNING,
            Cursor {
                kind: Kind::Claim,
                after: Some(7),
            },
            Cursor {
                kind: Kind::ExplanationOfBenefit,
                after: None,
            },
            Cursor {
                kind: Kind::ExplanationOfBenefit,
                after: Some(u64::MAX),
            },
        ] {
            assert_eq!(Cursor::try_from(cursor.to_string()).ok(), Some(cursor), "{cursor}");
        }
        for text in ["", "claims", "claim/", "claim/-1", "claim/1/2", "invoice/1", "/1"] {
            assert!(Cursor::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
