//! Log-ins that wait for a second factor: how it is asked for, and how they are completed.

use access::Request;
use account::factor::{Factors, SecondFactor};
use account::step::{PasswordEvidence, Standing, Step};
use account::throttle::{Attempt, RouteClass, Subject, Verdict, proven};
use account::{Account, Accounts, Ceremony, CodeUse, PendingLogIn, PendingToken, Proof};
use audit_trail::Decision;
use http::StatusCode;
use model::{Action, DataClass, EventId};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use web::{Exchange, Problem, Reply};
use zeroize::Zeroizing;

use crate::credentials::{invalid_credentials, record_refusal};
use crate::offered::{Offered, assertion};
use crate::opening::{Opening, Transport};
use crate::passkey_settings::relying_party;
use crate::sms_codes::{self, excuse};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LogInToken")]
pub(crate) struct LogInBody {
    /// As the log-in with the password answered it.
    #[schemars(with = "String")]
    log_in: Zeroizing<String>,
}

/// With exactly one second factor.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LogInCompletion")]
pub(crate) struct CompletionBody {
    /// As the log-in with the password answered it.
    #[schemars(with = "String")]
    log_in: Zeroizing<String>,
    /// The code that the app shows, six digits.
    #[schemars(with = "Option<String>")]
    totp: Option<Zeroizing<String>>,
    /// The code that was sent.
    #[schemars(with = "Option<String>")]
    sms_code: Option<Zeroizing<String>>,
    /// One of the recovery codes.
    #[schemars(with = "Option<String>")]
    recovery_code: Option<Zeroizing<String>>,
    /// What the browser answers the options with.
    #[schemars(with = "Option<webauthn::AuthenticationResponse>")]
    passkey: Option<Value>,
    /// How the token of the session travels: `bearer` where it is left out.
    #[serde(default)]
    transport: Transport,
}

/// A log-in that is half done, and its account.
struct Waiting<'t> {
    attempt: Attempt<'t>,
    token: PendingToken,
    account: Account,
    log_in: PendingLogIn,
}

fn over() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "log-in-over",
        "The log-in is complete or over, or there is none like this. Begin again with the password.",
    )
}

/// Records a refusal, which is counted already.
fn refuse(exchange: &Exchange<'_>, account: Option<&Account>, problem: Problem) -> Result<Problem, Problem> {
    let request = Request::new(Action::Create, DataClass::Session);
    record_refusal(exchange, request, account, "login.refused", problem)
}

/// Records what is told or sent to whoever has shown the password.
fn asked(exchange: &Exchange<'_>, account: &Account, rule: &'static str) -> Result<EventId, Problem> {
    let request = Request::new(Action::Create, DataClass::Session);
    let (clinic, actor) = (Some(account.clinic), Some(account.actor(None)));
    Ok(exchange
        .gate()?
        .note(clinic, actor, &request, Decision::Allowed, rule)?)
}

/// The log-in that the token is of, with which this attempt goes on.
fn find<'t>(
    exchange: &Exchange<'_>,
    accounts: &'t Accounts<'t>,
    attempt: Attempt<'t>,
    token: &str,
) -> Result<Waiting<'t>, Problem> {
    let now = exchange.platform.clock.now();
    let Some(token) = PendingToken::parse(token) else {
        attempt.refused(exchange)?;
        return Err(refuse(exchange, None, over())?);
    };
    attempt.resident_clinic(exchange, token.clinic)?;
    let account = accounts.account(token.clinic, token.account).read()?;
    let found = account.map(|account| account.value).and_then(|account| {
        let log_in = account.pending_log_ins.find(&token, accounts.index, now)?.clone();
        (account.circumstances().standing == Standing::Active).then_some((account, log_in))
    });
    match found {
        None => {
            attempt.refused(exchange)?;
            Err(refuse(exchange, None, over())?)
        }
        Some((account, log_in)) => Ok(Waiting {
            attempt,
            token,
            account,
            log_in,
        }),
    }
}

/// `POST /v1/auth/log-ins/sms`
///
/// Order: record, then see [`sms_codes::send`]. Of a refusal: record, answer.
pub(crate) fn send_code(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let LogInBody { log_in } = exchange.json()?;
    let accounts = Accounts::open(exchange)?;
    let attempt = Attempt::begin(exchange, &accounts, RouteClass::LogIn)?;
    let waiting = find(exchange, &accounts, attempt, &log_in)?;
    // Nothing is guessed here.
    let _ = waiting.attempt.released();
    let Waiting { token, account, .. } = waiting;
    let now = exchange.platform.clock.now();
    let phone = match sms_codes::registered_phone(&account, now) {
        Ok(phone) => phone,
        Err(problem) => return Err(refuse(exchange, Some(&account), problem)?),
    };
    let event = asked(exchange, &account, "login.sms-code")?;
    let code_use = CodeUse::LogIn(token.id);
    sms_codes::send_to_registered(
        exchange,
        &accounts,
        &account,
        &phone,
        code_use,
        event,
        &|account| match account.pending_log_ins.find(&token, accounts.index, now) {
            Some(_) => Ok(()),
            None => Err(over()),
        },
    )
}

