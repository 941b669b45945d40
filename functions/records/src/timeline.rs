//! What there is, by the time that it tells of, newest first.
//!
//! ```text
//! head leaf    the newest entries, in order, and where those begin that did not fit
//! leaf         the next ones, and so on
//! directory    where each leaf but the head begins, so that any time is found in one step
//! ```
//!
//! A B-link tree of two levels (Lehman, Yao, ACM TODS 1981; 6(4):650–670): each leaf links to the next and says where that one
//! begins, so the leaves alone are the truth, and the directory, which may lag behind, only shortens the way. A leaf that is full
//! gives its older half away: the half is written under a fresh name, then one swap of the leaf cuts it off there and links it
//! here, then the directory learns of it. A crash after the first step leaves a leaf that nothing links to; after the second, one
//! that is found through its neighbour, and that whoever next adds to it enters in the directory.

use std::cmp::Ordering;

use crypto::DataKey;
use model::{AccountId, ClinicId, RecordId, Timestamp};
use ports::{Creation, Entropy, EntropyExt};
use serde::{Deserialize, Serialize};
use store::{Doc, Shelf, StoreError, UpdateError};
use web::Problem;

use crate::content::Kind;

/// How many entries a leaf has at most: about 12 kB.
const FULL: usize = 64;

/// How often an entry is tried to be added while others split leaves.
const TRIES: usize = 32;

/// The leaf with the newest entries.
const HEAD: LeafId = [0; 16];

type LeafId = [u8; 16];

/// What a list says of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) id: RecordId,
    pub(crate) kind: Kind,
    pub(crate) author: AccountId,
    pub(crate) effective_at: Timestamp,
    pub(crate) created_at: Timestamp,
}

/// A place in the order, newest first. Of what is of one time the id decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Position {
    pub(crate) at: Timestamp,
    pub(crate) id: [u8; 16],
}

impl Ord for Position {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.id).cmp(&(self.at, self.id))
    }
}

impl PartialOrd for Position {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Entry {
    pub(crate) fn position(&self) -> Position {
        Position {
            at: self.effective_at,
            id: *self.id.as_bytes(),
        }
    }
}

/// Where a leaf begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fence {
    from: Position,
    leaf: LeafId,
}

/// A run of entries: all from where it begins to where the next leaf does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Leaf {
    entries: Vec<Entry>,
    next: Option<Fence>,
}

/// Why a leaf stays as it is.
#[derive(Debug, PartialEq, Eq)]
enum Unchanged {
    /// It is as wanted already.
    AsWanted,
    /// The place is in a later leaf.
    Further(Fence),
    /// There is no room.
    Full,
}

impl Leaf {
    /// Where the next leaf begins, if the place is there or later.
    fn further(&self, position: &Position) -> Option<Fence> {
        self.next.filter(|next| next.from <= *position)
    }

    fn find(&self, position: &Position) -> Result<Result<usize, usize>, Unchanged> {
        match self.further(position) {
            Some(next) => Err(Unchanged::Further(next)),
            None => Ok(self.entries.binary_search_by_key(position, Entry::position)),
        }
    }

    fn insert(&mut self, entry: &Entry) -> Result<(), Unchanged> {
        match self.find(&entry.position())? {
            Ok(_) => Err(Unchanged::AsWanted),
            Err(_) if self.entries.len() >= FULL => Err(Unchanged::Full),
            Err(place) => {
                self.entries.insert(place, entry.clone());
                Ok(())
            }
        }
    }

    fn remove(&mut self, position: &Position) -> Result<(), Unchanged> {
        match self.find(position)? {
            Ok(place) => {
                self.entries.remove(place);
                Ok(())
            }
            Err(_) => Err(Unchanged::AsWanted),
        }
    }

    /// Gives the older half away, to a leaf of this name. `None` where there is no need.
    fn split(mut self, leaf: LeafId) -> Option<(Self, Self, Fence)> {
        if self.entries.len() < FULL {
            return None;
        }
        let older = self.entries.split_off(FULL / 2);
        let from = older.first()?.position();
        let moved = Self {
            entries: older,
            next: self.next,
        };
        let fence = Fence { from, leaf };
        self.next = Some(fence);
        Some((self, moved, fence))
    }
}

