//! One client's ledger, as a recorded ground opens it, and the invoices in it. What insurers are asked and say lies beside them: see
//! `insurance/file.rs`.
//!
//! ```text
//! invoice document   what is asked for now and all that was paid, one per invoice
//! history log        the contents before the current one, one log per invoice
//! index log          which invoices there are, one log per client
//! ```
//!
//! Everything is named by an HMAC over clinic and client, and sealed under the client's own key of the class.

use std::collections::BTreeSet;

use access::{ClientKey, Ground, Recorded, Vault};
use crypto::{DataKey, Label, Secret};
use model::{Action, ClientId, DataClass, EventId, InvoiceId, Timestamp};
use ports::Creation;
use serde::{Deserialize, Serialize};
use store::{Doc, History, Log, Shelf, UpdateError, Versioned};
use web::{Asking, Exchange, Problem};

use crate::invoice::{Invoice, Refused, Version};
use crate::keys;

const INVOICE: Label = Label::new("confide 2026-11 invoice name");
const HISTORY: Label = Label::new("confide 2026-11 invoice history name");
const INDEX: Label = Label::new("confide 2026-11 invoice index name");

/// How many entries others may add to an index between two tries of one request. The log recognises the entry of the first
/// try only while it is among the newest; a request that comes later than that adds it again, and the list leaves it out.
const OVERTAKING: u64 = 64;

/// What the index says of an invoice.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IndexEntry {
    pub(crate) id: InvoiceId,
    pub(crate) created_at: Timestamp,
}

/// Decides and records what somebody asks about the client in the path, or about a thing of hers.
pub(crate) fn admit(
    exchange: &Exchange<'_>,
    action: Action,
    resource: Option<&dyn ToString>,
) -> Result<Recorded, Problem> {
    admit_about(exchange, action, resource, exchange.parameter("client")?)
}

/// Decides and records what somebody asks about a client.
pub(crate) fn admit_about(
    exchange: &Exchange<'_>,
    action: Action,
    resource: Option<&dyn ToString>,
    client: ClientId,
) -> Result<Recorded, Problem> {
    Ok(asking(exchange, client)?.admit(action, resource)?)
}

/// Who asks about a client's bills.
pub(crate) fn asking<'a>(exchange: &Exchange<'a>, client: ClientId) -> Result<Asking<'a>, Problem> {
    Asking::new(exchange, exchange.caller()?, client, DataClass::Billing)
}

/// The stores that ledgers lie in.
pub(crate) struct Ledgers<'a> {
    billing: Shelf<'a>,
    vault: Vault<'a>,
    pub(crate) index: &'a Secret,
}

/// One client's ledger, opened.
pub(crate) struct Ledger<'l, 'a> {
    ledgers: &'l Ledgers<'a>,
    ground: &'l dyn Ground,
    key: ClientKey,
}

impl<'a> Ledgers<'a> {
    pub(crate) fn new(exchange: &Exchange<'a>) -> Result<Self, Problem> {
        Ok(Self {
            billing: exchange.shelf("billing")?,
            vault: keys::vault(exchange)?,
            index: exchange.keyring.key("index")?,
        })
    }

    /// Opens the client's ledger; `None` where there is nothing in it.
    pub(crate) fn open_if_begun<'l>(&'l self, ground: &'l dyn Ground) -> Result<Option<Ledger<'l, 'a>>, Problem> {
        Ok(self.vault.unlock(ground)?.map(|key| Ledger {
            ledgers: self,
            ground,
            key,
        }))
    }

    /// Opens the client's ledger, or 404 where there is nothing in it.
    pub(crate) fn open<'l>(&'l self, ground: &'l dyn Ground) -> Result<Ledger<'l, 'a>, Problem> {
        self.open_if_begun(ground)?
            .ok_or_else(|| Problem::not_found(ground.event()))
    }

    /// Opens the client's ledger, or begins it.
    pub(crate) fn open_or_begin<'l>(&'l self, ground: &'l dyn Ground) -> Result<Ledger<'l, 'a>, Problem> {
        Ok(Ledger {
            ledgers: self,
            ground,
            key: self.vault.unlock_or_create(ground)?,
        })
    }
}

