//! The register of clients, opened by recorded permits.
//!
//! ```text
//! client document   the current version, one per client
//! history log       the versions before it, one log per client
//! contact index     see `lookup`
//! merges            see `merge`
//! ```
//!
//! Document and history are sealed under the client's own key and named by an HMAC over clinic and client. What is about several
//! clients, and says of each no more than her id, is sealed under the key of the clinic's register.

use access::{ClientKey, ClinicKey, Ground, Recorded, Vault};
use crypto::{DataKey, Label, Secret};
use model::{AccountId, ClientId, ClinicId, Confidential, MergeId, Timestamp};
use ports::Creation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Doc, History, Shelf, StoreError, UpdateError, Versioned};
use web::import::Imported;
use web::{Exchange, Problem, VersionsPage};

use crate::details::Details;
use crate::keys;
use crate::lookup::{Lookup, Value};

const CLIENT: Label = Label::new("confide 2026-11 client name");
const HISTORY: Label = Label::new("confide 2026-11 client history name");

/// How often the index is brought into agreement with a client whom others correct at the same time.
const ATTEMPTS: usize = 8;

/// A version of a client's entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Client {
    pub(crate) registered_at: Timestamp,
    pub(crate) registered_by: AccountId,
    /// Who wrote this version, when, and why it was corrected.
    pub(crate) written_at: Timestamp,
    pub(crate) written_by: AccountId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Confidential<String>>,
    pub(crate) details: Details,
    /// The entry that stands for this one since a merge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replaced_by: Option<Merged>,
    /// The entries that this one stands for. An entry has not both: links are one step long.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) replaces: Vec<Merged>,
    /// Where the details are from, if they were not registered here first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) imported: Option<Imported>,
    /// Recognises a repeated registration.
    pub(crate) fingerprint: [u8; 16],
}

/// The other entry of a merge (FHIR `Patient.link`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "OtherEntry")]
pub(crate) struct Merged {
    pub(crate) client_id: ClientId,
    pub(crate) merge_id: MergeId,
}

impl Client {
    /// Whether this entry stands for the one that was merged so. A link counts where both sides have it.
    pub(crate) fn stands_for(&self, replaced: ClientId, merge: MergeId) -> bool {
        self.replaces.contains(&Merged {
            client_id: replaced,
            merge_id: merge,
        })
    }
}

/// The register of all clinics.
pub(crate) struct Register<'a> {
    identity: Shelf<'a>,
    vault: Vault<'a>,
    names: &'a Secret,
}

/// One client's entry with its key: it is there, or about to be.
pub(crate) struct Entry<'r> {
    register: &'r Register<'r>,
    recorded: &'r dyn Ground,
    client: ClientId,
    key: ClientKey,
}

impl<'a> Register<'a> {
    pub(crate) fn new(exchange: &Exchange<'a>) -> Result<Self, Problem> {
        let names = exchange.keyring.key("index")?;
        Ok(Self {
            identity: exchange.shelf("identity")?,
            vault: keys::vault(exchange)?,
            names,
        })
    }

