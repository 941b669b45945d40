//! In every situation each route that reads comes to the decision that `access::decide` comes to, and `consent` explains that one.

use std::collections::BTreeSet;

use access::{Caller, DenialReason, Permissions, PermissionsReader, Request, Sessions, Token, decide};
use crypto::Keyring;
use http::Method;
use jiff::SignedDuration;
use model::{Action, ClientId, DataClass, Function, Purpose};
use serde_json::{Value, json};
use store::Shelf;
use testkit::Call;

use crate::clinic::{AUTHOR, CLASSES, Clinic, DOORS, Decision, Door, File, Person, SEARCH, routes};

/// The route by which `notify` alone learns where a client is reached.
const CONTACT: &str = "/v1/identity/private/contact";

/// The routes by which `exchange` alone takes along what a file holds, in somebody's name.
const EXPORTS: [(Function, &str, DataClass); 2] = [
    (Function::Identity, "/v1/identity/private/export", DataClass::Identity),
    (Function::Records, "/v1/records/private/export", DataClass::Health),
];

/// No purpose named, those of staff, and then in one situation of each kind all the others, of which one is never served.
const PURPOSES: [Option<&str>; 4] = [None, Some("TREAT"), Some("BTG"), Some("PATADMIN")];
const OTHER_PURPOSES: [Option<&str>; 3] = [Some("PATRQT"), Some("FAMRQT"), Some("HMARKT")];

