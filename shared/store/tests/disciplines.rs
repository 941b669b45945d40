//! First writes, swaps and their races, against a store that behaves as SQLite under Spin does.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::cell::Cell;
use std::rc::Rc;

use jiff::SignedDuration;
use ports::{Clock, CountKey, Creation, DocKey, Kv, KvError, OnceKey, Swap};
use store::Disciplined;
use testkit::{Fault, MemoryStores, StandingClock, World, survive};

fn key() -> DocKey {
    DocKey::new("k")
}

fn create(stores: &MemoryStores, clock: &StandingClock, value: &[u8]) -> Result<Creation, KvError> {
    Disciplined::new(stores.bucket("s"), clock).create(&key(), value)
}

fn stored(stores: &MemoryStores, clock: &StandingClock) -> Option<Vec<u8>> {
    Disciplined::new(stores.bucket("s"), clock).doc(&key()).unwrap()
}

/// Chunks of a long content: written and removed in as many turns as every backend takes them.
#[test]
fn many_keys_are_written_and_removed_whatever_a_backend_takes_at_once() {
    let world = World::new(1);
    let store = Disciplined::new(world.stores.bucket("s"), &world.clock);
    let keys = || (0..60).map(|number| OnceKey::new(&number.to_string()));
    let held = || keys().filter(|key| store.once(key).unwrap().is_some()).count();
    let entries = keys().map(|key| (key, b"chunk".to_vec())).collect();
    store.put_many_once(entries).unwrap();
    assert_eq!(held(), 60);
    store.remove_many_once(keys().collect()).unwrap();
    assert_eq!(held(), 0);
}

/// Two creators, one of them running whole at every point of the other, in the same window of time, the next, and the
/// one before: never are both told that they created, and what the one that was told so wrote is there.
#[test]
fn two_creators_never_both_win() {
    for shift in [0, 1, 29, 31, 45] {
        for nth in 0..8 {
            let world = World::new(1);
            let stores = world.stores.clone();
            let clock = Rc::new(world.clock);
            let other: Rc<Cell<Option<Result<Creation, KvError>>>> = Rc::default();
            {
                let (stores, clock, other) = (stores.clone(), clock.clone(), other.clone());
                stores.clone().meanwhile(nth, move || {
                    clock.advance(SignedDuration::from_secs(shift));
                    other.set(Some(create(&stores, &clock, b"other")));
                });
            }
            let mine = create(&stores, &clock, b"mine");
            let theirs = other.take();
            let wins = [Some(mine), theirs]
                .into_iter()
                .filter(|outcome| *outcome == Some(Ok(Creation::Created)))
                .count();
            assert!(wins <= 1, "both created: shift {shift}, operation {nth}");
            let expected = match (mine, theirs) {
                (Ok(Creation::Created), _) => Some(b"mine".to_vec()),
                (_, Some(Ok(Creation::Created))) => Some(b"other".to_vec()),
                _ => None,
            };
            assert_eq!(
                stored(&stores, &clock),
                expected,
                "shift {shift}, operation {nth}: {mine:?} {theirs:?}"
            );
        }
    }
}

/// A creator that dies anywhere blocks others for at most two windows, and its flag is no document.
#[test]
fn a_dead_creator_blocks_nobody_for_long() {
    for fault in [Fault::KilledBefore, Fault::KilledAfter] {
        for nth in 0..7 {
            let world = World::new(1);
            world.stores.arm(nth, fault);
            let first = survive(|| create(&world.stores, &world.clock, b"first"));
            let operations = world.stores.operations();
            world.stores.disarm();
            world.clock.advance(SignedDuration::from_secs(60));
            let second = create(&world.stores, &world.clock, b"second").unwrap();
            let now = stored(&world.stores, &world.clock).unwrap();
            match second {
                Creation::Created => assert_eq!(now, b"second", "{fault:?} at {nth} of {operations}: {first:?}"),
                Creation::Exists => assert_eq!(now, b"first", "{fault:?} at {nth} of {operations}: {first:?}"),
            }
        }
    }
}

/// A store that fails at any operation of a creation leaves the document whole or absent, and a later try succeeds.
#[test]
fn a_failing_store_never_confirms_what_is_not_there() {
    for fault in [Fault::Refused, Fault::AppliedButFailed] {
        for nth in 0..8 {
            let world = World::new(1);
            world.stores.arm(nth, fault);
            let outcome = create(&world.stores, &world.clock, b"value");
            world.stores.disarm();
            let now = stored(&world.stores, &world.clock);
            if outcome.is_ok() {
                assert_eq!(now.as_deref(), Some(b"value".as_slice()), "{fault:?} at {nth}");
            }
            world.clock.advance(SignedDuration::from_secs(60));
            assert!(
                create(&world.stores, &world.clock, b"value").is_ok(),
                "{fault:?} at {nth}"
            );
            assert_eq!(stored(&world.stores, &world.clock).unwrap(), b"value");
        }
    }
}

#[test]
fn creations_leave_no_flags_behind() {
    let world = World::new(1);
    assert_eq!(create(&world.stores, &world.clock, b"a"), Ok(Creation::Created));
    assert_eq!(create(&world.stores, &world.clock, b"b"), Ok(Creation::Exists));
    let keys: Vec<_> = world.stores.dump().into_iter().map(|(_, key, _)| key).collect();
    assert_eq!(keys, ["doc/k"]);
}

/// The outcome of a swap is what the store holds afterwards, whatever the store said.
#[test]
fn swaps_say_what_is_true() {
    let world = World::new(1);
    let kv = Disciplined::new(world.stores.bucket("s"), &world.clock);
    kv.create(&key(), b"1").unwrap();

    let slot = kv.open(&key()).unwrap().unwrap();
    world.stores.arm(0, Fault::AppliedButFailed);
    assert_eq!(slot.swap(b"2"), Ok(Swap::Applied));

    let slot = kv.open(&key()).unwrap().unwrap();
    world.stores.arm(0, Fault::Refused);
    assert_eq!(slot.swap(b"3"), Err(KvError::Unavailable));
    world.stores.disarm();
    assert_eq!(kv.doc(&key()).unwrap().unwrap(), b"2");

    let slow = kv.open(&key()).unwrap().unwrap();
    assert_eq!(kv.open(&key()).unwrap().unwrap().swap(b"4"), Ok(Swap::Applied));
    assert_eq!(slow.swap(b"5"), Ok(Swap::Conflict));
    assert_eq!(kv.doc(&key()).unwrap().unwrap(), b"4");
}

/// One name under three disciplines is three keys: an increment never meets a document.
#[test]
fn disciplines_do_not_mix() {
    let world = World::new(1);
    let kv = Disciplined::new(world.stores.bucket("s"), &world.clock);
    kv.create(&DocKey::new("x"), b"document").unwrap();
    kv.put_once(&OnceKey::new("x"), b"once").unwrap();
    assert_eq!(kv.increment(&CountKey::new("x"), 2), Ok(2));
    assert_eq!(kv.increment(&CountKey::new("x"), -1), Ok(1));
    assert_eq!(kv.doc(&DocKey::new("x")).unwrap().unwrap(), b"document");
    assert_eq!(kv.once(&OnceKey::new("x")).unwrap().unwrap(), b"once");
    assert!(world.clock.now() > model::Timestamp::MIN);
}
