//! Session slots: an account has at most a few, and later sessions use them again, so that logging in never grows a
//! store without bound.

use jiff::fmt::serde::timestamp::nanosecond;
use model::{Confidential, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

/// How many sessions an account can have at once.
pub const MOST: usize = 8;

/// The random name of a slot, which is also the first half of its sessions' tokens.
pub type SlotId = [u8; 16];

/// A slot and the session that was last begun in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// Its name.
    pub id: SlotId,
    /// The session.
    pub session: SessionId,
    /// When the session began.
    #[serde(with = "nanosecond::required")]
    pub created_at: Timestamp,
    /// When it ends at last.
    #[serde(with = "nanosecond::required")]
    pub expires_at: Timestamp,
    /// Whether it was ended before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
    /// What its owner called the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_name: Option<Confidential<String>>,
    /// The address that the log-in came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Confidential<String>>,
}

/// Where a new session goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A slot of a random name that nothing was ever written under.
    New(SlotId),
    /// A slot that had a session before.
    Again(SlotId),
}

impl Slot {
    fn is_free(&self, now: Timestamp) -> bool {
        self.ended || self.expires_at <= now
    }
}

/// Puts a session into a slot: one whose session is over, else the new one that `wanted` names, else the oldest.
pub fn take(slots: &mut Vec<Slot>, wanted: Slot, now: Timestamp) -> Place {
    let free = slots.iter().position(|slot| slot.is_free(now));
    let chosen = match free {
        Some(free) => Some(free),
        None if slots.len() < MOST => None,
        None => (0..slots.len()).min_by_key(|index| slots.get(*index).map(|slot| slot.created_at)),
    };
    match chosen.and_then(|index| slots.get_mut(index)) {
        Some(slot) => {
            let id = slot.id;
            *slot = Slot { id, ..wanted };
            Place::Again(id)
        }
        None => {
            let id = wanted.id;
            slots.push(wanted);
            Place::New(id)
        }
    }
}

/// Marks the slot of a session that was ended, so that the next log-in takes it.
pub fn end(slots: &mut [Slot], session: SessionId) {
    for slot in slots.iter_mut().filter(|slot| slot.session == session) {
        slot.ended = true;
    }
}

/// Marks all slots but that of one session.
pub(crate) fn end_all_but(slots: &mut [Slot], kept: Option<SessionId>) {
    for slot in slots.iter_mut().filter(|slot| Some(slot.session) != kept) {
        slot.ended = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn slot(id: u8, created: i64) -> Slot {
        Slot {
            id: [id; 16],
            session: SessionId::from_bytes([id; 16]),
            created_at: at(created),
            expires_at: at(created + 1000),
            ended: false,
            device_name: None,
            network: None,
        }
    }

    #[test]
    fn takes_a_free_slot_then_a_new_one_then_the_oldest() {
        let full = |from: i64| (0..8).map(|id| slot(id, from + i64::from(id))).collect::<Vec<_>>();
        let mut one_ended = full(100);
        end(&mut one_ended, SessionId::from_bytes([3; 16]));
        for (case, mut slots, now, place) in [
            ("the first", vec![], 200, Place::New([9; 16])),
            ("room for more", full(100)[..7].to_vec(), 200, Place::New([9; 16])),
            ("full", full(100), 200, Place::Again([0; 16])),
            ("one ended", one_ended, 200, Place::Again([3; 16])),
            ("first expired", full(100), 1100, Place::Again([0; 16])),
            ("expired before room", vec![slot(4, 100)], 1100, Place::Again([4; 16])),
        ] {
            let before = slots.len();
            assert_eq!(take(&mut slots, slot(9, now), at(now)), place, "{case}");
            assert!(slots.len() <= MOST.max(before));
            assert_eq!(
                slots
                    .iter()
                    .filter(|slot| slot.session == SessionId::from_bytes([9; 16]))
                    .count(),
                1
            );
        }
    }

    #[test]
    fn never_more_than_eight() {
        let mut slots = Vec::new();
        for id in 0..100 {
            take(&mut slots, slot(id, i64::from(id)), at(i64::from(id)));
        }
        assert_eq!(slots.len(), MOST);
        assert_eq!(slots.iter().map(|slot| slot.created_at).min(), Some(at(92)));
    }
}
