//! Documents, logs and leases: what they promise, under faults, races and tampering.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::rc::Rc;

use crypto::{CryptoError, DataKey, Secret};
use jiff::SignedDuration;
use model::Function;
use ports::{Creation, Entropy};
use proptest::prelude::*;
use store::{Entry, Lease, LeaseRecord, Link, Resealed, Shelf, StoreError, UpdateError, Versioned};
use testkit::{Fault, SeededEntropy, World, survive};

/// Runs a test on a shelf of its own, with a key.
fn on_shelf<R>(world: &World, run: impl FnOnce(&Shelf<'_>, &DataKey) -> R) -> R {
    let key = DataKey::generate(&SeededEntropy::new(77));
    world.with_platform(Function::Records, |platform| {
        let shelf = Shelf::open(&platform, "health").unwrap();
        run(&shelf, &key)
    })
}

/// A head is authenticated under the version that is current when it is written, whichever authenticated the one before.
#[test]
fn a_log_goes_on_under_the_current_version() {
    let class = model::DataClass::Health;
    let world = World::new(1);
    let older = world.keyrings[&Function::Records].clone();
    let added = crypto::add_key_version(&world.entropy, Function::Records, &older, class).unwrap();
    let newer = crypto::promote_key_version(Function::Records, &added, class).unwrap();
    let alone = crypto::remove_key_version(Function::Records, &newer, class, 1).unwrap();
    let with = |text: &str, run: &dyn Fn(&store::Log<'_, u32, crypto::KeySet>)| {
        let keyring = crypto::Keyring::parse(Function::Records, Some(text)).unwrap();
        world.with_platform(Function::Records, |platform| {
            let shelf = Shelf::open(&platform, "health").unwrap();
            run(&shelf.log(None, "test", "l", keyring.seal(class).unwrap()));
        });
    };
    let unknown = StoreError::Crypto(CryptoError::UnknownKeyVersion);
    with(&older, &|log| assert_eq!(log.push(&1).unwrap(), 1));
    with(&alone, &|log| assert_eq!(log.push(&2).unwrap_err(), unknown));
    with(&newer, &|log| assert_eq!(log.push(&2).unwrap(), 2));
    with(&older, &|log| assert_eq!(log.head().unwrap_err(), unknown));
    with(&alone, &|log| {
        assert_eq!(log.head().unwrap().sequence, 2);
        assert_eq!(log.push(&3).unwrap(), 3);
    });
    with(&newer, &|log| {
        let values: Vec<_> = log.newest_first(None).map(|entry| entry.unwrap().value).collect();
        assert_eq!(values, [3, 2, 1]);
    });
}

/// What stands beside the versions changes without making one: whoever changes the document meanwhile goes on with the version that she has
/// seen, and loses nothing of it.
#[test]
fn a_document_is_annotated_at_its_version() {
    type Marked<'s> = store::Doc<'s, (u32, bool), DataKey>;
    let world = Rc::new(World::new(1));
    let with = move |world: &World, run: &dyn Fn(&Marked<'_>)| {
        on_shelf(world, |shelf, key| run(&shelf.doc(None, "test", "d", key)));
    };
    let mark = |(_, marked): &mut (u32, bool)| !std::mem::replace(marked, true);
    with(&world, &|doc| {
        assert!(!doc.annotate(mark).unwrap(), "there is none");
        assert_eq!(doc.create(&(7, false)).unwrap(), Creation::Created);
    });
    // Operation 0 reads; before 1 swaps, somebody else changes the value.
    let meanwhile = world.clone();
    world.stores.disarm();
    world.stores.meanwhile(1, move || {
        meanwhile.stores.disarm();
        with(&meanwhile, &|doc| {
            doc.update(Some(1), |(number, _)| {
                *number += 1;
                Ok::<_, ()>(())
            })
            .unwrap();
        });
    });
    with(&world, &|doc| {
        assert!(doc.annotate(mark).unwrap());
        assert_eq!(
            doc.read().unwrap().unwrap(),
            Versioned {
                version: 2,
                value: (8, true)
            }
        );
    });
    let before = world.stores.dump();
    with(&world, &|doc| assert!(doc.annotate(mark).unwrap()));
    assert!(world.stores.dump() == before, "marked already, it is left alone");
    with(&world, &|doc| {
        let changed = doc.update(Some(2), |(number, _)| {
            *number += 1;
            Ok::<_, ()>(())
        });
        assert_eq!(changed.unwrap().version, 3);
        assert_eq!(doc.read().unwrap().unwrap().value, (9, true));
    });
}

/// What an older version of a key seals is sealed anew, once; what it says stays, whoever changes it meanwhile.
#[test]
fn a_document_is_resealed_under_the_current_version() {
    let class = model::DataClass::Health;
    let world = Rc::new(World::new(1));
    let older = world.keyrings[&Function::Records].clone();
    let added = crypto::add_key_version(&world.entropy, Function::Records, &older, class).unwrap();
    let newer = crypto::promote_key_version(Function::Records, &added, class).unwrap();
    let alone = crypto::remove_key_version(Function::Records, &newer, class, 1).unwrap();
    let with = move |world: &World, text: &str, run: &dyn Fn(&store::Doc<'_, u32, crypto::KeySet>)| {
        let keyring = crypto::Keyring::parse(Function::Records, Some(text)).unwrap();
        world.with_platform(Function::Records, |platform| {
            let shelf = Shelf::open(&platform, "health").unwrap();
            run(&shelf.doc(None, "test", "d", keyring.seal(class).unwrap()));
        });
    };
    let unknown = || StoreError::Crypto(CryptoError::UnknownKeyVersion);
    with(&world, &newer, &|doc| {
        assert_eq!(doc.reseal().unwrap(), Resealed::Absent)
    });
    with(&world, &older, &|doc| {
        assert_eq!(doc.create(&7).unwrap(), Creation::Created);
        assert_eq!(doc.reseal().unwrap(), Resealed::Current);
    });
    with(&world, &alone, &|doc| assert_eq!(doc.reseal().unwrap_err(), unknown()));
    // Operation 0 reads, 1 reads to change; before 2 swaps, somebody else changes it under the older version.
    let (meanwhile, text) = (world.clone(), older.clone());
    world.stores.disarm();
    world.stores.meanwhile(2, move || {
        meanwhile.stores.disarm();
        with(&meanwhile, &text, &|doc| {
            let added = doc.update(None, |n| {
                *n += 1;
                Ok::<_, ()>(())
            });
            added.unwrap();
        });
    });
    with(&world, &newer, &|doc| assert_eq!(doc.reseal().unwrap(), Resealed::Anew));
    for _ in 0..2 {
        with(&world, &alone, &|doc| {
            assert_eq!(doc.reseal().unwrap(), Resealed::Current);
            assert_eq!(doc.read().unwrap().unwrap(), Versioned { version: 3, value: 8 });
        });
    }
    with(&world, &older, &|doc| assert_eq!(doc.read().unwrap_err(), unknown()));
    // A header that says another version is believed of nothing that does not open.
    world.stores.tamper(|_, key, value| {
        if key == "doc/d" {
            assert_eq!(value[13], 2);
            value[13] = 1;
        }
    });
    with(&world, &newer, &|doc| {
        assert_eq!(doc.reseal().unwrap_err(), StoreError::Crypto(CryptoError::Tampered));
    });
}

#[test]
fn a_document_counts_its_versions() {
    let world = World::new(1);
    on_shelf(&world, |shelf, key| {
        let doc = shelf.doc::<String, _>(None, "test", "d", key);
        assert_eq!(doc.read().unwrap(), None);
        assert_eq!(doc.update(None, |_| Ok::<_, ()>(())).unwrap_err(), UpdateError::Absent);
        assert_eq!(doc.create(&"one".to_owned()).unwrap(), Creation::Created);
        assert_eq!(doc.create(&"other".to_owned()).unwrap(), Creation::Exists);
        let push = |text: &mut String| {
            text.push('!');
            Ok::<_, ()>(text.len())
        };
        assert_eq!(doc.update(Some(1), push).unwrap(), Versioned { version: 2, value: 4 });
        assert_eq!(doc.update(Some(1), push).unwrap_err(), UpdateError::Stale);
        assert_eq!(
            doc.update(None, |_| Err::<(), _>("no")).unwrap_err(),
            UpdateError::Refused("no")
        );
        assert_eq!(
            doc.read().unwrap().unwrap(),
            Versioned {
                version: 2,
                value: "one!".to_owned()
            }
        );
    });
}

/// An update whose swap was applied and reported as failed, and that was then overwritten by others, is recognised and not
/// done twice.
#[test]
fn an_update_with_unknown_outcome_happens_once() {
    for others in 0..5 {
        let world = Rc::new(World::new(1));
        on_shelf(&world, |shelf, key| {
            let doc = shelf.doc::<u32, _>(None, "test", "d", key);
            doc.create(&0).unwrap();
            // Operation 0 reads, 1 swaps (and the answer is lost), then others write before 2 reads back.
            let meanwhile = world.clone();
            world.stores.meanwhile(2, move || {
                meanwhile.stores.disarm();
                on_shelf(&meanwhile, |shelf, key| {
                    let doc = shelf.doc::<u32, _>(None, "test", "d", key);
                    for _ in 0..others {
                        doc.update(None, |n| {
                            *n += 100;
                            Ok::<_, ()>(())
                        })
                        .unwrap();
                    }
                });
            });
            world.stores.arm(1, Fault::AppliedButFailed);
            doc.update(None, |n| {
                *n += 1;
                Ok::<_, ()>(())
            })
            .unwrap();
            assert_eq!(doc.read().unwrap().unwrap().value, 1 + 100 * others);
        });
    }
}

fn entries(log: &store::Log<'_, u32, DataKey>) -> Result<Vec<u32>, StoreError> {
    log.newest_first(None).map(|entry| Ok(entry?.value)).collect()
}

#[test]
fn a_log_pages_through_all_its_segments() {
    let world = World::new(1);
    on_shelf(&world, |shelf, key| {
        let log = shelf.log::<u32, _>(None, "test", "l", key);
        assert!(entries(&log).unwrap().is_empty());
        for n in 1..=100 {
            assert_eq!(log.push(&n).unwrap(), u64::from(n));
        }
        assert_eq!(entries(&log).unwrap(), (1..=100).rev().collect::<Vec<_>>());
        let mut before = None;
        let mut seen = Vec::new();
        loop {
            let page: Vec<Entry<u32>> = log.newest_first(before).take(7).collect::<Result<_, _>>().unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.sequence);
            seen.extend(page.into_iter().map(|entry| entry.value));
        }
        assert_eq!(seen, (1..=100).rev().collect::<Vec<_>>());
        // An append is one durable write, a spill of the inline entries one more.
        world.stores.disarm();
        for n in 101..=116 {
            log.push(&n).unwrap();
        }
        let writes = world
            .stores
            .trace()
            .iter()
            .filter(|op| op.contains(" swap ") || op.contains(" set "))
            .count();
        assert_eq!(writes, 16 + 1);
    });
}

