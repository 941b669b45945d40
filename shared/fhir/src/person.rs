//! A client's details, of `identity`, and Patient with its RelatedPersons.

use datatype::person::{
    self, ADDRESS_LINES, AFFIXES, EMERGENCY_CONTACTS, GIVEN, IDENTIFIER, LINE, OTHER_LANGUAGES, PREVIOUS_NAMES,
    is_collected, is_identifier_system,
};
use model::{AccountId, ClientId};

use crate::clinical::PATIENT;
use crate::mapping::{Field, Shape, Tag, field, is_day, unless};
use crate::node::Node;

const ROLE_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";

const RELATIONSHIP: Shape = Shape::Coded(
    ROLE_CODE,
    &[
        "SPS", "DOMPART", "SIGOTHR", "PRN", "MTH", "FTH", "STPPRN", "PRNFOST", "GRPRN", "CHILD", "SIB", "FAMMEMB",
        "FRND", "NBOR", "ROOM", "GUARD", "POWATT",
    ],
);

/// A line of text, as long as one may be.
fn line(text: &str) -> Option<String> {
    person::line(text, LINE)
}

const LINE_OF_TEXT: Shape = Shape::Form(line);

/// Whether a part of something says anything.
fn says(of: &Node, path: &str) -> bool {
    of.text_at(path).is_some_and(|text| !text.trim().is_empty())
}

/// Whether a part of something can be kept, or says nothing.
fn fits(of: &Node, path: &str, form: fn(&str) -> Option<String>) -> bool {
    let is_in_form = |part: &Node| part.as_text().is_some_and(|text| form(text).is_some());
    of.at(path).is_none_or(|part| is_in_form(part) || !says(of, path))
}

/// Whether all lines of a list can be kept, but those that say nothing.
fn are_lines(list: &Node, most: usize) -> bool {
    let lines = list.as_list().iter().filter(|one| says(one, ""));
    matches!(list, Node::List(_)) && lines.clone().count() <= most && lines.clone().all(|one| fits(one, "", line))
}

/// Whether a period ends after it began, as far as it says so.
fn is_in_order(of: &Node) -> bool {
    let day = |path: &str| of.text_at(path)?.get(..10).filter(|day| is_day(day));
    match (day("period.start"), day("period.end")) {
        (Some(start), Some(end)) => start <= end,
        _ => true,
    }
}

const DAYS: Shape = Shape::Object(&[field("start", "start", Shape::Day), field("end", "end", Shape::Day)]);

const GIVEN_NAMES: Shape = Shape::Several(&LINE_OF_TEXT, GIVEN, &[]);

const TITLES: Shape = Shape::Several(&LINE_OF_TEXT, AFFIXES, &[]);

/// What has ended would be one that holds without its end, and there is no field for one. Nobody here knows what day it is, so whatever
/// is said to end has ended.
const NOT_ENDED: Field = unless("period.end", "null");

const NAME: Shape = Shape::Object(&[
    field("given", "given", GIVEN_NAMES),
    field("family", "family", LINE_OF_TEXT),
    field("prefix", "prefix", TITLES),
    field("suffix", "suffix", TITLES),
]);

/// Whether a name that she had is one here: in parts, all of them. Part of it is another name.
fn is_former_name(name: &Node) -> bool {
    let given = name
        .at("given")
        .is_some_and(|given| given.as_list().iter().any(|one| says(one, "")));
    (given || says(name, "family"))
        && name.at("given").is_none_or(|given| are_lines(given, GIVEN))
        && fits(name, "family", line)
        && is_in_order(name)
}

const FORMER_NAMES: Shape = Shape::Several(
    &Shape::Object(&[
        field("", "", Shape::Holds(is_former_name)).decisive(),
        field("use", "use", Shape::Code(&["maiden", "old"])).required(),
        field("given", "given", GIVEN_NAMES),
        field("family", "family", LINE_OF_TEXT),
        field("period", "period", DAYS),
    ]),
    PREVIOUS_NAMES,
    &["given", "family"],
);

