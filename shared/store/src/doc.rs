//! A sealed, versioned document.
//!
//! Stored bytes: format (1), version (8, big endian), then the sealed value. The version is part of the associated data,
//! and is what HTTP calls an entity tag. Inside the seal, in front of the body, stand the ids of the last writers:
//! a writer whose swap ended with an unknown outcome recognises its own write there, also when others have written since.
//!
//! A document may have a margin: a few bytes in front of all that, outside the seal, which also those may change who hold
//! no key to seal with. What it says must be authenticated by whoever relies on it.

use std::convert::Infallible;
use std::marker::PhantomData;

use crypto::{CryptoError, KeySet, Opener, Place, Sealer};
use ports::{Creation, DocKey, EntropyExt, Swap};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{Encoding, Json, Shelf, StoreError};

const FORMAT: u8 = 1;
const HEADER_LENGTH: usize = 1 + 8;
const WRITER_LENGTH: usize = 8;
const WRITERS_KEPT: usize = 8;

type Writer = [u8; WRITER_LENGTH];

/// A document in a store. What can be done with it depends on its key: an [`Opener`] reads, a [`Sealer`] changes.
pub struct Doc<'s, T, K: ?Sized, E = Json> {
    pub(crate) shelf: &'s Shelf<'s>,
    pub(crate) at: DocKey,
    pub(crate) place: Place,
    pub(crate) key: &'s K,
    pub(crate) value: PhantomData<fn() -> (T, E)>,
}

/// A value and the version it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Versioned<T> {
    /// Counts the writes, from 1.
    pub version: u64,
    /// The value.
    pub value: T,
}

/// A margin and the document that it stands in front of.
pub type Margined<T, const N: usize> = ([u8; N], Versioned<T>);

/// Why a change did not happen.
#[derive(Debug, PartialEq, Eq)]
pub enum UpdateError<E> {
    /// There is no such document.
    Absent,
    /// The document is not at the version that the caller wants to change.
    Stale,
    /// The change itself refused, by the rules of what is changed.
    Refused(E),
    /// The state could not be read or written.
    Store(StoreError),
}

impl<E> From<StoreError> for UpdateError<E> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What [`Doc::reseal`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resealed {
    /// There is no such document.
    Absent,
    /// The current version of the key seals it already.
    Current,
    /// An older one did, and now the current one does.
    Anew,
}

struct Opened<T> {
    version: u64,
    writers: Vec<Writer>,
    value: T,
}

impl<T, K: Opener + ?Sized, E: Encoding<T>> Doc<'_, T, K, E> {
    /// The document as it is now.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer or holds something else than what was written.
    pub fn read(&self) -> Result<Option<Versioned<T>>, StoreError> {
        Ok(self.read_with_margin()?.map(|([], document)| document))
    }

    /// The document with its margin.
    ///
    /// # Errors
    /// As [`Doc::read`].
    pub fn read_with_margin<const N: usize>(&self) -> Result<Option<Margined<T, N>>, StoreError> {
        let Some(stored) = self.shelf.kv.doc(&self.at)? else {
            return Ok(None);
        };
        let (margin, document) = split_margin(&stored)?;
        let Opened { version, value, .. } = self.unseal(document)?;
        Ok(Some((*margin, Versioned { version, value })))
    }

    /// Changes the margin and nothing else, unless `change` finds that it need not be. Tried once: somebody else who
    /// changes margin or document at the same time goes first.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    pub fn change_margin<const N: usize>(
        &self,
        change: impl FnOnce(&[u8; N]) -> Option<[u8; N]>,
    ) -> Result<(), StoreError> {
        let Some(slot) = self.shelf.kv.open(&self.at)? else {
            return Ok(());
        };
        let (margin, document) = split_margin(slot.value())?;
        let Some(margin) = change(margin) else {
            return Ok(());
        };
        let stored = [margin.as_slice(), document].concat();
        let (Swap::Applied | Swap::Conflict) = slot.swap(&stored)?;
        Ok(())
    }

    fn unseal(&self, document: &[u8]) -> Result<Opened<T>, StoreError> {
        let (header, sealed) = document
            .split_first_chunk::<HEADER_LENGTH>()
            .ok_or(CryptoError::Tampered)?;
        let [format, version @ ..] = *header;
        if format != FORMAT {
            return Err(CryptoError::Tampered.into());
        }
        let version = u64::from_be_bytes(version);
        let plain = self.key.open(&self.place.at(version), sealed)?;
        let (count, rest) = plain.split_first().ok_or(StoreError::Form)?;
        let (writers, body) = rest
            .split_at_checked(usize::from(*count) * WRITER_LENGTH)
            .ok_or(StoreError::Form)?;
        Ok(Opened {
            version,
            writers: writers.as_chunks().0.to_vec(),
            value: E::decode(body)?,
        })
    }
}

