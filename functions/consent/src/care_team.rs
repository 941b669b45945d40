//! Who treats a client.

use access::CareTeamMember;
use model::{AccountId, Action, DataClass};
use store::UpdateError;
use web::{Exchange, Problem, Reply};

use crate::clients::NoFields;
use crate::file::ClientFile;
use crate::ledger::Membership;

/// The most that treat one client. The permissions document is read on every request about her, so it stays small.
const MEMBERS: usize = 64;

/// Adds somebody. Whether the account exists only `auth` knows: an account that is not there logs in nowhere.
///
/// Order: ledger, permissions, agreement of the two, answer. A crash after the ledger entry leaves somebody entered who has no
/// access yet; the repeated request finds the entry and gives it.
pub(crate) fn add(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let account: AccountId = exchange.parameter("account")?;
    NoFields::check(exchange)?;
    let caller = exchange.caller()?;
    let (file, recorded, permissions) = ClientFile::enter(
        exchange,
        &caller,
        Action::Create,
        DataClass::CareTeam,
        Some(account.to_string()),
    )?;
    let now = exchange.platform.clock.now();
    let full = || {
        Problem::conflict(
            "care-team-full",
            format!("A care team has at most {MEMBERS} members. Remove one first."),
        )
        .recorded(recorded.event())
    };
    if !permissions.treats(account) {
        // Looked at before anything is written, so that the ledger does not name somebody who is then refused.
        if permissions.care_team.len() >= MEMBERS {
            return Err(full());
        }
        let change = Membership {
            account_id: account,
            at: now,
            recorded_by: recorded.account(),
        };
        let since = file.ledger().ensure_membership(true, change)?;
        let added = file.permissions().update(None, |permissions| {
            if permissions.treats(account) {
                return Ok(());
            }
            if permissions.care_team.len() >= MEMBERS {
                return Err(full());
            }
            permissions.care_team.push(CareTeamMember { account, since });
            Ok(())
        });
        match added {
            Ok(_) => {}
            // The last place was taken meanwhile: the ledger must not go on naming a member who is none.
            Err(UpdateError::Refused(refused)) => {
                file.settle(account, recorded.account(), now)?;
                return Err(refused);
            }
            Err(error) => return Err(error.into()),
        }
    }
    file.settle(account, recorded.account(), now)?;
    Ok(Reply::no_content().recorded(recorded.event()))
}

/// Removes somebody, who is refused from the next request on.
///
/// Order: permissions, ledger, answer. A crash in between leaves somebody without access whom the ledger still shows as a member;
/// the repeated request, or the next change for the same account, enters it. A member who removes herself may not repeat
/// it: she has no access any more, so then an administrator's request enters it.
pub(crate) fn remove(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let account: AccountId = exchange.parameter("account")?;
    NoFields::check(exchange)?;
    let caller = exchange.caller()?;
    let (file, recorded, permissions) = ClientFile::enter(
        exchange,
        &caller,
        Action::Revoke,
        DataClass::CareTeam,
        Some(account.to_string()),
    )?;
    if permissions.treats(account) {
        file.permissions().update(None, |permissions| {
            permissions.care_team.retain(|member| member.account != account);
            Ok::<_, Problem>(())
        })?;
    }
    file.settle(account, recorded.account(), exchange.platform.clock.now())?;
    Ok(Reply::no_content().recorded(recorded.event()))
}
