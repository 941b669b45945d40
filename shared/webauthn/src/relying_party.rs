//! Who asks for passkeys: a domain, and the origins of the pages that may ask in its name.

use std::fmt;

use sha2::{Digest, Sha256};

/// The most origins of one relying party.
const MOST_ORIGINS: usize = 16;

/// The longest domain name, in characters (RFC 1035, section 2.3.4, without the final dot).
const MOST_DOMAIN: usize = 253;

/// The longest label of a domain name, in characters (RFC 1035, section 2.3.4).
const MOST_LABEL: usize = 63;

/// Who asks for passkeys. There is none that was not checked.
#[derive(Debug, Clone)]
pub struct RelyingParty {
    id: String,
    id_hash: [u8; 32],
    origins: Vec<String>,
}

/// Why a configuration is no relying party. For the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidRelyingParty {
    /// The id is no domain name.
    Id,
    /// There are no origins, or too many.
    OriginCount,
    /// An origin is not one of a page that may use the id.
    Origin,
}

impl fmt::Display for InvalidRelyingParty {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Id => "the id must be a domain name in lower-case ASCII with a dot in it, or `localhost`",
            Self::OriginCount => "there must be 1 to 16 origins",
            Self::Origin => {
                "an origin must be `https://`, the id or a subdomain of it, and a port unless it is 443, all in lower-case \
                 ASCII without a final slash; for the id `localhost` it may be `http://`"
            }
        })
    }
}

