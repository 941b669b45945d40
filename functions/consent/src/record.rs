//! From a consent to its record in the terms of ISO/IEC TS 27560:2023. Decisions on data alone.
//!
//! What Confide does not know is left out and never made up: see the README.

use receipt::{
    Event, ExplicitlyExpressed, LawfulBasis, PiiController, PiiInformation, PrivacyNotice, Record, SchemaVersion,
    Validity,
};

use crate::consent_state::ConsentState;
use crate::ledger::{GivenBy, Method};
use crate::notice::Notice;

impl From<GivenBy> for receipt::GivenBy {
    fn from(given_by: GivenBy) -> Self {
        match given_by {
            GivenBy::Client => Self::Client,
            GivenBy::Guardian => Self::Guardian,
        }
    }
}

impl From<Method> for receipt::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::InPerson => Self::InPerson,
            Method::Written => Self::Written,
            Method::Electronic => Self::Electronic,
        }
    }
}

/// What happened, oldest first. A withdrawal after the end is shown after it: it changed nothing, and yet somebody wanted it.
fn events(state: &ConsentState<'_>) -> Vec<Event> {
    let consent = state.consent;
    let given = Event::Given {
        event_time: consent.given_at,
        event_type: ExplicitlyExpressed::ExplicitlyExpressed,
        entity_id: (consent.given_by == GivenBy::Client).then_some(state.client),
        representative_id: consent.representative_id,
        given_by: consent.given_by.into(),
        method: consent.method.into(),
        recorded_by: consent.recorded_by,
        validity_duration: consent.expires_at.map(|ends_at| Validity {
            starts_at: consent.given_at,
            ends_at,
        }),
        until_majority: consent.until_majority,
        supersedes: consent.supersedes,
    };
    let superseded = state.successor.map(|successor| Event::Superseded {
        event_time: successor.given_at,
        superseded_by: successor.consent_id,
    });
    let withdrawn = state.withdrawal.map(|withdrawal| Event::Withdrawn {
        event_time: withdrawal.withdrawn_at,
        recorded_by: withdrawal.recorded_by,
    });
    // What was withdrawn in time does not run out any more.
    let expired = state
        .expired_at()
        .filter(|end| state.ended_at() == Some(*end))
        .map(|event_time| Event::Expired { event_time });
    [given]
        .into_iter()
        .chain(expired)
        .chain(superseded)
        .chain(withdrawn)
        .collect()
}

/// The record of a consent, which was given on this notice.
pub(crate) fn of(state: &ConsentState<'_>, notice: &Notice) -> Record {
    let consent = state.consent;
    let content = &notice.content;
    Record {
        schema_version: SchemaVersion::V1,
        record_id: consent.consent_id,
        pii_principal_id: state.client,
        as_of: state.as_of,
        privacy_notice: PrivacyNotice {
            id: consent.notice_id,
            version: notice.version,
            title: content.title.clone(),
            // As the ledger has it, entered with the consent.
            sha256: consent.notice_sha256.clone(),
            language: content.language.clone(),
            path: state.notice_path(),
        },
        language: consent.language.clone(),
        purposes: consent.purposes.clone(),
        lawful_basis: LawfulBasis::Consent,
        pii_information: consent
            .classes
            .iter()
            .map(|class| PiiInformation { pii_type: *class })
            .collect(),
        recipient_third_parties: consent.recipient.as_ref().map(|recipient| match recipient {
            access::Recipient::Account(account) => receipt::Recipient::Account(*account),
            access::Recipient::Name(name) => receipt::Recipient::Name(name.clone()),
        }),
        contact_channels: consent.channels.clone(),
        pii_controllers: vec![PiiController {
            party_id: state.clinic,
            party_contact: content.contact.clone(),
        }],
        retention_period: content.storage_period.clone(),
        jurisdiction: notice.regimes.iter().map(ToString::to_string).collect(),
        withdrawal_method: content.withdrawal.clone(),
        privacy_rights: content.complaint.clone(),
        events: events(state),
    }
}
