//! Through the chains of a clinic in pieces that one request can read, however long the trail is.

use audit_trail::{DISORDER, Event, ExportedEntry, SHARDS, Stand, Stretch};
use base16ct::lower;
use crypto::CryptoError;
use jiff::SignedDuration;
use model::{Function, Timestamp};
use ports::Clock;
use serde::{Deserialize, Serialize};
use store::{Head, LONGEST_RUN, Link, Run, StoreError};
use web::Problem;

use crate::cursor::Position;
use crate::query::{Before, Page, Progress};
use crate::trail::{ChainState, ClinicTrail};

/// The most events that one request reads: an export of so many is about 12 MiB of JSON.
pub(crate) const MOST: usize = 20_000;

/// How long a request goes on to read. It has thirty seconds, and a store may be slow.
const LONGEST: SignedDuration = SignedDuration::from_secs(10);

/// What one request may still read.
pub(crate) struct Budget<'a> {
    clock: &'a dyn Clock,
    ends_at: Timestamp,
    read: usize,
}

impl<'a> Budget<'a> {
    pub(crate) fn new(clock: &'a dyn Clock) -> Self {
        Self {
            clock,
            ends_at: clock.now().saturating_add(LONGEST).unwrap_or(Timestamp::MAX),
            read: 0,
        }
    }

    /// Whether another run of entries may be read. One always may, so that every request gets further than the one before.
    fn is_left(&self) -> bool {
        self.read == 0 || (self.read.saturating_add(LONGEST_RUN) <= MOST && self.clock.now() < self.ends_at)
    }
}

/// Which chains are wanted.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scope {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) function: Option<Function>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shard: Option<u8>,
}

impl Scope {
    /// Before the first of the chains.
    pub(crate) fn first(self) -> Option<Position> {
        let (function, shard) = self.chains(None).next()?;
        Some(Position {
            function,
            shard,
            link: None,
        })
    }

    /// The chains in the order in which they are walked, from a position on.
    fn chains(self, at: Option<Position>) -> impl Iterator<Item = (Function, u8)> {
        Function::ALL
            .into_iter()
            .flat_map(|function| (0..SHARDS).map(move |shard| (function, shard)))
            .filter(move |(function, shard)| {
                self.function.is_none_or(|wanted| wanted == *function)
                    && self.shard.is_none_or(|wanted| wanted == *shard)
            })
            .skip_while(move |chain| at.is_some_and(|at| at.chain() != *chain))
    }
}

fn stand(head: &Head) -> Stand {
    Stand {
        sequence: head.sequence,
        chain: lower::encode_string(&head.chain),
    }
}

/// Without what is older than `from`, as far as that can be told: a run of which something was cut off is the oldest that is wanted.
fn since(mut run: Run<Event>, from: Timestamp) -> Run<Event> {
    let is_older = |event: &Event| event.at.saturating_add(DISORDER).is_ok_and(|at| at < from);
    let Some(oldest) = run.entries.iter().rposition(|entry| is_older(&entry.value)) else {
        return run;
    };
    for entry in run.entries.drain(..=oldest) {
        run.after = Head {
            sequence: entry.sequence,
            chain: store::chain(&run.after.chain, entry.sequence, &entry.id, entry.json.as_bytes()),
        };
    }
    run.older = None;
    run
}

/// How far a verification has come, and what it has found.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verified {
    /// Where it goes on.
    pub(crate) at: Option<Position>,
    /// Where the chain stood that it is in.
    stood: Option<Stand>,
    /// Whether every chain so far is what was recorded.
    pub(crate) intact: bool,
    /// How many events there are in the chains that are finished.
    pub(crate) events: u64,
}

impl Verified {
    /// Before the first chain.
    pub(crate) const NOTHING: Self = Self {
        at: None,
        stood: None,
        intact: true,
        events: 0,
    };
}

/// How a walk goes on after a run of entries.
enum Step {
    /// With this run of the chain, or with the next chain.
    To(Option<Link>),
    /// With the same run, some other time.
    Stop,
}

