//! The allow-list: which elements of which resources (FHIR R4) may leave, and as what. Nothing else does.
//!
//! Beside each stands the paragraph of 45 CFR 164.514(b)(2)(i) that its transformation answers. Elements that no row names are the other
//! answers: names (A), telecoms (D)–(F), identifiers (G)–(M), URLs and addresses of machines (N), (O), attachments and photographs (P), (Q),
//! and whatever text or extension could hold any of them.

use serde::Serialize;

use crate::terminology::{
    ACT_CODE, CONDITION_CATEGORY, CONDITION_CLINICAL, CONDITION_VERIFICATION, CVX, DIAGNOSTIC_SECTION, DISCHARGE,
    DOSE_RATE, GOAL_ACHIEVEMENT, ICD_9_CM, ICD_10, ICD_10_CM, ICD_11, LOINC, MARITAL_STATUS, OBSERVATION_CATEGORY,
    OBSERVATION_INTERPRETATION, RXNORM, SNOMED, System,
};

/// A kind of resource, and what of it may leave.
pub(crate) struct Resource {
    pub(crate) name: &'static str,
    pub(crate) elements: &'static [Element],
}

/// An element, and what becomes of it.
pub(crate) struct Element {
    pub(crate) name: &'static str,
    pub(crate) rule: Rule,
    /// The paragraph of 45 CFR 164.514(b)(2)(i) that the rule answers.
    pub(crate) paragraph: char,
    /// Whether FHIR has a list here.
    pub(crate) is_list: bool,
    pub(crate) need: Need,
}

/// What comes of a resource whose element may not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// It goes without.
    Optional,
    /// FHIR requires the element: it says that it is masked (extension `data-absent-reason`).
    Masked,
    /// It would say nothing without: what it is in stays as a whole.
    Essential,
}

/// What a value becomes. What does not fit its rule stays.
pub(crate) enum Rule {
    /// One of these words.
    Word(&'static [&'static str]),
    /// The codes of these terminologies in a CodeableConcept; never `text` or `display`.
    Concept(&'static [&'static System]),
    /// A Coding of one of these terminologies.
    Coding(&'static [&'static System]),
    /// The year of a date, where it tells no age over 89.
    Year,
    /// The year of birth, by the same measure.
    BirthYear,
    /// A measured amount.
    Quantity,
    /// A whole number up to this.
    Integer(u64),
    /// A number up to this.
    Decimal(f64),
    Boolean,
    /// The fresh code of a resource of one of these kinds that leaves with the same client.
    Reference(&'static [&'static str]),
    /// Country, State, three digits of the ZIP code.
    Address,
    /// A question of LOINC, as the `linkId` of an item.
    Question,
    /// A questionnaire of LOINC, as a canonical URL.
    Questionnaire,
    /// These elements.
    Parts(&'static [Element]),
}

const fn one(name: &'static str, rule: Rule, paragraph: char) -> Element {
    Element {
        name,
        rule,
        paragraph,
        is_list: false,
        need: Need::Optional,
    }
}

const fn list(name: &'static str, rule: Rule, paragraph: char) -> Element {
    Element {
        name,
        rule,
        paragraph,
        is_list: true,
        need: Need::Optional,
    }
}

const fn needed(name: &'static str, rule: Rule, paragraph: char) -> Element {
    Element {
        name,
        rule,
        paragraph,
        is_list: false,
        need: Need::Essential,
    }
}

const fn masked(name: &'static str, rule: Rule, paragraph: char) -> Element {
    Element {
        name,
        rule,
        paragraph,
        is_list: false,
        need: Need::Masked,
    }
}

static FINDINGS: [&System; 7] = [&LOINC, &SNOMED, &ICD_10_CM, &ICD_10, &ICD_11, &ICD_9_CM, &RXNORM];
static RESULT_STATUS: [&str; 10] = [
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
];
static REQUEST_INTENT: [&str; 8] = [
    "proposal",
    "plan",
    "order",
    "original-order",
    "reflex-order",
    "filler-order",
    "instance-order",
    "option",
];

