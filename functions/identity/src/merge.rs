//! Merging two entries that turn out to be one client's, and undoing it.
//!
//! A merge is a document of its own and a link in each of the two entries. It is decided by the document alone: live, the links
//! are to be there; ended, they are not to be. [`Merging::carry_out`] brings the entries to what the document says, and
//! looks afterwards whether it still says so. So of requests that meet, whoever comes last sees the end of the merge: the one who
//! ends it writes that first, and the one who links looks at it last.
//!
//! Links are one step long: the entry that stands for another is not itself replaced, and one that is replaced stands for none.
//! The duplicate is linked first, and only where it stands for nobody; then the survivor, and only where it is not replaced. Of
//! two merges that would make a chain or a circle, one at least finds the link of the other, and is ended as refused for good.

use access::ClinicKey;
use crypto::{DataKey, Label};
use model::{AccountId, ClientId, ClinicId, Confidential, MergeId, Timestamp};
use ports::Creation;
use serde::{Deserialize, Serialize};
use store::{Doc, StoreError, Versioned};
use web::Problem;

use crate::register::{Client, Entry, Merged, Register};

const MERGE: Label = Label::new("confide 2026-11 client merge name");

/// How many entries one entry can stand for.
const REPLACES: usize = 16;

/// How often the entries are brought to what the merge says while others change it. It can change once.
const ATTEMPTS: usize = 4;

/// What is kept of a merge under the key of the register: ids. Why it was done stands in the entries' own versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Merge {
    pub(crate) surviving: ClientId,
    pub(crate) duplicate: ClientId,
    pub(crate) merged_at: Timestamp,
    pub(crate) merged_by: AccountId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<End>,
    /// Recognises a repeated request.
    pub(crate) fingerprint: [u8; 16],
}

/// How a merge ended. It does not begin again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// Somebody undid it.
    Undone {
        /// When.
        at: Timestamp,
        /// Who.
        by: AccountId,
    },
    /// It could not be.
    Refused(Obstacle),
}

/// Why two entries cannot be merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Obstacle {
    /// The duplicate is replaced by another entry.
    DuplicateReplaced,
    /// The duplicate stands for others.
    DuplicateReplaces,
    /// The survivor is itself replaced.
    SurvivorReplaced,
    /// The survivor stands for as many as there may be.
    Full,
}

impl Obstacle {
    pub(crate) fn problem(self) -> Problem {
        let (kind, detail) = match self {
            Self::DuplicateReplaced => (
                "duplicate-replaced",
                "The duplicate was merged into another entry. Undo that merge first.",
            ),
            Self::DuplicateReplaces => (
                "duplicate-replaces",
                "Other entries were merged into the duplicate. Undo those merges first, then merge each.",
            ),
            Self::SurvivorReplaced => (
                "survivor-replaced",
                "The surviving entry was itself merged into another one. Merge into that one.",
            ),
            Self::Full => ("too-many-merged", "An entry stands for at most 16 others."),
        };
        Problem::conflict(kind, detail)
    }
}

/// The duplicate with its link; `None` where it has it.
pub(crate) fn replaced(duplicate: &Client, link: Merged) -> Result<Option<Client>, Obstacle> {
    match duplicate.replaced_by {
        Some(other) if other == link => Ok(None),
        Some(_) => Err(Obstacle::DuplicateReplaced),
        None if !duplicate.replaces.is_empty() => Err(Obstacle::DuplicateReplaces),
        None => Ok(Some(Client {
            replaced_by: Some(link),
            ..duplicate.clone()
        })),
    }
}

/// The survivor with its link and whatever it lacked of how the duplicate is reached; `None` where it has the link, and so had
/// that before, whatever became of it since.
pub(crate) fn replacing(survivor: &Client, link: Merged, duplicate: &Client) -> Result<Option<Client>, Obstacle> {
    if survivor.replaces.contains(&link) {
        return Ok(None);
    }
    if survivor.replaced_by.is_some() {
        return Err(Obstacle::SurvivorReplaced);
    }
    if survivor.replaces.len() >= REPLACES {
        return Err(Obstacle::Full);
    }
    let mut changed = survivor.clone();
    changed.replaces.push(link);
    changed.details = survivor.details.with_contact_of(&duplicate.details);
    Ok(Some(changed))
}

/// The entry without the links of a merge; `None` where it has none.
fn unlinked(client: &Client, merge: MergeId) -> Option<Client> {
    let mut changed = client.clone();
    changed.replaced_by = client.replaced_by.filter(|link| link.merge_id != merge);
    changed.replaces.retain(|link| link.merge_id != merge);
    (changed != *client).then_some(changed)
}

