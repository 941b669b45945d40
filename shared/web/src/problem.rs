//! Problem details (RFC 9457). A problem says what is wrong and what to do, and never repeats what was sent: it may be
//! about somebody.

use access::{DenialReason, Refusal, Unauthenticated, VaultError};
use crypto::{CryptoError, KeyringError};
use http::header::{ALLOW, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use model::EventId;
use ports::KvError;
use schemars::JsonSchema;
use serde::Serialize;
use store::{StoreError, UpdateError};

use crate::RateLimit;
use crate::payment_card::Found;

/// One thing that is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Violation {
    /// Where, as a JSON pointer (RFC 6901) into the body, or the name of a header or query parameter.
    pub field: String,
    /// The rule's name, stable for programs.
    pub rule: &'static str,
    /// The rule in words.
    pub detail: String,
}

/// Why a request was not carried out.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The status code.
    pub status: StatusCode,
    /// The stable name behind `urn:problem-type:confide:`.
    pub kind: &'static str,
    /// What is wrong, in words for people.
    pub detail: String,
    /// What is wrong with which field.
    pub violations: Vec<Violation>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// The deployment that the request should have gone to.
    base_url: Option<String>,
    /// The audit entry that says so.
    pub(crate) event: Option<EventId>,
    /// What the operator must know. Never in the answer.
    pub(crate) operator_line: Option<String>,
}

impl Problem {
    /// A problem of this kind.
    #[must_use]
    pub fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            detail: detail.into(),
            violations: Vec::new(),
            headers: Vec::new(),
            base_url: None,
            event: None,
            operator_line: None,
        }
    }

    /// 400: the request is malformed at this field.
    #[must_use]
    pub fn malformed(field: impl Into<String>, rule: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let mut problem = Self::new(
            StatusCode::BAD_REQUEST,
            "malformed-request",
            "The request is malformed; see `errors`.",
        );
        problem.violations.push(Violation {
            field: field.into(),
            rule,
            detail,
        });
        problem
    }

    /// 422: something of a payment card stands at this field.
    pub(crate) fn payment_card(field: impl Into<String>, found: Found) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "payment-card-data",
            "Card numbers and security codes are taken by the payment gateway alone. Send its reference instead.",
        )
        .violating(vec![Violation {
            field: field.into(),
            rule: "payment-card",
            detail: found.detail(),
        }])
    }

    /// 413.
    #[must_use]
    pub fn body_too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            format!("A body may have {limit} bytes."),
        )
    }

    /// 400: the body ended before its end. Whoever sent it is mostly gone.
    #[must_use]
    pub fn broken_body() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "broken-body",
            "The body was broken off. Nothing of it was kept; send all of it again.",
        )
    }

    /// 404 for a thing that the caller may see but that is not there, or not there for her.
    #[must_use]
    pub fn not_found(event: EventId) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing here.").recorded(event)
    }

    /// 404 for a path that the API has not, or has not for whoever asks.
    #[must_use]
    pub fn no_such_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no-such-route", "The API has no such path.")
    }

    /// 409: the request contradicts what is there.
    #[must_use]
    pub fn conflict(kind: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, kind, detail)
    }

    /// 412: the thing has changed since it was read.
    #[must_use]
    pub fn stale() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "stale-version",
            "It has been changed since the version in If-Match. Read it again, then repeat the change.",
        )
    }

    /// 422 for an `Idempotency-Key` that was used with another body.
    #[must_use]
    pub fn idempotency_key_reused() -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency-key-reused",
            "This Idempotency-Key was used before with another body. Use a new key for a new request.",
        )
    }

    /// 401.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "Log in and send the session token as `Authorization: Bearer …`.",
        )
        .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 401: the session is live, and this needs a proof that is more recent (RFC 9470, section 3).
    #[must_use]
    pub fn step_up_required() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "step-up-required",
            "Prove again that it is you, at `/v1/auth/sessions/current/step-up`, and repeat the request.",
        )
        .header(
            WWW_AUTHENTICATE,
            HeaderValue::from_static(r#"Bearer error="insufficient_user_authentication", max_age="300""#),
        )
    }

    /// 429 with the time to wait, in seconds.
    #[must_use]
    pub fn too_many(seconds: i64, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", detail).retry_after(seconds)
    }

    /// 503 with the time to wait, in seconds.
    #[must_use]
    pub fn unavailable(seconds: i64, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(seconds)
    }

    /// 500: a defect of ours. The answer tells nothing; the operator's log tells where.
    #[must_use]
    pub fn defect(operator_line: impl Into<String>) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something is wrong on our side. Nothing was returned.",
        )
        .log(operator_line)
    }

    /// What the operator must know, for whoever goes on in spite of the problem.
    #[must_use]
    pub fn operator_line(&self) -> Option<&str> {
        self.operator_line.as_deref()
    }

    /// With the audit entry that says so.
    #[must_use]
    pub fn recorded(mut self, event: EventId) -> Self {
        self.event = Some(event);
        self
    }

    /// Whether it is none of the caller's doing: something of ours failed, or others were faster.
    pub(crate) fn is_of_ours(&self) -> bool {
        self.status.is_server_error() || self.kind == "contended"
    }

    /// With this audit entry, unless it names one that says more.
    #[must_use]
    pub fn or_recorded(mut self, event: EventId) -> Self {
        self.event.get_or_insert(event);
        self
    }

    /// With a line for the operator.
    #[must_use]
    pub fn log(mut self, line: impl Into<String>) -> Self {
        self.operator_line = Some(line.into());
        self
    }

    /// With more that is wrong.
    #[must_use]
    pub fn violating(mut self, violations: Vec<Violation>) -> Self {
        self.violations.extend(violations);
        self
    }

    pub(crate) fn based_at(mut self, base_url: Option<String>) -> Self {
        self.base_url = base_url;
        self
    }

    /// With the path of what to turn to instead. Only for callers who may know of it.
    #[must_use]
    pub fn instead(self, path: &str) -> Self {
        match HeaderValue::from_str(path) {
            Ok(path) => self.header(LOCATION, path),
            Err(_) => self,
        }
    }

    pub(crate) fn allow(self, methods: &str) -> Self {
        match HeaderValue::from_str(methods) {
            Ok(methods) => self.header(ALLOW, methods),
            Err(_) => self,
        }
    }

    pub(crate) fn rate_limited(mut self, limit: RateLimit) -> Self {
        self.headers.extend(limit.headers());
        self
    }

    fn retry_after(self, seconds: i64) -> Self {
        self.header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Kv(error) => error.into(),
            StoreError::Crypto(CryptoError::Tampered) => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "integrity-violation",
                "Stored data is not what was written. Nothing was returned; the privacy officer has to look into it.",
            )
            .log("integrity violation: stored bytes are not what was written in their place"),
            StoreError::Crypto(CryptoError::UnknownKeyVersion) => Self::unavailable(
                30,
                "A key that is needed is not in the keyring. Nothing was changed.",
            )
            .log("a sealing key version is missing from the keyring: was a version removed before its data was rewrapped?"),
            StoreError::Crypto(CryptoError::ReadOnly) => Self::defect("a value was sealed without the right to"),
            StoreError::Form => Self::defect("a stored document has an unknown form"),
            StoreError::Contended => Self::conflict(
                "contended",
                "Too many requests change the same thing at once. Repeat the request.",
            )
            .retry_after(1),
        }
    }
}

