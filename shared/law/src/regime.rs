//! The laws that are known here.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A law that a clinic may be under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Regime {
    /// European Union: Regulation (EU) 2016/679, the General Data Protection Regulation.
    Gdpr,
    /// India: the Digital Personal Data Protection Act, 2023, and its Rules, 2025.
    Dpdp,
    /// United States: the HIPAA Privacy, Security and Breach Notification Rules, 45 CFR parts 160 and 164.
    Hipaa,
    /// United States: records of treatment of substance use disorders, 42 CFR part 2.
    Part2,
    /// Canada: the Personal Information Protection and Electronic Documents Act.
    Pipeda,
    /// Ontario: the Personal Health Information Protection Act, 2004.
    Phipa,
    /// California: the Confidentiality of Medical Information Act, Civil Code 56 and following.
    Cmia,
}

impl Regime {
    /// Every regime.
    pub const ALL: [Self; 7] = [
        Self::Gdpr,
        Self::Dpdp,
        Self::Hipaa,
        Self::Part2,
        Self::Pipeda,
        Self::Phipa,
        Self::Cmia,
    ];

    /// The name in stored bytes and in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gdpr => "gdpr",
            Self::Dpdp => "dpdp",
            Self::Hipaa => "hipaa",
            Self::Part2 => "part2",
            Self::Pipeda => "pipeda",
            Self::Phipa => "phipa",
            Self::Cmia => "cmia",
        }
    }
}

impl fmt::Display for Regime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Regime;

    /// The names are in stored documents: they stay as they are.
    #[test]
    fn names_are_stable() {
        let names = ["gdpr", "dpdp", "hipaa", "part2", "pipeda", "phipa", "cmia"];
        for (regime, name) in Regime::ALL.into_iter().zip(names) {
            assert_eq!(regime.name(), name);
            assert_eq!(serde_json::to_value(regime).unwrap(), name);
            assert_eq!(serde_json::from_value::<Regime>(name.into()).unwrap(), regime);
        }
    }
}
