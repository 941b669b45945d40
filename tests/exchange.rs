//! FHIR R4 through the deployed functions: four patients come in, are read, go out, and come in the same.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../shared/fhir/tests/r4/published.rs"]
mod published;

use std::collections::{BTreeMap, BTreeSet};

use confide_tests::{Deployment, PASSWORD, Person, Practice, store_files};
use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Call};

/// The patients, and how many parts beside herself each is. One of Milan's care plans has neither goal nor activity, and can't be imported.
const PATIENTS: [(&str, usize, usize); 4] = [
    ("Clemente", 67, 0),
    ("Laurie", 145, 0),
    ("Liz", 70, 0),
    ("Milan", 211, 1),
];

fn import(client: &str, by: &Person, bundle: &str, handling: &str) -> Call {
    Call::new(
        Method::POST,
        format!("/v1/exchange/clients/{client}/import?calling_code=1&language=en"),
    )
    .header("content-type", "application/fhir+json")
    .header("prefer", &format!("handling={handling}"))
    .bearer(&by.token)
    .body(bundle)
}

fn export(client: &str, by: &Person) -> Call {
    Call::get(format!("/v1/exchange/clients/{client}/export")).bearer(&by.token)
}

/// How many parts became what.
fn outcomes(answer: &Answer) -> BTreeMap<String, usize> {
    let mut outcomes = BTreeMap::new();
    for part in answer.json["parts"].as_array().unwrap() {
        *outcomes
            .entry(part["outcome"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    outcomes
}

fn all(outcome: &str, count: usize) -> BTreeMap<String, usize> {
    BTreeMap::from([(outcome.to_owned(), count)])
}

/// The resources of a bundle, without what it says of itself.
fn resources(bundle: &Value) -> Vec<Value> {
    let entries = bundle["entry"].as_array().unwrap().iter();
    let resources = entries.map(|entry| entry["resource"].clone());
    resources
        .filter(|resource| resource["resourceType"] != "OperationOutcome")
        .collect()
}

/// A text with a word in the place of every id: what is left is what is said. An id is passed over whole, as its random
/// part may end like the beginning of another.
fn without_ids(text: &str) -> String {
    const RANDOM: usize = 26;
    let mut said = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let prefix = ["cli", "rec", "clm", "eob"].into_iter().find(|prefix| {
            let random = rest
                .strip_prefix(prefix)
                .and_then(|rest| rest.strip_prefix(['-', '_']))
                .and_then(|rest| rest.get(..RANDOM));
            random.is_some_and(|random| random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        });
        let passed = match prefix {
            Some(prefix) => {
                said.push_str(prefix);
                prefix.len() + 1 + RANDOM
            }
            None => {
                said.push(first);
                first.len_utf8()
            }
        };
        rest = &rest[passed..];
    }
    said
}

#[test]
fn an_id_is_taken_out_whatever_it_ends_in() {
    let id = format!("{}rec", "a".repeat(23));
    assert_eq!(
        without_ids(&format!("Goal/rec-{id}-goal-5 of cli_{id}, record-keeping")),
        "Goal/rec-goal-5 of cli, record-keeping"
    );
}

/// What a bundle says, in no order.
fn said(bundle: &Value) -> Vec<String> {
    let mut said: Vec<String> = resources(bundle)
        .iter()
        .map(|resource| without_ids(&resource.to_string()))
        .collect();
    said.sort();
    said
}

/// All rows of the stores that hold what somebody said or is.
fn rows(deployment: &Deployment) -> BTreeMap<(String, String), Vec<u8>> {
    let mut rows = BTreeMap::new();
    for label in [
        "identity",
        "identity-keys",
        "health",
        "health-keys",
        "billing",
        "billing-keys",
    ] {
        let connection = rusqlite::Connection::open(deployment.home.store_file(label)).unwrap();
        let mut statement = connection.prepare("SELECT key, value FROM spin_key_value").unwrap();
        let found = statement
            .query_map([], |row| {
                Ok(((label.to_owned(), row.get::<_, String>(0)?), row.get::<_, Vec<u8>>(1)?))
            })
            .unwrap();
        rows.extend(found.map(Result::unwrap));
    }
    rows
}

/// Every text of a bundle that is long enough to be found nowhere by chance.
fn texts(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.len() >= 6 => {
            into.insert(text.clone());
            into.insert(text.to_lowercase());
        }
        Value::Array(list) => list.iter().for_each(|value| texts(value, into)),
        Value::Object(members) => members.values().for_each(|value| texts(value, into)),
        _ => {}
    }
}

/// Which of the texts lie in a file.
fn found<'t>(bytes: &[u8], texts: &'t BTreeSet<String>) -> Vec<&'t str> {
    let mut by_beginning: BTreeMap<[u8; 6], Vec<&str>> = BTreeMap::new();
    for text in texts {
        by_beginning
            .entry(text.as_bytes()[..6].try_into().unwrap())
            .or_default()
            .push(text);
    }
    let first: BTreeSet<u8> = by_beginning.keys().map(|beginning| beginning[0]).collect();
    let mut found = Vec::new();
    for at in 0..bytes.len().saturating_sub(5) {
        if !first.contains(&bytes[at]) {
            continue;
        }
        let here = by_beginning.get(&bytes[at..at + 6]).into_iter().flatten();
        found.extend(here.filter(|text| bytes[at..].starts_with(text.as_bytes())));
    }
    found
}

