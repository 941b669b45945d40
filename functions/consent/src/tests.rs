//! Whole requests against the function on a platform in memory.

mod care_teams;
mod clients;
mod consents;
mod emergencies;
mod explanations;
mod fhir;
mod grounds;
mod notices;
mod proofs;
mod recipients;
mod representatives;
mod restrictions;
mod roster;
mod shared_files;
mod supersession;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use audit_trail::{Chains, Event, SHARDS};
use crypto::Keyring;
use jiff::SignedDuration;
use model::{AccountId, Action, ClientId, ClinicId, ConsentId, Function, NoticeId, Role, SubjectId, Timestamp};
use ports::{Clock, EntropyExt};
use serde_json::{Value, json};
use store::Shelf;
use testkit::{Answer, Call, Fault, SeededEntropy, World, assert_names, assert_refused, log_in, survive};

use crate::ROUTES;

pub(crate) struct Staff {
    pub(crate) account: AccountId,
    pub(crate) token: String,
}

/// What there is at one time.
struct Moment {
    now: Timestamp,
    stored: Vec<(String, String, Vec<u8>)>,
}

/// A clinic with somebody in every role that comes here.
pub(crate) struct Practice {
    pub(crate) world: World,
    pub(crate) clinic: ClinicId,
    pub(crate) clinician: Staff,
    colleague: Staff,
    pub(crate) admin: Staff,
    pub(crate) officer: Staff,
}

impl Practice {
    /// A clinic that has said which laws it is under: all of them.
    pub(crate) fn new() -> Self {
        let practice = Self::unsaid();
        let said = practice.as_admin(Call::put("/v1/consent/jurisdiction", &testkit::jurisdiction()));
        assert_eq!(said.status, 201, "{}", said.json);
        practice
    }

    /// A clinic that has not said so yet.
    pub(crate) fn unsaid() -> Self {
        let world = World::new(7);
        let clinic = world.entropy.id();
        let staff = |role| {
            let account = world.entropy.id();
            let token = log_in(&world, &[role], clinic, account, None);
            Staff { account, token }
        };
        Self {
            clinician: staff(Role::Clinician),
            colleague: staff(Role::Clinician),
            admin: staff(Role::ClinicAdmin),
            officer: staff(Role::PrivacyOfficer),
            clinic,
            world,
        }
    }

    pub(crate) fn send(&self, call: &Call) -> Answer {
        let response = self.world.serve(Function::Consent, &ROUTES, &call.request());
        let answer = Answer::from(response);
        assert!(answer.status != 500, "{:?} {:?}", answer.json, self.world.log());
        answer
    }

    pub(crate) fn as_clinician(&self, call: Call) -> Answer {
        self.send(&call.bearer(&self.clinician.token))
    }

    pub(crate) fn as_admin(&self, call: Call) -> Answer {
        self.send(&call.bearer(&self.admin.token))
    }

    /// Somebody else of the clinic.
    fn somebody(&self, role: Role) -> Staff {
        let account = self.world.entropy.id();
        Staff {
            token: self.token(role, account),
            account,
        }
    }

    fn token(&self, role: Role, account: AccountId) -> String {
        log_in(&self.world, &[role], self.clinic, account, None)
    }

    /// An account of the client's own.
    fn own(&self, client: &str) -> Staff {
        let account = self.world.entropy.id();
        let client = Some(client.parse().unwrap());
        let token = log_in(&self.world, &[Role::Client], self.clinic, account, client);
        Staff { account, token }
    }

    /// Everything as it is now, to come back to: opening a practice anew costs each case more than the case.
    fn moment(&self) -> Moment {
        Moment {
            now: self.world.clock.now(),
            stored: self.world.stores.dump(),
        }
    }

