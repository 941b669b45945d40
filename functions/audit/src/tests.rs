//! Whole requests against the function on a platform in memory, over chains that the other functions' keys wrote.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use audit_trail::{Actor, Chains, Decision, Event, Export, Finding, Flaw, Joined, Part, Signature as Signed, Total};
use base16ct::lower;
use base64ct::{Base64, Encoding};
use crypto::Keyring;
use ed25519_dalek::{Signature, VerifyingKey};
use jiff::SignedDuration;
use model::{AccountId, Action, ClientId, ClinicId, DataClass, EventId, Function, Role, SubjectId, Timestamp};
use ports::{Clock, EntropyExt};
use serde_json::{Value, json};
use store::Shelf;
use testkit::{Answer, Call, Fault, World, assert_names, assert_refused, log_in, survive};

use crate::ROUTES;

const QUERY: &str = "/v1/audit/events";
const VERIFY: &str = "/v1/audit/verify";
const EXPORT: &str = "/v1/audit/export";
const PARTS: &str = "/v1/audit/export/parts";
const KEYS: &str = "/v1/audit/keys";

type Dump = Vec<(String, String, Vec<u8>)>;

/// A clinic with somebody who watches over its trail.
struct Practice {
    world: World,
    clinic: ClinicId,
    officer: String,
}

impl Practice {
    fn new() -> Self {
        let world = World::new(17);
        let clinic = world.entropy.id();
        let officer = log_in(&world, &[Role::PrivacyOfficer], clinic, world.entropy.id(), None);
        Self { world, clinic, officer }
    }

    /// With an auditor in the officer's place, whose session begins now.
    fn with_auditor(self) -> Self {
        let (world, account) = (&self.world, self.world.entropy.id());
        let officer = log_in(world, &[Role::Auditor], self.clinic, account, None);
        Self { officer, ..self }
    }

    fn answer(&self, call: &Call) -> Answer {
        Answer::from(self.world.serve(Function::Audit, &ROUTES, &call.request()))
    }

    fn ask(&self, target: impl Into<String>) -> Answer {
        let answer = self.answer(&Call::get(target).bearer(&self.officer));
        assert!(answer.status != 500, "{:?} {:?}", answer.json, self.world.log());
        answer
    }

    fn get(&self, target: impl Into<String>) -> Answer {
        let answer = self.ask(target);
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer
    }

    fn event(&self, function: Function) -> Event {
        testkit::event(
            self.world.entropy.id(),
            self.world.clock.now(),
            function,
            Some(self.clinic),
            self.world.entropy.id(),
        )
    }

    /// Appends an event to a chain of its function and clinic, as that function does.
    fn append(&self, shard: u8, event: &Event) {
        self.append_times(1, shard, event);
    }

    /// Appends an event so many times, under ids of their own.
    fn append_times(&self, times: u32, shard: u8, event: &Event) {
        let text = self.world.keyrings.get(&event.function).map(String::as_str);
        let keyring = Keyring::parse(event.function, text).unwrap();
        self.world.with_platform(event.function, |platform| {
            let shelf = Shelf::open(&platform, "audit").unwrap();
            let chains = Chains::new(&shelf, keyring.audit(event.function).unwrap(), event.function);
            let chain = chains.chain(event.clinic, shard);
            for time in 0..times {
                let id = if time == 0 { event.id } else { self.world.entropy.id() };
                let event = Event { id, ..event.clone() };
                chain.append(*id.as_bytes(), &event).unwrap();
            }
        });
    }

    /// Two chains of `records` and one of `consent`: long enough for segments, a few entries, and one.
    fn fill(&self) {
        for _ in 0..40 {
            self.append(0, &self.event(Function::Records));
        }
        for _ in 0..5 {
            self.append(3, &self.event(Function::Records));
        }
        self.append(3, &self.event(Function::Consent));
    }

    /// The chains of other functions that are not what was recorded.
    fn broken(&self) -> Vec<(String, u64)> {
        let logged = self.world.log().len();
        let verified = self.get(VERIFY);
        let broken: Vec<_> = verified.json["chains"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|chain| chain["intact"] == false)
            .map(|chain| {
                assert!(chain["events"].is_null() && chain["chain"].is_null());
                (
                    chain["function"].as_str().unwrap().to_owned(),
                    chain["shard"].as_u64().unwrap(),
                )
            })
            .collect();
        assert_eq!(verified.json["intact"], broken.is_empty());
        assert_eq!(self.world.log().len() - logged, usize::from(!broken.is_empty()));
        broken
    }

    fn export(&self, query: &str) -> Export {
        serde_json::from_value(self.get(format!("{EXPORT}{query}")).json).unwrap()
    }

    /// All parts of one run, each of which is genuine by itself.
    fn parts(&self, query: &str) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        let mut target = format!("{PARTS}{query}");
        loop {
            let part: Part = serde_json::from_value(self.get(target).json).unwrap();
            assert!(is_genuine_part(&part, &self.public_key()));
            assert_eq!(part.last, part.next.is_none());
            let next = part.next.clone();
            parts.push(part);
            match next {
                Some(next) => target = format!("{PARTS}?cursor={next}"),
                None => return parts,
            }
        }
    }

    fn public_key(&self) -> VerifyingKey {
        let keys = self.answer(&Call::get(KEYS));
        assert_eq!((keys.status, keys.text("algorithm").as_str()), (200, "Ed25519"));
        let bytes = Base64::decode_vec(&keys.text("public_key")).unwrap();
        VerifyingKey::from_bytes(&bytes.try_into().unwrap()).unwrap()
    }
}

