//! What the use of a client's data stands on: what she agreed to, or another ground that the law gives; and what she hides.

use jiff::fmt::serde::timestamp::nanosecond;
use model::{
    AccountId, ClientId, Confidential, ConsentId, ContactChannel, DataClass, EmergencyId, GroundId, NoticeId, Purpose,
    RestrictionId, Timestamp,
};
use serde::{Deserialize, Serialize};

/// Whom a client lets have something that others in her care do not get by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Recipient {
    /// Somebody of the clinic.
    Account(AccountId),
    /// Somebody else, by name.
    Name(Confidential<String>),
}

/// A consent that has been given and not withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveConsent {
    /// Its id in the ledger.
    pub id: ConsentId,
    /// The notice that it was given on.
    pub notice: NoticeId,
    /// What for.
    pub purposes: Vec<Purpose>,
    /// For which data.
    pub classes: Vec<DataClass>,
    /// For whom alone, where it is an authorization to share with somebody. It is no ground for anybody else.
    pub recipient: Option<Recipient>,
    /// How she may be written to.
    pub channels: Vec<ContactChannel>,
    /// Which of a shared file's participants gave it.
    pub participant: Option<ClientId>,
    /// Whether a parent or guardian gave it for a minor: it ends when she is of age, whenever that is.
    pub until_majority: bool,
    /// Until when.
    #[serde(with = "nanosecond::optional")]
    pub expires_at: Option<Timestamp>,
}

impl LiveConsent {
    /// Whether it is about data of this class for this purpose.
    #[must_use]
    pub fn covers(&self, class: DataClass, purpose: Purpose) -> bool {
        self.classes.contains(&class) && self.purposes.contains(&purpose)
    }
}

/// A ground other than consent that has been established and not ended. Whether the clinic's law knows it was decided when it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveGround {
    /// Its id in the ledger.
    pub id: GroundId,
    /// What for.
    pub purposes: Vec<Purpose>,
    /// For which data.
    pub classes: Vec<DataClass>,
    /// Until when.
    #[serde(with = "nanosecond::optional")]
    pub expires_at: Option<Timestamp>,
}

impl LiveGround {
    /// Whether it has not ended by itself.
    #[must_use]
    pub fn is_current(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether it lets the clinic use data of this class for this purpose.
    #[must_use]
    pub fn is_ground(&self, class: DataClass, purpose: Purpose, now: Timestamp) -> bool {
        self.classes.contains(&class) && self.purposes.contains(&purpose) && self.is_current(now)
    }
}

/// What a decision stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LawfulGround {
    /// A consent; of several that it takes, the first.
    Consent(ConsentId),
    /// Another ground that the law gives.
    Other(GroundId),
    /// The vital interests of a client in an emergency (GDPR 9(2)(c), PHIPA s.40(1), DPDP Act s.7(f), 42 CFR 2.51).
    Emergency(EmergencyId),
}

impl LawfulGround {
    /// The consent that it is.
    #[must_use]
    pub fn consent(self) -> Option<ConsentId> {
        match self {
            Self::Consent(id) => Some(id),
            Self::Other(_) | Self::Emergency(_) => None,
        }
    }

    /// The other ground that it is.
    #[must_use]
    pub fn other(self) -> Option<GroundId> {
        match self {
            Self::Other(id) => Some(id),
            Self::Consent(_) | Self::Emergency(_) => None,
        }
    }

    /// The emergency access that it is.
    #[must_use]
    pub fn emergency(self) -> Option<EmergencyId> {
        match self {
            Self::Emergency(id) => Some(id),
            Self::Consent(_) | Self::Other(_) => None,
        }
    }
}

/// Something that a client hides: a class of her data, or all of it, from somebody or from everybody (the lock-box of PHIPA ss. 37 and
/// 38, the restrictions of 45 CFR 164.522(a) and GDPR 18).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restriction {
    /// Its id in the ledger.
    pub id: RestrictionId,
    /// What is hidden; all of it where there is none.
    pub class: Option<DataClass>,
    /// From whom; from everybody but herself where there is none.
    pub account: Option<AccountId>,
}

impl Restriction {
    /// Whether it hides data of this class from this account.
    #[must_use]
    pub fn hides(&self, class: DataClass, account: AccountId) -> bool {
        self.class.is_none_or(|hidden| hidden == class) && self.account.is_none_or(|from| from == account)
    }
}
