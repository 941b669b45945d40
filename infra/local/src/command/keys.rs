//! `confide keys`: what the keyrings hold, the life of key versions, and bootstrap codes. No command prints a key.
//!
//! A version of a class's sealing key opens, then seals, then is older, then is gone. Each step waits until the deployment is ready for it:
//! it seals once every instance can open what it seals, and it goes once nothing is left under it (docs/design/keys.md).

use std::path::PathBuf;
use std::time::Duration;

use access::{DATA_KEY_CLASSES, RewrapState};
use anyhow::{Context as _, Result, anyhow, bail};
use crypto::{Keyring, KeyringPlan, RotationError, add_key_version, promote_key_version, remove_key_version};
use model::{DataClass, Function};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::client::Client;
use crate::command::{self, typed};
use crate::console;
use crate::home::{self, Home, SystemEntropy};
use crate::jobs::Identity;

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The deployment's folder
    #[arg(
        long,
        env = "CONFIDE_HOME",
        default_value = typed::USUAL_HOME,
        value_name = "FOLDER",
        global = true
    )]
    pub home: PathBuf,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// Which function holds which keys, in which versions
    List,
    /// Make a new version of a class's sealing key the current one: it is added, and seals once everybody can open it. Where one was added
    /// already, it is that one
    Rotate {
        /// The class, such as `health`
        class: String,

        /// Only add it. Run the command again when every instance has the keyring
        #[arg(long)]
        prepare: bool,

        /// How long the host that serves this folder has to take the version up and to end requests that began before, in seconds.
        /// 0 where nothing is served, or where every instance has had it for as long
        #[arg(long, default_value_t = 35, value_name = "SECONDS")]
        wait: u64,
    },
    /// How far the deployment has come under the current version. Asking runs a part of the job
    Progress {
        /// The class, such as `health`
        class: String,

        /// The deployment: https://…, or http://… on this machine
        #[arg(long, default_value = typed::USUAL_URL)]
        url: String,
    },
    /// Remove an old version for good, once the deployment says that nothing is left under it
    Destroy {
        /// The class, such as `health`
        class: String,

        /// The version, such as 1
        version: u32,

        /// The deployment: https://…, or http://… on this machine
        #[arg(long, default_value = typed::USUAL_URL)]
        url: String,
    },
    /// Make a code that founds one clinic
    BootstrapCode,
}

/// Runs a command on the keyrings.
///
/// # Errors
/// Where the keyrings can't be read or written, no function seals the class, or a version can't make this step.
pub async fn run(arguments: Arguments) -> Result<()> {
    let home = Home::new(arguments.home);
    home::refuse_keyrings_of_the_environment()?;
    match arguments.command {
        Command::List => list(&home),
        Command::Rotate { class, prepare, wait } => {
            let sealed = Sealed::named(&class)?;
            match prepare {
                true => add(&home, sealed),
                false => rotate(&home, sealed, Duration::from_secs(wait)).await,
            }
        }
        Command::Progress { class, url } => progress(home, Sealed::rewrapped(&class)?, &url).await,
        Command::Destroy { class, version, url } => destroy(home, Sealed::rewrapped(&class)?, version, &url).await,
        Command::BootstrapCode => {
            console::line(format_args!("{}", *home.bootstrap_code()?));
            Ok(())
        }
    }
}

fn list(home: &Home) -> Result<()> {
    for plan in KeyringPlan::ALL {
        let keyring = home.keyring(plan.function)?;
        console::line(format_args!("{}", plan.function));
        for class in plan.seals {
            let set = keyring.seal(*class)?;
            let versions: Vec<String> = set.versions().map(|version| version.to_string()).collect();
            console::line(format_args!(
                "  seals {class} with version {} (opens {})",
                set.current_version(),
                versions.join(", ")
            ));
        }
        let calls: Vec<&str> = plan.calls.iter().map(|callee| callee.name()).collect();
        for (what, names) in [
            ("key", plan.keys),
            ("attests", plan.attests),
            ("reads", plan.reads),
            ("calls", &calls),
        ] {
            if !names.is_empty() {
                console::line(format_args!("  {what} {}", names.join(", ")));
            }
        }
    }
    Ok(())
}

