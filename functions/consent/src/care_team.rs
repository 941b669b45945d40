//! Who treats a client, and who supervises them.

use access::{CareRole, CareTeamMember, Permissions, Recorded};
use model::{AccountId, Action, DataClass, Role, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;
use store::UpdateError;
use web::{Check, Exchange, Problem, Reply};

use crate::caseload;
use crate::file::ClientFile;
use crate::ledger::{Change, Entered, Membership, Standing};
use crate::optional_body::NoFields;

/// The most that treat one client. The permissions document is read on every request about her, so it stays small.
const MEMBERS: usize = 64;

/// As what and until when somebody belongs to a care team.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CareTeamMembership")]
pub(crate) struct MemberBody {
    /// `treating` where it is absent.
    #[serde(default = "treating")]
    role: CareRole,
    /// In the future. Absent where no end is agreed.
    #[serde(default)]
    until: Option<Timestamp>,
}

fn treating() -> CareRole {
    CareRole::Treating
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CareTeamTransfer")]
pub(crate) struct TransferBody {
    /// Who treats the client now.
    from: AccountId,
    /// Who treats her from now on.
    to: AccountId,
    /// How long the one who hands over still treats the client. Absent where that ends at once.
    #[serde(default)]
    handover_until: Option<Timestamp>,
}

/// How an account stands in a client's care team.
pub(crate) fn standing(permissions: &Permissions, account: AccountId) -> Standing {
    let member = permissions.care_team.iter().find(|member| member.account == account);
    Standing::CareTeam(
        account,
        member.map(|member| Membership {
            role: member.role,
            until: member.until,
        }),
    )
}

fn full() -> Problem {
    Problem::conflict(
        "care-team-full",
        format!("A care team has at most {MEMBERS} members. Remove one first."),
    )
}

fn in_the_future(until: Option<Timestamp>, field: &str, now: Timestamp) -> Result<(), Problem> {
    let mut check = Check::new();
    check.that(
        until.is_none_or(|end| now < end),
        field,
        "future",
        "must lie in the future",
    );
    check.finish()
}

/// Whoever belongs to a team for a while does not make that longer herself: a stand-in would treat for as long as she likes. Others of the team
/// and administrators do, and she leaves when she wants.
fn check_own(
    permissions: &Permissions,
    recorded: &Recorded,
    account: AccountId,
    until: Option<Timestamp>,
) -> Result<(), Problem> {
    let is_own = recorded.role() == Role::Clinician && recorded.account() == account;
    let mut members = permissions.care_team.iter();
    let end = members
        .find(|member| member.account == account)
        .and_then(|member| member.until);
    if is_own && end.is_some_and(|end| until.is_none_or(|until| end < until)) {
        return Err(Problem::conflict(
            "own-membership",
            "Nobody makes longer how long she belongs to a care team herself. Ask another member, or an administrator.",
        ));
    }
    Ok(())
}

/// Puts somebody into a team as she is to stand, or says why there is no room.
fn put(permissions: &mut Permissions, member: CareTeamMember, now: Timestamp) -> Result<(), Problem> {
    if let Some(there) = permissions
        .care_team
        .iter_mut()
        .find(|there| there.account == member.account)
    {
        // Who comes back after her time has not been there in between.
        if !there.is_current(now) {
            there.since = member.since;
        }
        there.role = member.role;
        there.until = member.until;
        return Ok(());
    }
    if permissions.care_team.len() >= MEMBERS {
        permissions.care_team.retain(|member| member.is_current(now));
    }
    if permissions.care_team.len() >= MEMBERS {
        return Err(full());
    }
    permissions.care_team.push(member);
    Ok(())
}

/// Adds somebody, or changes as what and until when she belongs to the team. Whether the account exists only `auth` knows: an account
/// that is not there logs in nowhere.
///
/// Order: ledger, caseload, permissions, agreement of ledger and permissions, answer. A crash before the permissions leaves somebody entered who has no
/// access yet; the repeated request finds the entry and gives it.
pub(crate) fn add(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let account: AccountId = exchange.parameter("account")?;
    let MemberBody { role, until } = match exchange.body() {
        [] => MemberBody {
            role: CareRole::Treating,
            until: None,
        },
        _ => exchange.json()?,
    };
    let now = exchange.platform.clock.now();
    in_the_future(until, "/until", now)?;
    let caller = exchange.caller()?;
    let (file, recorded, permissions) = ClientFile::enter(
        exchange,
        &caller,
        Action::Create,
        DataClass::CareTeam,
        Some(account.to_string()),
    )?;
    let entered = Entered::by(recorded.account());
    let wanted = Standing::CareTeam(account, Some(Membership { role, until }));
    if standing(&permissions, account) != wanted {
        let member = |since| CareTeamMember {
            account,
            role,
            since,
            until,
        };
        let place = |permissions: &mut Permissions, since| {
            check_own(permissions, &recorded, account, until)?;
            put(permissions, member(since), now)
        };
        // Looked at before anything is written, so that the ledger does not name somebody who is then refused.
        place(&mut permissions.clone(), now).map_err(|problem| problem.recorded(recorded.event()))?;
        let since = file.ledger().ensure(Change {
            standing: wanted,
            at: now,
            entered: entered.clone(),
        })?;
        caseload::enter(&file, account)?;
        let added = file.update(None, &|permissions| place(permissions, since));
        match added {
            Ok(()) => {}
            // The last place was taken meanwhile, or her own end came nearer: the ledger must not go on naming a member who is none, or otherwise.
            Err(UpdateError::Refused(refused)) => {
                file.settle(|permissions| standing(permissions, account), &entered)?;
                return Err(refused.recorded(recorded.event()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    file.settle(|permissions| standing(permissions, account), &entered)?;
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
    let entered = Entered::by(recorded.account());
    if permissions.care_team.iter().any(|member| member.account == account) {
        file.end(|permissions| permissions.care_team.retain(|member| member.account != account))?;
    }
    file.settle(|permissions| standing(permissions, account), &entered)?;
    Ok(Reply::no_content().recorded(recorded.event()))
}

/// Hands a client over from one who treats her to another, in one step: at no moment is there nobody, or are there two without a
/// handover having been agreed.
///
/// Order: caseload, permissions, ledger for the one and for the other, answer. A crash in between leaves a transfer that is in effect and not
/// entered; the repeated request finds it done and enters it, as does the next change for either. Who handed over at once has no access
/// any more, so then an administrator's request enters it.
pub(crate) fn transfer(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let TransferBody {
        from,
        to,
        handover_until,
    } = exchange.json()?;
    let now = exchange.platform.clock.now();
    in_the_future(handover_until, "/handover_until", now)?;
    let mut check = Check::new();
    check.that(from != to, "/to", "other", "must be another account than from");
    check.finish()?;
    let caller = exchange.caller()?;
    let (file, recorded, permissions) = ClientFile::enter(
        exchange,
        &caller,
        Action::Amend,
        DataClass::CareTeam,
        Some(to.to_string()),
    )?;
    let hand_over = |permissions: &mut Permissions| {
        // As a transfer leaves her. A stand-in, whose time may be over, has taken over nothing.
        let has_taken_over = |member: &CareTeamMember| {
            member.account == to && member.role == CareRole::Treating && member.until.is_none()
        };
        let is_done = permissions.care_team.iter().any(has_taken_over)
            && standing(permissions, from) == left(from, handover_until);
        if is_done {
            return Ok(());
        }
        if !permissions.treats(from, now) {
            return Err(Problem::conflict(
                "not-treating",
                "The account in from does not treat this client.",
            ));
        }
        check_own(permissions, &recorded, to, None)?;
        if handover_until.is_some() {
            check_own(permissions, &recorded, from, handover_until)?;
        }
        match handover_until {
            None => permissions.care_team.retain(|member| member.account != from),
            Some(_) => {
                for member in permissions.care_team.iter_mut().filter(|member| member.account == from) {
                    member.until = handover_until;
                }
            }
        }
        let member = CareTeamMember {
            account: to,
            role: CareRole::Treating,
            since: now,
            until: None,
        };
        put(permissions, member, now)
    };
    // Looked at before anything is written, so that no list names somebody who is then refused.
    hand_over(&mut permissions.clone()).map_err(|problem| problem.recorded(recorded.event()))?;
    caseload::enter(&file, to)?;
    file.change(&recorded, hand_over)?;
    let entered = Entered::by(recorded.account());
    for account in [from, to] {
        file.settle(|permissions| standing(permissions, account), &entered)?;
    }
    Ok(Reply::no_content().recorded(recorded.event()))
}

/// How the one who handed over stands.
fn left(account: AccountId, until: Option<Timestamp>) -> Standing {
    let member = until.map(|_| Membership {
        role: CareRole::Treating,
        until,
    });
    Standing::CareTeam(account, member)
}
