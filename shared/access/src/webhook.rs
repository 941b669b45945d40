//! Webhooks of payment gateways: how a delivery shows which gateway it comes from, and for which clinic.
//!
//! A gateway has no session and is no function of ours. What it shows is a signature over the bytes of the body, under a secret that it
//! shares with one clinic. Nothing of a body is looked at before that is checked.
//!
//! * Razorpay: `X-Razorpay-Signature` is HMAC-SHA-256 over the body, in hexadecimal (razorpay.com/docs/webhooks/validate-test). There is no
//!   time in it, and the event's id stands in a header that it does not cover: whoever believes that id lets a body that is sent again
//!   under the id of an event to come silence that one. So what such a delivery is, its body says.
//! * Stripe: `Stripe-Signature` is `t=TIME,v1=CODE`, with more codes while a secret is replaced, each HMAC-SHA-256 over `TIME.BODY` in
//!   hexadecimal (docs.stripe.com/webhooks/signature). Other schemes are for tests and are not looked at.
//!
//! A signature says nothing of the path that it is sent to. A secret therefore belongs to one clinic, in the name of its
//! setting: what was signed for one clinic is believed nowhere else.

use base16ct::lower;
use hmac::{Hmac, KeyInit, Mac};
use model::{ClinicId, Gateway, Timestamp};
use sha2::Sha256;
use zeroize::Zeroizing;

/// How old or how far ahead a delivery may be whose signature has a time, in seconds, as Stripe's own libraries have it.
const TOLERANCE: u64 = 5 * 60;

/// The shortest secret that is taken, in bytes: who has seen one delivery can try shorter ones at leisure. Stripe makes longer
/// ones; with Razorpay somebody chooses.
const SHORTEST_SECRET: usize = 16;

/// What a gateway shares with a clinic. Several while one is replaced.
pub struct WebhookSecrets(Vec<Zeroizing<String>>);

/// A setting that is no list of secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not CLINIC:SECRET, several separated by spaces, each secret of 16 characters or more")]
pub struct MalformedSecrets;

impl WebhookSecrets {
    /// Those of one clinic, from a setting of all: `CLINIC:SECRET`, several separated by spaces. There may be none.
    ///
    /// # Errors
    /// [`MalformedSecrets`], whoever's the malformed one is: an operator is to learn of it at once, not when it is first used.
    pub fn parse(text: &str, clinic: ClinicId) -> Result<Self, MalformedSecrets> {
        let mut secrets = Vec::new();
        for entry in text.split_whitespace() {
            let (whose, secret) = entry.split_once(':').ok_or(MalformedSecrets)?;
            let whose: ClinicId = whose.parse().map_err(|_| MalformedSecrets)?;
            if secret.len() < SHORTEST_SECRET {
                return Err(MalformedSecrets);
            }
            if whose == clinic {
                secrets.push(Zeroizing::new(secret.to_owned()));
            }
        }
        Ok(Self(secrets))
    }

    /// Whether one of the codes is the HMAC of these parts under one of the secrets. Every pair is compared, in constant time.
    fn sign(&self, parts: &[&[u8]], codes: &[&str]) -> bool {
        let codes: Vec<Vec<u8>> = codes
            .iter()
            .filter_map(|code| lower::decode_vec(code.as_bytes()).ok())
            .collect();
        let mut is_signed = false;
        for secret in &self.0 {
            // HMAC takes keys of every length.
            let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
                continue;
            };
            for part in parts {
                hmac.update(part);
            }
            for code in &codes {
                is_signed |= hmac.clone().verify_slice(code).is_ok();
            }
        }
        is_signed
    }
}

/// A delivery as it came.
#[derive(Clone, Copy)]
pub struct Delivery<'d> {
    /// Whose webhook it was sent to.
    pub gateway: Gateway,
    /// Of which clinic.
    pub clinic: ClinicId,
    /// The body, byte by byte.
    pub body: &'d [u8],
    /// The signature's header.
    pub signature: &'d str,
}