/// Names a document by a part of its own.
type Name<'c> = dyn Fn(&[u8]) -> Result<String, Problem> + 'c;

/// The entries of one client, class and kind, or of another selection, each in a document of its own.
pub(crate) struct Timeline<'c> {
    pub(crate) shelf: &'c Shelf<'c>,
    pub(crate) clinic: ClinicId,
    pub(crate) key: &'c DataKey,
    pub(crate) entropy: &'c dyn Entropy,
    pub(crate) name: Box<Name<'c>>,
}

impl Timeline<'_> {
    fn leaf(&self, id: &LeafId) -> Result<Doc<'_, Leaf, DataKey>, Problem> {
        let name = (self.name)(id)?;
        Ok(self
            .shelf
            .doc(Some(self.clinic), "record timeline leaf", &name, self.key))
    }

    fn directory(&self) -> Result<Doc<'_, Vec<Fence>, DataKey>, Problem> {
        let name = (self.name)(b"directory")?;
        Ok(self
            .shelf
            .doc(Some(self.clinic), "record timeline directory", &name, self.key))
    }

    /// The last leaf that the directory knows to begin at or before this place, beyond the head.
    fn shortcut(&self, position: &Position) -> Result<Option<Fence>, Problem> {
        let fences = self.directory()?.read()?.map(|fences| fences.value).unwrap_or_default();
        let after = fences.partition_point(|fence| fence.from <= *position);
        Ok(fences.get(..after).and_then(<[Fence]>::last).copied())
    }

    /// Changes the leaf that a place is in.
    fn change(&self, position: &Position, change: &dyn Fn(&mut Leaf) -> Result<(), Unchanged>) -> Result<(), Problem> {
        let mut at = HEAD;
        // A leaf that was come to by its neighbour and not by the directory.
        let mut unlisted = None;
        for _ in 0..TRIES {
            match self.leaf(&at)?.update(None, change) {
                Ok(_) | Err(UpdateError::Refused(Unchanged::AsWanted)) => {
                    return unlisted.map_or(Ok(()), |fence| self.enter(fence));
                }
                Err(UpdateError::Refused(Unchanged::Further(next))) => {
                    let shortcut = match at {
                        HEAD => self.shortcut(position)?,
                        _ => None,
                    };
                    unlisted = shortcut.is_none().then_some(next);
                    at = shortcut.unwrap_or(next).leaf;
                }
                Err(UpdateError::Refused(Unchanged::Full)) => self.split(&at)?,
                Err(UpdateError::Absent) if at == HEAD => {
                    let mut first = Leaf::default();
                    if change(&mut first).is_err() || self.leaf(&HEAD)?.create(&first)? == Creation::Created {
                        return Ok(());
                    }
                }
                Err(UpdateError::Absent) => return Err(Problem::defect("a leaf that another links to is not there")),
                Err(UpdateError::Stale) => {}
                Err(UpdateError::Store(error)) => return Err(error.into()),
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Adds an entry, unless it is there.
    pub(crate) fn insert(&self, entry: &Entry) -> Result<(), Problem> {
        self.change(&entry.position(), &|leaf| leaf.insert(entry))
    }

    /// Removes the entry of this place, if it is there.
    pub(crate) fn remove(&self, position: &Position) -> Result<(), Problem> {
        self.change(position, &|leaf| leaf.remove(position))
    }

    fn split(&self, at: &LeafId) -> Result<(), Problem> {
        let id = self.entropy.bytes();
        let leaf = self.leaf(at)?.read()?.ok_or(StoreError::Form)?;
        let Some((kept, moved, fence)) = leaf.value.split(id) else {
            return Ok(());
        };
        self.leaf(&id)?.create_unshared(&moved)?;
        let cut = self.leaf(at)?.update(Some(leaf.version), |leaf| {
            *leaf = kept.clone();
            Ok::<_, Problem>(())
        });
        match cut {
            Ok(_) => self.enter(fence),
            // Somebody else changed the leaf meanwhile: the half that was written stays behind, linked to by nothing.
            Err(UpdateError::Stale) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Lets the directory know of a leaf.
    fn enter(&self, fence: Fence) -> Result<(), Problem> {
        let directory = self.directory()?;
        loop {
            let entered = directory.update(None, |fences| {
                match fences.binary_search_by_key(&fence.from, |known| known.from) {
                    Ok(_) => Err(Unchanged::AsWanted),
                    Err(place) => {
                        fences.insert(place, fence);
                        Ok(())
                    }
                }
            });
            match entered {
                Ok(_) | Err(UpdateError::Refused(_)) => return Ok(()),
                Err(UpdateError::Absent) => {
                    if directory.create(&vec![fence])? == Creation::Created {
                        return Ok(());
                    }
                }
                Err(UpdateError::Stale) => return Err(StoreError::Contended.into()),
                Err(UpdateError::Store(error)) => return Err(error.into()),
            }
        }
    }

    /// The entries after a place, or from the newest on.
    pub(crate) fn after(&self, position: Option<Position>) -> Walk<'_> {
        Walk {
            timeline: self,
            position,
            entries: Vec::new().into_iter(),
            next: Some(HEAD),
        }
    }

    /// Whether an entry stands at this place.
    pub(crate) fn has(&self, position: &Position) -> Result<bool, Problem> {
        // Of one time the greater id comes first.
        let just_before = Position {
            at: position.at,
            id: u128::from_be_bytes(position.id).saturating_add(1).to_be_bytes(),
        };
        let next = self.after(Some(just_before)).next().transpose()?;
        Ok(next.is_some_and(|entry| entry.position() == *position))
    }

    fn read(&self, id: &LeafId) -> Result<Option<Leaf>, Problem> {
        match self.leaf(id)?.read()? {
            Some(leaf) => Ok(Some(leaf.value)),
            None if *id == HEAD => Ok(None),
            None => Err(Problem::defect("a leaf that another links to is not there")),
        }
    }
}

/// A walk through a timeline, which reads a leaf when it comes to it.
pub(crate) struct Walk<'t> {
    timeline: &'t Timeline<'t>,
    position: Option<Position>,
    entries: std::vec::IntoIter<Entry>,
    next: Option<LeafId>,
}

impl Walk<'_> {
    fn load(&mut self, id: &LeafId) -> Result<(), Problem> {
        let Some(leaf) = self.timeline.read(id)? else {
            return Ok(());
        };
        let further = self.position.and_then(|position| leaf.further(&position));
        if let (Some(next), Some(position)) = (further, self.position) {
            let shortcut = match *id {
                HEAD => self.timeline.shortcut(&position)?,
                _ => None,
            };
            self.next = Some(shortcut.unwrap_or(next).leaf);
            return Ok(());
        }
        self.next = leaf.next.map(|next| next.leaf);
        self.entries = leaf.entries.into_iter();
        Ok(())
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<Entry, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.entries.next() {
                Some(entry) if self.position.is_some_and(|position| entry.position() <= position) => {}
                Some(entry) => return Some(Ok(entry)),
                None => {
                    let id = self.next.take()?;
                    if let Err(problem) = self.load(&id) {
                        return Some(Err(problem));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use model::Function;
    use proptest::prelude::*;
    use testkit::World;

    use super::*;

    fn entry(at: i64, id: u64) -> Entry {
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&id.to_be_bytes());
        let at = Timestamp::from_second(at).unwrap();
        Entry {
            id: RecordId::from_bytes(bytes),
            kind: Kind::ProgressNote,
            author: AccountId::from_bytes([1; 16]),
            effective_at: at,
            created_at: at,
        }
    }

    fn with_timeline<R>(world: &World, run: impl FnOnce(&Timeline<'_>) -> R) -> R {
        let key = DataKey::generate(&world.entropy);
        world.with_platform(Function::Records, |platform| {
            let shelf = Shelf::open(&platform, "health").unwrap();
            run(&Timeline {
                shelf: &shelf,
                clinic: world.entropy.id(),
                key: &key,
                entropy: platform.entropy,
                name: Box::new(|part| Ok(part.iter().map(|byte| format!("{byte:02x}")).collect())),
            })
        })
    }

    fn all(timeline: &Timeline<'_>, position: Option<Position>) -> Vec<Entry> {
        timeline.after(position).map(|entry| entry.unwrap()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        /// Whatever is added and removed in whatever order, what is left is there, once, in order, and found from any place.
        #[test]
        fn a_timeline_is_a_sorted_set(
            steps in proptest::collection::vec((0_i64..150, 0_u64..3, proptest::bool::weighted(0.8)), 1..500),
            from in 0_i64..150,
        ) {
            let world = World::new(1);
            let mut model = std::collections::BTreeMap::new();
            with_timeline(&world, |timeline| {
                for (at, id, adds) in steps {
                    let entry = entry(at, id);
                    if adds {
                        timeline.insert(&entry).unwrap();
                        model.insert(entry.position(), entry);
                    } else {
                        timeline.remove(&entry.position()).unwrap();
                        model.remove(&entry.position());
                    }
                }
                let left: Vec<_> = model.values().cloned().collect();
                assert_eq!(all(timeline, None), left);
                let place = entry(from, 1).position();
                assert_eq!(timeline.has(&place).unwrap(), model.contains_key(&place));
                let after: Vec<_> = model.range((std::ops::Bound::Excluded(place), std::ops::Bound::Unbounded)).map(|(_, entry)| entry.clone()).collect();
                assert_eq!(all(timeline, Some(place)), after);
            });
        }
    }

    /// Among ten thousand entries each step takes as many operations on the store as among a hundred.
    #[test]
    fn no_step_costs_more_because_there_is_more() {
        let world = World::new(2);
        let costs = with_timeline(&world, |timeline| {
            let next = Cell::new(0);
            let add_until = |count: i64| {
                while next.get() < count {
                    timeline.insert(&entry(next.get() * 10, 1)).unwrap();
                    next.set(next.get() + 1);
                }
            };
            let cost = |step: &dyn Fn()| {
                world.stores.disarm();
                step();
                world.stores.operations()
            };
            [130, 10_002].map(|count| {
                add_until(count);
                let long_ago = entry(205, 1);
                let first_page = cost(&|| assert_eq!(timeline.after(None).take(10).count(), 10));
                let late_page = cost(&|| {
                    let page: Vec<_> = timeline
                        .after(Some(long_ago.position()))
                        .take(10)
                        .map(|entry| entry.unwrap())
                        .collect();
                    assert_eq!(page.first(), Some(&entry(200, 1)));
                });
                let add_late = cost(&|| timeline.insert(&long_ago).unwrap());
                let remove_late = cost(&|| timeline.remove(&long_ago.position()).unwrap());
                let add_new = cost(&|| add_until(count + 1));
                [first_page, late_page, add_late, remove_late, add_new]
            })
        });
        assert_eq!(costs[0], costs[1]);
        assert!(costs[0].iter().all(|operations| *operations <= 6), "{costs:?}");
    }

    /// What the directory was never told of is found by the links from leaf to leaf, and entered by whoever adds to it.
    #[test]
    fn the_directory_may_lag_behind() {
        let world = World::new(3);
        with_timeline(&world, |timeline| {
            let entries: Vec<_> = (0..300).rev().map(|at| entry(at, 1)).collect();
            for entry in entries.iter().rev() {
                timeline.insert(entry).unwrap();
            }
            let directory = timeline.directory().unwrap();
            let fences = directory.read().unwrap().unwrap().value;
            assert!(fences.len() > 5, "{}", fences.len());
            let forget = |known: usize| {
                let known = fences[..known].to_vec();
                directory
                    .update(None, |fences| {
                        fences.clone_from(&known);
                        Ok::<_, Problem>(())
                    })
                    .unwrap();
            };
            for known in 0..fences.len() {
                forget(known);
                assert_eq!(all(timeline, None), entries);
                let place = Some(entry(150, 1).position());
                assert_eq!(
                    all(timeline, place),
                    entries[150..]
                        .iter()
                        .skip_while(|entry| Some(entry.position()) <= place)
                        .cloned()
                        .collect::<Vec<_>>()
                );
            }
            forget(0);
            let old = Entry {
                id: RecordId::from_bytes([9; 16]),
                ..entry(1, 1)
            };
            timeline.insert(&old).unwrap();
            let entered = directory.read().unwrap().unwrap().value;
            assert_eq!(entered, [*fences.last().unwrap()]);
            timeline.remove(&old.position()).unwrap();
            assert_eq!(all(timeline, None), entries);
        });
    }
}
