//! An authenticator and a browser for the tests: they do what the standard says, and whatever a [`Script`] tells them to do
//! otherwise.

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::Signer;
use model::AccountId;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::authenticator_data::{AT, BS, UP, UV};
use super::{Challenge, Passkey, Refused, RegistrationResponse, RelyingParty};

const CHALLENGE: [u8; 32] = [5; 32];
const ACCOUNT: [u8; 16] = [9; 16];

pub(super) fn rp() -> RelyingParty {
    RelyingParty::new("example.org".to_owned(), vec!["https://example.org".to_owned()]).unwrap()
}

/// The challenge that every script answers, unless it says otherwise.
pub(super) fn challenge() -> Challenge {
    Challenge::from_bytes(CHALLENGE)
}

/// The account that every assertion is of, unless its script says otherwise.
pub(super) fn account() -> AccountId {
    AccountId::from_bytes(ACCOUNT)
}

/// What the authenticator and the browser say in one ceremony.
#[derive(Clone)]
pub(super) struct Script {
    pub(super) client_data: Value,
    pub(super) rp_id: &'static str,
    pub(super) flags: u8,
    pub(super) sign_count: u32,
    /// Another credential than the authenticator's own.
    pub(super) attested: Option<Vec<u8>>,
    pub(super) extensions: Vec<u8>,
    pub(super) format: &'static str,
    pub(super) statement: Vec<u8>,
    pub(super) user_handle: Option<Vec<u8>>,
}

impl Script {
    pub(super) fn registration() -> Self {
        Self {
            client_data: json!({
                "type": "webauthn.create",
                "challenge": BASE64URL_NOPAD.encode(&CHALLENGE),
                "origin": "https://example.org",
                "crossOrigin": false,
            }),
            rp_id: "example.org",
            flags: UP | UV | AT,
            sign_count: 0,
            attested: None,
            extensions: vec![],
            format: "none",
            statement: vec![0xa0],
            user_handle: None,
        }
    }

    pub(super) fn authentication() -> Self {
        let mut script = Self::registration();
        script.client_data["type"] = "webauthn.get".into();
        script.flags = UP | UV;
        script.user_handle = Some(ACCOUNT.to_vec());
        script
    }
}

enum Key {
    Es256(p256::ecdsa::SigningKey),
    EdDsa(ed25519_dalek::SigningKey),
}

pub(crate) struct SoftwareAuthenticator {
    key: Key,
    pub(crate) credential_id: Vec<u8>,
    pub(super) aaguid: [u8; 16],
}

impl SoftwareAuthenticator {
    pub(crate) fn es256() -> Self {
        let key = p256::ecdsa::SigningKey::from_bytes(&[3; 32].into()).unwrap();
        Self {
            key: Key::Es256(key),
            credential_id: vec![0x11; 32],
            aaguid: [0xaa; 16],
        }
    }

    pub(super) fn eddsa() -> Self {
        Self {
            key: Key::EdDsa(ed25519_dalek::SigningKey::from_bytes(&[4; 32])),
            credential_id: vec![0x22; 16],
            aaguid: [0; 16],
        }
    }

    pub(super) fn cose_key(&self) -> Vec<u8> {
        match &self.key {
            Key::Es256(key) => {
                let point = key.verifying_key().to_sec1_point(false);
                cose_p256(point.x().unwrap(), point.y().unwrap())
            }
            Key::EdDsa(key) => cose_ed25519(key.verifying_key().as_bytes()),
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.key {
            Key::Es256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            }
            Key::EdDsa(key) => key.sign(message).to_bytes().to_vec(),
        }
    }

    pub(super) fn attested_credential_data(&self) -> Vec<u8> {
        attested_credential_data(&self.aaguid, &self.credential_id, &self.cose_key())
    }

    fn authenticator_data(&self, script: &Script) -> Vec<u8> {
        let mut data = authenticator_data(script.rp_id, script.flags, script.sign_count);
        if script.flags & AT != 0 {
            data.extend(
                script
                    .attested
                    .clone()
                    .unwrap_or_else(|| self.attested_credential_data()),
            );
        }
        data.extend(&script.extensions);
        data
    }

    /// `navigator.credentials.create()` and `toJSON()`.
    pub(super) fn create(&self, script: &Script) -> Value {
        let client_data = script.client_data.to_string();
        let attestation_object = [
            &[0xa3],
            text("fmt").as_slice(),
            &text(script.format),
            &text("attStmt"),
            &script.statement,
            &text("authData"),
            &bytes(&self.authenticator_data(script)),
        ]
        .concat();
        registration_response(&self.credential_id, client_data.as_bytes(), &attestation_object)
    }

