//! What is taken out of a resource is kept, and what is not kept is reported: each value once.

use std::collections::BTreeMap;

use fhir::{Bundle, Handling, Import, Kind, Part};
use serde_json::{Value, json};

use crate::bundles::{id, import, settings, small};

fn content(part: &Part) -> Value {
    serde_json::to_value(&part.content).unwrap()
}

/// Each line of one resource's, with its count of values.
fn lines(import: &Import, of: &str) -> Vec<(String, usize)> {
    let lines = import.report.lines().filter(|line| line.of == of);
    lines.map(|line| (line.path, line.values)).collect()
}

fn line(path: &str, values: usize) -> (String, usize) {
    (path.to_owned(), values)
}

fn patient(name: &str, value: &Value) -> Import {
    import(&small(|bundle| bundle["entry"][0]["resource"][name] = value.clone()))
}

/// Two values of which there is room for one.
#[test]
fn what_has_been_read_is_not_written_over() {
    let coding = |system: &str, code: &str| json!({"system": format!("http://terminology.hl7.org/CodeSystem/{system}"), "code": code});
    let concept = json!({"coding": [coding("v3-MaritalStatus", "M"), coding("v3-NullFlavor", "UNK")]});
    let married = patient("maritalStatus", &concept);
    assert_eq!(content(&married.client)["marital_status"], "M");
    assert_eq!(
        lines(&married, "Patient"),
        [
            line("maritalStatus.coding.code", 1),
            line("maritalStatus.coding.system", 1)
        ]
    );

    let import = import(&small(|bundle| {
        bundle["entry"][2]["resource"] = json!({"resourceType": "MedicationStatement", "id": "3", "status": "active",
            "subject": {"reference": "urn:uuid:1"}, "medicationCodeableConcept": {"text": "Sertraline"},
            "effectivePeriod": {"start": "2025"}, "effectiveDateTime": "2026"});
    }));
    assert_eq!(content(&import.parts[1])["period"], json!({"start": "2025"}));
    assert_eq!(lines(&import, "MedicationStatement"), [line("effectiveDateTime", 1)]);
}

/// She can't be alive and dead.
#[test]
fn a_patient_who_contradicts_herself_is_not_imported() {
    let bundle = Bundle::parse(&small(|bundle| {
        bundle["entry"][0]["resource"]["deceasedBoolean"] = json!(false);
        bundle["entry"][0]["resource"]["deceasedDateTime"] = json!("2026-01-02");
    }))
    .unwrap();
    let refused = Import::of(&bundle, &settings(), Handling::Lenient, &BTreeMap::new(), &id);
    let problems = &refused.unwrap_err().resources[0].problems;
    assert_eq!(problems[0].field, "/entry/0/resource/deceasedDateTime");
}

