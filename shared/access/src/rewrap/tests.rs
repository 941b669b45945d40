//! The life of key-encryption keys over a vault in memory: what a kill, a late instance or a broken key does to it.

use std::collections::BTreeMap;

use crypto::{Keyring, add_key_version, promote_key_version, remove_key_version};
use jiff::SignedDuration;
use model::{ClinicId, DataClass, Function};
use ports::Clock;
use proptest::prelude::*;
use store::{Shelf, StoreError};
use testkit::{Fault, SeededEntropy, World, survive};

use super::{GRACE, MOST, Rewrap, RewrapState};
use crate::{Vault, VaultError};

const CLASS: DataClass = DataClass::Health;

/// What tells one key from another: something sealed under it opens.
type Known = BTreeMap<String, [u8; 32]>;

struct Deployment {
    world: World,
    /// What instances are started with from now on.
    keyring: String,
    known: Known,
}

fn with_vault<R>(world: &World, keyring: &str, run: impl FnOnce(&Vault<'_>, &dyn Clock) -> R) -> R {
    let keyring = Keyring::parse(Function::Records, Some(keyring)).unwrap();
    world.with_platform(Function::Records, |platform| {
        let keys = Shelf::open(&platform, "health-keys").unwrap();
        let vault = Vault::new(keys, &keyring, keyring.key("link").unwrap(), platform.entropy);
        run(&vault, platform.clock)
    })
}

/// Clinics take turns: the index is the deployment's.
fn clinic_of(name: &str) -> ClinicId {
    ClinicId::from_bytes([u8::try_from(name.len() % 3).unwrap(); 16])
}

fn make(world: &World, keyring: &str, name: &str) -> Result<[u8; 32], VaultError> {
    with_vault(world, keyring, |vault, _| {
        let key = vault.find_or_make(clinic_of(name), CLASS, name)?;
        Ok(*key.wrappable())
    })
}

fn find(world: &World, keyring: &str, name: &str) -> Result<Option<[u8; 32]>, VaultError> {
    with_vault(world, keyring, |vault, _| {
        let key = vault.find(clinic_of(name), CLASS, name)?;
        Ok(key.map(|key| *key.wrappable()))
    })
}

fn run(world: &World, keyring: &str) -> Result<Rewrap, VaultError> {
    with_vault(world, keyring, |vault, clock| vault.rewrap_class(CLASS, clock))
}

/// Fresh randomness from here on, as every process has it.
fn reseed(world: &mut World, seed: u64) {
    world.entropy = SeededEntropy::new(seed);
}

impl Deployment {
    fn new(keys: usize) -> Self {
        let world = World::new(7);
        let keyring = world.keyrings[&Function::Records].clone();
        let mut deployment = Self {
            world,
            keyring,
            known: Known::new(),
        };
        for nth in 0..keys {
            deployment.make(&format!("key-{nth}"));
        }
        deployment
    }

    fn make(&mut self, name: &str) {
        self.make_with(&self.keyring.clone(), name);
    }

    fn make_with(&mut self, keyring: &str, name: &str) {
        let key = make(&self.world, keyring, name).unwrap();
        self.known.insert(name.to_owned(), key);
    }

    /// Whoever seals with the version before the current one makes no key, and leaves no trace of having tried.
    fn assert_makes_none(&self, behind: &str) {
        let stored = self.world.stores.dump();
        let version = self.seen();
        let refused = VaultError::Behind { class: CLASS, version };
        assert_eq!(make(&self.world, behind, "one too many"), Err(refused));
        assert_eq!(self.world.stores.dump(), stored);
    }

    /// The version that the job has seen as the current one.
    fn seen(&self) -> u32 {
        with_vault(&self.world, &self.keyring, |vault, _| {
            let known = vault.index(CLASS).progress().read().unwrap();
            known.unwrap().value.version()
        })
    }

    /// The keyring with a version that opens, and the one in which it seals.
    fn rotated(&self) -> (String, String) {
        let added = add_key_version(&self.world.entropy, Function::Records, &self.keyring, CLASS).unwrap();
        let promoted = promote_key_version(Function::Records, &added, CLASS).unwrap();
        (added.to_string(), promoted.to_string())
    }

    fn rotate(&mut self) -> u32 {
        self.keyring = self.rotated().1;
        self.current()
    }

    fn current(&self) -> u32 {
        let keyring = Keyring::parse(Function::Records, Some(&self.keyring)).unwrap();
        keyring.seal(CLASS).unwrap().current_version()
    }

    fn run(&self) -> Rewrap {
        run(&self.world, &self.keyring).unwrap()
    }

    /// As the scheduler does: again at once while there is more.
    fn run_down(&self) -> Rewrap {
        for _ in 0..100 {
            let said = self.run();
            if !said.more {
                return said;
            }
        }
        panic!("a pass that never ends");
    }

    /// Runs until the older versions can go.
    fn complete(&self) {
        assert_eq!(self.run_down().state, RewrapState::Waiting);
        self.world.clock.advance(GRACE);
        let said = self.run_down();
        assert_eq!((said.state, said.percent), (RewrapState::Complete, 100));
    }

    fn without(&self, version: u32) -> String {
        remove_key_version(Function::Records, &self.keyring, CLASS, version)
            .unwrap()
            .to_string()
    }

    fn assert_opens_all(&self, keyring: &str) {
        for (name, key) in &self.known {
            assert_eq!(find(&self.world, keyring, name).unwrap(), Some(*key), "{name}");
        }
    }

    fn assert_opens_none(&self, keyring: &str) {
        for name in self.known.keys() {
            let refused = find(&self.world, keyring, name);
            assert_eq!(
                refused,
                Err(VaultError::Store(StoreError::Crypto(
                    crypto::CryptoError::UnknownKeyVersion
                ))),
                "{name}"
            );
        }
    }
}

#[test]
fn a_class_comes_under_its_new_version_and_the_old_one_opens_nothing() {
    let mut deployment = Deployment::new(250);
    let before = deployment.keyring.clone();
    // Without an older version there is nothing to do, and nothing is written.
    let stored = deployment.world.stores.dump();
    assert_eq!(deployment.run().state, RewrapState::Complete);
    assert_eq!(deployment.world.stores.dump(), stored);

    assert_eq!(deployment.rotate(), 2);
    deployment.assert_opens_all(&deployment.keyring);
    let first = deployment.run();
    assert_eq!(
        (first.state, first.percent, first.more),
        (RewrapState::Rewrapping, 40, true)
    );
    deployment.assert_opens_all(&deployment.keyring);
    assert_eq!(deployment.run().percent, 80);
    let waiting = deployment.run();
    assert_eq!(
        (waiting.state, waiting.percent, waiting.more),
        (RewrapState::Waiting, 100, false)
    );
    deployment.assert_opens_none(&before);

    // However often it runs: what decides is a pass that begins after the grace.
    deployment.world.clock.advance(GRACE - SignedDuration::from_secs(1));
    let stored = deployment.world.stores.dump();
    assert_eq!(deployment.run().state, RewrapState::Waiting);
    assert_eq!(deployment.world.stores.dump(), stored);
    deployment.world.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(deployment.run().state, RewrapState::Rewrapping);
    let complete = deployment.run_down();
    assert_eq!((complete.state, complete.current), (RewrapState::Complete, 2));
    let stored = deployment.world.stores.dump();
    assert_eq!(deployment.run().state, RewrapState::Complete);
    assert_eq!(deployment.world.stores.dump(), stored);

    let without = deployment.without(1);
    deployment.assert_opens_all(&without);
    deployment.assert_opens_none(&before);
    // And on to the next.
    deployment.keyring = without;
    assert_eq!(deployment.rotate(), 3);
    deployment.complete();
    deployment.assert_opens_all(&deployment.without(2));
}

/// In a rollout some instances still have the keyring in which the new version only opens. Until the job has seen the version as the
/// current one they make keys, also one that a pass has gone by: the pass that decides finds it. From then on they make none, for as long
/// as they stay behind, and read everything.
#[test]
fn what_a_late_instance_makes_is_found() {
    let mut deployment = Deployment::new(5);
    let (added, promoted) = deployment.rotated();
    deployment.make_with(&added, "late");
    assert_eq!(run(&deployment.world, &added).unwrap().state, RewrapState::Complete);
    deployment.keyring = promoted;
    // It has asked which version seals before the job says so, and makes its key when the pass has gone by.
    let before = deployment.world.stores.dump();
    deployment.make_with(&added, "behind the pass");
    let made: Vec<_> = deployment.world.stores.dump();
    let made: Vec<_> = made.into_iter().filter(|entry| !before.contains(entry)).collect();
    deployment.world.stores.restore(&before);
    assert_eq!(deployment.run_down().state, RewrapState::Waiting);
    let mut stored = deployment.world.stores.dump();
    stored.retain(|(store, key, _)| !made.iter().any(|(of, at, _)| (of, at) == (store, key)));
    stored.extend(made);
    deployment.world.stores.restore(&stored);

    let assert_makes_none = |deployment: &Deployment| {
        deployment.assert_makes_none(&added);
        // It reads what was rewrapped, and leaves it alone.
        deployment.assert_opens_all(&added);
        let stored = deployment.world.stores.dump();
        let said = run(&deployment.world, &added).unwrap();
        assert_eq!((said.state, said.current, said.more), (RewrapState::Waiting, 1, false));
        assert_eq!(deployment.world.stores.dump(), stored);
        // What is there already is no first use.
        assert_eq!(
            make(&deployment.world, &added, "key-0"),
            Ok(*deployment.known.get("key-0").unwrap())
        );
    };
    assert_makes_none(&deployment);
    deployment.world.clock.advance(GRACE);
    let decisive = deployment.run();
    assert_eq!(
        (decisive.state, decisive.more),
        (RewrapState::Rewrapping, true),
        "it found one"
    );
    assert_makes_none(&deployment);
    assert_eq!(deployment.run_down().state, RewrapState::Complete);
    assert_makes_none(&deployment);
    deployment.keyring = deployment.without(1);
    deployment.make("after the end of the older version");
    assert_makes_none(&deployment);
    deployment.assert_opens_all(&deployment.keyring);
}

/// The keyrings are put back to where the new version only opened, once everything is under it. Promoting it again begins no new pass,
/// and needs none: meanwhile nothing came under the older version.
#[test]
fn a_keyring_that_is_put_back_makes_no_key_that_could_be_lost() {
    let mut deployment = Deployment::new(5);
    let (added, promoted) = deployment.rotated();
    deployment.keyring.clone_from(&promoted);
    deployment.complete();
    deployment.keyring.clone_from(&added);
    deployment.assert_makes_none(&added);
    assert_eq!(deployment.run().state, RewrapState::Waiting);
    deployment.keyring = promote_key_version(Function::Records, &added, CLASS)
        .unwrap()
        .to_string();
    assert_eq!(deployment.keyring, promoted);
    deployment.make("after it was put right");
    assert_eq!(deployment.run().state, RewrapState::Complete);
    deployment.assert_opens_all(&deployment.without(1));
}

/// They are put back before the job has seen the new version: what is made under the older one is rewrapped like everything else.
#[test]
fn a_keyring_that_is_put_back_before_any_pass_makes_keys_that_are_found() {
    let mut deployment = Deployment::new(5);
    let (added, promoted) = deployment.rotated();
    deployment.make_with(&promoted, "under the new version");
    deployment.make_with(&added, "under the older one again");
    deployment.keyring = promoted;
    deployment.complete();
    deployment.assert_opens_all(&deployment.without(1));
}

#[test]
fn an_instance_behind_a_later_version_does_nothing() {
    let mut deployment = Deployment::new(130);
    deployment.rotate();
    let behind = deployment.keyring.clone();
    deployment.rotate();
    // Neither while a pass is on its way nor when it has ended.
    for state in [RewrapState::Rewrapping, RewrapState::Waiting] {
        assert_eq!(deployment.run().state, state);
        let stored = deployment.world.stores.dump();
        let said = run(&deployment.world, &behind).unwrap();
        assert_eq!((said.state, said.current, said.more), (RewrapState::Waiting, 2, false));
        assert_eq!(deployment.world.stores.dump(), stored);
    }
    // A version that becomes current begins its own grace, and both older ones are gone in the end.
    deployment.world.clock.advance(GRACE);
    assert_eq!(deployment.run_down().state, RewrapState::Complete);
    deployment.keyring = deployment.without(1);
    deployment.assert_opens_all(&deployment.without(2));
}

/// A key that does not open keeps its version, and none of the others.
#[test]
fn a_key_that_does_not_open_blocks_the_end() {
    let mut deployment = Deployment::new(4);
    let intact = deployment.world.stores.dump();
    let key = intact
        .iter()
        .find(|(store, key, _)| store == "health-keys" && key == "doc/key-2")
        .unwrap()
        .clone();
    deployment.world.stores.tamper(|store, at, value| {
        if (store, at) == ("health-keys", key.1.as_str()) {
            *value.last_mut().unwrap() ^= 1;
        }
    });
    deployment.rotate();
    for _ in 0..3 {
        let said = deployment.run_down();
        assert_eq!(
            (said.state, said.more, said.unreadable),
            (RewrapState::Blocked, false, 1)
        );
        deployment.world.clock.advance(GRACE);
    }
    let mut repaired = deployment.world.stores.dump();
    for (store, at, value) in &mut repaired {
        if (store.as_str(), at.as_str()) == ("health-keys", key.1.as_str()) {
            value.clone_from(&key.2);
        }
    }
    deployment.world.stores.restore(&repaired);
    let said = deployment.run_down();
    assert_eq!((said.state, said.unreadable), (RewrapState::Complete, 0));
    deployment.assert_opens_all(&deployment.without(1));
}

/// Whoever destroys a client's key leaves an entry that leads nowhere.
#[test]
fn a_destroyed_key_is_passed_over() {
    let mut deployment = Deployment::new(4);
    let mut stored = deployment.world.stores.dump();
    stored.retain(|(_, key, _)| key != "doc/key-1");
    deployment.world.stores.restore(&stored);
    deployment.known.remove("key-1");
    deployment.rotate();
    deployment.complete();
    deployment.assert_opens_all(&deployment.without(1));
}

/// An index that is cut off is no end of a pass: what it led to would be lost.
#[test]
fn an_index_that_is_gone_ends_nothing() {
    let mut deployment = Deployment::new(250);
    deployment.rotate();
    assert!(deployment.run().more);
    let mut stored = deployment.world.stores.dump();
    // Everything but the keys themselves and how far the pass came.
    stored.retain(|(_, key, value)| !key.starts_with("doc/") || key.starts_with("doc/key-") || value.len() < 500);
    deployment.world.stores.restore(&stored);
    assert_eq!(
        run(&deployment.world, &deployment.keyring),
        Err(VaultError::Store(StoreError::Crypto(crypto::CryptoError::Tampered)))
    );
}

/// A run that is broken off at any of its operations, in any way, costs nothing: all keys open, and the next runs end as they would have.
#[test]
fn a_run_killed_anywhere_is_resumed() {
    let mut deployment = Deployment::new(20);
    deployment.rotate();
    let begun = deployment.world.stores.dump();
    let decisive = {
        assert_eq!(deployment.run_down().state, RewrapState::Waiting);
        deployment.world.stores.dump()
    };
    for (stored, waited) in [(begun, SignedDuration::ZERO), (decisive, GRACE)] {
        let start = deployment.world.clock.now();
        deployment.world.stores.restore(&stored);
        deployment.world.clock.advance(waited);
        deployment.world.stores.disarm();
        deployment.run();
        let operations = deployment.world.stores.operations();
        assert!(operations > 25, "{operations}");
        for fault in Fault::ALL {
            for nth in 0..operations {
                let back = start.duration_since(deployment.world.clock.now()) + waited;
                deployment.world.clock.advance(back);
                deployment.world.stores.restore(&stored);
                reseed(&mut deployment.world, 1 + u64::try_from(nth).unwrap());
                deployment.world.stores.arm(nth, fault);
                let _ = survive(|| run(&deployment.world, &deployment.keyring));
                deployment.world.stores.disarm();
                deployment.assert_opens_all(&deployment.keyring);
                // The lease of who died, and flags of what it was creating.
                deployment.world.clock.advance(SignedDuration::from_secs(61));
                deployment.run_down();
                deployment.world.clock.advance(GRACE);
                assert_eq!(deployment.run_down().state, RewrapState::Complete, "{fault:?} at {nth}");
                deployment.assert_opens_all(&deployment.without(1));
            }
        }
    }
}

/// However the first use of a key breaks off: a key that is there is found by the rewrap.
#[test]
fn no_key_is_ever_outside_the_index() {
    let mut deployment = Deployment::new(40);
    let stored = deployment.world.stores.dump();
    let new = "the new one";
    deployment.world.stores.disarm();
    make(&deployment.world, &deployment.keyring, new).unwrap();
    let operations = deployment.world.stores.operations();
    let first = deployment.keyring.clone();
    for fault in Fault::ALL {
        for nth in 0..operations {
            deployment.world.stores.restore(&stored);
            deployment.keyring.clone_from(&first);
            reseed(&mut deployment.world, 100 + u64::try_from(nth).unwrap());
            deployment.world.stores.arm(nth, fault);
            let _ = survive(|| make(&deployment.world, &first, new));
            deployment.world.stores.disarm();
            let left = find(&deployment.world, &first, new).unwrap();
            deployment.rotate();
            deployment.complete();
            assert_eq!(
                find(&deployment.world, &deployment.without(1), new).unwrap(),
                left,
                "{fault:?} at {nth}"
            );
            // Whoever tries again gets it, or makes it.
            let again = make(&deployment.world, &deployment.keyring, new).unwrap();
            assert!(left.is_none_or(|left| left == again));
        }
    }
}

/// A key is given out by one read, index or not; its first use adds one durable write where its log has room, and a read before it.
#[test]
fn the_index_costs_the_first_use_one_write_and_no_other() {
    let deployment = Deployment::new(40);
    let traced = |act: &dyn Fn()| {
        deployment.world.stores.disarm();
        act();
        deployment.world.stores.trace()
    };
    let verbs = |trace: &[String]| {
        let verbs = trace.iter().map(|line| line.split(' ').nth(1).unwrap().to_owned());
        verbs.collect::<Vec<_>>()
    };
    let found = traced(&|| _ = find(&deployment.world, &deployment.keyring, "key-3").unwrap());
    assert_eq!(verbs(&found), ["get"]);
    let again = traced(&|| _ = make(&deployment.world, &deployment.keyring, "key-3").unwrap());
    assert_eq!(verbs(&again), ["get"]);
    let made = traced(&|| _ = make(&deployment.world, &deployment.keyring, "key-40").unwrap());
    let index: Vec<_> = made.iter().filter(|line| !line.contains("key-40")).cloned().collect();
    // Which version seals, then the entry.
    assert_eq!(verbs(&index), ["get", "get", "swap"], "{made:?}");
}

/// While one run has the lease, another says how far it is and does nothing.
#[test]
fn one_run_at_a_time() {
    let mut deployment = Deployment::new(3);
    deployment.rotate();
    with_vault(&deployment.world, &deployment.keyring, |vault, clock| {
        let index = vault.index(CLASS);
        let doc = index.lease();
        let lease = store::Lease::take(&doc, super::LEASE).unwrap().unwrap();
        let said = vault.rewrap_class(CLASS, clock).unwrap();
        assert_eq!(
            (said.state, said.percent, said.more),
            (RewrapState::Rewrapping, 0, false)
        );
        assert!(lease.release(&doc).unwrap());
    });
    assert_eq!(deployment.run_down().state, RewrapState::Waiting);
}

/// More keys than a run looks at are divided over runs, and no run looks at more.
#[test]
fn a_run_is_bounded() {
    let mut deployment = Deployment::new(130);
    deployment.rotate();
    deployment.world.stores.disarm();
    assert!(deployment.run().more);
    let swaps = deployment.world.stores.trace();
    let swaps = swaps.iter().filter(|line| line.contains(" swap doc/key-")).count();
    assert_eq!(swaps, usize::try_from(MOST).unwrap());
}

/// What happens to a deployment, in any order.
#[derive(Debug, Clone)]
enum Step {
    Make(u8),
    MakeLate(u8),
    Read(u8),
    Rotate,
    Run,
    Broken { nth: usize, fault: usize, makes: bool },
    Wait,
    WaitLong,
    Destroy,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any::<u8>().prop_map(Step::Make),
        2 => any::<u8>().prop_map(Step::MakeLate),
        2 => any::<u8>().prop_map(Step::Read),
        1 => Just(Step::Rotate),
        4 => Just(Step::Run),
        4 => (0..60_usize, 0..4_usize, any::<bool>()).prop_map(|(nth, fault, makes)| Step::Broken { nth, fault, makes }),
        2 => Just(Step::Wait),
        2 => Just(Step::WaitLong),
        2 => Just(Step::Destroy),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is made, read, rotated, rewrapped, broken off and destroyed in whatever order: every key that was given out opens, and
    /// in the end nothing is under an old version.
    #[test]
    fn every_key_survives_every_history(steps in proptest::collection::vec(step(), 1..40)) {
        let mut deployment = Deployment::new(2);
        // The keyrings of instances that a rollout has not come to, for however long, or of a deployment whose keyrings were put back: each
        // knows the version that was current then and seals under the one before.
        let mut late: Vec<String> = Vec::new();
        let mut seed = 1000;
        for step in steps {
            match step {
                Step::Make(nth) => deployment.make(&format!("key-{nth}")),
                Step::MakeLate(nth) => {
                    let name = format!("key-{nth}");
                    let any = usize::from(nth) % late.len().max(1);
                    let keyring = late.get(any).unwrap_or(&deployment.keyring);
                    match make(&deployment.world, keyring, &name) {
                        Ok(key) => {
                            let before = deployment.known.insert(name, key);
                            prop_assert!(before.is_none_or(|before| before == key));
                        }
                        Err(VaultError::Behind { version, .. }) => {
                            prop_assert!(!late.is_empty() && version == deployment.seen());
                            prop_assert!(!deployment.known.contains_key(&name));
                        }
                        // Two rotations behind: it can't open what there is.
                        Err(VaultError::Store(StoreError::Crypto(crypto::CryptoError::UnknownKeyVersion))) => {
                            prop_assert!(!late.is_empty() && deployment.known.contains_key(&name));
                        }
                        Err(other) => prop_assert!(false, "{other}"),
                    }
                }
                Step::Read(nth) => {
                    let name = format!("key-{nth}");
                    let found = find(&deployment.world, &deployment.keyring, &name).unwrap();
                    prop_assert_eq!(found, deployment.known.get(&name).copied());
                }
                Step::Rotate => {
                    let (added, promoted) = deployment.rotated();
                    deployment.keyring = promoted;
                    late.push(added);
                }
                Step::Run => _ = deployment.run(),
                Step::Broken { nth, fault, makes } => {
                    seed += 1;
                    reseed(&mut deployment.world, seed);
                    deployment.world.stores.arm(nth, Fault::ALL[fault]);
                    let name = format!("broken-{seed}");
                    let keyring = &deployment.keyring;
                    if makes {
                        let made = survive(|| make(&deployment.world, keyring, &name));
                        deployment.world.stores.disarm();
                        if let Some(Ok(key)) = made {
                            deployment.known.insert(name, key);
                        } else if let Some(key) = find(&deployment.world, keyring, &name).unwrap() {
                            deployment.known.insert(name, key);
                        }
                    } else {
                        let _ = survive(|| run(&deployment.world, keyring));
                        deployment.world.stores.disarm();
                    }
                    deployment.world.clock.advance(SignedDuration::from_secs(61));
                }
                Step::Wait => deployment.world.clock.advance(SignedDuration::from_hours(5)),
                Step::WaitLong => deployment.world.clock.advance(GRACE),
                // As the operator does: only what the deployment calls complete.
                Step::Destroy => {
                    let said = deployment.run();
                    let keyring = Keyring::parse(Function::Records, Some(&deployment.keyring)).unwrap();
                    let oldest = keyring.seal(CLASS).unwrap().versions().min().unwrap();
                    if said.state == RewrapState::Complete && oldest < said.current {
                        deployment.keyring = deployment.without(oldest);
                    }
                }
            }
            deployment.assert_opens_all(&deployment.keyring);
        }
        deployment.world.clock.advance(GRACE);
        deployment.run_down();
        deployment.world.clock.advance(GRACE);
        prop_assert_eq!(deployment.run_down().state, RewrapState::Complete);
        let keyring = Keyring::parse(Function::Records, Some(&deployment.keyring)).unwrap();
        let current = deployment.current();
        let older: Vec<u32> = keyring.seal(CLASS).unwrap().versions().filter(|version| *version < current).collect();
        for version in older {
            deployment.keyring = deployment.without(version);
        }
        deployment.assert_opens_all(&deployment.keyring);
    }
}
