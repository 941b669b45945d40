//! What `exchange` hands over and takes, in the name of whoever asks it.

use std::collections::BTreeMap;

use crypto::{Label, Secret, mac};

use super::*;

const IMPORT: &str = "/v1/records/private/import";
const CHECK: &str = "/v1/records/private/import/check";
const EXPORT: &str = "/v1/records/private/export";
const BETWEEN: [Function; 2] = [Function::Exchange, Function::Records];

fn id(number: u64) -> String {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    RecordId::from_bytes(bytes).to_string()
}

/// A part as `exchange` hands it over.
fn part(number: u64, record: &Value) -> Value {
    let mut part = record.clone();
    part["id"] = json!(id(number));
    part["source"] = json!({"system": "https://other.example", "id": format!("Condition/SECRET-{number}")});
    part
}

/// A progress note of this day of November.
fn note_of(day: u64, text: &str) -> Value {
    json!({"kind": "progress_note", "content": {"session_at": format!("2026-11-{day:02}T10:00:00Z"), "text": text}})
}

impl Practice {
    fn body(&self, parts: &[Value]) -> Value {
        json!({"client_id": self.client, "parts": parts})
    }

    fn for_exchange(&self, token: &str, path: &str, body: &Value) -> Call {
        self.world.private_call_in_name_of(token, None, BETWEEN, path, body)
    }

    fn importing(&self, parts: &[Value]) -> Call {
        self.for_exchange(&self.clinician.token, IMPORT, &self.body(parts))
    }

    /// What becomes of parts that the clinician imports.
    #[track_caller]
    fn import(&self, parts: &[Value]) -> Vec<String> {
        outcomes(&self.send(&self.importing(parts)))
    }

    fn exporting(&self, token: &str, cursor: Option<&str>) -> Call {
        let mut body = json!({"client_id": self.client});
        if let Some(cursor) = cursor {
            body["cursor"] = json!(cursor);
        }
        self.for_exchange(token, EXPORT, &body)
    }

    /// All that this function stores but its trail.
    fn charts(&self) -> Vec<(String, String, Vec<u8>)> {
        let mut state = self.state();
        state.retain(|(store, ..)| store.starts_with("health"));
        assert!(!state.is_empty());
        state
    }

    /// All pages of an export.
    #[track_caller]
    fn exported(&self, token: &str) -> Vec<Vec<Value>> {
        let mut pages: Vec<Vec<Value>> = Vec::new();
        let mut cursor = None;
        loop {
            let page = self.send(&self.exporting(token, cursor.as_deref()));
            assert_eq!(page.status, 200, "{}", page.json);
            pages.push(page.json["parts"].as_array().unwrap().clone());
            match page.json["next"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return pages,
            }
        }
    }
}

