//! Recovery codes of oneself.

use account::Accounts;
use account::factor::RecoveryCodes;
use crypto::{Label, mac};
use model::{Action, Timestamp};
use notification::{Content, Factor};
use schemars::JsonSchema;
use serde::Serialize;
use store::StoreError;
use web::{Exchange, Problem, Reply};
use zeroize::Zeroizing;

use super::{Own, request};

const MADE_BY: Label = Label::new("confide 2026-11 recovery codes request");

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NewRecoveryCodes")]
pub(crate) struct CodesAnswer {
    /// Each is good once. They are not shown again.
    #[schemars(with = "Vec<String>")]
    recovery_codes: Vec<Zeroizing<String>>,
    made_at: Timestamp,
}

fn shown_before() -> Problem {
    Problem::conflict(
        "recovery-codes-shown",
        "This request has made its codes before, and they are shown once. To have others, ask with a new Idempotency-Key.",
    )
}

/// `POST /v1/auth/factors/recovery-codes`
///
/// Ten new codes in the place of those before.
///
/// Order: record, notice, account, answer. A crash after the notice leaves a notice of what was not done; the repeated request
/// does it and sends no other. A crash after the account loses the codes, which nobody keeps; the repeated request is told
/// so, and another one makes others.
pub(crate) fn make(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let key = exchange.idempotency_key()?;
    let accounts = Accounts::open(exchange)?;
    let own = Own::admit(exchange, &accounts, request(Action::Create))?;
    let (index, now) = (accounts.index, exchange.platform.clock.now());
    let (clinic, account) = (own.account.clinic, own.account.id);
    let made_by = mac(index, MADE_BY, &[clinic.as_bytes(), account.as_bytes(), key.as_bytes()]).truncated();
    let before = own.account.factors.recovery_codes.as_ref().map(|codes| codes.made_by);
    if before == Some(made_by) {
        return Err(own.refuse(shown_before()));
    }
    let registered = own.account.factors.registered();
    if registered.usable_by(own.account.holder()).is_empty() {
        let problem = Problem::conflict(
            "no-second-factor",
            "Recovery codes stand in for a second factor. Set one up first.",
        );
        return Err(own.refuse(problem));
    }
    let added = Content::FactorAdded {
        factor: Factor::RecoveryCodes,
    };
    own.tell(exchange, added)?;
    let (codes, list) = RecoveryCodes::make(index, exchange.platform.entropy, clinic, account, made_by, now);
    own.change(&mut |account| {
        // Of two requests at one time, one is told codes that count.
        let there = account.factors.recovery_codes.as_ref().map(|codes| codes.made_by);
        if there == Some(made_by) {
            return Err(shown_before());
        }
        if there != before || account.factors.registered().usable_by(account.holder()).is_empty() {
            return Err(Problem::from(StoreError::Contended));
        }
        account.factors.recovery_codes = Some(list.clone());
        Ok(())
    })?;
    let answer = CodesAnswer {
        recovery_codes: codes,
        made_at: now,
    };
    Ok(Reply::ok(&answer)?.recorded(own.event))
}
