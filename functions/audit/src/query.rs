//! What is asked of the trail, and in which order it is answered.

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use audit_trail::{Decision, Event};
use jiff::SignedDuration;
use model::{AccountId, Action, DataClass, EmergencyId, EventId, Function, Purpose, RequestId, SubjectId, Timestamp};
use serde::Deserialize;
use web::{Problem, page_size};

/// How far back a query looks that does not say.
const USUAL_SPAN: SignedDuration = SignedDuration::from_hours(31 * 24);

/// How far events of one chain may be out of order: an event has its time before it gets its place, and hosts' clocks differ.
pub(crate) const DISORDER: SignedDuration = SignedDuration::from_mins(2);

/// The query parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameters {
    function: Option<Function>,
    actor: Option<AccountId>,
    subject: Option<SubjectId>,
    action: Option<Action>,
    class: Option<DataClass>,
    decision: Option<Decision>,
    resource: Option<String>,
    purpose: Option<Purpose>,
    /// One request, through all the functions that had a part in it.
    request: Option<RequestId>,
    /// What was reached by breaking the glass, once.
    emergency: Option<EmergencyId>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    cursor: Option<String>,
    limit: Option<usize>,
}

/// Where an event stands in the answer: newest first, and among events of one moment by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    at: Timestamp,
    id: EventId,
}

impl Position {
    fn of(event: &Event) -> Self {
        Self {
            at: event.at,
            id: event.id,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}~{}", self.at, self.id)
    }
}

impl FromStr for Position {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        text.split_once('~')
            .and_then(|(at, id)| {
                Some(Self {
                    at: at.parse().ok()?,
                    id: id.parse().ok()?,
                })
            })
            .ok_or_else(|| Problem::malformed("cursor", "cursor", "must be the `next` of an earlier answer"))
    }
}

/// A query with its bounds.
#[derive(Debug)]
pub(crate) struct Query {
    parameters: Parameters,
    pub(crate) from: Timestamp,
    before: Option<Position>,
    limit: usize,
}

impl Query {
    /// Checks the parameters.
    ///
    /// # Errors
    /// 400 for a cursor or limit that is none, or for a span that ends before it begins.
    pub(crate) fn new(parameters: Parameters, now: Timestamp) -> Result<Self, Problem> {
        let limit = page_size(parameters.limit)?;
        let before = parameters.cursor.as_deref().map(str::parse).transpose()?;
        let newest = parameters.to.unwrap_or(now);
        let from = match parameters.from {
            Some(from) => from,
            None => newest.checked_sub(USUAL_SPAN).unwrap_or(Timestamp::MIN),
        };
        if from > newest {
            return Err(Problem::malformed("from", "order", "must not lie after `to`"));
        }
        Ok(Self {
            parameters,
            from,
            before,
            limit,
        })
    }

    /// The functions whose chains can hold an answer.
    pub(crate) fn functions(&self) -> impl Iterator<Item = Function> + '_ {
        Function::ALL
            .into_iter()
            .filter(|function| self.parameters.function.is_none_or(|wanted| wanted == *function))
    }

    fn wants(&self, event: &Event) -> bool {
        fn is<T: PartialEq>(wanted: Option<&T>, found: Option<&T>) -> bool {
            wanted.is_none() || wanted == found
        }
        let wanted = &self.parameters;
        event.at >= self.from
            && wanted.to.is_none_or(|to| event.at < to)
            && self.before.is_none_or(|before| Position::of(event) < before)
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

    /// What one chain contributes, given its events newest first: enough to fill a page alone, and as far back as an
    /// event that belongs on the page can lie.
    pub(crate) fn contribution<E>(
        &self,
        newest_first: impl Iterator<Item = Result<Event, E>>,
    ) -> Result<Vec<Event>, E> {
        let mut found: Vec<Event> = Vec::new();
        let mut oldest_needed = self.from;
        for event in newest_first {
            let event = event?;
            if event.at.saturating_add(DISORDER).is_ok_and(|at| at < oldest_needed) {
                break;
            }
            if self.wants(&event) {
                found.push(event);
                if found.len() > self.limit {
                    found.sort_unstable_by_key(|event| Reverse(Position::of(event)));
                    oldest_needed = found.get(self.limit).map_or(oldest_needed, |event| event.at);
                }
            }
        }
        Ok(found)
    }

    /// The page, and where the next one begins.
    pub(crate) fn page(&self, mut found: Vec<Event>) -> (Vec<Event>, Option<Position>) {
        found.sort_unstable_by_key(|event| Reverse(Position::of(event)));
        let more = found.len() > self.limit;
        found.truncate(self.limit);
        let next = found.last().filter(|_| more).map(Position::of);
        (found, next)
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

    fn ask(cursor: Option<String>, limit: usize, decision: Option<Decision>) -> Query {
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
                cursor,
                limit: Some(limit),
            },
            Timestamp::from_second(1_800_010_000).unwrap(),
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
            let mut cursor = None;
            loop {
                let query = ask(cursor.take(), limit, decision);
                let mut found = Vec::new();
                for chain in &chains {
                    found.extend(
                        query
                            .contribution(chain.iter().rev().cloned().map(Ok::<_, ()>))
                            .unwrap(),
                    );
                }
                let (page, next) = query.page(found);
                seen.extend(page.iter().map(|event| event.id));
                match next {
                    Some(next) => cursor = Some(next.to_string()),
                    None => break,
                }
            }
            let mut wanted: Vec<Event> = chains
                .iter()
                .flatten()
                .filter(|event| decision.is_none_or(|decision| event.decision == decision))
                .cloned()
                .collect();
            wanted.sort_by_key(|event| Reverse(Position::of(event)));
            let wanted: Vec<EventId> = wanted.iter().map(|event| event.id).collect();
            assert_eq!(seen, wanted, "limit {limit}");
        }
    }

    #[test]
    fn refuses_cursors_and_spans_that_are_none() {
        assert!("2026-12-01T08:00:00Z".parse::<Position>().is_err());
        assert!("yesterday~aud_0".parse::<Position>().is_err());
        let position = Position::of(&event(5, 9));
        assert_eq!(position.to_string().parse::<Position>().unwrap(), position);
    }
}
