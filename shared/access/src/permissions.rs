//! What a client's permissions say: one attested document per client, written by `consent`, believed by those who decide.

use crypto::{AttestationReader, Label, Secret, name};
use jiff::fmt::serde::timestamp::nanosecond;
use model::{AccountId, ClientId, ClinicId, ContactChannel, DataClass, Purpose, SubjectId, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Compact, Doc, Shelf, StoreError};

use crate::lawful::{LawfulGround, LiveConsent, LiveGround, Recipient, Restriction};
use crate::party::{Authority, CareRole, CareTeamMember, EmergencyAccess, Representative};

const PERMISSIONS: Label = Label::new("confide 2026-11 permissions name");

const CLASS: &str = "permissions 2";

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
    /// Those whose file it is, where it is that of a couple or a group. They are named when it is opened and never change:
    /// nobody comes to be spoken of in a record that others consented to before.
    pub participants: Vec<ClientId>,
    /// Until when she is a minor, whose representatives decide.
    #[serde(with = "nanosecond::optional")]
    pub minor_until: Option<Timestamp>,
    /// Who treats her.
    pub care_team: Vec<CareTeamMember>,
    /// Who may act for her.
    pub representatives: Vec<Representative>,
    /// The consents that are live; the ledger keeps those that were.
    pub consents: Vec<LiveConsent>,
    /// The other grounds that are live.
    pub grounds: Vec<LiveGround>,
    /// What she hides.
    pub restrictions: Vec<Restriction>,
    /// Who broke the glass.
    pub emergencies: Vec<EmergencyAccess>,
}

impl Permissions {
    /// Those of a client about whom nothing is agreed yet.
    #[must_use]
    pub fn of(clinic: ClinicId, client: ClientId, subject: SubjectId) -> Self {
        Self {
            client,
            clinic,
            subject,
            participants: Vec::new(),
            minor_until: None,
            care_team: Vec::new(),
            representatives: Vec::new(),
            consents: Vec::new(),
            grounds: Vec::new(),
            restrictions: Vec::new(),
            emergencies: Vec::new(),
        }
    }

    /// How the account belongs to the client's care team at this time.
    #[must_use]
    pub fn care_role(&self, account: AccountId, now: Timestamp) -> Option<CareRole> {
        self.care_team
            .iter()
            .find(|member| member.account == account && member.is_current(now))
            .map(|member| member.role)
    }

    /// Whether the account treats the client.
    #[must_use]
    pub fn treats(&self, account: AccountId, now: Timestamp) -> bool {
        self.care_role(account, now) == Some(CareRole::Treating)
    }

    /// Whether a client is the one whom the file is about, or one of those.
    #[must_use]
    pub fn is_about(&self, client: ClientId) -> bool {
        self.client == client || self.participants.contains(&client)
    }

    /// Whether others decide for the client, because of her age.
    #[must_use]
    pub fn is_minor(&self, now: Timestamp) -> bool {
        self.minor_until.is_some_and(|majority| now < majority)
    }

    /// The account's right to act for the client at this time.
    #[must_use]
    pub fn representative(&self, account: AccountId, now: Timestamp) -> Option<&Representative> {
        self.representatives.iter().find(|representative| {
            representative.account == account && representative.acts(now) && !self.has_lapsed(representative, now)
        })
    }

    /// Whether somebody's right to act for the client ends when she is of age: a parent's, and that of a guardian who came to act while she was a minor and
    /// for no longer (45 CFR 164.502(g)(3)). Whoever is an adult's guardian is so by another order, and begins with it.
    #[must_use]
    pub fn ends_with_minority(&self, representative: &Representative) -> bool {
        match representative.authority {
            Authority::Parent => true,
            Authority::Guardian => self.minor_until.is_some_and(|majority| {
                representative.since.is_some_and(|since| since < majority)
                    && representative.until.is_none_or(|end| end <= majority)
            }),
            Authority::Nominee => false,
        }
    }

