//! The job that sends what is due.

use std::vec;

use access::Request;
use http::StatusCode;
use jiff::SignedDuration;
use model::{Action, DataClass, MessageId, Timestamp};
use notification::{Channel, Template};
use schemars::JsonSchema;
use serde::Serialize;
use web::{Exchange, Problem, Reply};

use crate::backoff::{after, until_mended};
use crate::dispatch::Dispatcher;
use crate::outbox::{BUCKETS, Drained, Home, Outbox, WAITING, Waiting};

/// How many messages one run tries to send.
const MOST: usize = 50;

/// How many of them come from the rings before those that are kept have had their turn: strangers fill the rings, and must not be able to keep
/// everything else waiting.
const RINGS_FIRST: usize = 25;

/// How long a run goes on to begin with another message. One that has begun may take ten seconds; a request has thirty.
const LONGEST: SignedDuration = SignedDuration::from_secs(15);

/// How much of that the rings have before those that are kept.
const LONGEST_FOR_RINGS: SignedDuration = SignedDuration::from_secs(7);

/// How many entries of the outbox log one run looks at.
const LOOKED_AT: usize = 512;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DrainRun")]
pub(crate) struct DrainAnswer {
    /// Whether this run did anything, or another one is at it.
    ran: bool,
    /// How many messages it tried to send.
    tried: usize,
    /// How many wait to be tried again.
    waiting: usize,
    /// Whether the run ended with something left that was due.
    more: bool,
}

/// A message in a ring that is due.
struct InRing {
    id: MessageId,
    template: Template,
    channel: Channel,
}

/// Up to where a run goes.
#[derive(Clone, Copy)]
struct Bound {
    tries: usize,
    until: Timestamp,
}

/// One run.
struct Run<'r, 'a> {
    exchange: &'r Exchange<'a>,
    outbox: &'r Outbox<'a>,
    dispatcher: Dispatcher<'r, 'a>,
    tried: usize,
    is_said: Vec<Channel>,
}

/// `POST /v1/notify/jobs/drain`
///
/// Sends what is due in the caller's clinic, and is safe to run at any time and twice at once: what may leave is decided by
/// each message's own document. Codes first, then what waits to be tried again, then what is new, then the codes that are left. A message that can't be tried waits, and holds
/// up no other.
///
/// Order: record, lease, messages one by one, how far it came. A crash before the last lets the next run look again at
/// what this one saw, and find it done.
pub(crate) fn drain(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let caller = exchange.caller()?;
    let request = Request::new(Action::Execute, DataClass::Message).purpose(exchange.purpose()?);
    let recorded = exchange.gate()?.admit(&caller, &request, None)?;
    let outbox = Outbox::open(exchange, recorded.clinic())?;
    let run = || {
        Run {
            exchange,
            outbox: &outbox,
            dispatcher: Dispatcher::new(exchange, &outbox),
            tried: 0,
            is_said: Vec::new(),
        }
        .run()
    };
    let answer = outbox.alone(run)?.unwrap_or(DrainAnswer {
        ran: false,
        tried: 0,
        waiting: 0,
        more: false,
    });
    Ok(Reply::ok(&answer)?.recorded(recorded.event()))
}

impl Run<'_, '_> {
    fn now(&self) -> Timestamp {
        self.exchange.platform.clock.now()
    }

    fn is_over(&self, bound: Bound) -> bool {
        self.tried >= bound.tries || self.now() >= bound.until
    }

    /// Says what is wrong with a message, or a ring of them, and returns when to come back to it. The others go on.
    ///
    /// # Errors
    /// The problem, where it is not the message's: the store does not answer.
    fn set_aside(&self, what: &str, problem: Problem) -> Result<Timestamp, Problem> {
        if problem.status == StatusCode::SERVICE_UNAVAILABLE {
            self.outbox.progress().map_err(|_| problem.clone())?;
        }
        if let Some(line) = problem.operator_line() {
            self.exchange.platform.log.write(&format!("{what} waits: {line}"));
        }
        Ok(after(self.now(), until_mended(&problem)))
    }

    /// Tries one message. Returns when to come back to it, or `None` where nothing is left to do.
    fn visit(&mut self, id: MessageId, home: Home, channel: Channel) -> Result<Option<Timestamp>, Problem> {
        if let Err(problem) = self.dispatcher.carrier(channel) {
            // A message must not be given up because a variable is missing, and must not keep those of the other channel.
            if !self.is_said.contains(&channel) {
                self.is_said.push(channel);
                if let Some(line) = problem.operator_line() {
                    self.exchange.platform.log.write(line);
                }
            }
            return Ok(Some(after(self.now(), until_mended(&problem))));
        }
        self.tried += 1;
        let message = self.dispatcher.attempt(id, home, channel, false)?;
        Ok(message.and_then(|message| message.due_at()))
    }

