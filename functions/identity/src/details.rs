//! What is kept of a client: known fields, within bounds, in one form each. Every one of them is personal and prints as nothing:
//! what stands inside a [`Confidential`] has no `Debug` of its own.

use std::collections::BTreeSet;
use std::fmt;

use datatype::person::{
    ADDRESSES, EMERGENCY_CONTACTS, GUARDIANS, IDENTIFIERS, OTHER_LANGUAGES, PREVIOUS_NAMES, PRONOUNS, TELECOMS,
};
use model::{Confidential, ContactChannel, Timestamp};
use schemars::JsonSchema;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize};
use web::{Check, Problem};

use crate::address::Address;
use crate::calendar::Day;
use crate::codes::codes;
use crate::form;
use crate::identifier::Identifier;
use crate::name::{Name, PreviousName};
use crate::related::{EmergencyContact, Guardian};
use crate::several::{self, adopt};
use crate::telecom::Telecom;

/// Who a client is and how she wants to be treated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Details {
    pub(crate) name: Confidential<Name>,
    #[serde(default, skip_serializing_if = "several::is_empty")]
    #[schemars(length(max = PREVIOUS_NAMES))]
    pub(crate) previous_names: Confidential<Vec<PreviousName>>,
    pub(crate) birth_date: Confidential<Day>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gender: Option<Confidential<Gender>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = PRONOUNS))]
    pronouns: Option<Confidential<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deceased: Option<Confidential<Deceased>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    marital_status: Option<Confidential<MaritalStatus>>,
    #[serde(default, skip_serializing_if = "several::is_empty")]
    #[schemars(length(max = TELECOMS))]
    pub(crate) telecoms: Confidential<Vec<Telecom>>,
    #[serde(default, skip_serializing_if = "several::is_empty")]
    #[schemars(length(max = ADDRESSES))]
    addresses: Confidential<Vec<Address>>,
    #[serde(default, skip_serializing_if = "several::is_empty")]
    #[schemars(length(max = IDENTIFIERS))]
    identifiers: Confidential<Vec<Identifier>>,
    #[serde(default, skip_serializing_if = "several::is_empty")]
    #[schemars(length(max = EMERGENCY_CONTACTS))]
    emergency_contacts: Confidential<Vec<EmergencyContact>>,
    #[serde(default, skip_serializing_if = "several::is_empty")]
    #[schemars(length(max = GUARDIANS))]
    guardians: Confidential<Vec<Guardian>>,
    pub(crate) preferences: Preferences,
}

codes! {
    /// As offices and insurers ask for it (FHIR `AdministrativeGender`).
    Gender {
        Male = "male",
        Female = "female",
        Other = "other",
        Unknown = "unknown",
    }
}

codes! {
    /// HL7 v3 `MaritalStatus`, as FHIR binds it.
    MaritalStatus {
        Annulled = "A",
        CommonLaw = "C",
        Divorced = "D",
        Interlocutory = "I",
        LegallySeparated = "L",
        Married = "M",
        Polygamous = "P",
        NeverMarried = "S",
        DomesticPartner = "T",
        Unmarried = "U",
        Unknown = "UNK",
        Widowed = "W",
    }
}

/// That she has died, or not, or when (FHIR `deceased[x]`).
#[derive(Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Deceased {
    Is(bool),
    On(Day),
}

