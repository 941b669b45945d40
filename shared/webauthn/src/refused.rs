/// Why a response was not accepted: which step of WebAuthn Level 3, section 7.1 or 7.2, failed. It repeats nothing of what was
/// sent. Somebody who is logged in may be told all of it; somebody who is about to log in only what is [`Refused::Malformed`],
/// since the rest tells what there is of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The response is not what browsers send: a 400 with this field, a JSON pointer into the response.
    Malformed {
        /// The JSON pointer.
        field: &'static str,
        /// What it must be.
        detail: &'static str,
    },
    /// The client data is of another ceremony.
    Type,
    /// The challenge is not the one of this ceremony.
    Challenge,
    /// The origin is not one of ours.
    Origin,
    /// The page was in somebody else's frame.
    CrossOrigin,
    /// The authenticator did this for another relying party.
    RelyingParty,
    /// Nobody touched the authenticator.
    UserPresence,
    /// The authenticator did not check who touched it (a PIN, a fingerprint, a face).
    UserVerification,
    /// A credential that cannot be backed up claims to be.
    BackupState,
    /// The credential's algorithm was not offered.
    Algorithm,
    /// The credential's public key is no point of its curve, or one of small order.
    PublicKey,
    /// The response is of another credential than it is believed to be.
    CredentialId,
    /// The credential is another account's.
    UserHandle,
    /// Whether the credential can be backed up has changed, which it never may.
    BackupEligibility,
    /// The signature is not the credential's.
    Signature,
    /// The counter has not risen: somebody may have a copy of the authenticator.
    SignatureCounter,
}

/// The fields that can be malformed, as JSON pointers into the response.
pub(super) const WHOLE: &str = "";
pub(super) const ID: &str = "/id";
pub(super) const RAW_ID: &str = "/rawId";
pub(super) const TYPE: &str = "/type";
pub(super) const RESPONSE: &str = "/response";
pub(super) const CLIENT_DATA: &str = "/response/clientDataJSON";
pub(super) const ATTESTATION_OBJECT: &str = "/response/attestationObject";
pub(super) const TRANSPORTS: &str = "/response/transports";
pub(super) const AUTHENTICATOR_DATA: &str = "/response/authenticatorData";
pub(super) const SIGNATURE: &str = "/response/signature";
pub(super) const USER_HANDLE: &str = "/response/userHandle";

impl Refused {
    pub(super) fn malformed(field: &'static str, detail: &'static str) -> Self {
        Self::Malformed { field, detail }
    }
}