impl From<KvError> for Problem {
    fn from(error: KvError) -> Self {
        match error {
            KvError::Unavailable => Self::unavailable(1, "The store did not answer. Repeat the request.")
                .log("a key-value store did not answer"),
            KvError::Busy => Self::unavailable(
                30,
                "Another request is creating the same thing. Repeat the request.",
            ),
            KvError::NotGranted => Self::unavailable(30, "The service is not set up completely.")
                .log("a key-value store is not granted to this function: compare key_value_stores in spin.toml with the runtime configuration"),
        }
    }
}

impl From<Unauthenticated> for Problem {
    fn from(error: Unauthenticated) -> Self {
        match error {
            Unauthenticated::NoSession => Self::unauthenticated(),
            Unauthenticated::Store(error) => error.into(),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Denied { reason, event } => {
                let (kind, detail) = match reason {
                    DenialReason::ProhibitedPurpose => {
                        ("prohibited-purpose", "This purpose is never served, to nobody.")
                    }
                    DenialReason::NoConsent => (
                        "no-consent",
                        "The client has no live consent that covers this, nor does another lawful ground. Record one first.",
                    ),
                    // The recipient is told that what she has is incomplete (PHIPA ss. 18(4) and 37(2)).
                    DenialReason::Restricted => (
                        "restricted",
                        "The client has restricted access to this. What you have of her may be incomplete.",
                    ),
                    DenialReason::Minor => (
                        "guardian-decides",
                        "For a minor this is decided by a parent or guardian.",
                    ),
                    DenialReason::Enrolling => (
                        "enrolment-required",
                        "This session is there to set up a second factor. Set one up, then log in with it.",
                    ),
                    DenialReason::NotFresh => return Self::step_up_required().recorded(event),
                    DenialReason::NoRule => ("access-denied", "You are not permitted to do this."),
                };
                Self::new(StatusCode::FORBIDDEN, kind, detail).recorded(event)
            }
            Refusal::Unrecorded(error) => error.into(),
        }
    }
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::NoClient => Self::defect("a vault was asked for the key of no client"),
            VaultError::Keyring(error) => error.into(),
            VaultError::Store(error) => error.into(),
            VaultError::Behind { .. } => {
                Self::unavailable(30, "The service is not set up completely.").log(format!("keyring: {error}"))
            }
        }
    }
}

impl From<KeyringError> for Problem {
    fn from(error: KeyringError) -> Self {
        Self::unavailable(30, "The service is not set up completely.").log(format!("keyring: {error}"))
    }
}

impl<E: Into<Problem>> From<UpdateError<E>> for Problem {
    fn from(error: UpdateError<E>) -> Self {
        match error {
            // Documents are never deleted while something points to them.
            UpdateError::Absent => Self::defect("a document that must exist does not"),
            UpdateError::Stale => Self::stale(),
            UpdateError::Refused(problem) => problem.into(),
            UpdateError::Store(error) => error.into(),
        }
    }
}

/// A problem as it is answered.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub struct ProblemDetails<'p> {
    #[serde(rename = "type")]
    #[schemars(regex(pattern = "^urn:problem-type:confide:"))]
    pub(crate) kind: String,
    title: &'static str,
    status: u16,
    /// What is wrong, and what to do.
    detail: &'p str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'p [Violation],
    /// The deployment of the right region (421).
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<&'p str>,
}

impl Problem {
    pub(crate) fn body(&self) -> ProblemDetails<'_> {
        ProblemDetails {
            kind: format!("urn:problem-type:confide:{}", self.kind),
            title: self.status.canonical_reason().unwrap_or("Problem"),
            status: self.status.as_u16(),
            detail: &self.detail,
            errors: &self.violations,
            base_url: self.base_url.as_deref(),
        }
    }
}
