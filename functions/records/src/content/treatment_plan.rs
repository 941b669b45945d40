use datatype::{Concept, Period};
use jiff::civil::Date;
use model::{RecordId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Check;

use super::limits::{self, ITEMS, TEXT, Text};

/// What a client and her clinician work towards (FHIR R4, CarePlan with its Goals).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TreatmentPlan {
    status: PlanStatus,
    period: Period,
    /// When it is to be looked at again: not before the period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    review_on: Option<Date>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    categories: Vec<Concept>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Problem>,
    /// A plan has a goal or an activity.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    goals: Vec<Goal>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    activities: Vec<Activity>,
}

/// FHIR R4, value set `request-status`, without `draft`: whether it is a draft the record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PlanStatus {
    Active,
    OnHold,
    Revoked,
    Completed,
    EnteredInError,
    Unknown,
}

/// What the plan is for: in words, and by the record of a diagnosis where there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PlanProblem")]
pub(crate) struct Problem {
    description: Text,
    /// The record of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    diagnosis: Option<RecordId>,
}

/// What is to be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Goal {
    description: Text,
    status: GoalStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    achievement: Option<Achievement>,
    /// What it is told by that it is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    measure: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target_date: Option<Date>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    objectives: Vec<Text>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    interventions: Vec<Text>,
}

/// FHIR R4, value set `goal-status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum GoalStatus {
    Proposed,
    Planned,
    Accepted,
    Active,
    OnHold,
    Completed,
    Cancelled,
    EnteredInError,
    Rejected,
}

/// FHIR R4, value set `goal-achievement`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "GoalAchievement")]
pub(crate) enum Achievement {
    InProgress,
    Improving,
    Worsening,
    NoChange,
    Achieved,
    Sustaining,
    NotAchieved,
    NoProgress,
    NotAttainable,
}

/// What is done about it, besides the interventions of a single goal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PlanActivity")]
pub(crate) struct Activity {
    code: Concept,
    status: ActivityStatus,
}

/// FHIR R4, value set `care-plan-activity-status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ActivityStatus {
    NotStarted,
    Scheduled,
    InProgress,
    OnHold,
    Completed,
    Cancelled,
    Stopped,
    Unknown,
    EnteredInError,
}

impl TreatmentPlan {
    pub(crate) fn effective_at(&self) -> Timestamp {
        self.period.start().earliest()
    }

    pub(crate) fn check(&self, check: &mut Check, at: &str) {
        self.period.check(check, &format!("{at}/period"));
        let starts_on = self.period.start().earliest().to_zoned(jiff::tz::TimeZone::UTC).date();
        check.that(
            self.review_on.is_none_or(|review| starts_on <= review),
            format!("{at}/review_on"),
            "order",
            "must not lie before the period",
        );
        check.that(
            !self.goals.is_empty() || !self.activities.is_empty(),
            format!("{at}/goals"),
            "count",
            "must have a goal, or the plan an activity",
        );
        limits::each(
            check,
            &self.categories,
            ITEMS,
            &format!("{at}/categories"),
            |check, category, at| {
                category.check(check, at);
            },
        );
        limits::each(
            check,
            &self.problems,
            ITEMS,
            &format!("{at}/problems"),
            |check, problem, at| {
                check.text(problem.description.expose(), &format!("{at}/description"), 1, TEXT);
            },
        );
        limits::each(check, &self.goals, ITEMS, &format!("{at}/goals"), |check, goal, at| {
            goal.check(check, at)
        });
        limits::each(
            check,
            &self.activities,
            ITEMS,
            &format!("{at}/activities"),
            |check, activity, at| {
                activity.code.check(check, &format!("{at}/code"));
            },
        );
    }
}

impl Goal {
    fn check(&self, check: &mut Check, at: &str) {
        check.text(self.description.expose(), &format!("{at}/description"), 1, TEXT);
        limits::line(check, self.measure.as_ref(), &format!("{at}/measure"));
        for (texts, field) in [(&self.objectives, "objectives"), (&self.interventions, "interventions")] {
            limits::each(check, texts, ITEMS, &format!("{at}/{field}"), |check, text, at| {
                limits::line(check, Some(text), at);
            });
        }
    }
}
