//! One client's records of one class, as a permit opens them.
//!
//! ```text
//! record document   the current version, one per record
//! history log       the versions before it, one log per record
//! index log         which records there are, one log per client and class
//! ```
//!
//! Everything is named by an HMAC under the link key over clinic and client, so that nothing in the store says whose it is
//! or what belongs together. Psychotherapy notes are named by their author too: a request that is neither
//! hers nor authorized by the client does not even come to the place where they lie.

use std::collections::BTreeSet;

use access::{ClientKey, Recorded, Request, Vault};
use crypto::{DataKey, Label};
use model::{AccountId, Action, ClientId, DataClass, RecordId, Timestamp};
use ports::Creation;
use serde::{Deserialize, Serialize};
use store::{Doc, History, Log, Shelf, UpdateError, Versioned};
use web::{Exchange, Problem};

use crate::content::{Content, Kind};
use crate::keys;

const RECORD: Label = Label::new("confide 2026-11 record name");
const HISTORY: Label = Label::new("confide 2026-11 record history name");
const INDEX: Label = Label::new("confide 2026-11 record index name");

/// How many entries others may add to an index between two tries of one request. The log recognises the entry of the first
/// try only while it is among the newest; a request that comes later than that adds it again, and the list leaves it out.
const OVERTAKING: u64 = 64;

/// A version of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub(crate) id: RecordId,
    pub(crate) author: AccountId,
    pub(crate) created_at: Timestamp,
    /// Who wrote this version, when, and why it was changed.
    pub(crate) written_by: AccountId,
    pub(crate) written_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<model::Confidential<String>>,
    pub(crate) content: Content,
    /// Recognises a repeated request.
    pub(crate) fingerprint: [u8; 16],
}

/// What the index says of a record.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IndexEntry {
    pub(crate) id: RecordId,
    pub(crate) kind: Kind,
    pub(crate) author: AccountId,
    pub(crate) created_at: Timestamp,
}

/// The chart of the client in the path, opened by a recorded permit.
pub(crate) struct Chart<'a> {
    pub(crate) recorded: Recorded,
    health: Shelf<'a>,
    vault: Vault<'a>,
}

/// The chart with its key: there is something in it, or about to be.
pub(crate) struct OpenChart<'a> {
    chart: Chart<'a>,
    key: ClientKey,
}

impl<'a> Chart<'a> {
    /// Decides and records; what comes back may be opened.
    pub(crate) fn enter(
        exchange: &Exchange<'a>,
        action: Action,
        class: DataClass,
        resource: Option<RecordId>,
        author: Option<AccountId>,
    ) -> Result<Self, Problem> {
        let caller = exchange.caller()?;
        let client: ClientId = exchange.parameter("client")?;
        let permissions = exchange.permissions()?.read(caller.clinic(), client)?;
        let request = Request::new(action, class).about(client).purpose(exchange.purpose()?);
        let request = match resource {
            Some(record) => request.of(record),
            None => request,
        };
        let request = match class {
            DataClass::Psychotherapy => request.by(author.unwrap_or(caller.account())),
            _ => request,
        };
        let recorded = exchange.gate()?.admit(&caller, &request, permissions.as_ref())?;
        Ok(Self {
            recorded,
            health: exchange.shelf("health")?,
            vault: keys::vault(exchange)?,
        })
    }

    /// Opens the chart, or 404 where it is empty.
    pub(crate) fn open(self) -> Result<OpenChart<'a>, Problem> {
        match self.vault.unlock(&self.recorded)? {
            Some(key) => Ok(OpenChart { chart: self, key }),
            None => Err(Problem::not_found(self.recorded.event())),
        }
    }

    /// Opens the chart, or begins it.
    pub(crate) fn open_or_begin(self) -> Result<OpenChart<'a>, Problem> {
        let key = self.vault.unlock_or_create(&self.recorded)?;
        Ok(OpenChart { chart: self, key })
    }

    /// Whether there is anything in it.
    pub(crate) fn open_if_begun(self) -> Result<Result<OpenChart<'a>, Recorded>, Problem> {
        Ok(match self.vault.unlock(&self.recorded)? {
            Some(key) => Ok(OpenChart { chart: self, key }),
            None => Err(self.recorded),
        })
    }

    fn name(&self, label: Label, parts: &[&[u8]]) -> Result<String, Problem> {
        let class = self.recorded.class();
        let author = self.recorded.author();
        let author: &[u8] = author.as_ref().map_or(&[], |author| author.as_bytes());
        let mut all: Vec<&[u8]> = vec![class.name().as_bytes(), author];
        all.extend_from_slice(parts);
        Ok(self.vault.name(&self.recorded, label, &all)?)
    }
}

