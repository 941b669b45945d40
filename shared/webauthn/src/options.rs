//! What the page passes to the browser (WebAuthn Level 3, sections 5.4 and 5.5), as the JSON that
//! `PublicKeyCredential.parseCreationOptionsFromJSON` and `…parseRequestOptionsFromJSON` read.

use model::AccountId;
use schemars::JsonSchema;
use serde::Serialize;

use super::base64url::Base64Url;
use super::challenge::Challenge;
use super::credential::{CredentialId, Transport};
use super::passkey::Passkey;
use super::public_key::{EDDSA, ES256};
use super::relying_party::RelyingParty;

/// How long a ceremony may take, in milliseconds (section 15.1). A challenge should live no longer.
pub const TIMEOUT_MILLISECONDS: u32 = 300_000;

/// For whom a passkey is made. The names are for the person to choose by, on her own device; they lead to no account.
pub struct User<'a> {
    /// Whose account it is for.
    pub account: AccountId,
    /// Such as the address she logs in with.
    pub name: &'a str,
    /// What she is called.
    pub display_name: &'a str,
}

/// What `PublicKeyCredential.parseCreationOptionsFromJSON()` reads (WebAuthn Level 3, section 5.1.8).
// No `Debug`: it names a person.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PublicKeyCredentialCreationOptionsJSON")]
pub struct CreationOptions<'a> {
    rp: RpEntity<'a>,
    user: UserEntity<'a>,
    challenge: &'a Challenge,
    pub_key_cred_params: [Parameters; 2],
    /// In milliseconds.
    timeout: u32,
    exclude_credentials: Vec<Descriptor<'a>>,
    authenticator_selection: AuthenticatorSelection,
    #[schemars(extend("const" = NO_ATTESTATION))]
    attestation: &'static str,
}

/// What `PublicKeyCredential.parseRequestOptionsFromJSON()` reads (WebAuthn Level 3, section 5.1.9).
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PublicKeyCredentialRequestOptionsJSON")]
pub struct RequestOptions<'a> {
    challenge: &'a Challenge,
    /// In milliseconds.
    timeout: u32,
    rp_id: &'a str,
    /// Empty where any passkey for this deployment may be used.
    allow_credentials: Vec<Descriptor<'a>>,
    #[schemars(extend("const" = REQUIRED))]
    user_verification: &'static str,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PublicKeyCredentialRpEntity")]
struct RpEntity<'a> {
    id: &'a str,
    name: &'a str,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PublicKeyCredentialUserEntityJSON")]
struct UserEntity<'a> {
    id: Base64Url,
    name: &'a str,
    display_name: &'a str,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PublicKeyCredentialParameters")]
struct Parameters {
    #[serde(rename = "type")]
    #[schemars(extend("const" = PUBLIC_KEY))]
    kind: &'static str,
    /// A COSE algorithm.
    alg: i64,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PublicKeyCredentialDescriptorJSON")]
struct Descriptor<'a> {
    #[serde(rename = "type")]
    #[schemars(extend("const" = PUBLIC_KEY))]
    kind: &'static str,
    id: &'a CredentialId,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    transports: &'a [Transport],
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AuthenticatorSelectionCriteria")]
struct AuthenticatorSelection {
    #[schemars(extend("const" = REQUIRED))]
    resident_key: &'static str,
    require_resident_key: bool,
    #[schemars(extend("const" = REQUIRED))]
    user_verification: &'static str,
}

const PUBLIC_KEY: &str = "public-key";
const REQUIRED: &str = "required";

/// Which make of device somebody has is none of our business (section 14.4.1).
const NO_ATTESTATION: &str = "none";

fn descriptors(passkeys: &[Passkey]) -> Vec<Descriptor<'_>> {
    passkeys
        .iter()
        .map(|passkey| Descriptor {
            kind: PUBLIC_KEY,
            id: &passkey.id,
            transports: &passkey.transports,
        })
        .collect()
}

