use data_encoding::BASE64;
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

    /// Parses standard padded base64 of exactly 32 bytes. Not in constant time: a keyring is the same in every request, so
    /// nobody who sends one has anything to compare, and every request pays for it.
    pub(crate) fn from_base64(text: &str) -> Option<Self> {
        // Four characters are decoded to three bytes before the padding is taken off.
        let mut bytes = Zeroizing::new([0; LENGTH + 1]);
        if BASE64.decode_len(text.len()).ok()? != bytes.len() {
            return None;
        }
        let length = BASE64.decode_mut(text.as_bytes(), bytes.as_mut_slice()).ok()?;
        let key = bytes.get(..length)?.try_into().ok()?;
        Some(Self(key))
    }

    /// The key as keyrings carry it.
    pub(crate) fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64.encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_32_bytes_of_strict_base64_are_a_key() {
        let text = Secret::from_bytes([9; 32]).to_base64();
        assert!(Secret::from_base64(&text).is_some_and(|key| key.bytes() == &[9; 32]));
        for wrong in ["", "AAAA", &text[1..], &format!("{}A", *text), &text.replace('=', "")] {
            assert!(Secret::from_base64(wrong).is_none(), "{wrong}");
        }
    }
}
