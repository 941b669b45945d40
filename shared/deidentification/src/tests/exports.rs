//! What becomes of each kind of value, and of whole exports.

use jiff::civil::{Date, date};
use serde_json::{Value, json};
use testkit::SeededEntropy;

use crate::{Client, Deidentified, Entry, Identifiers, LeftOut};

pub(super) const TODAY: Date = date(2026, 12, 1);

fn export(resources: &[Value]) -> Deidentified {
    let entries = resources
        .iter()
        .map(|resource| Entry {
            full_url: None,
            resource,
        })
        .collect();
    let client = Client {
        entries,
        identifiers: Identifiers::default(),
    };
    Deidentified::of(&[client], TODAY, &SeededEntropy::new(1))
}

fn patient() -> Value {
    json!({"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1987-03-21"})
}

/// What of a resource of this client leaves, without its codes.
fn of(resource: Value) -> Option<Value> {
    let kind = resource["resourceType"].clone();
    let export = export(&[patient(), resource]);
    let mut kept = export
        .resources()
        .iter()
        .find(|kept| kept["resourceType"] == kind)
        .cloned()?;
    for code in ["id", "subject"] {
        kept.as_object_mut().unwrap().remove(code);
    }
    Some(kept)
}

fn observation(more: Value) -> Value {
    let mut observation = json!({"resourceType": "Observation", "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "44261-6"}]}});
    observation
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    observation
}

#[test]
fn a_score_leaves_with_its_year_and_codes() {
    let score = observation(
        json!({"id": "o", "status": "final", "effectiveDateTime": "2026-11-30T10:00:00+05:30",
        "issued": "2026-11-30T10:00:00Z", "valueInteger": 14, "note": [{"text": "said Ada"}], "valueString": "Ada",
        "interpretation": [{"coding": [{"system": "http://loinc.org", "code": "LA6568-5", "display": "Not at all"}], "text": "Ada"}]}),
    );
    assert_eq!(
        of(score),
        Some(
            json!({"resourceType": "Observation", "status": "final", "effectiveDateTime": "2026", "valueInteger": 14,
            "code": {"coding": [{"system": "http://loinc.org", "code": "44261-6"}]},
            "interpretation": [{"coding": [{"system": "http://loinc.org", "code": "LA6568-5"}]}]})
        )
    );
}

#[test]
fn answers_leave_as_codes_however_deep_their_items_lie() {
    let answered = json!({"resourceType": "QuestionnaireResponse", "subject": {"reference": "Patient/p"}, "status": "completed",
        "questionnaire": "http://loinc.org/q/44249-1", "authored": "2026-11-30", "author": {"display": "Ada"},
        "item": [{"linkId": "/44249-1", "text": "PHQ", "item": [
            {"linkId": "/44250-9", "answer": [{"valueCoding": {"system": "http://loinc.org", "code": "LA6568-5", "display": "x"}}]},
            {"linkId": "/44255-8", "answer": [{"valueString": "I am Ada"}, {"valueInteger": 3}, {"valueInteger": 4711}]},
            {"linkId": "Ada Okafor", "answer": [{"valueInteger": 1}]}]}]});
    assert_eq!(
        of(answered),
        Some(
            json!({"resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": "http://loinc.org/q/44249-1",
            "authored": "2026", "item": [{"linkId": "/44249-1", "item": [
                {"linkId": "/44250-9", "answer": [{"valueCoding": {"system": "http://loinc.org", "code": "LA6568-5"}}]},
                {"linkId": "/44255-8", "answer": [{"valueInteger": 3}]}]}]})
        )
    );
}

#[test]
fn what_fhir_requires_and_may_not_leave_is_said_to_be_masked() {
    let masked = json!({"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]});
    let goal = json!({"resourceType": "Goal", "subject": {"reference": "Patient/p"}, "description": {"text": "Call Ada's mother"}});
    assert_eq!(of(goal), Some(json!({"resourceType": "Goal", "description": masked})));
    let vaccination = json!({"resourceType": "Immunization", "patient": {"reference": "Patient/p"}, "occurrenceDateTime": "1930-01-01",
        "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "140"}]}});
    assert_eq!(of(vaccination).unwrap()["_occurrenceDateTime"], masked);
}

#[test]
fn a_resource_without_what_it_is_about_stays() {
    let of_somebody_else = json!({"subject": {"reference": "Patient/q"}});
    for (resource, reason) in [
        (observation(of_somebody_else), "of somebody else"),
        (observation(json!({"code": {"text": "Ada's mood"}})), "without a code"),
        (observation(json!({"subject": {"display": "Ada"}})), "of nobody"),
        (
            json!({"resourceType": "Observation", "code": {"coding": []}}),
            "of nothing",
        ),
    ] {
        let export = export(&[patient(), resource]);
        assert_eq!(export.resources().len(), 1, "{reason}");
        assert_eq!(export.left_out().incomplete_resources, 1, "{reason}");
    }
    let export = export(&[
        patient(),
        json!({"resourceType": "Claim"}),
        json!("Ada"),
        json!({"resourceType": ["Patient"]}),
    ]);
    assert_eq!((export.resources().len(), export.left_out().unlisted_resources), (1, 3));
}

#[test]
fn without_exactly_one_patient_nothing_leaves() {
    for resources in [
        vec![],
        vec![observation(json!({}))],
        vec![patient(), patient(), observation(json!({}))],
    ] {
        let export = export(&resources);
        assert!(export.resources().is_empty());
        assert_eq!(
            export.left_out(),
            LeftOut {
                clients: 1,
                ..LeftOut::default()
            }
        );
        assert_eq!(export.ndjson(), "");
    }
}

#[test]
fn nothing_refers_to_what_stays() {
    let encounter =
        json!({"resourceType": "Encounter", "id": "e", "subject": {"reference": "Patient/p"}, "status": "finished"});
    let of_other = json!({"resourceType": "Encounter", "id": "x", "subject": {"reference": "Patient/q"}});
    let first = observation(json!({"encounter": {"reference": "Encounter/e", "display": "with Ada"}}));
    let second = observation(json!({"encounter": {"reference": "Encounter/x"}}));
    // A reference to another kind than the table says, or to a place outside, is none.
    let third = observation(json!({"encounter": {"reference": "Patient/p"}}));
    let fourth = observation(
        json!({"encounter": {"reference": "https://example.org/Encounter/e"}, "hasMember": [{"reference": 5}]}),
    );
    let export = export(&[patient(), encounter, of_other, first, second, third, fourth]);
    let kept = export.resources();
    let of_kind = |kind: &str| {
        kept.iter()
            .filter(|kept| kept["resourceType"] == kind)
            .collect::<Vec<_>>()
    };
    let [encounter] = of_kind("Encounter")[..] else {
        panic!()
    };
    let references: Vec<&Value> = of_kind("Observation")
        .into_iter()
        .filter_map(|kept| kept.get("encounter"))
        .collect();
    assert_eq!(
        references,
        [&json!({"reference": format!("Encounter/{}", encounter["id"].as_str().unwrap())})]
    );
    assert_eq!(export.left_out().references, 5);
}

#[test]
fn of_somebody_over_89_no_year_of_birth_leaves_but_the_category() {
    let age = |value: u32| {
        observation(json!({"valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": "a"}}))
    };
    let mut old = patient();
    old["birthDate"] = json!("1936-12-31");
    // The same in another element, and by a code that says it.
    let bare = observation(json!({"valueInteger": 93}));
    let said = observation(
        json!({"valueInteger": 71, "code": {"coding": [{"system": "http://loinc.org", "code": "21612-7"}]}}),
    );
    let export = export(&[
        old,
        age(70),
        bare,
        said,
        observation(json!({"effectiveDateTime": "1936-12-31"})),
    ]);
    let whole = export.ndjson();
    for told in ["1936", "70", "93", "71", "21612"] {
        assert!(
            !whole.contains(&format!("\"{told}")) && !whole.contains(&format!(":{told}")),
            "{whole}"
        );
    }
    let patient = export
        .resources()
        .iter()
        .find(|kept| kept["resourceType"] == "Patient")
        .unwrap();
    let aged: Vec<&Value> = export
        .resources()
        .iter()
        .filter(|kept| kept["valueQuantity"]["comparator"] == ">=")
        .collect();
    let [aged] = aged[..] else { panic!("{whole}") };
    assert_eq!(aged["valueQuantity"]["value"], 90);
    assert_eq!(
        aged["code"]["coding"][0],
        json!({"system": "http://loinc.org", "code": "30525-0"})
    );
    assert_eq!(
        aged["subject"]["reference"],
        format!("Patient/{}", patient["id"].as_str().unwrap())
    );
    assert_eq!((export.left_out().dates, export.left_out().numbers), (3, 2));
}

/// 45 CFR 164.514(c)(1): codes come from nothing but chance, and hold within one export only.
#[test]
fn codes_are_fresh_in_every_export_and_order_tells_nothing() {
    let resources: Vec<Value> = [patient()]
        .into_iter()
        .chain((0..8).map(|index| observation(json!({"valueInteger": index}))))
        .collect();
    let entries: Vec<Entry<'_>> = resources
        .iter()
        .map(|resource| Entry {
            full_url: None,
            resource,
        })
        .collect();
    let entropy = SeededEntropy::new(7);
    let mut orders = std::collections::BTreeSet::new();
    let mut codes = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let client = Client {
            entries: entries.clone(),
            identifiers: Identifiers::default(),
        };
        let export = Deidentified::of(&[client], TODAY, &entropy);
        for kept in export.resources() {
            let code = kept["id"].as_str().unwrap().to_owned();
            assert!(code.len() == 32 && code.bytes().all(|byte| (b'a'..=b'p').contains(&byte)));
            assert!(codes.insert(code), "a code came twice");
        }
        orders.insert(
            export
                .resources()
                .iter()
                .map(|kept| kept["valueInteger"].as_u64())
                .collect::<Vec<_>>(),
        );
    }
    assert!(orders.len() > 1);
}

#[test]
fn one_address_leaves() {
    let mut moved = patient();
    moved["address"] =
        json!([{"country": "US", "postalCode": "02134"}, {"country": "US", "postalCode": "10001"}, {"city": "Boston"}]);
    let export = export(&[moved]);
    assert_eq!(
        export.resources()[0]["address"],
        json!([{"country": "US", "postalCode": "021"}])
    );
    assert_eq!(
        export.left_out(),
        LeftOut {
            places: 2,
            ..LeftOut::default()
        }
    );
}

#[test]
fn a_code_that_is_the_clients_own_number_stays() {
    // A medical record number with the form of a code, partition and check digit included.
    let mut known = patient();
    known["identifier"] = json!([{"value": "370-143-000"}]);
    let code = observation(json!({"valueCodeableConcept": {"coding": [
        {"system": "http://snomed.info/sct", "code": "370143000"}, {"system": "http://snomed.info/sct", "code": "35489007"}]}}));
    let export = export(&[known, code]);
    let kept = export
        .resources()
        .iter()
        .find(|kept| kept["resourceType"] == "Observation")
        .unwrap();
    assert_eq!(
        kept["valueCodeableConcept"],
        json!({"coding": [{"system": "http://snomed.info/sct", "code": "35489007"}]})
    );
    assert_eq!(export.left_out().identifiers, 1);
}

#[test]
fn an_export_prints_as_numbers() {
    let export = export(&[patient()]);
    let printed = format!("{export:?}");
    assert!(printed.starts_with("Deidentified { resources: 1, left_out:") && !printed.contains("female"));
}
