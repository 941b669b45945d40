//! Plans and the goals that they share.

use std::collections::BTreeMap;

use fhir::{Bundle, Handling, Import, Kind};
use serde_json::{Value, json};

use crate::bundles::{id, import, settings, small};

fn plans(import: &Import) -> Vec<Value> {
    let plans = import.parts.iter().filter(|part| part.kind == Kind::TreatmentPlan);
    plans.map(|plan| serde_json::to_value(&plan.content).unwrap()).collect()
}

/// How many values of a path are reported.
fn reported(import: &Import, of: &str, path: &str) -> usize {
    let lines = import.report.lines().filter(|line| line.of == of && line.path == path);
    lines.map(|line| line.values).sum()
}

/// A note is the day of the review where it alone says one; whatever else notes say is reported.
#[test]
fn a_note_that_is_no_single_day_stays() {
    for (notes, day, left) in [
        (vec!["Review on: 2027-01-31"], Some("2027-01-31"), 0),
        (vec!["Review on: after the summer break"], None, 1),
        (vec!["Review on: 2027-01"], None, 1),
        (vec!["Review on: 2027-01-31", "Review on: 2027-02-28"], None, 2),
        (
            vec![
                "Bring the diary.",
                "Review on: when she is back",
                "Review on: 2027-01-31",
            ],
            Some("2027-01-31"),
            2,
        ),
    ] {
        let import = import(&small(|bundle| {
            let notes: Vec<Value> = notes.iter().map(|text| json!({"text": text})).collect();
            bundle["entry"][3]["resource"]["note"] = json!(notes);
        }));
        assert_eq!(plans(&import)[0]["review_on"].as_str(), day, "{notes:?}");
        assert_eq!(reported(&import, "CarePlan", "note.text"), left, "{notes:?}");
    }
}

/// An earlier plan of the same goal, which can't be imported, in front of it.
fn with_an_earlier_plan(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    small(|bundle| {
        let mut earlier = bundle["entry"][3].clone();
        earlier["fullUrl"] = json!("urn:uuid:0");
        earlier["resource"]["id"] = json!("0");
        earlier["resource"]["status"] = json!("abandoned");
        bundle["entry"].as_array_mut().unwrap().insert(3, earlier);
        change(bundle);
    })
}

#[test]
fn a_goal_is_that_of_the_first_plan_that_is_imported() {
    for activity in [
        Value::Null,
        json!([{"detail": {"status": "in-progress", "code": {"text": "CBT"}}}]),
    ] {
        for goals_first in [false, true] {
            let import = import(&with_an_earlier_plan(|bundle| {
                if !activity.is_null() {
                    bundle["entry"][4]["resource"]["activity"] = activity.clone();
                }
                if goals_first {
                    bundle["entry"].as_array_mut().unwrap()[1..].reverse();
                }
            }));
            let lost: Vec<_> = import.not_imported.iter().map(|one| one.source.id.as_str()).collect();
            assert_eq!(lost, ["urn:uuid:0"]);
            assert_eq!(plans(&import)[0]["goals"][0]["description"], "Sleep");
            assert_eq!(reported(&import, "CarePlan", "goal.reference"), 0);
        }
    }
    // Where no plan of it is imported, it is listed.
    let import = import(&with_an_earlier_plan(|bundle| {
        drop(bundle["entry"].as_array_mut().unwrap().remove(4));
    }));
    let lost: Vec<_> = import.not_imported.iter().map(|one| one.source.id.as_str()).collect();
    assert_eq!(lost, ["urn:uuid:0", "urn:uuid:5"]);
    assert_eq!(reported(&import, "Goal", ""), 5);
}

/// Nobody here knows the rules by which it is to be understood.
#[test]
fn a_goal_with_rules_of_its_own_is_of_no_plan() {
    let bytes = small(|bundle| {
        bundle["entry"][3]["resource"]["activity"] =
            json!([{"detail": {"status": "in-progress", "code": {"text": "CBT"}}}]);
        bundle["entry"][4]["resource"]["implicitRules"] = json!("https://example.org/rules");
    });
    let import = import(&bytes);
    assert_eq!(plans(&import)[0].get("goals"), None);
    assert_eq!(import.not_imported.len(), 1);
    assert_eq!(import.not_imported[0].resource_type, "Goal");
    assert_eq!(reported(&import, "CarePlan", "goal.reference"), 1);
    let bundle = Bundle::parse(&bytes).unwrap();
    let refused = Import::of(&bundle, &settings(), Handling::Strict, &BTreeMap::new(), &id).unwrap_err();
    assert_eq!(
        refused.resources[0].problems[0].field,
        "/entry/4/resource/implicitRules"
    );
}
