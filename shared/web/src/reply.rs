use http::header::{
    CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use model::EventId;
use serde::Serialize;

use crate::{Problem, RateLimit};

const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");
const PART_2_NOTICE: HeaderName = HeaderName::from_static("part-2-notice");

/// What most bodies have room in, in bytes: one that grows while it is written is copied each time.
const USUAL_BODY: usize = 4096;

/// An answer in the making.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
    /// Whether it has left already.
    is_sent: bool,
}

impl Reply {
    fn new(status: StatusCode, headers: HeaderMap, body: Vec<u8>) -> Self {
        Self {
            status,
            headers,
            body,
            is_sent: false,
        }
    }

    /// 200 with a body that [`Exchange::stream`](crate::Exchange::stream) sends. It is a download and never shown in place: what
    /// people upload must not run in a front end's origin.
    #[must_use]
    pub fn attachment(media_type: &str) -> Self {
        let media_type =
            HeaderValue::from_str(media_type).unwrap_or(HeaderValue::from_static("application/octet-stream"));
        let headers = [
            (CONTENT_TYPE, media_type),
            (CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
        ];
        Self::new(StatusCode::OK, HeaderMap::from_iter(headers), Vec::new())
    }

    /// What another function has answered to a call in the caller's name, as it is.
    #[must_use]
    pub fn passed_on(answer: Response<Vec<u8>>) -> Self {
        let (head, body) = answer.into_parts();
        let kept = [CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE, AUDIT_ID];
        let headers = kept.into_iter().filter_map(|name| {
            let value = head.headers.get(&name)?.clone();
            Some((name, value))
        });
        Self::new(head.status, headers.collect(), body)
    }

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

    /// 201 with where the new thing is read.
    ///
    /// # Errors
    /// As [`Reply::ok`].
    pub fn created<T: Serialize>(location: &str, value: &T) -> Result<Self, Problem> {
        let reply = Self::created_without_location(value)?;
        Ok(match HeaderValue::from_str(location) {
            Ok(location) => reply.header(LOCATION, location),
            Err(_) => reply,
        })
    }

    /// 201 where nothing is read under a path of the new thing's own.
    ///
    /// # Errors
    /// As [`Reply::ok`].
    pub fn created_without_location<T: Serialize>(value: &T) -> Result<Self, Problem> {
        Self::json(StatusCode::CREATED, "application/json", value)
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
        Self::new(StatusCode::NO_CONTENT, HeaderMap::new(), Vec::new())
    }

    /// 200 with an HTML page for people that loads nothing and runs nothing. Its one inline style is named by its SHA-256 in
    /// base64 (Content Security Policy Level 3, section 2.3.1).
    #[must_use]
    pub fn page(html: String, style_sha256: &str) -> Self {
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style_sha256}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))]);
        let reply = Self::new(StatusCode::OK, headers, html.into_bytes());
        match HeaderValue::from_str(&policy) {
            Ok(policy) => reply.header(CONTENT_SECURITY_POLICY, policy),
            Err(_) => reply,
        }
    }

    fn json<T: Serialize>(status: StatusCode, media_type: &'static str, value: &T) -> Result<Self, Problem> {
        let mut body = Vec::with_capacity(USUAL_BODY);
        serde_json::to_writer(&mut body, value).map_err(|_| Problem::defect("an answer does not serialise"))?;
        Ok(Self::written(status, media_type, body))
    }

    /// 200 with a body that is JSON already.
    pub(crate) fn ok_json(body: Vec<u8>) -> Self {
        Self::written(StatusCode::OK, "application/json", body)
    }

    fn written(status: StatusCode, media_type: &'static str, body: Vec<u8>) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))]);
        Self::new(status, headers, body)
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

    /// With what goes with every disclosure of a record of treatment for substance use (42 CFR 2.32), where the body has no place
    /// for it.
    #[must_use]
    pub fn part_2_notice(self, notice: &'static str) -> Self {
        self.header(PART_2_NOTICE, HeaderValue::from_static(notice))
    }

    pub(crate) fn rate_limited(mut self, limit: RateLimit) -> Self {
        self.headers.extend(limit.headers());
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The head alone, and the same answer.
    pub(crate) fn head(self) -> (Response<()>, Self) {
        let mut head = Response::new(());
        *head.status_mut() = self.status;
        *head.headers_mut() = self.headers.clone();
        (head, self)
    }

    /// The same, once it has left.
    pub(crate) fn sent(self) -> Self {
        Self { is_sent: true, ..self }
    }

    /// The head and what is behind it; `None` where it has left already.
    pub(crate) fn into_response(self) -> Option<Response<Vec<u8>>> {
        if self.is_sent {
            return None;
        }
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        Some(response)
    }
}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        let mut reply = Self::json(problem.status, "application/problem+json", &problem.body())
            .unwrap_or_else(|_| Self::new(problem.status, HeaderMap::new(), Vec::new()));
        for (name, value) in problem.headers {
            reply.headers.insert(name, value);
        }
        match problem.event {
            Some(event) => reply.recorded(event),
            None => reply,
        }
    }
}
