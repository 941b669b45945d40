//! Another password for who has forgotten hers: a link by e-mail, and the second factor that the account has.
//!
//! A mailbox alone opens no account that has a second factor. Of two links, asked for one after the other, both are good until
//! one is used or the password is changed otherwise: else anybody who knows an address could make each link void before its
//! owner comes to follow it.

use access::Request;
use account::email::{self, Email};
use account::factor::{Factors, SecondFactor};
use account::notice;
use account::password::{Password, PasswordHash};
use account::session::end_others;
use account::throttle::{Attempt, Factor, Postage, RouteClass, Subject, Verdict, clear_all, limit_rate};
use account::{Account, AccountState, Accounts, Ceremony, CodeUse, Link, LinkUse, Proof, USUAL_LANGUAGE, Unchanged};
use audit_trail::Decision;
use http::StatusCode;
use model::{AccountId, Action, ClinicId, Confidential, DataClass, EventId};
use notification::{Channel, Content, Message, Recipient, Urgency};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::UpdateError;
use web::{Check, Exchange, Problem, Reply};
use webauthn::RequestOptions;
use zeroize::Zeroizing;

use crate::credentials::record_refusal;
use crate::new_password::check_new_password;
use crate::offered::{Offered, assertion};
use crate::passkey_settings::relying_party;
use crate::sms_codes::{self, excuse};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PasswordReset")]
pub(crate) struct ResetBody {
    clinic_id: ClinicId,
    email: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LinkAsked")]
pub(crate) struct AskedAnswer {
    /// A sentence to show. The same, whether there is an account or not.
    detail: &'static str,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ResetLink")]
pub(crate) struct LinkBody {
    /// As the link that was mailed has it.
    #[schemars(with = "String")]
    token: Zeroizing<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ResetPasskey")]
pub(crate) struct PasskeyAnswer<'p> {
    clinic_id: ClinicId,
    options: RequestOptions<'p>,
}

/// With the second factor where the account has one, and one at most.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewPassword")]
pub(crate) struct ConfirmBody {
    /// As the link that was mailed has it.
    #[schemars(with = "String")]
    token: Zeroizing<String>,
    /// At least 8 characters for staff and 15 for others, at most 256; nothing that is easily guessed.
    password: Password,
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

/// Without a second factor: a recovery has taken them all away.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RecoveryCompletion")]
pub(crate) struct RecoveryBody {
    /// As the link that was mailed has it.
    #[schemars(with = "String")]
    token: Zeroizing<String>,
    /// At least 8 characters for staff and 15 for others, at most 256; nothing that is easily guessed.
    password: Password,
}

fn invalid_link() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "invalid-link",
        "The link is not valid, was used before or is over, or what was shown beside it is not right. Ask for another link.",
    )
}

/// Told only to who has the link.
fn factor_required(account: &Account) -> Problem {
    let usable = account.factors.registered().usable_by(account.holder());
    let names: Vec<&str> = usable
        .iter()
        .map(|factor| match factor {
            SecondFactor::Passkey => "passkey",
            SecondFactor::Totp => "totp",
            SecondFactor::RecoveryCode => "recovery_code",
            SecondFactor::Sms => "sms_code",
        })
        .collect();
    let detail = format!(
        "The account has a second factor. Show one of these beside the link: {}.",
        names.join(", ")
    );
    Problem::new(StatusCode::FORBIDDEN, "second-factor-required", detail)
}

/// `POST /v1/auth/password-resets`
///
/// Whether the clinic and the account exist and are open is told nobody: the answer, the work and the store operations are the
/// same, and so is the message, but for a decoy's recipient. Nothing is kept for it here. That an address gets no more links for now, because
/// somebody asks for ever more, is told nobody either: see [`Postage`].
///
/// Order: request counted, link counted, record, message, answer. A crash before the message leaves a link counted that nobody was mailed; after
/// the message, a link whose request was not answered.
pub(crate) fn ask(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let ResetBody {
        clinic_id: clinic,
        email,
    } = exchange.json()?;
    let mut check = Check::new();
    let email = check.parsed(Email::parse(&email), "/email", "email", email::RULE);
    check.finish()?;
    let email = email.ok_or_else(|| Problem::defect("a checked address is missing"))?;
    let accounts = Accounts::open(exchange)?;
    limit_rate(exchange, &accounts, RouteClass::Reset)?;
    accounts.resident_clinic(exchange, clinic)?;
    let now = exchange.platform.clock.now();
    let found = accounts
        .find(clinic, &email)?
        .filter(|account| account.state == AccountState::Active);

    // With another password they are void, and a closed account's are mailed to nobody.
    let good_for = match &found {
        Some(account) => [account.id.as_bytes().as_slice(), &account.passwords.to_be_bytes()].concat(),
        None => Vec::new(),
    };
    let postage = Postage::count(exchange, &accounts, RouteClass::ResetMail, clinic, &email, &good_for)?;

    let request = Request::new(Action::Create, DataClass::Authenticator);
    let (in_clinic, request, decision, rule) = match &found {
        Some(account) if postage.is_paid() => (Some(clinic), request.of(account.id), Decision::Allowed, "reset.asked"),
        Some(account) => (Some(clinic), request.of(account.id), Decision::Denied, "reset.limited"),
        None => (None, request, Decision::Denied, "reset.refused"),
    };
    let noted = exchange.gate()?.note(in_clinic, None, &request, decision, rule);
    let event = noted.map_err(|error| postage.excuse(error.into()))?;

    let found = found.filter(|_| postage.is_paid());
    let (recipient, language) = match &found {
        // As she spelled it, not as a stranger did.
        Some(account) => (Recipient::Email(account.email.clone()), account.language.clone()),
        None => (
            Recipient::Nobody {
                channel: Channel::Email,
            },
            USUAL_LANGUAGE.to_owned(),
        ),
    };
    let account = found.unwrap_or_else(|| Account::nobody(clinic, AccountId::from_bytes([0; 16]), now));
    let link = Link::new(LinkUse::PasswordReset, clinic, account.id, account.passwords, now);
    let token = link.seal(LinkUse::PasswordReset, accounts.seal, exchange.platform.entropy)?;
    let message = Message {
        // Each event sends one link.
        key: format!("password-reset/{event}"),
        clinic_id: clinic,
        recipient,
        content: Content::PasswordReset {
            token: Confidential::new(token.to_string()),
        },
        language,
        urgency: Urgency::Queued,
        expires_at: Some(link.expires_at),
    };
    message
        .send(exchange)
        .map_err(|problem| postage.excuse(problem.recorded(event)))?;
    let answer = AskedAnswer {
        detail: "If the clinic has an open account with this address, a link is on its way to it.",
    };
    Ok(Reply::accepted(&answer)?.recorded(event))
}

/// What the link says, and the account that it is of. Whether it was used already, its number tells.
fn follow(
    exchange: &Exchange<'_>,
    accounts: &Accounts<'_>,
    attempt: &Attempt<'_>,
    link_use: LinkUse,
    token: &str,
) -> Result<(Link, Account), Problem> {
    let now = exchange.platform.clock.now();
    let refused = || {
        attempt.refused(exchange)?;
        refuse(exchange, None)
    };
    let Some(link) = Link::open(link_use, accounts.seal, token, now) else {
        return Err(refused()?);
    };
    attempt.resident_clinic(exchange, link.clinic)?;
    let account = accounts.account(link.clinic, link.account).read()?;
    let account = account.map(|account| account.value);
    match account.filter(|account| account.state == AccountState::Active) {
        Some(account) => Ok((link, account)),
        None => Err(refused()?),
    }
}

/// A link to another password that was not used, and its account, for what leads to [`confirm`].
fn follow_unused(
    exchange: &Exchange<'_>,
    accounts: &Accounts<'_>,
    attempt: &Attempt<'_>,
    token: &str,
) -> Result<(Link, Account), Problem> {
    let (link, account) = follow(exchange, accounts, attempt, LinkUse::PasswordReset, token)?;
    if account.passwords != link.number {
        attempt.refused(exchange)?;
        return Err(refuse(exchange, Some(&account))?);
    }
    // Nothing is guessed here.
    let _ = attempt.released();
    Ok((link, account))
}

/// Records what is sent or told to whoever has the link.
fn asked(exchange: &Exchange<'_>, account: &Account, rule: &'static str) -> Result<EventId, Problem> {
    let request = Request::new(Action::Create, DataClass::Authenticator).of(account.id);
    let (clinic, actor) = (Some(account.clinic), Some(account.actor(None)));
    Ok(exchange
        .gate()?
        .note(clinic, actor, &request, Decision::Allowed, rule)?)
}

/// `POST /v1/auth/password-resets/sms`
///
/// Sends a code for [`confirm`] to the number of whoever has the link and no better factor at hand.
///
/// Order: failure counted and given back, record, then see [`sms_codes::send`]. Of a refusal: record, answer.
pub(crate) fn send_code(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let LinkBody { token } = exchange.json()?;
    let accounts = Accounts::open(exchange)?;
    let attempt = Attempt::begin(exchange, &accounts, RouteClass::LogIn)?;
    let (link, account) = follow_unused(exchange, &accounts, &attempt, &token)?;
    let now = exchange.platform.clock.now();
    let phone = match sms_codes::registered_phone(&account, now) {
        Ok(phone) => phone,
        Err(problem) => return Err(refuse_as(exchange, Some(&account), problem)?),
    };
    let event = asked(exchange, &account, "reset.sms-code")?;
    let code_use = CodeUse::Reset(link.number.to_be_bytes());
    sms_codes::send_to_registered(exchange, &accounts, &account, &phone, code_use, event, &|account| {
        if account.passwords == link.number {
            Ok(())
        } else {
            Err(invalid_link())
        }
    })
}

/// `POST /v1/auth/password-resets/passkey`
///
/// What the browser needs to ask for a passkey for [`confirm`], and the clinic, which the link does not show. Which passkeys the account has
/// is not told: whoever reads the mailbox has shown no password. Nothing is written but the network's count of requests and the record: the
/// challenge proves itself.
pub(crate) fn passkey_options(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let LinkBody { token } = exchange.json()?;
    let rp = relying_party(exchange)?;
    let accounts = Accounts::open(exchange)?;
    // No guess: the link is sealed.
    let attempt = Attempt::begin_unguessable(exchange, &accounts, RouteClass::LogIn)?;
    let (link, account) = follow_unused(exchange, &accounts, &attempt, &token)?;
    if let Err(problem) = account.check_usable(SecondFactor::Passkey) {
        return Err(refuse_as(exchange, Some(&account), problem)?);
    }
    let event = asked(exchange, &account, "reset.passkey-options")?;
    let now = exchange.platform.clock.now();
    let challenge = Ceremony::LogIn(link.clinic).challenge(accounts.index, exchange.platform.entropy, now);
    let answer = PasskeyAnswer {
        clinic_id: link.clinic,
        options: rp.request_options(&challenge, &[]),
    };
    Ok(Reply::ok(&answer)?.recorded(event))
}

/// `POST /v1/auth/password-resets/confirm`
pub(crate) fn confirm(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    set_password(exchange, exchange.json()?, LinkUse::PasswordReset, "reset.confirmed")
}

/// `POST /v1/auth/recoveries/complete`
///
/// The account's owner chooses a password, with the link that was mailed to her. See [`set_password`].
pub(crate) fn complete_recovery(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let RecoveryBody { token, password } = exchange.json()?;
    let body = ConfirmBody {
        token,
        password,
        totp: None,
        sms_code: None,
        recovery_code: None,
        passkey: None,
    };
    set_password(exchange, body, LinkUse::Recovery, "recovery.completed")
}

/// Sets the password that comes with a link.
///
/// Order: failure counted, try counted (codes by SMS), record, notice, failure given back, tries forgotten, account (factor used up, password set, log-ins and sessions ended as far as the account says), sessions,
/// answer. A crash after the notice leaves a notice of what was not done; the repeated request does it and sends no
/// other. A crash after the tries leaves no lockout, to whoever has shown all that it takes. After the account, the link is used: with the same password, the repeated request finds it set, and
/// does the rest. The password is then a try like one at a log-in, so that nobody guesses it at a used link, and being right it ends no lockout.
/// A passkey's failure is counted when it is refused, but at a used link before the password is tried.
fn set_password(
    exchange: &Exchange<'_>,
    body: ConfirmBody,
    link_use: LinkUse,
    rule: &'static str,
) -> Result<Reply, Problem> {
    let ConfirmBody {
        token,
        password,
        totp,
        sms_code,
        recovery_code,
        passkey,
    } = body;
    let mut check = Check::new();
    password.check_length(&mut check, "/password");
    let shown = [
        totp.is_some(),
        sms_code.is_some(),
        recovery_code.is_some(),
        passkey.is_some(),
    ];
    check.that(
        shown.into_iter().filter(|shown| *shown).count() <= 1,
        "",
        "one-factor",
        "must have one second factor at most: what is shown beside it would be used up for nothing",
    );
    check.finish()?;
    let passkey = passkey.as_ref().map(|json| assertion(json, "/passkey")).transpose()?;
    let offered = Offered {
        password: None,
        totp: totp.as_ref().map(|code| code.as_str()),
        sms_code: sms_code.as_ref().map(|code| code.as_str()),
        recovery_code: recovery_code.as_ref().map(|code| code.as_str()),
        passkey: passkey.as_ref(),
    };

    let accounts = Accounts::open(exchange)?;
    let mut attempt = offered.begin(exchange, &accounts)?;
    let refused = |attempt: &Attempt<'_>, account: &Account| {
        attempt.refused(exchange)?;
        refuse(exchange, Some(account))
    };
    let (index, now) = (accounts.index, exchange.platform.clock.now());
    let (link, mut account) = follow(exchange, &accounts, &attempt, link_use, &token)?;
    let pepper = exchange.keyring.key("pepper")?;
    let subject = Subject::Account(account.clinic, account.id);
    let is_repeated = link.number.checked_add(1) == Some(account.passwords);
    if is_repeated {
        if offered.passkey.is_some() {
            // It is the password that is tried here, which can be guessed whatever is shown beside it.
            attempt = Attempt::begin(exchange, &accounts, RouteClass::LogIn)?;
        }
        let verdict = attempt.at(subject, &[Factor::Password])?;
        if !account.password.is_of(&password, pepper)? || verdict == Verdict::Locked {
            return Err(refused(&attempt, &account)?);
        }
    } else if link.number != account.passwords {
        return Err(refused(&attempt, &account)?);
    }
    let request = Request::new(Action::Amend, DataClass::Authenticator).of(account.id);
    let actor = account.actor(None);
    let record = || {
        let gate = exchange.gate()?;
        Ok::<_, Problem>(gate.note(Some(link.clinic), Some(actor), &request, Decision::Allowed, rule)?)
    };
    if is_repeated {
        let event = record().map_err(|problem| attempt.excuse(problem))?;
        let _ = attempt.released();
        return finish(exchange, &accounts, &account, event);
    }

