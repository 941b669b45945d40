//! The published vectors, and every way in which a receipt may be no receipt.

use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::jwk::thumbprint;
use crate::jws::{self, Compact};
use crate::{Jwk, JwkSet, ReceiptKey, Record, Refused};

/// RFC 8037, appendix A.1.
const PRIVATE: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
const PUBLIC: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
/// RFC 8037, appendix A.3.
const THUMBPRINT: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
/// RFC 8037, appendix A.4.
const JWS: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
    hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

fn seed() -> [u8; 32] {
    Base64UrlUnpadded::decode_vec(PRIVATE).unwrap().try_into().unwrap()
}

fn record() -> Record {
    serde_json::from_value(json!({
        "schema_version": "confide-consent-record-1",
        "record_id": "cns_00000000000000000000000000", "pii_principal_id": "cli_00000000000000000000000000",
        "as_of": "2026-12-01T09:00:00Z",
        "privacy_notice": {"id": "ntc_00000000000000000000000000", "version": 1, "title": "Your data", "sha256": "00",
            "language": "en", "path": "/v1/consent/notices/cln_00000000000000000000000000/ntc_00000000000000000000000000"},
        "language": "en", "purposes": ["TREAT"], "lawful_basis": "consent", "pii_information": [{"pii_type": "health"}],
        "pii_controllers": [{"party_id": "cln_00000000000000000000000000", "party_contact": "privacy@example.org"}],
        "jurisdiction": ["gdpr"], "withdrawal_method": "Tell us.", "privacy_rights": "Complain.",
        "events": [
            {"event_state": "given", "event_time": "2026-12-01T08:00:00Z", "event_type": "explicitly_expressed",
                "entity_id": "cli_00000000000000000000000000", "given_by": "client", "method": "written",
                "recorded_by": "acc_00000000000000000000000000",
                "validity_duration": {"starts_at": "2026-12-01T08:00:00Z", "ends_at": "2027-12-01T08:00:00Z"}},
            {"event_state": "withdrawn", "event_time": "2026-12-01T09:00:00Z", "recorded_by": "acc_00000000000000000000000000"},
        ],
    }))
    .unwrap()
}

fn issued() -> (JwkSet, String) {
    let key = ReceiptKey::from_seed(&seed());
    (JwkSet::new([key.public()]), key.issue(&record()).unwrap())
}

/// Signs what no issuer would, with the key that is believed.
fn signed(header: &str, payload: &str) -> String {
    jws::sign(&SigningKey::from_bytes(&seed()), header.as_bytes(), payload.as_bytes())
}

fn genuine_header() -> String {
    json!({"alg": "EdDSA", "kid": THUMBPRINT, "typ": "consent-receipt+jwt"}).to_string()
}

