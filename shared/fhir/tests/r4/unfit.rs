//! What an owner's form has no room for is left out of a client's details, and keeps nothing else out.

use std::collections::BTreeMap;

use fhir::{Bundle, Handling, Import, Reason, Settings};
use serde_json::{Value, json};

use crate::bundles::{id, import, settings, small};

/// What is kept of a Patient and how many values of her are reported, each of them as one that does not fit, strictly and leniently.
fn strictly_and_leniently(settings: &Settings, bytes: &[u8]) -> (Value, usize) {
    let bundle = Bundle::parse(bytes).unwrap();
    let [strict, lenient] = [Handling::Strict, Handling::Lenient]
        .map(|handling| Import::of(&bundle, settings, handling, &BTreeMap::new(), &id).unwrap());
    assert_eq!(strict.client, lenient.client);
    assert_eq!(strict.report, lenient.report);
    let of_her = |line: &fhir::Line| ["Patient", "RelatedPerson"].contains(&line.of.as_str());
    let lines: Vec<_> = lenient.report.lines().filter(of_her).collect();
    for line in &lines {
        assert_eq!(line.reason, Reason::Unrepresentable, "{line:?}");
    }
    let content = serde_json::to_value(&lenient.client.content).unwrap();
    (content, lines.iter().map(|line| line.values).sum())
}

fn phone(value: &str, used: &str) -> Value {
    json!({"system": "phone", "value": value, "use": used})
}

