//! Exports for research.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

const EXPORTS: &str = "/v1/exchange/research-exports";

/// Everything that details can have, of somebody in the United States.
fn details() -> Value {
    json!({
        "name": {"given": ["Zoë", "Adaeze"], "family": "Okafor-Brandt", "prefix": ["Dr"], "preferred": "Zuzu"},
        "previous_names": [{"use": "maiden", "family": "Lindqvist", "given": ["Zoë"]}],
        "birth_date": "1987-03-21", "gender": "female", "pronouns": "she/her", "marital_status": "M",
        "telecoms": [{"system": "email", "value": "zoe.o@example.org"}, {"system": "phone", "value": "+16175550142"}],
        "addresses": [{"use": "home", "line": ["351 Simonis Street", "Apt 7"], "city": "Boston", "district": "Suffolk", "state": "MA",
            "postal_code": "02134", "country": "US"}],
        "identifiers": [{"type": "MB", "system": "https://insurer.example/members", "value": "A123456780"}],
        "emergency_contacts": [{"name": "Kamilla Strosin", "relationship": "MTH", "telecoms": [{"system": "phone", "value": "+16175550199"}]}],
        "guardians": [{"relationship": "GUARD", "name": "Olumide Ferreira", "account_id": "acc_00000000000000000000000004",
            "telecoms": [{"system": "email", "value": "olu@example.org"}]}],
        "preferences": {"language": "en", "channels": []}
    })
}

/// What of it tells who she is.
const IDENTIFYING: [&str; 22] = [
    "Zo",
    "Adaeze",
    "Okafor",
    "Brandt",
    "Zuzu",
    "Lindqvist",
    "03-21",
    "zoe.o",
    "5550142",
    "Simonis",
    "Boston",
    "Suffolk",
    "02134",
    "A123456780",
    "insurer",
    "Kamilla",
    "Strosin",
    "5550199",
    "Olumide",
    "Ferreira",
    "00000000000000000000000004",
    "olu@",
];

fn diagnosis(code: &str) -> Value {
    json!({"kind": "diagnosis", "content": {"code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code,
        "display": "SECRET Okafor"}], "text": "SECRET of Zoë"}, "verification_status": "confirmed", "onset": "2024-05-17", "note": "SECRET Zoë slept"}})
}

fn phq9(answers: [u8; 9], on: &str) -> Value {
    json!({"kind": "assessment", "content": {"instrument": "PHQ-9", "administered_at": format!("{on}T10:00:00Z"), "answers": answers,
        "summary": "SECRET Okafor was tired"}})
}

impl Practice {
    /// A client who takes part, with a record of each of three kinds.
    fn taking_part(&self, key: &str) -> OpenedClient {
        let client = self.open(key, &["TREAT", "HRESCH"]);
        self.register(&client.id, &details());
        self.write(&client.id, "diagnosis", &diagnosis("F32.1"));
        self.write(&client.id, "phq9", &phq9([1; 9], "2026-11-03"));
        let note = json!({"kind": "progress_note", "content": {"session_at": "2026-11-30T10:00:00Z", "text": "SECRET Zoë cried"}});
        self.write(&client.id, "note", &note);
        client
    }

    /// Ten clients who take part with as little as there can be: with one more they are enough for an export. Nothing of them is in a test's way.
    fn others_taking_part(&self) -> Vec<OpenedClient> {
        let open = |number: usize| {
            let client = self.open(&format!("other-{number}"), &["TREAT", "HRESCH"]);
            let details = json!({"name": {"family": "Quillfeather"}, "birth_date": "1961-08-09", "gender": "unknown",
                "preferences": {"language": "en", "channels": []}});
            self.register(&client.id, &details);
            client
        };
        (0..10).map(open).collect()
    }

