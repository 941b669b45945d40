//! Acceptances: who has accepted which policy or agreement, and which text of it exactly.
//!
//! ```text
//! acceptance document  one per account and notice
//! own log              what one account has accepted
//! notice's log         who has accepted one notice
//! ```

use crypto::{KeySet, Label, Secret, mac, name};
use model::{AccountId, ClinicId, DataClass, NoticeId, Timestamp};
use ports::Creation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Doc, Log, Shelf, StoreError};
use web::{Exchange, Problem};

const ACCEPTANCE: Label = Label::new("confide 2026-11 acceptance name");
const OF_ACCOUNT: Label = Label::new("confide 2026-11 acceptances of an account name");
const OF_NOTICE: Label = Label::new("confide 2026-11 acceptances of a notice name");
const ENTRY: Label = Label::new("confide 2026-11 acceptance entry id");

/// That an account has accepted a policy or an agreement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acceptance {
    pub(crate) notice_id: NoticeId,
    /// Which text exactly: the hash that it was published with.
    pub(crate) notice_sha256: String,
    /// Which of its series, from 1.
    pub(crate) version: u64,
    pub(crate) account_id: AccountId,
    pub(crate) accepted_at: Timestamp,
}

/// The acceptances of one clinic.
pub(crate) struct Acceptances<'a> {
    shelf: Shelf<'a>,
    seal: &'a KeySet,
    names: &'a Secret,
    clinic: ClinicId,
}

impl<'a> Acceptances<'a> {
    pub(crate) fn new(exchange: &Exchange<'a>, clinic: ClinicId) -> Result<Self, Problem> {
        Ok(Self {
            shelf: exchange.shelf("consent")?,
            seal: exchange.keyring.seal(DataClass::Consent)?,
            names: exchange.keyring.key("index")?,
            clinic,
        })
    }

    fn parts<'p>(&'p self, notice: &'p NoticeId, account: &'p AccountId) -> [&'p [u8]; 3] {
        [self.clinic.as_bytes(), notice.as_bytes(), account.as_bytes()]
    }

    fn doc(&self, notice: NoticeId, account: AccountId) -> Doc<'_, Acceptance, KeySet> {
        let name = name(self.names, ACCEPTANCE, &self.parts(&notice, &account));
        self.shelf.doc(Some(self.clinic), "acceptance", &name, self.seal)
    }

    /// What an account has accepted.
    pub(crate) fn of_account(&self, account: AccountId) -> Log<'_, Acceptance, KeySet> {
        let name = name(self.names, OF_ACCOUNT, &[self.clinic.as_bytes(), account.as_bytes()]);
        self.shelf
            .log(Some(self.clinic), "acceptances of an account", &name, self.seal)
    }

    /// Who has accepted a notice.
    pub(crate) fn of_notice(&self, notice: NoticeId) -> Log<'_, Acceptance, KeySet> {
        let name = name(self.names, OF_NOTICE, &[self.clinic.as_bytes(), notice.as_bytes()]);
        self.shelf
            .log(Some(self.clinic), "acceptances of a notice", &name, self.seal)
    }

    /// The acceptance of a notice by an account.
    pub(crate) fn read(&self, notice: NoticeId, account: AccountId) -> Result<Option<Acceptance>, StoreError> {
        Ok(self.doc(notice, account).read()?.map(|acceptance| acceptance.value))
    }

    /// Enters an acceptance; repeated, it finishes what the first try began and returns the first acceptance.
    ///
    /// Order: acceptance, own log, notice's log, answer. A crash in between leaves an acceptance that holds and that one list or
    /// both do not show yet; the repeated request finds it and enters it where it is missing, or where a crash left an entry without its
    /// mark (see [`Log::append_once`]), perhaps once more.
    pub(crate) fn enter(&self, acceptance: Acceptance) -> Result<Acceptance, Problem> {
        let doc = self.doc(acceptance.notice_id, acceptance.account_id);
        let accepted = match doc.create(&acceptance)? {
            Creation::Created => acceptance,
            Creation::Exists => {
                doc.read()?
                    .ok_or_else(|| Problem::defect("an acceptance that exists is gone"))?
                    .value
            }
        };
        // Entry ids stand in the clear: this one names neither the notice nor the account to who has no key.
        let parts = self.parts(&accepted.notice_id, &accepted.account_id);
        let id = mac(self.names, ENTRY, &parts).truncated();
        for log in [self.of_account(accepted.account_id), self.of_notice(accepted.notice_id)] {
            log.append_once(self.names, id, &accepted)?;
        }
        Ok(accepted)
    }
}
