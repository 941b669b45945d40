//! What everybody can see of their own sessions, and how to end them.

use access::{Assurance, Caller, Request, Sessions, Used};
use account::session::{admit, end_others, own_account};
use account::slots::{self, Slot};
use account::{Account, Accounts};
use model::{AccountId, Action, ClientId, ClinicId, Confidential, DataClass, EventId, Role, SessionId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::{Exchange, Problem, Reply};
use zeroize::Zeroizing;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OwnSession")]
struct SessionAnswer {
    id: SessionId,
    created_at: Timestamp,
    last_used_at: Timestamp,
    expires_at: Timestamp,
    /// What its owner called the device, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_name: Option<Confidential<String>>,
    /// The IP address that it was begun from. Absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<Confidential<String>>,
    /// Whether it is the one that this request was made with.
    current: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevokeAllQuery {
    /// This one, too.
    #[serde(default)]
    all: bool,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OwnSessions")]
pub(crate) struct ListAnswer {
    sessions: Vec<SessionAnswer>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CurrentSession")]
pub(crate) struct CurrentAnswer<'s> {
    session_id: SessionId,
    account_id: AccountId,
    clinic_id: ClinicId,
    roles: &'s [Role],
    /// Whose records a client reads. Absent where the account is not linked to a client file.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<ClientId>,
    created_at: Timestamp,
    expires_at: Timestamp,
    /// After how long without a request it ends.
    idle_seconds: u32,
    assurance: Assurance,
    /// When its owner last showed what she logs in with.
    proven_at: Timestamp,
    /// What has to be sent as `X-CSRF-Token` beside the session's cookie, for a page that was loaded anew. Absent where there is no cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    csrf_token: Option<Zeroizing<String>>,
}

/// The slot in which a session of the account lies.
pub(crate) fn slot_of(sessions: &Sessions<'_>, account: Account, id: SessionId) -> Result<Option<Slot>, Problem> {
    let mut slots = account.slots;
    // The one that the account names first: nearly always that is where it lies.
    slots.sort_by_key(|slot| slot.session != id);
    for slot in slots {
        if sessions.read(&slot.id)?.is_some_and(|used| used.session.id == id) {
            return Ok(Some(slot));
        }
    }
    Ok(None)
}

/// `GET /v1/auth/sessions`
pub(crate) fn list(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let (recorded, caller) = admit(exchange, Request::new(Action::List, DataClass::Session))?;
    let accounts = Accounts::open(exchange)?;
    let attestor = exchange.keyring.attests("sessions")?;
    let sessions = exchange.sessions(attestor)?;
    let now = exchange.platform.clock.now();
    let mut answer = Vec::with_capacity(slots::MOST);
    for slot in own_account(&accounts, &caller)?.value.slots {
        // It need not be the one that the account last began there: where a log-in took the slot of a session that
        // lived and died before it wrote its own, the one before lives on, and must be seen and ended.
        let Some(Used { session, last_used_at }) = sessions.read(&slot.id)? else {
            continue;
        };
        if session.is_live(last_used_at, now) {
            answer.push(SessionAnswer {
                id: session.id,
                created_at: session.created_at,
                last_used_at,
                expires_at: session.expires_at,
                // The slot speaks of the log-in that took it last.
                device_name: slot.device_name.filter(|_| slot.session == session.id),
                network: slot.network.filter(|_| slot.session == session.id),
                current: session.id == caller.session().id,
            });
        }
    }
    answer.sort_by_key(|session| std::cmp::Reverse(session.created_at));
    Ok(Reply::ok(&ListAnswer { sessions: answer })?.recorded(recorded.event()))
}

/// `GET /v1/auth/sessions/current`
pub(crate) fn inspect(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let (recorded, caller) = admit(
        exchange,
        Request::new(Action::Read, DataClass::Session).while_enrolling(),
    )?;
    let session = caller.session();
    let attestor = exchange.keyring.attests("sessions")?;
    Ok(Reply::ok(&CurrentAnswer {
        session_id: session.id,
        account_id: session.account,
        clinic_id: session.clinic,
        roles: &session.roles,
        client_id: session.client,
        created_at: session.created_at,
        expires_at: session.expires_at,
        idle_seconds: session.idle_seconds,
        assurance: session.assurance,
        proven_at: session.proven_at,
        csrf_token: exchange.csrf_token(attestor.index())?,
    })?
    .recorded(recorded.event()))
}

/// `DELETE /v1/auth/sessions/current`
pub(crate) fn log_out(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let (recorded, caller) = admit(
        exchange,
        Request::new(Action::Revoke, DataClass::Session).while_enrolling(),
    )?;
    // A browser that sent its session as a cookie is to forget it; to another the header says nothing.
    Ok(end(exchange, &caller, caller.session().id, recorded.event())?.without_session_cookie())
}

/// `DELETE /v1/auth/sessions/{session}`
pub(crate) fn revoke(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let id: SessionId = exchange.parameter("session")?;
    let (recorded, caller) = admit(exchange, Request::new(Action::Revoke, DataClass::Session).of(id))?;
    end(exchange, &caller, id, recorded.event())
}

/// `DELETE /v1/auth/sessions`
///
/// Ends the caller's other sessions, and with `?all=true` this one too.
///
/// Order: record, then see [`end_others`].
pub(crate) fn revoke_all(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let RevokeAllQuery { all } = exchange.query()?;
    let (recorded, caller) = admit(exchange, Request::new(Action::Revoke, DataClass::Session))?;
    let accounts = Accounts::open(exchange)?;
    let account = own_account(&accounts, &caller)?.value;
    let kept = (!all).then_some(caller.session().id);
    end_others(exchange, &accounts, &account, kept).map_err(|problem| problem.recorded(recorded.event()))?;
    Ok(Reply::no_content().recorded(recorded.event()))
}

/// Ends one of the caller's own sessions.
///
/// Order: record, session (revoked), account (slot free), answer. The session is over everywhere with its document. A
/// crash after it leaves a slot that counts as taken until the session would have expired, or until it is the oldest.
fn end(exchange: &Exchange<'_>, caller: &Caller, id: SessionId, event: EventId) -> Result<Reply, Problem> {
    let accounts = Accounts::open(exchange)?;
    let attestor = exchange.keyring.attests("sessions")?;
    let sessions = exchange.sessions(attestor)?;
    let now = exchange.platform.clock.now();
    let account = own_account(&accounts, caller)?.value;
    let slot = slot_of(&sessions, account, id)?.ok_or_else(|| Problem::not_found(event))?;
    sessions
        .change(attestor, &slot.id, |session| {
            // A later log-in may have taken the slot since: then the session is over already.
            if session.id == id {
                session.revoked_at.get_or_insert(now);
            }
            Ok::<_, Problem>(())
        })
        .map_err(|error| Problem::from(error).recorded(event))?;
    let _ = accounts.change(caller.clinic(), caller.account(), &mut |account| {
        slots::end(&mut account.slots, id);
        Ok(())
    });
    Ok(Reply::no_content().recorded(event))
}
