//! The session cookie, for front ends in a browser: no script can read it, and no other site can act with it.
//!
//! A browser sends cookies along with requests that other sites make, so a cookie alone proves too little. What changes
//! something also needs the header `X-CSRF-Token` with a value that is derived from the session's secret: whoever logged
//! in was told it, and another site can neither read it nor send the header without being allowed to by CORS, which
//! allows nobody to do so with cookies (see `cors.rs`; OWASP, Cross-Site Request Forgery Prevention: signed double-submit bound to the session).
//!
//! A page that was loaded anew, or in another tab, asks for that value by a `GET` with the cookie alone. A page of another origin
//! can make a browser send that too, from a neighbouring host even with the cookie, and reads nothing of the answer: no
//! `Access-Control-Allow-Credentials` is ever answered, `Cross-Origin-Resource-Policy` keeps it out of that page's process, and JSON under
//! `nosniff` runs as no script.

use access::Token;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{Problem, Reply};

pub(crate) const CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");

/// `__Host-`: the browser takes it from this very host only, over TLS, for the whole host (RFC 6265bis, section 4.1.3.2).
const NAME: &str = "__Host-confide-session";

const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

/// The value of the session cookie, if the browser sent one.
///
/// # Errors
/// 400 where it sent two: they could be read differently by whoever looks at the first and whoever looks at the last.
pub(crate) fn session(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter_map(|(name, value)| (name == NAME).then_some(value));
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(Problem::malformed("cookie", "once", "must hold one session")),
    }
}

impl Reply {
    /// Lets the browser keep the session, for this many seconds.
    #[must_use]
    pub fn session_cookie(self, token: &Token, seconds: i64) -> Self {
        let cookie = format!("{NAME}={}; Max-Age={seconds}; {ATTRIBUTES}", *token.reveal());
        match HeaderValue::from_str(&cookie) {
            Ok(mut cookie) => {
                cookie.set_sensitive(true);
                self.header(SET_COOKIE, cookie)
            }
            Err(_) => self,
        }
    }

    /// Lets the browser forget the session.
    #[must_use]
    pub fn without_session_cookie(self) -> Self {
        match HeaderValue::from_str(&format!("{NAME}=; Max-Age=0; {ATTRIBUTES}")) {
            Ok(cookie) => self.header(SET_COOKIE, cookie),
            Err(_) => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_one_session() {
        for (cookies, expected) in [
            (&[][..], Ok(None)),
            (&["theme=dark"], Ok(None)),
            (&["__Host-confide-session=cfs_a"], Ok(Some("cfs_a"))),
            (&["theme=dark; __Host-confide-session=cfs_a;x"], Ok(Some("cfs_a"))),
            (&["theme=dark", "__Host-confide-session=cfs_a"], Ok(Some("cfs_a"))),
            // A cookie of a plainer name could have been set by a neighbouring host.
            (&["confide-session=cfs_a"], Ok(None)),
            (&["__Host-confide-session=cfs_a; __Host-confide-session=cfs_b"], Err(())),
            (
                &["__Host-confide-session=cfs_a", "__Host-confide-session=cfs_b"],
                Err(()),
            ),
        ] {
            let mut headers = HeaderMap::new();
            for cookie in cookies {
                headers.append(COOKIE, HeaderValue::from_static(cookie));
            }
            assert_eq!(session(&headers).map_err(drop), expected, "{cookies:?}");
        }
    }

    #[test]
    fn sets_a_cookie_that_stays_with_this_host() {
        let token = Token::new(&[1; 16], &[2; 32]);
        let response = Reply::no_content().session_cookie(&token, 60).into_response().unwrap();
        let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
        let expected = format!(
            "__Host-confide-session={}; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=Strict",
            *token.reveal()
        );
        assert_eq!(cookie, expected);
        assert!(!format!("{:?}", response.headers()).contains("cfs_"), "not in a log");
    }
}
