//! One client's records of one class, as a permit opens them.
//!
//! ```text
//! record document   the current version, one per record, or that its draft was discarded
//! history log       the versions before it, one log per record
//! addenda log       what was added after it was signed, one log per record
//! attachments       what documents hold, beside their records
//! timelines         which records there are by time: all, those of each kind, each author's drafts, and what awaits each cosigner
//! ```
//!
//! Everything is named by an HMAC under the link key over clinic and client, so that nothing in the store says whose it is
//! or what belongs together. Psychotherapy notes are named by their author too: a request that is neither
//! hers nor authorized by the client does not even come to the place where they lie. Nor does anybody's list come to another's drafts.

mod attachments;
mod exports;
mod imports;

use std::collections::BTreeSet;
use std::mem;

use access::{Caller, CareRole, ClientKey, Recorded, Vault};
use base64ct::{Base64UrlUnpadded, Encoding};
use crypto::{DataKey, Label, Opener, Place, Sealer};
use http::StatusCode;
use model::{AccountId, Action, AddendumId, ClientId, Confidential, DataClass, RecordId, Timestamp};
use ports::{Creation, Entropy};
use serde::{Deserialize, Serialize};
use store::{Doc, History, Log, Shelf, StoreError, UpdateError, Versioned};
use web::{Asking, Check, Exchange, Problem, VersionsPage};

use crate::content::Kind;
use crate::keys;
pub(crate) use imports::{ImportedPart, ReturnedAddendum};

use crate::record::{Record, Refusal};
use crate::timeline::{Entry, Position, Timeline};

const RECORD: Label = Label::new("confide 2026-11 record name");
const HISTORY: Label = Label::new("confide 2026-11 record history name");
const ADDENDA: Label = Label::new("confide 2026-11 record addenda name");
const UPLOADS: Label = Label::new("confide 2026-11 record uploads name");
const TIMELINE: Label = Label::new("confide 2026-11 record timeline name");

/// How many entries of a list a request looks at, at most, to find those of one author: beyond that the page ends, and says
/// where the next one begins.
const LOOKED_AT: usize = 1_000;

/// How much content a page of versions has, in bytes, when it ends with the version that came to it. Each may be as long as a body.
const PAGE_BYTES: usize = 700 * 1024;

/// How many addenda a record has at most. They are read with it.
const MOST_ADDENDA: u64 = 50;

/// What lies in the place of a record, and what is said of it beside its versions.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    kept: Kept,
    /// Whether something may have been added. Most records have no addenda, and are read without looking for any. It is sealed with the
    /// record: a mark that somebody else could take away would hide what was added.
    addenda: bool,
}

impl Stored {
    fn fresh(kept: Kept) -> Self {
        Self { kept, addenda: false }
    }
}

/// What lies in the place of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "one of it is read at a time")]
enum Kept {
    Record(Record),
    /// A draft that its author let vanish. What is left recognises the request that made it.
    Discarded(Discarded),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Discarded {
    author: AccountId,
    discarded_at: Timestamp,
    fingerprint: [u8; 16],
}

/// What was added to a record after it was signed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Addendum {
    pub(crate) id: AddendumId,
    pub(crate) author: AccountId,
    pub(crate) added_at: Timestamp,
    pub(crate) text: Confidential<String>,
    /// Recognises a repeated request.
    pub(crate) fingerprint: [u8; 16],
}

/// What somebody makes of a record, and when: compiled once for all that people do with records.
pub(crate) type Change<'c> = dyn Fn(&Record, Timestamp) -> Result<Record, Refusal> + 'c;

/// What of the version that is changed would forbid it, beside what somebody makes of it.
pub(crate) type Fits<'c> = dyn Fn(&Record) -> Result<(), Problem> + 'c;

/// A selection of the client's records that has a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Selection {
    All,
    Kind(Kind),
    /// The drafts of this author.
    Drafts(AccountId),
    /// What awaits the signature of this supervisor.
    Awaiting(AccountId),
}

/// What stands of a record in a list.
type Listing = (Selection, Entry);

