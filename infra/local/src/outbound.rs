//! Where a function may send requests: Spin's `allowed_outbound_hosts`, and chained calls inside the process.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use http::Uri;
use http::uri::{Authority, Scheme};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks, default_send_request};

use crate::engine::{Engine, Function};

const CHAINING_DOMAIN: &str = "spin.internal";

/// A request to this host goes to the application's own public address.
const OWN_HOST: &str = "self.alt";

/// One entry of `allowed_outbound_hosts`: `scheme://host[:port]`, with `*` for any of the three.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AllowedHost {
    /// `None`: any.
    scheme: Option<String>,
    host: HostRule,
    port: PortRule,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostRule {
    Any,
    /// With its leading dot.
    Subdomains(String),
    Exactly(String),
    Network(IpAddr, u8),
    /// The application's own address.
    Own,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PortRule {
    Any,
    Exactly(u16),
    /// Up to, not including, the second.
    Range(u16, u16),
}

impl AllowedHost {
    /// # Errors
    /// What is wrong with the entry, and what to write.
    pub(crate) fn parse(entry: &str) -> Result<Self> {
        let entry = entry.trim();
        let (scheme, rest) = entry
            .split_once("://")
            .with_context(|| format!("{entry:?}: write scheme://host[:port], for example \"https://example.com\""))?;
        let (host, port) = rest.rsplit_once(':').unwrap_or((rest, ""));
        let port = match port.split_once('/') {
            Some((port, "")) => port,
            Some(_) => bail!("{entry:?}: remove the path; only hosts can be allowed"),
            None => port,
        };
        if scheme != "*" && (scheme.is_empty() || !scheme.chars().all(char::is_alphabetic)) {
            bail!("{entry:?}: a scheme is letters only, or \"*\"");
        }
        Ok(Self {
            scheme: (scheme != "*").then(|| scheme.to_owned()),
            host: HostRule::parse(host.trim()).with_context(|| format!("{entry:?}"))?,
            port: PortRule::parse(port, scheme).with_context(|| format!("{entry:?}"))?,
        })
    }

    fn allows(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        self.scheme.as_deref().is_none_or(|allowed| allowed == scheme)
            && self.host.allows(host)
            && self.port.allows(port.or_else(|| default_port(scheme)))
    }

    /// Whether requests to the application's own address are allowed.
    fn allows_own(&self) -> bool {
        matches!(self.scheme.as_deref(), None | Some("http" | "https"))
            && matches!(self.host, HostRule::Any | HostRule::Own)
    }
}

impl HostRule {
    fn parse(host: &str) -> Result<Self> {
        if host == "*" {
            return Ok(Self::Any);
        }
        if host == "self" || host == OWN_HOST {
            return Ok(Self::Own);
        }
        if host.starts_with('{') {
            bail!("lists of hosts are not supported; write one entry a host");
        }
        if let Some((address, length)) = host.split_once('/') {
            if let (Ok(address), Ok(length)) = (address.parse::<IpAddr>(), length.parse::<u8>()) {
                let longest = if address.is_ipv4() { 32 } else { 128 };
                if length > longest {
                    bail!("a network of {address} has at most {longest} bits");
                }
                return Ok(Self::Network(address, length));
            }
            if !length.is_empty() {
                bail!("remove the path; only hosts can be allowed");
            }
        }
        let host = host.trim_end_matches('/').to_ascii_lowercase();
        if let Some(domain) = host.strip_prefix("*.") {
            if domain.contains('*') {
                bail!("\"*\" is allowed only as the first label of a host");
            }
            return Ok(Self::Subdomains(format!(".{domain}")));
        }
        if host.is_empty() || host.contains('*') {
            bail!("a host is a name, an address, \"*\", or \"*.\" and a name");
        }
        Ok(Self::Exactly(host))
    }

    fn allows(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Subdomains(suffix) => host.ends_with(suffix.as_str()),
            Self::Exactly(allowed) => allowed == host,
            Self::Network(network, length) => host
                .trim_matches(['[', ']'])
                .parse()
                .is_ok_and(|address| same_network(*network, address, *length)),
            Self::Own => false,
        }
    }
}