/// A name, and what happens until then.
type Situation = (&'static str, fn(&Clinic));

const MARIGOLD: File = File::Of(0);

fn done(clinic: &Clinic, person: Person, call: Call) -> Value {
    let answer = clinic.consent(person, call);
    assert!((200..300).contains(&answer.status), "{}", answer.json);
    answer.json
}

/// Agrees to something, and gives the path of the consent.
fn agree(clinic: &Clinic, file: File, key: &str, classes: &[&str], purposes: &[&str], more: &Value) -> String {
    let all = CLASSES.map(DataClass::name);
    let notice = clinic.publish("notice", &["TREAT", "PATADMIN"], &all).text("notice_id");
    let mut terms = json!({"notice_id": notice, "language": "en", "purposes": purposes, "classes": classes,
        "given_by": "client", "method": "written"});
    for (field, value) in more.as_object().unwrap() {
        terms[field] = value.clone();
    }
    let path = clinic.at(file, "/consents");
    let given = done(clinic, Person::Admin, Call::post(&path, &terms).once(key));
    format!("{path}/{}", given["consent_id"].as_str().unwrap())
}

fn agree_to_all(clinic: &Clinic) -> String {
    let all = CLASSES.map(DataClass::name);
    agree(clinic, MARIGOLD, "all", &all, &["TREAT", "PATADMIN"], &json!({}))
}

fn withdraw(clinic: &Clinic, consent: &str) {
    done(
        clinic,
        Person::Admin,
        Call::post(format!("{consent}/withdraw"), &json!({})),
    );
}

fn share(clinic: &Clinic, participant: u8) -> String {
    let more = json!({"participant_id": clinic.client(File::Of(participant))});
    let all = CLASSES.map(DataClass::name);
    let key = format!("share-{participant}");
    agree(clinic, File::Shared, &key, &all, &["TREAT", "PATADMIN"], &more)
}

fn authorize(clinic: &Clinic, classes: &[&str]) -> String {
    let more = json!({"recipient": {"account": clinic.account(Person::Clinician(1))}});
    agree(clinic, MARIGOLD, "by-name", classes, &["TREAT"], &more)
}

fn join(clinic: &Clinic, file: File, who: u8, body: &Value) {
    let path = clinic.at(file, &format!("/care-team/{}", clinic.account(Person::Clinician(who))));
    done(clinic, Person::Admin, Call::put(path, body));
}

fn restrict(clinic: &Clinic, body: &Value) {
    let call = Call::post(clinic.at(MARIGOLD, "/restrictions"), body).once("restrict");
    done(clinic, Person::Admin, call);
}

fn break_glass(clinic: &Clinic) -> String {
    let body = json!({"reason": "Unconscious on arrival."});
    let call = Call::post(clinic.at(MARIGOLD, "/emergency-access"), &body).once("break");
    let taken = done(clinic, Person::Clinician(1), call);
    taken["emergency_id"].as_str().unwrap().to_owned()
}

fn minority(clinic: &Clinic) {
    let until = clinic.now() + SignedDuration::from_hours(2);
    done(
        clinic,
        Person::Admin,
        Call::put(clinic.at(MARIGOLD, "/minority"), &json!({"until": until})),
    );
}

fn represent(clinic: &Clinic, who: u8, authority: &str, reads_records: bool) -> String {
    let path = clinic.at(
        MARIGOLD,
        &format!("/representatives/{}", clinic.account(Person::Guardian(who))),
    );
    let body = json!({"authority": authority, "reads_records": reads_records, "verification": "order"});
    done(clinic, Person::Admin, Call::put(&path, &body));
    path
}

const SITUATIONS: [Situation; 27] = [
    ("nothing agreed", |_| {}),
    ("all agreed", |clinic| drop(agree_to_all(clinic))),
    ("withdrawn", |clinic| withdraw(clinic, &agree_to_all(clinic))),
    ("expired", |clinic| {
        let more = json!({"expires_at": clinic.now() + SignedDuration::from_hours(1)});
        agree(clinic, MARIGOLD, "short", &["health"], &["TREAT"], &more);
        clinic.advance(61);
    }),
    ("another class", |clinic| {
        drop(agree(
            clinic,
            MARIGOLD,
            "one",
            &["substance_use"],
            &["TREAT"],
            &json!({}),
        ))
    }),
    ("another purpose", |clinic| {
        agree(
            clinic,
            MARIGOLD,
            "one",
            &["identity", "health"],
            &["PATADMIN"],
            &json!({}),
        );
    }),
    ("psychotherapy notes by name", |clinic| {
        drop(authorize(clinic, &["psychotherapy"]))
    }),
    ("health by name, which is no ground", |clinic| {
        drop(authorize(clinic, &["health"]))
    }),
    ("by name, withdrawn", |clinic| {
        withdraw(clinic, &authorize(clinic, &["psychotherapy"]))
    }),
    ("a supervisor", |clinic| {
        agree_to_all(clinic);
        join(clinic, MARIGOLD, 1, &json!({"role": "supervising"}));
    }),
    ("a stand-in", |clinic| {
        agree_to_all(clinic);
        join(
            clinic,
            MARIGOLD,
            1,
            &json!({"until": clinic.now() + SignedDuration::from_hours(1)}),
        );
    }),
    ("a stand-in whose time is over", |clinic| {
        agree_to_all(clinic);
        join(
            clinic,
            MARIGOLD,
            1,
            &json!({"until": clinic.now() + SignedDuration::from_hours(1)}),
        );
        clinic.advance(60);
    }),
    ("who treated has left", |clinic| {
        agree_to_all(clinic);
        let path = clinic.at(
            MARIGOLD,
            &format!("/care-team/{}", clinic.account(Person::Clinician(0))),
        );
        done(clinic, Person::Admin, Call::delete(path));
    }),
    ("a class hidden from everybody", |clinic| {
        agree_to_all(clinic);
        break_glass(clinic);
        represent(clinic, 0, "guardian", true);
        restrict(clinic, &json!({"class": "health"}));
    }),
    ("all hidden from one who treats", |clinic| {
        agree_to_all(clinic);
        restrict(clinic, &json!({"account_id": clinic.account(Person::Clinician(0))}));
    }),
    ("a class hidden from one in an emergency", |clinic| {
        break_glass(clinic);
        restrict(
            clinic,
            &json!({"class": "health", "account_id": clinic.account(Person::Clinician(1))}),
        );
    }),
    ("hidden from a guardian and from staff", |clinic| {
        agree_to_all(clinic);
        represent(clinic, 0, "guardian", true);
        restrict(clinic, &json!({"class": "identity"}));
    }),
    ("an emergency", |clinic| drop(break_glass(clinic))),
    ("an emergency that is over", |clinic| {
        break_glass(clinic);
        clinic.advance(60);
    }),
    ("an emergency that was none", |clinic| {
        let path = format!("/v1/consent/emergency-access/{}/review", break_glass(clinic));
        let body = json!({"finding": "unjustified", "note": "As found."});
        done(clinic, Person::Officer, Call::put(path, &body));
    }),
    ("a minor, her parent, and what he agreed to", |clinic| {
        minority(clinic);
        represent(clinic, 0, "parent", true);
        let more = json!({"given_by": "guardian", "representative_id": clinic.account(Person::Guardian(0))});
        agree(clinic, MARIGOLD, "parent", &["health"], &["TREAT"], &more);
    }),
    ("of age, her parent, and what he agreed to", |clinic| {
        minority(clinic);
        represent(clinic, 0, "parent", true);
        let more = json!({"given_by": "guardian", "representative_id": clinic.account(Person::Guardian(0))});
        agree(clinic, MARIGOLD, "parent", &["health"], &["TREAT"], &more);
        clinic.advance(120);
    }),
    (
        "a guardian who does not read records, and a nominee who is not needed yet",
        |clinic| {
            represent(clinic, 0, "guardian", false);
            represent(clinic, 1, "nominee", true);
        },
    ),
    ("a nominee who acts", |clinic| {
        let path = represent(clinic, 1, "nominee", true);
        let body = json!({"reason": "She can't speak for herself."});
        done(clinic, Person::Admin, Call::post(format!("{path}/activate"), &body));
    }),
    ("a shared file, one of two agreed", |clinic| {
        join(clinic, File::Shared, 0, &json!({}));
        share(clinic, 0);
    }),
    ("a shared file, both agreed", |clinic| {
        join(clinic, File::Shared, 0, &json!({}));
        share(clinic, 0);
        share(clinic, 1);
    }),
    ("a shared file, one took it back", |clinic| {
        join(clinic, File::Shared, 0, &json!({}));
        share(clinic, 0);
        withdraw(clinic, &share(clinic, 1));
    }),
];

/// What `records` and `identity` decide by: the caller and the permissions, read with the keys of a function that reads.
fn evidence(clinic: &Clinic, person: Person, client: ClientId) -> (Caller, Option<Permissions>) {
    let text = clinic.world.keyrings.get(&Function::Records).map(String::as_str);
    let keyring = Keyring::parse(Function::Records, text).unwrap();
    let token = Token::parse(&clinic.token(person)).unwrap();
    clinic.world.with_platform(Function::Records, |platform| {
        let sessions = Shelf::open(&platform, "sessions").unwrap();
        let sessions = Sessions::new(sessions, keyring.reads("sessions").unwrap(), platform.clock);
        let permissions = Shelf::open(&platform, "permissions").unwrap();
        let permissions = PermissionsReader::new(permissions, keyring.reads("permissions").unwrap());
        (
            sessions.authenticate(&token).unwrap(),
            permissions.read(clinic.id, client).unwrap(),
        )
    })
}

/// The decision, and what `consent` calls it.
fn decided(
    clinic: &Clinic,
    (caller, permissions): &(Caller, Option<Permissions>),
    action: Action,
    class: DataClass,
    purpose: Option<&str>,
    file: File,
) -> (Decision, &'static str) {
    let request = Request::new(action, class)
        .about(clinic.client(file))
        .by(clinic.account(AUTHOR))
        .purpose(purpose.and_then(Purpose::from_code));
    let Err(denial) = decide(caller, &request, permissions.as_ref(), clinic.now()) else {
        return (Ok(()), "allowed");
    };
    let problem = match denial.reason {
        DenialReason::ProhibitedPurpose => "prohibited-purpose",
        DenialReason::NoConsent => "no-consent",
        DenialReason::Restricted => "restricted",
        DenialReason::NoRule => "access-denied",
        other => panic!("{other:?} of a read"),
    };
    (Err(problem.to_owned()), denial.reason.rule())
}

/// Whether a search of somebody's is searched at all. What it then finds is decided upon as a read.
fn may_search(person: Person, purpose: Option<&str>) -> bool {
    // In an emergency a clinician's finds the ids of all clients, and shows nothing of them.
    let is_usual = purpose.is_none_or(|purpose| matches!(purpose, "TREAT" | "PATADMIN"));
    is_usual && matches!(person, Person::Admin | Person::Clinician(_))
}

/// One reader, one class of one file: every door, the explanation and the decision.
fn compare(clinic: &Clinic, situation: &str, person: Person, purpose: Option<&str>, file: File) -> Vec<Decision> {
    let evidence = evidence(clinic, person, clinic.client(file));
    let mut decisions = Vec::new();
    for (function, path, class) in EXPORTS {
        let (exported, _) = decided(clinic, &evidence, Action::Export, class, purpose, file);
        let body = json!({"client_id": clinic.client(file)});
        let between = [Function::Exchange, function];
        let call = clinic
            .world
            .private_call_in_name_of(&clinic.token(person), purpose, between, path, &body);
        let answer = clinic.send(function, &call);
        let shown = match answer.status {
            200 => Ok(()),
            _ => Err(answer.problem().unwrap_or_default().to_owned()),
        };
        let case = format!("{situation}: {person:?} for {purpose:?} exports {class} of {file:?}");
        assert_eq!(shown, exported, "{case}");
        let parts = answer.json["parts"].as_array().map_or(0, Vec::len);
        assert_eq!(parts > 0, exported.is_ok(), "{case}: {}", answer.json);
    }
    for class in CLASSES {
        let case = format!("{situation}: {person:?} for {purpose:?} at {class} of {file:?}");
        let (read, explained) = decided(clinic, &evidence, Action::Read, class, purpose, file);
        for door in DOORS.into_iter().filter(|door| door.class == class) {
            if door.path == SEARCH && !may_search(person, purpose) {
                continue;
            }
            let answer = clinic.send(door.function, &clinic.knock(door, person, purpose, file));
            match clinic.shown(door, file, &answer) {
                Some(decision) => assert_eq!(decision, read, "{case}: {}", door.path),
                None => assert!(read.is_err(), "{case}: not found"),
            }
        }
        // A client asks about herself: what she would be answered about somebody else nobody is told.
        let is_somebody_else = matches!((person, file), (Person::Client(who), File::Of(of)) if who != of);
        if !is_somebody_else {
            let said = clinic.explained(person, purpose, "read", class, file);
            let rule = said["rule"].as_str().unwrap();
            match &read {
                Ok(()) => assert_eq!(said["decision"], "allowed", "{case}: {said}"),
                Err(_) => assert_eq!((said["decision"].as_str(), rule), (Some("denied"), explained), "{case}"),
            }
        }
        if class != DataClass::Identity {
            let (listed, _) = decided(clinic, &evidence, Action::List, class, purpose, file);
            assert_eq!(listed, read, "{case}: to list is to read");
        }
        decisions.push(read);
    }
    decisions
}

#[test]
fn every_route_comes_to_the_same_decision() {
    let mut met = BTreeSet::new();
    let mut lives = BTreeSet::new();
    for (situation, happens) in SITUATIONS {
        let clinic = Clinic::new(29);
        for file in File::ALL {
            let opened = clinic.consent(file.opener(), clinic.opening(file));
            assert_eq!(opened.status, 201, "{}", opened.json);
            clinic.fill(file);
        }
        happens(&clinic);
        let mut life = Vec::new();
        let is_shared = situation.starts_with("a shared file");
        let file = if is_shared { File::Shared } else { MARIGOLD };
        let all = ["all agreed", "a shared file, both agreed"].contains(&situation);
        let others: &[_] = if all { &OTHER_PURPOSES } else { &[] };
        for person in Person::ALL {
            for purpose in PURPOSES.iter().chain(others) {
                life.extend(compare(&clinic, situation, person, *purpose, file));
            }
        }
        met.extend(life.iter().cloned());
        lives.insert(life);
        reached_by_notify(&clinic);
    }
    let reasons = ["prohibited-purpose", "no-consent", "restricted", "access-denied"];
    let all = reasons.map(|reason| Err(reason.to_owned())).into_iter().chain([Ok(())]);
    assert_eq!(met, all.collect(), "every decision is met in some situation");
    assert!(
        lives.len() > SITUATIONS.len() / 2,
        "the situations differ in what comes of them"
    );
}

/// `notify` reaches every client whom the clinic knows and nobody else, whatever is agreed or hidden: what she is told is hers.
fn reached_by_notify(clinic: &Clinic) {
    let stranger = ClientId::from_bytes([9; 16]);
    for (client, status) in [(clinic.client(MARIGOLD), 200), (stranger, 403)] {
        let body = json!({"clinic_id": clinic.id, "client_id": client, "channel": "email"});
        let call = clinic
            .world
            .private_call(Function::Notify, Function::Identity, CONTACT, &body);
        let answer = clinic.send(Function::Identity, &call);
        assert_eq!(answer.status, status, "{}", answer.json);
    }
}

/// A route that reads and is not among the doors is one that nobody compares.
#[test]
fn no_route_that_reads_is_left_out() {
    let named: BTreeSet<_> = DOORS
        .iter()
        .map(|door| (door.method, door.path))
        .chain([("POST", CONTACT)])
        .chain(EXPORTS.map(|(_, path, _)| ("POST", path)))
        .collect();
    // Their answers are what the caller has just sent, or signed, which takes a right of its own; of an import, what became of it; of a merge,
    // ids; of a job, how far it is.
    let writes = |method: &Method, path: &str| {
        let creates = [
            "/clients",
            "/records",
            "/substance-use-records",
            "/psychotherapy-notes",
            "/addenda",
            "/sign",
            "/cosign",
            "/return",
            "/import",
            "/import/check",
            "/merges",
            "/undo",
            "/jobs/rewrap",
        ];
        *method == Method::PUT
            || *method == Method::DELETE
            || (*method == Method::POST && creates.iter().any(|end| path.ends_with(end)))
    };
    for function in [Function::Records, Function::Identity] {
        for route in routes(function) {
            let is_named = named.contains(&(route.method.as_str(), route.path));
            assert_ne!(
                is_named,
                writes(&route.method, route.path),
                "{} {} either reads, and is named, or writes",
                route.method,
                route.path
            );
        }
    }
    let there = |door: &Door| {
        let mut all = routes(door.function).iter();
        all.any(|route| route.method.as_str() == door.method && route.path == door.path)
    };
    assert!(DOORS.iter().all(there), "every door is a route");
}
