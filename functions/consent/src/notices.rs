//! Publishing notices, and reading them without an account.

use access::Request;
use http::StatusCode;
use model::{Action, ClinicId, DataClass, NoticeId, Purpose, Timestamp};
use serde::{Deserialize, Serialize};
use store::idempotency;
use web::{Check, Exchange, Problem, Reply, page_size};

use crate::notice::{Content, Notice, Notices, Summary};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Publication {
    title: String,
    language: String,
    text: String,
    purposes: Vec<Purpose>,
    classes: Vec<DataClass>,
    withdrawal: String,
    complaint: String,
    contact: String,
    #[serde(default)]
    replaces: Option<NoticeId>,
}

#[derive(Serialize)]
struct NoticeAnswer<'n> {
    notice_id: NoticeId,
    clinic_id: ClinicId,
    series: NoticeId,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<NoticeId>,
    published_at: Timestamp,
    sha256: &'n str,
    #[serde(flatten)]
    content: &'n Content,
}

impl<'n> NoticeAnswer<'n> {
    fn new(clinic_id: ClinicId, notice: &'n Notice) -> Self {
        Self {
            notice_id: notice.notice_id,
            clinic_id,
            series: notice.series,
            version: notice.version,
            replaces: notice.replaces,
            published_at: notice.published_at,
            sha256: &notice.sha256,
            content: &notice.content,
        }
    }
}

#[derive(Serialize)]
struct ListAnswer {
    notices: Vec<Summary>,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    cursor: Option<u64>,
    limit: Option<usize>,
}

/// A stored notice never changes, so its entity tag never does.
const ONLY_VERSION: u64 = 1;

/// Publishes a notice. Order and crashes: see [`Notices::publish`].
pub(crate) fn publish(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let Publication {
        title,
        language,
        text,
        purposes,
        classes,
        withdrawal,
        complaint,
        contact,
        replaces,
    } = exchange.json()?;
    let content = Content {
        title,
        language,
        text,
        purposes,
        classes,
        withdrawal,
        complaint,
        contact,
    };
    content.check()?;
    let key = exchange.idempotency_key()?;
    let caller = exchange.caller()?;
    let clinic = caller.clinic();
    let index = exchange.keyring.key("index")?;
    let notice_id: NoticeId = idempotency::created_id(index, clinic, caller.account(), exchange.path(), key);
    let request = Request::new(Action::Create, DataClass::Notice)
        .of(notice_id)
        .purpose(exchange.purpose()?);
    let recorded = exchange.gate()?.admit(&caller, &request, None)?;
    let notices = Notices::new(exchange)?;
    let (series, version) = match replaces {
        None => (notice_id, 1),
        Some(replaced) => {
            let replaced = notices.read(clinic, replaced)?;
            let mut check = Check::new();
            check.that(
                replaced.is_some(),
                "/replaces",
                "notice",
                "must be a notice that this clinic has published",
            );
            check.finish().map_err(|problem| problem.recorded(recorded.event()))?;
            replaced.map_or((notice_id, 1), |replaced| {
                (replaced.series, replaced.version.saturating_add(1))
            })
        }
    };
    let notice = Notice {
        notice_id,
        series,
        version,
        replaces,
        published_at: exchange.platform.clock.now(),
        sha256: content.sha256()?,
        content,
        fingerprint: idempotency::fingerprint(index, exchange.body()),
    };
    let notice = notices
        .publish(clinic, notice)
        .map_err(|problem| problem.recorded(recorded.event()))?;
    let location = format!("{}/{clinic}/{notice_id}", exchange.path());
    Ok(Reply::created(&location, &NoticeAnswer::new(clinic, &notice))?
        .etag(ONLY_VERSION)
        .recorded(recorded.event()))
}

/// One notice, for everybody.
pub(crate) fn read(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let clinic: ClinicId = exchange.parameter("clinic")?;
    let notice: NoticeId = exchange.parameter("notice")?;
    let notice = Notices::new(exchange)?
        .read(clinic, notice)?
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing here."))?;
    Ok(Reply::ok(&NoticeAnswer::new(clinic, &notice))?.etag(ONLY_VERSION))
}

/// The notices of a clinic, newest first, for everybody. A clinic that is not there has none.
pub(crate) fn list(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let clinic: ClinicId = exchange.parameter("clinic")?;
    let query: ListQuery = exchange.query()?;
    let limit = page_size(query.limit)?;
    let notices = Notices::new(exchange)?;
    // The index only grows, so its length names a version of every page. The page is read as of that length.
    let count = notices.count(clinic)?;
    let before = query.cursor.unwrap_or(u64::MAX).min(count.saturating_add(1));
    let (notices, next) = notices.list(clinic, before, limit)?;
    let next = next.map(|next| next.to_string());
    Ok(Reply::ok(&ListAnswer { notices, next })?.etag(count))
}
