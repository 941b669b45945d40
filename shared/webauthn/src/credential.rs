//! What browsers say of a credential: its name, and how they reached it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::base64url::Base64Url;

/// The longest credential id, in bytes (WebAuthn Level 3, section 7.1, step 25).
const MOST_ID: usize = 1023;

/// A credential's name, which its authenticator made: 1 to 1023 bytes as base64url without padding.
// Not printed: it follows one person around (section 14.6.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Base64Url", into = "Base64Url")]
pub struct CredentialId(Base64Url);

impl CredentialId {
    /// Its bytes, as the authenticator made them.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl TryFrom<Base64Url> for CredentialId {
    type Error = &'static str;

    fn try_from(id: Base64Url) -> Result<Self, Self::Error> {
        if (1..=MOST_ID).contains(&id.as_bytes().len()) {
            Ok(Self(id))
        } else {
            Err("must have 1 to 1023 bytes")
        }
    }
}

impl From<CredentialId> for Base64Url {
    fn from(id: CredentialId) -> Self {
        id.0
    }
}

/// A name of a transport, such as `usb`. Those that no standard knows yet are kept, as WebAuthn Level 3 asks in section 5.8.4: up to 32
/// lower-case letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(rename = "AuthenticatorTransport")]
pub(crate) struct Transport(String);

impl TryFrom<String> for Transport {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let is_name = (1..=32).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if is_name {
            Ok(Self(name))
        } else {
            Err("must be a transport's name: 1 to 32 lower-case letters, digits and hyphens")
        }
    }
}

impl From<Transport> for String {
    fn from(transport: Transport) -> Self {
        transport.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_1_to_1023_bytes() {
        for (length, right) in [(0, false), (1, true), (1023, true), (1024, false)] {
            assert_eq!(
                CredentialId::try_from(Base64Url::new(&vec![7; length])).is_ok(),
                right,
                "{length}"
            );
        }
    }

    #[test]
    fn transports_are_names() {
        for (name, right) in [
            ("usb", true),
            ("smart-card", true),
            ("future2", true),
            (&"a".repeat(32), true),
            ("", false),
            (&"a".repeat(33), false),
            ("USB", false),
            ("a b", false),
            ("\u{e9}", false),
        ] {
            assert_eq!(Transport::try_from(name.to_owned()).is_ok(), right, "{name}");
        }
    }
}
