//! `confide verify`: checks an exported audit trail, with nothing but the file and the public key.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use audit_trail::Export;
use base64ct::{Base64, Encoding as _};
use ed25519_dalek::{Signature, VerifyingKey};

use crate::console;

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The export, as /v1/audit/export gave it
    pub file: PathBuf,

    /// The public key to believe, as /v1/audit/keys gives it. Without it the key in the export is used, which proves
    /// that the export is whole but not whose it is
    #[arg(long, value_name = "BASE64")]
    pub public_key: Option<String>,
}

/// Checks the file.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn run(arguments: Arguments) -> Result<()> {
    let export = read(&arguments.file)?;
    check(&export, arguments.public_key.as_deref())?;
    console::line(format_args!(
        "ok: {} events in {} chains of {}, as they stood at {}, are complete and unchanged",
        export.events(),
        export.chains.len(),
        export.clinic,
        export.exported_at
    ));
    if arguments.public_key.is_none() {
        console::line(format_args!(
            "note: the signature was checked with the key that the file itself names. Give --public-key to check whose it is"
        ));
    }
    Ok(())
}

fn read(file: &Path) -> Result<Export> {
    let text = fs::read(file).with_context(|| format!("{} can't be read", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is not an audit export", file.display()))
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