/// Of a name in parts only those are taken that it is made of.
#[test]
fn parts_of_a_name_that_are_no_text_stay() {
    let relationship =
        json!([{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH"}]}]);
    let import = patient(
        "contact",
        &json!([{"relationship": relationship, "telecom": [{"system": "phone", "value": "617-555-0100"}], "name": {"prefix": "Dr.", "given": ["Ada", 7], "family": "Okafor"}}]),
    );
    assert_eq!(content(&import.client)["emergency_contacts"][0]["name"], "Ada Okafor");
    assert_eq!(
        lines(&import, "Patient"),
        [line("contact.name.given", 1), line("contact.name.prefix", 1)]
    );
}

/// What is put into a resource while it is read is none of its values.
#[test]
fn nothing_is_reported_that_the_sender_did_not_say() {
    // A diagnosis that is not imported is no problem of a plan.
    let planned = import(&small(|bundle| {
        bundle["entry"][3]["resource"]["addresses"] = json!([{"reference": "urn:uuid:6"}]);
        bundle["entry"].as_array_mut().unwrap().push(
            json!({"fullUrl": "urn:uuid:6", "resource": {"resourceType": "Condition", "id": "6", "code": {"text": "Insomnia"}}}),
        );
    }));
    assert_eq!(lines(&planned, "CarePlan"), [line("addresses.reference", 1)]);

    // A service that says what somebody has, of an item and of a claim that are not imported.
    let concept = json!({"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "F32.1"}]});
    let claim = json!({"resourceType": "Claim", "id": "6", "status": "active", "use": "claim", "patient": {"reference": "urn:uuid:1"},
        "type": {"text": "professional"}, "created": "2026", "provider": {"display": "Practice"}, "priority": {"text": "normal"},
        "insurance": [{"sequence": 1, "focal": true, "coverage": {"display": "Mutual"}}],
        "item": [{"sequence": 1, "productOrService": concept}, {"productOrService": concept}]});
    let with = |claim: Value| {
        import(&small(|bundle| {
            let entries = bundle["entry"].as_array_mut().unwrap();
            entries.push(json!({"fullUrl": "urn:uuid:6", "resource": claim}));
        }))
    };
    assert_eq!(lines(&with(claim.clone()), "Claim"), [line("item.productOrService", 4)]);
    let mut drafted = claim;
    drafted["status"] = json!("drafted");
    assert_eq!(lines(&with(drafted), "Claim"), [line("", 17)]);
}

/// For what it is taken has no place, but that it is taken as needed has: a dose for panic is none for every day.
#[test]
fn who_says_for_what_a_dose_is_taken_says_that_it_is_as_needed() {
    let dosage = |said: Value| {
        let import = import(&small(|bundle| {
            bundle["entry"][2]["resource"] = json!({"resourceType": "MedicationRequest", "id": "3", "status": "active", "intent": "order",
                "subject": {"reference": "urn:uuid:1"}, "medicationCodeableConcept": {"text": "Lorazepam"}, "dosageInstruction": [said]});
        }));
        (
            content(&import.parts[1])["dosage"][0].clone(),
            lines(&import, "MedicationRequest"),
        )
    };
    let reason = json!({"coding": [{"system": "http://snomed.info/sct", "code": "225624000"}], "text": "Panic"});
    let (system, code, text) = (
        line("dosageInstruction.asNeededCodeableConcept.coding.system", 1),
        line("dosageInstruction.asNeededCodeableConcept.coding.code", 1),
        line("dosageInstruction.asNeededCodeableConcept.text", 1),
    );
    assert_eq!(
        dosage(json!({"text": "One", "asNeededCodeableConcept": reason})),
        (
            json!({"as_needed": true, "text": "One"}),
            vec![code.clone(), system.clone(), text.clone()]
        )
    );
    // Who says both contradicts herself where the other is false, and is understood as the safer one.
    assert_eq!(
        dosage(json!({"asNeededBoolean": false, "asNeededCodeableConcept": reason})),
        (
            json!({"as_needed": true}),
            vec![line("dosageInstruction.asNeededBoolean", 1), code, system, text]
        )
    );
    assert_eq!(
        dosage(json!({"asNeededBoolean": false})),
        (json!({"as_needed": false}), vec![])
    );
}

/// A survey is an assessment where all that it says is what one has: scores, or words about an instrument. Else it is an observation, and says more.
#[test]
fn a_survey_that_says_more_than_scores_is_an_observation() {
    let score = |scale: &str, score: i32| json!({"code": {"text": scale}, "valueInteger": score});
    let note = json!([{"text": "Better."}]);
    let lonely = json!({"code": {"text": "Lonely"}, "valueCodeableConcept": {"text": "Often"}});
    let half = json!({"code": {"text": "Half"}, "valueInteger": 3.5});
    let coding = json!([{"system": "http://loinc.org", "code": "93025-5"}]);
    for (said, kind, left) in [
        (json!({"component": [score("total", 14)]}), Kind::Assessment, vec![]),
        (
            json!({"component": [score("total", 14), Value::Null], "note": note}),
            Kind::Assessment,
            vec![],
        ),
        (json!({"note": note}), Kind::Assessment, vec![]),
        (
            json!({"component": [score("total", 14)], "code": {"text": "Own", "coding": coding}}),
            Kind::Assessment,
            vec![line("code.coding.code", 1), line("code.coding.system", 1)],
        ),
        // The value of an answer.
        (
            json!({"component": [score("total", 14), lonely]}),
            Kind::Observation,
            vec![],
        ),
        (
            json!({"component": [score("total", 14), half]}),
            Kind::Observation,
            vec![line("component.code.text", 1), line("component.valueInteger", 1)],
        ),
        (json!({"valueInteger": 14}), Kind::Observation, vec![]),
        (
            json!({"hasMember": [{"reference": "urn:uuid:9"}], "note": note}),
            Kind::Observation,
            vec![line("hasMember.reference", 1)],
        ),
        (
            json!({"note": note, "code": {"text": "Own", "coding": coding}}),
            Kind::Observation,
            vec![],
        ),
        (json!({}), Kind::Observation, vec![]),
    ] {
        let import = import(&small(|bundle| survey(bundle, &said)));
        assert_eq!(import.parts[1].kind, kind, "{said}");
        assert_eq!(lines(&import, "Observation"), left, "{said}");
    }
    // What has no home in an observation either is imported as neither.
    for value in ["valueBoolean", "valueRatio", "valueDateTime"] {
        let bytes = small(|bundle| survey(bundle, &json!({value: true, "note": note})));
        let import = import(&bytes);
        assert_eq!(import.parts.len(), 2, "{value}");
        assert_eq!(
            import.not_imported[0].problems[0].field,
            format!("/entry/2/resource/{value}")
        );
    }
}

/// What some of the components of a survey say keeps no other score out: a whole number is a quantity.
#[test]
fn scores_of_what_is_no_assessment_are_quantities() {
    let said = json!({"component": [
        {"code": {"text": "Total"}, "valueInteger": 14},
        {"code": {"text": "Mean"}, "valueQuantity": {"value": 1.40, "unit": "points"}},
        {"code": {"text": "Change"}, "valueInteger": -3},
        {"code": {"text": "Twice"}, "valueInteger": 1, "valueQuantity": {"value": 2}},
    ]});
    let imported = import(&small(|bundle| survey(bundle, &said)));
    assert_eq!(imported.parts[1].kind, Kind::Observation);
    assert_eq!(
        content(&imported.parts[1])["components"],
        json!([
            {"code": {"text": "Total"}, "value": {"quantity": {"value": "14"}}},
            {"code": {"text": "Mean"}, "value": {"quantity": {"value": "1.4", "unit": "points"}}},
            {"code": {"text": "Change"}, "value": {"quantity": {"value": "-3"}}},
        ])
    );
    assert_eq!(
        lines(&imported, "Observation"),
        [
            line("component.code.text", 1),
            line("component.valueInteger", 1),
            line("component.valueQuantity.value", 1)
        ]
    );
    let imported = import(&small(|bundle| survey(bundle, &json!({"valueInteger": 14}))));
    assert_eq!(
        content(&imported.parts[1])["value"],
        json!({"quantity": {"value": "14"}})
    );
}

fn survey(bundle: &mut Value, said: &Value) {
    let mut survey = json!({"resourceType": "Observation", "id": "3", "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}]}],
        "subject": {"reference": "urn:uuid:1"}, "code": {"text": "Own"}, "effectiveDateTime": "2026-01-02T08:00:00Z"});
    survey
        .as_object_mut()
        .unwrap()
        .extend(said.as_object().unwrap().clone());
    bundle["entry"][2]["resource"] = survey;
}

/// FHIR has no such element: answers come as components.
#[test]
fn answers_are_read_from_components_alone() {
    let import = import(&small(|bundle| {
        survey(bundle, &json!({"answers": [1, 2]}));
    }));
    assert_eq!(import.parts[1].kind, Kind::Observation);
    assert_eq!(lines(&import, "Observation"), [line("answers", 2)]);
}

/// A number that is not clear is none: nobody is called rather than somebody else.
#[test]
fn telephone_numbers_are_those_that_were_written() {
    let import = patient(
        "telecom",
        &json!([
            {"system": "phone", "value": "1-617-555-0100"},
            {"system": "phone", "value": "+44 (0)20 7946 0958"},
            {"system": "phone", "value": "555-0100"},
            {"system": "email", "value": "ada@example.org"},
        ]),
    );
    let telecoms = content(&import.client)["telecoms"].clone();
    let values: Vec<&str> = telecoms
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["value"].as_str().unwrap())
        .collect();
    assert_eq!(values, ["+16175550100", "+442079460958", "ada@example.org"]);
    assert_eq!(
        lines(&import, "Patient"),
        [line("telecom.system", 1), line("telecom.value", 1)]
    );
}
