//! Standardised instruments. Of those whose scoring is published the answers are kept, and with them the scores that are computed
//! from them when they are written: nobody types a score that the answers do not come to. Their texts are not in here, only the numbers of their items.

use std::ops::Range;

use datatype::{Instrument, check_past};
use model::{Confidential, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Check;

use super::limits::{self, ITEMS, LINE, Text};

/// A standardised instrument and what came of it: answers where Confide knows how to score it, else scores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assessment {
    /// The PHQ-9, GAD-7 or PCL-5, however they are spelled, or another one.
    instrument: Text,
    administered_at: Timestamp,
    /// The answer to each item, in the order of the items: 0 to 3 of the PHQ-9 and the GAD-7, 0 to 4 of the PCL-5. Needed of these three, and of no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answers: Option<Confidential<Vec<u8>>>,
    /// What another instrument came to. Of one of the three the record's `result` says it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scores: Vec<Score>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    summary: Option<Text>,
}

/// What somebody has on one scale of an instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ScaleScore")]
pub(crate) struct Score {
    scale: Text,
    score: Confidential<i32>,
}

/// How severe what the PHQ-9 or the GAD-7 measures is, by their authors' cut-offs. `moderately_severe` is of the PHQ-9 alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    Minimal,
    Mild,
    Moderate,
    ModeratelySevere,
    Severe,
}

/// Where the total of a PCL-5 lies to its cut-point: `within` is 31 to 33, which is indicative of probable PTSD across samples (National Center for
/// PTSD, "Using the PTSD Checklist for DSM-5 (PCL-5)"; Bovin et al., Psychol Assess 2016; 28(11):1379–1391).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CutPoint {
    Below,
    Within,
    Above,
}

/// The sums of the clusters of DSM-5: intrusion, avoidance, cognitions and mood, arousal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Clusters {
    b: u16,
    c: u16,
    d: u16,
    e: u16,
}

/// What the answers come to.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "AssessmentResult")]
pub(crate) enum Scored {
    /// Of the PHQ-9.
    Phq9 {
        /// 0 to 27.
        total: u16,
        severity: Severity,
        /// Item 9, thoughts of death or self-harm, has another answer than "not at all": somebody has to ask.
        self_harm: bool,
    },
    /// Of the GAD-7.
    Gad7 {
        /// 0 to 21.
        total: u16,
        severity: Severity,
    },
    /// Of the PCL-5.
    Pcl5 {
        /// 0 to 80.
        total: u16,
        clusters: Clusters,
        cut_point: CutPoint,
        /// Enough symptoms of each cluster at 2, "moderately", or more, for a provisional diagnosis that a clinical interview has to confirm.
        provisional_ptsd: bool,
    },
}

/// The items of the PCL-5 that make up each cluster, and how many of them the provisional diagnosis wants.
const PCL5_CLUSTERS: [(Range<usize>, usize); 4] = [(0..5, 1), (5..7, 1), (7..14, 2), (14..20, 2)];

/// "Moderately": from here on an item of the PCL-5 counts as a symptom.
const PCL5_SYMPTOM: u8 = 2;

/// The highest answer to an item.
fn highest(instrument: Instrument) -> u8 {
    match instrument {
        Instrument::Phq9 | Instrument::Gad7 => 3,
        Instrument::Pcl5 => 4,
    }
}

/// What complete answers come to.
fn score(instrument: Instrument, answers: &[u8]) -> Scored {
    let total = sum(answers, 0..answers.len());
    match instrument {
        Instrument::Phq9 => Scored::Phq9 {
            total,
            severity: match total {
                0..=4 => Severity::Minimal,
                5..=9 => Severity::Mild,
                10..=14 => Severity::Moderate,
                15..=19 => Severity::ModeratelySevere,
                _ => Severity::Severe,
            },
            self_harm: answers.get(8).is_some_and(|answer| *answer > 0),
        },
        Instrument::Gad7 => Scored::Gad7 {
            total,
            severity: match total {
                0..=4 => Severity::Minimal,
                5..=9 => Severity::Mild,
                10..=14 => Severity::Moderate,
                _ => Severity::Severe,
            },
        },
        Instrument::Pcl5 => {
            let [b, c, d, e] = PCL5_CLUSTERS.map(|(items, _)| sum(answers, items));
            let has_symptoms = |(items, wanted): (Range<usize>, usize)| {
                let symptoms = answers.get(items).unwrap_or_default().iter();
                symptoms.filter(|answer| **answer >= PCL5_SYMPTOM).count() >= wanted
            };
            Scored::Pcl5 {
                total,
                clusters: Clusters { b, c, d, e },
                cut_point: match total {
                    0..=30 => CutPoint::Below,
                    31..=33 => CutPoint::Within,
                    _ => CutPoint::Above,
                },
                provisional_ptsd: PCL5_CLUSTERS.into_iter().all(has_symptoms),
            }
        }
    }
}