/// What a change came to: the invoice as it is now.
pub(crate) type Current = Versioned<Invoice>;

impl Ledger<'_, '_> {
    fn name(&self, label: Label, parts: &[&[u8]]) -> Result<String, Problem> {
        Ok(self.ledgers.vault.name(self.ground, label, parts)?)
    }

    /// A document of the client's.
    pub(crate) fn doc<T>(
        &self,
        class: &'static str,
        label: Label,
        parts: &[&[u8]],
    ) -> Result<Doc<'_, T, DataKey>, Problem> {
        let (name, clinic) = (self.name(label, parts)?, Some(self.ground.clinic()));
        Ok(self.ledgers.billing.doc(clinic, class, &name, self.key.key()))
    }

    /// The earlier versions of a document of the client's.
    pub(crate) fn history<T>(
        &self,
        class: &'static str,
        label: Label,
        parts: &[&[u8]],
    ) -> Result<History<'_, T, DataKey>, Problem> {
        let (name, clinic) = (self.name(label, parts)?, Some(self.ground.clinic()));
        Ok(self.ledgers.billing.history(clinic, class, &name, self.key.key()))
    }

    /// A log of the client's.
    pub(crate) fn log<T>(
        &self,
        class: &'static str,
        label: Label,
        parts: &[&[u8]],
    ) -> Result<Log<'_, T, DataKey>, Problem> {
        let (name, clinic) = (self.name(label, parts)?, Some(self.ground.clinic()));
        Ok(self.ledgers.billing.log(clinic, class, &name, self.key.key()))
    }

    /// The audit entry that it was opened against.
    pub(crate) fn event(&self) -> EventId {
        self.ground.event()
    }

    fn invoice(&self, id: InvoiceId) -> Result<Doc<'_, Invoice, DataKey>, Problem> {
        self.doc("invoice", INVOICE, &[id.as_bytes()])
    }

    fn versions(&self, id: InvoiceId) -> Result<History<'_, Version, DataKey>, Problem> {
        self.history("invoice history", HISTORY, &[id.as_bytes()])
    }

    fn index(&self) -> Result<Log<'_, IndexEntry, DataKey>, Problem> {
        self.log("invoice index", INDEX, &[])
    }

    /// The invoice as it is now, where there is one.
    pub(crate) fn find(&self, id: InvoiceId) -> Result<Option<Current>, Problem> {
        Ok(self.invoice(id)?.read()?)
    }

    /// The invoice as it is now, or 404.
    pub(crate) fn read(&self, id: InvoiceId) -> Result<Current, Problem> {
        self.find(id)?.ok_or_else(|| Problem::not_found(self.event()))
    }

    /// Writes an invoice that does not exist yet; repeated, it finishes what the first try began and gives the same answer.
    ///
    /// Order: invoice, then index, then answer. A crash in between leaves an invoice that no list shows and whose id nobody was
    /// told; the repeated request comes to the same id and adds the index entry.
    pub(crate) fn create(&self, invoice: Invoice) -> Result<Current, Problem> {
        match self.invoice(invoice.id)?.create(&invoice)? {
            Creation::Created => {
                self.index()?
                    .append(*invoice.id.as_bytes(), &IndexEntry::of(&invoice))?;
                Ok(Versioned {
                    version: 1,
                    value: invoice,
                })
            }
            Creation::Exists => {
                let existing = self.read(invoice.id)?;
                if existing.value.fingerprint != invoice.fingerprint {
                    return Err(self.refused(Refused::KeyReused));
                }
                self.finish_index(&existing.value)?;
                Ok(existing)
            }
        }
    }

    /// Adds the index entry of an invoice unless it is there. Only a repeated request comes here, so it looks through all.
    fn finish_index(&self, invoice: &Invoice) -> Result<(), Problem> {
        let index = self.index()?;
        for entry in index.newest_first(None) {
            if entry?.value.id == invoice.id {
                return Ok(());
            }
        }
        index.append(*invoice.id.as_bytes(), &IndexEntry::of(invoice))?;
        Ok(())
    }

    /// A refusal, with the audit entry that says so.
    pub(crate) fn refused(&self, refused: Refused) -> Problem {
        Problem::from(refused).recorded(self.event())
    }

    /// Changes the invoice in one write, or, where `change` finds that nothing is to be done, not at all. What `change` returns comes
    /// back beside the invoice as it is then.
    pub(crate) fn change<R>(
        &self,
        id: InvoiceId,
        expected: Option<u64>,
        mut change: impl FnMut(&mut Invoice) -> Result<Change<R>, Refused>,
    ) -> Result<(Current, R), Problem> {
        enum Stop<R> {
            Refused(Refused),
            Unchanged(R),
        }
        let written = self.invoice(id)?.update(expected, |invoice| match change(invoice) {
            Ok(Change::Changed(result)) => Ok((invoice.clone(), result)),
            Ok(Change::Unchanged(result)) => Err(Stop::Unchanged(result)),
            Err(refused) => Err(Stop::Refused(refused)),
        });
        match written {
            Ok(Versioned {
                version,
                value: (value, result),
            }) => Ok((Versioned { version, value }, result)),
            Err(UpdateError::Refused(Stop::Unchanged(result))) => Ok((self.read(id)?, result)),
            Err(UpdateError::Refused(Stop::Refused(refused))) => Err(self.refused(refused)),
            Err(UpdateError::Absent) => Err(Problem::not_found(self.event())),
            Err(UpdateError::Stale) => Err(Problem::stale().recorded(self.event())),
            Err(UpdateError::Store(error)) => Err(error.into()),
        }
    }

    /// Keeps the current content in the history, before it is replaced.
    pub(crate) fn keep(&self, id: InvoiceId, version: &Version) -> Result<(), Problem> {
        let kept = Versioned {
            version: version.revision,
            value: version.clone(),
        };
        Ok(self.versions(id)?.keep(&kept)?)
    }

    /// The contents before the one of this revision, newest first, at most `limit` of them.
    pub(crate) fn past_versions(&self, id: InvoiceId, before: u64, limit: usize) -> Result<Vec<Version>, Problem> {
        let past = self.versions(id)?.before(before, limit)?;
        Ok(past.into_iter().map(|kept| kept.value).collect())
    }

    /// The invoices, newest first, each once, and where the next page begins.
    pub(crate) fn list(&self, before: Option<u64>, limit: usize) -> Result<(Vec<IndexEntry>, Option<u64>), Problem> {
        let mut page = Vec::with_capacity(limit.min(256));
        let mut last = None;
        let mut seen = BTreeSet::new();
        let overtaking = before.map(|before| before.saturating_add(OVERTAKING));
        for entry in self.index()?.newest_first(overtaking) {
            let entry = entry?;
            let is_on_earlier_page = before.is_some_and(|before| entry.sequence >= before);
            if !seen.insert(entry.value.id) || is_on_earlier_page {
                continue;
            }
            if page.len() == limit {
                return Ok((page, last));
            }
            last = Some(entry.sequence);
            page.push(entry.value);
        }
        Ok((page, None))
    }
}

/// Whether a change has anything to write.
pub(crate) enum Change<R> {
    Changed(R),
    Unchanged(R),
}

impl<R> Change<R> {
    /// Changed where this says so.
    pub(crate) fn of(is_changed: bool, result: R) -> Self {
        if is_changed {
            Self::Changed(result)
        } else {
            Self::Unchanged(result)
        }
    }
}

impl IndexEntry {
    fn of(invoice: &Invoice) -> Self {
        Self {
            id: invoice.id,
            created_at: invoice.created_at,
        }
    }
}
