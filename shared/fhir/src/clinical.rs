//! The records of `records` and the clinical resources.

use crate::mapping::{Field, Kind, Shape, Tag, field, unless};

const CODING: Shape = Shape::Object(&[
    field("system", "system", Shape::Text).required(),
    field("code", "code", Shape::Text).required(),
    field("display", "display", Shape::Text),
]);

pub(crate) const CONCEPT: Shape = Shape::Object(&[
    field("coding", "coding", Shape::Each(&CODING)),
    field("text", "text", Shape::Text),
]);

const CONCEPTS: Shape = Shape::Each(&CONCEPT);

const QUANTITY: Shape = Shape::Object(&[
    field("value", "value", Shape::Decimal).required(),
    field("comparator", "comparator", Shape::Code(&["<", "<=", ">=", ">"])).decisive(),
    field("unit", "unit", Shape::Text),
    field("system", "system", Shape::Text),
    field("code", "code", Shape::Text),
]);

pub(crate) const PERIOD: Shape = Shape::Object(&[
    field("start", "start", Shape::DateTime).required(),
    field("end", "end", Shape::DateTime),
]);

/// Reasons that are records stand first: FHIR has two lists for the two.
const REASON_RECORDS: Shape = Shape::Each(&Shape::Object(&[
    field("reference", "record", Shape::AnyRecord).required(),
    field("display", "concept.text", Shape::Text),
]));

const REASON_CONCEPTS: Shape = Shape::Each(&Shape::Object(&[field("", "concept", CONCEPT).required()]));

pub(crate) const PATIENT: Field = field("patient.reference", "", Shape::Client).required();
pub(crate) const SUBJECT: Field = field("subject.reference", "", Shape::Client).required();

/// In which session it was: of the record, not of its content.
pub(crate) const SESSION: Field = field("encounter.reference", "encounter", Shape::Record(Kind::Encounter));

pub(crate) const DIAGNOSIS: &[Field] = &[
    SUBJECT,
    SESSION,
    field("code", "content.code", CONCEPT).required(),
    field(
        "clinicalStatus",
        "content.clinical_status",
        Shape::Coded(
            "http://terminology.hl7.org/CodeSystem/condition-clinical",
            &["active", "recurrence", "relapse", "inactive", "remission", "resolved"],
        ),
    )
    .decisive(),
    field(
        "verificationStatus",
        "content.verification_status",
        Shape::Coded(
            "http://terminology.hl7.org/CodeSystem/condition-ver-status",
            &[
                "unconfirmed",
                "provisional",
                "differential",
                "confirmed",
                "refuted",
                "entered-in-error",
            ],
        ),
    )
    .required(),
    field("category", "content.categories", CONCEPTS),
    field("severity", "content.severity", CONCEPT),
    field("onsetDateTime", "content.onset", Shape::DateTime),
    field("onsetPeriod.start", "content.onset", Shape::DateTime).alternative(),
    field("abatementDateTime", "content.abatement", Shape::DateTime),
    field("abatementPeriod.end", "content.abatement", Shape::DateTime).alternative(),
    field("recordedDate", "content.recorded", Shape::DateTime),
    field("note", "content.note", Shape::Annotations),
];

