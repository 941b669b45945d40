//! Who has to do with a client besides herself: those who treat her, those who act for her, and those who broke the glass.

use jiff::fmt::serde::timestamp::nanosecond;
use model::{AccountId, EmergencyId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a clinician belongs to a care team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CareRole {
    /// Treats the client: reads and writes.
    Treating,
    /// Supervises those who do: reads.
    Supervising,
}

/// A clinician who has to do with a client's care.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CareTeamMember {
    /// The clinician's account.
    pub account: AccountId,
    /// As what.
    pub role: CareRole,
    /// From when on.
    #[serde(with = "nanosecond::required")]
    pub since: Timestamp,
    /// Until when, where that is known beforehand: a stand-in, a handover.
    #[serde(with = "nanosecond::optional")]
    pub until: Option<Timestamp>,
}

impl CareTeamMember {
    /// Whether the membership holds at this time.
    #[must_use]
    pub fn is_current(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|end| now < end)
    }
}

/// By what right somebody acts for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Authority {
    /// A parent of a minor: until majority, and no longer (DPDP Act s.9, GDPR 8, 45 CFR 164.502(g)(3)).
    Parent,
    /// Appointed by a court or an authority (DPDP Rule 11, 45 CFR 164.502(g)(2)); for a minor until majority, where it is not said to be for longer.
    Guardian,
    /// Named by the client for her death or incapacity (DPDP Act s.14): acts only from when that has been found.
    Nominee,
}

/// Somebody who may act for a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Representative {
    /// The account.
    pub account: AccountId,
    /// By what right.
    pub authority: Authority,
    /// Whether that reaches her records. A parent is not let into a child's notes by being a parent.
    pub reads_records: bool,
    /// From when on. A nominee who is not needed yet has no such time.
    #[serde(with = "nanosecond::optional")]
    pub since: Option<Timestamp>,
    /// Until when.
    #[serde(with = "nanosecond::optional")]
    pub until: Option<Timestamp>,
}

impl Representative {
    /// Whether the representative may act at this time.
    #[must_use]
    pub fn acts(&self, now: Timestamp) -> bool {
        self.since.is_some() && self.until.is_none_or(|end| now < end)
    }
}

/// Access that a clinician took in an emergency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmergencyAccess {
    /// Its id, which stands in the trail beside everything that is read by it.
    pub id: EmergencyId,
    /// Who took it.
    pub account: AccountId,
    /// Until when it holds.
    #[serde(with = "nanosecond::required")]
    pub until: Timestamp,
}
