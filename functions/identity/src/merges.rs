//! The handlers of merges: two entries that are one client's become one to look at, and two again where that was wrong.
//!
//! A merge is administration. It is decided as what it is, a correction of both entries, and so needs what a correction of
//! each needs: that its client is known here, and a live ground. Undoing takes back what was said of both, and needs no ground: whoever was taken
//! for somebody else has agreed to nothing of it, and may have withdrawn or hidden everything since.

use access::{Caller, Gate, PermissionsReader, Recorded, Request};
use model::{AccountId, Action, ClientId, Confidential, DataClass, MergeId, Purpose, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::idempotency;
use web::{Check, Exchange, Problem, Reply};

use crate::merge::{self, End, Merge, Merging};
use crate::register::{Entry, Register};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewMerge")]
pub(crate) struct MergeBody {
    /// The entry that stays.
    surviving: ClientId,
    /// The entry that is looked at by the other from now on.
    duplicate: ClientId,
    #[schemars(length(min = 1, max = 500))]
    reason: Confidential<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "UndoneMerge")]
pub(crate) struct UndoBody {
    #[schemars(length(min = 1, max = 500))]
    reason: Confidential<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Merge")]
pub(crate) struct MergeAnswer {
    merge_id: MergeId,
    surviving: ClientId,
    duplicate: ClientId,
    merged_at: Timestamp,
    merged_by: AccountId,
    #[serde(skip_serializing_if = "Option::is_none")]
    undone_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undone_by: Option<AccountId>,
}

impl MergeAnswer {
    /// The merge as it is, or why it could not be.
    fn new(merge_id: MergeId, merge: &Merge) -> Result<Self, Problem> {
        let undone = match merge.end {
            None => None,
            Some(End::Undone { at, by }) => Some((at, by)),
            Some(End::Refused(obstacle)) => return Err(obstacle.problem()),
        };
        Ok(Self {
            merge_id,
            surviving: merge.surviving,
            duplicate: merge.duplicate,
            merged_at: merge.merged_at,
            merged_by: merge.merged_by,
            undone_at: undone.map(|(at, _)| at),
            undone_by: undone.map(|(_, by)| by),
        })
    }
}

/// Who decides about merges, and for what.
struct Desk<'a> {
    caller: Caller,
    gate: Gate<'a>,
    permissions: PermissionsReader<'a>,
    purpose: Purpose,
}

impl<'a> Desk<'a> {
    /// Only administrators correct entries for the purpose of administration, whatever else they are.
    fn open(exchange: &Exchange<'a>) -> Result<Self, Problem> {
        let purpose = match exchange.purpose()? {
            None => Purpose::PatientAdministration,
            // Those that are never served are decided about, so that the trail has them.
            Some(purpose) if purpose.is_prohibited() || purpose == Purpose::PatientAdministration => purpose,
            Some(_) => {
                return Err(Problem::malformed(
                    "purpose-of-use",
                    "purpose",
                    "must be PATADMIN, or left out: a merge is administration",
                ));
            }
        };
        Ok(Self {
            caller: exchange.caller()?,
            gate: exchange.gate()?,
            permissions: exchange.permissions()?,
            purpose,
        })
    }

    /// Decides and records what is done with this merge to a client's entry.
    fn admit(&self, action: Action, client: ClientId, merge: MergeId) -> Result<Recorded, Problem> {
        let permissions = self.permissions.read(self.caller.clinic(), client)?;
        let request = Request::new(action, DataClass::Identity)
            .about(client)
            .of(merge)
            .purpose(Some(self.purpose));
        Ok(self.gate.admit(&self.caller, &request, permissions.as_ref())?)
    }
}

fn open<'r>(register: &'r Register<'r>, recorded: &'r Recorded) -> Result<Entry<'r>, Problem> {
    let entry = register
        .open(recorded)?
        .ok_or_else(|| Problem::not_found(recorded.event()))?;
    // Before anything is written: a client who is not registered has nothing to merge.
    entry.read()?;
    Ok(entry)
}

