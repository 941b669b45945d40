//! Service identities: what a scheduler logs in with to run jobs. An account with the role `job` and nothing else, without an
//! address or a password: its secret is 256 random bits, shown once and kept as a keyed hash.

use access::Request;
use account::session::admit;
use account::{Account, AccountState, Accounts, ServiceSecret, USUAL_LANGUAGE};
use model::{AccountId, Action, Confidential, DataClass, Role, Timestamp};
use ports::Creation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::idempotency;
use web::listing::{Page, Wanted, list_once};
use web::{Check, Exchange, Problem, Reply};
use zeroize::Zeroizing;

use crate::administration::{Change, administer};
use crate::documents::Documents;

const MOST_NAME: usize = 100;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewServiceIdentity")]
pub(crate) struct IdentityBody {
    /// 1 to 100 characters.
    name: String,
    /// `job`: all other roles are people's.
    role: Role,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MadeServiceIdentity")]
pub(crate) struct MadeAnswer {
    service_identity_id: AccountId,
    /// What it logs in with. It is not shown again.
    #[schemars(with = "String")]
    secret: Zeroizing<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ServiceIdentity")]
struct IdentityAnswer {
    service_identity_id: AccountId,
    name: Confidential<String>,
    role: Role,
    created_at: Timestamp,
    /// Absent where it has not logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_log_in_at: Option<Timestamp>,
    /// Whether its secret still counts.
    active: bool,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ServiceIdentities")]
pub(crate) struct ListAnswer {
    service_identities: Vec<IdentityAnswer>,
    /// Where the next page begins: its `cursor`. Absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

fn secret_shown() -> Problem {
    Problem::conflict(
        "secret-shown",
        "This request has made its identity before, and the secret is shown once. Delete the identity and make another with a new Idempotency-Key.",
    )
}

/// `POST /v1/auth/service-identities`
///
/// Order: record, account, logs, answer. A crash after the account loses the secret, which nobody keeps. The repeated request
/// lists the identity, so that it can be deleted, and is told that the secret was shown.
pub(crate) fn make(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let IdentityBody { name, role } = exchange.json()?;
    let mut check = Check::new();
    check.text(&name, "/name", 1, MOST_NAME);
    check.that(
        role == Role::Job,
        "/role",
        "service",
        "must be job: all other roles are people's",
    );
    check.finish()?;
    let key = exchange.idempotency_key()?;
    let (recorded, caller) = admit(exchange, Request::new(Action::Create, DataClass::Account).fresh())?;
    let (clinic, event) = (recorded.clinic(), recorded.event());
    let accounts = Accounts::open(exchange)?;
    let now = exchange.platform.clock.now();
    let id: AccountId = idempotency::created_id(accounts.index, clinic, caller.account(), exchange.path(), key);
    let secret = ServiceSecret::generate(exchange.platform.entropy, clinic, id);
    let account = Account {
        display_name: Confidential::new(name),
        language: USUAL_LANGUAGE.to_owned(),
        roles: vec![Role::Job],
        service_verifier: Some(*secret.verifier(accounts.index).as_bytes()),
        ..Account::nobody(clinic, id, now)
    };
    let created = accounts.account(clinic, id).create(&account)?;
    for log in [accounts.services(clinic), accounts.staff(clinic)] {
        list_once(&log, accounts.index, *id.as_bytes(), now)?;
    }
    if created == Creation::Exists {
        return Err(secret_shown().recorded(event));
    }
    let answer = MadeAnswer {
        service_identity_id: id,
        secret: secret.reveal(),
    };
    Ok(Reply::created_without_location(&answer)?.recorded(event))
}

/// `GET /v1/auth/service-identities`
pub(crate) fn list(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let wanted = Wanted::by(exchange)?;
    let (recorded, _) = admit(exchange, Request::new(Action::List, DataClass::Account))?;
    let accounts = Accounts::open(exchange)?;
    let Page { ids, next } = wanted.page(&accounts.services(recorded.clinic()))?;
    let mut service_identities = Vec::with_capacity(ids.len());
    for id in ids {
        let account = accounts
            .account(recorded.clinic(), AccountId::from_bytes(id))
            .read()?
            .ok_or_else(|| Problem::defect("the service log names an account that does not exist"))?
            .value;
        service_identities.push(IdentityAnswer {
            service_identity_id: account.id,
            last_log_in_at: account.last_log_in_at(),
            active: account.state == AccountState::Active,
            role: account.first_role(),
            name: account.display_name,
            created_at: account.created_at,
        });
    }
    let answer = ListAnswer {
        service_identities,
        next,
    };
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}

/// `DELETE /v1/auth/service-identities/{account}`
pub(crate) fn delete(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    administer(exchange, &Change::DeleteService)
}
