//! The ledger: everything that was ever agreed, withdrawn, hidden or changed about who has to do with a client, one log per client.
//!
//! The permissions document says what holds now, and every function decides by it; the ledger says how it came about, and
//! proves it. The two are written one after the other, so everything here can be repeated: an entry that is there is not
//! written again.
//!
//! There are two kinds of entry. What *begins* once and *ends* once (a consent, another ground, a restriction, an emergency access)
//! has an id, and is found by it. What *stands* until it stands otherwise (a membership, a representation, a minority) is known by
//! whom it is about, and its last entry counts.
//!
//! ```text
//! ledger log       every entry, in order
//! begun document   what began, one per id: a repeated request finds it at once, however long the ledger is
//! ```

use access::{Authority, CareRole, Recipient};
use crypto::{KeySet, Label, Secret, mac, name};
use law::grounds::Basis;
use model::{
    AccountId, ClientId, ClinicId, Confidential, ConsentId, ContactChannel, DataClass, EmergencyId, GroundId, NoticeId,
    Purpose, RestrictionId, Timestamp,
};
use ports::Creation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Doc, Log, Shelf, StoreError};

const BEGUN: Label = Label::new("confide 2026-11 ledger begun name");
const CHANGE: Label = Label::new("confide 2026-11 standing change id");

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Consent {
    pub(crate) consent_id: ConsentId,
    pub(crate) notice_id: NoticeId,
    /// Which text exactly: the hash that the notice was published with.
    pub(crate) notice_sha256: String,
    /// The language that she was told it in (BCP 47).
    pub(crate) language: String,
    pub(crate) purposes: Vec<Purpose>,
    pub(crate) classes: Vec<DataClass>,
    /// For whom alone, where it is an authorization to share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<receipt::Recipient>")]
    pub(crate) recipient: Option<Recipient>,
    /// How she may be written to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) channels: Vec<ContactChannel>,
    /// Which of a shared file's participants gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) participant_id: Option<ClientId>,
    #[schemars(with = "receipt::GivenBy")]
    pub(crate) given_by: GivenBy,
    /// Who acted for her.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) representative_id: Option<AccountId>,
    /// Whether it ends when she is of age, because a parent gave it, or a minor's guardian: `true`, or absent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) until_majority: bool,
    #[schemars(with = "receipt::Method")]
    pub(crate) method: Method,
    pub(crate) given_at: Timestamp,
    pub(crate) recorded_by: AccountId,
    /// Absent where no end was agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<Timestamp>,
    /// The consent in whose place it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) supersedes: Option<ConsentId>,
}

/// The entry that a consent was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Given {
    pub(crate) consent: Consent,
    /// Recognises a repeated request.
    pub(crate) fingerprint: [u8; 16],
}

/// That a consent was withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Withdrawal {
    pub(crate) consent_id: ConsentId,
    pub(crate) withdrawn_at: Timestamp,
    pub(crate) recorded_by: AccountId,
    /// Shown to whoever recorded it, the client in her own file, privacy officers and auditors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Confidential<String>>,
}

/// Something that a client hides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Restriction")]
pub(crate) struct Hidden {
    pub(crate) restriction_id: RestrictionId,
    /// Absent where it is everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) class: Option<DataClass>,
    /// From whom. Absent where it is from everybody but the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account_id: Option<AccountId>,
    pub(crate) restricted_at: Timestamp,
    pub(crate) recorded_by: AccountId,
}

/// The entry that a client hides something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Restricted {
    pub(crate) restriction: Hidden,
    /// Recognises a repeated request.
    pub(crate) fingerprint: [u8; 16],
}

/// That a client shows again what she hid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lifting {
    pub(crate) restriction_id: RestrictionId,
    pub(crate) lifted_at: Timestamp,
    pub(crate) recorded_by: AccountId,
}