impl RelyingParty {
    /// Options to make a passkey on a device that has none of those that are registered: one that is kept on the device, so
    /// that it can be found without a name being typed, and that unlocks only for its owner.
    pub fn creation_options<'a>(
        &'a self,
        challenge: &'a Challenge,
        user: &User<'a>,
        registered: &'a [Passkey],
    ) -> CreationOptions<'a> {
        CreationOptions {
            // Few clients show the name any more; the id is what section 5.4.1 gives as a safe one.
            rp: RpEntity {
                id: self.id(),
                name: self.id(),
            },
            user: UserEntity {
                // Opaque, as section 14.6.1 asks.
                id: Base64Url::new(user.account.as_bytes()),
                name: user.name,
                display_name: user.display_name,
            },
            challenge,
            // In order of preference. RS256, which only some old TPMs need, is not offered: it is PKCS #1 v1.5.
            pub_key_cred_params: [EDDSA, ES256].map(|alg| Parameters { kind: PUBLIC_KEY, alg }),
            timeout: TIMEOUT_MILLISECONDS,
            exclude_credentials: descriptors(registered),
            authenticator_selection: AuthenticatorSelection {
                resident_key: REQUIRED,
                require_resident_key: true,
                user_verification: REQUIRED,
            },
            attestation: NO_ATTESTATION,
        }
    }

    /// Options to use one of these passkeys, or, where there are none, any that the device has for us. To list the passkeys of an
    /// account to somebody who has not logged in tells her that it exists and has some (section 14.6.3): list none then.
    pub fn request_options<'a>(&'a self, challenge: &'a Challenge, allowed: &'a [Passkey]) -> RequestOptions<'a> {
        RequestOptions {
            challenge,
            timeout: TIMEOUT_MILLISECONDS,
            rp_id: self.id(),
            allow_credentials: descriptors(allowed),
            user_verification: REQUIRED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::software_authenticator::{SoftwareAuthenticator, passkey, rp};
    use data_encoding::BASE64URL_NOPAD;
    use serde_json::json;

    #[test]
    fn are_the_json_that_browsers_read() {
        let (rp, challenge) = (rp(), Challenge::from_bytes([1; 32]));
        let user = User {
            account: AccountId::from_bytes([2; 16]),
            name: "ada@example.org",
            display_name: "Ada",
        };
        let mut unknown_transport = passkey(&SoftwareAuthenticator::eddsa());
        unknown_transport.transports.clear();
        let registered = [passkey(&SoftwareAuthenticator::es256()), unknown_transport];
        let descriptors = json!([
            {
                "type": "public-key",
                "id": BASE64URL_NOPAD.encode(&SoftwareAuthenticator::es256().credential_id),
                "transports": ["internal"],
            },
            {
                "type": "public-key",
                "id": BASE64URL_NOPAD.encode(&SoftwareAuthenticator::eddsa().credential_id),
            },
        ]);
        assert_eq!(
            serde_json::to_value(rp.creation_options(&challenge, &user, &registered)).unwrap(),
            json!({
                "rp": {"id": "example.org", "name": "example.org"},
                "user": {"id": BASE64URL_NOPAD.encode(&[2; 16]), "name": "ada@example.org", "displayName": "Ada"},
                "challenge": BASE64URL_NOPAD.encode(&[1; 32]),
                "pubKeyCredParams": [{"type": "public-key", "alg": -8}, {"type": "public-key", "alg": -7}],
                "timeout": 300_000,
                "excludeCredentials": descriptors,
                "authenticatorSelection": {
                    "residentKey": "required",
                    "requireResidentKey": true,
                    "userVerification": "required",
                },
                "attestation": "none",
            })
        );
        assert_eq!(
            serde_json::to_value(rp.request_options(&challenge, &registered)).unwrap(),
            json!({
                "challenge": BASE64URL_NOPAD.encode(&[1; 32]),
                "timeout": 300_000,
                "rpId": "example.org",
                "allowCredentials": descriptors,
                "userVerification": "required",
            })
        );
        let discoverable = serde_json::to_value(rp.request_options(&challenge, &[])).unwrap();
        assert_eq!(discoverable["allowCredentials"], json!([]));
    }
}
