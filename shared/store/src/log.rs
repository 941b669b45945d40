//! An append-only list that is a hash chain.
//!
//! The head document carries the newest entries inline. When it is full, they move as they are to a segment (a once-key
//! named by its own hash) and the head links to it. So an append is one durable write, or two every [`INLINE`] appends.
//!
//! ```text
//! head:    format, key version, sequence, chain, link, MAC over these, entries
//! segment: format, link, entries
//! link:    hash of the segment's bytes, last sequence in it, chain after it
//! entry:   id, length, sealed JSON (associated data: the log's place and the entry's sequence)
//! chain:   SHA-256 over the chain before, the sequence, the id and the JSON
//! ```
//!
//! The chain covers the plain text, so that an export can be checked without any key. Crash windows: a segment whose head
//! was never written is found again by the next append, which writes the same bytes under the same name.

use std::marker::PhantomData;

use crypto::{AuthenticationKey, Authenticator, CryptoError, Label, Place};
use model::base32hex;
use ports::{Creation, DocKey, EntropyExt, OnceKey, Swap};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::{Shelf, StoreError};

const FORMAT: u8 = 1;

/// How many entries the head carries, and so the most of a run.
pub const INLINE: usize = 16;

/// How many bytes of entries the head carries at most, so that an append stays a small write.
const INLINE_BYTES: usize = 8 * 1024;

/// What stands in front of the entries at most, with room for the newest one's own header.
const HEAD_LENGTH: usize = 256;

const HEAD: Label = Label::new("confide 2026-11 log head");
const CHAIN: &[u8] = b"confide 2026-11 log chain";

type Hash = [u8; 32];
/// What an entry is recognised by. It stands in the clear.
pub(crate) type EntryId = [u8; 16];

/// The value of the chain before the first entry.
const GENESIS: Hash = [0; 32];

/// A log in a store.
pub struct Log<'s, T, K: ?Sized> {
    pub(crate) shelf: &'s Shelf<'s>,
    pub(crate) at: DocKey,
    pub(crate) place: Place,
    pub(crate) key: &'s K,
    pub(crate) value: PhantomData<fn() -> T>,
}

/// An entry as it was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<T> {
    /// Its place in the log, from 1.
    pub sequence: u64,
    /// The id it was appended under.
    pub id: EntryId,
    /// The value.
    pub value: T,
    /// The exact JSON that the chain covers.
    pub json: String,
}

/// Where a log stands: how many entries it has, and the hash that covers them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number of entries.
    pub sequence: u64,
    /// Chain value after the last entry.
    pub chain: Hash,
}

impl Head {
    /// Before the first entry.
    const EMPTY: Self = Self {
        sequence: 0,
        chain: GENESIS,
    };
}

/// The chain value after an entry.
#[must_use]
pub fn chain(before: &Hash, sequence: u64, id: &EntryId, json: &[u8]) -> Hash {
    let mut hash = Sha256::new();
    hash.update(CHAIN);
    hash.update(before);
    hash.update(sequence.to_be_bytes());
    hash.update(id);
    hash.update(json);
    hash.finalize().into()
}

/// Names a run of entries that the head carries no more, and what they must come to. Whatever is read by a link is checked against the link;
/// that the log has ever stood there, only the head says that it was found by. So a link that leaves this program must come back as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    hash: Hash,
    sequence: u64,
    chain: Hash,
}

impl Link {
    /// The link as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 72] {
        let mut bytes = [0; 72];
        let parts = [self.hash.as_slice(), &self.sequence.to_be_bytes(), &self.chain];
        for (byte, value) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
            *byte = *value;
        }
        bytes
    }

    /// The link that [`Link::to_bytes`] made these bytes of. `None` where it can't have.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        let link = bytes.target().ok()?;
        bytes.0.is_empty().then_some(link)
    }
}

