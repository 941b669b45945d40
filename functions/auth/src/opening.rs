//! Opening a session for somebody who has shown enough: one way in, whatever was shown.

use access::{Assurance, Request, Session, Token};
use account::factor::SecondFactor;
use account::slots::{self, Place, Slot};
use account::step;
use account::{Account, Accounts, SESSION_LENGTH, Unchanged};
use audit_trail::Decision;
use crypto::Secret;
use model::{AccountId, Action, Confidential, DataClass, Role, SessionId, Timestamp};
use ports::EntropyExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::UpdateError;
use web::{Check, Exchange, Problem, Reply};
use zeroize::Zeroizing;

const MOST_DEVICE_NAME: usize = 100;

/// Checks what somebody calls her device.
pub(crate) fn check_device_name(check: &mut Check, device_name: Option<&str>) {
    if let Some(device_name) = device_name {
        check.text(device_name, "/device_name", 1, MOST_DEVICE_NAME);
    }
}

/// How the session's token travels from then on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "SessionTransport")]
pub(crate) enum Transport {
    /// The caller keeps it and sends it as a bearer (RFC 6750).
    #[default]
    Bearer,
    /// A browser keeps it where no script can read it, and the page sends a second token beside it.
    Cookie,
}

// What an answer says of a session's token: the token, or what a page has to send beside the cookie that it is in.
#[derive(Serialize, JsonSchema)]
pub(crate) struct HandedOver {
    /// The session's bearer token. Absent where it is in a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    token: Option<Zeroizing<String>>,
    /// What has to be sent as `X-CSRF-Token` beside the session's cookie. Absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    csrf_token: Option<Zeroizing<String>>,
}

impl Transport {
    pub(crate) fn hand_over(self, token: &Token, index: &Secret) -> HandedOver {
        HandedOver {
            token: (self == Self::Bearer).then(|| token.reveal()),
            csrf_token: (self == Self::Cookie).then(|| token.csrf_token(index)),
        }
    }