impl OpenChart<'_> {
    pub(crate) fn recorded(&self) -> &Recorded {
        &self.chart.recorded
    }

    fn record(&self, id: RecordId) -> Result<Doc<'_, Record, DataKey>, Problem> {
        let name = self.chart.name(RECORD, &[id.as_bytes()])?;
        Ok(self
            .chart
            .health
            .doc(Some(self.chart.recorded.clinic()), "record", &name, self.key.key()))
    }

    fn history(&self, id: RecordId) -> Result<History<'_, Record, DataKey>, Problem> {
        let name = self.chart.name(HISTORY, &[id.as_bytes()])?;
        let clinic = self.chart.recorded.clinic();
        Ok(self
            .chart
            .health
            .history(Some(clinic), "record history", &name, self.key.key()))
    }

    fn index(&self) -> Result<Log<'_, IndexEntry, DataKey>, Problem> {
        let name = self.chart.name(INDEX, &[])?;
        Ok(self.chart.health.log(
            Some(self.chart.recorded.clinic()),
            "record index",
            &name,
            self.key.key(),
        ))
    }

    /// Reads the current version, or 404.
    pub(crate) fn read(&self, id: RecordId) -> Result<Versioned<Record>, Problem> {
        self.record(id)?
            .read()?
            .ok_or_else(|| Problem::not_found(self.chart.recorded.event()))
    }

    /// Writes a record that does not exist yet; repeated, it finishes what the first try began and gives the same answer.
    ///
    /// Order: record, then index, then answer. A crash in between leaves a record that no list shows and whose id nobody
    /// was told; the repeated request comes to the same id and adds the index entry.
    pub(crate) fn create(&self, record: Record) -> Result<Versioned<Record>, Problem> {
        let doc = self.record(record.id)?;
        match doc.create(&record)? {
            Creation::Created => {
                self.index()?.append(*record.id.as_bytes(), &IndexEntry::of(&record))?;
                Ok(Versioned {
                    version: 1,
                    value: record,
                })
            }
            Creation::Exists => {
                let existing = self.read(record.id)?;
                if existing.value.fingerprint != record.fingerprint {
                    return Err(Problem::idempotency_key_reused().recorded(self.chart.recorded.event()));
                }
                self.finish_index(&existing.value)?;
                Ok(existing)
            }
        }
    }

    /// Adds the index entry of a record unless it is there. Only a repeated request comes here, so it looks through all of
    /// them: an entry that was added late stands among younger ones, and no entry's time says where to stop.
    fn finish_index(&self, record: &Record) -> Result<(), Problem> {
        let index = self.index()?;
        for entry in index.newest_first(None) {
            if entry?.value.id == record.id {
                return Ok(());
            }
        }
        index.append(*record.id.as_bytes(), &IndexEntry::of(record))?;
        Ok(())
    }

    /// Replaces the version that the caller has seen; repeated by the same author it gives the same answer (RFC 9110,
    /// section 13.1.1, allows that where the change was already applied).
    ///
    /// Order: the version so far goes to the history, then the record changes. A crash in between leaves a history entry of
    /// the version that is still current, which the history does not show; whoever amends it next finds it there already.
    pub(crate) fn amend(
        &self,
        id: RecordId,
        expected: u64,
        change: impl Fn(&Record) -> Result<Record, Problem>,
    ) -> Result<Versioned<Record>, Problem> {
        let current = self.read(id)?;
        let amended = change(&current.value)?;
        if current.version != expected {
            return self.amended_before(current, expected, &amended);
        }
        self.history(id)?.keep(&current)?;
        let written = self.record(id)?.update(Some(expected), |record| {
            *record = amended.clone();
            Ok::<_, Problem>(())
        });
        match written {
            Ok(written) => Ok(Versioned {
                version: written.version,
                value: amended,
            }),
            Err(UpdateError::Stale) => self.amended_before(self.read(id)?, expected, &amended),
            Err(error) => Err(Problem::from(error).recorded(self.chart.recorded.event())),
        }
    }

    /// What is there now, where it is what `amended` wanted to make of the version `expected`; otherwise 412.
    fn amended_before(
        &self,
        now: Versioned<Record>,
        expected: u64,
        amended: &Record,
    ) -> Result<Versioned<Record>, Problem> {
        let wanted = Record {
            written_at: now.value.written_at,
            ..amended.clone()
        };
        if now.version == expected.saturating_add(1) && now.value == wanted {
            Ok(now)
        } else {
            Err(Problem::stale().recorded(self.chart.recorded.event()))
        }
    }

    /// The versions before the one that was read as `current`, newest first, up to `limit` of them older than `before`.
    pub(crate) fn past_versions(
        &self,
        id: RecordId,
        current: u64,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Versioned<Record>>, Problem> {
        let before = before.unwrap_or(current).min(current);
        Ok(self.history(id)?.before(before, limit)?)
    }

    /// The records, newest first, each once, and where the next page begins.
    pub(crate) fn list(
        &self,
        before: Option<u64>,
        limit: usize,
        wanted: impl Fn(&IndexEntry) -> bool,
    ) -> Result<(Vec<IndexEntry>, Option<u64>), Problem> {
        let mut page = Vec::with_capacity(limit);
        let mut last = None;
        let mut seen = BTreeSet::new();
        let overtaking = before.map(|before| before.saturating_add(OVERTAKING));
        for entry in self.index()?.newest_first(overtaking) {
            let entry = entry?;
            let is_on_earlier_page = before.is_some_and(|before| entry.sequence >= before);
            if !seen.insert(entry.value.id) || is_on_earlier_page || !wanted(&entry.value) {
                continue;
            }
            if page.len() == limit {
                return Ok((page, last));
            }
            last = Some(entry.sequence);
            page.push(entry.value);
        }
        Ok((page, None))
    }
}

impl IndexEntry {
    fn of(record: &Record) -> Self {
        Self {
            id: record.id,
            kind: record.content.kind(),
            author: record.author,
            created_at: record.created_at,
        }
    }
}
