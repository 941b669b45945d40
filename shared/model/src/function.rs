//! The deployed functions, which are also the actors that trust and audit name.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// A deployed function: one URL prefix, one set of stores, one keyring. Mostly one component.
/// A part of Confide, which its paths name: `/v1/records/…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    // The components `auth` and `accounts`.
    /// Accounts, invitations, log-in and sessions.
    Auth,
    /// Who a client is: name, contact, birth date, preferences.
    Identity,
    /// Notices, consents, care teams: the grounds of access.
    Consent,
    /// Clinical records.
    Records,
    /// The audit trail: query, verification, export.
    Audit,
    /// Messages to people, by e-mail and SMS.
    Notify,
    /// Invoices, payments and what payment gateways tell of them.
    Billing,
    /// Clients' records in and out as FHIR, and what may be said of them to people who must not know whose they are.
    Exchange,
}

impl Function {
    /// Every function, in the order in which they are listed for people.
    pub const ALL: [Self; 8] = [
        Self::Auth,
        Self::Identity,
        Self::Consent,
        Self::Records,
        Self::Audit,
        Self::Notify,
        Self::Billing,
        Self::Exchange,
    ];

    /// The name in URLs, manifests and keyrings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Identity => "identity",
            Self::Consent => "consent",
            Self::Records => "records",
            Self::Audit => "audit",
            Self::Notify => "notify",
            Self::Billing => "billing",
            Self::Exchange => "exchange",
        }
    }

    /// The byte that stands for the function inside stored bytes. Never reused.
    #[must_use]
    pub fn tag(self) -> u8 {
        match self {
            Self::Auth => 1,
            Self::Identity => 2,
            Self::Consent => 3,
            Self::Records => 4,
            Self::Audit => 5,
            Self::Notify => 6,
            Self::Billing => 7,
            Self::Exchange => 8,
        }
    }

    /// The function with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name() == name)
    }
}

impl fmt::Display for Function {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
