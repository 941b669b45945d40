//! The handlers: what each request wants, in the order of effects that every one of them keeps: authenticate, decide and
//! record, unlock, then read or write, then answer.

mod attachments;
pub(crate) mod exchange;
pub(crate) mod notes;
pub(crate) mod records;
pub(crate) mod signing;

use crypto::{Label, mac};
use model::{AccountId, Action, AddendumId, Confidential, DataClass, RecordId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Versioned, idempotency};
use web::{Check, Exchange, Problem, Reply, VersionsPage, page_size};

use crate::answer::{AddendumAnswer, RecordAnswer};
use crate::chart::{Addendum, Chart, Selection, Wanted};
use crate::content::{Content, Kind, TEXT};
use crate::record::{Hand, Record, Status, Writing};
use crate::timeline::Entry;

const ADDENDUM: Label = Label::new("confide 2026-11 record addendum entry id");

/// The longest reason of a change, in characters.
const REASON: usize = 500;

/// What a new record begins as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "NewRecordStatus")]
pub(crate) enum FirstStatus {
    /// Its author's alone, until she signs it.
    Draft,
    /// Signed by its author at once.
    #[default]
    Signed,
}

/// A page of a list of records, newest first by `effective_at`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RecordList")]
pub(crate) struct ListAnswer {
    /// May be fewer than `limit` asks for, though there are more: `next` says so.
    records: Vec<ListedAnswer>,
    /// The `cursor` of the next page. Absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A record without what it says.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ListedRecord")]
struct ListedAnswer {
    id: RecordId,
    kind: Kind,
    author: AccountId,
    /// When what it tells of was, or began; `created_at` where it does not say.
    effective_at: Timestamp,
    created_at: Timestamp,
    status: Status,
    version: u64,
}

impl ListedAnswer {
    fn new(entry: Entry, record: &Versioned<Record>) -> Self {
        let Entry {
            id,
            kind,
            author,
            effective_at,
            created_at,
        } = entry;
        Self {
            id,
            kind,
            author,
            effective_at,
            created_at,
            status: record.value.status,
            version: record.version,
        }
    }
}

/// A page of a record's versions, newest first. The current one is on the first page.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RecordVersions")]
pub(crate) struct VersionsAnswer<'r> {
    versions: Vec<RecordAnswer<'r>>,
    /// The `cursor` of the next page. Absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What is the caller's to finish, instead of all that is signed: her own drafts, or what awaits her signature beside the author's.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ListedStatus {
    /// The caller's own drafts.
    Draft,
    /// What awaits the caller's signature beside the author's.
    AwaitingCosignature,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// Of this kind alone.
    kind: Option<Kind>,
    /// What is the caller's to finish, instead of all that is signed.
    status: Option<ListedStatus>,
    /// The first `effective_at` that is listed.
    since: Option<Timestamp>,
    /// The first `effective_at` that is not listed any more.
    until: Option<Timestamp>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// How many at most.
    limit: Option<usize>,
    /// Whose: of psychotherapy notes the caller's own where nobody is named, of other records everybody's.
    author: Option<AccountId>,
}

/// What somebody adds to a record.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewAddendum")]
pub(crate) struct AddendumBody {
    /// 1 to 10 000 characters.
    text: String,
}

fn write(
    exchange: &Exchange<'_>,
    class: DataClass,
    content: &Content,
    encounter: Option<RecordId>,
    status: FirstStatus,
) -> Result<Reply, Problem> {
    let now = exchange.platform.clock.now();
    let mut check = Check::new();
    match status {
        FirstStatus::Draft => content.check_draft(&mut check, ""),
        FirstStatus::Signed => content.check(&mut check, "", now),
    }
    check.that(
        status == FirstStatus::Draft || content.kind() != Kind::Document,
        "/status",
        "draft",
        "must be \"draft\": a document is signed once its content is there",
    );
    check.finish()?;
    let writing = Writing {
        content: content.written()?,
        encounter,
    };
    let key = exchange.idempotency_key()?;
    let caller = exchange.caller()?;
    let author = caller.account();
    let index = exchange.keyring.key("index")?;
    let id: RecordId = idempotency::created_id(index, caller.clinic(), author, exchange.path(), key);
    let fingerprint = idempotency::fingerprint(index, exchange.body());
    let chart = Chart::enter_as(exchange, caller, Action::Create, class, Some(id), None)?.open_or_begin()?;
    let is_draft = status == FirstStatus::Draft;
    let written = chart.create(Record::new(id, author, now, writing, is_draft, fingerprint))?;
    let location = format!("{}/{id}", exchange.path());
    Ok(Reply::created(&location, &RecordAnswer::new(class, &written))?
        .etag(written.version)
        .recorded(chart.recorded().event()))
}

fn list(exchange: &Exchange<'_>, class: DataClass) -> Result<Reply, Problem> {
    let query: ListQuery = exchange.query()?;
    let limit = page_size(query.limit)?;
    let chart = Chart::enter(exchange, Action::List, class, None, query.author)?;
    let event = chart.recorded.event();
    let selection = match (query.status, query.kind) {
        (Some(ListedStatus::Draft), _) => Selection::Drafts(chart.recorded.account()),
        (Some(ListedStatus::AwaitingCosignature), _) => Selection::Awaiting(chart.recorded.account()),
        (None, Some(kind)) => Selection::Kind(kind),
        (None, None) => Selection::All,
    };
    let wanted = Wanted {
        selection,
        kind: query.kind,
        author: query.author,
        since: query.since,
        until: query.until,
        cursor: query.cursor.as_deref(),
        limit,
    };
    let (mut records, mut next) = (Vec::new(), None);
    if let Ok(chart) = chart.open_if_begun()? {
        let (page, after) = chart.list(&wanted).map_err(|problem| problem.or_recorded(event))?;
        next = after;
        for entry in page {
            records.extend(chart.find(entry.id)?.map(|record| ListedAnswer::new(entry, &record)));
        }
    }
    Ok(Reply::ok(&ListAnswer { records, next })?.recorded(event))
}

