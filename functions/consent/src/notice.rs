//! Notices: what clients are told before they agree. Public documents of a clinic, never changed once published.
//!
//! ```text
//! notice document      one per notice
//! successor document   which notice replaced it, one per notice that was replaced
//! index log            which notices there are, one per clinic
//! ```

use std::collections::BTreeSet;

use crypto::{KeySet, Label, Secret, name};
use data_encoding::HEXLOWER;
use jiff::SignedDuration;
use model::{ClinicId, DataClass, NoticeId, Purpose, Timestamp, is_language_tag};
use ports::Creation;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{Doc, Log, Shelf, StoreError};
use web::{Check, Exchange, Problem};

const NOTICE: Label = Label::new("confide 2026-11 notice name");
const SUCCESSOR: Label = Label::new("confide 2026-11 notice successor name");
const INDEX: Label = Label::new("confide 2026-11 notice index name");

/// How far the clocks of two hosts may be apart when an unfinished index entry is looked for.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_hours(1);

/// The longest text of a notice, in characters.
const TEXT: usize = 100_000;

/// The longest paragraph beside it, in characters.
const PARAGRAPH: usize = 2_000;

/// The longest title, in characters.
const TITLE: usize = 200;

/// What a notice says. The order of the fields is that of the text that is hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Content {
    pub(crate) title: String,
    pub(crate) language: String,
    pub(crate) text: String,
    pub(crate) purposes: Vec<Purpose>,
    pub(crate) classes: Vec<DataClass>,
    pub(crate) withdrawal: String,
    pub(crate) complaint: String,
    pub(crate) contact: String,
}

/// A notice as it was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Notice {
    pub(crate) notice_id: NoticeId,
    /// The first notice of those that replaced each other.
    pub(crate) series: NoticeId,
    /// Which of them it is, from 1.
    pub(crate) version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replaces: Option<NoticeId>,
    pub(crate) published_at: Timestamp,
    pub(crate) sha256: String,
    pub(crate) content: Content,
    /// Recognises a repeated request.
    pub(crate) fingerprint: [u8; 16],
}

/// What the index says of a notice, which is also what a list shows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Summary {
    pub(crate) notice_id: NoticeId,
    pub(crate) series: NoticeId,
    pub(crate) version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replaces: Option<NoticeId>,
    pub(crate) title: String,
    pub(crate) language: String,
    pub(crate) published_at: Timestamp,
    pub(crate) sha256: String,
}

/// Which notice replaced another.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Successor {
    notice_id: NoticeId,
}

/// One to all of a closed list, each once.
pub(crate) fn is_selection<T: Ord>(values: &[T]) -> bool {
    !values.is_empty() && values.iter().collect::<BTreeSet<_>>().len() == values.len()
}

impl Content {
    /// Whether it can be published.
    ///
    /// # Errors
    /// 422 with every field that breaks a rule.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        let mut check = Check::new();
        check.text(&self.title, "/title", 1, TITLE);
        check.that(
            is_language_tag(&self.language),
            "/language",
            "bcp-47",
            "must be a language tag such as en or pt-BR",
        );
        check.text(&self.text, "/text", 1, TEXT);
        check.that(
            is_selection(&self.purposes),
            "/purposes",
            "selection",
            "must have at least one purpose, and each once",
        );
        check.that(
            !self.purposes.iter().any(|purpose| purpose.is_prohibited()),
            "/purposes",
            "prohibited-purpose",
            "has a purpose that no consent can serve",
        );
        check.that(
            is_selection(&self.classes),
            "/classes",
            "selection",
            "must have at least one class, and each once",
        );
        check.that(
            self.classes.iter().all(|class| class.is_consentable()),
            "/classes",
            "consentable",
            "must be among identity, health, psychotherapy and billing",
        );
        check.text(&self.withdrawal, "/withdrawal", 1, PARAGRAPH);
        check.text(&self.complaint, "/complaint", 1, PARAGRAPH);
        check.text(&self.contact, "/contact", 1, PARAGRAPH);
        check.finish()
    }

    /// SHA-256, in hexadecimal, over the content as compact JSON in UTF-8 with its fields in their order. In JavaScript,
    /// `JSON.stringify` of an object with these fields in this order gives the same bytes.
    pub(crate) fn sha256(&self) -> Result<String, Problem> {
        let json = serde_json::to_vec(self).map_err(|_| Problem::defect("a notice does not serialise"))?;
        Ok(HEXLOWER.encode(&Sha256::digest(json)))
    }
}

impl From<&Notice> for Summary {
    fn from(notice: &Notice) -> Self {
        Self {
            notice_id: notice.notice_id,
            series: notice.series,
            version: notice.version,
            replaces: notice.replaces,
            title: notice.content.title.clone(),
            language: notice.content.language.clone(),
            published_at: notice.published_at,
            sha256: notice.sha256.clone(),
        }
    }
}

/// The notices of all clinics.
pub(crate) struct Notices<'a> {
    shelf: Shelf<'a>,
    seal: &'a KeySet,
    names: &'a Secret,
}

