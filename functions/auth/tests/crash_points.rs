//! Every handler, broken off at every operation on a store in every way: what was acknowledged stays, nothing is half
//! there, the trail holds, and the repeated request comes to the same end.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::rc::Rc;

use jiff::SignedDuration;
use practicekit::sweep::{Chain, Moment, Sweep, trail, with_chains};
use practicekit::{ADMIN, ADMIN_PASSWORD, Person, Practice, bootstrap_code, clinic_body, send};
use serde_json::json;
use store::Head;
use testkit::{Answer, Call, Fault, World, survive};
const SESSIONS: &str = "/v1/auth/sessions";
const CURRENT: &str = "/v1/auth/sessions/current";

/// Ids of all listed sessions.
fn sessions(practice: &Practice, token: &str) -> BTreeSet<String> {
    let listed = practice.send(&Call::get(SESSIONS).bearer(token));
    assert_eq!(listed.status, 200, "{}", listed.json);
    let items = listed.json["sessions"].as_array().unwrap().iter();
    items.map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// A session and its token.
struct Held {
    id: String,
    token: String,
}

impl Held {
    fn new(answer: &Answer) -> Self {
        Self {
            id: answer.text("session_id"),
            token: answer.text("token"),
        }
    }
}

/// Of the sessions whose tokens somebody holds, those are listed that live, as seen from `token`.
fn those_that_live_are_listed(practice: &Practice, token: &str, held: &[&Held]) {
    let listed = sessions(practice, token);
    for session in held {
        assert_eq!(practice.is_live(&session.token), listed.contains(&session.id));
    }
}

/// Whatever lives can be ended, and is over then.
fn all_can_be_ended(practice: &Practice, mine: &Held, held: &[&Held]) {
    those_that_live_are_listed(practice, &mine.token, held);
    for id in sessions(practice, &mine.token) {
        if id != mine.id {
            let ended = practice.send(&Call::delete(format!("{SESSIONS}/{id}")).bearer(&mine.token));
            assert_eq!(ended.status, 204, "{}", ended.json);
        }
    }
    assert_eq!(sessions(practice, &mine.token), BTreeSet::from([mine.id.clone()]));
    for session in held {
        assert_eq!(practice.is_live(&session.token), session.id == mine.id);
    }
    let log_out = Call::delete(CURRENT).bearer(&mine.token);
    assert_eq!(practice.send(&log_out).status, 204);
    assert!(!practice.is_live(&mine.token));
}

/// An app whose owner was wrong once before, so that there is a failure to forget.
#[test]
fn confirming_an_app() {
    let world = World::new(36);
    let body = clinic_body(&bootstrap_code(&world, 1), ADMIN, ADMIN_PASSWORD);
    let opened = send(&world, &Call::post("/v1/auth/clinics", &body));
    let ada = Person::enrolled(ADMIN, ADMIN_PASSWORD, &opened);
    let practice = Practice {
        world,
        clinic: opened.text("clinic_id"),
    };
    assert_eq!(practice.send(&practice.log_in_call(&ada)).status, 401);
    let moment = Moment::after(&practice);
    let sweep = Sweep {
        moment: &moment,
        request: |practice: &Practice| practice.confirmation(&ada),
        also: None,
        look: |practice: &Practice, first: Option<&Answer>| {
            // The same code, at once: right before and after it was used up, unless a creation that died is in the way.
            let at_once = practice.send(&practice.confirmation(&ada));
            assert!(at_once.status == 204 || first.is_none() && at_once.status == 503);
        },
        verify: |_: &Practice, _: Option<&Answer>, _: &Answer| {},
        thoroughly: |practice: &Practice, _: Option<&Answer>, _: &Answer| {
            let session = Held::new(&practice.log_in(&ada));
            all_can_be_ended(practice, &session, &[]);
        },
    };
    sweep.run(Chain::Fresh);
}

/// Logging in where the account has these sessions, of which it lost the first `ended`.
fn logging_in(seed: u64, before: usize, ended: usize, chain: Chain) {
    let (practice, ada) = Practice::open(seed);
    let held: Vec<Held> = (0..before).map(|_| Held::new(&practice.log_in(&ada))).collect();
    for session in &held[..ended] {
        assert_eq!(practice.send(&Call::delete(CURRENT).bearer(&session.token)).status, 204);
    }
    let wrong = practice.credentials(ADMIN, "hill walks 8", None);
    assert_eq!(practice.send(&wrong).status, 401, "a failure to forget");
    let moment = Moment::after(&practice);
    // Those that tell most: the one that the first try puts an end to, the next one, and the last one.
    let told: Vec<&Held> = [0, 1, before.saturating_sub(1)]
        .into_iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .filter_map(|index| held.get(index))
        .collect();
    let sweep = Sweep {
        moment: &moment,
        request: |practice: &Practice| practice.log_in_call(&ada),
        also: None,
        look: |practice: &Practice, first: Option<&Answer>| {
            let first = first.map(Held::new);
            assert!(first.as_ref().is_none_or(|first| practice.is_live(&first.token)));
            let viewer = first.as_ref().or(held.last().filter(|_| ended < before));
            if let Some(viewer) = viewer {
                let held: Vec<&Held> = told.iter().copied().chain(first.as_ref()).collect();
                those_that_live_are_listed(practice, &viewer.token, &held);
            }
        },
        verify: |practice: &Practice, first: Option<&Answer>, again: &Answer| {
            let (first, again) = (first.map(Held::new), Held::new(again));
            assert!(practice.is_live(&again.token));
            assert!(first.as_ref().is_none_or(|first| practice.is_live(&first.token)));
            assert!(sessions(practice, &again.token).len() <= 8);
        },
        thoroughly: |practice: &Practice, first: Option<&Answer>, again: &Answer| {
            let (first, again) = (first.map(Held::new), Held::new(again));
            let held: Vec<&Held> = told.iter().copied().chain(&first).chain([&again]).collect();
            all_can_be_ended(practice, &again, &held);
        },
    };
    sweep.run(chain);
}

#[test]
fn logging_in_for_the_first_time() {
    logging_in(37, 0, 0, Chain::Fresh);
}

#[test]
fn logging_in_where_a_session_was() {
    logging_in(38, 1, 1, Chain::Begun);
}

#[test]
fn logging_in_where_the_oldest_session_has_to_go() {
    logging_in(39, 8, 0, Chain::Begun);
}

#[test]
fn looking_at_sessions() {
    let (practice, ada) = Practice::open(40);
    let held: Vec<Held> = (0..3).map(|_| Held::new(&practice.log_in(&ada))).collect();
    practice.send(&Call::delete(CURRENT).bearer(&held[0].token));
    let moment = Moment::after(&practice);
    // Until a chain's head is full.
    let is_full = |(_, head): &(u8, Head)| head.sequence == 16;
    while !with_chains(&practice, |chains, clinic| chains.heads(clinic).unwrap())
        .iter()
        .any(is_full)
    {
        assert!(practice.is_live(&held[1].token));
    }
    let later = Moment::after(&practice);
    let list = Sweep {
        moment: &moment,
        request: |_: &Practice| Call::get(SESSIONS).bearer(&held[2].token),
        also: None,
        look: |_: &Practice, _: Option<&Answer>| {},
        verify: |practice: &Practice, _: Option<&Answer>, again: &Answer| {
            let ids: Vec<_> = again.json["sessions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| &item["id"])
                .collect();
            assert_eq!(ids, [&json!(held[2].id), &json!(held[1].id)]);
            those_that_live_are_listed(practice, &held[2].token, &held.iter().collect::<Vec<_>>());
        },
        thoroughly: |_: &Practice, _: Option<&Answer>, _: &Answer| {},
    };
    let inspect = |moment| Sweep {
        moment,
        request: |_: &Practice| Call::get(CURRENT).bearer(&held[2].token),
        also: None,
        look: |_: &Practice, _: Option<&Answer>| {},
        verify: |_: &Practice, first: Option<&Answer>, again: &Answer| {
            assert!(first.is_none_or(|first| first.json == again.json));
            assert_eq!(again.text("session_id"), held[2].id);
        },
        thoroughly: |_: &Practice, _: Option<&Answer>, _: &Answer| {},
    };
    for chain in [Chain::Fresh, Chain::Begun] {
        list.run(chain);
        inspect(&moment).run(chain);
    }
    inspect(&later).run(Chain::Full);
}

#[test]
fn ending_sessions() {
    let (practice, ada) = Practice::open(45);
    let [other, mine] = [(), ()].map(|()| Held::new(&practice.log_in(&ada)));
    let moment = Moment::after(&practice);
    let log_out = Sweep {
        moment: &moment,
        request: |_: &Practice| Call::delete(CURRENT).bearer(&other.token),
        // It is over, so that nobody can ask with its token.
        also: Some(401),
        look: |practice: &Practice, first: Option<&Answer>| {
            assert!(first.is_none() || !practice.is_live(&other.token));
            those_that_live_are_listed(practice, &mine.token, &[&other, &mine]);
        },
        verify: |practice: &Practice, first: Option<&Answer>, again: &Answer| {
            assert!(first.is_none() || again.status == 401);
            assert!(!practice.is_live(&other.token));
        },
        thoroughly: |practice: &Practice, _: Option<&Answer>, _: &Answer| {
            all_can_be_ended(practice, &mine, &[&other, &mine]);
        },
    };
    let revoke = Sweep {
        moment: &moment,
        request: |_: &Practice| Call::delete(format!("{SESSIONS}/{}", other.id)).bearer(&mine.token),
        also: None,
        look: |practice: &Practice, first: Option<&Answer>| {
            assert!(first.is_none() || !practice.is_live(&other.token));
            those_that_live_are_listed(practice, &mine.token, &[&other, &mine]);
        },
        verify: |practice: &Practice, _: Option<&Answer>, _: &Answer| {
            assert!(!practice.is_live(&other.token));
        },
        thoroughly: |practice: &Practice, _: Option<&Answer>, _: &Answer| {
            all_can_be_ended(practice, &mine, &[&other, &mine]);
        },
    };
    for chain in [Chain::Fresh, Chain::Begun] {
        log_out.run(chain);
        revoke.run(chain);
    }
}

/// What is refused is counted before that is told: a fault is no way to guess for free.
#[test]
fn guessing() {
    let (practice, _) = Practice::open(42);
    let wrong = practice.credentials(ADMIN, "hill walks 8", Some("000000"));
    // The first makes the documents that count, as far as they are not there.
    assert_eq!(practice.send(&wrong).status, 401);
    let moment = Moment::after(&practice);
    let written = |practice: &Practice| -> usize {
        let (before, now) = (&moment.stored, practice.world.stores.dump());
        now.iter()
            .filter(|stored| stored.0 == "accounts" && !before.contains(stored))
            .count()
    };
    let probe = moment.resume(0);
    probe.world.stores.disarm();
    assert_eq!(probe.send(&wrong).status, 401);
    let (operations, counted) = (probe.world.stores.operations(), written(&probe));
    assert_eq!(counted, 2, "the account's and the network's failures");
    for fault in Fault::ALL {
        for nth in 0..operations {
            let practice = moment.resume(0);
            practice.world.stores.arm(nth, fault);
            let told = survive(|| practice.send(&wrong).status);
            practice.world.stores.disarm();
            trail(&practice);
            match told {
                Some(401) => assert_eq!(written(&practice), counted, "{fault:?} {nth}"),
                Some(status) => assert_eq!(status, 503, "{fault:?} {nth}"),
                None => assert!(matches!(fault, Fault::KilledBefore | Fault::KilledAfter), "{nth}"),
            }
        }
    }
}

/// What nobody is told stands in the trail: that the right password came while it was locked.
#[test]
fn a_lock_stands_in_the_trail() {
    let (practice, ada) = Practice::open(46);
    let before = trail(&practice);
    for _ in 0..5 {
        let wrong = practice.credentials(ADMIN, "hill walks 8", None);
        assert_eq!(practice.send(&wrong).status, 401);
    }
    assert_eq!(practice.send(&practice.log_in_call(&ada)).status, 401);
    let since = trail(&practice);
    let mut rules: Vec<&str> = since
        .iter()
        .filter(|(id, _)| !before.contains_key(*id))
        .map(|(_, event)| event.rule.as_ref())
        .collect();
    rules.sort_unstable();
    assert_eq!(rules, [["login.locked"].as_slice(), &["login.refused"; 5]].concat());
}

/// The session that has to go is used while it goes, by somebody whose clock is ahead.
#[test]
fn whoever_still_uses_the_oldest_session_keeps_nobody_out() {
    let (practice, ada) = Practice::open(44);
    let held: Vec<Held> = (0..8).map(|_| Held::new(&practice.log_in(&ada))).collect();
    let moment = Moment::after(&practice);
    for nth in 0.. {
        let practice = Rc::new(moment.resume(0));
        let call = practice.log_in_call(&ada);
        let (other, oldest) = (Rc::clone(&practice), held[0].token.clone());
        practice.world.stores.meanwhile(nth, move || {
            other.world.clock.advance(SignedDuration::from_secs(1));
            other.is_live(&oldest);
        });
        let answer = practice.send(&call);
        let reached = practice.world.stores.operations() > nth;
        practice.world.stores.disarm();
        assert_eq!(answer.status, 201, "{nth}: {}", answer.json);
        assert!(practice.is_live(&answer.text("token")), "{nth}");
        assert!(!practice.is_live(&held[0].token), "{nth}");
        if !reached {
            break;
        }
    }
}
