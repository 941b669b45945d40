//! An export: resources in, what the table allows of them out.

use jiff::civil::Date;
use ports::{Entropy, EntropyExt as _};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::elements::{Element, Need, RESOURCES, Resource, Rule};
use crate::identifiers::Identifiers;
use crate::life::{Life, year_of};
use crate::terminology::{AGES, System, UCUM, is_loinc};
use crate::{number, place};

/// A resource as its owner keeps it, and the URL that others refer to it by where that is not `Type/id`.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// `Bundle.entry.fullUrl`.
    pub full_url: Option<&'a str>,
    /// The resource.
    pub resource: &'a Value,
}

/// One client: her Patient and what refers to it.
pub struct Client<'a> {
    /// Her resources. Without exactly one Patient nothing of them leaves: nobody could say whose age the dates tell.
    pub entries: Vec<Entry<'a>>,
    /// What she is known by beyond what her Patient and her RelatedPersons say.
    pub identifiers: Identifiers,
}

/// What stayed, in numbers. For who runs the export; a recipient needs none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct LeftOut {
    /// Clients without exactly one Patient.
    pub clients: u64,
    /// Resources of kinds that are not on the list of what may leave.
    pub unlisted_resources: u64,
    /// Resources that say nothing without what had to stay, or are of somebody else.
    pub incomplete_resources: u64,
    /// Elements that are not on the list of what may leave, each with all that is in it counted once.
    pub unlisted_elements: u64,
    /// Codes of no listed terminology or not of its form, words of no listed set, and values of a wrong kind.
    pub codes: u64,
    /// Codes and amounts that are one of the client's own identifiers.
    pub identifiers: u64,
    /// Dates that are none, or whose very year tells an age over 89; codes that say an age.
    pub dates: u64,
    /// Addresses of which not even the country may leave, or that are not the first.
    pub places: u64,
    /// Amounts out of bounds or in unknown units, and ages that are not known to be 89 or less.
    pub numbers: u64,
    /// References to what does not leave.
    pub references: u64,
}

/// Resources without the identifiers of 45 CFR 164.514(b)(2)(i). Only this crate makes it, from a table of what may leave.
///
/// Codes that stand for resources are fresh and random in every export, so no two exports can be joined by them and they are derived from
/// nothing (164.514(c)(1)); which code was whose is not kept. Resources are in the order of these codes, which says nothing about when they
/// came to be.
#[derive(Clone, PartialEq, Serialize)]
pub struct Deidentified {
    resources: Vec<Value>,
    left_out: LeftOut,
}

impl std::fmt::Debug for Deidentified {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Deidentified")
            .field("resources", &self.resources.len())
            .field("left_out", &self.left_out)
            .finish()
    }
}

/// Age (LOINC): its Observation says "90 or older" of whom no year of birth may be told.
const AGE: &str = "30525-0";

impl Deidentified {
    /// Makes an export. `as_of` is the day of the export; ages are counted to it.
    #[must_use]
    pub fn of(clients: &[Client<'_>], as_of: Date, entropy: &dyn Entropy) -> Self {
        let (mut resources, mut left_out) = (Vec::new(), LeftOut::default());
        for client in clients {
            of_client(client, as_of, entropy, &mut resources, &mut left_out);
        }
        resources.sort_by(|(left, _), (right, _)| left.cmp(right));
        Self {
            resources: resources.into_iter().map(|(_, resource)| resource).collect(),
            left_out,
        }
    }

    /// The resources, each with a fresh `id`.
    #[must_use]
    pub fn resources(&self) -> &[Value] {
        &self.resources
    }

    /// What stayed.
    #[must_use]
    pub fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// One resource a line (`application/fhir+ndjson`, FHIR Bulk Data Access).
    #[must_use]
    pub fn ndjson(&self) -> String {
        self.resources.iter().map(|resource| format!("{resource}\n")).collect()
    }
}

/// 128 random bits as 32 letters. No digits, so that a code resembles no number of anybody's.
fn fresh_code(entropy: &dyn Entropy) -> String {
    let letter = |nibble: u8| char::from(b'a' + nibble);
    entropy
        .bytes::<16>()
        .into_iter()
        .flat_map(|byte| [letter(byte >> 4), letter(byte & 15)])
        .collect()
}

/// A resource of the input that the table names, under the code that stands for it in this export.
struct Listed<'a> {
    table: &'static Resource,
    content: &'a Map<String, Value>,
    names: [Option<String>; 2],
    code: String,
}

impl<'a> Listed<'a> {
    fn new(entry: Entry<'a>, entropy: &dyn Entropy) -> Option<Self> {
        let content = entry.resource.as_object()?;
        let kind = content.get("resourceType")?.as_str()?;
        let table = RESOURCES.iter().find(|resource| resource.name == kind)?;
        let id = content.get("id").and_then(Value::as_str);
        let names = [entry.full_url.map(str::to_owned), id.map(|id| format!("{kind}/{id}"))];
        Some(Self {
            table,
            content,
            names,
            code: fresh_code(entropy),
        })
    }

