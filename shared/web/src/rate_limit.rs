use http::{HeaderName, HeaderValue};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// How many more requests a caller may make, as its answers say (draft-ietf-httpapi-ratelimit-headers-11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// The policy's name: lower-case letters, digits and hyphens.
    pub policy: &'static str,
    /// How many requests a window has.
    pub quota: u32,
    /// The length of a window, in seconds.
    pub window: u32,
    /// How many requests are left in this window.
    pub remaining: u32,
    /// How many seconds are left of this window.
    pub reset: u32,
}

impl RateLimit {
    /// The two fields, each a list of one item (RFC 9651, section 3.1).
    pub(crate) fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let Self {
            policy,
            quota,
            window,
            remaining,
            reset,
        } = self;
        [
            (POLICY, format!("\"{policy}\";q={quota};w={window}")),
            (LIMIT, format!("\"{policy}\";r={remaining};t={reset}")),
        ]
        .into_iter()
        .filter_map(|(name, text)| Some((name, HeaderValue::try_from(text).ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Problem, Reply};

    #[test]
    fn answers_and_problems_say_what_is_left() {
        let limit = RateLimit {
            policy: "log-in",
            quota: 60,
            window: 60,
            remaining: 0,
            reset: 42,
        };
        let problem = Reply::from(Problem::too_many(42, "Wait.").rate_limited(limit))
            .into_response()
            .unwrap();
        let reply = Reply::no_content().rate_limited(limit).into_response().unwrap();
        for response in [&problem, &reply] {
            assert_eq!(response.headers()["ratelimit-policy"], "\"log-in\";q=60;w=60");
            assert_eq!(response.headers()["ratelimit"], "\"log-in\";r=0;t=42");
        }
        assert_eq!(problem.headers()["retry-after"], "42");
    }
}
