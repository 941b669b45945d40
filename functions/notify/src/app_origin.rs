use http::Uri;

/// Where the front end is, which links lead to and codes are bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AppOrigin(String);

/// `https://host[:port]`, or `http://` where it does not leave the machine. Without a path.
pub(crate) fn origin(text: &str) -> Option<&str> {
    let uri: Uri = text.parse().ok()?;
    let is_local = matches!(uri.host()?, "localhost" | "127.0.0.1" | "[::1]");
    let is_safe = match uri.scheme_str()? {
        "https" => true,
        "http" => is_local,
        _ => false,
    };
    let authority = uri.authority()?.as_str();
    let bare = text.split_once("://").is_some_and(|(_, rest)| rest == authority);
    (is_safe && bare && !authority.contains('@')).then_some(text)
}

impl AppOrigin {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        origin(text).map(|origin| Self(origin.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The host alone.
    pub(crate) fn host(&self) -> &str {
        let authority = self.0.split_once("://").map_or("", |(_, authority)| authority);
        match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_safe_and_bare() {
        for (text, good) in [
            ("https://app.example.org", true),
            ("https://app.example.org:8443", true),
            ("http://localhost:3000", true),
            ("http://127.0.0.1:3000", true),
            ("http://app.example.org", false),
            ("https://app.example.org/", false),
            ("https://app.example.org/path", false),
            ("https://app.example.org?x", false),
            ("https://user@app.example.org", false),
            ("ftp://app.example.org", false),
            ("app.example.org", false),
            ("/path", false),
            ("", false),
        ] {
            assert_eq!(origin(text).is_some(), good, "{text}");
        }
        for (text, host) in [
            ("https://app.example.org", "app.example.org"),
            ("https://app.example.org:8443", "app.example.org"),
            ("http://localhost:3000", "localhost"),
        ] {
            assert_eq!(AppOrigin::parse(text).unwrap().host(), host);
        }
    }
}