    fn is_patient(&self) -> bool {
        self.table.name == "Patient"
    }
}

fn of_client(
    client: &Client<'_>,
    as_of: Date,
    entropy: &dyn Entropy,
    resources: &mut Vec<(String, Value)>,
    left_out: &mut LeftOut,
) {
    let listed: Vec<Listed<'_>> = client
        .entries
        .iter()
        .filter_map(|entry| Listed::new(*entry, entropy))
        .collect();
    let mut patients = listed.iter().filter(|resource| resource.is_patient());
    let (Some(patient), None) = (patients.next(), patients.next()) else {
        left_out.clients += 1;
        return;
    };
    left_out.unlisted_resources += count(client.entries.len().saturating_sub(listed.len()));

    let text = |name| patient.content.get(name).and_then(Value::as_str);
    let life = Life::new(text("birthDate"), text("deceasedDateTime"), as_of);
    let mut identifiers = client.identifiers.clone();
    for entry in &client.entries {
        identifiers.add_people(entry.resource);
    }

    // Nothing may refer to what stays. What stays depends on nothing but a resource's own content and its reference to the Patient, who
    // leaves: so what leaves is learned with all codes, and written with the codes of what leaves.
    let all: Vec<&Listed<'_>> = listed.iter().collect();
    let mut trial = Transformation {
        life,
        identifiers: &identifiers,
        codes: &all,
        left_out: LeftOut::default(),
    };
    let leaving: Vec<&Listed<'_>> = listed
        .iter()
        .filter(|resource| trial.resource(resource).is_some())
        .collect();
    let mut transformation = Transformation {
        life,
        identifiers: &identifiers,
        codes: &leaving,
        left_out: *left_out,
    };
    for resource in &listed {
        match transformation.resource(resource) {
            Some(kept) => resources.push((resource.code.clone(), kept)),
            None => transformation.left_out.incomplete_resources += 1,
        }
    }
    *left_out = transformation.left_out;
    if life.is_over_89() == Some(true) {
        let code = fresh_code(entropy);
        resources.push((code.clone(), over_89(&code, &patient.code)));
    }
}

/// "90 or older", the one category that 45 CFR 164.514(b)(2)(i)(C) leaves.
fn over_89(code: &str, patient: &str) -> Value {
    json!({
        "resourceType": "Observation",
        "id": code,
        "status": "final",
        "code": {"coding": [{"system": crate::terminology::LOINC.uri, "code": AGE}]},
        "subject": {"reference": format!("Patient/{patient}")},
        "valueQuantity": {"value": 90, "comparator": ">=", "system": UCUM, "code": "a"},
    })
}

