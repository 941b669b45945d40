//! What the authenticator says of the ceremony (WebAuthn Level 3, section 6.1).
//!
//! ```text
//! SHA-256 of the relying party's id (32) │ flags (1) │ signature counter (4)
//! │ where AT: AAGUID (16) │ length (2) │ credential id │ COSE_Key │ where ED: CBOR map of extensions
//! ```

use super::base64url::Base64Url;
use super::cbor::{MOST_LEVELS, Reader};
use super::credential::CredentialId;
use super::public_key::PublicKey;
use super::refused::Refused;
use super::relying_party::RelyingParty;

/// User present, user verified, backup eligible, backup state, attested credential data, extension data.
pub(super) const UP: u8 = 1;
pub(super) const UV: u8 = 1 << 2;
pub(super) const BE: u8 = 1 << 3;
pub(super) const BS: u8 = 1 << 4;
pub(super) const AT: u8 = 1 << 6;
pub(super) const ED: u8 = 1 << 7;

/// Authenticator data, taken apart.
pub(super) struct AuthenticatorData<'a> {
    rp_id_hash: &'a [u8; 32],
    flags: u8,
    pub(super) sign_count: u32,
    /// A new credential, in registrations only.
    pub(super) attested: Option<AttestedCredential<'a>>,
}

/// A new credential (section 6.5.1).
pub(super) struct AttestedCredential<'a> {
    pub(super) aaguid: [u8; 16],
    /// Of any length that 16 bits can tell.
    pub(super) id: &'a [u8],
    pub(super) public_key: PublicKey,
}

