//! Every handler, broken off at every operation on a store in every way: what was acknowledged stays, nothing is half
//! there, the trail holds, and the repeated request comes to the same end.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod setting;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use audit_trail::{Chains, Event};
use crypto::Keyring;
use jiff::SignedDuration;
use model::{ClinicId, Function, Timestamp};
use ports::Clock;
use serde_json::{Value, json};
use setting::{
    ADMIN, ADMIN_PASSWORD, Person, Practice, acceptance, bootstrap_code, clinic_body, invitation, send, staff,
};
use store::{Head, Shelf};
use testkit::{Answer, Call, Fault, SeededEntropy, World, survive};

const FAULTS: [Fault; 4] = [
    Fault::Refused,
    Fault::AppliedButFailed,
    Fault::KilledBefore,
    Fault::KilledAfter,
];

const BEN: &str = "ben@example.org";
const BEN_PASSWORD: &str = "eight ch";

const INVITATIONS: &str = "/v1/auth/invitations";
const SESSIONS: &str = "/v1/auth/sessions";
const CURRENT: &str = "/v1/auth/sessions/current";

/// Everything as it is at one moment, to go on from many times: enrolling somebody anew costs each case an Argon2id or
/// more.
struct Moment {
    keyrings: BTreeMap<Function, String>,
    now: Timestamp,
    stored: Vec<(String, String, Vec<u8>)>,
    clinic: String,
}

impl Moment {
    /// Two minutes after what was done: codes are fresh again, and sessions are due to be touched.
    fn after(practice: &Practice) -> Self {
        practice.world.clock.advance(SignedDuration::from_mins(2));
        Self {
            keyrings: practice.world.keyrings.clone(),
            now: practice.world.clock.now(),
            stored: practice.world.stores.dump(),
            clinic: practice.clinic.clone(),
        }
    }

    fn resume(&self, seed: u64) -> Practice {
        let mut world = World::new(0);
        world.keyrings.clone_from(&self.keyrings);
        // Another stream than the one before the moment: an event whose id came again would not be appended again.
        world.entropy = SeededEntropy::new(0xc4a5_4000 + seed);
        world.clock.advance(self.now.duration_since(world.clock.now()));
        world.stores.restore(&self.stored);
        Practice {
            world,
            clinic: self.clinic.clone(),
        }
    }
}

/// What the request meets where it writes its first event: the handlers are the same, the operations are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chain {
    /// One without events, which has to come to be.
    Fresh,
    /// One with events.
    Begun,
    /// One whose head is full, so that its events are moved to a segment.
    Full,
}

impl Chain {
    fn of(trace: &[String]) -> Self {
        let does = |what: &str| trace.iter().any(|operation| operation.starts_with(what));
        if does("audit set once/segment/") {
            Self::Full
        } else if does("audit increment") {
            Self::Fresh
        } else {
            Self::Begun
        }
    }
}