/// Another ground than consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Ground")]
pub(crate) struct OtherGround {
    pub(crate) ground_id: GroundId,
    // Its name in the law's table.
    #[schemars(with = "Basis")]
    pub(crate) basis: String,
    /// The sections of the law that allow it.
    pub(crate) citations: Vec<String>,
    pub(crate) purposes: Vec<Purpose>,
    pub(crate) classes: Vec<DataClass>,
    /// Shown to whoever recorded it, the client in her own file, privacy officers and auditors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) justification: Option<Confidential<String>>,
    pub(crate) established_at: Timestamp,
    pub(crate) recorded_by: AccountId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<Timestamp>,
}

/// The entry that a ground was established.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Established {
    pub(crate) ground: OtherGround,
    /// Recognises a repeated request.
    pub(crate) fingerprint: [u8; 16],
}

/// That a ground holds no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroundEnd {
    pub(crate) ground_id: GroundId,
    pub(crate) ended_at: Timestamp,
    pub(crate) recorded_by: AccountId,
    /// Shown to whoever recorded it, the client in her own file, privacy officers and auditors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Confidential<String>>,
}

/// Access that somebody took in an emergency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BrokenGlass {
    pub(crate) emergency_id: EmergencyId,
    pub(crate) account_id: AccountId,
    /// Shown to whoever took it, the client in her own file, privacy officers and auditors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Confidential<String>>,
    pub(crate) taken_at: Timestamp,
    pub(crate) until: Timestamp,
}

/// How somebody stands in a care team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Membership {
    pub(crate) role: CareRole,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<Timestamp>,
}

/// How it was seen that somebody is who may act for a client (DPDP Rules 10 and 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verification {
    /// Reliable details of identity and age that the clinic has already.
    DetailsHeld,
    /// Details of identity and age that she gave for it.
    DetailsGiven,
    /// A virtual token of somebody entrusted by law with such details.
    VirtualToken,
    /// An order of a court, or an appointment by an authority.
    Order,
    /// The client said so herself.
    Client,
}

/// How somebody stands to act for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Representation {
    pub(crate) authority: Authority,
    pub(crate) reads_records: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<Timestamp>,
}

/// What stands until it stands otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    CareTeam(AccountId, Option<Membership>),
    Representative(AccountId, Option<Representation>),
    Minority(Option<Timestamp>),
}

impl Standing {
    /// Whether both are about the same thing, however it stands.
    pub(crate) fn is_about_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::CareTeam(one, _), Self::CareTeam(another, _))
            | (Self::Representative(one, _), Self::Representative(another, _)) => one == another,
            (Self::Minority(_), Self::Minority(_)) => true,
            _ => false,
        }
    }

    /// Whether it is how everything stands of which there is no entry.
    fn is_nothing(&self) -> bool {
        matches!(
            self,
            Self::CareTeam(_, None) | Self::Representative(_, None) | Self::Minority(None)
        )
    }
}

/// The entry that something stands otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) standing: Standing,
    pub(crate) at: Timestamp,
    pub(crate) entered: Entered,
}

/// What was said of a client's minority at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Minority {
    pub(crate) at: Timestamp,
    pub(crate) until: Option<Timestamp>,
}

/// A consent, as far as it depends on who gave it when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GivenConsent {
    pub(crate) id: ConsentId,
    pub(crate) given_by: GivenBy,
    pub(crate) given_at: Timestamp,
    /// Whether nothing has ended it yet, not even its time.
    pub(crate) is_open: bool,
}

/// By whom something was changed, and what for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entered {
    pub(crate) recorded_by: AccountId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Confidential<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) verification: Option<Verification>,
}

