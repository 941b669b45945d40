//! What a client's permissions say: one attested document per client, written by `consent`, believed by those who decide.

use crypto::{AttestationReader, Label, Secret, name};
use jiff::fmt::serde::timestamp::nanosecond;
use model::{AccountId, ClientId, ClinicId, ConsentId, DataClass, NoticeId, Purpose, SubjectId, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Compact, Doc, Shelf, StoreError};

const PERMISSIONS: Label = Label::new("confide 2026-11 permissions name");

const CLASS: &str = "permissions";

/// Everything that a decision about a client depends on. Stored in its fields' order: a change of form takes another
/// document class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    /// The client.
    pub client: ClientId,
    /// The clinic that she is a client of.
    pub clinic: ClinicId,
    /// Her pseudonym in the audit trail.
    pub subject: SubjectId,
    /// Who treats her.
    pub care_team: Vec<CareTeamMember>,
    /// The consents that are live; the ledger keeps those that were.
    pub consents: Vec<LiveConsent>,
}

/// A clinician who treats a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CareTeamMember {
    /// The clinician's account.
    pub account: AccountId,
    /// From when on.
    #[serde(with = "nanosecond::required")]
    pub since: Timestamp,
}

/// A consent that has been given and not withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveConsent {
    /// Its id in the ledger.
    pub id: ConsentId,
    /// The notice that it was given on.
    pub notice: NoticeId,
    /// What for.
    pub purposes: Vec<Purpose>,
    /// For which data.
    pub classes: Vec<DataClass>,
    /// Until when.
    #[serde(with = "nanosecond::optional")]
    pub expires_at: Option<Timestamp>,
}

impl Permissions {
    /// Whether the account treats the client.
    #[must_use]
    pub fn treats(&self, account: AccountId) -> bool {
        self.care_team.iter().any(|member| member.account == account)
    }

    /// A live consent to use data of this class for this purpose.
    #[must_use]
    pub fn consent(&self, class: DataClass, purpose: Purpose, now: Timestamp) -> Option<ConsentId> {
        self.consents
            .iter()
            .find(|consent| {
                consent.classes.contains(&class)
                    && consent.purposes.contains(&purpose)
                    && consent.expires_at.is_none_or(|end| now < end)
            })
            .map(|consent| consent.id)
    }
}

/// The name of a client's permissions.
#[must_use]
pub fn permissions_name(index: &Secret, clinic: ClinicId, client: ClientId) -> String {
    name(index, PERMISSIONS, &[clinic.as_bytes(), client.as_bytes()])
}

/// The permissions store.
pub struct PermissionsReader<'a> {
    shelf: Shelf<'a>,
    reader: &'a AttestationReader,
}

impl<'a> PermissionsReader<'a> {
    /// The permissions in this store.
    #[must_use]
    pub fn new(shelf: Shelf<'a>, reader: &'a AttestationReader) -> Self {
        Self { shelf, reader }
    }

    /// The permissions of a client of this clinic, or `None` where the clinic has no such client.
    ///
    /// # Errors
    /// [`StoreError`] where they can't be read or were not attested by `consent`.
    pub fn read(&self, clinic: ClinicId, client: ClientId) -> Result<Option<Permissions>, StoreError> {
        Ok(
            Permissions::doc(&self.shelf, self.reader.index(), clinic, client, self.reader)
                .read()?
                .map(|permissions| permissions.value),
        )
    }
}

impl Permissions {
    /// The document of a client's permissions.
    pub fn doc<'s, K: ?Sized>(
        shelf: &'s Shelf<'s>,
        index: &Secret,
        clinic: ClinicId,
        client: ClientId,
        key: &'s K,
    ) -> Doc<'s, Self, K, Compact> {
        shelf.encoded_doc(Some(clinic), CLASS, &permissions_name(index, clinic, client), key)
    }
}
