//! The vault: client data keys, wrapped under the class's key-encryption key, given out against a [`Ground`] only.

use base64ct::{Base64, Encoding};
use crypto::{CryptoError, DataKey, KeySet, Keyring, KeyringError, Label, Secret, name};
use model::{ClinicId, DataClass};
use ports::{Creation, Entropy};
use serde::{Deserialize, Serialize};
use store::{Doc, Shelf, StoreError};
use zeroize::Zeroizing;

use crate::Ground;
use crate::key_index::KeyIndex;

const WRAPPED: Label = Label::new("confide 2026-11 data key name");

const CLASS: &str = "data key";

/// The classes whose sealing keys wrap data keys and seal nothing else, so that their older versions come to an end. What other
/// classes seal directly is not sealed anew.
pub const DATA_KEY_CLASSES: [DataClass; 5] = [
    DataClass::Identity,
    DataClass::Health,
    DataClass::Psychotherapy,
    DataClass::SubstanceUse,
    DataClass::Billing,
];

/// A data key as it lies, sealed, in the class's key store. Destroying it destroys everything that it sealed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrappedKey {
    key: Zeroizing<String>,
}

/// The keys of one class store.
pub struct Vault<'a> {
    keys: Shelf<'a>,
    keyring: &'a Keyring,
    pub(crate) names: &'a Secret,
    entropy: &'a dyn Entropy,
}

/// The key of one client's data of one class. It exists because a [`Ground`] does.
pub struct ClientKey(DataKey);

impl ClientKey {
    /// The key that documents and logs of this client and class are sealed with.
    #[must_use]
    pub fn key(&self) -> &DataKey {
        &self.0
    }
}

/// Why the vault gives no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The permit is about no client: a defect of the handler that asks.
    #[error("a permit about no client unlocks nothing")]
    NoClient,
    /// The function's keyring lacks the class.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The key store could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A later version than this keyring's current one seals the class elsewhere: what is made here could be lost with the older one.
    #[error("another instance seals {class} with version {version}: deliver its keyring here")]
    Behind {
        /// The class.
        class: DataClass,
        /// The version that seals elsewhere.
        version: u32,
    },
}

impl<'a> Vault<'a> {
    /// The vault over a key store. `names` is the key under which everything of a client is named in this function's
    /// stores: for health records the link key, which makes those names a pseudonym.
    #[must_use]
    pub fn new(keys: Shelf<'a>, keyring: &'a Keyring, names: &'a Secret, entropy: &'a dyn Entropy) -> Self {
        Self {
            keys,
            keyring,
            names,
            entropy,
        }
    }

    /// The name of a thing of the client that the permit is about. Clinic and client are always part of it.
    ///
    /// # Errors
    /// [`VaultError::NoClient`] where the permit is about none.
    pub fn name(&self, ground: &dyn Ground, label: Label, parts: &[&[u8]]) -> Result<String, VaultError> {
        let client = ground.client().ok_or(VaultError::NoClient)?;
        let clinic = ground.clinic();
        let mut all: Vec<&[u8]> = vec![clinic.as_bytes(), client.as_bytes()];
        all.extend_from_slice(parts);
        Ok(name(self.names, label, &all))
    }

    pub(crate) fn seal(&self, class: DataClass) -> Result<&KeySet, VaultError> {
        Ok(self.keyring.seal(class)?)
    }

    pub(crate) fn index(&self, class: DataClass) -> KeyIndex<'_> {
        KeyIndex::new(&self.keys, self.names, class)
    }

    pub(crate) fn wrapped(
        &self,
        clinic: ClinicId,
        class: DataClass,
        name: &str,
    ) -> Result<Doc<'_, WrappedKey, KeySet>, VaultError> {
        Ok(self.keys.doc(Some(clinic), CLASS, name, self.seal(class)?))
    }

    fn client_key_name(&self, ground: &dyn Ground) -> Result<String, VaultError> {
        self.name(ground, WRAPPED, &[ground.class().name().as_bytes()])
    }

    /// The client's key for the class of the permit; `None` where she has no data of it.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn unlock(&self, ground: &dyn Ground) -> Result<Option<ClientKey>, VaultError> {
        let name = self.client_key_name(ground)?;
        Ok(self.find(ground.clinic(), ground.class(), &name)?.map(ClientKey))
    }

    /// The client's key for the class of the permit, made on first use.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn unlock_or_create(&self, ground: &dyn Ground) -> Result<ClientKey, VaultError> {
        let name = self.client_key_name(ground)?;
        self.find_or_make(ground.clinic(), ground.class(), &name).map(ClientKey)
    }

    /// The data key of this name, where there is one: one read.
    pub(crate) fn find(&self, clinic: ClinicId, class: DataClass, name: &str) -> Result<Option<DataKey>, VaultError> {
        let Some(wrapped) = self.wrapped(clinic, class, name)?.read()? else {
            return Ok(None);
        };
        let bytes = Zeroizing::new(Base64::decode_vec(&wrapped.value.key).map_err(|_| StoreError::Form)?);
        let key = DataKey::from_wrapped(&bytes).map_err(|error: CryptoError| StoreError::from(error))?;
        Ok(Some(key))
    }

    /// The data key of this name, made on first use.
    ///
    /// Where a later version has been seen as the current one, none is made: the pass that decides whether the older versions can go may
    /// have gone by, and nothing would find the key. Whoever asks before it is seen has ended long before that pass begins, a
    /// [`GRACE`](crate::GRACE) later.
    ///
    /// Order: progress, index, then key. A crash in between leaves an entry that leads nowhere, which a rewrap passes over; the next try adds it
    /// again, at worst, and makes the key. The other way round a key could be left that no rewrap ever finds, and that is lost
    /// with the version that wraps it.
    pub(crate) fn find_or_make(&self, clinic: ClinicId, class: DataClass, name: &str) -> Result<DataKey, VaultError> {
        if let Some(key) = self.find(clinic, class, name)? {
            return Ok(key);
        }
        let index = self.index(class);
        let current = self.seal(class)?.current_version();
        if let Some(version) = index.sealed_elsewhere(current)? {
            return Err(VaultError::Behind { class, version });
        }
        index.add(clinic, name)?;
        let key = DataKey::generate(self.entropy);
        let wrapped = WrappedKey {
            key: Zeroizing::new(Base64::encode_string(key.wrappable())),
        };
        match self.wrapped(clinic, class, name)?.create(&wrapped)? {
            Creation::Created => Ok(key),
            // Two first writes met: both go on with the one key that is stored.
            Creation::Exists => self
                .find(clinic, class, name)?
                .ok_or(VaultError::Store(StoreError::Form)),
        }
    }
}
