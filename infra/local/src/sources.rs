//! Where the values of variables come from, and what happens when `.env` changes while they are in use: a keyring with another version must
//! cost no restart. What an embedder gave, the process environment and the hosts that may be reached stay what they were at the start.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};
use tokio::sync::watch;

use crate::console;
use crate::dotenv;
use crate::engine::{Engine, Phase};
use crate::manifest::Manifest;
use crate::variables::{self, Resolved, Value};

/// How soon a change is noticed.
pub(crate) const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// Where values come from, first hit wins: the embedder, the process environment, `.env`.
pub(crate) struct Sources {
    given: HashMap<String, Value>,
    dotenv: PathBuf,
}

/// What tells one state of a file from another. A file that is replaced has another time.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
}

impl Sources {
    pub(crate) fn new(given: HashMap<String, Value>, dotenv: PathBuf) -> Self {
        Self { given, dotenv }
    }

    pub(crate) fn dotenv(&self) -> &Path {
        &self.dotenv
    }

    /// Looks every declared variable up.
    ///
    /// # Errors
    /// A `.env` that can't be read.
    pub(crate) fn resolve(&self, manifest: &Manifest) -> Result<Resolved> {
        let dotenv = dotenv::read(&self.dotenv)?;
        Ok(Resolved::new(
            manifest,
            &[
                &|name| self.given.get(name).cloned(),
                &|name| environment(&variables::environment_name(name)),
                &|name| dotenv.get(&variables::environment_name(name)).cloned(),
            ],
        ))
    }

    fn stamp(&self) -> Option<Stamp> {
        let metadata = fs::metadata(&self.dotenv).ok()?;
        Some(Stamp {
            modified: metadata.modified().ok(),
            length: metadata.len(),
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "the host is where functions' secrets come in")]
fn environment(name: &str) -> Option<Value> {
    std::env::var(name).ok().map(Value::new)
}

/// Lets the functions read what `.env` says now, whenever it changes. A request that is on its way keeps what it began with.
pub(crate) async fn follow(
    sources: Sources,
    manifest: Arc<Manifest>,
    engine: Arc<Engine>,
    mut phase: watch::Receiver<Phase>,
) {
    // Before the first look nothing is known to be what the engine was started with, so the file is read one time more.
    let mut seen = None;
    loop {
        tokio::select! {
            _ = phase.wait_for(|phase| *phase > Phase::Serving) => return,
            () = tokio::time::sleep(LOOKS_EVERY) => {}
        }
        let now = sources.stamp();
        if now == seen {
            continue;
        }
        let is_first = seen.is_none();
        seen = now;
        match take_up(&sources, &manifest, &engine) {
            Ok(()) if is_first => {}
            Ok(()) => console::line(format_args!(
                "{} has changed: its variables hold from the next request on",
                sources.dotenv.display()
            )),
            Err(error) => console::line(format_args!(
                "{} has changed and is not taken up, what was read before holds: {error:#}",
                sources.dotenv.display()
            )),
        }
    }
}

/// A file that is broken or lacks what is needed is a mistake on its way to be repaired, and no reason to stop serving.
fn take_up(sources: &Sources, manifest: &Manifest, engine: &Engine) -> Result<()> {
    let resolved = sources.resolve(manifest)?;
    let tables = manifest
        .triggered()
        .into_iter()
        .map(|(id, component)| Ok((id, resolved.component(&component.variables)?)))
        .collect::<Result<Vec<_>>>()?;
    for (id, table) in &tables {
        let before = engine.variables(id);
        if let Some(lost) = before.as_ref().and_then(|before| before.lost_in(table)) {
            bail!("the variable {lost} of component {id} has no value any more");
        }
    }
    for (id, table) in tables {
        engine.set_variables(id, table);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_has_another_stamp_and_other_values() {
        let folder = tempfile::tempdir().unwrap();
        let dotenv = folder.path().join(".env");
        let manifest = Manifest::parse(
            r#"
            spin_manifest_version = 2
            [application]
            name = "t"
            [variables]
            sources_test_kept = { required = true }
            sources_test_given = { required = true }
            [component.c]
            source = "c.wasm"
            [component.c.variables]
            both = "{{ sources_test_kept }} {{ sources_test_given }}"
            "#,
        )
        .unwrap();
        let given = HashMap::from([("sources_test_given".to_owned(), Value::new("given".to_owned()))]);
        let sources = Sources::new(given, dotenv.clone());
        let read = || {
            let resolved = sources.resolve(&manifest).unwrap();
            let table = resolved.component(&manifest.component["c"].variables).unwrap();
            (table.get("both").ok(), sources.stamp())
        };
        assert!(read() == (None, None));
        fs::write(
            &dotenv,
            "SPIN_VARIABLE_SOURCES_TEST_KEPT=one\nSPIN_VARIABLE_SOURCES_TEST_GIVEN=late\n",
        )
        .unwrap();
        let (value, first) = read();
        assert_eq!(value.as_deref(), Some("one given"));
        let lock = crate::home::Home::new(folder.path()).lock().unwrap();
        lock.replace_private_file(&dotenv, "SPIN_VARIABLE_SOURCES_TEST_KEPT=three\n")
            .unwrap();
        let (value, second) = read();
        assert_eq!(value.as_deref(), Some("three given"));
        assert!(first.is_some() && first != second && second == read().1);
        fs::write(&dotenv, "no line of a file\n").unwrap();
        assert!(sources.resolve(&manifest).is_err());
    }
}
