//! `confide jobs`: what is scheduled, as whom it runs, and a runner for any deployment. No command prints a secret.

use std::io::{self, BufRead, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use jiff::SignedDuration;
use zeroize::Zeroizing;

use crate::client::Client;
use crate::command::typed;
use crate::console::{self, Console};
use crate::home::Home;
use crate::jobs::{self, Job, JobSecret, Runner, Schedule, Source, VARIABLE};
use crate::signal;

/// More than a secret with all that could be around it, in bytes.
const LONGEST_INPUT: u64 = 512;

/// Room for more than that: a buffer that grew would leave copies behind that nobody wipes.
const ROOM: usize = 1024;

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The list of scheduled jobs
    #[arg(long, default_value = "infra/jobs.toml", value_name = "FILE", global = true)]
    pub jobs: PathBuf,

    /// The deployment's folder, which holds the secrets of service identities
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
    /// Keep the secret of a service identity, read from standard input, to run a clinic's jobs with
    Add,
    /// What is run how often, and as how many identities
    List,
    /// Run the jobs against a deployment, with the secrets of the home, or with those in CONFIDE_JOB_SECRETS, separated by white space
    Run {
        /// Only these jobs [default: all of the list]
        #[arg(value_name = "JOB")]
        names: Vec<String>,

        /// The deployment: https://…, or http://… on this machine
        #[arg(long, default_value = typed::USUAL_URL)]
        url: String,

        /// Run each job one time and end, with an error where one failed: for a timer
        #[arg(long)]
        once: bool,
    },
}

/// Runs a command on the scheduled jobs.
///
/// # Errors
/// Where a file can't be read or written, what was given is no secret, or a run failed that was to be made once.
pub async fn run(arguments: Arguments) -> Result<()> {
    let home = Home::new(arguments.home);
    match arguments.command {
        Command::Add => {
            let secret = read_secret(io::stdin().lock(), io::stdin().is_terminal())?;
            add(&home, &secret)
        }
        Command::List => list(&arguments.jobs, home),
        Command::Run { names, url, once } => {
            let schedule = Schedule {
                client: Client::for_secrets(&url)?,
                jobs: select(jobs::read(&arguments.jobs)?, &names)?,
                secrets: source(home)?,
                log: Arc::new(Console),
            };
            if once {
                jobs::once(schedule).await
            } else {
                run_until_stopped(schedule).await
            }
        }
    }
}

/// A name that is in no list is a timer that would do nothing and report success.
fn select(mut jobs: Vec<Job>, names: &[String]) -> Result<Vec<Job>> {
    if let Some(unknown) = names.iter().find(|name| jobs.iter().all(|job| job.name != **name)) {
        let known: Vec<String> = jobs.into_iter().map(|job| job.name).collect();
        bail!("there is no job {unknown} in the list; there are: {}", known.join(", "));
    }
    jobs.retain(|job| names.is_empty() || names.contains(&job.name));
    Ok(jobs)
}

/// Says how jobs come to run.
pub(crate) fn announce_missing_identity(secrets: &Source) {
    let takes = match secrets {
        Source::Home(home) => typed::jobs_add(home),
        Source::Given(_) => VARIABLE.to_owned(),
    };
    console::line(format_args!(
        "\nscheduled jobs wait for a service identity: POST /v1/auth/service-identities makes one, `{takes}` takes its secret"
    ));
}

/// Reads one secret: a line where somebody types, else all that there is. Never an argument: every process sees those.
fn read_secret(input: impl BufRead, is_typed: bool) -> Result<JobSecret> {
    let mut input = input.take(LONGEST_INPUT);
    let mut bytes = Zeroizing::new(Vec::with_capacity(ROOM));
    if is_typed {
        console::line(format_args!("the secret (it is shown while you paste it), then Enter:"));
        input.read_until(b'\n', &mut bytes)
    } else {
        input.read_to_end(&mut bytes)
    }
    .context("standard input can't be read")?;
    str::from_utf8(&bytes)
        .ok()
        .and_then(|text| JobSecret::parse(text.trim()))
        .context("standard input is no secret of a service identity: one, cfx_ and 86 characters, as it was shown once")
}

fn add(home: &Home, secret: &JobSecret) -> Result<()> {
    let file = home.job_secrets_file();
    match jobs::add(home, secret)? {
        Some(number) => console::line(format_args!(
            "identity {number} is kept in {} (mode 0600; back it up apart from the stores); whatever runs jobs of this home uses it within a second",
            file.display()
        )),
        None => console::line(format_args!("this secret is in {} already", file.display())),
    }
    Ok(())
}

fn list(list: &Path, home: Home) -> Result<()> {
    let jobs = jobs::read(list)?;
    let width = jobs.iter().map(|job| job.name.len()).max().unwrap_or(0);
    for job in jobs {
        let every = SignedDuration::try_from(job.every)?;
        console::line(format_args!(
            "{:width$}  every {every:#}  POST {}  {}",
            job.name, job.path, job.description
        ));
    }
    let secrets = source(home)?;
    let identities = secrets.read()?.len();
    let from = match secrets {
        Source::Home(home) => home.job_secrets_file().display().to_string(),
        Source::Given(_) => VARIABLE.to_owned(),
    };
    console::line(format_args!("identities: {identities}, from {from}"));
    Ok(())
}

/// The environment where it has secrets, else the home.
#[expect(
    clippy::disallowed_methods,
    reason = "where there is no home, the environment is how secrets come in"
)]
pub(crate) fn source(home: Home) -> Result<Source> {
    match std::env::var(VARIABLE).map(Zeroizing::new) {
        Ok(text) => Ok(Source::Given(jobs::parse_words(&text)?)),
        Err(std::env::VarError::NotPresent) => Ok(Source::Home(home)),
        // The error would quote it.
        Err(std::env::VarError::NotUnicode(_)) => bail!("{VARIABLE} is no text"),
    }
}

async fn run_until_stopped(schedule: Schedule) -> Result<()> {
    if schedule.secrets.read()?.is_empty() {
        announce_missing_identity(&schedule.secrets);
    }
    let runner = Runner::start(schedule);
    signal::stop().await?;
    console::line(format_args!("stopping: letting running jobs end"));
    runner.ended().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_input_is_one_secret() {
        let secret = format!("cfx_{}", "A".repeat(86));
        let more = format!("{secret}\n{secret}\n");
        for (text, is_typed, is_one) in [
            (secret.clone(), false, true),
            (format!("  {secret}\r\n\n"), false, true),
            (format!("{secret}\n"), true, true),
            // Whoever types has Enter as the end; whoever pipes two meant two.
            (more.clone(), true, true),
            (more, false, false),
            (String::new(), false, false),
            (format!("\n{secret}\n"), true, false),
            (secret.replace("cfx_", "cfs_"), false, false),
            (secret[..89].to_owned(), false, false),
            (format!("{secret}A"), false, false),
            (format!("{secret}{}", " ".repeat(600)), false, true),
            (format!("{}{secret}", " ".repeat(600)), false, false),
        ] {
            let read = read_secret(text.as_bytes(), is_typed);
            match read {
                Ok(read) => assert!(is_one && read.reveal() == secret, "{text:?}"),
                Err(error) => assert!(!is_one && !format!("{error:#}").contains("AAA"), "{text:?}"),
            }
        }
        assert!(read_secret([0xff, 0xfe].as_slice(), false).is_err());
    }
}
