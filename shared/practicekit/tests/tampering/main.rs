//! Whoever holds the store files and no key changes, cuts or swaps what is in them: nobody is ever shown what was not written there,
//! nor told that nothing is there. And what that leaves, as `SECURITY.md` says: whole values that are taken away or put back.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod practice;

use std::collections::BTreeSet;

use ports::EntropyExt as _;
use serde_json::json;
use testkit::{Answer, SeededEntropy};

use crate::practice::{At, Door, Dump, Practice};

/// The stores of what one function writes and others believe.
const ATTESTED: [&str; 2] = ["permissions", "sessions"];

/// Bits of each value that are flipped, beside its first and its last.
const BITS: usize = 4;

/// What somebody learns from an answer about values that were tampered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// What was written.
    Truth,
    /// That it is not what was written, or nothing at all.
    Tampering,
    Falsehood,
}

/// What an answer shows. All that is random in one is the cursor of the next page.
fn shown(door: &Door, answer: &Answer) -> Shown {
    let without_cursor = |answer: &Answer| {
        let mut json = answer.json.clone();
        json.as_object_mut().and_then(|json| json.remove("next"));
        json
    };
    let (written, now) = (door.answer.bytes(), answer.bytes());
    let is_same = match door.answer.json.is_null() {
        true => written == now,
        false => without_cursor(&door.answer) == without_cursor(answer),
    };
    if answer.status == door.answer.status && is_same {
        return Shown::Truth;
    }
    let is_noticed = match (answer.status, answer.problem()) {
        (500, Some("integrity-violation")) => true,
        // A value in the place of another one names a version of a key that the other one's keys never had.
        (503, Some("unavailable")) => answer.body().contains("not in the keyring"),
        // A download has begun by the time at which a later chunk does not open: it ends before the length that it announced.
        (200, _) if door.answer.json.is_null() => now.len() < written.len() && written.starts_with(now),
        // A job that goes through all keys counts those that do not open, and says so at its end.
        (200, _) => answer.json["classes"]
            .as_array()
            .is_some_and(|classes| classes.iter().any(|class| class["state"] == "blocked")),
        _ => false,
    };
    if is_noticed { Shown::Tampering } else { Shown::Falsehood }
}

/// The stores with some values in place of what was there.
fn with(practice: &Practice, changes: &[(usize, &[u8])]) -> Dump {
    let mut changed = practice.stored.clone();
    for (number, value) in changes {
        changed[*number].2 = value.to_vec();
    }
    changed
}

/// Knocks at every door behind which one of these values is read, and gives those that showed the truth all the same, with each of the
/// values that they read.
fn knock<'d>(
    practice: &Practice,
    doors: &'d [Door],
    values: &[&At],
    changed: &Dump,
    what: &str,
) -> Vec<(&'d Door, At)> {
    let mut undisturbed = Vec::new();
    practice.lay(changed);
    for door in doors {
        let read: Vec<&At> = values
            .iter()
            .copied()
            .filter(|value| door.reads.contains(*value))
            .collect();
        if read.is_empty() {
            continue;
        }
        let answer = practice.ask(door);
        if door.writes {
            practice.lay(changed);
        }
        match shown(door, &answer) {
            Shown::Tampering => {}
            Shown::Truth => undisturbed.extend(read.into_iter().map(|value| (door, value.clone()))),
            Shown::Falsehood => panic!(
                "{what} of {}: {} answers {} {}",
                values
                    .iter()
                    .map(|value| practice.label(value))
                    .collect::<Vec<_>>()
                    .join(" and "),
                door.name,
                answer.status,
                answer.json
            ),
        }
    }
    undisturbed
}

/// What says all that it says by being there: that nothing is left to do about an event of a gateway's. Nobody opens it, so what is in it
/// does not matter; and no place of another event's mark is known to whoever has no key, so none can be made there.
fn marks(practice: &Practice, doors: &[Door]) -> BTreeSet<At> {
    let is_mark = |number: usize, value: &At| {
        let mut readers = doors.iter().filter(|door| door.reads.contains(value)).peekable();
        let emptied = with(practice, &[(number, &[])]);
        readers.peek().is_some()
            && readers.all(|door| door.is_delivery && shown(door, &practice.knock(door, &emptied)) == Shown::Truth)
    };
    let marks: BTreeSet<At> = practice
        .values()
        .into_iter()
        .filter(|(number, value)| is_mark(*number, value))
        .map(|(_, value)| value)
        .collect();
    // Of the event that is applied, and of the one that waits in its order.
    assert_eq!(marks.len(), 2);
    marks
}

/// All values that a door leads to, and two of those that none does.
fn values(practice: &Practice, doors: &[Door]) -> Vec<(usize, At)> {
    let is_read = |(_, value): &(usize, At)| doors.iter().any(|door| door.reads.contains(value));
    let (mut read, unread): (Vec<_>, Vec<_>) = practice.values().into_iter().partition(is_read);
    read.extend(unread.into_iter().take(2));
    read
}