    let ceremony = Ceremony::LogIn(link.clinic);
    let passkey = offered.passkey_proof(exchange, ceremony)?;
    let code_use = CodeUse::Reset(link.number.to_be_bytes());
    let proof = offered.proof(code_use, passkey.as_ref());
    if let Some(factor) = proof.as_ref().and_then(|proof| proof.factor().throttled())
        && attempt.at(subject, &[factor])? == Verdict::Locked
    {
        return Err(refused(&attempt, &account)?);
    }
    if let Some(Proof::Sms(..)) = proof {
        match sms_codes::count_try(&accounts, &account, now, Factors::sms_code_mut)? {
            Some(counted) => account = counted,
            None => return Err(refused(&attempt, &account)?),
        }
    }
    if proof.is_none() && !account.factors.registered().usable_by(account.holder()).is_empty() {
        let problem = attempt.excuse(factor_required(&account));
        return Err(refuse_as(exchange, Some(&account), problem)?);
    }
    let decide = |account: &mut Account| -> Result<bool, Problem> {
        Ok(account.passwords == link.number && account.may_reset(proof.as_ref(), index, now)?)
    };
    if !decide(&mut account.clone())? {
        return Err(refused(&attempt, &account)?);
    }
    if let Err(problem) = check_new_password(&accounts, &account, &password, "/password") {
        return Err(refuse_as(exchange, Some(&account), attempt.excuse(problem))?);
    }
    let hash = PasswordHash::make(&password, pepper, exchange.platform.entropy)?;
    let excused = |problem| excuse(&accounts, &account, &attempt, proof.as_ref(), problem);
    let event = record().map_err(excused)?;
    let occasion = [b"link".as_slice(), &link.number.to_be_bytes()].concat();
    notice::tell(exchange, &accounts, &account, &occasion, Content::PasswordChanged)
        .map_err(|problem| excused(problem.recorded(event)))?;
    // Before the password: otherwise whoever forgot hers, and shut its factor with trying, could not repeat what dies after it.
    let _ = attempt.released();
    clear_all(&accounts, account.clinic, account.id).map_err(|problem| problem.recorded(event))?;
    let mut changed = account.clone();
    let set = accounts.change(account.clinic, account.id, &mut |account| {
        if !decide(account)? {
            return Err(Unchanged::Raced);
        }
        account.set_password(hash.clone());
        account.end_log_ins();
        changed = account.clone();
        Ok(())
    });
    match set {
        Ok(()) => {}
        Err(UpdateError::Refused(Unchanged::Raced)) => return Err(refuse(exchange, Some(&account))?),
        Err(error) => return Err(Problem::from(error).recorded(event)),
    }
    finish(exchange, &accounts, &changed, event)
}

/// What is left once the password is set.
fn finish(
    exchange: &Exchange<'_>,
    accounts: &Accounts<'_>,
    account: &Account,
    event: EventId,
) -> Result<Reply, Problem> {
    end_others(exchange, accounts, account, None).map_err(|problem| problem.recorded(event))?;
    Ok(Reply::no_content().recorded(event))
}

/// Records a refusal, which is counted already.
fn refuse(exchange: &Exchange<'_>, account: Option<&Account>) -> Result<Problem, Problem> {
    refuse_as(exchange, account, invalid_link())
}

fn refuse_as(exchange: &Exchange<'_>, account: Option<&Account>, problem: Problem) -> Result<Problem, Problem> {
    let request = Request::new(Action::Amend, DataClass::Authenticator);
    record_refusal(exchange, request, account, "reset.refused", problem)
}
