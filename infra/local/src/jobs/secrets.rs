//! Secrets of service identities: what the runner opens its sessions with. One clinic's jobs run as one identity of that clinic.

use std::fmt;
use std::fs;
use std::io::ErrorKind;

use account::ServiceSecret;
use anyhow::{Context as _, Result, bail};
use zeroize::Zeroizing;

use crate::home::Home;

const HEADING: &str =
    "# What scheduled jobs log in with, a secret a line, one for each clinic. `confide jobs add` adds one.";

/// The environment variable that holds the secrets where there is no home: separated by white space.
pub const VARIABLE: &str = "CONFIDE_JOB_SECRETS";

/// A secret that has the form of one. Whether it opens anything, `auth` says.
#[derive(Clone, PartialEq, Eq)]
pub struct JobSecret(Zeroizing<String>);

impl JobSecret {
    /// Parses one, as `auth` does.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        ServiceSecret::parse(text).map(|secret| Self(secret.reveal()))
    }

    /// The secret as `auth` takes it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for JobSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JobSecret(…)")
    }
}

/// Where the secrets come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// The file of a home, which is read again and again: identities are added while jobs run.
    Home(Home),
    /// What the environment gave, for the life of the process.
    Given(Vec<JobSecret>),
}

impl Source {
    /// The secrets in their order: an identity's number is its place among them, from 1.
    ///
    /// # Errors
    /// A file that can't be read, and the first line that is no secret.
    pub fn read(&self) -> Result<Vec<JobSecret>> {
        match self {
            Self::Home(home) => read(home),
            Self::Given(secrets) => Ok(secrets.clone()),
        }
    }
}

/// Reads the file of a home. Where there is none, there is no secret.
///
/// # Errors
/// A file that can't be read, and the first line that is no secret.
fn read(home: &Home) -> Result<Vec<JobSecret>> {
    parse_lines(&text_of(home)?).with_context(|| format!("{}", home.job_secrets_file().display()))
}

/// Adds a secret to the file of a home, which is made where there is none. Returns its number, or `None` where it is there already.
///
/// # Errors
/// A home that is not there, and a file that can't be read or written.
pub fn add(home: &Home, secret: &JobSecret) -> Result<Option<usize>> {
    let lock = home.lock()?;
    let known = read(home)?;
    if known.contains(secret) {
        return Ok(None);
    }
    let before = text_of(home)?;
    let (kept, heading) = if before.is_empty() {
        ("", HEADING)
    } else {
        (before.trim_end(), "")
    };
    let text = Zeroizing::new([heading, kept, "\n", secret.reveal(), "\n"].concat());
    lock.replace_private_file(&home.job_secrets_file(), &text)?;
    Ok(Some(known.len() + 1))
}

fn text_of(home: &Home) -> Result<Zeroizing<String>> {
    let path = home.job_secrets_file();
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Zeroizing::default()),
        text => text
            .map(Zeroizing::new)
            .with_context(|| format!("{} can't be read", path.display())),
    }
}

/// Parses the file: a secret a line; empty lines and those that begin with `#` are for people.
///
/// # Errors
/// The first line that is neither, or that is there twice. What stands in it is not repeated.
fn parse_lines(text: &str) -> Result<Vec<JobSecret>> {
    let lines = text
        .lines()
        .enumerate()
        .map(|(position, line)| (position + 1, line.trim()));
    parse(
        lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')),
        "line",
    )
}

/// Parses the environment variable.
///
/// # Errors
/// The first word that is no secret, or that is there twice. The word is not repeated.
pub fn parse_words(text: &str) -> Result<Vec<JobSecret>> {
    let words = text
        .split_whitespace()
        .enumerate()
        .map(|(position, word)| (position + 1, word));
    let secrets = parse(words, "secret").context(VARIABLE)?;
    if secrets.is_empty() {
        bail!("{VARIABLE} is set and holds no secret");
    }
    Ok(secrets)
}

