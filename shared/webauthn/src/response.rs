//! What browsers send: `PublicKeyCredential.toJSON()` (WebAuthn Level 3, section 5.1), with no members but those that the
//! standard lists, and bounded. Members that only repeat something for the convenience of servers (`publicKey`,
//! `authenticatorData` of a registration) and results of extensions, of which none was asked for, are not looked at: nobody has
//! signed them.
//!
//! Read from a [`Value`] by hand. Derived parsers, which track where in the body they are, are much larger.

use std::borrow::Cow;

use model::AccountId;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::base64url::Base64Url;
use super::challenge::Challenge;
use super::client_data;
use super::credential::{CredentialId, Transport};
use super::refused::{
    ATTESTATION_OBJECT, AUTHENTICATOR_DATA, CLIENT_DATA, ID, RAW_ID, RESPONSE, Refused, SIGNATURE, TRANSPORTS, TYPE,
    USER_HANDLE, WHOLE,
};

/// The longest attestation object, in bytes. Some statements carry chains of certificates.
const MOST_ATTESTATION_OBJECT: usize = 64 * 1024;

/// The longest authenticator data of an assertion, in bytes: 37, and extensions that nobody asked for.
const MOST_AUTHENTICATOR_DATA: usize = 4 * 1024;

/// The longest signature, in bytes: ES256's have 72, those of Ed25519 64.
const MOST_SIGNATURE: usize = 128;

/// The longest user handle, in bytes (section 5.4.3).
const MOST_USER_HANDLE: usize = 64;

/// The most transports of one credential. The standard knows six.
const MOST_TRANSPORTS: usize = 16;

/// `RegistrationResponseJSON`.
#[derive(Debug)]
pub struct RegistrationResponse {
    pub(super) id: CredentialId,
    pub(super) client_data: Base64Url,
    pub(super) attestation_object: Base64Url,
    pub(super) transports: Vec<Transport>,
}

/// `AuthenticationResponseJSON`.
#[derive(Debug)]
pub struct AuthenticationResponse {
    pub(super) id: CredentialId,
    pub(super) client_data: Base64Url,
    pub(super) authenticator_data: Base64Url,
    pub(super) signature: Base64Url,
    pub(super) user_handle: Option<Base64Url>,
}

/// Data minimisation: what the standard does not list is not accepted, even to be ignored.
fn has_only(json: &Value, field: &'static str, members: &[&str]) -> Result<(), Refused> {
    let object = json
        .pointer(field)
        .and_then(Value::as_object)
        .ok_or(Refused::malformed(field, "must be an object"))?;
    if object.keys().all(|name| members.contains(&name.as_str())) {
        Ok(())
    } else {
        Err(Refused::malformed(field, "must have no members but those of WebAuthn"))
    }
}

fn bytes(json: &Value, field: &'static str, most: usize) -> Result<Base64Url, Refused> {
    json.pointer(field)
        .and_then(Value::as_str)
        .and_then(Base64Url::decode)
        .filter(|bytes| bytes.as_bytes().len() <= most)
        .ok_or(Refused::malformed(
            field,
            "must be base64url without padding, and not too long",
        ))
}

/// What both responses have: the credential's id, twice, and its type. Their other members are in `response`.
fn credential_id(json: &Value) -> Result<CredentialId, Refused> {
    const MEMBERS: [&str; 6] = [
        "id",
        "rawId",
        "response",
        "authenticatorAttachment",
        "clientExtensionResults",
        "type",
    ];
    has_only(json, WHOLE, &MEMBERS)?;
    if json.pointer(TYPE).and_then(Value::as_str) != Some("public-key") {
        return Err(Refused::malformed(TYPE, "must be public-key"));
    }
    if json.pointer(ID) != json.pointer(RAW_ID) {
        return Err(Refused::malformed(RAW_ID, "must be the same as id"));
    }
    bytes(json, ID, usize::MAX)?
        .try_into()
        .map_err(|detail| Refused::malformed(ID, detail))
}

fn transports(json: &Value) -> Result<Vec<Transport>, Refused> {
    let malformed = Refused::malformed(TRANSPORTS, "must be a list of at most 16 names of transports");
    match json.pointer(TRANSPORTS) {
        None => Ok(Vec::new()),
        Some(Value::Array(names)) if names.len() <= MOST_TRANSPORTS => names
            .iter()
            .map(|name| {
                let name = name.as_str().ok_or(malformed)?;
                Transport::try_from(name.to_owned()).map_err(|_| malformed)
            })
            .collect(),
        Some(_) => Err(malformed),
    }
}

