use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::base64url::{Base64Url, encode};

const LENGTH: usize = 32;

/// What an authenticator signs so that its answer cannot be an old one (WebAuthn Level 3, section 13.4.3): 32 random bytes, made by
/// the relying party, used once.
// Not printed, since whoever knows it early can have it signed early.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Base64Url", into = "Base64Url")]
pub struct Challenge([u8; LENGTH]);

impl Challenge {
    /// A challenge of these bytes. Take them from `ports::Entropy`, fresh for each ceremony.
    pub fn from_bytes(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    /// What client data calls the challenge, where it can be one of ours at all.
    pub(super) fn spelled(text: &str) -> Option<Self> {
        Base64Url::decode(text)?.try_into().ok()
    }

    /// Whether this is what client data calls the challenge: its base64url is compared, as the standard says, so it has one
    /// spelling only (sections 7.1, step 8, and 7.2, step 11). In constant time.
    pub(super) fn is_spelled(&self, text: &str) -> bool {
        encode(&self.0).as_bytes().ct_eq(text.as_bytes()).into()
    }
}

impl From<Challenge> for Base64Url {
    fn from(challenge: Challenge) -> Self {
        Self::new(&challenge.0)
    }
}

impl TryFrom<Base64Url> for Challenge {
    type Error = &'static str;

    fn try_from(bytes: Base64Url) -> Result<Self, Self::Error> {
        match bytes.as_bytes().try_into() {
            Ok(bytes) => Ok(Self(bytes)),
            Err(_) => Err("must be 32 bytes of base64url without padding"),
        }
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[challenge]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_one_spelling() {
        let challenge = Challenge::from_bytes([0xfb; 32]);
        let text = encode(&[0xfb; 32]);
        assert!(challenge.is_spelled(&text));
        assert_eq!(Challenge::spelled(&text).unwrap().as_bytes(), &[0xfb; 32]);
        for other in [
            "",
            &text[..42],
            &format!("{text}="),
            &format!("{text}A"),
            &text.replace('-', "+"),
            &encode(&[0xfa; 32]),
        ] {
            assert!(!challenge.is_spelled(other), "{other}");
            assert!(
                Challenge::spelled(other).is_none_or(|other| other.0 != challenge.0),
                "{other}"
            );
        }
    }

    #[test]
    fn is_stored_as_text_of_32_bytes_and_not_printed() {
        let challenge = Challenge::from_bytes([1; 32]);
        let json = serde_json::to_string(&challenge).unwrap();
        assert_eq!(json, format!("\"{}\"", encode(&[1; 32])));
        assert_eq!(serde_json::from_str::<Challenge>(&json).unwrap().0, [1; 32]);
        for length in [0, 31, 33] {
            let wrong = format!("\"{}\"", encode(&vec![1; length]));
            assert!(serde_json::from_str::<Challenge>(&wrong).is_err(), "{length}");
        }
        assert_eq!(format!("{challenge:?}"), "[challenge]");
    }
}
