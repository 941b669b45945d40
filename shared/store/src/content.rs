//! Content that is too large for one value: chunks under once-keys, sealed as a stream (see [`crypto::ContentKey`]).
//!
//! What the chunks belong to is a document of its own, which holds the key and the length, and which alone makes them a
//! content: chunks without one are nothing. So a content is written under a fresh name before its document names it, and what a broken-off
//! writing leaves is found by that name and removed.

use std::mem;

use crypto::{CHUNK, ContentKey, ContentSealer, CryptoError, Place};
use model::ClinicId;
use ports::OnceKey;
use zeroize::Zeroize;

use crate::{Shelf, StoreError};

/// How many chunks become durable together: fewer commits, and a bounded part of the content in memory.
const TOGETHER: usize = 4;

/// A content in a store.
pub struct Content<'s> {
    shelf: &'s Shelf<'s>,
    place: Place,
}

/// Why a content was not written or read to its end.
#[derive(Debug, PartialEq, Eq)]
pub enum ContentError<E> {
    /// The store did not answer, or holds something else than what was written.
    Store(StoreError),
    /// Whoever gives or takes the content broke off.
    BrokenOff(E),
}

impl<E> From<StoreError> for ContentError<E> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<E> From<CryptoError> for ContentError<E> {
    fn from(error: CryptoError) -> Self {
        Self::Store(error.into())
    }
}

impl Shelf<'_> {
    /// The content of this name, which is fresh randomness for each content that is written.
    pub fn content(&self, clinic: Option<ClinicId>, class: &'static str, name: &str) -> Content<'_> {
        let place = self.content_place(clinic, class, name);
        Content { shelf: self, place }
    }
}

/// How many chunks a content of this length has. An empty one has one, which is empty.
fn chunks(length: u64) -> u64 {
    let chunk = u64::try_from(CHUNK).unwrap_or(u64::MAX);
    length.div_ceil(chunk).max(1)
}

impl Content<'_> {
    fn key(&self, number: u64) -> OnceKey {
        OnceKey::new(&format!("{}/{number}", self.place.key))
    }

    /// Writes a content and returns its length. `fill` is given an empty buffer and appends what comes next, up to [`CHUNK`] bytes; less
    /// than that is the end.
    ///
    /// Two chunks and those that wait for their commit are in memory, and nothing else of the content.
    ///
    /// # Errors
    /// [`ContentError`]; chunks that were written before are there, and [`Content::remove`] removes them.
    pub fn write<E>(
        &self,
        key: ContentKey,
        mut fill: impl FnMut(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<u64, ContentError<E>> {
        let mut sealer = key.seal(self.place.clone());
        let mut waiting: Vec<(OnceKey, Vec<u8>)> = Vec::with_capacity(TOGETHER);
        let (mut length, mut number) = (0_u64, 0_u64);
        let mut chunk = next(&mut fill)?;
        loop {
            length = length.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
            let following = if chunk.len() == CHUNK {
                next(&mut fill)?
            } else {
                Vec::new()
            };
            if following.is_empty() {
                ContentSealer::seal_last(sealer, &mut chunk)?;
                waiting.push((self.key(number), chunk));
                self.put(waiting)?;
                return Ok(length);
            }
            sealer.seal_next(&mut chunk)?;
            waiting.push((self.key(number), chunk));
            if waiting.len() == TOGETHER {
                self.put(mem::replace(&mut waiting, Vec::with_capacity(TOGETHER)))?;
            }
            number = number.saturating_add(1);
            chunk = following;
        }
    }

    fn put(&self, chunks: Vec<(OnceKey, Vec<u8>)>) -> Result<(), StoreError> {
        Ok(self.shelf.kv.put_many_once(chunks)?)
    }

    /// Reads a content of this length, chunk by chunk.
    ///
    /// # Errors
    /// [`ContentError`]; what `take` was given before is genuine, and not all of it.
    pub fn read<E>(
        &self,
        key: &ContentKey,
        length: u64,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), ContentError<E>> {
        let mut opener = key.open(self.place.clone());
        let last = chunks(length).saturating_sub(1);
        let mut left = length;
        let mut pass = |mut chunk: Vec<u8>| {
            let size = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            left = left.checked_sub(size).ok_or(CryptoError::Tampered)?;
            let taken = take(&chunk).map_err(ContentError::BrokenOff);
            chunk.zeroize();
            taken.map(|()| left)
        };
        for number in 0..last {
            let mut chunk = self.chunk(number)?;
            opener.open_next(&mut chunk)?;
            pass(chunk)?;
        }
        let mut chunk = self.chunk(last)?;
        opener.open_last(&mut chunk)?;
        match pass(chunk)? {
            0 => Ok(()),
            _ => Err(CryptoError::Tampered.into()),
        }
    }

    fn chunk(&self, number: u64) -> Result<Vec<u8>, StoreError> {
        let chunk = self.shelf.kv.once(&self.key(number))?;
        Ok(chunk.ok_or(CryptoError::Tampered)?)
    }

    /// Removes what there is of a content that has at most this length. Nothing may name it any more.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer; the rest is removed by the next try.
    pub fn remove(&self, length: u64) -> Result<(), StoreError> {
        // The first chunk goes last: while it is there, a try that broke off is known to have left something.
        let others: Vec<OnceKey> = (1..chunks(length)).map(|number| self.key(number)).collect();
        if !others.is_empty() {
            self.shelf.kv.remove_many_once(others)?;
        }
        Ok(self.shelf.kv.remove_once(&self.key(0))?)
    }
}

fn next<E>(fill: &mut impl FnMut(&mut Vec<u8>) -> Result<(), E>) -> Result<Vec<u8>, ContentError<E>> {
    // Room for the tag, so that sealing does not move the chunk.
    let mut chunk = Vec::with_capacity(CHUNK + crypto::CHUNK_OVERHEAD);
    fill(&mut chunk).map_err(ContentError::BrokenOff)?;
    Ok(chunk)
}
