//! Bundles as they come: what is carried over, what is not, and that nothing else happens to any value of them.

use std::collections::BTreeMap;

use fhir::{Bundle, Export, Exported, Handling, Import, Kind, Part, Reason, Settings, Source};
use serde_json::{Value, json};
use testkit::PATIENTS;

use crate::published::findings;

const BASE: &str = "https://practice.example/fhir";

pub(crate) fn settings() -> Settings {
    Settings {
        calling_code: Some("1".to_owned()),
        language: "en".to_owned(),
    }
}

/// An owner's id of a source. What was exported has it in its URL.
pub(crate) fn id(source: &Source, kind: Kind) -> String {
    if source.system == BASE {
        return source.id.rsplit('/').next().unwrap().replacen('-', "_", 1);
    }
    let prefix = match kind {
        Kind::Client => "cli",
        Kind::Claim => "clm",
        Kind::ExplanationOfBenefit => "eob",
        _ => "rec",
    };
    format!("{prefix}_{}", source.id.replace([':', '/'], ""))
}

pub(crate) fn import(bytes: &[u8]) -> Import {
    let bundle = Bundle::parse(bytes).unwrap();
    Import::of(&bundle, &settings(), Handling::Lenient, &BTreeMap::new(), &id).unwrap()
}

fn exported(part: &Part) -> Exported {
    Exported {
        id: part.id.clone(),
        kind: part.kind,
        encounter: part.encounter.clone(),
        content: part.content.clone(),
        appends: None,
    }
}

fn export(import: &Import) -> Export {
    let parts = import.parts.iter().map(exported).collect();
    Export::of(exported(&import.client), parts, BASE)
}

/// What the owners keep, without where it came from.
fn kept(import: &Import) -> Vec<(String, Kind, Option<String>, String)> {
    std::iter::once(&import.client)
        .chain(&import.parts)
        .map(|part| {
            let content = serde_json::to_string(&sorted(&serde_json::to_value(&part.content).unwrap())).unwrap();
            (part.id.clone(), part.kind, part.encounter.clone(), content)
        })
        .collect()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<_, _> = members.iter().map(|(name, value)| (name, sorted(value))).collect();
            json!(members)
        }
        Value::Array(list) => list.iter().map(sorted).collect(),
        value => value.clone(),
    }
}

/// Path without positions, and value, of every single value.
fn values(value: &Value, path: &str, into: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                values(value, &format!("{path}.{name}"), into);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for value in list {
                values(value, path, into);
            }
        }
        value => into.push((path.to_owned(), value.to_string())),
    }
}

fn all_values(value: &Value) -> usize {
    let mut all = vec![];
    values(value, "", &mut all);
    all.len()
}

#[test]
fn what_comes_in_goes_out_and_comes_in_the_same() {
    for (name, bundle) in PATIENTS {
        let bytes = bundle.as_bytes();
        let first = import(bytes);
        let export = export(&first);
        assert_eq!(export.not_exported, Vec::<String>::new(), "{name}");
        let second = import(&serde_json::to_vec(&export.bundle).unwrap());
        assert_eq!(kept(&second), kept(&first), "{name}");
        let bundle = serde_json::to_value(&export.bundle).unwrap();
        for entry in bundle["entry"].as_array().unwrap() {
            assert_eq!(findings(&entry["resource"]), Vec::<String>::new(), "{name} {entry:#}");
        }
        // What has no form in FHIR is how she may be reached, of which an import says nothing.
        let lines: Vec<_> = export.report.lines().map(|line| (line.of, line.path)).collect();
        assert_eq!(
            lines,
            [("client".to_owned(), "content.preferences.channels".to_owned())],
            "{name}"
        );
    }
}

/// Values that come out as another text, because they name something else there: who it is, or what it is written by.
const CONVERTED: [&str; 19] = [
    ".id",
    ".subject.reference",
    ".patient.reference",
    ".encounter.reference",
    ".claim.reference",
    ".goal.reference",
    ".addresses.reference",
    ".result.reference",
    ".reasonReference.reference",
    ".participant.individual.reference",
    ".serviceProvider.reference",
    ".requester.reference",
    ".provider.reference",
    ".telecom.value",
    ".link.other.reference",
    ".context.reference",
    ".relationship.reference",
    ".performer.actor.reference",
    ".informationSource.reference",
];

