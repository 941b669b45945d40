//! A copy of a clinic's trail that anybody can check without keys and without Confide's servers.
//!
//! Every chain is exported from its first entry on, with the exact JSON of each event. Whoever holds the export
//! recomputes each chain; the signed statement says where each chain stood, so an event that was changed, dropped,
//! inserted or moved shows. The signature is Ed25519 (RFC 8032).

use model::{ClinicId, Function, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Event;

/// The format's name.
pub const FORMAT: &str = "confide-audit-export-1";

/// An exported trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// `confide-audit-export-1`.
    pub format: String,
    /// Whose trail.
    pub clinic: ClinicId,
    /// When it was taken.
    pub exported_at: Timestamp,
    /// The chains that hold anything.
    pub chains: Vec<ExportedChain>,
    /// The signature over [`statement`].
    pub signature: Signature,
}

/// One chain, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedChain {
    /// Who wrote it.
    pub function: Function,
    /// Which of the function's chains.
    pub shard: u8,
    /// Number of entries.
    pub sequence: u64,
    /// Chain value after the last, in hexadecimal.
    pub chain: String,
    /// The entries, oldest first.
    pub entries: Vec<ExportedEntry>,
}

/// One event, as the chain covers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedEntry {
    /// Place in the chain, from 1.
    pub sequence: u64,
    /// The exact JSON text of the event.
    pub event: String,
}

/// Who vouches for the export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// `Ed25519`.
    pub algorithm: String,
    /// The public key, base64.
    pub public_key: String,
    /// The signature, base64.
    pub value: String,
}

/// What is wrong with an export, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// Not this format.
    #[error("the file is not a {FORMAT}")]
    Format,
    /// An entry is missing or out of place.
    #[error("chain {function}/{shard}: entry {expected} is missing or out of place")]
    Sequence {
        /// Who wrote the chain.
        function: Function,
        /// Which of its chains.
        shard: u8,
        /// The place where the next entry should have been.
        expected: u64,
    },
    /// The entries don't come to the chain value that was signed.
    #[error("chain {function}/{shard}: its entries are not those that were recorded")]
    Chain {
        /// Who wrote the chain.
        function: Function,
        /// Which of its chains.
        shard: u8,
    },
    /// An entry is not an event of this chain.
    #[error("chain {function}/{shard}: entry {sequence} is not an event of this function and clinic")]
    Foreign {
        /// Who wrote the chain.
        function: Function,
        /// Which of its chains.
        shard: u8,
        /// The entry.
        sequence: u64,
    },
}

/// The text that is signed: the clinic, the time, and where each chain stands, a line each.
#[must_use]
pub fn statement(clinic: ClinicId, exported_at: Timestamp, chains: &[ExportedChain]) -> String {
    let mut text = format!("{FORMAT}\n{clinic}\n{exported_at}\n");
    for chain in chains {
        text.push_str(&format!(
            "{} {} {} {}\n",
            chain.function, chain.shard, chain.sequence, chain.chain
        ));
    }
    text
}

impl Export {
    /// The text that the signature must be over.
    #[must_use]
    pub fn statement(&self) -> String {
        statement(self.clinic, self.exported_at, &self.chains)
    }

    /// How many events there are.
    #[must_use]
    pub fn events(&self) -> usize {
        self.chains.iter().map(|chain| chain.entries.len()).sum()
    }

    /// Recomputes every chain. The signature is checked by the caller, who knows which key to believe.
    ///
    /// # Errors
    /// The first [`Finding`].
    pub fn verify_chains(&self) -> Result<(), Finding> {
        if self.format != FORMAT {
            return Err(Finding::Format);
        }
        self.chains.iter().try_for_each(|chain| chain.verify(self.clinic))
    }
}

impl ExportedChain {
    fn verify(&self, clinic: ClinicId) -> Result<(), Finding> {
        let (function, shard) = (self.function, self.shard);
        let mut now = [0; 32];
        let mut expected = 0_u64;
        for entry in &self.entries {
            expected = expected.saturating_add(1);
            if entry.sequence != expected {
                return Err(Finding::Sequence {
                    function,
                    shard,
                    expected,
                });
            }
            let event = serde_json::from_str::<Event>(&entry.event)
                .ok()
                .filter(|event| event.function == function && event.clinic == Some(clinic))
                .ok_or(Finding::Foreign {
                    function,
                    shard,
                    sequence: entry.sequence,
                })?;
            now = store::chain(&now, entry.sequence, event.id.as_bytes(), entry.event.as_bytes());
        }
        if expected != self.sequence {
            return Err(Finding::Sequence {
                function,
                shard,
                expected: expected.saturating_add(1),
            });
        }
        if base16ct::lower::encode_string(&now) != self.chain {
            return Err(Finding::Chain { function, shard });
        }
        Ok(())
    }
}
