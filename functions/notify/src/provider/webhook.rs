//! E-mail and SMS by an endpoint of the operator's own, signed as Standard Webhooks says.
//!
//! `webhook-id` is the message's id, the same for every try. The specification makes it the receiver's idempotency key:
//! who receives it twice must send it once.

use http::header::CONTENT_TYPE;
use http::{Method, Request, Response};
use model::{ClinicId, MessageId, Timestamp};
use notification::Channel;
use serde::{Deserialize, Serialize};

use super::{Letter, Outcome, Provider, ProviderName, by_status};
use crate::standard_webhooks::SigningKey;

/// An endpoint.
pub(crate) struct Webhook {
    pub(crate) url: String,
    pub(crate) key: SigningKey,
    /// What it is asked to reach people by.
    pub(crate) channel: Channel,
}

#[derive(Serialize)]
struct Event<T> {
    r#type: &'static str,
    timestamp: Timestamp,
    data: T,
}

#[derive(Serialize)]
#[serde(tag = "channel", rename_all = "snake_case")]
enum Data<'d> {
    Email {
        clinic_id: ClinicId,
        message_id: MessageId,
        to: &'d str,
        language: &'d str,
        subject: &'d str,
        text: String,
        html: String,
    },
    Sms {
        clinic_id: ClinicId,
        message_id: MessageId,
        to: &'d str,
        language: &'d str,
        text: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
    },
}

#[derive(Deserialize)]
struct Taken {
    id: String,
}

impl Provider for Webhook {
    fn name(&self) -> ProviderName {
        ProviderName::Webhook
    }

    fn is_idempotent(&self) -> bool {
        true
    }

    fn request(&self, letter: &Letter<'_>, now: Timestamp) -> Option<Request<Vec<u8>>> {
        let data = match self.channel {
            Channel::Email => Data::Email {
                clinic_id: letter.clinic,
                message_id: letter.id,
                to: letter.to,
                language: letter.text.language(),
                subject: letter.text.subject(),
                text: letter.text.plain(),
                html: letter.text.html(),
            },
            Channel::Sms => Data::Sms {
                clinic_id: letter.clinic,
                message_id: letter.id,
                to: letter.to,
                language: letter.text.language(),
                text: letter.text.short(),
                expires_at: letter.expires_at,
            },
        };
        let body = serde_json::to_vec(&Event {
            r#type: "message.send",
            timestamp: now,
            data,
        })
        .ok()?;
        let id = letter.id.to_string();
        Request::builder()
            .method(Method::POST)
            .uri(&self.url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", now.as_second())
            .header("webhook-signature", self.key.sign(&id, now, &body)?)
            .body(body)
            .ok()
    }

    fn outcome(&self, response: &Response<Vec<u8>>) -> Outcome {
        by_status(response, |body| {
            serde_json::from_slice(body).ok().map(|Taken { id }| id)
        })
    }
}

/// What the endpoint tells of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) clinic: ClinicId,
    pub(crate) message: MessageId,
    /// `None` while it is still on its way.
    pub(crate) arrived: Option<bool>,
}

#[derive(Deserialize)]
struct Told {
    r#type: String,
    data: Subject,
}

#[derive(Deserialize)]
struct Subject {
    clinic_id: ClinicId,
    message_id: MessageId,
}

/// Reads a callback whose signature was checked. `None` for what is about no message of ours.
pub(crate) fn status(body: &[u8]) -> Option<Status> {
    let Told { r#type, data } = serde_json::from_slice(body).ok()?;
    Some(Status {
        clinic: data.clinic_id,
        message: data.message_id,
        arrived: match r#type.as_str() {
            "message.delivered" => Some(true),
            "message.undelivered" => Some(false),
            _ => None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Text;
    use serde_json::{Value, json};

    #[test]
    fn a_message_as_the_endpoint_gets_it() {
        let key = || SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let now: Timestamp = "2026-12-01T08:00:00Z".parse().unwrap();
        let text = Text::sample("Ihr Code & mehr");
        for channel in [Channel::Email, Channel::Sms] {
            let webhook = Webhook {
                url: "https://relay.example.org/messages".to_owned(),
                key: key(),
                channel,
            };
            let letter = Letter {
                id: MessageId::from_bytes([1; 16]),
                clinic: ClinicId::from_bytes([2; 16]),
                to: "somebody",
                text: &text,
                expires_at: Some(now),
            };
            let request = webhook.request(&letter, now).unwrap();
            assert_eq!(request.uri(), "https://relay.example.org/messages");
            let header = |name: &str| request.headers()[name].to_str().unwrap();
            assert_eq!(header("webhook-id"), letter.id.to_string());
            assert!(key().is_genuine(
                header("webhook-id"),
                header("webhook-timestamp"),
                header("webhook-signature"),
                request.body(),
                now
            ));
            let body: Value = serde_json::from_slice(request.body()).unwrap();
            assert_eq!(body["type"], "message.send");
            assert_eq!(body["data"]["to"], "somebody");
            assert_eq!(body["data"]["channel"], serde_json::to_value(channel).unwrap());
            assert_eq!(body["data"]["subject"].is_string(), channel == Channel::Email);
        }
    }

    #[test]
    fn callbacks_are_understood() {
        let (clinic, message) = (ClinicId::from_bytes([2; 16]), MessageId::from_bytes([1; 16]));
        for (kind, arrived) in [
            ("message.delivered", Some(true)),
            ("message.undelivered", Some(false)),
            ("message.sent", None),
        ] {
            let told = json!({"type": kind, "data": {"clinic_id": clinic, "message_id": message}}).to_string();
            let expected = Status {
                clinic,
                message,
                arrived,
            };
            assert_eq!(status(told.as_bytes()), Some(expected));
        }
        assert_eq!(status(b"{}"), None);
    }
}
