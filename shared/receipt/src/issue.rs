use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};

use crate::jwk::thumbprint;
use crate::jws::{self, Algorithm};
use crate::{Jwk, Record};

/// What this JWS is, so that no other signed thing passes for one, should a key ever sign two kinds (RFC 8725, section 3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Type {
    #[serde(rename = "consent-receipt+jwt")]
    ConsentReceipt,
}

/// The protected header. A member that is not known is refused, `crit` among them (RFC 7515, section 4.1.11).
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header<A = Algorithm, T = Type> {
    pub(crate) alg: A,
    /// The key's thumbprint (RFC 7638).
    pub(crate) kid: String,
    pub(crate) typ: T,
}

/// The key that receipts are signed with. It has no `Debug`, and is wiped when it is dropped.
pub struct ReceiptKey(SigningKey);

impl ReceiptKey {
    /// The key of a seed of 32 random bytes (RFC 8032, section 5.1.5).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Signs a record: a compact JWS over its compact JSON. Of one record there is one receipt, bit by bit, because Ed25519 is
    /// deterministic.
    ///
    /// # Errors
    /// A serialisation error, which cannot occur with a record.
    pub fn issue(&self, record: &Record) -> Result<String, serde_json::Error> {
        let header = Header {
            alg: Algorithm::EdDsa,
            kid: thumbprint(&self.0.verifying_key()),
            typ: Type::ConsentReceipt,
        };
        let (header, payload) = (serde_json::to_vec(&header)?, serde_json::to_vec(record)?);
        Ok(jws::sign(&self.0, &header, &payload))
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> Jwk {
        Jwk::new(&self.0.verifying_key())
    }
}
