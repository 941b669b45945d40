//! What goes out, held against what HL7 published for R4: the JSON schema, and of the structure definitions how often an element must and
//! may be there, the codes that it must have, and what it may refer to. See `tests/data/r4`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use fhir::{Export, Exported, Kind, Node};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Element {
    #[serde(default)]
    min: usize,
    #[serde(default)]
    single: bool,
    value_set: Option<String>,
    #[serde(default)]
    targets: Vec<String>,
}

static SCHEMA: LazyLock<jsonschema::Validator> =
    LazyLock::new(|| jsonschema::validator_for(&read(include_str!("data/r4/schema.json"))).unwrap());

static ELEMENTS: LazyLock<BTreeMap<String, Element>> =
    LazyLock::new(|| serde_json::from_str(include_str!("data/r4/elements.json")).unwrap());

/// Value set, system, codes.
static CODES: LazyLock<BTreeMap<String, BTreeMap<String, BTreeSet<String>>>> =
    LazyLock::new(|| serde_json::from_str(include_str!("data/r4/codes.json")).unwrap());

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// What is wrong with a resource.
fn findings(resource: &Value) -> Vec<String> {
    let mut found: Vec<String> = SCHEMA.iter_errors(resource).map(|error| error.to_string()).collect();
    let kind = resource["resourceType"].as_str().unwrap_or_default();
    let own = ELEMENTS.iter().filter(|(path, _)| path.split('.').next() == Some(kind));
    for (path, element) in own {
        let (parent, name) = path.rsplit_once('.').unwrap();
        for parent in instances(resource, parent) {
            let members = parent.as_object().unwrap();
            // A choice of types is written with its type behind its name.
            let value = match name.strip_suffix("[x]") {
                Some(name) => members.iter().find(|(member, _)| member.starts_with(name)).map(|(_, value)| value),
                None => members.get(name),
            };
            let Some(value) = value else {
                if element.min > 0 {
                    found.push(format!("{path} is missing"));
                }
                continue;
            };
            if value.is_array() == element.single || value.as_array().is_some_and(Vec::is_empty) {
                found.push(format!("{path} is there as often as it may not be"));
            }
            for value in each(value) {
                if let Some(reference) = value.get("reference").and_then(Value::as_str)
                    && !element.targets.is_empty()
                    && !element.targets.iter().any(|target| reference.starts_with(&format!("{target}/")))
                    && !element.targets.contains(&"Resource".to_owned())
                {
                    found.push(format!("{path} refers to {reference}"));
                }
                let Some(codes) = element.value_set.as_ref().and_then(|set| CODES.get(set)) else {
                    continue;
                };
                let has = |system: Option<&str>, code: &str| {
                    codes
                        .iter()
                        .any(|(known, codes)| system.is_none_or(|system| system == known) && codes.contains(code))
                };
                let is_in = match value.as_str() {
                    Some(code) => has(None, code),
                    None => each(value.get("coding").unwrap_or(value))
                        .iter()
                        .any(|coding| has(coding["system"].as_str(), coding["code"].as_str().unwrap_or_default())),
                };
                if !is_in {
                    found.push(format!("{path} has another code"));
                }
            }
        }
    }
    found
}

fn each(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |list| list.iter().collect())
}

fn instances<'v>(resource: &'v Value, path: &str) -> Vec<&'v Value> {
    path.split('.').skip(1).fold(vec![resource], |parents, name| {
        let values = parents.into_iter().filter_map(|parent| parent.get(name));
        values.flat_map(each).collect()
    })
}

fn node(value: &Value) -> Node {
    serde_json::from_str(&value.to_string()).unwrap()
}

fn exported(id: &str, kind: &str, content: &Value) -> Exported {
    Exported {
        id: id.to_owned(),
        kind: Kind::named(kind).unwrap(),
        encounter: None,
        content: node(content),
    }
}

/// The example of `identity`, which has every field.
fn client() -> Exported {
    let (_, example) = include_str!("../../../functions/identity/README.md")
        .split_once("```json\n")
        .unwrap();
    exported("cli_1", "client", &read(example.split_once("```").unwrap().0))
}