/// The same number has the same text here, whatever digits it is written with.
fn comparable(value: &str) -> String {
    value
        .parse::<f64>()
        .map_or_else(|_| value.to_owned(), |number| number.to_string())
}

/// Every value of a bundle comes out again under its path, or under its path as what it is here, or is in the report; and no value
/// is in the report that came out. Counted for each type of resource.
#[test]
fn every_value_is_carried_over_or_reported() {
    for (name, bundle) in PATIENTS {
        let bytes = bundle.as_bytes();
        let bundle: Value = serde_json::from_slice(bytes).unwrap();
        let import = import(bytes);
        let export: Value = serde_json::to_value(export(&import).bundle).unwrap();
        let mut out: BTreeMap<String, &Value> = BTreeMap::new();
        for entry in export["entry"].as_array().unwrap() {
            out.insert(entry["resource"]["id"].as_str().unwrap().to_owned(), &entry["resource"]);
        }
        let by_source: BTreeMap<&str, &str> = std::iter::once(&import.client)
            .chain(&import.parts)
            .map(|part| (part.source.id.as_str(), part.id.as_str()))
            .collect();
        let goals: Vec<&Value> = out
            .values()
            .filter(|resource| resource["resourceType"] == "Goal")
            .copied()
            .collect();
        let mut not_out: BTreeMap<String, usize> = BTreeMap::new();
        let mut around = 0;
        for entry in bundle["entry"].as_array().unwrap() {
            let resource = &entry["resource"];
            let kind = resource["resourceType"].as_str().unwrap();
            let twin = by_source
                .get(entry["fullUrl"].as_str().unwrap())
                .map(|id| out[&id.replace('_', "-")])
                .or_else(|| {
                    let mut goals = goals
                        .iter()
                        .filter(|goal| goal["description"] == resource["description"]);
                    goals.next().copied().filter(|_| kind == "Goal")
                });
            let mut there = vec![];
            if let Some(twin) = twin {
                values(twin, "", &mut there);
            }
            let mut there: Vec<_> = there
                .into_iter()
                .map(|(path, value)| (path, comparable(&value)))
                .collect();
            let mut came = vec![];
            values(resource, "", &mut came);
            for (path, value) in came {
                let value = (path, comparable(&value));
                if let Some(position) = there.iter().position(|other| *other == value) {
                    there.swap_remove(position);
                } else if twin.is_none() || !CONVERTED.contains(&value.0.as_str()) {
                    *not_out.entry(kind.to_owned()).or_default() += 1;
                } else {
                    // Who is not imported is named by a reference that comes in, and by a name that goes out.
                    let named = value.0.strip_suffix(".reference").map(|path| format!("{path}.display"));
                    let place = |path: Option<&String>| there.iter().position(|(other, _)| Some(other) == path);
                    let position = place(Some(&value.0)).or_else(|| place(named.as_ref()));
                    if let Some(position) = position {
                        there.swap_remove(position);
                    } else {
                        *not_out.entry(kind.to_owned()).or_default() += 1;
                    }
                }
            }
            around += all_values(entry) - all_values(resource) - 1;
        }
        not_out.insert("Bundle".to_owned(), around);
        let mut reported: BTreeMap<String, usize> = BTreeMap::new();
        for line in import.report.lines() {
            *reported.entry(line.of).or_default() += line.values;
        }
        not_out.retain(|_, count| *count > 0);
        assert_eq!(reported, not_out, "{name}");
    }
}

/// How much of each patient there is, and what becomes of it.
#[test]
fn the_four_patients_are_imported() {
    let mut found = vec![];
    for (name, bundle) in PATIENTS {
        let bytes = bundle.as_bytes();
        let import = import(bytes);
        let all = all_values(&serde_json::from_slice(bytes).unwrap());
        let lost: Vec<_> = import
            .not_imported
            .iter()
            .map(|one| one.resource_type.clone())
            .collect();
        found.push((name, import.parts.len(), all, import.report.values(), lost));
    }
    if found.is_empty() {
        return;
    }
    // A plan with neither goals nor activities is none that `records` keeps.
    assert_eq!(
        found,
        [
            ("Clemente", 67, 2155, 480, vec![]),
            ("Laurie", 145, 5495, 1233, vec![]),
            ("Liz", 70, 2490, 592, vec![]),
            ("Milan", 211, 6841, 1496, vec!["CarePlan".to_owned()]),
        ]
    );
}

