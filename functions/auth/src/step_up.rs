//! Proving again to be there, for what needs a proof that is recent (ASVS 5.0, 7.5; RFC 9470).

use access::{Assurance, Caller, FRESH_FOR, Request, Token};
use account::factor::{Factors, SecondFactor};
use account::password::Password;
use account::session::{admit, own_account};
use account::step::PasswordEvidence;
use account::throttle::{Attempt, Factor, Subject, Verdict, proven};
use account::{Account, Accounts, Ceremony, CodeUse, Proof, Unchanged};
use audit_trail::Decision;
use http::StatusCode;
use model::{Action, DataClass, EventId, Timestamp};
use ports::EntropyExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::UpdateError;
use web::{Check, Exchange, Problem, Reply};
use zeroize::Zeroizing;

use crate::offered::{Offered, assertion};
use crate::opening::{HandedOver, Transport};
use crate::passkey_settings::relying_party;
use crate::sessions::slot_of;
use crate::sms_codes::{self, excuse};

/// With exactly one proof. The password counts where there is no second factor.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "StepUp")]
pub(crate) struct StepUpBody {
    password: Option<Password>,
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
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SteppedUp")]
pub(crate) struct StepUpAnswer {
    assurance: Assurance,
    proven_at: Timestamp,
    /// Until when that counts as recent.
    fresh_until: Timestamp,
    #[serde(flatten)]
    handed_over: HandedOver,
}

/// Records that a proof was refused, which is counted already. Not 401: the session stays what it is.
fn refuse(exchange: &Exchange<'_>, caller: &Caller, account: &Account) -> Result<Problem, Problem> {
    let problem = Problem::new(
        StatusCode::FORBIDDEN,
        "proof-refused",
        "This proves nothing: it is not right, was used before, or is not what the account asks for. Where there is a second factor, the password does not do.",
    );
    refuse_as(exchange, caller, account, problem)
}

fn refuse_as(
    exchange: &Exchange<'_>,
    caller: &Caller,
    account: &Account,
    problem: Problem,
) -> Result<Problem, Problem> {
    let session = caller.session().id;
    let request = Request::new(Action::Amend, DataClass::Session).of(session);
    let actor = account.actor(Some(session));
    let event = exchange.gate()?.note(
        Some(account.clinic),
        Some(actor),
        &request,
        Decision::Denied,
        "step-up.refused",
    )?;
    Ok(problem.recorded(event))
}

/// `POST /v1/auth/sessions/current/step-up`
///
/// Order: record, failure counted, try counted (codes by SMS), account (what was shown used up), session (proven, with another token), failure given back, answer. A crash after the account leaves
/// the session as it was and what was shown used up; another proof does it. One after the session leaves it with a token that nobody has: it
/// ends idle, and she logs in again. A passkey's failure is counted when it is refused. Where another request has ended the session or proven it first: failure given back, record, answer.
pub(crate) fn step_up(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let StepUpBody {
        password,
        totp,
        sms_code,
        recovery_code,
        passkey,
    } = exchange.json()?;
    let passkey = passkey.as_ref().map(|json| assertion(json, "/passkey")).transpose()?;
    let offered = Offered {
        password: password.as_ref(),
        totp: totp.as_ref().map(|code| code.as_str()),
        sms_code: sms_code.as_ref().map(|code| code.as_str()),
        recovery_code: recovery_code.as_ref().map(|code| code.as_str()),
        passkey: passkey.as_ref(),
    };
    offered.check_one()?;
    if let Some(password) = &password {
        let mut check = Check::new();
        password.check_length(&mut check, "/password");
        check.finish()?;
    }
    let (recorded, caller) = admit(exchange, Request::new(Action::Amend, DataClass::Session))?;
    prove(exchange, &caller, &offered, recorded.event()).map_err(|problem| problem.or_recorded(recorded.event()))
}

fn prove(exchange: &Exchange<'_>, caller: &Caller, offered: &Offered<'_>, event: EventId) -> Result<Reply, Problem> {
    let accounts = Accounts::open(exchange)?;
    let mut account = own_account(&accounts, caller)?.value;
    let attestor = exchange.keyring.attests("sessions")?;
    let sessions = exchange.sessions(attestor)?;
    let transport = match exchange.csrf_token(attestor.index())? {
        Some(_) => Transport::Cookie,
        None => Transport::Bearer,
    };
    let mut attempt = offered.begin(exchange, &accounts)?;
    let (index, now, session) = (accounts.index, exchange.platform.clock.now(), caller.session());
    let refused = |attempt: &Attempt<'_>, account: &Account| {
        attempt.refused(exchange)?;
        refuse(exchange, caller, account)
    };
    let ceremony = Ceremony::StepUp(account.clinic, account.id, session.id);
    let passkey = offered.passkey_proof(exchange, ceremony)?;
    let proof = offered.proof(CodeUse::StepUp(session.id), passkey.as_ref());
    let factor = match &proof {
        Some(proof) => proof.factor().throttled(),
        None => Some(Factor::Password),
    };
    if let Some(factor) = factor {
        let subject = Subject::Account(account.clinic, account.id);
        if attempt.at(subject, &[factor])? == Verdict::Locked {
            return Err(refused(&attempt, &account)?);
        }
    }
    if let Some(Proof::Sms(..)) = proof {
        match sms_codes::count_try(&accounts, &account, now, Factors::sms_code_mut)? {
            Some(counted) => account = counted,
            None => return Err(refused(&attempt, &account)?),
        }
    }
    let password = match offered.password {
        None => PasswordEvidence::NotShown,
        Some(password) if account.password.is_of(password, exchange.keyring.key("pepper")?)? => PasswordEvidence::Right,
        Some(_) => PasswordEvidence::Wrong,
    };
    let before = account.password.clone();
    let decide = |account: &mut Account| account.step_up(password, proof.as_ref(), session.assurance, index, now);
    let Some(assurance) = decide(&mut account.clone())? else {
        return Err(refused(&attempt, &account)?);
    };
    // As it was when its try was counted.
    let shown = account.clone();
    let excused = |attempt: &Attempt<'_>, problem| excuse(&accounts, &shown, attempt, proof.as_ref(), problem);
    if proof.is_some() {
        let used_up = accounts.change(account.clinic, account.id, &mut |account| {
            if account.password == before && decide(account)? == Some(assurance) {
                Ok(())
            } else {
                Err(Unchanged::Raced)
            }
        });
        match used_up {
            Ok(()) => {}
            Err(UpdateError::Refused(Unchanged::Raced)) => return Err(refused(&attempt, &account)?),
            Err(error) => return Err(excused(&attempt, error.into())),
        }
    }
    // Over since it was admitted: there is nothing left to prove for, however right what was shown. The trail has it as allowed so far.
    let over = |attempt: &Attempt<'_>| {
        let problem = excused(attempt, Problem::unauthenticated());
        refuse_as(exchange, caller, &shown, problem)
    };
    let slot = slot_of(&sessions, account, session.id).map_err(|problem| excused(&attempt, problem))?;
    let Some(slot) = slot else {
        return Err(over(&attempt)?);
    };
    // Another token: a copy of the one so far was worth what was shown so far (ASVS 5.0, 7.2.4).
    let token = Token::new(&slot.id, &exchange.platform.entropy.bytes());
    let verifier = token.verifier(attestor.index());
    let raised = sessions.change(attestor, &slot.id, |there| {
        // Also where another request has proven it meanwhile: the caller's token is over then.
        if there.id != session.id || there.verifier != session.verifier || there.revoked_at.is_some() {
            return Err(Problem::unauthenticated());
        }
        there.verifier = verifier;
        there.assurance = assurance;
        there.proven_at = now;
        Ok(())
    });
    match raised {
        Ok(()) => {}
        Err(UpdateError::Refused(_)) => return Err(over(&attempt)?),
        Err(error) => return Err(excused(&attempt, error.into())),
    }
    // The session is proven whether the failures before are forgotten now or later.
    let _ = attempt.succeeded();
    if factor.is_none() {
        let _ = proven(exchange, &accounts, session.clinic, session.account);
    }
    let answer = StepUpAnswer {
        assurance,
        proven_at: now,
        fresh_until: now.saturating_add(FRESH_FOR).unwrap_or(now),
        handed_over: transport.hand_over(&token, attestor.index()),
    };
    let reply = Reply::ok(&answer)?.recorded(event);
    Ok(transport.keep(reply, &token, session.expires_at.duration_since(now).as_secs()))
}