    /// Signs a letter of a day.
    fn upload(&self, client: &str, on: &str) -> String {
        let content = json!({"title": "SECRET letter", "media_type": "text/plain", "dated_at": on});
        let draft = json!({"kind": "document", "status": "draft", "content": content});
        let letter = self.write(client, "letter", &draft);
        let path = format!("/v1/records/clients/{client}/records/{letter}");
        let upload = Call::new(http::Method::PUT, format!("{path}/content"))
            .header("content-type", "text/plain")
            .header("content-length", "12");
        let sign = Call::post(format!("{path}/sign"), &json!({}));
        for call in [
            upload.header("if-match", "\"v1\"").body("SECRET Zoë."),
            sign.header("if-match", "\"v2\""),
        ] {
            self.succeeds(Function::Records, &self.clinician.token, call);
        }
        letter
    }

    fn export(&self, body: &Value) -> Answer {
        self.send(&self.officer.token, Some("HRESCH"), Call::post(EXPORTS, body))
    }

    #[track_caller]
    fn exported(&self, clients: &[&OpenedClient], others: &[OpenedClient]) -> Value {
        let answer = self.export(&json!({"clients": ids(clients, others)}));
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer.json
    }
}

fn ids<'c>(clients: &[&'c OpenedClient], others: &'c [OpenedClient]) -> Vec<&'c str> {
    let all = clients.iter().copied().chain(others);
    all.map(|client| client.id.as_str()).collect()
}

fn of_type<'v>(export: &'v Value, kind: &str) -> Vec<&'v Value> {
    let resources = export["resources"].as_array().unwrap().iter();
    resources.filter(|resource| resource["resourceType"] == kind).collect()
}

#[test]
fn who_takes_part_leaves_without_what_tells_who_she_is() {
    let practice = Practice::new();
    let (first, second) = (practice.taking_part("first"), practice.taking_part("second"));
    let other = practice.open("other", &["TREAT"]);
    practice.register(
        &other.id,
        &json!({"name": {"family": "Other"}, "birth_date": "1950-01-02", "gender": "male",
        "preferences": {"language": "en", "channels": []}}),
    );
    let others = practice.others_taking_part();
    let before = practice.kept();
    let answer = practice.export(&json!({"clients": ids(&[&first, &other, &second], &others)}));
    assert_eq!(answer.status, 200, "{}", answer.json);
    assert!(practice.kept() == before, "an export changed something");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("content-disposition"), Some("attachment"));
    let export = answer.json;
    assert_eq!(export["as_of"], "2026-12-01");
    assert_eq!(export["clients"], json!({"included": 12, "left_out": 1}));
    assert_eq!(export.get("texts"), None);
    assert!(export["left_out"]["unlisted_elements"].as_u64().unwrap() > 0);
    let mut patients = of_type(&export, "Patient");
    assert_eq!(patients.len(), 12);
    patients.retain(|patient| patient["gender"] == "female");
    assert_eq!(patients.len(), 2);
    for patient in patients {
        assert_eq!(patient["birthDate"], "1987");
        assert_eq!(
            patient["address"],
            json!([{"country": "US", "state": "MA", "postalCode": "021"}])
        );
    }
    for condition in of_type(&export, "Condition") {
        assert_eq!(condition["code"]["coding"][0]["code"], "F32.1");
        assert_eq!(condition["onsetDateTime"], "2024");
    }
    assert_eq!(of_type(&export, "Condition").len(), 2);
    assert_eq!(of_type(&export, "Observation").len(), 2);
    assert_eq!(
        of_type(&export, "RelatedPerson").len() + of_type(&export, "DocumentReference").len(),
        0
    );
    let text = export.to_string();
    for word in IDENTIFYING.into_iter().chain([
        "SECRET",
        "Other",
        "Quillfeather",
        "08-09",
        "1950",
        "\"male\"",
        "cli_",
        "cli-",
        "rec_",
        "rec-",
    ]) {
        assert!(!text.contains(word), "{word}: {text}");
    }
    for client in [&first, &second, &other] {
        assert!(!text.contains(client.id.trim_start_matches("cli_")));
    }

    // Each owner has decided about each, for whoever asked, and says which function called; of whom the first denied, the second was not asked.
    for (function, decided) in [(Function::Identity, 13), (Function::Records, 12)] {
        let events = practice.trail(function, Purpose::Research);
        assert_eq!(events.len(), decided, "{function}");
        let denied = events.iter().filter(|event| event.decision == Decision::Denied).count();
        assert_eq!(denied, decided - 12, "{function}");
        for event in events {
            assert_eq!(event.calling, Some(Function::Exchange));
            assert_eq!(
                event.actor.as_ref().map(|actor| actor.account),
                Some(practice.officer.account)
            );
            assert_eq!(event.action, model::Action::Export);
            if event.decision == Decision::Allowed {
                assert_eq!(event.rule, "research.deidentified");
                assert!(event.consent.is_some());
            }
        }
    }
}

