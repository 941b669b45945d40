//! Log-in, and the proof that an app has the account's second factor.
//!
//! Whatever is wrong, the answer is the same, after the same work: the same store operations and one Argon2id.
//!
//! Each try is counted as failed before anything else is written, and given back after all is written (see [`Attempt`]).

use access::{Activity, Request, Session, Sessions, Token};
use audit_trail::{Actor, Decision};
use crypto::{Attestor, Sealer};
use model::{AccountId, Action, ClinicId, Confidential, DataClass, Role, SessionId, Timestamp};
use ports::{Creation, EntropyExt};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::{Doc, UpdateError};
use web::{Check, Exchange, Problem, Reply};
use zeroize::Zeroizing;

use crate::account::{Account, Accounts, Factors, SESSION_LENGTH};
use crate::email::{self, Email};
use crate::password::Password;
use crate::slots::{self, Place, Slot, SlotId};
use crate::throttle::{Attempt, Factor, RouteClass, Subject, Verdict};

const MOST_DEVICE_NAME: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogInBody {
    clinic_id: ClinicId,
    email: String,
    password: Password,
    totp: Option<Zeroizing<String>>,
    device_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmBody {
    clinic_id: ClinicId,
    email: String,
    password: Password,
    code: Zeroizing<String>,
}

#[derive(Serialize)]
struct LogInAnswer<'s> {
    session_id: SessionId,
    token: Zeroizing<String>,
    account_id: AccountId,
    roles: &'s [Role],
    expires_at: Timestamp,
    idle_seconds: u32,
}

/// An account, or one that does not exist, and whether the password was right.
struct Presented<'t> {
    attempt: Attempt<'t>,
    account: Account,
    exists: bool,
    verdict: Verdict,
    password_is_right: bool,
}

fn invalid_credentials() -> Problem {
    Problem::new(
        http::StatusCode::UNAUTHORIZED,
        "invalid-credentials",
        "The clinic, e-mail address, password or code is not right, the code was used before, or the account is not set up yet.",
    )
}

fn checked(email: &str, password: &Password, mut check: Check) -> Result<Email, Problem> {
    let email = check.parsed(Email::parse(email), "/email", "email", email::RULE);
    password.check_length(&mut check, "/password");
    check.finish()?;
    email.ok_or_else(|| Problem::defect("a checked address is missing"))
}

/// Looks the account up and checks the password. At a locked factor nothing is right, and everything takes as long.
fn present<'t>(
    exchange: &Exchange<'_>,
    accounts: &'t Accounts<'t>,
    clinic: ClinicId,
    email: &Email,
    password: &Password,
    factors: &[Factor],
) -> Result<Presented<'t>, Problem> {
    let mut attempt = Attempt::begin(exchange, accounts, RouteClass::LogIn)?;
    let found = accounts.find(clinic, email)?;
    let exists = found.is_some();
    let subject = match &found {
        Some(account) => Subject::Account(clinic, account.id),
        None => Subject::Nobody(clinic, email),
    };
    let verdict = attempt.at(subject, factors)?;
    let account = found.unwrap_or_else(|| {
        let id = AccountId::from_bytes([0; 16]);
        Account::nobody(clinic, id, exchange.platform.clock.now())
    });
    let password_is_right = account.password.is_of(password, exchange.keyring.key("pepper")?)?;
    Ok(Presented {
        attempt,
        account,
        exists,
        verdict,
        password_is_right: password_is_right && exists && verdict == Verdict::Open,
    })
}

impl Presented<'_> {
    /// Counts and records a refusal.
    fn refuse(&self, exchange: &Exchange<'_>, action: Action, class: DataClass) -> Result<Problem, Problem> {
        let wrong = if self.password_is_right {
            Factor::Totp
        } else {
            Factor::Password
        };
        self.attempt.failed(wrong)?;
        let rule = match self.verdict {
            Verdict::Open => "login.refused",
            Verdict::Locked => "login.locked",
        };
        let (clinic, request) = if self.exists {
            let request = Request::new(action, class).of(self.account.id);
            (Some(self.account.clinic), request)
        } else {
            (None, Request::new(action, class))
        };
        let event = exchange.gate()?.note(clinic, None, &request, Decision::Denied, rule)?;
        Ok(invalid_credentials().recorded(event))
    }

    fn actor(&self, session: Option<SessionId>) -> Actor {
        Actor {
            account: self.account.id,
            role: self.account.first_role(),
            session,
        }
    }
}

