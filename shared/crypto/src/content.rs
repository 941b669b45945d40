//! Content that is too large to be sealed at once: a stream of chunks.
//!
//! The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár, *Online Authenticated-Encryption and its Nonce-Reuse
//! Misuse-Resistance*, CRYPTO 2015, section 7), as RustCrypto's `aead-stream` implements it over AES-256-GCM: the nonce of a chunk is a
//! prefix, its number (32 bits) and whether it is the last one. So a chunk that is changed, left out, added, put elsewhere in the
//! order or cut off at the end does not open. As in age (C2SP, age-encryption.org/v1, "Payload") each content has a fresh key of its own, under which
//! no nonce can come twice, so the prefix is zero.
//!
//! The associated data is the content's place and the chunk's number: a chunk of one content does not open in another, even under the same key.

use aead_stream::{Decryptor, Encryptor, NewStream, StreamBE32};
use aes_gcm::{Aes256Gcm, KeyInit};
use ports::{Entropy, EntropyExt};

use crate::Secret;
use crate::envelope::{CryptoError, Place};

/// How much of a content one chunk holds, in bytes; the last one may hold less. Sealed it stays below what every key-value
/// store takes as one value.
pub const CHUNK: usize = 256 * 1024;

/// What the seal of a chunk adds, in bytes: the tag.
pub const CHUNK_OVERHEAD: usize = 16;

/// The key of one content, which seals it once. It is kept in a sealed document.
pub struct ContentKey(Secret);

impl ContentKey {
    /// A fresh key.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Secret::from_bytes(entropy.bytes()))
    }

    /// The key that was kept as these bytes.
    ///
    /// # Errors
    /// [`CryptoError::Tampered`] where they are not a key's length.
    pub fn from_wrapped(bytes: &[u8]) -> Result<Self, CryptoError> {
        let bytes = bytes.try_into().map_err(|_| CryptoError::Tampered)?;
        Ok(Self(Secret::from_bytes(bytes)))
    }

    /// The bytes to keep, sealed.
    #[must_use]
    pub fn wrappable(&self) -> &[u8; 32] {
        self.0.bytes()
    }

    fn stream(&self) -> StreamBE32<Aes256Gcm> {
        StreamBE32::from_aead(Aes256Gcm::new(self.0.bytes().into()), &Default::default())
    }

    /// Seals a content in its place. The key of a content that was sealed is never used for another: this takes it.
    #[must_use]
    pub fn seal(self, place: Place) -> ContentSealer {
        ContentSealer {
            stream: Encryptor::from_stream_primitive(self.stream()),
            place: place.at(0),
        }
    }

    /// Opens a content in its place.
    #[must_use]
    pub fn open(&self, place: Place) -> ContentOpener {
        ContentOpener {
            stream: Decryptor::from_stream_primitive(self.stream()),
            place: place.at(0),
        }
    }
}

/// Seals chunks, one after the other.
pub struct ContentSealer {
    stream: Encryptor<Aes256Gcm, StreamBE32<Aes256Gcm>>,
    place: Place,
}

/// Opens chunks, one after the other.
pub struct ContentOpener {
    stream: Decryptor<Aes256Gcm, StreamBE32<Aes256Gcm>>,
    place: Place,
}

fn advance(place: &mut Place) {
    place.version = place.version.saturating_add(1);
}

impl ContentSealer {
    /// Seals the next chunk where it is. More must follow.
    ///
    /// # Errors
    /// [`CryptoError`] after 2^32 chunks.
    pub fn seal_next(&mut self, chunk: &mut Vec<u8>) -> Result<(), CryptoError> {
        self.stream
            .encrypt_next_in_place(&self.place.encode(&[]), chunk)
            .map_err(|_| CryptoError::Tampered)?;
        advance(&mut self.place);
        Ok(())
    }

    /// Seals the last chunk where it is.
    ///
    /// # Errors
    /// [`CryptoError`] after 2^32 chunks.
    pub fn seal_last(self, chunk: &mut Vec<u8>) -> Result<(), CryptoError> {
        self.stream
            .encrypt_last_in_place(&self.place.encode(&[]), chunk)
            .map_err(|_| CryptoError::Tampered)
    }
}

impl ContentOpener {
    /// Opens the next chunk where it is, which is not the last one.
    ///
    /// # Errors
    /// [`CryptoError::Tampered`] where it is not what was sealed in this place, or is the last one.
    pub fn open_next(&mut self, chunk: &mut Vec<u8>) -> Result<(), CryptoError> {
        self.stream
            .decrypt_next_in_place(&self.place.encode(&[]), chunk)
            .map_err(|_| CryptoError::Tampered)?;
        advance(&mut self.place);
        Ok(())
    }

