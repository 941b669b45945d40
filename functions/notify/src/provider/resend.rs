//! E-mail by Resend (resend.com/docs/api-reference/emails/send-email), or whoever speaks the same.
//!
//! Chosen among the e-mail services because it knows idempotency keys: a message that is sent again under its key within
//! 24 hours comes once. Codes expire long before; what is tried again later than that may come twice.

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response};
use model::{ClinicId, MessageId, Timestamp, is_email_address};
use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

use super::{Letter, Outcome, Provider, ProviderName, by_status};

/// An account.
pub(crate) struct Resend {
    /// Where the API is, without a slash at the end.
    pub(crate) base: String,
    /// The API key, as the header that carries it.
    pub(crate) authorization: HeaderValue,
    /// `Name <address>`.
    pub(crate) from: String,
}

#[derive(Serialize)]
struct Email<'e> {
    from: &'e str,
    to: [&'e str; 1],
    subject: &'e str,
    text: String,
    html: String,
    /// Come back with callbacks. Opaque ids only.
    tags: [Tag; 2],
    headers: Headers,
}

#[derive(Debug, Serialize, Deserialize)]
struct Tag {
    name: String,
    value: String,
}

#[derive(Serialize)]
struct Headers {
    /// Nobody is to answer automatically (RFC 3834, section 5).
    #[serde(rename = "Auto-Submitted")]
    auto_submitted: &'static str,
}

#[derive(Deserialize)]
struct Created {
    id: String,
}

#[derive(Deserialize)]
struct Failed {
    name: String,
}

/// The header that carries an API key. `None` where the key can't stand in one.
pub(crate) fn authorization(key: &str) -> Option<HeaderValue> {
    let bearer = Zeroizing::new(format!("Bearer {key}"));
    let mut authorization = HeaderValue::from_str(&bearer).ok()?;
    authorization.set_sensitive(true);
    Some(authorization)
}

/// Whether e-mail can be from it: an address, or `Name <address>`.
pub(crate) fn is_sender(from: &str) -> bool {
    let address = match from.split_once('<') {
        Some((name, rest)) if !name.contains('>') => rest.strip_suffix('>'),
        Some(_) => None,
        None => Some(from),
    };
    address.is_some_and(is_email_address)
}

impl Provider for Resend {
    fn name(&self) -> ProviderName {
        ProviderName::Resend
    }

    fn is_idempotent(&self) -> bool {
        true
    }

    fn request(&self, letter: &Letter<'_>, _: Timestamp) -> Option<Request<Vec<u8>>> {
        let tag = |name: &str, value: String| Tag {
            name: name.to_owned(),
            value,
        };
        let email = Email {
            from: &self.from,
            to: [letter.to],
            subject: letter.text.subject(),
            text: letter.text.plain(),
            html: letter.text.html(),
            tags: [
                tag("clinic", letter.clinic.to_string()),
                tag("message", letter.id.to_string()),
            ],
            headers: Headers {
                auto_submitted: "auto-generated",
            },
        };
        Request::builder()
            .method(Method::POST)
            .uri(format!("{}/emails", self.base))
            .header(AUTHORIZATION, &self.authorization)
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", letter.id.to_string())
            .body(serde_json::to_vec(&email).ok()?)
            .ok()
    }

    fn outcome(&self, response: &Response<Vec<u8>>) -> Outcome {
        let failure = serde_json::from_slice(response.body()).ok().map(|Failed { name }| name);
        match (response.status().as_u16(), failure.as_deref()) {
            // An earlier try under this key was taken. This one differs from it, where the client has changed her language.
            (409, Some("invalid_idempotent_request")) => Outcome::Accepted { provider_id: None },
            // The sender is the operator's, and the same for every message.
            (422, Some("invalid_from_address")) => Outcome::Misconfigured,
            _ => by_status(response, |body| {
                serde_json::from_slice(body).ok().map(|Created { id }| id)
            }),
        }
    }
}

/// What Resend tells of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) clinic: ClinicId,
    pub(crate) message: MessageId,
    pub(crate) provider_id: Option<String>,
    /// `None` while it is still on its way.
    pub(crate) arrived: Option<bool>,
}

#[derive(Deserialize)]
struct Event {
    r#type: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    email_id: Option<String>,
    #[serde(default, deserialize_with = "tags")]
    tags: Vec<Tag>,
}

/// Tags come back as a list or as an object.
fn tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Tag>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Tags {
        List(Vec<Tag>),
        Object(std::collections::BTreeMap<String, String>),
    }
    Ok(match Tags::deserialize(deserializer)? {
        Tags::List(tags) => tags,
        Tags::Object(tags) => tags.into_iter().map(|(name, value)| Tag { name, value }).collect(),
    })
}

