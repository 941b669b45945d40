//! Identifiers where nobody expects them: in codes, units, systems, ids, references, names of elements, deep in what nobody knows.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use testkit::SeededEntropy;

use super::exports::TODAY;
use crate::elements::{Element, RESOURCES, Rule};
use crate::{Client, Deidentified, Entry, Identifiers};

/// One of each kind of 45 CFR 164.514(b)(2)(i), (A) to (R), with digits of its own: as it may be written.
fn identifying() -> impl Strategy<Value = String> {
    let digits = |length: usize| proptest::string::string_regex(&format!("[2-9][0-9]{{{}}}", length - 1)).unwrap();
    prop_oneof![
        // (A) and (B)
        "[A-Z][a-z]{5,9}",
        "[A-Z][a-z]{3,8} [A-Z][a-z]{4,9}",
        "[1-9][0-9]{2} [A-Z][a-z]{4,8} Road",
        "[0-9]{5}-[0-9]{4}",
        // (C)
        (1940..2026, 1..13, 1..29).prop_map(|(year, month, day)| format!("{year}-{month:02}-{day:02}")),
        (1940..2026, 1..13, 1..29).prop_map(|(year, month, day)| format!("{month:02}/{day:02}/{year}")),
        (1940..2026, 1..13, 1..29).prop_map(|(year, month, day)| format!("{year}-{month:02}-{day:02}T08:15:31Z")),
        // (D) to (F)
        digits(10).prop_map(|number| format!("+1{number}")),
        (digits(3), digits(3), digits(4)).prop_map(|(area, office, line)| format!("({area}) {office}-{line}")),
        "[a-z]{5,9}@[a-z]{4,8}\\.example",
        // (G) to (M)
        (digits(3), digits(2), digits(4)).prop_map(|(area, group, serial)| format!("{area}-{group}-{serial}")),
        "[A-Z]{2,3}-?[0-9]{6,9}",
        "S[0-9]{8}",
        "[A-Z]{3}[- ][0-9]{4}",
        "[1-9][A-HJ-NPR-Z]{3}[0-9A-HJ-NPR-Z]{13}",
        "\\(01\\)[0-9]{14}\\(21\\)[A-Z0-9]{6,9}",
        // (N) and (O)
        "https://[a-z]{5,9}\\.example/[a-z]{3,6}",
        (2..224_u8, any::<u8>(), any::<u8>(), 1..255_u8).prop_map(|(a, b, c, d)| format!("{a}.{b}.{c}.{d}")),
        // (P) to (R)
        "data:image/png;base64,[A-Za-z0-9+/]{24}",
        "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}",
    ]
}

/// Where codes are known by their form, a bare number may have it. The client's Patient says whose it is.
fn own_number() -> impl Strategy<Value = String> {
    prop_oneof![
        "[1-9][0-9]{6,17}",
        "[1-9][0-9]{5}-[0-9]",
        "[A-Z][0-9]{2}\\.[0-9]{4}",
        "[1-9][0-9]{6}"
    ]
}

/// A value that somebody who knows the table has filled with identifiers as well as he could.
fn hostile(rule: &'static Rule, words: &mut dyn FnMut() -> String, depth: usize) -> Value {
    let of = |systems: &[&crate::terminology::System], words: &mut dyn FnMut() -> String| json!({"system": systems[0].uri, "code": words(), "display": words(), "version": words(), "id": words(), "extension": [{"url": words()}]});
    match rule {
        Rule::Concept(systems) => {
            let foreign = json!({"system": words(), "code": words()});
            json!({"coding": [of(systems, words), foreign, words()], "text": words(), words(): words()})
        }
        Rule::Coding(systems) => of(systems, words),
        Rule::Quantity => json!({"value": words().bytes().filter(u8::is_ascii_digit).fold(0_u64, |number, digit| {
            number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))
        }).max(1_000_000), "unit": words(), "system": "http://unitsofmeasure.org", "code": "kg", "comparator": words()}),
        Rule::Reference(kinds) if kinds == &["Patient"] => {
            json!({"reference": "Patient/p", "display": words(), "type": words(), "identifier": {"value": words()}})
        }
        Rule::Reference(kinds) => json!({"reference": format!("{}/{}", kinds[0], words()), "display": words()}),
        Rule::Address => {
            json!({"country": "US", "state": words(), "postalCode": words(), "line": [words()], "city": words(), "text": words()})
        }
        Rule::Parts(parts) if depth > 0 => filled(parts, words, depth - 1),
        Rule::Parts(_) => json!(words()),
        Rule::Integer(_) | Rule::Decimal(_) => json!(5_551_234_567_u64),
        Rule::Questionnaire => json!(format!("http://loinc.org/q/{}", words())),
        Rule::Year | Rule::BirthYear => json!(format!("{} {}", words(), words())),
        Rule::Word(_) | Rule::Boolean | Rule::Question => json!(words()),
    }
}