/// `POST /v1/auth/log-ins/passkey`
///
/// What the browser needs to ask for one of the account's passkeys. Nothing is written but the network's count of
/// requests and the record: the challenge proves itself.
pub(crate) fn passkey_options(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let LogInBody { log_in } = exchange.json()?;
    let rp = relying_party(exchange)?;
    let accounts = Accounts::open(exchange)?;
    // No guess: a passkey is to be usable whatever else the network got wrong.
    let attempt = Attempt::begin_unguessable(exchange, &accounts, RouteClass::LogIn)?;
    let waiting = find(exchange, &accounts, attempt, &log_in)?;
    let Waiting { token, account, .. } = waiting;
    if let Err(problem) = account.check_usable(SecondFactor::Passkey) {
        return Err(refuse(exchange, Some(&account), problem)?);
    }
    // Which passkeys the account has is told: to whoever has its password, its owner or not.
    let event = asked(exchange, &account, "login.passkey-options")?;
    let ceremony = Ceremony::SecondFactor(token.clinic, token.account, token.id);
    let now = exchange.platform.clock.now();
    let challenge = ceremony.challenge(accounts.index, exchange.platform.entropy, now);
    Ok(Reply::ok(&rp.request_options(&challenge, &account.factors.passkeys.credentials()))?.recorded(event))
}

/// `POST /v1/auth/log-ins/complete`
///
/// Order: failure counted, try counted (codes by SMS), then see [`Opening::open`], failure given back. The log-in is taken away with
/// what is used up, so that neither is right again. Of a refusal: record, answer. A passkey's failure is counted when it is refused.
pub(crate) fn complete(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let CompletionBody {
        log_in,
        totp,
        sms_code,
        recovery_code,
        passkey,
        transport,
    } = exchange.json()?;
    let passkey = passkey.as_ref().map(|json| assertion(json, "/passkey")).transpose()?;
    let offered = Offered {
        password: None,
        totp: totp.as_ref().map(|code| code.as_str()),
        sms_code: sms_code.as_ref().map(|code| code.as_str()),
        recovery_code: recovery_code.as_ref().map(|code| code.as_str()),
        passkey: passkey.as_ref(),
    };
    offered.check_one()?;
    let accounts = Accounts::open(exchange)?;
    let attempt = offered.begin(exchange, &accounts)?;
    let Waiting {
        mut attempt,
        token,
        mut account,
        log_in,
    } = find(exchange, &accounts, attempt, &log_in)?;
    let (index, now) = (accounts.index, exchange.platform.clock.now());
    let ceremony = Ceremony::SecondFactor(token.clinic, token.account, token.id);
    let passkey = offered.passkey_proof(exchange, ceremony)?;
    let proof = offered
        .proof(CodeUse::LogIn(token.id), passkey.as_ref())
        .ok_or_else(|| Problem::defect("a factor that was checked is missing"))?;
    let refused = |attempt: &Attempt<'_>, account: &Account| {
        attempt.refused(exchange)?;
        refuse(exchange, Some(account), invalid_credentials())
    };
    if let Some(factor) = proof.factor().throttled() {
        let subject = Subject::Account(account.clinic, account.id);
        if attempt.at(subject, &[factor])? == Verdict::Locked {
            return Err(refused(&attempt, &account)?);
        }
    }
    if let Proof::Sms(..) = proof {
        match sms_codes::count_try(&accounts, &account, now, Factors::sms_code_mut)? {
            Some(counted) => account = counted,
            None => return Err(refused(&attempt, &account)?),
        }
    }
    // The log-in waits because the password was right, and it is taken away when the password is changed.
    let decide = |account: &mut Account| account.log_in(PasswordEvidence::Right, Some(&proof), index, now);
    let step = decide(&mut account.clone())?;
    let Step::Session { assurance, rule } = step else {
        return Err(refused(&attempt, &account)?);
    };
    let opening = Opening {
        accounts: &accounts,
        account: &account,
        assurance,
        rule,
        device_name: log_in.device_name,
        transport,
    };
    let opened = opening.open(exchange, &mut |account| {
        let waits = account.pending_log_ins.find(&token, index, now).is_some();
        let same = waits && decide(account)? == step;
        account.pending_log_ins.end(token.id);
        Ok(same)
    });
    let opened = opened.map_err(|problem| excuse(&accounts, &account, &attempt, Some(&proof), problem))?;
    let Some(reply) = opened else {
        return Err(refused(&attempt, &account)?);
    };
    // The session has begun whether the failures before are forgotten now or later.
    let _ = attempt.succeeded();
    if proof.factor().throttled().is_none() {
        let _ = proven(exchange, &accounts, account.clinic, account.id);
    }
    Ok(reply)
}
