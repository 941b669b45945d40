//! Records on their way out.

use model::{Confidential, RecordId, Timestamp};
use serde::Serialize;
use web::Problem;
use web::import::{Export, ExportPage, Exported};

use super::{Kept, OpenChart, Selection, Stored, malformed_cursor};
use crate::content::{Json, Kind};
use crate::record::Record;
use crate::timeline::{Entry, Position, Timeline};

/// What addenda go out as, whatever they were added to.
const NOTE: &str = Kind::ProgressNote.name();

/// Where a request says where its page begins.
const CURSOR: &str = "/cursor";

/// What an addendum says, in the form of a progress note.
#[derive(Serialize)]
struct AddendumNote<'r> {
    session_at: Timestamp,
    text: &'r Confidential<String>,
}

/// Where a page begins: after this place of the list, and of one record without so many of its parts, itself and its addenda. It is named, since
/// by the time of the next page another one may come next.
#[derive(Default)]
struct Begin {
    after: Option<Position>,
    sent: Option<(RecordId, usize)>,
}

impl OpenChart<'_> {
    /// A page of what is signed of the kinds that are wanted, newest first, each record in its current version and after it what was added to
    /// it, as notes; and where the next page begins.
    pub(crate) fn export(&self, wanted: &Export) -> Result<(ExportPage, Option<String>), Problem> {
        let Begin { after, sent: begun } = self.page_begin(wanted.cursor.as_deref())?;
        let timeline = self.timeline(Selection::All);
        let mut page = ExportPage::default();
        let mut last = after;
        for entry in timeline.after(after) {
            let entry = entry?;
            let sent = begun.map_or(0, |(id, sent)| if id == entry.id { sent } else { 0 });
            // A record is of one kind for good, so what is not wanted need not be opened.
            if (wanted.wants(entry.kind.name()) || wanted.wants(NOTE))
                && let Some(stored) = self.exported(&timeline, &entry)?
                && let Some(sent) = self.push(&mut page, wanted, &stored, sent)?
            {
                return Ok((page, Some(self.page_end(last, entry.id, sent)?)));
            }
            last = Some(entry.position());
        }
        Ok((page, None))
    }

    /// Adds a record and its addenda to a page, without those that were `sent`. How many of them were, where there is no room for all.
    fn push(
        &self,
        page: &mut ExportPage,
        wanted: &Export,
        (record, has_addenda): &(Record, bool),
        sent: usize,
    ) -> Result<Option<usize>, Problem> {
        if sent == 0 && wanted.wants(record.content.kind.name()) {
            let part = Exported {
                encounter: record.encounter,
                result: record.content.result.as_ref(),
                ..Exported::new(
                    record.id.to_string(),
                    record.content.kind.name(),
                    &record.content.content,
                )
            };
            if !page.push(&part)? {
                return Ok(Some(0));
            }
        }
        if !has_addenda || !wanted.wants(NOTE) {
            return Ok(None);
        }
        let numbered = (1_usize..).zip(self.addenda(record.id)?);
        for (number, addendum) in numbered.filter(|(number, _)| *number >= sent) {
            let note = Json::of(&AddendumNote {
                session_at: addendum.added_at,
                text: &addendum.text,
            })?;
            let part = Exported {
                appends: Some(record.id),
                ..Exported::new(addendum.id.to_string(), NOTE, &note)
            };
            if !page.push(&part)? {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    fn page_begin(&self, cursor: Option<&str>) -> Result<Begin, Problem> {
        let Some(cursor) = cursor else {
            return Ok(Begin::default());
        };
        let mut parts = cursor.splitn(3, '.');
        let (Some(position), Some(id), Some(sent)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed_cursor(CURSOR));
        };
        let position = Some(position).filter(|position| !position.is_empty());
        let sent = id.parse().ok().zip(sent.parse().ok());
        Ok(Begin {
            after: position
                .map(|position| self.open_cursor(CURSOR, position))
                .transpose()?,
            sent: Some(sent.ok_or_else(|| malformed_cursor(CURSOR))?),
        })
    }

    /// The cursor of the page after one that ended behind this place, with so many parts of that record.
    fn page_end(&self, last: Option<Position>, id: RecordId, sent: usize) -> Result<String, Problem> {
        let position = last.map(|last| self.seal_cursor(&last)).transpose()?;
        Ok(format!("{}.{id}.{sent}", position.unwrap_or_default()))
    }

    /// The record of an entry, and whether there may be addenda; unless it is a draft again, which the list may not know yet. One that is listed twice, because a crash met the
    /// change that moved it in time, stands where its current version says.
    fn exported(&self, timeline: &Timeline<'_>, entry: &Entry) -> Result<Option<(Record, bool)>, Problem> {
        let (record, has_addenda) = match self.record(entry.id)?.read()?.map(|stored| stored.value) {
            Some(Stored {
                kept: Kept::Record(record),
                addenda,
            }) if !record.is_draft() => (record, addenda),
            _ => return Ok(None),
        };
        let place = Entry::of(&record).position();
        let is_elsewhere = place != entry.position() && timeline.has(&place)?;
        Ok((!is_elsewhere).then_some((record, has_addenda)))
    }
}
