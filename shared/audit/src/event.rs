use model::{
    AccountId, Action, ClinicId, ConsentId, DataClass, EmergencyId, EventId, Function, Gateway, GroundId, Purpose,
    RequestId, Role, SessionId, SubjectId, Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// The account.
    pub account: AccountId,
    /// The role that the decision was made for.
    pub role: Role,
    /// The session, where there is one already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
}

/// How it was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The rule allows it, and it was then carried out or tried.
    Allowed,
    /// The rule denies it, and nothing else happened.
    Denied,
}

/// One access or change, allowed or denied (HIPAA 45 CFR 164.312(b), ASVS 5.0 V16).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Its id, which the answer carries as `Audit-Id`.
    pub id: EventId,
    /// When it was recorded.
    pub at: Timestamp,
    /// The function that decided.
    pub function: Function,
    /// The clinic. Absent where the request names none that exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clinic: Option<ClinicId>,
    /// Who acted. Absent where nobody was proven to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    // By a private call: in its own name, or in the actor's.
    /// The part of Confide that asked for it, where another one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calling: Option<Function>,
    /// The payment gateway that told of it by a signed webhook, where neither an account nor a function asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Gateway>,
    /// What was done.
    pub action: Action,
    /// To which class of data.
    pub class: DataClass,
    // Only her permissions document links it to her.
    /// About whom, by a pseudonym: the `subject_id` that `GET /v1/consent/clients/{client}` shows to privacy officers and auditors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<SubjectId>,
    /// Which one, by its opaque id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// What for.
    pub purpose: Purpose,
    /// How it was decided.
    pub decision: Decision,
    /// By which rule.
    pub rule: String,
    /// The consent that it stands on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<ConsentId>,
    /// The other lawful ground that it stands on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ground: Option<GroundId>,
    /// The emergency access that it stands on: somebody broke the glass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<EmergencyId>,
    /// The network address that the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The request.
    pub request: RequestId,
}