/// FHIR R4, extension `data-absent-reason`: there is one, and it may not be told.
fn masked() -> Value {
    json!({"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]})
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

struct Transformation<'a> {
    life: Life,
    identifiers: &'a Identifiers,
    codes: &'a [&'a Listed<'a>],
    left_out: LeftOut,
}

impl Transformation<'_> {
    fn resource(&mut self, resource: &Listed<'_>) -> Option<Value> {
        let mut kept = self.parts(resource.table.elements, resource.content)?;
        kept.insert("resourceType".to_owned(), json!(resource.table.name));
        kept.insert("id".to_owned(), json!(resource.code));
        Some(Value::Object(kept))
    }

    /// The listed elements of an object. `None` where an essential one is missing.
    fn parts(&mut self, elements: &'static [Element], content: &Map<String, Value>) -> Option<Map<String, Value>> {
        // The kind is written anew, and the id was replaced or belongs to no element that leaves.
        let is_unlisted = |name: &&String| {
            !["resourceType", "id"].contains(&name.as_str()) && !elements.iter().any(|element| element.name == *name)
        };
        self.left_out.unlisted_elements += count(content.keys().filter(is_unlisted).count());
        let mut kept = Map::new();
        for element in elements {
            let value = content.get(element.name);
            match (value.and_then(|value| self.element(element, value)), element.need) {
                (Some(value), _) => _ = kept.insert(element.name.to_owned(), value),
                (None, Need::Essential) => return None,
                (None, Need::Masked) if value.is_some() => _ = kept.insert(masked_name(element), masked()),
                (None, Need::Masked | Need::Optional) => {}
            }
        }
        Some(kept)
    }

    fn element(&mut self, element: &'static Element, value: &Value) -> Option<Value> {
        if !element.is_list {
            return self.value(&element.rule, value);
        }
        let Value::Array(values) = value else {
            self.left_out.codes += 1;
            return None;
        };
        let mut kept: Vec<Value> = values
            .iter()
            .filter_map(|value| self.value(&element.rule, value))
            .collect();
        // Two places narrow down more than the law reckons with for one.
        if matches!(element.rule, Rule::Address) {
            self.left_out.places += count(kept.len().saturating_sub(1));
            kept.truncate(1);
        }
        (!kept.is_empty()).then_some(Value::Array(kept))
    }

    fn value(&mut self, rule: &'static Rule, value: &Value) -> Option<Value> {
        let life = self.life;
        let (kept, reason) = match rule {
            Rule::Parts(elements) => {
                let kept = value.as_object().and_then(|content| self.parts(elements, content));
                return kept.filter(|kept| !kept.is_empty()).map(Value::Object);
            }
            Rule::Concept(systems) => return self.concept(systems, value),
            Rule::Coding(systems) => return self.coding(systems, value),
            Rule::Word(words) => (one_of(words, value), &mut self.left_out.codes),
            Rule::Boolean => (value.as_bool().map(Value::Bool), &mut self.left_out.codes),
            Rule::Year => {
                let year = value.as_str().and_then(year_of).and_then(|year| life.year(year));
                (year.map(in_four_digits), &mut self.left_out.dates)
            }
            // `Life` has read the same element.
            Rule::BirthYear => (life.birth_year().map(in_four_digits), &mut self.left_out.dates),
            Rule::Quantity => {
                let kept = value.as_object().and_then(|quantity| number::quantity(quantity, life));
                let written = kept.as_ref().and_then(|kept| kept.get("value")).map(Value::to_string);
                let is_identifier = written.is_some_and(|written| written.len() > 5 && self.identifiers.has(&written));
                let reason = if is_identifier {
                    &mut self.left_out.identifiers
                } else {
                    &mut self.left_out.numbers
                };
                (kept.filter(|_| !is_identifier), reason)
            }
            Rule::Integer(most) => (number::integer(value, *most, life), &mut self.left_out.numbers),
            Rule::Decimal(most) => (number::decimal(value, *most), &mut self.left_out.numbers),
            Rule::Address => (value.as_object().and_then(place::address), &mut self.left_out.places),
            Rule::Reference(kinds) => (self.reference(kinds, value), &mut self.left_out.references),
            Rule::Question => {
                let question = value
                    .as_str()
                    .filter(|text| is_loinc(text.strip_prefix('/').unwrap_or(text)));
                let question = question.filter(|text| !self.identifiers.has(text));
                (question.map(Value::from), &mut self.left_out.codes)
            }
            Rule::Questionnaire => {
                let code = value.as_str().and_then(|url| url.strip_prefix("http://loinc.org/q/"));
                let code = code.filter(|code| is_loinc(code) && !self.identifiers.has(code));
                (
                    code.map(|code| json!(format!("http://loinc.org/q/{code}"))),
                    &mut self.left_out.codes,
                )
            }
        };
        if kept.is_none() {
            *reason += 1;
        }
        kept
    }

    fn concept(&mut self, systems: &'static [&'static System], value: &Value) -> Option<Value> {
        let unlisted = value.as_object()?.keys().filter(|name| *name != "coding").count();
        self.left_out.unlisted_elements += count(unlisted);
        let codings = value.get("coding")?.as_array()?;
        let kept: Vec<Value> = codings
            .iter()
            .filter_map(|coding| self.coding(systems, coding))
            .collect();
        (!kept.is_empty()).then(|| json!({"coding": kept}))
    }

    /// System and code alone, where both are of one listed terminology and the code is none of the client's own numbers.
    fn coding(&mut self, systems: &'static [&'static System], value: &Value) -> Option<Value> {
        let text = |name| value.get(name).and_then(Value::as_str);
        let of =
            |system: &&&System| text("system") == Some(system.uri) && text("code").is_some_and(|code| system.has(code));
        let (Some(system), Some(code)) = (systems.iter().find(of), text("code")) else {
            self.left_out.codes += 1;
            return None;
        };
        if AGES.contains(&code) {
            self.left_out.dates += 1;
            return None;
        }
        if system.is_open() && self.identifiers.has(code) {
            self.left_out.identifiers += 1;
            return None;
        }
        Some(json!({"system": system.uri, "code": code}))
    }

    fn reference(&self, kinds: &[&str], value: &Value) -> Option<Value> {
        let wanted = value.get("reference")?.as_str()?;
        let is_meant = |resource: &&&Listed<'_>| resource.names.iter().flatten().any(|name| name == wanted);
        let meant = self
            .codes
            .iter()
            .find(is_meant)
            .filter(|resource| kinds.contains(&resource.table.name))?;
        Some(json!({"reference": format!("{}/{}", meant.table.name, meant.code)}))
    }
}

fn in_four_digits(year: i16) -> Value {
    json!(format!("{year:04}"))
}

fn one_of(words: &[&'static str], value: &Value) -> Option<Value> {
    let value = value.as_str()?;
    words.iter().find(|word| **word == value).map(|word| json!(word))
}

/// Extensions of a primitive stand beside it, under its name with an underscore (FHIR R4, JSON representation).
fn masked_name(element: &Element) -> String {
    match element.rule {
        Rule::Year => format!("_{}", element.name),
        _ => element.name.to_owned(),
    }
}