pub(crate) fn small(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Patient", "id": "1", "name": [{"family": "Okafor"}], "birthDate": "1987-03-21"}},
        {"fullUrl": "urn:uuid:2", "resource": {"resourceType": "Encounter", "id": "2", "status": "finished", "subject": {"reference": "Patient/1"},
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}, "period": {"start": "2026"}}},
        {"fullUrl": "urn:uuid:3", "resource": {"resourceType": "Observation", "id": "3", "status": "final", "subject": {"reference": "urn:uuid:1"},
            "encounter": {"reference": "urn:uuid:2"}, "code": {"text": "Weight"}, "effectiveDateTime": "2026",
            "valueQuantity": {"value": 7.0, "unit": "kg"}}},
        {"fullUrl": "urn:uuid:4", "resource": {"resourceType": "CarePlan", "id": "4", "status": "active", "intent": "plan", "subject": {"reference": "urn:uuid:1"},
            "period": {"start": "2026"}, "goal": [{"reference": "urn:uuid:5"}]}},
        {"fullUrl": "urn:uuid:5", "resource": {"resourceType": "Goal", "id": "5", "lifecycleStatus": "active", "subject": {"reference": "urn:uuid:1"}, "description": {"text": "Sleep"}}},
    ]});
    change(&mut bundle);
    serde_json::to_vec(&bundle).unwrap()
}

#[test]
fn a_bundle_that_is_none_is_refused_with_all_that_is_wrong_with_it() {
    assert!(Bundle::parse(&small(|_| {})).is_ok());
    let deep = format!("{}{}", "[".repeat(33), "]".repeat(33)).into_bytes();
    let twice = br#"{"resourceType":"Bundle","resourceType":"Bundle","type":"transaction","entry":[]}"#.to_vec();
    for (bytes, fields) in [
        (b"{".to_vec(), vec![""]),
        (deep, vec![""]),
        (twice, vec![""]),
        (vec![b' '; 8 * 1024 * 1024 + 1], vec![""]),
        (
            small(|bundle| bundle["resourceType"] = json!("Patient")),
            vec!["/resourceType"],
        ),
        (small(|bundle| bundle["type"] = json!("history")), vec!["/type"]),
        (
            small(|bundle| bundle["implicitRules"] = json!("https://example.org/rules")),
            vec!["/implicitRules"],
        ),
        (
            small(|bundle| bundle["meta"] = json!({"security": [{"system": CONFIDENTIALITY, "code": "R"}]})),
            vec!["/meta/security"],
        ),
        (small(|bundle| bundle["entry"] = json!({})), vec!["/entry"]),
        (
            small(|bundle| bundle["entry"] = json!(vec![bundle["entry"][0].clone(); 5001])),
            vec!["/entry"],
        ),
        (small(|bundle| bundle["entry"] = json!([])), vec!["/entry"]),
        (
            small(|bundle| {
                bundle["entry"][1]["fullUrl"] = json!("urn:uuid:1");
                bundle["entry"][2]["fullUrl"] = json!("2");
                bundle["entry"][3]["resource"] = json!({});
                bundle["entry"][4]["resource"]["resourceType"] = json!("Patient");
            }),
            vec![
                "/entry/1/fullUrl",
                "/entry/2/fullUrl",
                "/entry/3/resource/resourceType",
                "/entry",
            ],
        ),
    ] {
        let invalid = Bundle::parse(&bytes).unwrap_err();
        let found: Vec<_> = invalid.problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(found, fields);
    }
}

