//! Whoever has a session: what she may do, and how her sessions end with what she could do before.

use access::{Caller, Recorded, Request};
use model::SessionId;
use store::UpdateError;
use web::{Exchange, Problem};

use crate::account::{Account, Accounts};
use crate::slots;

/// Authenticates, decides and records.
///
/// # Errors
/// 401 without a live session, 403 where she may not, 503 where that cannot be recorded.
pub fn admit(exchange: &Exchange<'_>, request: Request) -> Result<(Recorded, Caller), Problem> {
    let attestor = exchange.keyring.attests("sessions")?;
    let caller = exchange.authenticate(&exchange.sessions(attestor)?)?;
    let request = request.purpose(exchange.purpose()?);
    let recorded = exchange.gate()?.admit(&caller, &request, None)?;
    Ok((recorded, caller))
}

/// Ends all sessions of an account but one. `account` has to be as it is after whatever is the reason, so that a log-in that was not
/// hindered by it is seen here. What is not seen is a log-in that had its slot before, and writes its session after this came
/// by: it is listed and can be ended like any other.
///
/// Order: sessions (revoked), the one that is kept aside; account (slots free). A crash in between leaves those alive that were not
/// come to, listed and revocable; repeated, it goes on with them.
///
/// # Errors
/// 503 where a store does not answer; some may have ended.
pub fn end_others(
    exchange: &Exchange<'_>,
    accounts: &Accounts<'_>,
    account: &Account,
    kept: Option<SessionId>,
) -> Result<(), Problem> {
    let attestor = exchange.keyring.attests("sessions")?;
    let sessions = exchange.sessions(attestor)?;
    let now = exchange.platform.clock.now();
    let mut ended = Vec::new();
    for slot in &account.slots {
        let mut session_id = None;
        let revoked = sessions.change(attestor, &slot.id, |session| {
            if Some(session.id) == kept || session.revoked_at.is_some() {
                return Err(());
            }
            session_id = Some(session.id);
            session.revoked_at = Some(now);
            Ok(())
        });
        match revoked {
            Ok(()) => ended.extend(session_id),
            // The one that is kept, one that is over, or a slot whose log-in died before it wrote its session.
            Err(UpdateError::Refused(()) | UpdateError::Absent) => {}
            Err(UpdateError::Stale) => return Err(Problem::stale()),
            Err(UpdateError::Store(error)) => return Err(error.into()),
        }
    }
    if ended.is_empty() {
        return Ok(());
    }
    // They are over whether their slots are free now or later.
    let _ = accounts.change(account.clinic, account.id, &mut |account| {
        for session in &ended {
            slots::end(&mut account.slots, *session);
        }
        Ok(())
    });
    Ok(())
}
