use std::cell::{Cell, OnceCell};

use access::{Caller, CallingFunction, Gate, PermissionsReader, SessionKeys, Sessions, Token};
use audit_trail::Trail;
use crypto::{Keyring, KeyringError, Secret};
use http::header::{AUTHORIZATION, CONTENT_TYPE, IF_MATCH};
use http::{HeaderName, Request, StatusCode};
use model::{EventId, Function, Purpose};
use ports::{Connection, Platform};
use serde::de::DeserializeOwned;
use store::Shelf;
use zeroize::Zeroizing;

use crate::common_headers::CommonHeaders;
use crate::route::Parameters;
use crate::{Problem, RateLimit, cookie, json, query};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(crate) const PURPOSE_OF_USE: HeaderName = HeaderName::from_static("purpose-of-use");

/// By what a request presents its token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Carrier {
    Bearer,
    /// A browser sends it for whatever page asks, so it proves less.
    Cookie,
}

/// One request on its way through a handler, with everything that the handler may reach.
pub struct Exchange<'a> {
    /// The platform.
    pub platform: Platform<'a>,
    /// The function's keyring.
    pub keyring: &'a Keyring,
    pub(crate) function: Function,
    pub(crate) request: &'a Request<Vec<u8>>,
    pub(crate) headers: &'a CommonHeaders,
    pub(crate) parameters: Parameters<'a>,
    pub(crate) rate_limit: Cell<Option<RateLimit>>,
    pub(crate) connection: Connection<'a>,
    /// The function that has shown that it calls.
    pub(crate) calling: Cell<Option<CallingFunction>>,
    /// The newest entry of the trail that it has led to.
    pub(crate) recorded: &'a Cell<Option<EventId>>,
    /// Where it came from, once somebody has asked.
    pub(crate) network: OnceCell<Option<String>>,
}