/// One of each kind, with every field that it can have.
fn one_of_each() -> Vec<(&'static str, Value)> {
    let concept = json!({"coding": [{"system": "http://snomed.info/sct", "code": "35489007", "display": "Depressive disorder"}], "text": "Depression"});
    let quantity = json!({"value": "7.0", "comparator": "<", "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"});
    let service = json!({"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "90834"}], "text": "Session, 45 minutes"});
    let reasons = json!([{"record": "rec_1", "concept": {"text": "Depression"}}, {"record": "rec_1"}, {"concept": concept}]);
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
        ("diagnosis", json!({"code": concept, "clinical_status": "resolved", "verification_status": "confirmed", "categories": [concept],
            "severity": concept, "onset": "2018-09", "abatement": "2019", "recorded": "2018-09-17T15:29:24+00:00", "note": "Twice."})),
        ("encounter", json!({"status": "finished", "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR"},
            "types": [concept], "period": period, "reasons": reasons, "participants": ["June Kassulke"], "provider": "Practice", "discharge": concept})),
        ("medication", medication("order")),
        ("medication", medication("")),
        ("observation", json!({"code": concept, "status": "final", "categories": [concept], "effective": "2026-01-02",
            "issued": "2026-01-02T08:00:00.181Z", "value": {"quantity": quantity},
            "components": [{"code": concept, "value": {"quantity": quantity}}, {"code": concept, "value": {"text": "Clear"}}], "note": "Fasting."})),
        ("observation", json!({"code": concept, "status": "amended", "effective": "2026", "value": {"concept": concept}})),
        ("observation", json!({"code": concept, "status": "final", "effective": "2026", "value": {"text": "Clear"}})),
        ("procedure", json!({"code": concept, "status": "completed", "performed": period, "performer": "June Kassulke", "reasons": reasons, "note": "Well borne."})),
        ("immunization", json!({"vaccine": concept, "status": "completed", "occurrence": "2020-10-01", "primary_source": true, "note": "Left arm."})),
        ("diagnostic_report", json!({"code": concept, "status": "final", "categories": [concept], "effective": "2026-01-02",
            "issued": "2026-01-02T08:00:00Z", "results": [{"record": "rec_5", "display": "HbA1c"}, {"display": "Other"}], "conclusion": "Normal."})),
        ("treatment_plan", json!({"status": "active", "period": {"start": "2026-01-02"}, "review_on": "2026-04-01", "categories": [concept],
            "problems": [{"description": "Depression", "diagnosis": "rec_1"}, {"description": "Sleep"}],
            "goals": [{"description": "Sleeps through", "status": "active", "achievement": "improving", "measure": "Nights a week", "target_date": "2026-06-01",
                "objectives": ["Bed by eleven", "No screens"], "interventions": ["CBT-I"]}, {"description": "Walks", "status": "proposed"}],
            "activities": [{"code": concept, "status": "in-progress"}]})),
        ("assessment", answers("PHQ-9", 9)),
        ("assessment", answers("gad-7", 7)),
        ("assessment", answers("PCL-5", 20)),
        ("assessment", json!({"instrument": "BDI-II", "administered_at": "2026-01-02T08:00:00Z", "scores": [{"scale": "total", "score": 14}, {"scale": "change", "score": -3}], "summary": "Mild."})),
        ("progress_note", json!({"session_at": "2026-01-02T08:00:00Z", "text": "Slept better.\nZoë walks."})),
        ("claim", json!({"identifiers": [{"system": "https://insurer.example/claims", "value": "1"}], "status": "active", "type": concept, "use": "claim",
            "billable_period": period, "created": "2026-01-03", "provider": "Practice", "priority": concept,
            "insurance": [{"sequence": 1, "focal": true, "coverage": "Mutual"}],
            "items": [{"sequence": 1, "service": service, "serviced": period, "quantity": "2", "unit_price": usd, "net": usd}], "total": usd})),
        ("explanation_of_benefit", json!({"identifiers": [{"system": "https://insurer.example/eob", "value": "2"}], "status": "active", "type": concept, "use": "claim",
            "billable_period": period, "created": "2026-01-03", "insurer": "Mutual", "provider": "Practice", "claim": "rec_17", "outcome": "complete",
            "disposition": "Paid", "insurance": [{"focal": true, "coverage": "Mutual"}],
            "items": [{"sequence": 1, "service": service, "category": concept, "serviced": period, "location": concept, "quantity": "2", "unit_price": usd, "net": usd,
                "adjudications": [{"category": concept, "reason": concept, "amount": exact}]}],
            "totals": [{"category": concept, "amount": usd}], "payment": {"amount": exact, "date": "2026-02-01"}})),
    ]
}

fn all() -> Vec<Exported> {
    let kinds = one_of_each().into_iter();
    kinds
        .zip(1..)
        .map(|((kind, content), number)| {
            let mut part = exported(&format!("rec_{number}"), kind, &content);
            part.encounter = part.kind.is_record().then(|| "rec_2".to_owned()).filter(|_| kind != "encounter");
            part
        })
        .collect()
}

#[test]
fn whatever_is_exported_is_r4() {
    let export = Export::of(client(), all(), "https://practice.example/fhir/");
    assert_eq!(export.not_exported, Vec::<String>::new());
    let left: Vec<_> = export.report.lines().map(|line| format!("{} {}", line.of, line.path)).collect();
    // What FHIR has no place for, and the guardian's tie to her own account, which has one.
    assert_eq!(left, ["client content.preferences.channels", "client content.preferences.pet_at_session"]);
    let bundle = serde_json::to_value(&export.bundle).unwrap();
    let resources: Vec<&Value> = each(&bundle["entry"]).iter().map(|entry| &entry["resource"]).collect();
    assert_eq!(resources.len(), 1 + 1 + 18 + 2, "the client, a guardian, one of each, two goals");
    for resource in resources {
        assert_eq!(findings(resource), Vec::<String>::new(), "{resource:#}");
    }
}

#[test]
fn all_of_it_comes_in_the_same() {
    let export = Export::of(client(), all(), "https://practice.example/fhir");
    let bundle = fhir::Bundle::parse(&serde_json::to_vec(&export.bundle).unwrap()).unwrap();
    let settings = fhir::Settings { calling_code: None, language: "fr".to_owned() };
    let id = |source: &fhir::Source, _| source.id.rsplit('/').next().unwrap().replacen('-', "_", 1);
    let import = fhir::Import::of(&bundle, &settings, fhir::Handling::Strict, &id).unwrap();
    assert_eq!(import.report.lines().collect::<Vec<_>>(), []);
    for (came, went) in import.parts.iter().zip(all()) {
        assert_eq!((&came.id, came.kind, &came.encounter), (&went.id, went.kind, &went.encounter));
        let (came, went) = [&came.content, &went.content].map(|content| serde_json::to_value(content).unwrap()).into();
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