fn filled(elements: &'static [Element], words: &mut dyn FnMut() -> String, depth: usize) -> Value {
    let mut object: Map<String, Value> = elements
        .iter()
        .map(|element| {
            let value = hostile(&element.rule, words, depth);
            (
                element.name.to_owned(),
                if element.is_list {
                    json!([value, words()])
                } else {
                    value
                },
            )
        })
        .collect();
    for name in ["id", "implicitRules", "language"] {
        object.insert(name.to_owned(), json!(words()));
    }
    object.insert(words(), json!({words(): [[words()], {words(): words()}]}));
    object.insert("text".to_owned(), json!({"status": "generated", "div": words()}));
    object.insert(
        "extension".to_owned(),
        json!([{"url": words(), "valueString": words(), "extension": [{"url": words(), "valueDate": words()}]}]),
    );
    object.insert(
        "contained".to_owned(),
        json!([{"resourceType": "Patient", "name": [{"text": words()}]}]),
    );
    object.insert("identifier".to_owned(), json!([{"system": words(), "value": words()}]));
    object.insert("note".to_owned(), json!([{"text": words(), "authorString": words()}]));
    object.insert("valueString".to_owned(), json!(words()));
    Value::Object(object)
}

/// The values that the table lets out, said once more and without it.
fn assert_listed(value: &Value, name: &str) {
    match value {
        Value::Object(object) => object.iter().for_each(|(name, value)| assert_listed(value, name)),
        Value::Array(list) => list.iter().for_each(|value| assert_listed(value, name)),
        Value::Bool(_) | Value::Null => {}
        Value::Number(number) => assert!(number.as_f64().unwrap().abs() <= 10_000.0, "{name}: {number}"),
        Value::String(text) => {
            let is_year = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
            let is_code = |text: &str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_lowercase());
            let is_fine = match name {
                "id" => is_code(text),
                "reference" => text
                    .split_once('/')
                    .is_some_and(|(kind, code)| RESOURCES.iter().any(|known| known.name == kind) && is_code(code)),
                "system" | "url" | "questionnaire" => [
                    "http://loinc.org",
                    "http://snomed.info/sct",
                    "http://terminology.hl7.org/CodeSystem/",
                    "http://hl7.org/fhir/",
                    "http://id.who.int/icd/",
                    "http://www.nlm.nih.gov/research/umls/rxnorm",
                    "http://unitsofmeasure.org",
                ]
                .iter()
                .any(|known| text.starts_with(known)),
                // Forms are held against numbers in `terminology`.
                "code" | "linkId" => text.len() <= 30,
                "postalCode" => text.len() == 3,
                "state" | "country" => text.len() == 2,
                "resourceType" => RESOURCES.iter().any(|known| known.name == text),
                "valueCode" => text == "masked",
                "start" | "end" | "authored" | "authoredOn" | "created" | "recordedDate" | "birthDate"
                | "startDate" | "statusDate" | "dueDate" => is_year,
                _ if name.ends_with("DateTime") => is_year,
                _ => text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'),
            };
            assert!(is_fine, "{name}: {text}");
        }
    }
}

fn export(resources: &[Value], seed: u64) -> Deidentified {
    let entries = resources
        .iter()
        .map(|resource| Entry {
            full_url: None,
            resource,
        })
        .collect();
    Deidentified::of(
        &[Client {
            entries,
            identifiers: Identifiers::default(),
        }],
        TODAY,
        &SeededEntropy::new(seed),
    )
}

/// All kinds of resources, full of these words; the Patient says that her numbers are hers.
fn resources(words: &[String], numbers: &[String]) -> Vec<Value> {
    let mut index = 0;
    let mut next = || {
        index += 1;
        words[index % words.len()].clone()
    };
    let mut resources = Vec::new();
    for resource in &RESOURCES {
        for _ in 0..3 {
            let mut filled = filled(resource.elements, &mut next, 4);
            filled["resourceType"] = json!(resource.name);
            // So that it leaves, and the rest of it has to hold.
            for (name, system, code) in [
                ("code", "http://snomed.info/sct", "35489007"),
                ("medicationCodeableConcept", "http://snomed.info/sct", "35489007"),
                ("vaccineCode", "http://hl7.org/fhir/sid/cvx", "140"),
            ] {
                if let Some(codings) = filled
                    .pointer_mut(&format!("/{name}/coding"))
                    .and_then(Value::as_array_mut)
                {
                    codings.push(json!({"system": system, "code": code, "display": next()}));
                }
            }
            if resource.name == "Patient" {
                filled["id"] = json!("p");
                filled["identifier"] = numbers.iter().map(|number| json!({"value": number})).collect();
                resources.push(filled);
                break;
            }
            resources.push(filled);
        }
    }
    resources
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_identifier_leaves_wherever_it_stands(
        // A number of words that no length of a list divides, so that each comes to stand everywhere.
        foreign in proptest::collection::vec(identifying(), 17),
        own in proptest::collection::vec(own_number(), 12),
        seed in any::<u64>(),
    ) {
        let words: Vec<String> = foreign.iter().chain(&own).cloned().collect();
        let resources = resources(&words, &own);
        let export = export(&resources, seed);
        prop_assert!(export.resources().len() >= 25, "{:?}", export.left_out());
        let whole = export.ndjson();
        for word in &words {
            prop_assert!(!whole.contains(word.as_str()), "{}", word);
        }
        for resource in export.resources() {
            assert_listed(resource, "");
        }
        // What left, leaves again.
        let entries: Vec<Value> = export.resources().to_vec();
        let again = self::export(&entries, seed);
        prop_assert_eq!(again.resources().len(), export.resources().len());
    }
}