#[track_caller]
fn outcomes(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.json);
    let outcomes = answer.json["outcomes"].as_array().unwrap();
    outcomes
        .iter()
        .map(|outcome| outcome.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn an_import_writes_what_is_not_there_and_changes_what_nobody_changed() {
    let practice = Practice::new();
    let encounter = id(99);
    let mut first = part(1, &note_of(3, "SECRET one"));
    first["encounter"] = json!(encounter);
    let second = part(2, &note_of(2, "SECRET two"));
    assert_eq!(
        practice.import(&[first.clone(), second.clone()]),
        ["created", "created"]
    );
    assert_eq!(practice.assert_whole(), [id(1), id(2)]);
    let read = practice.read(&id(1)).json;
    for (field, value) in [
        ("status", json!("signed")),
        ("version", json!(1)),
        ("author", json!(practice.clinician.account)),
        ("encounter", json!(encounter)),
        ("source", first["source"].clone()),
        ("content", first["content"].clone()),
    ] {
        assert_eq!(read[field], value, "{field}");
    }

    // Once more it changes nothing at all.
    let before = practice.charts();
    assert_eq!(
        practice.import(&[first.clone(), second.clone()]),
        ["unchanged", "unchanged"]
    );
    assert!(practice.charts() == before);

    // Its source says something else now, of another time, and nobody has changed it here.
    let moved = part(1, &note_of(1, "SECRET moved"));
    assert_eq!(
        practice.import(&[moved.clone(), second.clone()]),
        ["updated", "unchanged"]
    );
    let read = practice.read(&id(1)).json;
    assert_eq!(
        (&read["version"], &read["reason"]),
        (&json!(2), &json!("imported again"))
    );
    assert_eq!((&read["content"], read.get("encounter")), (&moved["content"], None));
    assert_eq!(practice.assert_whole(), [id(2), id(1)]);
    assert_eq!(practice.import(std::slice::from_ref(&first)), ["updated"]);
    assert_eq!(practice.import(std::slice::from_ref(&first)), ["unchanged"]);

    // What she has changed here since stays, whatever the source says; what the source said before is known still.
    assert_eq!(practice.send(&practice.amending(&id(1), 3, "SECRET mine")).status, 200);
    let before = practice.charts();
    assert_eq!(practice.import(std::slice::from_ref(&first)), ["unchanged"]);
    assert_eq!(practice.import(std::slice::from_ref(&moved)), ["kept"]);
    assert_eq!(practice.import(&[part(1, &progress("SECRET mine"))]), ["unchanged"]);
    assert!(practice.charts() == before);
    assert_eq!(
        practice.read(&id(1)).json["source"],
        first["source"],
        "it is from there still"
    );

    // Of another source, of another kind, somebody else's, or not imported at all.
    let mut elsewhere = part(2, &note_of(2, "SECRET other"));
    elsewhere["source"]["id"] = json!("Condition/SECRET-3");
    assert_eq!(practice.import(&[elsewhere]), ["kept"]);
    assert_eq!(practice.import(&[part(2, &assessment())]), ["kept"]);
    let by_colleague = |parts: &[Value]| {
        let call = practice.for_exchange(&practice.colleague.token, IMPORT, &practice.body(parts));
        outcomes(&practice.send(&call))
    };
    assert_eq!(by_colleague(&[part(2, &note_of(2, "SECRET other"))]), ["kept"]);
    assert_eq!(by_colleague(std::slice::from_ref(&second)), ["unchanged"]);
    let own = practice.write("write", "SECRET own");
    let mut over = part(4, &progress("SECRET over"));
    over["id"] = json!(own);
    assert_eq!(practice.import(std::slice::from_ref(&over)), ["kept"]);
    over["content"]["text"] = json!("SECRET own");
    assert_eq!(practice.import(&[over]), ["unchanged"]);
    assert_eq!(practice.read(&own).json.get("source"), None);
    // A draft is nobody's but its author's, and hers only to work on.
    let draft = practice.draft("draft", "SECRET draft");
    let mut over = part(5, &progress("SECRET draft"));
    over["id"] = json!(draft);
    assert_eq!(practice.import(&[over]), ["kept"]);
    practice.assert_whole();
}

#[test]
fn a_check_says_what_an_import_would_refuse_and_writes_nothing() {
    let practice = Practice::new();
    practice.write("write", "SECRET begun");
    let refused = [
        (
            json!({"kind": "progress_note", "content": {"session_at": "2027-01-01T00:00:00Z", "text": ""}}),
            json!([["/content/text", "length"], ["/content/session_at", "past"]]),
        ),
        (
            json!({"kind": "progress_note", "content": {"session_at": "2026-11-01T00:00:00Z", "text": "a", "mood": "SECRET"}}),
            json!([["/content/mood", "unknown-field"]]),
        ),
        (
            json!({"kind": "psychotherapy_note", "content": note("SECRET")["content"]}),
            json!([["/kind", "kind"]]),
        ),
        (
            json!({"kind": "document", "content": {"title": "SECRET", "media_type": "application/pdf"}}),
            json!([["/kind", "kind"]]),
        ),
        (json!({"kind": "claim", "content": {}}), json!([["/kind", "type"]])),
        (
            json!({"kind": "progress_note", "content": {"session_at": "2026-11-01T00:00:00Z", "text": "4111 1111 1111 1111"}}),
            json!([["/content/text", "payment-card"]]),
        ),
    ];
    let mut parts = vec![part(1, &progress("SECRET"))];
    parts.extend(
        refused
            .iter()
            .zip(2..)
            .map(|((record, _), number)| part(number, record)),
    );
    parts.push(part(90, &assessment()));
    let before = practice.charts();
    let events = practice.trail().len();
    let call = |path: &str, parts: &[Value]| {
        practice.send(&practice.for_exchange(&practice.clinician.token, path, &practice.body(parts)))
    };
    let checked = call(CHECK, &parts);
    assert_eq!(checked.status, 200, "{}", checked.json);
    let named: Vec<Value> = checked.json["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refused| {
            let errors = refused["errors"].as_array().unwrap().iter();
            errors.map(|error| json!([error["field"], error["rule"]])).collect()
        })
        .collect();
    assert_eq!(named, refused.each_ref().map(|(_, errors)| errors.clone()));
    assert_eq!(checked.json["refused"][0]["part"], 1);
    assert!(!checked.json.to_string().contains("SECRET"), "{}", checked.json);
    assert_eq!(call(CHECK, &parts[..1]).json, json!({"refused": []}));
    assert_eq!(practice.trail().len(), events + 2, "one decision each");
    let event = practice.event(&checked);
    assert_eq!((event.action, event.resource), (Action::Create, None));

    // All or nothing: the good ones of such a call are not written either, and nothing is decided.
    let imported = call(IMPORT, &parts);
    assert_violates(&imported, 422, "/parts/1/content/text", "length");
    assert_eq!(imported.json["errors"].as_array().unwrap().len(), 7);
    assert_eq!(practice.trail().len(), events + 2);
    assert!(practice.charts() == before);

    let many: Vec<_> = (0..101).map(|number| part(number, &progress("SECRET"))).collect();
    for parts in [&many[..], &[]] {
        assert_violates(&call(IMPORT, parts), 400, "/parts", "count");
        assert_violates(&call(CHECK, parts), 400, "/parts", "count");
    }
    assert_violates(
        &call(IMPORT, &[many[0].clone(), many[0].clone()]),
        422,
        "/parts/1/id",
        "unique",
    );
    assert!(practice.charts() == before);
}

