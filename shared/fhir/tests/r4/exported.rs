//! Whatever the owners may keep: it goes out as R4, and comes in the same.

use std::collections::BTreeMap;

use fhir::{Bundle, Export, Exported, Handling, Import, Kind, Node, Settings, Source};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::published::{each, findings, read};

fn node(value: &Value) -> Node {
    serde_json::from_str(&value.to_string()).unwrap()
}

pub(crate) fn exported(id: &str, kind: &str, content: &Value) -> Exported {
    Exported {
        id: id.to_owned(),
        kind: Kind::named(kind).unwrap(),
        encounter: None,
        content: node(content),
        appends: None,
    }
}

/// The example of `identity`, which has every field.
pub(crate) fn client() -> Exported {
    let (_, example) = include_str!("../../../../functions/identity/README.md")
        .split_once("```json\n")
        .unwrap();
    exported("cli_1", "client", &read(example.split_once("```").unwrap().0))
}

/// One of each kind, with every field that it can have.
fn one_of_each() -> Vec<(&'static str, Value)> {
    let concept = json!({"coding": [{"system": "http://snomed.info/sct", "code": "35489007", "display": "Depressive disorder"}], "text": "Depression"});
    let quantity =
        json!({"value": "7.0", "comparator": "<", "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"});
    let service = json!({"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "90834"}], "text": "Session, 45 minutes"});
    let reasons =
        json!([{"record": "rec_1", "concept": {"text": "Depression"}}, {"record": "rec_1"}, {"concept": concept}]);
    let period = json!({"start": "2026-01", "end": "2026-02-03"});
    let usd = json!({"currency": "USD", "minor_units": 14052});
    let exact = json!({"currency": "USD", "minor_units": 2810, "exact": "28.104000000000003"});
    let medication = |intent: &str| {
        let mut medication = json!({"medication": concept, "status": "active", "dosage": [{"text": "One at night", "as_needed": false,
            "dose": {"value": "1"}, "frequency": 1, "period": "1.0", "period_unit": "d"}], "period": period, "authored": "2026-01-02",
            "prescriber": "Dr. June Kassulke", "reasons": reasons, "note": "With water."});
        if !intent.is_empty() {
            medication["intent"] = json!(intent);
        }
        medication
    };
    let answers = |instrument: &str, items: usize| json!({"instrument": instrument, "administered_at": "2026-01-02T08:00:00Z", "answers": vec![1; items], "summary": "Better."});
    vec![
        (
            "diagnosis",
            json!({"code": concept, "clinical_status": "resolved", "verification_status": "confirmed", "categories": [concept],
            "severity": concept, "onset": "2018-09", "abatement": "2019", "recorded": "2018-09-17T15:29:24+00:00", "note": "Twice."}),
        ),
        (
            "encounter",
            json!({"status": "finished", "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR"},
            "types": [concept], "period": period, "reasons": reasons, "participants": ["June Kassulke"], "provider": "Practice", "discharge": concept}),
        ),
        ("medication", medication("order")),
        ("medication", medication("")),
        (
            "observation",
            json!({"code": concept, "status": "final", "categories": [concept], "effective": "2026-01-02",
            "issued": "2026-01-02T08:00:00.181Z", "value": {"quantity": quantity},
            "components": [{"code": concept, "value": {"quantity": quantity}}, {"code": concept, "value": {"text": "Clear"}}], "note": "Fasting."}),
        ),
        (
            "observation",
            json!({"code": concept, "status": "amended", "effective": "2026", "value": {"concept": concept}}),
        ),
        (
            "observation",
            json!({"code": concept, "status": "final", "effective": "2026", "value": {"text": "Clear"}}),
        ),
        (
            "procedure",
            json!({"code": concept, "status": "completed", "performed": period, "performer": "June Kassulke", "reasons": reasons, "note": "Well borne."}),
        ),
        (
            "immunization",
            json!({"vaccine": concept, "status": "completed", "occurrence": "2020-10-01", "primary_source": true, "note": "Left arm."}),
        ),
        (
            "diagnostic_report",
            json!({"code": concept, "status": "final", "categories": [concept], "effective": "2026-01-02",
            "issued": "2026-01-02T08:00:00Z", "results": [{"record": "rec_5", "display": "HbA1c"}, {"display": "Other"}], "conclusion": "Normal."}),
        ),
        (
            "treatment_plan",
            json!({"status": "active", "period": {"start": "2026-01-02"}, "review_on": "2026-04-01", "categories": [concept],
            "problems": [{"description": "Depression", "diagnosis": "rec_1"}, {"description": "Sleep"}],
            "goals": [{"description": "Sleeps through", "status": "active", "achievement": "improving", "measure": "Nights a week", "target_date": "2026-06-01",
                "objectives": ["Bed by eleven", "No screens"], "interventions": ["CBT-I"]}, {"description": "Walks", "status": "proposed"}],
            "activities": [{"code": concept, "status": "in-progress"}]}),
        ),
        ("assessment", answers("PHQ-9", 9)),
        ("assessment", answers("gad-7", 7)),
        ("assessment", answers("PCL-5", 20)),
        (
            "assessment",
            json!({"instrument": "BDI-II", "administered_at": "2026-01-02T08:00:00Z", "scores": [{"scale": "total", "score": 14}, {"scale": "change", "score": -3}], "summary": "Mild."}),
        ),
        (
            "progress_note",
            json!({"session_at": "2026-01-02T08:00:00Z", "text": "Slept better.\nZoë walks."}),
        ),
        (
            "claim",
            json!({"identifiers": [{"system": "https://insurer.example/claims", "value": "1"}], "status": "active", "type": concept, "use": "claim",
            "billable_period": period, "created": "2026-01-03", "provider": "Practice", "priority": concept,
            "insurance": [{"sequence": 1, "focal": true, "coverage": "Mutual"}],
            "items": [{"sequence": 1, "service": service, "serviced": period, "quantity": "2", "unit_price": usd, "net": usd}], "total": usd}),
        ),
        (
            "explanation_of_benefit",
            json!({"identifiers": [{"system": "https://insurer.example/eob", "value": "2"}], "status": "active", "type": concept, "use": "claim",
            "billable_period": period, "created": "2026-01-03", "insurer": "Mutual", "provider": "Practice", "claim": "rec_17", "outcome": "complete",
            "disposition": "Paid", "insurance": [{"focal": true, "coverage": "Mutual"}],
            "items": [{"sequence": 1, "service": service, "category": concept, "serviced": period, "location": concept, "quantity": "2", "unit_price": usd, "net": usd,
                "adjudications": [{"category": concept, "reason": concept, "amount": exact}]}],
            "totals": [{"category": concept, "amount": usd}], "payment": {"amount": exact, "date": "2026-02-01"}}),
        ),
    ]
}

fn all() -> Vec<Exported> {
    let kinds = one_of_each().into_iter();
    kinds
        .zip(1..)
        .map(|((kind, content), number)| {
            let mut part = exported(&format!("rec_{number}"), kind, &content);
            part.encounter = part
                .kind
                .is_record()
                .then(|| "rec_2".to_owned())
                .filter(|_| kind != "encounter");
            part
        })
        .collect()
}

#[test]
fn whatever_is_exported_is_r4() {
    let added = json!({"session_at": "2026-01-03T08:00:00Z", "text": "In partial remission."});
    let mut parts = all();
    parts.push(Exported {
        appends: Some("rec_1".to_owned()),
        ..exported("add_1", "progress_note", &added)
    });
    let mut export = Export::of(client(), parts, "https://practice.example/fhir/");
    export.replaced_by("https://practice.example/fhir/Patient/cli-2");
    assert_eq!(export.not_exported, Vec::<String>::new());
    let left: Vec<_> = export
        .report
        .lines()
        .map(|line| format!("{} {}", line.of, line.path))
        .collect();
    // What FHIR has no place for, and the guardian's tie to her own account, which has one.
    assert_eq!(
        left,
        [
            "client content.preferences.channels",
            "client content.preferences.pet_at_session"
        ]
    );
    let bundle = serde_json::to_value(&export.bundle).unwrap();
    let resources: Vec<&Value> = each(&bundle["entry"]).iter().map(|entry| &entry["resource"]).collect();
    assert_eq!(
        resources.len(),
        1 + 1 + 18 + 2 + 1,
        "the client, a guardian, one of each, two goals, an addendum"
    );
    assert_eq!(
        (&resources[0]["active"], &resources[0]["link"][0]["type"]),
        (&json!(false), &json!("replaced-by"))
    );
    assert_eq!(
        resources[22]["context"]["related"],
        json!([{"reference": "Condition/rec-1"}])
    );
    for resource in resources {
        assert_eq!(findings(resource), Vec::<String>::new(), "{resource:#}");
    }
}

fn imported(export: &Export) -> Import {
    let bundle = Bundle::parse(&serde_json::to_vec(&export.bundle).unwrap()).unwrap();
    let settings = Settings {
        calling_code: None,
        language: "fr".to_owned(),
    };
    let id = |source: &Source, _| source.id.rsplit('/').next().unwrap().replacen('-', "_", 1);
    Import::of(&bundle, &settings, Handling::Strict, &BTreeMap::new(), &id).unwrap()
}

#[test]
fn all_of_it_comes_in_the_same() {
    let import = imported(&Export::of(client(), all(), "https://practice.example/fhir"));
    assert_eq!(import.report.lines().collect::<Vec<_>>(), []);
    for (came, went) in import.parts.iter().zip(all()) {
        assert_eq!(
            (&came.id, came.kind, &came.encounter),
            (&went.id, went.kind, &went.encounter)
        );
        let (came, went) = [&came.content, &went.content]
            .map(|content| serde_json::to_value(content).unwrap())
            .into();
        assert_eq!(came, went);
    }
    assert_eq!(import.parts.len(), all().len());
    // How she may be reached and a pet at the session are not of FHIR.
    let mut went = serde_json::to_value(client().content).unwrap();
    let preferences = went["preferences"].as_object_mut().unwrap();
    preferences.insert("channels".to_owned(), json!([]));
    preferences.remove("pet_at_session").unwrap();
    assert_eq!(serde_json::to_value(&import.client.content).unwrap(), went);
}

/// The order of what she was called says nothing of which has an end, and what comes in again in another one would be a correction.
#[test]
fn names_that_she_had_come_in_the_same() {
    let names = json!([
        {"use": "maiden", "family": "Adeyemi", "period": {"end": "2015-06-01"}},
        {"use": "old", "given": ["Ngozi"], "family": "Bello"},
        {"use": "old", "family": "Cole", "period": {"start": "2016-01-01", "end": "2017-01-01"}},
        {"use": "maiden", "family": "Dada"},
    ]);
    let mut went = serde_json::to_value(client().content).unwrap();
    went["previous_names"] = names.clone();
    let export = Export::of(
        exported("cli_1", "client", &went),
        vec![],
        "https://practice.example/fhir",
    );
    let came = imported(&export).client.content;
    let came = serde_json::to_value(&came).unwrap();
    assert_eq!(came["previous_names"], names);
    assert!(came["name"]["preferred"].is_string());
}

/// `records` takes an instrument by whatever spelling of its name, with answers and without scores, and so it goes out and comes in.
#[test]
fn an_instrument_is_known_however_its_name_is_written() {
    for (instrument, items, panel) in [
        ("PHQ9", 9, "44249-1"),
        ("PHQ\u{2011}9", 9, "44249-1"),
        ("gad7", 7, "69737-5"),
        ("PCL 5", 20, "101697-1"),
    ] {
        let content =
            json!({"instrument": instrument, "administered_at": "2026-01-02T08:00:00Z", "answers": vec![1; items]});
        let part = exported("rec_1", "assessment", &content);
        let mut export = Export::of(client(), vec![part], "https://practice.example/fhir");
        assert_eq!(export.not_exported, Vec::<String>::new());
        let came = imported(&export);
        assert_eq!(came.parts[0].kind, Kind::Assessment);
        assert_eq!(serde_json::to_value(&came.parts[0].content).unwrap(), content);
        let mut bundle = serde_json::to_value(&export.bundle).unwrap();
        let observation = &mut bundle["entry"].as_array_mut().unwrap().last_mut().unwrap()["resource"];
        assert_eq!(observation["code"]["coding"][0]["code"], panel);
        // Without all of its answers it is no assessment, whatever its scores.
        drop(observation["component"].as_array_mut().unwrap().remove(0));
        export.bundle = node(&bundle);
        assert_eq!(imported(&export).parts[0].kind, Kind::Observation, "{instrument}");
    }
}

#[test]
fn the_published_definitions_refuse_what_is_not_r4() {
    let export = Export::of(client(), all(), "https://practice.example/fhir");
    let bundle = serde_json::to_value(&export.bundle).unwrap();
    let of = |kind: &str| {
        let mut found = each(&bundle["entry"]).into_iter().map(|entry| &entry["resource"]);
        found.find(|resource| resource["resourceType"] == kind).unwrap().clone()
    };
    for (kind, pointer, value) in [
        ("Patient", "/gender", json!("f")),
        ("Patient", "/birthDate", json!("yesterday")),
        ("Patient", "/telecom/0/system", json!("pigeon")),
        ("Condition", "/clinicalStatus/coding/0/code", json!("cured")),
        ("Condition", "/subject", Value::Null),
        ("Condition", "/subject/reference", json!("Practitioner/1")),
        ("Observation", "/status", Value::Null),
        ("Observation", "/code", json!([])),
        ("Encounter", "/class", Value::Null),
        ("MedicationRequest", "/intent", json!("wish")),
        ("CarePlan", "/mood", json!("cheerful")),
        ("Claim", "/insurance", Value::Null),
        ("ExplanationOfBenefit", "/outcome", json!("lost")),
    ] {
        let mut changed = of(kind);
        assert_eq!(findings(&changed), Vec::<String>::new());
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = changed.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match value {
            Value::Null => drop(parent.remove(name).unwrap()),
            value => drop(parent.insert(name.to_owned(), value)),
        }
        assert_ne!(findings(&changed), Vec::<String>::new(), "{kind}{pointer}");
    }
}

/// Other words in every text, and some of the fields that may be left out left out.
fn changed(kind: &str, content: &mut Value, words: &str, mask: u32) {
    let members = content.as_object_mut().unwrap();
    let may_lack: &[&str] = match kind {
        "diagnosis" => &[
            "clinical_status",
            "abatement",
            "categories",
            "severity",
            "onset",
            "recorded",
            "note",
        ],
        "medication" => &[
            "intent",
            "dosage",
            "period",
            "authored",
            "prescriber",
            "reasons",
            "note",
        ],
        "encounter" => &["types", "reasons", "participants", "provider", "discharge"],
        "observation" => &["categories", "issued", "value", "components", "note"],
        "procedure" => &["performed", "performer", "reasons", "note"],
        "immunization" => &["primary_source", "note"],
        "diagnostic_report" => &["categories", "issued", "results", "conclusion"],
        "treatment_plan" => &["review_on", "categories", "problems", "goals"],
        "assessment" => &["summary"],
        "claim" => &["identifiers", "billable_period", "items", "total"],
        "explanation_of_benefit" => &[
            "identifiers",
            "billable_period",
            "claim",
            "disposition",
            "items",
            "totals",
            "payment",
        ],
        _ => &[],
    };
    for (bit, name) in may_lack.iter().enumerate() {
        if mask >> bit & 1 == 1 {
            members.remove(*name);
        }
    }
    reworded(content, words);
}

fn reworded(value: &mut Value, words: &str) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let is_free = [
                    "text",
                    "note",
                    "summary",
                    "conclusion",
                    "description",
                    "measure",
                    "display",
                ]
                .contains(&name.as_str());
                match value {
                    Value::String(text) if is_free => *text = words.to_owned(),
                    value => reworded(value, words),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| reworded(value, words)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_kept_goes_out_as_r4_and_comes_in_the_same(words in "[\\p{L}\\p{N}\\p{P}\\p{S}]{1,12}( [\\p{L}\\p{N}]{1,12})?", mask: u32) {
        let mut parts = vec![];
        for ((kind, mut content), mut part) in one_of_each().into_iter().zip(all()) {
            changed(kind, &mut content, &words, mask);
            part.content = node(&content);
            parts.push(part);
        }
        let export = Export::of(client(), parts.clone(), "https://practice.example/fhir");
        prop_assert_eq!(&export.not_exported, &Vec::<String>::new());
        let bundle = serde_json::to_value(&export.bundle).unwrap();
        for entry in each(&bundle["entry"]) {
            prop_assert_eq!(findings(&entry["resource"]), Vec::<String>::new());
        }
        let import = imported(&export);
        prop_assert_eq!(import.parts.len(), parts.len());
        for (came, went) in import.parts.iter().zip(&parts) {
            prop_assert_eq!(came.kind, went.kind);
            prop_assert_eq!(serde_json::to_value(&came.content).unwrap(), serde_json::to_value(&went.content).unwrap());
        }
    }
}