/// `POST /v1/auth/totp/confirm`
///
/// Order: record, account, answer. One change; a crash after it loses the answer only, and the same code is right once more.
pub(crate) fn confirm_totp(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let ConfirmBody {
        clinic_id: clinic,
        email,
        password,
        code,
    } = exchange.json()?;
    let email = checked(&email, &password, Check::new())?;
    let accounts = Accounts::open(exchange)?;
    let factors = [Factor::Password, Factor::Totp];
    let presented = present(exchange, &accounts, clinic, &email, &password, &factors)?;
    let now = exchange.platform.clock.now();
    let refused = || presented.refuse(exchange, Action::Amend, DataClass::Account);
    let step = match presented.account.totp.check_confirmation(&code, now)? {
        Some(step) if presented.password_is_right => step,
        _ => return Err(refused()?),
    };
    let request = Request::new(Action::Amend, DataClass::Account).of(presented.account.id);
    let actor = presented.actor(None);
    let event = exchange
        .gate()?
        .note(Some(clinic), Some(actor), &request, Decision::Allowed, "enrolment.totp")?;
    let confirmed = accounts.account(clinic, presented.account.id).update(None, |account| {
        if account.password != presented.account.password || !account.totp.confirm(step) {
            return Err(invalid_credentials());
        }
        account.enrolled_at.get_or_insert(now);
        Ok(())
    });
    match confirmed {
        Ok(_) => {}
        // Used up since it was read.
        Err(UpdateError::Refused(_)) => return Err(refused()?),
        Err(error) => return Err(Problem::from(error).recorded(event)),
    }
    // The account is confirmed whether the failures before are forgotten now or later.
    let _ = presented.attempt.succeeded();
    Ok(Reply::no_content().recorded(event))
}

