//! What `exchange` takes along when a client's data goes out as a FHIR bundle.

use std::fmt;

use model::Action;
use web::import::{Export, ExportPage, Exported};
use web::{Exchange, Problem, Reply};

use super::content::Kind;
use super::document::DocumentId;
use crate::ledger::{Ledger, Ledgers, asking};

/// Where a page begins: behind this entry of the listing of this kind, or at its beginning. First go claims, then explanations of
/// benefit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor {
    kind: Kind,
    after: Option<u64>,
}

impl Cursor {
    const BEGINNING: Self = Self {
        kind: Kind::Claim,
        after: None,
    };

    /// `None` for a text that no page said to go on from.
    fn parse(text: &str) -> Option<Self> {
        let (name, after) = match text.split_once('/') {
            Some((name, after)) => (name, Some(after.parse().ok()?)),
            None => (text, None),
        };
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name)?;
        Some(Self { kind, after })
    }

    /// Where the page that is wanted begins.
    fn of(wanted: &Export) -> Result<Self, Problem> {
        let Some(cursor) = &wanted.cursor else {
            return Ok(Self::BEGINNING);
        };
        Self::parse(cursor)
            .ok_or_else(|| Problem::malformed("/cursor", "cursor", "must be what the page before has in `next`"))
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

/// `POST /v1/billing/private/export`, private.
///
/// Order: record, read, answer. It changes nothing.
pub(crate) fn export(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let wanted = Export::receive(exchange)?;
    let from = Cursor::of(&wanted)?;
    let recorded = asking(exchange, wanted.client_id)?.admit(Action::Export, None)?;
    let ledgers = Ledgers::new(exchange)?;
    let (page, next) = match ledgers.open_if_begun(&recorded)? {
        Some(ledger) => page(&ledger, &wanted, from)?,
        None => (ExportPage::default(), None),
    };
    let next = next.map(|next| next.to_string());
    Ok(page.finish(next.as_deref())?.recorded(recorded.event()))
}

/// What of the kinds that are wanted goes out together, each kind newest first, and where the next page begins.
fn page(ledger: &Ledger<'_, '_>, wanted: &Export, from: Cursor) -> Result<(ExportPage, Option<Cursor>), Problem> {
    let mut page = ExportPage::default();
    let kinds = Kind::ALL.into_iter().skip_while(|kind| *kind != from.kind);
    for kind in kinds.filter(|kind| wanted.wants(kind.name())) {
        let mut after = from.after.filter(|_| kind == from.kind);
        for entry in ledger.insurance_listing(kind)?.newest_first(after) {
            let entry = entry?;
            let id = DocumentId::from_bytes(kind, entry.value.id());
            let kept = ledger.read_insurance(id)?.value.current;
            if !page.push(&Exported::new(id, kind.name(), &kept.content))? {
                return Ok((page, Some(Cursor { kind, after })));
            }
            after = Some(entry.sequence);
        }
    }
    Ok((page, None))
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
            assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor), "{cursor}");
        }
        for text in ["", "claims", "claim/", "claim/-1", "claim/1/2", "invoice/1", "/1"] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
