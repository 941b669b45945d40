//! Accepting policies and agreements, and showing who has.

use access::Request;
use model::{Action, ClinicId, DataClass, NoticeId};
use schemars::JsonSchema;
use serde::Serialize;
use store::{Entry, without_doubles};
use web::listing::Wanted;
use web::{Exchange, Problem, Reply};

use crate::acceptance::{Acceptance, Acceptances};
use crate::notice::Notices;
use crate::optional_body::NoFields;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Acceptances")]
pub(crate) struct ListAnswer {
    /// Newest first.
    acceptances: Vec<Acceptance>,
    /// The `cursor` of the next page. Absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl ListAnswer {
    fn of(entries: Vec<Entry<Acceptance>>, next: Option<String>) -> Self {
        let acceptances = without_doubles(entries).into_iter().map(|entry| entry.value);
        Self {
            acceptances: acceptances.collect(),
            next,
        }
    }
}

/// Accepts what the caller's clinic has published, in the caller's own name and once. It consents to nothing: no decision asks
/// for it. Order and crashes: see [`Acceptances::enter`].
pub(crate) fn accept(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let clinic: ClinicId = exchange.parameter("clinic")?;
    let notice_id: NoticeId = exchange.parameter("notice")?;
    NoFields::check(exchange)?;
    let caller = exchange.caller()?;
    let request = Request::new(Action::Create, DataClass::Acceptance)
        .of(notice_id)
        .purpose(exchange.purpose()?);
    let recorded = exchange.gate()?.admit(&caller, &request, None)?;
    let notices = Notices::new(exchange)?;
    let notice = notices
        .read(clinic, notice_id)?
        .filter(|_| clinic == recorded.clinic())
        .ok_or_else(|| Problem::not_found(recorded.event()))?;
    let acceptances = Acceptances::new(exchange, clinic)?;
    let acceptance = match acceptances.read(notice_id, recorded.account())? {
        Some(begun) => begun,
        None if notices.replaced_by(clinic, &notice)?.is_some() => {
            return Err(Problem::conflict(
                "already-replaced",
                "Another notice has replaced this one. Accept the newest of its series.",
            )
            .recorded(recorded.event()));
        }
        None => Acceptance {
            notice_id,
            notice_sha256: notice.sha256,
            version: notice.version,
            account_id: recorded.account(),
            accepted_at: exchange.platform.clock.now(),
        },
    };
    let accepted = acceptances
        .enter(acceptance)
        .map_err(|problem| problem.recorded(recorded.event()))?;
    Ok(Reply::created("/v1/consent/acceptances", &accepted)?.recorded(recorded.event()))
}

/// What the caller has accepted, newest first.
pub(crate) fn own(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let wanted = Wanted::by(exchange)?;
    let caller = exchange.caller()?;
    let request = Request::new(Action::Read, DataClass::Acceptance).purpose(exchange.purpose()?);
    let recorded = exchange.gate()?.admit(&caller, &request, None)?;
    let acceptances = Acceptances::new(exchange, recorded.clinic())?;
    let (entries, next) = wanted.entries(&acceptances.of_account(recorded.account()))?;
    Ok(Reply::ok(&ListAnswer::of(entries, next))?.recorded(recorded.event()))
}

/// Who has accepted a notice, newest first.
pub(crate) fn of_notice(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let clinic: ClinicId = exchange.parameter("clinic")?;
    let notice_id: NoticeId = exchange.parameter("notice")?;
    let wanted = Wanted::by(exchange)?;
    let caller = exchange.caller()?;
    let request = Request::new(Action::List, DataClass::Acceptance)
        .of(notice_id)
        .purpose(exchange.purpose()?);
    let recorded = exchange.gate()?.admit(&caller, &request, None)?;
    Notices::new(exchange)?
        .read(clinic, notice_id)?
        .filter(|_| clinic == recorded.clinic())
        .ok_or_else(|| Problem::not_found(recorded.event()))?;
    let acceptances = Acceptances::new(exchange, clinic)?;
    let (entries, next) = wanted.entries(&acceptances.of_notice(notice_id))?;
    Ok(Reply::ok(&ListAnswer::of(entries, next))?.recorded(recorded.event()))
}