impl<'a> Notices<'a> {
    pub(crate) fn new(exchange: &Exchange<'a>) -> Result<Self, Problem> {
        Ok(Self {
            shelf: exchange.shelf("consent")?,
            seal: exchange.keyring.seal(DataClass::Consent)?,
            names: exchange.keyring.key("index")?,
        })
    }

    fn notice(&self, clinic: ClinicId, notice: NoticeId) -> Doc<'_, Notice, KeySet> {
        let name = name(self.names, NOTICE, &[clinic.as_bytes(), notice.as_bytes()]);
        self.shelf.doc(Some(clinic), "notice", &name, self.seal)
    }

    fn successor(&self, clinic: ClinicId, notice: NoticeId) -> Doc<'_, Successor, KeySet> {
        let name = name(self.names, SUCCESSOR, &[clinic.as_bytes(), notice.as_bytes()]);
        self.shelf.doc(Some(clinic), "notice successor", &name, self.seal)
    }

    fn index(&self, clinic: ClinicId) -> Log<'_, Summary, KeySet> {
        let name = name(self.names, INDEX, &[clinic.as_bytes()]);
        self.shelf.log(Some(clinic), "notice index", &name, self.seal)
    }

    /// A notice of this clinic.
    pub(crate) fn read(&self, clinic: ClinicId, notice: NoticeId) -> Result<Option<Notice>, StoreError> {
        Ok(self.notice(clinic, notice).read()?.map(|notice| notice.value))
    }

    fn successor_of(&self, clinic: ClinicId, notice: NoticeId) -> Result<Option<NoticeId>, StoreError> {
        let successor = self.successor(clinic, notice).read()?;
        Ok(successor.map(|successor| successor.value.notice_id))
    }

    /// Publishes a notice; repeated, it finishes what the first try began and gives the same answer.
    ///
    /// Order: notice, successor of what it replaces, index, answer. A crash in between leaves a notice that no list shows and whose id
    /// nobody was told; the repeated request comes to the same id and goes on. Two notices that replace the same one
    /// meet at the successor document, which has room for one: versions of a series never fork.
    pub(crate) fn publish(&self, clinic: ClinicId, notice: Notice) -> Result<Notice, Problem> {
        let is_taken = |replaced| -> Result<bool, StoreError> {
            Ok(self
                .successor_of(clinic, replaced)?
                .is_some_and(|successor| successor != notice.notice_id))
        };
        let already_replaced = || {
            Problem::conflict(
                "already-replaced",
                "Another notice has replaced this one. Replace the newest of its series.",
            )
        };
        // Looked at first only so that a refused request leaves nothing behind.
        if notice.replaces.map_or(Ok(false), is_taken)? {
            return Err(already_replaced());
        }
        let doc = self.notice(clinic, notice.notice_id);
        let created = doc.create(&notice)?;
        let published = match created {
            Creation::Created => notice.clone(),
            Creation::Exists => {
                let existing = doc
                    .read()?
                    .ok_or_else(|| Problem::defect("a notice that exists is gone"))?
                    .value;
                if existing.fingerprint != notice.fingerprint {
                    return Err(Problem::idempotency_key_reused());
                }
                existing
            }
        };
        if let Some(replaced) = published.replaces {
            let successor = Successor {
                notice_id: published.notice_id,
            };
            let claimed = self.successor(clinic, replaced).create(&successor)?;
            if claimed == Creation::Exists && is_taken(replaced)? {
                return Err(already_replaced());
            }
        }
        if created == Creation::Created || !self.is_indexed(clinic, &published)? {
            let id = *published.notice_id.as_bytes();
            self.index(clinic).append(id, &Summary::from(&published))?;
        }
        Ok(published)
    }

    /// The index is in order of time, so the search ends where entries are older than the notice.
    fn is_indexed(&self, clinic: ClinicId, notice: &Notice) -> Result<bool, StoreError> {
        for entry in self.index(clinic).newest_first(None) {
            let entry = entry?.value;
            if entry.notice_id == notice.notice_id {
                return Ok(true);
            }
            if entry.published_at.duration_until(notice.published_at) > CLOCK_TOLERANCE {
                break;
            }
        }
        Ok(false)
    }

    /// How many notices a clinic has published.
    pub(crate) fn count(&self, clinic: ClinicId) -> Result<u64, StoreError> {
        Ok(self.index(clinic).head()?.sequence)
    }

    /// The notices published before the one with this number, newest first, and where the next page begins.
    pub(crate) fn list(
        &self,
        clinic: ClinicId,
        before: u64,
        limit: usize,
    ) -> Result<(Vec<Summary>, Option<u64>), StoreError> {
        let mut page = Vec::with_capacity(limit);
        let mut last = None;
        for entry in self.index(clinic).newest_first(Some(before)) {
            if page.len() == limit {
                return Ok((page, last));
            }
            let entry = entry?;
            last = Some(entry.sequence);
            page.push(entry.value);
        }
        Ok((page, None))
    }
}
