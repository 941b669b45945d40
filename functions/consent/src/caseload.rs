//! Whom an account treats: what its owner works by, and what a reviewer of its access has to know.

use access::{CareRole, Request};
use crypto::{Label, name};
use model::{AccountId, Action, ClientId, ClinicId, DataClass, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use web::listing::{Listing, Page, Wanted};
use web::{Exchange, Problem, Reply};

use crate::file::{ClientFile, Files};

const CASELOAD: Label = Label::new("confide 2026-11 caseload name");
const CASE: Label = Label::new("confide 2026-11 caseload entry id");

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Caseload")]
pub(crate) struct CaseloadAnswer {
    clients: Vec<CaseAnswer>,
    /// The `cursor` of the next page. Absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CaseloadClient")]
struct CaseAnswer {
    client_id: ClientId,
    role: CareRole,
    since: Timestamp,
    /// Absent where no end is agreed.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

fn log<'f>(files: &'f Files<'_>, clinic: ClinicId, account: AccountId) -> Listing<'f> {
    let name = name(files.index, CASELOAD, &[clinic.as_bytes(), account.as_bytes()]);
    files.consent.log(Some(clinic), "caseload", &name, files.seal)
}

/// Lists a client as one of an account's, before the account is let at her: a list that misses somebody would hide an access, and one
/// that has somebody too many is held against her file. Whom it comes back to is in the list already, where she first was.
pub(crate) fn enter(file: &ClientFile<'_>, account: AccountId) -> Result<(), Problem> {
    Ok(file.list_in(&log(&file.files, file.clinic, account), CASE)?)
}

/// `GET /v1/consent/caseloads/{account}`: whom an account treats or supervises, those first whom it came to last; whom it left
/// and came back to is where she was. A page may have fewer than its limit, and none at all, where the account has left them.
///
/// The list is decided about and recorded once; then, where it is somebody else's, each client whom it shows is, as a read, so that the trail of whom it is about
/// has it too (45 CFR 164.312(b), PHIPA s.10.1(4)).
pub(crate) fn read(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let account: AccountId = exchange.parameter("account")?;
    let wanted = Wanted::by(exchange)?;
    let caller = exchange.caller()?;
    let request = Request::new(Action::Search, DataClass::CareTeam)
        .of_account(account)
        .purpose(exchange.purpose()?);
    let recorded = exchange.gate()?.admit(&caller, &request, None)?;
    let clinic = recorded.clinic();
    let files = Files::new(exchange)?;
    let Page { ids, next } = wanted.page(&log(&files, clinic, account))?;
    let now = exchange.platform.clock.now();
    let mut clients: Vec<CaseAnswer> = Vec::with_capacity(ids.len());
    for file in files.listed(clinic, ids)? {
        let mut members = file.care_team.iter();
        let Some(member) = members.find(|member| member.account == account && member.is_current(now)) else {
            continue;
        };
        if recorded.account() != account {
            let request = Request::new(Action::Read, DataClass::CareTeam)
                .about(file.client)
                .of(account)
                .purpose(Some(recorded.purpose()));
            exchange.gate()?.admit(&caller, &request, Some(&file))?;
        }
        clients.push(CaseAnswer {
            client_id: file.client,
            role: member.role,
            since: member.since,
            until: member.until,
        });
    }
    Ok(Reply::ok(&CaseloadAnswer { clients, next })?.recorded(recorded.event()))
}
