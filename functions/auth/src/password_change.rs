//! Choosing another password.

use access::Request;
use account::Accounts;
use account::password::{Password, PasswordHash};
use account::throttle::{Attempt, Factor, RouteClass, Subject, Verdict};
use http::StatusCode;
use model::{Action, DataClass};
use notification::Content;
use schemars::JsonSchema;
use serde::Deserialize;
use web::{Check, Exchange, Problem, Reply};

use crate::new_password::check_new_password;
use crate::own_factors::Own;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PasswordChange")]
pub(crate) struct PasswordBody {
    current: Password,
    /// At least 8 characters for staff and 15 for others, at most 256; nothing that is easily guessed.
    new: Password,
}

fn wrong_password() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "proof-refused",
        "The current password is not right. Nothing was changed.",
    )
}

/// `PUT /v1/auth/password`
///
/// All other sessions end, and so do log-ins that are half done.
///
/// Order: record, failure counted and given back, notice, account, sessions, answer. A crash after the notice leaves a notice of what was not done; the repeated
/// request does it and sends no other. A crash after the account leaves other sessions alive; the repeated request finds the
/// new password to be the account's, which is a second try, and ends them.
pub(crate) fn change(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let PasswordBody { current, new } = exchange.json()?;
    let mut check = Check::new();
    current.check_length(&mut check, "/current");
    new.check_length(&mut check, "/new");
    check.finish()?;
    let accounts = Accounts::open(exchange)?;
    let own = Own::admit(
        exchange,
        &accounts,
        Request::new(Action::Amend, DataClass::Authenticator),
    )?;
    change_to(exchange, &accounts, &own, &current, &new).map_err(|problem| problem.or_recorded(own.event))
}

fn change_to(
    exchange: &Exchange<'_>,
    accounts: &Accounts<'_>,
    own: &Own<'_>,
    current: &Password,
    new: &Password,
) -> Result<Reply, Problem> {
    let account = &own.account;
    let mut attempt = Attempt::begin(exchange, accounts, RouteClass::LogIn)?;
    let subject = Subject::Account(account.clinic, account.id);
    if attempt.at(subject, &[Factor::Password])? == Verdict::Locked {
        return Err(own.refuse(wrong_password()));
    }
    let pepper = exchange.keyring.key("pepper")?;
    if !account.password.is_of(current, pepper)? {
        // A guess at the password like the first one, so it is counted like that.
        let verdict = attempt.at(subject, &[Factor::Password])?;
        if verdict == Verdict::Locked || !account.password.is_of(new, pepper)? {
            return Err(own.refuse(wrong_password()));
        }
        let _ = attempt.succeeded();
        own.end_others(exchange, account)?;
        return Ok(own.done());
    }
    // Nothing that goes wrong from here on is a guess.
    let _ = attempt.succeeded();
    check_new_password(accounts, account, new, "/new").map_err(|problem| own.refuse(problem))?;
    let hash = PasswordHash::make(new, pepper, exchange.platform.entropy)?;
    own.tell(exchange, Content::PasswordChanged)?;
    let changed = own.change(&mut |now| {
        if now.password != account.password {
            return Err(wrong_password());
        }
        now.set_password(hash.clone());
        Ok(())
    })?;
    own.end_others(exchange, &changed)?;
    Ok(own.done())
}
