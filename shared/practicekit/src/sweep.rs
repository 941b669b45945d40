//! A handler, broken off at every operation on a store in every way.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use audit_trail::{Chains, Decision, Event};
use crypto::Keyring;
use jiff::SignedDuration;
use model::{ClinicId, Function, Timestamp};
use ports::Clock;
use store::Shelf;
use testkit::{Answer, Call, Fault, SeededEntropy, World, survive};

use crate::{Practice, deploy_notify, messages};

/// Everything as it is at one moment, to go on from many times: enrolling somebody anew costs each case an Argon2id or
/// more.
pub struct Moment {
    /// The functions' keys.
    pub keyrings: BTreeMap<Function, String>,
    /// When it is.
    pub now: Timestamp,
    /// What there is: store, key, value.
    pub stored: Vec<(String, String, Vec<u8>)>,
    /// The clinic.
    pub clinic: String,
}

impl Moment {
    /// Two minutes after what was done: codes are fresh again, and sessions are due to be touched.
    pub fn after(practice: &Practice) -> Self {
        practice.world.clock.advance(SignedDuration::from_mins(2));
        Self {
            keyrings: practice.world.keyrings.clone(),
            now: practice.world.clock.now(),
            stored: practice.world.stores.dump(),
            clinic: practice.clinic.clone(),
        }
    }