#[test]
fn four_patients_come_in_go_out_and_come_in_the_same() {
    let mut deployment = Deployment::start();
    let mut plain = BTreeSet::new();
    {
        let practice = Practice::open(&deployment);
        let importer = practice.join("dr.rivera@practice.example", &["clinician", "billing"], None);
        for (name, parts, not_imported) in PATIENTS {
            let (_, bundle) = testkit::PATIENTS.into_iter().find(|(known, _)| *known == name).unwrap();
            texts(&serde_json::from_str(bundle).unwrap(), &mut plain);
            let client = practice.consenting_client(&importer);
            if not_imported > 0 {
                strict_imports_nothing(&deployment, &importer, &client, bundle);
            }
            let handling = if not_imported > 0 { "lenient" } else { "strict" };
            let call = import(&client, &importer, bundle, handling);
            let imported = deployment.expect(200, &call);
            assert_eq!(outcomes(&imported), all("created", parts + 1), "{name}");
            assert_eq!(
                imported.json["not_imported"].as_array().unwrap().len(),
                not_imported,
                "{name}"
            );
            assert_eq!(imported.json["denied"], json!({}), "{name}");
            println!("{name}: {}", imported.json["counts"]);

            every_part_reads_back(&deployment, &importer, &client, &imported);

            // Done twice it changes nothing.
            let before = rows(&deployment);
            assert_eq!(
                outcomes(&deployment.expect(200, &call)),
                all("unchanged", parts + 1),
                "{name}"
            );
            assert!(
                before == rows(&deployment),
                "{name}: the second import changed something"
            );

            let exported = deployment.expect(200, &export(&client, &importer));
            assert_eq!(exported.header("content-type"), Some("application/fhir+json"));
            let exported = exported.json;
            is_valid(&exported);
            same_kinds(name, &serde_json::from_str(bundle).unwrap(), &exported, parts);

            // What went out from here is known again.
            let again = deployment.expect(200, &import(&client, &importer, &exported.to_string(), "strict"));
            assert_eq!(outcomes(&again), all("unchanged", parts + 1), "{name}");

            // For somebody else it is new, and says the same.
            let other = practice.consenting_client(&importer);
            let again = deployment.expect(200, &import(&other, &importer, &exported.to_string(), "strict"));
            assert_eq!(outcomes(&again), all("created", parts + 1), "{name}");
            let second = deployment.expect(200, &export(&other, &importer)).json;
            let (first, second) = (said(&exported), said(&second));
            for (first, second) in first.iter().zip(&second) {
                assert_eq!(first, second, "{name}");
            }
            assert_eq!(first.len(), second.len(), "{name}");
        }
    }
    deployment.restart(|home| {
        let mut searched = 0;
        for (name, bytes) in store_files(home) {
            searched += bytes.len();
            assert_eq!(found(&bytes, &plain), [""; 0], "{name}");
        }
        assert!(
            plain.len() > 2_000 && searched > 2_000_000,
            "{} texts, {searched} bytes",
            plain.len()
        );
    });
}

fn strict_imports_nothing(deployment: &Deployment, importer: &Person, client: &str, bundle: &str) {
    let before = rows(deployment);
    let refused = deployment.expect(422, &import(client, importer, bundle, "strict"));
    assert_eq!(refused.problem(), Some("not-importable"));
    let field = refused.json["errors"][0]["field"].as_str().unwrap();
    let position: usize = field.split('/').nth(2).unwrap().parse().unwrap();
    let bundle: Value = serde_json::from_str(bundle).unwrap();
    assert_eq!(bundle["entry"][position]["resource"]["resourceType"], "CarePlan");
    assert!(before == rows(deployment), "a bundle that was refused left something");
}