/// An addendum that comes back is its author's: it is said to be here where it is, and never written.
#[test]
fn an_addendum_that_comes_back_is_looked_for() {
    let practice = Practice::new();
    let record = practice.write("write", "SECRET of her");
    practice.import(&[part(1, &note_of(3, "SECRET one")), part(2, &note_of(2, "SECRET two"))]);
    let add = |record: &str, key: &str, text: &str| {
        let path = format!("{}/{record}/addenda", practice.path(RECORDS));
        let call = Call::post(path, &json!({"text": text})).once(key);
        let added = practice.send(&call.bearer(&practice.colleague.token));
        assert_eq!(added.status, 201, "{}", added.json);
        added.text("id")
    };
    let (first, second) = (
        add(&record, "first", "SECRET first"),
        add(&id(2), "second", "SECRET second"),
    );
    let back = |number: u64, id: &str, text: &str| {
        let mut part = part(number, &note_of(1, text));
        part["id"] = json!(id);
        part
    };
    let before = practice.charts();
    let check = |parts: &[Value]| {
        let call = practice.for_exchange(&practice.clinician.token, CHECK, &practice.body(parts));
        let checked = practice.send(&call);
        assert_eq!(checked.status, 200, "{}", checked.json);
        assert!(!checked.json.to_string().contains("SECRET"), "{}", checked.json);
        let event = practice.event(&checked);
        assert_eq!((event.action, event.decision), (Action::Create, Decision::Allowed));
        let refused = checked.json["refused"].as_array().unwrap().clone();
        refused
            .iter()
            .map(|refused| (refused["part"].as_u64().unwrap(), refused["errors"][0]["rule"].clone()))
            .collect::<Vec<_>>()
    };
    let unknown = practice.world.entropy.id::<model::kind::Addendum>().to_string();
    assert_eq!(
        check(&[
            part(3, &progress("SECRET new")),
            back(4, &second, "SECRET second"),
            back(5, &unknown, "SECRET first"),
            back(6, &first, "SECRET first"),
            back(7, &id(8), "SECRET first"),
        ]),
        [(2, json!("addendum"))]
    );
    assert_eq!(
        check(&[back(4, &first, "SECRET second"), back(5, &second, "SECRET first")]),
        [(0, json!("addendum")), (1, json!("addendum"))]
    );
    let mut other = part(4, &assessment());
    other["id"] = json!(first);
    assert_eq!(check(&[other]), [(0, json!("kind"))]);
    assert_eq!(check(&[back(4, "add_1", "SECRET first")])[0].0, 0);
    // Nobody writes one by importing it.
    let imported = practice.send(&practice.importing(&[back(4, &first, "SECRET first")]));
    assert_violates(&imported, 400, "/parts", "id");
    assert!(practice.charts() == before);
    // A client of whom nothing was written has none.
    let practice = Practice::new();
    let checked = practice.send(&practice.for_exchange(
        &practice.clinician.token,
        CHECK,
        &practice.body(&[back(1, &first, "SECRET first")]),
    ));
    assert_eq!(checked.json["refused"][0]["errors"][0]["rule"], "addendum");
}