/// An assessment's scores are numbers of at most this: the PCL-5 comes to 80, the widest published scales to 500.
const SCORE: u64 = 500;

/// The subject is the client herself, under the code of this export. Another's record has no place in it.
const fn subject(name: &'static str) -> Element {
    needed(name, Rule::Reference(&["Patient"]), 'R')
}

const fn encounter() -> Element {
    one("encounter", Rule::Reference(&["Encounter"]), 'R')
}

const fn findings(name: &'static str) -> Element {
    list(name, Rule::Concept(&FINDINGS), 'R')
}

const fn records(name: &'static str) -> Element {
    list(
        name,
        Rule::Reference(&["Condition", "Observation", "Procedure", "DiagnosticReport"]),
        'R',
    )
}

const fn year(name: &'static str) -> Element {
    one(name, Rule::Year, 'C')
}

static PERIOD: [Element; 2] = [year("start"), year("end")];

const fn period(name: &'static str) -> Element {
    one(name, Rule::Parts(&PERIOD), 'C')
}

pub(crate) static RESOURCES: [Resource; 11] = [
    Resource {
        name: "Patient",
        elements: &PATIENT,
    },
    Resource {
        name: "Condition",
        elements: &CONDITION,
    },
    Resource {
        name: "Observation",
        elements: &OBSERVATION,
    },
    Resource {
        name: "Procedure",
        elements: &PROCEDURE,
    },
    Resource {
        name: "Encounter",
        elements: &ENCOUNTER,
    },
    Resource {
        name: "MedicationRequest",
        elements: &MEDICATION_REQUEST,
    },
    Resource {
        name: "Immunization",
        elements: &IMMUNIZATION,
    },
    Resource {
        name: "DiagnosticReport",
        elements: &DIAGNOSTIC_REPORT,
    },
    Resource {
        name: "CarePlan",
        elements: &CARE_PLAN,
    },
    Resource {
        name: "Goal",
        elements: &GOAL,
    },
    Resource {
        name: "QuestionnaireResponse",
        elements: &QUESTIONNAIRE_RESPONSE,
    },
];

static PATIENT: [Element; 6] = [
    one("gender", Rule::Word(&["male", "female", "other", "unknown"]), 'R'),
    one("birthDate", Rule::BirthYear, 'C'),
    one("deceasedBoolean", Rule::Boolean, 'C'),
    year("deceasedDateTime"),
    list("address", Rule::Address, 'B'),
    one("maritalStatus", Rule::Concept(&[&MARITAL_STATUS]), 'R'),
];

static CONDITION: [Element; 15] = [
    one("clinicalStatus", Rule::Concept(&[&CONDITION_CLINICAL]), 'R'),
    one("verificationStatus", Rule::Concept(&[&CONDITION_VERIFICATION]), 'R'),
    list("category", Rule::Concept(&[&CONDITION_CATEGORY]), 'R'),
    one("severity", Rule::Concept(&[&SNOMED]), 'R'),
    needed(
        "code",
        Rule::Concept(&[&SNOMED, &ICD_10_CM, &ICD_10, &ICD_11, &ICD_9_CM]),
        'R',
    ),
    list("bodySite", Rule::Concept(&[&SNOMED]), 'R'),
    subject("subject"),
    encounter(),
    year("onsetDateTime"),
    period("onsetPeriod"),
    year("abatementDateTime"),
    period("abatementPeriod"),
    one("abatementBoolean", Rule::Boolean, 'C'),
    year("recordedDate"),
    list("evidence", Rule::Parts(&EVIDENCE), 'R'),
];

static EVIDENCE: [Element; 2] = [findings("code"), records("detail")];