#[test]
fn whoever_withdraws_or_hides_is_gone_from_the_next_export() {
    let practice = Practice::new();
    let (first, second) = (practice.taking_part("first"), practice.taking_part("second"));
    let others = practice.others_taking_part();
    let both = || practice.exported(&[&first, &second], &others);
    let whole = both();
    assert_eq!(whole["clients"], json!({"included": 12, "left_out": 0}));
    assert_eq!(of_type(&whole, "Condition").len(), 2);
    practice.succeeds(
        Function::Consent,
        &practice.clinician.token,
        Call::post(&first.withdraw, &json!({})),
    );
    let export = both();
    assert_eq!(export["clients"], json!({"included": 11, "left_out": 1}));
    assert_eq!(of_type(&export, "Patient").len(), 11);
    // One patient of the others each, and what the second has beside herself.
    assert_eq!(export["resources"].as_array().unwrap().len(), 11 + 2);
    // What is hidden from the one owner stays with the other too.
    practice.agrees(&first.id, "again", &["TREAT", "HRESCH"]);
    assert_eq!(both()["clients"], json!({"included": 12, "left_out": 0}));
    practice.hides(&first.id, "health");
    let export = both();
    assert_eq!(export["clients"], json!({"included": 11, "left_out": 1}));
    assert_eq!(export["resources"].as_array().unwrap().len(), 11 + 2);
}

/// Two entries of one person are one subject.
#[test]
fn whoever_was_merged_away_is_no_second_subject() {
    let practice = Practice::new();
    let (first, second) = (practice.taking_part("first"), practice.taking_part("second"));
    let others = practice.others_taking_part();
    for client in [&first, &second] {
        practice.agrees(&client.id, &format!("administration-{}", client.id), &["PATADMIN"]);
    }
    let body = json!({"surviving": first.id, "duplicate": second.id, "reason": "registered twice"});
    let merge = Call::post("/v1/identity/merges", &body).once("merge");
    practice.succeeds(
        Function::Identity,
        &practice.admin.token,
        merge.header("purpose-of-use", "PATADMIN"),
    );
    let export = practice.exported(&[&first, &second], &others);
    assert_eq!(export["clients"], json!({"included": 11, "left_out": 1}));
    assert_eq!(of_type(&export, "Condition").len(), 1);
}

/// Whoever names the clients knows whose an export of one is, and of one with others who are not included.
#[test]
fn of_fewer_than_eleven_nothing_leaves() {
    let practice = Practice::new();
    let client = practice.taking_part("client");
    let others = practice.others_taking_part();
    assert_eq!(
        practice.exported(&[&client], &others)["clients"],
        json!({"included": 11, "left_out": 0})
    );
    let nobody = || practice.world.entropy.id::<model::kind::Client>().to_string();
    for named in [ids(&[&client], &[]), ids(&[&client], &others[1..])] {
        let refused = practice.export(&json!({"clients": named}));
        assert_refused(&refused, 422, "invalid-content");
        assert_names(&refused, "/clients", "count");
    }
    // Filled up with those who did not agree, are hidden, not registered or not there. Who of them agreed is not told: all are refused with the same words.
    let silent = practice.open("silent", &["TREAT"]);
    practice.register(&silent.id, &details());
    let hidden = practice.taking_part("hidden");
    practice.hides(&hidden.id, "identity");
    let unregistered = practice.open("unregistered", &["TREAT", "HRESCH"]);
    let ten = ids(&[&client], &others[1..]);
    let nobodies: Vec<String> = (0..11).map(|_| nobody()).collect();
    let few = [&[client.id.clone()][..], &nobodies[1..]].concat();
    let mut refusals = vec![json!(nobodies), json!(few)];
    for other in [silent.id, hidden.id, unregistered.id, nobody()] {
        refusals.push(json!([&ten[..], &[other.as_str()][..]].concat()));
    }
    let refusals: Vec<Answer> = refusals
        .into_iter()
        .map(|clients| practice.export(&json!({"clients": clients})))
        .collect();
    for refusal in &refusals {
        assert_refused(refusal, 403, "too-few-included");
        assert_eq!(refusal.json, refusals[0].json);
    }
    assert_eq!(
        practice.export(&json!({"clients": ids(&[&client], &others)})).status,
        200
    );
}