#[test]
fn whoever_may_not_write_or_read_here_may_not_by_way_of_exchange() {
    let practice = Practice::new();
    practice.import(&[part(1, &progress("SECRET"))]);
    let stranger = practice.staff(Role::Clinician);
    let billing = practice.staff(Role::Billing);
    let client = client_token(&practice);
    let before = practice.charts();
    let body = practice.body(&[part(2, &progress("SECRET"))]);
    let exporting = json!({"client_id": practice.client});
    let denied = |token: &str, path: &str, body: &Value, problem: &str| {
        let answer = practice.send(&practice.for_exchange(token, path, body));
        assert_refused(&answer, 403, problem);
        let event = practice.event(&answer);
        assert_eq!(
            (event.decision, event.calling),
            (Decision::Denied, Some(Function::Exchange))
        );
    };
    for token in [&stranger.token, &billing.token, &practice.admin.token] {
        denied(token, IMPORT, &body, "access-denied");
        denied(token, CHECK, &body, "access-denied");
        denied(token, EXPORT, &exporting, "access-denied");
    }
    // She may take what is hers along, and writes nothing.
    denied(&client, IMPORT, &body, "access-denied");
    assert_eq!(practice.exported(&client)[0].len(), 1);
    // Of a client who is not there nothing else is said.
    let mut nobody = body.clone();
    nobody["client_id"] = json!(practice.world.entropy.id::<model::kind::Client>());
    denied(&practice.clinician.token, IMPORT, &nobody, "access-denied");

    practice.withdraw();
    for (path, body) in [(IMPORT, &body), (CHECK, &body), (EXPORT, &exporting)] {
        denied(&practice.clinician.token, path, body, "no-consent");
    }
    assert_eq!(practice.exported(&client)[0].len(), 1);
    assert!(practice.charts() == before);

    practice.revoke(&practice.clinician.token);
    let answer = practice.send(&practice.for_exchange(&practice.clinician.token, EXPORT, &exporting));
    assert_refused(&answer, 401, "unauthenticated");
}

#[test]
fn nobody_but_exchange_comes_in_and_for_nobody_else_than_it_says() {
    let practice = Practice::new();
    practice.import(&[part(1, &progress("SECRET"))]);
    let before = practice.world.stores.dump();
    let token = &practice.clinician.token;
    for (path, body) in [
        (IMPORT, practice.body(&[part(2, &progress("SECRET"))])),
        (CHECK, practice.body(&[part(2, &progress("SECRET"))])),
        (EXPORT, json!({"client_id": practice.client})),
    ] {
        let none = practice.send(&Call::new(Method::POST, "/v1/records/nothing"));
        let refused = |call: &Call| {
            let answer = practice.send(call);
            assert_refused(&answer, 404, "no-such-route");
            assert_eq!(answer.json, none.json);
        };
        refused(&Call::post(path, &body).bearer(token));
        refused(&Call::get(path).bearer(token));
        // The proof of another function, for another one, of another person, of another path, of another body, and of another time.
        let genuine = practice.for_exchange(token, path, &body);
        let proof = |call: &Call| {
            let request = call.request();
            request.headers()["private-call"].to_str().unwrap().to_owned()
        };
        let with = |proof: &str| Call::post(path, &body).bearer(token).header("private-call", proof);
        let world = &practice.world;
        let other = world.private_call_in_name_of(token, None, [Function::Notify, Function::Identity], path, &body);
        refused(&with(&proof(&other)));
        refused(&with(&proof(&other).replace("notify", "exchange")));
        let to_identity = [Function::Exchange, Function::Identity];
        refused(&with(&proof(&world.private_call_in_name_of(
            token,
            None,
            to_identity,
            path,
            &body,
        ))));
        let colleague = &practice.colleague.token;
        refused(
            &Call::post(path, &body)
                .bearer(colleague)
                .header("private-call", &proof(&genuine)),
        );
        refused(&with(&proof(&genuine)).header("purpose-of-use", "TREAT"));
        refused(&with(&proof(&world.private_call(
            Function::Exchange,
            Function::Records,
            path,
            &body,
        ))));
        refused(&with(&proof(&practice.for_exchange(
            token,
            "/v1/records/private/other",
            &body,
        ))));
        refused(&with(&proof(&practice.for_exchange(token, path, &json!({})))));
        practice.world.clock.advance(SignedDuration::from_secs(61));
        refused(&genuine);
        practice.world.clock.advance(SignedDuration::from_secs(-61));
    }
    assert!(practice.world.stores.dump() == before);
}

