//! What `exchange` hands over and takes, in the name of whoever asks it.

use audit_trail::{Chains, Decision, Event, SHARDS};
use crypto::Keyring;
use http::Method;
use model::Action;
use store::Shelf;

use super::*;

const IMPORT: &str = "/v1/identity/private/import";
const CHECK: &str = "/v1/identity/private/import/check";
const EXPORT: &str = "/v1/identity/private/export";
const BETWEEN: [Function; 2] = [Function::Exchange, Function::Identity];

/// Details in their one form.
fn details(email: &str) -> Value {
    json!({"name": {"given": ["Zoë"], "family": "Okafor-SECRET"}, "birth_date": "1987-03-21",
        "telecoms": [{"system": "email", "value": email}],
        "guardians": [{"relationship": "MTH", "name": "Ada SECRET"}],
        "preferences": {"language": "en", "channels": ["email"]}})
}

fn body(client: &str, details: &Value) -> Value {
    json!({"client_id": client, "parts": [{"id": client, "kind": "client", "content": details,
        "source": {"system": "https://other.example", "id": "Patient/SECRET-1"}}]})
}

impl Practice {
    fn for_exchange(&self, token: &str, path: &str, body: &Value) -> Answer {
        self.send(&self.world.private_call_in_name_of(token, None, BETWEEN, path, body))
    }

    fn imports(&self, client: &str, details: &Value) -> Answer {
        self.for_exchange(&self.clinician.token, IMPORT, &body(client, details))
    }

    /// What becomes of details that the clinician imports.
    #[track_caller]
    fn import(&self, client: &str, details: &Value) -> String {
        outcome(&self.imports(client, details))
    }

    #[track_caller]
    fn exported(&self, token: &str, client: &str) -> Value {
        let answer = self.for_exchange(token, EXPORT, &json!({"client_id": client}));
        assert_eq!(answer.status, 200, "{}", answer.json);
        assert_eq!(answer.json.get("next"), None);
        answer.json["parts"].clone()
    }

    fn found_by_email(&self, email: &str) -> usize {
        self.found(&self.clinician.token, &json!({"email": email})).len()
    }

    /// All that is stored but the trail.
    fn state(&self) -> Vec<(String, String, Vec<u8>)> {
        let dump = self.world.stores.dump();
        dump.into_iter().filter(|(store, ..)| store != "audit").collect()
    }

    /// Every event of this function's chains.
    fn trail(&self) -> Vec<Event> {
        let text = self.world.keyrings.get(&Function::Audit).map(String::as_str);
        let keyring = Keyring::parse(Function::Audit, text).unwrap();
        self.world.with_platform(Function::Audit, |platform| {
            let shelf = Shelf::open(&platform, "audit").unwrap();
            let keys = keyring.audit(Function::Identity).unwrap();
            let chains = Chains::new(&shelf, keys, Function::Identity);
            let events = (0..SHARDS).flat_map(|shard| {
                let chain = chains.chain(Some(self.clinic), shard);
                chain
                    .newest_first(None)
                    .map(|entry| entry.unwrap().value)
                    .collect::<Vec<_>>()
            });
            events.collect()
        })
    }
}

#[track_caller]
fn outcome(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.json);
    let outcomes = answer.json["outcomes"].as_array().unwrap();
    assert_eq!(outcomes.len(), 1);
    outcomes[0].as_str().unwrap().to_owned()
}

#[track_caller]
fn assert_violates(answer: &Answer, field: &str, rule: &str) {
    assert_refused(answer, 422, "invalid-content");
    let errors = answer.json["errors"].as_array().unwrap();
    let found: Vec<_> = errors.iter().map(|error| (&error["field"], &error["rule"])).collect();
    assert_eq!(found, [(&json!(field), &json!(rule))]);
}

