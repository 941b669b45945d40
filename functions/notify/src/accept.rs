//! Taking messages in from other functions.

use access::{Request, decide_call};
use jiff::SignedDuration;
use model::{Action, Confidential, DataClass, EventId, MessageId, Timestamp, is_language_tag};
use notification::{Accepted, Message, Recipient, State, Urgency};
use store::idempotency;
use web::{Check, Exchange, Problem, Reply};

use crate::backoff::after;
use crate::dispatch::Dispatcher;
use crate::outbox::{Home, Outbox};
use crate::outgoing::{Outgoing, Progress};
use crate::recipient::{check_email, check_phone};
use crate::texts::is_sent_by;

/// How long a message that strangers can cause may be of use. It keeps its place in a ring so long.
const LONGEST_RING_LIFETIME: SignedDuration = SignedDuration::from_hours(1);

const LONGEST_TOKEN: usize = 512;

/// Notes every rule that the message breaks.
fn check(message: &Message, now: Timestamp) -> Check {
    let mut check = Check::new();
    let (template, channel) = (message.content.template(), message.recipient.channel());
    let is_key = (16..=128).contains(&message.key.len()) && message.key.bytes().all(|byte| byte.is_ascii_graphic());
    check.that(
        is_key,
        "/key",
        "idempotency-key",
        "must have 16 to 128 visible ASCII characters",
    );
    match &message.recipient {
        Recipient::Email(address) => check_email(&mut check, address.expose()),
        Recipient::Phone(number) => check_phone(&mut check, number.expose()),
        Recipient::Client { .. } => {}
        Recipient::Nobody { .. } => {
            check.that(
                template.is_caused_by_strangers(),
                "/recipient",
                "decoy",
                "must be somebody, for this template",
            );
            check.that(
                message.urgency == Urgency::Queued,
                "/urgency",
                "decoy",
                "must be queued: the time would show that nothing is sent",
            );
        }
    }
    check.that(
        is_sent_by(template, channel),
        "/content/template",
        "channel",
        "is not sent by this channel",
    );
    check.that(
        is_language_tag(&message.language),
        "/language",
        "bcp-47",
        "must be a language tag such as en or pt-BR",
    );
    if let Some(token) = message.content.token() {
        // It becomes the fragment of a link, and is put there as it is (RFC 3986, section 2.3, unreserved).
        let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        check.that(
            (1..=LONGEST_TOKEN).contains(&token.expose().len()) && token.expose().bytes().all(is_unreserved),
            "/content/values/token",
            "token",
            "must have 1 to 512 unreserved characters",
        );
    }
    if let Some(code) = message.content.code() {
        check.that(
            (4..=10).contains(&code.expose().len()) && code.expose().bytes().all(|byte| byte.is_ascii_digit()),
            "/content/values/code",
            "code",
            "must have 4 to 10 digits",
        );
    }
    let carries_secret = message.content.token().is_some() || message.content.code().is_some();
    check.that(
        message.expires_at.is_some() || !(carries_secret || template.is_caused_by_strangers()),
        "/expires_at",
        "required",
        "must say until when the code or token is valid",
    );
    let is_short = !template.is_caused_by_strangers()
        || message
            .expires_at
            .is_none_or(|end| end <= after(now, LONGEST_RING_LIFETIME));
    check.that(
        is_short,
        "/expires_at",
        "range",
        "must lie within an hour, for this template",
    );
    check
}

/// `POST /v1/notify/messages`, private.
///
/// What strangers can cause is decided and not recorded here: the caller has recorded what caused it, and strangers must
/// not make the trail grow at a second place.
///
/// Order: record, message (document, then log), and if it is urgent: mark, send, take down what came of it; answer. A crash
/// before the log leaves nothing that was answered for; after it, a message that the job sends. The repeated request
/// finds it under the same key.
pub(crate) fn accept(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let calling = exchange.calling_function()?;
    // Not by the parser for people, which tells them what to mend: this comes from a program of ours.
    let message: Message =
        serde_json::from_slice(exchange.body()).map_err(|_| Problem::malformed("", "type", "is not a message"))?;
    let now = exchange.platform.clock.now();
    check(&message, now).finish()?;
    let (template, channel) = (message.content.template(), message.recipient.channel());
    let outbox = Outbox::open(exchange, message.clinic_id)?;
    let dispatcher = Dispatcher::new(exchange, &outbox);
    // Nothing is taken in that nobody could send.
    dispatcher.carrier(channel)?;

    let id = outbox.id(calling.function(), &message.key);
    let request = Request::new(Action::Create, DataClass::Message).of(id);
    let event = match Home::of(template) {
        Home::Kept => {
            let recorded = exchange
                .gate()?
                .admit_call(calling, message.clinic_id, &request, None)?;
            Some(recorded.event())
        }
        Home::Ring(_) => {
            decide_call(calling, message.clinic_id, &request, None).map_err(|_| Problem::no_such_route())?;
            None
        }
    };
    let outgoing = Outgoing {
        id,
        from: calling.function(),
        fingerprint: idempotency::fingerprint(exchange.keyring.key("index")?, exchange.body()),
        template,
        channel,
        language: Confidential::new(message.language),
        accepted_at: now,
        expires_at: message.expires_at,
        recipient: message.recipient,
        content: Some(message.content),
        tries: 0,
        maybe_with: None,
        progress: Progress::Waiting { due_at: now },
        delivery: None,
        is_dead_letter: false,
    };
    // It is forgotten by now, if it was ever here. It will not leave, so it need not be taken in.
    if matches!(Home::of(template), Home::Ring(_)) && outgoing.has_expired(now) {
        return answer(id, State::Expired, message.urgency, event);
    }
    let kept = outbox.insert(&outgoing, now)?;
    if kept.fingerprint != outgoing.fingerprint {
        return Err(Problem::idempotency_key_reused());
    }
    let state = match message.urgency {
        Urgency::Queued => State::Pending,
        Urgency::Now => dispatcher
            .attempt(id, Home::of(template), channel, true)?
            .map_or(State::Expired, |sent| sent.state()),
    };
    answer(id, state, message.urgency, event)
}