#[test]
fn the_trail_says_who_imported_what_through_which_function() {
    let practice = Practice::new();
    let request = practice.world.entropy.id::<model::kind::Request>();
    let parts = [part(1, &note_of(1, "SECRET")), part(2, &note_of(2, "SECRET"))];
    let again = [part(1, &note_of(1, "SECRET else")), part(2, &note_of(2, "SECRET"))];
    let send = |call: Call| {
        let answer = practice.send(&call.header("x-request-id", &request.to_string()));
        assert_eq!(answer.status, 200, "{}", answer.json);
        practice.event(&answer)
    };
    let before = practice.trail().len();
    send(practice.importing(&parts));
    send(practice.importing(&again));
    send(practice.exporting(&practice.clinician.token, None));
    let trail = practice.trail();
    let mut events: Vec<_> = trail.iter().filter(|event| event.request == request).collect();
    assert_eq!(events.len(), trail.len() - before);
    for event in &events {
        let actor = event.actor.as_ref().unwrap();
        assert_eq!(
            (actor.account, actor.role),
            (practice.clinician.account, Role::Clinician)
        );
        assert_eq!(
            (event.calling, event.class),
            (Some(Function::Exchange), DataClass::Health)
        );
        assert_eq!(event.decision, Decision::Allowed);
        assert!(event.consent.is_some() && event.subject.is_some());
    }
    events.sort_by_key(|event| (event.action.name(), event.resource.clone()));
    let found: Vec<_> = events
        .into_iter()
        .map(|event| (event.action, event.resource.clone()))
        .collect();
    assert_eq!(
        found,
        [
            (Action::Amend, Some(id(1))),
            (Action::Create, Some(id(1))),
            (Action::Create, Some(id(1))),
            (Action::Create, Some(id(2))),
            (Action::Create, Some(id(2))),
            (Action::Export, None),
        ]
    );
}

#[test]
fn an_export_has_what_is_signed_in_its_current_version() {
    let practice = Practice::new();
    assert_eq!(practice.exported(&practice.clinician.token), [[Value::Null; 0]; 1]);
    let parts: Vec<_> = (1..=100)
        .map(|number| part(number, &note_of(number % 28 + 1, &format!("SECRET {number}"))))
        .collect();
    assert!(practice.import(&parts).iter().all(|outcome| outcome == "created"));
    let own = practice.write("write", "SECRET own");
    assert_eq!(practice.send(&practice.amending(&own, 1, "SECRET amended")).status, 200);
    // None of these is exported: a draft, a psychotherapy note, a record of treatment for substance use.
    practice.draft("draft", "SECRET draft");
    let psychotherapy = Call::post(practice.path(NOTES), &note("SECRET psychotherapy")).once("note");
    assert_eq!(practice.as_clinician(psychotherapy).status, 201);
    practice.gives(&practice.client, "substance-use", &["substance_use"], &json!({}));
    let kept_apart = Call::post(practice.path("substance-use-records"), &progress("SECRET apart")).once("apart");
    assert_eq!(practice.as_clinician(kept_apart).status, 201);

    let mut expected: Vec<Value> = parts
        .iter()
        .map(|part| json!({"id": part["id"], "kind": part["kind"], "content": part["content"]}))
        .collect();
    let amended = progress("SECRET amended");
    expected.push(json!({"id": own, "kind": "progress_note", "content": amended["content"]}));
    let time = |part: &Value| part["content"]["session_at"].as_str().unwrap().to_owned();
    for token in [
        &practice.clinician.token,
        &practice.colleague.token,
        &client_token(&practice),
    ] {
        let pages = practice.exported(token);
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [100, 1]);
        let all: Vec<Value> = pages.concat();
        assert!(all.is_sorted_by(|one, next| time(one) >= time(next)));
        let by_id = |parts: &[Value]| -> BTreeMap<String, Value> {
            parts
                .iter()
                .map(|part| (part["id"].to_string(), part.clone()))
                .collect()
        };
        assert_eq!(by_id(&all), by_id(&expected));
    }
    let page = practice.send(&practice.exporting(&practice.clinician.token, None));
    assert_eq!(practice.event(&page).action, Action::Export);
    let next = page.text("next");
    for cursor in ["", "SECRET", &next[1..]] {
        let answer = practice.send(&practice.exporting(&practice.clinician.token, Some(cursor)));
        assert_violates(&answer, 400, "/cursor", "cursor");
    }
    let other = practice.open("other");
    practice.agree(&other);
    let body = json!({"client_id": other, "cursor": next});
    let answer = practice.send(&practice.for_exchange(&practice.clinician.token, EXPORT, &body));
    assert_eq!(
        (answer.status, &answer.json),
        (200, &json!({"parts": []})),
        "she has no chart"
    );
}

