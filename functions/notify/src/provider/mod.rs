//! Who carries messages: for each provider, what a message is as a request, and what its answer means. Pure, but for the
//! one function that sends.

use std::time::Duration;

use http::{Request, Response};
use jiff::SignedDuration;
use model::{ClinicId, MessageId, Timestamp};
use ports::{Outbound, OutboundError, OutboundLimits};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::texts::Text;

pub(crate) mod resend;
pub(crate) mod twilio;
pub(crate) mod webhook;

pub(crate) use resend::Resend;
pub(crate) use twilio::Twilio;
pub(crate) use webhook::Webhook;

/// Who carries messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Provider")]
pub(crate) enum ProviderName {
    /// SMS.
    Twilio,
    /// E-mail.
    Resend,
    /// Either, by an endpoint of the operator's own.
    Webhook,
    /// Either, nowhere: for development.
    Capture,
}

impl ProviderName {
    pub(crate) const ALL: [Self; 4] = [Self::Twilio, Self::Resend, Self::Webhook, Self::Capture];

    /// The name in variables, paths and answers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::Resend => "resend",
            Self::Webhook => "webhook",
            Self::Capture => "capture",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.name() == name)
    }
}

impl std::str::FromStr for ProviderName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::from_name(text).ok_or(())
    }
}

/// The provider that would send a message now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct By {
    pub(crate) provider: ProviderName,
    /// Whether it knows a repeated message by its key.
    pub(crate) is_idempotent: bool,
}

/// A message in words, on its way to one address.
pub(crate) struct Letter<'l> {
    /// The key under which the provider knows a repeated message, where it knows any.
    pub(crate) id: MessageId,
    pub(crate) clinic: ClinicId,
    pub(crate) to: &'l str,
    pub(crate) text: &'l Text,
    pub(crate) expires_at: Option<Timestamp>,
}

/// What came of sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The provider has it.
    Accepted {
        /// Its own name for the message.
        provider_id: Option<String>,
    },
    /// The provider will never take it: a wrong number, a blocked address.
    Refused {
        /// Of its answer.
        status: u16,
    },
    /// The recipient has no address for it.
    Unreachable,
    /// The provider has not taken it, and may later.
    Later {
        /// Not before.
        after: Option<SignedDuration>,
    },
    /// The provider does not take it from us. For the operator to mend; it is tried again meanwhile.
    Misconfigured,
    /// It may have it or not.
    Unknown,
}

/// A provider with its credentials.
pub(crate) trait Provider {
    fn name(&self) -> ProviderName;

    /// Whether it sends a message that it is given twice under one key only once.
    fn is_idempotent(&self) -> bool;

    /// The message as a request. `None` where it cannot be one: a defect.
    fn request(&self, letter: &Letter<'_>, now: Timestamp) -> Option<Request<Vec<u8>>>;

    /// What an answer means, where the provider has a way of its own of saying it.
    fn outcome(&self, response: &Response<Vec<u8>>) -> Outcome;
}

/// A person may be waiting, and a request has thirty seconds for everything.
const LIMITS: OutboundLimits = OutboundLimits {
    connect: Duration::from_secs(4),
    total: Duration::from_secs(10),
    body: 64 * 1024,
};

/// Sends.
pub(crate) fn send(provider: &dyn Provider, outbound: &dyn Outbound, request: Request<Vec<u8>>) -> Outcome {
    match outbound.send(request, LIMITS) {
        Ok(response) => provider.outcome(&response),
        Err(OutboundError::NotSent) => Outcome::Later { after: None },
        Err(OutboundError::Unknown) => Outcome::Unknown,
    }
}

/// What a status means by RFC 9110, for all that a provider does not say in its own way. `accepted` reads the answer of a
/// success.
fn by_status(response: &Response<Vec<u8>>, accepted: impl FnOnce(&[u8]) -> Option<String>) -> Outcome {
    match response.status().as_u16() {
        200..=299 => Outcome::Accepted {
            provider_id: accepted(response.body()).filter(|id| is_plain(id)),
        },
        401 | 403 | 404 => Outcome::Misconfigured,
        408 | 409 | 425 | 429 => Outcome::Later {
            after: retry_after(response),
        },
        status @ 400..=499 => Outcome::Refused { status },
        // Redirects are not followed: credentials go where the operator said.
        300..=399 => Outcome::Misconfigured,
        // A server that fails may have acted before it did.
        _ => Outcome::Unknown,
    }
}

/// `Retry-After` in seconds (RFC 9110, section 10.2.3). As a date it is not used.
fn retry_after(response: &Response<Vec<u8>>) -> Option<SignedDuration> {
    let value = response.headers().get(http::header::RETRY_AFTER)?.to_str().ok()?;
    value
        .trim()
        .parse::<u32>()
        .ok()
        .map(|seconds| SignedDuration::from_secs(i64::from(seconds)))
}

/// Whether somebody else's identifier can be kept and shown as it is.
pub(crate) fn is_plain(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<&str>) -> Response<Vec<u8>> {
        let mut response = Response::builder().status(status);
        if let Some(value) = retry_after {
            response = response.header("retry-after", value);
        }
        response.body(b"x".to_vec()).unwrap()
    }

    #[test]
    fn statuses_mean_what_http_says() {
        let later = |seconds: Option<i64>| Outcome::Later {
            after: seconds.map(SignedDuration::from_secs),
        };
        let accepted = Outcome::Accepted {
            provider_id: Some("id".to_owned()),
        };
        for (status, retry_after, outcome) in [
            (200, None, accepted.clone()),
            (201, None, accepted.clone()),
            (202, None, accepted),
            (301, None, Outcome::Misconfigured),
            (400, None, Outcome::Refused { status: 400 }),
            (401, None, Outcome::Misconfigured),
            (403, None, Outcome::Misconfigured),
            (404, None, Outcome::Misconfigured),
            (408, None, later(None)),
            (422, None, Outcome::Refused { status: 422 }),
            (429, None, later(None)),
            (429, Some("17"), later(Some(17))),
            (429, Some("Wed, 21 Oct 2026 07:28:00 GMT"), later(None)),
            (429, Some("-5"), later(None)),
            (500, None, Outcome::Unknown),
            (503, Some("5"), Outcome::Unknown),
        ] {
            let found = by_status(&answer(status, retry_after), |_| Some("id".to_owned()));
            assert_eq!(found, outcome, "{status} {retry_after:?}");
        }
    }

    #[test]
    fn identifiers_of_others_are_kept_only_where_they_are_plain() {
        for (id, plain) in [
            ("SM00ff", true),
            ("", false),
            ("a b", false),
            ("a\nb", false),
            ("é", false),
        ] {
            assert_eq!(is_plain(id), plain, "{id:?}");
        }
        assert!(is_plain(&"x".repeat(128)) && !is_plain(&"x".repeat(129)));
    }
}
