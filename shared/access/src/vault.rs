//! The vault: client data keys, wrapped under the class's key-encryption key, given out against a [`Ground`] only.

use base64ct::{Base64, Encoding};
use crypto::{CryptoError, DataKey, Keyring, KeyringError, Label, Secret, name};
use ports::{Creation, Entropy};
use serde::{Deserialize, Serialize};
use store::{Doc, Shelf, StoreError};
use zeroize::Zeroizing;

use crate::Ground;

const WRAPPED: Label = Label::new("confide 2026-11 data key name");

const CLINIC_WRAPPED: Label = Label::new("confide 2026-11 clinic data key name");

const CLASS: &str = "data key";

/// A data key as it lies, sealed, in the class's key store. Destroying it destroys everything that it sealed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrappedKey {
    key: Zeroizing<String>,
}

/// The keys of one class store.
pub struct Vault<'a> {
    keys: Shelf<'a>,
    keyring: &'a Keyring,
    names: &'a Secret,
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

/// The key of what a clinic has of a class and of no client yet: what a payment gateway tells of an order before anybody has said
/// whose it is. It exists because a [`Ground`] does.
pub struct ClinicKey(DataKey);

impl ClinicKey {
    /// The key that documents and logs of this clinic and class are sealed with.
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

    fn wrapped(&self, ground: &dyn Ground, name: &str) -> Result<Doc<'_, WrappedKey, crypto::KeySet>, VaultError> {
        let seal = self.keyring.seal(ground.class())?;
        Ok(self.keys.doc(Some(ground.clinic()), CLASS, name, seal))
    }

    /// The name of the client's key for the class of the permit.
    fn clients(&self, ground: &dyn Ground) -> Result<String, VaultError> {
        self.name(ground, WRAPPED, &[ground.class().name().as_bytes()])
    }

    /// The name of the clinic's key for the class of the permit.
    fn clinics(&self, ground: &dyn Ground) -> String {
        let (clinic, class) = (ground.clinic(), ground.class());
        name(
            self.names,
            CLINIC_WRAPPED,
            &[clinic.as_bytes(), class.name().as_bytes()],
        )
    }

    fn read(&self, ground: &dyn Ground, name: &str) -> Result<Option<DataKey>, VaultError> {
        let Some(wrapped) = self.wrapped(ground, name)?.read()? else {
            return Ok(None);
        };
        let bytes = Zeroizing::new(Base64::decode_vec(&wrapped.value.key).map_err(|_| StoreError::Form)?);
        let key = DataKey::from_wrapped(&bytes).map_err(|error: CryptoError| StoreError::from(error))?;
        Ok(Some(key))
    }

    fn read_or_create(&self, ground: &dyn Ground, name: &str) -> Result<DataKey, VaultError> {
        if let Some(key) = self.read(ground, name)? {
            return Ok(key);
        }
        let key = DataKey::generate(self.entropy);
        let wrapped = WrappedKey {
            key: Zeroizing::new(Base64::encode_string(key.wrappable())),
        };
        match self.wrapped(ground, name)?.create(&wrapped)? {
            Creation::Created => Ok(key),
            // Two first writes met: both go on with the one key that is stored.
            Creation::Exists => self.read(ground, name)?.ok_or(VaultError::Store(StoreError::Form)),
        }
    }

    /// The client's key for the class of the permit; `None` where she has no data of it.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn unlock(&self, ground: &dyn Ground) -> Result<Option<ClientKey>, VaultError> {
        Ok(self.read(ground, &self.clients(ground)?)?.map(ClientKey))
    }

    /// The client's key for the class of the permit, made on first use.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn unlock_or_create(&self, ground: &dyn Ground) -> Result<ClientKey, VaultError> {
        Ok(ClientKey(self.read_or_create(ground, &self.clients(ground)?)?))
    }

    /// The clinic's own key for the class of the permit; `None` where nothing was ever kept under it.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn unlock_clinic(&self, ground: &dyn Ground) -> Result<Option<ClinicKey>, VaultError> {
        Ok(self.read(ground, &self.clinics(ground))?.map(ClinicKey))
    }

    /// The clinic's own key for the class of the permit, made on first use.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn unlock_clinic_or_create(&self, ground: &dyn Ground) -> Result<ClinicKey, VaultError> {
        Ok(ClinicKey(self.read_or_create(ground, &self.clinics(ground))?))
    }
}