fn role(code: &str) -> Value {
    json!([{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": code}]}])
}

fn number(system: &str, value: &str) -> Value {
    json!({"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}, "system": system, "value": value})
}

fn language(tag: &str) -> Value {
    json!({"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": tag}]}})
}

#[test]
fn one_flaw_of_a_patient_keeps_nothing_else_out() {
    let long = "x".repeat(201);
    let official = json!({"use": "official", "family": "Okafor"});
    let contact = |more: Value| {
        let mut contact = json!({"name": {"text": "Ada"}, "relationship": role("SPS")});
        contact
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        contact
    };
    let reached = |name: &str| contact(json!({"name": {"text": name}, "telecom": [phone("6175550100", "home")]}));
    let email = |value: &str| json!({"system": "email", "value": value});
    for (element, value, pointer, kept, left) in [
        // Reached twice in one way, and in none.
        (
            "telecom",
            json!([phone("617-555-0100", "home"), phone("(617) 555-0100", "mobile")]),
            "/telecoms",
            json!([phone("+16175550100", "home")]),
            3,
        ),
        (
            "telecom",
            json!([
                email("Ada@Example.org"),
                email("ada@example.org"),
                email("none@none"),
                email("e\u{301}va@example.org"),
                email("\u{e9}va@example.org"),
                // A mark that is part of letters and is none.
                email("\u{936}\u{930}\u{94d}\u{924}@example.in"),
            ]),
            "/telecoms",
            json!([
                email("ada@example.org"),
                email("\u{e9}va@example.org"),
                email("\u{936}\u{930}\u{94d}\u{924}@example.in")
            ]),
            6,
        ),
        (
            "telecom",
            json!([email("617-555-0100"), phone("ada@example.org", "home"), {"system": "sms", "value": "6175550100", "rank": 100}]),
            "/telecoms",
            json!([{"system": "sms", "value": "+16175550100"}]),
            6,
        ),
        (
            "telecom",
            (0..11)
                .map(|number| phone(&format!("61755501{number:02}"), "work"))
                .collect(),
            "/telecoms/9",
            phone("+16175550109", "work"),
            3,
        ),
        // Nobody to call.
        (
            "contact",
            json!([contact(json!({}))]),
            "/emergency_contacts",
            Value::Null,
            3,
        ),
        (
            "contact",
            json!([contact(json!({"telecom": [phone("555-0100", "home")]}))]),
            "/emergency_contacts",
            Value::Null,
            6,
        ),
        (
            "contact",
            json!([reached(&long)]),
            "/emergency_contacts",
            Value::Null,
            6,
        ),
        (
            "contact",
            json!([
                reached("Ada"),
                reached("Ada"),
                reached("Ben"),
                reached("Cem"),
                reached("Dia"),
                reached("Eve"),
                reached("Fay")
            ]),
            "/emergency_contacts/4/name",
            json!("Eve"),
            12,
        ),
        (
            "contact",
            json!([reached("Zoe\u{308}"), reached("Zo\u{eb}")]),
            "/emergency_contacts/0/name",
            json!("Zo\u{eb}"),
            6,
        ),
        // Names.
        (
            "name",
            json!([official, {"use": "old", "family": "Zoe\u{308}"}, {"use": "maiden", "family": "Zo\u{eb}"}]),
            "/previous_names",
            json!([{"use": "old", "family": "Zo\u{eb}"}]),
            2,
        ),
        (
            "name",
            json!([official, {"use": "maiden", "text": "Ngozi Adeyemi"}]),
            "/previous_names",
            Value::Null,
            2,
        ),
        (
            "name",
            json!([official, {"use": "old", "family": "A", "period": {"start": "2015-06-02", "end": "2015-06-01"}}]),
            "/previous_names",
            Value::Null,
            4,
        ),
        (
            "name",
            json!([official, {"use": "old", "given": [long, "Ngozi"], "family": "A"}, {"use": "maiden", "family": "A"}, {"use": "old", "family": "A"}]),
            "/previous_names",
            json!([{"use": "maiden", "family": "A"}]),
            4 + 2,
        ),
        (
            "name",
            json!([{"use": "official", "family": "Okafor", "prefix": ["Dr", long, "A", "B", "C", "D"]}, {"use": "usual", "text": "Z\no"}]),
            "/name",
            json!({"family": "Okafor", "prefix": ["Dr", "A", "B", "C"]}),
            4,
        ),
        // Where no letter arrives.
        (
            "address",
            json!([{"state": "MA", "country": "US"}]),
            "/addresses",
            Value::Null,
            2,
        ),
        (
            "address",
            json!([{"city": "Boston", "country": "UK"}]),
            "/addresses",
            Value::Null,
            2,
        ),
        (
            "address",
            json!([{"line": ["1", "2", "3", "4", "5"], "city": "Boston", "country": "US"}]),
            "/addresses",
            Value::Null,
            7,
        ),
        (
            "address",
            json!([{"city": "Boston", "postalCode": "02115/7", "country": "US"}]),
            "/addresses",
            Value::Null,
            3,
        ),
        (
            "address",
            json!([{"line": ["1 Main St", ""], "city": "Boston", "district": "", "postalCode": "k1a 0b1", "country": "us"},
                {"line": ["1 Main St"], "city": "Boston", "postalCode": "K1A  0B1", "country": "US"}]),
            "/addresses",
            json!([{"line": ["1 Main St"], "city": "Boston", "postal_code": "K1A 0B1", "country": "US"}]),
            2 + 4,
        ),
        // Numbers of nobody knows whom.
        (
            "identifier",
            json!([number("insurer", "1")]),
            "/identifiers",
            Value::Null,
            4,
        ),
        (
            "identifier",
            json!([
                number("urn:x:1", &"1".repeat(65)),
                number("urn:x:1", "1"),
                number("urn:x:1", " 1 ")
            ]),
            "/identifiers",
            json!([{"type": "MR", "system": "urn:x:1", "value": "1"}]),
            8,
        ),
        // Languages.
        (
            "communication",
            json!([language("EN-us"), language("english_1"), {"language": language("en-US")["language"], "preferred": true}, language("de"), language("DE")]),
            "/preferences",
            json!({"language": "en-US", "other_languages": ["de"], "channels": []}),
            6,
        ),
        (
            "communication",
            json!([{"language": language("en_US")["language"], "preferred": true}, language("de"), language("en")]),
            "/preferences",
            json!({"language": "de", "other_languages": ["en"], "channels": []}),
            3,
        ),
        // Pronouns.
        (
            "extension",
            json!([{"url": "http://hl7.org/fhir/StructureDefinition/individual-pronouns",
                "extension": [{"url": "value", "valueCodeableConcept": {"text": "she/her"}}]}]),
            "/pronouns",
            json!("she/her"),
            0,
        ),
    ] {
        let case = format!("{element} {value}");
        let bytes = small(|bundle| bundle["entry"][0]["resource"][element] = value);
        let (content, values) = strictly_and_leniently(&settings(), &bytes);
        let found = content.pointer(pointer).unwrap_or(&Value::Null);
        assert_eq!((found, values), (&kept, left), "{case}");
    }
    // Without the country that numbers are of, a contact with a local one can't be called.
    let practice = Settings {
        calling_code: None,
        language: "en".to_owned(),
    };
    let bytes = small(|bundle| bundle["entry"][0]["resource"]["contact"] = json!([reached("Ada")]));
    let (content, values) = strictly_and_leniently(&practice, &bytes);
    assert_eq!((content.get("emergency_contacts"), values), (None, 6));
}

/// She has room for four, and each of them once.
#[test]
fn a_related_person_too_many_keeps_nobody_out() {
    let related = |names: &[&str]| {
        small(|bundle| {
            let entries = bundle["entry"].as_array_mut().unwrap();
            for (number, name) in names.iter().enumerate() {
                let related = json!({"resourceType": "RelatedPerson", "id": format!("g{number}"), "patient": {"reference": "urn:uuid:1"},
                    "relationship": role("MTH"), "name": [{"text": name}], "identifier": [{"value": "acc_of somebody"}]});
                entries.push(json!({"fullUrl": format!("urn:uuid:g{number}"), "resource": related}));
            }
        })
    };
    for (names, kept) in [
        (&["Ola", " Ola"][..], &["Ola"][..]),
        (&["Zoe\u{308}", "Zo\u{eb}"], &["Zo\u{eb}"]),
        (
            &["Ola", "Ada", "Ben", "Cem", "Dia", "Ada"],
            &["Ola", "Ada", "Ben", "Cem"],
        ),
    ] {
        let bytes = related(names);
        let (content, values) = strictly_and_leniently(&settings(), &bytes);
        let guardians = content["guardians"].as_array().unwrap();
        let named: Vec<_> = guardians
            .iter()
            .map(|guardian| guardian["name"].as_str().unwrap())
            .collect();
        assert_eq!(named, kept);
        // An identifier that is no account's here of each that is kept, and all seven values of each that is not.
        assert_eq!(values, kept.len() + 7 * (names.len() - kept.len()));
        let import = import(&bytes);
        assert!(import.not_imported.is_empty());
    }
}
