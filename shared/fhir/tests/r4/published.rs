//! What goes out, held against what HL7 published for R4: the JSON schema, and of the structure definitions how often an element must and
//! may be there, the codes that it must have, and what it may refer to. See `published`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

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
    LazyLock::new(|| jsonschema::validator_for(&read(include_str!("published/schema.json"))).unwrap());

static ELEMENTS: LazyLock<BTreeMap<String, Element>> =
    LazyLock::new(|| serde_json::from_str(include_str!("published/elements.json")).unwrap());

/// Value set, system, codes.
static CODES: LazyLock<BTreeMap<String, BTreeMap<String, BTreeSet<String>>>> =
    LazyLock::new(|| serde_json::from_str(include_str!("published/codes.json")).unwrap());

pub(crate) fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// What is wrong with a resource.
pub(crate) fn findings(resource: &Value) -> Vec<String> {
    let mut found: Vec<String> = SCHEMA.iter_errors(resource).map(|error| error.to_string()).collect();
    let kind = resource["resourceType"].as_str().unwrap_or_default();
    let own = ELEMENTS.iter().filter(|(path, _)| path.split('.').next() == Some(kind));
    for (path, element) in own {
        let (parent, name) = path.rsplit_once('.').unwrap();
        for parent in instances(resource, parent) {
            let members = parent.as_object().unwrap();
            // A choice of types is written with its type behind its name.
            let value = match name.strip_suffix("[x]") {
                Some(name) => members
                    .iter()
                    .find(|(member, _)| member.starts_with(name))
                    .map(|(_, value)| value),
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
                    && !element
                        .targets
                        .iter()
                        .any(|target| reference.rsplit('/').nth(1) == Some(target))
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

pub(crate) fn each(value: &Value) -> Vec<&Value> {
    value
        .as_array()
        .map_or_else(|| vec![value], |list| list.iter().collect())
}

fn instances<'v>(resource: &'v Value, path: &str) -> Vec<&'v Value> {
    path.split('.').skip(1).fold(vec![resource], |parents, name| {
        let values = parents.into_iter().filter_map(|parent| parent.get(name));
        values.flat_map(each).collect()
    })
}