/// What is queued is answered as such, whatever became of it since: a decoy must look like any other message.
fn answer(message_id: MessageId, state: State, urgency: Urgency, event: Option<EventId>) -> Result<Reply, Problem> {
    let state = match urgency {
        Urgency::Queued => State::Pending,
        Urgency::Now => state,
    };
    let reply = Reply::ok(&Accepted { message_id, state })?;
    Ok(match event {
        Some(event) => reply.recorded(event),
        None => reply,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{ClientId, ClinicId};
    use notification::{Channel, Content, Factor};

    fn now() -> Timestamp {
        "2026-12-01T08:00:00Z".parse().unwrap()
    }

    fn later(seconds: i64) -> Option<Timestamp> {
        Some(now() + SignedDuration::from_secs(seconds))
    }

    fn text(text: &str) -> Confidential<String> {
        Confidential::new(text.to_owned())
    }

    fn code() -> Message {
        Message {
            key: "a-key-of-16-chars".to_owned(),
            clinic_id: ClinicId::from_bytes([1; 16]),
            recipient: Recipient::Phone(text("+493012345678")),
            content: Content::SignInCode { code: text("123456") },
            language: "de-CH".to_owned(),
            urgency: Urgency::Now,
            expires_at: later(600),
        }
    }

    fn notice() -> Message {
        Message {
            content: Content::AccountDisabled,
            recipient: Recipient::Email(text("zoe@example.org")),
            expires_at: None,
            ..code()
        }
    }

    fn reset() -> Message {
        Message {
            content: Content::PasswordReset { token: text("cfr_a-b") },
            urgency: Urgency::Queued,
            recipient: Recipient::Nobody {
                channel: Channel::Email,
            },
            ..code()
        }
    }

    fn broken(message: &Message) -> Vec<String> {
        match check(message, now()).finish() {
            Ok(()) => vec![],
            Err(problem) => {
                assert_eq!(problem.status, 422);
                let violations = problem.violations.iter();
                violations
                    .map(|violation| format!("{} {}", violation.field, violation.rule))
                    .collect()
            }
        }
    }

    #[test]
    fn every_rule_is_checked() {
        let client = Recipient::Client {
            client_id: ClientId::from_bytes([1; 16]),
            channel: Channel::Sms,
        };
        for (message, rules) in [
            (code(), vec![]),
            (notice(), vec![]),
            (reset(), vec![]),
            (
                Message {
                    recipient: client.clone(),
                    ..code()
                },
                vec![],
            ),
            (
                Message {
                    key: "x".repeat(15),
                    ..code()
                },
                vec!["/key idempotency-key"],
            ),
            (
                Message {
                    key: "x".repeat(129),
                    ..code()
                },
                vec!["/key idempotency-key"],
            ),
            (
                Message {
                    key: "a key of 16 chars".to_owned(),
                    ..code()
                },
                vec!["/key idempotency-key"],
            ),
            (
                Message {
                    recipient: Recipient::Phone(text("030")),
                    ..code()
                },
                vec!["/recipient/phone e164"],
            ),
            (
                Message {
                    recipient: Recipient::Email(text("zoe")),
                    ..code()
                },
                vec!["/recipient/email email"],
            ),
            (
                Message {
                    recipient: client.clone(),
                    ..notice()
                },
                vec!["/content/template channel"],
            ),
            (
                Message {
                    content: Content::FactorAdded { factor: Factor::Totp },
                    recipient: client,
                    ..notice()
                },
                vec![],
            ),
            (
                Message {
                    language: "de_CH".to_owned(),
                    ..code()
                },
                vec!["/language bcp-47"],
            ),
            (
                Message {
                    content: Content::SignInCode { code: text("12a4") },
                    ..code()
                },
                vec!["/content/values/code code"],
            ),
            (
                Message {
                    content: Content::SignInCode { code: text("123") },
                    ..code()
                },
                vec!["/content/values/code code"],
            ),
            (
                Message {
                    content: Content::PasswordReset { token: text("a b") },
                    ..reset()
                },
                vec!["/content/values/token token"],
            ),
            (
                Message {
                    content: Content::PasswordReset { token: text("") },
                    ..reset()
                },
                vec!["/content/values/token token"],
            ),
            (
                Message {
                    content: Content::Invitation { token: text("t") },
                    ..notice()
                },
                vec!["/expires_at required"],
            ),
            (
                Message {
                    content: Content::Invitation { token: text("t") },
                    expires_at: later(604_800),
                    ..notice()
                },
                vec![],
            ),
            (
                Message {
                    expires_at: None,
                    ..code()
                },
                vec!["/expires_at required"],
            ),
            (
                Message {
                    expires_at: later(3600),
                    ..code()
                },
                vec![],
            ),
            (
                Message {
                    expires_at: later(3601),
                    ..code()
                },
                vec!["/expires_at range"],
            ),
            (
                Message {
                    urgency: Urgency::Now,
                    ..reset()
                },
                vec!["/urgency decoy"],
            ),
            (
                Message {
                    recipient: Recipient::Nobody {
                        channel: Channel::Email,
                    },
                    urgency: Urgency::Queued,
                    ..notice()
                },
                vec!["/recipient decoy"],
            ),
        ] {
            assert_eq!(broken(&message), rules, "{message:?}");
        }
    }
}
