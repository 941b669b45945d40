//! What documents hold: written beside the record, and found through it alone.
//!
//! ```text
//! uploads document   which contents there may be of a document, one per record, from its first upload on
//! chunks             a content, sealed under a key of its own that is in the record
//! ```

use crypto::{ContentKey, DataKey};
use http::StatusCode;
use model::{RecordId, Timestamp};
use ports::{BrokenBody, Clock, Creation};
use store::{Content, ContentError, Doc, StoreError, UpdateError, Versioned};
use web::Problem;

use super::{Kept, OpenChart, UPLOADS};
use crate::attachment::{Attachment, Fate, MOST_UPLOADS, Upload};
use crate::record::{Hand, Record};

/// The uploads that are noted are as many as there may be.
struct Full;

impl OpenChart<'_> {
    fn uploads(&self, id: RecordId) -> Result<Doc<'_, Vec<Upload>, DataKey>, Problem> {
        let name = self.chart.name(UPLOADS, &[id.as_bytes()])?;
        let clinic = self.chart.recorded.clinic();
        Ok(self
            .chart
            .health
            .doc(Some(clinic), "record uploads", &name, self.key.key()))
    }

    fn content(&self, name: &str) -> Content<'_> {
        let clinic = self.chart.recorded.clinic();
        self.chart.health.content(Some(clinic), "document content", name)
    }

    /// Attaches to a draft what `fill` gives, of this length where its sender says so. A later try attaches anew: whoever got no answer
    /// reads the record.
    ///
    /// Order: the upload is noted, then its chunks are written, then the version so far goes to the history, then the record changes, then what
    /// it names no more is removed, then the answer. A crash before the record changes leaves it as it was, and chunks that are noted; one after it
    /// leaves the chunks of the attachment before, which are noted too. The next upload removes them, as do signing and
    /// discarding. An upload that overtakes this one lets it find another version, and be removed.
    pub(crate) fn attach(
        &self,
        draft: &Versioned<Record>,
        length: Option<u64>,
        clock: &dyn Clock,
        fill: impl FnMut(&mut Vec<u8>) -> Result<(), Problem>,
    ) -> Result<Versioned<Record>, Problem> {
        let Versioned { version, value: draft } = draft;
        let id = draft.id;
        let upload = Upload::new(self.chart.entropy, *version, clock.now(), length);
        self.note(id, &upload)?;
        let key = ContentKey::generate(self.chart.entropy);
        let attachment = Attachment::new(upload.name.clone(), &key, upload.begun_at);
        let written = match self.content(&upload.name).write(key, fill) {
            Ok(size) if length.is_none_or(|length| length == size) && upload.is_timely(clock.now()) => {
                Ok(attachment.complete(size, clock.now()))
            }
            Ok(_) => Err(Problem::broken_body()),
            Err(ContentError::BrokenOff(problem)) => Err(problem),
            Err(ContentError::Store(error)) => Err(error.into()),
        };
        let attached = written.and_then(|attachment| {
            let account = self.chart.recorded.account();
            self.change(id, *version, clock.now(), &|record, at| {
                let hand = Hand {
                    account,
                    at,
                    version: *version,
                };
                record.attached(hand, attachment.clone())
            })
        });
        let ended = match &attached {
            Ok(_) => draft.attached_name(),
            // The store did not answer. Nobody knows whether the record names it by now, or will.
            Err(problem) if problem.status == StatusCode::SERVICE_UNAVAILABLE => None,
            Err(_) => Some(upload.name.as_str()),
        };
        // The answer is about the record, which is as it says. What can't be removed now is noted.
        let _ = self.remove_unnamed(id, ended.as_slice(), clock.now());
        attached.map_err(|problem| problem.or_recorded(self.chart.recorded.event()))
    }

    /// Notes an upload that begins.
    fn note(&self, id: RecordId, upload: &Upload) -> Result<(), Problem> {
        self.remove_unnamed(id, &[], upload.begun_at)?;
        let uploads = self.uploads(id)?;
        for _ in self.chart.health.attempts() {
            let noted = uploads.update(None, |uploads| {
                if uploads.len() >= MOST_UPLOADS {
                    return Err(Full);
                }
                uploads.push(upload.clone());
                Ok(())
            });
            match noted {
                Ok(_) => return Ok(()),
                Err(UpdateError::Absent) => {
                    if uploads.create(&vec![upload.clone()])? == Creation::Created {
                        return Ok(());
                    }
                }
                Err(UpdateError::Refused(Full)) => {
                    return Err(Problem::too_many(
                        3600,
                        "Too many uploads to this document were broken off. Discard it, or try again later.",
                    )
                    .recorded(self.chart.recorded.event()));
                }
                Err(UpdateError::Stale) => {}
                Err(UpdateError::Store(error)) => return Err(error.into()),
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Removes the chunks of uploads that the record does not name and will not come to name. Nobody writes those in `ended` any more.
    ///
    /// Order: the chunks, then the notes of them. A crash in between leaves notes of nothing.
    pub(crate) fn remove_unnamed(&self, id: RecordId, ended: &[&str], now: Timestamp) -> Result<(), Problem> {
        let (Some(noted), Some(stored)) = (self.uploads(id)?.read()?, self.kept(id)?) else {
            return Ok(());
        };
        let named = match &stored.value {
            Kept::Record(record) => record.attached_name(),
            Kept::Discarded(_) => None,
        };
        let mut forgotten = Vec::new();
        for upload in &noted.value {
            let fate = upload.fate(stored.version, named, ended, now);
            if fate != Fate::Stays {
                self.content(&upload.name).remove(upload.longest)?;
            }
            if fate == Fate::IsForgotten {
                forgotten.push(&upload.name);
            }
        }
        if forgotten.is_empty() {
            return Ok(());
        }
        self.uploads(id)?.update(None, |uploads| {
            uploads.retain(|upload| !forgotten.contains(&&upload.name));
            Ok::<_, Problem>(())
        })?;
        Ok(())
    }

    /// Sends what is attached to a record that was read.
    pub(crate) fn send_attached(
        &self,
        id: RecordId,
        attachment: &Attachment,
        mut send: impl FnMut(&[u8]) -> Result<(), BrokenBody>,
    ) -> Result<(), Problem> {
        let key = attachment.key().map_err(StoreError::from)?;
        let error = match self
            .content(&attachment.name)
            .read(&key, attachment.size, |chunk| send(chunk))
        {
            Ok(()) => return Ok(()),
            Err(ContentError::BrokenOff(BrokenBody)) => return Err(Problem::broken_body()),
            Err(ContentError::Store(error)) => error,
        };
        // Of a draft that its author has given another content meanwhile, or discarded, chunks are gone that nobody tampered with.
        let event = self.chart.recorded.event();
        match self.read(id) {
            Ok(now) if now.value.attached_name() == Some(&attachment.name) => Err(Problem::from(error).recorded(event)),
            Ok(_) => Err(Problem::unavailable(1, "It was replaced while it was read. Read it again.").recorded(event)),
            Err(problem) => Err(problem),
        }
    }
}