    /// Whether somebody's right to act for the client has ended by itself: with its time, or with the client's minority.
    #[must_use]
    pub fn has_lapsed(&self, representative: &Representative, now: Timestamp) -> bool {
        let has_grown_up = self.ends_with_minority(representative) && !self.is_minor(now);
        has_grown_up || representative.until.is_some_and(|end| end <= now)
    }

    /// Whether a consent of this file has not ended by itself.
    #[must_use]
    pub fn is_current(&self, consent: &LiveConsent, now: Timestamp) -> bool {
        consent.expires_at.is_none_or(|end| now < end) && (!consent.until_majority || self.is_minor(now))
    }

    /// What lets the clinic use data of this class for this purpose. In a shared file the consents of all participants count: one who
    /// gave none, or took it back, closes it.
    #[must_use]
    pub fn ground(&self, class: DataClass, purpose: Purpose, now: Timestamp) -> Option<LawfulGround> {
        let consented = self.all_agree(now, |consent| {
            consent.recipient.is_none() && consent.covers(class, purpose)
        });
        consented.or_else(|| {
            self.grounds
                .iter()
                .find(|ground| ground.is_ground(class, purpose, now))
                .map(|ground| LawfulGround::Other(ground.id))
        })
    }

    /// The client's authorization of this account, by name, for data of this class. In a shared file all participants have to give one.
    #[must_use]
    pub fn authorization(
        &self,
        account: AccountId,
        class: DataClass,
        purpose: Purpose,
        now: Timestamp,
    ) -> Option<LawfulGround> {
        let recipient = Some(Recipient::Account(account));
        self.all_agree(now, |consent| {
            consent.recipient == recipient && consent.covers(class, purpose)
        })
    }

    /// A consent of everybody whose file it is; of several, the first one's.
    fn all_agree(&self, now: Timestamp, is_meant: impl Fn(&LiveConsent) -> bool) -> Option<LawfulGround> {
        let given_by = |participant: Option<ClientId>| {
            self.consents
                .iter()
                .find(|consent| {
                    consent.participant == participant && is_meant(consent) && self.is_current(consent, now)
                })
                .map(|consent| LawfulGround::Consent(consent.id))
        };
        match self.participants.as_slice() {
            [] => given_by(None),
            [first, others @ ..] => {
                let do_others = others.iter().all(|other| given_by(Some(*other)).is_some());
                given_by(Some(*first)).filter(|_| do_others)
            }
        }
    }

    /// Whether the client hides data of this class from this account. Why somebody broke the glass says what records say, of whichever class:
    /// from whom she hides any of them, she hides that.
    #[must_use]
    pub fn hides(&self, class: DataClass, account: AccountId) -> bool {
        self.restrictions.iter().any(|restriction| {
            let class = match class {
                DataClass::EmergencyAccess => restriction.class.unwrap_or(class),
                other => other,
            };
            restriction.hides(class, account)
        })
    }

    /// Whether the client hides data of this class from this account by name.
    #[must_use]
    pub fn hides_from_person(&self, class: DataClass, account: AccountId) -> bool {
        self.restrictions
            .iter()
            .any(|restriction| restriction.account.is_some() && restriction.hides(class, account))
    }

    /// Whether the client hides data of this class from everybody but herself.
    #[must_use]
    pub fn hides_from_everybody(&self, class: DataClass) -> bool {
        self.restrictions
            .iter()
            .any(|restriction| restriction.account.is_none() && restriction.class.is_none_or(|hidden| hidden == class))
    }

    /// The account's emergency access to the client at this time.
    #[must_use]
    pub fn emergency(&self, account: AccountId, now: Timestamp) -> Option<LawfulGround> {
        self.emergencies
            .iter()
            .find(|emergency| emergency.account == account && now < emergency.until)
            .map(|emergency| LawfulGround::Emergency(emergency.id))
    }

    /// Whether the client agrees to be written to by this channel.
    #[must_use]
    pub fn agrees_to(&self, channel: ContactChannel, now: Timestamp) -> bool {
        self.consents
            .iter()
            .any(|consent| consent.channels.contains(&channel) && self.is_current(consent, now))
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
