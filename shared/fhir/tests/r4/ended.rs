//! What has ended does not come in as what holds.

use std::collections::BTreeMap;

use fhir::{Bundle, Handling, Import, Reason};
use serde_json::{Value, json};

use crate::bundles::{id, import, settings, small};

fn patient(name: &str, value: &Value) -> (Value, Vec<(String, Reason, usize)>) {
    let import = import(&small(|bundle| bundle["entry"][0]["resource"][name] = value.clone()));
    let lines = import.report.lines().filter(|line| line.of == "Patient");
    let lines = lines.map(|line| (line.path, line.reason, line.values)).collect();
    (serde_json::to_value(&import.client.content).unwrap(), lines)
}

fn of(path: &str, reason: Reason, values: usize) -> (String, Reason, usize) {
    (path.to_owned(), reason, values)
}

fn role(code: &str) -> Value {
    json!([{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": code}]}])
}

/// Whoever was her guardian is none, and nobody is called on what may be somebody else's number by now. It keeps nothing else out.
#[test]
fn a_related_person_who_is_not_one_any_more_is_no_guardian() {
    let modifier = json!([{"url": "https://example.org/not", "valueBoolean": true}]);
    let restricted =
        json!({"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]});
    for (said, kept, refused) in [
        (json!({"active": false}), 0, ""),
        (json!({"active": "no"}), 0, ""),
        (json!({"period": {"start": "2010", "end": "2020-01-31"}}), 0, ""),
        (json!({"period": {"end": "2999"}}), 0, ""),
        (json!({"active": false, "period": {"end": "2020"}, "name": []}), 0, ""),
        (json!({"name": [{"text": "x".repeat(201)}]}), 0, ""),
        (json!({"name": null}), 0, ""),
        (json!({"relationship": role("AUNT")}), 0, ""),
        (json!({"relationship": null}), 0, ""),
        (json!({"active": true, "period": {"start": "2010"}}), 1, ""),
        (json!({"modifierExtension": modifier}), 0, "modifierExtension"),
        (
            json!({"active": false, "modifierExtension": modifier}),
            0,
            "modifierExtension",
        ),
        (
            json!({"implicitRules": "https://example.org/rules"}),
            0,
            "implicitRules",
        ),
        (json!({"meta": restricted}), 0, "meta/security"),
        (json!({"patient": {"reference": "urn:uuid:2"}}), 0, "patient/reference"),
    ] {
        let mut guardian = json!({"resourceType": "RelatedPerson", "id": "6", "patient": {"reference": "urn:uuid:1"},
            "relationship": role("GUARD"), "name": [{"text": "Ola Okafor"}], "telecom": [{"system": "phone", "value": "617-555-0100"}]});
        let members = guardian.as_object_mut().unwrap();
        members.extend(said.as_object().unwrap().clone());
        members.retain(|_, value| !value.is_null());
        let bytes = small(|bundle| {
            let entries = bundle["entry"].as_array_mut().unwrap();
            entries.push(json!({"fullUrl": "urn:uuid:6", "resource": guardian}));
        });
        let bundle = Bundle::parse(&bytes).unwrap();
        let strict = Import::of(&bundle, &settings(), Handling::Strict, &BTreeMap::new(), &id);
        let lenient = import(&bytes);
        let guardians = serde_json::to_value(&lenient.client.content).unwrap()["guardians"].clone();
        assert_eq!(guardians.as_array().map_or(0, Vec::len), kept, "{said}");
        let reasons: Vec<_> = lenient
            .report
            .lines()
            .filter(|line| line.of == "RelatedPerson" && line.path.is_empty())
            .map(|line| line.reason)
            .collect();
        if refused.is_empty() {
            let strict = strict.unwrap();
            assert!(lenient.not_imported.is_empty());
            assert_eq!((strict.parts, strict.report), (lenient.parts, lenient.report), "{said}");
            assert_eq!(reasons, vec![Reason::Unrepresentable; 1 - kept], "{said}");
        } else {
            let problems = &strict.unwrap_err().resources[0].problems;
            let pointers: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
            assert!(
                pointers.contains(&format!("/entry/5/resource/{refused}").as_str()),
                "{said}"
            );
            assert_eq!(lenient.not_imported[0].resource_type, "RelatedPerson");
            assert_eq!(reasons, [Reason::ResourceNotImportable], "{said}");
        }
    }
}

#[test]
fn a_number_that_is_not_hers_any_more_is_left_out() {
    let identifier = |code: &str, more: Value| {
        let mut identifier = json!({"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": code}]},
            "system": "https://insurer.example", "value": "M-1"});
        identifier
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        identifier
    };
    let whole = |more: &[&str]| {
        let mut lines: Vec<_> = ["system", "type.coding.code", "type.coding.system", "value"]
            .iter()
            .chain(more)
            .map(|path| of(&format!("identifier.{path}"), Reason::Unrepresentable, 1))
            .collect();
        lines.sort();
        lines
    };
    for (identifier, is_taken, lines) in [
        (identifier("MB", json!({"use": "old"})), false, whole(&["use"])),
        (identifier("MB", json!({"use": "former"})), false, whole(&["use"])),
        (
            identifier("MB", json!({"period": {"end": "2020-01-31"}})),
            false,
            whole(&["period.end"]),
        ),
        (identifier("MB", json!({"use": "official"})), true, vec![]),
        (
            identifier("MB", json!({"use": "secondary", "period": {"start": "2020"}})),
            true,
            vec![
                of("identifier.period.start", Reason::NoHome, 1),
                of("identifier.use", Reason::Unrepresentable, 1),
            ],
        ),
        // Of another type, it is not kept, whether it has ended or not.
        (
            identifier("SS", json!({"use": "old"})),
            false,
            vec![of("identifier", Reason::NotKept, 5)],
        ),
    ] {
        let (client, said) = patient("identifier", &json!([identifier]));
        assert_eq!(client.get("identifiers").is_some(), is_taken, "{identifier}");
        assert_eq!(said, lines, "{identifier}");
    }
}

#[test]
fn nobody_is_reached_where_she_was() {
    let telecom = |value: &str| json!({"system": "phone", "value": value, "use": "mobile"});
    let mut former = telecom("617-555-0100");
    former["period"] = json!({"start": "2001", "end": "2020-01-31"});
    let (client, lines) = patient("telecom", &json!([former, telecom("617-555-0111")]));
    assert_eq!(client["telecoms"].as_array().unwrap().len(), 1);
    assert_eq!(client["telecoms"][0]["value"], "+16175550111");
    assert_eq!(
        lines,
        [
            of("telecom.period.end", Reason::Unrepresentable, 1),
            of("telecom.period.start", Reason::NoHome, 1),
            of("telecom.system", Reason::Unrepresentable, 1),
            of("telecom.use", Reason::Unrepresentable, 1),
            of("telecom.value", Reason::Unrepresentable, 1),
        ]
    );

    let contact = json!({"name": {"text": "Ada"}, "relationship": role("SPS"), "telecom": [telecom("617-555-0100")],
        "period": {"end": "2020-01-31"}});
    let (client, lines) = patient("contact", &json!([contact]));
    assert_eq!(client.get("emergency_contacts"), None);
    assert!(lines.contains(&of("contact.period.end", Reason::Unrepresentable, 1)));

    // An address says here when it ended. An end that is no day is no reason to take it for one that holds.
    let address = |end: &str| json!([{"city": "Boston", "country": "US", "period": {"start": "2001", "end": end}}]);
    let (client, lines) = patient("address", &address("2020-01-31"));
    assert_eq!(client["addresses"][0]["period"], json!({"end": "2020-01-31"}));
    assert_eq!(lines, [of("address.period.start", Reason::Unrepresentable, 1)]);
    let (client, lines) = patient("address", &address("2020"));
    assert_eq!(client.get("addresses"), None);
    assert!(lines.contains(&of("address.period.end", Reason::Unrepresentable, 1)));
}

/// She is called by a name that she has, whatever is said of those that she had.
#[test]
fn she_is_called_by_the_name_that_she_has() {
    let ended = json!({"end": "2015-06-01"});
    for (names, name, left) in [
        (
            json!([{"use": "official", "family": "Adeyemi", "period": ended}, {"use": "official", "family": "Okafor"}]),
            json!({"family": "Okafor"}),
            3,
        ),
        (
            json!([{"use": "official", "family": "Adeyemi", "period": ended}, {"family": "Okafor"}]),
            json!({"family": "Okafor"}),
            3,
        ),
        (
            json!([{"family": "Adeyemi", "period": ended}, {"family": "Okafor"}]),
            json!({"family": "Okafor"}),
            2,
        ),
        (
            json!([{"use": "official", "family": "Okafor"}, {"use": "usual", "text": "Max", "period": ended}]),
            json!({"family": "Okafor"}),
            3,
        ),
        (
            json!([{"use": "official", "family": "Okafor"}, {"use": "usual", "text": "Max", "period": ended}, {"use": "usual", "text": "Mia"}]),
            json!({"family": "Okafor", "preferred": "Mia"}),
            3,
        ),
    ] {
        let (client, lines) = patient("name", &names);
        assert_eq!(client["name"], name, "{names}");
        assert!(lines.iter().all(|(_, reason, _)| *reason == Reason::Unrepresentable));
        assert_eq!(
            lines.iter().map(|(_, _, values)| values).sum::<usize>(),
            left,
            "{names}"
        );
    }
    // Where there is none that has not ended, she is still called by one, and the end is reported.
    for name in [
        json!({"family": "Adeyemi", "period": {"end": "9999-12-31"}}),
        json!({"use": "official", "family": "Adeyemi", "period": ended}),
    ] {
        let (client, lines) = patient("name", &json!([name]));
        assert_eq!(client["name"], json!({"family": "Adeyemi"}), "{name}");
        assert_eq!(lines.iter().map(|(_, _, values)| values).sum::<usize>(), 1, "{name}");
    }
}
