//! Notices, policies and agreements as they were published: public documents of a clinic, never changed.
//!
//! ```text
//! notice document      one per notice
//! successor document   which notice replaced it, one per notice that was replaced
//! translation document which notice says it in another language, one per notice and language
//! index log            which notices there are, one per clinic
//! ```

use crypto::{KeySet, Label, Secret, name};
use law::Regime;
use model::{ClinicId, DataClass, NoticeId, Purpose, Timestamp};
use ports::Creation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Doc, Log, Shelf, StoreError, without_doubles};
use web::{Check, Exchange, Problem};

use crate::content::{Content, Kind};

const NOTICE: Label = Label::new("confide 2026-11 notice name");
const SUCCESSOR: Label = Label::new("confide 2026-11 notice successor name");
const TRANSLATION: Label = Label::new("confide 2026-11 notice translation name");
const INDEX: Label = Label::new("confide 2026-11 notice index name");

/// A notice as it was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Notice {
    pub(crate) notice_id: NoticeId,
    /// The first notice of those that replaced each other.
    pub(crate) series: NoticeId,
    /// Which of them it is, from 1. A translation has that of what it translates.
    pub(crate) version: u64,
    pub(crate) published_at: Timestamp,
    /// The laws that it was held against.
    pub(crate) regimes: Vec<Regime>,
    pub(crate) sha256: String,
    pub(crate) content: Content,
    /// Recognises a repeated request.
    pub(crate) fingerprint: [u8; 16],
}

/// What the index says of a notice, which is also what a list shows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Summary {
    pub(crate) notice_id: NoticeId,
    pub(crate) series: NoticeId,
    pub(crate) version: u64,
    /// The notice that this is the next version of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replaces: Option<NoticeId>,
    /// The notice that this says in another language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) translates: Option<NoticeId>,
    pub(crate) kind: Kind,
    pub(crate) title: String,
    /// BCP 47.
    pub(crate) language: String,
    pub(crate) purposes: Vec<Purpose>,
    pub(crate) published_at: Timestamp,
    /// Over its content, as the README says; hexadecimal.
    pub(crate) sha256: String,
}

/// The one notice that holds a place: that of a successor, or of a translation into one language.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Holder {
    notice_id: NoticeId,
}

/// A place that has room for one notice, and what whoever comes later is told.
struct Claim<'s> {
    place: Doc<'s, Holder, KeySet>,
    taken: Problem,
}

impl Notice {
    /// The notice whose replacement replaces this one: a translation goes with what it translates.
    pub(crate) fn original(&self) -> NoticeId {
        self.content.translates.unwrap_or(self.notice_id)
    }
}

impl Summary {
    /// As [`Notice::original`].
    pub(crate) fn original(&self) -> NoticeId {
        self.translates.unwrap_or(self.notice_id)
    }
}

impl From<&Notice> for Summary {
    fn from(notice: &Notice) -> Self {
        let content = &notice.content;
        Self {
            notice_id: notice.notice_id,
            series: notice.series,
            version: notice.version,
            replaces: content.replaces,
            translates: content.translates,
            kind: content.kind,
            title: content.title.clone(),
            language: content.language.clone(),
            purposes: content.purposes.clone(),
            published_at: notice.published_at,
            sha256: notice.sha256.clone(),
        }
    }
}

