//! Signatures as the gateways' own libraries make and check them: `data/webhook-signatures.json`, by `data/make_vectors.py`.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use access::{Delivery, Unverified, VerifiedDelivery, WebhookSecrets};
use model::{ClinicId, Gateway, Timestamp};
use serde::Deserialize;

#[derive(Deserialize)]
struct Document {
    vectors: Vec<Vector>,
}

#[derive(Deserialize, Clone)]
struct Vector {
    gateway: Gateway,
    secret: String,
    now: i64,
    body: String,
    header: String,
}

fn clinic() -> ClinicId {
    ClinicId::from_bytes([7; 16])
}

fn vectors() -> Vec<Vector> {
    let document: Document = serde_json::from_str(include_str!("data/webhook-signatures.json")).unwrap();
    assert!(document.vectors.len() > 15);
    for gateway in Gateway::ALL {
        assert!(document.vectors.iter().any(|vector| vector.gateway == gateway));
    }
    document.vectors
}

impl Vector {
    fn verify(&self) -> Result<VerifiedDelivery, Unverified> {
        let secrets = WebhookSecrets::parse(&format!("{}:{}", clinic(), self.secret), clinic()).unwrap();
        let delivery = Delivery {
            gateway: self.gateway,
            clinic: clinic(),
            body: self.body.as_bytes(),
            signature: &self.header,
        };
        delivery.verify(&secrets, Timestamp::from_second(self.now).unwrap())
    }
}

/// The text with the character at `place` changed into another one.
fn changed(text: &str, place: usize) -> String {
    let change = |(index, character)| match (index == place, character) {
        (false, character) => character,
        (true, 'a') => 'b',
        (true, _) => 'a',
    };
    text.chars().enumerate().map(change).collect()
}

#[test]
fn every_vector_verifies() {
    for vector in vectors() {
        let verified = vector.verify().unwrap();
        assert_eq!((verified.gateway(), verified.clinic()), (vector.gateway, clinic()));
    }
}

#[test]
fn nothing_else_does() {
    for vector in vectors() {
        let refused = |other: &Vector, what: &str| assert!(other.verify().is_err(), "{what} of {}", vector.body);
        for place in 0..vector.body.chars().count() {
            let body = changed(&vector.body, place);
            refused(&Vector { body, ..vector.clone() }, "the body");
        }
        for body in [format!("{} ", vector.body), format!("\n{}", vector.body)] {
            refused(&Vector { body, ..vector.clone() }, "the body");
        }
        for place in 0..vector.secret.len() {
            let secret = changed(&vector.secret, place);
            refused(
                &Vector {
                    secret,
                    ..vector.clone()
                },
                "the secret",
            );
        }
        for place in 0..vector.header.len() {
            let header = changed(&vector.header, place);
            refused(
                &Vector {
                    header,
                    ..vector.clone()
                },
                "the header",
            );
            let header = vector.header[..place].to_owned();
            refused(
                &Vector {
                    header,
                    ..vector.clone()
                },
                "a part of the header",
            );
        }
        let gateway = match vector.gateway {
            Gateway::Razorpay => Gateway::Stripe,
            Gateway::Stripe => Gateway::Razorpay,
        };
        refused(
            &Vector {
                gateway,
                ..vector.clone()
            },
            "the gateway",
        );
        for (seconds, is_timely) in [(300, true), (-300, true), (301, false), (-301, false)] {
            let later = Vector {
                now: vector.now + seconds,
                ..vector.clone()
            };
            let is_good = is_timely || vector.gateway == Gateway::Razorpay;
            assert_eq!(later.verify().is_ok(), is_good, "{seconds} s from now");
        }
    }
}
