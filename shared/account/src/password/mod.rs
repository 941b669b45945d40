//! Passwords (NIST SP 800-63B-4, section 3.1.1): long instead of contrived, compared as a whole with what everybody
//! tries, kept as an Argon2id hash that is keyed with a pepper from the keyring.

mod blocklist;
mod hash;
mod personal;
mod predictable;
mod rules;

pub use hash::PasswordHash;
use model::nfc;
pub use rules::{Context, Strength};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// A password as it was typed, at most 256 characters. Compared in composed form (NFC).
// In composed form (section 3.1.1.2), wiped when dropped.
#[derive(JsonSchema)]
#[schemars(inline)]
pub struct Password(#[schemars(with = "String")] Zeroizing<String>);

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&Zeroizing::<String>::deserialize(deserializer)?))
    }
}

impl Password {
    fn new(text: &str) -> Self {
        Self(Zeroizing::new(nfc(text)))
    }
}