    /// The answer, with the cookie for as many seconds where the token is in one.
    pub(crate) fn keep(self, reply: Reply, token: &Token, seconds: i64) -> Reply {
        match self {
            Self::Bearer => reply,
            Self::Cookie => reply.session_cookie(token, seconds),
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OpenedSession")]
pub(crate) struct SessionAnswer<'s> {
    session_id: SessionId,
    #[serde(flatten)]
    handed_over: HandedOver,
    account_id: AccountId,
    roles: &'s [Role],
    assurance: Assurance,
    /// What would be better than what was shown. Absent where there is nothing better.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    suggested: &'static [SecondFactor],
    expires_at: Timestamp,
    /// After how long without a request the session ends.
    idle_seconds: u32,
}

/// A log-in that is decided.
pub(crate) struct Opening<'o> {
    pub(crate) accounts: &'o Accounts<'o>,
    /// As it was when that was decided.
    pub(crate) account: &'o Account,
    pub(crate) assurance: Assurance,
    pub(crate) rule: &'static str,
    pub(crate) device_name: Option<Confidential<String>>,
    pub(crate) transport: Transport,
}

impl Opening<'_> {
    /// Opens the session. `again` decides once more on what the account is by then, and uses up what was shown; `None` where
    /// it decides otherwise, and where the account has other roles or another client by then: whoever changed these has ended the sessions
    /// that there were, and would not come to one that begins afterwards with those before.
    ///
    /// Order: record, account (what was shown used up, slot taken), session, a look at the account, answer. A crash after the account leaves a slot
    /// whose session does not exist, which no list shows and which a later log-in takes; what was shown is used up all the
    /// same, and the repeated request needs another code. Where the slot had a session before, it ends as soon as its
    /// document is replaced; until then, also after a crash, it lives, is listed and can be ended. A crash after the session
    /// leaves one that is listed and whose token nobody has; it ends idle.
    pub(crate) fn open(
        self,
        exchange: &Exchange<'_>,
        again: &mut dyn FnMut(&mut Account) -> Result<bool, Problem>,
    ) -> Result<Option<Reply>, Problem> {
        let Self {
            accounts,
            account,
            assurance,
            rule,
            device_name,
            transport,
        } = self;
        let clinic = accounts
            .resident_clinic(exchange, account.clinic)?
            .ok_or_else(|| Problem::defect("an account is of no clinic"))?;
        let (entropy, now) = (exchange.platform.entropy, exchange.platform.clock.now());
        let id: SessionId = entropy.id();
        let request = Request::new(Action::Create, DataClass::Session).of(id);
        let actor = account.actor(Some(id));
        let event = exchange
            .gate()?
            .note(Some(account.clinic), Some(actor), &request, Decision::Allowed, rule)?;

        let wanted = Slot {
            id: entropy.bytes(),
            session: id,
            created_at: now,
            expires_at: now.saturating_add(account.session_length()).unwrap_or(now),
            ended: false,
            device_name,
            network: exchange.network().map(Confidential::new),
        };
        let mut place = None;
        let decided = account;
        let taken = accounts.change(account.clinic, account.id, &mut |account| {
            let is_same = account.roles == decided.roles && account.client == decided.client;
            if !is_same || !again(account)? {
                return Err(Unchanged::Raced);
            }
            account.enrolled_at.get_or_insert(now);
            place = Some(slots::take(&mut account.slots, wanted.clone(), now));
            Ok(())
        });
        let place = match (taken, place) {
            (Ok(()), Some(place)) => place,
            (Err(UpdateError::Refused(Unchanged::Raced)), _) => return Ok(None),
            (Err(error), _) => return Err(Problem::from(error).recorded(event)),
            (Ok(()), None) => return Err(Problem::defect("a change that was made was not tried").recorded(event)),
        };

        let attestor = exchange.keyring.attests("sessions")?;
        let (Place::New(slot) | Place::Again(slot)) = place;
        let token = Token::new(&slot, &entropy.bytes());
        let session = Session {
            id,
            account: account.id,
            clinic: account.clinic,
            region: clinic.region,
            roles: account.roles.clone(),
            client: account.client,
            assurance,
            proven_at: now,
            verifier: token.verifier(attestor.index()),
            created_at: now,
            expires_at: wanted.expires_at,
            idle_seconds: account.idle_seconds(),
            revoked_at: None,
        };
        let sessions = exchange.sessions(attestor)?;
        let begun = match place {
            Place::New(_) => sessions.begin(attestor, &slot, &session),
            Place::Again(_) => sessions.begin_again(attestor, &slot, &session),
        };
        begun.map_err(|error| Problem::from(error).recorded(event))?;
        // Whoever closes the account marks it first and looks for sessions then. Here the session comes first and the
        // look at the account then: one of the two sees the other, and no session outlives what was to end it.
        let marked = accounts.account(account.clinic, account.id).read()?;
        if !marked.is_some_and(|account| account.value.lets_in(id)) {
            sessions
                .change(attestor, &slot, |session| {
                    if session.id == id {
                        session.revoked_at.get_or_insert(now);
                    }
                    Ok::<_, Problem>(())
                })
                .map_err(|error| Problem::from(error).recorded(event))?;
            return Ok(None);
        }
        let answer = SessionAnswer {
            session_id: id,
            handed_over: transport.hand_over(&token, attestor.index()),
            account_id: session.account,
            roles: &session.roles,
            assurance,
            suggested: if account.is_service() {
                &[]
            } else {
                step::suggested(assurance)
            },
            expires_at: session.expires_at,
            idle_seconds: session.idle_seconds,
        };
        let reply = Reply::created("/v1/auth/sessions/current", &answer)?.recorded(event);
        Ok(Some(transport.keep(reply, &token, SESSION_LENGTH.as_secs())))
    }
}