/// Runs follow their links to the first entry, each for one read, also by links that were away meanwhile; what is no link of the log opens nothing.
#[test]
fn a_log_is_read_run_by_run() {
    let world = World::new(1);
    on_shelf(&world, |shelf, key| {
        let log = shelf.log::<u32, _>(None, "test", "l", key);
        assert_eq!(log.run(None).unwrap(), None);
        for n in 1..=100 {
            log.push(&n).unwrap();
        }
        let mut run = log.run(None).unwrap().unwrap();
        assert_eq!(run.head, log.head().unwrap());
        let (mut seen, mut links) = (Vec::new(), Vec::new());
        loop {
            assert!(run.entries.len() <= store::LONGEST_RUN);
            let computed = run.entries.iter().fold(run.after.chain, |now, entry| {
                store::chain(&now, entry.sequence, &entry.id, entry.json.as_bytes())
            });
            assert_eq!(computed, run.head.chain);
            seen.extend(run.entries.iter().rev().map(|entry| entry.value));
            let Some(link) = run.older else { break };
            // Whatever is appended meanwhile, the link leads to the same.
            log.push(&0).unwrap();
            let bytes = link.to_bytes();
            assert_eq!(Link::from_bytes(&bytes), Some(link));
            assert!(
                Link::from_bytes(&bytes[1..]).is_none()
                    && Link::from_bytes(&[bytes.as_slice(), &[0]].concat()).is_none()
            );
            world.stores.disarm();
            let next = log.run(Some(&link)).unwrap().unwrap();
            assert_eq!((world.stores.operations(), next.head), (1, run.after));
            links.push(link);
            run = next;
        }
        assert_eq!((seen, run.after.sequence), ((1..=100).rev().collect(), 0));
        for byte in 0..72 {
            let mut bytes = links[0].to_bytes();
            bytes[byte] ^= 1;
            assert!(log.run(Link::from_bytes(&bytes).as_ref()).is_err(), "{byte}");
        }
        let other = shelf.log::<u32, _>(None, "test", "m", key);
        assert!(other.run(Some(&links[0])).is_err());
    });
}

