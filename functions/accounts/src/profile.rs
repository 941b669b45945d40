//! What everybody's own account says of her, and what of it she says herself.

use access::Request;
use account::session::{admit, own_account};
use account::{Account, Accounts};
use model::{AccountId, Action, ClinicId, Confidential, DataClass, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::Versioned;
use web::{Check, Exchange, Problem, Reply};

use crate::enrolment::{MOST_NAME, check_language};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ProfileChange")]
pub(crate) struct ProfileBody {
    /// 1 to 200 characters.
    display_name: String,
    /// A language tag such as `en` or `pt-BR` (BCP 47).
    language: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProfileClinic")]
struct ClinicAnswer {
    clinic_id: ClinicId,
    name: Confidential<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Profile")]
pub(crate) struct ProfileAnswer {
    account_id: AccountId,
    display_name: Confidential<String>,
    /// A language tag such as `en` or `pt-BR` (BCP 47).
    language: String,
    email: Confidential<String>,
    roles: Vec<Role>,
    clinic: ClinicAnswer,
}

/// `GET /v1/auth/profile`
pub(crate) fn read(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let (recorded, caller) = admit(exchange, Request::new(Action::Read, DataClass::Profile))?;
    let accounts = Accounts::open(exchange)?;
    let clinic = accounts.clinic(caller.clinic()).read()?;
    let clinic = clinic.ok_or_else(|| Problem::defect("an account belongs to a clinic that does not exist"))?;
    let Versioned {
        value: account,
        version,
    } = own_account(&accounts, &caller)?;
    let answer = ProfileAnswer {
        account_id: account.id,
        display_name: account.display_name,
        language: account.language,
        email: account.email,
        roles: account.roles,
        clinic: ClinicAnswer {
            clinic_id: account.clinic,
            name: clinic.value.name,
        },
    };
    Ok(Reply::ok(&answer)?.etag(version).recorded(recorded.event()))
}

/// `PUT /v1/auth/profile`
///
/// The version is the account's, which grows by what else happens to it, such as a log-in: a change may then have to be asked for once
/// more, and never goes over another that its owner has not seen.
///
/// Order: record, account, answer. One change; repeated, it finds it done, whatever the version is by then (RFC 9110, section 13.1.1).
pub(crate) fn set(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let ProfileBody { display_name, language } = exchange.json()?;
    let mut check = Check::new();
    check.text(&display_name, "/display_name", 1, MOST_NAME);
    check_language(&mut check, Some(&language), "/language");
    check.finish()?;
    let expected = exchange.if_match()?;
    let display_name = Confidential::new(display_name);
    let (recorded, caller) = admit(exchange, Request::new(Action::Amend, DataClass::Profile))?;
    let accounts = Accounts::open(exchange)?;
    let is_done = |account: &Account| account.display_name == display_name && account.language == language;
    let own = own_account(&accounts, &caller)?;
    let version = if is_done(&own.value) {
        own.version
    } else {
        let changed = accounts.change_at(caller.clinic(), caller.account(), Some(expected), &mut |account| {
            account.display_name.clone_from(&display_name);
            account.language.clone_from(&language);
            Ok(())
        });
        changed.map_err(|error| Problem::from(error).recorded(recorded.event()))?
    };
    Ok(Reply::no_content().etag(version).recorded(recorded.event()))
}
