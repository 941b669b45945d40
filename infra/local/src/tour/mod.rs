//! `confide tour`: walks one therapy note through the whole of Confide and holds every answer against the promise.

mod choices;
mod papers;
mod patient;
mod people;
mod stage;
mod story;
mod tamper;

use std::path::PathBuf;

use anyhow::{Result, bail};
use model::Function;

use crate::client::Client;
use crate::home::Home;
use crate::host::default_home;
use crate::tour::patient::Patient;
use crate::tour::stage::Stage;
use crate::tour::story::Local;
use crate::tour::tamper::StoreFiles;

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Whose note it is: one of the patients in ../shared/data/fhir-r4, such as `Liz`; a built-in sample where there is none
    pub name: Option<String>,

    /// The deployment to walk through
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    pub url: String,

    /// The application's manifest, which names its stores
    #[arg(short = 'f', long, default_value = "spin.toml", value_name = "FILE")]
    pub manifest: PathBuf,

    /// The deployment's folder, for a bootstrap code, a message and the tampering [default: .confide beside the manifest]
    #[arg(long, env = "CONFIDE_HOME", value_name = "FOLDER")]
    pub home: Option<PathBuf>,

    /// The bootstrap code of a deployment whose folder is not on this machine. Message and tampering are then left out
    #[arg(long)]
    pub code: Option<String>,
}

/// Walks, and fails where any answer differs from the promise.
///
/// # Errors
/// The first answer that did not come, or the number of those that were not as promised.
pub fn run(arguments: Arguments) -> Result<()> {
    let patient = Patient::find(&arguments.manifest, arguments.name.as_deref())?;
    let home = Home::new(
        arguments
            .home
            .clone()
            .unwrap_or_else(|| default_home(&arguments.manifest)),
    );
    let (code, local) = match arguments.code {
        Some(code) => (code, None),
        None => (
            home.bootstrap_code()?.to_string(),
            Some(Local {
                files: StoreFiles::before(&arguments.manifest, &home)?,
                auth: home.keyring(Function::Auth)?,
            }),
        ),
    };
    let mut stage = Stage::new(Client::new(&arguments.url));
    story::play(&mut stage, &patient, &code, local.as_ref())?;
    match stage.broken() {
        0 => {
            stage.say(&format!("\nall {} answers were as promised\n", stage.steps()));
            Ok(())
        }
        broken => bail!("{broken} of {} answers were not as promised", stage.steps()),
    }
}
