//! Medications by reference.

use std::collections::BTreeMap;

use fhir::{Bundle, Handling, Import, Kind, Reason};
use serde_json::{Value, json};

use crate::bundles::{id, import, settings, small};

/// A bundle with a request that refers to a medication, and what is put beside or into it.
fn referring(reference: &str, change: impl FnOnce(&mut Vec<Value>)) -> Vec<u8> {
    small(|bundle| {
        bundle["entry"][2]["resource"] = json!({"resourceType": "MedicationRequest", "id": "3", "status": "active", "intent": "order",
            "subject": {"reference": "urn:uuid:1"}, "medicationReference": {"reference": reference, "display": "Zoloft"}});
        change(bundle["entry"].as_array_mut().unwrap());
    })
}

/// With a code that is carried over but for its version, and a form that is not.
fn medication() -> Value {
    json!({"resourceType": "Medication", "id": "6", "status": "active", "form": {"text": "Tablet"},
        "code": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "version": "1", "code": "36437"}], "text": "Sertraline"}})
}

fn entry(medication: &Value) -> Value {
    json!({"fullUrl": "urn:uuid:6", "resource": medication})
}

fn lines(import: &Import) -> Vec<(String, Reason, usize)> {
    let lines = import.report.lines().filter(|line| line.of.starts_with("Medication"));
    lines
        .map(|line| (format!("{} {}", line.of, line.path), line.reason, line.values))
        .collect()
}

fn line(path: &str, reason: Reason, values: usize) -> (String, Reason, usize) {
    (path.to_owned(), reason, values)
}

fn kept(import: &Import) -> Vec<Value> {
    let parts = import.parts.iter().filter(|part| part.kind == Kind::Medication);
    let contents = parts.map(|part| serde_json::to_value(&part.content).unwrap());
    contents.map(|content| content["medication"].clone()).collect()
}

fn sertraline() -> Value {
    json!({"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "36437"}], "text": "Sertraline"})
}

#[test]
fn a_request_is_of_the_medication_that_it_refers_to() {
    for (is_first, reference) in [(true, "urn:uuid:6"), (false, "Medication/6")] {
        let import = import(&referring(reference, |entries| {
            let position = if is_first { 0 } else { entries.len() };
            entries.insert(position, entry(&medication()));
        }));
        assert_eq!(kept(&import), [sertraline()]);
        assert_eq!(
            lines(&import),
            [
                line("Medication code.coding.version", Reason::NoHome, 1),
                line("Medication form.text", Reason::NoHome, 1),
                line("MedicationRequest medicationReference.display", Reason::NoHome, 1),
            ]
        );
    }
}

#[test]
fn a_contained_medication_is_one_too() {
    let import = import(&referring("#m", |entries| {
        let mut contained = medication();
        contained["id"] = json!("m");
        entries[2]["resource"]["contained"] = json!([{"resourceType": "Organization", "id": "m"}, contained]);
        entries[2]["resource"]["resourceType"] = json!("MedicationStatement");
        drop(entries[2]["resource"].as_object_mut().unwrap().remove("intent"));
    }));
    assert_eq!(kept(&import), [sertraline()]);
    assert_eq!(
        lines(&import),
        [
            // Two of the organisation; type, id, version and form of the medication.
            line("MedicationStatement contained", Reason::NoHome, 6),
            line("MedicationStatement medicationReference.display", Reason::NoHome, 1),
        ]
    );
}

/// It is reported once, whoever refers to it.
#[test]
fn several_may_refer_to_one_medication() {
    let import = import(&referring("urn:uuid:6", |entries| {
        let mut other = entries[2].clone();
        other["fullUrl"] = json!("urn:uuid:7");
        other["resource"]["id"] = json!("7");
        entries.extend([other, entry(&medication())]);
    }));
    assert_eq!(kept(&import), [sertraline(), sertraline()]);
    assert_eq!(
        lines(&import)[0],
        line("Medication code.coding.version", Reason::NoHome, 1)
    );
}

#[test]
fn what_is_no_medication_is_not_referred_to() {
    let with = |name: &str, value: Value| {
        let mut changed = medication();
        changed[name] = value;
        changed
    };
    let restricted =
        json!({"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "42CFRPart2"}]});
    for (reference, medication) in [
        ("urn:uuid:9", medication()),
        ("urn:uuid:1", medication()),
        ("#6", medication()),
        ("urn:uuid:6", with("status", json!("entered-in-error"))),
        ("urn:uuid:6", with("code", json!({"coding": [{"code": "1"}]}))),
        ("urn:uuid:6", with("meta", restricted)),
        ("urn:uuid:6", with("implicitRules", json!("https://example.org/rules"))),
        (
            "urn:uuid:6",
            with(
                "modifierExtension",
                json!([{"url": "https://example.org/not", "valueBoolean": true}]),
            ),
        ),
    ] {
        let bytes = referring(reference, |entries| entries.push(entry(&medication)));
        let lenient = import(&bytes);
        assert_eq!(kept(&lenient), Vec::<Value>::new(), "{reference} {medication}");
        let bundle = Bundle::parse(&bytes).unwrap();
        let refused = Import::of(&bundle, &settings(), Handling::Strict, &BTreeMap::new(), &id).unwrap_err();
        assert_eq!(refused.resources.len(), 1);
        assert_eq!(
            refused.resources[0].problems[0].field,
            "/entry/2/resource/medicationReference/reference"
        );
        // Nobody took it.
        let reported = lines(&lenient);
        assert!(
            reported
                .iter()
                .any(|(path, reason, _)| path == "Medication " && *reason == Reason::ResourceNotTaken)
        );
    }
    // What is not sold any more may have been taken, and is reported to be so.
    let import = import(&referring("urn:uuid:6", |entries| {
        entries.push(entry(&with("status", json!("inactive"))));
    }));
    assert_eq!(kept(&import), [sertraline()]);
    assert!(lines(&import).contains(&line("Medication status", Reason::Unrepresentable, 1)));
}

/// A long code that many refer to would be many times the bundle.
#[test]
fn a_medication_is_repeated_as_long_as_there_is_room() {
    let import = import(&referring("urn:uuid:6", |entries| {
        let request = entries[2].clone();
        for number in 100..200 {
            let mut other = request.clone();
            other["fullUrl"] = json!(format!("urn:uuid:{number}"));
            entries.push(other);
        }
        let mut long = medication();
        long["code"]["text"] = json!("x".repeat(100_000));
        entries.push(entry(&long));
    }));
    assert_eq!(kept(&import).len(), 8 * 1024 * 1024 / 100_200);
    assert_eq!(import.not_imported.len(), 101 - kept(&import).len());
}