/// Entries of a log without a gap, checked against the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run<T> {
    /// Where the log stood before them.
    pub after: Head,
    /// Where it stood with them.
    pub head: Head,
    /// The entries, oldest first.
    pub entries: Vec<Entry<T>>,
    /// What lies before them.
    pub older: Option<Link>,
}

struct Frame<'b> {
    id: EntryId,
    sealed: &'b [u8],
}

/// A run of entries as stored, and the chain value that they must come to.
struct Block<'b> {
    link: Option<Link>,
    /// The frames as bytes: an append and a spill copy them as they are.
    bytes: &'b [u8],
    frames: Vec<Frame<'b>>,
    sequence: u64,
    chain: Hash,
}

/// Takes stored bytes apart; running out of them is tampering.
struct Bytes<'b>(&'b [u8]);

impl<'b> Bytes<'b> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], CryptoError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(CryptoError::Tampered)?;
        self.0 = rest;
        Ok(*array)
    }

    fn slice(&mut self, length: usize) -> Result<&'b [u8], CryptoError> {
        let (slice, rest) = self.0.split_at_checked(length).ok_or(CryptoError::Tampered)?;
        self.0 = rest;
        Ok(slice)
    }

    fn format(&mut self) -> Result<(), CryptoError> {
        match self.array()? {
            [FORMAT] => Ok(()),
            _ => Err(CryptoError::Tampered),
        }
    }

    fn link(&mut self) -> Result<Option<Link>, CryptoError> {
        match self.array()? {
            [0] => Ok(None),
            [1] => self.target().map(Some),
            _ => Err(CryptoError::Tampered),
        }
    }

    fn target(&mut self) -> Result<Link, CryptoError> {
        Ok(Link {
            hash: self.array()?,
            sequence: u64::from_be_bytes(self.array()?),
            chain: self.array()?,
        })
    }

    /// What is left, as frames.
    fn block(mut self, link: Option<Link>, sequence: u64, chain: Hash) -> Result<Block<'b>, CryptoError> {
        let bytes = self.0;
        let mut frames = Vec::with_capacity(INLINE);
        while !self.0.is_empty() {
            let id = self.array()?;
            let length = usize::try_from(u32::from_be_bytes(self.array()?)).map_err(|_| CryptoError::Tampered)?;
            let sealed = self.slice(length)?;
            frames.push(Frame { id, sealed });
        }
        let block = Block {
            link,
            bytes,
            frames,
            sequence,
            chain,
        };
        block.check_count()?;
        Ok(block)
    }
}

fn write_link(bytes: &mut Vec<u8>, link: Option<&Link>) {
    match link {
        None => bytes.push(0),
        Some(link) => {
            bytes.push(1);
            bytes.extend_from_slice(&link.to_bytes());
        }
    }
}

fn write_frame(bytes: &mut Vec<u8>, frame: &Frame<'_>) -> Result<(), StoreError> {
    let length = u32::try_from(frame.sealed.len()).map_err(|_| StoreError::Form)?;
    bytes.extend_from_slice(&frame.id);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(frame.sealed);
    Ok(())
}

fn segment_key(hash: &Hash) -> OnceKey {
    OnceKey::new(&format!("segment/{}", base32hex::encode(hash)))
}