/// What is refused when all is wanted, and left out when not: a resource that says less than its owner needs, or something that
/// changes what all of it means.
#[test]
fn a_resource_is_imported_whole_enough_or_not_at_all() {
    for (entry, pointer, value, field) in [
        (2, "/status", json!("guessed"), "/entry/2/resource/status"),
        (2, "/code", json!({"coding": [{"code": "1"}]}), "/entry/2/resource/code"),
        (
            2,
            "/subject",
            json!({"reference": "urn:uuid:2"}),
            "/entry/2/resource/subject/reference",
        ),
        (
            2,
            "/subject",
            json!({"reference": "urn:uuid:9"}),
            "/entry/2/resource/subject/reference",
        ),
        (
            2,
            "/implicitRules",
            json!("https://example.org/rules"),
            "/entry/2/resource/implicitRules",
        ),
        (
            2,
            "/modifierExtension",
            json!([{"url": "https://example.org/not", "valueBoolean": true}]),
            "/entry/2/resource/modifierExtension",
        ),
        (
            2,
            "/valueQuantity/comparator",
            json!("ad"),
            "/entry/2/resource/valueQuantity",
        ),
        (2, "/valueBoolean", json!(true), "/entry/2/resource/valueBoolean"),
        (
            3,
            "/goal",
            json!([{"reference": "urn:uuid:9"}]),
            "/entry/3/resource/activity",
        ),
    ] {
        let bytes = small(|bundle| {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            bundle["entry"][entry]["resource"].pointer_mut(parent).unwrap()[name] = value;
        });
        let bundle = Bundle::parse(&bytes).unwrap();
        let refused = Import::of(&bundle, &settings(), Handling::Strict, &BTreeMap::new(), &id).unwrap_err();
        assert_eq!(refused.resources[0].problems[0].field, field);
        let import = Import::of(&bundle, &settings(), Handling::Lenient, &BTreeMap::new(), &id).unwrap();
        assert_eq!(import.not_imported, refused.resources, "{pointer}");
        assert_eq!(import.parts.len(), 2, "{pointer}");
    }
    // A part of a measurement with a value that nobody here knows is left out, and not only its value.
    let part =
        json!([{"code": {"text": "Known"}, "valueString": "yes"}, {"code": {"text": "Unknown"}, "valueBoolean": true}]);
    let import = import(&small(|bundle| bundle["entry"][2]["resource"]["component"] = part));
    let components = serde_json::to_value(&import.parts[1].content).unwrap()["components"].clone();
    assert_eq!(
        components,
        json!([{"code": {"text": "Known"}, "value": {"text": "yes"}}])
    );
    // Without her, or with another in her place, there is nobody whose the others are.
    for (name, value) in [
        ("birthDate", json!("1987")),
        ("active", json!(false)),
        (
            "link",
            json!([{"type": "seealso"}, {"type": "replaced-by", "other": {"reference": "Patient/2"}}]),
        ),
        ("link", json!([{"other": {"reference": "Patient/2"}}])),
    ] {
        let bundle = Bundle::parse(&small(|bundle| bundle["entry"][0]["resource"][name] = value)).unwrap();
        assert!(
            Import::of(&bundle, &settings(), Handling::Lenient, &BTreeMap::new(), &id).is_err(),
            "{name}"
        );
    }
}

const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";