/// An identity that is there twice would run twice at once.
fn parse<'t>(texts: impl Iterator<Item = (usize, &'t str)>, what: &str) -> Result<Vec<JobSecret>> {
    let mut secrets: Vec<JobSecret> = Vec::new();
    for (number, text) in texts {
        let secret = JobSecret::parse(text).with_context(|| {
            format!("{what} {number} is no secret of a service identity: cfx_ and 86 characters, as it was shown once")
        })?;
        if secrets.contains(&secret) {
            bail!("{what} {number} is there twice");
        }
        secrets.push(secret);
    }
    Ok(secrets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{AccountId, ClinicId};

    fn secret(byte: u8) -> String {
        let (clinic, account) = (ClinicId::from_bytes([byte; 16]), AccountId::from_bytes([byte; 16]));
        ServiceSecret::generate(&crate::home::SystemEntropy, clinic, account)
            .reveal()
            .to_string()
    }

    #[test]
    fn a_file_is_a_secret_a_line() {
        let (one, two) = (secret(1), secret(2));
        let read = |text: &str| {
            parse_lines(text)
                .map(|secrets| secrets.len())
                .map_err(|error| error.to_string())
        };
        assert_eq!(read(""), Ok(0));
        assert_eq!(read(&format!("# Harbour\n{one}\n\n  {two}  \r\n")), Ok(2));
        assert_eq!(read(&one), Ok(1), "also without an end of line");
        for (text, said) in [
            (format!("{one}\n{two}x\n"), "line 2 is no secret"),
            (format!("{one} {two}\n"), "line 1 is no secret"),
            (format!("{one} # Harbour\n"), "line 1 is no secret"),
            (format!("\n{}\n", one.replace("cfx_", "cfs_")), "line 2 is no secret"),
            (format!("{}\n", &one[..89]), "line 1 is no secret"),
            (format!("{one}\n{two}\n{one}\n"), "line 3 is there twice"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(said), "{error}");
            assert!(!error.contains(&one[4..]) && !error.contains(&two[4..]), "{error}");
        }
    }

    #[test]
    fn secrets_are_added_once_and_what_people_wrote_stays() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        let (one, two) = (
            JobSecret::parse(&secret(1)).unwrap(),
            JobSecret::parse(&secret(2)).unwrap(),
        );
        assert!(format!("{:#}", add(&home, &one).unwrap_err()).contains("confide init"));
        home.initialise().unwrap();
        assert_eq!(read(&home).unwrap(), []);
        assert_eq!(add(&home, &one).unwrap(), Some(1));
        assert_eq!(add(&home, &one).unwrap(), None);
        let file = home.job_secrets_file();
        fs::write(&file, format!("{}# Harbour\n\n", fs::read_to_string(&file).unwrap())).unwrap();
        assert_eq!(add(&home, &two).unwrap(), Some(2));
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(
            text,
            format!("{HEADING}\n{}\n# Harbour\n{}\n", one.reveal(), two.reveal())
        );
        assert_eq!(read(&home).unwrap(), [one.clone(), two]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        // What is broken is repaired by somebody who knows, and not written over.
        fs::write(&file, "cfx_\n").unwrap();
        assert!(format!("{:#}", add(&home, &one).unwrap_err()).contains("job-secrets: line 1 is no secret"));
        assert_eq!(fs::read_to_string(&file).unwrap(), "cfx_\n");
    }

    #[test]
    fn many_who_add_at_once_lose_none() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        home.initialise().unwrap();
        std::thread::scope(|scope| {
            for byte in 0..8 {
                let home = &home;
                scope.spawn(move || add(home, &JobSecret::parse(&secret(byte)).unwrap()).unwrap());
            }
        });
        assert_eq!(read(&home).unwrap().len(), 8);
    }

    #[test]
    fn a_variable_is_secrets_between_white_space() {
        let (one, two) = (secret(1), secret(2));
        let expected = [JobSecret::parse(&one).unwrap(), JobSecret::parse(&two).unwrap()];
        assert_eq!(parse_words(&format!(" {one}\n{two}\t")).unwrap(), expected);
        for (text, said) in [
            (String::new(), "holds no secret"),
            (" \n".to_owned(), "holds no secret"),
            (format!("{one},{two}"), "secret 1 is no secret"),
            (format!("{one} {one}"), "secret 2 is there twice"),
        ] {
            let error = format!("{:#}", parse_words(&text).unwrap_err());
            assert!(
                error.contains(VARIABLE) && error.contains(said) && !error.contains(&one[4..]),
                "{error}"
            );
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        let text = secret(1);
        let parsed = JobSecret::parse(&text).unwrap();
        assert_eq!(parsed.reveal(), text);
        let printed = format!("{:?} {:?}", parsed, Source::Given(vec![parsed.clone()]));
        assert!(!printed.contains("cfx_"), "{printed}");
    }
}
