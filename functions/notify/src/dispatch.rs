//! Sending one message: the effects around the steps of [`Outgoing`].

use model::MessageId;
use notification::{Channel, Recipient};
use ports::Platform;
use web::{Exchange, Problem};

use crate::backoff;
use crate::capture::Captures;
use crate::outbox::{Home, LogEntry, Outbox};
use crate::outgoing::{Begun, Outgoing};
use crate::provider::{self, Letter, Outcome};
use crate::recipient::{Address, resolve};
use crate::settings::{Carrier, Settings};
use crate::texts::Text;

/// Sends the messages of one clinic, for one request.
pub(crate) struct Dispatcher<'d, 'a> {
    exchange: &'d Exchange<'a>,
    platform: Platform<'a>,
    outbox: &'d Outbox<'a>,
    email: Result<Carrier, Problem>,
    sms: Result<Carrier, Problem>,
}

impl<'d, 'a> Dispatcher<'d, 'a> {
    pub(crate) fn new(exchange: &'d Exchange<'a>, outbox: &'d Outbox<'a>) -> Self {
        let settings = Settings(exchange);
        Self {
            exchange,
            platform: exchange.platform,
            outbox,
            email: settings.carrier(Channel::Email),
            sms: settings.carrier(Channel::Sms),
        }
    }

    /// Who carries the messages of a channel.
    ///
    /// # Errors
    /// 503 where it is not set up.
    pub(crate) fn carrier(&self, channel: Channel) -> Result<&Carrier, Problem> {
        let carrier = match channel {
            Channel::Email => &self.email,
            Channel::Sms => &self.sms,
        };
        carrier.as_ref().map_err(Clone::clone)
    }

    /// Tries to send a message, if it may leave now, and returns it as it then is. `None` where it is gone, which only a
    /// message of a ring can be.
    ///
    /// Order: mark it as leaving, send, take down what came of it, list it among the dead letters if it was given up. A crash
    /// after the mark leaves a message of which nobody knows whether it left: see [`Outgoing`] for what happens then. One
    /// before the list leaves a dead letter that the job lists when it comes by. What fails before the provider is asked takes the mark back.
    pub(crate) fn attempt(
        &self,
        id: MessageId,
        home: Home,
        channel: Channel,
        eager: bool,
    ) -> Result<Option<Outgoing>, Problem> {
        // Before the mark: what nobody carries is not a try.
        let carrier = self.carrier(channel)?;
        let by = carrier.by();
        let begun = self.outbox.change(id, home, |message| {
            let begun = message.begin(by, eager, self.platform.clock.now());
            (begun, message.clone())
        })?;
        let Some((begun, message)) = begun else {
            return Ok(None);
        };
        let Begun::Send { attempt } = begun else {
            return self.bury(message, home).map(Some);
        };
        let outcome = match self.send(carrier, &message) {
            Ok(outcome) => outcome,
            Err(problem) => {
                let due_at = backoff::after(self.platform.clock.now(), backoff::until_mended(&problem));
                self.outbox
                    .change(id, home, |message| message.take_back(attempt, due_at))?;
                return Err(problem);
            }
        };
        let asked = match outcome {
            Outcome::Later { after } => after,
            _ => None,
        };
        let provider = by.provider.name();
        match outcome {
            Outcome::Misconfigured => self.platform.log.write(&format!(
                "the provider {provider} does not take messages from us: compare its variables in spin.toml"
            )),
            // What strangers can cause is in no list: nobody would know of it otherwise.
            Outcome::Refused { status } => self.platform.log.write(&format!(
                "the provider {provider} refused message {id} for good with status {status}"
            )),
            _ => {}
        }
        let delay = backoff::delay(self.platform.entropy, attempt, asked);
        let finished = self.outbox.change(id, home, |message| {
            message.finish(by, attempt, &outcome, delay, self.platform.clock.now());
            message.clone()
        })?;
        match finished {
            Some(message) => self.bury(message, home).map(Some),
            None => Ok(None),
        }
    }

    /// Lists a message that was given up among the dead letters, once. Those of rings are not listed: strangers could make
    /// the list grow.
    fn bury(&self, mut message: Outgoing, home: Home) -> Result<Outgoing, Problem> {
        if home == Home::Kept && message.is_given_up() && !message.is_dead_letter {
            let entry = LogEntry {
                id: message.id,
                added_at: self.platform.clock.now(),
            };
            self.outbox.dead_letters().append(*message.id.as_bytes(), &entry)?;
            self.outbox
                .change(message.id, home, |message| message.is_dead_letter = true)?;
            message.is_dead_letter = true;
        }
        Ok(message)
    }

    /// Gives a message to its carrier.
    ///
    /// # Errors
    /// Where it was given to nobody.
    fn send(&self, carrier: &Carrier, message: &Outgoing) -> Result<Outcome, Problem> {
        let content = message
            .content
            .as_ref()
            .ok_or_else(|| Problem::defect("a message that leaves has no content"))?;
        let mut language = message.language.clone();
        let address = match &message.recipient {
            Recipient::Email(address) | Recipient::Phone(address) => address.clone(),
            Recipient::Client { client_id, channel } => {
                match resolve(self.exchange, self.outbox.clinic(), *client_id, *channel) {
                    // Nothing has left, and another message may.
                    Err(problem) => {
                        if let Some(line) = problem.operator_line() {
                            self.platform.log.write(line);
                        }
                        return Ok(Outcome::Later { after: None });
                    }
                    Ok(None) => return Ok(Outcome::Unreachable),
                    Ok(Some(Address {
                        address,
                        language: hers,
                    })) => {
                        language = hers;
                        address
                    }
                }
            }
            Recipient::Nobody { .. } => return Err(Problem::defect("a decoy is about to leave")),
        };
        let app = Settings(self.exchange).app()?;
        let text = Text::render(
            content,
            language.expose(),
            message.accepted_at,
            message.expires_at,
            &app,
        )
        .ok_or_else(|| Problem::defect("a message has no words"))?;
        let letter = Letter {
            id: message.id,
            clinic: self.outbox.clinic(),
            to: address.expose(),
            text: &text,
            expires_at: message.expires_at,
        };
        let now = self.platform.clock.now();
        match carrier {
            Carrier::Provider(provider) => {
                let request = provider
                    .request(&letter, now)
                    .ok_or_else(|| Problem::defect("a message cannot be put as a request"))?;
                Ok(provider::send(provider.as_ref(), self.platform.outbound, request))
            }
            Carrier::Capture => {
                Captures::open(self.exchange)?.keep(&letter, message.channel, now)?;
                Ok(Outcome::Accepted { provider_id: None })
            }
        }
    }
}
