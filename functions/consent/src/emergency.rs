//! Broken glass, as the clinic keeps it: what was taken by whom, whether the messages about it are on their way, and what the privacy officer found.
//!
//! ```text
//! emergency document   one per access that was taken
//! index log            which there are, one per clinic
//! ```
//!
//! The client's own ledger says it too, and her permissions while it holds.

use crypto::{KeySet, Label, Secret, name};
use model::{AccountId, ClientId, ClinicId, Confidential, DataClass, EmergencyId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Doc, Shelf};
use web::listing::Listing;
use web::{Exchange, Problem};

const EMERGENCY: Label = Label::new("confide 2026-11 emergency name");
const INDEX: Label = Label::new("confide 2026-11 emergency index name");

/// What the privacy officer found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "EmergencyFinding")]
pub(crate) enum Finding {
    /// There was an emergency, and it needed this.
    Justified,
    /// It was not for this.
    Unjustified,
}

/// The review of an access that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Review {
    pub(crate) finding: Finding,
    pub(crate) note: Confidential<String>,
    pub(crate) reviewed_by: AccountId,
    pub(crate) reviewed_at: Timestamp,
}

/// An access that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Emergency {
    pub(crate) emergency_id: EmergencyId,
    pub(crate) client_id: ClientId,
    pub(crate) account_id: AccountId,
    pub(crate) reason: Confidential<String>,
    pub(crate) taken_at: Timestamp,
    pub(crate) until: Timestamp,
    /// When `notify` had accepted the message to the client; in a shared file, the one to each participant. It is durable from then on, and
    /// waits to leave. Whether it leaves, arrives and is read is not known here: somebody may have no address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_message_accepted_at: Option<Timestamp>,
    /// When it had accepted the message to the clinic's privacy contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) alerted_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) review: Option<Review>,
    /// Recognises a repeated request.
    pub(crate) fingerprint: [u8; 16],
}

impl Emergency {
    /// Whether the privacy officer found that it was not for this.
    pub(crate) fn is_unjustified(&self) -> bool {
        self.review
            .as_ref()
            .is_some_and(|review| review.finding == Finding::Unjustified)
    }
}

/// The emergencies of all clinics.
pub(crate) struct Emergencies<'a> {
    shelf: Shelf<'a>,
    seal: &'a KeySet,
    names: &'a Secret,
}

impl<'a> Emergencies<'a> {
    pub(crate) fn new(exchange: &Exchange<'a>) -> Result<Self, Problem> {
        Ok(Self {
            shelf: exchange.shelf("consent")?,
            seal: exchange.keyring.seal(DataClass::Consent)?,
            names: exchange.keyring.key("index")?,
        })
    }

    pub(crate) fn doc(&self, clinic: ClinicId, id: EmergencyId) -> Doc<'_, Emergency, KeySet> {
        let name = name(self.names, EMERGENCY, &[clinic.as_bytes(), id.as_bytes()]);
        self.shelf.doc(Some(clinic), "emergency", &name, self.seal)
    }

    pub(crate) fn index(&self, clinic: ClinicId) -> Listing<'_> {
        let name = name(self.names, INDEX, &[clinic.as_bytes()]);
        self.shelf.log(Some(clinic), "emergency index", &name, self.seal)
    }
}