impl ClinicTrail<'_> {
    /// Goes through chains, each from its newest entry or from `at` on, until nothing is left of them or of the budget, or `visit` stops it, which
    /// gets each run of entries. Returns where to go on.
    fn walk(
        &self,
        scope: Scope,
        at: Option<Position>,
        mut budget: Budget<'_>,
        mut visit: impl FnMut((Function, u8), Result<Run<Event>, StoreError>) -> Result<Step, Problem>,
    ) -> Result<Option<Position>, Problem> {
        let mut link = at.and_then(|at| at.link);
        for (function, shard) in scope.chains(at) {
            let chains = self.chains(function)?;
            let chain = chains.chain(Some(self.clinic), shard);
            loop {
                if !budget.is_left() {
                    return Ok(Some(Position { function, shard, link }));
                }
                let Some(run) = chain.run(link.as_ref()).transpose() else {
                    break;
                };
                budget.read = budget
                    .read
                    .saturating_add(run.as_ref().map_or(1, |run| run.entries.len()));
                match visit((function, shard), run)? {
                    Step::To(older) => link = older,
                    Step::Stop => return Ok(Some(Position { function, shard, link })),
                }
                if link.is_none() {
                    break;
                }
            }
        }
        Ok(None)
    }

    /// Fills a page of an answer, and returns it with how far the answer has come, unless that was the last one.
    pub(crate) fn page(
        &self,
        scope: Scope,
        mut page: Page<'_>,
        budget: Budget<'_>,
    ) -> Result<(Vec<Event>, Option<Progress>), Problem> {
        let Progress { at, newest, .. } = page.progress;
        let mut newest = at.zip(newest).map(|(at, newest)| (at.chain(), newest));
        let tampered = || Problem::from(StoreError::from(CryptoError::Tampered));
        let stopped = self.walk(scope, at, budget, |chain, run| {
            let run = run?;
            // The page before has read that entry: a chain that is gone or shorter by now was removed or put back behind our back.
            if newest.is_some_and(|(of, newest)| of != chain || run.head.sequence < newest) {
                return Err(tampered());
            }
            for entry in run.entries.into_iter().rev() {
                if newest.is_some_and(|(_, newest)| entry.sequence > newest) {
                    continue;
                }
                newest = None;
                match page.take(entry.value) {
                    Before::Wanted => {}
                    Before::TooOld => return Ok(Step::To(None)),
                    Before::ForLater => {
                        newest = Some((chain, entry.sequence));
                        return Ok(Step::Stop);
                    }
                }
            }
            Ok(Step::To(run.older))
        })?;
        if stopped.is_none() && newest.is_some() {
            return Err(tampered());
        }
        Ok(page.finish(stopped, newest.map(|(_, newest)| newest)))
    }

    /// Recomputes chains from where a verification has come. Returns how each chain was found that was finished, and how far it has come now.
    pub(crate) fn verify(
        &self,
        mut verified: Verified,
        budget: Budget<'_>,
    ) -> Result<(Vec<ChainState>, Verified), Problem> {
        let mut states = Vec::new();
        let at = self.walk(
            Scope::default(),
            verified.at,
            budget,
            |(function, shard), run| match run {
                Ok(run) => {
                    let stood = verified.stood.take().unwrap_or_else(|| stand(&run.head));
                    if run.older.is_some() {
                        verified.stood = Some(stood);
                    } else {
                        verified.events = verified.events.saturating_add(stood.sequence);
                        states.push(ChainState {
                            function,
                            shard,
                            intact: true,
                            events: Some(stood.sequence),
                            chain: Some(stood.chain),
                        });
                    }
                    Ok(Step::To(run.older))
                }
                Err(StoreError::Crypto(_) | StoreError::Form) => {
                    verified.stood = None;
                    verified.intact = false;
                    states.push(ChainState {
                        function,
                        shard,
                        intact: false,
                        events: None,
                        chain: None,
                    });
                    Ok(Step::To(None))
                }
                Err(unanswered) => Err(unanswered.into()),
            },
        )?;
        verified.at = at;
        Ok((states, verified))
    }

    /// The stretches that one part of an export holds, and where the next part goes on.
    pub(crate) fn stretches(
        &self,
        scope: Scope,
        from: Option<Timestamp>,
        at: Option<Position>,
        budget: Budget<'_>,
    ) -> Result<(Vec<Stretch>, Option<Position>), Problem> {
        let mut stretches: Vec<Stretch> = Vec::new();
        let next = self.walk(scope, at, budget, |(function, shard), run| {
            let run = match from {
                Some(from) => since(run?, from),
                None => run?,
            };
            // Newest first, as they come.
            let entries = run.entries.into_iter().rev().map(|entry| ExportedEntry {
                sequence: entry.sequence,
                event: entry.json,
            });
            match stretches.last_mut() {
                Some(stretch) if (stretch.function, stretch.shard) == (function, shard) => {
                    stretch.after = stand(&run.after);
                    stretch.entries.extend(entries);
                }
                _ => {
                    let Stand { sequence, chain } = stand(&run.head);
                    stretches.push(Stretch {
                        function,
                        shard,
                        after: stand(&run.after),
                        sequence,
                        chain,
                        entries: entries.collect(),
                    });
                }
            }
            Ok(Step::To(run.older))
        })?;
        for stretch in &mut stretches {
            stretch.entries.reverse();
        }
        Ok((stretches, next))
    }
}
