//! Sending codes by SMS, and counting what is tried with them.

use account::factor::{Digits, Factors, OneTimeCode, Phone, RESEND_AFTER, SecondFactor};
use account::step::BETTER;
use account::throttle::Attempt;
use account::{Account, Accounts, CodeUse, Proof, Unchanged};
use model::{Confidential, EventId, Timestamp};
use notification::{Content, Message, Recipient, State, Urgency};
use schemars::JsonSchema;
use serde::Serialize;
use store::UpdateError;
use web::{Exchange, Problem, Reply};

/// Said whenever a code is sent: those who choose SMS have to know what they choose (NIST SP 800-63B-4, section 3.2.9).
const WARNING: &str = "Codes by SMS can be intercepted, and be relayed by a look-alike page. A passkey or an authenticator app protects better.";

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CodeSent")]
pub(crate) struct SentAnswer {
    /// The last two digits of the number, such as `…23`.
    sent_to: Confidential<String>,
    expires_at: Timestamp,
    /// A sentence to show.
    warning: &'static str,
    /// What would be better than codes by SMS.
    suggested: [SecondFactor; 2],
}

fn wait(seconds: i64) -> Problem {
    Problem::too_many(
        seconds,
        "A code was sent just now, or too many were. Wait as long as Retry-After says.",
    )
}

/// No code arrives, which only those are told who were told of the number's end: it is known that there is one.
fn not_sent() -> Problem {
    let mut problem = Problem::unavailable(
        RESEND_AFTER.as_secs(),
        "The code could not be sent to this number, and none will arrive. Use another factor, or ask again later.",
    );
    problem.kind = "code-not-sent";
    problem
}

/// 429 while no code may be sent in the place of this one.
pub(crate) fn check_resend(code: Option<&OneTimeCode>, now: Timestamp) -> Result<(), Problem> {
    code.and_then(|code| code.wait(now))
        .map_or(Ok(()), |seconds| Err(wait(seconds)))
}

/// 429 while no code may be sent for this account, before anything is done about it. `keep` in [`send`] decides.
pub(crate) fn check_wait(account: &Account, code: Option<&OneTimeCode>, now: Timestamp) -> Result<(), Problem> {
    check_resend(code, now)?;
    account.factors.sms_budget.clone().spend(now).map_err(wait)
}

/// The number that codes are sent to, where one may be sent now: 409 where there is none that may be used, 429 while it is too soon.
pub(crate) fn registered_phone(account: &Account, now: Timestamp) -> Result<Phone, Problem> {
    account.check_usable(SecondFactor::Sms)?;
    let sms = (account.factors.sms.as_ref()).ok_or_else(|| Problem::defect("a factor that may be used is missing"))?;
    check_wait(account, sms.code.as_ref(), now)?;
    Ok(sms.phone.clone())
}

/// Makes a code, keeps its hash and sends it, once the caller has recorded that.
///
/// Order: account (hash kept, message counted), message, answer. The code is kept before it leaves, so that whatever arrives is
/// right. A crash in between leaves a code that nobody gets, and so does a provider that does not take it (503); another is sent after a minute.
pub(crate) fn send(
    exchange: &Exchange<'_>,
    accounts: &Accounts<'_>,
    account: &Account,
    phone: &Phone,
    code_use: CodeUse,
    event: EventId,
    keep: &mut dyn FnMut(&mut Account, OneTimeCode) -> Result<(), Problem>,
) -> Result<Reply, Problem> {
    let now = exchange.platform.clock.now();
    let about = code_use.about(account);
    let (digits, code) = OneTimeCode::issue(accounts.index, exchange.platform.entropy, &about, now);
    accounts
        .change(account.clinic, account.id, &mut |account| {
            account.factors.sms_budget.spend(now).map_err(wait)?;
            Ok(keep(account, code.clone())?)
        })
        .map_err(|error| Problem::from(error).recorded(event))?;
    let accepted = message(account, phone, &digits, code.expires_at, event)
        .send(exchange)
        .map_err(|problem| problem.recorded(event))?;
    if matches!(accepted.state, State::Failed | State::Unreachable | State::Expired) {
        return Err(not_sent().recorded(event));
    }
    let answer = SentAnswer {
        sent_to: phone.hint(),
        expires_at: code.expires_at,
        warning: WARNING,
        suggested: BETTER,
    };
    Ok(Reply::accepted(&answer)?.recorded(event))
}