    /// Opens the last chunk where it is.
    ///
    /// # Errors
    /// [`CryptoError::Tampered`] where it is not what was sealed in this place, or is not the last one.
    pub fn open_last(self, chunk: &mut Vec<u8>) -> Result<(), CryptoError> {
        self.stream
            .decrypt_last_in_place(&self.place.encode(&[]), chunk)
            .map_err(|_| CryptoError::Tampered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ClinicId;
    use proptest::prelude::*;

    fn place(key: &str) -> Place {
        Place {
            clinic: Some(ClinicId::from_bytes([3; 16])),
            store: "health",
            key: key.to_owned(),
            class: "document content",
            version: 9,
        }
    }

    fn key() -> ContentKey {
        ContentKey::from_wrapped(&[7; 32]).unwrap()
    }

    fn sealed(chunks: &[Vec<u8>], key: ContentKey, place: Place) -> Vec<Vec<u8>> {
        let mut sealer = key.seal(place);
        let mut sealed = chunks.to_vec();
        let (last, first) = sealed.split_last_mut().unwrap();
        for chunk in first {
            sealer.seal_next(chunk).unwrap();
        }
        sealer.seal_last(last).unwrap();
        sealed
    }

    /// Everything, or nothing of what is not the whole content in its order.
    fn opened(sealed: &[Vec<u8>], key: &ContentKey, place: Place) -> Result<Vec<Vec<u8>>, CryptoError> {
        let mut opener = key.open(place);
        let mut chunks = sealed.to_vec();
        let (last, first) = chunks.split_last_mut().ok_or(CryptoError::Tampered)?;
        for chunk in first {
            opener.open_next(chunk)?;
        }
        opener.open_last(last)?;
        Ok(chunks)
    }

    /// The construction itself: a chunk is AES-256-GCM under the nonce of STREAM with a zero prefix (7 bytes), the number (32 bits, big
    /// endian) and the flag of the last one, which the cipher that the Wycheproof vectors cover seals to the same bytes.
    #[test]
    fn chunks_are_those_of_stream() {
        use aes_gcm::aead::{Aead, Payload};
        let chunks = vec![b"first".to_vec(), b"second".to_vec(), b"third".to_vec()];
        let sealed = sealed(&chunks, key(), place("a"));
        for (number, (chunk, sealed)) in chunks.iter().zip(&sealed).enumerate() {
            let mut nonce = [0; 12];
            nonce[10] = u8::try_from(number).unwrap();
            nonce[11] = u8::from(number == 2);
            let aad = place("a").at(u64::try_from(number).unwrap()).encode(&[]);
            let expected = Aes256Gcm::new(&[7; 32].into())
                .encrypt(&nonce.into(), Payload { msg: chunk, aad: &aad })
                .unwrap();
            assert_eq!(*sealed, expected);
        }
    }

    proptest! {
        /// What was sealed comes back, and nothing of what was changed, moved, cut or mixed with another content.
        #[test]
        fn only_the_whole_content_opens(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..6),
            one in any::<proptest::sample::Index>(),
            other in any::<proptest::sample::Index>(),
            at in any::<proptest::sample::Index>(),
        ) {
            let whole = sealed(&chunks, key(), place("a"));
            prop_assert_eq!(opened(&whole, &key(), place("a")).unwrap(), chunks.clone());
            prop_assert!(opened(&whole, &key(), place("b")).is_err());
            prop_assert!(opened(&whole, &ContentKey::from_wrapped(&[8; 32]).unwrap(), place("a")).is_err());
            prop_assert!(opened(&whole[..whole.len() - 1], &key(), place("a")).is_err(), "the end is cut off");
            prop_assert!(opened(&whole[1..], &key(), place("a")).is_err(), "the beginning is cut off");
            let (one, other) = (one.index(whole.len()), other.index(whole.len()));
            let mut swapped = whole.clone();
            swapped.swap(one, other);
            prop_assert_eq!(opened(&swapped, &key(), place("a")).is_err(), one != other);
            let mut longer = whole.clone();
            longer.insert(one, whole[other].clone());
            prop_assert!(opened(&longer, &key(), place("a")).is_err());
            let mut flipped = whole.clone();
            let bit = at.index(flipped[one].len() * 8);
            flipped[one][bit / 8] ^= 1 << (bit % 8);
            prop_assert!(opened(&flipped, &key(), place("a")).is_err());
            // A chunk of another content under the same key, which no key is used for.
            let mut mixed = whole.clone();
            mixed[one] = sealed(&chunks, key(), place("b"))[one].clone();
            prop_assert!(opened(&mixed, &key(), place("a")).is_err());
        }
    }
}