/// The form of a credential, whose `response` is of this one.
fn form(description: &str, response: &Schema, generator: &mut SchemaGenerator) -> Schema {
    let id = generator.subschema_for::<CredentialId>();
    json_schema!({
        "description": description,
        "type": "object",
        "properties": {
            "id": id,
            "rawId": { "$ref": id.get("$ref"), "description": "The same as `id`." },
            "type": { "const": "public-key" },
            "response": response,
            "authenticatorAttachment": { "type": "string", "description": "Not looked at." },
            "clientExtensionResults": { "type": "object", "additionalProperties": true, "description": "Not looked at." },
        },
        "required": ["id", "rawId", "type", "response"],
        "additionalProperties": false,
    })
}

impl JsonSchema for RegistrationResponse {
    fn schema_name() -> Cow<'static, str> {
        "RegistrationResponseJSON".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let bytes = generator.subschema_for::<Base64Url>();
        let response = json_schema!({
            "type": "object",
            "properties": {
                "clientDataJSON": bytes,
                "attestationObject": bytes,
                "transports": {
                    "type": "array",
                    "items": generator.subschema_for::<Transport>(),
                    "maxItems": MOST_TRANSPORTS,
                },
                "authenticatorData": { "type": "string", "description": "Not looked at." },
                "publicKey": { "type": "string", "description": "Not looked at." },
                "publicKeyAlgorithm": { "type": "integer", "description": "Not looked at." },
            },
            "required": ["clientDataJSON", "attestationObject"],
            "additionalProperties": false,
        });
        let description = "What `PublicKeyCredential.toJSON()` gives of a credential that was created.";
        form(description, &response, generator)
    }
}

impl JsonSchema for AuthenticationResponse {
    fn schema_name() -> Cow<'static, str> {
        "AuthenticationResponseJSON".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let bytes = generator.subschema_for::<Base64Url>();
        let response = json_schema!({
            "type": "object",
            "properties": {
                "clientDataJSON": bytes,
                "authenticatorData": bytes,
                "signature": bytes,
                "userHandle": bytes,
            },
            "required": ["clientDataJSON", "authenticatorData", "signature"],
            "additionalProperties": false,
        });
        let description = "What `PublicKeyCredential.toJSON()` gives of a credential that was used.";
        form(description, &response, generator)
    }
}

impl RegistrationResponse {
    /// Reads what `toJSON()` gives of a credential that was created.
    ///
    /// # Errors
    /// [`Refused::Malformed`], with the field.
    pub fn parse(json: &Value) -> Result<Self, Refused> {
        const MEMBERS: [&str; 6] = [
            "clientDataJSON",
            "authenticatorData",
            "transports",
            "publicKey",
            "publicKeyAlgorithm",
            "attestationObject",
        ];
        let id = credential_id(json)?;
        has_only(json, RESPONSE, &MEMBERS)?;
        Ok(Self {
            id,
            client_data: bytes(json, CLIENT_DATA, client_data::MOST)?,
            attestation_object: bytes(json, ATTESTATION_OBJECT, MOST_ATTESTATION_OBJECT)?,
            transports: transports(json)?,
        })
    }

    /// The new credential, so that its id can be looked for among those that are registered.
    pub fn credential_id(&self) -> &CredentialId {
        &self.id
    }

    /// Which challenge the response claims to answer.
    pub fn challenge(&self) -> Option<Challenge> {
        client_data::challenge(self.client_data.as_bytes())
    }
}

impl AuthenticationResponse {
    /// Reads what `toJSON()` gives of a credential that was used.
    ///
    /// # Errors
    /// [`Refused::Malformed`], with the field.
    pub fn parse(json: &Value) -> Result<Self, Refused> {
        const MEMBERS: [&str; 4] = ["clientDataJSON", "authenticatorData", "signature", "userHandle"];
        let id = credential_id(json)?;
        has_only(json, RESPONSE, &MEMBERS)?;
        Ok(Self {
            id,
            client_data: bytes(json, CLIENT_DATA, client_data::MOST)?,
            authenticator_data: bytes(json, AUTHENTICATOR_DATA, MOST_AUTHENTICATOR_DATA)?,
            signature: bytes(json, SIGNATURE, MOST_SIGNATURE)?,
            user_handle: match json.pointer(USER_HANDLE) {
                None | Some(Value::Null) => None,
                Some(_) => Some(bytes(json, USER_HANDLE, MOST_USER_HANDLE)?),
            },
        })
    }

    /// Which passkey the response claims to be of.
    pub fn credential_id(&self) -> &CredentialId {
        &self.id
    }

    /// Which challenge the response claims to answer.
    pub fn challenge(&self) -> Option<Challenge> {
        client_data::challenge(self.client_data.as_bytes())
    }

