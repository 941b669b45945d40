//! Accounts as administrators see them: who there is, and who may come in.

use access::Request;
use account::email::Email;
use account::factor::Factors;
use account::notice;
use account::password::PasswordHash;
use account::session::{admit, end_others};
use account::{Account, AccountState, Accounts, EmailChange, Last};
use model::{AccountId, Action, ClientId, ClinicId, Confidential, DataClass, EventId, Role, Timestamp};
use notification::Content;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{StoreError, UpdateError, Versioned};
use web::listing::{Page, Wanted};
use web::{Check, Exchange, Problem, Reply};

use crate::documents::Documents;
use crate::invitation::check_roles;
use crate::upon_account::{checked_reason, note, own_account_refused};

/// How often a change is tried while the account changes by log-ins.
const ATTEMPTS: usize = 8;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ClosingReason")]
pub(crate) struct ReasonBody {
    /// 1 to 500 characters, for administrators.
    reason: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ClientFileLink")]
pub(crate) struct ClientFileBody {
    client_id: ClientId,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Roles")]
pub(crate) struct RolesBody {
    /// All of them: one to four of staff's.
    roles: Vec<Role>,
}

/// The state of an account.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "AccountState")]
pub(crate) enum StateName {
    /// Open.
    Active,
    /// Closed until it is enabled again.
    Disabled,
    /// Closed for good.
    Deactivated,
}

impl From<&AccountState> for StateName {
    fn from(state: &AccountState) -> Self {
        match state {
            AccountState::Active => Self::Active,
            AccountState::Disabled { .. } => Self::Disabled,
            AccountState::Deactivated { .. } => Self::Deactivated,
        }
    }
}

/// How an account came to be closed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Closing")]
struct ClosedAnswer {
    at: Timestamp,
    by: AccountId,
    reason: Confidential<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Account")]
pub(crate) struct AccountAnswer {
    account_id: AccountId,
    email: Confidential<String>,
    display_name: Confidential<String>,
    roles: Vec<Role>,
    /// Whose records a client reads. Absent where the account is not linked to a client file.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<ClientId>,
    state: StateName,
    /// Absent of an account that is active.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed: Option<ClosedAnswer>,
    created_at: Timestamp,
    /// When its owner first logged in or confirmed a factor. Absent where she has done neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    enrolled_at: Option<Timestamp>,
    /// Absent where nobody has logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_log_in_at: Option<Timestamp>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Accounts")]
pub(crate) struct ListAnswer {
    accounts: Vec<AccountAnswer>,
    /// Where the next page begins: its `cursor`. Absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl From<Account> for AccountAnswer {
    fn from(account: Account) -> Self {
        let last_log_in_at = account.last_log_in_at();
        let state = StateName::from(&account.state);
        let closed = match account.state {
            AccountState::Active => None,
            AccountState::Disabled { at, by, reason } | AccountState::Deactivated { at, by, reason } => {
                Some(ClosedAnswer { at, by, reason })
            }
        };
        Self {
            account_id: account.id,
            email: account.email,
            display_name: account.display_name,
            roles: account.roles,
            client_id: account.client,
            state,
            closed,
            created_at: account.created_at,
            enrolled_at: account.enrolled_at,
            last_log_in_at,
        }
    }
}

/// What an administrator does to somebody else's account.
pub(crate) enum Change {
    Disable {
        reason: Confidential<String>,
    },
    Enable,
    Deactivate {
        reason: Confidential<String>,
    },
    Roles(Vec<Role>),
    /// Leaves it these of the roles that it has.
    NarrowRoles(Vec<Role>),
    /// Makes a client's file that of the account, which has none: its owner registered herself.
    ClientFile(ClientId),
    /// Closes a service identity for good. Nobody else.
    DeleteService,
}

pub(crate) fn deactivated() -> Problem {
    Problem::conflict(
        "account-deactivated",
        "The account was closed for good. Invite the person again.",
    )
}

fn roles_not_held() -> Problem {
    Problem::conflict(
        "roles-not-held",
        "The account does not have all of these roles. A review leaves roles or takes them away, and adds none.",
    )
}

pub(crate) fn last_administrator() -> Problem {
    Problem::conflict(
        "last-administrator",
        "The clinic would be left without an active administrator. Make somebody else one first.",
    )
}

/// Closes the account, and leaves nothing that anybody could come in with.
fn close_for_good(account: &mut Account, by: AccountId, reason: Confidential<String>, now: Timestamp) {
    account.state = AccountState::Deactivated { at: now, by, reason };
    account.set_password(PasswordHash::nobody());
    account.factors = Factors::default();
    account.service_verifier = None;
    // What both mailboxes have confirmed stays: its address may be taken already, and has to be freed, by this request or by the next.
    let confirmed = account.email_change.take().filter(EmailChange::is_confirmed);
    account.withdraw_email_change();
    account.email_change = confirmed;
    account.end_log_ins();
}

impl Change {
    /// The rule's name in the audit trail.
    fn rule(&self) -> &'static str {
        match self {
            Self::Disable { .. } => "account.disabled",
            Self::Enable => "account.enabled",
            Self::Deactivate { .. } => "account.deactivated",
            Self::Roles(_) | Self::NarrowRoles(_) => "account.roles-changed",
            Self::ClientFile(_) => "account.client-file-set",
            Self::DeleteService => "service.deleted",
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::Disable { .. } | Self::Enable | Self::Roles(_) | Self::NarrowRoles(_) | Self::ClientFile(_) => {
                Action::Amend
            }
            Self::Deactivate { .. } | Self::DeleteService => Action::Revoke,
        }
    }