#[test]
fn an_import_registers_and_corrects_what_nobody_corrected() {
    let practice = Practice::new();
    let client = practice.consenting("open");
    let first = details("one@example.org");
    assert_eq!(practice.import(&client, &first), "created");
    let read = practice.read(&client).json;
    assert_eq!(read["source"], body(&client, &first)["parts"][0]["source"]);
    assert_eq!(
        (&read["version"], &read["registered_by"]),
        (&json!(1), &json!(practice.clinician.account))
    );
    assert_eq!(
        (&read["guardians"], &read["name"]),
        (&first["guardians"], &first["name"])
    );
    assert_eq!(practice.found_by_email("one@example.org"), 1);

    // Once more it changes nothing at all, in whatever form it is written.
    let before = practice.state();
    assert_eq!(practice.import(&client, &first), "unchanged");
    let mut written = first.clone();
    written["name"]["given"][0] = json!(" Zoe\u{308} ");
    assert_eq!(practice.import(&client, &written), "unchanged");
    assert!(practice.state() == before);

    // Its source says something else now, and nobody has corrected it here.
    let second = details("two@example.org");
    assert_eq!(practice.import(&client, &second), "updated");
    let read = practice.read(&client).json;
    assert_eq!(
        (&read["version"], &read["reason"]),
        (&json!(2), &json!("imported again"))
    );
    assert_eq!(read["telecoms"], second["telecoms"]);
    assert_eq!(practice.found_by_email("two@example.org"), 1);
    assert_eq!(practice.found_by_email("one@example.org"), 0);
    assert_eq!(practice.import(&client, &first), "updated");

    // What was corrected here since stays; what the source said before is known still.
    assert_eq!(practice.correct(&client, 3, &details("mine@example.org")).status, 200);
    let before = practice.state();
    assert_eq!(practice.import(&client, &first), "unchanged");
    assert_eq!(practice.import(&client, &second), "kept");
    assert_eq!(practice.import(&client, &details("mine@example.org")), "unchanged");
    assert!(practice.state() == before);

    // What was registered here is no import's to change, and may say the same.
    let registered = practice.consenting("registered");
    assert_eq!(practice.register(&registered, &first).status, 201);
    assert_eq!(practice.import(&registered, &second), "kept");
    assert_eq!(practice.import(&registered, &first), "unchanged");
    assert_eq!(practice.read(&registered).json.get("source"), None);
    let mut elsewhere = body(&client, &second);
    elsewhere["parts"][0]["source"]["system"] = json!("https://elsewhere.example");
    let answer = practice.for_exchange(&practice.clinician.token, IMPORT, &elsewhere);
    assert_eq!(outcome(&answer), "kept");
}

/// A birth date that was corrected here shuts out nobody from whom she was imported, and what they say of it stays theirs.
#[test]
fn what_was_corrected_here_makes_nobody_somebody_else() {
    let practice = Practice::new();
    let client = practice.consenting("open");
    let sent = details("zoe@example.org");
    assert_eq!(practice.import(&client, &sent), "created");
    let mut corrected = sent.clone();
    corrected["birth_date"] = json!("1987-03-12");
    assert_eq!(practice.correct(&client, 1, &corrected).status, 200);
    let before = practice.state();
    let checked = practice.for_exchange(&practice.clinician.token, CHECK, &body(&client, &sent));
    assert_eq!(checked.json, json!({"refused": []}));
    assert_eq!(practice.import(&client, &sent), "unchanged");
    assert_eq!(practice.import(&client, &details("new@example.org")), "kept");
    let mut elsewhere = body(&client, &sent);
    elsewhere["parts"][0]["source"]["system"] = json!("https://elsewhere.example");
    let imported = practice.for_exchange(&practice.clinician.token, IMPORT, &elsewhere);
    assert_violates(&imported, "/parts/0/content/birth_date", "same-person");
    assert!(practice.state() == before);
}

