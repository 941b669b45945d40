//! `confide up`: builds, serves, and runs the scheduled jobs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;

use crate::client::Client;
use crate::command::{self, init, typed};
use crate::console::{self, Console};
use crate::functions;
use crate::home::{self, Home};
use crate::host::{Host, RunningHost};
use crate::jobs::{self, Job, Runner, Schedule, Source};
use crate::manifest::Manifest;
use crate::{signal, tour};

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The application to serve
    #[arg(short = 'f', long, default_value = typed::USUAL_MANIFEST, value_name = "FILE")]
    pub manifest: PathBuf,

    /// Where to listen; port 0 takes any free one
    #[arg(long, default_value = "127.0.0.1:3000", value_name = "ADDRESS")]
    pub listen: SocketAddr,

    /// The folder of the stores and of .env [default: .confide beside the manifest]
    #[arg(long, env = "CONFIDE_HOME", value_name = "FOLDER")]
    pub home: Option<PathBuf>,

    /// No access log
    #[arg(long)]
    pub quiet: bool,

    /// Serve what was built before
    #[arg(long)]
    pub no_build: bool,

    /// The list of scheduled jobs [default: infra/jobs.toml beside the manifest, where there is one]
    #[arg(long, value_name = "FILE", conflicts_with = "no_jobs")]
    pub jobs: Option<PathBuf>,

    /// Serve only: no scheduled jobs
    #[arg(long)]
    pub no_jobs: bool,
}

/// Serves and runs the scheduled jobs until a signal to stop.
///
/// # Errors
/// A build or a start that failed.
pub async fn run(arguments: Arguments) -> Result<()> {
    serve(arguments, signal::stop()).await
}

/// Serves and runs the scheduled jobs until then.
///
/// # Errors
/// A build or a start that failed.
pub async fn serve(arguments: Arguments, until: impl Future<Output = Result<()>>) -> Result<()> {
    let jobs = listed_jobs(&arguments)?;
    let manifest = Manifest::read(&arguments.manifest)?;
    if !arguments.no_build && functions::can_build(&manifest) {
        let path = arguments.manifest.clone();
        tokio::task::spawn_blocking(move || functions::build(path, false)).await??;
    }
    let home = Home::chosen(arguments.home, &arguments.manifest);
    tour::clear(&home)?;
    match home::keyring_of_the_environment() {
        // A second set would seal nothing, its code would found nothing, and its settings would show everybody's messages.
        Some(variable) => console::line(format_args!(
            "the keyrings are the environment's ({variable}): none are made"
        )),
        // A first start is complete: nobody has to know of `init` to try Confide out.
        None if !home.is_initialised()? => init::announce(&home, &home.initialise()?),
        None => {}
    }
    console::line(format_args!("loading {}", arguments.manifest.display()));
    let host = Host::builder(&arguments.manifest)
        .home(home.folder())
        .listen(arguments.listen)
        .quiet(arguments.quiet)
        .start()
        .await?;
    announce(&host, home.folder());
    let tour = typed::tour(&arguments.manifest, &home, host.address());
    let runner = if jobs.is_empty() {
        None
    } else {
        Some(run_jobs(jobs, &host, home))
    };
    if let Some(tour) = tour {
        console::line(format_args!("\nnext, in another terminal: {tour}"));
    }
    console::line(format_args!("stop with Ctrl-C\n"));
    until.await?;
    console::line(format_args!("stopping: letting running requests end"));
    // No new run; the one that is on its way is one of the requests that the host lets end.
    if let Some(runner) = &runner {
        runner.stop();
    }
    host.shutdown().await;
    if let Some(runner) = runner {
        runner.ended().await;
    }
    Ok(())
}

/// The jobs to run. An application without a list has none.
fn listed_jobs(arguments: &Arguments) -> Result<Vec<Job>> {
    let usual = arguments.manifest.with_file_name("infra").join("jobs.toml");
    match &arguments.jobs {
        _ if arguments.no_jobs => Ok(Vec::new()),
        Some(list) => jobs::read(list),
        None if usual.try_exists()? => jobs::read(&usual),
        None => Ok(Vec::new()),
    }
}

