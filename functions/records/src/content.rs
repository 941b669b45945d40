//! What a record may say: known fields of known kinds, within bounds.
//!
//! Names and values are those of FHIR R4, so that each kind is one resource there: what maps to nothing is not asked for.

mod assessment;
mod coding;
mod diagnosis;
mod diagnostic_report;
mod document;
mod encounter;
mod immunization;
mod limits;
mod medication;
mod note;
mod observation;
mod procedure;
mod treatment_plan;

mod written;

use std::borrow::Cow;

use model::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use web::{Check, Part, Problem};

use assessment::Assessment;
pub(crate) use assessment::Scored;
use diagnosis::Diagnosis;
use diagnostic_report::DiagnosticReport;
use document::Document;
pub(crate) use document::MediaType;
use encounter::Encounter;
use immunization::Immunization;
pub(crate) use limits::TEXT;
use medication::Medication;
pub(crate) use note::Note;
use observation::Observation;
use procedure::Procedure;
use treatment_plan::TreatmentPlan;
pub(crate) use written::{Json, Written};

/// What a record is, which says what its content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "RecordKind")]
pub(crate) enum Kind {
    ProgressNote,
    PsychotherapyNote,
    Assessment,
    TreatmentPlan,
    Diagnosis,
    Medication,
    Encounter,
    Observation,
    Procedure,
    Immunization,
    DiagnosticReport,
    Document,
}

/// The content of a clinical record, as somebody writes it, with its kind.
#[derive(Debug, PartialEq, Eq, JsonSchema)]
#[schemars(
    rename = "RecordContent",
    tag = "kind",
    content = "content",
    rename_all = "snake_case"
)]
pub(crate) enum Content {
    ProgressNote(Note),
    #[schemars(skip)]
    PsychotherapyNote(Note),
    Assessment(Assessment),
    TreatmentPlan(TreatmentPlan),
    Diagnosis(Diagnosis),
    Medication(Medication),
    Encounter(Encounter),
    Observation(Observation),
    Procedure(Procedure),
    Immunization(Immunization),
    DiagnosticReport(DiagnosticReport),
    Document(Document),
}

/// The form of what has the two fields of a [`Content`] among its own.
pub(crate) enum KindAndContent {}

impl JsonSchema for KindAndContent {
    fn schema_name() -> Cow<'static, str> {
        Content::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "allOf": [generator.subschema_for::<Content>()] })
    }
}

impl Kind {
    /// The name in the API, and in what lists are found by.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ProgressNote => "progress_note",
            Self::PsychotherapyNote => "psychotherapy_note",
            Self::Assessment => "assessment",
            Self::TreatmentPlan => "treatment_plan",
            Self::Diagnosis => "diagnosis",
            Self::Medication => "medication",
            Self::Encounter => "encounter",
            Self::Observation => "observation",
            Self::Procedure => "procedure",
            Self::Immunization => "immunization",
            Self::DiagnosticReport => "diagnostic_report",
            Self::Document => "document",
        }
    }
}

impl Content {
    /// Reads a part of a body that stands `at` this place of it.
    pub(crate) fn read(kind: Kind, part: &Part, at: &str) -> Result<Self, Problem> {
        Ok(match kind {
            Kind::ProgressNote => Self::ProgressNote(part.read(at)?),
            Kind::PsychotherapyNote => Self::PsychotherapyNote(part.read(at)?),
            Kind::Assessment => Self::Assessment(part.read(at)?),
            Kind::TreatmentPlan => Self::TreatmentPlan(part.read(at)?),
            Kind::Diagnosis => Self::Diagnosis(part.read(at)?),
            Kind::Medication => Self::Medication(part.read(at)?),
            Kind::Encounter => Self::Encounter(part.read(at)?),
            Kind::Observation => Self::Observation(part.read(at)?),
            Kind::Procedure => Self::Procedure(part.read(at)?),
            Kind::Immunization => Self::Immunization(part.read(at)?),
            Kind::DiagnosticReport => Self::DiagnosticReport(part.read(at)?),
            Kind::Document => Self::Document(part.read(at)?),
        })
    }