/// What a list shows of a selection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'q> {
    pub(crate) selection: Selection,
    pub(crate) kind: Option<Kind>,
    pub(crate) author: Option<AccountId>,
    /// The first time that is shown.
    pub(crate) since: Option<Timestamp>,
    /// The first time that is not shown any more.
    pub(crate) until: Option<Timestamp>,
    pub(crate) cursor: Option<&'q str>,
    pub(crate) limit: usize,
}

/// What a request does, and with which record.
type Asked = (Action, Option<RecordId>);

/// A client's chart, opened by a recorded permit.
pub(crate) struct Chart<'a> {
    pub(crate) recorded: Recorded,
    asked: Asked,
    asking: Asking<'a>,
    health: Shelf<'a>,
    vault: Vault<'a>,
    entropy: &'a dyn Entropy,
}

/// The chart with its key: there is something in it, or about to be.
pub(crate) struct OpenChart<'a> {
    chart: Chart<'a>,
    key: ClientKey,
}

impl<'a> Chart<'a> {
    /// Decides and records what is asked about the client in the path; what comes back may be opened.
    pub(crate) fn enter(
        exchange: &Exchange<'a>,
        action: Action,
        class: DataClass,
        resource: Option<RecordId>,
        author: Option<AccountId>,
    ) -> Result<Self, Problem> {
        Self::enter_as(exchange, exchange.caller()?, action, class, resource, author)
    }

    /// As [`Chart::enter`], for whoever asks for who the caller is before.
    pub(crate) fn enter_as(
        exchange: &Exchange<'a>,
        caller: Caller,
        action: Action,
        class: DataClass,
        resource: Option<RecordId>,
        author: Option<AccountId>,
    ) -> Result<Self, Problem> {
        let client = exchange.parameter("client")?;
        let asking = Asking::new(exchange, caller, client, class)?.written_by(author);
        Self::of(exchange, asking, action, resource)
    }

    /// Decides and records what is asked about the client whom the body names, of any class but that of psychotherapy notes,
    /// which have an author.
    pub(crate) fn enter_about(
        exchange: &Exchange<'a>,
        client: ClientId,
        action: Action,
        class: DataClass,
        resource: Option<RecordId>,
    ) -> Result<Self, Problem> {
        let caller = exchange.caller()?;
        Self::of(
            exchange,
            Asking::new(exchange, caller, client, class)?,
            action,
            resource,
        )
    }

