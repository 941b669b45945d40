//! Records on their way out.

use web::Problem;
use web::import::{Export, ExportPage, Exported};

use super::{Kept, OpenChart, Selection};
use crate::record::Record;
use crate::timeline::{Entry, Timeline};

impl OpenChart<'_> {
    /// A page of what is signed of the kinds that are wanted, newest first, each record in its current version, and where the next page begins.
    pub(crate) fn export(&self, wanted: &Export) -> Result<(ExportPage, Option<String>), Problem> {
        let cursor = wanted.cursor.as_deref();
        let cursor = cursor.map(|cursor| self.open_cursor(cursor)).transpose()?;
        let timeline = self.timeline(Selection::All);
        let mut page = ExportPage::default();
        let mut last = None;
        for entry in timeline.after(cursor) {
            let entry = entry?;
            // A record is of one kind for good, so what is not wanted need not be opened.
            if wanted.wants(entry.kind.name())
                && let Some(record) = self.exported(&timeline, &entry)?
            {
                let part = Exported {
                    id: record.id,
                    kind: record.content.kind.name(),
                    encounter: record.encounter,
                    content: &record.content.content,
                    result: record.content.result.as_ref(),
                    replaced_by: None,
                };
                if !page.push(&part)? {
                    let next = last.map(|last| self.seal_cursor(&last)).transpose()?;
                    return Ok((page, next));
                }
            }
            last = Some(entry.position());
        }
        Ok((page, None))
    }

    /// The record of an entry, unless it is a draft again, which the list may not know yet. One that is listed twice, because a crash met the
    /// change that moved it in time, stands where its current version says.
    fn exported(&self, timeline: &Timeline<'_>, entry: &Entry) -> Result<Option<Record>, Problem> {
        let record = match self.kept(entry.id)?.map(|stored| stored.value) {
            Some(Kept::Record(record)) if !record.is_draft() => record,
            _ => return Ok(None),
        };
        let place = Entry::of(&record).position();
        let is_elsewhere = place != entry.position() && timeline.has(&place)?;
        Ok((!is_elsewhere).then_some(record))
    }
}