/// A delivery that its gateway signed for its clinic. [`Delivery::verify`] alone makes it:
///
/// ```compile_fail,E0451
/// fn forge(gateway: model::Gateway, clinic: model::ClinicId) -> access::VerifiedDelivery {
///     access::VerifiedDelivery { gateway, clinic }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedDelivery {
    gateway: Gateway,
    clinic: ClinicId,
}

impl VerifiedDelivery {
    /// Who signed it.
    #[must_use]
    pub fn gateway(self) -> Gateway {
        self.gateway
    }

    /// For which clinic.
    #[must_use]
    pub fn clinic(self) -> ClinicId {
        self.clinic
    }
}

/// Why a delivery is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// Not signed with a secret of this clinic, or not this body.
    #[error("the delivery was not signed for this clinic")]
    Forged,
    /// Genuine, and too old or from too far ahead.
    #[error("the delivery was signed more than five minutes from now")]
    OutOfTime,
}

/// The header `Stripe-Signature`, taken apart: the time as it is written, and as a number, and the codes of the one scheme.
fn stripe_signature(header: &str) -> Option<(&str, i64, Vec<&str>)> {
    let mut time = None;
    let mut codes = Vec::new();
    for part in header.split(',') {
        match part.split_once('=')? {
            // Two times could be read differently by whoever takes the first and whoever takes the last.
            ("t", _) if time.is_some() => return None,
            ("t", second) => time = Some(second),
            ("v1", code) => codes.push(code),
            _ => {}
        }
    }
    let time = time?;
    // A time has one form: no sign and no zero in front.
    let second: i64 = time.parse().ok().filter(|second: &i64| second.to_string() == time)?;
    Some((time, second, codes))
}

