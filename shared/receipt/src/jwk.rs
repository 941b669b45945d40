//! Public keys as JSON Web Keys (RFC 7517) of an Edwards curve (RFC 8037, section 2).

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::{PUBLIC_KEY_LENGTH, VerifyingKey};
use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::jws::Algorithm;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "JwkKeyType")]
enum KeyType {
    #[serde(rename = "OKP")]
    OctetKeyPair,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "JwkCurve")]
enum Curve {
    Ed25519,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "JwkUse")]
enum Use {
    #[serde(rename = "sig")]
    Signature,
}

/// A public key that receipts are signed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Jwk {
    kty: KeyType,
    crv: Curve,
    x: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    used_for: Option<Use>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alg: Option<Algorithm>,
}

/// What `/v1/consent/receipt-keys` gives: the public keys to believe (RFC 7517, section 5).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JwkSet {
    #[schemars(with = "Vec<Jwk>")]
    keys: Vec<Member>,
}

/// A key that is not understood is passed over, so that a set may hold others (RFC 7517, section 5).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Member {
    Understood(Jwk),
    #[serde(skip_serializing)]
    Other(IgnoredAny),
}

/// SHA-256 over the required members in the order of their names, without white space (RFC 7638, section 3; RFC 8037, appendix A.3).
pub(crate) fn thumbprint(key: &VerifyingKey) -> String {
    let x = Base64UrlUnpadded::encode_string(key.as_bytes());
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    Base64UrlUnpadded::encode_string(&Sha256::digest(members))
}

impl Jwk {
    pub(crate) fn new(key: &VerifyingKey) -> Self {
        Self {
            kty: KeyType::OctetKeyPair,
            crv: Curve::Ed25519,
            x: Base64UrlUnpadded::encode_string(key.as_bytes()),
            kid: Some(thumbprint(key)),
            used_for: Some(Use::Signature),
            alg: Some(Algorithm::EdDsa),
        }
    }

    fn key(&self) -> Option<VerifyingKey> {
        let x = Base64UrlUnpadded::decode_vec(&self.x).ok()?;
        let x: [u8; PUBLIC_KEY_LENGTH] = x.try_into().ok()?;
        VerifyingKey::from_bytes(&x).ok()
    }
}

impl JwkSet {
    /// The set of these keys.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = Jwk>) -> Self {
        Self {
            keys: keys.into_iter().map(Member::Understood).collect(),
        }
    }

    /// The key with this thumbprint. It is computed here: what the set itself says under `kid` names nothing that must be believed.
    pub(crate) fn find(&self, kid: &str) -> Option<VerifyingKey> {
        self.keys.iter().find_map(|member| match member {
            Member::Understood(jwk) => jwk.key().filter(|key| thumbprint(key) == kid),
            Member::Other(_) => None,
        })
    }
}
