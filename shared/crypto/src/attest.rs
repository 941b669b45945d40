//! Attested values: written by one authority, believed by several readers, forged by none of them.
//!
//! The value is sealed under a key that the authority and its readers share, so each reader could seal one. Therefore
//! a MAC per reader follows, under the key that only that reader and the authority hold: a reader that is taken over
//! can forge for itself alone.

use model::Function;
use ports::Entropy;
use zeroize::Zeroizing;

use crate::derive::{Label, mac};
use crate::{CryptoError, KeySet, Opener, Place, Sealer, Secret};

const ATTEST: Label = Label::new("confide 2026-11 attest");
const MAC_LENGTH: usize = 32;
const ENTRY_LENGTH: usize = 1 + MAC_LENGTH;

/// The authority's side: seals, and attests to every reader.
pub struct Attestor {
    seal: KeySet,
    index: Secret,
    me: Function,
    readers: Vec<(Function, Secret)>,
}

/// A reader's side: checks its own MAC, then opens.
pub struct AttestationReader {
    seal: KeySet,
    index: Secret,
    me: Function,
    key: Secret,
}

fn attest(key: &Secret, place: &Place, sealed: &[u8]) -> crate::Mac {
    mac(key, ATTEST, &[&place.encode(&[]), sealed])
}

/// The layout is: number of readers (1 byte), for each reader its tag (1 byte) and MAC (32 bytes), then the sealed value.
fn check<'v>(me: Function, key: &Secret, place: &Place, value: &'v [u8]) -> Result<&'v [u8], CryptoError> {
    let (count, rest) = value.split_first().ok_or(CryptoError::Tampered)?;
    let (macs, sealed) = rest
        .split_at_checked(usize::from(*count) * ENTRY_LENGTH)
        .ok_or(CryptoError::Tampered)?;
    let mine = macs
        .chunks_exact(ENTRY_LENGTH)
        .filter_map(<[u8]>::split_first)
        .find_map(|(tag, code)| (*tag == me.tag()).then_some(code))
        .ok_or(CryptoError::Tampered)?;
    if attest(key, place, sealed).matches(mine) {
        Ok(sealed)
    } else {
        Err(CryptoError::Tampered)
    }
}

impl Attestor {
    /// The authority `me` and its readers. The authority is one of its own readers, under a key that nobody shares.
    pub(crate) fn new(me: Function, seal: KeySet, index: Secret, readers: Vec<(Function, Secret)>) -> Self {
        Self {
            seal,
            index,
            me,
            readers,
        }
    }

    /// The key of the names under which readers look attested values up.
    #[must_use]
    pub fn index(&self) -> &Secret {
        &self.index
    }

    /// The shared sealing keys, for what needs no attestation because forging it gains nothing.
    #[must_use]
    pub fn shared(&self) -> &KeySet {
        &self.seal
    }
}

impl Opener for Attestor {
    fn open(&self, place: &Place, value: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let (_, key) = self
            .readers
            .iter()
            .find(|(reader, _)| *reader == self.me)
            .ok_or(CryptoError::UnknownKeyVersion)?;
        self.seal.open(place, check(self.me, key, place, value)?)
    }
}

impl Sealer for Attestor {
    fn seal(&self, entropy: &dyn Entropy, place: &Place, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let sealed = self.seal.seal(entropy, place, plain)?;
        let count = u8::try_from(self.readers.len()).map_err(|_| CryptoError::ReadOnly)?;
        let mut value = Vec::with_capacity(1 + self.readers.len() * ENTRY_LENGTH + sealed.len());
        value.push(count);
        for (reader, key) in &self.readers {
            value.push(reader.tag());
            value.extend_from_slice(attest(key, place, &sealed).as_bytes());
        }
        value.extend_from_slice(&sealed);
        Ok(value)
    }
}

impl AttestationReader {
    pub(crate) fn new(me: Function, seal: KeySet, index: Secret, key: Secret) -> Self {
        Self { seal, index, me, key }
    }

    /// The key of the names under which attested values are looked up.
    #[must_use]
    pub fn index(&self) -> &Secret {
        &self.index
    }

    /// The shared sealing keys, for what needs no attestation because forging it gains nothing.
    #[must_use]
    pub fn shared(&self) -> &KeySet {
        &self.seal
    }
}

impl Opener for AttestationReader {
    fn open(&self, place: &Place, value: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        self.seal.open(place, check(self.me, &self.key, place, value)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Keyring, issue_keyrings};

    struct Fixed;

    impl Entropy for Fixed {
        fn fill(&self, buffer: &mut [u8]) {
            // Not random, but different for every key.
            use std::sync::atomic::{AtomicU8, Ordering};
            static NEXT: AtomicU8 = AtomicU8::new(1);
            buffer.fill(NEXT.fetch_add(1, Ordering::Relaxed));
        }
    }

    fn place() -> Place {
        Place {
            clinic: None,
            store: "sessions",
            key: "doc/1".to_owned(),
            class: "session",
            version: 1,
        }
    }

    /// A reader that is taken over holds the shared sealing key and its own pair key. With both it makes a value that
    /// it would believe itself, and that no other reader and not the authority believes.
    #[test]
    fn a_reader_forges_for_itself_alone() {
        let keyrings = issue_keyrings(&Fixed).unwrap();
        let keyring = |function| Keyring::parse(function, Some(&keyrings[&function])).unwrap();
        let (auth, records, consent) = (
            keyring(Function::Auth),
            keyring(Function::Records),
            keyring(Function::Consent),
        );
        let authority = auth.attests("sessions").unwrap();
        let genuine = authority.seal(&Fixed, &place(), b"genuine").unwrap();
        for reader in [&records, &consent] {
            assert_eq!(
                reader
                    .reads("sessions")
                    .unwrap()
                    .open(&place(), &genuine)
                    .unwrap()
                    .as_slice(),
                b"genuine"
            );
        }
        assert_eq!(authority.open(&place(), &genuine).unwrap().as_slice(), b"genuine");

        let taken_over = records.reads("sessions").unwrap();
        let sealed = taken_over.seal.seal(&Fixed, &place(), b"forged").unwrap();
        let forged_mac = attest(&taken_over.key, &place(), &sealed);
        let mut forged = vec![3];
        for reader in [Function::Records, Function::Consent, Function::Auth] {
            forged.push(reader.tag());
            forged.extend_from_slice(forged_mac.as_bytes());
        }
        forged.extend_from_slice(&sealed);
        assert!(taken_over.open(&place(), &forged).is_ok());
        assert_eq!(
            consent.reads("sessions").unwrap().open(&place(), &forged).unwrap_err(),
            CryptoError::Tampered
        );
        assert_eq!(authority.open(&place(), &forged).unwrap_err(), CryptoError::Tampered);
    }

    #[test]
    fn values_cut_anywhere_are_refused() {
        let keyrings = issue_keyrings(&Fixed).unwrap();
        let auth = Keyring::parse(Function::Auth, Some(&keyrings[&Function::Auth])).unwrap();
        let authority = auth.attests("sessions").unwrap();
        let genuine = authority.seal(&Fixed, &place(), b"genuine").unwrap();
        for length in 0..genuine.len() {
            assert!(authority.open(&place(), &genuine[..length]).is_err(), "{length}");
        }
    }
}
