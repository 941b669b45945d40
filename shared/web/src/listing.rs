//! What there is of a kind, newest first: the log that documents without a common name are found by.

use crypto::{Authenticator, KeySet, Secret};
use jiff::fmt::serde::timestamp::nanosecond;
use model::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::{Entry, Log, StoreError, without_doubles};

use crate::{Exchange, PageQuery, Problem, page_size};

/// The 128 bits of an identifier. One type for all kinds: all that goes into a log is compiled for each type of entry.
pub type IdBytes = [u8; 16];

/// What the log says of a document: that it is there.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    id: IdBytes,
    /// When the entry was: later than the document where a repeated request finished what died.
    #[serde(with = "nanosecond::required")]
    added_at: Timestamp,
}

impl Listed {
    /// The document's id.
    #[must_use]
    pub fn id(&self) -> IdBytes {
        self.id
    }
}

/// A log of what there is.
pub type Listing<'l, K = KeySet> = Log<'l, Listed, K>;

/// One page of a listing.
pub struct Page {
    /// What is on it, each once.
    pub ids: Vec<IdBytes>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// Adds the entry of a document, unless it is there: as [`Log::append_once`] does, whose `names` it takes. A request that died between
/// entry and mark, and is repeated when many others have been added, adds it a second time. [`Wanted::page`] leaves out what is on its page already.
///
/// # Errors
/// [`StoreError`].
pub fn list_once(log: &Listing<'_>, names: &Secret, id: IdBytes, now: Timestamp) -> Result<(), StoreError> {
    list_once_as(log, names, id, id, now)
}

/// Adds the entry of a document of which the caller knows that it is not there: one that this request made, or that she has looked for.
///
/// # Errors
/// [`StoreError`].
pub fn list_new<K: Authenticator + ?Sized>(
    log: &Listing<'_, K>,
    id: IdBytes,
    now: Timestamp,
) -> Result<(), StoreError> {
    log.append(id, &Listed { id, added_at: now })?;
    Ok(())
}

/// As [`list_once`], under another entry's id, which stands in the clear where the document's must not.
///
/// # Errors
/// [`StoreError`].
pub fn list_once_as(
    log: &Listing<'_>,
    names: &Secret,
    entry: IdBytes,
    id: IdBytes,
    now: Timestamp,
) -> Result<(), StoreError> {
    log.append_once(names, entry, &Listed { id, added_at: now })
}

/// How a request wants to have its page: 400 where it says so in a way that makes no sense.
pub struct Wanted {
    cursor: Option<u64>,
    limit: usize,
}

impl Wanted {
    /// Reads `cursor` and `limit`.
    ///
    /// # Errors
    /// 400 where they make no sense.
    pub fn by(exchange: &Exchange<'_>) -> Result<Self, Problem> {
        let PageQuery { cursor, limit } = exchange.query()?;
        let limit = page_size(limit)?;
        Ok(Self { cursor, limit })
    }

    /// A page of this size.
    #[must_use]
    pub fn from(cursor: Option<u64>, limit: usize) -> Self {
        Self { cursor, limit }
    }

    /// Reads the page. What is on it twice is told once, so it may have fewer than its limit.
    ///
    /// # Errors
    /// [`StoreError`] as a [`Problem`].
    pub fn page<K: Authenticator + ?Sized>(&self, log: &Listing<'_, K>) -> Result<Page, Problem> {
        let (entries, next) = self.entries(log)?;
        let ids = without_doubles(entries).into_iter().map(|entry| entry.value.id);
        Ok(Page {
            ids: ids.collect(),
            next,
        })
    }

    /// The entries of the page, and where the next one begins.
    ///
    /// # Errors
    /// [`StoreError`] as a [`Problem`].
    pub fn entries<T: Serialize + DeserializeOwned, K: Authenticator + ?Sized>(
        &self,
        log: &Log<'_, T, K>,
    ) -> Result<(Vec<Entry<T>>, Option<String>), Problem> {
        let mut entries: Vec<Entry<T>> = Vec::with_capacity(self.limit);
        for entry in log.newest_first(self.cursor) {
            let entry = entry?;
            if entries.len() == self.limit {
                let next = entries.last().map(|last| last.sequence.to_string());
                return Ok((entries, next));
            }
            entries.push(entry);
        }
        Ok((entries, None))
    }
}
