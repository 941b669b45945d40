//! What there is, by the time that it tells of, newest first.
//!
//! ```text
//! level 0   leaves of entries, in order, each linked to the next
//! level 1   leaves of fences, which say where the leaves of level 0 begin
//! level 2   those of level 1, and so on, as long as a level has more than one leaf
//! ```
//!
//! A B-link tree (Lehman, Yao, ACM TODS 1981; 6(4):650–670) that is entered where the newest entries are and not at its root: each
//! level begins with a head leaf of a known name, and what is new is in that of level 0. Each leaf says where the next one
//! begins, so the leaves of level 0 alone are the truth, and what is above, which may lag behind, only shortens the way. A leaf that is full
//! gives its older part away: that is written under a fresh name, then one swap of the leaf cuts it off there and links it
//! here, then the level above learns of it. A crash after the first step leaves a leaf that nothing links to; after the second, one
//! that is found through its neighbour, and that whoever next adds to it enters above.

use std::cmp::Ordering;
use std::marker::PhantomData;

use crypto::DataKey;
use jiff::fmt::serde::timestamp::nanosecond;
use model::{AccountId, ClinicId, RecordId, Timestamp};
use ports::{Creation, Entropy, EntropyExt};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::{Compact, Doc, Shelf, StoreError, UpdateError};
use web::Problem;

use crate::content::Kind;

/// How many entries a leaf has at most: about 1.7 kB. Whoever writes a record opens and seals two heads, so they are small.
const FULL: usize = 32;

/// How many of the newest entries a full head keeps: what comes is mostly newer, and so the leaves behind it are three quarters full.
const KEPT: usize = FULL / 4;

/// How often an entry is tried to be added while others split leaves.
const TRIES: usize = 32;

/// The first leaf of each level, with what is newest.
const HEAD: LeafId = [0; 16];

type LeafId = [u8; 16];

/// What a list says of a record. Stored in its fields' order: a change of form takes another document class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) id: RecordId,
    pub(crate) kind: Kind,
    pub(crate) author: AccountId,
    #[serde(with = "nanosecond::required")]
    pub(crate) effective_at: Timestamp,
    #[serde(with = "nanosecond::required")]
    pub(crate) created_at: Timestamp,
}

/// A place in the order, newest first. Of what is of one time the id decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    #[serde(with = "nanosecond::required")]
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
struct Fence {
    from: Position,
    leaf: LeafId,
}

/// What leaves hold.
trait Placed: Clone + Serialize + DeserializeOwned {
    /// What kind of document a leaf of these is. One is never read as the other.
    const LEAF: &'static str;

    fn position(&self) -> Position;
}

impl Placed for Entry {
    const LEAF: &'static str = "record timeline leaf 2";

    fn position(&self) -> Position {
        self.position()
    }
}

impl Placed for Fence {
    const LEAF: &'static str = "record timeline fences";

    fn position(&self) -> Position {
        self.from
    }
}

/// A run of entries: all from where it begins to where the next leaf does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Leaf<E> {
    entries: Vec<E>,
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

/// What is done to a leaf, or why not: compiled once for all that is done.
type Change<'c, E> = dyn Fn(&mut Leaf<E>) -> Result<(), Unchanged> + 'c;

impl<E: Placed> Leaf<E> {
    const EMPTY: Self = Self {
        entries: Vec::new(),
        next: None,
    };

    /// Where the next leaf begins, if the place is there or later.
    fn further(&self, position: &Position) -> Option<Fence> {
        self.next.filter(|next| next.from <= *position)
    }

    fn find(&self, position: &Position) -> Result<Result<usize, usize>, Unchanged> {
        match self.further(position) {
            Some(next) => Err(Unchanged::Further(next)),
            None => Ok(self.entries.binary_search_by_key(position, E::position)),
        }
    }

    fn insert(&mut self, entry: &E) -> Result<(), Unchanged> {
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

    /// Gives all but the newest away, to a leaf of this name. `None` where there is no need.
    fn split(mut self, kept: usize, leaf: LeafId) -> Option<(Self, Self, Fence)> {
        if self.entries.len() < FULL {
            return None;
        }
        let older = self.entries.split_off(kept.min(FULL));
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

/// The entries of one client, class and kind, or of another selection.
pub(crate) struct Timeline<'c> {
    pub(crate) shelf: &'c Shelf<'c>,
    pub(crate) clinic: ClinicId,
    pub(crate) key: &'c DataKey,
    pub(crate) entropy: &'c dyn Entropy,
    pub(crate) name: Box<Name<'c>>,
}

/// One level of a timeline.
struct Level<'t, E> {
    timeline: &'t Timeline<'t>,
    number: u8,
    entries: PhantomData<fn() -> E>,
}

fn missing() -> Problem {
    Problem::defect("a leaf that another links to is not there")
}

impl<'t, E: Placed> Level<'t, E> {
    fn above(&self) -> Level<'t, Fence> {
        Level {
            timeline: self.timeline,
            // Each level has a tenth of the leaves of the one below, or fewer.
            number: self.number.saturating_add(1),
            entries: PhantomData,
        }
    }

