use ports::Entropy;
use zeroize::Zeroizing;

use crate::Secret;
use crate::by_name::ByName;
use crate::derive::{Label, Mac};
use crate::envelope::{Authenticator, CryptoError, DataKey, Opener, Place, Sealer, authenticate, key_version};

/// A function's sealing key in all its live versions. New values are sealed under the current one; older ones still open
/// until the version is destroyed. What is sealed uses a key derived for its place, so no version ever comes near the
/// limit of random nonces.
pub struct KeySet {
    current: u32,
    versions: ByName<u32, Secret>,
}

impl KeySet {
    /// The set with these versions; `None` where the current one is not among them.
    pub(crate) fn new(current: u32, versions: ByName<u32, Secret>) -> Option<Self> {
        versions.get(&current).is_some().then_some(Self { current, versions })
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

    fn secret(&self, version: u32) -> Result<&Secret, CryptoError> {
        self.versions.get(&version).ok_or(CryptoError::UnknownKeyVersion)
    }
}

impl Opener for KeySet {
    fn open(&self, place: &Place, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let version = key_version(sealed)?;
        DataKey::for_place(self.secret(version)?, version, place).open(place, sealed)
    }
}

impl Sealer for KeySet {
    fn seal(&self, entropy: &dyn Entropy, place: &Place, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
        DataKey::for_place(self.secret(self.current)?, self.current, place).seal(entropy, place, plain)
    }
}

impl Authenticator for KeySet {
    fn version(&self) -> u32 {
        self.current
    }

    fn authenticate(&self, version: u32, label: Label, place: &Place, parts: &[&[u8]]) -> Result<Mac, CryptoError> {
        Ok(authenticate(self.secret(version)?, label, place, parts))
    }
}