/// What ended is of use `old` in FHIR and not taken: without its use it would be one that holds.
const TELECOMS: Shape = Shape::Several(
    &Shape::Object(&[
        field("", "", Shape::Holds(is_of_its_system)).decisive(),
        field("system", "system", Shape::Code(&["email", "phone", "sms"])).required(),
        field("value", "value", Shape::Contact).required(),
        field("use", "use", Shape::Code(&["home", "work", "mobile"])).decisive(),
        field("rank", "rank", Shape::Rank),
        NOT_ENDED,
    ]),
    person::TELECOMS,
    &["system", "value"],
);

/// Whether what is said to be an e-mail address, and nothing else, looks like one.
fn is_of_its_system(telecom: &Node) -> bool {
    let has_at_sign = telecom.text_at("value").is_some_and(|value| value.contains('@'));
    (telecom.text_at("system") == Some("email")) == has_at_sign
}

/// Whether a place can be written to, and all of it can be kept: a letter goes to the whole address or is not sent.
fn is_address(address: &Node) -> bool {
    let has_lines = address
        .at("line")
        .is_some_and(|lines| lines.as_list().iter().any(|one| says(one, "")));
    (has_lines || says(address, "city") || says(address, "postalCode"))
        && address.at("line").is_none_or(|lines| are_lines(lines, ADDRESS_LINES))
        && ["city", "district", "state"]
            .into_iter()
            .all(|part| fits(address, part, line))
        && fits(address, "postalCode", person::postal_code)
        && is_in_order(address)
}

const ADDRESSES: Shape = Shape::Several(
    &Shape::Object(&[
        field("", "", Shape::Holds(is_address)).decisive(),
        field("use", "use", Shape::Code(&["home", "work", "temp", "billing"])).decisive(),
        field("line", "line", Shape::Each(&LINE_OF_TEXT)),
        field("city", "city", LINE_OF_TEXT),
        field("district", "district", LINE_OF_TEXT),
        field("state", "state", LINE_OF_TEXT),
        field("postalCode", "postal_code", Shape::Form(person::postal_code)),
        field("country", "country", Shape::Form(person::country)).required(),
        field("period.start", "period.start", Shape::Day),
        // An end that is no day must not become none.
        field("period.end", "period.end", Shape::Day).decisive(),
    ]),
    person::ADDRESSES,
    &[""],
);

const IDENTIFIER_TYPE: &str = "http://terminology.hl7.org/CodeSystem/v2-0203";

/// The types that a practice has use for. Others prove who somebody is to a state or a bank.
const KEPT_TYPES: &[&str] = &["MR", "PI", "MB", "SN", "HC", "JHN", "NH", "MC", "MA"];

/// Of what is collected alone.
fn system(text: &str) -> Option<String> {
    let text = text.trim();
    (is_identifier_system(text) && is_collected(text)).then(|| text.to_owned())
}

fn identifier(text: &str) -> Option<String> {
    person::line(text, IDENTIFIER)
}

