//! Accounts and what leads to them, as they lie, sealed, in the accounts store.
//!
//! ```text
//! clinic document      its name and who runs it, one per clinic
//! account document     one per account
//! account log          which accounts there are, one log per clinic
//! e-mail document      which account has an address, one per clinic and address
//! service log          which of them are service identities, one log per clinic
//! recovery document    one per request of an administrator to recover an account
//! recovery log         which of these there are, one log per clinic
//! invitation document  one per invitation
//! invitation log       which invitations there are, one log per clinic
//! tries document       the failures at an account, one per account; and 256 for those at nobody's
//! network document     the failures and requests of networks, 256 in all
//! ```
//!
//! Everything is named by an HMAC under the index key, always with the clinic in it.

use crypto::{KeySet, Label, Secret, mac, name};
use jiff::SignedDuration;
use jiff::fmt::serde::timestamp::nanosecond;
use model::{
    AccountId, ClientId, ClinicId, Confidential, DataClass, InvitationId, RecoveryId, Role, SessionId, Timestamp,
};
use ports::Creation;
use serde::{Deserialize, Serialize};
use store::{Doc, Shelf, UpdateError};
use web::{Exchange, Problem};

use crate::administrators::Administrators;
use crate::challenge::UsedChallenges;
use crate::email::Email;
use crate::factor::{Factors, Holder};
use crate::invitation::Invitation;
use crate::listing::Listing;
use crate::password::{PasswordHash, Strength};
use crate::pending::PendingLogIns;
use crate::recovery::Recovery;
use crate::slots::{self, Slot};
use crate::step::{Circumstances, Standing};
use crate::throttle::{Bucket, Tries};

const CLINIC: Label = Label::new("confide 2026-11 clinic name");
const ACCOUNT: Label = Label::new("confide 2026-11 account name");
const EMAIL: Label = Label::new("confide 2026-11 account e-mail name");
const NOBODY: Label = Label::new("confide 2026-11 account of nobody");
const INVITATION: Label = Label::new("confide 2026-11 invitation name");
const ACCOUNTS: Label = Label::new("confide 2026-11 account index name");
const INVITATIONS: Label = Label::new("confide 2026-11 invitation index name");
const RECOVERY: Label = Label::new("confide 2026-11 recovery name");
const RECOVERIES: Label = Label::new("confide 2026-11 recovery index name");
const SERVICES: Label = Label::new("confide 2026-11 service index name");
const TRIES: Label = Label::new("confide 2026-11 account tries name");
const TRIES_AT_NOBODY: Label = Label::new("confide 2026-11 nobody's tries");
const TRIES_AT_NOBODY_NAME: Label = Label::new("confide 2026-11 nobody's tries name");
const NETWORKS: Label = Label::new("confide 2026-11 networks name");

/// How long a session may lie idle: staff see many people's data, a client her own.
const STAFF_IDLE: u32 = 15 * 60;
const CLIENT_IDLE: u32 = 30 * 60;

/// How long a session lasts at most.
pub(crate) const SESSION_LENGTH: SignedDuration = SignedDuration::from_hours(12);

const SERVICE_SESSION_LENGTH: SignedDuration = SignedDuration::from_mins(10);

/// A clinic.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Clinic {
    pub(crate) name: Confidential<String>,
    #[serde(with = "nanosecond::required")]
    pub(crate) created_at: Timestamp,
    pub(crate) administrators: Administrators,
    /// Whether clients may open accounts themselves.
    #[serde(default)]
    pub(crate) self_registration: bool,
}

/// Which account has an address. None where it was given up: documents are not taken away, since one that is made again could
/// not be told from the one before.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailEntry {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<AccountId>,
}

/// Whether an account lets its owner in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum AccountState {
    #[default]
    Active,
    /// Closed by an administrator until one opens it again.
    Disabled {
        #[serde(with = "nanosecond::required")]
        at: Timestamp,
        by: AccountId,
        reason: Confidential<String>,
    },
    /// Closed by an administrator for good.
    Deactivated {
        #[serde(with = "nanosecond::required")]
        at: Timestamp,
        by: AccountId,
        reason: Confidential<String>,
    },
}