    fn leaf(&self, id: &LeafId) -> Result<Doc<'t, Leaf<E>, DataKey, Compact>, Problem> {
        let Timeline {
            shelf,
            clinic,
            key,
            ref name,
            ..
        } = *self.timeline;
        let name = name(&[&[self.number], id.as_slice()].concat())?;
        Ok(shelf.encoded_doc(Some(clinic), E::LEAF, &name, key))
    }

    fn read(&self, id: &LeafId) -> Result<Option<Leaf<E>>, Problem> {
        match self.leaf(id)?.read()? {
            Some(leaf) => Ok(Some(leaf.value)),
            None if *id == HEAD => Ok(None),
            None => Err(missing()),
        }
    }

    /// The leaf that a place is in.
    fn leaf_of(&self, position: &Position) -> Result<Option<Leaf<E>>, Problem> {
        let Some(mut leaf) = self.read(&HEAD)? else {
            return Ok(None);
        };
        if let Some(next) = leaf.further(position) {
            let mut next = Some(self.shortcut(position)?.unwrap_or(next));
            while let Some(fence) = next {
                leaf = self.read(&fence.leaf)?.ok_or_else(missing)?;
                next = leaf.further(position);
            }
        }
        Ok(Some(leaf))
    }

    /// The last of the leaves beyond the head that the levels above know to begin at or before this place.
    fn shortcut(&self, position: &Position) -> Result<Option<Fence>, Problem> {
        let Some(Leaf { entries: fences, .. }) = self.above().leaf_of(position)? else {
            return Ok(None);
        };
        let after = fences.partition_point(|fence| fence.from <= *position);
        Ok(fences.get(..after).and_then(<[Fence]>::last).copied())
    }

    /// Changes the leaf that a place is in.
    fn change(&self, position: &Position, change: &Change<'_, E>) -> Result<(), Problem> {
        let mut at = HEAD;
        // A leaf that was come to by its neighbour and not from above.
        let mut unlisted = None;
        for _ in 0..TRIES {
            match self.leaf(&at)?.update(None, change) {
                Ok(_) | Err(UpdateError::Refused(Unchanged::AsWanted)) => {
                    return unlisted.map_or(Ok(()), |fence| self.above().insert(&fence));
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
                    let mut first = Leaf::EMPTY;
                    if change(&mut first).is_err() || self.leaf(&HEAD)?.create(&first)? == Creation::Created {
                        return Ok(());
                    }
                }
                Err(UpdateError::Absent) => return Err(missing()),
                Err(UpdateError::Stale) => {}
                Err(UpdateError::Store(error)) => return Err(error.into()),
            }
        }
        Err(StoreError::Contended.into())
    }

    fn insert(&self, entry: &E) -> Result<(), Problem> {
        self.change(&entry.position(), &|leaf| leaf.insert(entry))
    }

    fn split(&self, at: &LeafId) -> Result<(), Problem> {
        let id = self.timeline.entropy.bytes();
        let leaf = self.leaf(at)?.read()?.ok_or(StoreError::Form)?;
        let kept = if *at == HEAD { KEPT } else { FULL / 2 };
        let Some((kept, moved, fence)) = leaf.value.split(kept, id) else {
            return Ok(());
        };
        self.leaf(&id)?.create_unshared(&moved)?;
        let cut = self.leaf(at)?.update(Some(leaf.version), |leaf| {
            *leaf = kept.clone();
            Ok::<_, Problem>(())
        });
        match cut {
            Ok(_) => self.above().insert(&fence),
            // Somebody else changed the leaf meanwhile: the part that was written stays behind, linked to by nothing.
            Err(UpdateError::Stale) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Timeline<'_> {
    fn entries(&self) -> Level<'_, Entry> {
        Level {
            timeline: self,
            number: 0,
            entries: PhantomData,
        }
    }

    /// Adds an entry, unless it is there.
    pub(crate) fn insert(&self, entry: &Entry) -> Result<(), Problem> {
        self.entries().insert(entry)
    }

    /// Removes the entry of this place, if it is there.
    pub(crate) fn remove(&self, position: &Position) -> Result<(), Problem> {
        self.entries().change(position, &|leaf| leaf.remove(position))
    }

    /// The entries after a place, or from the newest on.
    pub(crate) fn after(&self, position: Option<Position>) -> Walk<'_> {
        Walk {
            level: self.entries(),
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
}

/// A walk through a timeline, which reads a leaf when it comes to it.
pub(crate) struct Walk<'t> {
    level: Level<'t, Entry>,
    position: Option<Position>,
    entries: std::vec::IntoIter<Entry>,
    next: Option<LeafId>,
}

