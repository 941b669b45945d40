//! How elements of a resource and fields of an owner's JSON are made of each other: tables, and who reads them in either direction.
//!
//! Reading takes: a value that was mapped is gone from its tree afterwards, one that was not stands where it stood.

use base64ct::{Base64, Encoding};
use datatype::person::{self, LINE};
use datatype::{is_date_time, is_instant};
use model::{e164, is_language_tag};
use schemars::JsonSchema;
use serde::Serialize;

use crate::money;
use crate::node::Node;

/// What the owners keep, each made of resources of one type, or of few.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ImportedKind")]
pub enum Kind {
    /// A client's details, of `identity`: Patient, with the RelatedPersons.
    Client,
    /// A record of `records`: Condition.
    Diagnosis,
    /// A record of `records`: MedicationRequest, MedicationStatement.
    Medication,
    /// A record of `records`: Encounter.
    Encounter,
    /// A record of `records`: Observation.
    Observation,
    /// A record of `records`: Observation with the answers to a standardised instrument.
    Assessment,
    /// A record of `records`: Procedure.
    Procedure,
    /// A record of `records`: Immunization.
    Immunization,
    /// A record of `records`: DiagnosticReport.
    DiagnosticReport,
    /// A record of `records`: CarePlan, with its Goals.
    TreatmentPlan,
    /// A record of `records`: DocumentReference.
    ProgressNote,
    /// Of `billing`: Claim.
    Claim,
    /// Of `billing`: ExplanationOfBenefit.
    ExplanationOfBenefit,
}

impl Kind {
    /// All of them, with their names: those of the owners' kinds.
    const NAMES: [(Self, &'static str); 13] = [
        (Self::Client, "client"),
        (Self::Diagnosis, "diagnosis"),
        (Self::Medication, "medication"),
        (Self::Encounter, "encounter"),
        (Self::Observation, "observation"),
        (Self::Assessment, "assessment"),
        (Self::Procedure, "procedure"),
        (Self::Immunization, "immunization"),
        (Self::DiagnosticReport, "diagnostic_report"),
        (Self::TreatmentPlan, "treatment_plan"),
        (Self::ProgressNote, "progress_note"),
        (Self::Claim, "claim"),
        (Self::ExplanationOfBenefit, "explanation_of_benefit"),
    ];

    /// The name in the owners' APIs.
    #[must_use]
    pub fn name(self) -> &'static str {
        let named = Self::NAMES.into_iter().find(|(kind, _)| *kind == self);
        named.map_or("", |(_, name)| name)
    }

    /// The kind of this name. Psychotherapy notes have none: nothing that is written here can be one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let kind = Self::NAMES.into_iter().find(|(_, known)| *known == name);
        kind.map(|(kind, _)| kind)
    }

    /// Whether `records` keeps it.
    #[must_use]
    pub fn is_record(self) -> bool {
        !matches!(self, Self::Client | Self::Claim | Self::ExplanationOfBenefit)
    }
}

/// What a reference leads to, seen from the resource that has it.
pub(crate) struct Target {
    pub(crate) is_patient: bool,
    /// The owner's id of what is made of it.
    pub(crate) id: Option<String>,
    pub(crate) kind: Option<Kind>,
    /// What it is called: a person's, an organisation's or a diagnosis's name.
    pub(crate) name: Option<String>,
}

/// What a mapping wants to know of the world around the resource.
pub(crate) trait Around {
    /// On the way in: what a reference leads to.
    fn target(&self, reference: &str) -> Option<Target>;

    /// On the way in: whether what a reference leads to must be named nowhere, not by the one that refers to it either.
    fn is_withheld(&self, reference: &str) -> bool;

    /// On the way out: how the client is referred to.
    fn client(&self) -> String;

    /// On the way out: how what has this id is referred to, where it is part of what goes out.
    fn reference(&self, id: &str) -> Option<String>;

    /// With which digits telephone numbers begin that are written without their country's.
    fn calling_code(&self) -> Option<&str>;
}