/// As [`send`], to the confirmed number, which has to be this one still. `check` says whether a code is still wanted.
pub(crate) fn send_to_registered(
    exchange: &Exchange<'_>,
    accounts: &Accounts<'_>,
    account: &Account,
    phone: &Phone,
    code_use: CodeUse,
    event: EventId,
    check: &dyn Fn(&Account) -> Result<(), Problem>,
) -> Result<Reply, Problem> {
    let now = exchange.platform.clock.now();
    send(
        exchange,
        accounts,
        account,
        phone,
        code_use,
        event,
        &mut |account, code| {
            check(account)?;
            let sms = account.factors.sms.as_mut().filter(|sms| sms.phone == *phone);
            let sms = sms.ok_or_else(|| Problem::from(store::StoreError::Contended))?;
            check_resend(sms.code.as_ref(), now)?;
            sms.code = Some(code);
            Ok(())
        },
    )
}

fn message(account: &Account, phone: &Phone, digits: &Digits, expires_at: Timestamp, event: EventId) -> Message {
    Message {
        // Each event sends one code.
        key: format!("sign-in-code/{event}"),
        clinic_id: account.clinic,
        recipient: Recipient::Phone(Confidential::new(phone.expose().to_owned())),
        content: Content::SignInCode {
            code: Confidential::new(digits.reveal().to_owned()),
        },
        language: account.language.clone(),
        urgency: Urgency::Now,
        expires_at: Some(expires_at),
    }
}

/// Counts a try of a code, durably and before it is made, and gives the account as it then is; `None` where there is no code, or it is
/// over.
pub(crate) fn count_try(
    accounts: &Accounts<'_>,
    account: &Account,
    now: Timestamp,
    code: fn(&mut Factors) -> Option<&mut OneTimeCode>,
) -> Result<Option<Account>, Problem> {
    let mut counted = None;
    let changed = accounts.change(
        account.clinic,
        account.id,
        &mut |account| match code(&mut account.factors).map(|code| code.count_try(now)) {
            Some(true) => {
                counted = Some(account.clone());
                Ok(())
            }
            _ => Err(Unchanged::Raced),
        },
    );
    match changed {
        Ok(()) => Ok(counted),
        Err(UpdateError::Refused(Unchanged::Raced)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Gives back the try of a code that was right, where what it was for failed: else outages use up what guesses are counted in. `counted`
/// is the account as [`count_try`] gave it; another code since keeps its tries. Where that fails too, it stays counted.
pub(crate) fn give_back_try(
    accounts: &Accounts<'_>,
    counted: &Account,
    code: fn(&mut Factors) -> Option<&mut OneTimeCode>,
) {
    let mut factors = counted.factors.clone();
    let Some(tried) = code(&mut factors) else { return };
    let _ = accounts.change(counted.clinic, counted.id, &mut |account| {
        let now = code(&mut account.factors).ok_or(Unchanged::Raced)?;
        now.give_back_try(tried);
        Ok(())
    });
}

/// A problem of ours after a proof was right: what was counted for the proof is given back.
pub(crate) fn excuse(
    accounts: &Accounts<'_>,
    account: &Account,
    attempt: &Attempt<'_>,
    proof: Option<&Proof<'_>>,
    problem: Problem,
) -> Problem {
    if let Some(Proof::Sms(..)) = proof {
        give_back_try(accounts, account, Factors::sms_code_mut);
    }
    attempt.excuse(problem)
}
