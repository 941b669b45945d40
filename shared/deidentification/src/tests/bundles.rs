//! Four whole patients.

use serde_json::{Value, json};
use testkit::{PATIENTS, SeededEntropy};

use super::exports::TODAY;
use crate::{Client, Deidentified, Entry, Identifiers};

fn bundles() -> Vec<Value> {
    PATIENTS
        .iter()
        .map(|(_, bundle)| serde_json::from_str(bundle).unwrap())
        .collect()
}

fn client(bundle: &Value) -> Client<'_> {
    let entries = bundle["entry"].as_array().unwrap().iter();
    let entries = entries.map(|entry| Entry {
        full_url: entry["fullUrl"].as_str(),
        resource: &entry["resource"],
    });
    Client {
        entries: entries.collect(),
        identifiers: Identifiers::default(),
    }
}

fn strings<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => into.push(text),
        Value::Array(list) => list.iter().for_each(|value| strings(value, into)),
        Value::Object(object) => object.values().for_each(|value| strings(value, into)),
        _ => {}
    }
}

#[test]
fn nothing_of_who_they_are_leaves() {
    let bundles = bundles();
    let clients: Vec<Client<'_>> = bundles.iter().map(client).collect();
    let export = Deidentified::of(&clients, TODAY, &SeededEntropy::new(3));
    let whole = export.ndjson();
    let mut looked_for = 0;
    for bundle in &bundles {
        for entry in bundle["entry"].as_array().unwrap() {
            let resource = &entry["resource"];
            let mut identifying = vec![resource["id"].as_str().unwrap()];
            // All of people and organisations but gender, systems and the like; every name, line, number, date.
            if ["Patient", "Practitioner", "Organization"].contains(&resource["resourceType"].as_str().unwrap()) {
                for element in ["name", "telecom", "address", "identifier", "birthDate"] {
                    let parts = match &resource[element] {
                        Value::Array(parts) => parts.as_slice(),
                        part => std::slice::from_ref(part),
                    };
                    for part in parts {
                        match part {
                            Value::String(text) => identifying.push(text),
                            Value::Object(object) => {
                                let of = ["family", "given", "value", "line", "city", "postalCode"];
                                of.iter()
                                    .filter_map(|name| object.get(*name))
                                    .for_each(|value| strings(value, &mut identifying));
                            }
                            _ => {}
                        }
                    }
                }
            }
            for date in [
                "effectiveDateTime",
                "recordedDate",
                "onsetDateTime",
                "authoredOn",
                "occurrenceDateTime",
            ] {
                identifying.extend(resource[date].as_str().map(|date| &date[..10]));
            }
            for identifying in identifying.into_iter().filter(|text| text.len() > 2) {
                looked_for += 1;
                // Three digits of a small number are in many a code; it is nowhere by itself, and a longer one nowhere at all.
                assert!(identifying.len() < 6 || !whole.contains(identifying), "{identifying}");
                assert!(!whole.contains(&format!("\"{identifying}\"")), "{identifying}");
            }
        }
    }
    assert!(looked_for > 500, "{looked_for}");
    for never in [
        "display",
        "\"text\"",
        "\"div\"",
        "synthea",
        "urn:uuid",
        "identifier",
        "telecom",
        "meta",
        "line",
        "city",
        "valueString",
    ] {
        assert!(!whole.contains(never), "{never}");
    }
}

#[test]
fn what_research_needs_leaves_and_what_stays_is_counted() {
    let bundles = bundles();
    for ((name, _), bundle) in PATIENTS.iter().zip(&bundles) {
        let export = Deidentified::of(&[client(bundle)], TODAY, &SeededEntropy::new(3));
        let count = |kind: &str| {
            export
                .resources()
                .iter()
                .filter(|kept| kept["resourceType"] == kind)
                .count()
        };
        let before = |kind: &str| {
            bundle["entry"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|entry| entry["resource"]["resourceType"] == kind)
                .count()
        };
        let unlisted = ["Claim", "ExplanationOfBenefit", "Organization", "Practitioner"];
        let left_out: usize = unlisted.into_iter().map(before).sum();
        assert_eq!(
            export.left_out().unlisted_resources,
            u64::try_from(left_out).unwrap(),
            "{name}"
        );
        assert!(unlisted.iter().all(|kind| count(kind) == 0));
        for kind in [
            "Patient",
            "Condition",
            "Observation",
            "Procedure",
            "Encounter",
            "MedicationRequest",
            "Immunization",
            "DiagnosticReport",
            "CarePlan",
            "Goal",
        ] {
            assert_eq!(count(kind), before(kind), "{name} {kind}");
        }
        let left_out = export.left_out();
        assert_eq!(
            (
                left_out.clients,
                left_out.incomplete_resources,
                left_out.identifiers,
                left_out.places
            ),
            (0, 0, 0, 0),
            "{name}"
        );
        assert!(left_out.unlisted_elements > 100, "{name}");
        let patient = export
            .resources()
            .iter()
            .find(|kept| kept["resourceType"] == "Patient")
            .unwrap();
        assert_eq!(patient["address"][0]["state"], "MA");
    }
    let liz = Deidentified::of(&[client(&bundles[2])], TODAY, &SeededEntropy::new(3));
    let mut patient = liz
        .resources()
        .iter()
        .find(|kept| kept["resourceType"] == "Patient")
        .unwrap()
        .clone();
    patient.as_object_mut().unwrap().remove("id");
    assert_eq!(
        patient,
        json!({"resourceType": "Patient", "gender": "female", "birthDate": "1986", "deceasedBoolean": null,
            "address": [{"country": "US", "state": "MA", "postalCode": "019"}],
            "maritalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "code": "M"}]}})
            .as_object()
            .map(|object| Value::Object(object.clone().into_iter().filter(|(_, value)| !value.is_null()).collect()))
            .unwrap()
    );
}

/// What left once leaves again as it is: all of it is in the table's own form.
#[test]
fn an_export_of_an_export_is_of_the_same_shape() {
    fn without_codes(export: &Deidentified) -> Vec<String> {
        let mut resources: Vec<String> = export
            .resources()
            .iter()
            .map(|kept| {
                let mut kept = kept.clone();
                kept.as_object_mut().unwrap().remove("id");
                masked_codes(&mut kept);
                kept.to_string()
            })
            .collect();
        resources.sort();
        resources
    }
    fn masked_codes(value: &mut Value) {
        match value {
            Value::Object(object) => {
                if let Some(reference) = object.get_mut("reference") {
                    *reference = json!(reference.as_str().unwrap().split('/').next());
                }
                object.values_mut().for_each(masked_codes);
            }
            Value::Array(list) => list.iter_mut().for_each(masked_codes),
            _ => {}
        }
    }
    for bundle in bundles() {
        let first = Deidentified::of(&[client(&bundle)], TODAY, &SeededEntropy::new(3));
        let entries = first
            .resources()
            .iter()
            .map(|resource| Entry {
                full_url: None,
                resource,
            })
            .collect();
        let again = Client {
            entries,
            identifiers: Identifiers::default(),
        };
        let second = Deidentified::of(&[again], TODAY, &SeededEntropy::new(4));
        let (first, second) = (without_codes(&first), without_codes(&second));
        assert_eq!(first.len(), second.len());
        for (first, second) in first.iter().zip(&second) {
            assert_eq!(first, second);
        }
    }
}
