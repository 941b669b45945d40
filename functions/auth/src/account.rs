//! Accounts and what leads to them, as they lie, sealed, in the accounts store.
//!
//! ```text
//! clinic document      its name, one per clinic
//! account document     one per account
//! e-mail document      which account has an address, one per clinic and address
//! invitation document  one per invitation
//! invitation log       which invitations there are, one log per clinic
//! tries document       the failures at an account, one per account; and 256 for those at nobody's
//! network document     the failures and requests of networks, 256 in all
//! ```
//!
//! Everything is named by an HMAC under the index key, always with the clinic in it.

use crypto::{KeySet, Label, Secret, mac, name};
use jiff::SignedDuration;
use model::{AccountId, ClientId, ClinicId, Confidential, DataClass, InvitationId, Role, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Doc, Log, Shelf};
use web::{Exchange, Problem};

use crate::email::Email;
use crate::invitation::{Invitation, InvitationEntry};
use crate::password::{PasswordHash, Strength};
use crate::slots::Slot;
use crate::throttle::{Bucket, Tries};
use crate::totp::{Step, Totp};

const CLINIC: Label = Label::new("confide 2026-11 clinic name");
const ACCOUNT: Label = Label::new("confide 2026-11 account name");
const EMAIL: Label = Label::new("confide 2026-11 account e-mail name");
const NOBODY: Label = Label::new("confide 2026-11 account of nobody");
const INVITATION: Label = Label::new("confide 2026-11 invitation name");
const INVITATIONS: Label = Label::new("confide 2026-11 invitation index name");
const TRIES: Label = Label::new("confide 2026-11 account tries name");
const TRIES_AT_NOBODY: Label = Label::new("confide 2026-11 nobody's tries");
const TRIES_AT_NOBODY_NAME: Label = Label::new("confide 2026-11 nobody's tries name");
const NETWORKS: Label = Label::new("confide 2026-11 networks name");

/// How long a session may lie idle: staff see many people's data, a client her own.
const STAFF_IDLE: u32 = 15 * 60;
const CLIENT_IDLE: u32 = 30 * 60;

/// How long a session lasts at most.
pub(crate) const SESSION_LENGTH: SignedDuration = SignedDuration::from_hours(12);

/// A clinic.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Clinic {
    pub(crate) name: Confidential<String>,
    pub(crate) created_at: Timestamp,
}

/// Which account has an address.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailEntry {
    pub(crate) account: AccountId,
}

/// An account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    pub(crate) id: AccountId,
    pub(crate) clinic: ClinicId,
    /// As it was spelled.
    pub(crate) email: Confidential<String>,
    pub(crate) display_name: Confidential<String>,
    pub(crate) roles: Vec<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<ClientId>,
    pub(crate) password: PasswordHash,
    pub(crate) totp: Totp,
    pub(crate) created_at: Timestamp,
    /// When its owner first proved to hold it. Until then enrolment can be repeated, afterwards never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) enrolled_at: Option<Timestamp>,
    #[serde(default)]
    pub(crate) slots: Vec<Slot>,
}

/// What somebody has shown besides the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Factors {
    /// Nothing, and nothing is needed.
    Password,
    /// A code of the account's app.
    PasswordAndTotp(Step),
}

/// Whether the roles are staff's, who need two factors.
pub(crate) fn is_staff(roles: &[Role]) -> bool {
    roles.iter().any(|role| role.is_staff())
}

/// What a password of an account with these roles must be good for.
pub(crate) fn strength(roles: &[Role]) -> Strength {
    if is_staff(roles) {
        Strength::WithSecondFactor
    } else {
        Strength::Alone
    }
}

impl Account {
    /// An account that does not exist, to spend the same work on.
    pub(crate) fn nobody(clinic: ClinicId, id: AccountId, now: Timestamp) -> Self {
        Self {
            id,
            clinic,
            email: Confidential::default(),
            display_name: Confidential::default(),
            roles: vec![Role::Client],
            client: None,
            password: PasswordHash::nobody(),
            totp: Totp::nobody(),
            created_at: now,
            enrolled_at: None,
            slots: Vec::new(),
        }
    }

    /// The role that the audit trail names.
    pub(crate) fn first_role(&self) -> Role {
        self.roles.first().copied().unwrap_or(Role::Client)
    }

    pub(crate) fn idle_seconds(&self) -> u32 {
        if is_staff(&self.roles) { STAFF_IDLE } else { CLIENT_IDLE }
    }

    /// The factors that a log-in with this code has shown beside the password, or `None` where they do not suffice:
    /// an account whose app is confirmed needs its code, and staff need an app that is confirmed.
    pub(crate) fn factors(&self, code: Option<&str>, now: Timestamp) -> Result<Option<Factors>, Problem> {
        // Checked whether it is needed or not, so that the time does not tell.
        let step = self.totp.check(code.unwrap_or_default(), now)?;
        Ok(if self.totp.is_confirmed() {
            step.map(Factors::PasswordAndTotp)
        } else if is_staff(&self.roles) {
            None
        } else {
            Some(Factors::Password)
        })
    }
}

