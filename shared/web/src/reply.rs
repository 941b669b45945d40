use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use model::EventId;
use serde::Serialize;

use crate::{Problem, RateLimit};

const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");

/// An answer in the making.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    /// 200 with a JSON body.
    ///
    /// # Errors
    /// A [`Problem`] where the value does not serialise: a defect.
    pub fn ok<T: Serialize>(value: &T) -> Result<Self, Problem> {
        Self::ok_as("application/json", value)
    }

    /// 200 with a JSON body of a media type of its own.
    ///
    /// # Errors
    /// As [`Reply::ok`].
    pub fn ok_as<T: Serialize>(media_type: &'static str, value: &T) -> Result<Self, Problem> {
        Self::json(StatusCode::OK, media_type, value)
    }

    /// 201 with where the new thing is.
    ///
    /// # Errors
    /// As [`Reply::ok`].
    pub fn created<T: Serialize>(location: &str, value: &T) -> Result<Self, Problem> {
        let reply = Self::json(StatusCode::CREATED, "application/json", value)?;
        Ok(match HeaderValue::from_str(location) {
            Ok(location) => reply.header(LOCATION, location),
            Err(_) => reply,
        })
    }

    /// 202: begun, and not finished yet.
    ///
    /// # Errors
    /// As [`Reply::ok`].
    pub fn accepted<T: Serialize>(value: &T) -> Result<Self, Problem> {
        Self::json(StatusCode::ACCEPTED, "application/json", value)
    }

    /// 204.
    #[must_use]
    pub fn no_content() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            headers: HeaderMap::new(),
            body: Vec::new(),
        }
    }

    /// 200 with an HTML page for people that loads nothing and runs nothing. Its one inline style is named by its SHA-256 in
    /// base64 (Content Security Policy Level 3, section 2.3.1).
    #[must_use]
    pub fn page(html: String, style_sha256: &str) -> Self {
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style_sha256}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        let reply = Self {
            status: StatusCode::OK,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))]),
            body: html.into_bytes(),
        };
        match HeaderValue::from_str(&policy) {
            Ok(policy) => reply.header(CONTENT_SECURITY_POLICY, policy),
            Err(_) => reply,
        }
    }

    fn json<T: Serialize>(status: StatusCode, media_type: &'static str, value: &T) -> Result<Self, Problem> {
        let body = serde_json::to_vec(value).map_err(|_| Problem::defect("an answer does not serialise"))?;
        Ok(Self {
            status,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))]),
            body,
        })
    }

    /// With the version as a strong entity tag (RFC 9110, section 8.8.3).
    #[must_use]
    pub fn etag(self, version: u64) -> Self {
        match HeaderValue::from_str(&["\"v", &version.to_string(), "\""].concat()) {
            Ok(tag) => self.header(ETAG, tag),
            Err(_) => self,
        }
    }

    /// With the audit entry that stands for this answer.
    #[must_use]
    pub fn recorded(self, event: EventId) -> Self {
        match HeaderValue::from_str(&event.to_string()) {
            Ok(event) => self.header(AUDIT_ID, event),
            Err(_) => self,
        }
    }

    pub(crate) fn rate_limited(mut self, limit: RateLimit) -> Self {
        self.headers.extend(limit.headers());
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub(crate) fn into_response(self) -> Response<Vec<u8>> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        let mut reply =
            Self::json(problem.status, "application/problem+json", &problem.body()).unwrap_or_else(|_| Self {
                status: problem.status,
                headers: HeaderMap::new(),
                body: Vec::new(),
            });
        for (name, value) in problem.headers {
            reply.headers.insert(name, value);
        }
        match problem.event {
            Some(event) => reply.recorded(event),
            None => reply,
        }
    }
}