/// Whether it is a domain name as browsers spell it: lower case, international names in Punycode. An address is none, since
/// its last label is a number.
fn is_domain(name: &str) -> bool {
    name.len() <= MOST_DOMAIN
        && name.split('.').all(|label| {
            (1..=MOST_LABEL).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
        && name
            .rsplit('.')
            .next()
            .is_some_and(|last| last.starts_with(|first: char| first.is_ascii_lowercase()))
}

/// A port as browsers spell it: not where it is the scheme's own.
fn is_port(text: &str, default: u16) -> bool {
    text.parse::<u16>()
        .is_ok_and(|port| port != 0 && port != default && port.to_string() == text)
}

/// Whether client data can name this origin, and its page may use the id: the host is the id or below it, over TLS. Browsers
/// make one exception for a machine's own pages, and so does this.
fn is_origin_of(origin: &str, id: &str) -> bool {
    let (authority, default_port) = match origin.strip_prefix("https://") {
        Some(authority) => (authority, 443),
        None => match origin.strip_prefix("http://") {
            Some(authority) if id == "localhost" => (authority, 80),
            _ => return false,
        },
    };
    let host = match authority.split_once(':') {
        Some((host, port)) if is_port(port, default_port) => host,
        Some(_) => return false,
        None => authority,
    };
    let is_below = || host.strip_suffix(id).is_some_and(|front| front.ends_with('.'));
    is_domain(host) && (host == id || is_below())
}

impl RelyingParty {
    /// The relying party of this id, for pages of these origins. Whether anybody can register names below the id (as below
    /// `co.uk`) is not checked here: no browser lets a page use such an id.
    ///
    /// # Errors
    /// Which of the two is wrong.
    pub fn new(id: String, origins: Vec<String>) -> Result<Self, InvalidRelyingParty> {
        if !is_domain(&id) || !(id == "localhost" || id.contains('.')) {
            return Err(InvalidRelyingParty::Id);
        }
        if !(1..=MOST_ORIGINS).contains(&origins.len()) {
            return Err(InvalidRelyingParty::OriginCount);
        }
        if !origins.iter().all(|origin| is_origin_of(origin, &id)) {
            return Err(InvalidRelyingParty::Origin);
        }
        let id_hash = Sha256::digest(id.as_bytes()).into();
        Ok(Self { id, id_hash, origins })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// SHA-256 of the id, as authenticators name the relying party (WebAuthn Level 3, section 6.1).
    pub(super) fn id_hash(&self) -> &[u8; 32] {
        &self.id_hash
    }

    /// Whether a page of this origin may ask: one of the list, to the letter (section 13.4.9).
    pub(super) fn expects(&self, origin: &str) -> bool {
        self.origins.iter().any(|expected| expected == origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(id: &str, origins: &[&str]) -> Result<RelyingParty, InvalidRelyingParty> {
        RelyingParty::new(
            id.to_owned(),
            origins.iter().map(|origin| (*origin).to_owned()).collect(),
        )
    }

    #[test]
    fn ids_are_domains_or_localhost() {
        let longest = format!(
            "{}.{}.{}.{}",
            "a".repeat(63),
            "b".repeat(63),
            "c".repeat(63),
            "d".repeat(61)
        );
        for id in [
            "example.org",
            "clinic.example.org",
            "xn--bcher-kva.example",
            "4.example",
            "localhost",
            &longest,
        ] {
            assert!(new(id, &[&format!("https://{id}")]).is_ok(), "{id}");
        }
        for id in [
            "",
            "com",
            ".",
            "example.",
            ".example",
            "example..org",
            "Example.org",
            "b\u{fc}cher.example",
            "-a.example",
            "a-.example",
            "a_b.example",
            "a b.example",
            "127.0.0.1",
            "example.0x7f",
            "[::1]",
            "https://example.org",
            "example.org:443",
            "example.org/",
            "*.example.org",
            &format!("{}.example", "a".repeat(64)),
            &format!("a{longest}"),
        ] {
            assert_eq!(
                new(id, &[&format!("https://{id}")]).err(),
                Some(InvalidRelyingParty::Id),
                "{id}"
            );
        }
    }

    #[test]
    fn origins_are_of_the_id_and_over_tls() {
        for (id, origin) in [
            ("example.org", "https://example.org"),
            ("example.org", "https://app.example.org"),
            ("example.org", "https://a.b.example.org:8443"),
            ("localhost", "http://localhost"),
            ("localhost", "http://localhost:3000"),
            ("localhost", "http://app.localhost:3000"),
            ("localhost", "https://localhost:80"),
        ] {
            assert!(new(id, &[origin]).is_ok(), "{origin}");
        }
        for (id, origin) in [
            ("example.org", ""),
            ("example.org", "example.org"),
            ("example.org", "http://example.org"),
            ("example.org", "https://"),
            ("example.org", "https://example.org/"),
            ("example.org", "https://example.org/log-in"),
            ("example.org", "https://example.org:443"),
            ("example.org", "https://example.org:0"),
            ("example.org", "https://example.org:08443"),
            ("example.org", "https://example.org:+8443"),
            ("example.org", "https://example.org:65536"),
            ("example.org", "https://example.org:"),
            ("example.org", "https://example.org:1:2"),
            ("example.org", "https://EXAMPLE.org"),
            ("example.org", "https://evilexample.org"),
            ("example.org", "https://.example.org"),
            ("example.org", "https://example.org.evil.example"),
            ("example.org", "https://example.com"),
            ("example.org", "https://org"),
            ("example.org", "https://ada@example.org"),
            ("example.org", "https://example.org?a"),
            ("example.org", "https://example.org#a"),
            ("example.org", "https://*.example.org"),
            ("example.org", "wss://example.org"),
            ("example.org", "null"),
            ("app.example.org", "https://example.org"),
            ("localhost", "http://localhost:80"),
            ("localhost", "http://127.0.0.1:3000"),
            ("localhost", "https://localhost:443"),
        ] {
            assert_eq!(new(id, &[origin]).err(), Some(InvalidRelyingParty::Origin), "{origin}");
        }
        let (right, wrong) = ("https://example.org", "https://example.com");
        assert_eq!(
            new("example.org", &[right, wrong]).err(),
            Some(InvalidRelyingParty::Origin)
        );
        assert_eq!(new("example.org", &[]).err(), Some(InvalidRelyingParty::OriginCount));
        assert_eq!(
            new("example.org", &[right; 17]).err(),
            Some(InvalidRelyingParty::OriginCount)
        );
        assert!(new("example.org", &[right; 16]).is_ok());
    }

    #[test]
    fn expects_its_origins_to_the_letter() {
        let rp = new("example.org", &["https://example.org", "https://app.example.org:8443"]).unwrap();
        for (origin, expected) in [
            ("https://example.org", true),
            ("https://app.example.org:8443", true),
            ("https://app.example.org", false),
            ("https://example.org/", false),
            ("https://other.example.org", false),
            ("", false),
        ] {
            assert_eq!(rp.expects(origin), expected, "{origin}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (error, word) in [
            (InvalidRelyingParty::Id, "domain"),
            (InvalidRelyingParty::OriginCount, "16"),
            (InvalidRelyingParty::Origin, "https://"),
        ] {
            assert!(error.to_string().contains(word));
        }
    }
}
