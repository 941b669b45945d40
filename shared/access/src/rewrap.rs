//! Rewrapping: bringing every data key of a class under the current version of its key-encryption key, while the keys are in use.
//!
//! A pass walks the index of the class and seals each wrapped key anew that an older version seals: a compare-and-swap each, which
//! meets no reader's way. Progress is written after each part of a pass, so that whatever breaks off a run costs the next one
//! no more than that part again: a key that is rewrapped already is passed over.
//!
//! When nothing is left under the older versions, they can be destroyed. That is said only once a whole pass found nothing, and
//! one that began a [`GRACE`] after the current version was first seen as such. Until then a request may be on its way that began
//! before, and that makes a key under the older version, behind the pass. One that begins later makes none: progress says
//! that another version seals ([`VaultError::Behind`]).

mod progress;
#[cfg(test)]
mod tests;

use crypto::CryptoError;
use jiff::SignedDuration;
use model::{DataClass, Timestamp};
use ports::{Clock, Creation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Lease, Resealed, StoreError, UpdateError, Versioned};

pub(crate) use progress::Progress;
use progress::{Pass, Seen};

use crate::key_index::{KeyIndex, SHARDS};
use crate::{Recorded, Vault, VaultError};

/// How long after a version was first seen as the current one a key may still be made under the one before: by a request that began
/// earlier, which takes seconds. The rest is for clocks that differ, and for a store whose copies come to agree late.
pub const GRACE: SignedDuration = SignedDuration::from_hours(24);

/// How many keys one run looks at.
const MOST: u32 = 100;

/// How long a run goes on to look at another key. A request has thirty seconds.
const LONGEST: SignedDuration = SignedDuration::from_secs(8);

/// How long a run may hold the lease. Longer than any request lives.
const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// How far a class has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RewrapState {
    /// A pass is on its way.
    Rewrapping,
    // The one that decides begins once no instance can hold the keyring before any more. An instance that others have left behind says this too.
    /// A first pass has ended; another one has to follow after a while. Run the job again later.
    Waiting,
    /// The last pass met keys that do not open. Until they are repaired or removed, no version may be destroyed.
    Blocked,
    /// Nothing is under an older version than the current one: those can be destroyed.
    Complete,
}

// What a run says of it, which tells nobody how many clients the deployment has.
/// How far a class of data has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Rewrap {
    /// The class.
    pub class: DataClass,
    /// The version of the key that new data is written under.
    pub current: u32,
    /// How far it has come.
    pub state: RewrapState,
    /// How much of the pass is done, in per cent.
    pub percent: u8,
    /// Whether there is more to do at once.
    #[serde(skip)]
    pub more: bool,
    /// How many keys of the pass do not open. For the operator alone.
    #[serde(skip)]
    pub unreadable: u64,
}