/// Reads the clinic's chains as those who watch over the trail do. Only this function's can hold anything: it has no
/// key of another's.
fn with_chains<R>(practice: &Practice, read: impl FnOnce(&Chains<'_>, ClinicId) -> R) -> R {
    let keyring = Keyring::parse(Function::Audit, Some(&practice.world.keyrings[&Function::Audit])).unwrap();
    practice.world.with_platform(Function::Audit, |platform| {
        let shelf = Shelf::open(&platform, "audit").unwrap();
        let chains = Chains::new(&shelf, keyring.audit(Function::Auth).unwrap(), Function::Auth);
        read(&chains, practice.clinic.parse().unwrap())
    })
}

/// All events of the clinic. Fails where a chain is not what was recorded.
fn trail(practice: &Practice) -> BTreeMap<String, Event> {
    with_chains(practice, |chains, clinic| {
        let mut events = BTreeMap::new();
        for (shard, head) in chains.heads(clinic).expect("heads that are what was written") {
            let mut expected = head.sequence;
            for entry in chains.chain(Some(clinic), shard).newest_first(None) {
                let entry = entry.expect("an entry that is what was recorded");
                assert_eq!(entry.sequence, expected);
                expected -= 1;
                let again = events.insert(entry.value.id.to_string(), entry.value);
                assert_eq!(again, None, "an event stands in the trail once");
            }
            assert_eq!(expected, 0, "all of them are there");
        }
        events
    })
}

/// What there is besides the trail, and how often each of it was written.
type Shape = Vec<(String, String, Vec<u8>)>;

fn shape(practice: &Practice, counts: &BTreeSet<String>) -> Shape {
    let stored = practice.world.stores.dump().into_iter();
    stored
        .filter(|(store, key, _)| store != "audit" && !counts.contains(key))
        // Format and version stand in front of every document, in the clear.
        .map(|(store, key, value)| (store, key, value.into_iter().take(9).collect()))
        .collect()
}

/// The documents of the accounts store, without flags and segments.
fn documents(practice: &Practice) -> BTreeMap<String, Vec<u8>> {
    let stored = practice.world.stores.dump().into_iter();
    stored
        .filter(|(store, key, _)| store == "accounts" && key.starts_with("doc/"))
        .map(|(_, key, value)| (key, value))
        .collect()
}

/// The documents that count tries, which are written before anything is decided and so before anything is recorded:
/// those of the network and of the account, and none for who has a session.
fn counts(trace: &[String]) -> BTreeSet<String> {
    let before = trace.iter().take_while(|operation| !operation.starts_with("audit "));
    let written = before.filter_map(|operation| operation.strip_prefix("accounts swap "));
    let counts: BTreeSet<String> = written.map(str::to_owned).collect();
    assert!(matches!(counts.len(), 0 | 2), "{counts:?}");
    counts
}

fn without(mut documents: BTreeMap<String, Vec<u8>>, counts: &BTreeSet<String>) -> BTreeMap<String, Vec<u8>> {
    documents.retain(|key, _| !counts.contains(key));
    documents
}

fn succeeded(answer: &Answer) -> bool {
    (200..300).contains(&answer.status)
}

/// What there was before the cases, and what was met in them so far.
struct Met {
    events: BTreeMap<String, Event>,
    documents: BTreeMap<String, Vec<u8>>,
    counts: BTreeSet<String>,
    acknowledged: usize,
    shapes: BTreeSet<(bool, Shape, Shape)>,
}

/// A request that is broken off at every operation in every way, looked at, and then repeated.
struct Sweep<'s, R, L, V, T> {
    moment: &'s Moment,
    /// The request, as it is sent at this time.
    request: R,
    /// What the repeated request is answered besides its success, where the first try did its work.
    also: Option<u16>,
    /// Looks at what the broken request left, given its answer where that was a success.
    look: L,
    /// Looks at what the repeated request came to, given the first answer where that was a success, and its own.
    verify: V,
    /// Looks at it at length: once for everything that a broken request can leave and a repeated one come to.
    thoroughly: T,
}

