//! Registering a new credential (WebAuthn Level 3, section 7.1). Steps 1 to 4 are the page's, 26 to 28 the caller's.

use super::authenticator_data::AuthenticatorData;
use super::cbor::{NotCbor, Reader};
use super::challenge::Challenge;
use super::client_data::{self, Ceremony};
use super::passkey::Passkey;
use super::refused::{ATTESTATION_OBJECT, Refused};
use super::relying_party::RelyingParty;
use super::response::RegistrationResponse;

/// How many levels are left to an attestation statement in its attestation object's map.
const STATEMENT_LEVELS: u8 = super::cbor::MOST_LEVELS - 1;

/// An empty map, in CBOR.
const EMPTY_MAP: [u8; 1] = [0xa0];

/// The authenticator data in an attestation object (section 6.5.4).
///
/// The attestation statement beside it is read over, whatever its format: conveyance `none` was asked, so a statement can only be
/// a self attestation (section 5.1.3) or one that nobody asked for. Verified, neither would tell us anything that we act on: step
/// 24 would trust either for nothing, and that the authenticator has the private key shows at the first log-in. Statements of
/// the format `none` must be empty (section 8.7).
pub(super) fn authenticator_data(attestation_object: &[u8]) -> Result<&[u8], NotCbor> {
    fn member(reader: &mut Reader<'_>, name: &str) -> Result<(), NotCbor> {
        if reader.text()? == name { Ok(()) } else { Err(NotCbor) }
    }
    let mut reader = Reader::new(attestation_object);
    if reader.map()? != 3 {
        return Err(NotCbor);
    }
    member(&mut reader, "fmt")?;
    let format = reader.text()?;
    member(&mut reader, "attStmt")?;
    let statement = reader.item(STATEMENT_LEVELS)?;
    if format == "none" && statement != EMPTY_MAP {
        return Err(NotCbor);
    }
    member(&mut reader, "authData")?;
    let authenticator_data = reader.bytes()?;
    reader.end()?;
    Ok(authenticator_data)
}

