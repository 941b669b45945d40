//! A copy of a clinic's trail that anybody can check without keys and without Confide's servers.
//!
//! Every chain is exported from its first entry on, with the exact JSON of each event. Whoever holds the export
//! recomputes each chain; the signed statement says where each chain stood, so an event that was changed, dropped,
//! inserted or moved shows. The signature is Ed25519 (RFC 8032).

use model::{ClinicId, Function, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DISORDER, Event};

/// The format's name.
pub const FORMAT: &str = "confide-audit-export-2";

/// The format before, which did not say when an export began.
const FORMAT_1: &str = "confide-audit-export-1";

/// What a chain has come to.
pub(crate) type ChainValue = [u8; 32];

/// An exported trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// `confide-audit-export-2`, or `confide-audit-export-1` without `began_at`.
    pub format: String,
    /// Whose trail.
    pub clinic: ClinicId,
    /// Before any chain was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_at: Option<Timestamp>,
    /// When all chains were read.
    pub exported_at: Timestamp,
    /// The chains that hold anything.
    pub chains: Vec<ExportedChain>,
    /// The signature over the chains' last values: see `confide verify`.
    pub signature: Signature,
}

/// One chain, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportedEntry {
    /// Place in the chain, from 1.
    pub sequence: u64,
    /// The exact JSON text of the event.
    pub event: String,
}

/// Who vouches for the export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ExportSignature")]
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
    /// Not a format of ours, or not with what belongs to it.
    #[error("the file is no export, nor a part of one, that this version knows")]
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

/// What a statement begins with: the format, the clinic, and the time.
pub(crate) fn preamble(format: &str, clinic: ClinicId, began_at: Option<Timestamp>, exported_at: Timestamp) -> String {
    let began_at = began_at.map(|at| format!("{at}\n")).unwrap_or_default();
    format!("{format}\n{clinic}\n{began_at}{exported_at}\n")
}

/// When reading began at the earliest. A file that does not say so is the answer to one request, which is not that long.
pub(crate) fn beginning(began_at: Option<Timestamp>, exported_at: Timestamp) -> Timestamp {
    let latest = || exported_at.checked_sub(DISORDER).unwrap_or(Timestamp::MIN);
    began_at.unwrap_or_else(latest)
}

impl Export {
    /// The time up to which it surely has what was recorded in its chains.
    #[must_use]
    pub fn beginning(&self) -> Timestamp {
        beginning(self.began_at, self.exported_at)
    }

    /// The text that the signature must be over: the clinic, the time, and where each chain stands, a line each.
    #[must_use]
    pub fn statement(&self) -> String {
        let mut text = preamble(&self.format, self.clinic, self.began_at, self.exported_at);
        for chain in &self.chains {
            text.push_str(&format!(
                "{} {} {} {}\n",
                chain.function, chain.shard, chain.sequence, chain.chain
            ));
        }
        text
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
        self.values().try_for_each(|values| values.map(drop))
    }

    /// Every chain with its values, recomputed as they are asked for; in their place the finding that it is not this format.
    pub(crate) fn values(&self) -> impl Iterator<Item = Result<(&ExportedChain, Vec<ChainValue>), Finding>> {
        let format = self.began_at.map_or(FORMAT_1, |_| FORMAT);
        let foreign = (self.format != format).then_some(Err(Finding::Format));
        let chains = self.chains.iter().map(|chain| Ok((chain, chain.values(self.clinic)?)));
        foreign.into_iter().chain(chains)
    }
}

impl ExportedChain {
    /// The chain value before the first entry, and after each.
    fn values(&self, clinic: ClinicId) -> Result<Vec<ChainValue>, Finding> {
        verify_entries(
            clinic,
            (self.function, self.shard),
            (0, ChainValue::default()),
            &self.entries,
            (self.sequence, &self.chain),
        )
    }
}

/// Recomputes a chain from where it stood before the entries, and returns its value there and after each of them.
///
/// # Errors
/// The first [`Finding`]: an entry that is not the next one or none of this chain, or entries that come to another stand than `to`.
pub(crate) fn verify_entries(
    clinic: ClinicId,
    (function, shard): (Function, u8),
    (after, value): (u64, ChainValue),
    entries: &[ExportedEntry],
    to: (u64, &str),
) -> Result<Vec<ChainValue>, Finding> {
    let (mut at, mut now) = (after, value);
    let mut values = Vec::with_capacity(entries.len().saturating_add(1));
    values.push(now);
    for entry in entries {
        at = at.saturating_add(1);
        if entry.sequence != at {
            return Err(Finding::Sequence {
                function,
                shard,
                expected: at,
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
        values.push(now);
    }
    if at != to.0 {
        return Err(Finding::Sequence {
            function,
            shard,
            expected: at.saturating_add(1),
        });
    }
    if base16ct::lower::encode_string(&now) != to.1 {
        return Err(Finding::Chain { function, shard });
    }
    Ok(values)
}
