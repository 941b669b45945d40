use datatype::check_past;
use model::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Check;

use super::limits::{TEXT, Text};

/// What was noted of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    /// Not in the future, once it is signed.
    session_at: Timestamp,
    /// 1 to 100 000 characters.
    text: Text,
}

impl Note {
    pub(crate) fn effective_at(&self) -> Timestamp {
        self.session_at
    }

    pub(crate) fn text(&self) -> &Text {
        &self.text
    }

    pub(crate) fn check(&self, check: &mut Check, at: &str, now: Timestamp) {
        check.text(self.text.expose(), &format!("{at}/text"), 1, TEXT);
        check_past(self.session_at, check, &format!("{at}/session_at"), now);
    }
}
