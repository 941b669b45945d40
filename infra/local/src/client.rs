//! A small HTTP client: one request, one whole answer, whatever its status.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, Uri};
use serde_json::Value;
use zeroize::Zeroizing;

/// How long a call may take from its beginning to the end of its answer. A function has 30 s, and the rest is for a queue.
const LONGEST_CALL: Duration = Duration::from_secs(60);

/// The largest answer that is read, in bytes: an audit export of 20 000 events has about 12 MiB.
const LARGEST_ANSWER: u64 = 64 * 1024 * 1024;

/// A client of one deployment. It keeps its connections and follows no redirect: an answer from elsewhere is not the deployment's,
/// and what it asks for is nobody else's.
#[derive(Debug, Clone)]
pub struct Client {
    agent: ureq::Agent,
    base: String,
}

impl Client {
    /// A client of the deployment at this URL, such as `http://127.0.0.1:3000`.
    #[must_use]
    pub fn new(base: &str) -> Self {
        // Through a proxy that the environment names, `https` is a tunnel; plain HTTP would show it every token.
        let is_tunnelled = base.starts_with("https://");
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(is_tunnelled.then(ureq::Proxy::try_from_env).flatten())
            .timeout_global(Some(LONGEST_CALL))
            .build();
        Self {
            agent: config.into(),
            base: base.trim_end_matches('/').to_owned(),
        }
    }

    /// A client that sends lasting secrets: they leave this machine through TLS only (RFC 6750, section 5.3).
    ///
    /// # Errors
    /// What is no origin, and plain HTTP to another machine.
    pub fn for_secrets(origin: &str) -> Result<Self> {
        let uri: Uri = origin.parse().context("the URL of the deployment is not one")?;
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let host = uri.host().unwrap_or_default();
        // User and password would stand in the messages that name the deployment.
        if host.is_empty() || authority.contains('@') || uri.path() != "/" || uri.query().is_some() {
            bail!("the URL of the deployment is scheme, host and port only, such as https://confide.example.org");
        }
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_this_machine(host) => {}
            Some("http") => bail!(
                "http:// to another machine would show the secrets to whoever is in between: use https://, or put a TLS proxy on \
                 this machine and give its http://127.0.0.1:PORT"
            ),
            _ => bail!("the URL of the deployment begins with https:// (or http://, for this machine)"),
        }
        Ok(Self::new(origin))
    }

    /// Sends a request whose URI is a path.
    ///
    /// # Errors
    /// Where there was no answer.
    pub fn send(&self, mut request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>> {
        let target = format!("{}{}", self.base, request.uri());
        *request.uri_mut() = target.parse::<Uri>().context("the URL of the deployment is not one")?;
        let response = self.agent.run(request).with_context(|| {
            format!(
                "no answer from {}: is it served? (`cargo run` in another terminal)",
                self.base
            )
        })?;
        let (head, mut body) = response.into_parts();
        let bytes = body.with_config().limit(LARGEST_ANSWER).read_to_vec()?;
        Ok(Response::from_parts(head, bytes))
    }
}

/// A request as the functions want it: JSON, by the holder of a token.
///
/// # Errors
/// A path or a token that can't be sent.
pub fn request(method: Method, path: &str, token: Option<&str>, body: Option<&Value>) -> Result<Request<Vec<u8>>> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        let mut value = HeaderValue::try_from(Zeroizing::new(format!("Bearer {token}")).as_str())?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    Ok(match body {
        Some(body) => request
            .header(CONTENT_TYPE, "application/json")
            .body(serde_json::to_vec(body)?)?,
        None => request.body(Vec::new())?,
    })
}

/// Whether an origin is this machine's.
#[must_use]
pub fn is_local(origin: &str) -> bool {
    let host = origin
        .parse()
        .ok()
        .and_then(|uri: Uri| Some(is_this_machine(uri.host()?)));
    host.unwrap_or_default()
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_leave_this_machine_through_tls_only() {
        for (origin, refused) in [
            ("https://confide.example.org", None),
            ("https://confide.example.org:8443/", None),
            ("http://127.0.0.1:3000", None),
            ("http://127.8.0.1:3000", None),
            ("http://localhost:3000/", None),
            ("http://[::1]:3000", None),
            ("http://confide.example.org", Some("use https://")),
            ("http://10.0.0.7:3000", Some("use https://")),
            ("http://localhost.example.org", Some("use https://")),
            ("http://127.0.0.1.example.org", Some("use https://")),
            ("ftp://127.0.0.1", Some("begins with https://")),
            ("127.0.0.1:3000", Some("scheme, host and port only")),
            ("https://ada:secret@example.org", Some("scheme, host and port only")),
            ("https://example.org/v1", Some("scheme, host and port only")),
            ("https://example.org?a=b", Some("scheme, host and port only")),
            ("/v1", Some("scheme, host and port only")),
            ("https://exa mple.org", Some("is not one")),
            ("", Some("is not one")),
        ] {
            let outcome = Client::for_secrets(origin).err().map(|error| error.to_string());
            match refused {
                Some(refused) => assert!(
                    outcome.as_ref().is_some_and(|said| said.contains(refused)),
                    "{origin} {outcome:?}"
                ),
                None => assert_eq!(outcome, None, "{origin}"),
            }
            assert!(!outcome.unwrap_or_default().contains("ada"), "{origin}");
        }
    }

    #[test]
    fn a_token_is_never_printed() {
        let request = request(Method::POST, "/v1/x", Some("cfs_secret"), Some(&Value::Null)).unwrap();
        assert_eq!(request.headers()[AUTHORIZATION], "Bearer cfs_secret");
        assert!(!format!("{:?}", request.headers()).contains("cfs_"));
    }
}
