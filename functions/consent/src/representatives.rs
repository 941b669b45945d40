//! Who may act for a client: parents until she is of age, guardians whom a court appointed, a minor's no longer than that, and nominees for the
//! day on which she can't act herself.

use access::{Authority, Permissions, Recorded, Representative};
use model::{AccountId, Action, Confidential, DataClass, Role, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;
use web::{Check, Exchange, Problem, Reply};

use crate::file::{ClientFile, prune};
use crate::ledger::{Entered, Representation, Standing, Verification};
use crate::optional_body::NoFields;
use crate::representations;

/// The most of one client. The permissions document is read on every request about her, so it stays small.
const REPRESENTATIVES: usize = 8;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewRepresentative")]
pub(crate) struct RepresentativeBody {
    /// A client herself names nominees alone.
    authority: Authority,
    /// Whether she may read the client's records as well; `false` where it is absent.
    #[serde(default)]
    reads_records: bool,
    /// How it was seen that she may act for the client. Staff have to say; a client need not.
    #[serde(default)]
    verification: Option<Verification>,
    /// In the future. Absent where no end is set.
    #[serde(default)]
    until: Option<Timestamp>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NomineeActivation")]
pub(crate) struct ActivationBody {
    /// How it was found that the client can't act herself, in 1 to 500 characters.
    reason: Confidential<String>,
}

/// Makes the ledger agree with the permissions on everybody who was ever named: those whom something else than a request about herself has changed or taken
/// out are found by what is entered of them, also where a request died that did.
pub(crate) fn settle_all(file: &ClientFile<'_>, entered: &Entered) -> Result<(), Problem> {
    let current = file.current()?.value;
    for (account, so_far) in file.ledger().representatives()? {
        if standing(&current, account) != so_far {
            file.settle(|permissions| standing(permissions, account), entered)?;
        }
    }
    Ok(())
}

fn standing(permissions: &Permissions, account: AccountId) -> Standing {
    let found = permissions
        .representatives
        .iter()
        .find(|representative| representative.account == account);
    Standing::Representative(
        account,
        found.map(|representative| Representation {
            authority: representative.authority,
            reads_records: representative.reads_records,
            since: representative.since,
            until: representative.until,
        }),
    )
}

fn full() -> Problem {
    Problem::conflict(
        "too-many-representatives",
        format!("A client has at most {REPRESENTATIVES} representatives. Remove one first."),
    )
}

fn not_a_nominee() -> Problem {
    Problem::conflict(
        "not-a-nominee",
        "A client names and removes nominees. Ask the clinic where a parent or guardian may not act for you any more.",
    )
}

fn put(permissions: &mut Permissions, representative: Representative) -> Result<(), Problem> {
    let others = &mut permissions.representatives;
    if let Some(there) = others.iter_mut().find(|there| there.account == representative.account) {
        *there = representative;
        return Ok(());
    }
    if others.len() >= REPRESENTATIVES {
        return Err(full());
    }
    others.push(representative);
    Ok(())
}

/// Changes who may act for the client; an account that then acts has her in its list before. A nominee who does not act yet has not: not even how full a page
/// is may tell her that somebody named her.
///
/// The change is looked at before anything is written, so that no list names a client for whom it is then refused that anybody acts.
fn enter_and_change(
    file: &ClientFile<'_>,
    recorded: &Recorded,
    mut permissions: Permissions,
    account: AccountId,
    change: impl Fn(&mut Permissions) -> Result<(), Problem>,
) -> Result<(), Problem> {
    change(&mut permissions).map_err(|problem| problem.recorded(recorded.event()))?;
    if permissions.representative(account, file.now).is_some() {
        representations::enter(file, account)?;
    }
    file.change(recorded, change)
}

/// Names somebody who may act for the client. Staff have seen by what right, and say how; the client herself names a nominee, who acts
/// only once it is found that she can't (DPDP Act s.14).
///
/// Order: list of the account where it acts, permissions, ledger, answer. A crash before the permissions leaves a client in the list for whom nobody
/// acts, who is not told there; one after them a representative whom the ledger does not show. The repeated request finishes either.
pub(crate) fn name(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let account: AccountId = exchange.parameter("account")?;
    let body: RepresentativeBody = exchange.json()?;
    let caller = exchange.caller()?;
    let (file, recorded, permissions) = ClientFile::enter(
        exchange,
        &caller,
        Action::Create,
        DataClass::Representative,
        Some(account.to_string()),
    )?;
    let now = file.now;
    let is_client = recorded.role() == Role::Client;
    let verification = match body.verification {
        None if is_client => Some(Verification::Client),
        named => named,
    };
    let mut check = Check::new();
    check.that(
        !is_client || body.authority == Authority::Nominee,
        "/authority",
        "nominee",
        "a client names nominees; parents and guardians are entered by staff, who have seen by what right they act",
    );
    check.that(
        verification.is_some(),
        "/verification",
        "required",
        "must say how it was seen that she may act for the client",
    );
    check.that(
        body.authority != Authority::Parent || permissions.is_minor(now),
        "/authority",
        "minor",
        "the client is of age: say until when she is a minor first, or name a guardian",
    );
    check.that(
        body.until.is_none_or(|end| now < end),
        "/until",
        "future",
        "must lie in the future",
    );
    check.that(
        permissions.participants.is_empty(),
        "/authority",
        "person",
        "a shared file has no representatives: each participant has her own",
    );
    check.finish().map_err(|problem| problem.recorded(recorded.event()))?;
    let name = |permissions: &mut Permissions| {
        prune(permissions, now);
        let there = permissions
            .representatives
            .iter()
            .find(|there| there.account == account);
        // Naming her anew would take away what was entered by staff, as removing her would.
        if is_client && there.is_some_and(|there| there.authority != Authority::Nominee) {
            return Err(not_a_nominee());
        }
        let there = there.filter(|there| there.authority == body.authority);
        // Who acts already goes on to: a repeated request, or one that changes how far it reaches, does not begin anew.
        let since = match (there, body.authority) {
            (Some(there), _) => there.since,
            (None, Authority::Nominee) => None,
            (None, Authority::Parent | Authority::Guardian) => Some(now),
        };
        let mut representative = Representative {
            account,
            authority: body.authority,
            reads_records: body.reads_records,
            since,
            until: body.until,
        };
        // A guardian whose right was said to go beyond the minority, and who has no end any more, is an adult's: she would end as a minor's.
        if permissions.has_lapsed(&representative, now) {
            representative.since = Some(now);
        }
        put(permissions, representative)
    };
    enter_and_change(&file, &recorded, permissions, account, name)?;
    file.settle(
        |permissions| standing(permissions, account),
        &Entered {
            verification,
            ..Entered::by(recorded.account())
        },
    )?;
    Ok(Reply::no_content().recorded(recorded.event()))
}

/// Finds that the client can't act any more, so that her nominee does: by whom and why is in the ledger.
///
/// Order: list of the nominee, permissions, ledger, answer. A crash before the permissions leaves a client in the list for whom she does not act, who is
/// not told there; one after them a nominee who acts and of whom the ledger does not show it. The repeated request finishes either.
pub(crate) fn activate(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let account: AccountId = exchange.parameter("account")?;
    let ActivationBody { reason } = exchange.json()?;
    let mut check = Check::new();
    check.text(reason.expose(), "/reason", 1, 500);
    check.finish()?;
    let caller = exchange.caller()?;
    let (file, recorded, permissions) = ClientFile::enter(
        exchange,
        &caller,
        Action::Amend,
        DataClass::Representative,
        Some(account.to_string()),
    )?;
    let now = file.now;
    let activate = |permissions: &mut Permissions| {
        prune(permissions, now);
        let nominee = permissions
            .representatives
            .iter_mut()
            .find(|there| there.account == account && there.authority == Authority::Nominee)
            .ok_or_else(|| Problem::not_found(recorded.event()))?;
        nominee.since.get_or_insert(now);
        Ok(())
    };
    enter_and_change(&file, &recorded, permissions, account, activate)?;
    file.settle(
        |permissions| standing(permissions, account),
        &Entered {
            reason: Some(reason),
            ..Entered::by(recorded.account())
        },
    )?;
    Ok(Reply::no_content().recorded(recorded.event()))
}

/// Ends that somebody may act for the client, from the next request on.
///
/// Order: permissions, ledger, answer. A crash in between leaves somebody who acts no more and whom the ledger still shows; the
/// repeated request enters it.
pub(crate) fn remove(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let account: AccountId = exchange.parameter("account")?;
    NoFields::check(exchange)?;
    let caller = exchange.caller()?;
    let (file, recorded, permissions) = ClientFile::enter(
        exchange,
        &caller,
        Action::Revoke,
        DataClass::Representative,
        Some(account.to_string()),
    )?;
    let found = permissions
        .representatives
        .iter()
        .find(|there| there.account == account);
    if let Some(there) = found {
        // Her nominee is the client's own choice; her parents and guardians are not, as long as they may act.
        let is_appointed = there.authority != Authority::Nominee && !permissions.has_lapsed(there, file.now);
        if recorded.role() == Role::Client && is_appointed {
            return Err(not_a_nominee().recorded(recorded.event()));
        }
        file.end(|permissions| permissions.representatives.retain(|there| there.account != account))?;
    }
    file.settle(
        |permissions| standing(permissions, account),
        &Entered::by(recorded.account()),
    )?;
    Ok(Reply::no_content().recorded(recorded.event()))
}
