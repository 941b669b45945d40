//! Where a rule stands.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use crate::Regime;

/// How sure it is that the law says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "SourceStatus")]
pub enum Status {
    /// Read in the text of the law, or at its regulator.
    Read,
    /// From a summary, or from general knowledge. It counts as if it were certain, until counsel has said otherwise.
    Unverified,
}

/// Where a rule stands, since when, and whether that was read there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// The law that it is a rule of.
    pub regime: Regime,
    /// Where it stands in that law, as lawyers cite it.
    pub citation: &'static str,
    /// The day from which it binds; where only the month is known, its first day. Nothing here depends on it: what will
    /// bind is asked for today, because a consent that is given today will be relied upon then.
    pub effective_from: Date,
    /// Whether the rule was read in the text.
    pub status: Status,
}

impl Source {
    pub(crate) const fn read(regime: Regime, citation: &'static str, effective_from: Date) -> Self {
        Self {
            regime,
            citation,
            effective_from,
            status: Status::Read,
        }
    }

    pub(crate) const fn unverified(regime: Regime, citation: &'static str, effective_from: Date) -> Self {
        Self {
            regime,
            citation,
            effective_from,
            status: Status::Unverified,
        }
    }
}
