//! A mark beside a log: that an entry is in it, so that nobody has to search for the entry.
//!
//! ```text
//! name:  HMAC over the log's key and the entry's id
//! value: MAC over the log's place at that name, and the entry's id
//! ```
//!
//! A mark stays true, since nothing is ever taken out of a log. A store that could make one up would keep an entry out of the log,
//! so only the MAC of its place counts: whatever else is there is tampering. Both are under keys derived from one that does not rotate, so that a mark is
//! found and believed whichever versions of the log's own key have come and gone. Writing it twice writes the same bytes.

use crypto::{Authenticator, CryptoError, KeySet, Label, Mac, Place, Secret, name};
use ports::OnceKey;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::log::EntryId;
use crate::{Entry, Log, StoreError};

const NAME: Label = Label::new("confide 2026-11 log mark name");
const KEY: Label = Label::new("confide 2026-11 log mark key");
const MARK: Label = Label::new("confide 2026-11 log mark");

/// Where the mark of an entry is, and all that may be there.
struct Mark {
    at: OnceKey,
    code: Mac,
}

/// Entries that [`Log::append_once`] appended, each once: of one that is there twice, the first.
#[must_use]
pub fn without_doubles<T>(entries: impl IntoIterator<Item = Entry<T>>) -> Vec<Entry<T>> {
    let mut all: Vec<Entry<T>> = Vec::new();
    for entry in entries {
        if !all.iter().any(|known| known.id == entry.id) {
            all.push(entry);
        }
    }
    all
}

impl<T: Serialize + DeserializeOwned, K: Authenticator + ?Sized> Log<'_, T, K> {
    /// Appends an entry unless it was appended before, however long ago: one read, an append and one write, however long the log is.
    /// `names` is the key that names what is in the store.
    ///
    /// Order: entry, mark. A crash in between leaves an entry without a mark. Repeated, this finds it where it is among the newest, as
    /// [`Log::append`] does, and else appends it a second time; so may two that append one entry while many others append theirs. Whoever
    /// reads the log allows for that: see [`without_doubles`].
    ///
    /// # Errors
    /// [`StoreError`] where the entry is not known to be durable, or what lies in the place of its mark is not the mark.
    pub fn append_once(&self, names: &Secret, id: EntryId, value: &T) -> Result<(), StoreError> {
        let mark = self.mark(names, &id)?;
        if let Some(stored) = self.shelf.kv.once(&mark.at)? {
            return match mark.code.matches(&stored) {
                true => Ok(()),
                false => Err(CryptoError::Tampered.into()),
            };
        }
        self.append(id, value)?;
        Ok(self.shelf.kv.put_once(&mark.at, mark.code.as_bytes())?)
    }

    fn mark(&self, names: &Secret, id: &EntryId) -> Result<Mark, StoreError> {
        let name = name(names, NAME, &[self.place.key.as_bytes(), id]);
        let at = OnceKey::new(&format!("mark/{name}"));
        let place = Place {
            key: at.as_str().to_owned(),
            ..self.place.clone()
        };
        let keys = KeySet::lasting(names, KEY);
        let key = keys.authentication_key(keys.version())?;
        let code = key.authenticate(MARK, &place, id);
        Ok(Mark { at, code })
    }
}
