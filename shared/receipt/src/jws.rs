//! JSON Web Signatures in the compact serialisation (RFC 7515, section 7.1), signed with Ed25519 (RFC 8037, section 3.1).

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{SIGNATURE_LENGTH, Signature, Signer, SigningKey, VerifyingKey};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The only algorithm. A verifier that knows one can't be talked into another, nor into none (RFC 8725, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "JwkAlgorithm")]
pub(crate) enum Algorithm {
    /// RFC 8037, section 3.1. Not yet the `Ed25519` of RFC 9864, which few verifiers know; the key names the curve.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// A compact JWS, taken apart.
pub(crate) struct Compact<'t> {
    /// What the signature is over, as it was sent: nothing is encoded again.
    signing_input: &'t str,
    pub(crate) header: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    signature: Signature,
}

fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// Signs `payload` under `header`, both as JSON text.
pub(crate) fn sign(key: &SigningKey, header: &[u8], payload: &[u8]) -> String {
    let signing_input = format!("{}.{}", encode(header), encode(payload));
    let signature = encode(&key.sign(signing_input.as_bytes()).to_bytes());
    format!("{signing_input}.{signature}")
}

impl<'t> Compact<'t> {
    /// Three parts of base64url without padding. Equal bytes have one spelling: padding, other alphabets, white space and left-over bits
    /// are refused, so a receipt can't be changed in a way that goes unnoticed.
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        let (signing_input, signature) = text.rsplit_once('.')?;
        let (header, payload) = signing_input.split_once('.')?;
        let decode = |part: &str| Base64UrlUnpadded::decode_vec(part).ok();
        let signature: [u8; SIGNATURE_LENGTH] = decode(signature)?.try_into().ok()?;
        Some(Self {
            signing_input,
            header: decode(header)?,
            payload: decode(payload)?,
            signature: Signature::from_bytes(&signature),
        })
    }

    /// Whether the key signed it. Strict: a weak key or a malleable signature would let one signature stand for several
    /// statements (RFC 8032, section 5.1.7).
    pub(crate) fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        key.verify_strict(self.signing_input.as_bytes(), &self.signature)
            .is_ok()
    }
}
