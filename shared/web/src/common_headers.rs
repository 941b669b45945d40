//! The headers that every answer has.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use model::RequestId;
use ports::{EntropyExt, Platform};

use crate::cors::{self, AllowedOrigin};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// On every answer: nothing is cached, sniffed, framed or passed on (OWASP secure headers for APIs). A page for people has a
/// content policy of its own.
const HEADERS: [(HeaderName, &str); 6] = [
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (REFERRER_POLICY, "no-referrer"),
    (RESOURCE_POLICY, "same-origin"),
];

/// What every head has beside what its answer says.
pub(crate) struct CommonHeaders {
    pub(crate) request_id: RequestId,
    allowed_origin: Option<AllowedOrigin>,
}

impl CommonHeaders {
    pub(crate) fn of(request: &Request<()>, platform: &Platform<'_>) -> Self {
        let headers = request.headers();
        Self {
            // The caller's own id is taken where it is one of ours, so that a front end can follow a request through its log.
            request_id: headers
                .get(&REQUEST_ID)
                .and_then(|value| value.to_str().ok())
                .and_then(|text| text.parse().ok())
                .unwrap_or_else(|| platform.entropy.id()),
            allowed_origin: AllowedOrigin::of(headers, || platform.secrets.secret(cors::ORIGINS)),
        }
    }

    /// Whether a page asks that may.
    pub(crate) fn has_allowed_origin(&self) -> bool {
        self.allowed_origin.is_some()
    }

    /// Gives an answer what it lacks of them.
    pub(crate) fn complete(&self, headers: &mut HeaderMap) {
        for (name, value) in HEADERS {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
        if let Ok(value) = HeaderValue::from_str(&self.request_id.to_string()) {
            headers.insert(REQUEST_ID, value);
        }
        if let Some(origin) = &self.allowed_origin {
            origin.admit(headers);
        }
    }
}
