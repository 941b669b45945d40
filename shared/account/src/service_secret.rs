//! What a service identity logs in with: 256 random bits, shown once and kept as a keyed hash.

use base64ct::{Base64UrlUnpadded, Encoding};
use crypto::{Label, Mac, Secret, mac};
use model::{AccountId, ClinicId};
use ports::{Entropy, EntropyExt};
use zeroize::Zeroizing;

const VERIFIER: Label = Label::new("confide 2026-11 service secret verifier");

const PREFIX: &str = "cfx_";
const ID_LENGTH: usize = 16;
const SECRET_LENGTH: usize = 32;
const TOKEN_LENGTH: usize = 2 * ID_LENGTH + SECRET_LENGTH;

/// What a scheduler holds: which identity (clinic and account, 128 bits each) and what proves it (256 bits).
pub struct ServiceSecret {
    /// Whose clinic it is.
    pub clinic: ClinicId,
    /// Whose account it is.
    pub account: AccountId,
    secret: Zeroizing<[u8; SECRET_LENGTH]>,
}

impl ServiceSecret {
    /// A fresh secret.
    pub fn generate(entropy: &dyn Entropy, clinic: ClinicId, account: AccountId) -> Self {
        Self {
            clinic,
            account,
            secret: Zeroizing::new(entropy.bytes()),
        }
    }

    /// Parses what somebody presents.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; TOKEN_LENGTH]);
        let decoded = Base64UrlUnpadded::decode(text.strip_prefix(PREFIX)?, bytes.as_mut_slice()).ok()?;
        let (clinic, rest) = decoded.split_first_chunk::<ID_LENGTH>()?;
        let (account, secret) = rest.split_first_chunk::<ID_LENGTH>()?;
        Some(Self {
            clinic: ClinicId::from_bytes(*clinic),
            account: AccountId::from_bytes(*account),
            secret: Zeroizing::new(secret.try_into().ok()?),
        })
    }

    /// The text that whoever runs the jobs gets.
    pub fn reveal(&self) -> Zeroizing<String> {
        let parts: [&[u8]; 3] = [self.clinic.as_bytes(), self.account.as_bytes(), self.secret.as_slice()];
        let bytes = Zeroizing::new(parts.concat());
        let encoded = Zeroizing::new(Base64UrlUnpadded::encode_string(&bytes));
        Zeroizing::new(format!("{PREFIX}{}", *encoded))
    }

    /// What the account keeps of it, and what that is compared with.
    pub fn verifier(&self, index: &Secret) -> Mac {
        let (clinic, account) = (self.clinic.as_bytes(), self.account.as_bytes());
        mac(index, VERIFIER, &[clinic, account, self.secret.as_slice()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::SeededEntropy;

    #[test]
    fn a_secret_proves_one_identity() {
        let (index, entropy) = (Secret::from_bytes([1; 32]), SeededEntropy::new(1));
        let (clinic, account) = (ClinicId::from_bytes([2; 16]), AccountId::from_bytes([3; 16]));
        let secret = ServiceSecret::generate(&entropy, clinic, account);
        let text = secret.reveal();
        let parsed = ServiceSecret::parse(&text).unwrap();
        let kept = *secret.verifier(&index).as_bytes();
        assert!((parsed.clinic, parsed.account) == (clinic, account) && parsed.verifier(&index).matches(&kept));
        let other = ServiceSecret::generate(&entropy, clinic, account);
        assert!(!other.verifier(&index).matches(&kept));
        for wrong in [
            "",
            PREFIX,
            &text[..text.len() - 1],
            &format!("{}A", *text),
            &text.replace("cfx_", "cfs_"),
        ] {
            assert!(ServiceSecret::parse(wrong).is_none(), "{wrong}");
        }
    }
}
