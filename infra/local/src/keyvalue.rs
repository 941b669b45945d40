//! Key-value stores in SQLite: one file a label, in the table that Spin's own backend uses, so that both serve the same files.
//!
//! A store has one connection that writes and a few that read. In WAL mode readers never wait for a commit, and a read that
//! starts after a write was acknowledged sees it: each read is its own transaction and starts from the last commit in the log.
//! A third kind moves what is in the log to the file, beside both: else every thousandth page would let one writer wait for all of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior, params};

/// Another process on the same file (`spin up`, a backup) may hold its lock for a moment.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads take microseconds, so a few connections keep every core busy.
const READERS: usize = 4;

/// Bytes of a page of a file that is made here. Most values (an audit head, a note) then lie in one page instead of a chain of
/// them: a tenth less time for a read, and for the hand-written floor beside it.
const PAGE_SIZE: u32 = 8192;

/// Bytes written after which the log is moved to the file: as many as SQLite itself would let come together in a thousand pages.
const CHECKPOINT_AFTER: u64 = 8 * 1024 * 1024;

/// Pages of the log at which a writer moves them herself: so much comes together only where writers never pause.
const LONGEST_LOG: u32 = 8192;

const SELECT: &str = "SELECT value FROM spin_key_value WHERE store = ?1 AND key = ?2";
const EXISTS: &str = "SELECT 1 FROM spin_key_value WHERE store = ?1 AND key = ?2";
const KEYS: &str = "SELECT key FROM spin_key_value WHERE store = ?1";
const UPSERT: &str = "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3) \
                      ON CONFLICT (store, key) DO UPDATE SET value = excluded.value";
const UPDATE: &str = "UPDATE spin_key_value SET value = ?3 WHERE store = ?1 AND key = ?2 AND value = ?4";
const DELETE: &str = "DELETE FROM spin_key_value WHERE store = ?1 AND key = ?2";

/// Why an operation failed. The text goes to the guest: it never holds a key or a value.
#[derive(Debug)]
pub(crate) struct Fault(pub(crate) String);

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        // Of rusqlite's errors only the engine's own are free of statement text and values.
        Self(match error {
            rusqlite::Error::SqliteFailure(code, _) => format!("store: {code}"),
            _ => "store: unexpected answer from SQLite".to_owned(),
        })
    }
}

type Outcome<T> = Result<T, Fault>;

/// Every store of the application, by label.
pub(crate) struct Stores {
    stores: HashMap<String, Arc<Store>>,
    /// Whether the runtime can move its other work away from a thread that blocks.
    relocate: bool,
}

impl Stores {
    /// Opens (and creates, if missing) one file a label in `folder`.
    ///
    /// # Errors
    /// A file or folder that cannot be made, opened, or is not a store.
    pub(crate) fn open<'a>(folder: &Path, labels: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let stores = labels
            .into_iter()
            .map(|label| {
                let path = file(folder, label);
                let store = Store::open(&path, label).with_context(|| {
                    format!(
                        "store {label:?}: {}; check that it is a store's file, yours, and not on a full or read-only disk",
                        path.display()
                    )
                })?;
                Ok((label.to_owned(), Arc::new(store)))
            })
            .collect::<Result<_>>()?;
        let relocate = tokio::runtime::Handle::try_current()
            .is_ok_and(|handle| handle.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread);
        Ok(Self { stores, relocate })
    }

    #[must_use]
    pub(crate) fn get(&self, label: &str) -> Option<OpenStore> {
        Some(OpenStore {
            store: Arc::clone(self.stores.get(label)?),
            relocate: self.relocate,
        })
    }
}

/// Where a label's file is.
#[must_use]
pub(crate) fn file(folder: &Path, label: &str) -> PathBuf {
    folder.join(format!("{label}.db"))
}

struct Store {
    label: String,
    /// Waiters queue here without holding a thread, in order.
    writer: tokio::sync::Mutex<Connection>,
    readers: Vec<Mutex<Connection>>,
    checkpointer: Mutex<Connection>,
    /// Bytes that were written since the log was last begun to be moved, counted in whole pages.
    written: AtomicU64,
}

