//! Several exports, and parts of exports, as one trail.
//!
//! A chain value covers all that came before it. So where two stretches have a place in common and the same value there, they have the same
//! past; and from stretches that follow each other without a gap, the first of which begins with the first entry, nothing is missing.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use model::{ClinicId, EventId, Function, Timestamp};

use crate::export::ChainValue;
use crate::{Export, Finding, Part};

/// How far the times of two that belong to one trail may be out of order: an event has its time before it gets its place, and hosts' clocks
/// differ.
pub const DISORDER: SignedDuration = SignedDuration::from_mins(2);

/// What several files are not one trail for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// A file that is wrong by itself.
    #[error("{file}: {finding}")]
    File {
        /// Which.
        file: String,
        /// What is wrong with it.
        finding: Finding,
    },
    /// A file of another clinic than the first.
    #[error("{file} is of another clinic than the others")]
    Clinic {
        /// Which.
        file: String,
    },
    /// A file that is signed with another key than the first.
    #[error("{file} is signed with another key than the others: it is of another deployment")]
    Key {
        /// Which.
        file: String,
    },
    /// A run of which a part is not there.
    #[error("part {part} of the export {run} is missing")]
    Part {
        /// The run.
        run: EventId,
        /// The number of the part.
        part: u32,
    },
    /// Entries that no file has, before others that one has.
    #[error(
        "chain {function}/{shard}: entries {from} to {through} are in none of the files, and {file} goes on after them"
    )]
    Gap {
        /// Who wrote the chain.
        function: Function,
        /// Which of its chains.
        shard: u8,
        /// The first of them.
        from: u64,
        /// The last of them.
        through: u64,
        /// Who has what comes after.
        file: String,
    },
    /// Files that tell different things of one chain.
    #[error("chain {function}/{shard}: {file} and the other files contradict each other at or before entry {sequence}")]
    Contradiction {
        /// Who wrote the chain.
        function: Function,
        /// Which of its chains.
        shard: u8,
        /// The first place where they are known to.
        sequence: u64,
        /// Which.
        file: String,
    },
    /// A chain that was longer in an export that had surely ended before another one began.
    #[error(
        "chain {function}/{shard}: it had {earlier} entries and then {later}: {file} was taken after it was put back"
    )]
    PutBack {
        /// Who wrote the chain.
        function: Function,
        /// Which of its chains.
        shard: u8,
        /// How many entries it had.
        earlier: u64,
        /// How many it had later.
        later: u64,
        /// Who says so.
        file: String,
    },
}

type ChainName = (Function, u8);

/// What a file has of a chain.
struct Piece {
    file: String,
    run: usize,
    /// The place before the first of its entries.
    after: u64,
    /// The value there, and after each entry.
    values: Vec<ChainValue>,
}

impl Piece {
    fn end(&self) -> u64 {
        self.after
            .saturating_add(u64::try_from(self.values.len()).unwrap_or(u64::MAX))
            .saturating_sub(1)
    }
}

/// What was taken in one go: an export, or the parts of one.
struct Run {
    id: Option<EventId>,
    began_at: Timestamp,
    ended_at: Timestamp,
    /// The numbers of the parts that are here, and whether each is the last.
    parts: BTreeMap<u32, bool>,
}

/// Files that are taken in one by one. Of each its chain values are kept, not its events. Signatures are checked by the caller.
#[derive(Default)]
pub struct Joined {
    clinic: Option<ClinicId>,
    public_key: Option<String>,
    runs: Vec<Run>,
    chains: BTreeMap<ChainName, Vec<Piece>>,
}

/// What files come to that are one trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// How many events, each counted once.
    pub events: u64,
    /// In how many chains.
    pub chains: usize,
}

fn wrong(file: &str, finding: Finding) -> Flaw {
    Flaw::File {
        file: file.to_owned(),
        finding,
    }
}

impl Joined {
    /// Takes in an export, by the name that flaws are to call it.
    ///
    /// # Errors
    /// The [`Flaw`] that shows by this file.
    pub fn add_export(&mut self, file: &str, export: &Export) -> Result<(), Flaw> {
        self.check(file, export.clinic, &export.signature.public_key)?;
        let run = self.begin(None, (export.beginning(), export.exported_at));
        for chain in export.values() {
            let (chain, values) = chain.map_err(|finding| wrong(file, finding))?;
            self.take(file, run, (chain.function, chain.shard), 0, values);
        }
        Ok(())
    }

    /// Takes in a part.
    ///
    /// # Errors
    /// The [`Flaw`] that shows by this file.
    pub fn add_part(&mut self, file: &str, part: &Part) -> Result<(), Flaw> {
        self.check(file, part.clinic, &part.signature.public_key)?;
        let known = self.runs.iter().position(|run| run.id == Some(part.run));
        let span = (part.beginning(), part.exported_at);
        let run = known.unwrap_or_else(|| self.begin(Some(part.run), span));
        if let Some(run) = self.runs.get_mut(run) {
            run.began_at = run.began_at.min(span.0);
            run.ended_at = run.ended_at.max(part.exported_at);
            run.parts.insert(part.part, part.last);
        }
        for stretch in part.values() {
            let (stretch, values) = stretch.map_err(|finding| wrong(file, finding))?;
            let name = (stretch.function, stretch.shard);
            self.take(file, run, name, stretch.after.sequence, values);
        }
        Ok(())
    }