/// Every operation of an append failing in every way, on a log about to spill and on one that is not: what was
/// acknowledged is there once, the chain verifies, and the same append repeated is there once.
#[test]
fn an_append_survives_every_fault() {
    for length in [0, 1, 15, 16, 17, 32] {
        for fault in [Fault::Refused, Fault::AppliedButFailed] {
            for nth in 0..8 {
                let world = World::new(1);
                on_shelf(&world, |shelf, key| {
                    let log = shelf.log::<u32, _>(None, "test", "l", key);
                    for n in 0..length {
                        log.push(&n).unwrap();
                    }
                    world.stores.arm(nth, fault);
                    let outcome = log.append([9; 16], &1000);
                    world.stores.disarm();
                    let count = entries(&log).unwrap().iter().filter(|n| **n == 1000).count();
                    assert!(count <= 1, "{fault:?} at {nth}, length {length}");
                    if outcome.is_ok() {
                        assert_eq!(count, 1, "{fault:?} at {nth}, length {length}");
                    }
                    world.clock.advance(SignedDuration::from_secs(60));
                    log.append([9; 16], &1000).unwrap();
                    let mut expected: Vec<u32> = (0..length).collect();
                    expected.push(1000);
                    expected.reverse();
                    assert_eq!(entries(&log).unwrap(), expected, "{fault:?} at {nth}, length {length}");
                });
            }
        }
    }
}

