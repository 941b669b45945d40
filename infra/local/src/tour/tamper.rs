//! Changing stored bytes behind Confide's back, as somebody can who has the store files and no key.
//!
//! It is done to a copy that is served beside the deployment. Many values belong to everybody who uses it, such as what a network may still try, and a
//! tour that is ended between a change and its undoing would leave them unreadable for good.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use rusqlite::{Connection, Transaction, params};
use tokio::sync::oneshot;

use crate::client::Client;
use crate::home::{Home, lockable};
use crate::host::{Host, create_private_folder};
use crate::manifest::Manifest;

/// The folder of a copy, which nobody else uses until it is dropped, and which is gone then.
struct Folder {
    home: Home,
    /// It ends with the handle.
    _lock: File,
}

/// A copy of a deployment's stores, served with the deployment's keyrings until it is dropped.
pub(crate) struct Copy {
    labels: Vec<String>,
    client: Client,
    /// Dropped, it tells the server to stop.
    serving: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
    folder: Folder,
}

/// A store of the copy with one flipped bit in every value. Dropping it puts the values back as they were.
pub(crate) struct Tampered {
    connection: Connection,
    flipped: Vec<(String, Vec<u8>)>,
}

/// Where the copy of a deployment lies.
fn place(deployment: &Home) -> PathBuf {
    deployment.folder().join("tour")
}

impl Folder {
    /// The folder of a deployment's copy, with nothing in it; none while another tour has it.
    fn claim(deployment: &Home) -> Result<Option<Self>> {
        let home = Home::new(place(deployment));
        create_private_folder(home.folder())?;
        let lock = lockable(home.folder())?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let folder = Self { home, _lock: lock };
        folder.empty()?;
        Ok(Some(folder))
    }

    /// Takes away what is in it: of a tour that was killed, too.
    fn empty(&self) -> Result<()> {
        for entry in fs::read_dir(self.home.folder())? {
            let entry = entry?;
            // Of the link to the keyrings it takes the link.
            let removed = match entry.file_type()?.is_dir() {
                true => fs::remove_dir_all(entry.path()),
                false => fs::remove_file(entry.path()),
            };
            removed.with_context(|| format!("{} can't be removed", entry.path().display()))?;
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = self.empty();
        let _ = fs::remove_dir(self.home.folder());
    }
}

/// Takes away what a tour that was killed has left: it must not lie there, nor in backups, for longer than the keys that it is sealed with.
///
/// # Errors
/// Where it can't be removed.
pub(crate) fn clear(deployment: &Home) -> Result<()> {
    if place(deployment).exists() {
        drop(Folder::claim(deployment)?);
    }
    Ok(())
}

/// Takes away the copy of a tour that ends at once, while it is served.
pub(crate) fn abandon(deployment: &Home) {
    let _ = fs::remove_dir_all(place(deployment));
}

impl Copy {
    /// Copies the stores that the manifest names, each as it is at one moment, and serves them.
    pub(crate) fn serve(manifest: &Path, deployment: &Home) -> Result<Self> {
        let labels: Vec<String> = Manifest::read(manifest)?
            .store_labels()
            .into_iter()
            .map(str::to_owned)
            .collect();
        let folder = Folder::claim(deployment)?.context("another tour of this deployment is on its way")?;
        let home = &folder.home;
        create_private_folder(&home.folder().join("stores"))?;
        for label in &labels {
            let path = deployment.store_file(label);
            let copy = home.store_file(label);
            let copied = open(&path)?.execute("VACUUM INTO ?1", [copy.to_str().context("the home's path is no text")?]);
            copied.with_context(|| format!("{} can't be copied", path.display()))?;
        }
        link_keyrings(deployment, home)?;
        let (serving, until) = oneshot::channel();
        let (url, server) = serve(manifest.to_owned(), home.folder().to_owned(), until)?;
        Ok(Self {
            labels,
            client: Client::new(&url),
            serving: Some(serving),
            server: Some(server),
            folder,
        })
    }

    /// The stores' labels.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &str> {
        self.labels.iter().map(String::as_str)
    }

