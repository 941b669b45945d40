//! What a refusal has to say, and not to say.

use crate::Answer;

/// That an answer is this problem, and repeats nothing of what tests send as a secret.
#[track_caller]
pub fn assert_refused(answer: &Answer, status: u16, problem: &str) {
    assert_eq!(
        (answer.status, answer.problem()),
        (status, Some(problem)),
        "{}",
        answer.json
    );
    assert!(!answer.json.to_string().contains("SECRET"), "{}", answer.json);
}

/// That a problem names this field and the rule that it breaks, perhaps beside others.
#[track_caller]
pub fn assert_names(answer: &Answer, field: &str, rule: &str) {
    let errors = answer.json["errors"].as_array().unwrap();
    let is_named = errors
        .iter()
        .any(|error| error["field"] == field && error["rule"] == rule);
    assert!(is_named, "{}", answer.json);
}
