//! What a decision is about: a class of data and what is done with it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A class of data, which is what permissions, keys and audit entries speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataClass {
    /// Who a client is.
    Identity,
    /// A client's clinical records, but for psychotherapy notes and substance-use records.
    Health,
    /// Psychotherapy notes in the sense of 45 CFR 164.501: kept apart, for their author.
    Psychotherapy,
    /// Invoices and payments.
    Billing,
    /// The empty file that a client's consents and care team are kept under.
    ClientFile,
    /// What a client has agreed to.
    Consent,
    /// Who treats a client.
    CareTeam,
    /// What clients are told before they agree.
    Notice,
    /// Log-in accounts and invitations.
    Account,
    /// What somebody proves with that an account is hers: password, app, passkeys, number, recovery codes.
    Authenticator,
    /// Log-in sessions.
    Session,
    /// The audit trail.
    Audit,
    /// Messages to people: codes, links, notices. Never anything about health.
    Message,
    /// Records of treatment for substance use in the sense of 42 CFR part 2: kept apart, under their own consent.
    SubstanceUse,
    /// Appointments: who comes when, and nothing of why.
    Schedule,
    /// What a client hides from whom.
    Restriction,
    /// Who may act for a client: parents, guardians, nominees.
    Representative,
    /// Lawful grounds other than consent that a client's data is used on.
    LawfulGround,
    /// Access that somebody took by breaking the glass, and its review.
    EmergencyAccess,
    /// Why something would be allowed or denied.
    AccessDecision,
    /// Who has accepted which policy or agreement.
    Acceptance,
    /// Reviews of who still needs access: what was decided about which account, and the evidence of it.
    AccessReview,
    /// What people with an account are called, and what they are to the clinic.
    Profile,
}

impl DataClass {
    /// Every class.
    pub const ALL: [Self; 23] = [
        Self::Identity,
        Self::Health,
        Self::Psychotherapy,
        Self::Billing,
        Self::ClientFile,
        Self::Consent,
        Self::CareTeam,
        Self::Notice,
        Self::Account,
        Self::Authenticator,
        Self::Session,
        Self::Audit,
        Self::Message,
        Self::SubstanceUse,
        Self::Schedule,
        Self::Restriction,
        Self::Representative,
        Self::LawfulGround,
        Self::EmergencyAccess,
        Self::AccessDecision,
        Self::Acceptance,
        Self::AccessReview,
        Self::Profile,
    ];

    /// The class with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// The name in stored bytes and in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Health => "health",
            Self::Psychotherapy => "psychotherapy",
            Self::Billing => "billing",
            Self::ClientFile => "client_file",
            Self::Consent => "consent",
            Self::CareTeam => "care_team",
            Self::Notice => "notice",
            Self::Account => "account",
            Self::Authenticator => "authenticator",
            Self::Session => "session",
            Self::Audit => "audit",
            Self::Message => "message",
            Self::SubstanceUse => "substance_use",
            Self::Schedule => "schedule",
            Self::Restriction => "restriction",
            Self::Representative => "representative",
            Self::LawfulGround => "lawful_ground",
            Self::EmergencyAccess => "emergency_access",
            Self::AccessDecision => "access_decision",
            Self::Acceptance => "acceptance",
            Self::AccessReview => "access_review",
            Self::Profile => "profile",
        }
    }

    /// Whether a client's consent can cover the class: the classes that hold data about her.
    #[must_use]
    pub fn is_consentable(self) -> bool {
        matches!(
            self,
            Self::Identity | Self::Health | Self::Psychotherapy | Self::SubstanceUse | Self::Billing | Self::Schedule
        )
    }
}

impl fmt::Display for DataClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What is done with data of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Make a new one.
    Create,
    /// Read one.
    Read,
    /// Read what there is of them, without their content.
    List,
    /// Find one by an exact value.
    Search,
    /// Change one; earlier versions stay.
    Amend,
    /// End one: withdraw a consent, revoke a session, leave a care team.
    Revoke,
    /// Check that nothing was changed behind Confide's back.
    Verify,
    /// Take a copy out of Confide.
    Export,
    /// Run a job over them, as a scheduler does.
    Execute,
    /// Answer for what somebody wrote whom one supervises: sign it beside her, or give it back to her.
    Cosign,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 10] = [
        Self::Create,
        Self::Read,
        Self::List,
        Self::Search,
        Self::Amend,
        Self::Revoke,
        Self::Verify,
        Self::Export,
        Self::Execute,
        Self::Cosign,
    ];

    /// The name in the audit trail.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::List => "list",
            Self::Search => "search",
            Self::Amend => "amend",
            Self::Revoke => "revoke",
            Self::Verify => "verify",
            Self::Export => "export",
            Self::Execute => "execute",
            Self::Cosign => "cosign",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
