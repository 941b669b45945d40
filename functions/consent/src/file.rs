//! One client's file, as a permit opens it: what holds now (the permissions document) and how it came about (the ledger).
//!
//! ```text
//! permissions document   store `permissions`, attested to every function that decides by it
//! ledger                 store `consent`, sealed for this function alone
//! ```
//!
//! Both are named by an HMAC over clinic and client, so that nothing in the stores says whose they are.

use access::{Caller, LiveConsent, Permissions, Recorded, Request};
use crypto::{Attestor, KeySet, Label, Secret, name};
use model::{AccountId, Action, ClientId, ClinicId, ConsentId, DataClass, Timestamp};
use store::{Compact, Doc, Shelf, StoreError, UpdateError, Versioned};
use web::{Exchange, Problem};

use crate::ledger::{Consent, Ledger, Membership};

const LEDGER: Label = Label::new("confide 2026-11 consent ledger name");

/// How often a change that depends on permissions and ledger at once is tried against others.
const ATTEMPTS: usize = 16;

/// The stores that clients' files are kept in, and the keys to them.
pub(crate) struct Files<'a> {
    consent: Shelf<'a>,
    permissions: Shelf<'a>,
    seal: &'a KeySet,
    index: &'a Secret,
    attestor: &'a Attestor,
}

/// The file of one client of one clinic.
pub(crate) struct ClientFile<'a> {
    files: Files<'a>,
    clinic: ClinicId,
    client: ClientId,
}

impl<'a> Files<'a> {
    pub(crate) fn new(exchange: &Exchange<'a>) -> Result<Self, Problem> {
        Ok(Self {
            consent: exchange.shelf("consent")?,
            permissions: exchange.shelf("permissions")?,
            seal: exchange.keyring.seal(DataClass::Consent)?,
            index: exchange.keyring.key("index")?,
            attestor: exchange.keyring.attests("permissions")?,
        })
    }

    /// The file of a client, whether it was opened or not.
    pub(crate) fn of(self, clinic: ClinicId, client: ClientId) -> ClientFile<'a> {
        ClientFile {
            files: self,
            clinic,
            client,
        }
    }
}

impl<'a> ClientFile<'a> {
    /// Decides and records; what comes back may be read and changed as the permit says.
    ///
    /// Without permissions there is no such client in the caller's clinic: that is denied by the same rule and with the same
    /// words as access to a client of somebody else, so a refusal does not tell which of the two it is.
    pub(crate) fn enter(
        exchange: &Exchange<'a>,
        caller: &Caller,
        action: Action,
        class: DataClass,
        resource: Option<String>,
    ) -> Result<(Self, Recorded, Permissions), Problem> {
        let client: ClientId = exchange.parameter("client")?;
        let file = Files::new(exchange)?.of(caller.clinic(), client);
        let permissions = file.permissions().read()?.map(|permissions| permissions.value);
        let request = Request::new(action, class).about(client).purpose(exchange.purpose()?);
        let request = match resource {
            Some(resource) => request.of(resource),
            None => request,
        };
        let recorded = exchange.gate()?.admit(caller, &request, permissions.as_ref())?;
        // Every rule about a client needs her permissions, so no permit comes here without them.
        let permissions = permissions.ok_or_else(|| Problem::not_found(recorded.event()))?;
        Ok((file, recorded, permissions))
    }

    pub(crate) fn permissions(&self) -> Doc<'_, Permissions, Attestor, Compact> {
        Permissions::doc(
            &self.files.permissions,
            self.files.attestor.index(),
            self.clinic,
            self.client,
            self.files.attestor,
        )
    }

    pub(crate) fn ledger(&self) -> Ledger<'_> {
        let name = name(
            self.files.index,
            LEDGER,
            &[self.clinic.as_bytes(), self.client.as_bytes()],
        );
        Ledger {
            log: self
                .files
                .consent
                .log(Some(self.clinic), "consent ledger", &name, self.files.seal),
            index: self.files.index,
        }
    }

    fn current(&self) -> Result<Versioned<Permissions>, Problem> {
        self.permissions()
            .read()?
            .ok_or_else(|| Problem::defect("the permissions of a client whose file is open are gone"))
    }

    /// Lets a consent that is in the ledger take effect, unless it was withdrawn or has expired since.
    ///
    /// A withdrawal always writes the permissions after its ledger entry. So where it overtakes this request, either its
    /// entry is seen here or this write finds the document changed, looks again and sees it then: what was withdrawn never
    /// comes back.
    pub(crate) fn make_live(&self, consent: &Consent, now: Timestamp) -> Result<(), Problem> {
        let has_ended = |expires_at: Option<Timestamp>| expires_at.is_some_and(|end| end <= now);
        if has_ended(consent.expires_at) {
            return Ok(());
        }
        for _ in 0..ATTEMPTS {
            let current = self.current()?;
            let is_live = |live: &LiveConsent| live.id == consent.consent_id;
            if current.value.consents.iter().any(is_live) {
                return Ok(());
            }
            let history = self.ledger().find(consent.consent_id)?;
            if history.is_none_or(|history| history.withdrawal.is_some()) {
                return Ok(());
            }
            let updated = self.permissions().update(Some(current.version), |permissions| {
                permissions.consents.retain(|live| !has_ended(live.expires_at));
                permissions.consents.push(LiveConsent {
                    id: consent.consent_id,
                    notice: consent.notice_id,
                    purposes: consent.purposes.clone(),
                    classes: consent.classes.clone(),
                    expires_at: consent.expires_at,
                });
                Ok::<_, Problem>(())
            });
            match updated {
                Err(UpdateError::Stale) => {}
                updated => return Ok(updated.map(drop)?),
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Ends the effect of a consent. The document is written even where nothing is left to remove: see
    /// [`ClientFile::make_live`].
    pub(crate) fn end(&self, consent: ConsentId) -> Result<(), Problem> {
        self.permissions().update(None, |permissions| {
            permissions.consents.retain(|live| live.id != consent);
            Ok::<_, Problem>(())
        })?;
        Ok(())
    }

    /// Makes the ledger agree with the permissions on whether an account treats the client. Each change of the care team ends
    /// with this, so that of changes that overtake each other the last one to finish leaves the two in agreement.
    pub(crate) fn settle(&self, account: AccountId, by: AccountId, now: Timestamp) -> Result<(), Problem> {
        let mut before = None;
        for _ in 0..ATTEMPTS {
            let is_member = self.current()?.value.treats(account);
            if before == Some(is_member) {
                return Ok(());
            }
            let change = Membership {
                account_id: account,
                at: now,
                recorded_by: by,
            };
            self.ledger().ensure_membership(is_member, change)?;
            before = Some(is_member);
        }
        Err(StoreError::Contended.into())
    }
}
