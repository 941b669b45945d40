//! Whoever has a session: what she may do, and how her sessions end with what she could do before.

use access::{Caller, Recorded, Request};
use model::SessionId;
use store::{UpdateError, Versioned};
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

/// The account that the caller's session is of.
///
/// # Errors
/// 503 where the store does not answer, 500 where there is no such account.
pub fn own_account(accounts: &Accounts<'_>, caller: &Caller) -> Result<Versioned<Account>, Problem> {
    let account = accounts.account(caller.clinic(), caller.account()).read()?;
    account.ok_or_else(|| Problem::defect("a session belongs to an account that does not exist"))
}

/// Ends all sessions of an account but one. `account` has to be as it is after whatever is the reason.
///
/// Order: account (slots marked), sessions (revoked). A log-in that has its slot and not yet its session looks at the account once it
/// has: whichever comes first, one of the two sees the other, and no session outlives this. A crash in between leaves those alive
/// that were not come to, listed and revocable; repeated, it goes on with them.
///
/// # Errors
/// 503 where a store does not answer; some may have ended.
pub fn end_others(
    exchange: &Exchange<'_>,
    accounts: &Accounts<'_>,
    account: &Account,
    kept: Option<SessionId>,
) -> Result<(), Problem> {
    let mut slots = account.slots.clone();
    if slots.iter().any(|slot| !slot.ended && Some(slot.session) != kept) {
        accounts.change(account.clinic, account.id, &mut |account| {
            slots::end_all_but(&mut account.slots, kept);
            slots.clone_from(&account.slots);
            Ok(())
        })?;
    }
    let attestor = exchange.keyring.attests("sessions")?;
    let sessions = exchange.sessions(attestor)?;
    let now = exchange.platform.clock.now();
    for slot in &slots {
        let revoked = sessions.change(attestor, &slot.id, |session| {
            if Some(session.id) == kept || session.revoked_at.is_some() {
                return Err(());
            }
            session.revoked_at = Some(now);
            Ok(())
        });
        match revoked {
            // Refused: the one that is kept, or one that is over. Absent: a log-in has not written its session, or has died.
            Ok(()) | Err(UpdateError::Refused(()) | UpdateError::Absent) => {}
            Err(UpdateError::Stale) => return Err(Problem::stale()),
            Err(UpdateError::Store(error)) => return Err(error.into()),
        }
    }
    Ok(())
}