/// Whoever reads a note without what a colleague has added to it reads what is known to be wrong.
#[test]
fn what_was_added_to_a_record_goes_out_after_it() {
    let practice = Practice::new();
    let own = id(500);
    assert_eq!(practice.import(&[part(500, &note_of(1, "SECRET dose"))]), ["created"]);
    let added: Vec<Value> = ["SECRET not so", "SECRET half of it"]
        .into_iter()
        .enumerate()
        .map(|(number, text)| {
            let adding = practice.adding(&practice.colleague, &own, &format!("add-{number}-to-the-note"), text);
            let addendum = practice.send(&adding);
            assert_eq!(addendum.status, 201, "{}", addendum.json);
            let content = json!({"session_at": addendum.json["added_at"], "text": text});
            json!({"id": addendum.json["id"], "kind": "progress_note", "content": content, "appends": own})
        })
        .collect();
    let parts = practice.exported(&practice.clinician.token).concat();
    assert_eq!(parts.len(), 3);
    assert_eq!((&parts[0]["id"], &parts[1..]), (&json!(own), added.as_slice()));
    // Not a part is missing where a page ends between them, and none comes twice.
    let newer: Vec<_> = (1..=99).map(|number| part(number, &note_of(28, "SECRET"))).collect();
    assert!(practice.import(&newer).iter().all(|outcome| outcome == "created"));
    let pages = practice.exported(&practice.clinician.token);
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [100, 2]);
    assert_eq!(pages[1], added);
    let body = json!({"client_id": practice.client, "kinds": ["diagnosis"]});
    let diagnoses = practice.send(&practice.for_exchange(&practice.clinician.token, EXPORT, &body));
    assert_eq!(diagnoses.json, json!({"parts": []}));
}

/// Also of a client whose first record has more than one page.
#[test]
fn a_record_has_as_many_pages_as_it_needs() {
    let practice = Practice::new();
    let own = practice.write("write", "SECRET");
    let text = "ä".repeat(9_900);
    for number in 0..45 {
        let adding = practice.adding(&practice.colleague, &own, &format!("add-{number}-to-the-note"), &text);
        assert_eq!(practice.send(&adding).status, 201);
    }
    let pages = practice.exported(&practice.clinician.token);
    assert_eq!(pages.len(), 2);
    let ids: BTreeSet<_> = pages.concat().iter().map(|part| part["id"].to_string()).collect();
    assert_eq!((ids.len(), pages.concat().len()), (46, 46));
}