/// An append whose swap was applied and reported as failed, and that others have overtaken since, is recognised and not done twice:
/// among the newest entries, and where others have moved it to a segment, or to one behind that.
#[test]
fn an_append_with_unknown_outcome_happens_once() {
    let long = |id: u8| format!("{id}{}", "-".repeat(9 * 1024));
    let short = |id: u8| id.to_string();
    for (length, others, value) in [
        (0, 1, &short as &dyn Fn(u8) -> String),
        (1, 1, &short),
        (14, 1, &short),
        (15, 1, &short),
        (15, 40, &short),
        (16, 16, &short),
        (1, 1, &long),
        (2, 3, &long),
    ] {
        for nth in 0..8 {
            let world = Rc::new(World::new(1));
            on_shelf(&world, |shelf, key| {
                let log = shelf.log::<String, _>(None, "test", "l", key);
                for n in 0..length {
                    log.push(&short(n)).unwrap();
                }
                let (other, values) = (world.clone(), (0..others).map(|n| value(100 + n)).collect::<Vec<_>>());
                world.stores.meanwhile(nth + 1, move || {
                    on_shelf(&other, |shelf, key| {
                        let log = shelf.log::<String, _>(None, "test", "l", key);
                        for value in values {
                            // It may find the log being created and give way; then it says so.
                            let _ = log.push(&value);
                        }
                    });
                });
                world.stores.arm(nth, Fault::AppliedButFailed);
                let case = format!("after {length}, overtaken by {others}, at {nth}");
                let mine = log.try_append([9; 16], &value(99));
                world.stores.disarm();
                let found: Vec<u64> = log
                    .newest_first(None)
                    .map(Result::unwrap)
                    .filter(|entry| entry.id == [9; 16])
                    .map(|entry| entry.sequence)
                    .collect();
                assert!(found.len() <= 1, "{case}");
                match mine {
                    Ok(sequence) => assert_eq!(found.first().copied(), sequence, "{case}"),
                    // Nobody knows, and that is said.
                    Err(error) => assert_eq!(error, StoreError::Kv(ports::KvError::Unavailable), "{case}"),
                }
            });
        }
    }
}