fn same_network(network: IpAddr, address: IpAddr, length: u8) -> bool {
    // A shift by the whole width keeps nothing: every address is in the network of length 0.
    match (network, address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits())
            .checked_shr(32_u32.saturating_sub(u32::from(length)))
            .is_none_or(|differing| differing == 0),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits())
            .checked_shr(128_u32.saturating_sub(u32::from(length)))
            .is_none_or(|differing| differing == 0),
        _ => false,
    }
}

impl PortRule {
    fn parse(port: &str, scheme: &str) -> Result<Self> {
        if port == "*" {
            return Ok(Self::Any);
        }
        if port.is_empty() {
            return default_port(scheme)
                .map(Self::Exactly)
                .with_context(|| format!("scheme {scheme:?} has no usual port: write one, or \":*\""));
        }
        let number = |text: &str| text.parse().with_context(|| format!("{text:?} is not a port number"));
        match port.split_once("..") {
            Some((start, end)) => Ok(Self::Range(number(start)?, number(end)?)),
            None => Ok(Self::Exactly(number(port)?)),
        }
    }

    fn allows(&self, port: Option<u16>) -> bool {
        match (self, port) {
            (Self::Any, _) => true,
            (Self::Exactly(allowed), Some(port)) => *allowed == port,
            (Self::Range(start, end), Some(port)) => (*start..*end).contains(&port),
            (Self::Exactly(_) | Self::Range(..), None) => false,
        }
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        "postgres" => Some(5432),
        "mysql" => Some(3306),
        "redis" => Some(6379),
        "mqtt" => Some(1883),
        _ => None,
    }
}

/// All a component may reach. Empty, the default, is nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllowedHosts(Vec<AllowedHost>);

impl AllowedHosts {
    #[must_use]
    pub(crate) fn new(hosts: Vec<AllowedHost>) -> Self {
        Self(hosts)
    }

    fn decide(&self, uri: &Uri) -> Decision {
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Decision::Refuse;
        };
        let host = authority.host().to_ascii_lowercase();
        if host == OWN_HOST {
            return if self.0.iter().any(AllowedHost::allows_own) {
                Decision::Own
            } else {
                Decision::Refuse
            };
        }
        if !self
            .0
            .iter()
            .any(|allowed| allowed.allows(scheme, &host, authority.port_u16()))
        {
            return Decision::Refuse;
        }
        match chained_component(&host) {
            Some(component) => Decision::Chain(component.to_owned()),
            None => Decision::Send,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Decision {
    Refuse,
    Send,
    Own,
    Chain(String),
}

/// The component that a chaining host names.
#[must_use]
pub(crate) fn chained_component(host: &str) -> Option<&str> {
    let (component, domain) = host.split_once('.')?;
    (domain == CHAINING_DOMAIN).then_some(component)
}

/// What one request of a component may send; consulted by `wasi:http/outgoing-handler`.
pub(crate) struct Outbound {
    engine: Arc<Engine>,
    function: Arc<Function>,
}

impl Outbound {
    #[must_use]
    pub(crate) fn new(engine: Arc<Engine>, function: Arc<Function>) -> Self {
        Self { engine, function }
    }
}

type Connection = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Answer = Result<(http::Response<WasiBody>, Connection), Error>;

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _response_result: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        let engine = Arc::clone(&self.engine);
        match self.function.allowed_hosts.decide(request.uri()) {
            Decision::Refuse => Box::new(std::future::ready(Err(Error::HttpRequestDenied))),
            Decision::Send => Box::new(send(request, options)),
            Decision::Own => Box::new(async move {
                let own = engine.own_address().ok_or(Error::HttpRequestUriInvalid)?;
                send(to_own_address(request, own)?, options).await
            }),
            Decision::Chain(component) => {
                // Boxed for the type system: a chained call can itself chain.
                let call: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(engine.chain(component, request));
                Box::new(async move {
                    let response = call.await?;
                    let done: Connection = Box::new(std::future::ready(Ok(())));
                    Ok((response, done))
                })
            }
        }
    }
}

async fn send(request: http::Request<WasiBody>, options: Option<RequestOptions>) -> Answer {
    let (response, connection) = default_send_request(request, options).await?;
    Ok((
        response.map(http_body_util::BodyExt::boxed_unsync),
        Box::new(connection),
    ))
}

