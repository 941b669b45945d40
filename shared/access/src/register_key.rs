//! The key of a clinic's register: what is kept of a class about its clients together, such as the index that finds them.
//!
//! It is a data key like a client's, wrapped and kept in the same place, so that nothing but data keys is sealed under the
//! class's key-encryption key, and whatever rewraps those rewraps this one.

use crypto::DataKey;
use model::{ClientId, ClinicId, DataClass, EventId};

use crate::Ground;
use crate::ground::sealed::Sealed;
use crate::vault::{ClientKey, Vault, VaultError};

/// What stands for the register where the name of a data key names its client. No client has this id: ids are 128 random
/// bits, and nothing is permitted about a client whom `consent` has not opened a file for.
const REGISTER: ClientId = ClientId::from_bytes([0; 16]);

/// A recorded decision, whoever it is about, as a ground to open the register of its clinic and class.
struct OfRegister<'g>(&'g dyn Ground);

impl Sealed for OfRegister<'_> {}

impl Ground for OfRegister<'_> {
    fn event(&self) -> EventId {
        self.0.event()
    }

    fn clinic(&self) -> ClinicId {
        self.0.clinic()
    }

    fn client(&self) -> Option<ClientId> {
        Some(REGISTER)
    }

    fn class(&self) -> DataClass {
        self.0.class()
    }
}

/// The key of one clinic's register of one class. It exists because a [`Ground`] does.
pub struct RegisterKey(ClientKey);

impl RegisterKey {
    /// The key that documents and logs of the register are sealed with. Nothing of one client alone is sealed with it: what
    /// it seals outlives her key.
    #[must_use]
    pub fn key(&self) -> &DataKey {
        self.0.key()
    }
}

impl Vault<'_> {
    /// The key of the register of the permit's clinic and class; `None` where nothing is in it yet.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn unlock_register(&self, ground: &dyn Ground) -> Result<Option<RegisterKey>, VaultError> {
        Ok(self.unlock(&OfRegister(ground))?.map(RegisterKey))
    }

    /// The key of the register of the permit's clinic and class, made on first use.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn unlock_or_create_register(&self, ground: &dyn Ground) -> Result<RegisterKey, VaultError> {
        Ok(RegisterKey(self.unlock_or_create(&OfRegister(ground))?))
    }
}
