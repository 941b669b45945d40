//! Accounts as they lie, sealed, in the accounts store, and what leads to them.
//!
//! ```text
//! clinic document      its name and who runs it, one per clinic
//! account document     one per account
//! e-mail document      which account has an address, one per clinic and address
//! tries document       the failures at an account, one per account; and 256 for those at nobody's
//! network document     the failures and requests of networks, 256 in all
//! addresses document   the links that were mailed to addresses, whether or not there is an account, 256 in all
//! ```
//!
//! Everything is named by an HMAC under the index key, always with the clinic in it. What else lies there belongs to one function
//! alone, which reaches it through the [`Accounts::shelf`].

use audit_trail::Actor;
use crypto::{KeySet, Label, Secret, mac, name};
use jiff::SignedDuration;
use jiff::fmt::serde::timestamp::nanosecond;
use model::{AccountId, ClientId, ClinicId, Confidential, DataClass, Region, Role, SessionId, Timestamp};
use ports::Creation;
use serde::{Deserialize, Serialize};
use store::{Doc, Shelf, UpdateError};
use web::{Exchange, Problem};

use crate::administrators::Administrators;
use crate::challenge::UsedChallenges;
use crate::email::Email;
use crate::email_change::EmailChange;
use crate::factor::{Factors, Holder};
use crate::password::{PasswordHash, Strength};
use crate::pending::PendingLogIns;
use crate::slots::{self, Slot};
use crate::step::{Circumstances, Standing};
use crate::throttle::{Bucket, Tries};

const CLINIC: Label = Label::new("confide 2026-11 clinic name");
const ACCOUNT: Label = Label::new("confide 2026-11 account name");
const EMAIL: Label = Label::new("confide 2026-11 account e-mail name");
const NOBODY: Label = Label::new("confide 2026-11 account of nobody");
const TRIES: Label = Label::new("confide 2026-11 account tries name");
const TRIES_AT_NOBODY: Label = Label::new("confide 2026-11 nobody's tries");
const TRIES_AT_NOBODY_NAME: Label = Label::new("confide 2026-11 nobody's tries name");
const NETWORKS: Label = Label::new("confide 2026-11 networks name");
const ADDRESSES: Label = Label::new("confide 2026-11 addresses name");

/// How long a session may lie idle: staff see many people's data, a client her own.
const STAFF_IDLE: u32 = 15 * 60;
const CLIENT_IDLE: u32 = 30 * 60;

/// How long a session lasts at most.
pub const SESSION_LENGTH: SignedDuration = SignedDuration::from_hours(12);

/// How many numbers of passwords a recovery leaves out: more than anybody uses up who still holds the account between its approval and its
/// being carried out, so that no other change passes for it.
const RECOVERY_STEP: u64 = 1 << 32;

const SERVICE_SESSION_LENGTH: SignedDuration = SignedDuration::from_mins(10);

/// In which messages reach somebody who did not say.
pub const USUAL_LANGUAGE: &str = "en";

/// A clinic.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clinic {
    /// What it is called.
    pub name: Confidential<String>,
    /// Where its data is kept, and nowhere else.
    pub region: Region,
    /// When it was opened.
    #[serde(with = "nanosecond::required")]
    pub created_at: Timestamp,
    /// Who runs it.
    pub administrators: Administrators,
    /// Whether clients may open accounts themselves.
    #[serde(default)]
    pub self_registration: bool,
    /// Whether accounts about which nobody has decided when an access review is due stay open. Otherwise they are closed until an
    /// administrator opens them again.
    #[serde(default)]
    pub undecided_stay: bool,
}

/// Which account has an address. None where it was given up: documents are not taken away, since one that is made again could
/// not be told from the one before.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EmailEntry {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<AccountId>,
}

