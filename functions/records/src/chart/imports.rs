//! Records that come from elsewhere.

use http::StatusCode;
use model::{Action, AddendumId, Confidential, RecordId, Timestamp};
use ports::Creation;
use store::{StoreError, Versioned};
use web::Problem;
use web::import::{Imported, Outcome, Step, There};

use super::{Kept, OpenChart, Selection};
use crate::record::{Hand, Record, Writing};

/// Why there is a new version where the source says something else now.
const REASON: &str = "imported again";

/// A record as it is handed over.
pub(crate) struct ImportedPart {
    pub(crate) id: RecordId,
    pub(crate) imported: Imported,
    pub(crate) writing: Writing,
}

/// An addendum that went out from here and comes back. It is its author's, so nobody imports it: it is here, or she writes it again.
pub(crate) struct ReturnedAddendum {
    pub(crate) id: AddendumId,
    pub(crate) text: Confidential<String>,
}

impl OpenChart<'_> {
    /// Takes away the addenda that are here, in the same words. An id does not say which record they were added to, so those are looked through
    /// until all are found.
    pub(crate) fn retain_missing(&self, returned: &mut Vec<(usize, ReturnedAddendum)>) -> Result<(), Problem> {
        for entry in self.timeline(Selection::All).after(None) {
            if returned.is_empty() {
                break;
            }
            let id = entry?.id;
            if self.record(id)?.read()?.is_some_and(|stored| stored.value.addenda) {
                let addenda = self.addenda(id)?;
                let is_here = |back: &ReturnedAddendum| {
                    let mut same = addenda.iter().filter(|addendum| addendum.id == back.id);
                    same.any(|addendum| addendum.text == back.text)
                };
                returned.retain(|(_, back)| !is_here(back));
            }
        }
        Ok(())
    }

    /// Writes a record that was imported, in the name of whoever imports: she signs it, and she alone amends it. It was decided upon as one that is
    /// written; what it takes to amend is decided where it comes to that.
    ///
    /// Order: as [`OpenChart::create`] where there is none, as [`OpenChart::change`] where it says something else now. A crash leaves what it
    /// leaves there; the repeated part is recognised by its fingerprint, and brings up the lists.
    pub(crate) fn import(&mut self, part: &ImportedPart, now: Timestamp) -> Result<Outcome, Problem> {
        let account = self.recorded().account();
        let ImportedPart { id, imported, writing } = part;
        let record =
            Record::new(*id, account, now, writing.clone(), false, imported.fingerprint).imported(imported.clone());
        if self.begin(*id, Kept::Record(record.clone()))? == Creation::Created {
            self.list_anew(None, &record)?;
            return Ok(Outcome::Created);
        }
        let there = self.kept(*id)?.ok_or(StoreError::Form)?;
        let (version, existing) = match there.value {
            Kept::Record(existing) if !existing.is_draft() => (there.version, existing),
            // Somebody works on it, or has let it vanish.
            _ => return Ok(Outcome::Kept),
        };
        let step = imported.over(There {
            imported: existing.imported.as_ref(),
            version,
            says_the_same: existing.says(writing),
        });
        match step {
            Step::Leave(Outcome::Unchanged) => {
                let before = self.history(*id)?.before(version, 1)?;
                self.list_anew(before.first().map(|before| &before.value), &existing)?;
                Ok(Outcome::Unchanged)
            }
            Step::Leave(outcome) => Ok(outcome),
            Step::Update => self.import_again(
                part,
                &Versioned {
                    version,
                    value: existing,
                },
                now,
            ),
        }
    }

    /// Makes the next version of what nobody has changed since it was imported, where the caller may amend it.
    fn import_again(
        &mut self,
        part: &ImportedPart,
        current: &Versioned<Record>,
        now: Timestamp,
    ) -> Result<Outcome, Problem> {
        let (account, version) = (self.recorded().account(), current.version);
        let amend = |record: &Record, at| {
            let hand = Hand { account, at, version };
            let amended = record.amended(hand, part.writing.clone(), Some(REASON.to_owned()))?;
            Ok(amended.imported(Imported {
                version: hand.next(),
                ..part.imported.clone()
            }))
        };
        // Somebody else's, or of another kind.
        if amend(&current.value, now).is_err() {
            return Ok(Outcome::Kept);
        }
        match self.admit(Action::Amend, part.id) {
            Ok(()) => {}
            Err(access::Refusal::Denied { .. }) => return Ok(Outcome::Kept),
            Err(refusal) => return Err(refusal.into()),
        }
        match self.change(part.id, version, now, &amend) {
            Ok(_) => Ok(Outcome::Updated),
            // Somebody has changed it here meanwhile.
            Err(problem) if problem.status == StatusCode::PRECONDITION_FAILED => Ok(Outcome::Kept),
            Err(problem) => Err(problem),
        }
    }
}