const IDENTIFIERS: Shape = Shape::Several(
    &Shape::Object(&[
        field("type", "type", Shape::Coded(IDENTIFIER_TYPE, KEPT_TYPES)).required(),
        field("system", "system", Shape::Form(system)).required(),
        field("value", "value", Shape::Form(identifier)).required(),
        field("use", "", Shape::Harmless(r#""official""#)),
        field("use", "", Shape::Among("", &["usual", "temp", "secondary"])).decisive(),
        NOT_ENDED,
    ]),
    person::IDENTIFIERS,
    &["system", "value"],
);

/// Whether an identifier is of a type that is kept, and not of a system of numbers that are not.
pub(crate) fn is_kept(identifier: &Node) -> bool {
    let codings = identifier.at("type.coding").map(Node::as_list).unwrap_or_default();
    identifier.text_at("system").is_none_or(is_collected)
        && codings.iter().any(|coding| {
            coding.text_at("system") == Some(IDENTIFIER_TYPE)
                && coding.text_at("code").is_some_and(|code| KEPT_TYPES.contains(&code))
        })
}

const CONTACTS: Shape = Shape::Several(
    &Shape::Object(&[
        field("name", "name", Shape::HumanName).required(),
        field("relationship[0]", "relationship", RELATIONSHIP).required(),
        field(
            "relationship[1]",
            "",
            Shape::Fixed(r#"{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0131","code":"C"}]}"#),
        ),
        // Who can't be called is nobody to call.
        field("telecom", "telecoms", TELECOMS).required(),
        NOT_ENDED,
    ]),
    EMERGENCY_CONTACTS,
    &["name", "relationship"],
);

const LANGUAGE: Shape = Shape::Object(&[field("language", "", Shape::Language).required()]);

fn pronouns(text: &str) -> Option<String> {
    person::line(text, person::PRONOUNS)
}

/// HL7 extension `individual-pronouns`, of which the text is kept.
const PRONOUNS: Shape = Shape::Pick(
    Some((
        "url",
        Tag::Text("http://hl7.org/fhir/StructureDefinition/individual-pronouns"),
    )),
    &Shape::Object(&[field(
        "extension",
        "",
        Shape::Pick(
            Some(("url", Tag::Text("value"))),
            &Shape::Object(&[field("valueCodeableConcept.text", "", Shape::Form(pronouns)).required()]),
        ),
    )
    .required()]),
);

pub(crate) const CLIENT: &[Field] = &[
    unless("active", "true"),
    // `replaced-by`: this Patient must not be used any more, and another one is looked at.
    field("link", "", Shape::Among("type", &["replaces", "refer", "seealso"])).decisive(),
    field(
        "name",
        "content.name",
        Shape::Pick(Some(("use", Tag::Text("official"))), &NAME),
    )
    .required(),
    field(
        "name",
        "content.name.preferred",
        Shape::Pick(
            Some(("use", Tag::Text("usual"))),
            &Shape::Object(&[field("text", "", LINE_OF_TEXT).required(), NOT_ENDED]),
        ),
    ),
    field("name", "content.previous_names", FORMER_NAMES),
    field("birthDate", "content.birth_date", Shape::Day).required(),
    field(
        "gender",
        "content.gender",
        Shape::Code(&["male", "female", "other", "unknown"]),
    ),
    field("extension", "content.pronouns", PRONOUNS),
    field("deceasedBoolean", "content.deceased", Shape::Boolean).decisive(),
    field("deceasedDateTime", "content.deceased", Shape::Day).decisive(),
    field(
        "maritalStatus",
        "content.marital_status",
        Shape::Coded(
            "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus",
            &["A", "C", "D", "I", "L", "M", "P", "S", "T", "U", "W"],
        ),
    ),
    field(
        "maritalStatus",
        "content.marital_status",
        Shape::Coded("http://terminology.hl7.org/CodeSystem/v3-NullFlavor", &["UNK"]),
    ),
    field("telecom", "content.telecoms", TELECOMS),
    field("address", "content.addresses", ADDRESSES),
    field("identifier", "content.identifiers", IDENTIFIERS),
    field("contact", "content.emergency_contacts", CONTACTS),
    field(
        "communication",
        "content.preferences.language",
        Shape::Pick(Some(("preferred", Tag::True)), &LANGUAGE),
    ),
    field(
        "communication",
        "content.preferences.language",
        Shape::Pick(None, &LANGUAGE),
    )
    .alternative(),
    field(
        "communication",
        "content.preferences.other_languages",
        Shape::Several(&LANGUAGE, OTHER_LANGUAGES, &[]),
    ),
];

/// By which two guardians are the same.
pub(crate) const SAME_GUARDIAN: &[&str] = &["account_id", "client_id", "name"];

/// The elements by which a RelatedPerson is none whom `identity` keeps: who has ended to be one, or is related in no way that it knows.
pub(crate) const UNFIT_GUARDIAN: &[&str] = &["active", "period.end", "relationship[0]"];

fn is_account(value: &str) -> bool {
    value.parse::<AccountId>().is_ok()
}

fn is_client(value: &str) -> bool {
    value.parse::<ClientId>().is_ok()
}

/// Whom the client is near. Who may act for her and read what is hers, `consent` says.
pub(crate) const GUARDIAN: &[Field] = &[
    PATIENT,
    unless("active", "true"),
    NOT_ENDED,
    field("relationship[0]", "relationship", RELATIONSHIP).required(),
    field("identifier", "account_id", Shape::Identified(is_account)),
    field("identifier", "client_id", Shape::Identified(is_client)),
    field("name[0]", "name", Shape::HumanName),
    field("telecom", "telecoms", TELECOMS),
];
