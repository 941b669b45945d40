//! How much a bundle may be: what is far above every real one is refused before it takes an instance's memory.

use fhir::{Bundle, Export};
use serde_json::{Map, Value, json};
use testkit::PATIENTS;

use crate::bundles::{import, small};
use crate::exported::{client, exported};

/// The one problem of a bundle.
fn problem(bytes: &[u8]) -> (String, String) {
    let problems = Bundle::parse(bytes).unwrap_err().problems;
    assert_eq!(problems.len(), 1);
    (problems[0].field.clone(), problems[0].detail.clone())
}

fn with_extension(extension: &Value) -> Vec<u8> {
    small(|bundle| bundle["entry"][0]["resource"]["extension"] = extension.clone())
}

fn members(prefix: &str, count: usize) -> Value {
    let members: Map<String, Value> = (0..count).map(|n| (format!("{prefix}{n}"), json!(0))).collect();
    json!(members)
}

#[test]
fn too_many_values_are_refused() {
    let zeros = format!("[{}0]", "0,".repeat(4 * 1024 * 1024 - 2));
    assert!(zeros.len() <= 8 * 1024 * 1024);
    let most = "must have at most 600000 values, arrays and objects".to_owned();
    assert_eq!(problem(zeros.as_bytes()), (String::new(), most.clone()));
    // A list of `n` is `n` and itself.
    let list = |values: usize| format!("[{}0]", "0,".repeat(values - 2)).into_bytes();
    assert_eq!(problem(&list(600_001)).1, most);
    assert_eq!(problem(&list(600_000)).0, "/resourceType");
}

#[test]
fn an_object_has_no_more_members_than_any_of_fhir_could() {
    let detail = "must have at most 256 members in each object".to_owned();
    assert_eq!(problem(&with_extension(&members("m", 257))), (String::new(), detail));
    assert!(Bundle::parse(&with_extension(&members("m", 256))).is_ok());
}

#[test]
fn a_resource_has_as_many_values_as_can_be_copied() {
    let detail = "must have at most 50000 values".to_owned();
    let found = problem(&with_extension(&json!(vec![0; 50_001])));
    assert_eq!(found, ("/entry/0/resource".to_owned(), detail));
    assert!(Bundle::parse(&with_extension(&json!(vec![0; 49_000]))).is_ok());
}

/// Paths are the sender's words, and each is repeated in the report.
#[test]
fn the_report_of_a_bundle_has_an_end() {
    let detail = "must have at most 5000 different paths of elements, of at most 1000 bytes each".to_owned();
    let objects = |count: usize| {
        let objects: Vec<Value> = (0..count).map(|n| members(&format!("m{n}-"), 250)).collect();
        with_extension(&json!(objects))
    };
    assert_eq!(problem(&objects(21)), ("/entry".to_owned(), detail.clone()));
    let import = import(&objects(19));
    assert_eq!(import.report.lines().count(), 19 * 250);

    let deep = |levels: usize| {
        let nested = (0..levels).fold(json!(0), |below, _| json!({"n".repeat(60): below}));
        with_extension(&json!([nested]))
    };
    assert_eq!(problem(&deep(17)), ("/entry".to_owned(), detail));
    assert!(Bundle::parse(&deep(16)).is_ok());
}

/// Ten times what a patient of many years has, in one bundle.
#[test]
fn ten_of_the_largest_patients_are_one_bundle() {
    let Some((_, largest)) = PATIENTS.iter().max_by_key(|(_, bundle)| bundle.len()) else {
        return;
    };
    let bundle: Value = serde_json::from_str(largest).unwrap();
    let mut ten = bundle.clone();
    let entries = ten["entry"].as_array_mut().unwrap();
    for number in 1..10 {
        for entry in bundle["entry"].as_array().unwrap() {
            let mut entry = entry.clone();
            if entry["resource"]["resourceType"] == "Patient" {
                continue;
            }
            entry["fullUrl"] = json!(format!("{}{number}", entry["fullUrl"].as_str().unwrap()));
            entries.push(entry);
        }
    }
    assert!(Bundle::parse(&serde_json::to_vec(&ten).unwrap()).is_ok());
}

/// Nothing that is exported has more values for its size than answers to questionnaires, and none is larger than 7 MiB.
#[test]
fn the_largest_export_is_a_bundle_that_can_be_imported() {
    let content = json!({"instrument": "PCL-5", "administered_at": "2026-01-02T08:00:00Z", "answers": vec![1; 20]});
    let parts = (0..4_730).map(|number| exported(&format!("rec_{number}"), "assessment", &content));
    let export = Export::of(client(), parts.collect(), "https://practice.example/fhir");
    let bytes = serde_json::to_vec(&export.bundle).unwrap();
    assert!(bytes.len() > 7 * 1024 * 1024, "{}", bytes.len());
    assert!(Bundle::parse(&bytes).is_ok());
}