    /// The content as it is kept.
    pub(crate) fn written(&self) -> Result<Written, Problem> {
        let json = match self {
            Self::ProgressNote(content) | Self::PsychotherapyNote(content) => Json::of(content),
            Self::Assessment(content) => Json::of(content),
            Self::TreatmentPlan(content) => Json::of(content),
            Self::Diagnosis(content) => Json::of(content),
            Self::Medication(content) => Json::of(content),
            Self::Encounter(content) => Json::of(content),
            Self::Observation(content) => Json::of(content),
            Self::Procedure(content) => Json::of(content),
            Self::Immunization(content) => Json::of(content),
            Self::DiagnosticReport(content) => Json::of(content),
            Self::Document(content) => Json::of(content),
        };
        Ok(Written {
            kind: self.kind(),
            effective_at: self.effective_at(),
            media_type: self.media_type(),
            content: json?,
            result: self.scored().as_ref().map(Json::of).transpose()?,
        })
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::ProgressNote(_) => Kind::ProgressNote,
            Self::PsychotherapyNote(_) => Kind::PsychotherapyNote,
            Self::Assessment(_) => Kind::Assessment,
            Self::TreatmentPlan(_) => Kind::TreatmentPlan,
            Self::Diagnosis(_) => Kind::Diagnosis,
            Self::Medication(_) => Kind::Medication,
            Self::Encounter(_) => Kind::Encounter,
            Self::Observation(_) => Kind::Observation,
            Self::Procedure(_) => Kind::Procedure,
            Self::Immunization(_) => Kind::Immunization,
            Self::DiagnosticReport(_) => Kind::DiagnosticReport,
            Self::Document(_) => Kind::Document,
        }
    }

    /// When what it tells of was, or began, as far as it says. What is known to the day or less counts from its first moment in UTC.
    fn effective_at(&self) -> Option<Timestamp> {
        match self {
            Self::ProgressNote(note) | Self::PsychotherapyNote(note) => Some(note.effective_at()),
            Self::Assessment(assessment) => Some(assessment.effective_at()),
            Self::TreatmentPlan(plan) => Some(plan.effective_at()),
            Self::Diagnosis(diagnosis) => diagnosis.effective_at(),
            Self::Medication(medication) => medication.effective_at(),
            Self::Encounter(encounter) => Some(encounter.effective_at()),
            Self::Observation(observation) => Some(observation.effective_at()),
            Self::Procedure(procedure) => procedure.effective_at(),
            Self::Immunization(immunization) => Some(immunization.effective_at()),
            Self::DiagnosticReport(report) => Some(report.effective_at()),
            Self::Document(document) => document.effective_at(),
        }
    }

    /// What is to be attached to it, where it is a document.
    fn media_type(&self) -> Option<MediaType> {
        match self {
            Self::Document(document) => Some(document.media_type()),
            _ => None,
        }
    }

    /// What an assessment's answers come to.
    fn scored(&self) -> Option<Scored> {
        match self {
            Self::Assessment(assessment) => assessment.scored(),
            _ => None,
        }
    }

    /// Notes every rule of its kind that a draft breaks. Somebody may prepare one for what is yet to come, which must have come when she signs.
    pub(crate) fn check_draft(&self, check: &mut Check, at: &str) {
        self.check(check, at, Timestamp::MAX);
    }

    /// Every rule of its kind that the content breaks, as a problem.
    pub(crate) fn checked(&self, at: &str, now: Timestamp) -> Result<(), Problem> {
        let mut check = Check::new();
        self.check(&mut check, at, now);
        check.finish()
    }

    /// Notes every rule of its kind that the content breaks. `at` is where in the body it stands, as a JSON pointer.
    pub(crate) fn check(&self, check: &mut Check, at: &str, now: Timestamp) {
        let at = format!("{at}/content");
        match self {
            Self::ProgressNote(note) | Self::PsychotherapyNote(note) => note.check(check, &at, now),
            Self::Assessment(assessment) => assessment.check(check, &at, now),
            Self::TreatmentPlan(plan) => plan.check(check, &at),
            Self::Diagnosis(diagnosis) => diagnosis.check(check, &at, now),
            Self::Medication(medication) => medication.check(check, &at, now),
            Self::Encounter(encounter) => encounter.check(check, &at, now),
            Self::Observation(observation) => observation.check(check, &at, now),
            Self::Procedure(procedure) => procedure.check(check, &at, now),
            Self::Immunization(immunization) => immunization.check(check, &at, now),
            Self::DiagnosticReport(report) => report.check(check, &at, now),
            Self::Document(document) => document.check(check, &at, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::RecordId;
    use serde_json::json;

    fn read(body: serde_json::Value) -> Result<Content, Problem> {
        let kind = serde_json::from_value(body["kind"].clone()).unwrap();
        let part: Part = serde_json::from_value(body["content"].clone()).unwrap();
        Content::read(kind, &part, "/content")
    }

    fn rules_broken(body: serde_json::Value) -> Vec<(String, &'static str)> {
        let content = read(body).unwrap();
        let mut check = Check::new();
        content.check(&mut check, "", "2026-12-01T08:00:00Z".parse().unwrap());
        match check.finish() {
            Ok(()) => vec![],
            Err(problem) => {
                assert_eq!(problem.status, 422);
                problem
                    .violations
                    .into_iter()
                    .map(|violation| (violation.field, violation.rule))
                    .collect()
            }
        }
    }

    #[test]
    fn each_kind_keeps_its_rules() {
        let note = |at: &str, text: &str| json!({"kind": "progress_note", "content": {"session_at": at, "text": text}});
        let plan = |goals: serde_json::Value| json!({"kind": "treatment_plan", "content": {"status": "active", "period": {"start": "2026-12-01"}, "review_on": "2026-11-01", "goals": goals}});
        for (content, broken) in [
            (note("2026-12-01T08:05:00Z", "She slept better."), vec![]),
            (
                note("2026-12-01T08:05:01Z", " \n"),
                vec![("/content/text", "length"), ("/content/session_at", "past")],
            ),
            (
                note("2026-11-01T08:00:00Z", "bell \u{7}"),
                vec![("/content/text", "control-characters")],
            ),
            (note("2026-11-01T08:00:00Z", &"x".repeat(TEXT)), vec![]),
            (
                note("2026-11-01T08:00:00Z", &"é".repeat(TEXT + 1)),
                vec![("/content/text", "length")],
            ),
            (
                plan(json!([])),
                vec![("/content/review_on", "order"), ("/content/goals", "count")],
            ),
            (
                plan(json!([{"description": "", "status": "active"}])),
                vec![
                    ("/content/review_on", "order"),
                    ("/content/goals/0/description", "length"),
                ],
            ),
            (
                json!({"kind": "assessment", "content": {"instrument": "BDI-II", "administered_at": "2027-01-01T00:00:00Z",
                    "scores": [{"scale": "", "score": 4}], "summary": ""}}),
                vec![
                    ("/content/administered_at", "past"),
                    ("/content/scores/0/scale", "length"),
                    ("/content/summary", "length"),
                ],
            ),
        ] {
            let broken: Vec<_> = broken
                .into_iter()
                .map(|(field, rule)| (field.to_owned(), rule))
                .collect();
            assert_eq!(rules_broken(content), broken);
        }
    }

    #[test]
    fn unknown_fields_are_refused() {
        let body = json!({"kind": "progress_note",
            "content": {"session_at": "2026-11-01T08:00:00Z", "text": "a", "mood": "b"}});
        let problem = read(body).unwrap_err();
        assert_eq!(problem.violations[0].field, "/content/mood");
    }

    /// What is made of the bundles that an import is tried on.
    #[test]
    fn what_an_import_brings_keeps_the_rules() {
        let settings = fhir::Settings {
            calling_code: Some("1".to_owned()),
            language: "en".to_owned(),
        };
        let id = |_: &fhir::Source, _| RecordId::from_bytes([7; 16]).to_string();
        let mut kinds = std::collections::BTreeSet::new();
        for (_, bundle) in testkit::PATIENTS {
            let bundle = fhir::Bundle::parse(bundle.as_bytes()).unwrap();
            let import = fhir::Import::of(
                &bundle,
                &settings,
                fhir::Handling::Lenient,
                &std::collections::BTreeMap::new(),
                &id,
            )
            .unwrap();
            for part in import.parts.iter().filter(|part| part.kind.is_record()) {
                kinds.insert(part.kind.name());
                let content = json!({"kind": part.kind.name(), "content": part.content});
                assert_eq!(rules_broken(content), [], "{}", part.source.id);
            }
        }
        assert_eq!(kinds.len(), 8, "{kinds:?}");
    }

    #[test]
    fn prints_nothing_of_what_was_said() {
        let content = read(json!({"kind": "progress_note",
            "content": {"session_at": "2026-11-01T08:00:00Z", "text": "SECRET"}}))
        .unwrap();
        assert!(!format!("{content:?} {:?}", content.written().unwrap()).contains("SECRET"));
    }
}
