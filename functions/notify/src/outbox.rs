//! Where messages lie until they leave, and what is kept of them afterwards.
//!
//! ```text
//! message document   one per message that is kept
//! outbox log         their ids, in the order in which they came; one per clinic
//! dead letters log   the ids of those that were given up; one per clinic
//! rings              messages that strangers can cause: a fixed number of documents per clinic and template
//! drain document     how far the job has come in the outbox log, and what waits to be tried again
//! lease document     who runs the job
//! ```
//!
//! All are sealed under the function's own key and named by an HMAC: the store tells neither to whom nor about what. A
//! message in a ring makes room once it has expired: nothing can leave then, also where its request is repeated under
//! the same key, so that forgetting it never sends it twice. Where a ring has no room the request is refused; nothing
//! that was accepted is pushed out.

use crypto::{KeySet, Label, Secret, mac, name};
use jiff::SignedDuration;
use model::{ClinicId, DataClass, Function, MessageId, Timestamp};
use notification::Template;
use ports::Creation;
use serde::{Deserialize, Serialize};
use store::{Doc, Lease, LeaseRecord, Log, Shelf, UpdateError};
use web::{Exchange, Problem};

use crate::outgoing::Outgoing;

const MESSAGE: Label = Label::new("confide 2026-11 message id");
const NAME: Label = Label::new("confide 2026-11 outbox name");

/// How many documents a ring has.
pub(crate) const BUCKETS: u8 = 32;

/// How many messages such a document holds.
pub(crate) const ENTRIES: usize = 32;

/// How far the clocks of two hosts may be apart when an unfinished log entry is looked for.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_hours(1);

/// How long the job may hold the lease without renewing it. Longer than any request lives.
const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// The most messages that wait to be tried again at once. The others wait in the log, where there is room for all.
pub(crate) const WAITING: usize = 256;

/// An entry of the logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogEntry {
    pub(crate) id: MessageId,
    pub(crate) added_at: Timestamp,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bucket {
    messages: Vec<Outgoing>,
}

/// How far the job has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Drained {
    /// Every entry of the outbox log up to this one has been seen.
    pub(crate) through: u64,
    /// Those of them that are to be tried again.
    pub(crate) waiting: Vec<Waiting>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Waiting {
    pub(crate) id: MessageId,
    pub(crate) due_at: Timestamp,
}

/// Where a message lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    /// In a document of its own.
    Kept,
    /// In the ring of its template.
    Ring(Template),
}

impl Home {
    pub(crate) fn of(template: Template) -> Self {
        if template.is_caused_by_strangers() {
            Self::Ring(template)
        } else {
            Self::Kept
        }
    }
}

/// The outbox of one clinic.
pub(crate) struct Outbox<'a> {
    shelf: Shelf<'a>,
    seal: &'a KeySet,
    index: &'a Secret,
    clinic: ClinicId,
}

impl<'a> Outbox<'a> {
    pub(crate) fn open(exchange: &Exchange<'a>, clinic: ClinicId) -> Result<Self, Problem> {
        Ok(Self {
            shelf: exchange.shelf("notify")?,
            seal: exchange.keyring.seal(DataClass::Message)?,
            index: exchange.keyring.key("index")?,
            clinic,
        })
    }

    pub(crate) fn clinic(&self) -> ClinicId {
        self.clinic
    }

    /// The id of the message that a function names by a key: a repeated request comes to the same one.
    pub(crate) fn id(&self, from: Function, key: &str) -> MessageId {
        let parts: [&[u8]; 3] = [self.clinic.as_bytes(), &[from.tag()], key.as_bytes()];
        MessageId::from_bytes(mac(self.index, MESSAGE, &parts).truncated())
    }

    fn name(&self, what: &str, part: &[u8]) -> String {
        name(self.index, NAME, &[self.clinic.as_bytes(), what.as_bytes(), part])
    }

