//! Why data is used: HL7 PurposeOfUse codes (terminology.hl7.org, v3-PurposeOfUse), and for what HL7 has no code, codes that begin
//! with `X-`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A purpose of use. Purposes that Confide never serves are named too, so that a request for one
/// is refused by its name and recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Purpose {
    /// Treatment.
    #[serde(rename = "TREAT")]
    Treatment,
    /// The client's own request.
    #[serde(rename = "PATRQT")]
    PatientRequest,
    /// Administration of care: scheduling, registration.
    #[serde(rename = "PATADMIN")]
    PatientAdministration,
    /// Running the system: accounts, sessions.
    #[serde(rename = "HSYSADMIN")]
    SystemAdministration,
    /// Compliance: audit, oversight.
    #[serde(rename = "HCOMPL")]
    Compliance,
    /// Payment.
    #[serde(rename = "HPAYMT")]
    Payment,
    /// Research.
    #[serde(rename = "HRESCH")]
    Research,
    /// Marketing. Known only to be refused.
    #[serde(rename = "HMARKT")]
    Marketing,
    /// The request of somebody who acts for the client: a parent, a guardian, a nominee.
    #[serde(rename = "FAMRQT")]
    FamilyRequest,
    /// An emergency, in which a clinician breaks the glass.
    #[serde(rename = "BTG")]
    BreakGlass,
    /// Evaluating people by what is known of them (GDPR 4(4)). Known only to be refused.
    #[serde(rename = "X-PROFILING")]
    Profiling,
    /// Looking for patterns in what was given for care. Known only to be refused.
    #[serde(rename = "X-MINING")]
    DataMining,
    /// Deciding about people without a person (GDPR 22). Known only to be refused.
    #[serde(rename = "X-AUTODECISION")]
    AutomatedDecision,
    /// Getting better at care, from figures about many.
    #[serde(rename = "HQUALIMP")]
    QualityImprovement,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 14] = [
        Self::Treatment,
        Self::PatientRequest,
        Self::PatientAdministration,
        Self::SystemAdministration,
        Self::Compliance,
        Self::Payment,
        Self::Research,
        Self::Marketing,
        Self::FamilyRequest,
        Self::BreakGlass,
        Self::Profiling,
        Self::DataMining,
        Self::AutomatedDecision,
        Self::QualityImprovement,
    ];

    /// The code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Treatment => "TREAT",
            Self::PatientRequest => "PATRQT",
            Self::PatientAdministration => "PATADMIN",
            Self::SystemAdministration => "HSYSADMIN",
            Self::Compliance => "HCOMPL",
            Self::Payment => "HPAYMT",
            Self::Research => "HRESCH",
            Self::Marketing => "HMARKT",
            Self::FamilyRequest => "FAMRQT",
            Self::BreakGlass => "BTG",
            Self::Profiling => "X-PROFILING",
            Self::DataMining => "X-MINING",
            Self::AutomatedDecision => "X-AUTODECISION",
            Self::QualityImprovement => "HQUALIMP",
        }
    }

    /// The purpose with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.code() == code)
    }

    /// Whether the purpose is known only to be refused: no role and no consent can serve it.
    #[must_use]
    pub fn is_prohibited(self) -> bool {
        matches!(
            self,
            Self::Marketing | Self::Profiling | Self::DataMining | Self::AutomatedDecision
        )
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}
