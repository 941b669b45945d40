//! The authenticator app of oneself.

use account::factor::TotpSecret;
use account::{Account, Accounts};
use model::Action;
use notification::{Content, Factor};
use serde::{Deserialize, Serialize};
use web::{Exchange, Problem, Reply};
use zeroize::Zeroizing;

use super::{Own, remove as remove_factor, request, wrong_code};

#[derive(Serialize)]
struct SecretAnswer {
    secret: Zeroizing<String>,
    uri: Zeroizing<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmBody {
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
/// confirm, and a right code of the new app: then it does what is left to do.
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
    // The same request once more.
    if let (None, Some(totp)) = (&own.account.factors.totp_candidate, &own.account.factors.totp)
        && totp.is_right(&code, now)?
    {
        own.end_others(exchange, &own.account)?;
        return Ok(own.done());
    }
    confirm(&mut own.account.clone()).map_err(|problem| own.refuse(problem))?;
    own.tell(exchange, Content::FactorAdded { factor: Factor::Totp })?;
    let account = own.change(&mut |account| confirm(account))?;
    if has_app {
        own.end_others(exchange, &account)?;
    }
    Ok(own.done())
}

/// `DELETE /v1/auth/factors/totp`
pub(crate) fn remove(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    remove_factor(exchange, Factor::Totp, &|factors| {
        factors.totp_candidate = None;
        factors.totp.take().is_some()
    })
}
