//! The folder of a local deployment: `.env` with the functions' keyrings and settings, `stores/`, and `job-secrets`.
//!
//! The keyrings are in `.env` as Spin's environment provider reads it, so that `spin up` serves the same deployment.
//! The folder is mode 0700 and its files 0600; none of it belongs in version control or in a backup that the stores are in.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use crypto::Keyring;
use model::Function;
use ports::{Entropy, EntropyExt as _};
use zeroize::Zeroizing;

use crate::host::{create_private_folder, default_home};

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

    /// The deployment in the folder that was named, or the usual one of an application.
    #[must_use]
    pub fn chosen(folder: Option<PathBuf>, manifest: &Path) -> Self {
        Self(folder.unwrap_or_else(|| default_home(manifest)))
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

    /// A file among the stores that something was written to. Keyrings come before stores, so a start that was broken off leaves none.
    fn written_store(&self) -> Result<Option<PathBuf>> {
        let folder = self.0.join("stores");
        let unreadable = |path: &Path| format!("{} can't be read", path.display());
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            entries => entries.with_context(|| unreadable(&folder))?,
        };
        for entry in entries {
            let path = entry.with_context(|| unreadable(&folder))?.path();
            // Of a link that leads nowhere nobody knows what it led to.
            let metadata = fs::metadata(&path).with_context(|| unreadable(&path))?;
            if metadata.is_file() && metadata.len() > 0 {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// Whether it has keyrings.
    ///
    /// # Errors
    /// Where that can't be seen, and where a link leads nowhere: keyrings are on what is not mounted yet.
    pub fn is_initialised(&self) -> Result<bool> {
        let path = self.env_file();
        match fs::metadata(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => Ok(false),
            Err(error) => Err(unusable(&path, error)),
        }
    }

    /// Makes fresh keyrings. Returns the bootstrap code, which is stored nowhere.
    ///
    /// Order: folder, lock, keyrings. Broken off before they are in their place, it leaves nothing that counts, and is run again; after
    /// that, it leaves a deployment whose code nobody has seen, and [`Self::bootstrap_code`] makes another.
    ///
    /// # Errors
    /// Where there are keyrings already: replacing them would make everything that they sealed unreadable for good. Where there are stores
    /// that something was written to: their keyrings are elsewhere, and fresh ones would seal what comes next beside what they don't open.
    pub fn initialise(&self) -> Result<Zeroizing<String>> {
        create_private_folder(&self.0)?;
        // Of two first starts at once the second finds the keyrings of the first.
        let lock = self.lock()?;
        if self.is_initialised()? {
            bail!(
                "{} exists: keyrings are made once, because whatever the old ones sealed could never be read again. \
                 To begin anew, move the whole folder away. If its code was never shown, `confide keys bootstrap-code` makes another",
                self.env_file().display()
            );
        }
        if let Some(store) = self.written_store()? {
            bail!(
                "stores are here and their keyrings are not ({store}): restore .env into {folder}. To begin anew, move the whole folder \
                 away",
                store = store.display(),
                folder = self.0.display(),
            );
        }
        self.write(&lock, &crypto::issue_keyrings(&SystemEntropy)?, SETTINGS)?;
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
        self.change(function, |_| Ok(keyring))
    }

    /// Makes one function's keyring of what it is now. Whoever else changes something waits meanwhile, and everything else in the file
    /// stays as it is.
    ///
    /// # Errors
    /// What the change refuses, and where the file can't be read or written. Nothing is changed then.
    pub fn change(&self, function: Function, change: impl FnOnce(&str) -> Result<Zeroizing<String>>) -> Result<()> {
        let lock = self.lock()?;
        let mut keyrings = self.keyrings()?;
        let keyring = change(keyrings.get(&function).map_or("", |text| text.as_str()))?;
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
        self.write(&lock, &keyrings, &settings)
    }

    fn read(&self) -> Result<Zeroizing<String>> {
        let path = self.env_file();
        let text = fs::read_to_string(&path);
        text.map(Zeroizing::new).map_err(|error| unusable(&path, error))
    }

    fn write(&self, lock: &Lock, keyrings: &BTreeMap<Function, Zeroizing<String>>, settings: &str) -> Result<()> {
        let mut text = Zeroizing::new(format!("{HEADING}\n"));
        for (function, keyring) in keyrings {
            // Base64 and JSON have no single quote, so nothing in the value ends it early.
            writeln!(text, "{}='{}'", variable(*function), **keyring)?;
        }
        text.push_str(settings);
        lock.replace_private_file(&self.env_file(), &text)
    }

    /// Waits until nobody else changes a file of the folder. Take it before what is to be changed is read.
    ///
    /// # Errors
    /// A folder that is not there or can't be locked.
    pub(crate) fn lock(&self) -> Result<Lock> {
        let folder = self.folder();
        let opened = lockable(folder).map_err(|error| unusable(folder, error))?;
        opened
            .lock()
            .with_context(|| format!("{} can't be locked", folder.display()))?;
        Ok(Lock(opened))
    }
}

/// Why a file or the folder of a deployment can't be used. Where it is there and belongs to somebody else, `init` is no remedy.
fn unusable(path: &Path, error: io::Error) -> anyhow::Error {
    if let Ok(there) = fs::read_link(path) {
        return anyhow::Error::new(error).context(format!(
            "{} leads to {}, which can't be used: mount it, or run this as the user that it belongs to",
            path.display(),
            there.display()
        ));
    }
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            anyhow!("{path} is not there: `confide init` makes it, --home says where it is else")
        }
        _ => {
            anyhow::Error::new(error).context(format!("{path} can't be used: run this as the user that it belongs to"))
        }
    }
}