/// The wrong client was picked: nothing of the one gets into the other's entry, and nobody learns what is in there.
#[test]
fn an_import_never_makes_two_people_one() {
    let practice = Practice::new();
    let client = practice.consenting("open");
    assert_eq!(practice.import(&client, &details("zoe@example.org")), "created");
    let mut other = details("eve@example.org");
    other["birth_date"] = json!("1987-03-22");
    let before = practice.state();
    for content in [&other, &{
        let mut same_mail = other.clone();
        same_mail["telecoms"] = details("zoe@example.org")["telecoms"].clone();
        same_mail
    }] {
        let checked = practice.for_exchange(&practice.clinician.token, CHECK, &body(&client, content));
        let refused = &checked.json["refused"];
        assert_eq!((checked.status, refused.as_array().unwrap().len()), (200, 1));
        assert_eq!(refused[0]["part"], 0);
        assert_eq!(refused[0]["errors"][0]["field"], "/content/birth_date");
        assert_eq!(refused[0]["errors"][0]["rule"], "same-person");
        let imported = practice.imports(&client, content);
        assert_violates(&imported, "/parts/0/content/birth_date", "same-person");
        for answer in [&checked, &imported] {
            assert!(!answer.json.to_string().contains("1987"), "{}", answer.json);
            assert!(answer.header("audit-id").is_some());
        }
    }
    assert!(practice.state() == before);
    assert_eq!(practice.found_by_email("eve@example.org"), 0);

    // Merged away, she is another entry's.
    let survivor = practice.consenting("survivor");
    assert_eq!(practice.register(&survivor, &details("zoe@example.org")).status, 201);
    let merging = json!({"surviving": survivor, "duplicate": client, "reason": "SECRET the same"});
    let merging = Call::post("/v1/identity/merges", &merging).once("merge");
    assert_eq!(practice.send(&merging.bearer(&practice.admin.token)).status, 200);
    let before = practice.state();
    for (content, becomes) in [
        (details("zoe@example.org"), "unchanged"),
        (details("new@example.org"), "kept"),
    ] {
        let mut elsewhere = body(&client, &content);
        elsewhere["parts"][0]["source"]["system"] = json!("https://elsewhere.example");
        let checked = practice.for_exchange(&practice.clinician.token, CHECK, &elsewhere);
        assert_eq!(
            checked.json["refused"][0]["errors"][0]["rule"], "replaced",
            "{}",
            checked.json
        );
        let imported = practice.for_exchange(&practice.clinician.token, IMPORT, &elsewhere);
        assert_violates(&imported, "/parts/0/id", "replaced");
        // Whom she was imported from goes on sending what is hers, and is not to send it to another file, where all of it would be new.
        assert_eq!(practice.import(&client, &content), becomes);
    }
    assert!(practice.state() == before);
    // Whoever counts people sees that the two are one.
    let replaced_by = |client: &str| {
        practice.exported(&practice.clinician.token, client)[0]
            .get("replaced_by")
            .cloned()
    };
    assert_eq!(
        (replaced_by(&client), replaced_by(&survivor)),
        (Some(json!(survivor)), None)
    );
    let none = json!({"client_id": survivor, "kinds": []});
    let answer = practice.for_exchange(&practice.clinician.token, EXPORT, &none);
    assert_eq!((answer.status, &answer.json), (200, &json!({"parts": []})));
}

#[test]
fn a_part_that_is_not_this_clients_details_is_refused_and_a_check_writes_nothing() {
    let practice = Practice::new();
    let client = practice.consenting("open");
    let other = practice.consenting("other");
    let good = body(&client, &details("zoe@example.org"));
    let before = practice.state();
    let events = practice.trail().len();
    let checked = practice.for_exchange(&practice.clinician.token, CHECK, &good);
    assert_eq!((checked.status, &checked.json), (200, &json!({"refused": []})));
    let with = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let mut at_meeting = good.clone();
    at_meeting["parts"][0]["encounter"] = json!("rec_00000000000000000000000000");
    let mut unknown = good.clone();
    unknown["parts"][0]["content"]["religion"] = json!("SECRET");
    let bad = [
        (with("/parts/0/id", json!(other)), "/id", "client"),
        (with("/client_id", json!(other)), "/id", "client"),
        (with("/parts/0/kind", json!("diagnosis")), "/kind", "type"),
        (
            with("/parts/0/content/birth_date", json!("2030-01-01")),
            "/content/birth_date",
            "range",
        ),
        (
            with("/parts/0/content/telecoms/0/value", json!("4111 1111 1111 1111")),
            "/content/telecoms/0/value",
            "payment-card",
        ),
        (at_meeting, "/encounter", "encounter"),
        (unknown, "/content/religion", "unknown-field"),
    ];
    for (body, field, rule) in &bad {
        let checked = practice.for_exchange(&practice.clinician.token, CHECK, body);
        assert_eq!(checked.status, 200, "{}", checked.json);
        let error = &checked.json["refused"][0]["errors"][0];
        assert_eq!((&error["field"], &error["rule"]), (&json!(field), &json!(rule)));
        let imported = practice.for_exchange(&practice.clinician.token, IMPORT, body);
        assert_violates(&imported, &format!("/parts/0{field}"), rule);
    }
    let twice = with("/parts", json!([good["parts"][0], good["parts"][0]]));
    let imported = practice.for_exchange(&practice.clinician.token, IMPORT, &twice);
    assert_violates(&imported, "/parts/1/id", "unique");
    assert_eq!(
        practice.trail().len(),
        events + 1 + bad.len(),
        "each check, and nothing else"
    );
    assert!(practice.state() == before);
    assert_refused(&practice.read(&client), 404, "not-found");
}