/// A class, and the function that seals it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sealed {
    class: DataClass,
    owner: Function,
}

impl Sealed {
    fn named(name: &str) -> Result<Self> {
        let all = KeyringPlan::ALL.iter().flat_map(|plan| {
            let owner = plan.function;
            plan.seals.iter().map(move |class| Self { class: *class, owner })
        });
        let found = all.clone().find(|sealed| sealed.class.name() == name);
        found.with_context(|| {
            let names: Vec<&str> = all.map(|sealed| sealed.class.name()).collect();
            format!("no function seals such a class; there are: {}", names.join(", "))
        })
    }

    /// One whose sealing key wraps data keys and nothing else.
    fn rewrapped(name: &str) -> Result<Self> {
        let sealed = Self::named(name)?;
        if !DATA_KEY_CLASSES.contains(&sealed.class) {
            let names = DATA_KEY_CLASSES.map(DataClass::name);
            bail!(
                "{name} is sealed under its key directly, and what an older version sealed is not sealed anew: all its versions must \
                 stay. Those that come to an end: {}",
                names.join(", ")
            );
        }
        Ok(sealed)
    }

    fn job(self) -> String {
        format!("/v1/{}/jobs/rewrap", self.owner)
    }

    /// Changes the owner's keyring.
    fn change(self, home: &Home, change: impl FnOnce(&str) -> Result<Zeroizing<String>, RotationError>) -> Result<()> {
        home.change(self.owner, |text| Ok(change(text)?))
    }

    /// The version that seals, and the one that is to seal next.
    fn versions(self, home: &Home) -> Result<(u32, Option<u32>)> {
        let keyring = home.keyring(self.owner)?;
        let set = keyring.seal(self.class)?;
        let current = set.current_version();
        Ok((current, set.versions().find(|version| *version > current)))
    }
}

/// Adds a version that opens and does not seal yet.
fn add(home: &Home, sealed: Sealed) -> Result<()> {
    let Sealed { class, owner } = sealed;
    sealed.change(home, |text| add_key_version(&SystemEntropy, owner, text, class))?;
    if let (current, Some(next)) = sealed.versions(home)? {
        console::line(format_args!(
            "version {next} of {class} is in the keyring of {owner}: it opens, and version {current} still seals"
        ));
        console::line(format_args!(
            "next: give every instance of {owner} the keyring (a host that serves this folder takes it up by itself, Spin when it is \
             started again), then run this again without --prepare, and with --wait 0 where that is long done"
        ));
    }
    Ok(())
}

/// Order: added, waited, promoted. A command that ends in between leaves a version that waits, and run again it waits and promotes it:
/// when it was added, nothing says.
async fn rotate(home: &Home, sealed: Sealed, wait: Duration) -> Result<()> {
    let Sealed { class, owner } = sealed;
    let next = match sealed.versions(home)? {
        (_, Some(next)) => next,
        (_, None) => {
            sealed.change(home, |text| add_key_version(&SystemEntropy, owner, text, class))?;
            let (_, next) = sealed.versions(home)?;
            next.context("somebody else has changed the keyring meanwhile: see `confide keys list`")?
        }
    };
    // Not before every request knows the version: one that began with the keyring before could not open what it seals.
    if !wait.is_zero() {
        console::line(format_args!(
            "version {next} of {class} opens; waiting {} s until no request is left that does not know it",
            wait.as_secs()
        ));
        tokio::time::sleep(wait).await;
    }
    home.change(owner, |text| {
        // Another command may have promoted it meanwhile and added one more, for which nobody has waited.
        let keyring = Keyring::parse(owner, Some(text))?;
        if keyring.seal(class)?.versions().max() != Some(next) {
            bail!("a later version than {next} of {class} was added meanwhile: see `confide keys list`");
        }
        Ok(promote_key_version(owner, text, class)?)
    })?;
    let (current, _) = sealed.versions(home)?;
    console::line(format_args!(
        "{class} is sealed with version {current}; what older versions sealed stays readable"
    ));
    if DATA_KEY_CLASSES.contains(&class) {
        console::line(format_args!(
            "next: the job {owner}-rewrap brings every data key under version {current}, which takes a day at least; \
             `confide keys progress {class}` says how far it is, and `confide keys destroy {class} VERSION` then ends an older one"
        ));
    }
    Ok(())
}

