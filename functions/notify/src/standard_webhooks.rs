//! Standard Webhooks (github.com/standard-webhooks/standard-webhooks, spec 1.0): how messages between servers are signed.
//!
//! `v1`, base64 of HMAC-SHA-256 over `id.timestamp.body`. The key is written as `whsec_` and base64.

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use model::Timestamp;
use sha2::Sha256;
use zeroize::Zeroizing;

/// How old or how far ahead a message may be, in seconds, as the reference libraries have it.
const TOLERANCE: u64 = 5 * 60;

/// A key, of 24 to 64 bytes as the specification wants.
pub(crate) struct SigningKey(Zeroizing<Vec<u8>>);

impl SigningKey {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(Base64::decode_vec(text.strip_prefix("whsec_")?).ok()?);
        (24..=64).contains(&bytes.len()).then_some(Self(bytes))
    }

    fn hmac(&self, id: &str, second: i64, body: &[u8]) -> Option<Hmac<Sha256>> {
        let mut hmac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        hmac.update(format!("{id}.{second}.").as_bytes());
        hmac.update(body);
        Some(hmac)
    }

    /// The value of `webhook-signature`.
    pub(crate) fn sign(&self, id: &str, at: Timestamp, body: &[u8]) -> Option<String> {
        let code = self.hmac(id, at.as_second(), body)?.finalize().into_bytes();
        Some(format!("v1,{}", Base64::encode_string(&code)))
    }

    /// Whether one of the signatures (several while a key is replaced) is genuine, and the message of now. Each is compared
    /// in constant time, before anything is parsed but these headers.
    pub(crate) fn is_genuine(&self, id: &str, timestamp: &str, signatures: &str, body: &[u8], now: Timestamp) -> bool {
        let Ok(second) = timestamp.parse::<i64>() else {
            return false;
        };
        let signed = signatures.split(' ').any(|signature| {
            let mut bytes = [0; 32];
            signature
                .strip_prefix("v1,")
                .and_then(|code| Base64::decode(code, &mut bytes).ok())
                .zip(self.hmac(id, second, body))
                .is_some_and(|(code, hmac)| hmac.verify_slice(code).is_ok())
        });
        signed && now.as_second().abs_diff(second) <= TOLERANCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The vector of the reference libraries (standard-webhooks, libraries/python/tests and others).
    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const SECOND: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn key() -> SigningKey {
        SigningKey::parse(KEY).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn is_genuine(id: &str, second: &str, signatures: &str, body: &[u8]) -> bool {
        key().is_genuine(id, second, signatures, body, at(SECOND))
    }

    #[test]
    fn signs_as_the_published_vector() {
        assert_eq!(key().sign(ID, at(SECOND), BODY).as_deref(), Some(SIGNATURE));
        assert!(is_genuine(ID, "1614265330", SIGNATURE, BODY));
    }

    #[test]
    fn every_part_is_covered() {
        assert!(!is_genuine("msg_other", "1614265330", SIGNATURE, BODY));
        assert!(!is_genuine(ID, "1614265331", SIGNATURE, BODY));
        assert!(!is_genuine(ID, "1614265330", SIGNATURE, b"{}"));
        assert!(!is_genuine(ID, "now", SIGNATURE, BODY));
        let other = SigningKey::parse("whsec_NfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert!(!other.is_genuine(ID, "1614265330", SIGNATURE, BODY, at(SECOND)));
        for wrong in [
            "",
            "v1,",
            "v1,AAAA",
            "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            &SIGNATURE[3..],
        ] {
            assert!(!is_genuine(ID, "1614265330", wrong, BODY), "{wrong}");
        }
    }

    #[test]
    fn one_of_several_signatures_is_enough() {
        let two = format!("v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= {SIGNATURE} v2,whatever");
        assert!(is_genuine(ID, "1614265330", &two, BODY));
    }

    #[test]
    fn a_message_is_good_for_five_minutes() {
        for (seconds, good) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)] {
            let now = at(SECOND + seconds);
            assert_eq!(
                key().is_genuine(ID, "1614265330", SIGNATURE, BODY, now),
                good,
                "{seconds}"
            );
        }
    }

    #[test]
    fn keys_have_one_form() {
        for wrong in [
            "",
            "whsec_",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_AAAA",
            "whsec_!",
        ] {
            assert!(SigningKey::parse(wrong).is_none(), "{wrong}");
        }
    }
}