/// Each part is with its owner, of its kind and with its source.
fn every_part_reads_back(deployment: &Deployment, importer: &Person, client: &str, imported: &Answer) {
    for part in imported.json["parts"].as_array().unwrap() {
        let (kind, id) = (part["kind"].as_str().unwrap(), part["id"].as_str().unwrap());
        let path = match kind {
            "client" => format!("/v1/identity/clients/{client}"),
            "claim" => format!("/v1/billing/clients/{client}/claims/{id}"),
            "explanation_of_benefit" => format!("/v1/billing/clients/{client}/explanations-of-benefit/{id}"),
            _ => format!("/v1/records/clients/{client}/records/{id}"),
        };
        let read = deployment.expect(200, &Call::get(&path).bearer(&importer.token)).json;
        assert_eq!(read["source"], part["source"], "{kind}");
        if path.contains("/records/") {
            assert_eq!(
                (read["kind"].as_str(), read["status"].as_str()),
                (Some(kind), Some("signed"))
            );
        }
    }
}

/// Against what HL7 published, and every reference leads to an entry.
fn is_valid(bundle: &Value) {
    assert_eq!(
        (&bundle["resourceType"], &bundle["type"]),
        (&json!("Bundle"), &json!("collection"))
    );
    let names: BTreeSet<String> = resources(bundle)
        .iter()
        .map(|resource| {
            format!(
                "{}/{}",
                resource["resourceType"].as_str().unwrap(),
                resource["id"].as_str().unwrap()
            )
        })
        .collect();
    for resource in resources(bundle) {
        assert_eq!(published::findings(&resource), [""; 0], "{resource}");
        for value in published::each(&resource) {
            if let Some(reference) = value.get("reference").and_then(Value::as_str) {
                assert!(names.contains(reference), "{reference}");
            }
        }
    }
}

/// As many resources of each type go out as came in, of the types that are taken.
fn same_kinds(name: &str, came: &Value, went: &Value, parts: usize) {
    let count = |bundle: &Value, is_wanted: &dyn Fn(&str) -> bool| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for resource in resources(bundle) {
            let kind = resource["resourceType"].as_str().unwrap().to_owned();
            if is_wanted(&kind) {
                *counts.entry(kind).or_default() += 1;
            }
        }
        counts
    };
    let went = count(went, &|kind| kind != "Goal");
    assert_eq!(went.values().sum::<usize>(), parts + 1, "{name}");
    let mut came = count(came, &|kind| went.contains_key(kind));
    if name == "Milan" {
        *came.get_mut("CarePlan").unwrap() -= 1;
    }
    assert_eq!(came, went, "{name}");
}

/// A patient of this test, with a diagnosis, a note, and a claim.
fn small(change: impl FnOnce(&mut Value)) -> String {
    let mut bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        {"fullUrl": "urn:uuid:1b0c0d6e-0000-4000-8000-00000000000a", "resource": {"resourceType": "Patient", "id": "p1",
            "name": [{"use": "official", "family": "Okonkwo", "given": ["Ngozi"]}], "birthDate": "1987-03-21", "gender": "female"}},
        {"fullUrl": "urn:uuid:1b0c0d6e-0000-4000-8000-00000000000b", "resource": {"resourceType": "Condition", "id": "c1",
            "subject": {"reference": "urn:uuid:1b0c0d6e-0000-4000-8000-00000000000a"},
            "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]},
            "verificationStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "confirmed"}]},
            "code": {"text": "Insomnia"}, "onsetDateTime": "2026-01-05"}},
        {"fullUrl": "urn:uuid:1b0c0d6e-0000-4000-8000-00000000000c", "resource": {"resourceType": "Claim", "id": "b1", "status": "active",
            "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "professional"}]}, "use": "claim",
            "patient": {"reference": "urn:uuid:1b0c0d6e-0000-4000-8000-00000000000a"}, "created": "2026-01-06",
            "provider": {"display": "Quayside Practice"},
            "priority": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/processpriority", "code": "normal"}]},
            "insurance": [{"sequence": 1, "focal": true, "coverage": {"display": "Mutual"}}],
            "total": {"value": 140.52, "currency": "USD"}}},
    ]});
    change(&mut bundle);
    bundle.to_string()
}