/// The right to change the files of a home. Two who change one at once would each write what they have read, and what one of them
/// added would be gone: a secret, or the version of a key that something is sealed with already. It ends with the handle, so also
/// with a process that is killed.
pub(crate) struct Lock(File);

impl Lock {
    /// Writes a new file of the home and puts it in the place of the old one, so that a crash leaves one of the two, whole, and so that
    /// who reads meanwhile reads one of the two. Nobody but the old one's owner may read it. It is there for good when this returns.
    ///
    /// A link stays one: what it leads to, on a volume apart from the stores perhaps, is what is replaced.
    ///
    /// # Errors
    /// A file that can't be written, or not for its owner.
    pub(crate) fn replace_private_file(&self, path: &Path, text: &str) -> Result<()> {
        self.replace_where_it_is(path, text).with_context(|| {
            format!(
                "{} can't be written; run this as the user that it belongs to",
                path.display()
            )
        })
    }

    fn replace_where_it_is(&self, path: &Path, text: &str) -> io::Result<()> {
        let place = match fs::canonicalize(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => path.to_owned(),
            place => place?,
        };
        let mut next = place.clone().into_os_string();
        next.push(".next");
        let next = PathBuf::from(next);
        // What a crash has left. It is nobody's: whoever writes has the lock. It is not written over, because it could be a link, or a file that
        // others may read.
        match fs::remove_file(&next) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = new_private_file(&next)?;
        // Before anything is in it: an administrator who runs a command must not take the keyrings away from the user that serves.
        self.give_to_owner_of(&place, &file)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&next, &place)?;
        match place.parent() {
            Some(folder) => lockable(folder)?.sync_all(),
            None => self.0.sync_all(),
        }
    }

    /// Gives a file to whom the one in this place belongs, or the folder, where there is none yet.
    #[cfg(unix)]
    fn give_to_owner_of(&self, place: &Path, file: &File) -> io::Result<()> {
        use std::os::unix::fs::{MetadataExt as _, fchown};
        let there = match fs::metadata(place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            there => Some(there?),
        };
        let (own, is_new) = (file.metadata()?, there.is_none());
        let owner = there.map_or_else(|| self.0.metadata(), Ok)?;
        match fchown(file, Some(owner.uid()), Some(owner.gid())) {
            // Nobody but root gives files away. What is new is then hers who makes it, in a volume of a group's too, and mode 0600 lets no
            // group in, so it matters to none which one a file has.
            Err(_) if is_new || own.uid() == owner.uid() => Ok(()),
            given => given,
        }
    }

    #[cfg(not(unix))]
    fn give_to_owner_of(&self, _place: &Path, _file: &File) -> io::Result<()> {
        Ok(())
    }
}

