//! Contents of any length: whole or not at all, under tampering and where a store or a sender breaks off.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use crypto::{CHUNK, ContentKey, CryptoError};
use model::Function;
use ports::KvError;
use store::{Content, ContentError, Shelf, StoreError};
use testkit::{Fault, World};

const NAME: &str = "a-fresh-name";

fn key() -> ContentKey {
    ContentKey::from_wrapped(&[5; 32]).unwrap()
}

fn with_content<R>(world: &World, run: impl FnOnce(Content<'_>) -> R) -> R {
    world.with_platform(Function::Records, |platform| {
        let shelf = Shelf::open(&platform, "health").unwrap();
        run(shelf.content(None, "test content", NAME))
    })
}

/// Bytes of which no two chunks are alike.
fn plain(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from((at / 251 + at % 251) % 256).unwrap())
        .collect()
}

fn write(world: &World, plain: &[u8]) -> Result<u64, ContentError<()>> {
    let mut rest = plain;
    with_content(world, |content| {
        content.write(key(), |chunk| {
            let (now, later) = rest.split_at(rest.len().min(CHUNK));
            chunk.extend_from_slice(now);
            rest = later;
            Ok(())
        })
    })
}

fn read(world: &World, length: usize) -> Result<Vec<u8>, ContentError<()>> {
    let mut whole = Vec::new();
    with_content(world, |content| {
        content.read(&key(), u64::try_from(length).unwrap(), |chunk| {
            whole.extend_from_slice(chunk);
            Ok(())
        })
    })
    .map(|()| whole)
}

#[test]
fn every_length_comes_back_in_as_many_chunks_as_it_needs() {
    for (length, chunks) in [
        (0, 1),
        (1, 1),
        (CHUNK - 1, 1),
        (CHUNK, 1),
        (CHUNK + 1, 2),
        (4 * CHUNK, 4),
        (5 * CHUNK, 5),
        (9 * CHUNK + 7, 10),
    ] {
        let world = World::new(1);
        let plain = plain(length);
        assert_eq!(write(&world, &plain), Ok(u64::try_from(length).unwrap()));
        assert_eq!(read(&world, length).unwrap(), plain, "{length}");
        assert_eq!(world.stores.dump().len(), chunks, "{length}");
        // Chunks become durable four at a time.
        world.stores.disarm();
        write(&World::new(1), &plain).unwrap();
        // A length that is not the content's is noticed, as is another chunk, one less and one too many.
        for wrong in [
            length + 1,
            length.saturating_sub(1),
            length + CHUNK,
            length.saturating_sub(CHUNK),
        ] {
            if wrong != length {
                assert_eq!(
                    read(&world, wrong).unwrap_err(),
                    StoreError::from(CryptoError::Tampered).into(),
                    "{length} {wrong}"
                );
            }
        }
        with_content(&world, |content| {
            content.remove(u64::try_from(length).unwrap()).unwrap()
        });
        assert!(world.stores.dump().is_empty());
    }
}

#[test]
fn chunks_are_durable_four_at_a_time() {
    let world = World::new(1);
    write(&world, &plain(9 * CHUNK)).unwrap();
    assert_eq!(world.stores.operations(), 3, "{:?}", world.stores.trace());
}

#[test]
fn what_was_changed_is_not_returned() {
    let length = 3 * CHUNK;
    let plain = plain(length);
    let world = World::new(1);
    write(&world, &plain).unwrap();
    let whole = world.stores.dump();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at].2[17] ^= 1;
        let mut cut = whole.clone();
        cut[at].2.pop();
        let mut gone = whole.clone();
        gone.remove(at);
        let mut swapped = whole.clone();
        let other = (at + 1) % whole.len();
        (swapped[at].2, swapped[other].2) = (whole[other].2.clone(), whole[at].2.clone());
        for changed in [flipped, cut, gone, swapped] {
            world.stores.restore(&changed);
            assert_eq!(
                read(&world, length).unwrap_err(),
                StoreError::from(CryptoError::Tampered).into()
            );
        }
    }
    // The last chunk taken away, and the length with it.
    world.stores.restore(&whole[..2]);
    assert_eq!(
        read(&world, 2 * CHUNK).unwrap_err(),
        StoreError::from(CryptoError::Tampered).into()
    );
}

#[test]
fn a_store_that_fails_is_told_and_the_rest_can_be_removed() {
    let plain = plain(6 * CHUNK);
    for fault in [Fault::Refused, Fault::AppliedButFailed] {
        for nth in 0..2 {
            let world = World::new(1);
            world.stores.arm(nth, fault);
            let written = write(&world, &plain);
            world.stores.disarm();
            match fault {
                Fault::Refused => assert_eq!(written.unwrap_err(), StoreError::from(KvError::Unavailable).into()),
                // What is there was read back.
                _ => assert_eq!(
                    read(&world, plain.len()).map(|read| read == plain),
                    written.map(|_| true)
                ),
            }
            with_content(&world, |content| {
                content.remove(u64::try_from(plain.len()).unwrap()).unwrap()
            });
            assert!(world.stores.dump().is_empty());
        }
    }
}

#[test]
fn whoever_breaks_off_is_heard() {
    let world = World::new(1);
    let written = with_content(&world, |content| {
        content.write(key(), |chunk| {
            chunk.resize(CHUNK, 1);
            if world.stores.operations() == 0 {
                Ok(())
            } else {
                Err("gone")
            }
        })
    });
    assert_eq!(written, Err(ContentError::BrokenOff("gone")));
    assert_eq!(world.stores.dump().len(), 4);
    write(&world, &plain(2 * CHUNK)).unwrap();
    let mut taken = 0;
    let read = with_content(&world, |content| {
        content.read(&key(), u64::try_from(2 * CHUNK).unwrap(), |_| {
            taken += 1;
            Err("gone")
        })
    });
    assert_eq!((read, taken), (Err(ContentError::BrokenOff("gone")), 1));
}