/// `POST /v1/auth/sessions/current/step-up/passkey`
///
/// What the browser needs to ask for one of the account's passkeys. Nothing but the record is written: the challenge proves itself.
pub(crate) fn passkey_options(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let rp = relying_party(exchange)?;
    let (recorded, caller) = admit(exchange, Request::new(Action::Amend, DataClass::Session))?;
    let event = recorded.event();
    let accounts = Accounts::open(exchange)?;
    let account = own_account(&accounts, &caller)?.value;
    account
        .check_usable(SecondFactor::Passkey)
        .map_err(|problem| problem.recorded(event))?;
    let ceremony = Ceremony::StepUp(account.clinic, account.id, caller.session().id);
    let now = exchange.platform.clock.now();
    let challenge = ceremony.challenge(accounts.index, exchange.platform.entropy, now);
    Ok(Reply::ok(&rp.request_options(&challenge, &account.factors.passkeys.credentials()))?.recorded(event))
}

/// `POST /v1/auth/sessions/current/step-up/sms`
///
/// Order: record, then see [`sms_codes::send`].
pub(crate) fn send_code(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let (recorded, caller) = admit(exchange, Request::new(Action::Amend, DataClass::Session))?;
    let (event, session) = (recorded.event(), caller.session().id);
    let accounts = Accounts::open(exchange)?;
    let account = own_account(&accounts, &caller)?.value;
    let now = exchange.platform.clock.now();
    let phone = sms_codes::registered_phone(&account, now).map_err(|problem| problem.recorded(event))?;
    let code_use = CodeUse::StepUp(session);
    sms_codes::send_to_registered(exchange, &accounts, &account, &phone, code_use, event, &|account| {
        account.check_usable(SecondFactor::Sms)
    })
}
