//! `confide up`: builds and serves.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;

use crate::command::init;
use crate::console;
use crate::functions;
use crate::home::Home;
use crate::host::{Host, RunningHost, default_home};
use crate::manifest::Manifest;

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The application to serve
    #[arg(short = 'f', long, default_value = "spin.toml", value_name = "FILE")]
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
}

/// Serves until a signal to stop.
///
/// # Errors
/// A build or a start that failed.
pub async fn run(arguments: Arguments) -> Result<()> {
    let manifest = Manifest::read(&arguments.manifest)?;
    if !arguments.no_build && functions::can_build(&manifest) {
        let path = arguments.manifest.clone();
        tokio::task::spawn_blocking(move || functions::build(path, false)).await??;
    }
    let home = Home::new(arguments.home.unwrap_or_else(|| default_home(&arguments.manifest)));
    // A first start is complete: nobody has to know of `init` to try Confide out.
    if !home.is_initialised() {
        init::announce(&home, &home.initialise()?);
    }
    console::line(format_args!("loading {}", arguments.manifest.display()));
    let host = Host::builder(&arguments.manifest)
        .home(home.folder())
        .listen(arguments.listen)
        .quiet(arguments.quiet)
        .start()
        .await?;
    announce(&host, home.folder());
    stop_signal().await?;
    console::line(format_args!("stopping: letting running requests end"));
    host.shutdown().await;
    Ok(())
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
    console::line(format_args!(
        "\nnext, in another terminal: cargo run -- tour\nstop with Ctrl-C\n"
    ));
}

#[cfg(unix)]
async fn stop_signal() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn stop_signal() -> Result<()> {
    Ok(tokio::signal::ctrl_c().await?)
}
