//! What a record may say: known fields of known kinds, within bounds.

use jiff::civil::Date;
use model::{Confidential, Timestamp};
use serde::{Deserialize, Serialize};
use web::Check;

/// The longest text of a note, in characters.
const TEXT: usize = 100_000;

/// The longest short text, in characters.
const LINE: usize = 500;

/// The most goals of a plan and scores of an assessment.
const ITEMS: usize = 100;

/// The kinds of record that a list can be filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    ProgressNote,
    PsychotherapyNote,
    Assessment,
    TreatmentPlan,
}

/// The content of a clinical record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "content", rename_all = "snake_case")]
pub(crate) enum Content {
    ProgressNote(Note),
    PsychotherapyNote(Note),
    Assessment(Assessment),
    TreatmentPlan(TreatmentPlan),
}

/// What was noted of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    session_at: Timestamp,
    text: Confidential<String>,
}

/// A standardised instrument and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assessment {
    instrument: Confidential<String>,
    administered_at: Timestamp,
    scores: Vec<Score>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    summary: Option<Confidential<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Score {
    scale: Confidential<String>,
    score: Confidential<i32>,
}

/// What a client and her clinician work towards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TreatmentPlan {
    starts_on: Date,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    review_on: Option<Date>,
    goals: Vec<Goal>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Goal {
    description: Confidential<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    measure: Option<Confidential<String>>,
    status: GoalStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GoalStatus {
    Active,
    Achieved,
    Discontinued,
}

impl Content {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::ProgressNote(_) => Kind::ProgressNote,
            Self::PsychotherapyNote(_) => Kind::PsychotherapyNote,
            Self::Assessment(_) => Kind::Assessment,
            Self::TreatmentPlan(_) => Kind::TreatmentPlan,
        }
    }

    /// Notes every rule of its kind that the content breaks. `at` is where in the body it stands, as a JSON pointer.
    pub(crate) fn check(&self, check: &mut Check, at: &str, now: Timestamp) {
        let at = format!("{at}/content");
        match self {
            Self::ProgressNote(note) | Self::PsychotherapyNote(note) => note.check(check, &at, now),
            Self::Assessment(assessment) => assessment.check(check, &at, now),
            Self::TreatmentPlan(plan) => plan.check(check, &at),
        }
    }
}

impl Note {
    fn check(&self, check: &mut Check, at: &str, now: Timestamp) {
        check.text(self.text.expose(), &format!("{at}/text"), 1, TEXT);
        check.that(
            self.session_at <= now,
            format!("{at}/session_at"),
            "past",
            "must not lie in the future",
        );
    }
}

impl Assessment {
    fn check(&self, check: &mut Check, at: &str, now: Timestamp) {
        check.text(self.instrument.expose(), &format!("{at}/instrument"), 1, LINE);
        check.that(
            self.administered_at <= now,
            format!("{at}/administered_at"),
            "past",
            "must not lie in the future",
        );
        check.that(
            self.scores.len() <= ITEMS,
            format!("{at}/scores"),
            "count",
            format!("must have at most {ITEMS} scores"),
        );
        for (index, score) in self.scores.iter().enumerate() {
            check.text(score.scale.expose(), &format!("{at}/scores/{index}/scale"), 1, LINE);
        }
        if let Some(summary) = &self.summary {
            check.text(summary.expose(), &format!("{at}/summary"), 1, TEXT);
        }
    }
}

impl TreatmentPlan {
    fn check(&self, check: &mut Check, at: &str) {
        check.that(
            self.review_on.is_none_or(|review| self.starts_on <= review),
            format!("{at}/review_on"),
            "order",
            "must not lie before starts_on",
        );
        check.that(
            (1..=ITEMS).contains(&self.goals.len()),
            format!("{at}/goals"),
            "count",
            format!("must have 1 to {ITEMS} goals"),
        );
        for (index, goal) in self.goals.iter().enumerate() {
            let at = format!("{at}/goals/{index}");
            check.text(goal.description.expose(), &format!("{at}/description"), 1, TEXT);
            if let Some(measure) = &goal.measure {
                check.text(measure.expose(), &format!("{at}/measure"), 1, LINE);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let plan = |goals: serde_json::Value| json!({"kind": "treatment_plan", "content": {"starts_on": "2026-12-01", "review_on": "2026-11-01", "goals": goals}});
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
                json!({"kind": "assessment", "content": {"instrument": "PHQ-9", "administered_at": "2027-01-01T00:00:00Z",
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

    #[test]
    fn prints_nothing_of_what_was_said() {
        let content: Content = serde_json::from_value(json!({"kind": "progress_note",
            "content": {"session_at": "2026-11-01T08:00:00Z", "text": "SECRET"}}))
        .unwrap();
        assert!(!format!("{content:?}").contains("SECRET"));
    }
}
