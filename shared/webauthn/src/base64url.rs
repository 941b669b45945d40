use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bytes as base64url without padding (RFC 4648, section 5; WebAuthn Level 3, section 3). Equal bytes have one spelling: other
/// alphabets, padding and left-over bits are refused.
// Prints how many they are, never which.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Base64Url(Vec<u8>);

impl Base64Url {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// What the text spells.
    pub(super) fn decode(text: &str) -> Option<Self> {
        BASE64URL_NOPAD.decode(text.as_bytes()).ok().map(Self)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// How bytes are spelled.
pub(super) fn encode(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

impl From<Base64Url> for String {
    fn from(bytes: Base64Url) -> Self {
        encode(&bytes.0)
    }
}

impl TryFrom<String> for Base64Url {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::decode(&text).ok_or("must be base64url without padding")
    }
}

impl fmt::Debug for Base64Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[{} bytes]", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_bytes_have_one_spelling() {
        for (text, bytes) in [("", vec![]), ("_-8", vec![0xff, 0xef]), ("AQIDBA", vec![1, 2, 3, 4])] {
            let json = format!("\"{text}\"");
            let parsed: Base64Url = serde_json::from_str(&json).unwrap();
            assert_eq!(parsed.as_bytes(), bytes);
            assert_eq!(serde_json::to_string(&parsed).unwrap(), json);
        }
        for wrong in ["/+8", "_-8=", "_-9", "_-8 ", "A", "A\u{e9}"] {
            assert!(Base64Url::decode(wrong).is_none(), "{wrong}");
            assert!(
                serde_json::from_str::<Base64Url>(&format!("\"{wrong}\"")).is_err(),
                "{wrong}"
            );
        }
        assert!(serde_json::from_str::<Base64Url>("[1,2]").is_err());
    }

    #[test]
    fn prints_no_bytes() {
        assert_eq!(format!("{:?}", Base64Url::new(&[7, 7])), "[2 bytes]");
    }
}
