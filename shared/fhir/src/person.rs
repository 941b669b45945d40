//! A client's details, of `identity`, and Patient with its RelatedPersons.

use crate::clinical::PATIENT;
use crate::mapping::{Field, Shape, Tag, field, unless};

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

/// What ended is of use `old` in FHIR and not taken: without its use it would be one that holds.
const TELECOMS: Shape = Shape::Each(&Shape::Object(&[
    field("system", "system", Shape::Code(&["email", "phone", "sms"])).required(),
    field("value", "value", Shape::Contact).required(),
    field("use", "use", Shape::Code(&["home", "work", "mobile"])).decisive(),
    field("rank", "rank", Shape::Count),
]));

const ADDRESSES: Shape = Shape::Each(&Shape::Object(&[
    field("use", "use", Shape::Code(&["home", "work", "temp", "billing"])).decisive(),
    field("line", "line", TEXTS),
    field("city", "city", Shape::Text),
    field("district", "district", Shape::Text),
    field("state", "state", Shape::Text),
    field("postalCode", "postal_code", Shape::Text),
    field("country", "country", Shape::Country).required(),
    field("period", "period", DAYS),
]));

/// Of a type that a practice has use for. Others prove who somebody is to a state or a bank.
const IDENTIFIERS: Shape = Shape::Each(&Shape::Object(&[
    field(
        "type",
        "type",
        Shape::Coded(
            "http://terminology.hl7.org/CodeSystem/v2-0203",
            &["MR", "PI", "MB", "SN", "HC", "JHN", "NH", "MC", "MA"],
        ),
    )
    .required(),
    field("system", "system", Shape::Text).required(),
    field("value", "value", Shape::Text).required(),
    field("use", "", Shape::Harmless(r#""official""#)),
]));

const CONTACTS: Shape = Shape::Each(&Shape::Object(&[
    field("name", "name", Shape::HumanName).required(),
    field("relationship[0]", "relationship", RELATIONSHIP).required(),
    field(
        "relationship[1]",
        "",
        Shape::Fixed(r#"{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0131","code":"C"}]}"#),
    ),
    field("telecom", "telecoms", TELECOMS),
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
    field("relationship[0]", "relationship", RELATIONSHIP).required(),
    field("identifier", "account_id", Shape::Identified("acc_")),
    field("identifier", "client_id", Shape::Identified("cli_")),
    field("name[0]", "name", Shape::HumanName),
    field("telecom", "telecoms", TELECOMS),
];