impl Entered {
    pub(crate) fn by(account: AccountId) -> Self {
        Self {
            recorded_by: account,
            reason: None,
            verification: None,
        }
    }
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LedgerEntry {
    Given(Given),
    Withdrawn(Withdrawal),
    Restricted(Restricted),
    Lifted(Lifting),
    Established(Established),
    GroundEnded(GroundEnd),
    BrokeGlass(BrokenGlass),
    Changed(Change),
}

impl LedgerEntry {
    /// The id of what begins with it.
    fn begins(&self) -> Option<[u8; 16]> {
        match self {
            Self::Given(given) => Some(*given.consent.consent_id.as_bytes()),
            Self::Restricted(restricted) => Some(*restricted.restriction.restriction_id.as_bytes()),
            Self::Established(established) => Some(*established.ground.ground_id.as_bytes()),
            Self::BrokeGlass(broken) => Some(*broken.emergency_id.as_bytes()),
            Self::Withdrawn(_) | Self::Lifted(_) | Self::GroundEnded(_) | Self::Changed(_) => None,
        }
    }

    /// The id of what ends with it.
    fn ends(&self) -> Option<[u8; 16]> {
        match self {
            Self::Given(given) => given.consent.supersedes.map(|consent| *consent.as_bytes()),
            Self::Withdrawn(withdrawal) => Some(*withdrawal.consent_id.as_bytes()),
            Self::Lifted(lifting) => Some(*lifting.restriction_id.as_bytes()),
            Self::GroundEnded(end) => Some(*end.ground_id.as_bytes()),
            Self::Restricted(_) | Self::Established(_) | Self::BrokeGlass(_) | Self::Changed(_) => None,
        }
    }
}

/// What the ledger says of something that begins and ends.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) begun: LedgerEntry,
    /// The first entry that ended it.
    pub(crate) ended: Option<LedgerEntry>,
}

/// One client's ledger.
pub(crate) struct Ledger<'s> {
    pub(crate) log: Log<'s, LedgerEntry, KeySet>,
    pub(crate) shelf: &'s Shelf<'s>,
    pub(crate) seal: &'s KeySet,
    pub(crate) index: &'s Secret,
    pub(crate) clinic: ClinicId,
    pub(crate) client: ClientId,
}

