//! A client's details, of `identity`, and Patient with its RelatedPersons.

use crate::clinical::PATIENT;
use crate::mapping::{Field, Shape, Tag, field, unless};
use crate::node::Node;

const ROLE_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";

const RELATIONSHIP: Shape = Shape::Coded(
    ROLE_CODE,
    &[
        "SPS", "DOMPART", "SIGOTHR", "PRN", "MTH", "FTH", "STPPRN", "PRNFOST", "GRPRN", "CHILD", "SIB", "FAMMEMB",
        "FRND", "NBOR", "ROOM", "GUARD", "POWATT",
    ],
);

const TEXTS: Shape = Shape::Each(&Shape::Text);

const DAYS: Shape = Shape::Object(&[field("start", "start", Shape::Day), field("end", "end", Shape::Day)]);

const NAME: Shape = Shape::Object(&[
    field("given", "given", TEXTS),
    field("family", "family", Shape::Text),
    field("prefix", "prefix", TEXTS),
    field("suffix", "suffix", TEXTS),
]);

/// What has ended would be one that holds without its end, and no field has one. Nobody here knows what day it is, so whatever is said to end has ended.
const NOT_ENDED: Field = unless("period.end", "null");

/// What ended is of use `old` in FHIR and not taken: without its use it would be one that holds.
const TELECOMS: Shape = Shape::Each(&Shape::Object(&[
    field("system", "system", Shape::Code(&["email", "phone", "sms"])).required(),
    field("value", "value", Shape::Contact).required(),
    field("use", "use", Shape::Code(&["home", "work", "mobile"])).decisive(),
    field("rank", "rank", Shape::Count),
    NOT_ENDED,
]));

const ADDRESSES: Shape = Shape::Each(&Shape::Object(&[
    field("use", "use", Shape::Code(&["home", "work", "temp", "billing"])).decisive(),
    field("line", "line", TEXTS),
    field("city", "city", Shape::Text),
    field("district", "district", Shape::Text),
    field("state", "state", Shape::Text),
    field("postalCode", "postal_code", Shape::Text),
    field("country", "country", Shape::Country).required(),
    field("period.start", "period.start", Shape::Day),
    // An end that is no day must not become none.
    field("period.end", "period.end", Shape::Day).decisive(),
]));

const IDENTIFIER_TYPE: &str = "http://terminology.hl7.org/CodeSystem/v2-0203";

/// The types that a practice has use for. Others prove who somebody is to a state or a bank.
const KEPT_TYPES: &[&str] = &["MR", "PI", "MB", "SN", "HC", "JHN", "NH", "MC", "MA"];

const IDENTIFIERS: Shape = Shape::Each(&Shape::Object(&[
    field("type", "type", Shape::Coded(IDENTIFIER_TYPE, KEPT_TYPES)).required(),
    field("system", "system", Shape::Text).required(),
    field("value", "value", Shape::Text).required(),
    field("use", "", Shape::Harmless(r#""official""#)),
    field("use", "", Shape::Among("", &["usual", "temp", "secondary"])).decisive(),
    NOT_ENDED,
]));

/// Whether an identifier is of a type that is kept.
pub(crate) fn is_of_kept_type(identifier: &Node) -> bool {
    let codings = identifier.at("type.coding").map(Node::as_list).unwrap_or_default();
    codings.iter().any(|coding| {
        coding.text_at("system") == Some(IDENTIFIER_TYPE)
            && coding.text_at("code").is_some_and(|code| KEPT_TYPES.contains(&code))
    })
}

const CONTACTS: Shape = Shape::Each(&Shape::Object(&[
    field("name", "name", Shape::HumanName).required(),
    field("relationship[0]", "relationship", RELATIONSHIP).required(),
    field(
        "relationship[1]",
        "",
        Shape::Fixed(r#"{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0131","code":"C"}]}"#),
    ),
    field("telecom", "telecoms", TELECOMS),
    NOT_ENDED,
]));

const LANGUAGE: Shape = Shape::Object(&[field("language", "", Shape::Coded("urn:ietf:bcp:47", &[])).required()]);

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
            &Shape::Object(&[field("valueCodeableConcept.text", "", Shape::Text).required()]),
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
            &Shape::Object(&[field("text", "", Shape::Text).required()]),
        ),
    ),
    field(
        "name",
        "content.previous_names",
        Shape::Each(&Shape::Object(&[
            field("use", "use", Shape::Code(&["maiden", "old"])).required(),
            field("given", "given", TEXTS),
            field("family", "family", Shape::Text),
            field("period", "period", DAYS),
        ])),
    ),
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
        Shape::Each(&LANGUAGE),
    ),
];

/// Whom the client is near. Who may act for her and read what is hers, `consent` says.
pub(crate) const GUARDIAN: &[Field] = &[
    PATIENT,
    unless("active", "true"),
    NOT_ENDED,
    field("relationship[0]", "relationship", RELATIONSHIP).required(),
    field("identifier", "account_id", Shape::Identified("acc_")),
    field("identifier", "client_id", Shape::Identified("cli_")),
    field("name[0]", "name", Shape::HumanName),
    field("telecom", "telecoms", TELECOMS),
];
