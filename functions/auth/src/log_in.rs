//! Log-in with a password: straight to a session, or to the question for a second factor.

use access::Request;
use account::factor::{SecondFactor, SecondFactors};
use account::password::Password;
use account::step::Step;
use account::{Account, Accounts, PendingLogIn, PendingToken, Proof, Unchanged};
use audit_trail::Decision;
use model::{Action, ClinicId, Confidential, DataClass, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::UpdateError;
use web::{Check, Exchange, Problem, Reply};
use zeroize::Zeroizing;

use crate::credentials::{checked, present};
use crate::opening::{Opening, Transport, check_device_name};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PasswordLogIn")]
pub(crate) struct LogInBody {
    clinic_id: ClinicId,
    email: String,
    password: Password,
    /// The code that the app shows, six digits.
    #[schemars(with = "Option<String>")]
    totp: Option<Zeroizing<String>>,
    /// One of the recovery codes, in the place of `totp`.
    #[schemars(with = "Option<String>")]
    recovery_code: Option<Zeroizing<String>>,
    /// What the list of sessions is to call this one, 1 to 100 characters.
    device_name: Option<String>,
    /// How the token of the session travels: `bearer` where it is left out. Where this is answered with 202, it is said again when the log-in
    /// is completed.
    #[serde(default)]
    transport: Transport,
}

/// The password was right, and a second factor is wanted.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PendingLogIn")]
pub(crate) struct PendingAnswer {
    /// Stands for this log-in until it is complete or over.
    #[schemars(with = "String")]
    log_in: Zeroizing<String>,
    /// What it can be completed with.
    second_factors: Vec<SecondFactor>,
    expires_at: Timestamp,
}

/// `POST /v1/auth/sessions`
///
/// Order: a failure counted for each factor that is shown; then see [`Opening::open`] and [`wait`]; what was not wrong given back, also
/// where something of ours failed. Of a refusal: what was not wrong given back, record, answer. A crash anywhere leaves a failure too many.
pub(crate) fn log_in(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let LogInBody {
        clinic_id: clinic,
        email,
        password,
        totp,
        recovery_code,
        device_name,
        transport,
    } = exchange.json()?;
    let mut check = Check::new();
    check_device_name(&mut check, device_name.as_deref());
    check.that(
        totp.is_none() || recovery_code.is_none(),
        "/recovery_code",
        "one-factor",
        "must not be sent beside /totp: one is enough, and both would be used up",
    );
    let email = checked(&email, &password, check)?;
    let accounts = Accounts::open(exchange)?;
    let proof = match (&totp, &recovery_code) {
        (Some(code), _) => Some(Proof::Totp(code)),
        (None, Some(code)) => Some(Proof::RecoveryCode(code)),
        (None, None) => None,
    };
    let second = proof.as_ref().and_then(|proof| proof.factor().throttled());
    let presented = present(exchange, &accounts, clinic, &email, &password, second)?;
    let (index, now) = (accounts.index, exchange.platform.clock.now());
    let decide = |account: &mut Account| account.log_in(presented.evidence, proof.as_ref(), index, now);
    let refused = || presented.refuse(exchange, Action::Create, DataClass::Session);
    let step = decide(&mut presented.account.clone())?;
    if step == Step::Refused {
        return Err(refused()?);
    }

    let hash = &presented.account.password;
    let upgraded = hash.upgraded(&password, exchange.keyring.key("pepper")?, exchange.platform.entropy)?;
    // Decided again on what the account is now: the code may be used up since, or have become needed.
    let mut again = |account: &mut Account| {
        let same = account.password == *hash && decide(account)? == step;
        if let Some(upgraded) = upgraded.as_ref().filter(|_| same) {
            account.password = upgraded.clone();
        }
        Ok(same)
    };
    let device_name = device_name.map(Confidential::new);
    let reply = match step {
        Step::Refused => None,
        Step::SecondFactor(wanted) => {
            let waits = wait(exchange, &accounts, &presented.account, wanted, device_name, &mut again);
            let reply = waits.map_err(|problem| presented.attempt.excuse(problem))?;
            if reply.is_some() {
                // Nothing was wrong, and nobody has proven herself yet: failures before are not forgotten.
                let _ = presented.attempt.released();
            }
            reply
        }
        Step::Session { assurance, rule } => {
            let opening = Opening {
                accounts: &accounts,
                account: &presented.account,
                assurance,
                rule,
                device_name,
                transport,
            };
            let opened = opening.open(exchange, &mut again);
            let reply = opened.map_err(|problem| presented.attempt.excuse(problem))?;
            if reply.is_some() {
                // The session has begun whether the failures before are forgotten now or later.
                let _ = presented.attempt.succeeded();
            }
            reply
        }
    };
    match reply {
        Some(reply) => Ok(reply),
        None => Err(refused()?),
    }
}

/// Keeps the log-in until a second factor is shown.
///
/// Order: record, account, answer. A crash after the account leaves a log-in whose token nobody has; it makes room when it is over, or
/// when it is the oldest of four.
fn wait(
    exchange: &Exchange<'_>,
    accounts: &Accounts<'_>,
    account: &Account,
    wanted: SecondFactors,
    device_name: Option<Confidential<String>>,
    again: &mut dyn FnMut(&mut Account) -> Result<bool, Problem>,
) -> Result<Option<Reply>, Problem> {
    let now = exchange.platform.clock.now();
    let token = PendingToken::generate(exchange.platform.entropy, account.clinic, account.id);
    let log_in = PendingLogIn::new(&token, accounts.index, device_name, now);
    let expires_at = log_in.expires_at;
    let request = Request::new(Action::Create, DataClass::Session);
    let actor = account.actor(None);
    let event = exchange.gate()?.note(
        Some(account.clinic),
        Some(actor),
        &request,
        Decision::Allowed,
        "login.second-factor",
    )?;
    let kept = accounts.change(account.clinic, account.id, &mut |account| {
        if !again(account)? {
            return Err(Unchanged::Raced);
        }
        account.pending_log_ins.begin(log_in.clone(), now);
        Ok(())
    });
    match kept {
        Ok(()) => {}
        Err(UpdateError::Refused(Unchanged::Raced)) => return Ok(None),
        Err(error) => return Err(Problem::from(error).recorded(event)),
    }
    let answer = PendingAnswer {
        log_in: token.reveal(),
        second_factors: wanted.iter().collect(),
        expires_at,
    };
    Ok(Some(Reply::accepted(&answer)?.recorded(event)))
}