impl<'a> Exchange<'a> {
    /// The raw body. Empty where the route takes a stream.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.request.body()
    }

    /// The path that was asked for.
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.request.uri().path()
    }

    /// Path and query, as they were asked for.
    #[must_use]
    pub fn target(&self) -> &'a str {
        self.request
            .uri()
            .path_and_query()
            .map_or("/", http::uri::PathAndQuery::as_str)
    }

    /// A header that is sent once, or not at all.
    ///
    /// # Errors
    /// 400 where it is sent more than once, or is no text.
    pub fn header(&self, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
        let mut values = self.request.headers().get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => value
                .to_str()
                .map(Some)
                .map_err(|_| Problem::malformed(name.as_str(), "ascii", "must be visible ASCII")),
            // Two values could be read differently by whoever looks at the first and whoever looks at the last.
            (Some(_), Some(_)) => Err(Problem::malformed(name.as_str(), "once", "must be sent once")),
        }
    }

    /// That the body is of this media type. Parameters are not looked at.
    ///
    /// # Errors
    /// 415 for another one.
    pub fn check_media_type(&self, wanted: &str) -> Result<(), Problem> {
        let media_type = self.header(&CONTENT_TYPE)?.unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case(wanted) {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            format!("Send `Content-Type: {wanted}`."),
        ))
    }

    /// The JSON body, strictly parsed.
    ///
    /// # Errors
    /// 415 for another media type, 400 with the failing field.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        self.check_media_type("application/json")?;
        json::parse(self.body())
    }

    /// The JSON body, strictly parsed, of a request that may have nothing to say: one without a body says as much as `{}`.
    ///
    /// # Errors
    /// As [`Exchange::json`].
    pub fn json_or_empty<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        match self.body() {
            [] => json::parse(b"{}"),
            _ => self.json(),
        }
    }

    /// The query, strictly parsed.
    ///
    /// # Errors
    /// 400 with the parameter that is unknown, malformed, missing or there twice.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        query::parse(self.request.uri().query().unwrap_or_default())
    }

    /// That the query has no parameters, where a route that takes some is asked for what takes none.
    ///
    /// # Errors
    /// 400 with one that is there.
    pub fn no_query(&self) -> Result<(), Problem> {
        query::refuse(self.request.uri().query().unwrap_or_default())
    }

    /// A parameter of the path.
    ///
    /// # Errors
    /// 404 where it is not what the path wants: there is nothing under such a name.
    pub fn parameter<T: std::str::FromStr>(&self, name: &str) -> Result<T, Problem> {
        self.parameters
            .iter()
            .find(|(parameter, _)| *parameter == name)
            .and_then(|(_, value)| value.parse().ok())
            .ok_or_else(|| {
                Problem::new(
                    StatusCode::NOT_FOUND,
                    "no-such-route",
                    "The path holds an identifier that is not one.",
                )
            })
    }

    /// The version that `If-Match` names (RFC 9110, section 13.1.1).
    ///
    /// # Errors
    /// 428 without the header, 400 where it is not one strong entity tag of ours.
    pub fn if_match(&self) -> Result<u64, Problem> {
        let tag = self.header(&IF_MATCH)?.ok_or_else(|| {
            Problem::new(
                StatusCode::PRECONDITION_REQUIRED,
                "precondition-required",
                "Send `If-Match` with the ETag of the version that you want to change.",
            )
        })?;
        tag.strip_prefix("\"v")
            .and_then(|rest| rest.strip_suffix('"'))
            .and_then(|version| version.parse().ok())
            .ok_or_else(|| Problem::malformed("if-match", "etag", "must be one ETag that Confide gave, such as \"v3\""))
    }

    /// The `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a key of the client's own, 16 to 128 visible
    /// characters, the same for every try of one request.
    ///
    /// # Errors
    /// 400 where it is missing or out of bounds.
    pub fn idempotency_key(&self) -> Result<&'a str, Problem> {
        self.header(&IDEMPOTENCY_KEY)?
            .filter(|key| (16..=128).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()))
            .ok_or_else(|| {
                Problem::malformed(
                    "idempotency-key",
                    "idempotency-key",
                    "send a fresh random key of 16 to 128 visible ASCII characters, such as a UUID; send it again when you repeat the request",
                )
            })
    }

    /// The purpose that the caller names in `Purpose-Of-Use`, as an HL7 code.
    ///
    /// # Errors
    /// 400 for an unknown code.
    pub fn purpose(&self) -> Result<Option<Purpose>, Problem> {
        self.header(&PURPOSE_OF_USE)?
            .map(|code| {
                Purpose::from_code(code).ok_or_else(|| {
                    Problem::malformed(
                        "purpose-of-use",
                        "purpose",
                        "must be an HL7 PurposeOfUse code that Confide knows, such as TREAT",
                    )
                })
            })
            .transpose()
    }

    /// That the caller names this purpose, for what is served for no other, whatever else she may do.
    ///
    /// # Errors
    /// 400 for another one, and for none.
    pub fn check_purpose(&self, only: Purpose) -> Result<(), Problem> {
        if self.purpose()? == Some(only) {
            return Ok(());
        }
        Err(Problem::malformed(
            "purpose-of-use",
            "purpose",
            format!("must be {}: this is served for no other purpose", only.code()),
        ))
    }

    /// The network address that the request came from, or that the proxies which the operator trusts say it came from.
    #[must_use]
    pub fn network(&self) -> Option<String> {
        let origin = || {
            let trusted = || self.platform.secrets.secret("trusted_proxies");
            crate::network::origin(self.request.headers(), trusted).map(|address| address.to_string())
        };
        self.network.get_or_init(origin).clone()
    }

    /// Lets the answer, whatever it will be, say how many more requests the caller may make.
    pub fn announce(&self, limit: RateLimit) {
        self.rate_limit.set(Some(limit));
    }

    /// A store.
    ///
    /// # Errors
    /// 503 where the deployment does not grant it.
    pub fn shelf(&self, label: &'static str) -> Result<Shelf<'a>, Problem> {
        Ok(Shelf::open(&self.platform, label)?)
    }

    /// The sessions, with the keys that this function reads them with.
    ///
    /// # Errors
    /// 503 where the deployment does not grant the store.
    pub fn sessions(&self, keys: impl Into<SessionKeys<'a>>) -> Result<Sessions<'a>, Problem> {
        Ok(Sessions::new(self.shelf("sessions")?, keys, self.platform.clock))
    }

    /// Who presents this request's token: as a bearer, or as a browser's cookie together with the header that another
    /// site could not send.
    ///
    /// # Errors
    /// 401 where it is nobody's, 403 where a browser was made to send it by somebody else, 421 where her clinic's data is kept in another
    /// region.
    pub fn authenticate(&self, sessions: &Sessions<'_>) -> Result<Caller, Problem> {
        let caller = self.recognise(sessions)?;
        self.check_residency(&caller.session().region)?;
        Ok(caller)
    }

    fn recognise(&self, sessions: &Sessions<'_>) -> Result<Caller, Problem> {
        let (token, carrier) = self.presented()?;
        let caller = sessions.authenticate(&token)?;
        if carrier == Carrier::Cookie && !self.request.method().is_safe() {
            let presented = self.header(&cookie::CSRF_TOKEN)?.unwrap_or_default();
            if !sessions.is_csrf_token(&token, presented) {
                return Err(Problem::new(
                    StatusCode::FORBIDDEN,
                    "csrf-token-required",
                    "Send `X-CSRF-Token` with the value that the log-in answered, and `GET /v1/auth/sessions/current` answers, beside the session's cookie.",
                ));
            }
        }
        Ok(caller)
    }

    fn presented(&self) -> Result<(Token, Carrier), Problem> {
        let (token, carrier) = match self.header(&AUTHORIZATION)? {
            Some(header) => {
                let token = header
                    .split_once(' ')
                    .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                    .map(|(_, token)| token.trim());
                (token, Carrier::Bearer)
            }
            None => (cookie::session(self.request.headers())?, Carrier::Cookie),
        };
        let token = token.and_then(Token::parse).ok_or_else(Problem::unauthenticated)?;
        Ok((token, carrier))
    }

    /// What a page has to send beside the cookie that this request presents its session by; none where it is presented as a bearer.
    ///
    /// # Errors
    /// 401 where the request presents no token.
    pub fn csrf_token(&self, index: &Secret) -> Result<Option<Zeroizing<String>>, Problem> {
        let (token, carrier) = self.presented()?;
        Ok((carrier == Carrier::Cookie).then(|| token.csrf_token(index)))
    }

    /// The token that this request presents, as another function takes it.
    pub(crate) fn authorization(&self) -> Result<String, Problem> {
        if let Some(header) = self.header(&AUTHORIZATION)? {
            return Ok(header.to_owned());
        }
        let token = cookie::session(self.request.headers())?.ok_or_else(Problem::unauthenticated)?;
        Ok(format!("Bearer {token}"))
    }

    /// Who asks, for every function but `auth`.
    ///
    /// # Errors
    /// 401 where the token is nobody's.
    pub fn caller(&self) -> Result<Caller, Problem> {
        let keys = self.keyring.reads("sessions")?;
        self.authenticate(&self.sessions(keys)?)
    }

    /// The permissions of clients.
    ///
    /// # Errors
    /// 503 where the deployment does not grant the store.
    pub fn permissions(&self) -> Result<PermissionsReader<'a>, Problem> {
        Ok(PermissionsReader::new(
            self.shelf("permissions")?,
            self.keyring.reads("permissions")?,
        ))
    }

    /// The gate to everything that must be decided and recorded.
    ///
    /// # Errors
    /// 503 where the audit store or its key is missing.
    pub fn gate(&self) -> Result<Gate<'a>, Problem> {
        let keys = self.keyring.audit(self.function)?;
        let trail = Trail::new(self.shelf("audit")?, keys, self.function, self.platform.entropy);
        let network = match self.calling.get() {
            Some(_) => Some(self.in_name_of()?.network.to_owned()).filter(|network| !network.is_empty()),
            None => self.network(),
        };
        Ok(Gate::new(
            trail,
            self.platform.clock,
            self.platform.entropy,
            self.headers.request_id,
            self.calling.get(),
            network,
            self.recorded,
        ))
    }
}

impl From<Missing> for Problem {
    fn from(missing: Missing) -> Self {
        Self::unavailable(30, "The service is not set up completely.").log(format!(
            "the keyring of {function}: variable `{function}_keyring` (SPIN_VARIABLE_{upper}_KEYRING) {error}",
            function = missing.function,
            upper = missing.function.name().to_ascii_uppercase(),
            error = missing.error
        ))
    }
}

/// A keyring that the platform does not deliver as it should.
pub(crate) struct Missing {
    pub(crate) function: Function,
    pub(crate) error: KeyringError,
}
