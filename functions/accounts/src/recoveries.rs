//! Recovery of accounts over HTTP. What is approved, and by whom, [`crate::recovery`] says.

use access::{Caller, Request};
use account::session::{admit, end_others};
use account::throttle::clear_all;
use account::{Account, AccountState, Accounts, Link, LinkUse, Unchanged};
use http::StatusCode;
use model::{AccountId, Action, ClinicId, Confidential, DataClass, EventId, RecoveryId, Role, Timestamp};
use notification::{Content, Message, Recipient, Urgency};
use ports::Creation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{UpdateError, idempotency};
use web::listing::{Page, Wanted, list_once};
use web::{Exchange, Problem, Reply};

use crate::documents::Documents;
use crate::recovery::{LIFETIME, Recovery, RecoveryAnswer, over};
use crate::upon_account::{self, checked_reason, own_account_refused};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewRecovery")]
pub(crate) struct RecoveryBody {
    /// Whose owner has lost all that she logs in with.
    account_id: AccountId,
    /// 1 to 500 characters, for administrators.
    reason: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Recoveries")]
pub(crate) struct ListAnswer {
    recoveries: Vec<RecoveryAnswer>,
    /// Where the next page begins: its `cursor`. Absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

fn nothing_to_recover() -> Problem {
    Problem::conflict(
        "nothing-to-recover",
        "The account is closed, or is a service identity's. Enable it, invite the person again, or make another identity.",
    )
}

fn no_second_administrator() -> Problem {
    Problem::conflict(
        "second-administrator-required",
        "It takes two active administrators who are not the account's owner: one who asks and one who approves. The clinic has no other one than you, so the account cannot be recovered here. Make somebody else an administrator, or close the account and invite the person again.",
    )
}

/// Writes what an administrator does to somebody's account, beside the decision that she may.
fn note(
    exchange: &Exchange<'_>,
    caller: &Caller,
    action: Action,
    account: AccountId,
    rule: &'static str,
) -> Result<EventId, Problem> {
    let request = Request::new(action, DataClass::Account).of(account);
    upon_account::note(exchange, caller, Role::ClinicAdmin, &request, rule)
}

fn found(accounts: &Accounts<'_>, clinic: ClinicId, id: AccountId, event: EventId) -> Result<Account, Problem> {
    let account = accounts.account(clinic, id).read()?;
    Ok(account.ok_or_else(|| Problem::not_found(event))?.value)
}

/// `POST /v1/auth/recoveries`
///
/// Order: record, recovery, log, answer. A crash after the recovery leaves one that no list shows; the repeated request comes to
/// the same id and lists it.
pub(crate) fn request(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let RecoveryBody { account_id, reason } = exchange.json()?;
    let reason = checked_reason(reason)?;
    let key = exchange.idempotency_key()?;
    let (_, caller) = admit(
        exchange,
        Request::new(Action::Create, DataClass::Account).of(account_id).fresh(),
    )?;
    let event = note(exchange, &caller, Action::Create, account_id, "recovery.requested")?;
    let (clinic, by) = (caller.clinic(), caller.account());
    let accounts = Accounts::open(exchange)?;
    let (index, now) = (accounts.index, exchange.platform.clock.now());
    if account_id == by {
        return Err(own_account_refused().recorded(event));
    }
    let account = found(&accounts, clinic, account_id, event)?;
    if account.state != AccountState::Active || account.is_service() {
        return Err(nothing_to_recover().recorded(event));
    }
    let approvers = accounts
        .clinic(clinic)
        .read()?
        .map_or(0, |clinic| clinic.value.administrators.others(&[by, account_id]));
    if approvers == 0 {
        return Err(no_second_administrator().recorded(event));
    }
    let id: RecoveryId = idempotency::created_id(index, clinic, by, exchange.path(), key);
    let recovery = Recovery {
        id,
        account: account_id,
        reason,
        requested_by: by,
        created_at: now,
        expires_at: now.saturating_add(LIFETIME).unwrap_or(now),
        fingerprint: idempotency::fingerprint(index, exchange.body()),
        approved: None,
        withdrawn: None,
    };
    let doc = accounts.recovery(clinic, id);
    let existing = match doc.create(&recovery)? {
        Creation::Created => recovery.clone(),
        Creation::Exists => {
            doc.read()?
                .ok_or_else(|| Problem::defect("a recovery that exists is gone"))?
                .value
        }
    };
    if existing.fingerprint != recovery.fingerprint {
        return Err(Problem::idempotency_key_reused().recorded(event));
    }
    list_once(&accounts.recoveries(clinic), index, *id.as_bytes(), now)?;
    Ok(Reply::created_without_location(&existing.answer(now))?.recorded(event))
}

/// `GET /v1/auth/recoveries`
pub(crate) fn list(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let wanted = Wanted::by(exchange)?;
    let (recorded, _) = admit(exchange, Request::new(Action::List, DataClass::Account))?;
    let accounts = Accounts::open(exchange)?;
    let now = exchange.platform.clock.now();
    let Page { ids, next } = wanted.page(&accounts.recoveries(recorded.clinic()))?;
    let mut recoveries = Vec::with_capacity(ids.len());
    for id in ids {
        let recovery = accounts
            .recovery(recorded.clinic(), RecoveryId::from_bytes(id))
            .read()?
            .ok_or_else(|| Problem::defect("the recovery log names a recovery that does not exist"))?;
        recoveries.push(recovery.value.answer(now));
    }
    Ok(Reply::ok(&ListAnswer { recoveries, next })?.recorded(recorded.event()))
}

/// `DELETE /v1/auth/recoveries/{recovery}`
///
/// Any administrator may, also the account's owner. Order: record, recovery, answer. One change; repeated, it finds it done.
pub(crate) fn withdraw(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let id: RecoveryId = exchange.parameter("recovery")?;
    let (recorded, caller) = admit(
        exchange,
        Request::new(Action::Revoke, DataClass::Account).of(id).fresh(),
    )?;
    let accounts = Accounts::open(exchange)?;
    let now = exchange.platform.clock.now();
    let doc = accounts.recovery(caller.clinic(), id);
    let recovery = doc.read()?.ok_or_else(|| Problem::not_found(recorded.event()))?.value;
    let event = note(
        exchange,
        &caller,
        Action::Revoke,
        recovery.account,
        "recovery.withdrawn",
    )?;
    doc.update(None, |recovery| recovery.withdraw(caller.account(), now))
        .map_err(|error| Problem::from(error).recorded(event))?;
    Ok(Reply::no_content().recorded(event))
}

/// `POST /v1/auth/recoveries/{recovery}/approve`
///
/// Order: record, recovery (approved), account (factors and password gone), sessions, tries forgotten, message with the link,
/// answer. A crash after the recovery leaves one that is approved and an account that is as it was; after the account, one that
/// nobody gets in to: its owner has no link yet. Whatever whoever holds the account does in between, repeated by who has approved it, the request does what is left and sends another link, which
/// is good for as long as the first. Once that is over, so is the approval: nothing more is taken away.
pub(crate) fn approve(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let id: RecoveryId = exchange.parameter("recovery")?;
    let (recorded, caller) = admit(exchange, Request::new(Action::Amend, DataClass::Account).of(id).fresh())?;
    let accounts = Accounts::open(exchange)?;
    let (clinic, now) = (caller.clinic(), exchange.platform.clock.now());
    let doc = accounts.recovery(clinic, id);
    let recovery = doc.read()?.ok_or_else(|| Problem::not_found(recorded.event()))?.value;
    let event = note(exchange, &caller, Action::Amend, recovery.account, "recovery.approved")?;
    recover(exchange, &accounts, &caller, &recovery, event, now).map_err(|problem| {
        if problem.status != StatusCode::CONFLICT || problem.kind == "contended" {
            return problem.or_recorded(event);
        }
        // The entry so far says that it is approved.
        let request = Request::new(Action::Amend, DataClass::Account).of(recovery.account);
        let role = Role::ClinicAdmin;
        upon_account::refuse(exchange, &caller, role, &request, "recovery.refused", problem)
    })?;
    Ok(Reply::no_content().recorded(event))
}

fn recover(
    exchange: &Exchange<'_>,
    accounts: &Accounts<'_>,
    caller: &Caller,
    recovery: &Recovery,
    event: EventId,
    now: Timestamp,
) -> Result<(), Problem> {
    let clinic = caller.clinic();
    let account = found(accounts, clinic, recovery.account, event)?;
    if account.state != AccountState::Active {
        return Err(nothing_to_recover());
    }
    let number = account.number_for_recovery();
    let requester_may = found(accounts, clinic, recovery.requested_by, event)?.is_active_administrator();
    let approved = accounts.recovery(clinic, recovery.id).update(None, |recovery| {
        recovery.approve(caller.account(), requester_may, number, now)
    });
    let approval = approved.map_err(Problem::from)?.value;
    // Two agreed to it a day ago, and what they agreed to would mail a link that is over: they have to agree anew. Where a password was
    // chosen since, nothing is left to do.
    let first_link = Link::new(LinkUse::Recovery, clinic, account.id, approval.number, approval.at);
    let is_unfinished = account.passwords < approval.number || account.has_no_password();
    if is_unfinished && first_link.expires_at <= now {
        return Err(over());
    }

    let mut left = account;
    let taken_away = accounts.change(clinic, recovery.account, &mut |account| {
        if account.state != AccountState::Active {
            return Err(nothing_to_recover().into());
        }
        account.recover(approval.number);
        left = account.clone();
        Ok(())
    });
    match taken_away {
        Ok(()) => {}
        Err(UpdateError::Refused(Unchanged::Failed(problem))) => return Err(problem),
        Err(error) => return Err(error.into()),
    }
    if !left.has_no_password() {
        return Ok(());
    }
    end_others(exchange, accounts, &left, None)?;
    clear_all(accounts, clinic, left.id)?;
    let link = Link::new(LinkUse::Recovery, clinic, left.id, left.passwords, approval.at);
    let token = link.seal(LinkUse::Recovery, accounts.seal, exchange.platform.entropy)?;
    let message = Message {
        // Each event sends one link.
        key: format!("recovery/{event}"),
        clinic_id: clinic,
        recipient: Recipient::Email(left.email.clone()),
        content: Content::RecoveryApproved {
            token: Confidential::new(token.to_string()),
        },
        language: left.language.clone(),
        urgency: Urgency::Queued,
        expires_at: Some(link.expires_at),
    };
    message.send(exchange).map(drop)
}
