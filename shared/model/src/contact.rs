//! How people are reached.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A way to reach somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContactChannel {
    /// E-mail.
    Email,
    /// Text messages.
    Sms,
    /// Telephone.
    Phone,
    /// Letters.
    Post,
}