    /// Makes the change, and says whether it was one: what is so already stays as it is.
    pub(crate) fn apply(&self, account: &mut Account, by: AccountId, now: Timestamp) -> Result<bool, Problem> {
        if account.id == by {
            return Err(own_account_refused());
        }
        if matches!(self, Self::DeleteService) && !account.is_service() {
            return Err(Problem::conflict(
                "not-a-service-identity",
                "This is a person's account. See the routes of accounts.",
            ));
        }
        match (self, &account.state) {
            (Self::Deactivate { .. } | Self::DeleteService, AccountState::Deactivated { .. }) => Ok(false),
            (_, AccountState::Deactivated { .. }) => Err(deactivated()),
            (Self::Disable { .. }, AccountState::Disabled { .. }) | (Self::Enable, AccountState::Active) => Ok(false),
            (Self::Disable { reason }, AccountState::Active) => {
                account.state = AccountState::Disabled {
                    at: now,
                    by,
                    reason: reason.clone(),
                };
                account.end_log_ins();
                Ok(true)
            }
            (Self::Enable, AccountState::Disabled { .. }) => {
                account.state = AccountState::Active;
                Ok(true)
            }
            (Self::Deactivate { reason }, _) => {
                close_for_good(account, by, reason.clone(), now);
                Ok(true)
            }
            (Self::DeleteService, _) => {
                close_for_good(account, by, Confidential::new("deleted".to_owned()), now);
                Ok(true)
            }
            // Held against what the account has when it is changed: roles that were taken away meanwhile do not come back.
            (Self::NarrowRoles(roles), _) if !roles.iter().all(|role| account.roles.contains(role)) => {
                Err(roles_not_held())
            }
            (Self::Roles(roles) | Self::NarrowRoles(roles), _) if account.roles == *roles => Ok(false),
            (Self::Roles(roles) | Self::NarrowRoles(roles), _) => {
                // A client's password stands alone and staff's does not; whose records a client reads is in her account.
                let is_no_staff = |roles: &[Role]| !roles.iter().all(|role| role.is_staff());
                if is_no_staff(&account.roles) || is_no_staff(roles) || account.is_service() {
                    return Err(Problem::conflict(
                        "other-kind-of-account",
                        "Only staff have other staff roles. A client's account stays a client's, and a job's stays a job's: invite the person under another address.",
                    ));
                }
                account.roles.clone_from(roles);
                account.end_log_ins();
                Ok(true)
            }
            (Self::ClientFile(client), _) => match account.client {
                Some(linked) if linked == *client => Ok(false),
                // Whose records somebody reads is not changed under her.
                Some(_) => Err(Problem::conflict(
                    "other-client-file",
                    "The account is linked to another client file, and stays so. Close it for good and invite the person again.",
                )),
                None if account.roles.contains(&Role::Client) => {
                    account.client = Some(*client);
                    // Sessions say whose records they are for.
                    account.end_log_ins();
                    Ok(true)
                }
                None => Err(Problem::conflict(
                    "other-kind-of-account",
                    "Only a client's account is linked to a client file.",
                )),
            },
        }
    }