static OBSERVATION: [Element; 15] = [
    one("status", Rule::Word(&RESULT_STATUS), 'R'),
    list("category", Rule::Concept(&[&OBSERVATION_CATEGORY]), 'R'),
    needed("code", Rule::Concept(&[&LOINC, &SNOMED]), 'R'),
    subject("subject"),
    encounter(),
    year("effectiveDateTime"),
    period("effectivePeriod"),
    one("valueQuantity", Rule::Quantity, 'R'),
    one("valueCodeableConcept", Rule::Concept(&FINDINGS), 'R'),
    one("valueInteger", Rule::Integer(SCORE), 'R'),
    one("valueBoolean", Rule::Boolean, 'R'),
    list(
        "interpretation",
        Rule::Concept(&[&OBSERVATION_INTERPRETATION, &LOINC, &SNOMED]),
        'R',
    ),
    list(
        "hasMember",
        Rule::Reference(&["Observation", "QuestionnaireResponse"]),
        'R',
    ),
    list(
        "derivedFrom",
        Rule::Reference(&["Observation", "QuestionnaireResponse"]),
        'R',
    ),
    list("component", Rule::Parts(&COMPONENT), 'R'),
];

static COMPONENT: [Element; 6] = [
    needed("code", Rule::Concept(&[&LOINC, &SNOMED]), 'R'),
    one("valueQuantity", Rule::Quantity, 'R'),
    one("valueCodeableConcept", Rule::Concept(&FINDINGS), 'R'),
    one("valueInteger", Rule::Integer(SCORE), 'R'),
    one("valueBoolean", Rule::Boolean, 'R'),
    list(
        "interpretation",
        Rule::Concept(&[&OBSERVATION_INTERPRETATION, &LOINC, &SNOMED]),
        'R',
    ),
];

static PROCEDURE: [Element; 10] = [
    one(
        "status",
        Rule::Word(&[
            "preparation",
            "in-progress",
            "not-done",
            "on-hold",
            "stopped",
            "completed",
            "entered-in-error",
            "unknown",
        ]),
        'R',
    ),
    one("category", Rule::Concept(&[&SNOMED]), 'R'),
    needed("code", Rule::Concept(&[&SNOMED, &LOINC]), 'R'),
    subject("subject"),
    encounter(),
    year("performedDateTime"),
    period("performedPeriod"),
    findings("reasonCode"),
    records("reasonReference"),
    list("bodySite", Rule::Concept(&[&SNOMED]), 'R'),
];

