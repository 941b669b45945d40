//! Who people are to a clinic.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Purpose;

/// What an account is to its clinic. Decides what it may do, together with the circumstances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A person who receives care.
    Client,
    /// A person who treats clients.
    Clinician,
    /// A person who runs the clinic: accounts, registration, care teams. Never sees notes.
    ClinicAdmin,
    /// A person who handles invoices. Never sees notes.
    Billing,
    /// The person who watches over privacy. Sees evidence, not content.
    PrivacyOfficer,
    /// A person who watches over security. Sees evidence, not content.
    Security,
    /// An independent reviewer. Sees evidence, not content.
    Auditor,
    /// No person: a service identity that a scheduler runs jobs with.
    Job,
    /// A person who acts for a client: a parent, a guardian, a nominee. For whom, from when to when and how far says the client's
    /// file, not the role.
    Guardian,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 9] = [
        Self::Client,
        Self::Clinician,
        Self::ClinicAdmin,
        Self::Billing,
        Self::PrivacyOfficer,
        Self::Security,
        Self::Auditor,
        Self::Job,
        Self::Guardian,
    ];

    /// The name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Clinician => "clinician",
            Self::ClinicAdmin => "clinic_admin",
            Self::Billing => "billing",
            Self::PrivacyOfficer => "privacy_officer",
            Self::Security => "security",
            Self::Auditor => "auditor",
            Self::Job => "job",
            Self::Guardian => "guardian",
        }
    }

    /// Whether the role is on the clinic's side, where a password alone never suffices. So is [`Role::Job`], which has no
    /// password at all: whatever asks this takes the stricter way for it.
    #[must_use]
    pub fn is_staff(self) -> bool {
        !matches!(self, Self::Client | Self::Guardian)
    }

    /// The purpose that a request of this role has when it names none.
    #[must_use]
    pub fn usual_purpose(self) -> Purpose {
        match self {
            Self::Client => Purpose::PatientRequest,
            Self::Clinician => Purpose::Treatment,
            Self::ClinicAdmin => Purpose::PatientAdministration,
            Self::Billing => Purpose::Payment,
            Self::PrivacyOfficer | Self::Security | Self::Auditor => Purpose::Compliance,
            Self::Job => Purpose::SystemAdministration,
            Self::Guardian => Purpose::FamilyRequest,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