    fn run(mut self) -> Result<DrainAnswer, Problem> {
        let began_at = self.now();
        let [first, whole] = [(RINGS_FIRST, LONGEST_FOR_RINGS), (MOST, LONGEST)].map(|(tries, longest)| Bound {
            tries,
            until: after(began_at, longest),
        });
        let mut in_rings = self.due_in_rings()?.into_iter();
        self.visit_rings(&mut in_rings, first)?;
        let (waiting, is_more_kept) = self.visit_all_kept(whole)?;
        self.visit_rings(&mut in_rings, whole)?;
        Ok(DrainAnswer {
            ran: true,
            tried: self.tried,
            waiting,
            more: is_more_kept || in_rings.len() > 0,
        })
    }

    /// What is due in the rings.
    fn due_in_rings(&self) -> Result<Vec<InRing>, Problem> {
        let mut due = Vec::new();
        for template in Template::ALL
            .into_iter()
            .filter(|template| template.is_caused_by_strangers())
        {
            for bucket in 0..BUCKETS {
                match self.outbox.unsettled(template, bucket) {
                    Ok(messages) => due.extend(
                        messages
                            .into_iter()
                            .filter(|message| message.due_at().is_some_and(|due_at| due_at <= self.now()))
                            .map(|message| InRing {
                                id: message.id,
                                template,
                                channel: message.channel,
                            }),
                    ),
                    Err(problem) => {
                        self.set_aside(&format!("bucket {bucket} of the ring of {}", template.name()), problem)?;
                    }
                }
            }
        }
        Ok(due)
    }

    /// Tries messages of the rings as far as the bound lets it, and leaves the others.
    fn visit_rings(&mut self, due: &mut vec::IntoIter<InRing>, bound: Bound) -> Result<(), Problem> {
        while !self.is_over(bound) {
            let Some(InRing { id, template, channel }) = due.next() else {
                break;
            };
            if let Err(problem) = self.visit(id, Home::Ring(template), channel) {
                self.set_aside(&format!("message {id}"), problem)?;
            }
        }
        Ok(())
    }

    /// Tries the messages that are kept, as far as the bound lets it. Returns how many wait then, and whether one is left that is due.
    fn visit_all_kept(&mut self, bound: Bound) -> Result<(usize, bool), Problem> {
        let (
            version,
            Drained {
                mut through,
                waiting: before,
            },
        ) = self.outbox.progress()?;
        let now = self.now();
        let (due, mut waiting): (Vec<_>, Vec<_>) =
            before.clone().into_iter().partition(|message| message.due_at <= now);
        let mut more = false;
        for message in due {
            if self.is_over(bound) {
                more = true;
                waiting.push(message);
            } else {
                waiting.extend(self.visit_kept(message.id)?);
            }
        }
        let stood = through;
        let new = self.outbox.after(through, LOOKED_AT)?;
        // As many as are looked at, and there may be others behind them.
        let mut is_more_new = new.len() == LOOKED_AT;
        for (sequence, id) in new {
            if self.is_over(bound) {
                is_more_new = true;
                break;
            }
            // Where no room is left to wait in, what is new waits in the log, and no run at once would find more room.
            if waiting.len() >= WAITING {
                is_more_new = false;
                break;
            }
            waiting.extend(self.visit_kept(id)?);
            through = sequence;
        }
        let count = waiting.len();
        let drained = Drained { through, waiting };
        if through != stood || drained.waiting != before {
            self.outbox.set_progress(version, &drained)?;
        }
        Ok((count, more || is_more_new))
    }

    /// Tries a message that is kept, and returns it with when to come back to it.
    fn visit_kept(&mut self, id: MessageId) -> Result<Option<Waiting>, Problem> {
        let due_at = match self.try_kept(id) {
            Ok(due_at) => due_at,
            Err(problem) => Some(self.set_aside(&format!("message {id}"), problem)?),
        };
        Ok(due_at.map(|due_at| Waiting { id, due_at }))
    }

    fn try_kept(&mut self, id: MessageId) -> Result<Option<Timestamp>, Problem> {
        let message = self
            .outbox
            .find(id)?
            .ok_or_else(|| Problem::defect("the outbox log names a message that does not exist"))?;
        let is_unlisted = message.is_given_up() && !message.is_dead_letter;
        if message.is_settled() && !is_unlisted {
            return Ok(None);
        }
        self.visit(id, Home::Kept, message.channel)
    }
}