impl<T, K: Authenticator + ?Sized> Log<'_, T, K> {
    /// Parses the head and checks its MAC. The entries themselves are checked when they are opened. The key that the MAC was made with comes
    /// back with it: the next head takes the same, as long as that version is the current one.
    fn parse_head<'b>(&self, stored: &'b [u8]) -> Result<(Block<'b>, AuthenticationKey), CryptoError> {
        let mut bytes = Bytes(stored);
        bytes.format()?;
        let version = u32::from_be_bytes(bytes.array()?);
        let sequence = u64::from_be_bytes(bytes.array()?);
        let chain = bytes.array()?;
        let link = bytes.link()?;
        let header = stored
            .get(..stored.len().saturating_sub(bytes.0.len()))
            .ok_or(CryptoError::Tampered)?;
        let mac: [u8; 32] = bytes.array()?;
        let key = self.key.authentication_key(version)?;
        if !key.authenticate(HEAD, &self.place, header).matches(&mac) {
            return Err(CryptoError::Tampered);
        }
        Ok((bytes.block(link, sequence, chain)?, key))
    }

    /// The head with one entry more than the block has.
    fn write_head(
        &self,
        block: &Block<'_>,
        newest: &Frame<'_>,
        key: &AuthenticationKey,
    ) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::with_capacity(HEAD_LENGTH + block.bytes.len() + newest.sealed.len());
        bytes.push(FORMAT);
        bytes.extend_from_slice(&key.version().to_be_bytes());
        bytes.extend_from_slice(&block.sequence.to_be_bytes());
        bytes.extend_from_slice(&block.chain);
        write_link(&mut bytes, block.link.as_ref());
        let mac = key.authenticate(HEAD, &self.place, &bytes);
        bytes.extend_from_slice(mac.as_bytes());
        bytes.extend_from_slice(block.bytes);
        write_frame(&mut bytes, newest)?;
        Ok(bytes)
    }

    fn read_segment(&self, link: &Link) -> Result<Vec<u8>, StoreError> {
        // A segment that is gone was removed behind our back: segments are never deleted while a head links to them.
        let stored = self
            .shelf
            .kv
            .once(&segment_key(&link.hash))?
            .ok_or(CryptoError::Tampered)?;
        if Sha256::digest(&stored).as_slice() != link.hash {
            return Err(CryptoError::Tampered.into());
        }
        Ok(stored)
    }

    /// How many entries there are, and the hash that covers them.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer or the head is not what was written.
    pub fn head(&self) -> Result<Head, StoreError> {
        let stored = self.shelf.kv.doc(&self.at)?;
        let block = stored.as_deref().map_or(Ok(Block::EMPTY), |stored| {
            self.parse_head(stored).map(|(block, _)| block)
        })?;
        Ok(Head {
            sequence: block.sequence,
            chain: block.chain,
        })
    }

    /// Moves the inline entries to a segment.
    fn spill(&self, block: &mut Block<'_>) -> Result<(), StoreError> {
        let mut bytes = Vec::with_capacity(HEAD_LENGTH + block.bytes.len());
        bytes.push(FORMAT);
        write_link(&mut bytes, block.link.as_ref());
        bytes.extend_from_slice(block.bytes);
        let hash: Hash = Sha256::digest(&bytes).into();
        // Data before index: a crash here leaves a segment that nothing links to, and that the next append writes again.
        self.shelf.kv.put_once(&segment_key(&hash), &bytes)?;
        block.link = Some(Link {
            hash,
            sequence: block.sequence,
            chain: block.chain,
        });
        block.bytes = &[];
        block.frames.clear();
        Ok(())
    }
}

impl<'b> Block<'b> {
    /// Before the first entry.
    const EMPTY: Self = Self {
        link: None,
        bytes: &[],
        frames: Vec::new(),
        sequence: 0,
        chain: GENESIS,
    };

    /// The block of a segment that is what its link says.
    fn of_segment(stored: &'b [u8], link: &Link) -> Result<Self, CryptoError> {
        let mut bytes = Bytes(stored);
        bytes.format()?;
        let before = bytes.link()?;
        bytes.block(before, link.sequence, link.chain)
    }

    fn first_sequence(&self) -> u64 {
        self.link.as_ref().map_or(0, |link| link.sequence) + 1
    }

    /// As many entries as the sequence numbers say: none cut off, none slipped in.
    fn check_count(&self) -> Result<(), CryptoError> {
        let count = u64::try_from(self.frames.len()).map_err(|_| CryptoError::Tampered)?;
        match self.first_sequence().checked_add(count) {
            Some(next) if next == self.sequence.saturating_add(1) => Ok(()),
            _ => Err(CryptoError::Tampered),
        }
    }

