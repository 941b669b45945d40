//! The handlers: what each request wants, in the order of effects that every one of them keeps: authenticate, decide and
//! record, unlock, then read or write, then answer.

use model::{AccountId, Action, Confidential, DataClass, RecordId, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Versioned, idempotency};
use web::{Check, Exchange, Problem, Reply, page_size};

use crate::chart::{Chart, IndexEntry, Record};
use crate::content::{Content, Kind, Note};

#[derive(Serialize)]
struct RecordAnswer<'r> {
    id: RecordId,
    version: u64,
    author: AccountId,
    created_at: Timestamp,
    written_by: AccountId,
    written_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'r Confidential<String>>,
    #[serde(flatten)]
    content: &'r Content,
    /// What goes with every disclosure of such a record (42 CFR 2.32(a)(2)).
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'static str>,
}

/// The short form of the notice (42 CFR 2.32(a)(2)).
const PART_2: &str = "42 CFR part 2 prohibits unauthorized use or disclosure of these records.";

impl<'r> RecordAnswer<'r> {
    fn new(class: DataClass, version: u64, record: &'r Record) -> Self {
        Self {
            notice: (class == DataClass::SubstanceUse).then_some(PART_2),
            id: record.id,
            version,
            author: record.author,
            created_at: record.created_at,
            written_by: record.written_by,
            written_at: record.written_at,
            reason: record.reason.as_ref(),
            content: &record.content,
        }
    }
}

#[derive(Serialize)]
struct ListAnswer {
    records: Vec<IndexEntry>,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize)]