    /// The practice at that moment, with this randomness from then on.
    pub fn resume(&self, seed: u64) -> Practice {
        let mut world = World::new(0);
        deploy_notify(&world);
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

/// Breaks a request off at each of its operations in each way, from what is stored now. `look` is told what it was answered, if it
/// lived to answer, and which case it is. Where the time between two cases matters, there is [`Sweep`].
pub fn break_off(practice: &Practice, request: impl Fn() -> Answer, look: impl Fn(Option<&Answer>, &str)) {
    let stored = practice.world.stores.dump();
    practice.world.stores.disarm();
    let whole = request();
    assert!(succeeded(&whole), "{}", whole.json);
    let trace = practice.world.stores.trace();
    for fault in Fault::ALL {
        for (nth, operation) in trace.iter().enumerate() {
            let case = format!("{fault:?} at {nth}, {operation}");
            practice.world.stores.restore(&stored);
            drop(messages());
            practice.world.stores.arm(nth, fault);
            let first = survive(&request);
            practice.world.stores.disarm();
            if let Some(first) = &first {
                assert!(succeeded(first) || first.status == 503, "{case}: {}", first.json);
            }
            look(first.as_ref(), &case);
        }
    }
}

/// Sends a request that is right six times while all operations that begin so are refused, and then once as it is: an outage of ours is
/// no failure of whoever asks, however often.
pub fn outlast(practice: &Practice, operation: &str, request: impl Fn() -> Answer) {
    practice.world.stores.refuse(operation);
    for _ in 0..6 {
        let failed = request();
        assert_eq!(failed.status, 503, "{operation}: {}", failed.json);
    }
    practice.world.stores.disarm();
    let again = request();
    assert!(succeeded(&again), "{operation}: {}", again.json);
}

/// What the request meets where it writes its first event: the handlers are the same, the operations are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// One without events, which has to come to be.
    Fresh,
    /// One with events.
    Begun,
    /// One whose head is full, so that its events are moved to a segment.
    Full,
}

impl Chain {
    /// What a request met that did these operations.
    pub fn of(trace: &[String]) -> Self {
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
pub fn with_chains<R>(practice: &Practice, read: impl FnOnce(&Chains<'_>, ClinicId) -> R) -> R {
    let keyring = Keyring::parse(Function::Audit, Some(&practice.world.keyrings[&Function::Audit])).unwrap();
    practice.world.with_platform(Function::Audit, |platform| {
        let shelf = Shelf::open(&platform, "audit").unwrap();
        let chains = Chains::new(&shelf, keyring.audit(Function::Auth).unwrap(), Function::Auth);
        read(&chains, practice.clinic.parse().unwrap())
    })
}

/// All events of the clinic. Fails where a chain is not what was recorded.
pub fn trail(practice: &Practice) -> BTreeMap<String, Event> {
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

/// What the trail says of an answer: which rule, and whether it was allowed.
pub fn recorded_as(practice: &Practice, answer: &Answer) -> (String, Decision) {
    let id = answer.header("audit-id").expect("an answer that names its entry");
    let event = trail(practice)
        .remove(id)
        .expect("an entry that was there before the answer");
    (event.rule, event.decision)
}

/// What there is besides the trail, and how often each of it was written.
pub type Shape = Vec<(String, String, Vec<u8>)>;

/// What there is now, without the documents that count.
pub fn shape(practice: &Practice, counts: &BTreeSet<String>) -> Shape {
    let stored = practice.world.stores.dump().into_iter();
    stored
        .filter(|(store, key, _)| store != "audit" && !counts.contains(key))
        // Format and version stand in front of every document, in the clear.
        .map(|(store, key, value)| (store, key, value.into_iter().take(9).collect()))
        .collect()
}

/// The documents of the accounts store, without flags and segments.
pub fn documents(practice: &Practice) -> BTreeMap<String, Vec<u8>> {
    let stored = practice.world.stores.dump().into_iter();
    stored
        .filter(|(store, key, _)| store == "accounts" && key.starts_with("doc/"))
        .map(|(_, key, value)| (key, value))
        .collect()
}

/// The documents that count tries, which are written before anything is decided and so before anything is recorded:
/// those of the network and of the account, and none of the account for a passkey or for who has a session.
pub fn counts(trace: &[String]) -> BTreeSet<String> {
    let before = trace.iter().take_while(|operation| !operation.starts_with("audit "));
    let written = before.filter_map(|operation| operation.strip_prefix("accounts swap "));
    let counts: BTreeSet<String> = written.map(str::to_owned).collect();
    assert!(counts.len() <= 2, "{counts:?}");
    counts
}

/// The documents, without those that count.
pub fn without(mut documents: BTreeMap<String, Vec<u8>>, counts: &BTreeSet<String>) -> BTreeMap<String, Vec<u8>> {
    documents.retain(|key, _| !counts.contains(key));
    documents
}

/// Whether the request did what it asked for.
pub fn succeeded(answer: &Answer) -> bool {
    (200..300).contains(&answer.status)
}

/// What there was before the cases, and what was met in them so far.
pub struct Met {
    events: BTreeMap<String, Event>,
    documents: BTreeMap<String, Vec<u8>>,
    counts: BTreeSet<String>,
    acknowledged: usize,
    shapes: BTreeSet<(bool, Shape, Shape)>,
}

/// A request that is broken off at every operation in every way, looked at, and then repeated.
pub struct Sweep<'s, R, L, V, T> {
    /// What there is before.
    pub moment: &'s Moment,
    /// The request, as it is sent at this time.
    pub request: R,
    /// What the repeated request is answered besides its success, where the first try did its work.
    pub also: Option<u16>,
    /// Looks at what the broken request left, given its answer where that was a success.
    pub look: L,
    /// Looks at what the repeated request came to, given the first answer where that was a success, and its own.
    pub verify: V,
    /// Looks at it at length: once for everything that a broken request can leave and a repeated one come to.
    pub thoroughly: T,
}

impl<R, L, V, T> Sweep<'_, R, L, V, T>
where
    R: Fn(&Practice) -> Call,
    L: Fn(&Practice, Option<&Answer>),
    V: Fn(&Practice, Option<&Answer>, &Answer),
    T: Fn(&Practice, Option<&Answer>, &Answer),
{
    /// Runs all cases on one kind of chain.
    pub fn run(&self, chain: Chain) {
        self.run_after(chain, || {});
    }

    /// Runs all cases on one kind of chain, once what finding one has caused outside is done away with.
    pub fn run_after(&self, chain: Chain, found: impl FnOnce()) {
        let (seed, trace) = self.seed(chain);
        found();
        let before = self.moment.resume(seed);
        let mut met = Met {
            events: trail(&before),
            documents: documents(&before),
            counts: counts(&trace),
            acknowledged: 0,
            shapes: BTreeSet::new(),
        };
        for fault in Fault::ALL {
            for (nth, operation) in trace.iter().enumerate() {
                let case = format!("{chain:?} chain, {fault:?} at {nth}, {operation}");
                // Caught so that the case is named, whichever expectation it fails.
                let run = catch_unwind(AssertUnwindSafe(|| self.case(seed, fault, nth, &mut met)));
                assert!(run.is_ok(), "in the case: {case}");
            }
        }
        // Some faults are survived, such as a swap that is applied and fails, and most are not.
        assert!((1..Fault::ALL.len() * trace.len()).contains(&met.acknowledged));
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
        // What was sent in other cases was sent in another world.
        drop(messages());
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