fn split_margin<const N: usize>(stored: &[u8]) -> Result<(&[u8; N], &[u8]), StoreError> {
    Ok(stored.split_first_chunk().ok_or(CryptoError::Tampered)?)
}

impl<T, K: Sealer + ?Sized, E: Encoding<T>> Doc<'_, T, K, E> {
    /// Writes the first version where others may be writing it too.
    ///
    /// # Errors
    /// [`StoreError`] where the document is not known to be durable.
    pub fn create(&self, value: &T) -> Result<Creation, StoreError> {
        self.create_with_margin(&[], value)
    }

    /// Writes the first version, with a margin, where others may be writing it too.
    ///
    /// # Errors
    /// As [`Doc::create`].
    pub fn create_with_margin<const N: usize>(&self, margin: &[u8; N], value: &T) -> Result<Creation, StoreError> {
        let stored = self.seal(margin, 1, &[], value)?;
        Ok(self.shelf.kv.create(&self.at, &stored)?)
    }

    /// Writes the first version under a name that is fresh randomness, so that nobody else can be writing it.
    ///
    /// # Errors
    /// [`StoreError`] where the document is not known to be durable.
    pub fn create_unshared(&self, value: &T) -> Result<(), StoreError> {
        self.create_unshared_with_margin(&[], value)
    }

    /// Writes the first version, with a margin, under a name that is fresh randomness.
    ///
    /// # Errors
    /// As [`Doc::create_unshared`].
    pub fn create_unshared_with_margin<const N: usize>(&self, margin: &[u8; N], value: &T) -> Result<(), StoreError> {
        let stored = self.seal(margin, 1, &[], value)?;
        Ok(self.shelf.kv.create_unshared(&self.at, &stored)?)
    }

    /// Changes the document. The change may be computed several times, against what others wrote meanwhile; it is
    /// written once. With `expected`, only that version is changed.
    ///
    /// # Errors
    /// [`UpdateError`]; nothing of the change is stored, except where the store left the outcome unknown
    /// ([`ports::KvError::Unavailable`]).
    pub fn update<R, F>(
        &self,
        expected: Option<u64>,
        mut change: impl FnMut(&mut T) -> Result<R, F>,
    ) -> Result<Versioned<R>, UpdateError<F>> {
        self.update_with_margin(expected, |value, _: &mut [u8; 0]| change(value))
    }

    /// Changes the document and its margin together.
    ///
    /// # Errors
    /// As [`Doc::update`].
    pub fn update_with_margin<const N: usize, R, F>(
        &self,
        expected: Option<u64>,
        mut change: impl FnMut(&mut T, &mut [u8; N]) -> Result<R, F>,
    ) -> Result<Versioned<R>, UpdateError<F>> {
        let me: Writer = self.shelf.entropy.bytes();
        let mut mine = None;
        for _ in self.shelf.attempts() {
            let slot = self
                .shelf
                .kv
                .open(&self.at)
                .map_err(StoreError::from)?
                .ok_or(UpdateError::Absent)?;
            let (margin, document) = split_margin(slot.value())?;
            let Opened {
                version,
                mut writers,
                mut value,
            } = self.unseal(document)?;
            if let Some(done) = mine.take().filter(|_| writers.contains(&me)) {
                return Ok(done);
            }
            if expected.is_some_and(|expected| expected != version) {
                return Err(UpdateError::Stale);
            }
            let mut margin = *margin;
            let result = change(&mut value, &mut margin).map_err(UpdateError::Refused)?;
            writers.insert(0, me);
            writers.truncate(WRITERS_KEPT);
            let next = version.checked_add(1).ok_or(StoreError::Form)?;
            let stored = self.seal(&margin, next, &writers, &value)?;
            let done = Versioned {
                version: next,
                value: result,
            };
            match slot.swap(&stored).map_err(StoreError::from)? {
                Swap::Applied => return Ok(done),
                Swap::Conflict => mine = Some(done),
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Changes what is kept with the document and is no part of its versions: it is sealed anew at the version that it has, beside the same
    /// writers, so nobody who changes it meanwhile finds it stale. `change` may be computed several times, and says whether there is
    /// anything to write; `false` comes back where there is no document.
    ///
    /// Each time is one more seal of a version, of which a derived key has room for 2^12: for what happens a few times at most.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is then stored, except where the store left the outcome unknown.
    pub fn annotate(&self, mut change: impl FnMut(&mut T) -> bool) -> Result<bool, StoreError> {
        for _ in self.shelf.attempts() {
            let Some(slot) = self.shelf.kv.open(&self.at)? else {
                return Ok(false);
            };
            let ([], document) = split_margin(slot.value())?;
            let Opened {
                version,
                writers,
                mut value,
            } = self.unseal(document)?;
            if !change(&mut value) {
                return Ok(true);
            }
            let stored = self.seal(&[], version, &writers, &value)?;
            if slot.swap(&stored)? == Swap::Applied {
                return Ok(true);
            }
        }
        Err(StoreError::Contended)
    }

    fn seal(&self, margin: &[u8], version: u64, writers: &[Writer], value: &T) -> Result<Vec<u8>, StoreError> {
        let mut plain = Zeroizing::new(Vec::with_capacity(1024));
        plain.push(u8::try_from(writers.len()).map_err(|_| StoreError::Form)?);
        plain.extend(writers.iter().flatten());
        E::encode(value, &mut plain)?;
        let sealed = self.key.seal(self.shelf.entropy, &self.place.at(version), &plain)?;
        let mut stored = Vec::with_capacity(margin.len() + HEADER_LENGTH + sealed.len());
        stored.extend_from_slice(margin);
        stored.push(FORMAT);
        stored.extend_from_slice(&version.to_be_bytes());
        stored.extend_from_slice(&sealed);
        Ok(stored)
    }
}

impl<T, E: Encoding<T>> Doc<'_, T, KeySet, E> {
    /// Seals the document under the current version of its key, where an older one seals it. What it says stays.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer or the document does not open.
    pub fn reseal(&self) -> Result<Resealed, StoreError> {
        let Some(stored) = self.shelf.kv.doc(&self.at)? else {
            return Ok(Resealed::Absent);
        };
        let ([], document) = split_margin(&stored)?;
        // Opened first: only of what opens the header is believed, and what nobody could read is not called sealed.
        self.unseal(document)?;
        let sealed = document.get(HEADER_LENGTH..).ok_or(CryptoError::Tampered)?;
        if self.key.is_current(sealed)? {
            return Ok(Resealed::Current);
        }
        match self.update(None, |_| Ok::<_, Infallible>(())) {
            Ok(_) => Ok(Resealed::Anew),
            Err(UpdateError::Absent | UpdateError::Stale) => Ok(Resealed::Absent),
            Err(UpdateError::Store(error)) => Err(error),
        }
    }
}
