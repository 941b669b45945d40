//! How far a class has come: what is decided about passes, without any store.

use model::{DataClass, Timestamp};
use serde::{Deserialize, Serialize};

use super::{GRACE, Rewrap, RewrapState};

/// How far the keys of a class have come under a version of their key-encryption key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Progress {
    /// The version.
    version: u32,
    /// When it was first seen as the current one.
    seen_at: Timestamp,
    /// The pass that is on its way.
    pass: Option<Pass>,
    /// The last one that ended.
    last: Option<Ended>,
}

/// One walk over the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pass {
    began_at: Timestamp,
    /// How many entries there were in all when it began. Those that came later are of keys under the version itself, or of a time
    /// before the pass that decides.
    total: u64,
    /// How many of them are left in each log.
    left: Vec<u64>,
    older: u64,
    unreadable: u64,
}

/// What a pass came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ended {
    began_at: Timestamp,
    older: u64,
    unreadable: u64,
}

/// What was seen where an entry leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// No key, or one under the version or a later one.
    Nothing,
    /// A key under an older version.
    Older,
    /// A key that does not open.
    Unreadable,
}

impl Pass {
    pub(super) fn begin(now: Timestamp, left: Vec<u64>) -> Self {
        Self {
            began_at: now,
            total: left.iter().sum(),
            left,
            older: 0,
            unreadable: 0,
        }
    }

    /// The log to go on with, and its newest entry that is left.
    pub(super) fn next_shard(&self) -> Option<(u8, u64)> {
        (0..)
            .zip(&self.left)
            .find_map(|(shard, left)| (*left > 0).then_some((shard, *left)))
    }

    /// Notes what was seen at an entry, and with it that nothing after it is left.
    pub(super) fn saw(&mut self, shard: u8, sequence: u64, seen: Seen) {
        if let Some(left) = self.left.get_mut(usize::from(shard)) {
            *left = sequence.saturating_sub(1);
        }
        match seen {
            Seen::Nothing => {}
            Seen::Older => self.older = self.older.saturating_add(1),
            Seen::Unreadable => self.unreadable = self.unreadable.saturating_add(1),
        }
    }

    fn percent(&self) -> u8 {
        let left: u64 = self.left.iter().sum();
        let done = self.total.saturating_sub(left);
        let percent = done.saturating_mul(100).checked_div(self.total).unwrap_or(0);
        u8::try_from(percent.min(100)).unwrap_or(100)
    }
}

impl Progress {
    pub(super) fn begin(version: u32, now: Timestamp) -> Self {
        Self {
            version,
            seen_at: now,
            pass: None,
            last: None,
        }
    }

    /// The latest version that was ever seen as the current one.
    pub(crate) fn version(&self) -> u32 {
        self.version
    }

    /// From when on nobody seals under an older version any more.
    fn settled_at(&self) -> Timestamp {
        self.seen_at.saturating_add(GRACE).unwrap_or(Timestamp::MAX)
    }

    fn is_complete(&self) -> bool {
        let decided = |last: &Ended| last.began_at >= self.settled_at() && last.older == 0 && last.unreadable == 0;
        self.pass.is_none() && self.last.as_ref().is_some_and(decided)
    }

    /// Whether there is anything for an instance to do whose current version is this one. One that does not know the version yet leaves
    /// its keys alone.
    pub(super) fn is_anything_due(&self, current: u32, now: Timestamp) -> bool {
        if current != self.version {
            return current > self.version;
        }
        let waits = |last: &Ended| last.unreadable == 0 && now < self.settled_at();
        self.pass.is_some() || !(self.is_complete() || self.last.as_ref().is_some_and(waits))
    }

    /// Begins anew where this version has not been seen as the current one.
    pub(super) fn see(&mut self, current: u32, now: Timestamp) {
        if current > self.version {
            *self = Self::begin(current, now);
        }
    }

    pub(super) fn take_pass(&mut self) -> Option<Pass> {
        self.pass.take()
    }

    /// Puts a pass back, which has ended if nothing is left of it.
    pub(super) fn put_pass(&mut self, pass: Pass) {
        if pass.next_shard().is_some() {
            self.pass = Some(pass);
        } else {
            self.last = Some(Ended {
                began_at: pass.began_at,
                older: pass.older,
                unreadable: pass.unreadable,
            });
        }
    }

    /// What there is to say to an instance whose current version is this one.
    pub(super) fn report(&self, class: DataClass, current: u32, now: Timestamp) -> Rewrap {
        let ended_unreadable = self.last.as_ref().map_or(0, |last| last.unreadable);
        let state = if current < self.version {
            RewrapState::Waiting
        } else if current > self.version || self.pass.is_some() || self.last.is_none() {
            RewrapState::Rewrapping
        } else if self.is_complete() {
            RewrapState::Complete
        } else if ended_unreadable > 0 {
            RewrapState::Blocked
        } else if now < self.settled_at() {
            RewrapState::Waiting
        } else {
            RewrapState::Rewrapping
        };
        Rewrap {
            class,
            current,
            state,
            percent: match (&self.pass, state) {
                (Some(pass), _) => pass.percent(),
                (None, RewrapState::Rewrapping) => 0,
                (None, _) => 100,
            },
            // What blocks is not gone at once: the next scheduled run looks again.
            more: state == RewrapState::Rewrapping,
            unreadable: self.pass.as_ref().map_or(ended_unreadable, |pass| pass.unreadable),
        }
    }
}
