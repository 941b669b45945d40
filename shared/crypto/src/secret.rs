use model::base32hex;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Length of every key in Confide, in bytes.
const LENGTH: usize = 32;

/// 256 secret bits. No `Debug`, no `Clone`, no `Serialize`; wiped when dropped.
///
/// ```compile_fail
/// let key = crypto::Secret::from_bytes([0; 32]);
/// println!("{key:?}");
/// ```
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; LENGTH]);

impl Secret {
    /// A key of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the algorithms of this crate.
    pub(crate) fn bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }

    /// The bytes, for an algorithm that this crate does not wrap (a signature, a password pepper).
    #[must_use]
    pub fn expose(&self) -> &[u8; LENGTH] {
        &self.0
    }

    /// Parses the key as keyrings carry it. Not in constant time: a keyring is the same in every request, so nobody who sends one
    /// has anything to compare, and every request pays for it.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        base32hex::decode(text).map(Self)
    }

    /// The key as keyrings carry it.
    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(base32hex::encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_32_bytes_in_their_one_text_are_a_key() {
        let text = Secret::from_bytes([9; 32]).to_text();
        assert!(Secret::from_text(&text).is_some_and(|key| key.bytes() == &[9; 32]));
        for wrong in ["", "0000", &text[1..], &format!("{}0", *text), &text.to_uppercase()] {
            assert!(Secret::from_text(wrong).is_none(), "{wrong}");
        }
    }
}