/// Whether an account lets its owner in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AccountState {
    /// It does.
    #[default]
    Active,
    /// Closed by an administrator until one opens it again.
    Disabled {
        /// Since when.
        #[serde(with = "nanosecond::required")]
        at: Timestamp,
        /// Who closed it.
        by: AccountId,
        /// Why, for administrators only.
        reason: Confidential<String>,
    },
    /// Closed by an administrator for good.
    Deactivated {
        /// Since when.
        #[serde(with = "nanosecond::required")]
        at: Timestamp,
        /// Who closed it.
        by: AccountId,
        /// Why, for administrators only.
        reason: Confidential<String>,
    },
}

/// An account. Everything that a log-in uses up lies in this one document: of two requests that use up the same, one
/// compare-and-swap wins.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Which one it is.
    pub id: AccountId,
    /// Whose account it is.
    pub clinic: ClinicId,
    /// As it was spelled.
    pub email: Confidential<String>,
    /// What its owner is called.
    pub display_name: Confidential<String>,
    /// In which messages reach her, as a BCP 47 tag.
    pub language: String,
    /// What she is there, at least one.
    pub roles: Vec<Role>,
    /// Which client she is, if she is one who has a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// Whether it lets her in.
    #[serde(default)]
    pub state: AccountState,
    /// What she logs in with.
    pub password: PasswordHash,
    /// What she shows besides, and what is to become that.
    #[serde(default)]
    pub factors: Factors,
    /// Recognises the secret of a service identity, which has no password. See [`ServiceSecret`](crate::ServiceSecret).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_verifier: Option<[u8; 32]>,
    /// Numbers the passwords that it has had, so that what was mailed to set one is good for one. A link with the number before is that by
    /// which the password was set, unless numbers were left out.
    #[serde(default)]
    pub passwords: u64,
    /// Another address that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_change: Option<EmailChange>,
    /// Counts the changes of the address that were asked for or withdrawn, so that what was mailed for one is good for it alone.
    #[serde(default)]
    pub email_changes: u64,
    /// When it was made.
    #[serde(with = "nanosecond::required")]
    pub created_at: Timestamp,
    /// When its owner first proved to hold it. Until then enrolment can be repeated, afterwards never again.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "nanosecond::optional")]
    pub enrolled_at: Option<Timestamp>,
    /// Log-ins that wait for a second factor.
    #[serde(default)]
    pub pending_log_ins: PendingLogIns,
    /// Challenges that must not be answered again.
    #[serde(default)]
    pub used_challenges: UsedChallenges,
    /// Where its sessions lie.
    #[serde(default)]
    pub slots: Vec<Slot>,
}

/// What a password of an account with these roles must be good for.
pub fn strength(roles: &[Role]) -> Strength {
    match holder(roles) {
        Holder::Staff => Strength::WithSecondFactor,
        Holder::Client => Strength::Alone,
    }
}

/// Whose account it is with these roles.
fn holder(roles: &[Role]) -> Holder {
    if roles.iter().any(|role| role.is_staff()) {
        Holder::Staff
    } else {
        Holder::Client
    }
}

