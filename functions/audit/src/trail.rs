//! All chains of one clinic, read with every function's audit key.

use audit_trail::{Chains, Event, ExportedChain, ExportedEntry, SHARDS};
use base16ct::lower;
use model::{ClinicId, Function};
use schemars::JsonSchema;
use serde::Serialize;
use store::{Entry, Shelf, StoreError};
use web::{Exchange, Problem};

/// How a chain was found.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ChainState {
    pub(crate) function: Function,
    pub(crate) shard: u8,
    /// Whether every entry is what was recorded, and none is missing before the head.
    pub(crate) intact: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) events: Option<u64>,
    /// Chain value after the last event, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) chain: Option<String>,
}

/// The trail of a clinic.
pub(crate) struct ClinicTrail<'a> {
    exchange: &'a Exchange<'a>,
    shelf: Shelf<'a>,
    pub(crate) clinic: ClinicId,
}

impl<'a> ClinicTrail<'a> {
    pub(crate) fn new(exchange: &'a Exchange<'a>, clinic: ClinicId) -> Result<Self, Problem> {
        Ok(Self {
            exchange,
            shelf: exchange.shelf("audit")?,
            clinic,
        })
    }

    pub(crate) fn chains(&self, function: Function) -> Result<Chains<'_>, Problem> {
        Ok(Chains::new(
            &self.shelf,
            self.exchange.keyring.audit(function)?,
            function,
        ))
    }

    /// Walks every chain of `function` with `read`, which gets the chain's entries newest first.
    pub(crate) fn each_chain<R>(
        &self,
        function: Function,
        mut read: impl FnMut(&mut dyn Iterator<Item = Result<Entry<Event>, StoreError>>) -> Result<R, StoreError>,
    ) -> Result<Vec<R>, Problem> {
        let chains = self.chains(function)?;
        let read_all: Result<_, StoreError> = (0..SHARDS)
            .map(|shard| read(&mut chains.chain(Some(self.clinic), shard).newest_first(None)))
            .collect();
        Ok(read_all?)
    }

    /// How many events the chains of `function` hold.
    pub(crate) fn count(&self, function: Function) -> Result<u64, Problem> {
        let heads = self.chains(function)?.heads(self.clinic)?;
        Ok(heads.iter().map(|(_, head)| head.sequence).sum())
    }

    /// The chains of `function` as they are exported, each with where it stood when it was read.
    pub(crate) fn export(&self, function: Function) -> Result<Vec<ExportedChain>, Problem> {
        let mut shard = 0;
        let chains = self.each_chain(function, |entries| {
            let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
            entries.reverse();
            // The chain value is recomputed here and not taken from the head: events may have been appended since.
            let chain = entries.iter().fold([0; 32], |now, entry| {
                store::chain(&now, entry.sequence, &entry.id, entry.json.as_bytes())
            });
            let exported = ExportedChain {
                function,
                shard,
                sequence: entries.last().map_or(0, |entry| entry.sequence),
                chain: lower::encode_string(&chain),
                entries: entries
                    .into_iter()
                    .map(|entry| ExportedEntry {
                        sequence: entry.sequence,
                        event: entry.json,
                    })
                    .collect(),
            };
            shard += 1;
            Ok(exported)
        })?;
        Ok(chains.into_iter().filter(|chain| chain.sequence > 0).collect())
    }
}
