//! Keys and what is done with them. Nothing here is an invention: AES-256-GCM (NIST SP 800-38D),
//! HMAC-SHA-256 (RFC 2104, FIPS 198-1) and HKDF-Expand (RFC 5869) from RustCrypto, composed as
//! `docs/design/cryptography.md` says.
//!
//! Three rules hold everywhere:
//! * no key serves two purposes: what is used is derived under a dated [`Label`] of its own;
//! * no ciphertext opens in another place: the associated data is the [`Place`];
//! * no key can be printed, and every key is wiped from memory when it is dropped.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod attest;
mod by_name;
mod content;
mod derive;
mod envelope;
mod issue;
mod keyring;
mod keyset;
mod secret;

pub use attest::{AttestationReader, Attestor};
pub use content::{CHUNK, CHUNK_OVERHEAD, ContentKey, ContentOpener, ContentSealer};
pub use derive::{Label, Mac, mac, name};
pub use envelope::{AuthenticationKey, Authenticator, CryptoError, DataKey, Opener, Place, Sealer};
pub use issue::{KeyringPlan, RotationError, add_key_version, issue_keyrings, promote_key_version, remove_key_version};
pub use keyring::{Keyring, KeyringError};
pub use keyset::KeySet;
pub use secret::Secret;