/// Reads a callback whose signature was checked. `None` for what is about no message of ours.
pub(crate) fn status(body: &[u8]) -> Option<Status> {
    let Event { r#type, data } = serde_json::from_slice(body).ok()?;
    let tag = |name: &str| {
        data.tags
            .iter()
            .find(|tag| tag.name == name)
            .map(|tag| tag.value.as_str())
    };
    Some(Status {
        clinic: tag("clinic")?.parse().ok()?,
        message: tag("message")?.parse().ok()?,
        arrived: match r#type.as_str() {
            "email.delivered" => Some(true),
            "email.bounced" | "email.failed" | "email.suppressed" => Some(false),
            _ => None,
        },
        provider_id: data.email_id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Text;
    use serde_json::{Value, json};

    fn resend() -> Resend {
        Resend {
            base: "https://api.resend.com".to_owned(),
            authorization: authorization("re_SECRET").unwrap(),
            from: "Accounts <accounts@example.org>".to_owned(),
        }
    }

    #[test]
    fn a_message_as_the_api_takes_it() {
        let text = Text::sample("Ihr Code & mehr");
        let letter = Letter {
            id: MessageId::from_bytes([1; 16]),
            clinic: ClinicId::from_bytes([2; 16]),
            to: "zoe@example.org",
            text: &text,
            expires_at: None,
        };
        let request = resend().request(&letter, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(request.uri(), "https://api.resend.com/emails");
        assert_eq!(request.headers()["authorization"], "Bearer re_SECRET");
        assert!(request.headers()["authorization"].is_sensitive());
        assert_eq!(request.headers()["idempotency-key"], letter.id.to_string().as_str());
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        assert_eq!(body["to"], json!(["zoe@example.org"]));
        assert_eq!(body["from"], "Accounts <accounts@example.org>");
        assert_eq!(body["subject"], text.subject());
        assert_eq!(body["text"], text.plain());
        assert!(body["html"].as_str().unwrap().contains("Ihr Code &amp; mehr"));
        // What comes back is what was sent: ids that say nothing to anybody else.
        let event = json!({"type": "email.delivered", "created_at": "2026-12-01T08:00:00Z",
            "data": {"email_id": "49a3999c", "to": ["zoe@example.org"], "tags": body["tags"]}});
        let status = status(event.to_string().as_bytes()).unwrap();
        assert_eq!((status.clinic, status.message), (letter.clinic, letter.id));
        assert_eq!(
            (status.provider_id.as_deref(), status.arrived),
            (Some("49a3999c"), Some(true))
        );
    }

    #[test]
    fn a_sender_is_an_address_with_a_name_or_without() {
        for (from, right) in [
            ("accounts@example.org", true),
            ("Accounts <accounts@example.org>", true),
            ("<accounts@example.org>", true),
            ("Accounts", false),
            ("Accounts <accounts>", false),
            ("Accounts accounts@example.org", false),
            ("Accounts <accounts@example.org", false),
            ("a> <accounts@example.org>", false),
            ("Accounts <accounts@example.org> ", false),
            ("Accounts <<accounts@example.org>>", false),
        ] {
            assert_eq!(is_sender(from), right, "{from}");
        }
    }

    #[test]
    fn answers_and_callbacks_are_understood() {
        let answer = |status: u16, body: &str| {
            let response = Response::builder()
                .status(status)
                .body(body.as_bytes().to_vec())
                .unwrap();
            resend().outcome(&response)
        };
        let accepted = |id: Option<&str>| Outcome::Accepted {
            provider_id: id.map(str::to_owned),
        };
        assert_eq!(answer(200, r#"{"id":"49a3999c"}"#), accepted(Some("49a3999c")));
        assert_eq!(answer(409, r#"{"name":"invalid_idempotent_request"}"#), accepted(None));
        let later = Outcome::Later { after: None };
        assert_eq!(answer(409, r#"{"name":"concurrent_idempotent_requests"}"#), later);
        let refused = Outcome::Refused { status: 422 };
        assert_eq!(answer(422, r#"{"name":"validation_error"}"#), refused);
        assert_eq!(
            answer(422, r#"{"name":"invalid_from_address"}"#),
            Outcome::Misconfigured
        );
        assert_eq!(answer(403, r#"{"name":"invalid_api_key"}"#), Outcome::Misconfigured);

        let (clinic, message) = (ClinicId::from_bytes([2; 16]), MessageId::from_bytes([1; 16]));
        let tags = json!({"clinic": clinic, "message": message});
        for (kind, arrived) in [
            ("email.sent", None),
            ("email.delivery_delayed", None),
            ("email.opened", None),
            ("email.delivered", Some(true)),
            ("email.bounced", Some(false)),
            ("email.failed", Some(false)),
        ] {
            let event = json!({"type": kind, "data": {"tags": tags}}).to_string();
            let expected = Status {
                clinic,
                message,
                provider_id: None,
                arrived,
            };
            assert_eq!(status(event.as_bytes()), Some(expected), "{kind}");
        }
        for other in [
            "",
            "{}",
            r#"{"type":"email.sent","data":{}}"#,
            r#"{"type":"contact.created","data":{"tags":[]}}"#,
        ] {
            assert_eq!(status(other.as_bytes()), None, "{other}");
        }
    }
}