    fn doc(&self, id: MessageId) -> Doc<'_, Outgoing, KeySet> {
        let name = self.name("message", id.as_bytes());
        self.shelf.doc(Some(self.clinic), "message", &name, self.seal)
    }

    fn bucket(&self, template: Template, bucket: u8) -> Doc<'_, Bucket, KeySet> {
        let name = self.name(template.name(), &[bucket]);
        self.shelf.doc(Some(self.clinic), "message ring", &name, self.seal)
    }

    /// The bucket of a message. Ids are keyed hashes, so they spread.
    fn bucket_of(&self, template: Template, id: MessageId) -> Doc<'_, Bucket, KeySet> {
        let [first, ..] = *id.as_bytes();
        self.bucket(template, first % BUCKETS)
    }

    /// The messages that are kept, in the order in which they came.
    pub(crate) fn log(&self) -> Log<'_, LogEntry, KeySet> {
        let name = self.name("outbox", &[]);
        self.shelf.log(Some(self.clinic), "outbox", &name, self.seal)
    }

    /// Those that were given up.
    pub(crate) fn dead_letters(&self) -> Log<'_, LogEntry, KeySet> {
        let name = self.name("dead letters", &[]);
        self.shelf.log(Some(self.clinic), "dead letters", &name, self.seal)
    }

    fn drained(&self) -> Doc<'_, Drained, KeySet> {
        let name = self.name("drain", &[]);
        self.shelf.doc(Some(self.clinic), "drain", &name, self.seal)
    }

    fn lease(&self) -> Doc<'_, LeaseRecord, KeySet> {
        let name = self.name("lease", &[]);
        self.shelf.doc(Some(self.clinic), "lease", &name, self.seal)
    }

    /// Takes a message in, or finds the one that is there under its id. When this returns, it is durable.
    ///
    /// Order: document, log. A crash in between leaves a message that no list shows and no job sends, and whose request was
    /// not answered: repeated, it finds the document and adds the entry. A ring is one document and one write.
    pub(crate) fn insert(&self, outgoing: &Outgoing, now: Timestamp) -> Result<Outgoing, Problem> {
        match Home::of(outgoing.template) {
            Home::Ring(template) => self.insert_in_ring(template, outgoing, now),
            Home::Kept => {
                let entry = LogEntry {
                    id: outgoing.id,
                    added_at: now,
                };
                if self.doc(outgoing.id).create(outgoing)? == Creation::Created {
                    self.log().append(*outgoing.id.as_bytes(), &entry)?;
                    return Ok(outgoing.clone());
                }
                let existing = self
                    .doc(outgoing.id)
                    .read()?
                    .ok_or_else(|| Problem::defect("a message that exists is gone"))?
                    .value;
                self.finish_log(&existing, &entry)?;
                Ok(existing)
            }
        }
    }

    /// Adds the log entry of a message unless it is there. The log is in order of when entries were added, so the search
    /// ends where they are older than the message.
    fn finish_log(&self, existing: &Outgoing, entry: &LogEntry) -> Result<(), Problem> {
        let log = self.log();
        for found in log.newest_first(None) {
            let found = found?.value;
            if found.id == existing.id {
                return Ok(());
            }
            if found.added_at.duration_until(existing.accepted_at) > CLOCK_TOLERANCE {
                break;
            }
        }
        log.append(*existing.id.as_bytes(), entry)?;
        Ok(())
    }

    fn insert_in_ring(&self, template: Template, outgoing: &Outgoing, now: Timestamp) -> Result<Outgoing, Problem> {
        let doc = self.bucket_of(template, outgoing.id);
        let take_in = |bucket: &mut Bucket| {
            if let Some(existing) = bucket.messages.iter().find(|message| message.id == outgoing.id) {
                return Ok(existing.clone());
            }
            bucket.messages.retain(|message| !message.has_expired(now));
            if bucket.messages.len() >= ENTRIES {
                return Err(Problem::unavailable(
                    60,
                    "More messages of this kind were asked for than can wait. Repeat the request later.",
                )
                .log(format!("a ring of {} messages is full", template.name())));
            }
            bucket.messages.push(outgoing.clone());
            Ok(outgoing.clone())
        };
        match doc.update(None, take_in) {
            Err(UpdateError::Absent) => {}
            updated => return Ok(updated?.value),
        }
        let mut first = Bucket::default();
        let taken = take_in(&mut first)?;
        if doc.create(&first)? == Creation::Created {
            return Ok(taken);
        }
        Ok(doc.update(None, take_in)?.value)
    }

    /// Changes a message where it lies. `None` where there is none.
    pub(crate) fn change<R>(
        &self,
        id: MessageId,
        home: Home,
        mut change: impl FnMut(&mut Outgoing) -> R,
    ) -> Result<Option<R>, Problem> {
        let changed = match home {
            Home::Kept => self
                .doc(id)
                .update(None, |message| Ok::<_, Problem>(Some(change(message))))
                .map(|changed| changed.value),
            Home::Ring(template) => self
                .bucket_of(template, id)
                .update(None, |bucket| {
                    let found = bucket.messages.iter_mut().find(|message| message.id == id);
                    Ok::<_, Problem>(found.map(&mut change))
                })
                .map(|changed| changed.value),
        };
        match changed {
            Err(UpdateError::Absent) => Ok(None),
            changed => Ok(changed?),
        }
    }

    /// The message of this id, wherever it lies.
    pub(crate) fn find(&self, id: MessageId) -> Result<Option<Outgoing>, Problem> {
        if let Some(message) = self.doc(id).read()? {
            return Ok(Some(message.value));
        }
        for template in Template::ALL
            .into_iter()
            .filter(|template| template.is_caused_by_strangers())
        {
            if let Some(bucket) = self.bucket_of(template, id).read()?
                && let Some(message) = bucket.value.messages.into_iter().find(|message| message.id == id)
            {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// The messages of a ring's document that are not settled.
    pub(crate) fn unsettled(&self, template: Template, bucket: u8) -> Result<Vec<Outgoing>, Problem> {
        let mut messages = match self.bucket(template, bucket).read()? {
            Some(bucket) => bucket.value.messages,
            None => Vec::new(),
        };
        messages.retain(|message| !message.is_settled());
        Ok(messages)
    }

    /// The first `limit` entries of the outbox log after `through`, oldest first.
    pub(crate) fn after(&self, through: u64, limit: usize) -> Result<Vec<(u64, MessageId)>, Problem> {
        let mut found = std::collections::VecDeque::new();
        for entry in self.log().newest_first(None) {
            let entry = entry?;
            if entry.sequence <= through {
                break;
            }
            found.push_front((entry.sequence, entry.value.id));
            found.truncate(limit);
        }
        Ok(found.into())
    }

    /// How far the job has come, and the version of the document that says so.
    pub(crate) fn progress(&self) -> Result<(Option<u64>, Drained), Problem> {
        Ok(match self.drained().read()? {
            Some(drained) => (Some(drained.version), drained.value),
            None => (None, Drained::default()),
        })
    }

    /// Takes down how far the job has come, unless another run has since: its lease had ended. What this one saw is then seen
    /// again.
    pub(crate) fn set_progress(&self, version: Option<u64>, drained: &Drained) -> Result<(), Problem> {
        let Some(version) = version else {
            self.drained().create(drained)?;
            return Ok(());
        };
        match self.drained().update(Some(version), |stored| {
            stored.clone_from(drained);
            Ok::<_, Problem>(())
        }) {
            Ok(_) | Err(UpdateError::Stale) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Runs the job unless somebody else does.
    pub(crate) fn alone<R>(&self, run: impl FnOnce() -> Result<R, Problem>) -> Result<Option<R>, Problem> {
        let doc = self.lease();
        let Some(lease) = Lease::take(&doc, LEASE)? else {
            return Ok(None);
        };
        let result = run();
        // Also where the run failed: the next one need not wait. A lease that is not given back ends by itself.
        let _ = lease.release(&doc);
        result.map(Some)
    }
}
