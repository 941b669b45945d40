//! One part of a trail that is too long for one export.
//!
//! A run goes through the chains of a clinic one after the other, through each from where it stands back to its first entry, or as far as was
//! asked for, and comes out in numbered parts. A part holds stretches of chains: the chain value to start from, the entries, and the value
//! that they come to. It is signed for itself and is checked by itself; that parts belong together, and that none is missing, their numbers
//! and the joints of their stretches show ([`crate::Joined`]).

use model::{ClinicId, EventId, Function, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::export::{ChainValue, beginning, preamble, verify_entries};
use crate::{ExportedEntry, Finding, Signature};

/// The format's name.
pub const FORMAT: &str = "confide-audit-export-part-2";

/// The format before, which did not say when a part began.
const FORMAT_1: &str = "confide-audit-export-part-1";

/// A part of an exported trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ExportPart")]
pub struct Part {
    /// `confide-audit-export-part-2`, or `confide-audit-export-part-1` without `began_at`.
    pub format: String,
    /// Whose trail.
    pub clinic: ClinicId,
    /// Before any chain was read for this part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_at: Option<Timestamp>,
    /// When they were read.
    pub exported_at: Timestamp,
    /// The run that it belongs to: the entry that the run's first request left in the trail.
    pub run: EventId,
    /// Its number in the run, from 1.
    pub part: u32,
    /// Whether the run ends with it.
    pub last: bool,
    /// The stretches, in the order in which they were read.
    pub chains: Vec<Stretch>,
    /// The cursor of the part after this one. Of use to whoever asked, and not signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The signature over the part.
    pub signature: Signature,
}

/// Where a chain stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ChainStand")]
pub struct Stand {
    /// Number of entries up to here.
    pub sequence: u64,
    /// Chain value after the last of them, in hexadecimal.
    pub chain: String,
}

/// Entries of one chain without a gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ChainStretch")]
pub struct Stretch {
    /// Who wrote the chain.
    pub function: Function,
    /// Which of the function's chains.
    pub shard: u8,
    /// What lies before the first of the entries.
    pub after: Stand,
    /// The sequence of the last of the entries.
    pub sequence: u64,
    /// Chain value after it, in hexadecimal.
    pub chain: String,
    /// The entries, oldest first.
    pub entries: Vec<ExportedEntry>,
}

impl Part {
    /// Whether a document of this format is a part.
    #[must_use]
    pub fn is_format(format: &str) -> bool {
        [FORMAT, FORMAT_1].contains(&format)
    }

    /// The time up to which it surely has what was recorded in the chains that the run begins with it.
    #[must_use]
    pub fn beginning(&self) -> Timestamp {
        beginning(self.began_at, self.exported_at)
    }

    /// The text that the signature must be over: the clinic, the time, which part of which run, and between which stands each stretch lies.
    #[must_use]
    pub fn statement(&self) -> String {
        let ending = if self.last { "last" } else { "more" };
        let mut text = preamble(&self.format, self.clinic, self.began_at, self.exported_at);
        text.push_str(&format!("{} {} {ending}\n", self.run, self.part));
        for Stretch {
            function,
            shard,
            after,
            sequence,
            chain,
            entries: _,
        } in &self.chains
        {
            text.push_str(&format!(
                "{function} {shard} {} {} {sequence} {chain}\n",
                after.sequence, after.chain
            ));
        }
        text
    }

    /// How many events there are.
    #[must_use]
    pub fn events(&self) -> usize {
        self.chains.iter().map(|stretch| stretch.entries.len()).sum()
    }

    /// Recomputes every stretch. The signature is checked by the caller, who knows which key to believe.
    ///
    /// # Errors
    /// The first [`Finding`].
    pub fn verify_chains(&self) -> Result<(), Finding> {
        self.values().try_for_each(|values| values.map(drop))
    }

    /// Every stretch with its values, recomputed as they are asked for; in their place the finding that it is not this format.
    pub(crate) fn values(&self) -> impl Iterator<Item = Result<(&Stretch, Vec<ChainValue>), Finding>> {
        let format = self.began_at.map_or(FORMAT_1, |_| FORMAT);
        let foreign = (self.format != format).then_some(Err(Finding::Format));
        let stretches = self
            .chains
            .iter()
            .map(|stretch| Ok((stretch, stretch.values(self.clinic)?)));
        foreign.into_iter().chain(stretches)
    }
}

impl Stretch {
    /// The chain value before the first entry, and after each.
    fn values(&self, clinic: ClinicId) -> Result<Vec<ChainValue>, Finding> {
        let mut after = ChainValue::default();
        let decoded = base16ct::lower::decode(&self.after.chain, &mut after).map(<[u8]>::len);
        // Nothing lies before the first entry.
        if decoded != Ok(after.len()) || (self.after.sequence == 0 && after != ChainValue::default()) {
            return Err(Finding::Chain {
                function: self.function,
                shard: self.shard,
            });
        }
        verify_entries(
            clinic,
            (self.function, self.shard),
            (self.after.sequence, after),
            &self.entries,
            (self.sequence, &self.chain),
        )
    }
}
