//! The folder of a local deployment: `.env` with the functions' keyrings and settings, `stores/`, and `job-secrets`.
//!
//! The keyrings are in `.env` as Spin's environment provider reads it, so that `spin up` serves the same deployment.
//! The folder is mode 0700 and its files 0600; none of it belongs in version control or in a backup that the stores are in.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use crypto::Keyring;
use model::Function;
use ports::{Entropy, EntropyExt as _};
use zeroize::Zeroizing;

use crate::host::create_private_folder;

const HEADING: &str = "# The keyrings of this deployment. Whoever has them and the stores can read everything.";

/// What a new deployment is set to. It is for development: nobody is sent anything, and messages are shown instead. Whoever
/// wants it otherwise changes the file.
const SETTINGS: &str = "\
# Messages are kept and shown at /v1/notify/capture, to whoever can reach it, and sent to nobody. Never in production.
SPIN_VARIABLE_NOTIFY_CAPTURE=on
SPIN_VARIABLE_NOTIFY_EMAIL_PROVIDER=capture
SPIN_VARIABLE_NOTIFY_SMS_PROVIDER=capture
SPIN_VARIABLE_NOTIFY_APP_URL=http://localhost:3000
";

/// The operating system's generator.
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(
        clippy::panic,
        reason = "keys must never be made without randomness, and there is nothing else to do without it"
    )]
    fn fill(&self, buffer: &mut [u8]) {
        if getrandom::fill(buffer).is_err() {
            panic!("the operating system gives no randomness");
        }
    }
}

/// A deployment's folder.
#[derive(Debug, Clone)]
pub struct Home(PathBuf);

impl Home {
    /// The deployment in this folder, which may not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// The file of the keyrings.
    #[must_use]
    pub fn env_file(&self) -> PathBuf {
        self.0.join(".env")
    }

    /// The file of the secrets that scheduled jobs run with.
    #[must_use]
    pub fn job_secrets_file(&self) -> PathBuf {
        self.0.join("job-secrets")
    }

    /// A store's file.
    #[must_use]
    pub fn store_file(&self, label: &str) -> PathBuf {
        self.0.join("stores").join(format!("{label}.db"))
    }

    /// Whether it has keyrings.
    #[must_use]
    pub fn is_initialised(&self) -> bool {
        self.env_file().exists()
    }

    /// Makes fresh keyrings. Returns the bootstrap code, which is stored nowhere.
    ///
    /// # Errors
    /// Where there are keyrings already: replacing them would make everything that they sealed unreadable for good.
    pub fn initialise(&self) -> Result<Zeroizing<String>> {
        if self.is_initialised() {
            bail!(
                "{} exists: keyrings are made once, because whatever the old ones sealed could never be read again. \
                 To begin anew, move the whole folder away",
                self.env_file().display()
            );
        }
        create_private_folder(&self.0)?;
        self.write(&crypto::issue_keyrings(&SystemEntropy)?, SETTINGS)?;
        self.bootstrap_code()
    }

    /// A code that founds one clinic, one time.
    ///
    /// # Errors
    /// Where the keyring of `auth` can't be read.
    pub fn bootstrap_code(&self) -> Result<Zeroizing<String>> {
        let keyring = self.keyring(Function::Auth)?;
        Ok(access::bootstrap_code::mint(
            keyring.key("bootstrap")?,
            SystemEntropy.bytes(),
        ))
    }

    /// A function's keyring, parsed as the function parses it.
    ///
    /// # Errors
    /// Where it is missing or not one.
    pub fn keyring(&self, function: Function) -> Result<Keyring> {
        let texts = self.keyrings()?;
        let text = texts.get(&function).map(|text| text.as_str());
        Keyring::parse(function, text).with_context(|| format!("{}: {}", self.env_file().display(), variable(function)))
    }

    /// The keyrings as their documents.
    ///
    /// # Errors
    /// Where the file can't be read.
    pub fn keyrings(&self) -> Result<BTreeMap<Function, Zeroizing<String>>> {
        let text = self.read()?;
        Ok(Function::ALL
            .into_iter()
            .filter_map(|function| {
                let value = text
                    .lines()
                    .find_map(|line| line.strip_prefix(&variable(function))?.strip_prefix('='))?;
                let value = value.trim().trim_matches('\'');
                Some((function, Zeroizing::new(value.to_owned())))
            })
            .collect())
    }

