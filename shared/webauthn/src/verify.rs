//! Verifying an authentication assertion (WebAuthn Level 3, section 7.2). Steps 1 to 4 are the page's, 24 and 25 the caller's.

use model::AccountId;

use super::authenticator_data::AuthenticatorData;
use super::challenge::Challenge;
use super::client_data::{self, Ceremony};
use super::passkey::{Passkey, counts_on};
use super::refused::{AUTHENTICATOR_DATA, Refused};
use super::relying_party::RelyingParty;
use super::response::AuthenticationResponse;

/// Somebody has used a passkey that she holds, and the authenticator knew her. Made by [`RelyingParty::verify`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "the passkey's counter has to be noted, or a copy of the authenticator goes unnoticed"]
pub struct Assertion {
    sign_count: u32,
    backed_up: bool,
}

impl Assertion {
    /// The authenticator's counter now.
    pub(super) fn sign_count(&self) -> u32 {
        self.sign_count
    }

    /// Whether the passkey is copied to other devices now.
    pub(super) fn backed_up(&self) -> bool {
        self.backed_up
    }
}

impl RelyingParty {
    /// What a response proves, if it answers this challenge with this passkey of this account. The caller writes it down with
    /// [`Passkey::note_use`] (step 24) before anything is told to anybody.
    ///
    /// # Errors
    /// Which step of section 7.2 failed.
    pub fn verify(
        &self,
        challenge: &Challenge,
        response: &AuthenticationResponse,
        account: AccountId,
        passkey: &Passkey,
    ) -> Result<Assertion, Refused> {
        // Steps 5 and 6
        if response.id != passkey.id {
            return Err(Refused::CredentialId);
        }
        if response.user_handle.is_some() && response.account() != Some(account) {
            return Err(Refused::UserHandle);
        }
        // Steps 8 to 14, and 20
        let client_data_hash = client_data::check(
            response.client_data.as_bytes(),
            Ceremony::Authentication,
            challenge,
            self,
        )?;
        // Step 7
        let signed = response.authenticator_data.as_bytes();
        let authenticator_data = AuthenticatorData::parse(signed, AUTHENTICATOR_DATA)?;
        // Section 6.1: assertions have no attested credential data.
        if authenticator_data.attested.is_some() {
            return Err(Refused::malformed(
                AUTHENTICATOR_DATA,
                "must not have a credential in it",
            ));
        }
        // Steps 15 to 18
        authenticator_data.check(self)?;
        // Step 19
        if authenticator_data.backup_eligible() != passkey.backup_eligible {
            return Err(Refused::BackupEligibility);
        }
        // Step 21
        let message = [signed, &client_data_hash].concat();
        if !passkey.public_key.is_signer(&message, response.signature.as_bytes()) {
            return Err(Refused::Signature);
        }
        // Step 22: the standard leaves the policy to us. Two who count the same are two authenticators with one key, and which
        // of them is hers we cannot know.
        if !counts_on(passkey.sign_count, authenticator_data.sign_count) {
            return Err(Refused::SignatureCounter);
        }
        Ok(Assertion {
            sign_count: authenticator_data.sign_count,
            backed_up: authenticator_data.backed_up(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authenticator_data::{AT, BE, BS, ED};
    use crate::software_authenticator::{
        Refusal, Script, SoftwareAuthenticator, account, challenge, passkey, refused_in_both, rp, text,
    };
    use data_encoding::BASE64URL_NOPAD;
    use proptest::prelude::*;
    use serde_json::Value;

    fn verify(response: Value, passkey: &Passkey) -> Result<Assertion, Refused> {
        rp().verify(
            &challenge(),
            &AuthenticationResponse::parse(&response)?,
            account(),
            passkey,
        )
    }

    fn verify_scripted(change: impl FnOnce(&mut Script)) -> Result<Assertion, Refused> {
        let authenticator = SoftwareAuthenticator::es256();
        let mut script = Script::authentication();
        change(&mut script);
        verify(authenticator.get(&script), &passkey(&authenticator))
    }

    #[test]
    fn what_was_registered_logs_in() {
        for authenticator in [SoftwareAuthenticator::es256(), SoftwareAuthenticator::eddsa()] {
            let mut passkey = passkey(&authenticator);
            passkey.backup_eligible = true;
            for (sign_count, flags) in [(1, BE), (2, BE | BS), (10, BE)] {
                let mut script = Script::authentication();
                script.flags |= flags;
                script.sign_count = sign_count;
                let assertion = verify(authenticator.get(&script), &passkey).unwrap();
                assert_eq!(assertion.sign_count(), sign_count);
                assert_eq!(assertion.backed_up(), flags & BS != 0);
                assert!(passkey.note_use(&assertion));
                assert_eq!(
                    (passkey.sign_count, passkey.backed_up),
                    (sign_count, assertion.backed_up())
                );
                // Noted already, by another request with the same response.
                assert!(!passkey.note_use(&assertion));
            }
        }
    }

    #[test]
    fn authenticators_that_do_not_count_log_in_again_and_again() {
        let authenticator = SoftwareAuthenticator::eddsa();
        let mut passkey = passkey(&authenticator);
        for _ in 0..3 {
            let assertion = verify(authenticator.get(&Script::authentication()), &passkey).unwrap();
            assert!(passkey.note_use(&assertion));
        }
        assert_eq!(passkey.sign_count, 0);
    }

    #[test]
    fn the_user_handle_may_be_missing_and_there_may_be_extensions() {
        assert!(verify_scripted(|script| script.user_handle = None).is_ok());
        let with_extension = |script: &mut Script| {
            script.flags |= ED;
            script.extensions = [&[0xa1], text("uvm").as_slice(), &[0x80]].concat();
        };
        assert!(verify_scripted(with_extension).is_ok());
    }

    #[test]
    fn each_refusal() {
        let malformed = |detail| Refused::malformed(AUTHENTICATOR_DATA, detail);
        let cases: [Refusal; 8] = [
            (
                "a registration",
                |script| script.client_data["type"] = "webauthn.create".into(),
                Refused::Type,
            ),
            (
                "eligible all at once",
                |script| script.flags |= BE,
                Refused::BackupEligibility,
            ),
            (
                "somebody else",
                |script| script.user_handle = Some(vec![8; 16]),
                Refused::UserHandle,
            ),
            (
                "nobody's handle",
                |script| script.user_handle = Some(vec![]),
                Refused::UserHandle,
            ),
            (
                "a longer handle",
                |script| script.user_handle = Some(vec![9; 17]),
                Refused::UserHandle,
            ),
            (
                "a credential",
                |script| script.flags |= AT,
                malformed("must not have a credential in it"),
            ),
            (
                "bytes left over",
                |script| script.extensions = vec![0xa0],
                malformed("must have authenticator data as WebAuthn describes it"),
            ),
            (
                "no extensions where there should be",
                |script| script.flags |= ED,
                malformed("must have authenticator data as WebAuthn describes it"),
            ),
        ];
        for (case, change, refused) in cases.into_iter().chain(refused_in_both()) {
            assert_eq!(verify_scripted(change), Err(refused), "{case}");
        }
    }

    #[test]
    fn a_counter_that_does_not_rise_is_refused() {
        let authenticator = SoftwareAuthenticator::es256();
        let mut passkey = passkey(&authenticator);
        passkey.sign_count = 5;
        for (sign_count, right) in [(0, false), (4, false), (5, false), (6, true)] {
            let mut script = Script::authentication();
            script.sign_count = sign_count;
            let verified = verify(authenticator.get(&script), &passkey);
            let refused = (!right).then_some(Refused::SignatureCounter);
            assert_eq!(verified.err(), refused, "{sign_count}");
        }
    }

    #[test]
    fn backup_eligibility_is_not_lost_either() {
        let authenticator = SoftwareAuthenticator::es256();
        let mut passkey = passkey(&authenticator);
        passkey.backup_eligible = true;
        let response = authenticator.get(&Script::authentication());
        assert_eq!(verify(response, &passkey), Err(Refused::BackupEligibility));
    }

    #[test]
    fn ids_and_keys_are_of_one_passkey() {
        let (ours, other) = (SoftwareAuthenticator::es256(), SoftwareAuthenticator::eddsa());
        let response = ours.get(&Script::authentication());
        assert_eq!(verify(response.clone(), &passkey(&other)), Err(Refused::CredentialId));

        let mut with_another_key = passkey(&ours);
        with_another_key.public_key = passkey(&other).public_key;
        assert_eq!(verify(response.clone(), &with_another_key), Err(Refused::Signature));

        let response = AuthenticationResponse::parse(&response).unwrap();
        let someone = AccountId::from_bytes([1; 16]);
        assert_eq!(
            rp().verify(&challenge(), &response, someone, &passkey(&ours)),
            Err(Refused::UserHandle)
        );
        let other_challenge = Challenge::from_bytes([6; 32]);
        assert_eq!(
            rp().verify(&other_challenge, &response, account(), &passkey(&ours)),
            Err(Refused::Challenge)
        );
    }

    /// What a registration's authenticator signed is no assertion, though the same key signs both.
    #[test]
    fn nothing_but_an_assertion_is_signed_over() {
        let authenticator = SoftwareAuthenticator::es256();
        let mut response = authenticator.get(&Script::authentication());
        for wrong in [
            authenticator.sign(b"something else"),
            vec![],
            vec![0; 70],
            // r = s = 0
            vec![0x30, 6, 2, 1, 0, 2, 1, 0],
        ] {
            response["response"]["signature"] = BASE64URL_NOPAD.encode(&wrong).into();
            assert_eq!(
                verify(response.clone(), &passkey(&authenticator)),
                Err(Refused::Signature)
            );
        }
    }

    proptest! {
        /// Every byte of an assertion is proven: changed in any bit, cut or lengthened, it is refused, and nothing panics.
        #[test]
        fn a_changed_assertion_is_refused(
            at in any::<proptest::sample::Index>(),
            bit in 0..8_u8,
            member in proptest::sample::select(vec!["clientDataJSON", "authenticatorData", "signature", "userHandle"]),
            es256 in any::<bool>(),
        ) {
            let authenticator = if es256 { SoftwareAuthenticator::es256() } else { SoftwareAuthenticator::eddsa() };
            let (response, passkey) = (authenticator.get(&Script::authentication()), passkey(&authenticator));
            prop_assert!(verify(response.clone(), &passkey).is_ok());
            let genuine = BASE64URL_NOPAD.decode(response["response"][member].as_str().unwrap().as_bytes()).unwrap();
            let at = at.index(genuine.len());
            let mut flipped = genuine.clone();
            flipped[at] ^= 1 << bit;
            for changed in [flipped, genuine[..at].to_vec(), [genuine.as_slice(), &[0]].concat()] {
                let mut response = response.clone();
                response["response"][member] = BASE64URL_NOPAD.encode(&changed).into();
                prop_assert!(verify(response, &passkey).is_err());
            }
        }

        #[test]
        fn garbage_verifies_nothing(
            authenticator_data in proptest::collection::vec(any::<u8>(), 0..200),
            signature in proptest::collection::vec(any::<u8>(), 0..128),
        ) {
            let authenticator = SoftwareAuthenticator::es256();
            let mut response = authenticator.get(&Script::authentication());
            response["response"]["signature"] = BASE64URL_NOPAD.encode(&signature).into();
            prop_assert!(verify(response.clone(), &passkey(&authenticator)).is_err());
            response["response"]["authenticatorData"] = BASE64URL_NOPAD.encode(&authenticator_data).into();
            prop_assert!(verify(response, &passkey(&authenticator)).is_err());
        }
    }
}