static ENCOUNTER: [Element; 9] = [
    one(
        "status",
        Rule::Word(&[
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
        'R',
    ),
    masked("class", Rule::Coding(&[&ACT_CODE]), 'R'),
    list("type", Rule::Concept(&[&SNOMED]), 'R'),
    subject("subject"),
    period("period"),
    findings("reasonCode"),
    records("reasonReference"),
    list("diagnosis", Rule::Parts(&DIAGNOSIS), 'R'),
    one("hospitalization", Rule::Parts(&HOSPITALIZATION), 'R'),
];

static DIAGNOSIS: [Element; 1] = [needed("condition", Rule::Reference(&["Condition", "Procedure"]), 'R')];
static HOSPITALIZATION: [Element; 1] = [one("dischargeDisposition", Rule::Concept(&[&DISCHARGE, &SNOMED]), 'R')];

static MEDICATION_REQUEST: [Element; 9] = [
    one(
        "status",
        Rule::Word(&[
            "active",
            "on-hold",
            "cancelled",
            "completed",
            "entered-in-error",
            "stopped",
            "draft",
            "unknown",
        ]),
        'R',
    ),
    one("intent", Rule::Word(&REQUEST_INTENT), 'R'),
    needed("medicationCodeableConcept", Rule::Concept(&[&RXNORM, &SNOMED]), 'R'),
    subject("subject"),
    encounter(),
    year("authoredOn"),
    findings("reasonCode"),
    records("reasonReference"),
    list("dosageInstruction", Rule::Parts(&DOSAGE), 'R'),
];

static DOSAGE: [Element; 4] = [
    one("timing", Rule::Parts(&TIMING), 'R'),
    one("asNeededBoolean", Rule::Boolean, 'R'),
    one("route", Rule::Concept(&[&SNOMED]), 'R'),
    list("doseAndRate", Rule::Parts(&DOSE), 'R'),
];

static DOSE: [Element; 2] = [
    one("type", Rule::Concept(&[&DOSE_RATE]), 'R'),
    one("doseQuantity", Rule::Quantity, 'R'),
];
static TIMING: [Element; 1] = [one("repeat", Rule::Parts(&REPEAT), 'R')];

/// `bounds`, `timeOfDay` and `event` are dates and times, and stay.
static REPEAT: [Element; 3] = [
    one("frequency", Rule::Integer(100), 'R'),
    one("period", Rule::Decimal(366.0), 'R'),
    one("periodUnit", Rule::Word(&["s", "min", "h", "d", "wk", "mo", "a"]), 'R'),
];

static IMMUNIZATION: [Element; 7] = [
    one(
        "status",
        Rule::Word(&["completed", "entered-in-error", "not-done"]),
        'R',
    ),
    needed("vaccineCode", Rule::Concept(&[&CVX, &SNOMED]), 'R'),
    subject("patient"),
    encounter(),
    masked("occurrenceDateTime", Rule::Year, 'C'),
    one("primarySource", Rule::Boolean, 'R'),
    findings("reasonCode"),
];

static DIAGNOSTIC_REPORT: [Element; 9] = [
    one("status", Rule::Word(&RESULT_STATUS), 'R'),
    list("category", Rule::Concept(&[&DIAGNOSTIC_SECTION, &LOINC, &SNOMED]), 'R'),
    needed("code", Rule::Concept(&[&LOINC, &SNOMED]), 'R'),
    subject("subject"),
    encounter(),
    year("effectiveDateTime"),
    period("effectivePeriod"),
    list("result", Rule::Reference(&["Observation"]), 'R'),
    findings("conclusionCode"),
];

static CARE_PLAN: [Element; 10] = [
    one(
        "status",
        Rule::Word(&[
            "draft",
            "active",
            "on-hold",
            "revoked",
            "completed",
            "entered-in-error",
            "unknown",
        ]),
        'R',
    ),
    one("intent", Rule::Word(&["proposal", "plan", "order", "option"]), 'R'),
    list("category", Rule::Concept(&[&SNOMED]), 'R'),
    subject("subject"),
    encounter(),
    period("period"),
    year("created"),
    list("addresses", Rule::Reference(&["Condition"]), 'R'),
    list("goal", Rule::Reference(&["Goal"]), 'R'),
    list("activity", Rule::Parts(&ACTIVITY), 'R'),
];

static ACTIVITY: [Element; 1] = [needed("detail", Rule::Parts(&DETAIL), 'R')];
static DETAIL: [Element; 4] = [
    needed("code", Rule::Concept(&[&SNOMED, &LOINC]), 'R'),
    one(
        "status",
        Rule::Word(&[
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
        'R',
    ),
    findings("reasonCode"),
    records("reasonReference"),
];

static GOAL: [Element; 9] = [
    one(
        "lifecycleStatus",
        Rule::Word(&[
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
        'R',
    ),
    one("achievementStatus", Rule::Concept(&[&GOAL_ACHIEVEMENT, &SNOMED]), 'R'),
    list("category", Rule::Concept(&[&SNOMED]), 'R'),
    masked("description", Rule::Concept(&[&SNOMED]), 'R'),
    subject("subject"),
    year("startDate"),
    year("statusDate"),
    list("addresses", Rule::Reference(&["Condition", "Observation"]), 'R'),
    list("target", Rule::Parts(&TARGET), 'R'),
];

static TARGET: [Element; 5] = [
    one("measure", Rule::Concept(&[&LOINC, &SNOMED]), 'R'),
    one("detailQuantity", Rule::Quantity, 'R'),
    one("detailCodeableConcept", Rule::Concept(&FINDINGS), 'R'),
    one("detailInteger", Rule::Integer(SCORE), 'R'),
    year("dueDate"),
];

static QUESTIONNAIRE_RESPONSE: [Element; 6] = [
    one("questionnaire", Rule::Questionnaire, 'N'),
    one(
        "status",
        Rule::Word(&["in-progress", "completed", "amended", "entered-in-error", "stopped"]),
        'R',
    ),
    subject("subject"),
    encounter(),
    year("authored"),
    list("item", Rule::Parts(&ITEM), 'R'),
];

/// Items hold items (FHIR R4, QuestionnaireResponse): a row that names itself.
static ITEM: [Element; 3] = [
    needed("linkId", Rule::Question, 'R'),
    list("answer", Rule::Parts(&ANSWER), 'R'),
    list("item", Rule::Parts(&ITEM), 'R'),
];

static ANSWER: [Element; 4] = [
    one("valueCoding", Rule::Coding(&[&LOINC, &SNOMED]), 'R'),
    one("valueInteger", Rule::Integer(SCORE), 'R'),
    one("valueBoolean", Rule::Boolean, 'R'),
    list("item", Rule::Parts(&ITEM), 'R'),
];

/// A row of the table of what may leave: for people to read, beside an export or in a notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Allowed {
    /// The element, as FHIR writes its path: `Patient.birthDate`.
    pub element: String,
    /// The paragraph of 45 CFR 164.514(b)(2)(i) that its transformation answers, `A` to `R`.
    pub paragraph: char,
}

/// Every element that may leave in some form. What is in an item of an item is said once.
#[must_use]
pub fn allowed() -> Vec<Allowed> {
    fn add(path: &str, elements: &'static [Element], above: &[&'static [Element]], rows: &mut Vec<Allowed>) {
        for element in elements {
            let element_path = format!("{path}.{}", element.name);
            rows.push(Allowed {
                element: element_path.clone(),
                paragraph: element.paragraph,
            });
            if let Rule::Parts(parts) = element.rule
                && !above.iter().any(|known| std::ptr::eq(*known, parts))
            {
                add(&element_path, parts, &[above, &[parts]].concat(), rows);
            }
        }
    }
    let mut rows = Vec::new();
    for resource in &RESOURCES {
        add(resource.name, resource.elements, &[], &mut rows);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The elements by which FHIR names people, their things, and free text, whatever resource they are in.
    #[test]
    fn no_row_is_of_an_element_that_names_somebody() {
        let rows = allowed();
        assert!(rows.iter().all(|row| ('A'..='R').contains(&row.paragraph)));
        let all: Vec<&str> = rows.iter().filter_map(|row| row.element.rsplit('.').next()).collect();
        assert!(all.len() > 90);
        for element in [
            "id",
            "identifier",
            "name",
            "telecom",
            "contact",
            "photo",
            "text",
            "display",
            "note",
            "extension",
            "modifierExtension",
            "contained",
            "meta",
            "implicitRules",
            "link",
            "url",
            "valueString",
            "valueDateTime",
            "valuePeriod",
            "valueTime",
            "title",
            "conclusion",
            "presentedForm",
            "media",
            "lotNumber",
            "device",
            "performer",
            "participant",
            "asserter",
            "recorder",
            "requester",
            "generalPractitioner",
            "managingOrganization",
            "location",
            "serviceProvider",
            "onsetAge",
            "onsetString",
            "issued",
            "unit",
            "instantiatesUri",
            "patientInstruction",
            "expressedBy",
            "source",
            "author",
            "contributor",
            "appointment",
            "account",
        ] {
            assert!(!all.contains(&element), "{element}");
        }
    }

    #[test]
    fn the_table_can_be_shown() {
        let rows: Vec<String> = allowed()
            .iter()
            .map(|row| format!("{} {}", row.element, row.paragraph))
            .collect();
        for row in [
            "Patient.birthDate C",
            "Patient.address B",
            "Encounter.period.start C",
            "Observation.component.valueQuantity R",
            "QuestionnaireResponse.item.answer.valueCoding R",
            "QuestionnaireResponse.item.item R",
        ] {
            assert!(rows.iter().any(|known| known == row), "{row}");
        }
        assert!(
            !rows
                .iter()
                .any(|row| row.contains("item.item.") || row.contains("answer.item.")),
            "a row that names itself is shown once"
        );
    }

    #[test]
    fn every_resource_but_the_patient_is_of_the_client() {
        for resource in RESOURCES.iter().filter(|resource| resource.name != "Patient") {
            let subjects = resource.elements.iter().filter(|element| {
                matches!(element.rule, Rule::Reference(["Patient"])) && element.need == Need::Essential
            });
            assert_eq!(subjects.count(), 1, "{}", resource.name);
        }
    }
}