    /// Replaces one function's keyring. Everything else in the file stays as it is.
    ///
    /// # Errors
    /// Where the file can't be read or written.
    pub fn replace(&self, function: Function, keyring: Zeroizing<String>) -> Result<()> {
        let mut keyrings = self.keyrings()?;
        keyrings.insert(function, keyring);
        let text = self.read()?;
        let is_keyring = |line: &str| {
            line == HEADING
                || Function::ALL.into_iter().any(|function| {
                    line.strip_prefix(&variable(function))
                        .is_some_and(|rest| rest.starts_with('='))
                })
        };
        // Other lines can hold secrets too: a provider's.
        let settings: Zeroizing<String> = text
            .lines()
            .filter(|line| !is_keyring(line))
            .flat_map(|line| [line, "\n"])
            .collect::<String>()
            .into();
        self.write(&keyrings, &settings)
    }

    fn read(&self) -> Result<Zeroizing<String>> {
        let path = self.env_file();
        let text = fs::read_to_string(&path);
        text.map(Zeroizing::new)
            .with_context(|| format!("{} can't be read: `confide init` makes it", path.display()))
    }

    fn write(&self, keyrings: &BTreeMap<Function, Zeroizing<String>>, settings: &str) -> Result<()> {
        let mut text = Zeroizing::new(format!("{HEADING}\n"));
        for (function, keyring) in keyrings {
            // Base64 and JSON have no single quote, so nothing in the value ends it early.
            writeln!(text, "{}='{}'", variable(*function), **keyring)?;
        }
        text.push_str(settings);
        replace_private_file(&self.env_file(), &text)
    }
}

/// Writes a new file and puts it in the place of the old one, so that a crash leaves one of the two, whole, and so that who reads
/// meanwhile reads one of the two. Nobody but its owner may read it.
///
/// # Errors
/// A file that can't be written.
pub(crate) fn replace_private_file(path: &Path, text: &str) -> Result<()> {
    let next = path.with_extension("next");
    let mut file = private_file(&next).with_context(|| format!("{} can't be written", next.display()))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&next, path).with_context(|| format!("{} can't be written", path.display()))
}

/// The environment variable of a function's keyring.
fn variable(function: Function) -> String {
    format!("SPIN_VARIABLE_{}_KEYRING", function.name().to_ascii_uppercase())
}

#[cfg(unix)]
fn private_file(path: &Path) -> std::io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

#[cfg(not(unix))]
fn private_file(path: &Path) -> std::io::Result<fs::File> {
    OpenOptions::new().write(true).create(true).truncate(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::DataClass;

    #[test]
    fn keyrings_are_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        assert!(home.keyring(Function::Auth).is_err());
        let code = home.initialise().unwrap();
        assert!(!fs::read_to_string(home.env_file()).unwrap().contains(code.as_str()));
        assert!(home.initialise().is_err());
        for function in Function::ALL {
            assert!(home.keyring(function).is_ok(), "{function}");
        }
        let before = home.keyrings().unwrap();
        let text = fs::read_to_string(home.env_file()).unwrap();
        fs::write(
            home.env_file(),
            format!("{text}SPIN_VARIABLE_NOTIFY_EMAIL_KEY='re_1'\n"),
        )
        .unwrap();
        let next = crypto::add_key_version(
            &SystemEntropy,
            Function::Records,
            &before[&Function::Records],
            DataClass::Health,
        );
        home.replace(Function::Records, next.unwrap()).unwrap();
        let records = home.keyring(Function::Records).unwrap();
        assert_eq!(records.seal(DataClass::Health).unwrap().versions().count(), 2);
        assert_eq!(home.keyrings().unwrap()[&Function::Auth], before[&Function::Auth]);
        // Settings stay, once each.
        let text = fs::read_to_string(home.env_file()).unwrap();
        for line in SETTINGS
            .lines()
            .chain([HEADING, "SPIN_VARIABLE_NOTIFY_EMAIL_KEY='re_1'"])
        {
            assert_eq!(text.lines().filter(|kept| *kept == line).count(), 1, "{line}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_them() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        home.initialise().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(home.folder()), mode(&home.env_file())), (0o700, 0o600));
    }
}
