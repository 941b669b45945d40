//! Changing stored bytes behind Confide's back, as somebody can who has the store files and no key.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rusqlite::{Connection, params};

use crate::home::Home;
use crate::manifest::Manifest;

type Rows = HashMap<String, Vec<u8>>;

/// The store files of a local deployment, and what was in them before the tour.
pub(crate) struct StoreFiles {
    files: Vec<(String, PathBuf, Rows)>,
}

/// Rows with one flipped bit each. Dropping it puts the rows back as they were.
pub(crate) struct Tampered {
    connection: Connection,
    rows: Vec<(String, Vec<u8>, Vec<u8>)>,
}

fn open(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path).with_context(|| format!("{} can't be opened", path.display()))?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(connection)
}

fn rows(connection: &Connection) -> Result<Rows> {
    connection
        .prepare("SELECT key, value FROM spin_key_value")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()
        .map_err(Into::into)
}

impl StoreFiles {
    /// Notes what is there, so that the tour later touches only rows of its own.
    pub(crate) fn before(manifest: &Path, home: &Home) -> Result<Self> {
        let manifest = Manifest::read(manifest)?;
        let files = manifest
            .store_labels()
            .into_iter()
            .map(|label| {
                let path = home.store_file(label);
                let rows = rows(&open(&path)?)?;
                Ok((label.to_owned(), path, rows))
            })
            .collect::<Result<_>>()?;
        Ok(Self { files })
    }

    /// The stores' labels.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(label, _, _)| label.as_str())
    }

    /// Flips a bit late in every value of a store that the tour has written: behind the MACs of an attested value, of which
    /// each reader checks its own.
    pub(crate) fn tamper(&self, label: &str) -> Result<Tampered> {
        let (_, path, before) = self
            .files
            .iter()
            .find(|(name, _, _)| name == label)
            .with_context(|| format!("the application has no store {label}"))?;
        let connection = open(path)?;
        let mut tampered = Tampered {
            rows: Vec::new(),
            connection,
        };
        for (key, value) in rows(&tampered.connection)? {
            if before.get(&key) == Some(&value) {
                continue;
            }
            let mut flipped = value.clone();
            let late = flipped.len().saturating_mul(7) / 8;
            if let Some(byte) = flipped.get_mut(late) {
                *byte ^= 0x10;
            }
            // Noted before it is done, so that it is undone even if the next one fails.
            tampered.rows.push((key.clone(), value.clone(), flipped.clone()));
            replace(&tampered.connection, &key, &value, &flipped)?;
        }
        Ok(tampered)
    }
}

fn replace(connection: &Connection, key: &str, from: &[u8], to: &[u8]) -> Result<()> {
    connection.execute(
        "UPDATE spin_key_value SET value = ?3 WHERE key = ?1 AND value = ?2",
        params![key, from, to],
    )?;
    Ok(())
}

impl Tampered {
    /// How many values were changed.
    pub(crate) fn count(&self) -> usize {
        self.rows.len()
    }
}

impl Drop for Tampered {
    fn drop(&mut self) {
        for (key, original, flipped) in &self.rows {
            let _ = replace(&self.connection, key, flipped, original);
        }
    }
}
