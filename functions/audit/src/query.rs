//! What is asked of the trail, and in which order it is answered.

use std::cmp::Reverse;

use audit_trail::{DISORDER, Decision, Event};
use crypto::{Label, Secret, mac};
use jiff::SignedDuration;
use model::{AccountId, Action, DataClass, EmergencyId, EventId, Function, Purpose, RequestId, SubjectId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::{Problem, page_size};

use crate::cursor::Position;
use crate::walk::Scope;

/// How far back a query looks that does not say.
const USUAL_SPAN: SignedDuration = SignedDuration::from_hours(31 * 24);

const FILTERS: Label = Label::new("confide 2026-11 audit query filters");

/// The query parameters. Serialised, they are the filters alone, which all pages of an answer have in common.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameters {
    /// Which part of Confide decided.
    function: Option<Function>,
    /// The account that acted.
    actor: Option<AccountId>,
    /// A client's `subject_id`, as `consent` shows it.
    subject: Option<SubjectId>,
    /// What was done.
    action: Option<Action>,
    /// To which class of data.
    class: Option<DataClass>,
    /// How it was decided.
    decision: Option<Decision>,
    /// The id of what was asked for.
    resource: Option<String>,
    /// What for.
    purpose: Option<Purpose>,
    /// One request, through all the functions that had a part in it.
    request: Option<RequestId>,
    /// What was reached by breaking the glass, once.
    emergency: Option<EmergencyId>,
    /// The first moment that belongs to the answer; 31 days before `to`, or before now, where it is not said.
    #[serde(skip_serializing)]
    from: Option<Timestamp>,
    /// The first that does not.
    to: Option<Timestamp>,
    /// The `next` of the page before, with the same filters.
    #[serde(skip_serializing)]
    cursor: Option<String>,
    /// How many at most.
    #[serde(skip_serializing)]
    limit: Option<usize>,
}

/// Where an event stands in the answer: newest first, and among events of one moment by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rank {
    at: Timestamp,
    id: EventId,
}

impl Rank {
    fn of(event: &Event) -> Self {
        Self {
            at: event.at,
            id: event.id,
        }
    }
}

/// What an answer is to, and how far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Progress {
    /// How far back the answer goes, however late its pages are asked for.
    pub(crate) from: Timestamp,
    /// A fingerprint of the filters.
    filters: [u8; 16],
    /// What comes before this in the order of all was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Rank>,
    /// Where the chains are gone through from, one after the other. Without it, all of them are read for each page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<Position>,
    /// What comes after this entry in the chain there was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) newest: Option<u64>,
}

/// A query with its bounds.
#[derive(Debug)]
pub(crate) struct Query {
    parameters: Parameters,
    /// How far back an answer goes that begins now.
    from: Timestamp,
    filters: [u8; 16],
    limit: usize,
}

impl Query {
    /// Checks the parameters.
    ///
    /// # Errors
    /// 400 for a limit that is none, or for a span that ends before it begins.
    pub(crate) fn new(parameters: Parameters, now: Timestamp, key: &Secret) -> Result<Self, Problem> {
        let limit = page_size(parameters.limit)?;
        let newest = parameters.to.unwrap_or(now);
        let from = match parameters.from {
            Some(from) => from,
            None => newest.checked_sub(USUAL_SPAN).unwrap_or(Timestamp::MIN),
        };
        if from > newest {
            return Err(Problem::malformed("from", "order", "must not lie after `to`"));
        }
        let filters = serde_json::to_vec(&parameters).map_err(|_| Problem::defect("a query does not serialise"))?;
        Ok(Self {
            parameters,
            from,
            filters: mac(key, FILTERS, &[&filters]).truncated(),
            limit,
        })
    }

    /// Where the page before says that this one begins.
    pub(crate) fn cursor(&self) -> Option<&str> {
        self.parameters.cursor.as_deref()
    }

    /// Begins the answer to this query, or goes on with it.
    ///
    /// # Errors
    /// 400 where what has come so far is the answer to something else: what is left of that would be taken for what is left of this.
    pub(crate) fn page(&self, progress: Option<Progress>) -> Result<Page<'_>, Problem> {
        let progress = progress.unwrap_or(Progress {
            from: self.from,
            filters: self.filters,
            before: None,
            at: None,
            newest: None,
        });
        let is_from_there = self.parameters.from.is_none_or(|from| from == progress.from);
        if progress.filters != self.filters || !is_from_there {
            return Err(Problem::malformed(
                "cursor",
                "filters",
                "goes on with the answer to other filters: send those, and the same `from` or none",
            ));
        }
        Ok(Page {
            query: self,
            progress,
            found: Vec::new(),
            oldest_needed: progress.from,
            is_cut: false,
        })
    }

    /// The chains that can hold an answer.
    pub(crate) fn scope(&self) -> Scope {
        Scope {
            function: self.parameters.function,
            shard: None,
        }
    }

    fn wants(&self, event: &Event) -> bool {
        fn is<T: PartialEq>(wanted: Option<&T>, found: Option<&T>) -> bool {
            wanted.is_none() || wanted == found
        }
        let wanted = &self.parameters;
        wanted.to.is_none_or(|to| event.at < to)
            && is(wanted.actor.as_ref(), event.actor.as_ref().map(|actor| &actor.account))
            && is(wanted.subject.as_ref(), event.subject.as_ref())
            && is(wanted.resource.as_ref(), event.resource.as_ref())
            && is(wanted.purpose.as_ref(), Some(&event.purpose))
            && is(wanted.request.as_ref(), Some(&event.request))
            && is(wanted.emergency.as_ref(), event.emergency.as_ref())
            && is(wanted.action.as_ref(), Some(&event.action))
            && is(wanted.class.as_ref(), Some(&event.class))
            && is(wanted.decision.as_ref(), Some(&event.decision))
    }
}