#[test]
fn whoever_may_not_register_or_read_here_may_not_by_way_of_exchange() {
    let practice = Practice::new();
    let client = practice.open("open");
    let good = body(&client, &details("zoe@example.org"));
    let exporting = json!({"client_id": client});
    let requests = [(IMPORT, &good), (CHECK, &good), (EXPORT, &exporting)];
    let denied = |token: &str, problem: &str| {
        let before = practice.state();
        for (path, body) in requests {
            assert_refused(&practice.for_exchange(token, path, body), 403, problem);
        }
        assert!(practice.state() == before);
    };
    denied(&practice.clinician.token, "no-consent");
    let withdraw = practice.agree(&client);
    denied(&practice.colleague.token, "access-denied");
    let billing = log_in(
        &practice.world,
        &[Role::Billing],
        practice.clinic,
        practice.world.entropy.id(),
        None,
    );
    denied(&billing, "access-denied");
    assert_eq!(practice.exported(&practice.clinician.token, &client), json!([]));
    assert_eq!(
        outcome(&practice.for_exchange(&practice.admin.token, IMPORT, &good)),
        "created"
    );
    practice.to_consent(
        &Call::post(&withdraw, &json!({})).bearer(&practice.clinician.token),
        200,
    );
    denied(&practice.clinician.token, "no-consent");
    // She herself takes along what is kept of her, whatever she agreed to.
    let own = log_in(
        &practice.world,
        &[Role::Client],
        practice.clinic,
        practice.world.entropy.id(),
        Some(client.parse().unwrap()),
    );
    assert_eq!(practice.exported(&own, &client)[0]["id"], json!(client));
    let denied = practice
        .trail()
        .into_iter()
        .filter(|event| event.decision == Decision::Denied);
    assert_eq!(denied.count(), 12);
}

#[test]
fn nobody_but_exchange_comes_in_and_for_nobody_else_than_it_says() {
    let practice = Practice::new();
    let client = practice.consenting("open");
    let before = practice.world.stores.dump();
    let token = &practice.clinician.token;
    let good = body(&client, &details("zoe@example.org"));
    for (path, body) in [
        (IMPORT, good.clone()),
        (CHECK, good),
        (EXPORT, json!({"client_id": client})),
    ] {
        let refused = |call: &Call| assert_refused(&practice.send(call), 404, "no-such-route");
        refused(&Call::post(path, &body).bearer(token));
        refused(&Call::get(path).bearer(token));
        // A genuine call, of a function that has other things to ask here.
        let notify = [Function::Notify, Function::Identity];
        refused(&practice.world.private_call_in_name_of(token, None, notify, path, &body));
        let genuine = practice
            .world
            .private_call_in_name_of(token, None, BETWEEN, path, &body);
        let proof = genuine.request().headers()["private-call"].to_str().unwrap().to_owned();
        refused(
            &Call::new(Method::POST, path)
                .json(&body)
                .header("private-call", &proof)
                .bearer(&practice.admin.token),
        );
        practice.world.clock.advance(SignedDuration::from_secs(61));
        refused(&genuine);
    }
    assert!(practice.world.stores.dump() == before);
}

#[test]
fn the_trail_says_who_imported_through_which_function() {
    let practice = Practice::new();
    let client = practice.consenting("open");
    let request = practice.world.entropy.id::<model::kind::Request>();
    let send = |path: &str, body: &Value| {
        let call = practice
            .world
            .private_call_in_name_of(&practice.clinician.token, Some("TREAT"), BETWEEN, path, body)
            .header("x-request-id", &request.to_string());
        let answer = practice.send(&call);
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer.header("audit-id").unwrap().to_owned()
    };
    let named = [
        send(IMPORT, &body(&client, &details("one@example.org"))),
        send(IMPORT, &body(&client, &details("two@example.org"))),
        send(EXPORT, &json!({"client_id": client})),
    ];
    let events: Vec<_> = practice
        .trail()
        .into_iter()
        .filter(|event| event.request == request)
        .collect();
    for event in &events {
        assert_eq!(event.actor.as_ref().unwrap().account, practice.clinician.account);
        assert_eq!(
            (event.calling, event.decision),
            (Some(Function::Exchange), Decision::Allowed)
        );
    }
    let mut actions: Vec<_> = events.iter().map(|event| event.action).collect();
    actions.sort_by_key(|action| action.name());
    assert_eq!(actions, [Action::Amend, Action::Create, Action::Create, Action::Export]);
    for id in named {
        assert!(events.iter().any(|event| event.id.to_string() == id));
    }
}

