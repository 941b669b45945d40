//! Key-value storage under exactly three disciplines.
//!
//! The stores that Confide runs on have no transactions, no listing that a request could afford and
//! differ in what is atomic. What they all can do is one of three things per key, never mixed:
//! write **once**, change a **doc** by compare-and-swap, or **count**. The key types keep them apart.

use std::fmt;

/// Why the store could not say what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KvError {
    /// The store did not answer, or its answer leaves the outcome unknown. A retry is safe where
    /// the operation is safe to repeat.
    #[error("the store did not answer")]
    Unavailable,
    /// Somebody else has been creating the same document and has not finished: wait and try again.
    #[error("another request is creating the same document")]
    Busy,
    /// The deployment does not grant this store to this function.
    #[error("the store is not granted to this function")]
    NotGranted,
}

macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The key with this name. The prefix of the discipline is put in front, so that a name
            /// used under two disciplines is two keys.
            #[must_use]
            pub fn new(name: &str) -> Self {
                Self([concat!($prefix, "/"), name].concat())
            }

            /// The key as the store sees it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(key: $name) -> Self {
                key.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    )*};
}

keys! {
    /// Written one time under a name that nobody else can choose (random or derived from the content),
    /// never overwritten, may be deleted.
    OnceKey, "once";
    /// Changed only by compare-and-swap; its value is never twice the same.
    DocKey, "doc";
    /// Changed only by increments.
    CountKey, "count";
}

/// What came of a first write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// The document is ours.
    Created,
    /// Somebody made it before; nothing was written.
    Exists,
}

/// What came of a compare-and-swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swap {
    /// The new value is durable.
    Applied,
    /// The document had changed; nothing of ours is there, or it was overwritten since. Whoever
    /// must know which recognises its own write in the value (`store::Doc` and `store::Log` do).
    Conflict,
}

/// A document as it was read, which can be swapped for a new value one time.
pub trait Slot {
    /// The value that was read.
    fn value(&self) -> &[u8];

    /// Replaces exactly the value that was read.
    ///
    /// # Errors
    /// [`KvError::Unavailable`] where the outcome could not be learned even by reading back.
    fn swap(self: Box<Self>, value: &[u8]) -> Result<Swap, KvError>;
}

/// One store. Every operation is durable when it returns.
pub trait Kv {
    /// Reads a once-key.
    ///
    /// # Errors
    /// [`KvError`] where the store does not answer.
    fn once(&self, key: &OnceKey) -> Result<Option<Vec<u8>>, KvError>;

    /// Writes a once-key. Repeating it with the same value is harmless.
    ///
    /// # Errors
    /// [`KvError`] where the value is not known to be durable.
    fn put_once(&self, key: &OnceKey, value: &[u8]) -> Result<(), KvError>;

    /// Writes several once-keys, together where the store can. Repeating it with the same values is harmless. Takes them, since what is
    /// written together is large.
    ///
    /// # Errors
    /// [`KvError`] where not all of them are known to be durable; any of them may be.
    fn put_many_once(&self, entries: Vec<(OnceKey, Vec<u8>)>) -> Result<(), KvError>;

    /// Removes a once-key, which may be gone already. Nothing may lead to it any more.
    ///
    /// # Errors
    /// [`KvError`] where it is not known to be gone.
    fn remove_once(&self, key: &OnceKey) -> Result<(), KvError>;

    /// Removes several once-keys, together where the store can. Any of them may be gone already, and nothing may lead to them any more.
    ///
    /// # Errors
    /// [`KvError`] where not all of them are known to be gone; any of them may be.
    fn remove_many_once(&self, keys: Vec<OnceKey>) -> Result<(), KvError>;

    /// Reads a document that the caller does not mean to change.
    ///
    /// # Errors
    /// [`KvError`] where the store does not answer.
    fn doc(&self, key: &DocKey) -> Result<Option<Vec<u8>>, KvError>;

    /// Reads a document in order to change it.
    ///
    /// # Errors
    /// [`KvError`] where the store does not answer.
    fn open(&self, key: &DocKey) -> Result<Option<Box<dyn Slot + '_>>, KvError>;

    /// Writes a document for the first time where several creators may meet: at most one of them is told
    /// [`Creation::Created`].
    ///
    /// # Errors
    /// [`KvError::Busy`] while another creator has neither finished nor run out of time.
    fn create(&self, key: &DocKey, value: &[u8]) -> Result<Creation, KvError>;

    /// Writes a document for the first time under a name made from fresh randomness, where no second
    /// creator can exist. One durable write instead of three.
    ///
    /// # Errors
    /// [`KvError`] where the value is not known to be durable.
    fn create_unshared(&self, key: &DocKey, value: &[u8]) -> Result<(), KvError>;

    /// Adds to a count and returns the sum; an absent count is zero.
    ///
    /// # Errors
    /// [`KvError`] where the outcome is unknown.
    fn increment(&self, key: &CountKey, by: i64) -> Result<i64, KvError>;
}

/// The stores that a function is granted.
pub trait Stores {
    /// The store with this label.
    ///
    /// # Errors
    /// [`KvError::NotGranted`] where the manifest does not grant it.
    fn store(&self, label: &'static str) -> Result<Box<dyn Kv + '_>, KvError>;
}
