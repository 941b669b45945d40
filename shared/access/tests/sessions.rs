//! Sessions: what a token opens, for how long, and what it is good for.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use access::{Caller, Sessions, Token, Unauthenticated};
use crypto::Keyring;
use jiff::SignedDuration;
use model::{AccountId, ClinicId, Function, Role};
use store::{Shelf, StoreError};
use testkit::{World, log_in};

const SESSIONS: &str = "sessions";

fn clinic() -> ClinicId {
    ClinicId::from_bytes([3; 16])
}

fn account() -> AccountId {
    AccountId::from_bytes([5; 16])
}

fn clinician(world: &World) -> String {
    log_in(world, &[Role::Clinician], clinic(), account(), None)
}

fn authenticate(world: &World, token: &str) -> Result<Caller, Unauthenticated> {
    authenticate_at(world, Function::Records, token)
}

/// As a function does that reads sessions and is not their authority.
fn authenticate_at(world: &World, function: Function, token: &str) -> Result<Caller, Unauthenticated> {
    let text = world.keyrings.get(&function).map(String::as_str);
    let keyring = Keyring::parse(function, text).unwrap();
    world.with_platform(function, |platform| {
        let shelf = Shelf::open(&platform, SESSIONS).unwrap();
        let sessions = Sessions::new(shelf, keyring.reads(SESSIONS).unwrap(), platform.clock);
        sessions.authenticate(&Token::parse(token).unwrap())
    })
}

/// What lies in the sessions store.
fn stored(world: &World) -> Vec<Vec<u8>> {
    let values = world.stores.dump().into_iter();
    values
        .filter(|(store, _, _)| store == SESSIONS)
        .map(|(_, _, value)| value)
        .collect()
}

#[test]
fn a_check_is_one_read() {
    let world = World::new(1);
    let token = clinician(&world);
    world.stores.disarm();
    authenticate(&world, &token).unwrap();
    let trace = world.stores.trace();
    assert_eq!(trace.len(), 1, "{trace:?}");
    assert!(trace[0].starts_with("sessions get"), "{trace:?}");
}

#[test]
fn use_keeps_a_session_alive_and_idleness_ends_it() {
    let world = World::new(2);
    let token = clinician(&world);
    for _ in 0..4 {
        world.clock.advance(SignedDuration::from_mins(29));
        authenticate(&world, &token).unwrap();
    }
    world.clock.advance(SignedDuration::from_secs(30 * 60 + 1));
    assert_eq!(
        authenticate(&world, &token).unwrap_err(),
        Unauthenticated::NoSession,
        "idle"
    );
}

#[test]
fn use_is_written_once_a_minute() {
    let world = World::new(3);
    let token = clinician(&world);
    let written = stored(&world);
    world.clock.advance(SignedDuration::from_secs(59));
    authenticate(&world, &token).unwrap();
    assert_eq!(stored(&world), written);
    world.clock.advance(SignedDuration::from_secs(1));
    authenticate(&world, &token).unwrap();
    assert_ne!(stored(&world), written);
    let touched = stored(&world);
    authenticate(&world, &token).unwrap();
    assert_eq!(stored(&world), touched);
}

#[test]
fn a_session_ends_however_much_it_is_used() {
    let world = World::new(4);
    let token = clinician(&world);
    for _ in 0..59 {
        world.clock.advance(SignedDuration::from_mins(10));
        authenticate(&world, &token).unwrap();
    }
    world.clock.advance(SignedDuration::from_mins(10));
    assert_eq!(authenticate(&world, &token).unwrap_err(), Unauthenticated::NoSession);
}

/// A touch meets the end of the session: what is written back is never the session as it was before.
#[test]
fn a_touch_brings_no_ended_session_back() {
    let world = World::new(5);
    let token = clinician(&world);
    world.clock.advance(SignedDuration::from_secs(90));
    let before = stored(&world);
    let stores = world.stores.clone();
    // Right between the read of the touch and its swap, the session is replaced by one that was ended.
    let ended = {
        let other = World::new(5);
        let token = clinician(&other);
        revoke(&other, &token);
        stored(&other).remove(0)
    };
    let written = ended.clone();
    world.stores.meanwhile(2, move || {
        stores.tamper(|store, _, value| {
            if store == SESSIONS {
                value.clone_from(&written);
            }
        });
    });
    authenticate(&world, &token).unwrap();
    assert_ne!(stored(&world), before);
    assert_eq!(stored(&world), [ended]);
    assert_eq!(authenticate(&world, &token).unwrap_err(), Unauthenticated::NoSession);
}

fn revoke(world: &World, token: &str) {
    use base64ct::{Base64UrlUnpadded, Encoding};
    let slot = Base64UrlUnpadded::decode_vec(&token["cfs_".len()..]).unwrap();
    let text = world.keyrings.get(&Function::Auth).map(String::as_str);
    let keyring = Keyring::parse(Function::Auth, text).unwrap();
    let attestor = keyring.attests(SESSIONS).unwrap();
    world.with_platform(Function::Auth, |platform| {
        let sessions = Sessions::new(Shelf::open(&platform, SESSIONS).unwrap(), attestor, platform.clock);
        sessions
            .change(attestor, &slot[..16], |session| {
                session.revoked_at = Some(platform.clock.now());
                Ok::<_, ()>(())
            })
            .unwrap();
    });
}

/// Every byte of what is stored matters to everybody, but for the other readers' MACs, which matter to them.
#[test]
fn a_flipped_bit_anywhere_is_found() {
    let world = World::new(6);
    let token = clinician(&world);
    let readers: Vec<Function> = Function::ALL
        .into_iter()
        .filter(|function| *function != Function::Auth)
        .collect();
    let length = stored(&world)[0].len();
    let mut found = vec![0; length];
    for (at, found) in found.iter_mut().enumerate() {
        let flip = || {
            world.stores.tamper(|store, _, value| {
                if store == SESSIONS {
                    value[at] ^= 1;
                }
            });
        };
        flip();
        for reader in &readers {
            match authenticate_at(&world, *reader, &token) {
                Ok(_) => {}
                Err(Unauthenticated::Store(StoreError::Crypto(_))) => *found += 1,
                Err(other) => panic!("{at}: {other}"),
            }
        }
        flip();
    }
    // What nobody here looks at is the MAC of the authority itself, with its tag.
    assert_eq!(found.iter().filter(|found| **found == 0).count(), 1 + 32);
    // A reader's own MAC is checked by that reader; everything else by all of them.
    let by_all = found.iter().filter(|found| **found == readers.len()).count();
    assert!(by_all + (readers.len() + 1) * (1 + 32) >= length, "{found:?}");
    authenticate(&world, &token).unwrap();
}

#[test]
fn a_token_opens_only_its_own_session() {
    let world = World::new(7);
    let (token, other) = (clinician(&world), clinician(&world));
    // The slot of one with the secret of the other.
    let spliced = format!("{}{}", &token[..4 + 20], &other[4 + 20..]);
    for wrong in [spliced, clinician(&World::new(8))] {
        assert_eq!(authenticate(&world, &wrong).unwrap_err(), Unauthenticated::NoSession);
    }
}
