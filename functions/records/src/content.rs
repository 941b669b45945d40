//! What a record may say: known fields of known kinds, within bounds.
//!
//! Names and values are those of FHIR R4, so that each kind is one resource there: what maps to nothing is not asked for.

mod assessment;
mod coding;
mod diagnosis;
mod diagnostic_report;
mod encounter;
mod immunization;
mod limits;
mod medication;
mod note;
mod observation;
mod procedure;
mod time;
mod treatment_plan;

use model::Timestamp;
use serde::{Deserialize, Serialize};
use web::Check;

use assessment::Assessment;
pub(crate) use assessment::Scored;
use diagnosis::Diagnosis;
use diagnostic_report::DiagnosticReport;
use encounter::Encounter;
use immunization::Immunization;
pub(crate) use limits::TEXT;
use medication::Medication;
pub(crate) use note::Note;
use observation::Observation;
use procedure::Procedure;
use treatment_plan::TreatmentPlan;

/// The kinds of record that a list can be filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
}

/// The content of a clinical record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "content", rename_all = "snake_case")]
pub(crate) enum Content {
    ProgressNote(Note),
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
}

impl Kind {
    /// The name in the API, and in what lists are found by.
    pub(crate) fn name(self) -> &'static str {
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
        }
    }
}

impl Content {
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
        }
    }

    /// When what it tells of was, or began, as far as it says. What is known to the day or less counts from its first moment in UTC.
    pub(crate) fn effective_at(&self) -> Option<Timestamp> {
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
        }
    }

    /// What an assessment's answers come to.
    pub(crate) fn scored(&self) -> Option<Scored> {
        match self {
            Self::Assessment(assessment) => assessment.scored(),
            _ => None,
        }
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::RecordId;
    use serde_json::json;

    fn rules_broken(content: serde_json::Value) -> Vec<(String, &'static str)> {
        let content: Content = serde_json::from_value(content).unwrap();
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
            (note("2026-12-01T08:00:00Z", "She slept better."), vec![]),
            (
                note("2026-12-01T08:00:01Z", " \n"),
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
    fn unknown_fields_are_refused_in_whatever_order() {
        for body in [
            r#"{"kind":"progress_note","content":{"session_at":"2026-11-01T08:00:00Z","text":"a","mood":"b"}}"#,
            r#"{"content":{"session_at":"2026-11-01T08:00:00Z","text":"a","mood":"b"},"kind":"progress_note"}"#,
        ] {
            assert!(serde_json::from_str::<Content>(body).is_err(), "{body}");
        }
    }

    /// What is made of the bundles that an import is tried on, where they lie beside the workspace.
    #[test]
    fn what_an_import_brings_keeps_the_rules() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/fhir-r4");
        if !folder.exists() {
            eprintln!("skipped: {} is not there", folder.display());
            return;
        }
        let settings = fhir::Settings {
            calling_code: Some("1".to_owned()),
            language: "en".to_owned(),
        };
        let id = |_: &fhir::Source, _| RecordId::from_bytes([7; 16]).to_string();
        let mut kinds = std::collections::BTreeSet::new();
        for file in std::fs::read_dir(folder).unwrap() {
            let bundle = fhir::Bundle::parse(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
            let import = fhir::Import::of(&bundle, &settings, fhir::Handling::Lenient, &id).unwrap();
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
        let content: Content = serde_json::from_value(json!({"kind": "progress_note",
            "content": {"session_at": "2026-11-01T08:00:00Z", "text": "SECRET"}}))
        .unwrap();
        assert!(!format!("{content:?}").contains("SECRET"));
    }
}
