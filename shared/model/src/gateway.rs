//! The payment gateways whose webhooks are believed.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A payment gateway: who takes a client's money, and tells of it by signed webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Gateway {
    /// Razorpay.
    Razorpay,
    /// Stripe.
    Stripe,
}

impl Gateway {
    /// Every gateway.
    pub const ALL: [Self; 2] = [Self::Razorpay, Self::Stripe];

    /// The name in URLs and in the audit trail.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Razorpay => "razorpay",
            Self::Stripe => "stripe",
        }
    }
}

/// A text that names no gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the name of a payment gateway")]
pub struct UnknownGateway;

impl std::str::FromStr for Gateway {
    type Err = UnknownGateway;

    fn from_str(name: &str) -> Result<Self, UnknownGateway> {
        Self::ALL
            .into_iter()
            .find(|gateway| gateway.name() == name)
            .ok_or(UnknownGateway)
    }
}

impl fmt::Display for Gateway {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