/// Whatever is appended meanwhile, an entry is there once, and finding that costs the same.
#[test]
fn what_is_appended_once_is_there_once_at_one_cost() {
    let world = World::new(1);
    let names = Secret::from_bytes([3; 32]);
    on_shelf(&world, |shelf, key| {
        let log = shelf.log::<u32, _>(None, "test", "l", key);
        let cost = |n: u32| {
            world.stores.disarm();
            log.append_once(&names, n.to_be_bytes().repeat(4).try_into().unwrap(), &n)
                .unwrap();
            world.stores.operations()
        };
        let costs: Vec<usize> = (0..2_000).map(cost).collect();
        // But for the first, which makes the log, it is a read, an append of two operations or three, and a write.
        assert!(costs[1..].iter().all(|cost| [4, 5].contains(cost)), "{costs:?}");
        for n in [0, 7, 1_000, 1_999] {
            assert_eq!(cost(n), 1);
        }
        assert!(entries(&log).unwrap().into_iter().eq((0..2_000).rev()));
        // Another log has marks of its own.
        let other = shelf.log::<u32, _>(None, "test", "other", key);
        other.append_once(&names, [0; 16], &0).unwrap();
        assert_eq!(entries(&other).unwrap(), [0]);
    });
}

#[test]
fn what_is_appended_once_survives_every_fault() {
    let names = Secret::from_bytes([3; 32]);
    for length in [0, 1, 15, 16, 17, 32] {
        for fault in [
            Fault::Refused,
            Fault::AppliedButFailed,
            Fault::KilledBefore,
            Fault::KilledAfter,
        ] {
            for nth in 0.. {
                let case = format!("{fault:?} at {nth}, length {length}");
                let world = World::new(1);
                let was_met = on_shelf(&world, |shelf, key| {
                    let log = shelf.log::<u32, _>(None, "test", "l", key);
                    for n in 0..length {
                        log.push(&n).unwrap();
                    }
                    world.stores.arm(nth, fault);
                    let outcome = survive(|| log.append_once(&names, [9; 16], &1000));
                    let was_met = world.stores.operations() > nth;
                    world.stores.disarm();
                    let count = entries(&log).unwrap().iter().filter(|n| **n == 1000).count();
                    assert!(count == 1 || (count == 0 && outcome != Some(Ok(()))), "{case}");
                    world.clock.advance(SignedDuration::from_secs(60));
                    log.append_once(&names, [9; 16], &1000).unwrap();
                    for n in 0..20 {
                        log.push(&n).unwrap();
                    }
                    log.append_once(&names, [9; 16], &1000).unwrap();
                    let count = entries(&log).unwrap().iter().filter(|n| **n == 1000).count();
                    assert_eq!(count, 1, "{case}");
                    was_met
                });
                if !was_met {
                    break;
                }
            }
        }
    }
}

/// Nobody without the key can say that an entry is there which is not.
#[test]
fn a_mark_that_is_not_the_mark_is_noticed() {
    let world = World::new(1);
    let names = Secret::from_bytes([3; 32]);
    on_shelf(&world, |shelf, key| {
        let log = shelf.log::<u32, _>(None, "test", "l", key);
        let other = shelf.log::<u32, _>(None, "test", "other", key);
        let is_mark = |key: &str| key.starts_with("once/mark/");
        let marks = || -> Vec<(String, Vec<u8>)> {
            let dump = world.stores.dump().into_iter();
            dump.filter(|(_, key, _)| is_mark(key))
                .map(|(_, key, value)| (key, value))
                .collect()
        };
        log.append_once(&names, [1; 16], &1).unwrap();
        let [(at, one)] = marks().try_into().unwrap();
        log.append_once(&names, [2; 16], &2).unwrap();
        other.append_once(&names, [1; 16], &1).unwrap();
        // Each is another one at another place, and of another key.
        let all = marks();
        assert_eq!(all.len(), 3);
        let others: Vec<Vec<u8>> = all
            .into_iter()
            .filter(|(key, _)| *key != at)
            .map(|(_, value)| value)
            .collect();
        let flips = (0..one.len() * 8).map(|bit| {
            let mut flipped = one.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            flipped
        });
        let cuts = (0..one.len()).map(|length| one[..length].to_vec());
        let longer = [one.as_slice(), &[0]].concat();
        for wrong in flips.chain(cuts).chain(others).chain([longer]) {
            world.stores.tamper(|_, key, value| {
                if key == at {
                    value.clone_from(&wrong);
                }
            });
            let refused = log.append_once(&names, [1; 16], &1).unwrap_err();
            assert_eq!(refused, StoreError::Crypto(CryptoError::Tampered));
        }
        world.stores.tamper(|_, key, value| {
            if key == at {
                value.clone_from(&one);
            }
        });
        log.append_once(&names, [1; 16], &1).unwrap();
        assert_eq!(entries(&log).unwrap(), [2, 1]);
        log.append_once(&Secret::from_bytes([4; 32]), [3; 16], &3).unwrap();
        assert_eq!(marks().len(), 4);
    });
}

