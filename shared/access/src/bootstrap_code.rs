//! The one-time code that opens a clinic: made by the operator's command, checked here, stored nowhere.
//!
//! `cfb_` and base64url of a random id (16 bytes) and an HMAC over it (32 bytes). What is opened with it is named by
//! the id, so that a code opens one clinic however often it is sent.

use base64ct::{Base64UrlUnpadded, Encoding};
use crypto::{Label, Secret, mac};
use model::{AccountId, ClinicId};
use zeroize::Zeroizing;

const CODE: Label = Label::new("confide 2026-11 bootstrap code");
const CLINIC: Label = Label::new("confide 2026-11 bootstrap clinic");
const ACCOUNT: Label = Label::new("confide 2026-11 bootstrap account");

const PREFIX: &str = "cfb_";
const ID_LENGTH: usize = 16;
const MAC_LENGTH: usize = 32;

/// The id of a code that was found genuine.
pub struct CodeId([u8; ID_LENGTH]);

/// The code with this id. The id must be fresh randomness.
#[must_use]
pub fn mint(key: &Secret, id: [u8; ID_LENGTH]) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; ID_LENGTH + MAC_LENGTH]);
    let code = mac(key, CODE, &[&id]);
    for (to, from) in bytes.iter_mut().zip(id.iter().chain(code.as_bytes())) {
        *to = *from;
    }
    let encoded = Zeroizing::new(Base64UrlUnpadded::encode_string(bytes.as_slice()));
    Zeroizing::new(format!("{PREFIX}{}", *encoded))
}

/// The id of the code, if it is genuine. Compares in constant time.
#[must_use]
pub fn verify(key: &Secret, text: &str) -> Option<CodeId> {
    let mut bytes = Zeroizing::new([0; ID_LENGTH + MAC_LENGTH]);
    let decoded = Base64UrlUnpadded::decode(text.strip_prefix(PREFIX)?, bytes.as_mut_slice()).ok()?;
    let (id, code) = decoded.split_first_chunk::<ID_LENGTH>()?;
    mac(key, CODE, &[id]).matches(code).then_some(CodeId(*id))
}

impl CodeId {
    /// The clinic that the code opens.
    #[must_use]
    pub fn clinic(&self, key: &Secret) -> ClinicId {
        ClinicId::from_bytes(mac(key, CLINIC, &[&self.0]).truncated())
    }

    /// The account of the administrator who opens it.
    #[must_use]
    pub fn account(&self, key: &Secret) -> AccountId {
        AccountId::from_bytes(mac(key, ACCOUNT, &[&self.0]).truncated())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_minted_code_is_genuine() {
        let key = Secret::from_bytes([1; 32]);
        let code = mint(&key, [7; 16]);
        assert_eq!(code.len(), 4 + 64);
        assert_eq!(verify(&key, &code).unwrap().0, [7; 16]);
        assert!(verify(&Secret::from_bytes([2; 32]), &code).is_none());
        let changed = |position: usize| {
            let mut bytes = code.as_bytes().to_vec();
            bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
            String::from_utf8(bytes).unwrap()
        };
        for wrong in [
            String::new(),
            "cfb_".to_owned(),
            code.replace("cfb_", "cfs_"),
            code[..code.len() - 1].to_owned(),
            format!("{}A", *code),
            format!("{}=", *code),
            changed(4),
            changed(40),
            changed(67),
        ] {
            assert!(verify(&key, &wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_code_names_one_clinic_and_one_account() {
        let key = Secret::from_bytes([1; 32]);
        let (one, two) = (CodeId([1; 16]), CodeId([2; 16]));
        assert_eq!(one.clinic(&key), CodeId([1; 16]).clinic(&key));
        assert_ne!(one.clinic(&key), two.clinic(&key));
        assert_ne!(one.clinic(&key).as_bytes(), one.account(&key).as_bytes());
    }
}
