//! Where a function may send requests: Spin's `allowed_outbound_hosts`.

use anyhow::{Context as _, Result, anyhow, bail};
use http::Uri;
use model::Network;

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
    Network(Network),
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
        if let Some((_, length)) = host.split_once('/')
            && !length.is_empty()
        {
            let network = host.parse();
            return network.map(Self::Network).map_err(|_| {
                anyhow!("a network is its address and its length, such as 10.0.0.0/8; a host has no path")
            });
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
            Self::Network(network) => host
                .trim_matches(['[', ']'])
                .parse()
                .is_ok_and(|address| network.contains(address)),
            Self::Own => false,
        }
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

    /// What becomes of a request.
    pub(crate) fn decide(&self, uri: &Uri) -> Decision {
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

/// What becomes of a request that a function sends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Refuse,
    Send,
    /// To the application's own public address.
    Own,
    /// To this component, without the network between them.
    Chain(String),
}

/// The component that a chaining host names.
#[must_use]
pub(crate) fn chained_component(host: &str) -> Option<&str> {
    let (component, domain) = host.split_once('.')?;
    (domain == CHAINING_DOMAIN).then_some(component)
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