fn to_own_address(mut request: http::Request<WasiBody>, own: SocketAddr) -> Result<http::Request<WasiBody>, Error> {
    let authority: Authority = own.to_string().parse().map_err(|_| Error::HttpRequestUriInvalid)?;
    let host = http::HeaderValue::from_str(authority.as_str()).map_err(|_| Error::HttpRequestUriInvalid)?;
    request.headers_mut().insert(http::header::HOST, host);
    let mut parts = request.uri().clone().into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority);
    *request.uri_mut() = Uri::from_parts(parts).map_err(|_| Error::HttpRequestUriInvalid)?;
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(allowed: &[&str], uri: &str) -> Decision {
        let hosts = allowed.iter().map(|entry| AllowedHost::parse(entry).unwrap()).collect();
        AllowedHosts::new(hosts).decide(&uri.parse().unwrap())
    }

    #[test]
    fn allowed_and_refused() {
        use Decision::{Own, Refuse, Send};
        for (allowed, uri, expected) in [
            ("https://example.com", "https://example.com/a", Send),
            ("https://example.com", "https://EXAMPLE.com/a", Send),
            ("https://example.com", "https://user@example.com/", Send),
            ("https://example.com/", "https://example.com/a", Send),
            ("https://example.com", "http://example.com/", Refuse),
            ("https://example.com", "https://example.com:8443/", Refuse),
            ("https://example.com", "https://a.example.com/", Refuse),
            ("https://example.com", "https://example.com.evil.org/", Refuse),
            ("https://example.com", "https://example.com@evil.org/", Refuse),
            ("https://example.com:8443", "https://example.com:8443/", Send),
            ("https://example.com:*", "https://example.com:1/", Send),
            ("http://example.com:8000..8002", "http://example.com:8001/", Send),
            ("http://example.com:8000..8002", "http://example.com:8002/", Refuse),
            ("*://example.com:*", "http://example.com/", Send),
            ("https://*.example.com", "https://a.example.com/", Send),
            ("https://*.example.com", "https://example.com/", Refuse),
            ("https://*.example.com", "https://aexample.com/", Refuse),
            ("*://*:*", "https://anything:9/", Send),
            ("http://*:80", "http://anything/", Send),
            ("http://10.0.0.0/8", "http://10.1.2.3/", Send),
            ("http://10.0.0.0/8", "http://11.1.2.3/", Refuse),
            ("http://0.0.0.0/0", "http://11.1.2.3/", Send),
            ("http://10.0.0.0/8", "http://ten.example.com/", Refuse),
            ("http://127.0.0.1:3001", "http://127.0.0.1:3001/", Send),
            ("http://self", "http://self.alt/x", Own),
            ("https://example.com", "http://self.alt/x", Refuse),
            ("http://self", "http://self/x", Refuse),
        ] {
            assert_eq!(decide(&[allowed], uri), expected, "{allowed} → {uri}");
        }
        assert_eq!(decide(&[], "http://example.com/"), Refuse);
    }

    #[test]
    fn chaining_needs_permission_too() {
        let chain = || Decision::Chain("audit".to_owned());
        for (allowed, uri, expected) in [
            ("http://audit.spin.internal", "http://audit.spin.internal/x", chain()),
            ("http://*.spin.internal", "http://audit.spin.internal/x", chain()),
            (
                "http://health.spin.internal",
                "http://audit.spin.internal/x",
                Decision::Refuse,
            ),
            ("https://example.com", "http://audit.spin.internal/x", Decision::Refuse),
            ("http://self", "http://audit.spin.internal/x", Decision::Refuse),
        ] {
            assert_eq!(decide(&[allowed], uri), expected, "{allowed} → {uri}");
        }
    }

    #[test]
    fn entries_that_mean_nothing() {
        for entry in [
            "",
            "*",
            "example.com",
            "https://example.com/path",
            "https://example.com:443/path",
            "https://a.*.com",
            "https://*.*.com",
            "https://{a,b}.com",
            "ftp://example.com",
            "https://example.com:port",
            "h2-c://example.com:1",
            "http://10.0.0.0/33",
            "https://",
        ] {
            assert!(AllowedHost::parse(entry).is_err(), "{entry}");
        }
    }
}