/// What is labelled as one that must be kept otherwise becomes no ordinary record, whatever it is, and is referred to and named by none.
#[test]
fn what_is_labelled_is_not_imported() {
    const ACT: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
    let label = |system: &str, code: &str| json!({"system": system, "code": code});
    for (meta, is_imported) in [
        (json!({"security": [label(ACT, "ETH")]}), false),
        (json!({"security": [label(ACT, "42CFRPart2")]}), false),
        (json!({"security": [label(ACT, "PSYTHPN")]}), false),
        (json!({"security": [label(CONFIDENTIALITY, "R")]}), false),
        (json!({"security": [label(CONFIDENTIALITY, "V")]}), false),
        (
            json!({"security": [label(CONFIDENTIALITY, "N"), label(ACT, "ETH")]}),
            false,
        ),
        (json!({"security": [label("https://example.org", "N")]}), false),
        (json!({"security": [{"code": "N"}]}), false),
        (json!({"security": [Value::Null]}), false),
        (json!({"security": label(CONFIDENTIALITY, "N")}), false),
        (json!([{"security": [label(ACT, "ETH")]}]), false),
        (json!({"security": [label(CONFIDENTIALITY, "N")]}), true),
        (
            json!({"security": [label(CONFIDENTIALITY, "U"), label(CONFIDENTIALITY, "L"), label(CONFIDENTIALITY, "M")]}),
            true,
        ),
        (json!({"security": [], "versionId": "1"}), true),
    ] {
        for (position, parts) in [(0, 0), (1, 2), (2, 2), (3, 2), (4, 2)] {
            let bytes = small(|bundle| bundle["entry"][position]["resource"]["meta"] = meta.clone());
            let bundle = Bundle::parse(&bytes).unwrap();
            let strict = Import::of(&bundle, &settings(), Handling::Strict, &BTreeMap::new(), &id);
            if is_imported {
                let transport = |line: fhir::Line| line.reason == Reason::Transport && line.path == "meta";
                assert!(strict.unwrap().report.lines().any(transport), "{meta}");
                continue;
            }
            let refused = strict.unwrap_err().resources;
            let mut problems = refused.iter().flat_map(|resource| &resource.problems);
            let pointer = format!("/entry/{position}/resource/meta/security");
            let problem = problems.find(|problem| problem.field == pointer).unwrap();
            assert!(problem.detail.starts_with("must have no label but"));
            // A plan without its goal is none, and nobody is told of without her.
            let lenient = Import::of(&bundle, &settings(), Handling::Lenient, &BTreeMap::new(), &id);
            assert_eq!(lenient.map_or(0, |import| import.parts.len()), parts, "{meta}");
        }
    }
    let labelled = json!({"security": [label(ACT, "ETH")]});
    for display in [None, Some("Methadone clinic")] {
        for reference in ["urn:uuid:6", "Organization/6", "Organization/6/_history/2", "#own"] {
            let provider = json!({"reference": reference, "display": display});
            let imported = import(&small(|bundle| {
                let entries = bundle["entry"].as_array_mut().unwrap();
                let organization = |id: &str| json!({"resourceType": "Organization", "id": id, "name": "Methadone clinic", "meta": labelled});
                entries[1]["resource"]["contained"] = json!([organization("own")]);
                entries[1]["resource"]["serviceProvider"] = provider;
                entries.push(json!({"fullUrl": "urn:uuid:6", "resource": organization("6")}));
            }));
            let content = serde_json::to_value(&imported.parts[0].content).unwrap();
            assert_eq!(content.get("provider"), None, "{reference} {display:?}");
            let lines: Vec<_> = imported.report.lines().map(|line| line.path).collect();
            assert!(lines.contains(&"serviceProvider.reference".to_owned()));
            assert_eq!(
                lines.contains(&"serviceProvider.display".to_owned()),
                display.is_some(),
                "{reference}"
            );
        }
    }
    // A result is named as well, and what pays for a claim.
    let withheld = json!({"reference": "urn:uuid:6", "display": "Methadone"});
    let imported = import(&small(|bundle| {
        let entries = bundle["entry"].as_array_mut().unwrap();
        entries[2]["resource"] = json!({"resourceType": "DiagnosticReport", "id": "3", "status": "final", "subject": {"reference": "urn:uuid:1"},
            "code": {"text": "Panel"}, "effectiveDateTime": "2026", "result": [withheld, {"display": "Sodium"}]});
        entries.push(json!({"fullUrl": "urn:uuid:6", "resource": {"resourceType": "Observation", "meta": labelled}}));
        entries.push(json!({"fullUrl": "urn:uuid:7", "resource": {"resourceType": "Claim", "status": "active", "use": "claim",
            "patient": {"reference": "urn:uuid:1"}, "type": {"text": "professional"}, "created": "2026", "provider": {"display": "Practice"},
            "priority": {"text": "normal"}, "insurance": [{"sequence": 1, "focal": true, "coverage": withheld},
                {"sequence": 2, "focal": false, "coverage": {"reference": "urn:uuid:8", "display": "Mutual"}}]}}));
    }));
    let contents = serde_json::to_string(&imported.parts).unwrap();
    assert!(!contents.contains("Methadone"));
    assert!(contents.contains("Sodium") && contents.contains("Mutual"));
}

