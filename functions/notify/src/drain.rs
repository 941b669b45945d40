//! The job that sends what is due.

use access::Request;
use jiff::SignedDuration;
use model::{Action, DataClass, MessageId, Timestamp};
use notification::{Channel, Template};
use serde::Serialize;
use web::{Exchange, Problem, Reply};

use crate::backoff::after;
use crate::dispatch::Dispatcher;
use crate::outbox::{BUCKETS, Drained, Home, Outbox, WAITING, Waiting};

/// How many messages one run tries to send.
const MOST: usize = 50;

/// How long a run goes on to begin with another message. One that has begun may take ten seconds; a request has thirty.
const LONGEST: SignedDuration = SignedDuration::from_secs(15);

/// How many entries of the outbox log one run looks at.
const LOOKED_AT: usize = 512;

/// How long a message waits whose channel is not set up.
const UNTIL_SET_UP: SignedDuration = SignedDuration::from_mins(1);

#[derive(Serialize)]
struct DrainAnswer {
    /// Whether this run did anything, or another one is at it.
    ran: bool,
    /// How many messages it tried to send.
    tried: usize,
    /// How many wait to be tried again.
    waiting: usize,
    /// Whether there is more to do at once.
    more: bool,
}

/// One run.
struct Run<'r, 'a> {
    exchange: &'r Exchange<'a>,
    outbox: &'r Outbox<'a>,
    dispatcher: Dispatcher<'r, 'a>,
    ends_at: Timestamp,
    tried: usize,
    is_said: Vec<Channel>,
}

/// `POST /v1/notify/jobs/drain`
///
/// Sends what is due in the caller's clinic, and is safe to run at any time and twice at once: what may leave is decided by
/// each message's own document. Codes first, then what waits to be tried again, then what is new.
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
            ends_at: after(exchange.platform.clock.now(), LONGEST),
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

    fn is_over(&self) -> bool {
        self.tried >= MOST || self.now() >= self.ends_at
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
            return Ok(Some(after(self.now(), UNTIL_SET_UP)));
        }
        self.tried += 1;
        let message = self.dispatcher.attempt(id, home, channel, false)?;
        Ok(message.and_then(|message| message.due_at()))
    }

    fn run(mut self) -> Result<DrainAnswer, Problem> {
        for template in Template::ALL
            .into_iter()
            .filter(|template| template.is_caused_by_strangers())
        {
            for bucket in 0..BUCKETS {
                for message in self.outbox.unsettled(template, bucket)? {
                    if self.is_over() {
                        break;
                    }
                    if message.due_at().is_some_and(|due_at| due_at <= self.now()) {
                        self.visit(message.id, Home::Ring(template), message.channel)?;
                    }
                }
            }
        }
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
        for message in due {
            waiting.extend(self.visit_kept(message.id)?);
        }
        let mut more = false;
        let stood = through;
        for (sequence, id) in self.outbox.after(through, LOOKED_AT)? {
            // Where no room is left to wait in, what is new waits in the log.
            if self.is_over() || waiting.len() >= WAITING {
                more = true;
                break;
            }
            waiting.extend(self.visit_kept(id)?);
            through = sequence;
        }
        let answer = DrainAnswer {
            ran: true,
            tried: self.tried,
            waiting: waiting.len(),
            more,
        };
        let drained = Drained { through, waiting };
        if through != stood || drained.waiting != before {
            self.outbox.set_progress(version, &drained)?;
        }
        Ok(answer)
    }

    /// Tries a message that is kept, and returns it with when to come back to it.
    fn visit_kept(&mut self, id: MessageId) -> Result<Option<Waiting>, Problem> {
        let message = self
            .outbox
            .find(id)?
            .ok_or_else(|| Problem::defect("the outbox log names a message that does not exist"))?;
        let is_unlisted = message.is_given_up() && !message.is_dead_letter;
        if message.is_settled() && !is_unlisted {
            return Ok(None);
        }
        let due_at = if self.is_over() {
            Some(self.now())
        } else {
            self.visit(id, Home::Kept, message.channel)?
        };
        Ok(due_at.map(|due_at| Waiting { id, due_at }))
    }
}
