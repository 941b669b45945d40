//! Standardised instruments as observations: an answer or a score is a component, and the sum of all answers is one more.

use datatype::Instrument;

use crate::clinical::{SESSION, SUBJECT};
use crate::mapping::{Around, Field, Shape, field, read, unless, write};
use crate::node::Node;

const LOINC: &str = "http://loinc.org";

/// LOINC's codes for an instrument and for the sum of its answers: <https://loinc.org/44249-1>, <https://loinc.org/69737-5>,
/// <https://loinc.org/101697-1>.
fn codes(instrument: Instrument) -> (&'static str, &'static str) {
    match instrument {
        Instrument::Phq9 => ("44249-1", "44261-6"),
        Instrument::Gad7 => ("69737-5", "70274-6"),
        Instrument::Pcl5 => ("101697-1", "101698-9"),
    }
}

const SURVEY: &str =
    r#"[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"survey"}]}]"#;

/// The answers are no element of FHIR's: they become components, and are made of them, beside this table.
const ASSESSMENT: &[Field] = &[
    SUBJECT,
    SESSION,
    field("status", "", Shape::Fixed(r#""final""#)).required(),
    field("category", "", Shape::Fixed(SURVEY)).required(),
    field("code.text", "content.instrument", Shape::Text).required(),
    field("effectiveDateTime", "content.administered_at", Shape::Instant).required(),
    unless("valueQuantity", "null"),
    unless("valueCodeableConcept", "null"),
    unless("valueString", "null"),
    unless("valueBoolean", "null"),
    unless("valueInteger", "null"),
    unless("valueRange", "null"),
    unless("valueRatio", "null"),
    unless("valueSampledData", "null"),
    unless("valueTime", "null"),
    unless("valueDateTime", "null"),
    unless("valuePeriod", "null"),
    field("answers", "content.answers", Shape::Each(&Shape::Count)),
    field(
        "component",
        "content.scores",
        Shape::Each(&Shape::Object(&[
            field("code.text", "scale", Shape::Text).required(),
            field("valueInteger", "score", Shape::Integer).required(),
        ])),
    )
    .decisive(),
    field("note", "content.summary", Shape::Annotations),
];

fn code(code: &str) -> Node {
    let mut made = Node::object();
    made.put("system", Node::from_text(LOINC));
    made.put("code", Node::from_text(code));
    made
}

fn answer(text: String, value: u32) -> Node {
    let mut made = Node::object();
    made.put("code.text", Node::Text(text));
    made.put("valueInteger", Node::Number(value.to_string()));
    made
}

/// The components of complete answers: each answer by the number of its item, then their sum under its own code.
fn components(instrument: Instrument, answers: &[Node]) -> Option<Node> {
    let mut sum = 0_u32;
    let mut list = Vec::new();
    for (item, value) in (1_usize..).zip(answers) {
        let Node::Number(digits) = value else { return None };
        let value: u32 = digits.parse().ok()?;
        sum = sum.checked_add(value)?;
        list.push(answer(format!("{} item {item}", instrument.name()), value));
    }
    let mut total = answer(format!("{} total", instrument.name()), sum);
    total.put("code.coding", Node::List(vec![code(codes(instrument).1)]));
    list.push(total);
    (answers.len() == instrument.items()).then_some(Node::List(list))
}

/// Whether what was made of an observation says what it says: every component is a score, or all that there is are words about an instrument
/// that has no code, as one without scores goes out. The head of a panel, whose members have the scores, is an observation.
fn is_whole(made: &Node, from: &Node) -> bool {
    let count = |list: Option<&Node>| {
        let entries = list.map(Node::as_list).unwrap_or_default().iter();
        entries.filter(|entry| !entry.is_nothing()).count()
    };
    match count(from.at("component")) {
        0 => made.at("content.summary").is_some() && from.at("code.coding").is_none() && from.at("hasMember").is_none(),
        components => components == count(made.at("content.scores")),
    }
}

/// The assessment that an observation is, which it takes. An instrument whose answers are wanted is none without them: then it stays an observation.
pub(crate) fn read_assessment(from: &mut Node, around: &dyn Around) -> Option<Node> {
    // Of FHIR's elements none is called so. What is, is no answer.
    if from.at("answers").is_some() {
        return None;
    }
    let before = from.clone();
    let instrument = from.text_at("code.text").and_then(Instrument::named);
    if let Some(instrument) = instrument {
        let list = from.at("component").map(Node::as_list).unwrap_or_default();
        let answers: Vec<Node> = list
            .iter()
            .take(instrument.items())
            .filter_map(|component| component.at("valueInteger").cloned())
            .collect();
        let is_panel = from.at("code.coding").map(Node::as_list) == Some(&[code(codes(instrument).0)]);
        if !is_panel || components(instrument, &answers).as_ref() != from.at("component") {
            return None;
        }
        from.at_mut("component")?.take();
        from.at_mut("code.coding")?.take();
        from.put("answers", Node::List(answers));
    }
    let is_scored = instrument.is_some();
    let made = read(ASSESSMENT, from, around)
        .ok()
        .filter(|made| is_scored || is_whole(made, &before));
    if made.is_none() {
        *from = before;
    }
    made
}

/// The observation that an assessment is.
pub(crate) fn write_assessment(from: &mut Node, around: &dyn Around) -> Option<Node> {
    let mut made = write(ASSESSMENT, from, around)?;
    let answers = made.at_mut("answers").map(Node::take);
    made.prune();
    if let Some(answers) = answers {
        let instrument = Instrument::named(made.text_at("code.text")?)?;
        made.put("component", components(instrument, answers.as_list())?);
        made.put("code.coding", Node::List(vec![code(codes(instrument).0)]));
    }
    Some(made)
}