/// A record refers to no record that there is not.
#[test]
fn what_is_lost_is_referred_to_by_nothing() {
    let bytes = small(|bundle| drop(bundle["entry"][1]["resource"].as_object_mut().unwrap().remove("class")));
    let import = import(&bytes);
    assert_eq!(import.parts[0].encounter, None);
    let lines: Vec<_> = import
        .report
        .lines()
        .map(|line| (line.of, line.path, line.reason))
        .collect();
    assert!(lines.contains(&(
        "Observation".to_owned(),
        "encounter.reference".to_owned(),
        Reason::Unrepresentable
    )));
}

/// A bundle can't become many times its size: by a name that everybody refers to, or a goal of many plans.
#[test]
fn nothing_is_repeated_without_bound() {
    let bytes = small(|bundle| {
        let entries = bundle["entry"].as_array_mut().unwrap();
        entries[1]["resource"]["serviceProvider"] = json!({"reference": "urn:uuid:6"});
        entries.push(
            json!({"fullUrl": "urn:uuid:6", "resource": {"resourceType": "Organization", "name": "x".repeat(501)}}),
        );
        let mut plan = entries[3].clone();
        plan["fullUrl"] = json!("urn:uuid:7");
        plan["resource"]["activity"] = json!([{"detail": {"status": "in-progress", "code": {"text": "CBT"}}}]);
        entries.push(plan);
    });
    let import = import(&bytes);
    let contents: Vec<Value> = import
        .parts
        .iter()
        .map(|part| serde_json::to_value(&part.content).unwrap())
        .collect();
    assert_eq!(contents[0].get("provider"), None);
    assert_eq!(
        (contents[2]["goals"].as_array().unwrap().len(), contents[3].get("goals")),
        (1, None)
    );
    let lines: Vec<_> = import
        .report
        .lines()
        .map(|line| format!("{} {}", line.of, line.path))
        .collect();
    for line in ["Encounter serviceProvider.reference", "CarePlan goal.reference"] {
        assert!(lines.contains(&line.to_owned()), "{lines:?}");
    }
}

/// However many refer to somebody.
#[test]
fn names_are_repeated_until_they_are_a_bundle_themselves() {
    let import = import(&small(|bundle| {
        let entries = bundle["entry"].as_array_mut().unwrap();
        entries[1]["resource"]["participant"] = json!(vec![json!({"individual": {"reference": "urn:uuid:6"}}); 20_000]);
        entries.push(json!({"fullUrl": "urn:uuid:6", "resource": {"resourceType": "Practitioner", "name": [{"text": "x".repeat(500)}]}}));
    }));
    let content = serde_json::to_value(&import.parts[0].content).unwrap();
    let named = content["participants"].as_array().unwrap().len();
    assert_eq!(named, 8 * 1024 * 1024 / 500);
    let line = import.report.lines().find(|line| line.of == "Encounter").unwrap();
    assert_eq!(
        (line.path.as_str(), line.values),
        ("participant.individual.reference", 20_000 - named)
    );
}

/// Numbers stay as they are written.
#[test]
fn a_decimal_keeps_its_digits() {
    let bytes = small(|_| {});
    let written = String::from_utf8(bytes).unwrap().replace("7.0", "7.00");
    let import = import(written.as_bytes());
    let content = serde_json::to_value(&import.parts[1].content).unwrap();
    assert_eq!(content["value"]["quantity"]["value"], "7.00");
    let export = serde_json::to_string(&export(&import).bundle).unwrap();
    assert!(export.contains(r#""value":7.00"#));
}

#[test]
fn nothing_of_a_psychotherapy_note_can_be_written() {
    assert_eq!(Kind::named("psychotherapy_note"), None);
    assert_eq!(Kind::named("progress_note"), Some(Kind::ProgressNote));
}

#[test]
fn nothing_prints_what_it_holds() {
    let bytes = small(|_| {});
    let bundle = Bundle::parse(&bytes).unwrap();
    let import = import(&bytes);
    let printed = format!("{bundle:?} {import:?} {:?}", export(&import));
    for secret in ["Okafor", "1987", "Weight", "Sleep"] {
        assert!(!printed.contains(secret), "{secret}");
    }
}