#[test]
fn nobody_imports_or_exports_what_she_may_not_write_or_read() {
    let deployment = Deployment::start();
    let practice = Practice::open(&deployment);
    let clinician = practice.join("dr.rivera@practice.example", &["clinician"], None);
    let both = practice.join("dr.both@practice.example", &["clinician", "billing"], None);
    let officer = practice.join("privacy@practice.example", &["privacy_officer"], None);
    let client = practice.consenting_client(&both);
    let theirs = practice.consenting_client(&clinician);
    let whole = small(|_| {});
    let before = rows(&deployment);

    // Nobody, somebody else's, before consent, and what is no bundle.
    let nobody = Call::new(Method::POST, format!("/v1/exchange/clients/{client}/import"))
        .header("content-type", "application/fhir+json");
    deployment.expect(401, &nobody.body(whole.as_str()));
    let refused = deployment.expect(403, &import(&client, &clinician, &whole, "strict"));
    assert_eq!(refused.problem(), Some("access-denied"));
    deployment.expect(403, &import(&client, &officer, &whole, "lenient"));
    let opened = deployment.expect(201, &practice.post("/v1/consent/clients", &both, &json!({})));
    let refused = deployment.expect(403, &import(&opened.text("client_id"), &both, &whole, "strict"));
    assert_eq!(refused.problem(), Some("no-consent"));
    // Who treats her writes no claims: strict, all of it is refused.
    deployment.expect(403, &import(&theirs, &clinician, &whole, "strict"));
    for (body, status, problem, field) in [
        ("{".to_owned(), 422, "invalid-bundle", ""),
        (
            small(|bundle| bundle["type"] = json!("history")),
            422,
            "invalid-bundle",
            "/type",
        ),
        (
            small(|bundle| bundle["entry"][1]["resource"]["resourceType"] = json!("Patient")),
            422,
            "invalid-bundle",
            "/entry",
        ),
        (
            small(|bundle| bundle["entry"][1]["resource"]["note"] = json!([{"text": "card 4111 1111 1111 1111"}])),
            422,
            "not-importable",
            "/entry/1/resource",
        ),
        (
            small(|bundle| bundle["entry"][2]["resource"]["total"]["currency"] = json!("XXZ")),
            200,
            "",
            "",
        ),
    ] {
        let answer = deployment.send(&import(&client, &both, &body, "strict"));
        assert_eq!(answer.status, status, "{}", answer.body());
        assert!(!answer.body().contains("4111"), "a refusal repeats nothing");
        if status == 422 {
            assert_eq!(answer.problem(), Some(problem));
            assert_eq!(answer.json["errors"][0]["field"], field);
            assert!(before == rows(&deployment), "{problem} {field} left something");
        } else {
            // An amount in a currency that there is not has no form here, and the report says so.
            let lines = answer.json["not_carried_over"].as_array().unwrap();
            assert!(lines.iter().any(|line| line["path"] == "total.currency"), "{lines:?}");
        }
    }
    let wrong =
        Call::new(Method::POST, format!("/v1/exchange/clients/{client}/import")).header("content-type", "text/plain");
    deployment.expect(415, &wrong.bearer(&both.token).body(whole.as_str()));

    // Lenient, what she may is imported, and the answer says what was not.
    let imported = deployment.expect(200, &import(&theirs, &clinician, &whole, "lenient"));
    assert_eq!(imported.json["denied"], json!({"billing": 1}));
    assert_eq!(outcomes(&imported), all("created", 2));
    let request = imported.header("x-request-id").unwrap();
    let trail = deployment.expect(
        200,
        &Call::get(format!("/v1/audit/events?request={request}")).bearer(&officer.token),
    );
    let events = trail.json["events"].as_array().unwrap();
    let seen: BTreeSet<(&str, &str)> = events
        .iter()
        .inspect(|event| {
            assert_eq!(
                (&event["calling"], &event["actor"]["account"]),
                (&json!("exchange"), &json!(clinician.account))
            )
        })
        .map(|event| (event["function"].as_str().unwrap(), event["decision"].as_str().unwrap()))
        .collect();
    assert_eq!(
        seen,
        BTreeSet::from([("identity", "allowed"), ("records", "allowed"), ("billing", "denied")])
    );

    // On the way out the same: what she may not have is withheld, and the bundle says so. What says nothing to her says nothing.
    let exported = deployment.expect(200, &export(&theirs, &clinician)).json;
    let kinds: Vec<&str> = exported["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["resource"]["resourceType"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["Patient", "Condition", "OperationOutcome"]);
    assert_eq!(exported["entry"][2]["resource"]["issue"][0]["code"], "suppressed");
    for (status, person) in [(403, &practice.admin), (403, &officer), (403, &both)] {
        let path = if person.account == practice.admin.account {
            &client
        } else {
            &theirs
        };
        let answer = deployment.send(&export(path, person));
        // The administrator may have a copy of who somebody is, and of nothing else.
        if person.account == practice.admin.account {
            assert_eq!(answer.status, 200);
            assert!(!answer.body().contains("Condition") && !answer.body().contains("Claim\""));
        } else {
            assert_eq!(answer.status, status, "{}", answer.body());
        }
    }
    // She herself has all of it, by right.
    let herself = practice.join("ngozi@mail.example", &["client"], Some(&client));
    let hers = deployment.expect(200, &export(&client, &herself)).json;
    assert_eq!(resources(&hers).len(), 3, "{hers}");
    a_browser_has_it_with_its_cookie(&practice, &client, &hers, &whole);

    // Private routes are not there for people, whatever they send along.
    for owner in ["identity", "records", "billing"] {
        for path in ["import", "import/check", "export"] {
            let call = Call::post(format!("/v1/{owner}/private/{path}"), &json!({"client_id": client}));
            let answer = deployment.expect(404, &call.bearer(&both.token).header("private-call", "exchange 1 AAAA"));
            assert_eq!(answer.problem(), Some("no-such-route"));
        }
    }
}

/// The owners that `exchange` asks take the session of a browser as their own: with it the client has her file, and what changes something takes the
/// token that no other site knows, before anybody is asked anything.
fn a_browser_has_it_with_its_cookie(practice: &Practice<'_>, client: &str, hers: &Value, bundle: &str) {
    let deployment = practice.deployment;
    let email = "ngozi.at.home@mail.example";
    let invitation = json!({"email": email, "roles": ["client"], "client_id": client});
    let invited = deployment.expect(
        201,
        &practice.post("/v1/auth/invitations", &practice.admin, &invitation),
    );
    let acceptance = json!({"token": invited.text("token"), "display_name": "Test Person", "password": PASSWORD});
    deployment.expect(201, &Call::post("/v1/auth/invitations/accept", &acceptance));
    let credentials =
        json!({"clinic_id": practice.clinic, "email": email, "password": PASSWORD, "transport": "cookie"});
    let session = deployment.expect(201, &Call::post("/v1/auth/sessions", &credentials));
    let cookie = session.header("set-cookie").and_then(|cookie| cookie.split(';').next());
    let with_cookie = |call: Call| call.header("cookie", cookie.unwrap());

    let export = with_cookie(Call::get(format!("/v1/exchange/clients/{client}/export")));
    assert_eq!(resources(&deployment.expect(200, &export).json), resources(hers));
    let import = || {
        let import = Call::new(Method::POST, format!("/v1/exchange/clients/{client}/import"));
        with_cookie(import.header("content-type", "application/fhir+json").body(bundle))
    };
    let forged = deployment.expect(403, &import());
    assert_eq!(forged.problem(), Some("csrf-token-required"));
    let refused = deployment.expect(403, &import().header("x-csrf-token", &session.text("csrf_token")));
    assert_eq!(refused.problem(), Some("access-denied"));
}

/// Every name, line, number and address of a Patient, and her whole birth date.
fn identifying(patient: &Value) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for element in ["id", "name", "telecom", "address", "identifier", "birthDate"] {
        texts(&patient[element], &mut all);
    }
    // What says of which kind something is, and where she lives as far as it may be told, is nobody's.
    all.retain(|text| {
        !text.starts_with("http") && !["female", "official", "Massachusetts", "massachusetts"].contains(&text.as_str())
    });
    all
}