#[test]
fn it_is_for_nothing_else_and_nobody_else() {
    let practice = Practice::new();
    let client = practice.taking_part("client");
    let others = practice.others_taking_part();
    let call = || Call::post(EXPORTS, &json!({"clients": ids(&[&client], &others)}));
    for purpose in [
        None,
        Some("TREAT"),
        Some("HQUALIMP"),
        Some("HCOMPL"),
        Some("HMARKT"),
        Some("X-MINING"),
        Some("HPAYMT"),
        Some("research"),
    ] {
        for token in [
            &practice.officer.token,
            &practice.clinician.token,
            &practice.admin.token,
        ] {
            let refused = practice.send(token, purpose, call());
            assert_refused(&refused, 400, "malformed-request");
            assert_names(&refused, "purpose-of-use", "purpose");
        }
    }
    assert_eq!(practice.trail(Function::Identity, Purpose::Research).len(), 0);
    for role in [
        Role::Clinician,
        Role::ClinicAdmin,
        Role::Billing,
        Role::Security,
        Role::Auditor,
        Role::Client,
    ] {
        let refused = practice.send(&practice.token(role), Some("HRESCH"), call());
        assert_refused(&refused, 403, "too-few-included");
    }
    let elsewhere = log_in(
        &practice.world,
        &[Role::PrivacyOfficer],
        practice.world.entropy.id(),
        practice.world.entropy.id(),
        None,
    );
    assert_refused(
        &practice.send(&elsewhere, Some("HRESCH"), call()),
        403,
        "too-few-included",
    );
    assert_refused(&practice.send("nobody", Some("HRESCH"), call()), 401, "unauthenticated");
    assert_eq!(
        practice.send(&practice.officer.token, Some("HRESCH"), call()).status,
        200
    );
}

#[test]
fn a_body_names_each_client_once() {
    let practice = Practice::new();
    let id = |number: u8| model::ClientId::from_bytes([number; 16]).to_string();
    let many: Vec<String> = (0..51).map(id).collect();
    let mut twice = many[..11].to_vec();
    twice.push(id(1));
    let texts: Vec<Value> = (0..101).map(|_| json!({"client_id": id(1), "text": "x"})).collect();
    for (body, field, rule) in [
        (json!({"clients": []}), "/clients", "count"),
        (json!({"clients": many[..10]}), "/clients", "count"),
        (json!({"clients": many}), "/clients", "count"),
        (json!({"clients": twice}), "/clients/11", "unique"),
        (
            json!({"clients": many[..11], "released_texts": texts}),
            "/released_texts",
            "count",
        ),
    ] {
        let refused = practice.export(&body);
        assert_refused(&refused, 422, "invalid-content");
        assert_names(&refused, field, rule);
    }
    for body in [
        json!({}),
        json!({"clients": ["SECRET"]}),
        json!({"clients": many[..11], "purpose": "SECRET"}),
    ] {
        assert_refused(&practice.export(&body), 400, "malformed-request");
    }
}