/// Broken off anywhere, an import is finished by the same one, and once more changes nothing.
#[test]
fn an_import_is_finished_by_a_repeated_one() {
    for before in [None, Some("old@example.org")] {
        for fault in Fault::ALL {
            for nth in 0.. {
                let practice = Practice::new();
                let client = practice.consenting("open");
                if let Some(before) = before {
                    assert_eq!(practice.import(&client, &details(before)), "created");
                }
                practice.world.stores.arm(nth, fault);
                let first = survive(|| practice.imports(&client, &details("new@example.org")));
                let reached = practice.world.stores.operations() > nth;
                practice.world.stores.disarm();
                let case = format!("{fault:?} {nth}");
                if let Some(first) = first {
                    assert!(matches!(first.status, 200 | 503), "{case}: {}", first.json);
                }
                // A creator that died keeps others waiting for a minute.
                practice.world.clock.advance(SignedDuration::from_secs(60));
                if before.is_some() {
                    let now = email(&practice.read(&client).json).to_owned();
                    assert_eq!(practice.found_by_email(&now), 1, "{case}");
                }
                assert_ne!(practice.import(&client, &details("new@example.org")), "kept", "{case}");
                let read = practice.read(&client).json;
                assert_eq!(read["version"], if before.is_some() { 2 } else { 1 }, "{case}");
                assert_eq!(practice.found_by_email("new@example.org"), 1, "{case}");
                assert_eq!(practice.found_by_email("old@example.org"), 0, "{case}");
                let done = practice.state();
                assert_eq!(
                    practice.import(&client, &details("new@example.org")),
                    "unchanged",
                    "{case}"
                );
                assert!(practice.state() == done, "{case}");
                if !reached {
                    break;
                }
            }
        }
    }
}

/// Of a correction and an import at once one stays, and she is found by what she has.
#[test]
fn what_is_corrected_while_it_is_imported_again_is_kept_or_comes_too_late() {
    for nth in 0.. {
        let practice = Rc::new(Practice::new());
        let client = practice.consenting("open");
        assert_eq!(practice.import(&client, &details("old@example.org")), "created");
        // So that neither waits for the other to begin a chain of the trail.
        for _ in 0..96 {
            practice.read(&client);
        }
        let (other, same) = (Rc::clone(&practice), client.clone());
        let status = Rc::new(std::cell::Cell::new(0));
        let answered = Rc::clone(&status);
        practice.world.stores.meanwhile(nth, move || {
            answered.set(other.correct(&same, 1, &details("mine@example.org")).status);
        });
        let outcome = practice.import(&client, &details("new@example.org"));
        let reached = practice.world.stores.operations() > nth;
        practice.world.stores.disarm();
        let now = email(&practice.read(&client).json).to_owned();
        match (status.get(), outcome.as_str()) {
            (200, "kept") => assert_eq!(now, "mine@example.org", "{nth}"),
            (0 | 412 | 503, "updated") => assert_eq!(now, "new@example.org", "{nth}"),
            other => panic!("{nth}: {other:?}"),
        }
        for sought in ["old@example.org", "mine@example.org", "new@example.org"] {
            assert_eq!(
                practice.found_by_email(sought),
                usize::from(sought == now),
                "{nth}: {sought}"
            );
        }
        if !reached {
            break;
        }
    }
}

/// The bundles that an import is tried on: each client is taken, and comes out as she went in.
#[test]
fn what_is_made_of_the_bundles_is_taken_and_comes_out_as_it_went_in() {
    let settings = fhir::Settings {
        calling_code: Some("1".to_owned()),
        language: "en".to_owned(),
    };
    let practice = Practice::new();
    let mut number = 0;
    for (_, bundle) in testkit::PATIENTS {
        number += 1;
        let client = practice.consenting(&format!("open-{number}"));
        let id = |source: &fhir::Source, kind| match kind {
            fhir::Kind::Client => client.clone(),
            _ => source.id.clone(),
        };
        let bundle = fhir::Bundle::parse(bundle.as_bytes()).unwrap();
        let import = fhir::Import::of(
            &bundle,
            &settings,
            fhir::Handling::Lenient,
            &std::collections::BTreeMap::new(),
            &id,
        )
        .unwrap();
        let mut part = serde_json::to_value(&import.client).unwrap();
        part["kind"] = json!(import.client.kind.name());
        let body = json!({"client_id": client, "parts": [part]});
        let checked = practice.for_exchange(&practice.clinician.token, CHECK, &body);
        assert_eq!(checked.json, json!({"refused": []}));
        let imported = practice.for_exchange(&practice.clinician.token, IMPORT, &body);
        assert_eq!(outcome(&imported), "created");
        let mut exported = practice.exported(&practice.clinician.token, &client);
        // A language tag gets the capitals of RFC 5646.
        exported[0]["content"]["preferences"]["language"] = part["content"]["preferences"]["language"].clone();
        part.as_object_mut().unwrap().remove("source");
        assert_eq!(exported, json!([part]));
        let before = practice.state();
        assert_eq!(
            outcome(&practice.for_exchange(&practice.clinician.token, IMPORT, &body)),
            "unchanged"
        );
        assert!(practice.state() == before);
    }
    assert_eq!(number, 4);
}