impl<'a> AuthenticatorData<'a> {
    /// Takes apart what is in `field` of a response. Every byte has to belong to something.
    pub(super) fn parse(bytes: &'a [u8], field: &'static str) -> Result<Self, Refused> {
        let malformed = || Refused::malformed(field, "must have authenticator data as WebAuthn describes it");
        let (rp_id_hash, rest) = bytes.split_first_chunk().ok_or_else(malformed)?;
        let ([flags], rest) = rest.split_first_chunk().ok_or_else(malformed)?;
        let (sign_count, rest) = rest.split_first_chunk().ok_or_else(malformed)?;
        let (attested, rest) = if flags & AT == 0 {
            (None, rest)
        } else {
            let (aaguid, rest) = rest.split_first_chunk().ok_or_else(malformed)?;
            let (length, rest) = rest.split_first_chunk().ok_or_else(malformed)?;
            let (id, rest) = rest
                .split_at_checked(usize::from(u16::from_be_bytes(*length)))
                .ok_or_else(malformed)?;
            let mut reader = Reader::new(rest);
            let attested = AttestedCredential {
                aaguid: *aaguid,
                id,
                public_key: PublicKey::read(&mut reader, field)?,
            };
            (Some(attested), reader.rest())
        };
        let mut reader = Reader::new(rest);
        if flags & ED != 0 {
            // No extension was asked for. Authenticators may answer some all the same (section 9); nothing is done with it.
            let extensions = reader.item(MOST_LEVELS).map_err(|_| malformed())?;
            Reader::new(extensions).map().map_err(|_| malformed())?;
        }
        reader.end().map_err(|_| malformed())?;
        Ok(Self {
            rp_id_hash,
            flags: *flags,
            sign_count: u32::from_be_bytes(*sign_count),
            attested,
        })
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn backup_eligible(&self) -> bool {
        self.has(BE)
    }

    pub(super) fn backed_up(&self) -> bool {
        self.has(BS)
    }

    /// The checks that both ceremonies share: numbers are the steps of section 7.1 and, behind the stroke, of section 7.2.
    pub(super) fn check(&self, rp: &RelyingParty) -> Result<(), Refused> {
        // Step 14 | 15
        if self.rp_id_hash != rp.id_hash() {
            return Err(Refused::RelyingParty);
        }
        // Step 15 | 16
        if !self.has(UP) {
            return Err(Refused::UserPresence);
        }
        // Step 16 | 17: required, so that a passkey is two factors: the device, and what unlocks it.
        if !self.has(UV) {
            return Err(Refused::UserVerification);
        }
        // Step 17 | 18
        if self.has(BS) && !self.has(BE) {
            return Err(Refused::BackupState);
        }
        Ok(())
    }
}

impl AttestedCredential<'_> {
    /// The id, unless it is empty or longer than any authenticator's (section 7.1, step 25).
    pub(super) fn credential_id(&self) -> Option<CredentialId> {
        CredentialId::try_from(Base64Url::new(self.id)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refused::ATTESTATION_OBJECT;
    use crate::software_authenticator::{SoftwareAuthenticator, authenticator_data};
    use proptest::prelude::*;

    fn parse(bytes: &[u8]) -> Result<AuthenticatorData<'_>, Refused> {
        AuthenticatorData::parse(bytes, ATTESTATION_OBJECT)
    }

    fn attested(flags: u8) -> Vec<u8> {
        let authenticator = SoftwareAuthenticator::es256();
        [
            authenticator_data("example.org", flags, 7),
            authenticator.attested_credential_data(),
        ]
        .concat()
    }

    #[test]
    fn takes_apart_what_belongs_together() {
        let plain = authenticator_data("example.org", UP | UV, 0x0102_0304);
        let parsed = parse(&plain).unwrap();
        assert_eq!(parsed.sign_count, 0x0102_0304);
        assert!(parsed.attested.is_none() && !parsed.backup_eligible() && !parsed.backed_up());

        let bytes = attested(UP | UV | BE | BS | AT);
        let parsed = parse(&bytes).unwrap();
        let credential = parsed.attested.as_ref().unwrap();
        let authenticator = SoftwareAuthenticator::es256();
        assert_eq!(credential.id, authenticator.credential_id);
        assert_eq!(credential.aaguid, authenticator.aaguid);
        assert!(parsed.backup_eligible() && parsed.backed_up());

        let extensions = [attested(UP | AT | ED).as_slice(), b"\xa1\x69credBlobs\xf5"].concat();
        assert!(parse(&extensions).unwrap().attested.is_some());
    }

    #[test]
    fn no_byte_is_missing_or_left_over() {
        for whole in [
            authenticator_data("example.org", UP | UV, 0),
            attested(UP | UV | AT),
            [attested(UP | UV | AT | ED).as_slice(), b"\xa1\x61a\xf5"].concat(),
        ] {
            assert!(parse(&whole).is_ok());
            for length in 0..whole.len() {
                assert!(
                    matches!(parse(&whole[..length]), Err(Refused::Malformed { .. })),
                    "{length}"
                );
            }
            assert!(parse(&[whole.as_slice(), &[0]].concat()).is_err());
            assert!(parse(&[whole.as_slice(), &[0xa0]].concat()).is_err());
        }
        for (case, extensions) in [
            ("none", "".as_bytes()),
            ("no map", b"\x80"),
            ("too deep", b"\xa1\x00\x81\x81\x81\x81\x80"),
        ] {
            let bytes = [attested(UP | UV | AT | ED).as_slice(), extensions].concat();
            assert!(parse(&bytes).is_err(), "{case}");
        }
    }

    #[test]
    fn flags_are_checked_in_the_order_of_the_standard() {
        let rp = RelyingParty::new("example.org".to_owned(), vec!["https://example.org".to_owned()]).unwrap();
        for (id, flags, checked) in [
            ("example.org", UP | UV, Ok(())),
            ("example.org", UP | UV | BE, Ok(())),
            ("example.org", UP | UV | BE | BS, Ok(())),
            // Reserved for future use.
            ("example.org", UP | UV | 1 << 1 | 1 << 5, Ok(())),
            ("example.com", 0, Err(Refused::RelyingParty)),
            ("example.org", UV, Err(Refused::UserPresence)),
            ("example.org", UP, Err(Refused::UserVerification)),
            ("example.org", UP | UV | BS, Err(Refused::BackupState)),
        ] {
            let bytes = authenticator_data(id, flags, 0);
            assert_eq!(parse(&bytes).unwrap().check(&rp), checked, "{id} {flags:#b}");
        }
    }

    proptest! {
        #[test]
        fn no_input_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), attested in any::<bool>()) {
            if let (true, Some(flags)) = (attested, bytes.get_mut(32)) {
                *flags |= AT | ED;
            }
            let _ = parse(&bytes);
        }
    }
}
