//! A consent receipt.

use std::fmt;

use anyhow::{Context as _, Result, bail};
use model::{DataClass, Purpose};
use receipt::{Event, GivenBy, JwkSet, Method, Recipient, Record};
use serde::Deserialize;
use serde_json::Value;

/// What an answer of `consent` carries of a receipt. Its other fields are of no account here.
#[derive(Deserialize)]
pub(super) struct Answer {
    receipt: String,
    /// What the answer says that the receipt says.
    #[serde(default)]
    record: Option<Value>,
}

impl Answer {
    /// A receipt by itself.
    pub(super) fn bare(receipt: &str) -> Self {
        Self {
            receipt: receipt.to_owned(),
            record: None,
        }
    }

    /// What was agreed, where one of the keys has signed it.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub(super) fn verify(&self, keys: &JwkSet) -> Result<Record> {
        let record = keys
            .verify(&self.receipt)
            .map_err(|refused| anyhow::anyhow!("the receipt {refused}"))?;
        // Who is handed the whole answer reads the record in it, and only the receipt is signed.
        if let Some(shown) = &self.record {
            let signed = serde_json::to_value(&record).context("the record can't be compared")?;
            if *shown != signed {
                bail!("the record beside the receipt is not the one that was signed");
            }
        }
        Ok(record)
    }
}

/// A record in plain words, a line each.
pub(super) struct PlainWords<'r>(pub(super) &'r Record);

/// Text of somebody's own on one line: nothing in it can move the cursor, colour the terminal or turn the reading direction.
struct Printable<'t>(&'t str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_formatting = |character: char| {
            character.is_control()
                || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        for character in self.0.chars() {
            match character {
                '\n' | '\r' | '\t' => formatter.write_str(" ")?,
                character if is_formatting(character) => write!(formatter, "{}", character.escape_unicode())?,
                character => write!(formatter, "{character}")?,
            }
        }
        Ok(())
    }
}

fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Treatment => "treatment",
        Purpose::PatientRequest => "the client's own requests",
        Purpose::PatientAdministration => "administration of care",
        Purpose::SystemAdministration => "running the system",
        Purpose::Compliance => "compliance",
        Purpose::Payment => "payment",
        Purpose::Research => "research",
        Purpose::QualityImprovement => "quality improvement",
        Purpose::FamilyRequest => "requests of those who act for the client",
        Purpose::BreakGlass => "emergencies",
        other => other.code(),
    }
}

fn class(class: DataClass) -> &'static str {
    match class {
        DataClass::Identity => "who she is",
        DataClass::Health => "her clinical records",
        DataClass::Psychotherapy => "psychotherapy notes",
        DataClass::SubstanceUse => "records of treatment for substance use",
        DataClass::Billing => "invoices and payments",
        DataClass::Schedule => "appointments",
        other => other.name(),
    }
}

fn given_by(given_by: GivenBy) -> &'static str {
    match given_by {
        GivenBy::Client => "by the client",
        GivenBy::Guardian => "by whoever may act for her",
    }
}

fn method(method: Method) -> &'static str {
    match method {
        Method::InPerson => "in person",
        Method::Written => "in writing",
        Method::Electronic => "electronically",
    }
}

fn list(words: impl Iterator<Item = &'static str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

impl fmt::Display for PlainWords<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = self.0;
        let notice = &record.privacy_notice;
        writeln!(
            formatter,
            "Consent {} of client {}, as of {}",
            record.record_id, record.pii_principal_id, record.as_of
        )?;
        for event in &record.events {
            match event {
                Event::Given {
                    event_time,
                    given_by: who,
                    method: how,
                    validity_duration,
                    until_majority,
                    supersedes,
                    ..
                } => {
                    writeln!(formatter, "  given {event_time} {} {}", given_by(*who), method(*how))?;
                    match validity_duration {
                        Some(validity) => writeln!(formatter, "  until {}, or withdrawn before", validity.ends_at)?,
                        None if *until_majority => {
                            writeln!(formatter, "  until the client is of age, or withdrawn before")?
                        }
                        None => writeln!(formatter, "  until it is withdrawn")?,
                    }
                    if let Some(consent) = supersedes {
                        writeln!(formatter, "  in place of {consent}")?;
                    }
                }
                Event::Withdrawn { event_time, .. } => writeln!(formatter, "  WITHDRAWN {event_time}")?,
                Event::Superseded {
                    event_time,
                    superseded_by,
                } => writeln!(formatter, "  SUPERSEDED {event_time} by {superseded_by}")?,
                Event::Expired { event_time } => writeln!(formatter, "  EXPIRED {event_time}")?,
            }
        }
        match &record.recipient_third_parties {
            Some(Recipient::Account(account)) => writeln!(formatter, "  for the account {account} alone")?,
            Some(Recipient::Name(name)) => writeln!(formatter, "  for {} alone", Printable(name.expose()))?,
            None => {}
        }
        for controller in &record.pii_controllers {
            let contact = Printable(&controller.party_contact);
            writeln!(formatter, "  to the clinic {} ({contact})", controller.party_id)?;
        }
        writeln!(
            formatter,
            "  for: {}",
            list(record.purposes.iter().copied().map(purpose))
        )?;
        let classes = record.pii_information.iter().map(|information| information.pii_type);
        writeln!(formatter, "  about: {}", list(classes.map(class)))?;
        writeln!(
            formatter,
            "  on the notice \"{}\" {}, version {}, in {}, SHA-256 {}",
            Printable(&notice.title),
            notice.id,
            notice.version,
            Printable(&record.language),
            Printable(&notice.sha256)
        )?;
        writeln!(formatter, "  withdrawal: {}", Printable(&record.withdrawal_method))?;
        write!(formatter, "  complaint: {}", Printable(&record.privacy_rights))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_and_class_that_can_be_agreed_has_words() {
        for code in Purpose::ALL {
            assert_eq!(purpose(code) == code.code(), code.is_prohibited(), "{code}");
        }
        for code in DataClass::ALL {
            assert_eq!(class(code) == code.name(), !code.is_consentable(), "{code}");
        }
    }

    #[test]
    fn text_stays_on_its_line() {
        for (text, printed) in [
            ("Tell us, „jederzeit“ – 25 €.", "Tell us, „jederzeit“ – 25 €."),
            ("one\ntwo\r\tthree", "one two  three"),
            ("\u{1b}[2Jok:", "\\u{1b}[2Jok:"),
            (
                "a\u{202e}b\u{2066}c\u{9b}d\u{85}",
                "a\\u{202e}b\\u{2066}c\\u{9b}d\\u{85}",
            ),
        ] {
            assert_eq!(Printable(text).to_string(), printed);
        }
    }
}
