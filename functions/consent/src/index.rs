//! An index: a log of entries in order of time, each in it once, however often the request that enters it is repeated.

use crypto::KeySet;
use jiff::SignedDuration;
use model::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Log, StoreError};

/// How far the clocks of two hosts may be apart when an unfinished entry is looked for.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_hours(1);

/// An entry that says when it was made.
pub(crate) trait Dated: Serialize + DeserializeOwned {
    fn at(&self) -> Timestamp;
}

/// Enters what is not entered yet under this id. The index is in order of time, so the search ends where entries are older.
pub(crate) fn ensure<T: Dated>(index: &Log<'_, T, KeySet>, id: [u8; 16], entry: &T) -> Result<(), StoreError> {
    for known in index.newest_first(None) {
        let known = known?;
        if known.id == id {
            return Ok(());
        }
        if known.value.at().duration_until(entry.at()) > CLOCK_TOLERANCE {
            break;
        }
    }
    index.append(id, entry).map(drop)
}
