//! What a key-value store of a Spin-compatible platform really offers (`wasi:keyvalue` 0.2.0-draft2).
//!
//! [`crate::Disciplined`] stands on this trait, so that the guards that make the store safe are the same code on Spin,
//! on the embedded host and in the tests that break every operation on purpose.

/// Why an operation failed. Whether it took effect is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketError {
    /// No answer, or an answer that leaves the outcome open.
    Unavailable,
    /// The manifest does not grant the store, or the runtime does not have it.
    NotGranted,
}

/// Why a swap failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwapFailure {
    /// The backend says that the value had changed. Remote backends say so after a lost connection too.
    Conflict,
    /// No answer.
    Unavailable,
}

/// A handle of one compare-and-swap.
pub trait CompareAndSwap {
    /// Reads the value that the swap will insist on.
    ///
    /// # Errors
    /// [`BucketError`] where the store does not answer.
    fn current(&mut self) -> Result<Option<Vec<u8>>, BucketError>;

    /// Replaces the value read by `current`. On an absent key this overwrites whatever was written since.
    ///
    /// # Errors
    /// [`SwapFailure`]; the swap may have taken effect all the same.
    fn swap(self: Box<Self>, value: &[u8]) -> Result<(), SwapFailure>;
}

/// One store, as the platform gives it.
pub trait Bucket {
    /// Reads a key.
    ///
    /// # Errors
    /// [`BucketError`] where the store does not answer.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BucketError>;

    /// Writes a key, over whatever is there.
    ///
    /// # Errors
    /// [`BucketError`]; the write may have taken effect all the same.
    fn set(&self, key: &str, value: &[u8]) -> Result<(), BucketError>;

    /// Writes several keys, 25 at most, over whatever is there; together where the backend can. Owned keys and values, as the platform's bindings want
    /// them: what is written together is large, and not copied.
    ///
    /// # Errors
    /// [`BucketError`]; any of the writes may have taken effect all the same.
    fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), BucketError>;

    /// Deletes a key.
    ///
    /// # Errors
    /// [`BucketError`]; the deletion may have taken effect all the same.
    fn delete(&self, key: &str) -> Result<(), BucketError>;

    /// Deletes several keys, 25 at most; together where the backend can.
    ///
    /// # Errors
    /// [`BucketError`]; any of the deletions may have taken effect all the same.
    fn delete_many(&self, keys: &[String]) -> Result<(), BucketError>;

    /// Adds to a number. On SQLite, a value that is not a number poisons the whole store.
    ///
    /// # Errors
    /// [`BucketError`]; the addition may have taken effect all the same.
    fn increment(&self, key: &str, by: i64) -> Result<i64, BucketError>;

    /// Begins a compare-and-swap.
    ///
    /// # Errors
    /// [`BucketError`] where the store does not answer.
    fn compare_and_swap(&self, key: &str) -> Result<Box<dyn CompareAndSwap + '_>, BucketError>;
}