/// An account. Everything that a log-in uses up lies in this one document: of two requests that use up the same, one
/// compare-and-swap wins.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    pub(crate) id: AccountId,
    pub(crate) clinic: ClinicId,
    /// As it was spelled.
    pub(crate) email: Confidential<String>,
    pub(crate) display_name: Confidential<String>,
    /// In which messages reach her, as a BCP 47 tag.
    pub(crate) language: String,
    pub(crate) roles: Vec<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<ClientId>,
    #[serde(default)]
    pub(crate) state: AccountState,
    pub(crate) password: PasswordHash,
    #[serde(default)]
    pub(crate) factors: Factors,
    /// Recognises the secret of a service identity, which has no password. See [`crate::service`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) service_verifier: Option<[u8; 32]>,
    /// Counts the passwords that it has had, so that what was mailed to set one is good for one.
    #[serde(default)]
    pub(crate) passwords: u64,
    #[serde(with = "nanosecond::required")]
    pub(crate) created_at: Timestamp,
    /// When its owner first proved to hold it. Until then enrolment can be repeated, afterwards never again.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "nanosecond::optional")]
    pub(crate) enrolled_at: Option<Timestamp>,
    #[serde(default)]
    pub(crate) pending_log_ins: PendingLogIns,
    #[serde(default)]
    pub(crate) used_challenges: UsedChallenges,
    #[serde(default)]
    pub(crate) slots: Vec<Slot>,
}

/// What a password of an account with these roles must be good for.
pub(crate) fn strength(roles: &[Role]) -> Strength {
    match holder(roles) {
        Holder::Staff => Strength::WithSecondFactor,
        Holder::Client => Strength::Alone,
    }
}

/// Whose account it is with these roles.
pub(crate) fn holder(roles: &[Role]) -> Holder {
    if roles.iter().any(|role| role.is_staff()) {
        Holder::Staff
    } else {
        Holder::Client
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
            language: String::new(),
            roles: vec![Role::Client],
            client: None,
            state: AccountState::Active,
            password: PasswordHash::nobody(),
            factors: Factors::default(),
            service_verifier: None,
            passwords: 0,
            created_at: now,
            enrolled_at: None,
            pending_log_ins: PendingLogIns::default(),
            used_challenges: UsedChallenges::default(),
            slots: Vec::new(),
        }
    }

    /// The role that the audit trail names.
    pub(crate) fn first_role(&self) -> Role {
        self.roles.first().copied().unwrap_or(Role::Client)
    }

    pub(crate) fn holder(&self) -> Holder {
        holder(&self.roles)
    }

    pub(crate) fn idle_seconds(&self) -> u32 {
        match self.holder() {
            Holder::Staff => STAFF_IDLE,
            Holder::Client => CLIENT_IDLE,
        }
    }

    /// Whether it is a service identity's: no person's, without an address and a password.
    pub(crate) fn is_service(&self) -> bool {
        self.roles.contains(&Role::Job)
    }

    /// When somebody last came in, as far as a slot remembers.
    pub(crate) fn last_log_in_at(&self) -> Option<Timestamp> {
        self.slots.iter().map(|slot| slot.created_at).max()
    }

    /// How long a session of it lasts at most: a job's as long as a run of it.
    pub(crate) fn session_length(&self) -> SignedDuration {
        if self.is_service() {
            SERVICE_SESSION_LENGTH
        } else {
            SESSION_LENGTH
        }
    }

    /// Whether it may run the clinic now.
    pub(crate) fn is_active_administrator(&self) -> bool {
        self.state == AccountState::Active && self.roles.contains(&Role::ClinicAdmin)
    }

    /// Sets another password. Log-ins that are half done were begun with the one before, so they end.
    pub(crate) fn set_password(&mut self, password: PasswordHash) {
        self.password = password;
        self.passwords = self.passwords.saturating_add(1);
        self.pending_log_ins.end_all();
    }

    /// Ends all that was begun: log-ins that are half done, and sessions, as far as the account says. See
    /// [`end_others`](crate::sessions::end_others) for what is left to do.
    pub(crate) fn end_log_ins(&mut self) {
        self.pending_log_ins.end_all();
        slots::end_all(&mut self.slots);
    }

    /// Whether the session may go on, as far as the account says.
    pub(crate) fn lets_in(&self, session: SessionId) -> bool {
        let holds = |slot: &Slot| slot.session == session && !slot.ended;
        self.state == AccountState::Active && self.slots.iter().any(holds)
    }

    /// What decisions about the account depend on.
    pub(crate) fn circumstances(&self) -> Circumstances {
        Circumstances {
            standing: match self.state {
                AccountState::Active => Standing::Active,
                AccountState::Disabled { .. } => Standing::Disabled,
                AccountState::Deactivated { .. } => Standing::Deactivated,
            },
            holder: self.holder(),
            registered: self.factors.registered(),
        }
    }
}

