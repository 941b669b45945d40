//! Claims and explanations of benefit, as `billing` keeps them: who asked whom for how much, and what came of it. Neither diagnoses nor
//! a link to a health record.

use crate::clinical::{CONCEPT, PATIENT, PERIOD};
use crate::mapping::{Field, Kind, Shape, field};

const STATUS: Shape = Shape::Code(&["active", "cancelled", "draft", "entered-in-error"]);

const USE: Shape = Shape::Code(&["claim", "preauthorization", "predetermination"]);

const INSURANCE: Shape = Shape::Each(&Shape::Object(&[
    field("sequence", "sequence", Shape::Count).required(),
    field("focal", "focal", Shape::Boolean).required(),
    field("coverage.reference", "", Shape::Open).decisive(),
    field("coverage.display", "coverage", Shape::Text).required(),
]));

/// In an explanation the order of the coverages is theirs in the list.
const COVERAGES: Shape = Shape::Each(&Shape::Object(&[
    field("focal", "focal", Shape::Boolean).required(),
    field("coverage.reference", "", Shape::Open).decisive(),
    field("coverage.display", "coverage", Shape::Text).required(),
]));

/// What was given or done, as far as it tells no diagnosis: where it does, it was taken out before, and what FHIR wants in its place is put there.
const SERVICE: Field = field("productOrService", "service", CONCEPT).required();

const CLAIMED: Shape = Shape::Each(&Shape::Object(&[
    field("sequence", "sequence", Shape::Count).required(),
    SERVICE,
    field("servicedPeriod", "serviced", PERIOD),
    field("quantity.value", "quantity", Shape::Decimal),
    field("unitPrice", "unit_price", Shape::Money),
    field("net", "net", Shape::Money),
]));

const ADJUDICATIONS: Shape = Shape::Each(&Shape::Object(&[
    field("category", "category", CONCEPT).required(),
    field("reason", "reason", CONCEPT),
    field("amount", "amount", Shape::Money),
]));

const ADJUDICATED: Shape = Shape::Each(&Shape::Object(&[
    field("sequence", "sequence", Shape::Count).required(),
    SERVICE,
    field("category", "category", CONCEPT),
    field("servicedPeriod", "serviced", PERIOD),
    field("locationCodeableConcept", "location", CONCEPT),
    field("quantity.value", "quantity", Shape::Decimal),
    field("unitPrice", "unit_price", Shape::Money),
    field("net", "net", Shape::Money),
    field("adjudication", "adjudications", ADJUDICATIONS),
]));

const TOTALS: Shape = Shape::Each(&Shape::Object(&[
    field("category", "category", CONCEPT).required(),
    field("amount", "amount", Shape::Money).required(),
]));

const IDENTIFIERS: Shape = Shape::Each(&Shape::Object(&[
    field("system", "system", Shape::Text).required(),
    field("value", "value", Shape::Text).required(),
]));

pub(crate) const CLAIM: &[Field] = &[
    PATIENT,
    field("identifier", "content.identifiers", IDENTIFIERS),
    field("status", "content.status", STATUS).required(),
    field("type", "content.type", CONCEPT).required(),
    field("use", "content.use", USE).required(),
    field("billablePeriod", "content.billable_period", PERIOD),
    field("created", "content.created", Shape::DateTime).required(),
    field("provider", "content.provider", Shape::Name).required(),
    field("priority", "content.priority", CONCEPT).required(),
    field("insurance", "content.insurance", INSURANCE).required(),
    field("item", "content.items", CLAIMED),
    field("total", "content.total", Shape::Money),
];

pub(crate) const EXPLANATION_OF_BENEFIT: &[Field] = &[
    PATIENT,
    field("identifier", "content.identifiers", IDENTIFIERS),
    field("status", "content.status", STATUS).required(),
    field("type", "content.type", CONCEPT).required(),
    field("use", "content.use", USE).required(),
    field("billablePeriod", "content.billable_period", PERIOD),
    field("created", "content.created", Shape::DateTime).required(),
    field("insurer", "content.insurer", Shape::Name).required(),
    field("provider", "content.provider", Shape::Name).required(),
    field("claim.reference", "content.claim", Shape::Record(Kind::Claim)),
    field(
        "outcome",
        "content.outcome",
        Shape::Code(&["queued", "complete", "error", "partial"]),
    )
    .required(),
    field("disposition", "content.disposition", Shape::Text),
    field("insurance", "content.insurance", COVERAGES).required(),
    field("item", "content.items", ADJUDICATED),
    field("total", "content.totals", TOTALS),
    field("payment.amount", "content.payment.amount", Shape::Money),
    field("payment.date", "content.payment.date", Shape::Date),
];
