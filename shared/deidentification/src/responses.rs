//! How many people have each of several things, of which one may have many or none.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{Count, THRESHOLD};

/// How many people have what, where the things themselves are data: that a rare one is there at all says that somebody has it. Those that are not
/// listed by name are together "other".
///
/// Of a number both it and what it leaves of all people are figures: nineteen of twenty tells of one. A thing is listed where each of the two is
/// [`THRESHOLD`] or more, or nobody is left. So of people who have these listed things and not those, for all that is shown, there can be as many
/// as the smallest of the numbers that they are counted in (Fréchet's bound), which is not small. How many have none of them all is not
/// said: with it, how many have two could be computed.
///
/// Of one to eleven people "other" is suppressed whatever it is: of so few, a number that is neither none nor all is 1 to 10, and to be the one that
/// is suppressed would say so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishedResponses<T> {
    named: Vec<(T, Count)>,
    other: Count,
    total: Count,
}

/// Whether a part of all may be shown.
fn may_be_shown(part: u64, all: u64) -> bool {
    let is_large = |count: u64| count == 0 || count >= THRESHOLD;
    is_large(part) && is_large(all.saturating_sub(part))
}

/// Whether what is suppressed of so many people could be large.
fn may_hide_large(all: u64) -> bool {
    all == 0 || all > THRESHOLD
}

fn count<T>(all: impl Iterator<Item = T>) -> u64 {
    u64::try_from(all.count()).unwrap_or(u64::MAX)
}

impl<T: Ord + Clone> PublishedResponses<T> {
    /// Counts the people who have each thing: one set for each person, empty for who has nothing.
    #[must_use]
    pub fn new(people: &[BTreeSet<T>]) -> Self {
        let total = count(people.iter());
        let mut counts: BTreeMap<&T, u64> = BTreeMap::new();
        for thing in people.iter().flatten() {
            let count = counts.entry(thing).or_default();
            *count = count.saturating_add(1);
        }
        counts.retain(|_, count| may_be_shown(*count, total));
        let has_another = |things: &&BTreeSet<T>| things.iter().any(|thing| !counts.contains_key(thing));
        let other = count(people.iter().filter(has_another));
        let shown = |count, may_be| if may_be { Count::Shown(count) } else { Count::Suppressed };
        Self {
            other: shown(other, may_hide_large(total) && may_be_shown(other, total)),
            total: shown(total, may_be_shown(total, total)),
            named: counts
                .into_iter()
                .map(|(thing, count)| (thing.clone(), Count::Shown(count)))
                .collect(),
        }
    }

    /// What is listed by name, in its own order, and how many have it.
    #[must_use]
    pub fn named(&self) -> &[(T, Count)] {
        &self.named
    }

    /// How many have anything else.
    #[must_use]
    pub fn other(&self) -> Count {
        self.other
    }

    /// How many people there are.
    #[must_use]
    pub fn total(&self) -> Count {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// So many people with each of these sets of things.
    fn people(groups: &[(usize, &[&'static str])]) -> Vec<BTreeSet<&'static str>> {
        groups
            .iter()
            .flat_map(|(count, things)| std::iter::repeat_n(things.iter().copied().collect(), *count))
            .collect()
    }

    fn published(groups: &[(usize, &[&'static str])]) -> (Vec<(&'static str, Count)>, Count, Count) {
        let published = PublishedResponses::new(&people(groups));
        (published.named().to_vec(), published.other(), published.total())
    }

    use Count::{Shown, Suppressed};

    #[test]
    fn what_fewer_than_eleven_have_has_no_name() {
        assert_eq!(
            published(&[(11, &["a"]), (10, &["b"]), (1, &["c"]), (20, &[])]),
            (vec![("a", Shown(11))], Shown(11), Shown(42))
        );
        assert_eq!(
            published(&[(11, &["a"]), (10, &["b"]), (20, &[])]),
            (vec![("a", Shown(11))], Suppressed, Shown(41))
        );
        // Somebody with two rare things is one person.
        assert_eq!(
            published(&[(11, &["a"]), (10, &["b", "c", "d"]), (20, &[])]),
            (vec![("a", Shown(11))], Suppressed, Shown(41))
        );
        assert_eq!(published(&[(10, &["a"])]), (vec![], Suppressed, Suppressed));
        assert_eq!(published(&[]), (vec![], Shown(0), Shown(0)));
        assert_eq!(published(&[(12, &[])]), (vec![], Shown(0), Shown(12)));
    }

    #[test]
    fn nor_has_what_all_but_a_few_have() {
        assert_eq!(published(&[(19, &["a"]), (1, &[])]), (vec![], Suppressed, Shown(20)));
        assert_eq!(
            published(&[(20, &["a"])]),
            (vec![("a", Shown(20))], Shown(0), Shown(20))
        );
        assert_eq!(
            published(&[(20, &["a"]), (11, &[])]),
            (vec![("a", Shown(20))], Shown(0), Shown(31))
        );
    }

    /// Whether they have something, and what, is not told by what is shown beside it.
    #[test]
    fn of_few_people_nothing_is_said() {
        for all in 1..=11 {
            let total = if all < 11 { Suppressed } else { Shown(11) };
            for some in 0..all {
                assert_eq!(
                    published(&[(some, &["a"]), (all - some, &[])]),
                    (vec![], Suppressed, total),
                    "{some} of {all}"
                );
            }
            assert_eq!(published(&[(all, &["a"])]).1, Suppressed, "all of {all}");
        }
    }

    proptest! {
        /// Of any combination of two listed things, had or not, there may be none or eleven, for all that is shown.
        #[test]
        fn no_combination_of_two_is_known_to_be_small(groups in proptest::collection::vec((0_usize..25, 0_u8..8), 1..8)) {
            let people: Vec<BTreeSet<u8>> = groups.iter().flat_map(|(count, bits)| {
                let things: BTreeSet<u8> = (0..3).filter(|bit| bits & (1 << bit) != 0).collect();
                std::iter::repeat_n(things, *count)
            }).collect();
            let published = PublishedResponses::new(&people);
            let all = u64::try_from(people.len()).unwrap();
            let mut parts = Vec::new();
            for (thing, shown) in published.named() {
                let truth = count(people.iter().filter(|things| things.contains(thing)));
                prop_assert_eq!(*shown, Count::Shown(truth));
                prop_assert!(truth >= THRESHOLD);
                parts.push(truth);
            }
            if let Count::Shown(other) = published.other() {
                parts.push(other);
            }
            for (at, first) in parts.iter().enumerate() {
                for second in &parts[at + 1..] {
                    for (a, b) in [(*first, *second), (*first, all - second), (all - first, *second), (all - first, all - second)] {
                        // How many may be in both: from what must overlap to the smaller of the two.
                        let (least, most) = ((a + b).saturating_sub(all), a.min(b));
                        prop_assert!(most == 0 || most >= THRESHOLD, "{} {} of {}", a, b, all);
                        prop_assert!(least == most && (most == 0 || most >= THRESHOLD) || least < most);
                    }
                }
            }
        }
    }
}
