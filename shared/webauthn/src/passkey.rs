use serde::{Deserialize, Serialize};

use super::credential::{CredentialId, Transport};
use super::public_key::PublicKey;
use super::verify::Assertion;

/// A registered passkey: a credential record (WebAuthn Level 3, section 4), as it lies sealed in its account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passkey {
    /// By which the authenticator knows it.
    pub id: CredentialId,
    pub(crate) public_key: PublicKey,
    /// How often it has signed, or 0 for ever where the authenticator does not count.
    pub(crate) sign_count: u32,
    /// Whether it may be copied to other devices. Never changes.
    pub(crate) backup_eligible: bool,
    /// Whether it was copied when it was used last.
    pub backed_up: bool,
    /// How the browser reached the authenticator, as the browser said: a hint for the next time and nothing else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) transports: Vec<Transport>,
    /// Which model the authenticator says it is. Not attested, so nobody has to believe it.
    pub(crate) aaguid: [u8; 16],
}

/// Whether a counter shows no copy of the authenticator: it rises, or is not kept at all (WebAuthn Level 3, section 7.2, step 22).
pub(super) fn counts_on(stored: u32, new: u32) -> bool {
    new > stored || (new == 0 && stored == 0)
}

impl Passkey {
    /// Notes that it was used; `false`, and nothing is changed, where it has been used since by something that counted as far. So
    /// an assertion that was verified against what a document said before cannot turn the counter back.
    #[must_use]
    pub fn note_use(&mut self, assertion: &Assertion) -> bool {
        let counts_on = counts_on(self.sign_count, assertion.sign_count());
        if counts_on {
            self.sign_count = assertion.sign_count();
            self.backed_up = assertion.backed_up();
        }
        counts_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::software_authenticator::{SoftwareAuthenticator, passkey};

    #[test]
    fn counters_rise_or_stay_zero() {
        for (stored, new, right) in [
            (0, 0, true),
            (0, 1, true),
            (1, 2, true),
            (5, 4_000_000_000, true),
            (1, 0, false),
            (1, 1, false),
            (2, 1, false),
            (u32::MAX, 0, false),
            (u32::MAX, u32::MAX, false),
        ] {
            assert_eq!(counts_on(stored, new), right, "{stored} {new}");
        }
    }

    #[test]
    fn is_stored_and_read_again() {
        let stored = passkey(&SoftwareAuthenticator::es256());
        let json = serde_json::to_value(&stored).unwrap();
        assert_eq!(serde_json::from_value::<Passkey>(json.clone()).unwrap(), stored);
        let mut unknown = json.clone();
        unknown["nickname"] = "laptop".into();
        assert!(serde_json::from_value::<Passkey>(unknown).is_err());
        let mut without_transports = json;
        without_transports.as_object_mut().unwrap().remove("transports");
        assert_eq!(
            serde_json::from_value::<Passkey>(without_transports)
                .unwrap()
                .transports,
            []
        );
    }

    #[test]
    fn prints_neither_id_nor_key() {
        let passkey = passkey(&SoftwareAuthenticator::es256());
        let printed = format!("{passkey:?}");
        assert!(
            printed.contains("CredentialId([32 bytes])") && printed.contains("[ES256 key]"),
            "{printed}"
        );
    }
}
