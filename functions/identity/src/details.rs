//! What is kept of a client: known fields, within bounds, in one form each. Every one of them is personal and prints as nothing.

use std::collections::BTreeSet;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use model::{Confidential, ContactChannel, Timestamp, is_language_tag};
use serde::{Deserialize, Deserializer, Serialize};
use web::{Check, Problem};

use crate::contact;

/// The longest name, in characters.
const NAME: usize = 200;

/// Nobody who is a client today was born before.
const EARLIEST_BIRTH: Date = date(1900, 1, 1);

/// Who a client is and how she wants to be treated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Details {
    pub(crate) name: Name,
    #[serde(deserialize_with = "birth_date")]
    pub(crate) birth_date: Confidential<Date>,
    pub(crate) contact: Contact,
    pub(crate) preferences: Preferences,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Name {
    given: Confidential<String>,
    family: Confidential<String>,
    /// What she wants to be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    preferred: Option<Confidential<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contact {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<Confidential<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) phone: Option<Confidential<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preferences {
    pub(crate) language: Confidential<String>,
    /// How the practice may reach her.
    pub(crate) channels: Confidential<Vec<ContactChannel>>,
    /// Whether she is at ease with a pet in the room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pet_at_session: Option<Confidential<bool>>,
}

/// The parser's own messages may quote what they could not parse.
pub(crate) fn birth_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Confidential<Date>, D::Error> {
    let text = Confidential::<String>::deserialize(deserializer)?;
    text.expose()
        .parse()
        .map(Confidential::new)
        .map_err(|_| serde::de::Error::custom("must be a date as YYYY-MM-DD"))
}

impl Contact {
    /// Puts each value that has a form into it, and notes those that have none at `at`.
    pub(crate) fn normalised(&self, check: &mut Check, at: &str) -> Self {
        let email = self.email.as_ref().map(|email| contact::email(email.expose()));
        check.that(
            !matches!(email, Some(None)),
            format!("{at}/email"),
            "email",
            "must be an e-mail address",
        );
        let phone = self.phone.as_ref().map(|phone| contact::phone(phone.expose()));
        check.that(
            !matches!(phone, Some(None)),
            format!("{at}/phone"),
            "e164",
            "must be a telephone number with its country code, such as +493012345678",
        );
        Self {
            email: email.flatten().map(Confidential::new),
            phone: phone.flatten().map(Confidential::new),
        }
    }
}

impl Name {
    fn normalised(&self, check: &mut Check, at: &str) -> Self {
        let mut part = |text: &Confidential<String>, field: &str| {
            let text = contact::name(text.expose());
            let field = format!("{at}/{field}");
            check.text(&text, &field, 1, NAME);
            check.that(
                !text.contains(['\n', '\r', '\t']),
                field,
                "one-line",
                "must not contain line breaks or tabs",
            );
            Confidential::new(text)
        };
        Self {
            given: part(&self.given, "given"),
            family: part(&self.family, "family"),
            preferred: self.preferred.as_ref().map(|text| part(text, "preferred")),
        }
    }
}

impl Details {
    /// The details in their one form, where they keep the rules. `at` is where they stand in the body, as a JSON pointer.
    ///
    /// # Errors
    /// 422 with every field that breaks a rule.
    pub(crate) fn normalised(&self, at: &str, now: Timestamp) -> Result<Self, Problem> {
        let mut check = Check::new();
        let name = self.name.normalised(&mut check, &format!("{at}/name"));
        let today = now.to_zoned(TimeZone::UTC).date();
        check.that(
            (EARLIEST_BIRTH..=today).contains(self.birth_date.expose()),
            format!("{at}/birth_date"),
            "range",
            "must not lie before 1900 or in the future",
        );
        let contact = self.contact.normalised(&mut check, &format!("{at}/contact"));
        let preferences = &self.preferences;
        check.that(
            is_language_tag(preferences.language.expose()),
            format!("{at}/preferences/language"),
            "bcp-47",
            "must be a language tag such as en or pt-BR",
        );
        let channels = preferences.channels.expose();
        check.that(
            channels.iter().collect::<BTreeSet<_>>().len() == channels.len(),
            format!("{at}/preferences/channels"),
            "unique",
            "must have each channel once",
        );
        check.finish()?;
        Ok(Self {
            name,
            birth_date: self.birth_date.clone(),
            contact,
            preferences: preferences.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn person() -> Value {
        json!({"name": {"given": " Ada ", "family": "Okafor"}, "birth_date": "1987-03-21",
            "contact": {"email": "Ada@Example.org", "phone": "0049 30 12345678"},
            "preferences": {"language": "en-GB", "channels": ["email", "post"], "pet_at_session": true}})
    }

    fn rules_broken(person: Value) -> Vec<(String, &'static str)> {
        let details: Details = serde_json::from_value(person).unwrap();
        match details.normalised("/client", "2026-12-01T08:00:00Z".parse().unwrap()) {
            Ok(_) => vec![],
            Err(problem) => {
                assert_eq!(problem.status, 422);
                problem
                    .violations
                    .into_iter()
                    .map(|violation| (violation.field, violation.rule))
                    .collect()
            }
        }
    }

    #[test]
    fn every_field_keeps_its_rules() {
        for (pointer, value, broken) in [
            ("/name/given", json!("x".repeat(200)), None),
            ("/name/given", json!("x".repeat(201)), Some("length")),
            ("/name/family", json!("  "), Some("length")),
            ("/name/family", json!("Oka\nfor"), Some("one-line")),
            ("/name/family", json!("Oka\u{7}for"), Some("control-characters")),
            ("/birth_date", json!("1899-12-31"), Some("range")),
            ("/birth_date", json!("2026-12-01"), None),
            ("/birth_date", json!("2026-12-02"), Some("range")),
            ("/contact/email", json!("ada"), Some("email")),
            ("/contact/phone", json!("12345678"), Some("e164")),
            ("/preferences/language", json!("en_GB"), Some("bcp-47")),
            ("/preferences/channels", json!([]), None),
            ("/preferences/channels", json!(["sms", "sms"]), Some("unique")),
        ] {
            let mut person = person();
            *person.pointer_mut(pointer).unwrap() = value;
            let broken: Vec<_> = broken
                .map(|rule| (format!("/client{pointer}"), rule))
                .into_iter()
                .collect();
            assert_eq!(rules_broken(person), broken, "{pointer}");
        }
    }

    #[test]
    fn comes_to_one_form_and_prints_nothing() {
        let details: Details = serde_json::from_value(person()).unwrap();
        let now = "2026-12-01T08:00:00Z".parse().unwrap();
        let once = details.normalised("", now).unwrap();
        assert_eq!(once.normalised("", now).unwrap(), once);
        let json = serde_json::to_value(&once).unwrap();
        assert_eq!(json["name"]["given"], "Ada");
        assert_eq!(
            json["contact"],
            json!({"email": "ada@example.org", "phone": "+493012345678"})
        );
        let printed = format!("{once:?}").to_lowercase();
        for personal in ["ada", "okafor", "1987", "4930", "en-gb", "post", "true"] {
            assert!(!printed.contains(personal), "{personal}");
        }
    }
}