/// What the deployment says of a class.
#[derive(Debug, Deserialize)]
struct Said {
    class: DataClass,
    current: u32,
    state: RewrapState,
    percent: u8,
}

#[derive(Deserialize)]
struct RewrapAnswer {
    classes: Vec<Said>,
}

/// Asks the deployment, as a service identity: no key and no store is needed for it.
async fn ask(home: Home, sealed: Sealed, url: &str) -> Result<Said> {
    let client = Client::for_secrets(url)?;
    let secrets = command::jobs::source(home)?.read()?;
    let secret = secrets.into_iter().next().context(
        "the deployment tells it to a service identity, and there is none: POST /v1/auth/service-identities makes one, \
         `confide jobs add` takes its secret",
    )?;
    let answered = Identity::new(client, secret).ask(&sealed.job()).await;
    let answered = answered.map_err(|failure| anyhow!("{url}{}: {failure}", sealed.job()))?;
    let answered: RewrapAnswer = serde_json::from_value(answered).context("the job answered something else")?;
    let said = answered.classes.into_iter().find(|said| said.class == sealed.class);
    said.with_context(|| format!("{} says nothing of {}", sealed.job(), sealed.class))
}

async fn progress(home: Home, sealed: Sealed, url: &str) -> Result<()> {
    let said = ask(home, sealed, url).await?;
    console::line(format_args!("{}", describe(&said)));
    Ok(())
}

fn describe(said: &Said) -> String {
    let Said {
        class,
        current,
        state,
        percent,
    } = said;
    match state {
        RewrapState::Rewrapping => {
            format!("{class}: version {current} seals; a pass over the data keys is at {percent} %")
        }
        RewrapState::Waiting => format!(
            "{class}: version {current} seals. Either a pass has ended, and the one that decides begins a day after the version was first seen; or \
             another instance seals with a later version, and the one that answers has to be given it"
        ),
        RewrapState::Blocked => format!(
            "{class}: version {current} seals, and there are data keys that do not open (the log of the function says how many): no \
             version can be destroyed until they are repaired or removed"
        ),
        RewrapState::Complete => format!("{class}: version {current} seals, and nothing is left under an older one"),
    }
}

/// Whether what the deployment says lets this version go.
fn check_destroyable(version: u32, said: &Said) -> Result<()> {
    if version >= said.current {
        bail!(
            "the deployment seals {} with version {}: it has not taken up a later one than {version}",
            said.class,
            said.current
        );
    }
    if said.state != RewrapState::Complete {
        bail!("version {version} is still needed. {}", describe(said));
    }
    Ok(())
}