    fn of(
        exchange: &Exchange<'a>,
        asking: Asking<'a>,
        action: Action,
        resource: Option<RecordId>,
    ) -> Result<Self, Problem> {
        Ok(Self {
            recorded: asking.admit(action, resource.as_ref().map(|id| id as &dyn ToString))?,
            asked: (action, resource),
            asking,
            health: exchange.shelf("health")?,
            vault: keys::vault(exchange)?,
            entropy: exchange.platform.entropy,
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

    /// Decides and records what else the same request does with a record of this chart. Client and class are those that its key was given out
    /// for.
    pub(crate) fn admit(&mut self, action: Action, record: RecordId) -> Result<(), access::Refusal> {
        self.chart.recorded = self.chart.asking.admit(action, Some(&record))?;
        self.chart.asked = (action, Some(record));
        Ok(())
    }

    /// Whether an account may sign beside an author, as far as the client's file says: it supervises those who treat her, and she does not hide
    /// records of this class from it.
    pub(crate) fn may_cosign(&self, account: AccountId, now: Timestamp) -> bool {
        self.chart.asking.permissions().is_some_and(|file| {
            let supervises = file.care_role(account, now) == Some(CareRole::Supervising);
            supervises && !file.hides(self.chart.recorded.class(), account)
        })
    }

    fn record(&self, id: RecordId) -> Result<Doc<'_, Stored, DataKey>, Problem> {
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

    fn addenda_log(&self, id: RecordId) -> Result<Log<'_, Addendum, DataKey>, Problem> {
        let name = self.chart.name(ADDENDA, &[id.as_bytes()])?;
        let clinic = self.chart.recorded.clinic();
        Ok(self
            .chart
            .health
            .log(Some(clinic), "record addenda", &name, self.key.key()))
    }

    fn timeline(&self, selection: Selection) -> Timeline<'_> {
        Timeline {
            shelf: &self.chart.health,
            clinic: self.chart.recorded.clinic(),
            key: self.key.key(),
            entropy: self.chart.entropy,
            name: Box::new(move |part| match selection {
                Selection::All => self.chart.name(TIMELINE, &[b"all", part]),
                Selection::Kind(kind) => self.chart.name(TIMELINE, &[b"kind", kind.name().as_bytes(), part]),
                Selection::Drafts(author) => self.chart.name(TIMELINE, &[b"drafts", author.as_bytes(), part]),
                Selection::Awaiting(cosigner) => self.chart.name(TIMELINE, &[b"awaiting", cosigner.as_bytes(), part]),
            }),
        }
    }

    /// What lies in the place of a record.
    fn kept(&self, id: RecordId) -> Result<Option<Versioned<Kept>>, Problem> {
        let stored = self.record(id)?.read()?;
        Ok(stored.map(|Versioned { version, value }| Versioned {
            version,
            value: value.kept,
        }))
    }

    /// Puts the first version there, unless there is one.
    fn begin(&self, id: RecordId, first: Kept) -> Result<Creation, Problem> {
        Ok(self.record(id)?.create(&Stored::fresh(first))?)
    }

    fn replace(&self, id: RecordId, expected: u64, by: &Kept) -> Result<Versioned<()>, UpdateError<Problem>> {
        let doc = self.record(id).map_err(UpdateError::Refused)?;
        doc.update(Some(expected), |stored| {
            stored.kept = by.clone();
            Ok(())
        })
    }

    /// Reads the current version, or 404: where there is none, and where it is a draft of somebody else's.
    pub(crate) fn read(&self, id: RecordId) -> Result<Versioned<Record>, Problem> {
        Ok(self.read_stored(id)?.0)
    }

    /// Reads the current version and what was added to it, or 404.
    pub(crate) fn read_whole(&self, id: RecordId) -> Result<(Versioned<Record>, Vec<Addendum>), Problem> {
        let (record, has_addenda) = self.read_stored(id)?;
        let addenda = if has_addenda { self.addenda(id)? } else { Vec::new() };
        Ok((record, addenda))
    }

    /// The current version and whether there may be addenda, or 404.
    fn read_stored(&self, id: RecordId) -> Result<(Versioned<Record>, bool), Problem> {
        self.find_stored(id)?
            .ok_or_else(|| Problem::not_found(self.chart.recorded.event()))
    }

    /// The current version, unless whoever asks would not find it: then a list that shows it lags behind.
    pub(crate) fn find(&self, id: RecordId) -> Result<Option<Versioned<Record>>, Problem> {
        Ok(self.find_stored(id)?.map(|(record, _)| record))
    }

    fn find_stored(&self, id: RecordId) -> Result<Option<(Versioned<Record>, bool)>, Problem> {
        Ok(match self.record(id)?.read()? {
            Some(Versioned {
                version,
                value:
                    Stored {
                        kept: Kept::Record(value),
                        addenda,
                    },
            }) if value.is_visible_to(self.chart.recorded.account()) => Some((Versioned { version, value }, addenda)),
            _ => None,
        })
    }

    /// Writes a record that does not exist yet; repeated, it finishes what the first try began and gives the same answer.
    ///
    /// Order: record, then timelines, then answer. A crash in between leaves a record that no list shows, or that only the list of
    /// all shows, and whose id nobody was told; the repeated request comes to the same id and adds what lacks.
    pub(crate) fn create(&self, record: Record) -> Result<Versioned<Record>, Problem> {
        let current = match self.begin(record.id, Kept::Record(record.clone()))? {
            Creation::Created => Versioned {
                version: 1,
                value: record,
            },
            Creation::Exists => {
                let reused = || Problem::idempotency_key_reused().recorded(self.chart.recorded.event());
                let existing = self.kept(record.id)?.ok_or(StoreError::Form)?;
                match existing.value {
                    Kept::Record(value) if value.fingerprint == record.fingerprint => Versioned {
                        version: existing.version,
                        value,
                    },
                    Kept::Discarded(draft) if draft.fingerprint == record.fingerprint => {
                        return Err(Problem::conflict(
                            "discarded",
                            "This request made a draft that its author has discarded. Send a new one under a key of its own.",
                        )
                        .recorded(self.chart.recorded.event()));
                    }
                    _ => return Err(reused()),
                }
            }
        };
        self.list_anew(None, &current.value)?;
        Ok(current)
    }

    /// What stands of a record in which lists.
    fn listings(record: &Record) -> Vec<Listing> {
        let mut selections = match record.is_draft() {
            true => vec![Selection::Drafts(record.author)],
            false => vec![Selection::All, Selection::Kind(record.content.kind)],
        };
        selections.extend(record.awaits().map(Selection::Awaiting));
        let entry = Entry::of(record);
        selections
            .into_iter()
            .map(|selection| (selection, entry.clone()))
            .collect()
    }

    /// Brings the lists to what a record says now. Adds before it removes, so that a crash in between leaves it listed: where its
    /// time has changed under both times, until the change is repeated or the record changes again.
    ///
    /// Whoever changes the record meanwhile may come to the lists before this request is done there. So it then reads the record once more, and
    /// where that says something else, brings the lists to it. Each of several does so, and whoever comes to the lists last has read
    /// the record after all others had changed it.
    fn list_anew(&self, before: Option<&Record>, now: &Record) -> Result<(), Problem> {
        let mut before = before.map_or_else(Vec::new, Self::listings);
        let mut listed = Self::listings(now);
        for _ in self.chart.health.attempts() {
            for (selection, entry) in &listed {
                self.timeline(*selection).insert(entry)?;
            }
            before.retain(|listing| !listed.contains(listing));
            self.take_off(&before)?;
            let newest = match self.kept(now.id)?.map(|stored| stored.value) {
                Some(Kept::Record(newest)) => Self::listings(&newest),
                _ => Vec::new(),
            };
            if newest == listed {
                return Ok(());
            }
            before = mem::replace(&mut listed, newest);
        }
        Err(StoreError::Contended.into())
    }

    fn take_off(&self, listings: &[Listing]) -> Result<(), Problem> {
        listings
            .iter()
            .try_for_each(|(selection, entry)| self.timeline(*selection).remove(&entry.position()))
    }

    /// The version before one that was read.
    fn version_before(&self, current: &Versioned<Record>) -> Result<Option<Record>, Problem> {
        let before = self.history(current.value.id)?.before(current.version, 1)?.pop();
        Ok(before.map(|before| before.value))
    }

    /// Brings the lists to a version that is about to be replaced. Whoever made it may have died before, and nobody repeats her request
    /// any more; so each change finishes the one before.
    fn list_replaced(&self, current: &Versioned<Record>) -> Result<(), Problem> {
        match self.version_before(current)? {
            Some(before) if Self::listings(&before) != Self::listings(&current.value) => {
                self.list_anew(Some(&before), &current.value)
            }
            _ => Ok(()),
        }
    }

    /// Makes the next version of the one that the caller has seen; repeated it gives the same answer (RFC 9110,
    /// section 13.1.1, allows that where the change was already applied). `change` is told when.
    ///
    /// Order: the lists are brought to the version so far, that goes to the history, then the record changes, then the lists, then the answer.
    /// A crash after the second leaves a history entry of the version that is still current, which the history does not show; whoever changes it
    /// next finds it there already. A crash after the third leaves the lists behind: a record that was signed is
    /// still among its author's drafts, one that was returned still among all, where it is not found. The
    /// repeated request brings them up, and so does the next change.
    pub(crate) fn change(
        &self,
        id: RecordId,
        expected: u64,
        now: Timestamp,
        change: &Change<'_>,
    ) -> Result<Versioned<Record>, Problem> {
        self.change_where(id, expected, now, &|_| Ok(()), change)
    }

    /// As [`OpenChart::change`], where that version fits. What was changed already fitted then.
    pub(crate) fn change_where(
        &self,
        id: RecordId,
        expected: u64,
        now: Timestamp,
        fits: &Fits<'_>,
        change: &Change<'_>,
    ) -> Result<Versioned<Record>, Problem> {
        let current = match self.read(id) {
            Ok(current) if current.version == expected => current,
            Ok(_) => return self.changed_before(id, expected, change),
            // Whoever has given a draft back does not see it any more, and may repeat her request all the same.
            Err(unseen) => return self.changed_before(id, expected, change).map_err(|_| unseen),
        };
        fits(&current.value).map_err(|problem| problem.recorded(self.chart.recorded.event()))?;
        let changed = change(&current.value, now).map_err(|refusal| self.refused(refusal))?;
        self.list_replaced(&current)?;
        self.history(id)?.keep(&current)?;
        match self.replace(id, expected, &Kept::Record(changed.clone())) {
            Ok(written) => {
                self.list_anew(Some(&current.value), &changed)?;
                Ok(Versioned {
                    version: written.version,
                    value: changed,
                })
            }
            Err(UpdateError::Stale) => self.changed_before(id, expected, change),
            Err(error) => Err(Problem::from(error).recorded(self.chart.recorded.event())),
        }
    }

    /// What is there now, where it is what `change` makes of the version `expected`; otherwise 412.
    fn changed_before(&self, id: RecordId, expected: u64, change: &Change<'_>) -> Result<Versioned<Record>, Problem> {
        let stale = || Problem::stale().recorded(self.chart.recorded.event());
        let now = match self.kept(id)? {
            Some(Versioned {
                version,
                value: Kept::Record(value),
            }) if Some(version) == expected.checked_add(1) => Versioned { version, value },
            _ => return Err(stale()),
        };
        match self.version_before(&now)? {
            Some(before) if change(&before, now.value.written_at).as_ref() == Ok(&now.value) => {
                self.list_anew(Some(&before), &now.value)?;
                Ok(now)
            }
            _ => Err(stale()),
        }
    }

    /// The author lets her draft vanish; repeated it gives the same answer.
    ///
    /// Order: the list, then the draft, then what is attached to it, then the answer. A crash after the first leaves a draft that no list shows,
    /// one after the second chunks that nothing leads to; the repeated request takes both away.
    pub(crate) fn discard(&self, id: RecordId, expected: u64, now: Timestamp) -> Result<(), Problem> {
        let account = self.chart.recorded.account();
        let not_found = || Problem::not_found(self.chart.recorded.event());
        let stored = self.kept(id)?.ok_or_else(not_found)?;
        let draft = match stored.value {
            Kept::Record(value) if value.is_visible_to(account) => Versioned {
                version: stored.version,
                value,
            },
            Kept::Discarded(draft) if draft.author == account && Some(stored.version) == expected.checked_add(1) => {
                return self.remove_unnamed(id, &[], now);
            }
            _ => return Err(not_found()),
        };
        let stale = || Problem::stale().recorded(self.chart.recorded.event());
        if stored.version != expected {
            return Err(stale());
        }
        draft
            .value
            .check_discard(account)
            .map_err(|refusal| self.refused(refusal))?;
        // Whoever made this version may have died before she took the one before off its list.
        let before = self.version_before(&draft)?;
        let draft = draft.value;
        for version in before.iter().chain([&draft]) {
            self.take_off(&Self::listings(version))?;
        }
        let discarded = Kept::Discarded(Discarded {
            author: draft.author,
            discarded_at: now,
            fingerprint: draft.fingerprint,
        });
        match self.replace(id, expected, &discarded) {
            Ok(_) => self.remove_unnamed(id, draft.attached_name().as_slice(), now),
            // Whoever wrote meanwhile has listed it before it was taken off, or the same request was there first.
            Err(UpdateError::Stale) => match self.kept(id)?.map(|stored| stored.value) {
                Some(Kept::Record(record)) => {
                    self.list_anew(None, &record)?;
                    Err(stale())
                }
                _ => self.remove_unnamed(id, draft.attached_name().as_slice(), now),
            },
            Err(error) => Err(Problem::from(error).recorded(self.chart.recorded.event())),
        }
    }

    /// What the table allowed and the record does not: where it is not hers to do, the trail says so too, and the answer names that entry.
    pub(crate) fn refused(&self, refusal: Refusal) -> Problem {
        let rule = match refusal {
            Refusal::NotAuthor => "deny.not-author",
            Refusal::NotCosigner => "deny.not-cosigner",
            _ => return Problem::from(refusal).recorded(self.chart.recorded.event()),
        };
        let (action, record) = self.chart.asked;
        let record = record.as_ref().map(|id| id as &dyn ToString);
        match self.chart.asking.deny(&self.chart.recorded, action, record, rule) {
            Ok(event) => Problem::from(refusal).recorded(event),
            Err(error) => Problem::from(error).recorded(self.chart.recorded.event()),
        }
    }

    /// The versions before the one that was read as `current`, newest first: up to `limit` of them older than `before`, and fewer where their content,
    /// on the first page with that of the current one, comes to [`PAGE_BYTES`].
    pub(crate) fn past_versions(
        &self,
        current: &Versioned<Record>,
        page: VersionsPage,
    ) -> Result<Vec<Versioned<Record>>, Problem> {
        let mut length = page
            .current(current)
            .map_or(0, |current| current.value.content.length());
        let mut left = page.earlier();
        if left == 0 || length >= PAGE_BYTES {
            return Ok(Vec::new());
        }
        let history = self.history(current.value.id)?;
        Ok(history.before_until(page.before(current.version), &mut |version| {
            left = left.saturating_sub(1);
            length = length.saturating_add(version.value.content.length());
            left == 0 || length >= PAGE_BYTES
        })?)
    }

    /// What was added to a record, oldest first, each once.
    fn addenda(&self, id: RecordId) -> Result<Vec<Addendum>, Problem> {
        let mut addenda: Vec<Addendum> = Vec::new();
        for entry in self.addenda_log(id)?.newest_first(None) {
            addenda.push(entry?.value);
        }
        addenda.reverse();
        // Of several tries of one request that overtook each other, the first.
        let mut seen = BTreeSet::new();
        addenda.retain(|addendum| seen.insert(addendum.id));
        Ok(addenda)
    }

    /// Adds to a signed record, as the entry of its log that is recognised by `entry`; repeated, it gives the same answer.
    ///
    /// Order: the mark of the record, then the addendum, then the answer. A crash after the first leaves a record of which addenda are looked for
    /// that it has not; the other way round it could leave one that nobody finds.
    pub(crate) fn add(&self, id: RecordId, entry: [u8; 16], addendum: Addendum) -> Result<Addendum, Problem> {
        if self.read(id)?.value.is_draft() {
            return Err(self.refused(Refusal::IsDraft));
        }
        let kept = || -> Result<Option<Addendum>, Problem> {
            match self.addenda(id)?.into_iter().find(|kept| kept.id == addendum.id) {
                Some(kept) if kept.fingerprint != addendum.fingerprint => {
                    Err(Problem::idempotency_key_reused().recorded(self.chart.recorded.event()))
                }
                kept => Ok(kept),
            }
        };
        if let Some(kept) = kept()? {
            return Ok(kept);
        }
        let log = self.addenda_log(id)?;
        if log.head()?.sequence >= MOST_ADDENDA {
            return Err(Problem::conflict(
                "too-many-addenda",
                format!("A record has at most {MOST_ADDENDA} addenda. Write a record of its own."),
            )
            .recorded(self.chart.recorded.event()));
        }
        self.record(id)?
            .annotate(|stored| !mem::replace(&mut stored.addenda, true))?;
        log.append(entry, &addendum)?;
        // Of two requests with one key at a time the log may have taken the other's, and an answer says what is read from then on.
        kept()?.ok_or_else(|| StoreError::Form.into())
    }

    /// The records of a list, newest first, each once, and where the next page begins.
    pub(crate) fn list(&self, wanted: &Wanted<'_>) -> Result<(Vec<Entry>, Option<String>), Problem> {
        let cursor = wanted
            .cursor
            .map(|cursor| self.open_cursor("cursor", cursor))
            .transpose()?;
        // All that is of the time `until` comes before this place.
        let until = wanted.until.map(|at| Position { at, id: [0; 16] });
        let timeline = self.timeline(wanted.selection);
        let mut page: Vec<Entry> = Vec::with_capacity(wanted.limit);
        let mut seen = BTreeSet::new();
        let mut last = None;
        for (looked_at, entry) in timeline.after(cursor.max(until)).enumerate() {
            let entry = entry?;
            if wanted.since.is_some_and(|since| entry.effective_at < since) {
                break;
            }
            let is_wanted = wanted.kind.is_none_or(|kind| entry.kind == kind)
                && wanted.author.is_none_or(|author| entry.author == author)
                && seen.insert(entry.id);
            if (is_wanted && page.len() == wanted.limit) || looked_at == LOOKED_AT {
                let next = last.map(|last| self.seal_cursor(&last)).transpose()?;
                return Ok((page, next));
            }
            last = Some(entry.position());
            if is_wanted {
                page.push(entry);
            }
        }
        Ok((page, None))
    }

    /// Where the cursors of this chart belong. They are sealed: a place in a list is a time, and a URL is no place for when somebody was treated.
    fn cursor_place(&self) -> Result<Place, Problem> {
        Ok(Place {
            clinic: Some(self.chart.recorded.clinic()),
            store: "health",
            key: self.chart.name(TIMELINE, &[b"cursor"])?,
            class: "record cursor",
            version: 0,
        })
    }

    fn seal_cursor(&self, position: &Position) -> Result<String, Problem> {
        let mut plain = position.at.as_nanosecond().to_be_bytes().to_vec();
        plain.extend_from_slice(&position.id);
        let sealed = self.key.key().seal(self.chart.entropy, &self.cursor_place()?, &plain);
        Ok(Base64UrlUnpadded::encode_string(&sealed.map_err(StoreError::from)?))
    }

    fn open_cursor(&self, field: &'static str, cursor: &str) -> Result<Position, Problem> {
        let malformed = || malformed_cursor(field);
        let sealed = Base64UrlUnpadded::decode_vec(cursor).map_err(|_| malformed())?;
        let place = self.cursor_place()?;
        let plain = self.key.key().open(&place, &sealed).map_err(|_| malformed())?;
        let (at, id) = plain.split_first_chunk().ok_or_else(malformed)?;
        Ok(Position {
            at: Timestamp::from_nanosecond(i128::from_be_bytes(*at)).map_err(|_| malformed())?,
            id: id.try_into().map_err(|_| malformed())?,
        })
    }
}

fn malformed_cursor(field: &'static str) -> Problem {
    Problem::malformed(field, "cursor", "must be the `next` of a page of this client's records")
}

impl Entry {
    fn of(record: &Record) -> Self {
        Self {
            id: record.id,
            kind: record.content.kind,
            author: record.author,
            effective_at: record.effective_at(),
            created_at: record.created_at,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let forbidden = |kind, detail: &'static str| Self::new(StatusCode::FORBIDDEN, kind, detail);
        let unprocessable = |field, rule, detail: &'static str| {
            let mut check = Check::new();
            check.that(false, field, rule, detail);
            check
                .finish()
                .err()
                .unwrap_or_else(|| Self::defect("a violation that is none"))
        };
        match refusal {
            Refusal::NotAuthor => forbidden(
                "not-author",
                "Only its author changes what she wrote. Write an addendum instead.",
            ),
            Refusal::NotCosigner => forbidden("not-cosigner", "Somebody else is named to sign it."),
            Refusal::NotSupervisor => unprocessable(
                "/cosigner",
                "supervisor",
                "must supervise those who treat the client, and be let see such records by her",
            ),
            Refusal::ReasonMissing => unprocessable("/reason", "required", "is needed to amend what was signed"),
            Refusal::KindDiffers => Self::conflict("kind-differs", "A record keeps its kind. Write a new one instead."),
            Refusal::AlreadySigned => Self::conflict("already-signed", "It was signed already."),
            Refusal::NotAwaiting => Self::conflict("not-awaiting-cosignature", "It does not await a co-signature."),
            Refusal::IsDraft => Self::conflict("is-draft", "It is a draft: change it, or sign it first."),
            Refusal::WasSigned => Self::conflict(
                "was-signed",
                "It was signed once, and others may have relied upon it. Amend it and sign it again.",
            ),
            Refusal::NoDocument => Self::conflict("no-document", "It is no document: nothing is attached to it."),
            Refusal::NoContent => Self::conflict(
                "no-content",
                "The document has no content yet. Upload it, and then sign.",
            ),
            Refusal::ContentWasSigned => Self::conflict(
                "was-signed",
                "Its content was signed, and others may have relied upon it. Begin a new document that replaces it.",
            ),
            Refusal::MediaTypeDiffers => Self::conflict(
                "media-type-differs",
                "Its content is of another media type. Begin a new document instead.",
            ),
        }
    }
}