/// Why an account is not changed.
pub(crate) enum Unchanged {
    /// It is not any more what was decided on: another request has used something up.
    Raced,
    Failed(Problem),
}

impl From<Problem> for Unchanged {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

impl From<Unchanged> for Problem {
    fn from(unchanged: Unchanged) -> Self {
        match unchanged {
            Unchanged::Raced => Self::from(store::StoreError::Contended),
            Unchanged::Failed(problem) => problem,
        }
    }
}

/// The accounts store.
pub(crate) struct Accounts<'a> {
    shelf: Shelf<'a>,
    pub(crate) seal: &'a KeySet,
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

    /// Changes an account. The change is behind a pointer: all that goes into [`Doc::update`] is compiled for each type of change, and
    /// there are many of them here.
    pub(crate) fn change(
        &self,
        clinic: ClinicId,
        account: AccountId,
        change: &mut dyn FnMut(&mut Account) -> Result<(), Unchanged>,
    ) -> Result<(), UpdateError<Unchanged>> {
        self.change_at(clinic, account, None, change).map(drop)
    }

    /// Changes an account where it is at this version, if one is given, and says at which one it is then.
    pub(crate) fn change_at(
        &self,
        clinic: ClinicId,
        account: AccountId,
        expected: Option<u64>,
        change: &mut dyn FnMut(&mut Account) -> Result<(), Unchanged>,
    ) -> Result<u64, UpdateError<Unchanged>> {
        let changed = self
            .account(clinic, account)
            .update(expected, |account| change(account));
        changed.map(|changed| changed.version)
    }