/// Order: what the keyring allows, what the deployment says, then the keyring. Nothing comes under an older version again once the
/// deployment has said so, and the keyring is read anew before it is changed.
async fn destroy(home: Home, sealed: Sealed, version: u32, url: &str) -> Result<()> {
    let Sealed { class, owner } = sealed;
    let keyrings = home.keyrings()?;
    let text = keyrings.get(&owner).map_or("", |text| text.as_str());
    remove_key_version(owner, text, class, version)?;
    check_destroyable(version, &ask(home.clone(), sealed, url).await?)?;
    sealed.change(&home, |text| remove_key_version(owner, text, class, version))?;
    console::line(format_args!(
        "version {version} of {class} is gone from {}; remove it wherever else the keyring of {owner} is kept. Backups of the store of \
         before its data keys were rewrapped can't be read without it",
        home.env_file().display()
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        home.initialise().unwrap();
        (folder, home)
    }

    fn said(current: u32, state: RewrapState) -> Said {
        Said {
            class: DataClass::Health,
            current,
            state,
            percent: 40,
        }
    }

    #[test]
    fn a_class_is_one_that_is_sealed_and_rewrapped_where_it_must_be() {
        let health = Sealed::named("health").unwrap();
        assert_eq!((health.class, health.owner), (DataClass::Health, Function::Records));
        assert_eq!(health.job(), "/v1/records/jobs/rewrap");
        let unknown = Sealed::named("helth").unwrap_err().to_string();
        assert!(unknown.contains("there are: account, identity"), "{unknown}");
        for plan in KeyringPlan::ALL {
            for class in plan.seals {
                let rewrapped = Sealed::rewrapped(class.name());
                assert_eq!(rewrapped.is_ok(), DATA_KEY_CLASSES.contains(class), "{class}");
            }
        }
        let direct = Sealed::rewrapped("account").unwrap_err().to_string();
        assert!(direct.contains("all its versions must stay"), "{direct}");
    }

    #[test]
    fn only_what_nothing_is_left_under_is_destroyable() {
        for (version, said, refused) in [
            (1, said(2, RewrapState::Complete), None),
            (1, said(3, RewrapState::Complete), None),
            (2, said(2, RewrapState::Complete), Some("has not taken up a later one")),
            // A deployment that was not given the version yet: it has nothing older, and calls that complete.
            (1, said(1, RewrapState::Complete), Some("has not taken up a later one")),
            (1, said(2, RewrapState::Rewrapping), Some("at 40 %")),
            (1, said(2, RewrapState::Waiting), Some("still needed")),
            (1, said(2, RewrapState::Blocked), Some("do not open")),
        ] {
            let outcome = check_destroyable(version, &said).map_err(|error| error.to_string());
            match refused {
                None => assert_eq!(outcome, Ok(())),
                Some(refused) => assert!(
                    outcome.as_ref().is_err_and(|said| said.contains(refused)),
                    "{outcome:?}"
                ),
            }
        }
    }

    /// Added, then current; a command that was broken off in between is finished by the next.
    #[tokio::test]
    async fn a_version_is_added_before_it_seals() {
        let (_folder, home) = home();
        let health = Sealed::named("health").unwrap();
        assert_eq!(health.versions(&home).unwrap(), (1, None));
        add(&home, health).unwrap();
        assert_eq!(health.versions(&home).unwrap(), (1, Some(2)));
        assert!(
            add(&home, health)
                .unwrap_err()
                .to_string()
                .contains("version 2 was added")
        );
        rotate(&home, health, Duration::ZERO).await.unwrap();
        assert_eq!(health.versions(&home).unwrap(), (2, None));
        rotate(&home, health, Duration::ZERO).await.unwrap();
        assert_eq!(health.versions(&home).unwrap(), (3, None));
        let account = Sealed::named("account").unwrap();
        rotate(&home, account, Duration::ZERO).await.unwrap();
        assert_eq!(account.versions(&home).unwrap(), (2, None));
    }

    /// The instances of a version that was added are not known to have it, whether this command added it or one that was broken off.
    #[tokio::test]
    async fn a_version_that_was_added_before_is_waited_for_too() {
        const LONG: Duration = Duration::from_secs(3600);
        let (_folder, home) = home();
        let health = Sealed::named("health").unwrap();
        for _ in 0..2 {
            let broken_off = tokio::time::timeout(Duration::from_millis(20), rotate(&home, health, LONG)).await;
            assert!(broken_off.is_err());
            assert_eq!(health.versions(&home).unwrap(), (1, Some(2)));
        }
        // While one waits, another promotes and adds: nobody has waited for that one.
        let waiting = rotate(&home, health, Duration::from_millis(50));
        let others = async {
            rotate(&home, health, Duration::ZERO).await?;
            add(&home, health)
        };
        let (waited, others) = tokio::join!(waiting, others);
        others.unwrap();
        assert!(waited.unwrap_err().to_string().contains("a later version than 2"));
        assert_eq!(health.versions(&home).unwrap(), (2, Some(3)));
    }

    /// Every class at once: each takes up what the others have written, also where one function owns several.
    #[test]
    fn many_who_change_keyrings_at_once_lose_none() {
        let (_folder, home) = home();
        let classes = || KeyringPlan::ALL.iter().flat_map(|plan| plan.seals);
        assert!(classes().count() >= 8);
        for next in 2..6 {
            std::thread::scope(|scope| {
                for class in classes() {
                    let (home, sealed) = (&home, Sealed::named(class.name()).unwrap());
                    scope.spawn(move || {
                        add(home, sealed).unwrap();
                        let promote = |text: &str| promote_key_version(sealed.owner, text, sealed.class);
                        sealed.change(home, promote).unwrap();
                    });
                }
            });
            for class in classes() {
                let versions = Sealed::named(class.name()).unwrap().versions(&home).unwrap();
                assert_eq!(versions, (next, None), "{class}");
            }
        }
        assert_eq!(
            crate::dotenv::read(&home.env_file()).unwrap().len(),
            home.keyrings().unwrap().len() + 4,
            "the keyrings and the settings, once each"
        );
    }

    /// After a leak: keys that are of use without the stores seal nothing, so fresh characters in their place are all that it takes.
    #[test]
    fn keys_that_seal_nothing_are_replaced_by_hand() {
        let (_folder, home) = home();
        let keyring = |function| home.keyring(function).unwrap();
        let code = home.bootstrap_code().unwrap();
        let mut text = std::fs::read_to_string(home.env_file()).unwrap();
        let leaked: Vec<String> = {
            let keyrings = home.keyrings().unwrap();
            let document = |function| serde_json::from_str::<serde_json::Value>(&keyrings[&function]).unwrap();
            [
                &document(Function::Notify)["calls"]["identity"],
                &document(Function::Auth)["keys"]["bootstrap"],
                &document(Function::Audit)["keys"]["sign"],
                &document(Function::Consent)["keys"]["receipt"],
            ]
            .map(|key| key.as_str().unwrap().to_owned())
            .into()
        };
        for (key, holders) in leaked.iter().zip([2, 1, 1, 1]) {
            assert_eq!((key.len(), text.matches(key).count()), (52, holders));
            let fresh: [u8; 32] = ports::EntropyExt::bytes(&SystemEntropy);
            text = text.replace(key, &model::base32hex::encode(&fresh));
        }
        let sealed = keyring(Function::Notify)
            .seal(DataClass::Message)
            .unwrap()
            .versions()
            .count();
        std::fs::write(home.env_file(), text).unwrap();
        let (notify, identity) = (keyring(Function::Notify), keyring(Function::Identity));
        let calls = notify.calls(Function::Identity).unwrap().expose();
        assert!(calls == identity.called_by(Function::Notify).unwrap().expose());
        assert!(model::base32hex::encode(calls) != leaked[0]);
        let bootstrap = |code: &str| {
            let auth = keyring(Function::Auth);
            access::bootstrap_code::verify(auth.key("bootstrap").unwrap(), code).is_some()
        };
        assert!(!bootstrap(&code) && bootstrap(&home.bootstrap_code().unwrap()));
        assert_eq!(notify.seal(DataClass::Message).unwrap().versions().count(), sealed);
        Function::ALL.into_iter().for_each(|function| _ = keyring(function));
    }

    /// What the keyring itself refuses is refused without asking anybody, and what can't be asked is refused too.
    #[tokio::test]
    async fn nothing_is_destroyed_unasked() {
        let (_folder, home) = home();
        let health = Sealed::named("health").unwrap();
        rotate(&home, health, Duration::ZERO).await.unwrap();
        let before = home.keyrings().unwrap();
        let nobody = "http://127.0.0.1:9";
        for (version, url, refused) in [
            (2, nobody, "not older than the current one"),
            (3, nobody, "there is no version 3"),
            (1, "http://10.0.0.7", "use https://"),
            (1, nobody, "there is none"),
        ] {
            let error = format!("{:#}", destroy(home.clone(), health, version, url).await.unwrap_err());
            assert!(error.contains(refused), "{error}");
        }
        assert_eq!(home.keyrings().unwrap(), before);
    }
}
