//! Exported audit trails: whole ones, parts, and several files that are to be one whole.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use audit_trail::{Export, Joined, Part, SHARDS};
use base64ct::{Base64, Encoding as _};
use ed25519_dalek::{Signature, VerifyingKey};
use model::{Function, Timestamp};

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

/// Of which chains files have anything, and how far. What they don't have was not asked for, or holds nothing: an export of one function looks
/// like one of a trail that no other has written to.
#[derive(Default)]
struct Coverage(BTreeMap<Function, BTreeMap<u8, Reach>>);

/// How far a chain was read, and when: of several files that have it, the one that comes furthest tells. The later parts of a run go on with
/// what is older, and say nothing of their own time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Reach {
    sequence: u64,
    up_to: Timestamp,
}

impl Coverage {
    fn add(&mut self, exported: &Exported) {
        let mut add = |function, shard, sequence, up_to| {
            let new = Reach { sequence, up_to };
            let reach = self.0.entry(function).or_default().entry(shard).or_insert(new);
            *reach = new.max(*reach);
        };
        match exported {
            Exported::Whole(export) => {
                for chain in &export.chains {
                    add(chain.function, chain.shard, chain.sequence, export.beginning());
                }
            }
            Exported::Part(part) => {
                for stretch in &part.chains {
                    add(stretch.function, stretch.shard, stretch.sequence, part.beginning());
                }
            }
        }
    }

    /// What one file covers, which says its time by itself.
    fn of_one(&self) -> String {
        self.line(|_| String::new())
    }

    /// What files cover that are one trail: of each function up to when all of its chains were read.
    fn of_all(&self) -> String {
        self.line(|chains| {
            let up_to = chains.values().map(|reach| reach.up_to).min();
            up_to.map_or_else(String::new, |up_to| format!(" up to {up_to}"))
        })
    }

    fn line(&self, up_to: impl Fn(&BTreeMap<u8, Reach>) -> String) -> String {
        let functions: Vec<String> = self
            .0
            .iter()
            .map(|(function, chains)| {
                let count = chains.len();
                format!("{function} ({count} of {SHARDS} chains{})", up_to(chains))
            })
            .collect();
        let covered = if functions.is_empty() {
            "no chain".to_owned()
        } else {
            functions.join(", ")
        };
        format!(
            "covered: {covered}. Of the others this says nothing: they were not asked for, or nothing was recorded in them"
        )
    }
}

/// When files were read. The first formats say only by when they were.
fn span(began_at: Option<Timestamp>, exported_at: Timestamp) -> String {
    began_at.map_or_else(
        || format!("by {exported_at}"),
        |began_at| format!("between {began_at} and {exported_at}"),
    )
}

/// Checks one file and says what it is.
///
/// # Errors
/// The first thing that is wrong.
pub(super) fn run(exported: &Exported, public_key: Option<&str>) -> Result<String> {
    exported.check(public_key)?;
    let mut lines = match exported {
        Exported::Whole(export) => vec![format!(
            "ok: {} events in {} chains of {}, each from its first entry to where it stood {}, are unchanged",
            export.events(),
            export.chains.len(),
            export.clinic,
            span(export.began_at, export.exported_at)
        )],
        Exported::Part(part) => vec![
            format!(
                "ok: part {} of the export {}: {} events in {} chains of {}, taken {}, are unchanged",
                part.part,
                part.run,
                part.events(),
                part.chains.len(),
                part.clinic,
                span(part.began_at, part.exported_at)
            ),
            "note: a part by itself does not show what is missing beside it. Give all parts, and those of earlier exports, together"
                .to_owned(),
        ],
    };
    let mut coverage = Coverage::default();
    coverage.add(exported);
    lines.push(coverage.of_one());
    lines.extend(whose_key(public_key));
    Ok(lines.join("\n"))
}

/// Checks several files, each by itself as it is taken in and then all as one trail, and says what they come to.
///
/// # Errors
/// The first thing that is wrong, with the file, or with what is missing between files.
pub(super) fn run_together<'f>(
    files: impl Iterator<Item = Result<(&'f Path, Exported)>>,
    public_key: Option<&str>,
) -> Result<String> {
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
    let mut lines = vec![
        format!(
            "ok: {} events in {} chains, each from its first entry on, are without a gap and unchanged",
            total.events, total.chains
        ),
        coverage.of_all(),
    ];
    lines.extend(whose_key(public_key));
    Ok(lines.join("\n"))
}

fn whose_key(public_key: Option<&str>) -> Option<String> {
    public_key.is_none().then(|| {
        "note: the signature was checked with the key that the file itself names. Give --public-key to check whose it is"
            .to_owned()
    })
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
