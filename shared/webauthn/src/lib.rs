//! Passkeys: the relying party's side of Web Authentication (W3C WebAuthn Level 3, section 7), as pure functions.
//!
//! ```text
//! creation_options ─► navigator.credentials.create() ─► RegistrationResponse   ─► register ─► Passkey
//! request_options  ─► navigator.credentials.get()    ─► AuthenticationResponse ─► verify   ─► Assertion
//! ```
//!
//! Nothing here has a clock, a store or randomness. The caller brings a fresh [`Challenge`] for each ceremony, remembers whom
//! it was for, lets it be used once and not after [`TIMEOUT_MILLISECONDS`], keeps the [`Passkey`], and sees to it
//! that no credential id is registered twice (section 7.1, step 26).
//!
//! A verifier of our own and not a library's, because there is little of it: what exists brings RSA, a second version of each
//! curve and a clock. The signatures are checked by `p256` and `ed25519-dalek`; what is ours is reading and comparing.
//!
//! What a stranger can send is bounded before it is taken apart: see `response` and `cbor`.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod authenticator_data;
mod base64url;
mod cbor;
mod challenge;
mod client_data;
mod credential;
mod options;
mod passkey;
mod public_key;
mod refused;
mod register;
mod relying_party;
mod response;
mod verify;

#[cfg(test)]
mod software_authenticator;
#[cfg(test)]
mod test_vectors;

pub use {
    challenge::Challenge,
    credential::CredentialId,
    options::{CreationOptions, RequestOptions, TIMEOUT_MILLISECONDS, User},
    passkey::Passkey,
    refused::Refused,
    relying_party::RelyingParty,
    response::{AuthenticationResponse, RegistrationResponse},
};
