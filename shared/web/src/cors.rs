//! Front ends on other origins (Fetch Standard, section 3.2: CORS): pages of the origins that the operator names in the variable `cors_origins`
//! may call with a bearer token and read what is answered. A browser lets pages of no other origin do either.
//!
//! `Access-Control-Allow-Credentials` is never answered, so a browser shows no page of another origin what it asked for under a session's cookie. What
//! the defence of cookies relies on (see `cookie.rs`) so holds for the origins that are named, too.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request};

use crate::Reply;

/// The variable with the origins, as browsers write them (`https://app.example.org`), separated by spaces.
pub(crate) const ORIGINS: &str = "cors_origins";

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, DELETE");

/// Every header that some route reads and a page has to ask leave for. `X-CSRF-Token` goes with cookies, so it is not among them.
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-match, prefer, purpose-of-use, x-request-id",
);

/// Every header of answers that says something, and that pages of other origins do not see unless it is named.
const ANSWER_HEADERS: HeaderValue = HeaderValue::from_static(
    "allow, audit-id, etag, location, part-2-notice, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id",
);

/// How long a browser need not ask again, in seconds: the longest that any remembers. An origin that is named no longer is refused at once all the
/// same, because each answer says anew who may read it.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// The origin of the page that asks, which is one of those that may.
#[derive(Debug, Clone)]
pub(crate) struct AllowedOrigin(HeaderValue);

impl AllowedOrigin {
    /// The origin that a request comes from, where it is `listed`. The list is read only if a browser says where a request comes from.
    pub(crate) fn of(headers: &HeaderMap, listed: impl FnOnce() -> Option<String>) -> Option<Self> {
        let mut origins = headers.get_all(ORIGIN).iter();
        let (Some(origin), None) = (origins.next(), origins.next()) else {
            return None;
        };
        // Nobody is let in by `*`, nor by `null`, which is whatever has no origin: a sandboxed frame of anybody's page, for one.
        let is_listed = listed()?
            .split_whitespace()
            .any(|allowed| allowed.contains("://") && allowed.as_bytes() == origin.as_bytes());
        is_listed.then(|| Self(origin.clone()))
    }

    /// Lets the page read an answer.
    pub(crate) fn admit(&self, headers: &mut HeaderMap) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, self.0.clone());
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_HEADERS);
        headers.append(VARY, HeaderValue::from(ORIGIN));
    }
}

/// Whether a browser asks, before a request, if the page may make it.
pub(crate) fn is_preflight(request: &Request<()>) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// That it may. Every path is answered alike: whether there is such a route the request itself is told, in an answer that the page can read.
pub(crate) fn preflight() -> Reply {
    Reply::no_content()
        .header(ACCESS_CONTROL_ALLOW_METHODS, METHODS)
        .header(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS)
        .header(ACCESS_CONTROL_MAX_AGE, MAX_AGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked_by(origins: &[&'static str]) -> HeaderMap {
        let values = origins.iter().map(|origin| (ORIGIN, HeaderValue::from_static(origin)));
        values.collect()
    }

    #[test]
    fn an_origin_is_named_to_the_letter() {
        const APP: &str = "https://app.example.org";
        for (listed, origins, is_allowed) in [
            (APP, &[APP][..], true),
            ("http://localhost:5173  https://app.example.org", &[APP], true),
            (APP, &["https://app.example.org:443"], false),
            (APP, &["https://app.example.org.attacker.example"], false),
            (APP, &["http://app.example.org"], false),
            (APP, &["https://APP.example.org"], false),
            (APP, &["https://example.org"], false),
            (APP, &[""], false),
            (APP, &[], false),
            (APP, &[APP, "https://attacker.example"], false),
            (APP, &[APP, APP], false),
            ("https://app.example.org/", &[APP], false),
            ("*", &[APP], false),
            ("*", &["*"], false),
            ("null", &["null"], false),
            ("", &[""], false),
            ("", &[APP], false),
        ] {
            let allowed = AllowedOrigin::of(&asked_by(origins), || Some(listed.to_owned()));
            assert_eq!(allowed.is_some(), is_allowed, "{listed:?} {origins:?}");
        }
        assert!(AllowedOrigin::of(&asked_by(&[APP]), || None).is_none());
        let unread = || panic!("the list is not read for a request that no page makes");
        assert!(AllowedOrigin::of(&asked_by(&[]), unread).is_none());
    }
}