impl Vault<'_> {
    /// Goes on with bringing the keys of the permit's class under the current version of its key-encryption key. A bounded part of it:
    /// `more` says whether to call again at once. Safe to call at any time and twice at once.
    ///
    /// Order: lease; progress, where there is none; keys one by one; progress; lease given back. A crash at any
    /// point leaves keys that are rewrapped and not counted, which the next run passes over, and a lease that ends by itself.
    ///
    /// # Errors
    /// [`VaultError`] where the store does not answer or the index is not what was written.
    pub fn rewrap(&self, recorded: &Recorded, clock: &dyn Clock) -> Result<Rewrap, VaultError> {
        self.rewrap_class(recorded.class(), clock)
    }

    fn rewrap_class(&self, class: DataClass, clock: &dyn Clock) -> Result<Rewrap, VaultError> {
        let seal = self.seal(class)?;
        let current = seal.current_version();
        let index = self.index(class);
        let report = |progress: &Progress, now: Timestamp| progress.report(class, current, now);
        let before = index.progress().read()?;
        // Without an older version there is nothing that one could seal. An instance that others have left behind has none
        // either, and can't say that of theirs.
        let is_behind = |known: &Versioned<Progress>| known.value.version() > current;
        if !seal.has_older() && !before.as_ref().is_some_and(is_behind) {
            return Ok(Rewrap::complete(class, current));
        }
        if let Some(before) = before
            && !before.value.is_anything_due(current, clock.now())
        {
            return Ok(report(&before.value, clock.now()));
        }
        let lease_doc = index.lease();
        let Some(lease) = Lease::take(&lease_doc, LEASE)? else {
            // Who holds it goes on and says so; whoever asks meanwhile has nothing to do.
            let known = index.progress().read()?;
            let known = known.map_or_else(|| Progress::begin(current, clock.now()), |known| known.value);
            return Ok(Rewrap {
                more: false,
                ..report(&known, clock.now())
            });
        };
        let progress = self.rewrap_alone(&index, class, current, clock);
        // One that is not given back ends by itself.
        let _ = lease.release(&lease_doc);
        Ok(report(&progress?, clock.now()))
    }

    fn rewrap_alone(
        &self,
        index: &KeyIndex<'_>,
        class: DataClass,
        current: u32,
        clock: &dyn Clock,
    ) -> Result<Progress, VaultError> {
        let doc = index.progress();
        let Versioned {
            version,
            value: mut progress,
        } = match doc.read()? {
            Some(known) => known,
            None => {
                let value = Progress::begin(current, clock.now());
                match doc.create(&value)? {
                    Creation::Created => Versioned { version: 1, value },
                    Creation::Exists => doc.read()?.ok_or(StoreError::Form)?,
                }
            }
        };
        if !progress.is_anything_due(current, clock.now()) {
            return Ok(progress);
        }
        progress.see(current, clock.now());
        let mut pass = match progress.take_pass() {
            Some(pass) => pass,
            None => {
                let mut left = Vec::with_capacity(usize::from(SHARDS));
                for shard in 0..SHARDS {
                    left.push(index.log(shard).head()?.sequence);
                }
                Pass::begin(clock.now(), left)
            }
        };
        self.walk(index, class, &mut pass, clock)?;
        progress.put_pass(pass);
        match doc.update(Some(version), |stored| {
            *stored = progress.clone();
            Ok::<_, StoreError>(())
        }) {
            Ok(_) => Ok(progress),
            // A run that outlived its lease was overtaken: what the other one wrote holds.
            Err(UpdateError::Stale | UpdateError::Absent) => Ok(doc.read()?.ok_or(StoreError::Form)?.value),
            Err(UpdateError::Refused(error) | UpdateError::Store(error)) => Err(error.into()),
        }
    }

    /// Walks a part of a pass: each log from its newest entry down.
    fn walk(
        &self,
        index: &KeyIndex<'_>,
        class: DataClass,
        pass: &mut Pass,
        clock: &dyn Clock,
    ) -> Result<(), VaultError> {
        let ends_at = clock.now().saturating_add(LONGEST).unwrap_or(Timestamp::MAX);
        let mut looked_at = 0;
        while let Some((shard, through)) = pass.next_shard() {
            for entry in index.log(shard).newest_first(Some(through.saturating_add(1))) {
                if looked_at >= MOST || clock.now() >= ends_at {
                    return Ok(());
                }
                looked_at += 1;
                let entry = entry?;
                let wrapped = self.wrapped(entry.value.clinic, class, &entry.value.name)?;
                let seen = match wrapped.reseal() {
                    Ok(Resealed::Absent | Resealed::Current) => Seen::Nothing,
                    Ok(Resealed::Anew) => Seen::Older,
                    Err(StoreError::Crypto(_) | StoreError::Form) => Seen::Unreadable,
                    Err(error) => return Err(error.into()),
                };
                pass.saw(shard, entry.sequence, seen);
            }
            // Entries that were there are gone: what they led to would be lost.
            if pass.next_shard() == Some((shard, through)) {
                return Err(StoreError::from(CryptoError::Tampered).into());
            }
        }
        Ok(())
    }
}

impl Rewrap {
    /// Of a class without any older version: there is nothing that one could seal, or be asked to open.
    fn complete(class: DataClass, current: u32) -> Self {
        Self {
            class,
            current,
            state: RewrapState::Complete,
            percent: 100,
            more: false,
            unreadable: 0,
        }
    }
}
