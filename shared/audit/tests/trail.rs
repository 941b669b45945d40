//! The trail, under faults and others who write to it at the same time.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::rc::Rc;

use audit_trail::{Chains, Event, SHARDS, Trail};
use crypto::Keyring;
use model::{ClinicId, Function};
use ports::{Clock, EntropyExt};
use store::Shelf;
use testkit::{Fault, World};

fn event(world: &World, clinic: ClinicId) -> Event {
    testkit::event(
        world.entropy.id(),
        world.clock.now(),
        Function::Records,
        Some(clinic),
        world.entropy.id(),
    )
}

fn keyring(world: &World) -> Keyring {
    Keyring::parse(Function::Records, Some(&world.keyrings[&Function::Records])).unwrap()
}

fn with_chains<R>(world: &World, run: impl FnOnce(&Chains<'_>) -> R) -> R {
    let keyring = keyring(world);
    world.with_platform(Function::Records, |platform| {
        let shelf = Shelf::open(&platform, "audit").unwrap();
        run(&Chains::new(
            &shelf,
            keyring.audit(Function::Records).unwrap(),
            Function::Records,
        ))
    })
}

/// An event whose swap was applied and reported as failed, and that another event has followed since, stands in one chain and once.
#[test]
fn an_event_is_in_the_trail_once_whatever_follows_it() {
    for length in [0, 14, 15, 16] {
        for nth in 0..8 {
            let world = Rc::new(World::new(1));
            let clinic = world.entropy.id();
            with_chains(&world, |chains| {
                for shard in 0..SHARDS {
                    for _ in 0..length {
                        let event = event(&world, clinic);
                        let chain = chains.chain(Some(clinic), shard);
                        chain.append(*event.id.as_bytes(), &event).unwrap();
                    }
                }
            });
            let other = Rc::clone(&world);
            world.stores.meanwhile(nth + 1, move || {
                with_chains(&other, |chains| {
                    for shard in 0..SHARDS {
                        let event = event(&other, clinic);
                        // It may find the chain being begun and give way.
                        let _ = chains
                            .chain(Some(clinic), shard)
                            .try_append(*event.id.as_bytes(), &event);
                    }
                });
            });
            world.stores.arm(nth, Fault::AppliedButFailed);
            let mine = event(&world, clinic);
            let keyring = keyring(&world);
            let appended = world.with_platform(Function::Records, |platform| {
                let shelf = Shelf::open(&platform, "audit").unwrap();
                let keys = keyring.audit(Function::Records).unwrap();
                Trail::new(shelf, keys, Function::Records, platform.entropy).append(&mine)
            });
            world.stores.disarm();
            let found = with_chains(&world, |chains| {
                (0..SHARDS)
                    .flat_map(|shard| {
                        let chain = chains.chain(Some(clinic), shard);
                        chain.newest_first(None).map(Result::unwrap).collect::<Vec<_>>()
                    })
                    .filter(|entry| entry.value.id == mine.id)
                    .count()
            });
            assert!(found <= 1, "after {length}, at {nth}: {found} times");
            assert!(appended.is_err() || found == 1, "after {length}, at {nth}: lost");
        }
    }
}
