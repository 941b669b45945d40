//! Exported audit trails: whole ones, parts, and several files that are to be one whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use audit_trail::{Export, Joined, Part, SHARDS};
use base64ct::{Base64, Encoding as _};
use ed25519_dalek::{Signature, VerifyingKey};
use model::Function;

use crate::console;

/// What /v1/audit/export or /v1/audit/export/parts gave.
pub(super) enum Exported {
    Whole(Export),
    Part(Part),
}

impl Exported {
    /// Checks a file by itself.
    ///
    /// # Errors
    /// The first thing that is wrong.
    fn check(&self, public_key: Option<&str>) -> Result<()> {
        match self {
            Self::Whole(export) => export.verify_chains()?,
            Self::Part(part) => part.verify_chains()?,
        }
        self.check_signature(public_key)
    }

    fn check_signature(&self, public_key: Option<&str>) -> Result<()> {
        match self {
            Self::Whole(export) => check_signature(&export.statement(), &export.signature, public_key),
            Self::Part(part) => check_signature(&part.statement(), &part.signature, public_key),
        }
    }
}

/// Of which chains files have anything. What they don't have was not asked for, or holds nothing: an export of one function looks like one of
/// a trail that no other has written to.
#[derive(Default)]
pub(super) struct Coverage(BTreeMap<Function, BTreeSet<u8>>);

impl Coverage {
    pub(super) fn add(&mut self, exported: &Exported) {
        let mut add = |function, shard| {
            self.0.entry(function).or_default().insert(shard);
        };
        match exported {
            Exported::Whole(export) => export.chains.iter().for_each(|chain| add(chain.function, chain.shard)),
            Exported::Part(part) => part.chains.iter().for_each(|chain| add(chain.function, chain.shard)),
        }
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("covered: ")?;
        for (index, (function, shards)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(formatter, "{comma}{function} ({} of {SHARDS} chains)", shards.len())?;
        }
        if self.0.is_empty() {
            formatter.write_str("no chain")?;
        }
        formatter
            .write_str(". Of the others this says nothing: they were not asked for, or nothing was recorded in them")
    }
}

/// Checks one file and says what it is.
pub(super) fn run(exported: &Exported, public_key: Option<&str>) -> Result<()> {
    exported.check(public_key)?;
    match exported {
        Exported::Whole(export) => console::line(format_args!(
            "ok: {} events in {} chains of {}, each from its first entry to where it stood at {}, are unchanged",
            export.events(),
            export.chains.len(),
            export.clinic,
            export.exported_at
        )),
        Exported::Part(part) => {
            console::line(format_args!(
                "ok: part {} of the export {}: {} events in {} chains of {}, taken at {}, are unchanged",
                part.part,
                part.run,
                part.events(),
                part.chains.len(),
                part.clinic,
                part.exported_at
            ));
            console::line(format_args!(
                "note: a part by itself does not show what is missing beside it. Give all parts, and those of earlier exports, together"
            ));
        }
    }
    let mut coverage = Coverage::default();
    coverage.add(exported);
    console::line(format_args!("{coverage}"));
    say_whose_key(public_key);
    Ok(())
}

/// Checks several files, each by itself as it is taken in and then all as one trail, and says what they come to.
///
/// # Errors
/// The first thing that is wrong, with the file, or with what is missing between files.
pub(super) fn run_together<'f>(
    files: impl Iterator<Item = Result<(&'f Path, Exported)>>,
    public_key: Option<&str>,
) -> Result<()> {
    let mut joined = Joined::default();
    let mut coverage = Coverage::default();
    // One after the other: an archive of years need not be in memory at once.
    for file in files {
        let (path, exported) = file?;
        let name = path.display().to_string();
        match &exported {
            Exported::Whole(export) => joined.add_export(&name, export)?,
            Exported::Part(part) => joined.add_part(&name, part)?,
        }
        exported.check_signature(public_key).with_context(|| name.clone())?;
        coverage.add(&exported);
    }
    let total = joined.finish()?;
    console::line(format_args!(
        "ok: {} events in {} chains, each from its first entry on, are without a gap and unchanged",
        total.events, total.chains
    ));
    console::line(format_args!("{coverage}"));
    say_whose_key(public_key);
    Ok(())
}

fn say_whose_key(public_key: Option<&str>) {
    if public_key.is_none() {
        console::line(format_args!(
            "note: the signature was checked with the key that the file itself names. Give --public-key to check whose it is"
        ));
    }
}

/// Recomputes every chain and checks the signature over where they stand.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(export: &Export, public_key: Option<&str>) -> Result<()> {
    export.verify_chains()?;
    check_signature(&export.statement(), &export.signature, public_key)
}

fn check_signature(statement: &str, signature: &audit_trail::Signature, public_key: Option<&str>) -> Result<()> {
    let named = &signature.public_key;
    if public_key.is_some_and(|believed| believed != named) {
        bail!("the export is signed with another key than the one to believe");
    }
    let key: [u8; 32] = decode(named).context("the public key is not 32 bytes of base64")?;
    let value: [u8; 64] = decode(&signature.value).context("the signature is not 64 bytes of base64")?;
    // Strict: a weak key or a malleable signature would let one signature stand for several statements (RFC 8032, 5.1.7).
    VerifyingKey::from_bytes(&key)
        .and_then(|key| key.verify_strict(statement.as_bytes(), &Signature::from_bytes(&value)))
        .map_err(|_| anyhow::anyhow!("the signature is not over this trail"))
}

fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let length = Base64::decode(text, &mut bytes).ok()?.len();
    (length == N).then_some(bytes)
}
