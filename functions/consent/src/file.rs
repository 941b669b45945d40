//! One client's file, as a permit opens it: what holds now (the permissions document) and how it came about (the ledger).
//!
//! ```text
//! permissions document   store `permissions`, attested to every function that decides by it
//! ledger                 store `consent`, sealed for this function alone
//! ```
//!
//! Both are named by an HMAC over clinic and client, so that nothing in the stores says whose they are.

use access::{Caller, Permissions, Recorded, Request};
use crypto::{Attestor, KeySet, Label, Secret, mac, name};
use model::{Action, ClientId, ClinicId, DataClass, Purpose, Timestamp};
use store::{Compact, Doc, Shelf, StoreError, UpdateError, Versioned};
use web::listing::{IdBytes, Listing, list_once_as};
use web::{Exchange, Problem};

use crate::ledger::{Change, Entered, Ledger, Standing};
use crate::redaction::Reader;

const LEDGER: Label = Label::new("confide 2026-11 consent ledger name");

/// How often a change that depends on permissions and ledger at once is tried against others.
const ATTEMPTS: usize = 16;

/// The stores that clients' files are kept in, and the keys to them.
pub(crate) struct Files<'a> {
    pub(crate) consent: Shelf<'a>,
    permissions: Shelf<'a>,
    pub(crate) seal: &'a KeySet,
    pub(crate) index: &'a Secret,
    attestor: &'a Attestor,
    now: Timestamp,
}

/// The file of one client of one clinic.
pub(crate) struct ClientFile<'a> {
    pub(crate) files: Files<'a>,
    pub(crate) clinic: ClinicId,
    pub(crate) client: ClientId,
    /// The time of the request.
    pub(crate) now: Timestamp,
}

impl<'a> Files<'a> {
    pub(crate) fn new(exchange: &Exchange<'a>) -> Result<Self, Problem> {
        Ok(Self {
            consent: exchange.shelf("consent")?,
            permissions: exchange.shelf("permissions")?,
            seal: exchange.keyring.seal(DataClass::Consent)?,
            index: exchange.keyring.key("index")?,
            attestor: exchange.keyring.attests("permissions")?,
            now: exchange.platform.clock.now(),
        })
    }