#[test]
fn signs_and_verifies_as_rfc_8037_does() {
    let key = SigningKey::from_bytes(&seed());
    assert_eq!(
        jws::sign(&key, br#"{"alg":"EdDSA"}"#, b"Example of Ed25519 signing"),
        JWS
    );
    // Appendix A.5.
    let compact = Compact::parse(JWS).unwrap();
    assert_eq!(compact.payload, b"Example of Ed25519 signing");
    assert!(compact.is_signed_by(&key.verifying_key()));
    assert_eq!(thumbprint(&key.verifying_key()), THUMBPRINT);
}

#[test]
fn the_public_key_is_that_of_rfc_8037() {
    assert_eq!(
        serde_json::to_value(ReceiptKey::from_seed(&seed()).public()).unwrap(),
        // Appendix A.2, with what A.3 computes and what the key is for.
        json!({"kty": "OKP", "crv": "Ed25519", "x": PUBLIC, "kid": THUMBPRINT, "use": "sig", "alg": "EdDSA"})
    );
}

#[test]
fn a_receipt_says_what_was_recorded() {
    let (keys, receipt) = issued();
    assert_eq!(keys.verify(&receipt), Ok(record()));
    let header = Compact::parse(&receipt).unwrap().header;
    assert_eq!(
        serde_json::from_slice::<Value>(&header).unwrap(),
        json!({"alg": "EdDSA", "kid": THUMBPRINT, "typ": "consent-receipt+jwt"})
    );
    assert_eq!(issued().1, receipt);
}

#[test]
fn what_is_no_receipt_is_refused_by_what_is_wrong_with_it() {
    let (keys, receipt) = issued();
    let payload = serde_json::to_string(&record()).unwrap();
    assert_eq!(keys.verify(&signed(&genuine_header(), &payload)), Ok(record()));
    let header = |name: &str, value: Value| {
        let mut header: Value = serde_json::from_str(&genuine_header()).unwrap();
        header[name] = value;
        signed(&header.to_string(), &payload)
    };
    let (unsigned, signature) = receipt.rsplit_once('.').unwrap();
    for (text, refused) in [
        (String::new(), Refused::Form),
        ("..".to_owned(), Refused::Form),
        (unsigned.to_owned(), Refused::Form),
        (format!("{unsigned}."), Refused::Form),
        (format!("{receipt}\n"), Refused::Form),
        (format!("{receipt}="), Refused::Form),
        (format!("{receipt}.{signature}"), Refused::Form),
        (format!(" {receipt}"), Refused::Form),
        (receipt.replacen('.', "=.", 1), Refused::Form),
        (header("alg", json!("none")), Refused::Algorithm),
        (header("alg", json!("eddsa")), Refused::Algorithm),
        (header("alg", json!("ES256")), Refused::Algorithm),
        (header("alg", json!("HS256")), Refused::Algorithm),
        (header("alg", json!(["EdDSA"])), Refused::Header),
        (header("typ", json!("JWT")), Refused::Type),
        (header("typ", json!("at+jwt")), Refused::Type),
        (header("kid", json!(PUBLIC)), Refused::Key),
        (header("kid", json!("")), Refused::Key),
        (header("crit", json!(["exp"])), Refused::Header),
        (header("b64", json!(false)), Refused::Header),
        (
            header(
                "jwk",
                serde_json::to_value(ReceiptKey::from_seed(&seed()).public()).unwrap(),
            ),
            Refused::Header,
        ),
        (signed(r#"{"alg":"EdDSA"}"#, &payload), Refused::Header),
        (
            signed(&genuine_header().replacen('{', r#"{"alg":"none","#, 1), &payload),
            Refused::Header,
        ),
        (signed("", &payload), Refused::Header),
        (signed(&genuine_header(), "{}"), Refused::Record),
        (signed(&genuine_header(), "Example of Ed25519 signing"), Refused::Record),
        (
            signed(&genuine_header(), &payload.replacen('{', r#"{"unless":"never","#, 1)),
            Refused::Record,
        ),
        (
            signed(&genuine_header(), &payload.replacen("record-1", "record-2", 1)),
            Refused::Record,
        ),
    ] {
        assert_eq!(keys.verify(&text), Err(refused), "{text}");
    }
}

#[test]
fn only_the_keys_that_are_given_are_believed() {
    let (keys, receipt) = issued();
    let set = |keys: Value| serde_json::from_value::<JwkSet>(json!({"keys": keys})).unwrap();
    let other = ReceiptKey::from_seed(&[1; 32]).public();
    assert_eq!(JwkSet::new([]).verify(&receipt), Err(Refused::Key));
    assert_eq!(JwkSet::new([other.clone()]).verify(&receipt), Err(Refused::Key));
    // Another's key under our name is not ours.
    let mut named = serde_json::to_value(&other).unwrap();
    named["kid"] = json!(THUMBPRINT);
    assert_eq!(set(json!([named])).verify(&receipt), Err(Refused::Key));
    // A set as others may keep it: keys of other kinds, and ours with what it needs and no more.
    let rsa = json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"});
    let bare = json!({"kty": "OKP", "crv": "Ed25519", "x": PUBLIC});
    assert_eq!(set(json!([rsa, other, bare])).verify(&receipt), Ok(record()));
    let mut encrypts = bare.clone();
    encrypts["use"] = json!("enc");
    let mut short = bare.clone();
    short["x"] = json!("AAAA");
    let mut padded = bare;
    padded["x"] = json!(format!("{PUBLIC}="));
    assert_eq!(
        set(json!([encrypts, short, padded])).verify(&receipt),
        Err(Refused::Key)
    );
    // Signed by another key that claims to be the one believed.
    let claimed = jws::sign(
        &SigningKey::from_bytes(&[1; 32]),
        genuine_header().as_bytes(),
        serde_json::to_string(&record()).unwrap().as_bytes(),
    );
    assert_eq!(keys.verify(&claimed), Err(Refused::Signature));
    assert!(serde_json::from_value::<Jwk>(json!({"kty": "EC", "crv": "P-256", "x": PUBLIC})).is_err());
}

proptest! {
    /// No character can be another, be missing or be added, wherever it stands.
    #[test]
    fn one_character_changed_is_refused(place in any::<prop::sample::Index>(), with in "[ -~]") {
        let (keys, receipt) = issued();
        let place = place.index(receipt.len());
        let (before, after) = receipt.split_at(place);
        let changed = [before, &with, &after[1..]].concat();
        let missing = [before, &after[1..]].concat();
        let added = [before, &with, after].concat();
        prop_assert_eq!(keys.verify(&changed).is_ok(), changed == receipt);
        prop_assert!(keys.verify(&missing).is_err());
        prop_assert!(keys.verify(&added).is_err());
    }

    /// Nor can a bit, under the encoding.
    #[test]
    fn one_bit_changed_is_refused(part in 0_usize..3, place in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let (keys, receipt) = issued();
        let mut parts: Vec<Vec<u8>> = receipt
            .split('.')
            .map(|part| Base64UrlUnpadded::decode_vec(part).unwrap())
            .collect();
        let place = place.index(parts[part].len());
        parts[part][place] ^= 1 << bit;
        let changed = parts.iter().map(|part| Base64UrlUnpadded::encode_string(part)).collect::<Vec<_>>().join(".");
        prop_assert!(keys.verify(&changed).is_err());
    }
}