#[test]
fn texts_leave_that_a_reviewer_releases_and_nobody_is_found_in() {
    let practice = Practice::new();
    let (first, second) = (practice.taking_part("first"), practice.taking_part("second"));
    let other = practice.open("other", &["TREAT"]);
    let others = practice.others_taking_part();
    let body = |texts: &[(&str, &str)]| {
        let texts: Vec<Value> = texts
            .iter()
            .map(|(client, text)| json!({"client_id": client, "text": text}))
            .collect();
        json!({"clients": ids(&[&first, &second, &other], &others), "released_texts": texts})
    };
    let texts = [
        (first.id.as_str(), "Sleep came back after 3 weeks."),
        (second.id.as_str(), "He fears lifts."),
    ];
    let released = practice.export(&body(&texts));
    assert_eq!(
        released.json["texts"],
        json!(["He fears lifts.", "Sleep came back after 3 weeks."])
    );

    let record = practice.write(&first.id, "another", &diagnosis("F41.1"));
    // Days that FHIR has in words, or not at all: of a plan's review, of a letter.
    let plan = json!({"kind": "treatment_plan", "content": {"status": "active", "period": {"start": "2026-11"}, "review_on": "2027-01-31",
        "goals": [{"description": "SECRET sleep", "status": "active"}]}});
    practice.write(&first.id, "plan", &plan);
    let letter = practice.upload(&first.id, "2025-12-24");
    for (text, rule) in [
        ("Zoe came", "name"),
        ("With Zuzu", "name"),
        ("née Lindqvist", "name"),
        // Whom she is near.
        ("Her mother Kamilla", "name"),
        ("Mr Ferreira, her guardian", "name"),
        ("call 555 0199", "telecom"),
        ("olu@example.org", "number"),
        ("from acc_00000000000000000000000004", "number"),
        ("on Simonis", "place"),
        ("in boston", "place"),
        ("ZIP 02134", "number"),
        ("member A-123 456 780", "number"),
        ("on 21 March", "date"),
        ("Hospitalised 03/2024", "date"),
        // The days of an onset, an assessment and a session.
        ("since 17, 5, 2024", "date"),
        ("on 11, 3, 26", "date"),
        ("on 30, 11, 2026", "date"),
        ("until 31, 1, 2027", "date"),
        ("on 24, 12, 2025", "date"),
        (letter.as_str(), "number"),
        ("a@b", "email"),
        ("her aunt, in her 90s", "age-over-89"),
        ("aged 93", "age-over-89"),
        (first.id.as_str(), "number"),
        (record.as_str(), "number"),
    ] {
        let refused = practice.export(&body(&[(first.id.as_str(), "She slept."), (first.id.as_str(), text)]));
        assert_refused(&refused, 422, "not-released");
        assert_names(&refused, "/released_texts/1/text", rule);
        let errors = refused.json["errors"].as_array().unwrap();
        assert!(
            errors.iter().all(|error| error["field"] != "/released_texts/0/text"),
            "{text}"
        );
        assert_eq!((refused.json.get("resources"), refused.json.get("texts")), (None, None));
        assert!(
            IDENTIFYING.iter().all(|word| !refused.json.to_string().contains(word)),
            "{}",
            refused.json
        );
    }
    // Of whom nothing leaves, and of whom nobody asked.
    let unasked = practice.taking_part("unasked");
    for client in [&other.id, &unasked.id] {
        let refused = practice.export(&body(&[(client.as_str(), "She slept.")]));
        assert_refused(&refused, 422, "not-released");
        assert_names(&refused, "/released_texts/0/client_id", "included");
    }
}

/// One of each kind of 45 CFR 164.514(b)(2)(i) that a field of text takes. None has thirteen digits in a row: what may be a payment card's number is
/// not even kept.
fn identifying() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Z][a-z]{5,9}",
        "[A-Z][a-z]{3,8} [A-Z][a-z]{4,9}",
        "[1-9][0-9]{2} [A-Z][a-z]{4,8} Road",
        (1940..2026, 1..13, 1..29).prop_map(|(year, month, day)| format!("{year}-{month:02}-{day:02}")),
        "\\([2-9][0-9]{2}\\) [2-9][0-9]{2}-[0-9]{4}",
        "[a-z]{5,9}@[a-z]{4,8}\\.example",
        "[1-8][0-9]{2}-[0-9]{2}-[0-9]{4}",
        "[A-Z]{2,3}-?[0-9]{6,9}",
        "https://[a-z]{5,9}\\.example/[a-z]{3,6}",
        (2..224_u8, any::<u8>(), any::<u8>(), 1..255_u8).prop_map(|(a, b, c, d)| format!("{a}.{b}.{c}.{d}")),
        "[0-9]{3}[a-f][0-9a-f]{4}-[a-f][0-9]{3}-4[a-f][0-9]{2}-a[0-9]{3}-[a-f][0-9]{11}",
    ]
}