/// The document of a merge.
pub(crate) fn doc<'r>(
    register: &'r Register<'r>,
    clinic: ClinicId,
    merge: MergeId,
    key: &'r ClinicKey,
) -> Doc<'r, Merge, DataKey> {
    register.doc(clinic, "client merge", MERGE, merge.as_bytes(), key)
}

/// A merge with both entries, each opened by a permit of its own.
pub(crate) struct Merging<'r> {
    pub(crate) id: MergeId,
    pub(crate) doc: Doc<'r, Merge, DataKey>,
    pub(crate) survivor: Entry<'r>,
    pub(crate) duplicate: Entry<'r>,
    /// Who writes the versions that come of it, when, and why.
    pub(crate) by: AccountId,
    pub(crate) at: Timestamp,
    pub(crate) reason: Confidential<String>,
}

impl Merging<'_> {
    fn read(&self) -> Result<Versioned<Merge>, Problem> {
        self.doc
            .read()?
            .ok_or_else(|| Problem::defect("a merge that is carried out is not there"))
    }

    /// Begins a merge, unless the same request has. A merge that cannot be is refused before anything is written.
    ///
    /// Order: the merge's document, then [`Merging::carry_out`]. A crash in between leaves a merge that no entry knows of; the
    /// repeated request goes on with it.
    pub(crate) fn begin(&self, merge: Merge) -> Result<Merge, Problem> {
        let existing = match self.doc.read()? {
            Some(existing) => existing,
            None => {
                self.check()?;
                if self.doc.create(&merge)? == Creation::Created {
                    return self.carry_out();
                }
                self.read()?
            }
        };
        if existing.value.fingerprint != merge.fingerprint {
            return Err(Problem::idempotency_key_reused());
        }
        self.carry_out()
    }

    fn check(&self) -> Result<(), Problem> {
        let (survivor, duplicate) = (self.survivor.read()?.value, self.duplicate.read()?.value);
        let to_survivor = self.link(&self.survivor);
        let to_duplicate = self.link(&self.duplicate);
        replaced(&duplicate, to_survivor)
            .and_then(|_| replacing(&survivor, to_duplicate, &duplicate))
            .map(drop)
            .map_err(Obstacle::problem)
    }

    fn link(&self, to: &Entry<'_>) -> Merged {
        Merged {
            client_id: to.client(),
            merge_id: self.id,
        }
    }

    /// Ends the merge, unless it has ended.
    pub(crate) fn end(&self, end: End) -> Result<(), Problem> {
        self.doc.update(None, |merge| {
            merge.end.get_or_insert(end);
            Ok::<_, Problem>(())
        })?;
        Ok(())
    }

    /// Brings both entries to what the merge says, and returns it.
    ///
    /// Order, to link: the duplicate, the survivor with its values, a look at the merge. To unlink: the survivor, the duplicate.
    /// Each entry is changed as [`Entry::rewrite`] does, its earlier version first in its history. A crash after the first of
    /// two leaves a duplicate that is replaced by an entry that does not say so: it is closed to corrections, and found and
    /// reached by what it has itself, since only a link on both sides counts there. The repeated request or an undoing finishes
    /// it, as they do whatever else a crash leaves.
    pub(crate) fn carry_out(&self) -> Result<Merge, Problem> {
        for _ in 0..ATTEMPTS {
            let merge = self.read()?;
            match merge.value.end {
                None => {
                    if let Err(obstacle) = self.link_both()? {
                        self.end(End::Refused(obstacle))?;
                    }
                }
                Some(_) => self.unlink_both()?,
            }
            if self.read()?.version == merge.version {
                return Ok(merge.value);
            }
        }
        Err(StoreError::Contended.into())
    }

    fn link_both(&self) -> Result<Result<(), Obstacle>, Problem> {
        let to_survivor = self.link(&self.survivor);
        let duplicate = match self
            .duplicate
            .rewrite(|client| Ok(replaced(client, to_survivor)?.map(|changed| self.written(changed))))?
        {
            Ok(duplicate) => duplicate.value,
            Err(obstacle) => return Ok(Err(obstacle)),
        };
        let to_duplicate = self.link(&self.duplicate);
        let linked = self
            .survivor
            .rewrite(|client| Ok(replacing(client, to_duplicate, &duplicate)?.map(|changed| self.written(changed))))?;
        Ok(linked.map(drop))
    }

    fn unlink_both(&self) -> Result<(), Problem> {
        for entry in [&self.survivor, &self.duplicate] {
            let unlink = |client: &Client| Ok(unlinked(client, self.id).map(|changed| self.written(changed)));
            let (Ok(_) | Err(())) = entry.rewrite(unlink)?;
        }
        Ok(())
    }

    fn written(&self, client: Client) -> Client {
        Client {
            written_at: self.at,
            written_by: self.by,
            reason: Some(self.reason.clone()),
            ..client
        }
    }
}