    pub(crate) fn email(&self, clinic: ClinicId, email: &Email) -> Doc<'_, EmailEntry, KeySet> {
        let name = name(self.index, EMAIL, &[clinic.as_bytes(), email.folded().as_bytes()]);
        self.shelf.doc(Some(clinic), "account e-mail", &name, self.seal)
    }

    pub(crate) fn invitation(&self, clinic: ClinicId, invitation: InvitationId) -> Doc<'_, Invitation, KeySet> {
        let name = name(self.index, INVITATION, &[clinic.as_bytes(), invitation.as_bytes()]);
        self.shelf.doc(Some(clinic), "invitation", &name, self.seal)
    }

    /// Which accounts there are.
    pub(crate) fn listing(&self, clinic: ClinicId) -> Listing<'_> {
        let name = name(self.index, ACCOUNTS, &[clinic.as_bytes()]);
        self.shelf.log(Some(clinic), "account index", &name, self.seal)
    }

    /// Which service identities there are.
    pub(crate) fn services(&self, clinic: ClinicId) -> Listing<'_> {
        let name = name(self.index, SERVICES, &[clinic.as_bytes()]);
        self.shelf.log(Some(clinic), "service index", &name, self.seal)
    }

    /// A request to recover an account.
    pub(crate) fn recovery(&self, clinic: ClinicId, recovery: RecoveryId) -> Doc<'_, Recovery, KeySet> {
        let name = name(self.index, RECOVERY, &[clinic.as_bytes(), recovery.as_bytes()]);
        self.shelf.doc(Some(clinic), "recovery", &name, self.seal)
    }

    /// Which requests to recover accounts there are.
    pub(crate) fn recoveries(&self, clinic: ClinicId) -> Listing<'_> {
        let name = name(self.index, RECOVERIES, &[clinic.as_bytes()]);
        self.shelf.log(Some(clinic), "recovery index", &name, self.seal)
    }

    pub(crate) fn invitations(&self, clinic: ClinicId) -> Listing<'_> {
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

    /// Which account has this address.
    pub(crate) fn holder_of(&self, clinic: ClinicId, email: &Email) -> Result<Option<AccountId>, Problem> {
        Ok(self.email(clinic, email).read()?.and_then(|entry| entry.value.account))
    }

    /// Makes the account the one that has the address, which is what lets it log in; `false` where another one has it. One
    /// compare-and-swap decides.
    pub(crate) fn claim_email(&self, clinic: ClinicId, email: &Email, account: AccountId) -> Result<bool, Problem> {
        let doc = self.email(clinic, email);
        if doc.create(&EmailEntry { account: Some(account) })? == Creation::Created {
            return Ok(true);
        }
        self.hand_over(&doc, None, Some(account))
    }

    /// Frees the address for another account, if this one has it.
    pub(crate) fn release_email(&self, clinic: ClinicId, email: &Email, account: AccountId) -> Result<(), Problem> {
        self.hand_over(&self.email(clinic, email), Some(account), None)
            .map(drop)
    }

    /// Whether the address is `to`'s: it was already, or was `from`'s until now.
    fn hand_over(
        &self,
        doc: &Doc<'_, EmailEntry, KeySet>,
        from: Option<AccountId>,
        to: Option<AccountId>,
    ) -> Result<bool, Problem> {
        let handed = doc.update(None, |entry| {
            if entry.account == from {
                entry.account = to;
            }
            if entry.account == to { Ok(()) } else { Err(()) }
        });
        match handed {
            Ok(_) => Ok(true),
            // Where it never was anybody's, there is nothing to free.
            Err(UpdateError::Refused(()) | UpdateError::Absent) => Ok(false),
            Err(UpdateError::Stale) => Err(Problem::stale()),
            Err(UpdateError::Store(error)) => Err(error.into()),
        }
    }

    /// Changes the clinic, behind a pointer as in [`Accounts::change`].
    pub(crate) fn change_clinic(
        &self,
        clinic: ClinicId,
        change: &mut dyn FnMut(&mut Clinic) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        Ok(self.clinic(clinic).update(None, |clinic| change(clinic)).map(drop)?)
    }

    /// The account with this address. Where there is none, a document is looked for all the same, so that both take
    /// the same operations.
    pub(crate) fn find(&self, clinic: ClinicId, email: &Email) -> Result<Option<Account>, Problem> {
        let entry = self.email(clinic, email).read()?;
        let nobody = mac(self.index, NOBODY, &[clinic.as_bytes(), email.folded().as_bytes()]).truncated();
        let id = entry
            .and_then(|entry| entry.value.account)
            .unwrap_or(AccountId::from_bytes(nobody));
        Ok(self.account(clinic, id).read()?.map(|account| account.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staff_see_more_and_have_less_time() {
        let now: Timestamp = "2026-12-01T08:00:00Z".parse().unwrap();
        for role in Role::ALL {
            let account = Account {
                roles: vec![role],
                ..Account::nobody(ClinicId::from_bytes([1; 16]), AccountId::from_bytes([2; 16]), now)
            };
            let (holder, idle, least) = if role == Role::Client {
                (Holder::Client, 1800, Strength::Alone)
            } else {
                (Holder::Staff, 900, Strength::WithSecondFactor)
            };
            assert_eq!((account.holder(), account.idle_seconds()), (holder, idle), "{role}");
            assert_eq!(strength(&account.roles), least, "{role}");
        }
        let mixed = [Role::Client, Role::Clinician];
        assert_eq!(holder(&mixed), Holder::Staff);
    }

    #[test]
    fn states_are_stored_by_name() {
        let now: Timestamp = "2026-12-01T08:00:00Z".parse().unwrap();
        let by = AccountId::from_bytes([7; 16]);
        for (state, standing, stored) in [
            (AccountState::Active, Standing::Active, r#""active""#.to_owned()),
            (
                AccountState::Disabled {
                    at: now,
                    by,
                    reason: Confidential::new("left".to_owned()),
                },
                Standing::Disabled,
                format!(
                    r#"{{"disabled":{{"at":{},"by":"{by}","reason":"left"}}}}"#,
                    now.as_nanosecond()
                ),
            ),
            (
                AccountState::Deactivated {
                    at: now,
                    by,
                    reason: Confidential::default(),
                },
                Standing::Deactivated,
                format!(
                    r#"{{"deactivated":{{"at":{},"by":"{by}","reason":""}}}}"#,
                    now.as_nanosecond()
                ),
            ),
        ] {
            assert_eq!(serde_json::to_string(&state).unwrap(), stored);
            assert_eq!(serde_json::from_str::<AccountState>(&stored).unwrap(), state);
            let account = Account {
                state,
                ..Account::nobody(ClinicId::from_bytes([1; 16]), by, now)
            };
            assert_eq!(account.circumstances().standing, standing);
        }
        assert!(serde_json::from_str::<AccountState>(r#""asleep""#).is_err());
    }
}