/// A mark is found and believed whichever versions of the log's own key have come and gone.
#[test]
fn a_mark_outlives_the_version_under_which_its_entry_was_sealed() {
    let class = model::DataClass::Health;
    let world = World::new(1);
    let names = Secret::from_bytes([3; 32]);
    let older = world.keyrings[&Function::Records].clone();
    let added = crypto::add_key_version(&world.entropy, Function::Records, &older, class).unwrap();
    let newer = crypto::promote_key_version(Function::Records, &added, class).unwrap();
    let with = |text: &str, run: &dyn Fn(&store::Log<'_, u32, crypto::KeySet>)| {
        let keyring = crypto::Keyring::parse(Function::Records, Some(text)).unwrap();
        world.with_platform(Function::Records, |platform| {
            let shelf = Shelf::open(&platform, "health").unwrap();
            run(&shelf.log(None, "test", "l", keyring.seal(class).unwrap()));
        });
    };
    with(&older, &|log| {
        for n in 0..40_u8 {
            log.append_once(&names, [n; 16], &u32::from(n)).unwrap();
        }
    });
    with(&newer, &|log| {
        log.append_once(&names, [0; 16], &0).unwrap();
        log.append_once(&names, [40; 16], &40).unwrap();
        let values: Vec<_> = log.newest_first(None).map(|entry| entry.unwrap().value).collect();
        assert!(values.into_iter().eq((0..=40).rev()));
    });
    with(&older, &|log| log.append_once(&names, [40; 16], &40).unwrap());
}

/// Another append at every point of an append: both are there, once each.
#[test]
fn appends_that_meet_are_both_there() {
    for length in [0, 1, 15, 16] {
        for nth in 0..8 {
            let world = Rc::new(World::new(1));
            on_shelf(&world, |shelf, key| {
                let log = shelf.log::<u32, _>(None, "test", "l", key);
                for n in 0..length {
                    log.push(&n).unwrap();
                }
                let other = world.clone();
                world.stores.meanwhile(nth, move || {
                    on_shelf(&other, |shelf, key| {
                        // It may find the log being created and give way; then it says so.
                        let _ = shelf.log::<u32, _>(None, "test", "l", key).append([8; 16], &2000);
                    });
                });
                let mine = log.append([9; 16], &1000);
                world.stores.disarm();
                world.clock.advance(SignedDuration::from_secs(60));
                if mine.is_err() {
                    log.append([9; 16], &1000).unwrap();
                }
                let all = entries(&log).unwrap();
                assert_eq!(
                    all.iter().filter(|n| **n == 1000).count(),
                    1,
                    "length {length}, operation {nth}"
                );
                assert!(all.iter().filter(|n| **n == 2000).count() <= 1);
            });
        }
    }
}

