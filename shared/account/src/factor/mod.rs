//! Second factors: what an account has besides its password, and which of it may be used by whom.
//!
//! All of them lie in the account's one document. Whatever is used up, one compare-and-swap uses it up.

mod one_time_code;
mod passkey;
mod recovery_code;
mod sms;
mod totp;

pub use one_time_code::{Digits, OneTimeCode, RESEND_AFTER};
use passkey::Passkeys;
pub use passkey::{Full, RegisteredPasskey};
pub(crate) use recovery_code::RecoveryCode;
pub use recovery_code::RecoveryCodes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sms::SmsBudget;
pub use sms::{PHONE_RULE, Phone, Sms, SmsCandidate};
pub(crate) use totp::Totp;
pub use totp::TotpSecret;

use crate::throttle;

// There is none for e-mail: a mailbox proves no possession of anything (NIST SP 800-63B-4, section 3.1.3.1).
/// A kind of second factor, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactor {
    /// A WebAuthn credential: the only one that a look-alike site cannot relay.
    Passkey,
    /// A code of an authenticator app.
    Totp,
    /// A code that is sent by SMS.
    Sms,
    /// A code from the list that was shown once.
    RecoveryCode,
}

impl SecondFactor {
    pub(crate) const ALL: [Self; 4] = [Self::Passkey, Self::Totp, Self::Sms, Self::RecoveryCode];

    /// How it is throttled. A passkey can't be guessed, so it is not: nobody is to be locked out of hers.
    pub fn throttled(self) -> Option<throttle::Factor> {
        match self {
            Self::Passkey => None,
            Self::Totp => Some(throttle::Factor::Totp),
            Self::Sms => Some(throttle::Factor::Sms),
            Self::RecoveryCode => Some(throttle::Factor::RecoveryCode),
        }
    }
}

/// Some kinds of second factor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SecondFactors {
    /// One or more.
    pub passkey: bool,
    /// An app.
    pub totp: bool,
    /// A number.
    pub sms: bool,
    /// A list with a code left.
    pub recovery_code: bool,
}

impl SecondFactors {
    /// Whether this kind is among them.
    pub fn contains(self, factor: SecondFactor) -> bool {
        match factor {
            SecondFactor::Passkey => self.passkey,
            SecondFactor::Totp => self.totp,
            SecondFactor::Sms => self.sms,
            SecondFactor::RecoveryCode => self.recovery_code,
        }
    }

    /// The kinds, the strongest first.
    pub fn iter(self) -> impl Iterator<Item = SecondFactor> {
        SecondFactor::ALL
            .into_iter()
            .filter(move |factor| self.contains(*factor))
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Those that somebody may use. SMS is the weaker choice, left to clients (NIST SP 800-63B-4, section 3.2.9, restricts
    /// it; ASVS 5.0, 6.6.1). A recovery code stands in for another factor, so where there is none it stands for nothing.
    pub fn usable_by(self, holder: Holder) -> Self {
        let sms = self.sms && holder == Holder::Client;
        Self {
            sms,
            recovery_code: self.recovery_code && (self.passkey || self.totp || sms),
            ..self
        }
    }
}

/// Whose account it is, as far as its factors go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// Sees her own data. May do without a second factor.
    Client,
    /// Sees many people's data. Never without a second factor.
    Staff,
}

/// The second factors of an account, and those that are being set up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factors {
    /// Ten at most.
    #[serde(default)]
    pub passkeys: Passkeys,
    /// The authenticator app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp: Option<Totp>,
    /// A secret that no code has confirmed yet. It proves nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp_candidate: Option<TotpSecret>,
    /// The number that codes are sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sms: Option<Sms>,
    /// A number that no code has confirmed yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sms_candidate: Option<SmsCandidate>,
    /// How many codes may be sent still.
    #[serde(default)]
    pub sms_budget: SmsBudget,
    /// The list that was made last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_codes: Option<RecoveryCodes>,
}

impl Factors {
    /// The code that was sent to the confirmed number.
    pub fn sms_code_mut(&mut self) -> Option<&mut OneTimeCode> {
        self.sms.as_mut().and_then(|sms| sms.code.as_mut())
    }

    /// The code that was sent to a number that is to be confirmed.
    pub fn candidate_code_mut(&mut self) -> Option<&mut OneTimeCode> {
        self.sms_candidate.as_mut().map(|candidate| &mut candidate.code)
    }

    /// Those that are set up, whoever may use them.
    pub fn registered(&self) -> SecondFactors {
        SecondFactors {
            passkey: !self.passkeys.is_empty(),
            totp: self.totp.is_some(),
            sms: self.sms.is_some(),
            recovery_code: self.recovery_codes.as_ref().is_some_and(|codes| codes.left() > 0),
        }
    }
}
