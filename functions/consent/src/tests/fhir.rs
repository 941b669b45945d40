//! The FHIR resource, held against what HL7 published for R4: the JSON schema, and the structure definition for what the schema does not
//! say (that primitives are there, what may be referred to, value sets, ppc-1 to ppc-5). See `tests/data/fhir-r4`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use model::DataClass;
use serde::Deserialize;

use super::*;
use crate::fhir::security_label;

#[derive(Deserialize)]
struct Definition {
    version: String,
    elements: Vec<Element>,
}

#[derive(Deserialize)]
struct Element {
    path: String,
    min: usize,
    max: String,
    #[serde(default)]
    targets: Vec<String>,
    binding: Option<Binding>,
    #[serde(default)]
    constraints: Vec<Constraint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Binding {
    value_set: String,
}

#[derive(Deserialize)]
struct Constraint {
    key: String,
}

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = include_str!("../../tests/data/fhir-r4/consent.schema.json");
    jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap()
});

static DEFINITION: LazyLock<Definition> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../tests/data/fhir-r4/consent.definition.json")).unwrap());

/// Value set, system, codes.
static CODES: LazyLock<BTreeMap<String, BTreeMap<String, BTreeSet<String>>>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../tests/data/fhir-r4/codes.json")).unwrap());

/// The one coding from outside the value set of its element, which is extensible: R4 has no policy code that is not that of one law or one form, and HL7's own
/// examples of `Consent` have this.
const OPT_IN: (&str, &str, &str) = ("Consent.policyRule", ACT_CODE, "OPTIN");

const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";

/// The values of an element in each instance of its parent: `Consent.provision.actor` in the one provision.
fn instances<'v>(resource: &'v Value, path: &str) -> Vec<Option<&'v Value>> {
    let mut parents = vec![resource];
    let mut names = path.split('.').skip(1).peekable();
    while let Some(name) = names.next() {
        let values = parents.iter().map(|parent| parent.get(name));
        if names.peek().is_none() {
            return values.collect();
        }
        parents = values
            .flatten()
            .flat_map(|value| {
                value
                    .as_array()
                    .map_or_else(|| vec![value], |array| array.iter().collect())
            })
            .collect();
    }
    vec![Some(resource)]
}

/// System and code of a code, a coding or a concept. The system of a bare code is that of its value set.
fn codings<'v>(value: &'v Value, codes: &'v BTreeMap<String, BTreeSet<String>>) -> Vec<(&'v str, &'v str)> {
    if let Some(code) = value.as_str() {
        return vec![(codes.keys().next().unwrap(), code)];
    }
    let coding = |value: &'v Value| (value["system"].as_str().unwrap(), value["code"].as_str().unwrap());
    match value["coding"].as_array() {
        Some(codings) => codings.iter().map(coding).collect(),
        None => vec![coding(value)],
    }
}

/// What is wrong with a resource.
fn findings(resource: &Value) -> Vec<String> {
    let mut findings: Vec<String> = SCHEMA.iter_errors(resource).map(|error| error.to_string()).collect();
    for element in DEFINITION.elements.iter().filter(|element| element.path.contains('.')) {
        let path = &element.path;
        for value in instances(resource, path) {
            let Some(value) = value else {
                if element.min > 0 {
                    findings.push(format!("{path} is missing"));
                }
                continue;
            };
            if value.is_array() == (element.max == "1") || value.as_array().is_some_and(Vec::is_empty) {
                findings.push(format!("{path} is not {}..{}", element.min, element.max));
            }
            let each = value
                .as_array()
                .map_or_else(|| vec![value], |array| array.iter().collect());
            for value in each {
                let target = value.get("type").and_then(Value::as_str);
                let is_reference = !element.targets.is_empty() && value.is_object();
                if is_reference && !element.targets.iter().any(|allowed| Some(allowed.as_str()) == target) {
                    findings.push(format!("{path} refers to {target:?}"));
                }
                // Reference.reference: a relative URL of a resource, whose id has its own alphabet.
                let id = value.get("reference").and_then(Value::as_str).filter(|_| is_reference);
                let is_id = |id: &str| {
                    id.bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
                };
                if id.is_some_and(|url| {
                    !url.split_once('/')
                        .is_some_and(|(kind, id)| Some(kind) == target && is_id(id))
                }) {
                    findings.push(format!("{path} is no reference"));
                }
                let Some(binding) = &element.binding else { continue };
                let Some(codes) = CODES.get(&binding.value_set) else {
                    continue;
                };
                for (system, code) in codings(value, codes) {
                    let is_in = codes.get(system).is_some_and(|codes| codes.contains(code));
                    if !is_in && (path.as_str(), system, code) != OPT_IN {
                        findings.push(format!("{path} has {system}#{code}"));
                    }
                }
            }
        }
    }
    // ppc-1: policy.exists() or policyRule.exists().
    if resource.get("policy").is_none() && resource.get("policyRule").is_none() {
        findings.push("ppc-1".to_owned());
    }
    // ppc-2 to ppc-5: patient.exists() unless the scope is another, which it is in none of the four.
    if resource.get("patient").is_none() {
        findings.push("ppc-2".to_owned());
    }
    // per-1: a period starts before it ends.
    let period = &resource["provision"]["period"];
    let time = |name: &str| {
        period[name]
            .as_str()
            .and_then(|time| time.parse::<model::Timestamp>().ok())
    };
    if let (Some(start), Some(end)) = (time("start"), time("end"))
        && end < start
    {
        findings.push("per-1".to_owned());
    }
    findings
}