#[test]
fn the_chain_can_be_recomputed_without_a_key() {
    let world = World::new(1);
    on_shelf(&world, |shelf, key| {
        let log = shelf.log::<u32, _>(None, "test", "l", key);
        for n in 0..40 {
            log.push(&n).unwrap();
        }
        let mut all: Vec<_> = log.newest_first(None).collect::<Result<_, _>>().unwrap();
        all.reverse();
        let chain = all.iter().fold([0; 32], |now, entry| {
            store::chain(&now, entry.sequence, &entry.id, entry.json.as_bytes())
        });
        assert_eq!(log.head().unwrap().chain, chain);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any changed bit in any stored byte of a document or log is noticed by whoever reads it whole.
    #[test]
    fn tampering_is_noticed(length in 1..40_u32, row in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let world = World::new(5);
        on_shelf(&world, |shelf, key| {
            let log = shelf.log::<u32, _>(None, "test", "l", key);
            for n in 0..length {
                log.push(&n).unwrap();
            }
            let doc = shelf.doc::<String, _>(None, "test", "d", key);
            doc.create(&"secret".to_owned()).unwrap();
            let target = row.index(world.stores.dump().len());
            let mut index = 0;
            world.stores.tamper(|_, _, value| {
                if index == target {
                    let position = at.index(value.len());
                    value[position] ^= 1 << bit;
                }
                index += 1;
            });
            let broken = entries(&log).is_err() || doc.read().is_err();
            assert!(broken, "row {target}");
        });
    }

    /// A log agrees with a list, whatever is appended and however it is read.
    #[test]
    fn a_log_is_a_list(values in proptest::collection::vec(any::<u32>(), 0..60), before in proptest::option::of(0..70_u64)) {
        let world = World::new(5);
        on_shelf(&world, |shelf, key| {
            let log = shelf.log::<u32, _>(None, "test", "l", key);
            for value in &values {
                log.push(value).unwrap();
            }
            let read: Vec<u32> = log.newest_first(before).map(|entry| entry.unwrap().value).collect();
            let mut expected: Vec<u32> = values
                .iter()
                .zip(1_u64..)
                .filter(|(_, sequence)| before.is_none_or(|before| *sequence < before))
                .map(|(value, _)| *value)
                .collect();
            expected.reverse();
            assert_eq!(read, expected);
        });
    }
}

/// A value that is moved to another document does not open there, and neither does one of another document version.
#[test]
fn values_do_not_move() {
    let world = World::new(1);
    on_shelf(&world, |shelf, key| {
        let (a, b) = (
            shelf.doc::<String, _>(None, "test", "a", key),
            shelf.doc::<String, _>(None, "test", "b", key),
        );
        a.create(&"a".to_owned()).unwrap();
        b.create(&"b".to_owned()).unwrap();
        let dump = world.stores.dump();
        let value_of = |name: &str| dump.iter().find(|(_, key, _)| key == name).unwrap().2.clone();
        let (of_a, of_b) = (value_of("doc/a"), value_of("doc/b"));
        world.stores.tamper(|_, key, value| {
            *value = if key == "doc/a" { of_b.clone() } else { of_a.clone() };
        });
        for doc in [&a, &b] {
            assert_eq!(doc.read().unwrap_err(), StoreError::Crypto(CryptoError::Tampered));
        }
        // The version stands in front of the seal; changing it alone changes the place.
        world.stores.restore(&dump);
        world.stores.tamper(|_, _, value| value[8] ^= 1);
        assert!(a.read().is_err());
    });
}

#[test]
fn a_lease_has_one_holder_and_ends_by_itself() {
    let world = World::new(1);
    on_shelf(&world, |shelf, key| {
        let doc = shelf.doc::<LeaseRecord, _>(None, "lease", "job", key);
        let minute = SignedDuration::from_mins(1);
        let first = Lease::take(&doc, minute).unwrap().expect("free at first");
        assert!(Lease::take(&doc, minute).unwrap().is_none());
        assert!(first.renew(&doc, minute).unwrap());
        world.clock.advance(SignedDuration::from_secs(61));
        let second = Lease::take(&doc, minute).unwrap().expect("free when it has ended");
        assert!(!first.renew(&doc, minute).unwrap(), "the first holder has lost it");
        assert!(!first.release(&doc).unwrap());
        assert!(second.release(&doc).unwrap());
        assert!(Lease::take(&doc, minute).unwrap().is_some());
    });
}

/// Seeded entropy is what makes the tests repeat; that two draws differ is what makes them mean anything.
#[test]
fn entropy_differs_from_draw_to_draw() {
    let entropy = SeededEntropy::new(1);
    let (mut a, mut b) = ([0; 16], [0; 16]);
    entropy.fill(&mut a);
    entropy.fill(&mut b);
    assert_ne!(a, b);
}
