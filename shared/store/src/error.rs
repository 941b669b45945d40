use crypto::CryptoError;
use ports::KvError;

/// Why state could not be read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store did not answer, or the outcome is unknown.
    #[error(transparent)]
    Kv(#[from] KvError),
    /// What lies in the store is not what was written there.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// What was opened is not a document of this kind: a defect of ours, or a format from the future.
    #[error("a stored document has an unknown form")]
    Form,
    /// So many others changed the same thing that this change did not get its turn.
    #[error("too many requests change the same thing at once")]
    Contended,
}
