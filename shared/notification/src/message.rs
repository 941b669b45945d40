use model::{ClientId, ClinicId, Confidential, MessageId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A message to one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Names the message within the clinic and the function that sends it: 16 to 128 visible ASCII characters. The same key is
    /// the same message, which is sent once, however often it is asked for; with another body it is refused.
    pub key: String,
    /// In whose name.
    pub clinic_id: ClinicId,
    /// To whom.
    pub recipient: Recipient,
    /// What it says.
    pub content: Content,
    /// A BCP 47 tag. Where there is no text in it, the nearest there is (RFC 4647, section 3.4), at last English.
    pub language: String,
    /// When it leaves.
    pub urgency: Urgency,
    /// When it is of no use any more: a message that has not left by then never does. Required where it carries a code or a
    /// token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// A way to reach somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// E-mail.
    Email,
    /// A text message to a telephone.
    Sms,
}

/// Who a message is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Recipient {
    /// An e-mail address.
    Email(Confidential<String>),
    /// A telephone number: `+` and 8 to 15 digits (ITU-T E.164). Reached by SMS.
    Phone(Confidential<String>),
    /// A client of the clinic. `identity` says where she is reached when the message leaves, and in which language she wants
    /// it; the caller learns neither.
    Client {
        /// Who.
        client_id: ClientId,
        /// How.
        channel: Channel,
    },
    /// Nobody. The message is kept like any other and never leaves, so that a caller who must not show whether there is an
    /// account does the same work for one that there isn't. Only for templates that strangers can cause, and only queued:
    /// sent at once, the time would show it.
    Nobody {
        /// How somebody would have been reached.
        channel: Channel,
    },
}

impl Recipient {
    /// How.
    #[must_use]
    pub fn channel(&self) -> Channel {
        match self {
            Self::Email(_) => Channel::Email,
            Self::Phone(_) => Channel::Sms,
            Self::Client { channel, .. } | Self::Nobody { channel } => *channel,
        }
    }
}

/// When a message leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// Within the request: somebody is waiting for it.
    Now,
    /// With the next run of the job.
    Queued,
}

/// A factor as people know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// An authenticator app.
    Totp,
    /// Codes by SMS.
    Sms,
    /// A passkey.
    Passkey,
    /// Recovery codes.
    RecoveryCodes,
}

impl Factor {
    /// Every factor.
    pub const ALL: [Self; 4] = [Self::Totp, Self::Sms, Self::Passkey, Self::RecoveryCodes];

    /// The name in the API and in the texts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Sms => "sms",
            Self::Passkey => "passkey",
            Self::RecoveryCodes => "recovery_codes",
        }
    }
}

/// What a message says: a template, and the values that it needs and no others. A token becomes a link to the front end, in
/// the fragment, which no server is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "template", content = "values", rename_all = "snake_case", deny_unknown_fields)]
pub enum Content {
    /// Open an account.
    Invitation {
        /// Proves the invitation.
        token: Confidential<String>,
    },
    /// Open an account, as somebody asked with this address.
    Registration {
        /// Proves that the address is read.
        token: Confidential<String>,
    },
    /// A code to log in with, bound to the front end's origin.
    SignInCode {
        /// 4 to 10 digits.
        code: Confidential<String>,
    },
    /// Choose a new password.
    PasswordReset {
        /// Proves the request.
        token: Confidential<String>,
    },
    /// To the address so far: another one was asked for, confirm it.
    EmailChangeOld {
        /// Proves that the address is read.
        token: Confidential<String>,
    },
    /// To the new address: confirm it.
    EmailChangeNew {
        /// Proves that the address is read.
        token: Confidential<String>,
    },
    /// To the address so far: from now on it is another one.
    EmailChanged,
    /// A factor was added.
    FactorAdded {
        /// Which.
        factor: Factor,
    },
    /// A factor was removed.
    FactorRemoved {
        /// Which.
        factor: Factor,
    },
    /// The password was changed.
    PasswordChanged,
    /// Somebody logged in from a device that is new to the account.
    NewDevice,
    /// The account was disabled.
    AccountDisabled,
    /// An administrator has changed what the account may do: it is open again, or has other roles.
    AccountChanged,
    /// Recovery of the account was approved: go on with it.
    RecoveryApproved {
        /// Proves the approval.
        token: Confidential<String>,
    },
    /// Somebody whom that is not usual for has looked at data of the recipient's, because it was urgent: log in to see who and why.
    UrgentAccess,
    /// To whoever watches over privacy: somebody did so, and it waits for review.
    UrgentAccessReview,
    /// A review of who still needs access is open. It is due when the message expires.
    AccessReview,
}

/// What a message is about, without what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "see `Content`")]
#[schemars(rename = "MessageTemplate")]
pub enum Template {
    Invitation,
    Registration,
    SignInCode,
    PasswordReset,
    EmailChangeOld,
    EmailChangeNew,
    EmailChanged,
    FactorAdded,
    FactorRemoved,
    PasswordChanged,
    NewDevice,
    AccountDisabled,
    AccountChanged,
    RecoveryApproved,
    UrgentAccess,
    UrgentAccessReview,
    AccessReview,
}