    fn lookup(&self, clinic: ClinicId, key: ClinicKey) -> Lookup<'_> {
        Lookup {
            shelf: &self.identity,
            names: self.names,
            clinic,
            key,
        }
    }

    /// The clients of the permit's clinic who may have this value.
    pub(crate) fn find(&self, recorded: &Recorded, value: &Value) -> Result<Vec<ClientId>, Problem> {
        match self.vault.unlock_clinic(recorded)? {
            Some(key) => Ok(self.lookup(recorded.clinic(), key).find(value)?),
            None => Ok(Vec::new()),
        }
    }

    /// The key of what is kept about several clients of the permit's clinic; `None` where there is nothing yet.
    pub(crate) fn unlock(&self, recorded: &Recorded) -> Result<Option<ClinicKey>, Problem> {
        Ok(self.vault.unlock_clinic(recorded)?)
    }

    /// The same key, made on first use.
    pub(crate) fn unlock_or_create(&self, recorded: &Recorded) -> Result<ClinicKey, Problem> {
        Ok(self.vault.unlock_clinic_or_create(recorded)?)
    }

    /// A document about several clients, sealed under the register's key.
    pub(crate) fn doc<'r, T>(
        &'r self,
        clinic: ClinicId,
        class: &'static str,
        label: Label,
        id: &[u8],
        key: &'r ClinicKey,
    ) -> Doc<'r, T, DataKey> {
        let name = crypto::name(self.names, label, &[clinic.as_bytes(), id]);
        self.identity.doc(Some(clinic), class, &name, key.key())
    }

    fn entry<'r>(&'r self, recorded: &'r dyn Ground, key: ClientKey) -> Result<Entry<'r>, Problem> {
        let client = recorded
            .client()
            .ok_or_else(|| Problem::defect("a permit about no client opens no entry"))?;
        Ok(Entry {
            register: self,
            recorded,
            client,
            key,
        })
    }

    /// The entry of the client that the permit is about, if there is one.
    pub(crate) fn open<'r>(&'r self, recorded: &'r dyn Ground) -> Result<Option<Entry<'r>>, Problem> {
        match self.vault.unlock(recorded)? {
            Some(key) => self.entry(recorded, key).map(Some),
            None => Ok(None),
        }
    }

    /// The entry of the client that the permit is about, to be made if there is none.
    pub(crate) fn open_or_begin<'r>(&'r self, recorded: &'r dyn Ground) -> Result<Entry<'r>, Problem> {
        let key = self.vault.unlock_or_create(recorded)?;
        self.entry(recorded, key)
    }
}