#[test]
fn the_doors_lead_to_all_that_is_kept() {
    let (practice, doors) = Practice::new();
    for (_, value) in practice.values() {
        // Sealed documents and logs, and chunks. Counts, which are not sealed, guard the making of documents and are gone when it is done:
        // whoever changes one meanwhile makes requests wait or fail, or lets two make one document, of which the later stays.
        let is_sealed = ["doc/", "once/"].iter().any(|prefix| value.1.starts_with(prefix));
        assert!(is_sealed, "{}", practice.label(&value));
        let is_read = doors.iter().any(|door| door.reads.contains(&value));
        // Many records are alike: their list is read. Psychotherapy notes have one kind, so nobody asks for the list of it.
        let needs_no_door = ["record of many", "psychotherapy note"].contains(&practice.made_by(&value));
        assert!(is_read || needs_no_door, "{}", practice.label(&value));
    }
}

#[test]
fn whatever_two_values_are_swapped_nobody_is_shown_the_other() {
    let (practice, doors) = Practice::new();
    let marks = marks(&practice, &doors);
    let values = values(&practice, &doors);
    assert!(values.len() > 100);
    let entropy = SeededEntropy::new(37);
    for (nth, (one, at_one)) in values.iter().enumerate() {
        for (other, at_other) in &values[nth + 1..] {
            // All pairs within a store, and of those in two stores each tenth.
            let [chance] = entropy.bytes();
            if at_one.0 != at_other.0 && chance % 10 != 0 {
                continue;
            }
            let stored = |number: &usize| practice.stored[*number].2.as_slice();
            let swapped = with(&practice, &[(*one, stored(other)), (*other, stored(one))]);
            for (door, value) in knock(&practice, &doors, &[at_one, at_other], &swapped, "a swap") {
                assert!(
                    marks.contains(&value),
                    "{} does not notice a swap of {} and {}",
                    door.name,
                    practice.label(at_one),
                    practice.label(at_other)
                );
            }
        }
    }
}

#[test]
fn whatever_value_is_cut_nobody_is_shown_the_rest() {
    let (practice, doors) = Practice::new();
    let marks = marks(&practice, &doors);
    for (number, at) in values(&practice, &doors) {
        let stored = &practice.stored[number].2;
        for length in [0, stored.len() / 2, stored.len() - 1] {
            let cut = with(&practice, &[(number, &stored[..length])]);
            for (door, _) in knock(&practice, &doors, &[&at], &cut, "a cut") {
                let label = practice.label(&at);
                assert!(
                    marks.contains(&at),
                    "{} does not notice that {label} is cut to {length}",
                    door.name
                );
            }
        }
    }
}

#[test]
fn whatever_bit_is_flipped_nobody_is_shown_anything_else() {
    let (practice, doors) = Practice::new();
    let marks = marks(&practice, &doors);
    let entropy = SeededEntropy::new(31);
    for (number, at) in values(&practice, &doors) {
        let stored = &practice.stored[number].2;
        let bits = stored.len() * 8;
        let within = |_| usize::try_from(u64::from_be_bytes(entropy.bytes())).unwrap() % bits;
        for bit in [0, bits - 1].into_iter().chain((0..BITS).map(within)) {
            let mut value = stored.clone();
            value[bit / 8] ^= 1 << (bit % 8);
            let flipped = with(&practice, &[(number, &value)]);
            for (door, _) in knock(&practice, &doors, &[&at], &flipped, "a flipped bit") {
                // What is attested has a code for each function that reads it. Another one's is not looked at.
                if marks.contains(&at) || ATTESTED.contains(&at.0.as_str()) {
                    continue;
                }
                // Whoever adds to a log opens no entry that is in it. Whoever reads it then, does.
                let label = practice.label(&at);
                assert!(door.writes, "{} does not notice bit {bit} of {label}", door.name);
                practice.knock(door, &flipped);
                let left = practice.world.stores.dump();
                let readers: Vec<_> = doors
                    .iter()
                    .filter(|reader| !reader.writes && reader.reads.contains(&at))
                    .collect();
                for reader in readers {
                    let answer = practice.knock(reader, &left);
                    assert_eq!(shown(reader, &answer), Shown::Tampering, "{} {label}", reader.name);
                }
            }
        }
    }
}

/// The limit of all this, as `SECURITY.md` says it: a whole document that is put back to what it was, or taken away, is a genuine state.
#[test]
fn what_is_put_back_or_taken_away_whole_looks_genuine_and_a_part_of_it_does_not() {
    let (practice, doors) = Practice::new();
    let note = doors.iter().find(|door| door.name == practice.note).unwrap();
    let (number, unamended) = practice.unamended(note);
    let answer = practice.knock(note, &with(&practice, &[(number, &unamended)]));
    assert_eq!((answer.status, &answer.json["version"]), (200, &json!(1)));
    assert_eq!(note.answer.json["version"], json!(2));
    let without = |number: usize| {
        let mut left = practice.stored.clone();
        left.remove(number);
        left
    };
    assert_eq!(practice.knock(note, &without(number)).status, 404);
    // A chunk of a content is a part of a whole: the first and each later one.
    let chunks: Vec<_> = practice
        .values()
        .into_iter()
        // What marks an invoice as entered in the register is no part of anything.
        .filter(|(_, at)| at.1.starts_with("once/") && practice.made_by(at) != "invoice")
        .collect();
    assert_eq!(chunks.len(), 6);
    for (number, at) in chunks {
        let undisturbed = knock(&practice, &doors, &[&at], &without(number), "a removal");
        assert!(undisturbed.is_empty(), "{}", practice.label(&at));
    }
}
