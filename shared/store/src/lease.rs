//! Leases: of several schedulers that start the same job, one runs it.

use crypto::Sealer;
use jiff::{SignedDuration, Timestamp};
use ports::{Creation, EntropyExt};
use serde::{Deserialize, Serialize};

use crate::{Doc, StoreError, UpdateError};

/// Who runs a job until when.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaseRecord {
    holder: [u8; 16],
    until: Timestamp,
}

/// The right to run a job until a moment. It ends by itself, so a holder that dies blocks nobody for longer than it asked for;
/// a holder that needs longer renews it. A job must still be safe to run twice: a holder that stalls past its time
/// does not know it.
#[derive(Debug)]
pub struct Lease {
    holder: [u8; 16],
}

impl Lease {
    /// Takes the lease, or `None` while somebody else holds it.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    pub fn take<K: Sealer + ?Sized>(
        doc: &Doc<'_, LeaseRecord, K>,
        length: SignedDuration,
    ) -> Result<Option<Self>, StoreError> {
        let holder = doc.shelf.entropy.bytes();
        let until = doc
            .shelf
            .clock
            .now()
            .saturating_add(length)
            .map_err(|_| StoreError::Form)?;
        let mine = LeaseRecord { holder, until };
        if doc.create(&mine)? == Creation::Created {
            return Ok(Some(Self { holder }));
        }
        let now = doc.shelf.clock.now();
        let taken = doc.update(None, |record| {
            if record.until > now {
                return Err(());
            }
            *record = mine.clone();
            Ok(())
        });
        held(taken).map(|held| held.then_some(Self { holder }))
    }

    /// Holds on for `length` from now. `false` where it was lost to somebody else.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    pub fn renew<K: Sealer + ?Sized>(
        &self,
        doc: &Doc<'_, LeaseRecord, K>,
        length: SignedDuration,
    ) -> Result<bool, StoreError> {
        let until = doc
            .shelf
            .clock
            .now()
            .saturating_add(length)
            .map_err(|_| StoreError::Form)?;
        self.set(doc, until)
    }

    /// Gives the lease back. `false` where it was lost to somebody else before.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer; the lease then ends by itself.
    pub fn release<K: Sealer + ?Sized>(self, doc: &Doc<'_, LeaseRecord, K>) -> Result<bool, StoreError> {
        let now = doc.shelf.clock.now();
        self.set(doc, now)
    }

    fn set<K: Sealer + ?Sized>(&self, doc: &Doc<'_, LeaseRecord, K>, until: Timestamp) -> Result<bool, StoreError> {
        let set = doc.update(None, |record| {
            if record.holder != self.holder {
                return Err(());
            }
            record.until = until;
            Ok(())
        });
        held(set)
    }
}

fn held<R>(outcome: Result<R, UpdateError<()>>) -> Result<bool, StoreError> {
    match outcome {
        Ok(_) => Ok(true),
        Err(UpdateError::Refused(()) | UpdateError::Absent | UpdateError::Stale) => Ok(false),
        Err(UpdateError::Store(error)) => Err(error),
    }
}