impl Ledger<'_> {
    /// What there is about a thing. What ends it is always newer than what began it, so the search, newest first, ends
    /// where it began.
    pub(crate) fn find(&self, id: &[u8; 16]) -> Result<Option<History>, StoreError> {
        let mut ended = None;
        for entry in self.log.newest_first(None) {
            let entry = entry?.value;
            if entry.begins().as_ref() == Some(id) {
                return Ok(Some(History { begun: entry, ended }));
            }
            if entry.ends().as_ref() == Some(id) {
                ended = Some(entry);
            }
        }
        Ok(None)
    }

    /// The consents that are meant.
    pub(crate) fn given(
        &self,
        is_meant: impl Fn(&Consent) -> bool,
        now: Timestamp,
    ) -> Result<Vec<GivenConsent>, StoreError> {
        let (mut given, mut ended) = (Vec::new(), Vec::new());
        for entry in self.log.newest_first(None) {
            let entry = entry?.value;
            if let LedgerEntry::Given(Given { consent, .. }) = &entry
                && is_meant(consent)
            {
                let is_current = consent.expires_at.is_none_or(|end| now < end);
                let is_open = is_current && !ended.contains(consent.consent_id.as_bytes());
                given.push(GivenConsent {
                    id: consent.consent_id,
                    given_by: consent.given_by,
                    given_at: consent.given_at,
                    is_open,
                });
            }
            ended.extend(entry.ends());
        }
        Ok(given)
    }

    /// Until when the client was said to be a minor, and when that was said, oldest first.
    pub(crate) fn minorities(&self) -> Result<Vec<Minority>, StoreError> {
        let mut minorities = Vec::new();
        for entry in self.log.newest_first(None) {
            if let LedgerEntry::Changed(Change {
                standing: Standing::Minority(until),
                at,
                ..
            }) = entry?.value
            {
                minorities.push(Minority { at, until });
            }
        }
        minorities.reverse();
        Ok(minorities)
    }

    /// How each of those stands who were ever named to act for the client, as the last entry about her says.
    pub(crate) fn representatives(&self) -> Result<Vec<(AccountId, Standing)>, StoreError> {
        let mut found: Vec<(AccountId, Standing)> = Vec::new();
        for entry in self.log.newest_first(None) {
            if let LedgerEntry::Changed(Change { standing, .. }) = entry?.value
                && let Standing::Representative(account, _) = standing
                && found.iter().all(|(other, _)| *other != account)
            {
                found.push((account, standing));
            }
        }
        Ok(found)
    }

    fn begun_doc(&self, id: &[u8; 16]) -> Doc<'_, LedgerEntry, KeySet> {
        let name = name(self.index, BEGUN, &[self.clinic.as_bytes(), self.client.as_bytes(), id]);
        self.shelf.doc(Some(self.clinic), "ledger begun", &name, self.seal)
    }

    /// Who recorded that something is hidden.
    pub(crate) fn restricted_by(&self, id: RestrictionId) -> Result<Option<AccountId>, StoreError> {
        Ok(match self.begun_doc(id.as_bytes()).read()?.map(|begun| begun.value) {
            Some(LedgerEntry::Restricted(restricted)) => Some(restricted.restriction.recorded_by),
            _ => None,
        })
    }

    /// What an earlier try of the same request began. Its entry is there when this returns: a try that died before it is finished here.
    pub(crate) fn begun(&self, id: &[u8; 16]) -> Result<Option<LedgerEntry>, StoreError> {
        let Some(begun) = self.begun_doc(id).read()?.map(|begun| begun.value) else {
            return Ok(None);
        };
        if self.find(id)?.is_none() {
            self.log.append(*id, &begun)?;
        }
        Ok(Some(begun))
    }

    /// Enters that something begins, and returns what began: of two requests that do so at once under one id, the first one's.
    ///
    /// Order: document, entry. A crash in between leaves a document that nothing reads but the repeated request, which enters it.
    pub(crate) fn begin(&self, entry: LedgerEntry) -> Result<LedgerEntry, StoreError> {
        let id = entry.begins().ok_or(StoreError::Form)?;
        if self.begun_doc(&id).create(&entry)? == Creation::Created {
            self.log.append(id, &entry)?;
            return Ok(entry);
        }
        self.begun(&id)?.ok_or(StoreError::Form)
    }

    /// Enters that something ends. Of two requests that do so at once the first is entered, so what counts is what [`Ledger::find`] says
    /// afterwards.
    pub(crate) fn end(&self, entry: &LedgerEntry) -> Result<(), StoreError> {
        // The thing's own id stands for the entry that it began.
        let id = entry.ends().ok_or(StoreError::Form)?.map(|byte| !byte);
        self.log.append(id, entry).map(drop)
    }

    /// Makes the last entry about something say how it stands, and returns since when it does say so; what there is no entry
    /// of stands as nothing.
    pub(crate) fn ensure(&self, change: Change) -> Result<Timestamp, StoreError> {
        let mut last = None;
        for entry in self.log.newest_first(None) {
            let entry = entry?;
            if let LedgerEntry::Changed(earlier) = entry.value
                && earlier.standing.is_about_the_same(&change.standing)
            {
                last = Some((entry.sequence, earlier));
                break;
            }
        }
        match &last {
            Some((_, earlier)) if earlier.standing == change.standing => return Ok(earlier.at),
            None if change.standing.is_nothing() => return Ok(change.at),
            _ => {}
        }
        // Named by what it follows: two requests that make the same change at once make one entry.
        let follows = last.map_or(0, |(sequence, _)| sequence);
        let standing = serde_json::to_vec(&change.standing).map_err(|_| StoreError::Form)?;
        let id = mac(self.index, CHANGE, &[&standing, &follows.to_be_bytes()]).truncated();
        let at = change.at;
        self.log.append(id, &LedgerEntry::Changed(change))?;
        Ok(at)
    }
}
