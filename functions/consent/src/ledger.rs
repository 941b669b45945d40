//! The ledger: everything that was ever agreed, withdrawn or changed about who treats a client, one log per client.
//!
//! The permissions document says what holds now, and every function decides by it; the ledger says how it came about, and
//! proves it. The two are written one after the other, so everything here can be repeated: an entry that is there is not
//! written again.

use crypto::{KeySet, Label, Secret, mac};
use model::{AccountId, Confidential, ConsentId, DataClass, NoticeId, Purpose, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Log, StoreError};

const MEMBERSHIP: Label = Label::new("confide 2026-11 care team change id");

/// Who gave a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GivenBy {
    Client,
    Guardian,
}

/// How it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    InPerson,
    Written,
    Electronic,
}

/// A consent as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Consent {
    pub(crate) consent_id: ConsentId,
    pub(crate) notice_id: NoticeId,
    /// Which text exactly: the hash that the notice was published with.
    pub(crate) notice_sha256: String,
    pub(crate) language: String,
    pub(crate) purposes: Vec<Purpose>,
    pub(crate) classes: Vec<DataClass>,
    pub(crate) given_by: GivenBy,
    pub(crate) method: Method,
    pub(crate) given_at: Timestamp,
    pub(crate) recorded_by: AccountId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<Timestamp>,
}

/// The entry that a consent was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Given {
    pub(crate) consent: Consent,
    /// Recognises a repeated request.
    pub(crate) fingerprint: [u8; 16],
}

/// The entry that a consent was withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Withdrawal {
    pub(crate) consent_id: ConsentId,
    pub(crate) withdrawn_at: Timestamp,
    pub(crate) recorded_by: AccountId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Confidential<String>>,
}

/// The entry that somebody joined or left the care team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Membership {
    pub(crate) account_id: AccountId,
    pub(crate) at: Timestamp,
    pub(crate) recorded_by: AccountId,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", content = "entry", rename_all = "snake_case")]
pub(crate) enum LedgerEntry {
    Given(Given),
    Withdrawn(Withdrawal),
    JoinedCareTeam(Membership),
    LeftCareTeam(Membership),
}

/// What the ledger says of one consent.
#[derive(Debug)]
pub(crate) struct ConsentHistory {
    pub(crate) given: Given,
    pub(crate) withdrawal: Option<Withdrawal>,
}

/// The last that the ledger says of somebody in the care team.
struct LastChange {
    sequence: u64,
    is_member: bool,
    at: Timestamp,
}

/// One client's ledger.
pub(crate) struct Ledger<'s> {
    pub(crate) log: Log<'s, LedgerEntry, KeySet>,
    pub(crate) index: &'s Secret,
}

impl Ledger<'_> {
    /// What there is about a consent. A withdrawal is always newer than what it withdraws, so the search, newest first, ends
    /// where the consent was given.
    pub(crate) fn find(&self, consent: ConsentId) -> Result<Option<ConsentHistory>, StoreError> {
        let mut withdrawal = None;
        for entry in self.log.newest_first(None) {
            match entry?.value {
                LedgerEntry::Given(given) if given.consent.consent_id == consent => {
                    return Ok(Some(ConsentHistory { given, withdrawal }));
                }
                LedgerEntry::Withdrawn(entry) if entry.consent_id == consent => withdrawal = Some(entry),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Enters a consent that is not there. Of two requests that do so at once under one id the first is entered, so what
    /// counts is what [`Ledger::find`] says afterwards.
    pub(crate) fn enter_given(&self, given: Given) -> Result<(), StoreError> {
        let id = *given.consent.consent_id.as_bytes();
        self.log.append(id, &LedgerEntry::Given(given)).map(drop)
    }

    /// Enters a withdrawal that is not there.
    pub(crate) fn enter_withdrawn(&self, withdrawal: Withdrawal) -> Result<(), StoreError> {
        // The consent's own id stands for the entry that it was given.
        let id = withdrawal.consent_id.as_bytes().map(|byte| !byte);
        self.log.append(id, &LedgerEntry::Withdrawn(withdrawal)).map(drop)
    }

    fn last_change(&self, account: AccountId) -> Result<Option<LastChange>, StoreError> {
        for entry in self.log.newest_first(None) {
            let entry = entry?;
            let (change, is_member) = match entry.value {
                LedgerEntry::JoinedCareTeam(change) => (change, true),
                LedgerEntry::LeftCareTeam(change) => (change, false),
                LedgerEntry::Given(_) | LedgerEntry::Withdrawn(_) => continue,
            };
            if change.account_id == account {
                return Ok(Some(LastChange {
                    sequence: entry.sequence,
                    is_member,
                    at: change.at,
                }));
            }
        }
        Ok(None)
    }

    /// Makes the last entry about an account say whether it treats the client, and returns since when it does say so;
    /// somebody of whom there is no entry does not.
    pub(crate) fn ensure_membership(&self, is_member: bool, change: Membership) -> Result<Timestamp, StoreError> {
        let last = self.last_change(change.account_id)?;
        match &last {
            Some(last) if last.is_member == is_member => return Ok(last.at),
            None if !is_member => return Ok(change.at),
            _ => {}
        }
        // Named by what it follows: two requests that make the same change at once make one entry.
        let follows = last.map_or(0, |last| last.sequence);
        let parts: [&[u8]; 3] = [
            change.account_id.as_bytes(),
            &[u8::from(is_member)],
            &follows.to_be_bytes(),
        ];
        let id = mac(self.index, MEMBERSHIP, &parts).truncated();
        let at = change.at;
        let entry = if is_member {
            LedgerEntry::JoinedCareTeam(change)
        } else {
            LedgerEntry::LeftCareTeam(change)
        };
        self.log.append(id, &entry)?;
        Ok(at)
    }
}