/// What was sent of a record is left out of that record alone, and not of one that stands in its place by then.
#[test]
fn a_record_that_comes_between_two_pages_goes_out_whole() {
    let practice = Practice::new();
    let own = id(500);
    assert_eq!(practice.import(&[part(500, &note_of(10, "SECRET dose"))]), ["created"]);
    for number in 0..2 {
        let adding = practice.adding(
            &practice.colleague,
            &own,
            &format!("add-{number}-to-the-note"),
            "SECRET not so",
        );
        assert_eq!(practice.send(&adding).status, 201);
    }
    let newer: Vec<_> = (1..=98).map(|number| part(number, &note_of(28, "SECRET"))).collect();
    assert!(practice.import(&newer).iter().all(|outcome| outcome == "created"));
    let exporting = |cursor| practice.send(&practice.exporting(&practice.clinician.token, cursor));
    let page = exporting(None);
    assert_eq!(page.json["parts"].as_array().unwrap().last().unwrap()["appends"], own);
    // After all that was sent but the note, and before the note.
    assert_eq!(practice.import(&[part(501, &note_of(20, "SECRET"))]), ["created"]);
    let rest = exporting(page.json["next"].as_str());
    let rest: Vec<_> = rest.json["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["id"].clone())
        .collect();
    assert_eq!(rest[0], id(501));
    assert_eq!(rest.len(), 2, "and of the note what was not sent: {rest:?}");
}

/// Of the kinds that are asked for, and an assessment with what its answers come to.
#[test]
fn an_export_has_the_kinds_that_are_asked_for() {
    let practice = Practice::new();
    let phq9 = json!({"kind": "assessment", "content": {"instrument": "PHQ-9", "administered_at": "2026-11-30T10:00:00Z",
        "answers": [3, 3, 3, 3, 0, 0, 0, 0, 1]}});
    let own = assessment();
    let mut parts: Vec<_> = (1..=98)
        .map(|number| part(number, &note_of(number % 28 + 1, "SECRET")))
        .collect();
    parts.extend([part(99, &phq9), part(100, &own)]);
    assert!(practice.import(&parts).iter().all(|outcome| outcome == "created"));
    let of = |kinds: Value| {
        let body = json!({"client_id": practice.client, "kinds": kinds});
        let answer = practice.send(&practice.for_exchange(&practice.clinician.token, EXPORT, &body));
        assert_eq!((answer.status, answer.json.get("next")), (200, None), "{}", answer.json);
        assert_eq!(practice.event(&answer).action, Action::Export);
        answer.json["parts"].as_array().unwrap().clone()
    };
    let assessments = of(json!(["assessment"]));
    let result = |id: String| {
        let part = assessments.iter().find(|part| part["id"] == id).unwrap();
        assert_eq!(part["kind"], "assessment");
        part.get("result").cloned()
    };
    assert_eq!(assessments.len(), 2);
    assert_eq!(
        result(id(99)),
        Some(json!({"total": 13, "severity": "moderate", "self_harm": true}))
    );
    assert_eq!(result(id(100)), None, "nobody knows how it is scored");
    assert_eq!(of(json!(["diagnosis", "assessment"])).len(), 2);
    assert_eq!(of(json!(["progress_note"])).len(), 98);
    for none in [json!([]), json!(["diagnosis"]), json!(["psychotherapy_note", "SECRET"])] {
        assert_eq!(of(none), [Value::Null; 0]);
    }
}

/// A document is exported as what it says of itself, once it is signed. What it holds is not in it.
#[test]
fn a_document_is_exported_as_what_it_is() {
    let practice = Practice::new();
    let mut document = json!({"kind": "document", "content": {"title": "SECRET letter", "media_type": "text/plain"}});
    document["status"] = json!("draft");
    let written = practice.as_clinician(Call::post(practice.path(RECORDS), &document).once("document"));
    let id = written.text("id");
    assert_eq!(practice.exported(&practice.clinician.token).concat(), [Value::Null; 0]);
    let upload = practice
        .of_version(Method::PUT, &format!("/{id}/content"), 1)
        .header("content-type", "text/plain")
        .body("SECRET content");
    assert_eq!(practice.send(&upload).status, 200);
    assert_eq!(practice.send(&practice.signing(&id, 2, &json!({}))).status, 200);
    let exported = practice.exported(&practice.clinician.token).concat();
    assert_eq!(
        exported,
        [json!({"id": id, "kind": "document", "content": document["content"]})]
    );
}

/// What was returned is a draft from that moment on, and is not exported even where a crash left it in the list of what is signed.
#[test]
fn what_is_returned_is_not_exported_whatever_the_lists_say() {
    let mut lagged = false;
    for nth in 0.. {
        let practice = Practice::new();
        let supervisor = practice.supervisor();
        let record = practice.awaiting(&supervisor);
        assert_eq!(practice.exported(&practice.clinician.token).concat().len(), 1);
        let give_back = practice.supervising(&supervisor, &record, 2, "return", &json!({"reason": "SECRET"}));
        practice.world.stores.arm(nth, Fault::KilledAfter);
        let _ = survive(|| practice.send(&give_back));
        let reached = practice.world.stores.operations() > nth;
        practice.world.stores.disarm();
        practice.world.clock.advance(SignedDuration::from_secs(60));
        let is_draft = practice.read(&record).json["status"] == "draft";
        lagged |= is_draft && practice.listed().contains(&record);
        for token in [&practice.clinician.token, &practice.colleague.token] {
            let exported = practice.exported(token).concat();
            assert_eq!(exported.len(), usize::from(!is_draft), "{nth}: {exported:?}");
        }
        if !reached {
            break;
        }
    }
    assert!(lagged, "some crash leaves it listed");
}

/// Broken off anywhere, an import leaves whole records, each of which an export has once; repeated, it finishes, and once more it changes
/// nothing.
#[test]
fn an_import_is_finished_by_a_repeated_one() {
    let parts = [
        // Moves in time, so that its place in the lists changes.
        part(1, &note_of(9, "SECRET moved")),
        part(2, &note_of(2, "SECRET as before")),
        part(3, &note_of(3, "SECRET new")),
    ];
    for before in [vec![], vec![part(1, &note_of(1, "SECRET before")), parts[1].clone()]] {
        for fault in Fault::ALL {
            for nth in 0.. {
                let practice = Practice::new();
                if !before.is_empty() {
                    practice.import(&before);
                }
                practice.world.stores.arm(nth, fault);
                let first = survive(|| practice.send(&practice.importing(&parts)));
                let reached = practice.world.stores.operations() > nth;
                practice.world.stores.disarm();
                let case = format!("{fault:?} {nth}");
                if let Some(first) = &first {
                    assert!(matches!(first.status, 200 | 503), "{case}: {}", first.json);
                }
                // A creator that died keeps others waiting for a minute.
                practice.world.clock.advance(SignedDuration::from_secs(60));
                let exported = practice.exported(&practice.clinician.token).concat();
                let ids: BTreeSet<_> = exported.iter().map(|part| part["id"].to_string()).collect();
                assert_eq!(ids.len(), exported.len(), "{case}: {exported:?}");
                assert!(ids.len() >= before.len(), "{case}: {exported:?}");

                let again = practice.import(&parts);
                assert!(!again.contains(&"kept".to_owned()), "{case}: {again:?}");
                assert_eq!(practice.assert_whole(), [id(1), id(3), id(2)], "{case}");
                // Nor is it listed where it was.
                let earlier = format!("{}?until=2026-11-02T00:00:00Z", practice.path(RECORDS));
                let earlier = practice.as_clinician(Call::get(earlier));
                assert_eq!(values(&earlier, "records", "id"), [""; 0], "{case}");
                for (part, number) in parts.iter().zip(1..) {
                    let read = practice.read(&id(number)).json;
                    assert_eq!(read["content"], part["content"], "{case}");
                    let version = if number == 1 && !before.is_empty() { 2 } else { 1 };
                    assert_eq!(read["version"], version, "{case}");
                }
                let done = practice.charts();
                assert_eq!(practice.import(&parts), ["unchanged"; 3], "{case}");
                assert!(practice.charts() == done, "{case}");
                if !reached {
                    break;
                }
            }
        }
    }
}

/// Of what two make of one record at once, one is kept.
#[test]
fn what_is_changed_while_it_is_imported_again_is_kept_or_comes_too_late() {
    for nth in 0.. {
        let practice = Rc::new(Practice::new());
        practice.begin_chains();
        practice.import(&[part(1, &note_of(1, "SECRET one"))]);
        let same = Rc::clone(&practice);
        let amended = Rc::new(std::cell::Cell::new(0));
        let status = Rc::clone(&amended);
        practice.world.stores.meanwhile(nth, move || {
            status.set(same.send(&same.amending(&id(1), 1, "SECRET mine")).status);
        });
        let answer = practice.send(&practice.importing(&[part(1, &note_of(2, "SECRET two"))]));
        let reached = practice.world.stores.operations() > nth;
        practice.world.stores.disarm();
        let outcome = outcomes(&answer).remove(0);
        let text = practice.read(&id(1)).json["content"]["text"].clone();
        match (amended.get(), outcome.as_str()) {
            (200, "kept") => assert_eq!(text, "SECRET mine", "{nth}"),
            // 503 where the one is just beginning the history, and the other finds it so.
            (0 | 412 | 503, "updated") => assert_eq!(text, "SECRET two", "{nth}"),
            other => panic!("{nth}: {other:?}"),
        }
        practice.assert_whole();
        if !reached {
            break;
        }
    }
}

/// The bundles that an import is tried on: all that is made of them for records is taken, comes out as
/// it went in, and once more changes nothing.
#[test]
fn what_is_made_of_the_bundles_is_taken_and_comes_out_as_it_went_in() {
    let settings = fhir::Settings {
        calling_code: Some("1".to_owned()),
        language: "en".to_owned(),
    };
    let id = |source: &fhir::Source, _| {
        let name = mac(
            &Secret::from_bytes([7; 32]),
            Label::new("confide 2026-11 test import"),
            &[source.system.as_bytes(), source.id.as_bytes()],
        );
        RecordId::from_bytes(name.truncated()).to_string()
    };
    let mut counts = BTreeMap::new();
    for (name, bundle) in testkit::PATIENTS {
        let bundle = fhir::Bundle::parse(bundle.as_bytes()).unwrap();
        let import = fhir::Import::of(
            &bundle,
            &settings,
            fhir::Handling::Lenient,
            &std::collections::BTreeMap::new(),
            &id,
        )
        .unwrap();
        let parts = import.parts.iter().filter(|part| part.kind.is_record());
        let parts: Vec<Value> = parts
            .map(|part| {
                let mut json = serde_json::to_value(part).unwrap();
                json["kind"] = json!(part.kind.name());
                json
            })
            .collect();
        let practice = Practice::new();
        for parts in parts.chunks(100) {
            let checked = practice.for_exchange(&practice.clinician.token, CHECK, &practice.body(parts));
            assert_eq!(practice.send(&checked).json, json!({"refused": []}), "{}", name);
            assert!(practice.import(parts).iter().all(|outcome| outcome == "created"));
        }
        let by_id = |parts: &[Value]| -> BTreeMap<String, Value> {
            let named = parts.iter().map(|part| {
                let mut part = part.clone();
                part.as_object_mut().unwrap().remove("source");
                (part["id"].to_string(), part)
            });
            named.collect()
        };
        let exported = practice.exported(&practice.clinician.token).concat();
        assert_eq!(exported.len(), parts.len());
        assert_eq!(by_id(&exported), by_id(&parts), "{}", name);
        let before = practice.charts();
        for parts in parts.chunks(100) {
            assert!(practice.import(parts).iter().all(|outcome| outcome == "unchanged"));
        }
        assert!(practice.charts() == before);
        counts.insert(name, parts.len());
    }
    assert_eq!(counts.len(), 4, "{counts:?}");
    eprintln!("{counts:?}");
}