    fn is_full(&self) -> bool {
        self.frames.len() >= INLINE || self.frames.iter().map(|frame| frame.sealed.len()).sum::<usize>() >= INLINE_BYTES
    }
}

impl<T: Serialize + DeserializeOwned, K: Authenticator + ?Sized> Log<'_, T, K> {
    /// Appends an entry, unless one with this id is among the newest (a repeated try). Returns its sequence number.
    ///
    /// # Errors
    /// [`StoreError`] where the entry is not known to be durable.
    pub fn append(&self, id: EntryId, value: &T) -> Result<u64, StoreError> {
        for _ in self.shelf.attempts() {
            if let Some(sequence) = self.try_append(id, value)? {
                return Ok(sequence);
            }
        }
        Err(StoreError::Contended)
    }

    /// Appends an entry as [`Log::append`] does, but tries only once: `None` where somebody else changed the log
    /// meanwhile, and nothing was appended. A swap whose answer was lost looks like that too; so the entry is then looked for where it would be.
    ///
    /// # Errors
    /// [`StoreError`] where the entry is not known to be durable.
    pub fn try_append(&self, id: EntryId, value: &T) -> Result<Option<u64>, StoreError> {
        let json = serde_json::to_vec(value).map_err(|_| StoreError::Form)?;
        let slot = self.shelf.kv.open(&self.at)?;
        let (mut block, key) = match &slot {
            None => (Block::EMPTY, None),
            Some(slot) => self.parse_head(slot.value()).map(|(block, key)| (block, Some(key)))?,
        };
        if let Some(sequence) = block.position(&id) {
            return Ok(Some(sequence));
        }
        if block.is_full() {
            self.spill(&mut block)?;
        }
        let sequence = block.sequence.checked_add(1).ok_or(StoreError::Form)?;
        let sealed = self.key.seal(self.shelf.entropy, &self.place.at(sequence), &json)?;
        block.chain = chain(&block.chain, sequence, &id, &json);
        block.sequence = sequence;
        let key = match key.filter(|key| key.version() == self.key.version()) {
            Some(key) => key,
            None => self.key.authentication_key(self.key.version())?,
        };
        let head = self.write_head(&block, &Frame { id, sealed: &sealed }, &key)?;
        let is_written = match slot {
            None => self.shelf.kv.create(&self.at, &head)? == Creation::Created,
            Some(slot) => slot.swap(&head)? == Swap::Applied,
        };
        if is_written {
            Ok(Some(sequence))
        } else {
            self.find(&id, sequence)
        }
    }

    /// Appends under a fresh id.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub fn push(&self, value: &T) -> Result<u64, StoreError> {
        self.append(self.shelf.entropy.bytes(), value)
    }

    /// The entries, newest first, from the one before `before` on (or from the newest). Each block of entries is checked
    /// against the chain before any of them is returned.
    pub fn newest_first(&self, before: Option<u64>) -> impl Iterator<Item = Result<Entry<T>, StoreError>> + '_ {
        Walk {
            log: self,
            next: Next::Head,
            entries: Vec::new(),
            before: before.unwrap_or(u64::MAX),
        }
    }

    /// The newest run of entries, or the one that a link names; `None` where the log is empty. To whoever follows the links each run costs one
    /// read, however long the log is.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer, or the run is not what was written.
    pub fn run(&self, at: Option<&Link>) -> Result<Option<Run<T>>, StoreError> {
        let mut stored = Vec::new();
        let next = at.map_or(Next::Head, |link| Next::Segment(*link));
        let Some(block) = self.block(next, &mut stored)? else {
            return Ok(None);
        };
        Ok(Some(Run {
            after: block.link.map_or(Head::EMPTY, |link| Head {
                sequence: link.sequence,
                chain: link.chain,
            }),
            head: Head {
                sequence: block.sequence,
                chain: block.chain,
            },
            entries: self.open_block(&block)?,
            older: block.link,
        }))
    }

    /// Where this entry is, if it is in the block of entries that now has this place. Costs a read for each time that others have
    /// moved the entries of the head to a segment meanwhile, and one more.
    #[cold]
    fn find(&self, id: &EntryId, sequence: u64) -> Result<Option<u64>, StoreError> {
        let mut next = Next::Head;
        loop {
            let mut stored = Vec::new();
            let Some(block) = self.block(next, &mut stored)? else {
                return Ok(None);
            };
            if block.first_sequence() <= sequence {
                return Ok(block.position(id));
            }
            next = block.link.map_or(Next::End, Next::Segment);
        }
    }

    /// The next older block, whose bytes are then in `stored`; `None` at the end of the log.
    fn block<'b>(&self, next: Next, stored: &'b mut Vec<u8>) -> Result<Option<Block<'b>>, StoreError> {
        match next {
            Next::Head => match self.shelf.kv.doc(&self.at)? {
                None => Ok(None),
                Some(head) => {
                    *stored = head;
                    Ok(Some(self.parse_head(stored)?.0))
                }
            },
            Next::Segment(link) => {
                *stored = self.read_segment(&link)?;
                Ok(Some(Block::of_segment(stored, &link)?))
            }
            Next::End => Ok(None),
        }
    }

    fn open_block(&self, block: &Block<'_>) -> Result<Vec<Entry<T>>, StoreError> {
        let mut now = block.link.as_ref().map_or(GENESIS, |link| link.chain);
        let mut entries = Vec::with_capacity(block.frames.len());
        for (sequence, frame) in (block.first_sequence()..).zip(&block.frames) {
            let plain = self.key.open(&self.place.at(sequence), frame.sealed)?;
            now = chain(&now, sequence, &frame.id, &plain);
            entries.push(Entry {
                sequence,
                id: frame.id,
                value: serde_json::from_slice(&plain).map_err(|_| StoreError::Form)?,
                json: String::from_utf8(plain.to_vec()).map_err(|_| StoreError::Form)?,
            });
        }
        if now != block.chain {
            return Err(CryptoError::Tampered.into());
        }
        Ok(entries)
    }
}