/// What has to be there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing.
    Optional,
    /// It, or there is no object.
    Required,
    /// Nothing; but if it is there it has to be mapped, or there is no object: without it the rest means something else.
    Decisive,
    /// Nothing. It is another form of something: read where the first is not there, and never written.
    Alternative,
}

/// An element and a field, as paths, and how the one is made of the other.
pub(crate) struct Field {
    pub(crate) element: &'static str,
    /// Where there is no field, the element is always the same and is kept nowhere.
    pub(crate) field: &'static str,
    pub(crate) shape: Shape,
    pub(crate) need: Need,
}

pub(crate) const fn field(element: &'static str, field: &'static str, shape: Shape) -> Field {
    Field {
        element,
        field,
        shape,
        need: Need::Optional,
    }
}

/// What makes the whole another thing where it is there, unless it has this JSON.
pub(crate) const fn unless(element: &'static str, json: &'static str) -> Field {
    field(element, "", Shape::Harmless(json)).decisive()
}

impl Field {
    pub(crate) const fn required(self) -> Self {
        self.with(Need::Required)
    }

    pub(crate) const fn decisive(self) -> Self {
        self.with(Need::Decisive)
    }

    pub(crate) const fn alternative(self) -> Self {
        self.with(Need::Alternative)
    }

    const fn with(self, need: Need) -> Self {
        // A table is a constant, so nothing of it is ever dropped.
        Self {
            element: self.element,
            field: self.field,
            shape: self.shape,
            need,
        }
    }
}

