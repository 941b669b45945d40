use crypto::KeySet;
use model::{ClinicId, Function};
use ports::{EntropyExt, KvError};
use store::{Head, Log, Shelf, StoreError};

use crate::Event;

/// How many chains a function keeps for a clinic, so that requests at the same time seldom wait for each other. A lost race costs a request
/// its entry's sealing and a turn at the store once more: of sixteen requests at a time every second one lost one where there were 16
/// chains. Each chain more is one more to read for whoever asks for the trail.
pub const SHARDS: u8 = 32;

const CLASS: &str = "audit";

/// The chains of one function in the audit store.
pub struct Chains<'a> {
    shelf: &'a Shelf<'a>,
    keys: &'a KeySet,
    function: Function,
}

impl<'a> Chains<'a> {
    /// The chains that `function` writes, with its keys.
    #[must_use]
    pub fn new(shelf: &'a Shelf<'a>, keys: &'a KeySet, function: Function) -> Self {
        Self { shelf, keys, function }
    }

    /// One chain. Events of no known clinic have chains of their own.
    #[must_use]
    pub fn chain(&self, clinic: Option<ClinicId>, shard: u8) -> Log<'_, Event, KeySet> {
        let owner = clinic.map_or_else(|| "none".to_owned(), |clinic| clinic.to_string());
        let name = [self.function.name(), &owner, &shard.to_string()].join("/");
        self.shelf.log(clinic, CLASS, &name, self.keys)
    }

    /// Where every chain of a clinic stands.
    ///
    /// # Errors
    /// [`StoreError`] where a head can't be read or is not what was written.
    pub fn heads(&self, clinic: ClinicId) -> Result<Vec<(u8, Head)>, StoreError> {
        (0..SHARDS)
            .map(|shard| Ok((shard, self.chain(Some(clinic), shard).head()?)))
            .collect()
    }
}

/// Where a function writes what it decides.
pub struct Trail<'a> {
    shelf: Shelf<'a>,
    keys: &'a KeySet,
    function: Function,
    entropy: &'a dyn ports::Entropy,
}

impl<'a> Trail<'a> {
    /// The trail of `function` in the audit store.
    #[must_use]
    pub fn new(shelf: Shelf<'a>, keys: &'a KeySet, function: Function, entropy: &'a dyn ports::Entropy) -> Self {
        Self {
            shelf,
            keys,
            function,
            entropy,
        }
    }

    /// The function that writes here.
    #[must_use]
    pub fn function(&self) -> Function {
        self.function
    }

    /// Makes an event durable. When this returns `Ok`, the event is in the trail and stays there.
    ///
    /// # Errors
    /// [`StoreError`] where the event is not known to be durable; nothing else may then happen.
    pub fn append(&self, event: &Event) -> Result<(), StoreError> {
        let chains = Chains::new(&self.shelf, self.keys, self.function);
        let first = u8::try_from(self.entropy.below(u32::from(SHARDS))).unwrap_or(0);
        let mut shards = (first..SHARDS).chain(0..first).cycle();
        for _ in self.shelf.attempts() {
            // Another request was faster at this chain, or died while it began it: the next one is as good, and at once.
            for shard in shards.by_ref().take(2) {
                match chains
                    .chain(event.clinic, shard)
                    .try_append(*event.id.as_bytes(), event)
                {
                    Ok(Some(_)) => return Ok(()),
                    Ok(None) | Err(StoreError::Kv(KvError::Busy)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Err(StoreError::Contended)
    }
}
