//! Idempotency keys without a table of keys.
//!
//! A retry must name what the first try made. So what a request creates is named by a keyed hash of who asked, where,
//! and under which `Idempotency-Key`: the retry comes to the same name, finds the document or finishes it, and gives
//! the same answer. Nothing has to be stored besides the document, nothing expires, and a crash between any two steps
//! is healed by the retry. The document keeps a fingerprint of the request: the same key with another body is a
//! different request, and refused.

use crypto::{Label, Secret, mac};
use model::{AccountId, ClinicId, Id, Kind};

const NAME: Label = Label::new("confide 2026-11 idempotent creation");
const FINGERPRINT: Label = Label::new("confide 2026-11 request fingerprint");

/// The identifier of what this request creates.
#[must_use]
pub fn created_id<K: Kind>(
    key: &Secret,
    clinic: ClinicId,
    account: AccountId,
    target: &str,
    idempotency_key: &str,
) -> Id<K> {
    let parts: [&[u8]; 4] = [
        clinic.as_bytes(),
        account.as_bytes(),
        target.as_bytes(),
        idempotency_key.as_bytes(),
    ];
    Id::from_bytes(mac(key, NAME, &parts).truncated())
}

/// A fingerprint of a request body, keyed so that it confirms no guess of the content.
#[must_use]
pub fn fingerprint(key: &Secret, body: &[u8]) -> [u8; 16] {
    mac(key, FINGERPRINT, &[body]).truncated()
}
