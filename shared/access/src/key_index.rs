//! Which data keys there are: the stores can't be listed, and a key that is not found can't be rewrapped.
//!
//! ```text
//! index logs          clinic and name of every wrapped key, sixteen logs per class
//! progress document   how far the keys of the class have come under its current key-encryption key
//! lease document      who is at it
//! ```
//!
//! They belong to the deployment and not to a clinic: a clinic that runs no jobs must not lose its keys when a version of
//! their key-encryption key is destroyed. All are sealed under a key derived from the one that names what is in the stores, which does not
//! rotate: the index must not depend on what it is there to replace. It says which clinic a key is of, and no more.

use crypto::{KeySet, Label, Mac, Secret, mac, name};
use model::{ClinicId, DataClass};
use serde::{Deserialize, Serialize};
use store::{Doc, LeaseRecord, Log, Shelf, StoreError};

use crate::rewrap::Progress;

const SEAL: Label = Label::new("confide 2026-11 data key index key");
const NAME: Label = Label::new("confide 2026-11 data key index name");
const ENTRY: Label = Label::new("confide 2026-11 data key index entry");

/// Into how many logs the index of a class is divided, so that many first writes at once do not wait for each other.
pub(crate) const SHARDS: u8 = 16;

/// Where a wrapped key lies.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IndexedKey {
    pub(crate) clinic: ClinicId,
    pub(crate) name: String,
}

/// The index of one class.
pub(crate) struct KeyIndex<'v> {
    shelf: &'v Shelf<'v>,
    names: &'v Secret,
    class: DataClass,
    seal: KeySet,
}

impl<'v> KeyIndex<'v> {
    pub(crate) fn new(shelf: &'v Shelf<'v>, names: &'v Secret, class: DataClass) -> Self {
        let seal = KeySet::lasting(names, SEAL);
        Self {
            shelf,
            names,
            class,
            seal,
        }
    }

    fn name(&self, what: &str, shard: u8) -> String {
        name(
            self.names,
            NAME,
            &[self.class.name().as_bytes(), what.as_bytes(), &[shard]],
        )
    }

    pub(crate) fn log(&self, shard: u8) -> Log<'_, IndexedKey, KeySet> {
        let name = self.name("entries", shard);
        self.shelf.log(None, "data key index", &name, &self.seal)
    }

    pub(crate) fn progress(&self) -> Doc<'_, Progress, KeySet> {
        let name = self.name("progress", 0);
        self.shelf.doc(None, "rewrap progress", &name, &self.seal)
    }

    /// The version that is sealed with elsewhere, where it is a later one than this.
    pub(crate) fn sealed_elsewhere(&self, current: u32) -> Result<Option<u32>, StoreError> {
        let known = self.progress().read()?.map(|known| known.value.version());
        Ok(known.filter(|version| *version > current))
    }

    pub(crate) fn lease(&self) -> Doc<'_, LeaseRecord, KeySet> {
        let name = self.name("lease", 0);
        self.shelf.doc(None, "rewrap lease", &name, &self.seal)
    }

    /// Adds a key that is about to be made. One that is among the newest of its log is not added again.
    pub(crate) fn add(&self, clinic: ClinicId, key: &str) -> Result<(), StoreError> {
        let id: Mac = mac(self.names, ENTRY, &[key.as_bytes()]);
        let [first, ..] = *id.as_bytes();
        let entry = IndexedKey {
            clinic,
            name: key.to_owned(),
        };
        self.log(first % SHARDS).append(id.truncated(), &entry)?;
        Ok(())
    }
}
