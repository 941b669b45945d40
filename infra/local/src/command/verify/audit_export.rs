//! An exported audit trail.

use anyhow::{Context as _, Result, bail};
use audit_trail::Export;
use base64ct::{Base64, Encoding as _};
use ed25519_dalek::{Signature, VerifyingKey};

use crate::console;

/// Checks an export and says what it is.
pub(super) fn run(export: &Export, public_key: Option<&str>) -> Result<()> {
    check(export, public_key)?;
    console::line(format_args!(
        "ok: {} events in {} chains of {}, as they stood at {}, are complete and unchanged",
        export.events(),
        export.chains.len(),
        export.clinic,
        export.exported_at
    ));
    if public_key.is_none() {
        console::line(format_args!(
            "note: the signature was checked with the key that the file itself names. Give --public-key to check whose it is"
        ));
    }
    Ok(())
}

/// Recomputes every chain and checks the signature over where they stand.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(export: &Export, public_key: Option<&str>) -> Result<()> {
    export.verify_chains()?;
    let named = &export.signature.public_key;
    if public_key.is_some_and(|believed| believed != named) {
        bail!("the export is signed with another key than the one to believe");
    }
    let key: [u8; 32] = decode(named).context("the public key is not 32 bytes of base64")?;
    let signature: [u8; 64] = decode(&export.signature.value).context("the signature is not 64 bytes of base64")?;
    // Strict: a weak key or a malleable signature would let one signature stand for several statements (RFC 8032, 5.1.7).
    VerifyingKey::from_bytes(&key)
        .and_then(|key| key.verify_strict(export.statement().as_bytes(), &Signature::from_bytes(&signature)))
        .map_err(|_| anyhow::anyhow!("the signature is not over this trail"))
}

fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let length = Base64::decode(text, &mut bytes).ok()?.len();
    (length == N).then_some(bytes)
}
