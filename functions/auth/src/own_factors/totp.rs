//! The authenticator app of oneself.

use account::factor::TotpSecret;
use account::throttle::{self, Attempt, RouteClass, Subject, Verdict};
use account::{Account, Accounts};
use model::Action;
use notification::{Content, Factor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::{Exchange, Problem, Reply};
use zeroize::Zeroizing;

use super::{Own, remove as remove_factor, request, wrong_code};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TotpSecret")]
pub(crate) struct SecretAnswer {
    /// In base32, to type where nothing can be scanned.
    #[schemars(with = "String")]
    secret: Zeroizing<String>,
    /// The `otpauth` URI, to be shown as a QR code.
    #[schemars(with = "String")]
    uri: Zeroizing<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TotpConfirmation")]
pub(crate) struct ConfirmBody {
    /// The code that the app shows, six digits.
    #[schemars(with = "String")]
    code: Zeroizing<String>,
}

/// `POST /v1/auth/factors/totp`
///
/// A fresh secret, which proves nothing until it is confirmed. Repeated, it is another one, and only the newest can be confirmed.
///
/// Order: record, account, answer. A crash after the account leaves a secret that nobody was told.
pub(crate) fn begin(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let accounts = Accounts::open(exchange)?;
    let own = Own::admit(exchange, &accounts, request(Action::Create))?;
    let secret = TotpSecret::generate(exchange.platform.entropy);
    own.change(&mut |account| {
        account.factors.totp_candidate = Some(secret.clone());
        Ok(())
    })?;
    let answer = SecretAnswer {
        secret: secret.base32(),
        uri: secret.uri(own.account.email.expose()),
    };
    Ok(Reply::ok(&answer)?.recorded(own.event))
}

/// `POST /v1/auth/factors/totp/confirm`
///
/// Makes the newest secret the account's, in the place of the one before, if there was one.
///
/// Order: record, notice, account, sessions (where an app was replaced), answer. A crash after the notice leaves a notice of what
/// was not done; the repeated request does it and sends no other. Once the account is changed, the repeated request finds no secret to
/// confirm: see [`repeated`].
pub(crate) fn confirm(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let ConfirmBody { code } = exchange.json()?;
    let accounts = Accounts::open(exchange)?;
    let own = Own::admit(exchange, &accounts, request(Action::Create))?;
    let now = exchange.platform.clock.now();
    let confirm = |account: &mut Account| -> Result<(), Problem> {
        let confirmed = match &account.factors.totp_candidate {
            Some(secret) => secret.confirm(&code, now)?,
            None => None,
        };
        if confirmed.is_none() {
            return Err(wrong_code());
        }
        account.factors.totp = confirmed;
        account.factors.totp_candidate = None;
        account.enrolled_at.get_or_insert(now);
        Ok(())
    };
    let has_app = own.account.factors.totp.is_some();
    if has_app && own.account.factors.totp_candidate.is_none() {
        return repeated(exchange, &accounts, &own, &code).map_err(|problem| problem.or_recorded(own.event));
    }
    confirm(&mut own.account.clone()).map_err(|problem| own.refuse(problem))?;
    own.tell(exchange, Content::FactorAdded { factor: Factor::Totp })?;
    let account = own.change(&mut |account| confirm(account))?;
    if has_app {
        own.end_others(exchange, &account)?;
    }
    Ok(own.done())
}

/// The same request once more, or with a later code of the app that it has made the account's: does what is left to do. The code is one
/// that lets somebody in: so it is a try like any other, and used up.
///
/// Order: failure counted, account (code used up), failure given back, sessions, answer.
fn repeated(exchange: &Exchange<'_>, accounts: &Accounts<'_>, own: &Own<'_>, code: &str) -> Result<Reply, Problem> {
    let now = exchange.platform.clock.now();
    let mut attempt = Attempt::begin(exchange, accounts, RouteClass::LogIn)?;
    let subject = Subject::Account(own.account.clinic, own.account.id);
    if attempt.at(subject, &[throttle::Factor::Totp])? == Verdict::Locked {
        return Err(own.refuse(wrong_code()));
    }
    let account = own.change(&mut |account| {
        // An app that was taken away meanwhile is none to be confirmed, and a new one is not confirmed here, without its notice.
        if account.factors.totp.is_some() && account.confirm_first_totp(code, now)? {
            Ok(())
        } else {
            Err(wrong_code())
        }
    })?;
    let _ = attempt.released();
    own.end_others(exchange, &account)?;
    Ok(own.done())
}

/// `DELETE /v1/auth/factors/totp`
pub(crate) fn remove(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    remove_factor(exchange, Factor::Totp, &|factors| {
        factors.totp_candidate = None;
        factors.totp.take().is_some()
    })
}