/// The environment variable of a function's keyring.
fn variable(function: Function) -> String {
    format!("SPIN_VARIABLE_{}_KEYRING", function.name().to_ascii_uppercase())
}

/// The variable that brings a function's keyring from the environment, where one does. It wins over `.env`.
#[must_use]
pub(crate) fn keyring_of_the_environment() -> Option<String> {
    Function::ALL
        .into_iter()
        .map(variable)
        .find(|name| std::env::var_os(name).is_some())
}

/// Whoever would read or change the keyrings of a home whose deployment has others is not let.
///
/// # Errors
/// Where the environment brings a keyring.
pub(crate) fn refuse_keyrings_of_the_environment() -> Result<()> {
    match keyring_of_the_environment() {
        None => Ok(()),
        Some(variable) => bail!(
            "{variable} is set, so the functions' keyrings are the environment's and those of a home are not used. Change them where it has \
             them from; to work on a home, run this without the variable"
        ),
    }
}

/// A folder as what it is locked by.
#[cfg(unix)]
pub(crate) fn lockable(folder: &Path) -> io::Result<File> {
    File::open(folder)
}

/// Elsewhere a folder can't be opened as a file is.
#[cfg(not(unix))]
pub(crate) fn lockable(folder: &Path) -> io::Result<File> {
    let file = folder.join("lock");
    OpenOptions::new().write(true).create(true).truncate(false).open(file)
}

