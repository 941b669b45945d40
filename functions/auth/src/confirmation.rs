//! The proof that an app has the secret from enrolment.

use access::Request;
use account::notice;
use account::password::Password;
use account::step::{PasswordEvidence, Standing};
use account::throttle::Factor;
use account::{Account, Accounts, Unchanged};
use audit_trail::Decision;
use model::{Action, ClinicId, DataClass};
use notification::Content;
use schemars::JsonSchema;
use serde::Deserialize;
use store::UpdateError;
use web::{Check, Exchange, Problem, Reply};
use zeroize::Zeroizing;

use crate::credentials::{checked, present};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EnrolmentConfirmation")]
pub(crate) struct ConfirmBody {
    clinic_id: ClinicId,
    email: String,
    password: Password,
    /// The code that the app shows, six digits.
    #[schemars(with = "String")]
    code: Zeroizing<String>,
}

/// Whether an app that is confirmed now is told of first. Once somebody has logged in, the secret may be another one than enrolment's:
/// one that a session began with, of whoever knows the password.
fn is_told_of(account: &Account) -> bool {
    account.enrolled_at.is_some() && account.factors.totp.is_none()
}

/// `POST /v1/auth/totp/confirm`
///
/// Order: record, notice (where somebody has logged in before), account, answer. A crash after the notice leaves a notice of what was not
/// done; the repeated request does it and sends no other. A crash after the account loses the answer only, and the same code is right
/// once more.
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
    let excused = |problem| presented.attempt.excuse(problem);
    let event = exchange
        .gate()?
        .note(Some(clinic), Some(actor), &request, Decision::Allowed, "enrolment.totp")
        .map_err(|error| excused(error.into()))?;
    let told = is_told_of(&presented.account);
    if told {
        tell(exchange, &accounts, &presented.account).map_err(|problem| excused(problem.recorded(event)))?;
    }
    let confirmed = accounts.change(clinic, presented.account.id, &mut |account| {
        let untold = is_told_of(account) && !told;
        let is_same = account.password == presented.account.password && !untold;
        if !is_same || !account.confirm_first_totp(&code, now)? {
            return Err(Unchanged::Raced);
        }
        Ok(())
    });
    match confirmed {
        Ok(()) => {}
        Err(UpdateError::Refused(Unchanged::Raced)) => return Err(refused()?),
        Err(error) => return Err(excused(Problem::from(error).recorded(event))),
    }
    // The account is confirmed whether the failures before are forgotten now or later.
    let _ = presented.attempt.succeeded();
    Ok(Reply::no_content().recorded(event))
}

/// Tells of the app, by the account's version as a session does, so that a repeated request sends one notice.
fn tell(exchange: &Exchange<'_>, accounts: &Accounts<'_>, account: &Account) -> Result<(), Problem> {
    let stored = accounts.account(account.clinic, account.id).read()?;
    let version = stored
        .ok_or_else(|| Problem::defect("an account that was found is gone"))?
        .version;
    let content = Content::FactorAdded {
        factor: notification::Factor::Totp,
    };
    notice::tell(exchange, accounts, account, &version.to_be_bytes(), content)
}
