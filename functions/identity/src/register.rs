//! The register of clients, opened by recorded permits.
//!
//! ```text
//! client document   the current version, one per client
//! history log       the versions before it, one log per client
//! contact index     see `lookup`
//! ```
//!
//! Document and history are sealed under the client's own key and named by an HMAC over clinic and client.

use access::{ClientKey, Ground, Recorded, Vault};
use crypto::{DataKey, Label};
use model::{AccountId, ClientId, Confidential, DataClass, Timestamp};
use ports::Creation;
use serde::{Deserialize, Serialize};
use store::{Doc, History, Shelf, StoreError, UpdateError, Versioned};
use web::{Exchange, Problem};

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
    /// Recognises a repeated registration.
    pub(crate) fingerprint: [u8; 16],
}

/// The register of all clinics.
pub(crate) struct Register<'a> {
    identity: Shelf<'a>,
    vault: Vault<'a>,
    lookup: Lookup<'a>,
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
            lookup: Lookup {
                shelf: exchange.shelf("identity")?,
                seal: exchange.keyring.seal(DataClass::Identity)?,
                names,
            },
        })
    }

    /// The clients of the permit's clinic who may have this value.
    pub(crate) fn find(&self, recorded: &Recorded, value: &Value) -> Result<Vec<ClientId>, StoreError> {
        self.lookup.find(recorded.clinic(), value)
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
    /// Order: key, client document, index, answer. A crash after the key leaves a key that seals nothing; one after the document a
    /// client whom no search finds. The repeated request finds the document and adds what is missing.
    pub(crate) fn create(&self, client: Client) -> Result<Versioned<Client>, Problem> {
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
        self.settle(&[])?;
        Ok(registered)
    }

    /// Replaces the version that the caller has seen.
    ///
    /// Order: the version so far to the history, the new values to the index, the document, the old values out of the index. A
    /// crash before the document changes leaves a history entry of the version that is still current, which the history
    /// does not show, and index entries that find nobody; one after it leaves old index entries, which find nobody
    /// either. At no moment is the client not found by what she has.
    pub(crate) fn correct(
        &self,
        expected: u64,
        change: impl Fn(&Client) -> Client,
    ) -> Result<Versioned<Client>, Problem> {
        let current = self.read()?;
        let corrected = change(&current.value);
        if current.version != expected {
            return self.corrected_before(current, expected, &corrected);
        }
        let old = current.value.details.contact.values();
        self.history()?.keep(&current)?;
        for value in corrected.details.contact.values() {
            self.register.lookup.add(self.recorded.clinic(), &value, self.client)?;
        }
        let written = self.doc()?.update(Some(expected), |client| {
            *client = corrected.clone();
            Ok::<_, Problem>(())
        });
        let written = match written {
            Ok(written) => written,
            Err(UpdateError::Stale) => return self.corrected_before(self.read()?, expected, &corrected),
            Err(error) => return Err(Problem::from(error).recorded(self.recorded.event())),
        };
        self.settle(&old)?;
        Ok(Versioned {
            version: written.version,
            value: corrected,
        })
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
        let wanted = Client {
            written_at: now.value.written_at,
            ..corrected.clone()
        };
        if now.version != expected.saturating_add(1) || now.value != wanted {
            return Err(Problem::stale().recorded(self.recorded.event()));
        }
        self.settle(&[])?;
        Ok(now)
    }

    /// Makes the client found by what she has, and no longer by those `old` values that she has not. Where somebody corrects her
    /// meanwhile it looks again: a value that was old when it was read may have come back before it was removed.
    fn settle(&self, old: &[Value]) -> Result<(), Problem> {
        let (clinic, lookup) = (self.recorded.clinic(), &self.register.lookup);
        for _ in 0..ATTEMPTS {
            let current = self.read()?;
            let values = current.value.details.contact.values();
            for value in &values {
                lookup.add(clinic, value, self.client)?;
            }
            let mut removed = false;
            for value in old.iter().filter(|value| !values.contains(value)) {
                lookup.remove(clinic, value, self.client)?;
                removed = true;
            }
            if !removed || self.read()?.version == current.version {
                return Ok(());
            }
        }
        Err(StoreError::Contended.into())
    }

    /// The versions before the one that was read as `current`, newest first, up to `limit` of them older than `before`.
    pub(crate) fn past_versions(
        &self,
        current: u64,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Versioned<Client>>, Problem> {
        let before = before.unwrap_or(current).min(current);
        Ok(self.history()?.before(before, limit)?)
    }
}