/// How a value on one side is made of one on the other.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// The same text.
    Text,
    /// The same text where it is such a code.
    Code(&'static [&'static str]),
    /// The same truth value.
    Boolean,
    /// A number, and the text of its digits.
    Decimal,
    /// The same whole number of at most five digits.
    Count,
    /// The same whole number of 32 bits.
    Integer,
    /// A whole number of 32 bits, and the text of its digits; never written.
    Whole,
    /// The same dateTime.
    DateTime,
    /// The same instant.
    Instant,
    /// The same date: a year, a month or a day.
    Date,
    /// The same day. Of an instant, its day.
    Day,
    /// The text in the form that this gives it, where it has one.
    Form(fn(&str) -> Option<String>),
    /// A contact point's rank.
    Rank,
    /// A concept of one code of a system, and the code.
    Coded(&'static str, &'static [&'static str]),
    /// An object of these.
    Object(&'static [Field]),
    /// A concept of a language, and its tag.
    Language,
    /// A list of these: those that are mapped leave it.
    Each(&'static Shape),
    /// A list of at most so many of these, no two of which have the same fields: what is too much or there already stays.
    Several(&'static Shape, usize, &'static [&'static str]),
    /// The first entry of a list that has this text or `true`, without it; written behind those that are there.
    Pick(Option<(&'static str, Tag)>, &'static Shape),
    /// A reference's URL, and the id of the record or claim that it leads to.
    Record(Kind),
    /// A reference's URL that leads to any record.
    AnyRecord,
    /// A reference's URL that must lead to the client.
    Client,
    /// A reference's URL that does not lead to what must be named nowhere, and it stays; never written.
    Open,
    /// A reference to somebody who is not imported, and the name.
    Name,
    /// A name in parts, and as one line.
    HumanName,
    /// Annotations, and one text with blank lines in between.
    Annotations,
    /// Annotations that begin with a word and a colon, and the list of what stands after it.
    Labelled(&'static str),
    /// The one of them that has a day after it, and the day. Two days are none.
    LabelledDay(&'static str),
    /// The first identifier of which this holds, and the identifier.
    Identified(fn(&str) -> bool),
    /// The value of a contact point.
    Contact,
    /// Money in decimals, and in minor units.
    Money,
    /// Base64 of UTF-8, and the text.
    Base64,
    /// Always this JSON; read without it being kept, written where the resource has to have it.
    Fixed(&'static str),
    /// This JSON and no other; never written.
    Harmless(&'static str),
    /// Whatever it says, this JSON, and what it says stays; never written.
    Implies(&'static str),
    /// One of these codes, or a list of what has one of them at a path, and it stays; never written.
    Among(&'static str, &'static [&'static str]),
    /// Something of which this holds, and it stays; never written.
    Holds(fn(&Node) -> bool),
}

#[derive(Clone, Copy)]
pub(crate) enum Tag {
    Text(&'static str),
    True,
}

impl Tag {
    fn is(self, node: &Node) -> bool {
        match self {
            Self::Text(text) => node.as_text() == Some(text),
            Self::True => *node == Node::Boolean(true),
        }
    }

    fn node(self) -> Node {
        match self {
            Self::Text(text) => Node::from_text(text),
            Self::True => Node::Boolean(true),
        }
    }
}

/// Makes an object of a resource or a part of it. Where it is none, nothing is taken.
///
/// # Errors
/// The elements that are wanted and can't be mapped.
pub(crate) fn read(fields: &[Field], from: &mut Node, around: &dyn Around) -> Result<Node, Vec<&'static str>> {
    let before = from.clone();
    let mut made = Node::object();
    let mut lacking = Vec::new();
    // Whoever does not know a modifier must not use what it modifies (FHIR R4, Extensibility, section 2.4.0.1).
    if from.at("modifierExtension").is_some() {
        lacking.push("modifierExtension");
    }
    for row in fields {
        // What has been read is not written over: what can't stand beside it stays where it is.
        let is_there = !row.field.is_empty() && made.at(row.field).is_some();
        let has_room = !is_there || (matches!(row.shape, Shape::Each(_)) && row.need != Need::Alternative);
        let part = from.at_mut(row.element);
        let has_part = part.is_some();
        let value = part.filter(|_| has_room).and_then(|part| row.shape.read(part, around));
        // Another row may have had what this one wants.
        let lacks = match row.need {
            Need::Required => value.is_none(),
            Need::Decisive => has_part && value.is_none(),
            Need::Optional | Need::Alternative => false,
        };
        if lacks {
            lacking.push(row.element);
        }
        let Some(value) = value else { continue };
        if !matches!(
            row.shape,
            Shape::Client | Shape::Fixed(_) | Shape::Harmless(_) | Shape::Among(..) | Shape::Holds(_) | Shape::Open
        ) {
            made.put(row.field, value);
        }
    }
    // An alternative may stand in for what is required.
    lacking.retain(|element| {
        let row = fields
            .iter()
            .find(|row| row.element == *element && row.need == Need::Required);
        row.is_none_or(|row| row.field.is_empty() || made.at(row.field).is_none())
    });
    if lacking.is_empty() {
        from.prune();
        Ok(made)
    } else {
        *from = before;
        Err(lacking)
    }
}

/// Makes a resource or a part of it of an object. Where what it has to have is not there, it is none, and nothing is taken.
pub(crate) fn write(fields: &[Field], from: &mut Node, around: &dyn Around) -> Option<Node> {
    let before = from.clone();
    let mut made = Node::object();
    for row in fields {
        if row.need == Need::Alternative {
            continue;
        }
        let value = match row.shape {
            Shape::Fixed(json) => constant(json),
            Shape::Harmless(_)
            | Shape::Implies(_)
            | Shape::Among(..)
            | Shape::Holds(_)
            | Shape::Open
            | Shape::Whole => None,
            Shape::Client => Some(Node::from_text(around.client())),
            shape => from.at_mut(row.field).and_then(|part| shape.write(part, around)),
        };
        match value {
            Some(value) => made.put(row.element, value),
            // The first of several rows of one element is not the last word.
            None if row.need == Need::Required && !fields.iter().any(|other| is_sibling(row, other)) => {
                *from = before;
                return None;
            }
            None => {}
        }
    }
    from.prune();
    Some(made)
}

/// Whether a table has a field for the value at a path: one that is left there did not fit.
pub(crate) fn has_field(fields: &[Field], path: &str) -> bool {
    fields.iter().any(|row| {
        let element: String = without_positions(row.element);
        let below = match path.strip_prefix(element.as_str()) {
            Some(below) if element.is_empty() => below,
            Some("") => "",
            Some(below) => match below.strip_prefix('.') {
                Some(below) => below,
                None => return false,
            },
            None => return false,
        };
        row.shape.has_field(below)
    })
}

fn without_positions(path: &str) -> String {
    path.replace("[0]", "").replace("[1]", "")
}

fn is_sibling(row: &Field, other: &Field) -> bool {
    other.need == Need::Optional && other.element == row.element && other.field == row.field
}

fn constant(json: &str) -> Option<Node> {
    Node::parse(json.as_bytes()).ok()
}

impl Shape {
    fn has_field(self, below: &str) -> bool {
        match self {
            Self::Object(fields) => has_field(fields, below),
            Self::Each(shape) | Self::Several(shape, ..) => shape.has_field(below),
            Self::Pick(tag, shape) => tag.is_some_and(|(name, _)| name == below) || shape.has_field(below),
            Self::Coded(..) | Self::Language => matches!(below, "coding.system" | "coding.code"),
            Self::Name => matches!(below, "reference" | "display"),
            Self::HumanName => matches!(below, "text" | "prefix" | "given" | "family" | "suffix"),
            Self::Annotations | Self::Labelled(_) | Self::LabelledDay(_) => below == "text",
            Self::Identified(_) => below == "value",
            Self::Money => matches!(below, "value" | "currency"),
            Self::Fixed(_) | Self::Implies(_) => false,
            Self::Among(path, _) => path == below,
            _ => below.is_empty(),
        }
    }

    /// What the owner keeps of an element, which it takes; `None` where it keeps nothing of it.
    fn read(self, from: &mut Node, around: &dyn Around) -> Option<Node> {
        match self {
            Self::Object(fields) => read(fields, from, around).ok().filter(|made| *made != Node::object()),
            Self::Each(shape) => {
                let Node::List(list) = from else { return None };
                let read: Vec<Node> = list
                    .iter_mut()
                    .filter(|entry| !entry.is_nothing())
                    .filter_map(|entry| shape.read(entry, around))
                    .collect();
                (!read.is_empty()).then_some(Node::List(read))
            }
            Self::Several(shape, most, same) => {
                let Node::List(list) = from else { return None };
                let mut read: Vec<Node> = Vec::new();
                for entry in list.iter_mut().filter(|entry| !entry.is_nothing()) {
                    let before = entry.clone();
                    let Some(made) = shape.read(entry, around) else {
                        continue;
                    };
                    if read.len() < most && !read.iter().any(|other| is_same(other, &made, same)) {
                        read.push(made);
                    } else {
                        *entry = before;
                    }
                }
                (!read.is_empty()).then_some(Node::List(read))
            }
            Self::Pick(tag, shape) => {
                let Node::List(list) = from else { return None };
                let is_it = |entry: &&mut Node| match tag {
                    Some((name, tag)) => entry.at(name).is_some_and(|value| tag.is(value)),
                    None => !entry.is_nothing(),
                };
                let entry = list.iter_mut().find(is_it)?;
                let made = shape.read(entry, around)?;
                if let Some(value) = tag.and_then(|(name, _)| entry.at_mut(name)) {
                    value.take();
                }
                entry.prune();
                Some(made)
            }
            Self::Open => from
                .as_text()
                .is_none_or(|reference| !around.is_withheld(reference))
                .then_some(Node::Nothing),
            Self::Name => {
                if from.text_at("reference").is_some_and(|name| around.is_withheld(name)) {
                    return None;
                }
                if let Some(display) = from.at_mut("display").filter(|display| display.as_text().is_some()) {
                    return Some(display.take());
                }
                let reference = from.at_mut("reference")?;
                let target = around.target(reference.as_text()?)?;
                let name = target.name.filter(|_| target.id.is_none() && !target.is_patient)?;
                reference.take();
                Some(Node::Text(name))
            }
            Self::HumanName => {
                let line = |text: &str| person::line(text, LINE);
                if let Some(name) = from.text_at("text").and_then(line) {
                    from.at_mut("text")?.take();
                    return Some(Node::Text(name));
                }
                let name = full_name(from).as_deref().and_then(line)?;
                for part in ["prefix", "given", "suffix"] {
                    if let Some(Node::List(list)) = from.at_mut(part) {
                        list.iter_mut().for_each(|word| drop(taken_text(word)));
                    }
                }
                from.at_mut("family").and_then(taken_text);
                from.prune();
                Some(Node::Text(name))
            }
            Self::Coded(system, codes) => {
                let Node::List(codings) = from.at_mut("coding")? else {
                    return None;
                };
                let code = taken_code(codings, system, |code| codes.contains(&code))?;
                from.prune();
                Some(code)
            }
            Self::Language => {
                let Node::List(codings) = from.at_mut("coding")? else {
                    return None;
                };
                let tag = taken_code(codings, LANGUAGE_TAGS, is_language_tag)?;
                from.prune();
                Some(tag)
            }
            Self::Annotations => {
                let Node::List(notes) = from else { return None };
                let texts: Vec<String> = notes
                    .iter_mut()
                    .filter_map(|note| note.at_mut("text"))
                    .filter_map(taken_text)
                    .collect();
                (!texts.is_empty()).then(|| Node::Text(texts.join("\n\n")))
            }
            Self::Labelled(label) => {
                let Node::List(notes) = from else { return None };
                let texts: Vec<Node> = notes
                    .iter_mut()
                    .filter_map(|note| {
                        let rest = labelled(note, label)?.to_owned();
                        note.at_mut("text")?.take();
                        Some(Node::Text(rest))
                    })
                    .collect();
                (!texts.is_empty()).then_some(Node::List(texts))
            }
            Self::LabelledDay(label) => {
                let Node::List(notes) = from else { return None };
                let mut days = notes
                    .iter_mut()
                    .filter(|note| labelled(note, label).is_some_and(is_day));
                let (Some(note), None) = (days.next(), days.next()) else {
                    return None;
                };
                let day = labelled(note, label)?.to_owned();
                note.at_mut("text")?.take();
                Some(Node::Text(day))
            }
            Self::Identified(holds) => {
                let Node::List(identifiers) = from else { return None };
                let is_it = |identifier: &&mut Node| identifier.text_at("value").is_some_and(holds);
                Some(identifiers.iter_mut().find(is_it)?.at_mut("value")?.take())
            }
            Self::Money => {
                let (currency, digits) = (from.text_at("currency")?.to_owned(), number(from.at("value")?)?);
                let kept = money::read(&currency, &digits)?;
                from.at_mut("currency")?.take();
                from.at_mut("value")?.take();
                from.prune();
                Some(kept)
            }
            Self::Fixed(json) | Self::Harmless(json) => {
                let is_it = constant(json).is_some_and(|constant| constant == *from);
                is_it.then(|| from.take())
            }
            Self::Implies(json) => constant(json),
            Self::Among(path, codes) => {
                let is_among = |node: &Node| node.text_at(path).is_some_and(|code| codes.contains(&code));
                let holds = match from {
                    Node::List(list) => list.iter().all(is_among),
                    one => is_among(one),
                };
                holds.then_some(Node::Nothing)
            }
            Self::Holds(holds) => holds(from).then_some(Node::Nothing),
            _ => {
                let made = self.read_value(from, around)?;
                from.take();
                Some(made)
            }
        }
    }

    /// What the owner keeps of a single value.
    fn read_value(self, from: &Node, around: &dyn Around) -> Option<Node> {
        let text = from.as_text();
        match self {
            Self::Boolean => matches!(from, Node::Boolean(_)).then(|| from.clone()),
            Self::Decimal => number(from).map(Node::Text),
            Self::Count => number(from).filter(|digits| is_count(digits)).map(Node::Number),
            Self::Integer => whole_number(from).map(Node::Number),
            Self::Whole => whole_number(from).map(Node::Text),
            Self::Text => text.filter(|text| !text.trim().is_empty()).map(Node::from_text),
            Self::Code(codes) => text.filter(|code| codes.contains(code)).map(Node::from_text),
            Self::DateTime => text.filter(|time| is_date_time(time)).map(Node::from_text),
            Self::Date => text
                .filter(|date| date.len() <= 10 && is_date_time(date))
                .map(Node::from_text),
            Self::Instant => text.filter(|time| is_instant(time)).map(Node::from_text),
            Self::Day => {
                let text = text.filter(|time| is_date_time(time))?;
                text.get(..10).filter(|day| is_day(day)).map(Node::from_text)
            }
            Self::Form(form) => form(text?).map(Node::Text),
            Self::Rank => number(from)
                .filter(|digits| digits.parse().is_ok_and(|rank: u8| (1..=99).contains(&rank)))
                .map(Node::Number),
            Self::Contact => contact(text?, around.calling_code()).map(Node::Text),
            Self::Base64 => {
                let bytes = Base64::decode_vec(text?).ok()?;
                String::from_utf8(bytes).ok().map(Node::Text)
            }
            Self::Record(kind) => {
                let target = around.target(text?)?;
                target.id.filter(|_| target.kind == Some(kind)).map(Node::Text)
            }
            Self::AnyRecord => {
                let target = around.target(text?)?;
                target
                    .id
                    .filter(|_| target.kind.is_some_and(Kind::is_record))
                    .map(Node::Text)
            }
            Self::Client => around.target(text?)?.is_patient.then_some(Node::Nothing),
            _ => None,
        }
    }

    /// What a resource has for a field, which it takes.
    fn write(self, from: &mut Node, around: &dyn Around) -> Option<Node> {
        match self {
            Self::Object(fields) => write(fields, from, around).filter(|made| *made != Node::object()),
            Self::Each(shape) | Self::Several(shape, ..) => {
                let Node::List(list) = from else { return None };
                let written: Vec<Node> = list
                    .iter_mut()
                    .filter(|entry| !entry.is_nothing())
                    .filter_map(|entry| shape.write(entry, around))
                    .collect();
                (!written.is_empty()).then_some(Node::List(written))
            }
            Self::Pick(tag, shape) => {
                let mut written = shape.write(from, around)?;
                if let Some((name, tag)) = tag {
                    written.put(name, tag.node());
                }
                Some(Node::List(vec![written]))
            }
            Self::Name => from.as_text()?.is_empty().then_some(()).map_or_else(
                || {
                    let mut made = Node::object();
                    made.put("display", from.take());
                    Some(made)
                },
                |()| None,
            ),
            Self::HumanName => {
                from.as_text()?;
                let mut made = Node::object();
                made.put("text", from.take());
                Some(made)
            }
            Self::Coded(system, codes) => {
                let is_code = codes.contains(&from.as_text()?);
                is_code.then(|| coded(system, from.take()))
            }
            Self::Language => {
                from.as_text()?;
                Some(coded(LANGUAGE_TAGS, from.take()))
            }
            Self::Annotations => Some(Node::List(vec![annotation("", from)?])),
            Self::Labelled(label) => {
                let Node::List(texts) = from else { return None };
                let notes: Vec<Node> = texts
                    .iter_mut()
                    .filter_map(|text| annotation(&format!("{label}: "), text))
                    .collect();
                (!notes.is_empty()).then_some(Node::List(notes))
            }
            Self::LabelledDay(label) => Some(Node::List(vec![annotation(&format!("{label}: "), from)?])),
            Self::Identified(_) => {
                let mut made = Node::object();
                made.put("value", from.take());
                Some(Node::List(vec![made]))
            }
            Self::Money => {
                let (currency, digits) = money::write(from)?;
                from.take();
                let mut made = Node::object();
                made.put("value", Node::Number(digits));
                made.put("currency", Node::Text(currency));
                Some(made)
            }
            _ => {
                let made = self.write_value(from, around)?;
                from.take();
                Some(made)
            }
        }
    }

    fn write_value(self, from: &Node, around: &dyn Around) -> Option<Node> {
        match self {
            Self::Decimal => from
                .as_text()
                .filter(|digits| is_number(digits))
                .map(|digits| Node::Number(digits.to_owned())),
            Self::Base64 => from
                .as_text()
                .map(|text| Node::Text(Base64::encode_string(text.as_bytes()))),
            Self::Record(_) | Self::AnyRecord => around.reference(from.as_text()?).map(Node::Text),
            // What its owner keeps is in its form.
            Self::Form(_) | Self::Contact => from.as_text().map(Node::from_text),
            // What is the same on both sides is held to the same form.
            _ => self.read_value(from, around),
        }
    }
}

/// The system of language tags (BCP 47), as FHIR R4 names it.
pub(crate) const LANGUAGE_TAGS: &str = "urn:ietf:bcp:47";

/// The first code of a system of which this holds, which is taken.
fn taken_code(codings: &mut [Node], system: &str, holds: impl Fn(&str) -> bool) -> Option<Node> {
    let coding = codings
        .iter_mut()
        .find(|coding| coding.text_at("system") == Some(system) && coding.text_at("code").is_some_and(&holds))?;
    coding.at_mut("system")?.take();
    Some(coding.at_mut("code")?.take())
}

fn coded(system: &str, code: Node) -> Node {
    let mut made = Node::object();
    made.put("coding[0].system", Node::from_text(system));
    made.put("coding[0].code", code);
    made
}

/// Whether two have the same fields. Without fields, nothing is the same as another.
pub(crate) fn is_same(one: &Node, other: &Node, fields: &[&str]) -> bool {
    !fields.is_empty() && fields.iter().all(|field| one.at(field) == other.at(field))
}

/// What an annotation says behind a word and a colon.
fn labelled<'n>(note: &'n Node, label: &str) -> Option<&'n str> {
    note.text_at("text")?.strip_prefix(label)?.strip_prefix(": ")
}

fn taken_text(node: &mut Node) -> Option<String> {
    let text = node.as_text()?.to_owned();
    node.take();
    Some(text)
}

fn annotation(label: &str, text: &mut Node) -> Option<Node> {
    let mut made = Node::object();
    made.put("text", Node::Text(format!("{label}{}", taken_text(text)?)));
    Some(made)
}

/// A person's name in one line, of its parts in the order in which they are spoken in English.
pub(crate) fn full_name(name: &Node) -> Option<String> {
    let several = |part: &str| -> Vec<String> {
        let list = name.at(part).map(Node::as_list).unwrap_or_default();
        list.iter().filter_map(Node::as_text).map(str::to_owned).collect()
    };
    let family = name.text_at("family").map(str::to_owned);
    let words: Vec<String> = several("prefix")
        .into_iter()
        .chain(several("given"))
        .chain(family)
        .chain(several("suffix"))
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn number(node: &Node) -> Option<String> {
    match node {
        Node::Number(digits) => Some(digits.clone()),
        _ => None,
    }
}

/// FHIR's integers have 32 bits.
fn whole_number(node: &Node) -> Option<String> {
    number(node).filter(|digits| digits.parse::<i32>().is_ok())
}

/// JSON's numbers (RFC 8259, section 6), which are FHIR's decimals.
fn is_number(digits: &str) -> bool {
    matches!(Node::parse(digits.as_bytes()), Ok(Node::Number(parsed)) if parsed == digits)
}

fn is_count(digits: &str) -> bool {
    digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

pub(crate) fn is_day(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

/// An e-mail address in lower case, and a telephone number with its country code.
fn contact(text: &str, calling_code: Option<&str>) -> Option<String> {
    if text.contains('@') {
        return person::email(text);
    }
    e164(text, calling_code)
}