#[cfg(unix)]
fn new_private_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn new_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
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

    /// A crash leaves what it was writing. It may lie there as somebody else's link, or as a file that all can read.
    #[cfg(unix)]
    #[test]
    fn what_a_crash_left_is_neither_written_over_nor_taken_up() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        let left = home.folder().join(".env.next");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        // `init` that was killed before the keyrings were in their place.
        create_private_folder(home.folder()).unwrap();
        fs::write(&left, "SPIN_VARIABLE_AUTH_KEYRING='half").unwrap();
        fs::set_permissions(&left, fs::Permissions::from_mode(0o644)).unwrap();
        home.initialise().unwrap();
        assert_eq!((mode(&home.env_file()), left.exists()), (0o600, false));
        // And after it: nothing is made anew, and another code founds.
        let before = home.keyrings().unwrap();
        let error = home.initialise().unwrap_err().to_string();
        assert!(error.contains("confide keys bootstrap-code"), "{error}");
        assert_eq!(home.keyrings().unwrap(), before);
        assert!(home.bootstrap_code().is_ok());

        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "not ours").unwrap();
        symlink(&elsewhere, &left).unwrap();
        home.replace(Function::Auth, before[&Function::Auth].clone()).unwrap();
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "not ours");
        assert_eq!((mode(&home.env_file()), left.exists()), (0o600, false));
        assert_eq!(home.keyrings().unwrap(), before);
    }

    /// A backup of the stores is put back before that of the keyrings.
    #[test]
    fn no_keyrings_are_made_for_stores_that_have_some() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        let store = home.store_file("health");
        fs::create_dir_all(store.parent().unwrap()).unwrap();
        fs::write(&store, "rows").unwrap();
        // What was committed last lies beside the store until it is brought in.
        for written in [store.clone(), store.with_extension("db-wal")] {
            fs::rename(&store, &written).unwrap();
            let error = home.initialise().unwrap_err().to_string();
            assert!(
                error.contains("stores are here and their keyrings are not")
                    && error.contains(&written.display().to_string()),
                "{error}"
            );
            assert!(!home.is_initialised().unwrap());
            fs::rename(&written, &store).unwrap();
        }
        // A file that was made and never written to holds nothing.
        fs::write(&store, "").unwrap();
        home.initialise().unwrap();
        fs::write(&store, "rows").unwrap();
        assert!(home.initialise().unwrap_err().to_string().contains("made once"));
        // And once they are put back all is as it was.
        let kept = fs::read(home.env_file()).unwrap();
        fs::remove_file(home.env_file()).unwrap();
        assert!(home.initialise().is_err());
        fs::write(home.env_file(), kept).unwrap();
        assert!(home.bootstrap_code().is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_store_that_is_a_link_to_nowhere_is_no_sign_of_a_new_deployment() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        let store = home.store_file("health");
        fs::create_dir_all(store.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(folder.path().join("not mounted"), &store).unwrap();
        assert!(home.initialise().is_err());
        assert!(!home.is_initialised().unwrap());
    }

    #[test]
    fn of_many_first_starts_at_once_one_makes_the_keyrings() {
        const STARTS: usize = 8;
        let folder = tempfile::tempdir().unwrap();
        for nth in 0..16 {
            let home = Home::new(folder.path().join(nth.to_string()));
            let together = std::sync::Barrier::new(STARTS);
            let made: Vec<_> = std::thread::scope(|scope| {
                let start = || {
                    together.wait();
                    home.initialise().map(|_| home.keyrings().unwrap())
                };
                let starts: Vec<_> = (0..STARTS).map(|_| scope.spawn(start)).collect();
                let ended = starts.into_iter().map(|start| start.join().unwrap());
                ended.filter_map(Result::ok).collect()
            });
            assert_eq!(made, [home.keyrings().unwrap()]);
        }
    }

    #[test]
    fn a_change_that_is_refused_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        let refuse = |home: &Home| home.change(Function::Auth, |_| bail!("no")).unwrap_err().to_string();
        assert!(refuse(&home).contains("confide init"));
        home.initialise().unwrap();
        let before = fs::read(home.env_file()).unwrap();
        assert_eq!(refuse(&home), "no");
        assert_eq!(fs::read(home.env_file()).unwrap(), before);
    }

    /// The keyrings lie on a volume of their own, and the home has a link to them.
    #[cfg(unix)]
    #[test]
    fn a_change_goes_where_the_keyrings_are() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        home.initialise().unwrap();
        let volume = folder.path().join("volume");
        fs::create_dir(&volume).unwrap();
        let apart = volume.join("keyrings");
        fs::rename(home.env_file(), &apart).unwrap();
        std::os::unix::fs::symlink(&apart, home.env_file()).unwrap();
        let before = home.keyrings().unwrap();
        home.change(Function::Auth, |_| Ok(Zeroizing::new("changed".to_owned())))
            .unwrap();
        assert!(home.env_file().is_symlink());
        assert!(fs::read_to_string(&apart).unwrap().contains("AUTH_KEYRING='changed'"));
        assert_eq!(fs::read_dir(&volume).unwrap().count(), 1);
        home.replace(Function::Auth, before[&Function::Auth].clone()).unwrap();
        assert_eq!(home.keyrings().unwrap(), before);

        // While it is not mounted there are keyrings, and none are made beside them.
        fs::rename(&apart, volume.join("elsewhere")).unwrap();
        for refused in [
            home.is_initialised().err(),
            home.initialise().err(),
            home.keyrings().err(),
        ] {
            let refused = refused.unwrap().to_string();
            assert!(
                refused.contains("leads to") && refused.contains("mount it"),
                "{refused}"
            );
        }
        assert!(home.change(Function::Auth, |_| bail!("not reached")).is_err());
        assert!(home.replace(Function::Auth, before[&Function::Auth].clone()).is_err());
        assert!(home.env_file().is_symlink());
    }

    /// An administrator changes what belongs to the user that serves.
    #[cfg(unix)]
    #[test]
    fn a_changed_file_belongs_to_whom_it_belonged() {
        use std::os::unix::fs::{MetadataExt as _, chown};
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        home.initialise().unwrap();
        let served_by = 4711;
        if chown(home.env_file(), Some(served_by), Some(served_by)).is_err() {
            // Nobody but root gives files away, and who is not root meets none but her own.
            return;
        }
        let auth = home.keyrings().unwrap()[&Function::Auth].clone();
        home.replace(Function::Auth, auth).unwrap();
        let owner = fs::metadata(home.env_file()).unwrap();
        assert_eq!(
            (owner.uid(), owner.gid(), owner.mode() & 0o777),
            (served_by, served_by, 0o600)
        );
        // What is new belongs to whom the folder belongs.
        chown(home.folder(), Some(served_by), Some(served_by)).unwrap();
        home.lock()
            .unwrap()
            .replace_private_file(&home.job_secrets_file(), "")
            .unwrap();
        assert_eq!(fs::metadata(home.job_secrets_file()).unwrap().uid(), served_by);
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
