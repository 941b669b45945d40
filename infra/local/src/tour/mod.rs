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

use crate::client::{self, Client};
use crate::command::typed;
use crate::home::{self, Home};
use crate::signal;
use crate::tour::patient::Patient;
use crate::tour::stage::Stage;
use crate::tour::story::Local;
pub(crate) use crate::tour::tamper::clear;

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Whose note it is: one of the patients in ../shared/data/fhir-r4, such as `Liz`; a built-in sample where there is none
    pub name: Option<String>,

    /// The deployment to walk through
    #[arg(long, default_value = typed::USUAL_URL)]
    pub url: String,

    /// The application's manifest, which names its stores
    #[arg(short = 'f', long, default_value = typed::USUAL_MANIFEST, value_name = "FILE")]
    pub manifest: PathBuf,

    /// The deployment's folder, for a bootstrap code, a message and the tampering [default: .confide beside the manifest]
    #[arg(long, env = "CONFIDE_HOME", value_name = "FOLDER")]
    pub home: Option<PathBuf>,

    /// The bootstrap code of a deployment whose folder is not on this machine. Message and tampering are then left out
    #[arg(long)]
    pub code: Option<String>,
}

/// A code is good until it is used, and passwords go the same way: both leave this machine through TLS only, and a code to nobody but the deployment
/// that it is of.
fn client(url: &str, code: Option<&str>) -> Result<Client> {
    if code.is_none() && !client::is_local(url) {
        bail!(
            "{url} is another machine's: give --code one of its bootstrap codes (`confide keys bootstrap-code` there makes one)"
        );
    }
    Client::for_secrets(url)
}

/// Walks until the end, or ends the process at a signal to stop: whoever stops it waits for no answer that the tour waits for.
///
/// # Errors
/// As [`walk`].
pub async fn run(arguments: Arguments) -> Result<()> {
    let home = Home::chosen(arguments.home.clone(), &arguments.manifest);
    let walked = tokio::task::spawn_blocking(|| walk(arguments));
    tokio::select! {
        walked = walked => walked?,
        stopped = signal::stop() => {
            stopped?;
            tamper::abandon(&home);
            // As shells say of who was ended by SIGINT.
            std::process::exit(130);
        }
    }
}

/// Walks, and fails where any answer differs from the promise.
///
/// # Errors
/// The first answer that did not come, or the number of those that were not as promised.
pub fn walk(arguments: Arguments) -> Result<()> {
    let client = client(&arguments.url, arguments.code.as_deref())?;
    let patient = Patient::find(&arguments.manifest, arguments.name.as_deref())?;
    let home = Home::chosen(arguments.home, &arguments.manifest);
    let (code, local) = match arguments.code {
        Some(code) => (code, None),
        None => {
            home::refuse_keyrings_of_the_environment()?;
            let code = home.bootstrap_code()?.to_string();
            let auth = home.keyring(Function::Auth)?;
            let manifest = arguments.manifest;
            (code, Some(Local { manifest, home, auth }))
        }
    };
    let mut stage = Stage::new(client);
    story::play(&mut stage, &patient, &code, local.as_ref())?;
    match stage.broken() {
        0 => {
            stage.say(&format!("\nall {} answers were as promised\n", stage.steps()));
            Ok(())
        }
        broken => bail!("{broken} of {} answers were not as promised", stage.steps()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_go_to_their_own_deployment_and_through_tls() {
        for (url, code, refused) in [
            ("http://127.0.0.1:3000", None, None),
            ("http://localhost:4000/", None, None),
            ("http://127.0.0.1:3000", Some("cfb_code"), None),
            ("https://staging.example.org", Some("cfb_code"), None),
            ("https://staging.example.org", None, Some("give --code")),
            ("http://staging.example.org:3000", None, Some("give --code")),
            (
                "http://staging.example.org:3000",
                Some("cfb_code"),
                Some("use https://"),
            ),
        ] {
            let error = client(url, code).err().map(|error| error.to_string());
            match refused {
                Some(refused) => assert!(error.is_some_and(|error| error.contains(refused)), "{url}"),
                None => assert_eq!(error, None, "{url}"),
            }
        }
    }
}
