//! Bodies that may be left out.

use model::Confidential;
use schemars::JsonSchema;
use serde::Deserialize;
use web::{Check, Exchange, Problem};

/// A body without fields, which may be left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoFields {}

impl NoFields {
    pub(crate) fn check(exchange: &Exchange<'_>) -> Result<(), Problem> {
        if exchange.body().is_empty() {
            return Ok(());
        }
        exchange.json().map(|Self {}| ())
    }
}

/// Why something is ended.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EndReason")]
pub(crate) struct Reason {
    /// 1 to 500 characters.
    #[serde(default)]
    reason: Option<Confidential<String>>,
}

impl Reason {
    pub(crate) fn of(exchange: &Exchange<'_>) -> Result<Option<Confidential<String>>, Problem> {
        let Self { reason } = match exchange.body() {
            [] => Self::default(),
            _ => exchange.json()?,
        };
        if let Some(reason) = &reason {
            let mut check = Check::new();
            check.text(reason.expose(), "/reason", 1, 500);
            check.finish()?;
        }
        Ok(reason)
    }
}
