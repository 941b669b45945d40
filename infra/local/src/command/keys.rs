//! `confide keys`: what the keyrings hold, new key versions, and bootstrap codes. No command prints a key.

use std::path::PathBuf;

use anyhow::{Result, bail};
use crypto::{KeyringPlan, add_key_version};
use model::DataClass;

use crate::console;
use crate::home::{Home, SystemEntropy};

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The deployment's folder
    #[arg(
        long,
        env = "CONFIDE_HOME",
        default_value = ".confide",
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
    /// Make a new version of a class's sealing key and seal with it from the next start on; older versions still open
    Rotate {
        /// The class, such as `health`
        class: String,
    },
    /// Make a code that founds one clinic
    BootstrapCode,
}

/// Runs a command on the keyrings.
///
/// # Errors
/// Where the keyrings can't be read or written, or no function seals the class.
pub fn run(arguments: Arguments) -> Result<()> {
    let home = Home::new(arguments.home);
    match arguments.command {
        Command::List => list(&home),
        Command::Rotate { class } => rotate(&home, &class),
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

fn rotate(home: &Home, class: &str) -> Result<()> {
    let class = DataClass::ALL.into_iter().find(|known| known.name() == class);
    let owner = class.and_then(|class| KeyringPlan::ALL.into_iter().find(|plan| plan.seals.contains(&class)));
    let (Some(class), Some(owner)) = (class, owner) else {
        let sealed: Vec<&str> = KeyringPlan::ALL
            .iter()
            .flat_map(|plan| plan.seals.iter().map(|class| class.name()))
            .collect();
        bail!("no function seals such a class; there are: {}", sealed.join(", "));
    };
    let keyrings = home.keyrings()?;
    let text = keyrings.get(&owner.function).map_or("", |text| text.as_str());
    let next = add_key_version(&SystemEntropy, owner.function, text, class)?;
    home.replace(owner.function, next)?;
    let current = home.keyring(owner.function)?.seal(class)?.current_version();
    console::line(format_args!(
        "{class} is sealed with version {current} from the next start of the host on; what older versions sealed stays readable"
    ));
    Ok(())
}
