//! Commands as somebody types them for this very deployment. One that leaves out where it is would found another one beside it, or ask the wrong one.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use crate::home::Home;
use crate::host::default_home;

/// Where `up` listens and the other commands ask, unless they are told.
pub(crate) const USUAL_URL: &str = "http://127.0.0.1:3000";

/// The application unless another one is named.
pub(crate) const USUAL_MANIFEST: &str = "spin.toml";

/// The home of a command that is told of no application.
pub(crate) const USUAL_HOME: &str = ".confide";

/// `cargo run -- COMMAND`, with those options whose values are not the usual ones.
fn typed(command: &str, options: &[(&str, String, &str)]) -> String {
    let options: Vec<String> = options
        .iter()
        .filter(|(_, value, usual)| value != usual)
        .map(|(name, value, _)| format!(" {name} {}", quoted(value)))
        .collect();
    match (command, options.as_slice()) {
        ("up", []) => "cargo run".to_owned(),
        _ => format!("cargo run -- {command}{}", options.concat()),
    }
}

/// A word as a shell takes it (POSIX.1-2024, Shell Command Language, section 2.2.2).
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:=@%+,".contains(&byte);
    match word.bytes().all(is_plain) && !word.is_empty() {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

fn place(manifest: &Path, home: &Home) -> [(&'static str, String, &'static str); 2] {
    // Of a manifest elsewhere the usual home is beside it.
    let is_usual = home.folder() == default_home(manifest);
    let home = (!is_usual).then(|| home.folder().display().to_string());
    [
        ("--manifest", manifest.display().to_string(), USUAL_MANIFEST),
        ("--home", home.unwrap_or_default(), ""),
    ]
}

/// What serves the deployment.
pub(crate) fn up(manifest: &Path, home: &Home) -> String {
    typed("up", &place(manifest, home))
}

/// What tours it where it is served: from this machine, because passwords and codes go over plain HTTP to no other. None where this machine is not
/// listened to.
pub(crate) fn tour(manifest: &Path, home: &Home, mut address: SocketAddr) -> Option<String> {
    if address.ip().is_unspecified() {
        // Every address of this machine.
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    let [manifest, home] = place(manifest, home);
    let url = ("--url", format!("http://{address}"), USUAL_URL);
    address
        .ip()
        .is_loopback()
        .then(|| typed("tour", &[manifest, home, url]))
}

/// A command that takes the home alone.
fn of_home(command: &str, home: &Home) -> String {
    typed(command, &[("--home", home.folder().display().to_string(), USUAL_HOME)])
}

/// What makes another code for it.
pub(crate) fn bootstrap_code(home: &Home) -> String {
    of_home("keys bootstrap-code", home)
}

/// What takes the secret of a service identity.
pub(crate) fn jobs_add(home: &Home) -> String {
    of_home("jobs add", home)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_usual_is_typed() {
        let (usual, elsewhere) = (Home::new(".confide"), Home::new("/srv/it's here"));
        let (manifest, other) = (Path::new("spin.toml"), Path::new("/app/spin.toml"));
        for (typed, expected) in [
            (up(manifest, &usual), "cargo run"),
            (up(manifest, &elsewhere), r"cargo run -- up --home '/srv/it'\''s here'"),
            (
                up(other, &Home::new("/app/.confide")),
                "cargo run -- up --manifest /app/spin.toml",
            ),
            (
                up(other, &usual),
                "cargo run -- up --manifest /app/spin.toml --home .confide",
            ),
            (bootstrap_code(&usual), "cargo run -- keys bootstrap-code"),
            (
                bootstrap_code(&Home::new("/srv/x")),
                "cargo run -- keys bootstrap-code --home /srv/x",
            ),
            (jobs_add(&Home::new("/srv/x")), "cargo run -- jobs add --home /srv/x"),
        ] {
            assert_eq!(typed, expected);
        }
    }

    #[test]
    fn a_tour_is_taken_from_this_machine() {
        let home = Home::new("/srv/x");
        for (address, expected) in [
            ("127.0.0.1:3000", Some("cargo run -- tour --home /srv/x")),
            ("0.0.0.0:3000", Some("cargo run -- tour --home /srv/x")),
            (
                "127.0.0.1:4000",
                Some("cargo run -- tour --home /srv/x --url http://127.0.0.1:4000"),
            ),
            (
                "[::]:3000",
                Some("cargo run -- tour --home /srv/x --url 'http://[::1]:3000'"),
            ),
            ("192.168.0.7:3000", None),
        ] {
            let typed = tour(Path::new("spin.toml"), &home, address.parse().unwrap());
            assert_eq!(typed.as_deref(), expected, "{address}");
        }
    }
}