/// What a request or a statement refers to: what it calls the medication is theirs.
pub(crate) const MEDICATION: &[Field] = &[
    field("status", "", Shape::Harmless(r#""active""#)),
    // Not `entered-in-error`; what nobody sells any more may still have been prescribed.
    field("status", "", Shape::Among("", &["inactive"])).decisive(),
    field("code", "code", CONCEPT).required(),
];

const DOSAGE: Shape = Shape::Object(&[
    field("text", "text", Shape::Text),
    // Whoever says for what it is taken as needed says that it is (FHIR R4, Dosage.asNeeded[x]).
    field("asNeededCodeableConcept", "as_needed", Shape::Implies("true")).alternative(),
    field("asNeededBoolean", "as_needed", Shape::Boolean),
    field("doseAndRate[0].doseQuantity", "dose", QUANTITY),
    field("timing.repeat.frequency", "frequency", Shape::Count),
    field("timing.repeat.period", "period", Shape::Decimal),
    field(
        "timing.repeat.periodUnit",
        "period_unit",
        Shape::Code(&["s", "min", "h", "d", "wk", "mo", "a"]),
    ),
]);

pub(crate) const MEDICATION_REQUEST: &[Field] = &[
    SUBJECT,
    SESSION,
    unless("doNotPerform", "false"),
    field("medicationCodeableConcept", "content.medication", CONCEPT).required(),
    field(
        "status",
        "content.status",
        Shape::Code(&[
            "active",
            "on-hold",
            "cancelled",
            "completed",
            "entered-in-error",
            "stopped",
            "unknown",
        ]),
    )
    .required(),
    field(
        "intent",
        "content.intent",
        Shape::Code(&[
            "proposal",
            "plan",
            "order",
            "original-order",
            "reflex-order",
            "filler-order",
            "instance-order",
            "option",
        ]),
    )
    .required(),
    field("dosageInstruction", "content.dosage", Shape::Each(&DOSAGE)),
    field("dispenseRequest.validityPeriod", "content.period", PERIOD),
    field("authoredOn", "content.authored", Shape::DateTime),
    field("requester", "content.prescriber", Shape::Name),
    field("reasonReference", "content.reasons", REASON_RECORDS),
    field("reasonCode", "content.reasons", REASON_CONCEPTS),
    field("note", "content.note", Shape::Annotations),
];

/// A medication without an intent.
pub(crate) const MEDICATION_STATEMENT: &[Field] = &[
    SUBJECT,
    field("context.reference", "encounter", Shape::Record(Kind::Encounter)),
    field("medicationCodeableConcept", "content.medication", CONCEPT).required(),
    field(
        "status",
        "content.status",
        Shape::Code(&[
            "active",
            "on-hold",
            "completed",
            "entered-in-error",
            "stopped",
            "intended",
            "not-taken",
            "unknown",
        ]),
    )
    .required(),
    field("dosage", "content.dosage", Shape::Each(&DOSAGE)),
    field("effectivePeriod", "content.period", PERIOD),
    field("effectiveDateTime", "content.period.start", Shape::DateTime).alternative(),
    field("dateAsserted", "content.authored", Shape::DateTime),
    field("informationSource", "content.prescriber", Shape::Name),
    field("reasonReference", "content.reasons", REASON_RECORDS),
    field("reasonCode", "content.reasons", REASON_CONCEPTS),
    field("note", "content.note", Shape::Annotations),
];

pub(crate) const ENCOUNTER: &[Field] = &[
    SUBJECT,
    field(
        "status",
        "content.status",
        Shape::Code(&[
            "planned",
            "arrived",
            "triaged",
            "in-progress",
            "onleave",
            "finished",
            "cancelled",
            "entered-in-error",
            "unknown",
        ]),
    )
    .required(),
    field("class", "content.class", CODING).required(),
    field("type", "content.types", CONCEPTS),
    field("period", "content.period", PERIOD).required(),
    field("reasonReference", "content.reasons", REASON_RECORDS),
    field("reasonCode", "content.reasons", REASON_CONCEPTS),
    field(
        "participant",
        "content.participants",
        Shape::Each(&Shape::Object(&[field("individual", "", Shape::Name).required()])),
    ),
    field("serviceProvider", "content.provider", Shape::Name),
    field("hospitalization.dischargeDisposition", "content.discharge", CONCEPT),
];

const RESULT_STATUS: &[&str] = &[
    "registered",
    "preliminary",
    "final",
    "amended",
    "corrected",
    "cancelled",
    "entered-in-error",
    "unknown",
];

pub(crate) const OBSERVATION: &[Field] = &[
    SUBJECT,
    SESSION,
    field("code", "content.code", CONCEPT).required(),
    field("status", "content.status", Shape::Code(RESULT_STATUS)).required(),
    field("category", "content.categories", CONCEPTS),
    field("effectiveDateTime", "content.effective", Shape::DateTime).required(),
    field("effectiveInstant", "content.effective", Shape::DateTime).alternative(),
    field("effectivePeriod.start", "content.effective", Shape::DateTime).alternative(),
    field("issued", "content.issued", Shape::Instant),
    field("valueQuantity", "content.value.quantity", QUANTITY).decisive(),
    field("valueCodeableConcept", "content.value.concept", CONCEPT).decisive(),
    field("valueString", "content.value.text", Shape::Text).decisive(),
    // What counts something is a quantity without a unit.
    field("valueInteger", "content.value.quantity.value", Shape::Whole).alternative(),
    unless("valueBoolean", "null"),
    unless("valueInteger", "null"),
    unless("valueRange", "null"),
    unless("valueRatio", "null"),
    unless("valueSampledData", "null"),
    unless("valueTime", "null"),
    unless("valueDateTime", "null"),
    unless("valuePeriod", "null"),
    field(
        "component",
        "content.components",
        Shape::Each(&Shape::Object(&[
            field("code", "code", CONCEPT).required(),
            field("valueQuantity", "value.quantity", QUANTITY).decisive(),
            field("valueCodeableConcept", "value.concept", CONCEPT).decisive(),
            field("valueString", "value.text", Shape::Text).decisive(),
            field("valueInteger", "value.quantity.value", Shape::Whole).alternative(),
            unless("valueBoolean", "null"),
            unless("valueInteger", "null"),
            unless("valueRange", "null"),
            unless("valueRatio", "null"),
            unless("valueSampledData", "null"),
            unless("valueTime", "null"),
            unless("valueDateTime", "null"),
            unless("valuePeriod", "null"),
        ])),
    ),
    field("note", "content.note", Shape::Annotations),
];

pub(crate) const PROCEDURE: &[Field] = &[
    SUBJECT,
    SESSION,
    field("code", "content.code", CONCEPT).required(),
    field(
        "status",
        "content.status",
        Shape::Code(&[
            "preparation",
            "in-progress",
            "not-done",
            "on-hold",
            "stopped",
            "completed",
            "entered-in-error",
            "unknown",
        ]),
    )
    .required(),
    field("performedPeriod", "content.performed", PERIOD),
    field("performedDateTime", "content.performed.start", Shape::DateTime).alternative(),
    field("performer[0].actor", "content.performer", Shape::Name),
    field("reasonReference", "content.reasons", REASON_RECORDS),
    field("reasonCode", "content.reasons", REASON_CONCEPTS),
    field("note", "content.note", Shape::Annotations),
];

pub(crate) const IMMUNIZATION: &[Field] = &[
    PATIENT,
    SESSION,
    unless("isSubpotent", "false"),
    field("vaccineCode", "content.vaccine", CONCEPT).required(),
    field(
        "status",
        "content.status",
        Shape::Code(&["completed", "entered-in-error", "not-done"]),
    )
    .required(),
    field("occurrenceDateTime", "content.occurrence", Shape::DateTime).required(),
    field("primarySource", "content.primary_source", Shape::Boolean),
    field("note", "content.note", Shape::Annotations),
];

pub(crate) const DIAGNOSTIC_REPORT: &[Field] = &[
    SUBJECT,
    SESSION,
    field("code", "content.code", CONCEPT).required(),
    field(
        "status",
        "content.status",
        Shape::Code(&[
            "registered",
            "preliminary",
            "final",
            "amended",
            "corrected",
            "cancelled",
            "entered-in-error",
            "unknown",
            "partial",
            "appended",
        ]),
    )
    .required(),
    field("category", "content.categories", CONCEPTS),
    field("effectiveDateTime", "content.effective", Shape::DateTime).required(),
    field("effectivePeriod.start", "content.effective", Shape::DateTime).alternative(),
    field("issued", "content.issued", Shape::Instant),
    field(
        "result",
        "content.results",
        Shape::Each(&Shape::Object(&[
            field("reference", "", Shape::Open).decisive(),
            field("reference", "record", Shape::AnyRecord),
            field("display", "display", Shape::Text),
        ])),
    ),
    field("conclusion", "content.conclusion", Shape::Text),
];

/// Goals stand in a plan here and beside it in FHIR: whoever reads puts them in as `goals` first, and takes them out when it writes.
pub(crate) const TREATMENT_PLAN: &[Field] = &[
    SUBJECT,
    SESSION,
    field("intent", "", Shape::Fixed(r#""plan""#)),
    field(
        "status",
        "content.status",
        Shape::Code(&[
            "active",
            "on-hold",
            "revoked",
            "completed",
            "entered-in-error",
            "unknown",
        ]),
    )
    .required(),
    field("period", "content.period", PERIOD).required(),
    field("note", "content.review_on", Shape::LabelledDay("Review on")),
    field("category", "content.categories", CONCEPTS),
    field(
        "addresses",
        "content.problems",
        Shape::Each(&Shape::Object(&[
            field("display", "description", Shape::Text).required(),
            field("reference", "diagnosis", Shape::Record(Kind::Diagnosis)).decisive(),
        ])),
    ),
    field(
        "activity",
        "content.activities",
        Shape::Each(&Shape::Object(&[
            unless("detail.doNotPerform", "false"),
            field("detail.code", "code", CONCEPT).required(),
            field(
                "detail.status",
                "status",
                Shape::Code(&[
                    "not-started",
                    "scheduled",
                    "in-progress",
                    "on-hold",
                    "completed",
                    "cancelled",
                    "stopped",
                    "unknown",
                    "entered-in-error",
                ]),
            )
            .required(),
        ])),
    ),
];

/// A goal of a plan.
pub(crate) const GOAL: &[Field] = &[
    SUBJECT,
    field("description.text", "description", Shape::Text).required(),
    field(
        "lifecycleStatus",
        "status",
        Shape::Code(&[
            "proposed",
            "planned",
            "accepted",
            "active",
            "on-hold",
            "completed",
            "cancelled",
            "entered-in-error",
            "rejected",
        ]),
    )
    .required(),
    field(
        "achievementStatus",
        "achievement",
        Shape::Coded(
            "http://terminology.hl7.org/CodeSystem/goal-achievement",
            &[
                "in-progress",
                "improving",
                "worsening",
                "no-change",
                "achieved",
                "sustaining",
                "not-achieved",
                "no-progress",
                "not-attainable",
            ],
        ),
    ),
    field("target[0].measure.text", "measure", Shape::Text),
    field("target[0].dueDate", "target_date", Shape::Day),
    field("note", "objectives", Shape::Labelled("Objective")),
    field("note", "interventions", Shape::Labelled("Intervention")),
];

/// Only what is a progress note and nothing else is one: its code is LOINC's 11506-3, "Progress note". Psychotherapy notes never are.
pub(crate) const PROGRESS_NOTE: &[Field] = &[
    SUBJECT,
    field(
        "context.encounter[0].reference",
        "encounter",
        Shape::Record(Kind::Encounter),
    ),
    field("status", "", Shape::Fixed(r#""current""#)).required(),
    field(
        "type",
        "",
        Shape::Fixed(r#"{"coding":[{"system":"http://loinc.org","code":"11506-3","display":"Progress note"}]}"#),
    )
    .required(),
    unless("securityLabel", "[]"),
    field("context.period.start", "content.session_at", Shape::Instant).required(),
    field(
        "content",
        "content.text",
        Shape::Pick(
            Some(("attachment.contentType", Tag::Text("text/plain; charset=utf-8"))),
            &Shape::Object(&[field("attachment.data", "", Shape::Base64).required()]),
        ),
    )
    .required(),
];
