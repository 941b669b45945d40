//! The entries of a ledger as they are answered. A change of what stands is of several types there; here it is what comes of them.

use access::{Authority, CareRole};
use model::{AccountId, Confidential, Timestamp};
use schemars::JsonSchema;

use crate::ledger::{BrokenGlass, Consent, GroundEnd, Hidden, Lifting, OtherGround, Verification, Withdrawal};

#[derive(JsonSchema)]
#[expect(dead_code, reason = "it describes what is answered, and nothing is answered by it")]
pub(super) struct Ledger {
    /// Newest first. Not everybody sees all of them, so there may be fewer than the limit.
    entries: Vec<LedgerEntry>,
    /// The `cursor` of the next page. Absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What happened, by its `event`.
#[derive(JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
#[expect(dead_code, reason = "it describes what is answered, and nothing is answered by it")]
enum LedgerEntry {
    Given(Consent),
    Withdrawn(Withdrawal),
    Restricted(Hidden),
    RestrictionLifted(Lifting),
    GroundEstablished(OtherGround),
    GroundEnded(GroundEnd),
    BrokeGlass(BrokenGlass),
    /// Somebody belongs to the care team from now on, or otherwise than before.
    JoinedCareTeam {
        account_id: AccountId,
        role: CareRole,
        /// Absent where no end is agreed.
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        at: Timestamp,
        recorded_by: AccountId,
    },
    /// Somebody belongs to the care team no more.
    LeftCareTeam {
        account_id: AccountId,
        at: Timestamp,
        recorded_by: AccountId,
    },
    /// Somebody may act for the client from now on, or otherwise than before.
    RepresentativeNamed {
        account_id: AccountId,
        authority: Authority,
        /// Whether she may read the client's records as well.
        reads_records: bool,
        /// Absent for a nominee who was not activated.
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
        /// Absent where no end is set.
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        at: Timestamp,
        recorded_by: AccountId,
        /// How it was found that the client can't act herself. Shown to whoever recorded it, the client in her own file, privacy officers and auditors.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<Confidential<String>>,
        /// How it was seen that she may act for the client.
        #[serde(skip_serializing_if = "Option::is_none")]
        verification: Option<Verification>,
    },
    /// Somebody may act for the client no more.
    RepresentativeRemoved {
        account_id: AccountId,
        at: Timestamp,
        recorded_by: AccountId,
        /// As where somebody is named, in the rare case that she was removed while that request was carried out.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<Confidential<String>>,
        /// As `reason`.
        #[serde(skip_serializing_if = "Option::is_none")]
        verification: Option<Verification>,
    },
    /// It was said until when the client is a minor.
    MinoritySet {
        /// When she is of age. Absent where it was said that she is.
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        at: Timestamp,
        recorded_by: AccountId,
    },
}