    /// Breaks a request off when what it begins is in the ledger, where others find it and its id, and has not taken effect yet.
    fn die_entered(&self, client: &str, call: &Call) {
        let entries = self.events(client).len();
        let stored = self.world.stores.dump();
        let effect = |stored: &[(String, String, Vec<u8>)]| -> Vec<_> {
            let permissions = stored.iter().filter(|(store, _, _)| store == "permissions");
            permissions.cloned().collect()
        };
        for nth in 0..100 {
            self.world.stores.restore(&stored);
            self.world.stores.arm(nth, Fault::KilledAfter);
            let _ = survive(|| self.send(call));
            self.world.stores.disarm();
            // A creator that died keeps others waiting for a minute.
            self.world.clock.advance(SignedDuration::from_secs(61));
            let has_effect = effect(&self.world.stores.dump()) != effect(&stored);
            if self.events(client).len() > entries && !has_effect {
                return;
            }
            self.world.clock.advance(SignedDuration::from_secs(-61));
        }
        panic!("it is never entered before it takes effect");
    }

    fn return_to(&mut self, moment: &Moment) {
        self.world.stores.restore(&moment.stored);
        let since = moment.now.duration_since(self.world.clock.now());
        self.world.clock.advance(since);
        // The same in every case, so that all of them have the same operations, and another stream than the one before the moment: an
        // event whose id came again would not be appended again.
        self.world.entropy = SeededEntropy::new(0xc4a5);
    }

    /// Lets time pass, after which the staff log in again.
    fn later(&mut self, duration: SignedDuration) {
        self.world.clock.advance(duration);
        self.clinician.token = self.token(Role::Clinician, self.clinician.account);
        self.colleague.token = self.token(Role::Clinician, self.colleague.account);
        self.admin.token = self.token(Role::ClinicAdmin, self.admin.account);
        self.officer.token = self.token(Role::PrivacyOfficer, self.officer.account);
    }

    /// Sends what has to succeed.
    #[track_caller]
    fn accepted(&self, token: &str, call: Call) -> Answer {
        let answer = self.send(&call.bearer(token));
        assert!((200..300).contains(&answer.status), "{} {}", answer.status, answer.json);
        assert!(answer.header("audit-id").is_some());
        answer
    }

    /// Sends what has to be refused, and looks that nothing changed but the trail.
    #[track_caller]
    fn refused(&self, token: &str, call: Call, status: u16, problem: &str) -> Answer {
        let before = self.kept();
        let answer = self.send(&call.bearer(token));
        assert_refused(&answer, status, problem);
        assert!(self.kept() == before, "a refusal changed something");
        answer
    }

    /// As [`Practice::refused`], for a rule that the body breaks.
    #[track_caller]
    fn violated(&self, token: &str, call: Call, field: &str, rule: &str) {
        let answer = self.refused(token, call, 422, "invalid-content");
        assert_violates(&answer, field, rule);
    }

    /// Every event of this function's chains.
    fn trail(&self) -> Vec<Event> {
        let text = self.world.keyrings.get(&Function::Audit).map(String::as_str);
        let keyring = Keyring::parse(Function::Audit, text).unwrap();
        self.world.with_platform(Function::Audit, |platform| {
            let shelf = Shelf::open(&platform, "audit").unwrap();
            let chains = Chains::new(&shelf, keyring.audit(Function::Consent).unwrap(), Function::Consent);
            let events = (0..SHARDS).flat_map(|shard| {
                let chain = chains.chain(Some(self.clinic), shard);
                let entries: Vec<Event> = chain.newest_first(None).map(|entry| entry.unwrap().value).collect();
                entries
            });
            events.collect()
        })
    }

    /// What one request adds to the trail.
    fn recorded(&self, request: impl FnOnce()) -> Vec<Event> {
        let before: BTreeSet<_> = self.trail().into_iter().map(|event| event.id).collect();
        request();
        let mut events = self.trail();
        events.retain(|event| !before.contains(&event.id));
        events
    }

    /// A client's pseudonym in the trail.
    fn subject(&self, client: &str) -> SubjectId {
        let file = self.accepted(&self.officer.token, Call::get(format!("/v1/consent/clients/{client}")));
        file.text("subject_id").parse().unwrap()
    }

