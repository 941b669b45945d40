//! Publishing notices, and reading them without an account.

use access::{Recorded, Request};
use http::StatusCode;
use law::Regime;
use model::{Action, ClinicId, DataClass, NoticeId, Purpose, Timestamp, is_language_tag};
use ports::EntropyExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{StoreError, Versioned, idempotency};
use web::{Exchange, Problem, Reply, page_size};

use crate::content::{Content, Kind};
use crate::duties::Missing;
use crate::jurisdiction::{Jurisdiction, Jurisdictions, PrivacyContact};
use crate::language::{Direction, direction, lookup};
use crate::notice::{Notice, Notices, Summary};

/// A notice as it was published, and what became of it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Notice")]
pub(crate) struct NoticeAnswer<'n> {
    notice_id: NoticeId,
    clinic_id: ClinicId,
    /// The first notice of those that replaced each other.
    series: NoticeId,
    /// Which of them it is, from 1. A translation has that of what it translates.
    version: u64,
    published_at: Timestamp,
    /// The laws that it was held against.
    regimes: &'n [Regime],
    /// Over its content, as the README says; hexadecimal.
    sha256: &'n str,
    /// Which way its language is read.
    direction: Direction,
    /// Absent where it is the newest of its series.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_by: Option<NoticeId>,
    /// Whom to ask about privacy now, whoever it was when the notice was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    privacy_contact: Option<PrivacyContact>,
    #[serde(flatten)]
    content: &'n Content,
}

/// A notice as it is answered, and the version of that answer.
fn answer<'n>(
    exchange: &Exchange<'_>,
    clinic_id: ClinicId,
    notice: &'n Notice,
) -> Result<(NoticeAnswer<'n>, u64), Problem> {
    let replaced_by = Notices::new(exchange)?.replaced_by(clinic_id, notice)?;
    let (changes, privacy_contact) = match Jurisdictions::new(exchange)?.read(clinic_id)? {
        None => (0, None),
        Some(Versioned { version, value }) => (version, Some(value.privacy_contact)),
    };
    let answer = NoticeAnswer {
        notice_id: notice.notice_id,
        clinic_id,
        series: notice.series,
        version: notice.version,
        published_at: notice.published_at,
        regimes: &notice.regimes,
        sha256: &notice.sha256,
        direction: direction(&notice.content.language),
        replaced_by,
        privacy_contact,
        content: &notice.content,
    };
    // A stored notice never changes. What is answered beside it does: once, when it is replaced, and with the jurisdiction.
    let version = changes
        .saturating_mul(2)
        .saturating_add(u64::from(replaced_by.is_some()));
    Ok((answer, version))
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NoticeCheck")]
pub(crate) struct CheckAnswer<'j> {
    /// The laws that it was held against.
    regimes: &'j [Regime],
    /// Empty where it can be published.
    missing: Vec<Missing>,
}