    /// What its owner is told, and on which occasion, once the change is made.
    fn notice(&self, account: &Account) -> Option<(Timestamp, Content)> {
        match (self, &account.state) {
            (Self::Disable { .. }, AccountState::Disabled { at, .. })
            | (Self::Deactivate { .. } | Self::DeleteService, AccountState::Deactivated { at, .. }) => {
                Some((*at, Content::AccountDisabled))
            }
            _ => None,
        }
    }
}

/// `GET /v1/auth/accounts`
pub(crate) fn list(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let wanted = Wanted::by(exchange)?;
    let (recorded, _) = admit(exchange, Request::new(Action::List, DataClass::Account))?;
    let accounts = Accounts::open(exchange)?;
    let Page { ids, next } = wanted.page(&accounts.listing(recorded.clinic()))?;
    let mut answers = Vec::with_capacity(ids.len());
    for id in ids {
        let account = accounts
            .account(recorded.clinic(), AccountId::from_bytes(id))
            .read()?
            .ok_or_else(|| Problem::defect("the account log names an account that does not exist"))?;
        answers.push(account.value.into());
    }
    let answer = ListAnswer {
        accounts: answers,
        next,
    };
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}

/// `GET /v1/auth/accounts/{account}`
pub(crate) fn read(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let id: AccountId = exchange.parameter("account")?;
    let (recorded, _) = admit(exchange, Request::new(Action::Read, DataClass::Account).of(id))?;
    let accounts = Accounts::open(exchange)?;
    let account = accounts
        .account(recorded.clinic(), id)
        .read()?
        .ok_or_else(|| Problem::not_found(recorded.event()))?;
    Ok(Reply::ok(&AccountAnswer::from(account.value))?.recorded(recorded.event()))
}

/// `POST /v1/auth/accounts/{account}/disable`
pub(crate) fn disable(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let ReasonBody { reason } = exchange.json()?;
    let reason = checked_reason(reason)?;
    administer(exchange, &Change::Disable { reason })
}

/// `POST /v1/auth/accounts/{account}/enable`
pub(crate) fn enable(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    administer(exchange, &Change::Enable)
}

/// `POST /v1/auth/accounts/{account}/deactivate`
pub(crate) fn deactivate(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let ReasonBody { reason } = exchange.json()?;
    let reason = checked_reason(reason)?;
    administer(exchange, &Change::Deactivate { reason })
}

/// `PUT /v1/auth/accounts/{account}/roles`
pub(crate) fn set_roles(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let RolesBody { roles } = exchange.json()?;
    let mut check = Check::new();
    check.that(
        roles.iter().all(|role| role.is_staff()),
        "/roles",
        "staff",
        "must not name the roles client and guardian: their accounts are made by an invitation",
    );
    check_roles(&mut check, &roles, "/roles");
    check.finish()?;
    administer(exchange, &Change::Roles(roles))
}

/// `PUT /v1/auth/accounts/{account}/client-file`
pub(crate) fn set_client_file(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let ClientFileBody { client_id } = exchange.json()?;
    administer(exchange, &Change::ClientFile(client_id))
}

pub(crate) fn administer(exchange: &Exchange<'_>, change: &Change) -> Result<Reply, Problem> {
    let id: AccountId = exchange.parameter("account")?;
    let request = Request::new(change.action(), DataClass::Account).of(id);
    let (recorded, caller) = admit(exchange, request.clone().fresh())?;
    let event = note(exchange, &caller, recorded.role(), &request, change.rule())?;
    let accounts = Accounts::open(exchange)?;
    carry_out(
        exchange,
        &accounts,
        caller.clinic(),
        id,
        caller.account(),
        change,
        event,
        &|| Ok(()),
    )
    .map_err(|problem| problem.or_recorded(event))?;
    Ok(Reply::no_content().recorded(event))
}

/// Order: record, clinic (an administrator does not count any more), notice (of what lets somebody in), account, clinic (an
/// administrator counts), sessions, e-mail index (of an account that is closed for good: its address, and one that was taken for a
/// change of it), notice (of what keeps somebody out), answer. Repeated, it finds done what is done, and does the rest.
///
/// A crash after the first change of the clinic leaves an administrator who does not count (see [`Administrators`]); after the account, sessions that
/// live on and, where the account was closed for good, addresses that are still taken: what let them in is gone, and they end by
/// the repeated request. Whom to keep out does not wait for `notify`: where that does not answer, the answer is 503, the account
/// is closed, and the repeated request sends the notice. A confirmation that is under way may take the new address after this has freed
/// it: it frees it itself as it finds the account closed, and where it dies before, this request frees it once repeated.
///
/// `check` is asked once the account was read, and the account is changed as it was read or not at all: so nothing is carried out that
/// ceased to be wanted before. Whoever is asked again is asked about the account as it has become.
///
/// [`Administrators`]: account::Administrators
#[expect(clippy::too_many_arguments, reason = "who does what to whom, and what stands for it")]
pub(crate) fn carry_out(
    exchange: &Exchange<'_>,
    accounts: &Accounts<'_>,
    clinic: ClinicId,
    id: AccountId,
    by: AccountId,
    change: &Change,
    event: EventId,
    check: &dyn Fn() -> Result<(), Problem>,
) -> Result<(), Problem> {
    let now = exchange.platform.clock.now();
    for _ in 0..ATTEMPTS {
        let Versioned { version, value: before } = accounts
            .account(clinic, id)
            .read()?
            .ok_or_else(|| Problem::not_found(event))?;
        check()?;
        let mut after = before.clone();
        let is_change = change.apply(&mut after, by, now)?;
        if before.is_active_administrator() && !after.is_active_administrator() {
            accounts.change_clinic(clinic, &mut |clinic| {
                let discounted = clinic.administrators.discount(id, version.saturating_add(1));
                discounted.map_err(|Last| last_administrator())
            })?;
        }
        if is_change && change.notice(&after).is_none() {
            notice::tell(
                exchange,
                accounts,
                &before,
                &version.to_be_bytes(),
                Content::AccountChanged,
            )?;
        }
        let changed = accounts.change_at(clinic, id, Some(version), &mut |account| {
            change.apply(account, by, now)?;
            after = account.clone();
            Ok(())
        });
        let version = match changed {
            Ok(version) => version,
            Err(UpdateError::Stale) => continue,
            Err(error) => return Err(error.into()),
        };
        if after.is_active_administrator() {
            accounts.change_clinic(clinic, &mut |clinic| {
                clinic.administrators.count(id, version);
                Ok(())
            })?;
        }
        if !matches!(change, Change::Enable) {
            end_others(exchange, accounts, &after, None)?;
        }
        if let AccountState::Deactivated { .. } = after.state
            && !after.is_service()
        {
            let claimed = after.email_change.iter().map(|change| &change.email);
            for email in std::iter::once(&after.email).chain(claimed) {
                let email =
                    Email::parse(email.expose()).map_err(|_| Problem::defect("an account holds what is no address"))?;
                accounts.release_email(clinic, &email, id)?;
            }
        }
        if let Some((at, content)) = change.notice(&after) {
            notice::tell(exchange, accounts, &after, &at.as_nanosecond().to_be_bytes(), content)?;
        }
        return Ok(());
    }
    Err(StoreError::Contended.into())
}