impl Block<'_> {
    fn position(&self, id: &EntryId) -> Option<u64> {
        (self.first_sequence()..)
            .zip(&self.frames)
            .find_map(|(sequence, frame)| (frame.id == *id).then_some(sequence))
    }
}

enum Next {
    Head,
    Segment(Link),
    End,
}

struct Walk<'l, 's, T, K: ?Sized> {
    log: &'l Log<'s, T, K>,
    next: Next,
    /// Oldest first, so that the newest is popped off the end.
    entries: Vec<Entry<T>>,
    before: u64,
}

impl<T: Serialize + DeserializeOwned, K: Authenticator + ?Sized> Walk<'_, '_, T, K> {
    /// Loads the next older block; `false` at the end of the log.
    fn load(&mut self) -> Result<bool, StoreError> {
        let mut stored = Vec::new();
        let next = std::mem::replace(&mut self.next, Next::End);
        let Some(block) = self.log.block(next, &mut stored)? else {
            return Ok(false);
        };
        self.next = block.link.map_or(Next::End, Next::Segment);
        // Blocks that lie wholly behind the cursor are skipped without being opened.
        if block.first_sequence() < self.before {
            self.entries = self.log.open_block(&block)?;
        }
        Ok(true)
    }
}

impl<T: Serialize + DeserializeOwned, K: Authenticator + ?Sized> Iterator for Walk<'_, '_, T, K> {
    type Item = Result<Entry<T>, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.entries.pop() {
                Some(entry) if entry.sequence < self.before => return Some(Ok(entry)),
                Some(_) => {}
                None => match self.load() {
                    Ok(true) => {}
                    Ok(false) => return None,
                    // After a failure the walk is over: what is older cannot be trusted to be complete.
                    Err(error) => {
                        self.next = Next::End;
                        return Some(Err(error));
                    }
                },
            }
        }
    }
}
