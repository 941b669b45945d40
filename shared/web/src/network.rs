//! The network address that a request came from, behind proxies too.
//!
//! Hosts say who has connected to them. Where TLS ends in front of them that is a proxy, the same for all people: a throttle by address would then let
//! one stranger shut out everybody, and the trail would say nothing. So the operator names the proxies' networks (variable `trusted_proxies`), and what
//! those say in `X-Forwarded-For` is believed, and nobody else: anybody can send that header.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};
use model::Network;

/// What hosts say of who has connected to them. They append it to what the client may have sent: only the last value counts.
pub const CLIENT_ADDRESS: HeaderName = HeaderName::from_static("spin-client-addr");

/// What proxies append: whom they were sent the request by.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// An address, with a port or without: that tells nothing about who it was.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = text.parse().map(|socket: SocketAddr| socket.ip());
    address
        .or_else(|_| text.parse())
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}

/// The values of a header from its last to its first, also where several stand in one line (RFC 9110, section 5.3).
fn from_last(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).iter().rev();
    lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','))
}

/// Whom the request came from: who has connected, or whom the last of the proxies that are trusted names. Where one names nobody, it is the proxy
/// itself. `trusted` is asked only of what came through a proxy.
pub(crate) fn origin(headers: &HeaderMap, trusted: impl FnOnce() -> Option<String>) -> Option<IpAddr> {
    let mut origin = address(from_last(headers, CLIENT_ADDRESS).next()?)?;
    if !headers.contains_key(&FORWARDED_FOR) {
        return Some(origin);
    }
    let trusted = trusted().unwrap_or_default();
    // What is no network trusts nobody.
    let trusted: Vec<Network> = trusted.split(',').filter_map(|text| text.trim().parse().ok()).collect();
    let mut forwarded = from_last(headers, FORWARDED_FOR).map_while(address);
    while trusted.iter().any(|network| network.contains(origin)) {
        match forwarded.next() {
            Some(before) => origin = before,
            None => break,
        }
    }
    Some(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUSTED: &str = "10.0.0.0/8, 192.0.2.1,2001:db8::/32";

    fn origin_of(connected: &[&str], forwarded: &[&str], trusted: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        for (name, values) in [(CLIENT_ADDRESS, connected), (FORWARDED_FOR, forwarded)] {
            for value in values {
                headers.append(&name, value.parse().unwrap());
            }
        }
        origin(&headers, || Some(trusted.to_owned())).map(|address| address.to_string())
    }

    #[test]
    fn only_who_is_trusted_says_whom_a_request_came_from() {
        for (connected, forwarded, origin) in [
            // No proxy: whoever has connected, whatever she sends.
            (&["198.51.100.7:4711"][..], &[][..], Some("198.51.100.7")),
            (&["198.51.100.7:4711"], &["203.0.113.9"], Some("198.51.100.7")),
            (&["203.0.113.9", "198.51.100.7:4711"], &[], Some("198.51.100.7")),
            (&["[2001:db9::7]:4711"], &[], Some("2001:db9::7")),
            (&["::ffff:198.51.100.7"], &[], Some("198.51.100.7")),
            // One proxy, and several: what was sent to the first is not believed.
            (&["10.1.2.3:80"], &["203.0.113.9"], Some("203.0.113.9")),
            (&["[::ffff:10.1.2.3]:80"], &["203.0.113.9:5000"], Some("203.0.113.9")),
            (&["10.1.2.3:80"], &["198.51.100.1, 203.0.113.9"], Some("203.0.113.9")),
            (
                &["10.1.2.3:80"],
                &["198.51.100.1", "203.0.113.9,192.0.2.1"],
                Some("203.0.113.9"),
            ),
            (&["[2001:db8::1]:80"], &["203.0.113.9, 10.0.0.9"], Some("203.0.113.9")),
            // A proxy that names nobody, or something else than an address.
            (&["10.1.2.3:80"], &[], Some("10.1.2.3")),
            (&["10.1.2.3:80"], &["unknown"], Some("10.1.2.3")),
            (&["10.1.2.3:80"], &["203.0.113.9, unknown"], Some("10.1.2.3")),
            (&["10.1.2.3:80"], &["10.0.0.9"], Some("10.0.0.9")),
            (&[], &["203.0.113.9"], None),
            (&["nowhere"], &["203.0.113.9"], None),
        ] {
            assert_eq!(
                origin_of(connected, forwarded, TRUSTED).as_deref(),
                origin,
                "{connected:?} {forwarded:?}"
            );
        }
        for nobody in ["", "all", "10.1.2.3/33", "10.1.2"] {
            assert_eq!(
                origin_of(&["10.1.2.3:80"], &["203.0.113.9"], nobody).as_deref(),
                Some("10.1.2.3"),
                "{nobody}"
            );
        }
    }
}