impl Template {
    /// Every template.
    pub const ALL: [Self; 17] = [
        Self::Invitation,
        Self::Registration,
        Self::SignInCode,
        Self::PasswordReset,
        Self::EmailChangeOld,
        Self::EmailChangeNew,
        Self::EmailChanged,
        Self::FactorAdded,
        Self::FactorRemoved,
        Self::PasswordChanged,
        Self::NewDevice,
        Self::AccountDisabled,
        Self::AccountChanged,
        Self::RecoveryApproved,
        Self::UrgentAccess,
        Self::UrgentAccessReview,
        Self::AccessReview,
    ];

    /// The name in the API and in the texts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Registration => "registration",
            Self::SignInCode => "sign_in_code",
            Self::PasswordReset => "password_reset",
            Self::EmailChangeOld => "email_change_old",
            Self::EmailChangeNew => "email_change_new",
            Self::EmailChanged => "email_changed",
            Self::FactorAdded => "factor_added",
            Self::FactorRemoved => "factor_removed",
            Self::PasswordChanged => "password_changed",
            Self::NewDevice => "new_device",
            Self::AccountDisabled => "account_disabled",
            Self::AccountChanged => "account_changed",
            Self::RecoveryApproved => "recovery_approved",
            Self::UrgentAccess => "urgent_access",
            Self::UrgentAccessReview => "urgent_access_review",
            Self::AccessReview => "access_review",
        }
    }

    /// Whether somebody who has not logged in can cause such a message. These are kept in a place of fixed size, so that
    /// strangers cannot make a store grow; all others are kept.
    #[must_use]
    pub fn is_caused_by_strangers(self) -> bool {
        matches!(self, Self::Registration | Self::SignInCode | Self::PasswordReset)
    }
}

impl Content {
    /// Which template.
    #[must_use]
    pub fn template(&self) -> Template {
        match self {
            Self::Invitation { .. } => Template::Invitation,
            Self::Registration { .. } => Template::Registration,
            Self::SignInCode { .. } => Template::SignInCode,
            Self::PasswordReset { .. } => Template::PasswordReset,
            Self::EmailChangeOld { .. } => Template::EmailChangeOld,
            Self::EmailChangeNew { .. } => Template::EmailChangeNew,
            Self::EmailChanged => Template::EmailChanged,
            Self::FactorAdded { .. } => Template::FactorAdded,
            Self::FactorRemoved { .. } => Template::FactorRemoved,
            Self::PasswordChanged => Template::PasswordChanged,
            Self::NewDevice => Template::NewDevice,
            Self::AccountDisabled => Template::AccountDisabled,
            Self::AccountChanged => Template::AccountChanged,
            Self::RecoveryApproved { .. } => Template::RecoveryApproved,
            Self::UrgentAccess => Template::UrgentAccess,
            Self::UrgentAccessReview => Template::UrgentAccessReview,
            Self::AccessReview => Template::AccessReview,
        }
    }

    /// The token that becomes a link.
    #[must_use]
    pub fn token(&self) -> Option<&Confidential<String>> {
        match self {
            Self::Invitation { token }
            | Self::Registration { token }
            | Self::PasswordReset { token }
            | Self::EmailChangeOld { token }
            | Self::EmailChangeNew { token }
            | Self::RecoveryApproved { token } => Some(token),
            Self::SignInCode { .. }
            | Self::EmailChanged
            | Self::FactorAdded { .. }
            | Self::FactorRemoved { .. }
            | Self::PasswordChanged
            | Self::NewDevice
            | Self::AccountDisabled
            | Self::AccountChanged
            | Self::UrgentAccess
            | Self::UrgentAccessReview
            | Self::AccessReview => None,
        }
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> Option<&Confidential<String>> {
        match self {
            Self::SignInCode { code } => Some(code),
            _ => None,
        }
    }

    /// The factor that it is about.
    #[must_use]
    pub fn factor(&self) -> Option<Factor> {
        match self {
            Self::FactorAdded { factor } | Self::FactorRemoved { factor } => Some(*factor),
            _ => None,
        }
    }
}

/// What `notify` answers: the message is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// Its id.
    pub message_id: MessageId,
    /// Where it stands. Always [`State::Pending`] for what is queued, so that a decoy looks like any other message.
    pub state: State,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "MessageState")]
pub enum State {
    /// It waits to leave, for the first time or again.
    Pending,
    /// It is leaving, or was when a request broke off.
    Sending,
    /// The provider has taken it.
    Sent,
    /// The provider says that it arrived.
    Delivered,
    /// The provider says that it did not arrive, and will not.
    Undelivered,
    /// It may have left or not, and is not sent again: a code that came twice would be worse.
    Unknown,
    /// It was of no use any more before it could leave.
    Expired,
    /// The recipient has no such channel, or does not want to be reached there.
    Unreachable,
    /// The provider refused it for good, or it was tried too often.
    Failed,
}
