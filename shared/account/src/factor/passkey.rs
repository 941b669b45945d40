//! Passkeys of an account.
//!
//! That a credential is registered once is seen to within the account (WebAuthn Level 3, section 7.1, step 26, asks it of all
//! accounts): an account is found by the user handle that the authenticator signs for, never by the credential, so who
//! registers somebody else's credential as her own gets into no account but her own.

use crypto::{Label, Secret, mac};
use jiff::fmt::serde::timestamp::nanosecond;
use model::{AccountId, ClinicId, Confidential, PasskeyId, Timestamp};
use serde::{Deserialize, Serialize};

use webauthn::{CredentialId, Passkey};

const ID: Label = Label::new("confide 2026-11 passkey id");

/// How many passkeys an account has at most.
const MOST: usize = 10;

/// A passkey and what its owner calls it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisteredPasskey {
    /// By which its owner takes it away.
    pub id: PasskeyId,
    /// What its owner calls it.
    pub name: Confidential<String>,
    /// What its signatures are checked with.
    pub credential: Passkey,
    /// Since when it is a factor.
    #[serde(with = "nanosecond::required")]
    pub added_at: Timestamp,
    /// When it was shown last.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "nanosecond::optional")]
    pub last_used_at: Option<Timestamp>,
}

impl RegisteredPasskey {
    /// A passkey that was just registered. Its id is not the credential's, which follows a person around and must not
    /// stand in a URL.
    pub fn new(
        index: &Secret,
        clinic: ClinicId,
        account: AccountId,
        name: String,
        credential: Passkey,
        now: Timestamp,
    ) -> Self {
        let parts = [
            clinic.as_bytes().as_slice(),
            account.as_bytes(),
            credential.id.as_bytes(),
        ];
        Self {
            id: PasskeyId::from_bytes(mac(index, ID, &parts).truncated()),
            name: Confidential::new(name),
            credential,
            added_at: now,
            last_used_at: None,
        }
    }
}

/// The account has as many passkeys as it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// All of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Passkeys(Vec<RegisteredPasskey>);

impl Passkeys {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &RegisteredPasskey> {
        self.0.iter()
    }

    /// The credentials, for the options of a ceremony.
    pub fn credentials(&self) -> Vec<Passkey> {
        self.0.iter().map(|passkey| passkey.credential.clone()).collect()
    }

    pub fn find(&self, credential: &CredentialId) -> Option<&RegisteredPasskey> {
        self.0.iter().find(|passkey| passkey.credential.id == *credential)
    }

    pub(crate) fn find_mut(&mut self, credential: &CredentialId) -> Option<&mut RegisteredPasskey> {
        self.0.iter_mut().find(|passkey| passkey.credential.id == *credential)
    }

    /// Adds one whose credential is not there yet.
    ///
    /// # Errors
    /// [`Full`]; then nothing is changed.
    pub fn add(&mut self, passkey: RegisteredPasskey) -> Result<(), Full> {
        if self.0.len() >= MOST {
            return Err(Full);
        }
        self.0.push(passkey);
        Ok(())
    }

    /// Takes one away; `false` where it is not there.
    pub fn remove(&mut self, id: PasskeyId) -> bool {
        let before = self.0.len();
        self.0.retain(|passkey| passkey.id != id);
        self.0.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64ct::{Base64UrlUnpadded, Encoding};
    use serde_json::json;

    /// The public key of the first test in RFC 8032, section 7.1, as a COSE_Key.
    const KEY: &[u8] = b"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20\
        \xd7\x5a\x98\x01\x82\xb1\x0a\xb7\xd5\x4b\xfe\xd3\xc9\x64\x07\x3a\
        \x0e\xe1\x72\xf3\xda\xa6\x23\x25\xaf\x02\x1a\x68\xf7\x07\x51\x1a";

    fn credential(number: u8) -> Passkey {
        let encode = Base64UrlUnpadded::encode_string;
        let stored = json!({
            "id": encode(&[number; 16]), "public_key": encode(KEY), "sign_count": 0,
            "backup_eligible": false, "backed_up": false, "aaguid": vec![0; 16],
        });
        serde_json::from_value(stored).unwrap()
    }

    fn named(number: u8) -> RegisteredPasskey {
        RegisteredPasskey::new(
            &Secret::from_bytes([1; 32]),
            ClinicId::from_bytes([2; 16]),
            AccountId::from_bytes([3; 16]),
            format!("key {number}"),
            credential(number),
            Timestamp::from_second(0).unwrap(),
        )
    }

    #[test]
    fn ten_at_most_found_by_credential_and_removed_by_id() {
        let mut passkeys = Passkeys::default();
        for number in 0..10 {
            assert_eq!(passkeys.add(named(number)), Ok(()));
        }
        assert_eq!(passkeys.add(named(10)), Err(Full));
        let third = named(3);
        assert_eq!(
            passkeys.find(&third.credential.id).map(|passkey| passkey.id),
            Some(third.id)
        );
        assert!(passkeys.remove(third.id));
        assert!(!passkeys.remove(third.id));
        assert_eq!(passkeys.find(&third.credential.id), None);
        assert_eq!(passkeys.add(named(10)), Ok(()));
        assert_eq!(passkeys.credentials().len(), 10);
    }
}