/// `POST /v1/auth/sessions`
///
/// Order: record, account (code used up, slot taken), session, activity, answer. A crash after the account leaves a slot
/// whose session does not exist, which no list shows and which a later log-in takes; the code is used up all the same,
/// and the repeated request needs the app's next one. A session without its activity is not let in by anybody, and
/// nobody was told its token. Where the slot had a session before, it ends as soon as its document is replaced; until
/// then, also after a crash, it lives, is listed and can be ended. A crash after the activity leaves a session that is
/// listed and whose token nobody has; it ends idle.
pub(crate) fn log_in(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let LogInBody {
        clinic_id: clinic,
        email,
        password,
        totp,
        device_name,
    } = exchange.json()?;
    let mut check = Check::new();
    if let Some(device_name) = &device_name {
        check.text(device_name, "/device_name", 1, MOST_DEVICE_NAME);
    }
    let email = checked(&email, &password, check)?;
    let accounts = Accounts::open(exchange)?;
    let shown: &[Factor] = match &totp {
        Some(_) => &[Factor::Password, Factor::Totp],
        None => &[Factor::Password],
    };
    let presented = present(exchange, &accounts, clinic, &email, &password, shown)?;
    let now = exchange.platform.clock.now();
    let code = totp.as_ref().map(|code| code.as_str());
    let refused = || presented.refuse(exchange, Action::Create, DataClass::Session);
    let factors = match presented.account.factors(code, now)? {
        Some(factors) if presented.password_is_right => factors,
        _ => return Err(refused()?),
    };

    let entropy = exchange.platform.entropy;
    let id: SessionId = entropy.id();
    let request = Request::new(Action::Create, DataClass::Session).of(id);
    let rule = match factors {
        Factors::Password => "login.password",
        Factors::PasswordAndTotp(_) => "login.password-totp",
    };
    let actor = presented.actor(Some(id));
    let event = exchange
        .gate()?
        .note(Some(clinic), Some(actor), &request, Decision::Allowed, rule)?;

    let wanted = Slot {
        id: entropy.bytes(),
        session: id,
        created_at: now,
        expires_at: now.saturating_add(SESSION_LENGTH).unwrap_or(now),
        ended: false,
        device_name: device_name.map(Confidential::new),
    };
    let hash = &presented.account.password;
    let upgraded = hash.upgraded(&password, exchange.keyring.key("pepper")?, entropy)?;
    let taken = accounts.account(clinic, presented.account.id).update(None, |account| {
        // Decided again on what the account is now: the code may be used up since, or have become needed.
        match account.factors(code, now)? {
            Some(factors) if account.password == presented.account.password => {
                if let Factors::PasswordAndTotp(step) = factors
                    && !account.totp.use_up(step)
                {
                    return Err(invalid_credentials());
                }
            }
            _ => return Err(invalid_credentials()),
        }
        account.enrolled_at.get_or_insert(now);
        if let Some(upgraded) = &upgraded {
            account.password = upgraded.clone();
        }
        Ok(slots::take(&mut account.slots, wanted.clone(), now))
    });
    let place = match taken {
        Ok(taken) => taken.value,
        Err(UpdateError::Refused(problem)) if problem.status == http::StatusCode::UNAUTHORIZED => {
            return Err(refused()?);
        }
        Err(error) => return Err(Problem::from(error).recorded(event)),
    };

    let attestor = exchange.keyring.attests("sessions")?;
    let (Place::New(slot) | Place::Again(slot)) = place;
    let token = Token::new(&slot, &entropy.bytes());
    let session = Session {
        id,
        account: presented.account.id,
        clinic,
        roles: presented.account.roles.clone(),
        client: presented.account.client,
        verifier: token.verifier(attestor.index()),
        created_at: now,
        expires_at: wanted.expires_at,
        idle_seconds: presented.account.idle_seconds(),
        revoked_at: None,
    };
    begin(&exchange.sessions(attestor)?, attestor, place, slot, &session).map_err(|problem| problem.recorded(event))?;
    // The session has begun whether the failures before are forgotten now or later.
    let _ = presented.attempt.succeeded();
    Ok(Reply::created(
        "/v1/auth/sessions/current",
        &LogInAnswer {
            session_id: id,
            token: token.reveal(),
            account_id: session.account,
            roles: &session.roles,
            expires_at: session.expires_at,
            idle_seconds: session.idle_seconds,
        },
    )?
    .recorded(event))
}

/// Writes the session into its slot.
fn begin(
    sessions: &Sessions<'_>,
    attestor: &Attestor,
    place: Place,
    slot: SlotId,
    session: &Session,
) -> Result<(), Problem> {
    let activity = Activity {
        session: session.id,
        at: session.created_at,
    };
    let (session_doc, activity_doc) = (sessions.doc(&slot, attestor), sessions.activity(&slot));
    match place {
        Place::New(_) => {
            session_doc.create_unshared(session)?;
            activity_doc.create_unshared(&activity)?;
        }
        Place::Again(_) => {
            let mut replaced = None;
            put(&session_doc, session, |before| {
                replaced = Some(before.id);
                before.created_at > session.created_at
            })?;
            // Whoever still used the session that had to go may have touched it since this log-in began.
            put(&activity_doc, &activity, |before| {
                Some(before.session) != replaced && before.at > activity.at
            })?;
        }
    }
    Ok(())
}

/// Replaces what is in a used slot, unless a log-in that took the slot later was faster. The document is missing where
/// the log-in that took the slot first died before it wrote it.
fn put<T, K>(doc: &Doc<'_, T, K>, value: &T, mut is_newer: impl FnMut(&T) -> bool) -> Result<(), Problem>
where
    T: Clone + Serialize + DeserializeOwned,
    K: Sealer + ?Sized,
{
    let mut update = || {
        doc.update(None, |before| {
            if is_newer(before) {
                return Err(Problem::from(store::StoreError::Contended));
            }
            *before = value.clone();
            Ok(())
        })
    };
    match update() {
        Err(UpdateError::Absent) => {}
        done => return Ok(done.map(drop)?),
    }
    match doc.create(value)? {
        Creation::Created => Ok(()),
        Creation::Exists => Ok(update().map(drop)?),
    }
}