    /// What there is besides the trail and the sessions, which every request touches.
    fn kept(&self) -> Vec<(String, String, Vec<u8>)> {
        let mut kept = self.world.stores.dump();
        kept.retain(|(store, _, _)| store != "audit" && store != "sessions");
        kept
    }

    /// The rule by which every function decides about such a request now.
    #[track_caller]
    fn rule(&self, client: &str, account: AccountId, question: &str) -> String {
        let path = format!("/v1/consent/clients/{client}/access/explain?account_id={account}&{question}");
        let answer = self.send(&Call::get(path).bearer(&self.officer.token));
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer.text("rule")
    }

    /// The rule by which it is decided whether somebody who treats may read health records now.
    #[track_caller]
    fn reading(&self, client: &str, staff: &Staff) -> String {
        self.rule(client, staff.account, "role=clinician&action=read&class=health")
    }

    pub(crate) fn open(&self, key: &str) -> String {
        let opened = self.as_clinician(Call::post("/v1/consent/clients", &json!({})).once(key));
        assert_eq!(opened.status, 201, "{}", opened.json);
        opened.text("client_id")
    }

    pub(crate) fn publish(&self, key: &str) -> String {
        let published = self.as_admin(Call::post("/v1/consent/notices", &notice()).once(key));
        assert_eq!(published.status, 201, "{}", published.json);
        published.text("notice_id")
    }

    pub(crate) fn give(&self, client: &str, key: &str, terms: &Value) -> Answer {
        self.as_clinician(Call::post(format!("/v1/consent/clients/{client}/consents"), terms).once(key))
    }

    /// Somebody whom a court has appointed to act for the client.
    fn guardian(&self, client: &str) -> String {
        let guardian = self.colleague.account.to_string();
        let path = format!("/v1/consent/clients/{client}/representatives/{guardian}");
        let named = self.as_admin(Call::put(
            &path,
            &json!({"authority": "guardian", "verification": "order"}),
        ));
        assert_eq!(named.status, 204, "{}", named.json);
        guardian
    }

    fn withdraw(&self, client: &str, consent: &str) -> Answer {
        self.as_clinician(Call::post(
            format!("/v1/consent/clients/{client}/consents/{consent}/withdraw"),
            &json!({"reason": "SECRET moved away"}),
        ))
    }

    fn file(&self, client: &str) -> Value {
        self.as_admin(Call::get(format!("/v1/consent/clients/{client}"))).json
    }

    /// The events of the ledger, oldest first.
    fn events(&self, client: &str) -> Vec<String> {
        let list = self.as_admin(Call::get(format!("/v1/consent/clients/{client}/consents")));
        assert_eq!(list.status, 200, "{}", list.json);
        let entries = list.json["entries"].as_array().unwrap();
        entries
            .iter()
            .rev()
            .map(|entry| entry["event"].as_str().unwrap().to_owned())
            .collect()
    }

    fn member(&self, client: &str, account: AccountId) -> String {
        format!("/v1/consent/clients/{client}/care-team/{account}")
    }
}

pub(crate) fn notice() -> Value {
    let mut notice = testkit::notice(&["TREAT", "PATADMIN"], &["identity", "health"]);
    notice["text"] = json!("We keep \"notes\" of sessions – and nothing else.\n");
    notice
}

pub(crate) fn terms(notice: &str) -> Value {
    json!({"notice_id": notice, "language": "en", "purposes": ["TREAT"], "classes": ["identity", "health"],
        "given_by": "client", "method": "written"})
}

#[track_caller]
pub(crate) fn assert_violates(answer: &Answer, field: &str, rule: &str) {
    assert_refused(answer, 422, "invalid-content");
    assert_names(answer, field, rule);
}

/// A request that is broken off at every operation in every way, and then repeated.
pub(crate) fn at_every_crash_point(prepare: impl Fn(&Practice) -> Call, verify: impl Fn(&Practice, &Answer)) {
    at_every_crash(prepare, |_, _| {}, verify);
}