impl Store {
    fn open(path: &Path, label: &str) -> Result<Self> {
        create_private(path)?;
        let writer = connect(path)?;
        writer.pragma_update(None, "wal_autocheckpoint", LONGEST_LOG)?;
        writer.pragma_update(None, "page_size", PAGE_SIZE)?;
        writer.pragma_update(None, "journal_mode", "WAL")?;
        writer.execute_batch(
            "CREATE TABLE IF NOT EXISTS spin_key_value (
               store TEXT NOT NULL,
               key   TEXT NOT NULL,
               value BLOB NOT NULL,
               PRIMARY KEY (store, key)
             )",
        )?;
        let readers = (0..READERS)
            .map(|_| {
                let reader = connect(path)?;
                reader.pragma_update(None, "query_only", true)?;
                Ok(Mutex::new(reader))
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            label: label.to_owned(),
            writer: tokio::sync::Mutex::new(writer),
            readers,
            checkpointer: Mutex::new(connect(path)?),
            written: AtomicU64::new(0),
        })
    }

    /// Counts what was written, and says whether the log is to be moved.
    fn is_due(&self, bytes: usize) -> bool {
        // A page of the table and one of its index, whatever is written.
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let pages = bytes.div_ceil(PAGE_SIZE.into()).saturating_add(2);
        let written = pages.saturating_mul(PAGE_SIZE.into());
        let before = self.written.fetch_add(written, Ordering::Relaxed);
        let is_due = before.saturating_add(written) >= CHECKPOINT_AFTER;
        if is_due {
            self.written.store(0, Ordering::Relaxed);
        }
        is_due
    }

    /// Moves the log to the file without making readers or writers wait. What it leaves is durable in the log, and moved the next time.
    fn checkpoint(&self) {
        if let Ok(connection) = self.checkpointer.try_lock() {
            let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        }
    }

    /// A connection nobody is reading on, or else the first one that gets free.
    fn reader(&self) -> Outcome<MutexGuard<'_, Connection>> {
        for reader in &self.readers {
            match reader.try_lock() {
                Ok(connection) => return Ok(connection),
                // A read holds no state that a panic could leave half-made.
                Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let first = self
            .readers
            .first()
            .ok_or_else(|| Fault("store: no connection".to_owned()))?;
        Ok(first.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// SQLite gives its log and index files the mode of the database, so making the database private makes all three private.
fn create_private(path: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn connect(path: &Path) -> Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // FULL: a commit is on the disk before it is acknowledged. In WAL mode NORMAL would lose the last ones with the power.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.set_prepared_statement_cache_capacity(16);
    Ok(connection)
}

/// A store that a component holds open.
#[derive(Clone)]
pub(crate) struct OpenStore {
    store: Arc<Store>,
    relocate: bool,
}

impl OpenStore {
    /// Runs on the caller's thread: a lookup in the page cache is shorter than handing it to another thread.
    ///
    /// # Errors
    /// SQLite's.
    pub(crate) fn get(&self, key: &str) -> Outcome<Option<Vec<u8>>> {
        let connection = self.store.reader()?;
        select(&connection, &self.store.label, key)
    }

    /// # Errors
    /// SQLite's.
    pub(crate) fn exists(&self, key: &str) -> Outcome<bool> {
        let connection = self.store.reader()?;
        let mut statement = connection.prepare_cached(EXISTS)?;
        Ok(statement.exists(params![self.store.label, key])?)
    }

    /// Reads every key of the store.
    ///
    /// # Errors
    /// SQLite's.
    pub(crate) fn keys(&self) -> Outcome<Vec<String>> {
        self.blocking(|| {
            let connection = self.store.reader()?;
            let mut statement = connection.prepare_cached(KEYS)?;
            let keys = statement.query_map(params![self.store.label], |row| row.get(0))?;
            Ok(keys.collect::<Result<_, _>>()?)
        })
    }

    /// The keys that exist, in key order, each once: Spin leaves out absent keys too. All from one moment.
    ///
    /// # Errors
    /// SQLite's.
    pub(crate) fn get_many(&self, mut keys: Vec<String>) -> Outcome<Vec<(String, Vec<u8>)>> {
        keys.sort_unstable();
        keys.dedup();
        let mut connection = self.store.reader()?;
        let snapshot = connection.transaction()?;
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some(value) = select(&snapshot, &self.store.label, &key)? {
                found.push((key, value));
            }
        }
        snapshot.commit()?;
        Ok(found)
    }

    /// # Errors
    /// SQLite's; the value is then unchanged.
    pub(crate) async fn set(&self, key: &str, value: &[u8]) -> Outcome<()> {
        self.write(value.len(), |connection, label| {
            connection.prepare_cached(UPSERT)?.execute(params![label, key, value])?;
            Ok(())
        })
        .await
    }

    /// # Errors
    /// SQLite's.
    pub(crate) async fn delete(&self, key: &str) -> Outcome<()> {
        self.write(0, |connection, label| {
            connection.prepare_cached(DELETE)?.execute(params![label, key])?;
            Ok(())
        })
        .await
    }

    /// One transaction: all of them or none.
    ///
    /// # Errors
    /// SQLite's.
    pub(crate) async fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Outcome<()> {
        let bytes = entries.iter().map(|(_, value)| value.len()).sum();
        self.write(bytes, |connection, label| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for (key, value) in entries {
                transaction
                    .prepare_cached(UPSERT)?
                    .execute(params![label, key, value])?;
            }
            Ok(transaction.commit()?)
        })
        .await
    }

    /// One transaction: all of them or none.
    ///
    /// # Errors
    /// SQLite's.
    pub(crate) async fn delete_many(&self, keys: &[String]) -> Outcome<()> {
        self.write(0, |connection, label| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for key in keys {
                transaction.prepare_cached(DELETE)?.execute(params![label, key])?;
            }
            Ok(transaction.commit()?)
        })
        .await
    }

    /// Adds to a little-endian 64-bit counter; an absent key counts from 0.
    ///
    /// # Errors
    /// A value that is no counter, or a sum out of range: nothing is changed then. (Spin panics on the first, and the store answers
    /// nothing until it is restarted.)
    pub(crate) async fn increment(&self, key: &str, delta: i64) -> Outcome<i64> {
        self.write(0, |connection, label| {
            // Immediate: the sum must not be taken from a value that another process replaces before the commit.
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let old = match select(&transaction, label, key)? {
                None => 0,
                Some(value) => i64::from_le_bytes(
                    value
                        .try_into()
                        .map_err(|_| Fault("increment: the value is not an 8-byte counter".to_owned()))?,
                ),
            };
            let new = old
                .checked_add(delta)
                .ok_or_else(|| Fault("increment: out of range".to_owned()))?;
            transaction
                .prepare_cached(UPSERT)?
                .execute(params![label, key, new.to_le_bytes()])?;
            transaction.commit()?;
            Ok(new)
        })
        .await
    }

    /// Writes `new` if the key's value still is `seen`, and says whether it did.
    ///
    /// As in Spin, nothing is compared where nothing was seen: on an absent key this is a plain write, and both of two creators
    /// succeed. Callers guard creation with a counter.
    ///
    /// # Errors
    /// SQLite's.
    pub(crate) async fn swap(&self, key: &str, seen: Option<&[u8]>, new: &[u8]) -> Outcome<bool> {
        self.write(new.len(), |connection, label| {
            let changed = match seen {
                Some(old) => connection
                    .prepare_cached(UPDATE)?
                    .execute(params![label, key, new, old])?,
                None => connection.prepare_cached(UPSERT)?.execute(params![label, key, new])?,
            };
            Ok(changed == 1)
        })
        .await
    }

    /// Queues for the store's writer without holding a thread, then commits while the runtime moves other requests elsewhere: a
    /// commit waits for the disk, and on a slow one that would otherwise stop every request of this thread. Once it has begun it
    /// runs to its end, so a deadline never leaves an answer unknown to the store itself.
    async fn write<T>(&self, bytes: usize, work: impl FnOnce(&mut Connection, &str) -> Outcome<T>) -> Outcome<T> {
        let outcome = {
            let mut connection = self.store.writer.lock().await;
            self.blocking(|| work(&mut connection, &self.store.label))
        };
        if self.relocate && self.store.is_due(bytes) {
            let store = Arc::clone(&self.store);
            tokio::task::spawn_blocking(move || store.checkpoint());
        }
        outcome
    }

    fn blocking<T>(&self, work: impl FnOnce() -> T) -> T {
        if self.relocate {
            tokio::task::block_in_place(work)
        } else {
            work()
        }
    }
}