impl<R, L, V, T> Sweep<'_, R, L, V, T>
where
    R: Fn(&Practice) -> Call,
    L: Fn(&Practice, Option<&Answer>),
    V: Fn(&Practice, Option<&Answer>, &Answer),
    T: Fn(&Practice, Option<&Answer>, &Answer),
{
    /// Runs all cases on one kind of chain.
    fn run(&self, chain: Chain) {
        let (seed, trace) = self.seed(chain);
        let before = self.moment.resume(seed);
        let mut met = Met {
            events: trail(&before),
            documents: documents(&before),
            counts: counts(&trace),
            acknowledged: 0,
            shapes: BTreeSet::new(),
        };
        for fault in FAULTS {
            for (nth, operation) in trace.iter().enumerate() {
                let case = format!("{chain:?} chain, {fault:?} at {nth}, {operation}");
                // Caught so that the case is named, whichever expectation it fails.
                let run = catch_unwind(AssertUnwindSafe(|| self.case(seed, fault, nth, &mut met)));
                assert!(run.is_ok(), "in the case: {case}");
            }
        }
        // Some faults are survived, such as a swap that is applied and fails, and most are not.
        assert!((1..FAULTS.len() * trace.len()).contains(&met.acknowledged));
    }

    /// A stream of randomness by which the request meets this kind of chain, and the operations that it then has.
    fn seed(&self, chain: Chain) -> (u64, Vec<String>) {
        for seed in 0..400 {
            let practice = self.moment.resume(seed);
            practice.world.stores.disarm();
            let answer = practice.send(&(self.request)(&practice));
            assert!(succeeded(&answer), "{}", answer.json);
            let trace = practice.world.stores.trace();
            if Chain::of(&trace) == chain {
                return (seed, trace);
            }
        }
        panic!("no {chain:?} chain");
    }

    fn case(&self, seed: u64, fault: Fault, nth: usize, met: &mut Met) {
        let practice = self.moment.resume(seed);
        let call = (self.request)(&practice);
        practice.world.stores.arm(nth, fault);
        let first = survive(|| practice.send(&call));
        assert!(practice.world.stores.operations() > nth, "the fault was met");
        practice.world.stores.disarm();
        let dies = matches!(fault, Fault::KilledBefore | Fault::KilledAfter);
        assert_eq!(first.is_none(), dies);
        if let Some(answer) = &first {
            assert!(
                succeeded(answer) || answer.status == 503,
                "{}: {}",
                answer.status,
                answer.json
            );
        }
        let first = first.filter(succeeded);
        met.acknowledged += usize::from(first.is_some());

        let since = trail(&practice);
        assert!(met.events.iter().all(|(id, event)| since.get(id) == Some(event)));
        assert!(
            since.len() > met.events.len()
                || without(documents(&practice), &met.counts) == without(met.documents.clone(), &met.counts),
            "nothing is written that is not recorded"
        );
        if let Some(answer) = &first {
            assert!(since.contains_key(answer.header("audit-id").expect("a success is recorded")));
        }
        let left = shape(&practice, &met.counts);
        (self.look)(&practice, first.as_ref());

        // A creation that died keeps others waiting for a minute at most.
        practice.world.clock.advance(SignedDuration::from_secs(61));
        let again = practice.send(&(self.request)(&practice));
        assert!(
            succeeded(&again) || Some(again.status) == self.also,
            "{}: {}",
            again.status,
            again.json
        );
        if succeeded(&again) {
            let event = again.header("audit-id").expect("a success is recorded");
            assert!(trail(&practice).contains_key(event));
        }
        (self.verify)(&practice, first.as_ref(), &again);
        if met
            .shapes
            .insert((first.is_some(), left, shape(&practice, &met.counts)))
        {
            (self.thoroughly)(&practice, first.as_ref(), &again);
        }
        let last = trail(&practice);
        assert!(since.iter().all(|(id, event)| last.get(id) == Some(event)));
    }
}

/// `(id, state)` of all listed invitations, newest first.
fn invitations(practice: &Practice, token: &str) -> Vec<(String, String)> {
    let listed = practice.send(&Call::get(INVITATIONS).bearer(token));
    assert_eq!(listed.status, 200, "{}", listed.json);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = listed.json["invitations"].as_array().unwrap().iter();
    items
        .map(|item| (text(&item["invitation_id"]), text(&item["state"])))
        .collect()
}