impl Account {
    /// An account that does not exist, to spend the same work on, and from which a new one is made. Nobody gets in to it.
    pub fn nobody(clinic: ClinicId, id: AccountId, now: Timestamp) -> Self {
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
            email_change: None,
            email_changes: 0,
            created_at: now,
            enrolled_at: None,
            pending_log_ins: PendingLogIns::default(),
            used_challenges: UsedChallenges::default(),
            slots: Vec::new(),
        }
    }

    /// Who acts, for the audit trail, once the account has been proven.
    pub fn actor(&self, session: Option<SessionId>) -> Actor {
        Actor {
            account: self.id,
            role: self.first_role(),
            session,
        }
    }

    /// The role that the audit trail names.
    pub fn first_role(&self) -> Role {
        self.roles.first().copied().unwrap_or(Role::Client)
    }

    /// Whose account it is.
    pub fn holder(&self) -> Holder {
        holder(&self.roles)
    }

    /// How long a session of it may lie idle.
    pub fn idle_seconds(&self) -> u32 {
        match self.holder() {
            Holder::Staff => STAFF_IDLE,
            Holder::Client => CLIENT_IDLE,
        }
    }

    /// Whether it is a service identity's: no person's, without an address and a password.
    pub fn is_service(&self) -> bool {
        self.roles.contains(&Role::Job)
    }

    /// When somebody last came in, as far as a slot remembers.
    pub fn last_log_in_at(&self) -> Option<Timestamp> {
        self.slots.iter().map(|slot| slot.created_at).max()
    }

    /// How long a session of it lasts at most: a job's as long as a run of it.
    pub fn session_length(&self) -> SignedDuration {
        if self.is_service() {
            SERVICE_SESSION_LENGTH
        } else {
            SESSION_LENGTH
        }
    }

    /// Whether it may run the clinic now.
    pub fn is_active_administrator(&self) -> bool {
        self.state == AccountState::Active && self.roles.contains(&Role::ClinicAdmin)
    }

    /// Sets another password. Log-ins that are half done were begun with the one before, so they end.
    pub fn set_password(&mut self, password: PasswordHash) {
        self.password = password;
        self.passwords = self.passwords.saturating_add(1);
        self.pending_log_ins.end_all();
    }

    /// The number that the password gets which a recovery puts there that is approved now.
    pub fn number_for_recovery(&self) -> u64 {
        self.passwords.saturating_add(RECOVERY_STEP)
    }

    /// Takes the factors and the password away for the recovery with this number, and ends all that was begun. Once: whoever has chosen
    /// a password since keeps it.
    pub fn recover(&mut self, number: u64) {
        if self.passwords < number {
            self.factors = Factors::default();
            self.set_password(PasswordHash::nobody());
            self.passwords = number;
            self.end_log_ins();
        }
    }

    /// Whether its password was taken away, and its owner has chosen none since.
    pub fn has_no_password(&self) -> bool {
        self.password == PasswordHash::nobody()
    }

    /// Ends all that was begun: log-ins that are half done, and sessions, as far as the account says. See
    /// [`end_others`](crate::session::end_others) for what is left to do.
    pub fn end_log_ins(&mut self) {
        self.pending_log_ins.end_all();
        slots::end_all_but(&mut self.slots, None);
    }

    /// Whether the session may go on, as far as the account says.
    pub fn lets_in(&self, session: SessionId) -> bool {
        let holds = |slot: &Slot| slot.session == session && !slot.ended;
        self.state == AccountState::Active && self.slots.iter().any(holds)
    }

    /// What decisions about the account depend on.
    pub fn circumstances(&self) -> Circumstances {
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
pub enum Unchanged {
    /// It is not any more what was decided on: another request has used something up.
    Raced,
    /// The caller is told why.
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
pub struct Accounts<'a> {
    /// The store itself, for the documents of one function alone.
    pub shelf: Shelf<'a>,
    /// What seals the documents, and links that are mailed.
    pub seal: &'a KeySet,
    /// What names the documents, and recognises tokens and codes.
    pub index: &'a Secret,
}

impl<'a> Accounts<'a> {
    /// Opens the store with this function's keys.
    ///
    /// # Errors
    /// 503 where the platform grants no such store, or the keyring lacks a key.
    pub fn open(exchange: &Exchange<'a>) -> Result<Self, Problem> {
        Ok(Self {
            shelf: exchange.shelf("accounts")?,
            seal: exchange.keyring.seal(DataClass::Account)?,
            index: exchange.keyring.key("index")?,
        })
    }

    /// A clinic.
    pub fn clinic(&self, clinic: ClinicId) -> Doc<'_, Clinic, KeySet> {
        let name = name(self.index, CLINIC, &[clinic.as_bytes()]);
        self.shelf.doc(Some(clinic), "clinic", &name, self.seal)
    }

    /// A clinic whose data this deployment may have; `None` where there is no such clinic.
    ///
    /// # Errors
    /// 421 where it is at home in another region, 503 where the store does not answer.
    pub fn resident_clinic(&self, exchange: &Exchange<'_>, clinic: ClinicId) -> Result<Option<Clinic>, Problem> {
        let clinic = self.clinic(clinic).read()?.map(|clinic| clinic.value);
        if let Some(clinic) = &clinic {
            exchange.check_residency(&clinic.region)?;
        }
        Ok(clinic)
    }

    /// An account.
    pub fn account(&self, clinic: ClinicId, account: AccountId) -> Doc<'_, Account, KeySet> {
        let name = name(self.index, ACCOUNT, &[clinic.as_bytes(), account.as_bytes()]);
        self.shelf.doc(Some(clinic), "account", &name, self.seal)
    }

    /// Changes an account. The change is behind a pointer: all that goes into [`Doc::update`] is compiled for each type of change, and
    /// there are many of them here.
    ///
    /// # Errors
    /// [`UpdateError`]: what the change says, that there is no account, or what became of the store.
    pub fn change(
        &self,
        clinic: ClinicId,
        account: AccountId,
        change: &mut dyn FnMut(&mut Account) -> Result<(), Unchanged>,
    ) -> Result<(), UpdateError<Unchanged>> {
        self.change_at(clinic, account, None, change).map(drop)
    }

    /// Changes an account where it is at this version, if one is given, and says at which one it is then.
    ///
    /// # Errors
    /// As [`Accounts::change`], and [`UpdateError::Stale`] where it is at another version.
    pub fn change_at(
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

    fn email(&self, clinic: ClinicId, email: &Email) -> Doc<'_, EmailEntry, KeySet> {
        let name = name(self.index, EMAIL, &[clinic.as_bytes(), email.folded().as_bytes()]);
        self.shelf.doc(Some(clinic), "account e-mail", &name, self.seal)
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

    /// Some of the addresses that links are mailed to.
    pub(crate) fn addresses(&self, number: u8) -> Doc<'_, Bucket, KeySet> {
        let name = name(self.index, ADDRESSES, &[&[number]]);
        self.shelf.doc(None, "addresses", &name, self.seal)
    }

    /// Which account has this address.
    ///
    /// # Errors
    /// 503 where the store does not answer, 500 where it holds what was not written there.
    pub fn holder_of(&self, clinic: ClinicId, email: &Email) -> Result<Option<AccountId>, Problem> {
        Ok(self.email(clinic, email).read()?.and_then(|entry| entry.value.account))
    }

    /// Makes the account the one that has the address, which is what lets it log in; `false` where another one has it. One
    /// compare-and-swap decides.
    ///
    /// # Errors
    /// 503 where the store does not answer, 500 where it holds what was not written there.
    pub fn claim_email(&self, clinic: ClinicId, email: &Email, account: AccountId) -> Result<bool, Problem> {
        let doc = self.email(clinic, email);
        if doc.create(&EmailEntry { account: Some(account) })? == Creation::Created {
            return Ok(true);
        }
        self.hand_over(&doc, None, Some(account))
    }

    /// Frees the address for another account, if this one has it.
    ///
    /// # Errors
    /// 503 where the store does not answer, 500 where it holds what was not written there.
    pub fn release_email(&self, clinic: ClinicId, email: &Email, account: AccountId) -> Result<(), Problem> {
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
    ///
    /// # Errors
    /// What the change says, and 503 where the store does not answer.
    pub fn change_clinic(
        &self,
        clinic: ClinicId,
        change: &mut dyn FnMut(&mut Clinic) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        Ok(self.clinic(clinic).update(None, |clinic| change(clinic)).map(drop)?)
    }

    /// The account with this address. Where there is none, a document is looked for all the same, so that both take
    /// the same operations.
    ///
    /// # Errors
    /// 503 where the store does not answer, 500 where it holds what was not written there.
    pub fn find(&self, clinic: ClinicId, email: &Email) -> Result<Option<Account>, Problem> {
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
            let (holder, idle, least) = if matches!(role, Role::Client | Role::Guardian) {
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
