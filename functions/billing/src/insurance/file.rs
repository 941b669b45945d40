//! One client's insurance documents, in her ledger.
//!
//! ```text
//! document       what its source says now, one per claim or explanation of benefit
//! history log    the versions before the current one, one log per document
//! listing        which documents there are, one log per client and kind
//! ```

use std::collections::{BTreeMap, BTreeSet, btree_map};

use crypto::{DataKey, Label};
use model::{AccountId, Timestamp};
use ports::Creation;
use store::{Doc, History, StoreError, UpdateError, Versioned};
use web::Problem;
use web::listing::{IdBytes, Listing, list_new};

use super::content::Kind;
use super::document::{Document, DocumentId, Said, Version};
use crate::ledger::Ledger;

const DOCUMENT: Label = Label::new("confide 2026-11 insurance document name");
const HISTORY: Label = Label::new("confide 2026-11 insurance document history name");
const LISTING: Label = Label::new("confide 2026-11 insurance document listing name");

/// What one request knows to be listed already. A listing is read once and only where a document is found that an earlier request wrote:
/// a bundle has hundreds of them.
#[derive(Default)]
pub(crate) struct Known(BTreeMap<Kind, BTreeSet<IdBytes>>);

/// Under its kind and its id.
fn parts(id: &DocumentId) -> [&[u8]; 2] {
    [id.kind().name().as_bytes(), id.as_bytes()]
}

impl Ledger<'_, '_> {
    fn insurance_document(&self, id: DocumentId) -> Result<Doc<'_, Document, DataKey>, Problem> {
        self.doc("insurance document", DOCUMENT, &parts(&id))
    }

    fn insurance_history(&self, id: DocumentId) -> Result<History<'_, Version, DataKey>, Problem> {
        self.history("insurance document history", HISTORY, &parts(&id))
    }

    /// Which documents of a kind there are.
    pub(crate) fn insurance_listing(&self, kind: Kind) -> Result<Listing<'_, DataKey>, Problem> {
        self.log("insurance document listing", LISTING, &[kind.name().as_bytes()])
    }

    /// The document as it is now, or 404.
    pub(crate) fn read_insurance(&self, id: DocumentId) -> Result<Versioned<Document>, Problem> {
        let document = self.insurance_document(id)?.read()?;
        document.ok_or_else(|| Problem::not_found(self.event()))
    }

    /// The versions before the one of this revision, newest first, at most `limit` of them.
    pub(crate) fn past_insurance(&self, id: DocumentId, before: u64, limit: usize) -> Result<Vec<Version>, Problem> {
        let past = self.insurance_history(id)?.before(before, limit)?;
        Ok(past.into_iter().map(|kept| kept.value).collect())
    }

    /// Writes a document, or returns the one that is there already.
    ///
    /// Order: document, then listing. A crash in between leaves a document that no list shows; whoever files it again finds it, and
    /// adds it to the list.
    pub(crate) fn file(
        &self,
        said: &Said,
        author: AccountId,
        now: Timestamp,
        known: &mut Known,
    ) -> Result<Option<Versioned<Document>>, Problem> {
        let document = self.insurance_document(said.id)?;
        let (kind, id) = (said.id.kind(), *said.id.as_bytes());
        let existing = match document.read()? {
            Some(existing) => existing,
            None => match document.create(&Document::new(said.clone(), author, now))? {
                Creation::Created => {
                    list_new(&self.insurance_listing(kind)?, id, now)?;
                    if let Some(listed) = known.0.get_mut(&kind) {
                        listed.insert(id);
                    }
                    return Ok(None);
                }
                // Another request files it at the same time.
                Creation::Exists => document.read()?.ok_or(StoreError::Form)?,
            },
        };
        if !self.listed(kind, known)?.contains(&id) {
            list_new(&self.insurance_listing(kind)?, id, now)?;
            self.listed(kind, known)?.insert(id);
        }
        Ok(Some(existing))
    }

    fn listed<'k>(&self, kind: Kind, known: &'k mut Known) -> Result<&'k mut BTreeSet<IdBytes>, Problem> {
        match known.0.entry(kind) {
            btree_map::Entry::Occupied(listed) => Ok(listed.into_mut()),
            btree_map::Entry::Vacant(unknown) => {
                let listing = self.insurance_listing(kind)?;
                let listed = unknown.insert(BTreeSet::new());
                for entry in listing.newest_first(None) {
                    listed.insert(entry?.value.id());
                }
                Ok(listed)
            }
        }
    }

    /// Writes what a document's source says now.
    ///
    /// Order: the version so far goes to the history, then the document changes. A crash in between leaves a history entry of the version
    /// that is still current, which the history does not show; whoever does it again finds it there already.
    pub(crate) fn refile(
        &self,
        existing: &Versioned<Document>,
        said: &Said,
        author: AccountId,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let current = &existing.value.current;
        self.insurance_history(said.id)?.keep(&Versioned {
            version: current.revision,
            value: current.clone(),
        })?;
        let written = self
            .insurance_document(said.id)?
            .update(Some(existing.version), |document| {
                document.replace(said.clone(), author, now);
                Ok::<(), Problem>(())
            });
        match written {
            Ok(_) => Ok(()),
            // Somebody else imports it too, and was faster. Repeated, this import finds what she wrote.
            Err(UpdateError::Stale) => Err(StoreError::Contended.into()),
            Err(error) => Err(error.into()),
        }
    }
}
