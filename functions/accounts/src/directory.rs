//! What staff are called, for whoever is shown one of their accounts: in a care team, as an author, as who broke the glass.

use access::Request;
use account::session::admit;
use account::{Account, AccountState, Accounts};
use model::{AccountId, Action, ClinicId, Confidential, DataClass, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::listing::{Page, Wanted};
use web::{Exchange, Problem, Reply, page_size};

use crate::documents::Documents;

/// How many accounts may be asked for at a time: their ids stand in the query, which has an end.
const MOST_IDS: usize = 50;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StaffQuery {
    /// Up to 50 ids of accounts, separated by commas: what those are called. Without `cursor` and `limit`.
    ids: Option<String>,
    /// The `next` of the page before.
    cursor: Option<u64>,
    /// How many at most.
    limit: Option<usize>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "StaffMember")]
struct StaffAnswer {
    account_id: AccountId,
    display_name: Confidential<String>,
    roles: Vec<Role>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Staff")]
pub(crate) struct DirectoryAnswer {
    staff: Vec<StaffAnswer>,
    /// Where the next page begins: its `cursor`. Absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl From<Account> for StaffAnswer {
    fn from(account: Account) -> Self {
        Self {
            account_id: account.id,
            display_name: account.display_name,
            roles: account.roles,
        }
    }
}

/// Whether it is the account of somebody who works at the clinic, or did.
fn is_colleague(account: &Account) -> bool {
    account.roles.iter().all(|role| role.is_staff()) && !account.is_service()
}

/// The accounts that a query names, each once.
fn named(ids: &str) -> Result<Vec<AccountId>, Problem> {
    let wrong = || {
        Problem::malformed(
            "ids",
            "account-ids",
            format!("must be 1 to {MOST_IDS} ids of accounts, separated by commas"),
        )
    };
    let mut named = Vec::new();
    for (number, id) in ids.split(',').enumerate() {
        let id = id.parse().map_err(|_| wrong())?;
        if number >= MOST_IDS {
            return Err(wrong());
        }
        if !named.contains(&id) {
            named.push(id);
        }
    }
    Ok(named)
}

/// What an account looks like that is staff's of this clinic.
fn colleague(accounts: &Accounts<'_>, clinic: ClinicId, id: AccountId) -> Result<Option<Account>, Problem> {
    let account = accounts.account(clinic, id).read()?;
    Ok(account.map(|account| account.value).filter(is_colleague))
}

/// `GET /v1/auth/staff`
///
/// With `ids` it names those, also who has left: what they wrote stays. What is not staff's of the caller's clinic is left out without a
/// word, so that nobody learns by it which accounts there are. Without, it is who works here now, for staff alone.
pub(crate) fn staff(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let StaffQuery { ids, cursor, limit } = exchange.query()?;
    let wanted = Wanted::from(cursor, page_size(limit)?);
    let named = ids.as_deref().map(named).transpose()?;
    if named.is_some() && (cursor.is_some() || limit.is_some()) {
        return Err(Problem::malformed(
            "ids",
            "alone",
            "must stand without cursor and limit: all that are named are on one page",
        ));
    }
    let action = if named.is_some() { Action::Search } else { Action::List };
    let (recorded, _) = admit(exchange, Request::new(action, DataClass::Profile))?;
    let (clinic, accounts) = (recorded.clinic(), Accounts::open(exchange)?);
    let mut answer = DirectoryAnswer {
        staff: Vec::new(),
        next: None,
    };
    match named {
        Some(ids) => {
            for id in ids {
                answer
                    .staff
                    .extend(colleague(&accounts, clinic, id)?.map(StaffAnswer::from));
            }
        }
        None => {
            let Page { ids, next } = wanted.page(&accounts.staff(clinic))?;
            answer.next = next;
            for id in ids {
                let colleague = colleague(&accounts, clinic, AccountId::from_bytes(id))?;
                let here = colleague.filter(|account| account.state == AccountState::Active);
                answer.staff.extend(here.map(StaffAnswer::from));
            }
        }
    }
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}