fn read(exchange: &Exchange<'_>, class: DataClass, author: Option<AccountId>) -> Result<Reply, Problem> {
    let id: RecordId = exchange.parameter("record")?;
    let chart = Chart::enter(exchange, Action::Read, class, Some(id), author)?.open()?;
    let (record, addenda) = chart.read_whole(id)?;
    Ok(Reply::ok(&RecordAnswer::new(class, &record).with(&addenda))?
        .etag(record.version)
        .recorded(chart.recorded().event()))
}

/// Amends with content that stands `at` this place of the body.
fn amend(
    exchange: &Exchange<'_>,
    class: DataClass,
    reason: Option<String>,
    content: &Content,
    encounter: Option<RecordId>,
    at: &str,
) -> Result<Reply, Problem> {
    let id: RecordId = exchange.parameter("record")?;
    let version = exchange.if_match()?;
    let now = exchange.platform.clock.now();
    let mut check = Check::new();
    if let Some(reason) = &reason {
        check.text(reason, "/reason", 1, REASON);
    }
    content.check_draft(&mut check, at);
    check.finish()?;
    let writing = Writing {
        content: content.written()?,
        encounter,
    };
    let chart = Chart::enter(exchange, Action::Amend, class, Some(id), None)?.open()?;
    let account = chart.recorded().account();
    // What is signed at once is held to what holds of anything signed.
    let fits = |record: &Record| match record.is_draft() {
        true => Ok(()),
        false => content.checked(at, now),
    };
    let amended = chart.change_where(id, version, now, &fits, &|record, at| {
        record.amended(Hand { account, at, version }, writing.clone(), reason.clone())
    })?;
    Ok(Reply::ok(&RecordAnswer::new(class, &amended))?
        .etag(amended.version)
        .recorded(chart.recorded().event()))
}

fn discard(exchange: &Exchange<'_>, class: DataClass) -> Result<Reply, Problem> {
    let id: RecordId = exchange.parameter("record")?;
    let expected = exchange.if_match()?;
    let chart = Chart::enter(exchange, Action::Amend, class, Some(id), None)?.open()?;
    chart.discard(id, expected, exchange.platform.clock.now())?;
    Ok(Reply::no_content().recorded(chart.recorded().event()))
}

fn versions(
    exchange: &Exchange<'_>,
    class: DataClass,
    author: Option<AccountId>,
    page: VersionsPage,
) -> Result<Reply, Problem> {
    let id: RecordId = exchange.parameter("record")?;
    let chart = Chart::enter(exchange, Action::Read, class, Some(id), author)?.open()?;
    let account = chart.recorded().account();
    let current = chart.read(id)?;
    let past = chart.past_versions(&current, page)?;
    let next = page.next(current.version, past.last().map(|last| last.version));
    let visible = past.iter().filter(|version| version.value.is_visible_to(account));
    let versions = page.current(&current).into_iter().chain(visible);
    let versions = versions.map(|version| RecordAnswer::new(class, version)).collect();
    Ok(Reply::ok(&VersionsAnswer { versions, next })?.recorded(chart.recorded().event()))
}

fn add(exchange: &Exchange<'_>, class: DataClass) -> Result<Reply, Problem> {
    let record: RecordId = exchange.parameter("record")?;
    let AddendumBody { text } = exchange.json()?;
    let mut check = Check::new();
    check.text(&text, "/text", 1, TEXT / 10);
    check.finish()?;
    let key = exchange.idempotency_key()?;
    let chart = Chart::enter(exchange, Action::Amend, class, Some(record), None)?.open()?;
    let (clinic, author) = (chart.recorded().clinic(), chart.recorded().account());
    let index = exchange.keyring.key("index")?;
    let id: AddendumId = idempotency::created_id(index, clinic, author, exchange.path(), key);
    // What a log recognises an entry by stands in the clear, and the addendum's own id goes out in exports.
    let entry = mac(index, ADDENDUM, &[id.as_bytes()]).truncated();
    let added = chart.add(
        record,
        entry,
        Addendum {
            id,
            author,
            added_at: exchange.platform.clock.now(),
            text: Confidential::new(text),
            fingerprint: idempotency::fingerprint(index, exchange.body()),
        },
    )?;
    let location = exchange.path().trim_end_matches("/addenda").to_owned();
    Ok(Reply::created(&location, &AddendumAnswer::new(&added))?.recorded(chart.recorded().event()))
}

/// The answer of a change that somebody made by another way than writing.
fn changed(
    chart: &crate::chart::OpenChart<'_>,
    class: DataClass,
    record: &Versioned<Record>,
) -> Result<Reply, Problem> {
    Ok(Reply::ok(&RecordAnswer::new(class, record))?
        .etag(record.version)
        .recorded(chart.recorded().event()))
}
