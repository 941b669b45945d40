//! The home's `.env` file, read as Spin reads it or not at all.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::variables::Value;

/// Reads a `.env` file; a missing one is empty.
///
/// # Errors
/// A line that is not `NAME=value`. The message has the line's number and never its text, which may be a secret.
pub(crate) fn read(path: &Path) -> Result<HashMap<String, Value>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("{}: cannot be read; check its owner and mode", path.display()));
        }
    };
    let mut values = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) =
            dotenv_line(line).with_context(|| format!("{}: line {}", path.display(), index.saturating_add(1)))?;
        // The first of two lines wins in the process environment's reader; a second one is a mistake worth a stop.
        if values.insert(name.to_owned(), value).is_some() {
            bail!("{}: {name} is set twice; keep one line", path.display());
        }
    }
    Ok(values)
}

fn dotenv_line(line: &str) -> Result<(&str, Value)> {
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, raw) = line.split_once('=').context("expected NAME=value")?;
    let name = name.trim_end();
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        bail!("expected NAME=value, with a NAME of letters, digits and underscores");
    }
    let raw = raw.trim_start();
    if let Some(quoted) = raw.strip_prefix('\'') {
        let (value, after) = quoted.split_once('\'').context("unmatched '")?;
        only_comment(after)?;
        return Ok((name, Value::new(value.to_owned())));
    }
    // Spin's reader expands `$NAME` and backslashes outside single quotes. Doing neither silently would give another secret than
    // Spin reads from the same file, so both are refused.
    if raw.contains(['$', '\\']) {
        bail!("put a value with $ or \\ in single quotes");
    }
    if let Some(quoted) = raw.strip_prefix('"') {
        let (value, after) = quoted.split_once('"').context("unmatched \"")?;
        only_comment(after)?;
        return Ok((name, Value::new(value.to_owned())));
    }
    let value = raw.split(" #").next().unwrap_or_default().trim_end();
    if value.contains([' ', '\t', '\'', '"']) {
        bail!("put a value with spaces or quotes in single quotes");
    }
    Ok((name, Value::new(value.to_owned())))
}

fn only_comment(after: &str) -> Result<()> {
    let after = after.trim_start();
    if after.is_empty() || after.starts_with('#') {
        return Ok(());
    }
    bail!("text after the closing quote")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        for (line, name, value) in [
            ("A=b", "A", "b"),
            ("export A = b", "A", "b"),
            ("A=b # note", "A", "b"),
            ("A='b $c \\ \"d\"' # note", "A", "b $c \\ \"d\""),
            ("A=\"b c\"", "A", "b c"),
            ("A=", "A", ""),
            ("A=b#c=", "A", "b#c="),
        ] {
            let (found, read) = dotenv_line(line).unwrap();
            assert_eq!((found, read.expose()), (name, value), "{line}");
        }
        for line in ["A", "=b", "A B=c", "A=$b", "A=b c", "A='b", "A='b' c", "A=\"b\\n\""] {
            assert!(dotenv_line(line).is_err(), "{line}");
        }
    }
}
