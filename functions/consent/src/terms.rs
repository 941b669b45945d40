//! What a consent may say, held against the notice that it is given on. Decisions on data alone.

use model::{DataClass, NoticeId, Purpose, Timestamp};
use serde::Deserialize;
use web::{Check, Problem};

use crate::ledger::{GivenBy, Method};
use crate::notice::{Notice, is_selection};

/// What somebody asks to be recorded as agreed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Terms {
    pub(crate) notice_id: NoticeId,
    pub(crate) language: String,
    pub(crate) purposes: Vec<Purpose>,
    pub(crate) classes: Vec<DataClass>,
    pub(crate) given_by: GivenBy,
    pub(crate) method: Method,
    #[serde(default)]
    pub(crate) expires_at: Option<Timestamp>,
}

impl Terms {
    /// Whether this can be agreed on this notice. Consent covers what the client was told, in a language that she was told it
    /// in, and no more.
    ///
    /// # Errors
    /// 422 with every field that goes beyond the notice.
    pub(crate) fn check(&self, notice: Option<&Notice>, now: Timestamp) -> Result<(), Problem> {
        let mut check = Check::new();
        check.that(
            notice.is_some(),
            "/notice_id",
            "notice",
            "must be a notice that this clinic has published",
        );
        if let Some(notice) = notice {
            let content = &notice.content;
            check.that(
                content.language.eq_ignore_ascii_case(&self.language),
                "/language",
                "as-notice",
                "must be the language of the notice",
            );
            check.that(
                self.purposes.iter().all(|purpose| content.purposes.contains(purpose)),
                "/purposes",
                "as-notice",
                "must be among the purposes of the notice",
            );
            check.that(
                self.classes.iter().all(|class| content.classes.contains(class)),
                "/classes",
                "as-notice",
                "must be among the classes of the notice",
            );
        }
        check.that(
            is_selection(&self.purposes),
            "/purposes",
            "selection",
            "must have at least one purpose, and each once",
        );
        check.that(
            is_selection(&self.classes),
            "/classes",
            "selection",
            "must have at least one class, and each once",
        );
        check.that(
            self.expires_at.is_none_or(|end| now < end),
            "/expires_at",
            "future",
            "must lie in the future",
        );
        check.finish()
    }
}