fn select(connection: &Connection, label: &str, key: &str) -> Outcome<Option<Vec<u8>>> {
    Ok(connection
        .prepare_cached(SELECT)?
        .query_row(params![label, key], |row| row.get(0))
        .optional()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stores(folder: &Path) -> Stores {
        Stores::open(folder, ["a", "b"]).unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn two_stores_do_not_see_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let stores = stores(folder.path());
        let (a, b) = (stores.get("a").unwrap(), stores.get("b").unwrap());
        assert!(stores.get("c").is_none());
        a.set("k", b"1").await.unwrap();
        assert_eq!(a.get("k").unwrap().unwrap(), b"1");
        assert!(a.exists("k").unwrap());
        assert_eq!(b.get("k").unwrap(), None);
        assert!(!b.exists("k").unwrap());
        a.delete("k").await.unwrap();
        a.delete("k").await.unwrap();
        assert_eq!(a.get("k").unwrap(), None);
    }

    #[tokio::test]
    async fn swap_compares_only_what_was_seen() {
        let folder = tempfile::tempdir().unwrap();
        let a = stores(folder.path()).get("a").unwrap();
        assert!(a.swap("k", None, b"1").await.unwrap());
        assert!(a.swap("k", None, b"2").await.unwrap(), "blind on a key not seen");
        assert!(!a.swap("k", Some(b"1"), b"3").await.unwrap());
        assert!(a.swap("k", Some(b"2"), b"3").await.unwrap());
        assert!(!a.swap("absent", Some(b"2"), b"3").await.unwrap());
        assert_eq!(a.get("k").unwrap().unwrap(), b"3");
    }

    #[tokio::test]
    async fn increment_refuses_what_is_no_counter() {
        let folder = tempfile::tempdir().unwrap();
        let a = stores(folder.path()).get("a").unwrap();
        assert_eq!(a.increment("n", 1).await.unwrap(), 1);
        assert_eq!(a.increment("n", 2).await.unwrap(), 3);
        assert_eq!(a.increment("n", -10).await.unwrap(), -7);
        assert_eq!(a.get("n").unwrap().unwrap(), (-7_i64).to_le_bytes());
        a.set("k", b"text").await.unwrap();
        assert!(a.increment("k", 1).await.is_err());
        assert_eq!(a.get("k").unwrap().unwrap(), b"text");
        a.set("m", &i64::MAX.to_le_bytes()).await.unwrap();
        assert!(a.increment("m", 1).await.is_err());
        assert_eq!(a.increment("n", 1).await.unwrap(), -6, "the store still serves");
    }

    #[tokio::test]
    async fn batches() {
        let folder = tempfile::tempdir().unwrap();
        let a = stores(folder.path()).get("a").unwrap();
        a.set_many(&[("y".into(), b"2".to_vec()), ("x".into(), b"1".to_vec())])
            .await
            .unwrap();
        let wanted = ["y", "gone", "x", "y"].map(str::to_owned).to_vec();
        assert_eq!(
            a.get_many(wanted).unwrap(),
            [("x".to_owned(), b"1".to_vec()), ("y".to_owned(), b"2".to_vec())]
        );
        a.delete_many(&["x".into(), "gone".into()]).await.unwrap();
        assert_eq!(a.keys().unwrap(), ["y"]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn concurrent_increments_are_all_counted() {
        let folder = tempfile::tempdir().unwrap();
        let a = stores(folder.path()).get("a").unwrap();
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let a = a.clone();
                tokio::spawn(async move {
                    for _ in 0..20 {
                        a.increment("n", 1).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(a.get("n").unwrap().unwrap(), 160_i64.to_le_bytes());
    }

    /// What is written over and over leaves no log that grows with it, and nobody moves it to the file but whoever is there for that.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_log_is_moved_while_others_read_and_write() {
        let folder = tempfile::tempdir().unwrap();
        let stores = stores(folder.path());
        let a = stores.get("a").unwrap();
        let half = usize::try_from(CHECKPOINT_AFTER).unwrap() / 2;
        let in_file = |key: &str| {
            let alone = tempfile::tempdir().unwrap();
            let copy = file(alone.path(), "a");
            std::fs::copy(file(folder.path(), "a"), &copy).unwrap();
            let connection = connect(&copy).unwrap();
            let found = select(&connection, "a", key);
            found.unwrap_or_default().is_some()
        };
        let write = async |turn: u8| {
            a.set("k", &vec![turn; half]).await.unwrap();
            assert_eq!(a.get("k").unwrap().unwrap(), vec![turn; half]);
        };
        for turn in 0..8 {
            write(turn).await;
        }
        // The file alone, without its log, comes to know of it without another write.
        tokio::time::timeout(Duration::from_secs(20), async {
            while !in_file("k") {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .expect("the log is moved");
        // Three times as much as the longest log, and no pause in which it could be moved.
        for turn in 0..48 {
            write(turn).await;
        }
        let log = std::fs::metadata(folder.path().join("a.db-wal")).unwrap().len();
        assert!(log < u64::from(LONGEST_LOG) * u64::from(PAGE_SIZE) * 2, "{log}");
    }

    #[tokio::test]
    async fn files_are_private_durable_and_spins() {
        let folder = tempfile::tempdir().unwrap();
        let stores = stores(folder.path());
        stores.get("a").unwrap().set("k", b"1").await.unwrap();
        #[cfg(unix)]
        for name in ["a.db", "a.db-wal", "a.db-shm"] {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(folder.path().join(name))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        let other = Connection::open(file(folder.path(), "a")).unwrap();
        let mode: String = other
            .pragma_query_value(None, "journal_mode", |row| row.get(0))
            .unwrap();
        assert_eq!(mode, "wal");
        let row: (String, String, Vec<u8>) = other
            .query_row("SELECT store, key, value FROM spin_key_value", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .unwrap();
        assert_eq!(row, ("a".into(), "k".into(), b"1".to_vec()));
        let a = stores.get("a").unwrap();
        let writer = a.store.writer.lock().await;
        let level: i64 = writer
            .pragma_query_value(None, "synchronous", |row| row.get(0))
            .unwrap();
        assert_eq!(level, 2);
    }
}