#[test]
fn research_learns_nobodys_name_and_figures_tell_of_no_few() {
    let deployment = Deployment::start();
    let practice = Practice::open(&deployment);
    let clinician = practice.join("dr.rivera@practice.example", &["clinician", "billing"], None);
    let officer = practice.join("privacy@practice.example", &["privacy_officer"], None);
    let notice = testkit::notice(&["TREAT", "HRESCH"], &["identity", "health"]);
    let notice = deployment
        .expect(201, &practice.post("/v1/consent/notices", &practice.admin, &notice))
        .text("notice_id");
    let [silent, client] = [0, 1].map(|position| {
        let client = practice.consenting_client(&clinician);
        deployment.expect(
            200,
            &import(&client, &clinician, testkit::PATIENTS[position].1, "lenient"),
        );
        client
    });
    let consents = |client: &str| format!("/v1/consent/clients/{client}/consents");
    let terms = json!({"notice_id": notice, "language": "en", "purposes": ["HRESCH"], "classes": ["identity", "health"],
        "given_by": "client", "method": "in_person"});
    let agree = |client: &str| {
        let given = deployment.expect(201, &practice.post(&consents(client), &clinician, &terms));
        given.text("consent_id")
    };
    let given = agree(&client);
    // Ten others take part: of fewer than eleven nothing leaves.
    let others: Vec<String> = (0..10)
        .map(|_| {
            let other = practice.consenting_client(&clinician);
            let registration = json!({"client_id": other, "client": {"name": {"family": "Quillfeather"}, "birth_date": "1961-08-09",
                "preferences": {"language": "en", "channels": []}}});
            deployment.expect(201, &practice.post("/v1/identity/clients", &clinician, &registration));
            agree(&other);
            other
        })
        .collect();

    let wanted = |clients: &[&String]| {
        let clients: Vec<&String> = clients.iter().copied().chain(&others).collect();
        Call::post("/v1/exchange/research-exports", &json!({"clients": clients}))
    };
    let research = |call: Call, person: &Person| call.bearer(&person.token).header("purpose-of-use", "HRESCH");
    let exported = deployment.expect(200, &research(wanted(&[&silent, &client]), &officer));
    assert_eq!(exported.json["clients"], json!({"included": 11, "left_out": 1}));
    let resources = exported.json["resources"].as_array().unwrap();
    assert!(resources.len() > 50, "{}", resources.len());
    let bundle: Value = serde_json::from_str(testkit::PATIENTS[1].1).unwrap();
    let patient = &resources_of(&bundle, "Patient")[0];
    let identifying = identifying(patient);
    assert!(identifying.len() > 8, "{identifying:?}");
    for text in identifying.iter().chain([&client, &silent]).chain(&others) {
        assert!(!exported.body().contains(text), "{text}");
    }
    let years: BTreeSet<&str> = resources
        .iter()
        .filter(|resource| resource["resourceType"] == "Patient")
        .map(|patient| patient["birthDate"].as_str().unwrap())
        .collect();
    let born = patient["birthDate"].as_str().unwrap();
    assert_eq!(years, BTreeSet::from(["1961", &born[..4]]));
    // For no other purpose, to nobody else, and not after she has withdrawn it.
    deployment.expect(400, &wanted(&[&client]).bearer(&officer.token));
    for person in [&clinician, &practice.admin] {
        let refused = deployment.expect(403, &research(wanted(&[&client]), person));
        assert_eq!(refused.problem(), Some("too-few-included"));
    }
    let withdraw = Call::post(format!("{}/{given}/withdraw", consents(&client)), &json!({}));
    deployment.expect(200, &withdraw.bearer(&clinician.token));
    deployment.expect(403, &research(wanted(&[&client]), &officer));

    let figures = Call::post("/v1/exchange/aggregates", &json!({"by": ["gender"]})).bearer(&practice.admin.token);
    deployment.expect(400, &figures);
    let figures = deployment.expect(200, &figures.header("purpose-of-use", "HQUALIMP"));
    // All twelve are enough for a figure, and no part of them is.
    assert_eq!(figures.json["total"], json!({"count": 12}));
    for row in figures.json["rows"].as_array().unwrap() {
        assert!(row["count"].is_null() || row["count"] == 0, "{row}");
    }
    for purpose in ["HRESCH", "HQUALIMP"] {
        let trail = Call::get(format!("/v1/audit/events?purpose={purpose}")).bearer(&officer.token);
        let events = deployment.expect(200, &trail).json["events"].as_array().unwrap().len();
        assert!(events >= 4, "{purpose}: {events}");
    }
}

fn resources_of(bundle: &Value, kind: &str) -> Vec<Value> {
    let mut all = resources(bundle);
    all.retain(|resource| resource["resourceType"] == kind);
    all
}