/// Ids of all listed sessions.
fn sessions(practice: &Practice, token: &str) -> BTreeSet<String> {
    let listed = practice.send(&Call::get(SESSIONS).bearer(token));
    assert_eq!(listed.status, 200, "{}", listed.json);
    let items = listed.json["sessions"].as_array().unwrap().iter();
    items.map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// Logs in with the code of now.
fn log_in_call(practice: &Practice, person: &Person) -> Call {
    practice.credentials(person.email, person.password, Some(&practice.code(person)))
}

/// Staff who were just enrolled get in with their app, and not before it is confirmed.
fn gets_in_once_confirmed(practice: &Practice, person: &Person) {
    assert_eq!(practice.send(&log_in_call(practice, person)).status, 401);
    practice.confirm(person);
    let token = practice.log_in(person).text("token");
    assert!(practice.is_live(&token));
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

#[test]
fn opening_a_clinic() {
    let world = World::new(31);
    let code = bootstrap_code(&world, 1);
    let call = Call::post("/v1/auth/clinics", &clinic_body(&code, ADMIN, ADMIN_PASSWORD));
    let elsewhere = World::new(31);
    let clinic = send(&elsewhere, &call).text("clinic_id");
    let moment = Moment::after(&Practice { world, clinic });
    let sweep = Sweep {
        moment: &moment,
        request: |_: &Practice| call.clone(),
        also: None,
        look: |_: &Practice, _: Option<&Answer>| {},
        verify: |practice: &Practice, first: Option<&Answer>, again: &Answer| {
            assert!(first.is_none_or(|first| first.json == again.json));
            assert_eq!(again.text("clinic_id"), practice.clinic);
            let made = documents(practice).len();
            assert_eq!(
                made,
                4 + 2,
                "a clinic, an account, its address and the list of accounts; what counts its tries and the network's"
            );
        },
        thoroughly: |practice: &Practice, _: Option<&Answer>, again: &Answer| {
            gets_in_once_confirmed(practice, &Person::enrolled(ADMIN, ADMIN_PASSWORD, again));
            assert_eq!(practice.send(&call).problem(), Some("code-used"));
        },
    };
    sweep.run(Chain::Fresh);
}

#[test]
fn inviting() {
    for before in 0..2 {
        let (practice, ada) = Practice::open(32);
        let token = practice.log_in(&ada).text("token");
        for earlier in 0..before {
            practice.invite(&token, &format!("earlier{earlier}"), &staff("cyd@example.org"));
        }
        let moment = Moment::after(&practice);
        let sweep = Sweep {
            moment: &moment,
            request: |_: &Practice| invitation(&token, "ben", &staff(BEN)),
            also: None,
            look: |practice: &Practice, first: Option<&Answer>| {
                let listed = invitations(practice, &token);
                assert!(listed.len() <= before + 1);
                if let Some(first) = first {
                    assert_eq!(listed[0], (first.text("invitation_id"), "pending".to_owned()));
                }
            },
            verify: |practice: &Practice, first: Option<&Answer>, again: &Answer| {
                assert!(first.is_none_or(|first| first.json == again.json));
                let listed = invitations(practice, &token);
                assert_eq!(listed.len(), before + 1);
                assert_eq!(listed[0], (again.text("invitation_id"), "pending".to_owned()));
            },
            thoroughly: |practice: &Practice, _: Option<&Answer>, again: &Answer| {
                assert_eq!(practice.accept(&again.text("token"), BEN_PASSWORD).status, 201);
                assert_eq!(invitations(practice, &token)[0].1, "accepted");
            },
        };
        let chain = if before == 0 { Chain::Fresh } else { Chain::Begun };
        sweep.run(chain);
    }
}

#[test]
fn listing_invitations() {
    let (practice, ada) = Practice::open(33);
    let token = practice.log_in(&ada).text("token");
    let [taken_back, accepted, _] =
        ["one@example.org", BEN, "three@example.org"].map(|email| practice.invite(&token, email, &staff(email)));
    let path = format!("{INVITATIONS}/{}", taken_back.text("invitation_id"));
    assert_eq!(practice.send(&Call::delete(path).bearer(&token)).status, 204);
    assert_eq!(practice.accept(&accepted.text("token"), BEN_PASSWORD).status, 201);
    let moment = Moment::after(&practice);
    let sweep = Sweep {
        moment: &moment,
        request: |_: &Practice| Call::get(INVITATIONS).bearer(&token),
        also: None,
        look: |_: &Practice, _: Option<&Answer>| {},
        verify: |_: &Practice, first: Option<&Answer>, again: &Answer| {
            assert!(first.is_none_or(|first| first.json == again.json));
            let listed = again.json["invitations"].as_array().unwrap();
            let states: Vec<_> = listed.iter().map(|item| item["state"].as_str().unwrap()).collect();
            assert_eq!(states, ["pending", "accepted", "revoked"]);
        },
        thoroughly: |_: &Practice, _: Option<&Answer>, _: &Answer| {},
    };
    for chain in [Chain::Fresh, Chain::Begun] {
        sweep.run(chain);
    }
}

#[test]
fn taking_an_invitation_back() {
    let (practice, ada) = Practice::open(34);
    let token = practice.log_in(&ada).text("token");
    let invited = practice.invite(&token, "ben", &staff(BEN));
    let id = invited.text("invitation_id");
    let moment = Moment::after(&practice);
    let cannot_be_accepted = |practice: &Practice| {
        assert_eq!(invitations(practice, &token), [(id.clone(), "revoked".to_owned())]);
        let accepted = practice.accept(&invited.text("token"), BEN_PASSWORD);
        assert_eq!(accepted.problem(), Some("invalid-token"));
    };
    let sweep = Sweep {
        moment: &moment,
        request: |_: &Practice| Call::delete(format!("{INVITATIONS}/{id}")).bearer(&token),
        also: None,
        look: |practice: &Practice, first: Option<&Answer>| {
            let [(_, state)] = &invitations(practice, &token)[..] else {
                panic!("one invitation");
            };
            assert!(first.is_none() || state == "revoked");
            if state == "revoked" {
                cannot_be_accepted(practice);
            }
        },
        verify: |practice: &Practice, _: Option<&Answer>, _: &Answer| cannot_be_accepted(practice),
        thoroughly: |_: &Practice, _: Option<&Answer>, _: &Answer| {},
    };
    for chain in [Chain::Fresh, Chain::Begun] {
        sweep.run(chain);
    }
}

#[test]
fn accepting() {
    let (practice, ada) = Practice::open(35);
    let token = practice.log_in(&ada).text("token");
    let invited = practice.invite(&token, "ben", &staff(BEN)).text("token");
    let moment = Moment::after(&practice);
    let before = documents(&practice).len();
    let sweep = Sweep {
        moment: &moment,
        request: |_: &Practice| acceptance(&invited, BEN_PASSWORD),
        also: None,
        look: |practice: &Practice, first: Option<&Answer>| {
            let [(_, state)] = &invitations(practice, &token)[..] else {
                panic!("one invitation");
            };
            assert!(state == "accepted" || first.is_none() && state == "pending");
        },
        verify: |practice: &Practice, first: Option<&Answer>, again: &Answer| {
            assert!(first.is_none_or(|first| first.json == again.json));
            let made = documents(practice).len() - before;
            assert_eq!(made, 2 + 1, "an account and its address; what counts its tries");
        },
        thoroughly: |practice: &Practice, _: Option<&Answer>, again: &Answer| {
            gets_in_once_confirmed(practice, &Person::enrolled(BEN, BEN_PASSWORD, again));
            assert_eq!(
                practice.send(&acceptance(&invited, BEN_PASSWORD)).problem(),
                Some("invalid-token")
            );
            assert_eq!(invitations(practice, &token)[0].1, "accepted");
        },
    };
    sweep.run(Chain::Fresh);
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
    assert_eq!(practice.send(&log_in_call(&practice, &ada)).status, 401);
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
        request: |practice: &Practice| log_in_call(practice, &ada),
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
    for fault in FAULTS {
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
    assert_eq!(practice.send(&log_in_call(&practice, &ada)).status, 401);
    let since = trail(&practice);
    let mut rules: Vec<&str> = since
        .iter()
        .filter(|(id, _)| !before.contains_key(*id))
        .map(|(_, event)| event.rule.as_ref())
        .collect();
    rules.sort_unstable();
    assert_eq!(rules, [["login.locked"].as_slice(), &["login.refused"; 5]].concat());
}

/// Whoever repeats a broken request hours later enters an invitation that is older than those before it in the log.
#[test]
fn an_invitation_that_is_entered_late_is_in_no_other_ones_way() {
    let (practice, ada) = Practice::open(43);
    let token = practice.log_in(&ada).text("token");
    practice.invite(&token, "first", &staff("first@example.org"));
    let moment = Moment::after(&practice);
    let broken = (0..)
        .map(|nth| {
            let practice = moment.resume(0);
            let before = documents(&practice).len();
            practice.world.stores.arm(nth, Fault::KilledAfter);
            let late = invitation(&token, "late", &staff("late@example.org"));
            let killed = survive(|| practice.send(&late)).is_none();
            practice.world.stores.disarm();
            assert!(killed, "there is an operation after which it is there and not listed");
            (documents(&practice).len() > before).then_some(practice)
        })
        .find_map(|practice| practice)
        .unwrap();
    assert_eq!(invitations(&broken, &token).len(), 1);

    broken.world.clock.advance(SignedDuration::from_hours(3));
    let token = broken.log_in(&ada).text("token");
    let invite = |key: &str| broken.invite(&token, key, &staff(&format!("{key}@example.org")));
    let other = invite("other");
    assert_eq!(invite("late").status, 201);
    // Enough for the other one to have left the head of the log, where a repeated entry is recognised anyway.
    for number in 0..40 {
        assert_eq!(invite(&format!("n{number}")).status, 201);
    }
    assert_eq!(invite("other").json, other.json);
    let listed = broken.send(&Call::get(format!("{INVITATIONS}?limit=100")).bearer(&token));
    assert_eq!(listed.json["invitations"].as_array().unwrap().len(), 43);
}

/// The session that has to go is used while it goes, by somebody whose clock is ahead.
#[test]
fn whoever_still_uses_the_oldest_session_keeps_nobody_out() {
    let (practice, ada) = Practice::open(44);
    let held: Vec<Held> = (0..8).map(|_| Held::new(&practice.log_in(&ada))).collect();
    let moment = Moment::after(&practice);
    for nth in 0.. {
        let practice = Rc::new(moment.resume(0));
        let call = log_in_call(&practice, &ada);
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