fn sum(answers: &[u8], items: Range<usize>) -> u16 {
    let answers = answers.get(items).unwrap_or_default();
    answers.iter().map(|answer| u16::from(*answer)).sum()
}

impl Assessment {
    pub(crate) fn effective_at(&self) -> Timestamp {
        self.administered_at
    }

    /// What the answers come to, of an instrument whose scoring is known.
    pub(crate) fn scored(&self) -> Option<Scored> {
        let instrument = Instrument::named(self.instrument.expose())?;
        Some(score(instrument, self.answers.as_ref()?.expose()))
    }

    pub(crate) fn check(&self, check: &mut Check, at: &str, now: Timestamp) {
        check.text(self.instrument.expose(), &format!("{at}/instrument"), 1, LINE);
        check_past(self.administered_at, check, &format!("{at}/administered_at"), now);
        match Instrument::named(self.instrument.expose()) {
            Some(instrument) => self.check_answers(check, at, instrument),
            None => {
                check.that(
                    self.answers.is_none(),
                    format!("{at}/answers"),
                    "unscored",
                    "belong to the PHQ-9, GAD-7 and PCL-5; what another instrument came to stands in scores",
                );
                check.that(
                    !self.scores.is_empty() || self.summary.is_some(),
                    format!("{at}/scores"),
                    "required",
                    "are needed, or a summary: it says nothing else of what it came to",
                );
            }
        }
        limits::each(
            check,
            &self.scores,
            ITEMS,
            &format!("{at}/scores"),
            |check, score, at| {
                check.text(score.scale.expose(), &format!("{at}/scale"), 1, LINE);
            },
        );
        limits::text(check, self.summary.as_ref(), &format!("{at}/summary"));
    }