/// What a list shows of a notice.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NoticeSummary")]
struct EntryAnswer {
    #[serde(flatten)]
    summary: Summary,
    /// Which way its language is read.
    direction: Direction,
    /// Absent where it is the newest of its series.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_by: Option<NoticeId>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Notices")]
pub(crate) struct ListAnswer {
    /// Newest first.
    notices: Vec<EntryAnswer>,
    /// The `cursor` of the next page. Absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NoticesQuery")]
pub(crate) struct ListQuery {
    /// The `next` of the page before.
    cursor: Option<u64>,
    /// How many at most.
    limit: Option<usize>,
    /// BCP 47: of each version the one text that serves best (RFC 4647, section 3.4).
    language: Option<String>,
    /// Those that serve this purpose.
    purpose: Option<Purpose>,
    /// Those of this kind.
    kind: Option<Kind>,
    /// `true` leaves out what was replaced.
    current: Option<bool>,
}

/// Publishes a notice that tells what the clinic's laws want told. Order and crashes: see [`Notices::publish`].
pub(crate) fn publish(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let content: Content = exchange.json()?;
    content.check()?;
    let key = exchange.idempotency_key()?;
    let caller = exchange.caller()?;
    let index = exchange.keyring.key("index")?;
    let notice_id: NoticeId = idempotency::created_id(index, caller.clinic(), caller.account(), exchange.path(), key);
    let request = Request::new(Action::Create, DataClass::Notice)
        .of(notice_id)
        .purpose(exchange.purpose()?);
    let recorded = exchange.gate()?.admit(&caller, &request, None)?;
    published(exchange, &recorded, notice_id, content).map_err(|problem| problem.recorded(recorded.event()))
}

fn published(
    exchange: &Exchange<'_>,
    recorded: &Recorded,
    notice_id: NoticeId,
    content: Content,
) -> Result<Reply, Problem> {
    let clinic = recorded.clinic();
    let notices = Notices::new(exchange)?;
    let fingerprint = idempotency::fingerprint(exchange.keyring.key("index")?, exchange.body());
    let notice = match notices.read(clinic, notice_id)? {
        Some(begun) if begun.fingerprint != fingerprint => return Err(Problem::idempotency_key_reused()),
        // What was begun is finished as it was begun, whichever laws the clinic is under by now.
        Some(begun) => begun,
        None => {
            let Jurisdiction { regimes, .. } = Jurisdictions::new(exchange)?.of(clinic)?;
            let (series, version) = notices.placed(clinic, notice_id, &content)?;
            content.check_duties(&regimes, original_language(&notices, clinic, &content)?.as_deref())?;
            Notice {
                notice_id,
                series,
                version,
                published_at: exchange.platform.clock.now(),
                regimes,
                sha256: content.sha256()?,
                content,
                fingerprint,
            }
        }
    };
    let notice = notices.publish(clinic, notice)?;
    let location = format!("{}/{clinic}/{notice_id}", exchange.path());
    let (answer, version) = answer(exchange, clinic, &notice)?;
    Ok(Reply::created(&location, &answer)?
        .etag(version)
        .recorded(recorded.event()))
}

/// In which language that is which a notice translates.
fn original_language(notices: &Notices<'_>, clinic: ClinicId, content: &Content) -> Result<Option<String>, StoreError> {
    let Some(original) = content.translates else {
        return Ok(None);
    };
    Ok(notices
        .read(clinic, original)?
        .map(|original| original.content.language))
}

/// What a notice still has to tell before it can be published, for somebody who is writing it. Nothing is stored.
pub(crate) fn check(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let content: Content = exchange.json()?;
    content.check()?;
    let caller = exchange.caller()?;
    let request = Request::new(Action::Create, DataClass::Notice).purpose(exchange.purpose()?);
    let recorded = exchange.gate()?.admit(&caller, &request, None)?;
    let refused = |problem: Problem| problem.recorded(recorded.event());
    let clinic = recorded.clinic();
    let Jurisdiction { regimes, .. } = Jurisdictions::new(exchange)?.of(clinic).map_err(refused)?;
    // It has no id yet, and where it would stand is not told: only whether it could stand there.
    let nobodys = exchange.platform.entropy.id();
    let notices = Notices::new(exchange)?;
    notices.placed(clinic, nobodys, &content).map_err(refused)?;
    let original = original_language(&notices, clinic, &content)?;
    let answer = CheckAnswer {
        missing: content.missing(&regimes, original.as_deref()),
        regimes: &regimes,
    };
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}

/// One notice, for everybody.
pub(crate) fn read(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let clinic: ClinicId = exchange.parameter("clinic")?;
    let notice: NoticeId = exchange.parameter("notice")?;
    let notice = Notices::new(exchange)?
        .read(clinic, notice)?
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing here."))?;
    let (answer, version) = answer(exchange, clinic, &notice)?;
    Ok(Reply::ok(&answer)?.etag(version))
}

/// The notices of a clinic, newest first, for everybody. A clinic that is not there has none.
pub(crate) fn list(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let clinic: ClinicId = exchange.parameter("clinic")?;
    let query: ListQuery = exchange.query()?;
    let limit = page_size(query.limit)?;
    if !query.language.as_deref().is_none_or(is_language_tag) {
        return Err(Problem::malformed(
            "language",
            "bcp-47",
            "must be a language tag such as en or pt-BR",
        ));
    }
    let all = Notices::new(exchange)?.all(clinic)?;
    let replaced_by = |summary: &Summary| {
        let successor = |(_, other): &&(u64, Summary)| other.replaces == Some(summary.original());
        all.iter().find(successor).map(|(_, successor)| successor.notice_id)
    };
    let serves = |summary: &Summary| match &query.language {
        None => true,
        // Of the languages that one version is there in, the one that serves best, as a lookup ends with one.
        Some(range) => lookup(range, &summary.language).is_some_and(|rank| {
            !all.iter().any(|(_, other)| {
                (other.series, other.version) == (summary.series, summary.version)
                    && lookup(range, &other.language) > Some(rank)
            })
        }),
    };
    let mut wanted = all.iter().filter(|(sequence, summary)| {
        query.cursor.is_none_or(|before| *sequence < before)
            && query.kind.is_none_or(|kind| summary.kind == kind)
            && query.purpose.is_none_or(|purpose| summary.purposes.contains(&purpose))
            && serves(summary)
            && !(query.current == Some(true) && replaced_by(summary).is_some())
    });
    let page: Vec<&(u64, Summary)> = wanted.by_ref().take(limit).collect();
    let is_last = wanted.next().is_none();
    let next = page
        .last()
        .filter(|_| !is_last)
        .map(|(sequence, _)| sequence.to_string());
    let notices = page
        .into_iter()
        .map(|(_, summary)| EntryAnswer {
            summary: summary.clone(),
            direction: direction(&summary.language),
            replaced_by: replaced_by(summary),
        })
        .collect();
    // The index only grows, so its length names a version of every page.
    let count = all.first().map_or(0, |(sequence, _)| *sequence);
    Ok(Reply::ok(&ListAnswer { notices, next })?.etag(count))
}
