//! The versions of a document before the current one.

use crypto::Authenticator;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Log, StoreError, Versioned};

/// A log of a document's earlier versions. A version is kept here before the document is replaced, so that a crash in
/// between leaves the version that is still current in the history too, where [`History::before`] does not show it.
pub struct History<'s, T, K: ?Sized>(pub(crate) Log<'s, Versioned<T>, K>);

impl<T: Serialize + DeserializeOwned, K: Authenticator + ?Sized> History<'_, T, K> {
    /// Keeps a version that is about to be replaced.
    ///
    /// # Errors
    /// [`StoreError`] where it is not known to be durable; the document must then not be replaced.
    pub fn keep(&self, version: &Versioned<T>) -> Result<(), StoreError> {
        self.0
            .append(u128::from(version.version).to_be_bytes(), version)
            .map(drop)
    }

    /// The versions below `version`, newest first, at most `limit` of them.
    ///
    /// # Errors
    /// [`StoreError`] where the log can't be read or is not what was written.
    pub fn before(&self, version: u64, limit: usize) -> Result<Vec<Versioned<T>>, StoreError> {
        let Some(mut left) = limit.checked_sub(1) else {
            return Ok(Vec::new());
        };
        self.before_until(version, &mut |_| {
            let is_last = left == 0;
            left = left.saturating_sub(1);
            is_last
        })
    }

    /// The versions below `version`, newest first, up to the one that is the last one wanted.
    ///
    /// A version that several requests replace at once may be here again further on: a request that lost, and came late.
    /// Each version's first entry stands before the first of the next one, so looking for them one by one, downwards,
    /// finds every version, and finds it once.
    ///
    /// # Errors
    /// As [`History::before`].
    pub fn before_until(
        &self,
        version: u64,
        is_last: &mut dyn FnMut(&Versioned<T>) -> bool,
    ) -> Result<Vec<Versioned<T>>, StoreError> {
        let mut next = version.saturating_sub(1);
        let mut versions = Vec::new();
        let mut entries = self.0.newest_first(None);
        while next > 0 {
            let Some(entry) = entries.next() else { break };
            let past = entry?.value;
            if past.version == next {
                next = if is_last(&past) { 0 } else { next - 1 };
                versions.push(past);
            }
        }
        Ok(versions)
    }
}
