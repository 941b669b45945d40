//! What a document says. It is read into the type of its kind when it comes in, and every rule is checked there; from then on it is JSON that
//! nobody here has to understand.

use model::Confidential;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use web::{Check, Part, Problem};

use super::claim::Claim;
use super::explanation_of_benefit::ExplanationOfBenefit;

/// The most bytes of a content, as JSON. A page of an export holds several, and is a private call's answer.
const BYTES: usize = 256 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Claim,
    ExplanationOfBenefit,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Claim, Self::ExplanationOfBenefit];

    /// The name in the API, and in the names of what is stored.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::ExplanationOfBenefit => "explanation_of_benefit",
        }
    }
}

/// What a claim or an explanation of benefit says, as JSON that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Content(Confidential<Value>);

/// Takes out what is there only to say that it is not: of one content there is one JSON.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(without_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(without_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

impl Content {
    /// Reads a part of a body that stands `at` this place of it.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub(crate) fn read(kind: Kind, part: &Part, at: &str) -> Result<Self, Problem> {
        let mut check = Check::new();
        match kind {
            Kind::Claim => part.read::<Claim>(at)?.check(&mut check, at),
            Kind::ExplanationOfBenefit => part.read::<ExplanationOfBenefit>(at)?.check(&mut check, at),
        }
        let mut value = part.read(at)?;
        without_nulls(&mut value);
        let content = Self(Confidential::new(value));
        check.that(
            content.json()?.len() <= BYTES,
            at,
            "size",
            format!("must have at most {BYTES} bytes as JSON"),
        );
        check.finish()?;
        Ok(content)
    }

    fn json(&self) -> Result<Vec<u8>, Problem> {
        serde_json::to_vec(&self.0)
            .map_err(|_| Problem::defect("the content of an insurance document does not serialise"))
    }

    /// A text of it, by its field's name.
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.0.expose().get(field)?.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fhir::{Bundle, Handling, Import, Settings};
    use proptest::prelude::*;
    use serde_json::json;

    fn money(minor_units: i64) -> Value {
        json!({"currency": "USD", "minor_units": minor_units})
    }

    fn concept(code: &str) -> Value {
        json!({"coding": [{"system": "http://terminology.hl7.org/CodeSystem/x", "code": code, "display": "X"}], "text": "X"})
    }

    fn claim() -> Value {
        json!({"identifiers": [{"system": "https://insurer.example/claims", "value": "1"}], "status": "active",
            "type": concept("professional"), "use": "claim", "billable_period": {"start": "2026-01-02", "end": "2026-01-02"},
            "created": "2026-01-03", "provider": "Practice", "priority": concept("normal"),
            "insurance": [{"sequence": 1, "focal": true, "coverage": "Mutual"}, {"sequence": 2, "focal": false, "coverage": "Other"}],
            "items": [{"sequence": 1, "service": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "90834"}]},
                "serviced": {"start": "2026-01-02"}, "quantity": "1.0", "unit_price": money(14_052), "net": money(14_052)}],
            "total": money(14_052)})
    }

    fn explanation() -> Value {
        json!({"identifiers": [{"system": "https://insurer.example/claims", "value": "1"}], "status": "active",
            "type": concept("professional"), "use": "claim", "billable_period": {"start": "2026-01-02", "end": "2027-01"},
            "created": "2026-01-03T10:00:00+01:00", "insurer": "Mutual", "provider": "Practice",
            "claim": "clm_00000000000000000000000000", "outcome": "complete", "disposition": "Paid in part",
            "insurance": [{"focal": true, "coverage": "Mutual"}],
            "items": [{"sequence": 1, "service": concept("90834"), "category": concept("1"), "serviced": {"start": "2026-01-02"},
                "location": concept("19"), "quantity": "1", "unit_price": money(14_052), "net": money(14_052),
                "adjudications": [{"category": concept("coinsurance"), "reason": concept("A"),
                    "amount": {"currency": "USD", "minor_units": 2810, "exact": "28.104000000000003"}}]}],
            "totals": [{"category": concept("submitted"), "amount": money(14_052)}],
            "payment": {"amount": money(11_242), "date": "2026-02"}})
    }

    /// Every rule that is broken, with where.
    fn violations(kind: Kind, value: &Value) -> Vec<(String, &'static str)> {
        let part: Part = serde_json::from_value(value.clone()).unwrap();
        match Content::read(kind, &part, "/content") {
            Ok(content) => {
                // What is kept and answered is what was sent.
                assert_eq!(serde_json::to_value(&content).unwrap(), *value);
                Vec::new()
            }
            Err(problem) => problem
                .violations
                .into_iter()
                .map(|violation| (violation.field, violation.rule))
                .collect(),
        }
    }

    /// The same with another value at a pointer; without one, it is not there.
    fn with(whole: &Value, pointer: &str, value: Option<Value>) -> Value {
        let mut whole = whole.clone();
        let (above, name) = pointer.rsplit_once('/').unwrap();
        match (whole.pointer_mut(above).unwrap(), value) {
            (Value::Object(members), Some(value)) => drop(members.insert(name.to_owned(), value)),
            (Value::Object(members), None) => drop(members.remove(name).unwrap()),
            (Value::Array(list), Some(value)) => list[name.parse::<usize>().unwrap()] = value,
            (_, _) => unreachable!("{pointer}"),
        }
        whole
    }

    #[test]
    fn what_there_may_be_may_be_left_out_and_what_must_be_must_not() {
        for (kind, whole, required, optional) in [
            (
                Kind::Claim,
                claim(),
                &[
                    "status",
                    "type",
                    "use",
                    "created",
                    "provider",
                    "priority",
                    "insurance",
                    "insurance/0/sequence",
                    "insurance/0/focal",
                    "insurance/0/coverage",
                    "items/0/sequence",
                    "items/0/service",
                    "total/currency",
                    "total/minor_units",
                    "identifiers/0/system",
                    "identifiers/0/value",
                    "billable_period/start",
                ][..],
                &[
                    "identifiers",
                    "billable_period",
                    "billable_period/end",
                    "items",
                    "total",
                    "items/0/serviced",
                    "items/0/quantity",
                    "items/0/unit_price",
                    "items/0/net",
                    "type/coding",
                    "type/text",
                ][..],
            ),
            (
                Kind::ExplanationOfBenefit,
                explanation(),
                &[
                    "status",
                    "type",
                    "use",
                    "created",
                    "insurer",
                    "provider",
                    "outcome",
                    "insurance",
                    "insurance/0/focal",
                    "insurance/0/coverage",
                    "items/0/sequence",
                    "items/0/service",
                    "items/0/adjudications/0/category",
                    "totals/0/category",
                    "totals/0/amount",
                ],
                &[
                    "identifiers",
                    "billable_period",
                    "claim",
                    "disposition",
                    "items",
                    "items/0/category",
                    "items/0/serviced",
                    "items/0/location",
                    "items/0/quantity",
                    "items/0/unit_price",
                    "items/0/net",
                    "items/0/adjudications",
                    "items/0/adjudications/0/reason",
                    "items/0/adjudications/0/amount",
                    "totals",
                    "payment",
                    "payment/amount",
                    "payment/date",
                ],
            ),
        ] {
            assert_eq!(violations(kind, &whole), []);
            for field in optional {
                assert_eq!(
                    violations(kind, &with(&whole, &format!("/{field}"), None)),
                    [],
                    "{field}"
                );
            }
            for field in required {
                let broken = violations(kind, &with(&whole, &format!("/{field}"), None));
                assert_eq!(broken.len(), 1, "{field}: {broken:?}");
            }
        }
    }

    #[test]
    fn every_rule_is_found_where_it_is_broken() {
        let long = "x".repeat(501);
        let coded =
            |system: &str, display: &str| json!({"coding": [{"system": system, "code": "1", "display": display}]});
        let claimed = |sequence: i64| json!({"sequence": sequence, "service": concept("1")});
        for (kind, pointer, value, at, rule) in [
            (Kind::Claim, "/status", json!("paid"), "/status", "type"),
            (Kind::Claim, "/use", json!("proposal"), "/use", "type"),
            (Kind::Claim, "/type", json!({}), "/type", "content"),
            (
                Kind::Claim,
                "/type",
                json!({"coding": [{"code": "1"}]}),
                "/type/coding/0",
                "type",
            ),
            (
                Kind::Claim,
                "/type/coding/0/system",
                json!("cpt"),
                "/type/coding/0/system",
                "uri",
            ),
            (
                Kind::Claim,
                "/type/coding/0/code",
                json!(" 1"),
                "/type/coding/0/code",
                "code",
            ),
            (Kind::Claim, "/priority/text", json!(long), "/priority/text", "length"),
            (
                Kind::Claim,
                "/identifiers/0/system",
                json!("mine"),
                "/identifiers/0/system",
                "uri",
            ),
            (
                Kind::Claim,
                "/identifiers/0/value",
                json!(" "),
                "/identifiers/0/value",
                "length",
            ),
            (
                Kind::Claim,
                "/identifiers",
                json!(vec![json!({"system": "urn:x", "value": "1"}); 21]),
                "/identifiers",
                "count",
            ),
            (
                Kind::Claim,
                "/billable_period/end",
                json!("2025"),
                "/billable_period/end",
                "order",
            ),
            (
                Kind::Claim,
                "/billable_period/end",
                json!("2026-02-30"),
                "/billable_period/end",
                "type",
            ),
            (
                Kind::Claim,
                "/created",
                json!("2026-01-03T10:00:00"),
                "/created",
                "type",
            ),
            (Kind::Claim, "/provider", json!(long), "/provider", "length"),
            (Kind::Claim, "/provider", json!(""), "/provider", "length"),
            (Kind::Claim, "/insurance", json!([]), "/insurance", "count"),
            (
                Kind::Claim,
                "/insurance/1/sequence",
                json!(1),
                "/insurance/1/sequence",
                "unique",
            ),
            (
                Kind::Claim,
                "/insurance/1/sequence",
                json!(0),
                "/insurance/1/sequence",
                "range",
            ),
            (
                Kind::Claim,
                "/insurance/1/sequence",
                json!(-1),
                "/insurance/1/sequence",
                "type",
            ),
            (
                Kind::Claim,
                "/insurance/1/coverage",
                json!("\u{0}"),
                "/insurance/1/coverage",
                "control-characters",
            ),
            (
                Kind::Claim,
                "/items",
                json!([claimed(1), claimed(1)]),
                "/items/1/sequence",
                "unique",
            ),
            (
                Kind::Claim,
                "/items",
                json!([claimed(100_000)]),
                "/items/0/sequence",
                "range",
            ),
            (
                Kind::Claim,
                "/items",
                json!((1..=1000).map(claimed).collect::<Vec<_>>()),
                "/items",
                "count",
            ),
            (
                Kind::Claim,
                "/items/0/service",
                coded("http://hl7.org/fhir/sid/icd-10-cm", "x"),
                "/items/0/service",
                "diagnosis",
            ),
            (
                Kind::Claim,
                "/items/0/service",
                coded("http://snomed.info/sct", "Anxiety (disorder)"),
                "/items/0/service",
                "diagnosis",
            ),
            (
                Kind::Claim,
                "/items/0/serviced",
                json!({"start": "2026-02", "end": "2026-01"}),
                "/items/0/serviced/end",
                "order",
            ),
            (Kind::Claim, "/items/0/quantity", json!(1), "/items/0/quantity", "type"),
            (
                Kind::Claim,
                "/items/0/quantity",
                json!("one"),
                "/items/0/quantity",
                "type",
            ),
            (
                Kind::Claim,
                "/items/0/encounter",
                json!("rec_00000000000000000000000000"),
                "/items/0/encounter",
                "unknown-field",
            ),
            (Kind::Claim, "/diagnosis", json!([]), "/diagnosis", "unknown-field"),
            (Kind::Claim, "/outcome", json!("complete"), "/outcome", "unknown-field"),
            (Kind::Claim, "/total/currency", json!("usd"), "/total/currency", "type"),
            (Kind::Claim, "/total/currency", json!("XAU"), "/total/currency", "type"),
            (
                Kind::Claim,
                "/total/minor_units",
                json!(-1),
                "/total/minor_units",
                "type",
            ),
            (
                Kind::Claim,
                "/total/minor_units",
                json!(1.5),
                "/total/minor_units",
                "type",
            ),
            (
                Kind::Claim,
                "/total/minor_units",
                json!(1_000_000_000_001_i64),
                "/total/minor_units",
                "type",
            ),
            (Kind::Claim, "/total/exact", json!("140.52"), "/total/exact", "exact"),
            (Kind::Claim, "/total/exact", json!("140.525"), "/total/exact", "exact"),
            (Kind::Claim, "/total/exact", json!("140.514"), "/total/exact", "exact"),
            (Kind::Claim, "/total/exact", json!("-140.521"), "/total/exact", "exact"),
            (Kind::Claim, "/total/exact", json!("1.40521e2"), "/total/exact", "exact"),
            (Kind::Claim, "/total/exact", json!("a"), "/total/exact", "type"),
            (
                Kind::Claim,
                "/items/0/net/exact",
                json!("1"),
                "/items/0/net/exact",
                "exact",
            ),
            (
                Kind::Claim,
                "/items/0/unit_price/exact",
                json!("1"),
                "/items/0/unit_price/exact",
                "exact",
            ),
            (
                Kind::ExplanationOfBenefit,
                "/outcome",
                json!("denied"),
                "/outcome",
                "type",
            ),
            (
                Kind::ExplanationOfBenefit,
                "/claim",
                json!("eob_00000000000000000000000000"),
                "/claim",
                "type",
            ),
            (
                Kind::ExplanationOfBenefit,
                "/insurer",
                json!(long),
                "/insurer",
                "length",
            ),
            (
                Kind::ExplanationOfBenefit,
                "/provider",
                json!(long),
                "/provider",
                "length",
            ),
            (Kind::ExplanationOfBenefit, "/type", json!({}), "/type", "content"),
            (
                Kind::ExplanationOfBenefit,
                "/disposition",
                json!(long),
                "/disposition",
                "length",
            ),
            (
                Kind::ExplanationOfBenefit,
                "/priority",
                concept("1"),
                "/priority",
                "unknown-field",
            ),
            (
                Kind::ExplanationOfBenefit,
                "/insurance",
                json!([]),
                "/insurance",
                "count",
            ),
            (
                Kind::ExplanationOfBenefit,
                "/insurance/0/sequence",
                json!(1),
                "/insurance/0/sequence",
                "unknown-field",
            ),
            (
                Kind::ExplanationOfBenefit,
                "/insurance/0/coverage",
                json!(long),
                "/insurance/0/coverage",
                "length",
            ),
            (
                Kind::ExplanationOfBenefit,
                "/items",
                json!([claimed(1), claimed(1)]),
                "/items/1/sequence",
                "unique",
            ),
            (
                Kind::ExplanationOfBenefit,
                "/items/0/service",
                coded("http://id.who.int/icd", "x"),
                "/items/0/service",
                "diagnosis",
            ),
            (
                Kind::ExplanationOfBenefit,
                "/items/0/category",
                json!({}),
                "/items/0/category",
                "content",
            ),
            (
                Kind::ExplanationOfBenefit,
                "/items/0/location",
                json!({}),
                "/items/0/location",
                "content",
            ),
            (
                Kind::ExplanationOfBenefit,
                "/items/0/serviced/end",
                json!("2025"),
                "/items/0/serviced/end",
                "order",
            ),
            (
                Kind::ExplanationOfBenefit,
                "/items/0/net/exact",
                json!("1"),
                "/items/0/net/exact",
                "exact",
            ),
            (
                Kind::ExplanationOfBenefit,
                "/items/0/unit_price/exact",
                json!("1"),
                "/items/0/unit_price/exact",
                "exact",
            ),
            (
                Kind::ExplanationOfBenefit,
                "/items/0/adjudications/0/category",
                json!({}),
                "/items/0/adjudications/0/category",
                "content",
            ),
            (
                Kind::ExplanationOfBenefit,
                "/items/0/adjudications/0/reason",
                json!({}),
                "/items/0/adjudications/0/reason",
                "content",
            ),
            (
                Kind::ExplanationOfBenefit,
                "/items/0/adjudications/0/amount/exact",
                json!("28.105"),
                "/items/0/adjudications/0/amount/exact",
                "exact",
            ),
            (
                Kind::ExplanationOfBenefit,
                "/items/0/adjudications",
                json!(vec![json!({"category": concept("1")}); 21]),
                "/items/0/adjudications",
                "count",
            ),
            (
                Kind::ExplanationOfBenefit,
                "/totals/0/category",
                json!({}),
                "/totals/0/category",
                "content",
            ),
            (
                Kind::ExplanationOfBenefit,
                "/totals/0/amount/exact",
                json!("1"),
                "/totals/0/amount/exact",
                "exact",
            ),
            (Kind::ExplanationOfBenefit, "/payment", json!({}), "/payment", "content"),
            (
                Kind::ExplanationOfBenefit,
                "/payment/date",
                json!("2026-02-01T10:00:00Z"),
                "/payment/date",
                "type",
            ),
            (
                Kind::ExplanationOfBenefit,
                "/payment/amount/exact",
                json!("1"),
                "/payment/amount/exact",
                "exact",
            ),
        ] {
            let whole = if kind == Kind::Claim { claim() } else { explanation() };
            let broken = violations(kind, &with(&whole, pointer, Some(value.clone())));
            assert_eq!(broken, [(format!("/content{at}"), rule)], "{value} at {pointer}");
        }
    }

    #[test]
    fn what_is_null_is_not_there() {
        let mut whole = claim();
        for pointer in ["/total", "/items/0/net", "/type/text"] {
            whole = with(&whole, pointer, None);
        }
        let mut with_nulls = whole.clone();
        for pointer in ["/total", "/items/0/net", "/type/text"] {
            with_nulls = with(&with_nulls, pointer, Some(Value::Null));
        }
        let read = |value: Value| Content::read(Kind::Claim, &serde_json::from_value(value).unwrap(), "").unwrap();
        assert_eq!(read(with_nulls), read(whole));
    }

    #[test]
    fn a_content_is_bounded_as_a_whole() {
        let service = json!({"coding": vec![json!({"system": "urn:x", "code": "1", "display": "x".repeat(500)}); 10]});
        let items: Vec<Value> = (1..=60)
            .map(|sequence| json!({"sequence": sequence, "service": service}))
            .collect();
        let large = with(&claim(), "/items", Some(json!(items)));
        assert_eq!(violations(Kind::Claim, &large), [("/content".to_owned(), "size")]);
    }

    /// What `fhir` makes of four patients that Synthea made is taken as it is.
    #[test]
    fn every_claim_and_explanation_of_the_bundles_is_taken() {
        let settings = Settings {
            calling_code: None,
            language: "en".to_owned(),
        };
        let id = |_: &fhir::Source, kind: fhir::Kind| {
            let kind = if kind == fhir::Kind::Claim { "clm" } else { "eob" };
            format!("{kind}_00000000000000000000000000")
        };
        let mut counts = [0; 2];
        for (_, bundle) in testkit::PATIENTS {
            let bundle = Bundle::parse(bundle.as_bytes()).unwrap();
            let import = Import::of(
                &bundle,
                &settings,
                Handling::Lenient,
                &std::collections::BTreeMap::new(),
                &id,
            )
            .unwrap();
            for part in import.parts {
                let (kind, count) = match part.kind {
                    fhir::Kind::Claim => (Kind::Claim, &mut counts[0]),
                    fhir::Kind::ExplanationOfBenefit => (Kind::ExplanationOfBenefit, &mut counts[1]),
                    _ => continue,
                };
                *count += 1;
                let content = serde_json::to_value(&part.content).unwrap();
                assert_eq!(violations(kind, &content), [], "{content}");
                assert_eq!(part.encounter, None, "no link to a health record");
            }
        }
        assert_eq!(counts, [48, 41]);
    }

    proptest! {
        /// Whatever amount there is in decimals, what `fhir` makes of it is an amount here, and makes it again.
        #[test]
        fn an_amount_of_fhir_is_an_amount_here(whole in 0_u64..10_000_000_000, fraction in "[0-9]{0,20}", currency in 0_usize..4) {
            let currency = ["USD", "JPY", "KWD", "CLF"][currency];
            let point = if fraction.is_empty() { "" } else { "." };
            let bundle = json!({"resourceType": "Bundle", "type": "collection", "entry": [
                {"fullUrl": "urn:uuid:p", "resource": {"resourceType": "Patient", "name": [{"text": "A", "family": "A", "given": ["A"]}],
                    "birthDate": "1980-01-01"}},
                {"fullUrl": "urn:uuid:c", "resource": {"resourceType": "Claim", "status": "active", "type": {"text": "x"}, "use": "claim",
                    "patient": {"reference": "urn:uuid:p"}, "created": "2026", "provider": {"display": "x"}, "priority": {"text": "x"},
                    "insurance": [{"sequence": 1, "focal": true, "coverage": {"display": "x"}}],
                    "total": {"value": "DIGITS", "currency": currency}}}]});
            let bundle = bundle.to_string().replace("\"DIGITS\"", &format!("{whole}{point}{fraction}"));
            let bundle = Bundle::parse(bundle.as_bytes()).unwrap();
            let settings = Settings { calling_code: None, language: "en".to_owned() };
            let import = Import::of(&bundle, &settings, Handling::Strict, &std::collections::BTreeMap::new(), &|_, _| "x".to_owned()).unwrap();
            let content = serde_json::to_value(&import.parts[0].content).unwrap();
            prop_assert!(currency == "KWD" || currency == "CLF" || content.get("total").is_some());
            prop_assert_eq!(violations(Kind::Claim, &content), []);
        }
    }
}