/// Whether what comes before an event in its chain is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    Wanted,
    TooOld,
    /// On the next page, the event itself included.
    ForLater,
}

/// A page of the answer, while chains are read for it, each from its newest event on.
///
/// What belongs on it is known when all chains were read as far back as it goes. Where that is more than one request reads, and where a cursor
/// could not say for every chain how far it was read, the chains are gone through one after the other.
pub(crate) struct Page<'q> {
    query: &'q Query,
    pub(crate) progress: Progress,
    found: Vec<Event>,
    oldest_needed: Timestamp,
    /// Whether something of what was read is for later pages.
    is_cut: bool,
}

impl Page<'_> {
    /// Whether the chains are gone through one after the other.
    pub(crate) fn is_by_chain(&self) -> bool {
        self.progress.at.is_some()
    }

    pub(crate) fn take(&mut self, event: Event) -> Before {
        if event
            .at
            .saturating_add(DISORDER)
            .is_ok_and(|at| at < self.oldest_needed)
        {
            return Before::TooOld;
        }
        let was_answered = self.progress.before.is_some_and(|before| Rank::of(&event) >= before);
        if was_answered || event.at < self.progress.from || !self.query.wants(&event) {
            return Before::Wanted;
        }
        let is_full = self.found.len() >= self.query.limit;
        if is_full && self.is_by_chain() {
            return Before::ForLater;
        }
        self.found.push(event);
        if is_full {
            self.is_cut = true;
            self.sort();
            self.found.truncate(self.query.limit);
            self.oldest_needed = self.found.last().map_or(self.oldest_needed, |event| event.at);
        }
        Before::Wanted
    }

    fn sort(&mut self) {
        self.found.sort_unstable_by_key(|event| Reverse(Rank::of(event)));
    }

    /// The page, and how far the answer has come with it, unless that was the last one. `stopped` is where reading has stopped that did not come
    /// to the end of all chains, and `newest` the entry there that the next page begins with.
    pub(crate) fn finish(mut self, stopped: Option<Position>, newest: Option<u64>) -> (Vec<Event>, Option<Progress>) {
        self.sort();
        let next = match stopped {
            // Of chains that were read already, events were left out that may belong on this page or on a later one.
            Some(_) if self.is_cut => {
                self.found.clear();
                Some(Progress {
                    at: self.query.scope().first(),
                    newest: None,
                    ..self.progress
                })
            }
            Some(_) => Some(Progress {
                at: stopped,
                newest,
                ..self.progress
            }),
            None => self.found.last().filter(|_| self.is_cut).map(|last| Progress {
                before: Some(Rank::of(last)),
                at: None,
                newest: None,
                ..self.progress
            }),
        };
        (self.found, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::RequestId;

    fn event(second: i64, id: u8) -> Event {
        Event {
            decision: if id.is_multiple_of(3) {
                Decision::Denied
            } else {
                Decision::Allowed
            },
            ..testkit::event(
                EventId::from_bytes([id; 16]),
                Timestamp::from_second(1_800_000_000 + second).unwrap(),
                Function::Records,
                None,
                RequestId::from_bytes([0; 16]),
            )
        }
    }

    fn ask(limit: usize, decision: Option<Decision>) -> Query {
        Query::new(
            Parameters {
                function: None,
                actor: None,
                subject: None,
                action: None,
                class: None,
                decision,
                resource: None,
                purpose: None,
                request: None,
                emergency: None,
                from: None,
                to: None,
                cursor: None,
                limit: Some(limit),
            },
            Timestamp::from_second(1_800_010_000).unwrap(),
            &Secret::from_bytes([7; 32]),
        )
        .unwrap()
    }

    /// Pages over several chains, whose events are out of order by up to the tolerance, return every event once.
    #[test]
    fn pages_lose_and_repeat_nothing() {
        let chains: Vec<Vec<Event>> = (0..4_u8)
            .map(|chain| {
                (0..40_u8)
                    .map(|n| {
                        let jitter = (i64::from(n) * 37 + i64::from(chain) * 11) % 100;
                        event(i64::from(n) * 30 + jitter, chain * 40 + n)
                    })
                    .collect()
            })
            .collect();
        for (limit, decision) in [(1, None), (7, None), (200, None), (5, Some(Decision::Denied))] {
            let mut seen = Vec::new();
            let query = ask(limit, decision);
            let mut next = None;
            loop {
                let mut page = query.page(next).unwrap();
                for chain in &chains {
                    let mut newest_first = chain.iter().rev().cloned();
                    while newest_first
                        .next()
                        .is_some_and(|event| page.take(event) == Before::Wanted)
                    {}
                }
                let events;
                (events, next) = page.finish(None, None);
                seen.extend(events.iter().map(|event| event.id));
                if next.is_none() {
                    break;
                }
            }
            let mut wanted: Vec<Event> = chains
                .iter()
                .flatten()
                .filter(|event| decision.is_none_or(|decision| event.decision == decision))
                .cloned()
                .collect();
            wanted.sort_by_key(|event| Reverse(Rank::of(event)));
            let wanted: Vec<EventId> = wanted.iter().map(|event| event.id).collect();
            assert_eq!(seen, wanted, "limit {limit}");
        }
    }
}