    fn check_answers(&self, check: &mut Check, at: &str, instrument: Instrument) {
        let (items, highest) = (instrument.items(), highest(instrument));
        let answers = self.answers.as_ref().map_or(&[][..], |answers| answers.expose());
        check.that(
            answers.len() == items,
            format!("{at}/answers"),
            "count",
            format!("must have the answers to all {items} items, in their order"),
        );
        for (index, answer) in answers.iter().enumerate().take(items) {
            check.that(
                *answer <= highest,
                format!("{at}/answers/{index}"),
                "range",
                format!("must be 0 to {highest}"),
            );
        }
        check.that(
            self.scores.is_empty(),
            format!("{at}/scores"),
            "computed",
            "are computed from the answers",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Answers that come to a total, from the first item on.
    fn answers(instrument: Instrument, mut total: u8) -> Vec<u8> {
        let (items, highest) = (instrument.items(), highest(instrument));
        let answers = (0..items).map(|_| {
            let answer = total.min(highest);
            total -= answer;
            answer
        });
        let answers = answers.collect();
        assert_eq!(total, 0);
        answers
    }

    fn said(scored: Scored) -> Value {
        serde_json::to_value(scored).unwrap()
    }

    /// Each band's first and last total, as its authors published them.
    #[test]
    fn severities_begin_and_end_at_the_published_cut_offs() {
        for (instrument, bands) in [
            (
                Instrument::Phq9,
                &[
                    (0, 4, "minimal"),
                    (5, 9, "mild"),
                    (10, 14, "moderate"),
                    (15, 19, "moderately_severe"),
                    (20, 27, "severe"),
                ][..],
            ),
            (
                Instrument::Gad7,
                &[
                    (0, 4, "minimal"),
                    (5, 9, "mild"),
                    (10, 14, "moderate"),
                    (15, 21, "severe"),
                ],
            ),
        ] {
            for (first, last, severity) in bands {
                for total in *first..=*last {
                    let scored = said(score(instrument, &answers(instrument, total)));
                    assert_eq!(
                        (&scored["total"], &scored["severity"]),
                        (&json!(total), &json!(severity))
                    );
                }
            }
        }
    }

    #[test]
    fn any_answer_to_item_9_but_not_at_all_is_flagged() {
        for answer in 0..=3 {
            let scored = said(score(Instrument::Phq9, &[0, 0, 0, 0, 0, 0, 0, 0, answer]));
            assert_eq!(scored["self_harm"], answer > 0);
        }
        assert_eq!(
            said(score(Instrument::Phq9, &[3, 3, 3, 3, 3, 3, 3, 3, 0]))["self_harm"],
            false
        );
    }

    /// Items 1–5, 6–7, 8–14 and 15–20 are the clusters B, C, D and E; one, one, two and two symptoms of them make a provisional diagnosis.
    #[test]
    fn the_pcl_5_is_scored_by_cluster() {
        let score = |answers: [u8; 20]| said(score(Instrument::Pcl5, &answers));
        let all = score([4; 20]);
        assert_eq!(
            all,
            json!({"total": 80, "clusters": {"b": 20, "c": 8, "d": 28, "e": 24}, "cut_point": "above", "provisional_ptsd": true})
        );
        let mut enough = [0; 20];
        for item in [3, 6, 9, 13, 15, 19] {
            enough[item - 1] = 2;
            assert_eq!(score(enough)["provisional_ptsd"], item == 19, "{item}");
        }
        assert_eq!(score(enough)["clusters"], json!({"b": 2, "c": 2, "d": 4, "e": 4}));
        // Each of them is needed, and "a little bit" is none.
        for item in [3, 6, 9, 13, 15, 19] {
            let mut lacking = enough;
            lacking[item - 1] = 1;
            assert_eq!(score(lacking)["provisional_ptsd"], false, "{item}");
        }
        for (total, cut_point) in [
            (0, "below"),
            (30, "below"),
            (31, "within"),
            (33, "within"),
            (34, "above"),
        ] {
            let scored = said(super::score(Instrument::Pcl5, &answers(Instrument::Pcl5, total)));
            assert_eq!(scored["cut_point"], cut_point, "{total}");
        }
    }

    fn broken(content: Value) -> Vec<(String, &'static str)> {
        let assessment: Assessment = serde_json::from_value(content).unwrap();
        let mut check = Check::new();
        assessment.check(&mut check, "", "2026-12-01T08:00:00Z".parse().unwrap());
        let problem = check.finish().err();
        let violations = problem.into_iter().flat_map(|problem| problem.violations);
        violations.map(|violation| (violation.field, violation.rule)).collect()
    }

    #[test]
    fn answers_are_complete_and_in_range_and_scores_are_not_typed() {
        let of = |instrument: &str, answers: Value| json!({"instrument": instrument, "administered_at": "2026-11-30T10:00:00Z", "answers": answers});
        for (instrument, items, highest) in [
            ("PHQ-9", 9, 3),
            ("phq9", 9, 3),
            ("PHQ \u{2011} 9", 9, 3),
            ("gad-7", 7, 3),
            (" PCL-5 ", 20, 4),
        ] {
            assert_eq!(broken(of(instrument, json!(vec![highest; items]))), []);
            for count in [0, items - 1, items + 1] {
                assert_eq!(
                    broken(of(instrument, json!(vec![0; count]))),
                    [("/answers".to_owned(), "count")]
                );
            }
            let mut high = vec![0; items];
            high[items - 1] = highest + 1;
            assert_eq!(
                broken(of(instrument, json!(high))),
                [(format!("/answers/{}", items - 1), "range")]
            );
            let mut typed = of(instrument, json!(vec![0; items]));
            typed["scores"] = json!([{"scale": "total", "score": 27}]);
            assert_eq!(broken(typed), [("/scores".to_owned(), "computed")]);
        }
        let without = json!({"instrument": "PHQ-9", "administered_at": "2026-11-30T10:00:00Z"});
        assert_eq!(broken(without), [("/answers".to_owned(), "count")]);
        let both = [("/answers".to_owned(), "unscored"), ("/scores".to_owned(), "required")];
        assert_eq!(broken(of("BDI-II", json!([1]))), both);
        let other = |field: &str, value: Value| json!({"instrument": "PHQ-15", "administered_at": "2026-11-30T10:00:00Z", field: value});
        assert_eq!(broken(other("scores", json!([{"scale": "total", "score": 9}]))), []);
        assert_eq!(broken(other("summary", json!("mild"))), []);
        assert_eq!(broken(other("scores", json!([]))), [("/scores".to_owned(), "required")]);
    }
}