/// The accounts store.
pub(crate) struct Accounts<'a> {
    shelf: Shelf<'a>,
    seal: &'a KeySet,
    pub(crate) index: &'a Secret,
}

impl<'a> Accounts<'a> {
    /// Opens the store with this function's keys.
    pub(crate) fn open(exchange: &Exchange<'a>) -> Result<Self, Problem> {
        Ok(Self {
            shelf: exchange.shelf("accounts")?,
            seal: exchange.keyring.seal(DataClass::Account)?,
            index: exchange.keyring.key("index")?,
        })
    }

    pub(crate) fn clinic(&self, clinic: ClinicId) -> Doc<'_, Clinic, KeySet> {
        let name = name(self.index, CLINIC, &[clinic.as_bytes()]);
        self.shelf.doc(Some(clinic), "clinic", &name, self.seal)
    }

    pub(crate) fn account(&self, clinic: ClinicId, account: AccountId) -> Doc<'_, Account, KeySet> {
        let name = name(self.index, ACCOUNT, &[clinic.as_bytes(), account.as_bytes()]);
        self.shelf.doc(Some(clinic), "account", &name, self.seal)
    }

    pub(crate) fn email(&self, clinic: ClinicId, email: &Email) -> Doc<'_, EmailEntry, KeySet> {
        let name = name(self.index, EMAIL, &[clinic.as_bytes(), email.folded().as_bytes()]);
        self.shelf.doc(Some(clinic), "account e-mail", &name, self.seal)
    }

    pub(crate) fn invitation(&self, clinic: ClinicId, invitation: InvitationId) -> Doc<'_, Invitation, KeySet> {
        let name = name(self.index, INVITATION, &[clinic.as_bytes(), invitation.as_bytes()]);
        self.shelf.doc(Some(clinic), "invitation", &name, self.seal)
    }

    pub(crate) fn invitations(&self, clinic: ClinicId) -> Log<'_, InvitationEntry, KeySet> {
        let name = name(self.index, INVITATIONS, &[clinic.as_bytes()]);
        self.shelf.log(Some(clinic), "invitation index", &name, self.seal)
    }

    pub(crate) fn tries(&self, clinic: ClinicId, account: AccountId) -> Doc<'_, Tries, KeySet> {
        let name = name(self.index, TRIES, &[clinic.as_bytes(), account.as_bytes()]);
        self.shelf.doc(Some(clinic), "account tries", &name, self.seal)
    }

    /// The tries at an address that nobody has, in one of 256 documents.
    pub(crate) fn tries_at_nobody(&self, clinic: ClinicId, email: &Email) -> Doc<'_, Tries, KeySet> {
        let parts = [clinic.as_bytes().as_slice(), email.folded().as_bytes()];
        let [number, ..] = mac(self.index, TRIES_AT_NOBODY, &parts).truncated();
        let name = name(self.index, TRIES_AT_NOBODY_NAME, &[&[number]]);
        self.shelf.doc(None, "account tries", &name, self.seal)
    }

    pub(crate) fn bucket(&self, number: u8) -> Doc<'_, Bucket, KeySet> {
        let name = name(self.index, NETWORKS, &[&[number]]);
        self.shelf.doc(None, "networks", &name, self.seal)
    }

    /// The account with this address. Where there is none, a document is looked for all the same, so that both take
    /// the same operations.
    pub(crate) fn find(&self, clinic: ClinicId, email: &Email) -> Result<Option<Account>, Problem> {
        let entry = self.email(clinic, email).read()?;
        let nobody = mac(self.index, NOBODY, &[clinic.as_bytes(), email.folded().as_bytes()]).truncated();
        let id = entry.map_or(AccountId::from_bytes(nobody), |entry| entry.value.account);
        Ok(self.account(clinic, id).read()?.map(|account| account.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_alone_is_enough_for_clients_without_an_app_only() {
        let now: Timestamp = "2026-12-01T08:00:00Z".parse().unwrap();
        let account = |roles: &[Role]| Account {
            roles: roles.to_vec(),
            ..Account::nobody(ClinicId::from_bytes([1; 16]), AccountId::from_bytes([2; 16]), now)
        };
        for role in Role::ALL {
            let factors = account(&[role]).factors(None, now).unwrap();
            assert_eq!(factors, (role == Role::Client).then_some(Factors::Password), "{role}");
            assert_eq!(
                account(&[role]).idle_seconds(),
                if role == Role::Client { 1800 } else { 900 }
            );
        }
        assert_eq!(strength(&[Role::Client]), Strength::Alone);
        assert_eq!(
            strength(&[Role::Clinician, Role::ClinicAdmin]),
            Strength::WithSecondFactor
        );
    }
}