impl Walk<'_> {
    fn load(&mut self, id: &LeafId) -> Result<(), Problem> {
        let leaf = match &self.position {
            Some(position) if *id == HEAD => self.level.leaf_of(position)?,
            _ => self.level.read(id)?,
        };
        if let Some(leaf) = leaf {
            self.next = leaf.next.map(|next| next.leaf);
            self.entries = leaf.entries.into_iter();
        }
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
            steps in proptest::collection::vec((0_i64..600, 0_u64..3, proptest::bool::weighted(0.9)), 1..2_500),
            from in 0_i64..600,
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

    /// Among ten thousand entries a step takes no more operations on the store than there are levels more than among two hundred.
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
            [202, 10_007].map(|count| {
                add_until(count);
                let long_ago = entry(205, 1);
                let first_page = cost(&|| assert_eq!(timeline.after(None).take(7).count(), 7));
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
        let [few, many] = costs;
        assert_eq!((few[0], few[4]), (many[0], many[4]), "{costs:?}");
        // Ten thousand are 400 leaves, and those 16.
        for (few, many) in few.into_iter().zip(many) {
            assert!(few <= 6 && many <= few + 2, "{costs:?}");
        }
    }

    /// What the levels above were never told of is found by the links from leaf to leaf, and entered by whoever adds to it.
    #[test]
    fn the_levels_above_may_lag_behind() {
        let world = World::new(3);
        with_timeline(&world, |timeline| {
            let entries: Vec<_> = (0..2_000).rev().map(|at| entry(at, 1)).collect();
            for entry in entries.iter().rev() {
                timeline.insert(entry).unwrap();
            }
            let fences = timeline.entries().above();
            let heads = [fences.leaf(&HEAD).unwrap(), fences.above().leaf(&HEAD).unwrap()];
            let known = heads.each_ref().map(|head| head.read().unwrap().unwrap().value);
            assert!(known[0].next.is_some() && known[1].next.is_none());
            let leave = |level: usize, count: usize| {
                let there = known[level].entries.len();
                let entries = known[level].entries[there - count..].to_vec();
                let changed = heads[level].update(None, |leaf| {
                    leaf.entries.clone_from(&entries);
                    Ok::<_, Problem>(())
                });
                changed.unwrap();
            };
            for level in [0, 1] {
                for count in 0..=known[level].entries.len() {
                    leave(level, count);
                    assert_eq!(all(timeline, None), entries);
                    for at in [1_995, 1_000, 150, 3] {
                        let place = Some(entry(at, 1).position());
                        let after: Vec<_> = timeline.after(place).take(20).map(|entry| entry.unwrap()).collect();
                        let wanted = entries.iter().skip_while(|entry| Some(entry.position()) <= place);
                        assert_eq!(after, wanted.take(20).cloned().collect::<Vec<_>>());
                    }
                }
            }
            leave(1, 0);
            let old = Entry {
                id: RecordId::from_bytes([9; 16]),
                ..entry(1, 1)
            };
            timeline.insert(&old).unwrap();
            timeline.remove(&old.position()).unwrap();
            assert_eq!(all(timeline, None), entries);
            // Of the two levels one is whole again where it was come to by a link.
            leave(0, 0);
            let newest = known[0].entries.first().unwrap();
            let there = entries.iter().find(|entry| entry.position() == newest.from).unwrap();
            timeline.remove(&there.position()).unwrap();
            assert_eq!(heads[0].read().unwrap().unwrap().value.entries, [*newest]);
        });
    }

    /// In the compact form a kind is its place among the kinds: a new one goes to the end, and none ever moves, or a list would show
    /// one as another.
    #[test]
    fn kinds_keep_their_places() {
        use store::Encoding;
        for (place, name) in [
            "progress_note",
            "psychotherapy_note",
            "assessment",
            "treatment_plan",
            "diagnosis",
            "medication",
            "encounter",
            "observation",
            "procedure",
            "immunization",
            "diagnostic_report",
            "document",
        ]
        .into_iter()
        .enumerate()
        {
            let place = u8::try_from(place).unwrap();
            let kind: Kind = Compact::decode(&[place]).unwrap();
            assert_eq!((kind.name(), kind as u8), (name, place));
        }
        assert!(<Compact as Encoding<Kind>>::decode(&[12]).is_err());
    }
}
