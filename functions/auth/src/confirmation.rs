//! The proof that an app has the secret from enrolment.

use access::Request;
use account::password::Password;
use account::step::{PasswordEvidence, Standing};
use account::throttle::Factor;
use account::{Accounts, Unchanged};
use audit_trail::Decision;
use model::{Action, ClinicId, DataClass};
use serde::Deserialize;
use store::UpdateError;
use web::{Check, Exchange, Problem, Reply};
use zeroize::Zeroizing;

use crate::credentials::{checked, present};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmBody {
    clinic_id: ClinicId,
    email: String,
    password: Password,
    code: Zeroizing<String>,
}

/// `POST /v1/auth/totp/confirm`
///
/// Order: record, account, answer. One change; a crash after it loses the answer only, and the same code is right once more.
pub(crate) fn confirm_totp(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let ConfirmBody {
        clinic_id: clinic,
        email,
        password,
        code,
    } = exchange.json()?;
    let email = checked(&email, &password, Check::new())?;
    let accounts = Accounts::open(exchange)?;
    let presented = present(exchange, &accounts, clinic, &email, &password, Some(Factor::Totp))?;
    let now = exchange.platform.clock.now();
    let refused = || presented.refuse(exchange, Action::Amend, DataClass::Account);
    let confirms = presented.account.clone().confirm_first_totp(&code, now)?;
    let is_open = presented.account.circumstances().standing == Standing::Active;
    if !confirms || !is_open || presented.evidence != PasswordEvidence::Right {
        return Err(refused()?);
    }
    let request = Request::new(Action::Amend, DataClass::Account).of(presented.account.id);
    let actor = presented.account.actor(None);
    let event = exchange
        .gate()?
        .note(Some(clinic), Some(actor), &request, Decision::Allowed, "enrolment.totp")?;
    let confirmed = accounts.change(clinic, presented.account.id, &mut |account| {
        if account.password != presented.account.password || !account.confirm_first_totp(&code, now)? {
            return Err(Unchanged::Raced);
        }
        Ok(())
    });
    match confirmed {
        Ok(()) => {}
        Err(UpdateError::Refused(Unchanged::Raced)) => return Err(refused()?),
        Err(error) => return Err(Problem::from(error).recorded(event)),
    }
    // The account is confirmed whether the failures before are forgotten now or later.
    let _ = presented.attempt.succeeded();
    Ok(Reply::no_content().recorded(event))
}