impl Practice {
    fn fhir(&self, client: &str, consent: &str) -> Value {
        let answer = self.as_clinician(Call::get(format!(
            "/v1/consent/clients/{client}/consents/{consent}/fhir"
        )));
        assert_eq!(answer.status, 200, "{}", answer.json);
        assert_eq!(answer.header("content-type"), Some("application/fhir+json"));
        assert!(answer.header("audit-id").is_some());
        assert_eq!(findings(&answer.json), Vec::<String>::new(), "{}", answer.json);
        answer.json
    }
}

fn codes(values: &Value) -> Vec<&str> {
    values
        .as_array()
        .unwrap()
        .iter()
        .map(|coding| coding["code"].as_str().unwrap())
        .collect()
}

#[test]
fn a_consent_is_a_valid_r4_resource() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    let consent = practice.give(&client, "give", &terms(&notice_id)).text("consent_id");
    let clinic = practice.clinic.to_string();
    let id = |id: &str| id.replace('_', "-");
    let patient =
        json!({"reference": format!("Patient/{}", id(&client)), "type": "Patient", "identifier": {"value": client}});
    let organization = json!({"reference": format!("Organization/{}", id(&clinic)), "type": "Organization", "identifier": {"value": clinic}});
    let concept = |system: &str, code: &str| json!({"coding": [{"system": system, "code": code}]});
    let action = "http://terminology.hl7.org/CodeSystem/consentaction";
    assert_eq!(
        practice.fhir(&client, &consent),
        json!({
            "resourceType": "Consent",
            "id": id(&consent),
            "identifier": [{"value": consent}],
            "status": "active",
            "scope": concept("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
            "category": [concept("http://loinc.org", "59284-0")],
            "patient": patient,
            "dateTime": "2026-12-01T08:00:00Z",
            "performer": [patient],
            "organization": [organization],
            "policy": [{"uri": format!("/v1/consent/notices/{clinic}/{notice_id}")}],
            "policyRule": concept(ACT_CODE, "OPTIN"),
            "provision": {
                "type": "permit",
                "period": {"start": "2026-12-01T08:00:00Z"},
                "actor": [{"role": concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP"), "reference": organization}],
                "action": [concept(action, "collect"), concept(action, "access"), concept(action, "use")],
                "securityLabel": [{"system": ACT_CODE, "code": "DEMO"}, {"system": ACT_CODE, "code": "MH"}],
                "purpose": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}],
            },
        })
    );
}

#[test]
fn a_consent_that_ended_is_inactive() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    let mut short = terms(&notice_id);
    short["expires_at"] = json!("2026-12-01T08:10:00Z");
    let guardian = practice.guardian(&client);
    let mut give = |key: &str, given_by: &str| {
        short["given_by"] = json!(given_by);
        if given_by == "guardian" {
            short["representative_id"] = json!(guardian);
        }
        practice.give(&client, key, &short).text("consent_id")
    };
    let (lapsing, withdrawn) = (give("lapsing", "client"), give("withdrawn", "guardian"));
    let end = |consent: &str| {
        let resource = practice.fhir(&client, consent);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&resource["status"]), text(&resource["provision"]["period"]["end"]))
    };
    let expected = |status: &str, time: &str| (status.to_owned(), format!("2026-12-01T{time}:00Z"));
    practice.world.clock.advance(SignedDuration::from_mins(9));
    assert_eq!(end(&withdrawn), expected("active", "08:10"));
    practice.withdraw(&client, &withdrawn);
    assert_eq!(end(&withdrawn), expected("inactive", "08:09"));
    practice.world.clock.advance(SignedDuration::from_mins(1));
    assert_eq!(end(&lapsing), expected("inactive", "08:10"));
    // A withdrawal after the end moves nothing.
    practice.world.clock.advance(SignedDuration::from_mins(1));
    practice.withdraw(&client, &lapsing);
    assert_eq!(end(&lapsing), expected("inactive", "08:10"));
    assert_eq!(
        practice.fhir(&client, &withdrawn)["performer"],
        json!([{"reference": format!("RelatedPerson/{}", guardian.replace('_', "-")), "type": "RelatedPerson",
            "identifier": {"value": guardian}}])
    );
}