    /// `navigator.credentials.get()` and `toJSON()`.
    pub(super) fn get(&self, script: &Script) -> Value {
        let client_data = script.client_data.to_string();
        let authenticator_data = self.authenticator_data(script);
        let signature = self.sign(&[authenticator_data.as_slice(), &Sha256::digest(client_data.as_bytes())].concat());
        let mut response = authentication_response(
            &self.credential_id,
            client_data.as_bytes(),
            &authenticator_data,
            &signature,
        );
        if let Some(handle) = &script.user_handle {
            response["response"]["userHandle"] = BASE64URL_NOPAD.encode(handle).into();
        }
        response
    }
}

pub(super) fn registration_response(id: &[u8], client_data: &[u8], attestation_object: &[u8]) -> Value {
    json!({
        "id": BASE64URL_NOPAD.encode(id),
        "rawId": BASE64URL_NOPAD.encode(id),
        "type": "public-key",
        "authenticatorAttachment": "platform",
        "clientExtensionResults": {},
        "response": {
            "clientDataJSON": BASE64URL_NOPAD.encode(client_data),
            "attestationObject": BASE64URL_NOPAD.encode(attestation_object),
            "transports": ["internal"],
        },
    })
}

pub(super) fn authentication_response(
    id: &[u8],
    client_data: &[u8],
    authenticator_data: &[u8],
    signature: &[u8],
) -> Value {
    json!({
        "id": BASE64URL_NOPAD.encode(id),
        "rawId": BASE64URL_NOPAD.encode(id),
        "type": "public-key",
        "authenticatorAttachment": "platform",
        "clientExtensionResults": {},
        "response": {
            "clientDataJSON": BASE64URL_NOPAD.encode(client_data),
            "authenticatorData": BASE64URL_NOPAD.encode(authenticator_data),
            "signature": BASE64URL_NOPAD.encode(signature),
        },
    })
}

/// The passkey that an authenticator registers without a script of its own.
pub(crate) fn passkey(authenticator: &SoftwareAuthenticator) -> Passkey {
    let response = authenticator.create(&Script::registration());
    let response = RegistrationResponse::parse(&response).unwrap();
    rp().register(&challenge(), &response).unwrap()
}

/// Authenticator data without a credential or extensions.
pub(super) fn authenticator_data(rp_id: &str, flags: u8, sign_count: u32) -> Vec<u8> {
    [
        Sha256::digest(rp_id.as_bytes()).as_slice(),
        &[flags],
        &sign_count.to_be_bytes(),
    ]
    .concat()
}

pub(super) fn attested_credential_data(aaguid: &[u8; 16], id: &[u8], cose_key: &[u8]) -> Vec<u8> {
    let length = u16::try_from(id.len()).unwrap().to_be_bytes();
    [aaguid.as_slice(), &length, id, cose_key].concat()
}

pub(super) fn cose_p256(x: &[u8], y: &[u8]) -> Vec<u8> {
    let head = [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21];
    [&head, bytes(x).as_slice(), &[0x22], &bytes(y)].concat()
}

pub(super) fn cose_ed25519(x: &[u8]) -> Vec<u8> {
    let head = [0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21];
    [&head, bytes(x).as_slice()].concat()
}

fn string(major: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    let [high, low] = length.to_be_bytes();
    let head = match length {
        0..24 => vec![major << 5 | low],
        24..256 => vec![major << 5 | 24, low],
        256.. => vec![major << 5 | 25, high, low],
    };
    [head.as_slice(), content].concat()
}

/// A byte string in CBOR.
pub(super) fn bytes(content: &[u8]) -> Vec<u8> {
    string(2, content)
}

/// A text string in CBOR.
pub(super) fn text(content: &str) -> Vec<u8> {
    string(3, content.as_bytes())
}

/// A case, what makes it so, and the refusal that it gets.
pub(super) type Refusal = (&'static str, fn(&mut Script), Refused);

/// What a registration and a log-in refuse alike.
pub(super) fn refused_in_both() -> [Refusal; 8] {
    [
        (
            "an old challenge",
            |script| script.client_data["challenge"] = "BgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgY".into(),
            Refused::Challenge,
        ),
        (
            "a phishing page",
            |script| script.client_data["origin"] = "https://examp1e.org".into(),
            Refused::Origin,
        ),
        (
            "a frame",
            |script| script.client_data["crossOrigin"] = true.into(),
            Refused::CrossOrigin,
        ),
        (
            "a named frame",
            |script| script.client_data["topOrigin"] = "https://example.com".into(),
            Refused::CrossOrigin,
        ),
        (
            "another relying party",
            |script| script.rp_id = "example.com",
            Refused::RelyingParty,
        ),
        ("nobody there", |script| script.flags &= !UP, Refused::UserPresence),
        (
            "somebody unknown",
            |script| script.flags &= !UV,
            Refused::UserVerification,
        ),
        (
            "backed up and not eligible",
            |script| script.flags |= BS,
            Refused::BackupState,
        ),
    ]
}