impl<'de> Deserialize<'de> for Deceased {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl Visitor<'_> for Either {
            type Value = Deceased;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("true, false or a date as YYYY-MM-DD")
            }

            fn visit_bool<E>(self, is: bool) -> Result<Deceased, E> {
                Ok(Deceased::Is(is))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Deceased, E> {
                Day::deserialize(serde::de::value::StrDeserializer::<E>::new(text)).map(Deceased::On)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// How she wants to be treated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preferences {
    /// In which she is written and spoken to: a tag of BCP 47.
    pub(crate) language: Confidential<String>,
    /// In which she may be too.
    #[serde(default, skip_serializing_if = "several::is_empty")]
    #[schemars(length(max = OTHER_LANGUAGES))]
    other_languages: Confidential<Vec<String>>,
    /// How the practice may reach her.
    pub(crate) channels: Confidential<Vec<ContactChannel>>,
    /// Whether she is at ease with a pet in the room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pet_at_session: Option<Confidential<bool>>,
}

impl Preferences {
    fn normalised(self, check: &mut Check, at: &str) -> Self {
        let language = form::language_tag(self.language.expose(), check, &format!("{at}/language"));
        let others = format!("{at}/other_languages");
        let written = self.other_languages.expose();
        check.that(
            written.len() <= OTHER_LANGUAGES,
            &others,
            "count",
            format!("must have at most {OTHER_LANGUAGES} elements"),
        );
        let mut other_languages: Vec<String> = Vec::new();
        for (position, tag) in written.iter().take(OTHER_LANGUAGES).enumerate() {
            let at = format!("{others}/{position}");
            let tag = form::language_tag(tag, check, &at);
            check.that(
                tag != language && !other_languages.contains(&tag),
                at,
                "unique",
                "must not be there twice",
            );
            other_languages.push(tag);
        }
        let channels = self.channels.expose();
        check.that(
            channels.iter().collect::<BTreeSet<_>>().len() == channels.len(),
            format!("{at}/channels"),
            "unique",
            "must have each channel once",
        );
        Self {
            language: Confidential::new(language),
            other_languages: Confidential::new(other_languages),
            ..self
        }
    }
}

impl Details {
    /// The details in their one form, where they keep the rules. `at` is where they stand in the body, as a JSON pointer.
    ///
    /// # Errors
    /// 422 with every field that breaks a rule.
    pub(crate) fn normalised(self, at: &str, now: Timestamp) -> Result<Self, Problem> {
        let mut check = Check::new();
        let birth = *self.birth_date.expose();
        check.that(
            birth.is_past(now),
            format!("{at}/birth_date"),
            "range",
            "must not lie before 1900 or in the future",
        );
        if let Some(Deceased::On(day)) = self.deceased.as_ref().map(Confidential::expose) {
            check.that(
                birth <= *day && day.is_past(now),
                format!("{at}/deceased"),
                "range",
                "must not lie before the birth or in the future",
            );
        }
        macro_rules! several {
            ($field:ident) => {
                Confidential::new(several::normalised(
                    self.$field.into_inner(),
                    &mut check,
                    &format!(concat!("{at}/", stringify!($field)), at = at),
                ))
            };
        }
        let details = Self {
            name: Confidential::new(self.name.into_inner().normalised(&mut check, &format!("{at}/name"))),
            pronouns: self.pronouns.map(|pronouns| {
                let at = format!("{at}/pronouns");
                Confidential::new(form::line(pronouns.expose(), &mut check, &at, PRONOUNS))
            }),
            previous_names: several!(previous_names),
            telecoms: several!(telecoms),
            addresses: several!(addresses),
            identifiers: several!(identifiers),
            emergency_contacts: several!(emergency_contacts),
            guardians: several!(guardians),
            preferences: self.preferences.normalised(&mut check, &format!("{at}/preferences")),
            birth_date: self.birth_date,
            gender: self.gender,
            deceased: self.deceased,
            marital_status: self.marital_status,
        };
        check.finish()?;
        Ok(details)
    }

    /// These details, with whatever `other` has by which she is reached or known to others, and they lack: telecoms,
    /// addresses, identifiers and emergency contacts, behind their own, in their order there, as far as there is room. What they do have
    /// stays as it is, and what only one person can have one of is never taken over.
    pub(crate) fn with_contact_of(&self, other: &Self) -> Self {
        Self {
            // Whom they prefer to be reached by was said of these, and not of those.
            telecoms: adopt(&self.telecoms, &other.telecoms, Telecom::unranked),
            addresses: adopt(&self.addresses, &other.addresses, |address| address),
            identifiers: adopt(&self.identifiers, &other.identifiers, |identifier| identifier),
            emergency_contacts: adopt(&self.emergency_contacts, &other.emergency_contacts, |contact| contact),
            ..self.clone()
        }
    }

    /// Where she is reached by a channel that she agrees to. Nobody is where she has died: who reads her mail then is somebody else.
    pub(crate) fn reached_by(&self, channel: ContactChannel) -> Option<Confidential<String>> {
        let is_alive = matches!(
            self.deceased.as_ref().map(Confidential::expose),
            None | Some(Deceased::Is(false))
        );
        let agrees = self.preferences.channels.expose().contains(&channel);
        crate::telecom::preferred(self.telecoms.expose(), channel)
            .filter(|_| is_alive && agrees)
            .map(|telecom| Confidential::new(telecom.value.clone()))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A client of whom everything is known that can be: the example of the README.
    pub(crate) fn full() -> Value {
        let (_, example) = include_str!("../README.md").split_once("```json\n").unwrap();
        serde_json::from_str(example.split_once("```").unwrap().0).unwrap()
    }

    fn least() -> Value {
        json!({"name": {"family": "Okafor"}, "birth_date": "1987-03-21", "preferences": {"language": "en", "channels": []}})
    }

    fn normal(person: Value) -> Result<Details, Problem> {
        serde_json::from_value::<Details>(person)
            .unwrap()
            .normalised("/client", "2026-12-01T08:00:00Z".parse().unwrap())
    }

    fn rules_broken(person: Value) -> Vec<(String, &'static str)> {
        match normal(person) {
            Ok(_) => vec![],
            Err(problem) => {
                assert_eq!(problem.status, 422);
                let violations = problem.violations.into_iter();
                violations.map(|violation| (violation.field, violation.rule)).collect()
            }
        }
    }

    #[test]
    fn what_is_in_its_form_stays_as_it_is() {
        let fields = |json: Value| json.as_object().unwrap().len();
        assert_eq!(
            (fields(full()), fields(least())),
            (13, 3),
            "the example has every field"
        );
        for person in [full(), least()] {
            let details = normal(person.clone()).unwrap();
            assert_eq!(serde_json::to_value(&details).unwrap(), person);
        }
    }

    /// What is made of the bundles that an import is tried on.
    #[test]
    fn what_an_import_brings_is_in_its_form() {
        let settings = fhir::Settings {
            calling_code: Some("1".to_owned()),
            language: "en".to_owned(),
        };
        for (_, bundle) in testkit::PATIENTS {
            let bundle = fhir::Bundle::parse(bundle.as_bytes()).unwrap();
            let import = fhir::Import::of(
                &bundle,
                &settings,
                fhir::Handling::Lenient,
                &std::collections::BTreeMap::new(),
                &|source, _| source.id.clone(),
            )
            .unwrap();
            let person = serde_json::to_value(&import.client.content).unwrap();
            let details = normal(person.clone()).unwrap();
            let mut kept = serde_json::to_value(&details).unwrap();
            // A language tag gets the capitals of RFC 5646.
            kept["preferences"]["language"] = person["preferences"]["language"].clone();
            assert_eq!(kept, person);
        }
    }

    /// What is flawed in a bundle, or there twice, or too often, is not among what it brings: it keeps nothing else out.
    #[test]
    fn a_flawed_import_is_in_its_form() {
        let long = "x".repeat(201);
        let role =
            json!([{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH"}]}]);
        let number = |system: &str, value: &str| {
            json!({"system": system, "value": value,
            "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}})
        };
        let speaks = |tag: &str| json!({"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": tag}]}});
        let phone = json!([{"system": "phone", "value": "617-555-0100"}]);
        let calls =
            |name: &str, telecom: &Value| json!({"name": {"text": name}, "relationship": role, "telecom": telecom});
        let mut entries = vec![
            json!({"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Patient", "birthDate": "1987-03-21",
            "name": [{"use": "official", "family": "Okafor", "given": vec!["Z"; 9], "prefix": [long]}, {"use": "usual", "text": long},
                {"use": "old", "text": "Ngozi"}, {"use": "old", "family": "A"}, {"use": "old", "family": "A "},
                {"use": "old", "family": "B", "period": {"start": "2015-06-02", "end": "2015-06-01"}}],
            "telecom": [{"system": "phone", "value": "6175550100", "use": "home"}, {"system": "phone", "value": "617-555-0100", "use": "mobile"},
                {"system": "email", "value": "none@none"}, {"system": "email", "value": "A@x.org"}, {"system": "email", "value": "a@x.org"},
                {"system": "email", "value": "617-555-0100"}, {"system": "sms", "value": "617-555-0111", "rank": 300}],
            "address": [{"state": "MA", "country": "US"}, {"city": "Boston", "country": "UK"}, {"line": ["1", "2", "3", "4", "5"], "country": "US"},
                {"city": "Boston", "postalCode": "02115/7", "country": "US"}, {"city": "Boston", "country": "us"}, {"city": "Boston", "country": "US"},
                {"city": "Boston", "country": "US", "period": {"start": "2020-02-01", "end": "2020-01-01"}}],
            "identifier": [number("insurer", "1"), number("urn:x:1", &long), number("urn:x:1", "1"), number("urn:x:1", "1"),
                number("http://hl7.org/fhir/sid/us-ssn", "1")],
            "contact": [calls("A", &json!([])), calls("B", &json!([{"system": "phone", "value": "1"}])), calls(&long, &phone), calls("C", &phone), calls("C", &phone)],
            "communication": [speaks("en"), speaks("EN"), speaks("en_US"), speaks("de")],
            "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/individual-pronouns",
                "extension": [{"url": "value", "valueCodeableConcept": {"text": long}}]}]}}),
        ];
        entries.extend((0..6).map(|guardian| json!({"fullUrl": format!("urn:uuid:g{guardian}"), "resource": {"resourceType": "RelatedPerson",
            "patient": {"reference": "urn:uuid:1"}, "relationship": role, "name": [{"text": format!("M{}", guardian / 2)}],
            "identifier": [{"value": "acc_1"}], "telecom": [{"system": "email", "value": "none@none"}]}})));
        let bundle = json!({"resourceType": "Bundle", "type": "collection", "entry": entries});
        let bundle = fhir::Bundle::parse(bundle.to_string().as_bytes()).unwrap();
        let settings = fhir::Settings {
            calling_code: Some("1".to_owned()),
            language: "en".to_owned(),
        };
        for handling in [fhir::Handling::Strict, fhir::Handling::Lenient] {
            let none = std::collections::BTreeMap::new();
            let import = fhir::Import::of(&bundle, &settings, handling, &none, &|source, _| source.id.clone()).unwrap();
            let person = serde_json::to_value(&import.client.content).unwrap();
            let kept = serde_json::to_value(normal(person.clone()).unwrap()).unwrap();
            assert_eq!(kept, person);
            let count = |field: &str| kept[field].as_array().map_or(0, Vec::len);
            let counts = [
                "telecoms",
                "addresses",
                "identifiers",
                "emergency_contacts",
                "guardians",
                "previous_names",
            ]
            .map(count);
            assert_eq!(counts, [3, 1, 1, 1, 3, 1]);
        }
    }

    #[test]
    fn every_field_keeps_its_rules() {
        let (long, line) = ("x".repeat(201), "x".repeat(200));
        let many = |count: usize| {
            let number = |number| json!({"system": "phone", "value": format!("+4930123456{number:02}")});
            Value::Array((0..count).map(number).collect())
        };
        for (pointer, value, broken) in [
            ("/name/given/0", json!(line), None),
            ("/name/given/0", json!(long), Some(("", "length"))),
            ("/name/given", json!(vec!["x"; 8]), None),
            ("/name/given", json!(vec!["x"; 9]), Some(("", "count"))),
            ("/name/prefix", json!(vec!["x"; 5]), Some(("", "count"))),
            ("/name/suffix/0", json!(""), Some(("", "length"))),
            ("/name/family", json!("  "), Some(("", "length"))),
            ("/name/family", json!("Oka\nfor"), Some(("", "one-line"))),
            ("/name/family", json!("Oka\u{7}for"), Some(("", "control-characters"))),
            ("/name/preferred", json!(" "), Some(("", "length"))),
            ("/name", json!({"preferred": "Zo"}), Some(("", "any-of"))),
            ("/name", json!({"given": ["Zoë"]}), None),
            ("/previous_names/0", json!({"use": "old"}), Some(("", "any-of"))),
            ("/previous_names/0/family", json!(long), Some(("", "length"))),
            ("/previous_names/0/period", json!({}), Some(("", "period"))),
            (
                "/previous_names/0/period",
                json!({"start": "2015-06-02", "end": "2015-06-01"}),
                Some(("", "period")),
            ),
            (
                "/previous_names",
                json!([{"use": "old", "family": "A"}, {"use": "maiden", "family": "A"}]),
                Some(("/1", "unique")),
            ),
            ("/birth_date", json!("1899-12-31"), Some(("", "range"))),
            ("/birth_date", json!("2026-12-01"), None),
            ("/birth_date", json!("2026-12-02"), Some(("", "range"))),
            ("/pronouns", json!("x".repeat(41)), Some(("", "length"))),
            ("/deceased", json!(true), None),
            ("/deceased", json!("2026-12-01"), None),
            ("/deceased", json!("2026-12-02"), Some(("", "range"))),
            ("/deceased", json!("1987-03-20"), Some(("", "range"))),
            ("/telecoms", many(10), None),
            ("/telecoms", many(11), Some(("", "count"))),
            ("/telecoms/0/value", json!("ada"), Some(("", "email"))),
            ("/telecoms/1/value", json!("12345678"), Some(("", "e164"))),
            ("/telecoms/2/value", json!("12345678"), Some(("", "e164"))),
            ("/telecoms/0/rank", json!(0), Some(("", "range"))),
            ("/telecoms/0/rank", json!(100), Some(("", "range"))),
            (
                "/telecoms",
                json!([{"system": "email", "value": "a@example.org"}, {"system": "email", "value": "A@example.org"}]),
                Some(("/1", "unique")),
            ),
            ("/addresses/0/country", json!("UK"), Some(("", "iso-3166"))),
            ("/addresses/0/postal_code", json!("1/2"), Some(("", "postal-code"))),
            ("/addresses/0/line", json!(vec!["x"; 5]), Some(("", "count"))),
            ("/addresses/0/line/1", json!(long), Some(("", "length"))),
            ("/addresses/0/city", json!(long), Some(("", "length"))),
            ("/addresses/0/district", json!("\t"), Some(("", "length"))),
            ("/addresses/0/state", json!(long), Some(("", "length"))),
            ("/addresses/0/period", json!({}), Some(("", "period"))),
            ("/addresses/0", json!({"country": "DE"}), Some(("", "any-of"))),
            ("/identifiers/0/system", json!("insurer"), Some(("", "uri"))),
            (
                "/identifiers/0/system",
                json!("http://hl7.org/fhir/sid/us-ssn"),
                Some(("", "not-collected")),
            ),
            ("/identifiers/0/value", json!("x".repeat(65)), Some(("", "length"))),
            ("/emergency_contacts/0/name", json!(""), Some(("", "length"))),
            ("/emergency_contacts/0/telecoms", json!([]), Some(("", "count"))),
            ("/emergency_contacts/0/telecoms/0/value", json!("1"), Some(("", "e164"))),
            ("/guardians/0", json!({"relationship": "GUARD"}), Some(("", "any-of"))),
            ("/guardians/0/name", json!(long), Some(("", "length"))),
            ("/guardians/0/telecoms/0/value", json!("ola"), Some(("", "email"))),
            ("/preferences/language", json!("en_GB"), Some(("", "bcp-47"))),
            ("/preferences/other_languages/0", json!("e"), Some(("", "bcp-47"))),
            ("/preferences/other_languages/0", json!("EN-gb"), Some(("", "unique"))),
            ("/preferences/channels", json!([]), None),
            ("/preferences/channels", json!(["sms", "sms"]), Some(("", "unique"))),
        ] {
            let mut person = full();
            let case = format!("{pointer} {value}");
            *person.pointer_mut(pointer).unwrap() = value;
            let broken: Vec<_> = broken
                .map(|(below, rule)| (format!("/client{pointer}{below}"), rule))
                .into_iter()
                .collect();
            // A blank tab is refused for being a tab, too.
            let said: Vec<_> = rules_broken(person);
            assert_eq!(said, broken, "{case}");
        }
    }

    #[test]
    fn what_nobody_asks_for_has_no_place() {
        for (pointer, field) in [
            ("", "photo"),
            ("", "race"),
            ("", "ethnicity"),
            ("", "birth_place"),
            ("", "notes"),
            ("", "contact"),
            ("/name", "title"),
            ("/previous_names/0", "reason"),
            ("/telecoms/0", "comment"),
            ("/addresses/0", "text"),
            ("/addresses/0/period", "about"),
            ("/identifiers/0", "assigner"),
            ("/emergency_contacts/0", "gender"),
            ("/guardians/0", "notes"),
            ("/preferences", "diagnosis"),
        ] {
            let mut person = full();
            person.pointer_mut(pointer).unwrap()[field] = json!("x");
            assert!(serde_json::from_value::<Details>(person).is_err(), "{pointer} {field}");
        }
        for (pointer, value) in [
            ("/gender", json!("f")),
            ("/marital_status", json!("m")),
            ("/deceased", json!("yesterday")),
            ("/deceased", json!(1)),
            ("/telecoms/0/system", json!("fax")),
            ("/telecoms/0/use", json!("old")),
            ("/addresses/0/use", json!("old")),
            ("/identifiers/0/type", json!("SS")),
            ("/guardians/0/relationship", json!("guard")),
        ] {
            let mut person = full();
            *person.pointer_mut(pointer).unwrap() = value;
            assert!(serde_json::from_value::<Details>(person).is_err(), "{pointer}");
        }
        // Untyped, it might be one of those that are not collected.
        let mut person = full();
        person["identifiers"][0].as_object_mut().unwrap().remove("type");
        assert!(serde_json::from_value::<Details>(person).is_err());
    }

    #[test]
    fn comes_to_one_form_and_prints_nothing() {
        let mut person = full();
        person["name"]["given"][0] = json!(" Zoe\u{308} ");
        person["telecoms"][0]["value"] = json!("Zoe@Example.ORG");
        person["telecoms"][1]["value"] = json!("0049 30 12345678");
        person["addresses"][0]["country"] = json!("de");
        person["preferences"]["language"] = json!("EN-gb");
        let details = normal(person).unwrap();
        assert_eq!(serde_json::to_value(&details).unwrap(), full());
        let printed = format!("{details:?}").to_lowercase();
        for personal in [
            "zo", "okafor", "1987", "4930", "en-gb", "post\"", "berlin", "mb", "true", "acc_",
        ] {
            assert!(!printed.contains(personal), "{personal} {printed}");
        }
    }

    #[test]
    fn what_is_lacking_is_taken_over_and_nothing_else() {
        let survivor = json!({"name": {"family": "Okafor"}, "birth_date": "1987-03-21",
            "telecoms": [{"system": "phone", "value": "+493012345678", "rank": 9}],
            "preferences": {"language": "en", "channels": ["post"]}});
        let merged = normal(survivor.clone())
            .unwrap()
            .with_contact_of(&normal(full()).unwrap());
        let json = serde_json::to_value(&merged).unwrap();
        let mut expected = survivor;
        expected["telecoms"] = json!([
            {"system": "phone", "value": "+493012345678", "rank": 9},
            {"system": "email", "value": "zoe@example.org", "use": "home"},
            {"system": "sms", "value": "+493012345679"}
        ]);
        for field in ["addresses", "identifiers", "emergency_contacts"] {
            expected[field] = full()[field].clone();
        }
        assert_eq!(json, expected);
        // Done again it changes nothing, and what comes of it keeps the rules.
        assert_eq!(merged.with_contact_of(&normal(full()).unwrap()), merged);
        assert_eq!(normal(json).unwrap(), merged);
        let number = |number| json!({"system": "phone", "value": format!("+4930123456{number:02}")});
        let (mut one, mut other) = (least(), least());
        one["telecoms"] = (0..7).map(number).collect();
        other["telecoms"] = (5..15).map(number).collect();
        let merged = normal(one).unwrap().with_contact_of(&normal(other).unwrap());
        assert_eq!(
            serde_json::to_value(&merged).unwrap()["telecoms"],
            (0..10).map(number).collect::<Value>()
        );
    }

    #[test]
    fn nobody_is_reached_who_has_died_or_does_not_agree() {
        let reached = |deceased: Value, channels: Value| {
            let mut person = full();
            person["deceased"] = deceased;
            person["preferences"]["channels"] = channels;
            normal(person)
                .unwrap()
                .reached_by(ContactChannel::Email)
                .map(Confidential::into_inner)
        };
        assert_eq!(
            reached(json!(false), json!(["email"])).as_deref(),
            Some("zoe@example.org")
        );
        assert_eq!(reached(json!(false), json!(["sms"])), None);
        assert_eq!(reached(json!(true), json!(["email"])), None);
        assert_eq!(reached(json!("2026-11-30"), json!(["email"])), None);
    }
}