/// As [`at_every_crash_point`]; looks at what is left before the request is repeated, too, and is told whether it succeeded at once.
fn at_every_crash(
    prepare: impl Fn(&Practice) -> Call,
    look: impl Fn(&Practice, bool),
    verify: impl Fn(&Practice, &Answer),
) {
    let mut practice = Practice::new();
    let call = prepare(&practice);
    let moment = practice.moment();
    for fault in [
        Fault::Refused,
        Fault::AppliedButFailed,
        Fault::KilledBefore,
        Fault::KilledAfter,
    ] {
        for nth in 0.. {
            practice.return_to(&moment);
            practice.world.stores.arm(nth, fault);
            let first = survive(|| practice.send(&call));
            let reached = practice.world.stores.operations() > nth;
            practice.world.stores.disarm();
            look(
                &practice,
                first.is_some_and(|answer| (200..300).contains(&answer.status)),
            );
            // A creator that died keeps others waiting for a minute.
            practice.world.clock.advance(SignedDuration::from_secs(61));
            let answer = practice.send(&call);
            assert!((200..300).contains(&answer.status), "{fault:?} {nth}: {}", answer.json);
            verify(&practice, &answer);
            if !reached {
                break;
            }
        }
    }
}

/// Two requests, the second of which happens as a whole between any two operations of the first. Both succeed.
pub(crate) fn at_every_interleaving(prepare: impl Fn(&Practice) -> (Call, Call), verify: impl Fn(&Practice, usize)) {
    at_every_meeting(prepare, |practice, nth, first, second| {
        for answer in [first, second] {
            assert!((200..300).contains(&answer.status), "{nth}: {}", answer.json);
        }
        verify(practice, nth);
    });
}

/// As [`at_every_interleaving`], whatever they are answered.
fn at_every_meeting(prepare: impl Fn(&Practice) -> (Call, Call), verify: impl Fn(&Practice, usize, &Answer, &Answer)) {
    at_every_meeting_seen(
        prepare,
        |_| (),
        |practice, nth, (), first, second| {
            verify(practice, nth, first, second);
        },
    );
}

/// As [`at_every_meeting`], and once more with the other of the two in the middle of the one.
fn at_every_meeting_of_either(
    prepare: impl Fn(&Practice) -> (Call, Call),
    verify: impl Fn(&Practice, usize, &Answer, &Answer),
) {
    at_every_meeting(&prepare, &verify);
    let swapped = |practice: &Practice| {
        let (first, second) = prepare(practice);
        (second, first)
    };
    at_every_meeting(swapped, |practice, nth, second, first| {
        verify(practice, nth, first, second)
    });
}

/// As [`at_every_meeting`]; looks at what there is before the second request, too.
fn at_every_meeting_seen<T: 'static>(
    prepare: impl Fn(&Practice) -> (Call, Call),
    look: impl Fn(&Practice) -> T + Copy + 'static,
    verify: impl Fn(&Practice, usize, T, &Answer, &Answer),
) {
    let mut practice = Rc::new(Practice::new());
    let (first, second) = prepare(&practice);
    // Filled now, so that neither request waits for the other to begin a chain of the trail.
    for _ in 0..64 {
        practice.as_admin(Call::get("/v1/consent/acceptances"));
    }
    let moment = practice.moment();
    for nth in 0.. {
        Rc::get_mut(&mut practice).unwrap().return_to(&moment);
        let heard = Rc::new(RefCell::new(None));
        let (other, call, hears) = (Rc::clone(&practice), second.clone(), Rc::clone(&heard));
        practice.world.stores.meanwhile(nth, move || {
            *hears.borrow_mut() = Some((look(&other), other.send(&call)));
        });
        let answer = practice.send(&first);
        practice.world.stores.disarm();
        let Some((seen, mut other)) = heard.take() else {
            break;
        };
        // While the first creates something, the second is told to come again.
        if other.status == 503 {
            other = practice.send(&second);
        }
        verify(&practice, nth, seen, &answer, &other);
    }
}