fn ids(answer: &Answer) -> Vec<String> {
    let events = answer.json["events"].as_array().unwrap();
    events
        .iter()
        .map(|event| event["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Walks all pages and returns the ids of what is there, but for the entries that the asking itself leaves.
fn all_pages(practice: &Practice, filter: &str, limit: usize) -> Vec<String> {
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = practice.get(format!("{QUERY}?limit={limit}{filter}{cursor}"));
        assert!(ids(&page).len() <= limit);
        for event in page.json["events"].as_array().unwrap() {
            if event["function"] != "audit" {
                seen.push(event["id"].as_str().unwrap().to_owned());
            }
        }
        let Some(next) = page.json["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    seen
}

#[test]
fn a_query_finds_what_its_filters_say_and_nothing_else() {
    let practice = Practice::new();
    let world = &practice.world;
    let (one, two): (AccountId, AccountId) = (world.entropy.id(), world.entropy.id());
    let (ada, eve): (SubjectId, SubjectId) = (world.entropy.id(), world.entropy.id());
    let mut events = Vec::new();
    let functions = [Function::Auth, Function::Identity, Function::Consent, Function::Records];
    for number in 0..120_u8 {
        world
            .clock
            .advance(SignedDuration::from_secs(i64::from(number % 3) * 5));
        let pick = |every: u8| number.is_multiple_of(every);
        let event = Event {
            actor: (!pick(5)).then_some(Actor {
                account: if pick(2) { one } else { two },
                role: Role::Clinician,
                session: None,
            }),
            subject: (!pick(7)).then_some(if pick(3) { ada } else { eve }),
            resource: pick(4).then(|| format!("rec_{}", number % 16)),
            action: if pick(6) { Action::Amend } else { Action::Read },
            class: if pick(9) {
                DataClass::Psychotherapy
            } else {
                DataClass::Health
            },
            decision: if pick(8) { Decision::Denied } else { Decision::Allowed },
            ..practice.event(functions[usize::from(number) % functions.len()])
        };
        practice.append(number % 16, &event);
        events.push(event);
    }
    // Somebody else's clinic, with the same people at the same time.
    for event in events.iter().take(40) {
        let elsewhere = Event {
            id: world.entropy.id(),
            clinic: Some(world.entropy.id()),
            ..event.clone()
        };
        practice.append(0, &elsewhere);
    }
    world.clock.advance(SignedDuration::from_mins(5));
    let wanted = |wanted: &dyn Fn(&Event) -> bool| {
        let mut found: Vec<&Event> = events.iter().filter(|event| wanted(event)).collect();
        found.sort_by_key(|event| Reverse((event.at, event.id)));
        found.iter().map(|event| event.id.to_string()).collect::<Vec<_>>()
    };
    let is_actor = |event: &Event, account| event.actor.as_ref().is_some_and(|actor| actor.account == account);
    let (early, late) = (events[30].at, events[80].at);
    type Wanted<'w> = Box<dyn Fn(&Event) -> bool + 'w>;
    let cases: Vec<(String, Wanted<'_>)> = vec![
        (String::new(), Box::new(|_| true)),
        (
            "&function=records".to_owned(),
            Box::new(|event| event.function == Function::Records),
        ),
        (format!("&actor={one}"), Box::new(|event| is_actor(event, one))),
        (format!("&subject={ada}"), Box::new(|event| event.subject == Some(ada))),
        (
            "&action=amend".to_owned(),
            Box::new(|event| event.action == Action::Amend),
        ),
        (
            "&class=psychotherapy".to_owned(),
            Box::new(|event| event.class == DataClass::Psychotherapy),
        ),
        (
            "&decision=denied".to_owned(),
            Box::new(|event| event.decision == Decision::Denied),
        ),
        (
            "&resource=rec_4".to_owned(),
            Box::new(|event| event.resource.as_deref() == Some("rec_4")),
        ),
        // From is the first moment that belongs to the answer, to the first that does not.
        (
            format!("&from={early}&to={late}"),
            Box::new(move |event| early <= event.at && event.at < late),
        ),
        (
            format!("&subject={eve}&decision=allowed&actor={two}&function=identity"),
            Box::new(|event| {
                event.subject == Some(eve)
                    && event.decision == Decision::Allowed
                    && is_actor(event, two)
                    && event.function == Function::Identity
            }),
        ),
        (
            format!("&subject={}", world.entropy.id::<model::kind::Subject>()),
            Box::new(|_| false),
        ),
    ];
    for (filter, is_wanted) in &cases {
        for limit in [7, 200] {
            assert_eq!(
                all_pages(&practice, filter, limit),
                wanted(is_wanted),
                "{filter} {limit}"
            );
        }
    }
    // An event comes as it was recorded.
    let found = practice.get(format!("{QUERY}?function=records&limit=1"));
    let newest = wanted(&|event| event.function == Function::Records).remove(0);
    let recorded = events.iter().find(|event| event.id.to_string() == newest).unwrap();
    assert_eq!(found.json["events"], json!([recorded]));
}

/// However far each request comes, pages together are the whole answer, each event once, though the trail grows and its entries move meanwhile.
#[test]
fn pages_of_requests_that_come_to_no_end_are_the_whole_answer() {
    let practice = std::rc::Rc::new(Practice::new());
    let mut events = Vec::new();
    for number in 0..100_u8 {
        practice.world.clock.advance(SignedDuration::from_secs(1));
        let event = Event {
            decision: if number.is_multiple_of(9) {
                Decision::Denied
            } else {
                Decision::Allowed
            },
            ..practice.event(if number.is_multiple_of(4) {
                Function::Consent
            } else {
                Function::Records
            })
        };
        practice.append(number % 3, &event);
        events.push(event);
    }
    practice.world.clock.advance(SignedDuration::from_mins(5));
    let (early, late) = (events[20].at, events[70].at);
    let bounds = format!("&to={}", practice.world.clock.now());
    let mut was_by_chain = BTreeSet::new();
    for (filter, limit, is_wanted) in [
        (String::new(), 200, &(|_: &Event| true) as &dyn Fn(&Event) -> bool),
        (String::new(), 7, &|_| true),
        (String::new(), 2, &|_| true),
        ("&decision=denied".to_owned(), 200, &|event| {
            event.decision == Decision::Denied
        }),
        ("&decision=denied".to_owned(), 2, &|event| {
            event.decision == Decision::Denied
        }),
        (format!("&function=records&from={early}&to={late}"), 5, &|event| {
            event.function == Function::Records && early <= event.at && event.at < late
        }),
    ] {
        let bounds = if filter.contains("&to=") { "" } else { &bounds };
        let mut wanted: Vec<String> = events
            .iter()
            .filter(|event| is_wanted(event))
            .map(|event| event.id.to_string())
            .collect();
        wanted.sort_unstable();
        for nth in [5, 12, 100, 102, 103, 140] {
            let mut seen = Vec::new();
            let mut cursor = String::new();
            loop {
                let slow = std::rc::Rc::clone(&practice);
                // A store that takes its time, and others who go on to work.
                practice.world.stores.meanwhile(nth, move || {
                    slow.world.clock.advance(SignedDuration::from_secs(11));
                    slow.append_times(3, 1, &slow.event(Function::Records));
                });
                let page = practice.get(format!("{QUERY}?limit={limit}{filter}{bounds}{cursor}"));
                practice.world.stores.disarm();
                let found = page.json["events"].as_array().unwrap();
                assert!(found.len() <= limit);
                let times: Vec<_> = found.iter().map(|event| event["at"].as_str().unwrap()).collect();
                assert!(times.is_sorted_by(|one, two| one >= two), "newest first");
                seen.extend(found.iter().filter(|event| event["function"] != "audit").cloned());
                was_by_chain.insert(page.json["by_chain"] == true);
                let Some(next) = page.json["next"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
            let mut seen: Vec<_> = seen.iter().map(|event| event["id"].as_str().unwrap()).collect();
            seen.sort_unstable();
            assert_eq!(seen, wanted, "{filter} {limit} {nth}");
        }
    }
    assert_eq!(was_by_chain.len(), 2);
}

/// An answer goes on with an entry that its page before has read: where the chain does not come up to it any more, nothing is passed over.
#[test]
fn a_chain_that_is_gone_or_put_back_between_two_pages_is_told() {
    for has_next_chain in [false, true] {
        let practice = Practice::new();
        let head = format!("doc/records/{}/0", practice.clinic);
        let mut heads = Vec::new();
        for _ in 0..20 {
            practice.append(0, &practice.event(Function::Records));
            let dump = practice.world.stores.dump();
            heads.extend(dump.into_iter().find(|(_, key, _)| *key == head));
        }
        if has_next_chain {
            practice.append_times(40, 1, &practice.event(Function::Records));
        }
        let practice = std::rc::Rc::new(practice);
        let target = format!("{QUERY}?function=records&limit=2");
        // More of the first chain was read than a page holds: what belongs on the first one is not known yet.
        let begun = (0..)
            .find_map(|nth| {
                let slow = std::rc::Rc::clone(&practice);
                practice
                    .world
                    .stores
                    .meanwhile(nth, move || slow.world.clock.advance(SignedDuration::from_secs(11)));
                let answer = practice.get(&target);
                practice.world.stores.disarm();
                (answer.json["by_chain"] == true && ids(&answer).is_empty()).then_some(answer)
            })
            .unwrap();
        let first = practice.get(format!("{target}&cursor={}", begun.text("next")));
        assert_eq!(ids(&first).len(), 2);
        let second = format!("{target}&cursor={}", first.text("next"));
        // The answer goes on with the 18th entry.
        for length in 0..=20 {
            let mut dump = practice.world.stores.dump();
            dump.retain(|(_, key, _)| *key != head);
            dump.extend(heads[..length].last().cloned());
            practice.world.stores.restore(&dump);
            let answer = practice.answer(&Call::get(&second).bearer(&practice.officer));
            if length < 18 {
                assert_refused(&answer, 500, "integrity-violation");
                let told = practice.world.log().pop();
                assert!(told.is_some_and(|line| line.contains("integrity violation")));
            } else {
                assert_eq!((answer.status, ids(&answer).len()), (200, 2), "{length}");
            }
            // Who asks anew sees what is there.
            let others = if has_next_chain { 40 } else { 0 };
            assert_eq!(all_pages(&practice, "&function=records", 200).len(), length + others);
        }
    }
}

#[test]
fn a_query_without_a_start_looks_back_a_month() {
    let practice = Practice::new();
    let old = practice.event(Function::Records);
    practice.append(0, &old);
    practice.world.clock.advance(SignedDuration::from_hours(24 * 32));
    let practice = practice.with_auditor();
    let recent = practice.get(format!("{QUERY}?function=records"));
    assert_eq!(
        recent.json,
        json!({"events": [], "from": (practice.world.clock.now() - SignedDuration::from_hours(24 * 31)).to_string()})
    );
    let since = practice.get(format!("{QUERY}?function=records&from={}", old.at));
    assert_eq!(
        (ids(&since), since.text("from")),
        (vec![old.id.to_string()], old.at.to_string())
    );
    let until = practice.get(format!(
        "{QUERY}?function=records&to={}",
        old.at + SignedDuration::from_secs(1)
    ));
    assert_eq!(ids(&until), [old.id.to_string()]);
}

/// Under other filters, what is left of an answer would be taken for the whole of what is left.
#[test]
fn a_cursor_is_good_for_the_filters_of_its_answer() {
    let practice = std::rc::Rc::new(Practice::new());
    let event = Event {
        actor: Some(Actor {
            account: practice.world.entropy.id(),
            role: Role::Clinician,
            session: None,
        }),
        subject: Some(practice.world.entropy.id()),
        resource: Some("rec_4".to_owned()),
        emergency: Some(practice.world.entropy.id()),
        ..practice.event(Function::Records)
    };
    practice.append_times(20, 0, &event);
    let filters: Vec<(&str, String)> = [
        ("function", json!(event.function)),
        ("actor", json!(event.actor.as_ref().unwrap().account)),
        ("subject", json!(event.subject)),
        ("action", json!(event.action)),
        ("class", json!(event.class)),
        ("decision", json!(event.decision)),
        ("resource", json!(event.resource)),
        ("purpose", json!(event.purpose)),
        ("request", json!(event.request)),
        ("emergency", json!(event.emergency)),
        ("to", json!(event.at + SignedDuration::from_secs(1))),
    ]
    .map(|(name, value)| (name, value.as_str().unwrap().to_owned()))
    .into();
    let all = || {
        filters
            .iter()
            .map(|(name, value)| format!("&{name}={value}"))
            .collect::<String>()
    };
    let from = event.at - SignedDuration::from_mins(1);
    // In the order of all, and chain by chain.
    for nth in [1000, 12] {
        let slow = std::rc::Rc::clone(&practice);
        practice
            .world
            .stores
            .meanwhile(nth, move || slow.world.clock.advance(SignedDuration::from_secs(11)));
        let first = practice.get(format!("{QUERY}?limit=3&from={from}{}", all()));
        practice.world.stores.disarm();
        assert_eq!(first.json["by_chain"] == true, nth == 12);
        let cursor = format!("cursor={}", first.text("next"));
        let refuse = |filters: String| {
            let refused = practice.ask(format!("{QUERY}?{cursor}{filters}"));
            assert_refused(&refused, 400, "malformed-request");
            assert_names(&refused, "cursor", "filters");
            assert!(refused.header("audit-id").is_some());
        };
        refuse(String::new());
        for (name, value) in &filters {
            let filter = format!("&{name}={value}");
            refuse(all().replacen(&filter, "", 1));
            refuse(filter);
        }
        refuse(format!("{}&from={}", all(), from - SignedDuration::from_secs(1)));
        // The rest of it, on however large pages, whether its beginning is said again or not.
        for bounds in [String::new(), format!("&from={from}")] {
            let mut filters = all();
            filters.push_str(&bounds);
            let rest = practice.get(format!("{QUERY}?limit=200&{cursor}{filters}"));
            assert_eq!(ids(&rest).len() + ids(&first).len(), 20);
            assert_eq!(rest.text("from"), from.to_string());
        }
    }
}

#[test]
fn an_answer_goes_back_as_far_on_its_last_page_as_on_its_first() {
    let practice = Practice::new();
    let old = practice.event(Function::Records);
    practice.append(0, &old);
    practice
        .world
        .clock
        .advance(SignedDuration::from_hours(24 * 31) - SignedDuration::from_mins(1));
    practice.append(0, &practice.event(Function::Records));
    let practice = practice.with_auditor();
    let first = practice.get(format!("{QUERY}?function=records&limit=1"));
    practice.world.clock.advance(SignedDuration::from_mins(4));
    let second = practice.get(format!(
        "{QUERY}?function=records&limit=1&cursor={}",
        first.text("next")
    ));
    assert_eq!(ids(&second), [old.id.to_string()]);
    assert_eq!(second.text("from"), first.text("from"));
}

#[test]
fn malformed_queries_are_refused_and_leave_nothing() {
    let practice = Practice::new();
    let before = practice.world.stores.dump();
    for query in [
        "SECRET=1",
        "function=SECRET",
        "actor=SECRET",
        "actor=sub_00000000000000000000000000",
        "action=SECRET",
        "decision=SECRET",
        "from=SECRET",
        "from=2026-12-01T09:00:00Z",
        "from=2026-12-01T07:00:00Z&to=2026-12-01T06:00:00Z",
        "limit=0",
        "limit=201",
        "limit=1&limit=2",
    ] {
        assert_refused(&practice.ask(format!("{QUERY}?{query}")), 400, "malformed-request");
    }
    assert_refused(
        &practice.ask(format!("{EXPORT}?function=SECRET")),
        400,
        "malformed-request",
    );
    assert_refused(&practice.ask(format!("{EXPORT}?SECRET=1")), 400, "malformed-request");
    for target in [QUERY, VERIFY, EXPORT, PARTS, KEYS] {
        let refused = practice.answer(&Call::post(target, &json!({})).bearer(&practice.officer));
        assert_refused(&refused, 405, "method-not-allowed");
        assert_eq!(refused.header("allow"), Some("GET"));
    }
    assert!(practice.world.stores.dump() == before);
}

#[test]
fn only_those_who_watch_over_the_trail_see_it() {
    let practice = Practice::new();
    practice.fill();
    let world = &practice.world;
    let client: ClientId = world.entropy.id();
    let find = |id: &str| -> Value {
        let found = practice.get(format!("{QUERY}?function=audit&limit=200"));
        let events = found.json["events"].as_array().unwrap().clone();
        events
            .into_iter()
            .find(|event| event["id"] == id)
            .unwrap_or_else(|| panic!("{id} is not in the trail"))
    };
    for role in Role::ALL {
        let may = matches!(role, Role::PrivacyOfficer | Role::Security | Role::Auditor);
        let token = log_in(
            world,
            &[role],
            practice.clinic,
            world.entropy.id(),
            (role == Role::Client).then_some(client),
        );
        for (target, action) in [
            (QUERY, "search"),
            (VERIFY, "verify"),
            (EXPORT, "export"),
            (PARTS, "export"),
        ] {
            let answer = practice.answer(&Call::get(target).bearer(&token));
            if may {
                assert_eq!(answer.status, 200, "{role} {}", answer.json);
            } else {
                assert_refused(&answer, 403, "access-denied");
            }
            let event = find(answer.header("audit-id").unwrap());
            let (decision, rule) = if may {
                ("allowed", "compliance.audit")
            } else {
                ("denied", "deny.no-rule")
            };
            assert_eq!(
                (
                    &event["action"],
                    &event["class"],
                    &event["decision"],
                    &event["rule"],
                    &event["actor"]["role"]
                ),
                (
                    &json!(action),
                    &json!("audit"),
                    &json!(decision),
                    &json!(rule),
                    &json!(role)
                )
            );
        }
    }
    for target in [QUERY, VERIFY, EXPORT, PARTS] {
        assert_refused(&practice.answer(&Call::get(target)), 401, "unauthenticated");
        let marketing = Call::get(target)
            .bearer(&practice.officer)
            .header("purpose-of-use", "HMARKT");
        let refused = practice.answer(&marketing);
        assert_refused(&refused, 403, "prohibited-purpose");
        assert_eq!(
            find(refused.header("audit-id").unwrap())["rule"],
            "deny.prohibited-purpose"
        );
    }
}

#[test]
fn each_clinic_sees_its_own_trail_alone() {
    let practice = Practice::new();
    practice.fill();
    let world = &practice.world;
    let elsewhere: ClinicId = world.entropy.id();
    let officer = log_in(world, &[Role::PrivacyOfficer], elsewhere, world.entropy.id(), None);
    // What names no clinic is in nobody's trail.
    practice.append(
        0,
        &Event {
            clinic: None,
            ..practice.event(Function::Auth)
        },
    );
    let ask = |target: &str| practice.answer(&Call::get(target).bearer(&officer));
    let found = ask(QUERY);
    let audit_id = found.header("audit-id").unwrap().to_owned();
    assert_eq!(ids(&found), [audit_id], "the query itself and nothing else");
    let verified = ask(VERIFY);
    assert_eq!(
        (&verified.json["intact"], &verified.json["events"]),
        (&json!(true), &json!(2))
    );
    let export: Export = serde_json::from_value(ask(EXPORT).json).unwrap();
    assert_eq!((export.clinic, export.events()), (elsewhere, 3));
    assert!(practice.export("").verify_chains().is_ok());
    assert_eq!(practice.export("?function=auth").events(), 0);
}

#[test]
fn verification_tells_where_every_chain_stands() {
    let practice = Practice::new();
    practice.fill();
    let verified = practice.get(VERIFY);
    assert_eq!(
        (&verified.json["intact"], &verified.json["events"]),
        (&json!(true), &json!(47))
    );
    let chains = verified.json["chains"].as_array().unwrap();
    let places: Vec<_> = chains
        .iter()
        .map(|chain| {
            (
                chain["function"].as_str().unwrap(),
                chain["shard"].as_u64().unwrap(),
                chain["events"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(places[..3], [("consent", 3, 1), ("records", 0, 40), ("records", 3, 5)]);
    assert_eq!((places.len(), places[3].0, places[3].2), (4, "audit", 1));
    // The same value as an export comes to.
    for chain in practice.export("?function=records").chains {
        let stated = chains
            .iter()
            .find(|state| state["function"] == "records" && state["shard"] == chain.shard)
            .unwrap();
        assert_eq!(stated["chain"], json!(chain.chain));
    }
}

/// Where the entries of a head begin, and where its last entry does.
fn frames(head: &[u8]) -> (usize, usize) {
    let fixed = 1 + 4 + 8 + 32;
    let link = if head[fixed] == 0 { 1 } else { 1 + 32 + 8 + 32 };
    let first = fixed + link + 32;
    let (mut at, mut last) = (first, first);
    while at < head.len() {
        last = at;
        let length = u32::from_be_bytes(head[at + 16..at + 20].try_into().unwrap());
        at += 16 + 4 + usize::try_from(length).unwrap();
    }
    (first, last)
}

#[test]
fn verification_finds_what_was_tampered_with() {
    let practice = Practice::new();
    practice.fill();
    // Of the chains that verification itself appends to, none must be the one that is looked for.
    let clinic = practice.clinic;
    let long = format!("doc/records/{clinic}/0");
    let short = format!("doc/records/{clinic}/3");
    let single = format!("doc/consent/{clinic}/3");
    let whole: Dump = practice.world.stores.dump();
    let value = |key: &str| {
        whole
            .iter()
            .find(|entry| entry.0 == "audit" && entry.1 == key)
            .unwrap()
            .2
            .clone()
    };
    let with = |changes: &[(&str, Option<Vec<u8>>)]| -> Dump {
        whole
            .iter()
            .filter_map(|(store, key, stored)| {
                match changes.iter().find(|(changed, _)| store == "audit" && changed == key) {
                    Some((_, None)) => None,
                    Some((_, Some(changed))) => Some((store.clone(), key.clone(), changed.clone())),
                    None => Some((store.clone(), key.clone(), stored.clone())),
                }
            })
            .collect()
    };
    let assert_found = |dump: Dump, expected: &[(&str, u64)], what: &str| {
        practice.world.stores.restore(&dump);
        let expected: Vec<_> = expected
            .iter()
            .map(|(function, shard)| ((*function).to_owned(), *shard))
            .collect();
        assert_eq!(practice.broken(), expected, "{what}");
    };
    assert_found(whole.clone(), &[], "nothing");

    // A changed byte, wherever it is.
    let head = value(&short);
    for position in (0..head.len()).step_by(5) {
        let mut flipped = head.clone();
        flipped[position] ^= 1;
        assert_found(
            with(&[(&short, Some(flipped))]),
            &[("records", 3)],
            &format!("flip {position}"),
        );
    }
    let segments: Vec<_> = whole
        .iter()
        .filter(|entry| entry.0 == "audit" && entry.1.starts_with("once/segment/"))
        .collect();
    assert_eq!(segments.len(), 2);
    for (_, key, stored) in &segments {
        for position in (0..stored.len()).step_by(97) {
            let mut flipped = stored.clone();
            flipped[position] ^= 0x80;
            assert_found(with(&[(key, Some(flipped))]), &[("records", 0)], "flip in a segment");
        }
        assert_found(with(&[(key, None)]), &[("records", 0)], "a segment is gone");
    }
    let (one, two) = (&segments[0], &segments[1]);
    assert_found(
        with(&[(&one.1, Some(two.2.clone())), (&two.1, Some(one.2.clone()))]),
        &[("records", 0)],
        "segments in each other's place",
    );

    // Whole chains in each other's place, of one function and of two.
    assert_found(
        with(&[(&long, Some(value(&short))), (&short, Some(value(&long)))]),
        &[("records", 0), ("records", 3)],
        "two chains of a function",
    );
    assert_found(
        with(&[(&single, Some(value(&short))), (&short, Some(value(&single)))]),
        &[("consent", 3), ("records", 3)],
        "chains of two functions",
    );
    let elsewhere = practice.world.entropy.id::<model::kind::Clinic>();
    let mut moved = with(&[(&short, None)]);
    moved.push(("audit".to_owned(), format!("doc/records/{elsewhere}/3"), head.clone()));
    practice.world.stores.restore(&moved);
    let officer = log_in(
        &practice.world,
        &[Role::Auditor],
        elsewhere,
        practice.world.entropy.id(),
        None,
    );
    let verified = practice.answer(&Call::get(VERIFY).bearer(&officer));
    assert_eq!(
        verified.json["intact"], false,
        "a chain that was moved to another clinic"
    );

    // The last entry cut off, with and without the count put right.
    for key in [&long, &short] {
        let head = value(key);
        let shard = if *key == long { 0 } else { 3 };
        let (first, last) = frames(&head);
        let mut cut = head[..last].to_vec();
        assert_found(with(&[(key, Some(cut.clone()))]), &[("records", shard)], "cut");
        let sequence = u64::from_be_bytes(cut[5..13].try_into().unwrap()) - 1;
        cut[5..13].copy_from_slice(&sequence.to_be_bytes());
        assert_found(with(&[(key, Some(cut))]), &[("records", shard)], "cut and counted");
        let emptied = head[..first].to_vec();
        assert_found(with(&[(key, Some(emptied))]), &[("records", shard)], "emptied");
        assert_found(with(&[(key, Some(Vec::new()))]), &[("records", shard)], "nothing left");
    }
    let log = practice.world.log().join("\n");
    assert!(log.contains("integrity violation") && !log.contains("care.records"));
}

/// Who can put all of a store back to an earlier state, or remove a whole chain, leaves no contradiction in it. What was
/// taken out of Confide before, an export or a verification, then contradicts it.
#[test]
fn a_trail_that_was_put_back_contradicts_what_was_exported() {
    let practice = Practice::new();
    practice.fill();
    let earlier = practice.world.stores.dump();
    practice.append(3, &practice.event(Function::Records));
    let exported = practice.export("?function=records");
    practice.world.stores.restore(&earlier);
    assert_eq!(practice.broken(), []);
    let now = practice.export("?function=records");
    assert!(now.verify_chains().is_ok());
    let stand = |export: &Export| {
        let chain = export.chains.iter().find(|chain| chain.shard == 3).unwrap();
        (chain.sequence, chain.chain.clone())
    };
    assert_eq!((stand(&exported).0, stand(&now).0), (6, 5));
    practice.append(3, &practice.event(Function::Records));
    let later = stand(&practice.export("?function=records"));
    assert_eq!(later.0, stand(&exported).0);
    assert_ne!(later.1, stand(&exported).1, "as many events, and not the same");
}

#[test]
fn what_cannot_be_read_is_not_called_tampered_with() {
    let practice = Practice::new();
    practice.fill();
    practice.get(VERIFY);
    practice.world.stores.disarm();
    practice.get(VERIFY);
    let operations = practice.world.stores.operations();
    for nth in 0..operations {
        practice.world.stores.arm(nth, Fault::Refused);
        let answer = practice.ask(VERIFY);
        practice.world.stores.disarm();
        match answer.status {
            200 => assert_eq!(answer.json["intact"], true, "{nth}"),
            status => assert_eq!(
                (status, answer.header("retry-after").is_some()),
                (503, true),
                "{nth}: {}",
                answer.json
            ),
        }
    }
}

fn is_signed(statement: &str, signature: &Signed, key: &VerifyingKey) -> bool {
    let signature = Base64::decode_vec(&signature.value)
        .ok()
        .and_then(|bytes| Signature::from_slice(&bytes).ok());
    signature.is_some_and(|signature| key.verify_strict(statement.as_bytes(), &signature).is_ok())
}

/// What somebody does who is handed an export and knows the public key.
fn is_genuine(export: &Export, key: &VerifyingKey) -> bool {
    export.verify_chains().is_ok() && is_signed(&export.statement(), &export.signature, key)
}

/// The same for a part.
fn is_genuine_part(part: &Part, key: &VerifyingKey) -> bool {
    part.verify_chains().is_ok() && is_signed(&part.statement(), &part.signature, key)
}

/// What parts come to that somebody puts together.
fn join<'p>(parts: impl IntoIterator<Item = &'p Part>) -> Result<Total, Flaw> {
    let mut joined = Joined::default();
    for part in parts {
        joined.add_part(&format!("{}-{}", part.run, part.part), part)?;
    }
    joined.finish()
}

/// More events than one answer holds, of one function: part by part they are all there, and nothing can be left out, changed or slipped in.
#[test]
fn a_trail_of_any_length_is_exported_and_verified_in_parts() {
    let practice = Practice::new();
    practice.append_times(12_000, 0, &practice.event(Function::Records));
    let oldest = Event {
        decision: Decision::Denied,
        ..practice.event(Function::Records)
    };
    practice.append(7, &oldest);
    practice.append_times(7_999, 7, &practice.event(Function::Records));
    assert_eq!(practice.export("?function=records").events(), 20_000);
    practice.append(7, &practice.event(Function::Records));
    let refused = practice.ask(format!("{EXPORT}?function=records"));
    assert_refused(&refused, 422, "export-too-large");
    assert!(refused.text("detail").contains(PARTS));

    let parts = practice.parts("?function=records");
    let numbers: Vec<_> = parts.iter().map(|part| (part.part, part.last)).collect();
    assert_eq!(numbers, [(1, false), (2, true)]);
    let whole = Total {
        events: 20_001,
        chains: 2,
    };
    assert_eq!(join(&parts), Ok(whole));
    assert_eq!(
        join(parts.iter().rev().chain(&parts)),
        Ok(whole),
        "in any order, and twice"
    );
    let [one, two] = parts.as_slice() else {
        panic!("{numbers:?}")
    };
    let missing = |part| Err(Flaw::Part { run: one.run, part });
    assert_eq!((join([one]), join([two])), (missing(2), missing(1)));

    // A question that reads all of it is answered by as many requests.
    let mut answer = practice.get(format!("{QUERY}?function=records&decision=denied"));
    assert_eq!((ids(&answer).len(), &answer.json["by_chain"]), (0, &json!(true)));
    while let Some(next) = answer.json["next"].as_str() {
        answer = practice.get(format!("{QUERY}?function=records&decision=denied&cursor={next}"));
    }
    assert_eq!(ids(&answer), [oldest.id.to_string()]);

    // Verification says nothing of the whole before it has come to its end.
    let mut answer = practice.get(VERIFY);
    assert!(answer.json["intact"].is_null(), "a part is not the whole");
    let mut chains = Vec::new();
    let mut answers = 1;
    loop {
        chains.extend(answer.json["chains"].as_array().unwrap().clone());
        let Some(next) = answer.json["next"].as_str() else {
            break;
        };
        answer = practice.get(format!("{VERIFY}?cursor={next}"));
        answers += 1;
    }
    assert_eq!((answers, &answer.json["intact"]), (2, &json!(true)));
    let records: Vec<_> = chains.iter().filter(|chain| chain["function"] == "records").collect();
    for (state, (shard, events)) in records.iter().zip([(0, 12_000), (7, 8_001)]) {
        assert_eq!((&state["shard"], &state["events"]), (&json!(shard), &json!(events)));
        let exported = parts.iter().flat_map(|part| &part.chains);
        let newest = exported
            .filter(|chain| chain.shard == shard)
            .max_by_key(|chain| chain.sequence);
        assert_eq!(state["chain"], json!(newest.unwrap().chain));
    }
    assert!(answer.json["events"].as_u64() >= Some(20_001));
}

/// A run that is broken off by a slow store after any number of reads goes on where it was, and what it comes to is the same.
#[test]
fn parts_end_anywhere_and_join() {
    let practice = std::rc::Rc::new(Practice::new());
    practice.fill();
    for nth in 0.. {
        practice.world.stores.disarm();
        let slow = std::rc::Rc::clone(&practice);
        practice
            .world
            .stores
            .meanwhile(nth, move || slow.world.clock.advance(SignedDuration::from_secs(11)));
        let first: Part = serde_json::from_value(practice.get(format!("{PARTS}?function=records")).json).unwrap();
        let reached = practice.world.stores.operations() > nth;
        practice.world.stores.disarm();
        let mut parts = vec![first];
        while let Some(next) = parts.last().unwrap().next.clone() {
            parts.push(serde_json::from_value(practice.get(format!("{PARTS}?cursor={next}")).json).unwrap());
        }
        assert!(parts.iter().all(|part| is_genuine_part(part, &practice.public_key())));
        let whole = Total { events: 45, chains: 2 };
        assert_eq!(join(&parts), Ok(whole), "{nth}");
        for left_out in 0..parts.len() {
            let others = parts.iter().enumerate().filter(|(part, _)| *part != left_out);
            let outcome = join(others.map(|(_, part)| part));
            assert!(
                parts.len() == 1 || matches!(outcome, Err(Flaw::Part { .. })),
                "{outcome:?}"
            );
        }
        // The same by verification.
        let slow = std::rc::Rc::clone(&practice);
        practice
            .world
            .stores
            .meanwhile(nth, move || slow.world.clock.advance(SignedDuration::from_secs(11)));
        let mut verified = practice.get(VERIFY);
        practice.world.stores.disarm();
        while let Some(next) = verified.json["next"].as_str() {
            assert!(verified.json["intact"].is_null());
            verified = practice.get(format!("{VERIFY}?cursor={next}"));
        }
        assert_eq!(verified.json["intact"], true);
        if !reached {
            break;
        }
    }
}

/// What verification found in one part, the answers after it do not forget.
#[test]
fn a_changed_chain_is_told_by_every_later_answer() {
    let practice = std::rc::Rc::new(Practice::new());
    practice.fill();
    practice.world.stores.tamper(|store, key, value| {
        if store == "audit" && key.starts_with("doc/records/") && key.ends_with("/3") {
            value[20] ^= 1;
        }
    });
    let mut told = Vec::new();
    for nth in (0..).step_by(3) {
        let slow = std::rc::Rc::clone(&practice);
        practice
            .world
            .stores
            .meanwhile(nth, move || slow.world.clock.advance(SignedDuration::from_secs(11)));
        let first = practice.get(VERIFY);
        let reached = practice.world.stores.operations() > nth;
        practice.world.stores.disarm();
        if !reached {
            break;
        }
        let Some(next) = first.json["next"].as_str() else {
            continue;
        };
        let second = practice.get(format!("{VERIFY}?cursor={next}"));
        assert_eq!(second.json["intact"], false, "{nth}");
        told.push(first.json["intact"] == false);
    }
    assert!(told.contains(&true) && told.contains(&false));
}

/// Exports that are taken one after the other are one trail, each from where the one before it was taken.
#[test]
fn exports_since_the_last_one_join_and_show_what_was_put_back() {
    let practice = Practice::new();
    practice.fill();
    let wait = || practice.world.clock.advance(SignedDuration::from_mins(5));
    wait();
    let first = practice.export("");
    wait();
    let earlier = practice.world.stores.dump();
    for _ in 0..30 {
        practice.append(3, &practice.event(Function::Records));
    }
    practice.append(5, &practice.event(Function::Identity));
    let second = practice.parts(&format!("?from={}", first.exported_at));
    let together = |whole: &[&Export], parts: &[Part]| {
        let mut joined = Joined::default();
        for (number, export) in whole.iter().enumerate() {
            joined.add_export(&format!("whole-{number}"), export)?;
        }
        for part in parts {
            joined.add_part(&format!("part-{}", part.run), part)?;
        }
        joined.finish()
    };
    let total = together(&[&first], &second).unwrap();
    assert_eq!(total.events, 47 + 30 + 1 + 1);
    // It holds what is new, and little else.
    let carried: usize = second.iter().map(Part::events).sum();
    assert!((32..60).contains(&carried), "{carried}");
    assert!(matches!(together(&[], &second), Err(Flaw::Gap { from: 1, .. })));
    wait();
    let third = practice.export("");
    assert_eq!(
        together(&[&first, &third], &second).map(|total| total.chains),
        Ok(third.chains.len())
    );

    // Put back to before the second, with and without other events since.
    practice.world.stores.restore(&earlier);
    wait();
    let shorter = practice.export("?function=records");
    let put_back = Flaw::PutBack {
        function: Function::Records,
        shard: 3,
        earlier: 35,
        later: 5,
        file: "whole-1".to_owned(),
    };
    assert_eq!(together(&[&first, &shorter], &second), Err(put_back));
    for _ in 0..40 {
        practice.append(3, &practice.event(Function::Records));
    }
    wait();
    let other = practice.export("?function=records");
    let flaw = together(&[&first, &other], &second);
    assert!(
        matches!(
            &flaw,
            Err(Flaw::Contradiction {
                function: Function::Records,
                shard: 3,
                sequence: 6,
                ..
            })
        ),
        "{flaw:?}"
    );
}

fn join_exports<'e>(exports: impl IntoIterator<Item = &'e Export>) -> Result<Total, Flaw> {
    let mut joined = Joined::default();
    for export in exports {
        joined.add_export(&export.exported_at.to_string(), export)?;
    }
    joined.finish()
}

/// Of two exports at a time, the one that ends first may have read a chain later.
#[test]
fn exports_that_overlap_are_one_trail() {
    for nth in 0.. {
        let practice = std::rc::Rc::new(Practice::new());
        practice.fill();
        let within = std::rc::Rc::new(std::cell::RefCell::new(None));
        let (other, kept) = (std::rc::Rc::clone(&practice), std::rc::Rc::clone(&within));
        practice.world.stores.meanwhile(nth, move || {
            let second = SignedDuration::from_secs(1);
            other.world.clock.advance(second);
            other.append_times(2, 3, &other.event(Function::Records));
            *kept.borrow_mut() = Some(other.export("?function=records"));
            // As long as a request can be under way.
            other.world.clock.advance(second * 150);
        });
        let around = practice.export("");
        practice.world.stores.disarm();
        let Some(within) = within.take() else { break };
        assert!(join_exports([&around, &within]).is_ok(), "{nth}");
    }
}

/// Two hosts, of which one's clock is behind.
#[test]
fn exports_of_hosts_with_other_clocks_are_one_trail_unless_they_fork() {
    let practice = Practice::new();
    practice.fill();
    let whole = practice.world.stores.dump();
    let before = practice.export("?function=records");
    practice.append(3, &practice.event(Function::Records));
    practice.world.clock.advance(SignedDuration::from_secs(-90));
    let after = practice.export("?function=records");
    assert!(after.exported_at < before.exported_at);
    assert_eq!(join_exports([&before, &after]).map(|total| total.events), Ok(46));
    // As they were before exports said when they began.
    let unsaid = |export: &Export| Export {
        format: "confide-audit-export-1".to_owned(),
        began_at: None,
        ..export.clone()
    };
    assert_eq!(
        join_exports([&unsaid(&before), &after]).map(|total| total.events),
        Ok(46)
    );
    assert_eq!(
        join_exports([&unsaid(&before), &unsaid(&after)]).map(|total| total.events),
        Ok(46)
    );

    practice.world.stores.restore(&whole);
    practice.append(3, &practice.event(Function::Records));
    let fork = practice.export("?function=records");
    let flaw = join_exports([&after, &fork]);
    assert!(
        matches!(
            flaw,
            Err(Flaw::Contradiction {
                shard: 3,
                sequence: 6,
                ..
            })
        ),
        "{flaw:?}"
    );
    practice.world.stores.restore(&whole);
    for (minutes, export) in [(4, &after), (5, &unsaid(&after))] {
        practice.world.clock.advance(SignedDuration::from_mins(minutes));
        let flaw = join_exports([export, &practice.export("?function=records")]);
        assert!(
            matches!(
                flaw,
                Err(Flaw::PutBack {
                    earlier: 6,
                    later: 5,
                    ..
                })
            ),
            "{flaw:?}"
        );
    }
}

#[test]
fn a_part_that_was_changed_or_is_of_elsewhere_is_refused() {
    let practice = Practice::new();
    practice.fill();
    let parts = practice.parts("?function=records");
    let [part] = parts.as_slice() else { panic!("one part") };
    let key = practice.public_key();
    let assert_fails = |what: &str, change: &dyn Fn(&mut Part)| {
        let mut changed = part.clone();
        change(&mut changed);
        assert_ne!(&changed, part, "{what}");
        assert!(!is_genuine_part(&changed, &key), "{what}");
        changed
    };
    for index in 0..part.chains.len() {
        let event = assert_fails("event", &|part| {
            change_byte(&mut part.chains[index].entries[2].event, 9)
        });
        assert!(matches!(join([&event]), Err(Flaw::File { .. })));
        assert_fails("dropped", &|part| drop(part.chains[index].entries.remove(2)));
        assert_fails("cut at its end", &|part| drop(part.chains[index].entries.pop()));
        // Consistent in itself: only the signature says what the stretch was.
        let cut = assert_fails("cut at its beginning", &|part| {
            let stretch = &mut part.chains[index];
            let entry = stretch.entries.remove(0);
            let event: Event = serde_json::from_str(&entry.event).unwrap();
            let value = store::chain(&[0; 32], 1, event.id.as_bytes(), entry.event.as_bytes());
            stretch.after.sequence = 1;
            stretch.after.chain = lower::encode_string(&value);
        });
        assert!(cut.verify_chains().is_ok());
        assert!(matches!(
            join([&cut]),
            Err(Flaw::Gap {
                from: 1,
                through: 1,
                ..
            })
        ));
        assert_fails("start", &|part| change_byte(&mut part.chains[index].after.chain, 7));
        assert_fails("no start", &|part| part.chains[index].after.chain.clear());
        assert_fails("end", &|part| change_byte(&mut part.chains[index].chain, 7));
        assert_fails("shard", &|part| part.chains[index].shard ^= 1);
        assert_fails("function", &|part| part.chains[index].function = Function::Identity);
        assert_fails("chain dropped", &|part| drop(part.chains.remove(index)));
    }
    assert_fails("format", &|part| part.format = "confide-audit-export-part-1".to_owned());
    assert_fails("number", &|part| part.part = 2);
    assert_fails("last", &|part| part.last = false);
    assert_fails("run", &|part| part.run = practice.world.entropy.id());
    assert_fails("time", &|part| {
        part.exported_at = Timestamp::from_second(part.exported_at.as_second() + 1).unwrap();
    });
    assert_fails("beginning", &|part| part.began_at = Some(Timestamp::MIN));
    assert_fails("beginning unsaid", &|part| part.began_at = None);
    assert_fails("clinic", &|part| part.clinic = practice.world.entropy.id());

    // Of another clinic, and of another deployment that says to be the same one.
    let elsewhere = Practice {
        world: World::new(18),
        ..Practice::new()
    };
    let clinic = elsewhere.world.entropy.id();
    let officer = log_in(
        &elsewhere.world,
        &[Role::PrivacyOfficer],
        clinic,
        elsewhere.world.entropy.id(),
        None,
    );
    let other_clinic = Practice {
        clinic,
        officer,
        ..elsewhere
    }
    .parts("")
    .remove(0);
    assert!(matches!(join([part, &other_clinic]), Err(Flaw::Clinic { .. })));
    let world = World::new(19);
    let officer = log_in(
        &world,
        &[Role::PrivacyOfficer],
        practice.clinic,
        world.entropy.id(),
        None,
    );
    let other_keys = Practice {
        world,
        clinic: practice.clinic,
        officer,
    }
    .parts("")
    .remove(0);
    assert!(matches!(join([part, &other_keys]), Err(Flaw::Key { .. })));
}

/// A cursor is taken from whoever was given it, by this clinic, for what it goes on with, and from nobody else.
#[test]
fn a_cursor_is_good_for_one_thing_in_one_clinic() {
    let practice = std::rc::Rc::new(Practice::new());
    practice.fill();
    let cursor = |target: &str| {
        for nth in 0.. {
            let slow = std::rc::Rc::clone(&practice);
            practice
                .world
                .stores
                .meanwhile(nth, move || slow.world.clock.advance(SignedDuration::from_secs(11)));
            let next = practice.get(target).json["next"].as_str().map(str::to_owned);
            practice.world.stores.disarm();
            if let Some(next) = next {
                return next;
            }
        }
        unreachable!()
    };
    let (export, verification, query) = (cursor(PARTS), cursor(VERIFY), cursor(QUERY));
    practice.get(format!("{PARTS}?cursor={export}"));
    practice.get(format!("{VERIFY}?cursor={verification}"));
    practice.get(format!("{QUERY}?cursor={query}"));
    let refuse = |target: String, officer: &str| {
        let refused = practice.answer(&Call::get(target).bearer(officer));
        assert_refused(&refused, 400, "malformed-request");
    };
    let officer = practice.officer.as_str();
    refuse(format!("{PARTS}?cursor={verification}"), officer);
    refuse(format!("{VERIFY}?cursor={export}"), officer);
    refuse(format!("{PARTS}?cursor={query}"), officer);
    for foreign in [&export, &verification, "SECRET"] {
        refuse(format!("{QUERY}?cursor={foreign}"), officer);
    }
    let mut changed = export.clone();
    change_byte(&mut changed, export.len() / 2);
    refuse(format!("{PARTS}?cursor={changed}"), officer);
    let elsewhere = practice.world.entropy.id();
    let stranger = log_in(
        &practice.world,
        &[Role::Auditor],
        elsewhere,
        practice.world.entropy.id(),
        None,
    );
    refuse(format!("{PARTS}?cursor={export}"), &stranger);
    refuse(format!("{VERIFY}?cursor={verification}"), &stranger);
    refuse(format!("{QUERY}?cursor={query}"), &stranger);
    for query in [
        "SECRET=1",
        "shard=3",
        "function=records&shard=32",
        "from=SECRET",
        "cursor=SECRET",
    ] {
        refuse(format!("{PARTS}?{query}"), officer);
    }
    refuse(format!("{PARTS}?cursor={export}&function=records"), officer);
    // One chain alone.
    let one = practice.parts("?function=records&shard=3");
    assert_eq!((one.len(), join(&one)), (1, Ok(Total { events: 5, chains: 1 })));
}

fn other(byte: u8) -> u8 {
    if byte == b'0' { b'1' } else { b'0' }
}

fn change_byte(text: &mut String, position: usize) {
    let mut bytes = std::mem::take(text).into_bytes();
    bytes[position] = other(bytes[position]);
    *text = String::from_utf8(bytes).unwrap();
}

#[test]
fn an_export_is_checked_without_confide() {
    let practice = Practice::new();
    practice.fill();
    let export = practice.export("");
    let key = practice.public_key();
    assert_eq!(
        (export.format.as_str(), export.clinic),
        ("confide-audit-export-2", practice.clinic)
    );
    assert_eq!(export.signature.algorithm, "Ed25519");
    assert_eq!(export.signature.public_key, Base64::encode_string(key.as_bytes()));
    assert_eq!(export.events(), 47, "the export itself is in it");
    assert!(is_genuine(&export, &key));
    let only = practice.export("?function=records");
    assert!(only.chains.iter().all(|chain| chain.function == Function::Records));
    assert!(is_genuine(&only, &key) && only.events() == 45);

    // Another deployment's key vouches for nothing here.
    assert!(!is_genuine(
        &export,
        &Practice {
            world: World::new(18),
            ..Practice::new()
        }
        .public_key()
    ));

    let assert_fails = |what: &str, change: &dyn Fn(&mut Export)| {
        let mut changed = export.clone();
        change(&mut changed);
        assert_ne!(changed, export, "{what}");
        assert!(!is_genuine(&changed, &key), "{what}");
        changed
    };
    // One byte of an event: every byte of one, and one of every other.
    for index in 0..export.chains.len() {
        let chain = &export.chains[index];
        for (place, entry) in chain.entries.iter().enumerate() {
            let positions: Vec<usize> = if place == 0 {
                (0..entry.event.len()).collect()
            } else {
                vec![(place * 37) % entry.event.len()]
            };
            for position in positions {
                let changed = assert_fails("event", &|export| {
                    change_byte(&mut export.chains[index].entries[place].event, position);
                });
                // The chains show it by themselves: nobody's signature is needed for that.
                assert!(changed.verify_chains().is_err());
            }
            for sequence in [entry.sequence - 1, entry.sequence + 1] {
                let changed = assert_fails("entry sequence", &|export| {
                    export.chains[index].entries[place].sequence = sequence;
                });
                assert!(matches!(changed.verify_chains(), Err(Finding::Sequence { .. })));
            }
            let changed = assert_fails("dropped", &|export| drop(export.chains[index].entries.remove(place)));
            assert!(matches!(changed.verify_chains(), Err(Finding::Sequence { .. })));
        }
        for position in 0..chain.chain.len() {
            assert_fails("chain", &|export| {
                change_byte(&mut export.chains[index].chain, position)
            });
        }
        assert_fails("chain sequence", &|export| export.chains[index].sequence += 1);
        assert_fails("shard", &|export| export.chains[index].shard ^= 1);
        assert_fails("function", &|export| export.chains[index].function = Function::Identity);
        assert_fails("chain dropped", &|export| drop(export.chains.remove(index)));
        assert_fails("chain twice", &|export| {
            let chain = export.chains[index].clone();
            export.chains.push(chain);
        });
        // Rewritten as a whole, chain value and all: consistent in itself, and not what was signed.
        let rewritten = assert_fails("rewritten", &|export| {
            let chain = &mut export.chains[index];
            chain.entries.pop();
            chain.sequence -= 1;
            let value = chain.entries.iter().fold([0; 32], |now, entry| {
                let event: Event = serde_json::from_str(&entry.event).unwrap();
                store::chain(&now, entry.sequence, event.id.as_bytes(), entry.event.as_bytes())
            });
            chain.chain = lower::encode_string(&value);
        });
        assert!(rewritten.verify_chains().is_ok());
    }
    assert_fails("order of chains", &|export| export.chains.swap(0, 1));
    assert_fails("order of entries", &|export| {
        let chain = export.chains.iter_mut().find(|chain| chain.entries.len() > 1).unwrap();
        chain.entries.swap(0, 1);
    });
    for byte in 0..16 {
        assert_fails("clinic", &|export| {
            let mut bytes = *export.clinic.as_bytes();
            bytes[byte] ^= 1;
            export.clinic = ClinicId::from_bytes(bytes);
        });
    }
    assert_fails("time", &|export| {
        export.exported_at = Timestamp::from_second(export.exported_at.as_second() + 1).unwrap();
    });
    assert_fails("beginning", &|export| export.began_at = Some(Timestamp::MIN));
    assert_fails("beginning unsaid", &|export| export.began_at = None);
    assert_fails("format", &|export| export.format = "confide-audit-export-1".to_owned());
    for position in [0, 40, 80] {
        assert_fails("signature", &|export| {
            change_byte(&mut export.signature.value, position)
        });
    }
}

#[test]
fn the_public_key_is_for_everybody() {
    let practice = Practice::new();
    let before = practice.world.stores.dump();
    let key = practice.public_key();
    assert_eq!(practice.public_key(), key, "it stays the same");
    let strict = practice.answer(&Call::get(KEYS).bearer("cfs_SECRET"));
    assert_eq!(strict.status, 200);
    assert_eq!(strict.json.as_object().unwrap().len(), 2);
    assert!(practice.world.stores.dump() == before);
}

/// A request that is broken off at every operation in every way, and then repeated.
#[test]
fn asking_is_finished_by_a_repeated_request() {
    for target in [format!("{QUERY}?limit=3"), VERIFY.to_owned(), EXPORT.to_owned()] {
        for fault in Fault::ALL {
            for nth in 0.. {
                let practice = Practice::new();
                for (shard, function) in [(0, Function::Records), (3, Function::Records), (3, Function::Consent)] {
                    practice.append(shard, &practice.event(function));
                }
                practice.world.stores.arm(nth, fault);
                let first = survive(|| practice.ask(&target));
                let reached = practice.world.stores.operations() > nth;
                practice.world.stores.disarm();
                // A creator that died keeps others waiting for a minute.
                practice.world.clock.advance(SignedDuration::from_secs(60));
                let again = practice.get(&target);
                for answer in first.iter().filter(|answer| answer.status != 503).chain([&again]) {
                    assert_eq!(answer.status, 200, "{fault:?} {nth}: {}", answer.json);
                    assert_whole(&practice, &target, answer);
                }
                // At most one entry more than there were answers: of a request that died after it was recorded.
                let recorded = practice.get(format!("{QUERY}?function=audit"));
                let recorded: BTreeSet<String> = ids(&recorded).into_iter().collect();
                assert!((2..=3).contains(&recorded.len()), "{fault:?} {nth}");
                assert!(recorded.contains(again.header("audit-id").unwrap()));
                assert_eq!(practice.broken(), []);
                if !reached {
                    break;
                }
            }
        }
    }
}

fn assert_whole(practice: &Practice, target: &str, answer: &Answer) {
    let own: EventId = answer.header("audit-id").unwrap().parse().unwrap();
    match target {
        VERIFY => assert!(answer.json["intact"] == true && answer.json["events"].as_u64() >= Some(4)),
        EXPORT => {
            let export: Export = serde_json::from_value(answer.json.clone()).unwrap();
            assert!(is_genuine(&export, &practice.public_key()) && export.events() >= 4);
            let exported = export.chains.iter().flat_map(|chain| &chain.entries);
            assert!(exported.into_iter().any(|entry| entry.event.contains(&own.to_string())));
        }
        _ => assert!(ids(answer).len() == 3 && ids(answer)[0] == own.to_string() || answer.json["next"].is_string()),
    }
}

#[test]
fn without_its_own_trail_or_keyring_nothing_is_shown() {
    let practice = Practice::new();
    practice.fill();
    for target in [QUERY, VERIFY, EXPORT, PARTS] {
        practice.world.stores.disarm();
        practice.get(target);
        let trace = practice.world.stores.trace();
        let first = trace
            .iter()
            .position(|operation| operation.starts_with("audit "))
            .unwrap();
        practice.world.stores.arm(first, Fault::Refused);
        let answer = practice.ask(target);
        practice.world.stores.disarm();
        assert_eq!(
            (answer.status, answer.json["events"].is_null()),
            (503, true),
            "{target}"
        );
    }
    let mut practice = Practice::new();
    practice.world.keyrings.remove(&Function::Audit);
    for target in [QUERY, VERIFY, EXPORT, PARTS, KEYS] {
        let answer = practice.ask(target);
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("30")));
    }
    assert!(
        practice
            .world
            .log()
            .iter()
            .all(|line| line.contains("SPIN_VARIABLE_AUDIT_KEYRING"))
    );
}
