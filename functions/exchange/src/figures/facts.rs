//! What is looked at of each client, and no more.

use std::collections::BTreeSet;

use datatype::Instrument;
use jiff::civil::Date;
use model::{ClientId, Timestamp};
use serde::Deserialize;

use super::category::{Dimension, age};
use crate::owners::{Owner, Owners, Stop};

/// What is counted of one client.
#[derive(Default)]
pub(super) struct Facts {
    gender: usize,
    decade: usize,
    phq9: Latest,
    gad7: Latest,
    pcl5: Latest,
    codes: BTreeSet<Coding>,
}

/// The latest result of an instrument.
#[derive(Default)]
struct Latest(Option<(Timestamp, String)>);

/// A code, by what it means where it is defined.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Coding {
    pub(super) system: String,
    pub(super) code: String,
}

#[derive(Deserialize)]
struct PersonPart {
    content: Person,
    replaced_by: Option<ClientId>,
}

#[derive(Deserialize)]
struct Person {
    birth_date: String,
    gender: Option<String>,
    deceased: Option<Deceased>,
}

/// That she has died, or not, or when.
#[derive(Deserialize)]
#[serde(untagged)]
enum Deceased {
    Is(bool),
    On(String),
}

#[derive(Deserialize)]
struct RecordPart {
    content: Record,
    result: Option<Score>,
}

/// An assessment or a diagnosis.
#[derive(Deserialize)]
struct Record {
    instrument: Option<String>,
    administered_at: Option<Timestamp>,
    code: Option<Concept>,
    verification_status: Option<String>,
}

#[derive(Deserialize)]
struct Concept {
    #[serde(default)]
    coding: Vec<Coding>,
}

/// What answers come to, as `records` computes it.
#[derive(Deserialize)]
struct Score {
    severity: Option<String>,
    cut_point: Option<String>,
}

/// The kinds of records that tell these dimensions, or, without one, diagnoses.
pub(super) fn kinds(dimensions: &[Dimension]) -> &'static [&'static str] {
    match dimensions {
        [] => &["diagnosis"],
        _ if dimensions.iter().any(|dimension| dimension.instrument().is_some()) => &["assessment"],
        _ => &[],
    }
}

fn day(text: &str) -> Option<Date> {
    text.parse().ok()
}

impl Person {
    /// How old she is, or was when she died.
    fn age(&self, today: Date) -> Option<i16> {
        let on = match &self.deceased {
            None | Some(Deceased::Is(false)) => today,
            Some(Deceased::On(died)) => day(died)?,
            Some(Deceased::Is(true)) => return None,
        };
        Some(age(day(&self.birth_date)?, on))
    }
}

impl Latest {
    /// Of two at the same time the one that is told first counts.
    fn take(&mut self, at: Timestamp, category: String) {
        if self.0.as_ref().is_none_or(|(before, _)| *before < at) {
            self.0 = Some((at, category));
        }
    }

    fn category(&self) -> Option<&str> {
        self.0.as_ref().map(|(_, category)| category.as_str())
    }
}

impl Facts {
    /// Asks both owners, always. `None` where either denies it, and for an entry in whose place another one of the same person is looked at:
    /// she is one client.
    pub(super) fn of(owners: &Owners<'_>, kinds: &[&str], today: Date) -> Result<Option<Self>, Stop> {
        let mut facts = Self {
            gender: Dimension::Gender.position(None),
            decade: Dimension::decade(None),
            ..Self::default()
        };
        let mut is_replaced = false;
        let person = owners.pages(Owner::Identity, None, |part: PersonPart| {
            is_replaced |= part.replaced_by.is_some();
            facts.gender = Dimension::Gender.position(part.content.gender.as_deref());
            facts.decade = Dimension::decade(part.content.age(today));
            Ok(())
        });
        let records = owners.pages(Owner::Records, Some(kinds), |part: RecordPart| {
            facts.add(part);
            Ok(())
        });
        for asked in [person, records] {
            match asked {
                Ok(()) => {}
                Err(stop) if stop.is_denial() => return Ok(None),
                Err(stop) => return Err(stop),
            }
        }
        Ok((!is_replaced).then_some(facts))
    }

    fn add(&mut self, RecordPart { content, result }: RecordPart) {
        // What was ruled out, or never meant, nobody has (FHIR R4, `condition-ver-status`).
        let status = content.verification_status.as_deref();
        if !matches!(status, Some("refuted" | "entered-in-error")) {
            self.codes.extend(content.code.into_iter().flat_map(|code| code.coding));
        }
        let (Some(instrument), Some(at), Some(result)) = (content.instrument, content.administered_at, result) else {
            return;
        };
        let latest = match Instrument::named(&instrument) {
            Some(Instrument::Phq9) => &mut self.phq9,
            Some(Instrument::Gad7) => &mut self.gad7,
            Some(Instrument::Pcl5) => &mut self.pcl5,
            None => return,
        };
        if let Some(category) = result.severity.or(result.cut_point) {
            latest.take(at, category);
        }
    }

    /// The position of her category.
    pub(super) fn category(&self, dimension: Dimension) -> usize {
        match dimension {
            Dimension::Gender => self.gender,
            Dimension::AgeGroup => self.decade,
            Dimension::Phq9Severity => dimension.position(self.phq9.category()),
            Dimension::Gad7Severity => dimension.position(self.gad7.category()),
            Dimension::Pcl5CutPoint => dimension.position(self.pcl5.category()),
        }
    }

    /// The codes of her diagnoses.
    pub(super) fn into_codes(self) -> BTreeSet<Coding> {
        self.codes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// `records` scores an instrument by whatever spelling of its name, so it is counted by each.
    #[test]
    fn an_instrument_counts_however_its_name_is_written() {
        for (instrument, result, dimension) in [
            ("PHQ-9", json!({"severity": "mild"}), Dimension::Phq9Severity),
            ("PHQ9", json!({"severity": "mild"}), Dimension::Phq9Severity),
            ("PHQ\u{2011}9", json!({"severity": "mild"}), Dimension::Phq9Severity),
            ("gad7", json!({"severity": "mild"}), Dimension::Gad7Severity),
            ("PCL 5", json!({"cut_point": "within"}), Dimension::Pcl5CutPoint),
        ] {
            let mut facts = Facts::default();
            let content = json!({"instrument": instrument, "administered_at": "2026-11-30T10:00:00Z"});
            facts.add(serde_json::from_value(json!({"content": content, "result": result})).unwrap());
            assert_eq!(facts.category(dimension), 1, "{instrument}");
        }
    }
}
