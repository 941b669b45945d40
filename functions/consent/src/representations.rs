//! For whom an account acts: what a parent, guardian or nominee begins with.

use access::{Authority, Permissions, Representative, Request};
use crypto::{Label, name};
use model::{AccountId, Action, ClientId, ClinicId, DataClass, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use web::listing::{Listing, Page, Wanted};
use web::{Exchange, Problem, Reply};

use crate::file::{ClientFile, Files};

const REPRESENTATIONS: Label = Label::new("confide 2026-11 representations name");
const REPRESENTATION: Label = Label::new("confide 2026-11 representations entry id");

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Representations")]
pub(crate) struct RepresentationsAnswer {
    /// A page may have fewer than the limit, or none, where `next` leads on.
    representations: Vec<RepresentationAnswer>,
    /// The `cursor` of the next page. Absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Representation")]
struct RepresentationAnswer {
    client_id: ClientId,
    authority: Authority,
    /// Whether she may read the client's records as well.
    reads_records: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    /// Until when she acts: where that ends with the client's minority, no longer than she is a minor. Absent where no end is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

fn log<'f>(files: &'f Files<'_>, clinic: ClinicId, account: AccountId) -> Listing<'f> {
    let name = name(files.index, REPRESENTATIONS, &[clinic.as_bytes(), account.as_bytes()]);
    files.consent.log(Some(clinic), "representations", &name, files.seal)
}

/// Lists a client as one for whom an account is to act, before it may: a list that misses somebody would leave her without whoever acts
/// for her, and one that has somebody too many is held against her file.
pub(crate) fn enter(file: &ClientFile<'_>, account: AccountId) -> Result<(), Problem> {
    Ok(file.list_in(&log(&file.files, file.clinic, account), REPRESENTATION)?)
}

/// `GET /v1/consent/representations`: for whom the caller acts now, those first for whom she came to act last; for whom she acts again
/// is where she was. A page may have fewer than its limit, and none at all, where she acts no more.
pub(crate) fn own(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let wanted = Wanted::by(exchange)?;
    let caller = exchange.caller()?;
    let request = Request::new(Action::Search, DataClass::Representative)
        .of_account(caller.account())
        .purpose(exchange.purpose()?);
    let recorded = exchange.gate()?.admit(&caller, &request, None)?;
    let (clinic, account) = (recorded.clinic(), recorded.account());
    let files = Files::new(exchange)?;
    let Page { ids, next } = wanted.page(&log(&files, clinic, account))?;
    let listed = files.listed(clinic, ids)?;
    let representations = listed.iter().filter_map(|file| {
        let acting = file.representative(account, exchange.platform.clock.now())?;
        Some(RepresentationAnswer::of(acting, file))
    });
    let answer = RepresentationsAnswer {
        representations: representations.collect(),
        next,
    };
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}

impl RepresentationAnswer {
    fn of(acting: &Representative, file: &Permissions) -> Self {
        let majority = file.minor_until.filter(|_| file.ends_with_minority(acting));
        Self {
            client_id: file.client,
            authority: acting.authority,
            reads_records: acting.reads_records,
            since: acting.since,
            until: acting.until.into_iter().chain(majority).min(),
        }
    }
}
