//! The key of what a clinic has of a class and of no one client: the index that finds clients, or what a payment gateway tells of
//! an order before anybody has said whose it is.
//!
//! It is a data key like a client's, wrapped and kept in the same place, so that nothing but data keys is sealed under the
//! class's key-encryption key, and whatever rewraps those rewraps this one.

use crypto::{DataKey, Label, name};

use crate::Ground;
use crate::vault::{Vault, VaultError};

const WRAPPED: Label = Label::new("confide 2026-11 clinic data key name");

/// The key of one clinic's own things of one class. It exists because a [`Ground`] does.
pub struct ClinicKey(DataKey);

impl ClinicKey {
    /// The key that documents and logs of this clinic and class are sealed with. Nothing of one client alone is sealed with it: what
    /// it seals outlives her key.
    #[must_use]
    pub fn key(&self) -> &DataKey {
        &self.0
    }
}

impl Vault<'_> {
    fn clinic_key_name(&self, ground: &dyn Ground) -> String {
        let (clinic, class) = (ground.clinic(), ground.class());
        name(self.names, WRAPPED, &[clinic.as_bytes(), class.name().as_bytes()])
    }

    /// The clinic's own key for the class of the permit; `None` where nothing was ever kept under it.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn unlock_clinic(&self, ground: &dyn Ground) -> Result<Option<ClinicKey>, VaultError> {
        let name = self.clinic_key_name(ground);
        Ok(self.find(ground.clinic(), ground.class(), &name)?.map(ClinicKey))
    }

    /// The clinic's own key for the class of the permit, made on first use.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn unlock_clinic_or_create(&self, ground: &dyn Ground) -> Result<ClinicKey, VaultError> {
        let name = self.clinic_key_name(ground);
        self.find_or_make(ground.clinic(), ground.class(), &name).map(ClinicKey)
    }
}