/// Runs the jobs as any other scheduler would: over HTTP, with the secrets of service identities.
fn run_jobs(jobs: Vec<Job>, host: &RunningHost, home: Home) -> Runner {
    let secrets = Source::Home(home);
    // Secrets that can't be read keep nobody from being served: the runner says so, and takes them up once they can.
    if secrets.read().is_ok_and(|secrets| secrets.is_empty()) {
        command::jobs::announce_missing_identity(&secrets);
    }
    Runner::start(Schedule {
        client: Client::new(host.url()),
        jobs,
        secrets,
        log: Arc::new(Console),
    })
}

fn announce(host: &RunningHost, home: &std::path::Path) {
    let manifest = host.manifest();
    let version = &manifest.application.version;
    console::line(format_args!(
        "\nserving {} {version} at {}\n",
        manifest.application.name,
        host.url()
    ));
    let width = host.routes().map(|(pattern, _)| pattern.len()).max().unwrap_or(0);
    for (pattern, component) in host.routes() {
        console::line(format_args!("  {pattern:width$}  {component}"));
    }
    for trigger in manifest.http.iter().filter(|trigger| trigger.pattern().is_none()) {
        console::line(format_args!("  {:width$}  {}", "(private)", trigger.component_id()));
    }
    let labels = manifest.store_labels();
    if !labels.is_empty() {
        console::line(format_args!(
            "\nstores in {}: {}",
            home.join("stores").display(),
            labels.join(", ")
        ));
    }
    if host.is_set("notify", "capture", "on") {
        console::line(format_args!(
            "\nmessages are sent to nobody; they are shown at {}/v1/notify/capture",
            host.url()
        ));
    }
    for warning in host.warnings() {
        console::line(format_args!("\nwarning: {warning}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;
    use std::fs;
    use std::path::Path;

    #[derive(clap::Parser)]
    struct Typed {
        #[command(flatten)]
        up: Arguments,
    }

    fn listed(manifest: &Path, arguments: &[&str]) -> Result<usize> {
        let manifest = manifest.to_str().unwrap_or_default();
        let typed = ["up", "--manifest", manifest].into_iter();
        let typed = typed.chain(arguments.iter().copied());
        Ok(listed_jobs(&Typed::try_parse_from(typed)?.up)?.len())
    }

    /// Stores that were put back before their keyrings: a first start would seal beside what it can't open.
    #[tokio::test]
    async fn no_deployment_is_begun_over_stores_without_keyrings() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("spin.toml");
        fs::write(
            &manifest,
            "spin_manifest_version = 2\n[application]\nname = 'practice'\n",
        )
        .unwrap();
        let home = Home::new(folder.path().join("home"));
        fs::create_dir_all(home.folder().join("stores")).unwrap();
        fs::write(home.store_file("health"), "rows").unwrap();
        let typed = Typed::try_parse_from([
            "up",
            "--no-build",
            "--listen=127.0.0.1:0",
            "--manifest",
            manifest.to_str().unwrap(),
            "--home",
            home.folder().to_str().unwrap(),
        ]);
        let error = serve(typed.unwrap().up, async { Ok(()) })
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("restore .env"), "{error}");
        assert!(!home.is_initialised().unwrap());
    }

    #[test]
    fn the_list_lies_beside_the_manifest() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("spin.toml");
        assert_eq!(listed(&manifest, &[]).unwrap(), 0);
        let absent = folder.path().join("absent.toml");
        assert!(listed(&manifest, &["--jobs", absent.to_str().unwrap()]).is_err());
        fs::create_dir(folder.path().join("infra")).unwrap();
        let list = folder.path().join("infra/jobs.toml");
        fs::write(
            &list,
            "[[job]]\nname = 'one'\npath = '/v1/one'\nevery = '1m'\ndescription = ''\n",
        )
        .unwrap();
        assert_eq!(listed(&manifest, &[]).unwrap(), 1);
        assert_eq!(listed(&manifest, &["--no-jobs"]).unwrap(), 0);
        assert_eq!(
            listed(
                &absent.with_file_name("elsewhere/spin.toml"),
                &["--jobs", list.to_str().unwrap()]
            )
            .unwrap(),
            1
        );
        assert!(listed(&manifest, &["--no-jobs", "--jobs", list.to_str().unwrap()]).is_err());
        fs::write(&list, "[[job]]").unwrap();
        assert!(
            listed(&manifest, &[]).is_err(),
            "a list that is wrong is not passed over"
        );
    }
}