/// Identifiers in every field of details and of records that takes text or a code, through both owners.
#[test]
fn no_identifier_leaves_wherever_it_was_typed() {
    let practice = Practice::new();
    let strategy = (
        proptest::collection::vec(identifying(), 24),
        "[1-9][0-9]{7}",
        "[2-9][0-9]{9}",
    );
    let others = practice.others_taking_part();
    let case = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(12)
    });
    runner
        .run(&strategy, |(words, member, telephone)| {
            case.set(case.get() + 1);
            let key = format!("case-{}", case.get());
            let client = practice.open(&key, &["TREAT", "HRESCH"]);
            let word = |at: usize| words[at].as_str();
            practice.register(&client.id, &json!({
                "name": {"given": [word(0), word(1)], "family": word(2), "prefix": [word(3)], "suffix": [word(4)], "preferred": word(5)},
                "previous_names": [{"use": "old", "family": word(6)}], "birth_date": "1987-03-21", "pronouns": "fae",
                "telecoms": [{"system": "phone", "value": format!("+1{telephone}")}],
                "addresses": [{"line": [word(7), word(8)], "city": word(9), "district": word(10), "state": word(11), "country": "US"}],
                "identifiers": [{"type": "MR", "system": "urn:oid:1.2.3", "value": member}, {"type": "MB", "system": "urn:oid:1.2.4", "value": word(12)}],
                "emergency_contacts": [{"name": word(13), "relationship": "MTH", "telecoms": [{"system": "phone", "value": "+16175550199"}]}],
                "guardians": [{"relationship": "GUARD", "name": word(14)}],
                "preferences": {"language": "en", "channels": []}}));
            // Where codes are known by their form alone, a number of hers has it.
            let concept = |system: &str, at: usize| json!({"coding": [
                {"system": system, "code": member, "display": word(at)},
                {"system": "urn:x", "code": words[at].replace("  ", " ")},
                {"system": "http://snomed.info/sct", "code": "35489007"}], "text": word(at)});
            for (key, record) in [
                ("diagnosis", json!({"kind": "diagnosis", "content": {"code": concept("http://www.nlm.nih.gov/research/umls/rxnorm", 15),
                    "verification_status": "confirmed", "note": word(16)}})),
                ("observation", json!({"kind": "observation", "content": {"code": concept("http://snomed.info/sct", 17), "status": "final",
                    "effective": "2026-11-03", "value": {"text": word(18)}}})),
                ("assessment", json!({"kind": "assessment", "content": {"instrument": word(19), "administered_at": "2026-11-03T10:00:00Z",
                    "scores": [{"scale": word(20), "score": 4}], "summary": word(21)}})),
                ("plan", json!({"kind": "treatment_plan", "content": {"status": "active", "period": {"start": "2026-12-01"},
                    "goals": [{"description": word(22), "measure": word(23), "status": "active"}]}})),
                ("note", json!({"kind": "progress_note", "content": {"session_at": "2026-11-30T10:00:00Z", "text": words.join(" and ")}})),
            ] {
                practice.write(&client.id, key, &record);
            }
            let export = practice.exported(&[&client], &others);
            prop_assert_eq!(of_type(&export, "Condition").len(), 1);
            let text = export["resources"].to_string();
            for word in words.iter().chain([&member, &telephone]) {
                prop_assert!(!text.contains(word.as_str()), "{}: {}", word, text);
            }
            Ok(())
        })
        .unwrap();
}