    /// Which account the response claims to be of, where the authenticator says so in a way that we gave it. Without it, the
    /// caller has to know the account from elsewhere (section 7.2, step 6).
    pub fn account(&self) -> Option<AccountId> {
        let handle = self.user_handle.as_ref()?.as_bytes();
        Some(AccountId::from_bytes(handle.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::software_authenticator::{Script, SoftwareAuthenticator, challenge};
    use data_encoding::BASE64URL_NOPAD;
    use serde_json::json;

    fn registration() -> Value {
        SoftwareAuthenticator::es256().create(&Script::registration())
    }

    fn authentication() -> Value {
        SoftwareAuthenticator::es256().get(&Script::authentication())
    }

    fn remove(value: &mut Value, pointer: &str) {
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        let removed = value
            .pointer_mut(parent)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(member);
        assert!(removed.is_some(), "{pointer}");
    }

    fn insert(value: &mut Value, pointer: &str, member: Value) {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        value.pointer_mut(parent).unwrap()[name] = member;
    }

    #[test]
    fn what_browsers_add_is_accepted() {
        let mut full = registration();
        for (pointer, member) in [
            ("/authenticatorAttachment", json!("platform")),
            (
                "/clientExtensionResults",
                json!({"credProps": {"rk": true}, "prf": {"enabled": false}}),
            ),
            ("/response/transports", json!(["internal", "hybrid", "a-new-one"])),
            ("/response/publicKey", json!("MFkw")),
            ("/response/publicKeyAlgorithm", json!(-7)),
            ("/response/authenticatorData", json!("AAAA")),
        ] {
            insert(&mut full, pointer, member);
        }
        assert!(RegistrationResponse::parse(&full).is_ok());
        for (pointer, member) in [
            ("/authenticatorAttachment", json!(null)),
            ("/response/publicKey", json!(null)),
        ] {
            insert(&mut full, pointer, member);
        }
        assert!(RegistrationResponse::parse(&full).is_ok());

        let mut full = authentication();
        for (pointer, member) in [
            ("/authenticatorAttachment", json!("cross-platform")),
            ("/clientExtensionResults", json!({"appid": false})),
            ("/response/userHandle", json!(null)),
        ] {
            insert(&mut full, pointer, member);
        }
        assert!(AuthenticationResponse::parse(&full).is_ok());
    }

    #[test]
    fn each_refusal_names_its_field() {
        let long = |length| json!(BASE64URL_NOPAD.encode(&vec![1; length]));
        let field = |parsed: Result<(), Refused>| match parsed {
            Ok(()) => None,
            Err(Refused::Malformed { field, .. }) => Some(field),
            Err(refused) => panic!("{refused:?}"),
        };
        for (pointer, member, refused) in [
            ("/password", json!("AAAA"), Some(WHOLE)),
            ("/type", json!("password"), Some(TYPE)),
            ("/type", json!(1), Some(TYPE)),
            ("/rawId", json!("AQ"), Some(RAW_ID)),
            ("/rawId", json!(null), Some(RAW_ID)),
            ("/response", json!([]), Some(RESPONSE)),
            ("/response/password", json!("AAAA"), Some(RESPONSE)),
            ("/response/signature", json!("AAAA"), Some(RESPONSE)),
            ("/response/userHandle", json!("AAAA"), Some(RESPONSE)),
            ("/response/clientDataJSON", json!({}), Some(CLIENT_DATA)),
            ("/response/clientDataJSON", json!("e30="), Some(CLIENT_DATA)),
            ("/response/clientDataJSON", json!("e3/="), Some(CLIENT_DATA)),
            ("/response/clientDataJSON", long(4096), None),
            ("/response/clientDataJSON", long(4097), Some(CLIENT_DATA)),
            ("/response/attestationObject", long(65_536), None),
            ("/response/attestationObject", long(65_537), Some(ATTESTATION_OBJECT)),
            ("/response/transports", json!([]), None),
            ("/response/transports", json!(vec!["usb"; 16]), None),
            ("/response/transports", json!(vec!["usb"; 17]), Some(TRANSPORTS)),
            ("/response/transports", json!("usb"), Some(TRANSPORTS)),
            ("/response/transports", json!([1]), Some(TRANSPORTS)),
            ("/response/transports", json!(["US B"]), Some(TRANSPORTS)),
        ] {
            let mut response = registration();
            insert(&mut response, pointer, member);
            let parsed = RegistrationResponse::parse(&response).map(drop);
            assert_eq!(field(parsed), refused, "{pointer}");
        }
        for (pointer, member, refused) in [
            ("/password", json!("AAAA"), Some(WHOLE)),
            ("/type", json!("password"), Some(TYPE)),
            ("/rawId", json!("AQ"), Some(RAW_ID)),
            ("/response", json!(null), Some(RESPONSE)),
            ("/response/attestationObject", json!("AAAA"), Some(RESPONSE)),
            ("/response/transports", json!([]), Some(RESPONSE)),
            ("/response/clientDataJSON", long(4097), Some(CLIENT_DATA)),
            ("/response/authenticatorData", long(4096), None),
            ("/response/authenticatorData", long(4097), Some(AUTHENTICATOR_DATA)),
            ("/response/signature", long(128), None),
            ("/response/signature", long(129), Some(SIGNATURE)),
            ("/response/userHandle", long(64), None),
            ("/response/userHandle", long(65), Some(USER_HANDLE)),
            ("/response/userHandle", json!(7), Some(USER_HANDLE)),
        ] {
            let mut response = authentication();
            insert(&mut response, pointer, member);
            let parsed = AuthenticationResponse::parse(&response).map(drop);
            assert_eq!(field(parsed), refused, "{pointer}");
        }
        for (id, right) in [
            (json!(""), false),
            (long(1), true),
            (long(1023), true),
            (long(1024), false),
            (json!("a="), false),
            (json!(null), false),
        ] {
            let (mut created, mut used) = (registration(), authentication());
            for response in [&mut created, &mut used] {
                insert(response, ID, id.clone());
                insert(response, RAW_ID, id.clone());
            }
            let refused = (!right).then_some(ID);
            assert_eq!(field(RegistrationResponse::parse(&created).map(drop)), refused, "{id}");
            assert_eq!(field(AuthenticationResponse::parse(&used).map(drop)), refused, "{id}");
        }
        for json in [json!(null), json!([]), json!("{}"), json!({})] {
            assert!(RegistrationResponse::parse(&json).is_err(), "{json}");
            assert!(AuthenticationResponse::parse(&json).is_err(), "{json}");
        }
    }

    #[test]
    fn what_is_read_has_to_be_there() {
        for pointer in [ID, RAW_ID, TYPE, RESPONSE, CLIENT_DATA, ATTESTATION_OBJECT] {
            let mut response = registration();
            remove(&mut response, pointer);
            assert!(RegistrationResponse::parse(&response).is_err(), "{pointer}");
        }
        for pointer in [ID, RAW_ID, TYPE, RESPONSE, CLIENT_DATA, AUTHENTICATOR_DATA, SIGNATURE] {
            let mut response = authentication();
            remove(&mut response, pointer);
            assert!(AuthenticationResponse::parse(&response).is_err(), "{pointer}");
        }
        let mut without_transports = registration();
        remove(&mut without_transports, TRANSPORTS);
        assert_eq!(RegistrationResponse::parse(&without_transports).unwrap().transports, []);
    }

    #[test]
    fn says_whose_it_claims_to_be() {
        let authenticator = SoftwareAuthenticator::es256();
        for (handle, account) in [
            (
                json!(BASE64URL_NOPAD.encode(&[9; 16])),
                Some(AccountId::from_bytes([9; 16])),
            ),
            (json!(BASE64URL_NOPAD.encode(&[9; 15])), None),
            (json!(BASE64URL_NOPAD.encode(&[9; 17])), None),
            (json!(null), None),
        ] {
            let mut response = authentication();
            insert(&mut response, "/response/userHandle", handle);
            let parsed = AuthenticationResponse::parse(&response).unwrap();
            assert_eq!(parsed.account(), account);
            assert_eq!(parsed.credential_id().as_bytes(), authenticator.credential_id);
        }
        let parsed = RegistrationResponse::parse(&registration()).unwrap();
        assert_eq!(parsed.credential_id().as_bytes(), authenticator.credential_id);
    }

    #[test]
    fn says_which_challenge_it_claims_to_answer() {
        let expected = challenge();
        let registration = RegistrationResponse::parse(&registration()).unwrap();
        let authentication = AuthenticationResponse::parse(&authentication()).unwrap();
        for named in [registration.challenge(), authentication.challenge()] {
            assert_eq!(named.unwrap().as_bytes(), expected.as_bytes());
        }
        for client_data in [
            "",
            "{}",
            r#"{"type":"webauthn.get","origin":"https://example.org","challenge":"AAAA"}"#,
        ] {
            let mut response = self::authentication();
            let encoded = BASE64URL_NOPAD.encode(client_data.as_bytes());
            insert(&mut response, "/response/clientDataJSON", json!(encoded));
            let parsed = AuthenticationResponse::parse(&response).unwrap();
            assert!(parsed.challenge().is_none(), "{client_data}");
        }
    }
}
