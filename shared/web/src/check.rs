use http::StatusCode;

use crate::{Problem, Violation};

/// Collects everything that is wrong with a well-formed body, so that a form can be corrected in one go.
#[derive(Debug, Default)]
pub struct Check(Vec<Violation>);

impl Check {
    /// Nothing wrong yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a violation of `rule` at `field` (a JSON pointer) unless `holds`.
    pub fn that(&mut self, holds: bool, field: impl Into<String>, rule: &'static str, detail: impl Into<String>) {
        if !holds {
            self.0.push(Violation {
                field: field.into(),
                rule,
                detail: detail.into(),
            });
        }
    }

    /// A text of `least` to `most` characters that is not blank and has no control characters but line breaks and tabs.
    pub fn text(&mut self, text: &str, field: &str, least: usize, most: usize) {
        let length = text.chars().count();
        self.that(
            (least..=most).contains(&length) && (least == 0 || !text.trim().is_empty()),
            field,
            "length",
            format!("must have {least} to {most} characters that are not all blank"),
        );
        self.that(
            !text
                .chars()
                .any(|character| character.is_control() && !matches!(character, '\n' | '\r' | '\t')),
            field,
            "control-characters",
            "must not contain control characters",
        );
    }

    /// The value of a parse, or a noted violation.
    pub fn parsed<T, E>(
        &mut self,
        result: Result<T, E>,
        field: impl Into<String>,
        rule: &'static str,
        detail: impl Into<String>,
    ) -> Option<T> {
        self.that(result.is_ok(), field, rule, detail);
        result.ok()
    }

    /// Nothing, or 422 with everything that was noted.
    ///
    /// # Errors
    /// The [`Problem`] with all violations.
    pub fn finish(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid-content",
            "Some fields break a rule; see `errors`.",
        )
        .violating(self.0))
    }
}
