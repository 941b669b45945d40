//! `confide verify`: checks an exported audit trail, in one file or many, or a consent receipt, with nothing but the files and the public key.

mod audit_export;
mod receipt;

use std::fs;
use std::path::{Path, PathBuf};

use ::receipt::JwkSet;
use anyhow::{Context as _, Result, bail};
pub use audit_export::check;
use audit_trail::Part;
use serde_json::Value;

use self::audit_export::Exported;
use self::receipt::{Answer, PlainWords};
use crate::console;

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The export, as /v1/audit/export gave it, or a part as /v1/audit/export/parts gave it; several of them are checked as one whole. Or the
    /// receipt of a consent, by itself or in the answer that it came with
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// The public key to believe of an export, as /v1/audit/keys gives it. Without it the key in the export is used, which proves
    /// that the export is whole but not whose it is
    #[arg(long, value_name = "BASE64")]
    pub public_key: Option<String>,

    /// The public keys to believe of a receipt: a file with what /v1/consent/receipt-keys gives. A receipt names no key by itself
    #[arg(long, value_name = "FILE", conflicts_with = "public_key")]
    pub keys: Option<PathBuf>,
}

/// What the file is.
enum Document {
    Exported(Exported),
    Receipt(Answer),
}

impl Document {
    fn parse(text: &str) -> Result<Self> {
        if !text.trim_start().starts_with('{') {
            // The line end of a text file is the file's and not the receipt's. Anything else would be.
            let receipt = text.strip_suffix('\n').unwrap_or(text);
            return Ok(Self::Receipt(Answer::bare(receipt)));
        }
        let json: Value = serde_json::from_str(text)?;
        if json.get("receipt").is_some() {
            // From the text and not from the value, which keeps the last of two fields of one name without a word.
            return Ok(Self::Receipt(serde_json::from_str(text)?));
        }
        Ok(Self::Exported(
            if json.get("format").and_then(Value::as_str).is_some_and(Part::is_format) {
                Exported::Part(serde_json::from_str(text)?)
            } else {
                Exported::Whole(serde_json::from_str(text)?)
            },
        ))
    }
}

fn open(file: &Path) -> Result<Document> {
    Document::parse(&read(file)?)
        .with_context(|| format!("{} is neither an audit export nor a receipt", file.display()))
}

/// Checks the file, or the files as one whole.
///
/// # Errors
/// The first thing that is wrong.
pub fn run(arguments: Arguments) -> Result<()> {
    let Arguments {
        files,
        public_key,
        keys,
    } = arguments;
    let [file] = files.as_slice() else {
        let exported = files.iter().map(|file| match open(file)? {
            Document::Exported(exported) => Ok((file.as_path(), exported)),
            Document::Receipt(_) => bail!("{} is a receipt: check it alone", file.display()),
        });
        if keys.is_some() {
            bail!("an audit export is checked with --public-key, not with --keys");
        }
        let said = audit_export::run_together(exported, public_key.as_deref())?;
        console::line(format_args!("{said}"));
        return Ok(());
    };
    match (open(file)?, keys) {
        (Document::Exported(_), Some(_)) => bail!("an audit export is checked with --public-key, not with --keys"),
        (Document::Exported(exported), None) => {
            let said = audit_export::run(&exported, public_key.as_deref())?;
            console::line(format_args!("{said}"));
            Ok(())
        }
        (Document::Receipt(_), None) => {
            bail!("a receipt is checked with --keys: a file with what /v1/consent/receipt-keys gives")
        }
        (Document::Receipt(answer), Some(keys)) => {
            let believed: JwkSet =
                serde_json::from_str(&read(&keys)?).with_context(|| format!("{} is not a JWK Set", keys.display()))?;
            let record = answer.verify(&believed)?;
            console::line(format_args!("ok: the receipt is genuine and unchanged"));
            console::line(format_args!("{}", PlainWords(&record)));
            console::line(format_args!(
                "note: a receipt does not tell what happened after its time. Ask for a new one to know whether the consent still holds"
            ));
            Ok(())
        }
    }
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("{} can't be read as text", file.display()))
}

#[cfg(test)]
mod tests;