    /// What holds now for those on a page of a list. A list says where to look, and nothing else: whose file is not there is left out.
    pub(crate) fn listed(&self, clinic: ClinicId, ids: Vec<IdBytes>) -> Result<Vec<Permissions>, Problem> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let permissions = self.permissions(clinic, ClientId::from_bytes(id)).read()?;
            found.extend(permissions.map(|permissions| permissions.value));
        }
        Ok(found)
    }

    fn permissions(&self, clinic: ClinicId, client: ClientId) -> Doc<'_, Permissions, Attestor, Compact> {
        Permissions::doc(&self.permissions, self.attestor.index(), clinic, client, self.attestor)
    }

    /// The file of a client, whether it was opened or not.
    pub(crate) fn of(self, clinic: ClinicId, client: ClientId) -> ClientFile<'a> {
        ClientFile {
            now: self.now,
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
        Self::enter_for(exchange, caller, action, class, resource, exchange.purpose()?)
    }

    /// As [`ClientFile::enter`], for this purpose.
    pub(crate) fn enter_for(
        exchange: &Exchange<'a>,
        caller: &Caller,
        action: Action,
        class: DataClass,
        resource: Option<String>,
        purpose: Option<Purpose>,
    ) -> Result<(Self, Recorded, Permissions), Problem> {
        let client = exchange.parameter("client")?;
        let file = Files::new(exchange)?.of(caller.clinic(), client);
        let (recorded, permissions) = file.admit(exchange, caller, action, class, resource, purpose)?;
        Ok((file, recorded, permissions))
    }

    /// Decides and records what is asked of the file of this client, whom the request need not name.
    pub(crate) fn admit(
        &self,
        exchange: &Exchange<'_>,
        caller: &Caller,
        action: Action,
        class: DataClass,
        resource: Option<String>,
        purpose: Option<Purpose>,
    ) -> Result<(Recorded, Permissions), Problem> {
        let permissions = self.permissions().read()?.map(|permissions| permissions.value);
        let request = Request::new(action, class).about(self.client).purpose(purpose);
        let request = match resource {
            Some(resource) => request.of(resource),
            None => request,
        };
        let recorded = exchange.gate()?.admit(caller, &request, permissions.as_ref())?;
        // Every rule about a client needs her permissions, so no permit comes here without them.
        let permissions = permissions.ok_or_else(|| Problem::not_found(recorded.event()))?;
        Ok((recorded, permissions))
    }

    /// Enters the client in a list, once. An entry's id stands in the clear, and a client's must not: it is hers under this label.
    pub(crate) fn list_in(&self, list: &Listing<'_>, label: Label) -> Result<(), StoreError> {
        let id = mac(self.files.index, label, &[self.client.as_bytes()]).truncated();
        list_once_as(list, self.files.index, id, *self.client.as_bytes(), self.now)
    }

    pub(crate) fn permissions(&self) -> Doc<'_, Permissions, Attestor, Compact> {
        self.files.permissions(self.clinic, self.client)
    }

    pub(crate) fn ledger(&self) -> Ledger<'_> {
        let name = name(
            self.files.index,
            LEDGER,
            &[self.clinic.as_bytes(), self.client.as_bytes()],
        );
        Ledger {
            shelf: &self.files.consent,
            seal: self.files.seal,
            clinic: self.clinic,
            client: self.client,
            log: self
                .files
                .consent
                .log(Some(self.clinic), "consent ledger", &name, self.files.seal),
            index: self.files.index,
        }
    }

    /// Takes out of what holds now what a reader of the file does not see.
    pub(crate) fn redact(&self, reader: &Reader, permissions: &mut Permissions) -> Result<(), Problem> {
        let ledger = self.ledger();
        for restriction in std::mem::take(&mut permissions.restrictions) {
            if reader.sees_restriction(ledger.restricted_by(restriction.id)?) {
                permissions.restrictions.push(restriction);
            }
        }
        if !reader.sees_emergencies() {
            permissions.emergencies.clear();
        }
        Ok(())
    }

    pub(crate) fn current(&self) -> Result<Versioned<Permissions>, Problem> {
        self.permissions()
            .read()?
            .ok_or_else(|| Problem::defect("the permissions of a client whose file is open are gone"))
    }

    /// Changes the permissions. One copy is compiled for all changes.
    pub(crate) fn update(
        &self,
        expected: Option<u64>,
        change: &dyn Fn(&mut Permissions) -> Result<(), Problem>,
    ) -> Result<(), UpdateError<Problem>> {
        self.permissions().update(expected, change).map(drop)
    }

    /// Whether something that is in the ledger was ended since. What is not there counts as ended.
    pub(crate) fn has_ended(&self, id: &[u8; 16]) -> Result<bool, Problem> {
        Ok(self.ledger().find(id)?.is_none_or(|history| history.ended.is_some()))
    }

    /// Lets something that was recorded take effect, unless it was ended since.
    ///
    /// What ends it always writes the permissions after the record that `has_ended` reads. So where that overtakes this request, either
    /// the record is seen here or this write finds the document changed, looks again and sees it then: what was ended never
    /// comes back. Whether it is in effect now.
    pub(crate) fn make_live(
        &self,
        has_ended: impl Fn(&Permissions) -> Result<bool, Problem>,
        is_live: impl Fn(&Permissions) -> bool,
        add: impl Fn(&mut Permissions),
    ) -> Result<bool, Problem> {
        for _ in 0..ATTEMPTS {
            let current = self.current()?;
            if is_live(&current.value) {
                return Ok(true);
            }
            if has_ended(&current.value)? {
                return Ok(false);
            }
            let updated = self.update(Some(current.version), &|permissions| {
                prune(permissions, self.now);
                add(permissions);
                Ok(())
            });
            match updated {
                Err(UpdateError::Stale) => {}
                updated => return Ok(updated.map(|()| true)?),
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Changes the permissions by what the ledger says at the version that is replaced, and returns what it said.
    pub(crate) fn change_by<T>(
        &self,
        look: impl Fn(&Permissions) -> Result<T, StoreError>,
        change: impl Fn(&mut Permissions, &T),
    ) -> Result<T, Problem> {
        for _ in 0..ATTEMPTS {
            let current = self.current()?;
            let found = look(&current.value)?;
            let updated = self.update(Some(current.version), &|permissions| {
                change(permissions, &found);
                Ok(())
            });
            match updated {
                Err(UpdateError::Stale) => {}
                updated => return Ok(updated.map(|()| found)?),
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Ends the effect of something. The document is written even where nothing is left to remove: see [`ClientFile::make_live`].
    pub(crate) fn end(&self, remove: impl Fn(&mut Permissions)) -> Result<(), Problem> {
        self.update(None, &|permissions| {
            remove(permissions);
            Ok(())
        })?;
        Ok(())
    }

    /// Changes the permissions; what the change refuses is answered with the entry of the request in the trail.
    pub(crate) fn change(
        &self,
        recorded: &Recorded,
        change: impl Fn(&mut Permissions) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        match self.update(None, &change) {
            Err(UpdateError::Refused(refused)) => Err(refused.recorded(recorded.event())),
            updated => Ok(updated?),
        }
    }

    /// Makes the ledger agree with the permissions on how something stands. Each change of it ends with this, so that of changes that
    /// overtake each other the last one to finish leaves the two in agreement.
    pub(crate) fn settle(&self, standing: impl Fn(&Permissions) -> Standing, entered: &Entered) -> Result<(), Problem> {
        let mut before = None;
        for _ in 0..ATTEMPTS {
            let now_so = standing(&self.current()?.value);
            if before.as_ref() == Some(&now_so) {
                return Ok(());
            }
            self.ledger().ensure(Change {
                standing: now_so.clone(),
                at: self.now,
                entered: entered.clone(),
            })?;
            before = Some(now_so);
        }
        Err(StoreError::Contended.into())
    }
}

/// Takes away what has ended by itself: it allows nothing any more, and the ledger keeps it.
///
/// Before anything that it could count for again: a later majority makes nobody a parent or a minor's guardian anew, and who is named again begins anew.
pub(crate) fn prune(permissions: &mut Permissions, now: Timestamp) {
    let mut consents = std::mem::take(&mut permissions.consents);
    consents.retain(|consent| permissions.is_current(consent, now));
    permissions.consents = consents;
    let mut representatives = std::mem::take(&mut permissions.representatives);
    representatives.retain(|representative| !permissions.has_lapsed(representative, now));
    permissions.representatives = representatives;
    permissions.grounds.retain(|ground| ground.is_current(now));
    permissions.emergencies.retain(|emergency| now < emergency.until);
}
