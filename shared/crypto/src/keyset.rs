use ports::Entropy;
use zeroize::Zeroizing;

use crate::Secret;
use crate::by_name::ByName;
use crate::derive::{Label, derive};
use crate::envelope::{
    AuthenticationKey, Authenticator, CryptoError, Opener, Place, Sealer, key_version, open_in_place, seal_in_place,
};

/// A function's sealing key in all its live versions. New values are sealed under the current one; older ones still open
/// until the version is destroyed. What is sealed uses a key derived for its document and stretch of versions, so none comes near
/// the limit of random nonces.
pub struct KeySet {
    current: u32,
    versions: ByName<u32, Secret>,
}

impl KeySet {
    /// The set with these versions; `None` where the current one is not among them.
    pub(crate) fn new(current: u32, versions: ByName<u32, Secret>) -> Option<Self> {
        versions.get(&current).is_some().then_some(Self { current, versions })
    }

    /// A set of one version that never changes, derived from a key with one purpose: for what must stay readable whatever versions
    /// come and go.
    #[must_use]
    pub fn lasting(key: &Secret, label: Label) -> Self {
        Self {
            current: 1,
            versions: ByName::from_iter([(1, derive(key, label, &[]))]),
        }
    }

    /// The version that new values are sealed under.
    #[must_use]
    pub fn current_version(&self) -> u32 {
        self.current
    }

    /// Every version that still opens.
    pub fn versions(&self) -> impl Iterator<Item = u32> + '_ {
        self.versions.names().copied()
    }

    /// Whether an older version than the current one still opens.
    #[must_use]
    pub fn has_older(&self) -> bool {
        self.versions().any(|version| version < self.current)
    }

    /// Whether the current version, or one after it, sealed this. The header says so, and the seal covers it: believe it of what opens.
    ///
    /// # Errors
    /// [`CryptoError::Tampered`] where it is no sealed value.
    pub fn is_current(&self, sealed: &[u8]) -> Result<bool, CryptoError> {
        Ok(key_version(sealed)? >= self.current)
    }

    fn secret(&self, version: u32) -> Result<&Secret, CryptoError> {
        self.versions.get(&version).ok_or(CryptoError::UnknownKeyVersion)
    }
}

impl Opener for KeySet {
    fn open(&self, place: &Place, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let version = key_version(sealed)?;
        open_in_place(self.secret(version)?, place, sealed)
    }
}

impl Sealer for KeySet {
    fn seal(&self, entropy: &dyn Entropy, place: &Place, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
        seal_in_place(self.secret(self.current)?, self.current, entropy, place, plain)
    }
}

impl Authenticator for KeySet {
    fn version(&self) -> u32 {
        self.current
    }

    fn authentication_key(&self, version: u32) -> Result<AuthenticationKey, CryptoError> {
        Ok(AuthenticationKey::derive(version, self.secret(version)?))
    }
}