    /// A client of the copy.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Flips a bit late in every value of a store: behind the MACs of an attested value, of which each reader checks its own.
    pub(crate) fn tamper(&self, label: &str) -> Result<Tampered> {
        let mut connection = open(&self.folder.home.store_file(label))?;
        let transaction = connection.transaction()?;
        let mut flipped = Vec::new();
        for (key, value) in values(&transaction)? {
            let changed = with_flipped_bit(&value);
            replace(&transaction, &key, &value, &changed)?;
            flipped.push((key, changed));
        }
        transaction.commit()?;
        Ok(Tampered { connection, flipped })
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // The files go after it, with the folder.
        drop(self.serving.take());
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

impl Tampered {
    /// How many values were changed.
    pub(crate) fn count(&self) -> usize {
        self.flipped.len()
    }
}

impl Drop for Tampered {
    fn drop(&mut self) {
        let flipped = &self.flipped;
        let restore = |connection: &mut Connection| -> rusqlite::Result<()> {
            let transaction = connection.transaction()?;
            for (key, value) in flipped {
                replace(&transaction, key, value, &with_flipped_bit(value))?;
            }
            transaction.commit()
        };
        // Where it fails, the next answer of the copy shows it.
        let _ = restore(&mut self.connection);
    }
}

/// Serves a home on a free port of this machine, on a thread with a runtime of its own: the tour itself waits for each answer.
fn serve(manifest: PathBuf, home: PathBuf, until: oneshot::Receiver<()>) -> Result<(String, JoinHandle<()>)> {
    let (started, start) = mpsc::channel();
    let server = thread::spawn(move || {
        let serve = async {
            let host = Host::builder(manifest)
                .home(home)
                .listen(([127, 0, 0, 1], 0).into())
                .quiet(true);
            match host.start().await {
                Ok(host) => {
                    let _ = started.send(Ok(host.url().to_owned()));
                    let _ = until.await;
                    host.shutdown().await;
                }
                Err(error) => drop(started.send(Err(error))),
            }
        };
        if let Ok(runtime) = tokio::runtime::Runtime::new() {
            runtime.block_on(serve);
        }
    });
    let url = start.recv().map_err(|_| anyhow!("the copy is not served"))?;
    Ok((url.context("the copy can't be served")?, server))
}

/// By a link: of keyrings there are no copies.
#[cfg(unix)]
fn link_keyrings(from: &Home, to: &Home) -> Result<()> {
    let env = fs::canonicalize(from.env_file())?;
    std::os::unix::fs::symlink(env, to.env_file()).context("the keyrings can't be linked")
}

#[cfg(not(unix))]
fn link_keyrings(from: &Home, to: &Home) -> Result<()> {
    fs::hard_link(from.env_file(), to.env_file()).context("the keyrings can't be linked")
}

fn open(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path).with_context(|| format!("{} can't be opened", path.display()))?;
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
}

fn values(transaction: &Transaction<'_>) -> rusqlite::Result<Vec<(String, Vec<u8>)>> {
    transaction
        .prepare("SELECT key, value FROM spin_key_value")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn replace(transaction: &Transaction<'_>, key: &str, from: &[u8], to: &[u8]) -> rusqlite::Result<()> {
    let update = "UPDATE spin_key_value SET value = ?3 WHERE key = ?1 AND value = ?2";
    transaction.execute(update, params![key, from, to]).map(drop)
}

fn with_flipped_bit(value: &[u8]) -> Vec<u8> {
    let mut flipped = value.to_vec();
    let late = flipped.len().saturating_mul(7) / 8;
    if let Some(byte) = flipped.get_mut(late) {
        *byte ^= 0x10;
    }
    flipped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_tour_has_left_is_taken_away_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let deployment = Home::new(folder.path());
        fs::write(deployment.env_file(), "keyrings").unwrap();
        clear(&deployment).unwrap();
        let left = folder.path().join("tour");
        assert!(!left.exists());
        fs::create_dir_all(left.join("stores")).unwrap();
        fs::write(left.join("stores/health.db"), "rows").unwrap();
        link_keyrings(&deployment, &Home::new(&left)).unwrap();
        clear(&deployment).unwrap();
        assert!(!left.exists());
        assert_eq!(fs::read_to_string(deployment.env_file()).unwrap(), "keyrings");

        // Of two tours one has the folder, and a start beside it leaves it alone.
        let claimed = Folder::claim(&deployment).unwrap().unwrap();
        fs::write(left.join("row"), "").unwrap();
        assert!(Folder::claim(&deployment).unwrap().is_none());
        clear(&deployment).unwrap();
        assert!(left.join("row").exists());
        drop(claimed);
        assert!(!left.exists());
    }
}