fn check_reason(reason: &Confidential<String>, check: &mut Check) {
    check.text(reason.expose(), "/reason", 1, 500);
}

/// `POST /v1/identity/merges`.
///
/// Order: both decisions, the register's key, then as [`Merging::begin`] says. The repeated request finds the merge and finishes it; once it is
/// undone it stays so.
pub(crate) fn merge(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let MergeBody {
        surviving,
        duplicate,
        reason,
    } = exchange.json()?;
    let mut check = Check::new();
    check_reason(&reason, &mut check);
    check.that(
        surviving != duplicate,
        "/duplicate",
        "distinct",
        "must be another client",
    );
    check.finish()?;
    let key = exchange.idempotency_key()?;
    let desk = Desk::open(exchange)?;
    let index = exchange.keyring.key("index")?;
    let (clinic, by) = (desk.caller.clinic(), desk.caller.account());
    let id: MergeId = idempotency::created_id(index, clinic, by, exchange.path(), key);
    let of_survivor = desk.admit(Action::Amend, surviving, id)?;
    let of_duplicate = desk.admit(Action::Amend, duplicate, id)?;
    let register = Register::new(exchange)?;
    let (survivor, duplicate_entry) = (open(&register, &of_survivor)?, open(&register, &of_duplicate)?);
    let register_key = register.unlock_or_create(&of_survivor)?;
    let now = exchange.platform.clock.now();
    let merging = Merging {
        id,
        doc: merge::doc(&register, clinic, id, &register_key),
        survivor,
        duplicate: duplicate_entry,
        by,
        at: now,
        reason,
    };
    let merged = merging
        .begin(Merge {
            surviving,
            duplicate,
            merged_at: now,
            merged_by: by,
            end: None,
            fingerprint: idempotency::fingerprint(index, exchange.body()),
        })
        .and_then(|merge| MergeAnswer::new(id, &merge))
        .map_err(|problem| problem.or_recorded(of_survivor.event()))?;
    Ok(Reply::ok(&merged)?.recorded(of_survivor.event()))
}

/// `POST /v1/identity/merges/{merge}/undo`. The links are taken away; values that the survivor took over stay until somebody corrects
/// them, since nobody can tell them from those that she was asked for since.
///
/// A merge names its clients, and cannot be looked at before something is decided: so it is found by a search, which is decided
/// as one, and then each client is.
///
/// Order: the decisions, the merge's document, then the links. A crash in between leaves an undone merge whose links are there
/// still; the repeated request takes them away, and so does that of the merge.
pub(crate) fn undo(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let id: MergeId = exchange.parameter("merge")?;
    let UndoBody { reason } = exchange.json()?;
    let mut check = Check::new();
    check_reason(&reason, &mut check);
    check.finish()?;
    let desk = Desk::open(exchange)?;
    let request = Request::new(Action::Search, DataClass::Identity)
        .of(id)
        .purpose(Some(desk.purpose));
    let search = desk.gate.admit(&desk.caller, &request, None)?;
    let register = Register::new(exchange)?;
    let not_found = || Problem::not_found(search.event());
    let register_key = register.unlock(&search)?.ok_or_else(not_found)?;
    let doc = merge::doc(&register, search.clinic(), id, &register_key);
    let merge = doc.read()?.ok_or_else(not_found)?.value;
    let of_survivor = desk.admit(Action::Revoke, merge.surviving, id)?;
    let of_duplicate = desk.admit(Action::Revoke, merge.duplicate, id)?;
    let (by, at) = (desk.caller.account(), exchange.platform.clock.now());
    let merging = Merging {
        id,
        doc,
        survivor: open(&register, &of_survivor)?,
        duplicate: open(&register, &of_duplicate)?,
        by,
        at,
        reason,
    };
    merging.end(End::Undone { at, by })?;
    let answer = merging
        .carry_out()
        .and_then(|merge| MergeAnswer::new(id, &merge))
        .map_err(|problem| problem.or_recorded(of_survivor.event()))?;
    Ok(Reply::ok(&answer)?.recorded(of_survivor.event()))
}