impl Entry<'_> {
    pub(crate) fn client(&self) -> ClientId {
        self.client
    }

    fn doc(&self) -> Result<Doc<'_, Client, DataKey>, Problem> {
        let name = self.register.vault.name(self.recorded, CLIENT, &[])?;
        Ok(self
            .register
            .identity
            .doc(Some(self.recorded.clinic()), "client", &name, self.key.key()))
    }

    fn history(&self) -> Result<History<'_, Client, DataKey>, Problem> {
        let name = self.register.vault.name(self.recorded, HISTORY, &[])?;
        let clinic = self.recorded.clinic();
        Ok(self
            .register
            .identity
            .history(Some(clinic), "client history", &name, self.key.key()))
    }

    /// The index, for whoever is about to change what the client is found by.
    fn lookup(&self) -> Result<Lookup<'_>, Problem> {
        let register = self.register;
        let key = register.vault.unlock_clinic_or_create(self.recorded)?;
        Ok(register.lookup(self.recorded.clinic(), key))
    }

    /// The current version. A key without it is what a crash at registration leaves: there is no such client yet.
    pub(crate) fn read_if_there(&self) -> Result<Option<Versioned<Client>>, Problem> {
        Ok(self.doc()?.read()?)
    }

    /// The current version, or 404.
    pub(crate) fn read(&self) -> Result<Versioned<Client>, Problem> {
        self.read_if_there()?
            .ok_or_else(|| Problem::not_found(self.recorded.event()))
    }

    /// Registers the client; repeated, it finishes what the first try began and gives the same answer.
    ///
    /// Order: her key, the register's key if it is the clinic's first client, client document, index, answer. A crash after a key
    /// leaves one that seals nothing; one after the document a client whom no search finds. The repeated request finds the
    /// document and adds what is missing.
    pub(crate) fn create(&self, client: Client) -> Result<Versioned<Client>, Problem> {
        let lookup = self.lookup()?;
        let registered = match self.doc()?.create(&client)? {
            Creation::Created => Versioned {
                version: 1,
                value: client,
            },
            Creation::Exists => {
                let existing = self.read()?;
                if existing.value.fingerprint != client.fingerprint {
                    return Err(Problem::conflict(
                        "already-registered",
                        "This client is registered. Correct her entry instead.",
                    )
                    .recorded(self.recorded.event()));
                }
                existing
            }
        };
        self.settle(&lookup, &[])?;
        Ok(registered)
    }

    /// Replaces the version that the caller has seen.
    pub(crate) fn correct(
        &self,
        expected: u64,
        change: impl Fn(&Client) -> Client,
    ) -> Result<Versioned<Client>, Problem> {
        let current = self.read()?;
        self.check_not_replaced(&current.value)?;
        let corrected = change(&current.value);
        if current.version != expected {
            return self.corrected_before(current, expected, &corrected);
        }
        match self.replace(&current, corrected.clone())? {
            Some(written) => Ok(written),
            None => self.corrected_before(self.read()?, expected, &corrected),
        }
    }

    /// Changes the entry, whichever version it has, to what `change` makes of it: `Ok(None)` where it is as it should be already.
    ///
    /// # Errors
    /// The inner one is what `change` refused.
    pub(crate) fn rewrite<E>(
        &self,
        change: impl Fn(&Client) -> Result<Option<Client>, E>,
    ) -> Result<Result<Versioned<Client>, E>, Problem> {
        for _ in 0..ATTEMPTS {
            let current = self.read()?;
            let changed = match change(&current.value) {
                Ok(Some(changed)) => changed,
                Ok(None) => {
                    self.settle(&self.lookup()?, &[])?;
                    return Ok(Ok(current));
                }
                Err(refused) => return Ok(Err(refused)),
            };
            if let Some(written) = self.replace(&current, changed)? {
                return Ok(Ok(written));
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Replaces the version `current`; `None` where it is not the current one any more.
    ///
    /// Order: the version so far to the history, the new values to the index, the document, the old values out of the index. A
    /// crash before the document changes leaves a history entry of the version that is still current, which the history
    /// does not show, and index entries that find nobody; one after it leaves old index entries, which find nobody
    /// either. At no moment is the client not found by what she has.
    fn replace(&self, current: &Versioned<Client>, client: Client) -> Result<Option<Versioned<Client>>, Problem> {
        let lookup = self.lookup()?;
        self.history()?.keep(current)?;
        for value in client.details.values() {
            lookup.add(&value, self.client)?;
        }
        let written = self.doc()?.update(Some(current.version), |stored| {
            *stored = client.clone();
            Ok::<_, Problem>(())
        });
        let written = match written {
            Ok(written) => written,
            Err(UpdateError::Stale) => return Ok(None),
            Err(error) => return Err(Problem::from(error).recorded(self.recorded.event())),
        };
        self.settle(&lookup, &current.value.details.values())?;
        Ok(Some(Versioned {
            version: written.version,
            value: client,
        }))
    }

    /// What is there now, where it is what `corrected` wanted to make of the version `expected`: the request is repeated by
    /// its author (RFC 9110, section 13.1.1, allows the same answer). Otherwise 412. What the first try left in the index
    /// under old values finds nobody.
    fn corrected_before(
        &self,
        now: Versioned<Client>,
        expected: u64,
        corrected: &Client,
    ) -> Result<Versioned<Client>, Problem> {
        self.check_not_replaced(&now.value)?;
        let wanted = Client {
            written_at: now.value.written_at,
            ..corrected.clone()
        };
        if now.version != expected.saturating_add(1) || now.value != wanted {
            return Err(Problem::stale().recorded(self.recorded.event()));
        }
        self.settle(&self.lookup()?, &[])?;
        Ok(now)
    }

    /// 409 for an entry that another one stands for. Which one it is, whoever is permitted to write here may read here.
    fn check_not_replaced(&self, client: &Client) -> Result<(), Problem> {
        match &client.replaced_by {
            None => Ok(()),
            Some(survivor) => Err(Problem::conflict(
                "replaced",
                "This entry was merged into the one that `Location` names. Correct that one, or undo the merge.",
            )
            .instead(&format!("/v1/identity/clients/{}", survivor.client_id))
            .recorded(self.recorded.event())),
        }
    }

    /// Makes the client found by what she has, and no longer by those `old` values that she has not. Where somebody corrects her
    /// meanwhile it looks again: a value that was old when it was read may have come back before it was removed.
    fn settle(&self, lookup: &Lookup<'_>, old: &[Value]) -> Result<(), Problem> {
        for _ in 0..ATTEMPTS {
            let current = self.read()?;
            let values = current.value.details.values();
            for value in &values {
                lookup.add(value, self.client)?;
            }
            let mut removed = false;
            for value in old.iter().filter(|value| !values.contains(value)) {
                lookup.remove(value, self.client)?;
                removed = true;
            }
            if !removed || self.read()?.version == current.version {
                return Ok(());
            }
        }
        Err(StoreError::Contended.into())
    }

    /// The versions before the one that was read as `current`, newest first, up to `limit` of them older than `before`.
    pub(crate) fn past_versions(&self, current: u64, page: VersionsPage) -> Result<Vec<Versioned<Client>>, Problem> {
        Ok(self.history()?.before(page.before(current), page.earlier())?)
    }
}