    fn check(&mut self, file: &str, clinic: ClinicId, public_key: &str) -> Result<(), Flaw> {
        let file = || file.to_owned();
        if *self.clinic.get_or_insert(clinic) != clinic {
            return Err(Flaw::Clinic { file: file() });
        }
        if self.public_key.get_or_insert_with(|| public_key.to_owned()) != public_key {
            return Err(Flaw::Key { file: file() });
        }
        Ok(())
    }

    fn begin(&mut self, id: Option<EventId>, (began_at, ended_at): (Timestamp, Timestamp)) -> usize {
        self.runs.push(Run {
            id,
            began_at,
            ended_at,
            parts: BTreeMap::new(),
        });
        self.runs.len().saturating_sub(1)
    }

    fn take(&mut self, file: &str, run: usize, name: ChainName, after: u64, values: Vec<ChainValue>) {
        self.chains.entry(name).or_default().push(Piece {
            file: file.to_owned(),
            run,
            after,
            values,
        });
    }

    /// Whether the files are one trail: no part of a run is missing, each chain is there from its first entry on, no two files contradict each
    /// other, and no chain is shorter later than it was before.
    ///
    /// # Errors
    /// The first [`Flaw`].
    pub fn finish(self) -> Result<Total, Flaw> {
        self.runs.iter().try_for_each(Run::check_whole)?;
        let mut events = 0_u64;
        let chains = self.chains.len();
        for (name, mut pieces) in self.chains {
            check_stands(name, &pieces, &self.runs)?;
            pieces.sort_by_key(|piece| piece.after);
            events = events.saturating_add(join(name, &pieces)?);
        }
        Ok(Total { events, chains })
    }
}

impl Run {
    fn check_whole(&self) -> Result<(), Flaw> {
        let Some(run) = self.id else { return Ok(()) };
        let mut next = 1_u32;
        let mut is_ended = false;
        for (part, last) in &self.parts {
            if *part != next {
                break;
            }
            next = next.saturating_add(1);
            is_ended = *last;
        }
        if is_ended {
            Ok(())
        } else {
            Err(Flaw::Part { run, part: next })
        }
    }
}

/// Puts pieces together that are in order of where they begin, and returns how many entries they come to.
fn join((function, shard): ChainName, pieces: &[Piece]) -> Result<u64, Flaw> {
    // The values at all places that are known, from the one before the first entry on.
    let mut known: Vec<ChainValue> = vec![ChainValue::default()];
    for piece in pieces {
        let end = u64::try_from(known.len()).unwrap_or(u64::MAX).saturating_sub(1);
        let Some(ours) = usize::try_from(piece.after)
            .ok()
            .and_then(|after| known.get(after..))
            .filter(|ours| !ours.is_empty())
        else {
            return Err(Flaw::Gap {
                function,
                shard,
                from: end.saturating_add(1),
                through: piece.after,
                file: piece.file.clone(),
            });
        };
        if let Some((sequence, _)) = (piece.after..)
            .zip(ours.iter().zip(&piece.values))
            .find(|(_, (ours, theirs))| ours != theirs)
        {
            return Err(Flaw::Contradiction {
                function,
                shard,
                sequence,
                file: piece.file.clone(),
            });
        }
        let new = piece.values.get(ours.len()..).unwrap_or_default();
        known.extend_from_slice(new);
    }
    Ok(u64::try_from(known.len()).unwrap_or(u64::MAX).saturating_sub(1))
}

/// Compares where a chain stood in each run that has it: what was taken after another run had ended has at least as much. Of runs that overlap,
/// or whose order the clocks of two hosts may have turned round, nobody knows which read the chain first.
fn check_stands((function, shard): ChainName, pieces: &[Piece], runs: &[Run]) -> Result<(), Flaw> {
    let mut stands: BTreeMap<usize, &Piece> = BTreeMap::new();
    for piece in pieces {
        let stand = stands.entry(piece.run).or_insert(piece);
        if piece.end() > stand.end() {
            *stand = piece;
        }
    }
    let stands: Vec<(&Run, &Piece)> = stands
        .into_iter()
        .filter_map(|(run, piece)| Some((runs.get(run)?, piece)))
        .collect();
    for (later_run, later) in &stands {
        let before = stands.iter().filter(|(run, _)| {
            let surely_ended = run.ended_at.checked_add(DISORDER);
            surely_ended.is_ok_and(|ended_at| ended_at < later_run.began_at)
        });
        let earlier = before.map(|(_, piece)| piece.end()).max().unwrap_or(0);
        if earlier > later.end() {
            return Err(Flaw::PutBack {
                function,
                shard,
                earlier,
                later: later.end(),
                file: later.file.clone(),
            });
        }
    }
    Ok(())
}