/// Whether one says the same of the use of data as the other, in whatever words.
fn uses_the_same(one: &Content, other: &Content) -> bool {
    fn are_same<T: PartialEq>(one: &[T], other: &[T]) -> bool {
        one.len() == other.len() && one.iter().all(|value| other.contains(value))
    }
    one.kind == other.kind
        && are_same(&one.purposes, &other.purposes)
        && are_same(&one.classes, &other.classes)
        && one.items.len() == other.items.len()
        && one
            .items
            .iter()
            .zip(&other.items)
            .all(|(one, other)| one.class == other.class && are_same(&one.purposes, &other.purposes))
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

    fn successor(&self, clinic: ClinicId, notice: NoticeId) -> Doc<'_, Holder, KeySet> {
        let name = name(self.names, SUCCESSOR, &[clinic.as_bytes(), notice.as_bytes()]);
        self.shelf.doc(Some(clinic), "notice successor", &name, self.seal)
    }

    fn translation(&self, clinic: ClinicId, notice: NoticeId, language: &str) -> Doc<'_, Holder, KeySet> {
        // Tags are the same in capitals (RFC 5646, section 2.1.1).
        let language = language.to_ascii_lowercase();
        let parts = [clinic.as_bytes().as_slice(), notice.as_bytes(), language.as_bytes()];
        let name = name(self.names, TRANSLATION, &parts);
        self.shelf.doc(Some(clinic), "notice translation", &name, self.seal)
    }

    fn index(&self, clinic: ClinicId) -> Log<'_, Summary, KeySet> {
        let name = name(self.names, INDEX, &[clinic.as_bytes()]);
        self.shelf.log(Some(clinic), "notice index", &name, self.seal)
    }

    /// A notice of this clinic.
    pub(crate) fn read(&self, clinic: ClinicId, notice: NoticeId) -> Result<Option<Notice>, StoreError> {
        Ok(self.notice(clinic, notice).read()?.map(|notice| notice.value))
    }

    /// The notice that replaced this one.
    pub(crate) fn replaced_by(&self, clinic: ClinicId, notice: &Notice) -> Result<Option<NoticeId>, StoreError> {
        let successor = self.successor(clinic, notice.original()).read()?;
        Ok(successor.map(|successor| successor.value.notice_id))
    }

    /// Where a new notice stands among those that the clinic has: its series, and its version in it.
    ///
    /// # Errors
    /// 422 where it can't follow or translate the notice that it names.
    pub(crate) fn placed(
        &self,
        clinic: ClinicId,
        notice: NoticeId,
        content: &Content,
    ) -> Result<(NoticeId, u64), Problem> {
        let (named, field) = match (content.replaces, content.translates) {
            (Some(replaced), _) => (replaced, "/replaces"),
            (None, Some(original)) => (original, "/translates"),
            (None, None) => return Ok((notice, 1)),
        };
        let named = self.read(clinic, named)?;
        let mut check = Check::new();
        check.that(
            named.is_some(),
            field,
            "notice",
            "must be a notice that this clinic has published",
        );
        let Some(named) = named else {
            return check.finish().map(|()| (notice, 1));
        };
        check.that(
            named.content.translates.is_none(),
            field,
            "original",
            "must not be a translation, but the notice that it translates",
        );
        if content.replaces.is_some() {
            check.that(
                content.kind == named.content.kind,
                "/kind",
                "as-replaced",
                "must be the kind of what is replaced",
            );
            check.finish()?;
            return Ok((named.series, named.version.saturating_add(1)));
        }
        check.that(
            !content.language.eq_ignore_ascii_case(&named.content.language),
            "/language",
            "translation",
            "must be another language than that of what is translated",
        );
        check.that(
            uses_the_same(content, &named.content),
            field,
            "as-translated",
            "must have the same kind, purposes and classes, and as many items with the same classes and purposes",
        );
        check.finish()?;
        Ok((named.series, named.version))
    }

    fn claim(&self, clinic: ClinicId, content: &Content) -> Option<Claim<'_>> {
        if let Some(replaced) = content.replaces {
            return Some(Claim {
                place: self.successor(clinic, replaced),
                taken: Problem::conflict(
                    "already-replaced",
                    "Another notice has replaced this one. Replace the newest of its series.",
                ),
            });
        }
        let original = content.translates?;
        Some(Claim {
            place: self.translation(clinic, original, &content.language),
            taken: Problem::conflict(
                "already-translated",
                "It is there in this language. A better translation comes with the next version.",
            ),
        })
    }

    /// Publishes a notice; repeated, it finishes what the first try began and gives the same answer.
    ///
    /// Order: notice, the place that it takes as successor or translation, index, answer. A crash in between leaves a notice that
    /// no list shows and whose id nobody was told; the repeated request comes to the same id and goes on. Two notices
    /// that replace the same one, or translate it into the same language, meet at a document that has room for one:
    /// versions of a series never fork, and nobody is told one thing twice in one language.
    pub(crate) fn publish(&self, clinic: ClinicId, notice: Notice) -> Result<Notice, Problem> {
        let claim = self.claim(clinic, &notice.content);
        let is_by_another = |claim: &Claim<'_>| -> Result<bool, StoreError> {
            let holder = claim.place.read()?;
            Ok(holder.is_some_and(|holder| holder.value.notice_id != notice.notice_id))
        };
        // Looked at first only so that a refused request leaves nothing behind.
        if let Some(claim) = &claim
            && is_by_another(claim)?
        {
            return Err(claim.taken.clone());
        }
        let doc = self.notice(clinic, notice.notice_id);
        let published = match doc.create(&notice)? {
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
        if let Some(claim) = &claim {
            let holder = Holder {
                notice_id: published.notice_id,
            };
            if claim.place.create(&holder)? == Creation::Exists && is_by_another(claim)? {
                return Err(claim.taken.clone());
            }
        }
        let id = *published.notice_id.as_bytes();
        self.index(clinic)
            .append_once(self.names, id, &Summary::from(&published))?;
        Ok(published)
    }

    /// All notices of a clinic, newest first, each once and with its number. Only who may publish adds to them.
    pub(crate) fn all(&self, clinic: ClinicId) -> Result<Vec<(u64, Summary)>, StoreError> {
        let index = self.index(clinic);
        let entries: Vec<_> = index.newest_first(None).collect::<Result<_, _>>()?;
        let all = without_doubles(entries).into_iter();
        Ok(all.map(|entry| (entry.sequence, entry.value)).collect())
    }
}