/// By a host whose clock is behind: no period ends before it starts.
#[test]
fn a_consent_that_was_withdrawn_at_once_has_a_period() {
    let practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    practice.world.clock.advance(SignedDuration::from_secs(20));
    let consent = practice.give(&client, "give", &terms(&notice_id)).text("consent_id");
    practice.world.clock.advance(SignedDuration::from_secs(-10));
    practice.withdraw(&client, &consent);
    let resource = practice.fhir(&client, &consent);
    let period = json!({"start": "2026-12-01T08:00:20Z", "end": "2026-12-01T08:00:20Z"});
    assert_eq!(
        (&resource["status"], &resource["provision"]["period"]),
        (&json!("inactive"), &period)
    );
}

#[test]
fn every_purpose_and_class_that_can_be_agreed_has_its_code() {
    let practice = Practice::new();
    let client = practice.open("open");
    let purposes: Vec<_> = model::Purpose::ALL
        .into_iter()
        .filter(|purpose| !purpose.is_prohibited())
        .collect();
    let classes: Vec<_> = DataClass::ALL
        .into_iter()
        .filter(|class| class.is_consentable())
        .collect();
    let codes_of: Vec<_> = purposes.iter().map(|purpose| purpose.code()).collect();
    let names_of: Vec<_> = classes.iter().map(|class| class.name()).collect();
    let all = testkit::notice(&codes_of, &names_of);
    let notice_id = practice
        .as_admin(Call::post("/v1/consent/notices", &all).once("all"))
        .text("notice_id");
    let mut terms = terms(&notice_id);
    (terms["purposes"], terms["classes"]) = (json!(purposes), json!(classes));
    let consent = practice.give(&client, "give", &terms).text("consent_id");
    let resource = practice.fhir(&client, &consent);
    assert_eq!(
        codes(&resource["provision"]["purpose"]),
        purposes.iter().map(|purpose| purpose.code()).collect::<Vec<_>>()
    );
    let labels = codes(&resource["provision"]["securityLabel"]);
    assert_eq!(
        labels.iter().collect::<BTreeSet<_>>().len(),
        classes.len(),
        "{labels:?}"
    );
    assert!(labels.contains(&"PSYTHPN"));
    assert_eq!(codes(&resource["category"][1]["coding"]), ["research"]);
    for class in DataClass::ALL {
        assert_eq!(security_label(class).is_some(), class.is_consentable(), "{class}");
    }
}

/// What is checked against is R4, whole, and finds what it should.
#[test]
fn the_published_definitions_refuse_what_is_not_r4() {
    assert_eq!(DEFINITION.version, "4.0.1");
    let constraints: Vec<_> = DEFINITION
        .elements
        .iter()
        .flat_map(|element| &element.constraints)
        .collect();
    let keys: Vec<_> = constraints.iter().map(|constraint| constraint.key.as_str()).collect();
    assert_eq!(keys, ["ppc-1", "ppc-2", "ppc-3", "ppc-4", "ppc-5"]);
    let practice = Practice::new();
    let client = practice.open("open");
    let notice_id = practice.publish("notice");
    let consent = practice.give(&client, "give", &terms(&notice_id)).text("consent_id");
    let valid = practice.fhir(&client, &consent);
    for (pointer, value) in [
        ("/resourceType", json!("Contract")),
        ("/id", json!(consent)),
        ("/status", json!("revoked")),
        ("/status", Value::Null),
        ("/scope", Value::Null),
        ("/scope", json!([valid["scope"]])),
        ("/scope/coding/0/code", json!("privacy")),
        ("/category", Value::Null),
        ("/category", json!([])),
        ("/category/0/coding/0/code", json!("59284-1")),
        ("/patient", Value::Null),
        ("/patient/type", json!("Practitioner")),
        ("/patient/reference", json!(format!("Patient/{client}"))),
        ("/dateTime", json!("yesterday")),
        ("/performer", json!([])),
        ("/policyRule/coding/0/code", json!("OPTOUT")),
        ("/provision/type", json!("allow")),
        ("/provision/period/end", json!("2026-11-30T08:00:00Z")),
        ("/provision/period/end", json!("2026-12-01 08:00")),
        ("/provision/actor/0/role", Value::Null),
        ("/provision/actor/0/reference", Value::Null),
        ("/provision/actor/0/role/coding/0/code", json!("NOBODY")),
        ("/provision/securityLabel/0/code", json!("SECRET")),
        ("/provision/purpose/0/code", json!("treatment")),
        ("/provision/data", json!([{"meaning": "instance"}])),
        ("/mood", json!("cheerful")),
    ] {
        let mut changed = valid.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = changed.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match value {
            Value::Null => drop(parent.remove(name).unwrap()),
            value => drop(parent.insert(name.to_owned(), value)),
        }
        assert_ne!(findings(&changed), Vec::<String>::new(), "{pointer} {changed}");
    }
    let mut without_policy = valid.clone();
    for name in ["policy", "policyRule"] {
        assert!(without_policy.as_object_mut().unwrap().remove(name).is_some());
    }
    assert_eq!(findings(&without_policy), ["ppc-1"]);
}