impl RelyingParty {
    /// The passkey that a response registers, if it answers this challenge.
    ///
    /// The caller has to refuse an id that is registered already, for whomever (step 26): nothing here proves that the
    /// authenticator has the private key, so that somebody could register a credential of another person as her own.
    ///
    /// # Errors
    /// Which step of section 7.1 failed.
    pub fn register(&self, challenge: &Challenge, response: &RegistrationResponse) -> Result<Passkey, Refused> {
        // Steps 5 to 12. Only a statement would sign the hash.
        client_data::check(response.client_data.as_bytes(), Ceremony::Registration, challenge, self)?;
        // Step 13, and with it, in the place of step 20: the public key is of an algorithm that was offered. That this comes
        // before steps 14 to 17 changes which refusal is told of several, and nothing else.
        let bytes = authenticator_data(response.attestation_object.as_bytes()).map_err(|NotCbor| {
            Refused::malformed(
                ATTESTATION_OBJECT,
                "must be an attestation object in CTAP2's canonical CBOR",
            )
        })?;
        let authenticator_data = AuthenticatorData::parse(bytes, ATTESTATION_OBJECT)?;
        // Steps 14 to 17. Steps 18 and 19: backed up or not, every passkey is welcome.
        authenticator_data.check(self)?;
        let attested = authenticator_data
            .attested
            .as_ref()
            .ok_or_else(|| Refused::malformed(ATTESTATION_OBJECT, "must have a credential in it"))?;
        // Steps 21 to 24: see `authenticator_data`.
        // Step 25. And what the response calls the credential is what the authenticator calls it.
        let id = attested
            .credential_id()
            .filter(|id| *id == response.id)
            .ok_or(Refused::CredentialId)?;
        Ok(Passkey {
            id,
            public_key: attested.public_key.clone(),
            sign_count: authenticator_data.sign_count,
            backup_eligible: authenticator_data.backup_eligible(),
            backed_up: authenticator_data.backed_up(),
            transports: response.transports.clone(),
            aaguid: attested.aaguid,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authenticator_data::{BE, BS, ED, UP, UV};
    use crate::software_authenticator::{
        Refusal, Script, SoftwareAuthenticator, attested_credential_data, bytes, challenge, cose_p256, passkey,
        refused_in_both, registration_response, rp, text,
    };
    use proptest::prelude::*;
    use serde_json::Value;

    fn register(response: Value) -> Result<Passkey, Refused> {
        rp().register(&challenge(), &RegistrationResponse::parse(&response)?)
    }

    fn register_scripted(change: impl FnOnce(&mut Script)) -> Result<Passkey, Refused> {
        let mut script = Script::registration();
        change(&mut script);
        register(SoftwareAuthenticator::es256().create(&script))
    }

    fn malformed_object() -> Refused {
        Refused::malformed(
            ATTESTATION_OBJECT,
            "must be an attestation object in CTAP2's canonical CBOR",
        )
    }

    #[test]
    fn keeps_what_the_authenticator_said() {
        for authenticator in [SoftwareAuthenticator::es256(), SoftwareAuthenticator::eddsa()] {
            let mut script = Script::registration();
            script.flags |= BE | BS;
            script.sign_count = 7;
            let passkey = register(authenticator.create(&script)).unwrap();
            assert_eq!(passkey.id.as_bytes(), authenticator.credential_id);
            assert_eq!(passkey.aaguid, authenticator.aaguid);
            assert_eq!(passkey.sign_count, 7);
            assert!(passkey.backup_eligible && passkey.backed_up);
            assert_eq!(String::from(passkey.transports[0].clone()), "internal");
            assert!(passkey.public_key.is_signer(b"m", &authenticator.sign(b"m")));
        }
        let passkey = passkey(&SoftwareAuthenticator::es256());
        assert!(!passkey.backup_eligible && !passkey.backed_up);
    }

    #[test]
    fn each_refusal() {
        fn own(id: &[u8], key: &[u8]) -> Option<Vec<u8>> {
            Some(attested_credential_data(&[0; 16], id, key))
        }
        let cases: [Refusal; 6] = [
            (
                "a log-in",
                |script| script.client_data["type"] = "webauthn.get".into(),
                Refused::Type,
            ),
            (
                "no credential",
                |script| script.flags = UP | UV,
                Refused::Malformed {
                    field: ATTESTATION_OBJECT,
                    detail: "must have a credential in it",
                },
            ),
            (
                "an RSA key",
                |script| script.attested = own(&[0x11; 32], b"\xa4\x01\x03\x03\x39\x01\x00\x20\x41\xff\x21\x41\x03"),
                Refused::Algorithm,
            ),
            (
                "a point beside the curve",
                |script| script.attested = own(&[0x11; 32], &cose_p256(&[1; 32], &[1; 32])),
                Refused::PublicKey,
            ),
            (
                "a credential without an id",
                |script| script.attested = own(&[], &SoftwareAuthenticator::es256().cose_key()),
                Refused::CredentialId,
            ),
            (
                "a credential with another id",
                |script| script.attested = own(&[0x12; 32], &SoftwareAuthenticator::es256().cose_key()),
                Refused::CredentialId,
            ),
        ];
        for (case, change, refused) in cases.into_iter().chain(refused_in_both()) {
            assert_eq!(register_scripted(change), Err(refused), "{case}");
        }
        let of_length = |length| {
            let mut authenticator = SoftwareAuthenticator::es256();
            authenticator.credential_id = vec![1; length];
            let mut response = authenticator.create(&Script::registration());
            if length > 1023 {
                response["id"] = "AQ".into();
                response["rawId"] = "AQ".into();
            }
            register(response)
        };
        assert!(of_length(1).is_ok() && of_length(1023).is_ok());
        assert_eq!(of_length(1024), Err(Refused::CredentialId));
    }

    /// A challenge is good for its own ceremony and for no other.
    #[test]
    fn another_challenge_is_refused() {
        let response = SoftwareAuthenticator::es256().create(&Script::registration());
        let response = RegistrationResponse::parse(&response).unwrap();
        let other = Challenge::from_bytes([6; 32]);
        assert_eq!(rp().register(&other, &response), Err(Refused::Challenge));
    }

    #[test]
    fn statements_are_read_over_and_bounded() {
        type Change = fn(&mut Script);
        let self_attestation = |script: &mut Script| {
            script.format = "packed";
            script.statement = [&[0xa2], text("alg").as_slice(), &[0x26], &text("sig"), &bytes(&[0; 70])].concat();
        };
        assert!(register_scripted(self_attestation).is_ok());
        let accepted: [(&str, Change); 3] = [
            ("no extensions", |script| script.flags |= BE),
            ("an extension", |script| {
                script.flags |= ED;
                script.extensions = [&[0xa1], text("credProtect").as_slice(), &[3]].concat();
            }),
            ("a format of the future", |script| {
                script.format = "future";
                script.statement = b"\x80".to_vec();
            }),
        ];
        for (case, change) in accepted {
            assert!(register_scripted(change).is_ok(), "{case}");
        }
        let refused: [(&str, Change); 5] = [
            ("a statement of `none` that is not empty", |script| {
                script.statement = [&[0xa1], text("a").as_slice(), &[0]].concat();
            }),
            ("a statement of `none` that is no map", |script| {
                script.statement = vec![0x80]
            }),
            ("no statement", |script| script.statement = vec![]),
            ("a deep statement", |script| {
                script.format = "packed";
                script.statement = b"\xa1\x00\x81\x81\x81\x00".to_vec();
            }),
            ("a wide statement", |script| {
                script.format = "packed";
                script.statement = [&[0x98, 65], [0; 65].as_slice()].concat();
            }),
        ];
        for (case, change) in refused {
            assert_eq!(register_scripted(change), Err(malformed_object()), "{case}");
        }
    }

    #[test]
    fn attestation_objects_have_one_form() {
        let authenticator_data = bytes(&[0; 37]);
        let part = |name: &str, value: &[u8]| [text(name).as_slice(), value].concat();
        let (fmt, statement, data) = (
            part("fmt", &text("none")),
            part("attStmt", &[0xa0]),
            part("authData", &authenticator_data),
        );
        let read = |parts: &[&[u8]]| super::authenticator_data(&parts.concat()).map(<[u8]>::to_vec);
        assert_eq!(read(&[&[0xa3], &fmt, &statement, &data]), Ok(vec![0; 37]));
        for (case, parts) in [
            ("nothing", vec![]),
            ("no map", vec![&[0x83][..], &fmt, &statement, &data]),
            ("one member less", vec![&[0xa2], &fmt, &statement]),
            (
                "one member more",
                vec![&[0xa4], &fmt, &statement, &data, b"\x69zzzzzzzzz\x00"],
            ),
            ("another order", vec![&[0xa3], &fmt, &data, &statement]),
            ("a member twice", vec![&[0xa3], &fmt, &fmt, &data]),
            ("something behind it", vec![&[0xa3], &fmt, &statement, &data, &[0]]),
            ("indefinite length", vec![&[0xbf], &fmt, &statement, &data, &[0xff]]),
        ] {
            assert_eq!(read(&parts), Err(NotCbor), "{case}");
        }
    }

    /// The most that a body can carry is refused as quickly as anything.
    #[test]
    fn large_and_deep_objects_are_refused() {
        for object in [
            vec![0x81; 64 * 1024],
            vec![0xa1; 64 * 1024],
            vec![0x9f; 64 * 1024],
            [&[0xa3, 0x63], b"fmt".as_slice(), &[0x7b], &[0xff; 65_000]].concat(),
        ] {
            let client_data = Script::registration().client_data.to_string();
            let response = registration_response(&[1], client_data.as_bytes(), &object);
            assert_eq!(register(response), Err(malformed_object()));
        }
    }

    proptest! {
        /// Whatever comes, it is refused, and nothing panics.
        #[test]
        fn garbage_registers_nothing(
            object in proptest::collection::vec(any::<u8>(), 0..400),
            data in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let client_data = Script::registration().client_data.to_string();
            let wrapped = [
                &[0xa3],
                [text("fmt"), text("none"), text("attStmt"), vec![0xa0], text("authData"), bytes(&data)].concat().as_slice(),
            ].concat();
            for object in [object, wrapped] {
                prop_assert!(register(registration_response(&[1], client_data.as_bytes(), &object)).is_err());
            }
        }

        /// No attestation, so not every byte of a registration is proven. But whatever is changed on the way, it never becomes
        /// another key or another id, and changed client data is never accepted where it says something else.
        #[test]
        fn a_changed_registration_is_refused_or_the_same_credential(
            at in any::<proptest::sample::Index>(), bit in 0..8_u8, member in proptest::sample::select(vec!["clientDataJSON", "attestationObject"]),
        ) {
            let authenticator = SoftwareAuthenticator::es256();
            let mut response = authenticator.create(&Script::registration());
            let mut changed = data_encoding::BASE64URL_NOPAD.decode(response["response"][member].as_str().unwrap().as_bytes()).unwrap();
            let at = at.index(changed.len());
            changed[at] ^= 1 << bit;
            response["response"][member] = data_encoding::BASE64URL_NOPAD.encode(&changed).into();
            if let Ok(changed) = register(response) {
                let unchanged = passkey(&authenticator);
                prop_assert_eq!((changed.id, changed.public_key), (unchanged.id, unchanged.public_key));
            }
        }
    }
}