struct VersionsAnswer<'r> {
    versions: Vec<RecordAnswer<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    kind: Option<Kind>,
    cursor: Option<u64>,
    limit: Option<usize>,
    /// Whose: of psychotherapy notes the caller's own where nobody is named, of other records everybody's.
    author: Option<AccountId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionsQuery {
    cursor: Option<u64>,
    limit: Option<usize>,
    author: Option<AccountId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoteQuery {
    author: Option<AccountId>,
}

fn write(exchange: &Exchange<'_>, class: DataClass, content: Content) -> Result<Reply, Problem> {
    let now = exchange.platform.clock.now();
    let mut check = Check::new();
    content.check(&mut check, "", now);
    check.finish()?;
    let key = exchange.idempotency_key()?;
    let chart = Chart::enter(exchange, Action::Create, class, None, None)?;
    let (clinic, author) = (chart.recorded.clinic(), chart.recorded.account());
    let index = exchange.keyring.key("index")?;
    let id: RecordId = idempotency::created_id(index, clinic, author, exchange.path(), key);
    let chart = chart.open_or_begin()?;
    let written = chart.create(Record {
        id,
        author,
        created_at: now,
        written_by: author,
        written_at: now,
        reason: None,
        content,
        fingerprint: idempotency::fingerprint(index, exchange.body()),
    })?;
    let location = format!("{}/{id}", exchange.path());
    Ok(
        Reply::created(&location, &RecordAnswer::new(class, written.version, &written.value))?
            .etag(written.version)
            .recorded(chart.recorded().event()),
    )
}

fn list(exchange: &Exchange<'_>, class: DataClass) -> Result<Reply, Problem> {
    let query: ListQuery = exchange.query()?;
    let limit = page_size(query.limit)?;
    let chart = Chart::enter(exchange, Action::List, class, None, query.author)?;
    let event = chart.recorded.event();
    let (records, next) = match chart.open_if_begun()? {
        Ok(chart) => chart.list(query.cursor, limit, |entry| {
            query.kind.is_none_or(|kind| entry.kind == kind) && query.author.is_none_or(|author| entry.author == author)
        })?,
        Err(_) => (Vec::new(), None),
    };
    let next = next.map(|next| next.to_string());
    Ok(Reply::ok(&ListAnswer { records, next })?.recorded(event))
}

fn read(exchange: &Exchange<'_>, class: DataClass, author: Option<AccountId>) -> Result<Reply, Problem> {
    let id: RecordId = exchange.parameter("record")?;
    let chart = Chart::enter(exchange, Action::Read, class, Some(id), author)?.open()?;
    let Versioned { version, value } = chart.read(id)?;
    Ok(Reply::ok(&RecordAnswer::new(class, version, &value))?
        .etag(version)
        .recorded(chart.recorded().event()))
}

/// Amends with content that stands `at` this place of the body.
fn amend(
    exchange: &Exchange<'_>,
    class: DataClass,
    reason: String,
    content: Content,
    at: &str,
) -> Result<Reply, Problem> {
    let id: RecordId = exchange.parameter("record")?;
    let expected = exchange.if_match()?;
    let now = exchange.platform.clock.now();
    let mut check = Check::new();
    check.text(&reason, "/reason", 1, 500);
    content.check(&mut check, at, now);
    check.finish()?;
    let chart = Chart::enter(exchange, Action::Amend, class, Some(id), None)?.open()?;
    let author = chart.recorded().account();
    let amended = chart.amend(id, expected, |record| {
        if record.content.kind() != content.kind() {
            return Err(
                Problem::conflict("kind-differs", "A record keeps its kind. Write a new one instead.")
                    .recorded(chart.recorded().event()),
            );
        }
        Ok(Record {
            written_by: author,
            written_at: now,
            reason: Some(Confidential::new(reason.clone())),
            content: content.clone(),
            ..record.clone()
        })
    })?;
    Ok(Reply::ok(&RecordAnswer::new(class, amended.version, &amended.value))?
        .etag(amended.version)
        .recorded(chart.recorded().event()))
}

fn versions(exchange: &Exchange<'_>, class: DataClass) -> Result<Reply, Problem> {
    let id: RecordId = exchange.parameter("record")?;
    let query: VersionsQuery = exchange.query()?;
    let limit = page_size(query.limit)?;
    let chart = Chart::enter(exchange, Action::Read, class, Some(id), query.author)?.open()?;
    let current = chart.read(id)?;
    let past = chart.past_versions(id, current.version, query.cursor, limit)?;
    let first_page = query
        .cursor
        .is_none()
        .then(|| RecordAnswer::new(class, current.version, &current.value));
    let next = past
        .last()
        .filter(|last| past.len() == limit && last.version > 1)
        .map(|last| last.version.to_string());
    let versions = first_page
        .into_iter()
        .chain(
            past.iter()
                .map(|Versioned { version, value }| RecordAnswer::new(class, *version, value)),
        )
        .collect();
    Ok(Reply::ok(&VersionsAnswer { versions, next })?.recorded(chart.recorded().event()))
}

/// Progress notes, assessments and treatment plans, in one of the books that they are kept in.
pub(crate) mod records {
    use super::*;

    /// A class of records of these kinds.
    pub(crate) trait Book {
        const CLASS: DataClass;
    }

    /// A client's clinical records.
    pub(crate) struct Clinical;

    /// Those of treatment for substance use, under keys and consents of their own.
    pub(crate) struct SubstanceUse;

    impl Book for Clinical {
        const CLASS: DataClass = DataClass::Health;
    }

    impl Book for SubstanceUse {
        const CLASS: DataClass = DataClass::SubstanceUse;
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Amendment {
        reason: String,
        record: Content,
    }

    fn is_clinical(content: Content, at: &str) -> Result<Content, Problem> {
        match content {
            Content::PsychotherapyNote(_) => Err(Problem::malformed(
                format!("{at}/kind"),
                "kind",
                "psychotherapy notes are kept apart: use the path …/psychotherapy-notes",
            )),
            clinical => Ok(clinical),
        }
    }

    pub(crate) fn write<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
        super::write(exchange, B::CLASS, is_clinical(exchange.json()?, "")?)
    }

    pub(crate) fn list<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
        super::list(exchange, B::CLASS)
    }

    pub(crate) fn read<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
        super::read(exchange, B::CLASS, None)
    }

    pub(crate) fn amend<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
        let Amendment { reason, record } = exchange.json()?;
        let at = "/record";
        super::amend(exchange, B::CLASS, reason, is_clinical(record, at)?, at)
    }

    pub(crate) fn versions<B: Book>(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
        super::versions(exchange, B::CLASS)
    }
}

/// Psychotherapy notes: the same, in files of their own that only requests for their author's come to.
pub(crate) mod notes {
    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct NoteBody {
        content: Note,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Amendment {
        reason: String,
        content: Note,
    }

    pub(crate) fn write(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
        let NoteBody { content } = exchange.json()?;
        super::write(exchange, DataClass::Psychotherapy, Content::PsychotherapyNote(content))
    }

    pub(crate) fn list(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
        super::list(exchange, DataClass::Psychotherapy)
    }

    pub(crate) fn read(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
        let NoteQuery { author } = exchange.query()?;
        super::read(exchange, DataClass::Psychotherapy, author)
    }

    pub(crate) fn amend(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
        let Amendment { reason, content } = exchange.json()?;
        super::amend(
            exchange,
            DataClass::Psychotherapy,
            reason,
            Content::PsychotherapyNote(content),
            "",
        )
    }

    pub(crate) fn versions(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
        super::versions(exchange, DataClass::Psychotherapy)
    }
}