impl Delivery<'_> {
    /// Checks the signature. The code first, and only then the time: the time of a forged delivery says nothing.
    ///
    /// # Errors
    /// [`Unverified`].
    pub fn verify(&self, secrets: &WebhookSecrets, now: Timestamp) -> Result<VerifiedDelivery, Unverified> {
        let (is_signed, second) = match self.gateway {
            Gateway::Razorpay => (secrets.sign(&[self.body], &[self.signature]), None),
            Gateway::Stripe => {
                let (time, second, codes) = stripe_signature(self.signature).ok_or(Unverified::Forged)?;
                (secrets.sign(&[time.as_bytes(), b".", self.body], &codes), Some(second))
            }
        };
        if !is_signed {
            return Err(Unverified::Forged);
        }
        if second.is_some_and(|second| now.as_second().abs_diff(second) > TOLERANCE) {
            return Err(Unverified::OutOfTime);
        }
        Ok(VerifiedDelivery {
            gateway: self.gateway,
            clinic: self.clinic,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clinic() -> ClinicId {
        ClinicId::from_bytes([3; 16])
    }

    fn other_clinic() -> ClinicId {
        ClinicId::from_bytes([4; 16])
    }

    fn setting() -> String {
        format!(
            "{}:an-older-secret-1 {}:the-newer-secret-2\n{}:secret:with:colons",
            clinic(),
            clinic(),
            other_clinic()
        )
    }

    fn code(secret: &str, text: &str) -> String {
        let mut hmac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        hmac.update(text.as_bytes());
        lower::encode_string(&hmac.finalize().into_bytes())
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn verify(gateway: Gateway, clinic: ClinicId, signature: &str) -> Result<VerifiedDelivery, Unverified> {
        let delivery = Delivery {
            gateway,
            clinic,
            body: b"{}",
            signature,
        };
        delivery.verify(&WebhookSecrets::parse(&setting(), clinic).unwrap(), now())
    }

    #[test]
    fn a_secret_is_believed_for_its_own_clinic() {
        for (secret, whose) in [
            ("an-older-secret-1", clinic()),
            ("the-newer-secret-2", clinic()),
            ("secret:with:colons", other_clinic()),
        ] {
            for asked in [clinic(), other_clinic()] {
                let plain = verify(Gateway::Razorpay, asked, &code(secret, "{}"));
                let timed = format!("t=1800000000,v1={}", code(secret, "1800000000.{}"));
                let timed = verify(Gateway::Stripe, asked, &timed);
                for (verified, gateway) in [(plain, Gateway::Razorpay), (timed, Gateway::Stripe)] {
                    let expected = if asked == whose {
                        Ok((gateway, asked))
                    } else {
                        Err(Unverified::Forged)
                    };
                    assert_eq!(verified.map(|proof| (proof.gateway(), proof.clinic())), expected);
                }
            }
        }
        let nobodys = ClinicId::from_bytes([5; 16]);
        let signature = code("an-older-secret-1", "{}");
        assert_eq!(verify(Gateway::Razorpay, nobodys, &signature), Err(Unverified::Forged));
    }

    #[test]
    fn secrets_have_one_form() {
        for wrong in [
            "a-secret-of-no-clinic".to_owned(),
            format!("{}", clinic()),
            format!("{}:", clinic()),
            format!("{}:fifteen-letters", clinic()),
            format!("{}:a-good-long-secret bad", clinic()),
            format!("{}:short", other_clinic()),
            "cln_1:a-good-long-secret".to_owned(),
        ] {
            let refused = WebhookSecrets::parse(&wrong, clinic()).err();
            assert_eq!(refused, Some(MalformedSecrets), "{wrong}");
        }
        assert!(WebhookSecrets::parse(" \n", clinic()).unwrap().0.is_empty());
    }

    #[test]
    fn a_razorpay_signature_has_one_form() {
        let good = code("the-newer-secret-2", "{}");
        assert!(verify(Gateway::Razorpay, clinic(), &good).is_ok());
        for wrong in [
            String::new(),
            good.to_uppercase(),
            format!(" {good}"),
            format!("{good}00"),
            good[2..].to_owned(),
            format!("{good},{good}"),
            code("the-newer-secret-2", "{} "),
            code("the-newer-secret-3", "{}"),
        ] {
            let refused = verify(Gateway::Razorpay, clinic(), &wrong);
            assert_eq!(refused, Err(Unverified::Forged), "{wrong}");
        }
    }

    #[test]
    fn a_stripe_signature_is_of_its_time_and_scheme() {
        let good = code("the-newer-secret-2", "1800000000.{}");
        let other = code("the-newer-secret-2", "1800000001.{}");
        let zero = code("the-newer-secret-2", "01800000000.{}");
        let plus = code("the-newer-secret-2", "+1800000000.{}");
        for (header, good) in [
            (format!("t=1800000000,v1={good}"), true),
            (format!("v1={good},t=1800000000"), true),
            (format!("t=1800000000,v1={other},v1={good},v0=abc"), true),
            (format!("t=1800000000,v1=zz,v1={good}"), true),
            (format!("t=1800000000,v0={good}"), false),
            (format!("t=1800000000,v1={other}"), false),
            (format!("t=1800000001,v1={good}"), false),
            (format!("t=1800000000,t=1800000000,v1={good}"), false),
            (format!("t=01800000000,v1={zero}"), false),
            (format!("t=+1800000000,v1={plus}"), false),
            (format!("t=now,v1={good}"), false),
            (format!("v1={good}"), false),
            ("t=1800000000".to_owned(), false),
            (format!("t=1800000000;v1={good}"), false),
            (format!("t=1800000000, v1={good}"), false),
            (good.clone(), false),
            (String::new(), false),
        ] {
            let verified = verify(Gateway::Stripe, clinic(), &header);
            assert_eq!(verified.is_ok(), good, "{header}");
            assert!(good || verified == Err(Unverified::Forged), "{header}");
        }
    }

    #[test]
    fn a_stripe_delivery_is_good_for_five_minutes() {
        for (seconds, good) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)] {
            let second = now().as_second() - seconds;
            let code = code("the-newer-secret-2", &format!("{second}.{{}}"));
            let verified = verify(Gateway::Stripe, clinic(), &format!("t={second},v1={code}"));
            assert_eq!(verified.is_ok(), good, "{seconds}");
            assert!(good || verified == Err(Unverified::OutOfTime), "{seconds}");
        }
    }
}
