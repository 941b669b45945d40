//! Codes by SMS to oneself: for clients who want them.

use account::factor::{Factors, Holder, PHONE_RULE, Phone, Sms, SmsCandidate};
use account::{Account, Accounts, CodeUse};
use http::StatusCode;
use model::Action;
use notification::{Content, Factor};
use schemars::JsonSchema;
use serde::Deserialize;
use web::{Check, Exchange, Problem, Reply};
use zeroize::Zeroizing;

use super::{Own, remove as remove_factor, request, wrong_code};
use crate::sms_codes;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewPhone")]
pub(crate) struct PhoneBody {
    /// In E.164 form, country code first, such as `+14165550123`.
    #[schemars(with = "String")]
    phone: Zeroizing<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SmsConfirmation")]
pub(crate) struct ConfirmBody {
    /// The code that was sent.
    #[schemars(with = "String")]
    code: Zeroizing<String>,
}

/// `POST /v1/auth/factors/sms`
///
/// Order: record, then see [`sms_codes::send`]. The number proves nothing until its code is shown.
pub(crate) fn begin(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let PhoneBody { phone } = exchange.json()?;
    let mut check = Check::new();
    let phone = check.parsed(Phone::parse(&phone), "/phone", "phone", PHONE_RULE);
    check.finish()?;
    let phone = phone.ok_or_else(|| Problem::defect("a checked number is missing"))?;
    let accounts = Accounts::open(exchange)?;
    let own = Own::admit(exchange, &accounts, request(Action::Create))?;
    if own.account.holder() != Holder::Client {
        let problem = Problem::new(
            StatusCode::FORBIDDEN,
            "sms-for-clients-only",
            "Codes by SMS are for clients. Staff set up a passkey or an authenticator app.",
        );
        return Err(own.refuse(problem));
    }
    let now = exchange.platform.clock.now();
    let waiting = own
        .account
        .factors
        .sms_candidate
        .as_ref()
        .map(|candidate| &candidate.code);
    sms_codes::check_wait(&own.account, waiting, now).map_err(|problem| own.refuse(problem))?;
    let code_use = CodeUse::Confirmation(own.caller.session().id);
    sms_codes::send(
        exchange,
        &accounts,
        &own.account,
        &phone,
        code_use,
        own.event,
        &mut |account, code| {
            own.check(account)?;
            sms_codes::check_resend(account.factors.candidate_code_mut().as_deref(), now)?;
            account.factors.sms_candidate = Some(SmsCandidate {
                phone: phone.clone(),
                code,
            });
            Ok(())
        },
    )
}

/// `POST /v1/auth/factors/sms/confirm`
///
/// Makes the number to which the code was sent the account's, in the place of the one before, if there was one.
///
/// Order: record, try counted, notice, account, sessions (where a number was replaced), answer. Where the notice or the account fails, the
/// try is given back. A crash after the notice leaves a notice of what was not done; the repeated request does it, and sends another.
/// Once the account is changed, the repeated request finds its code as the one that confirmed the number: then it does what is left to do.
pub(crate) fn confirm(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let ConfirmBody { code: text } = exchange.json()?;
    let accounts = Accounts::open(exchange)?;
    let own = Own::admit(exchange, &accounts, request(Action::Create))?;
    let (index, now) = (accounts.index, exchange.platform.clock.now());
    let code_use = CodeUse::Confirmation(own.caller.session().id);
    let about = code_use.about(&own.account);
    let confirmed = own.account.factors.sms.as_ref().map(|sms| &sms.confirmed_by);
    if confirmed.is_some_and(|code| code.is_right(index, &about, &text, now)) {
        own.end_others(exchange, &own.account)?;
        return Ok(own.done());
    }
    let counted = sms_codes::count_try(&accounts, &own.account, now, Factors::candidate_code_mut)
        .map_err(|problem| problem.recorded(own.event))?
        .ok_or_else(|| own.refuse(wrong_code()))?;
    let replaces = counted.factors.sms.is_some();
    let confirm = |account: &mut Account| -> Result<(), Problem> {
        let candidate = &mut account.factors.sms_candidate;
        let candidate = candidate.take_if(|candidate| candidate.code.is_right(index, &about, &text, now));
        let SmsCandidate { phone, code } = candidate.ok_or_else(wrong_code)?;
        account.factors.sms = Some(Sms {
            phone,
            confirmed_at: now,
            confirmed_by: code,
            code: None,
        });
        Ok(())
    };
    confirm(&mut counted.clone()).map_err(|problem| own.refuse(problem))?;
    let excused = |problem: Problem| {
        sms_codes::give_back_try(&accounts, &counted, Factors::candidate_code_mut);
        problem
    };
    own.tell(exchange, Content::FactorAdded { factor: Factor::Sms })
        .map_err(excused)?;
    let account = own.change(&mut |account| confirm(account)).map_err(excused)?;
    if replaces {
        own.end_others(exchange, &account)?;
    }
    Ok(own.done())
}

/// `DELETE /v1/auth/factors/sms`
pub(crate) fn remove(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    remove_factor(exchange, Factor::Sms, &|factors| {
        factors.sms_candidate = None;
        factors.sms.take().is_some()
    })
}
