//! Bundles as they come: what is carried over, what is not, and that nothing else happens to any value of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use fhir::{Bundle, Export, Exported, Handling, Import, Kind, Part, Reason, Settings, Source};
use serde_json::{Value, json};

const BASE: &str = "https://practice.example/fhir";

const PATIENTS: [&str; 4] = ["Clemente", "Laurie", "Liz", "Milan"];

/// Four patients that Synthea made, beside the workspace where its input lies; nothing where there is none.
fn patients() -> Vec<(&'static str, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/fhir-r4");
    if !folder.exists() {
        eprintln!("skipped: {} is not there", folder.display());
        return vec![];
    }
    let read = |name| (name, std::fs::read(folder.join(format!("{name}.json"))).unwrap());
    PATIENTS.map(read).to_vec()
}

fn settings() -> Settings {
    Settings {
        calling_code: Some("1".to_owned()),
        language: "en".to_owned(),
    }
}

/// An owner's id of a source. What was exported has it in its URL.
fn id(source: &Source, kind: Kind) -> String {
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

fn import(bytes: &[u8]) -> Import {
    let bundle = Bundle::parse(bytes).unwrap();
    Import::of(&bundle, &settings(), Handling::Lenient, &id).unwrap()
}

fn exported(part: &Part) -> Exported {
    Exported {
        id: part.id.clone(),
        kind: part.kind,
        encounter: part.encounter.clone(),
        content: part.content.clone(),
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
    for (name, bytes) in patients() {
        let first = import(&bytes);
        let export = export(&first);
        assert_eq!(export.not_exported, Vec::<String>::new(), "{name}");
        let second = import(&serde_json::to_vec(&export.bundle).unwrap());
        assert_eq!(kept(&second), kept(&first), "{name}");
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
    for (name, bytes) in patients() {
        let bundle: Value = serde_json::from_slice(&bytes).unwrap();
        let import = import(&bytes);
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
            twin.map(|twin| values(twin, "", &mut there));
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
                    let converted = value.0.strip_suffix(".reference").map(|path| format!("{path}.display"));
                    let is_out = |(path, _): &(String, String)| *path == value.0 || Some(path) == converted.as_ref();
                    let position = there.iter().position(is_out);
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
    for (name, bytes) in patients() {
        let import = import(&bytes);
        let all = all_values(&serde_json::from_slice(&bytes).unwrap());
        let not_imported: Vec<_> = import
            .not_imported
            .iter()
            .map(|one| one.resource_type.as_str())
            .collect();
        found.push(format!(
            "{name}: {} parts, {} of {all} values not carried over, {not_imported:?}",
            import.parts.len(),
            import.report.values()
        ));
        let malformed: BTreeSet<_> = import
            .report
            .lines()
            .filter(|line| line.reason == Reason::Unrepresentable)
            .map(|line| format!("{} {}", line.of, line.path))
            .collect();
        println!("{malformed:?}");
    }
    println!("{found:#?}");
}
