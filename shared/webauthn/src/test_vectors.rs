//! The test vectors of the standard itself: W3C WebAuthn Level 3, section 16, those of the algorithms that are offered and one
//! that is not. The values in `test_vectors.json` are the standard's, in hexadecimal.
//!
//! Their flags are drawn at random, and most do not say that the user was verified, which is required here. Those come as far
//! as that step, and their signatures are checked by themselves.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use model::AccountId;
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};

use super::authenticator_data::{AuthenticatorData, BE, BS, UV};
use super::refused::{ATTESTATION_OBJECT, Refused};
use super::software_authenticator::{authentication_response, registration_response, rp};
use super::verify::Assertion;
use super::{AuthenticationResponse, Challenge, Passkey, RegistrationResponse};

#[derive(Deserialize)]
struct Vector {
    section: String,
    title: String,
    registration: Registration,
    authentication: Option<Authentication>,
}

#[derive(Deserialize)]
struct Registration {
    #[serde(deserialize_with = "hex")]
    challenge: Vec<u8>,
    #[serde(deserialize_with = "hex")]
    client_data_json: Vec<u8>,
    #[serde(deserialize_with = "hex")]
    attestation_object: Vec<u8>,
    #[serde(deserialize_with = "hex")]
    credential_id: Vec<u8>,
    #[serde(deserialize_with = "hex")]
    aaguid: Vec<u8>,
}

#[derive(Deserialize)]
struct Authentication {
    #[serde(deserialize_with = "hex")]
    challenge: Vec<u8>,
    #[serde(deserialize_with = "hex")]
    authenticator_data: Vec<u8>,
    #[serde(deserialize_with = "hex")]
    client_data_json: Vec<u8>,
    #[serde(deserialize_with = "hex")]
    signature: Vec<u8>,
}

fn hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    HEXLOWER.decode(text.as_bytes()).map_err(serde::de::Error::custom)
}

fn challenge(bytes: &[u8]) -> Challenge {
    Challenge::from_bytes(bytes.try_into().unwrap())
}

impl Registration {
    fn register(&self) -> Result<Passkey, Refused> {
        let response = registration_response(&self.credential_id, &self.client_data_json, &self.attestation_object);
        rp().register(&challenge(&self.challenge), &RegistrationResponse::parse(&response)?)
    }

    /// The passkey as the vector has it, whether it is one that is accepted or not.
    fn passkey(&self) -> Passkey {
        let bytes = super::register::authenticator_data(&self.attestation_object).unwrap();
        let data = AuthenticatorData::parse(bytes, ATTESTATION_OBJECT).unwrap();
        let attested = data.attested.as_ref().unwrap();
        assert_eq!(attested.id, self.credential_id);
        assert_eq!(attested.aaguid, *self.aaguid);
        assert_eq!(
            (data.backup_eligible(), data.backed_up()),
            (bytes[32] & BE != 0, bytes[32] & BS != 0)
        );
        Passkey {
            id: attested.credential_id().unwrap(),
            public_key: attested.public_key.clone(),
            sign_count: data.sign_count,
            backup_eligible: data.backup_eligible(),
            backed_up: data.backed_up(),
            transports: vec![String::from("internal").try_into().unwrap()],
            aaguid: attested.aaguid,
        }
    }
}

impl Authentication {
    fn verify(&self, passkey: &Passkey) -> Result<Assertion, Refused> {
        let response = authentication_response(
            passkey.id.as_bytes(),
            &self.client_data_json,
            &self.authenticator_data,
            &self.signature,
        );
        let nobody = AccountId::from_bytes([0; 16]);
        let response = AuthenticationResponse::parse(&response)?;
        rp().verify(&challenge(&self.challenge), &response, nobody, passkey)
    }

    fn is_signed_by(&self, passkey: &Passkey) -> bool {
        let message = [
            self.authenticator_data.as_slice(),
            &Sha256::digest(&self.client_data_json),
        ]
        .concat();
        passkey.public_key.is_signer(&message, &self.signature)
    }
}

#[test]
fn w3c_webauthn_level_3_section_16() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("test_vectors.json")).unwrap();
    let expected = [
        ("16.2", Some(Refused::UserVerification), Some(Refused::UserVerification)),
        ("16.3", None, Some(Refused::UserVerification)),
        ("16.4", Some(Refused::CrossOrigin), Some(Refused::CrossOrigin)),
        ("16.5", Some(Refused::CrossOrigin), Some(Refused::CrossOrigin)),
        ("16.6", Some(Refused::UserVerification), None),
        ("16.7", None, None),
        ("16.10", Some(Refused::Algorithm), None),
        (
            "16.11",
            Some(Refused::UserVerification),
            Some(Refused::UserVerification),
        ),
    ];
    assert_eq!(vectors.len(), expected.len());
    for (vector, (section, registered, verified)) in vectors.iter().zip(expected) {
        let Vector {
            registration, title, ..
        } = vector;
        assert_eq!(vector.section, section, "{title}");
        let passkey = registration.register();
        assert_eq!(passkey.as_ref().err(), registered.as_ref(), "{title}");
        let Some(authentication) = &vector.authentication else {
            continue;
        };
        let record = registration.passkey();
        if let Ok(passkey) = passkey {
            assert_eq!(passkey, record, "{title}");
        }
        assert!(authentication.is_signed_by(&record), "{title}");
        assert_eq!(authentication.verify(&record).err(), verified, "{title}");
        if verified.is_none() {
            assert_ne!(authentication.authenticator_data[32] & UV, 0, "{title}");
        }
    }
    // They name the challenge in the client data as we spell it.
    let first = &vectors[0].registration;
    let spelled = BASE64URL_NOPAD.encode(&first.challenge);
    assert!(String::from_utf8_lossy(&first.client_data_json).contains(&spelled));
}
