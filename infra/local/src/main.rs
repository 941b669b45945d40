//! `confide`: the command. Each subcommand is a module of `confide::command`.

use std::process::ExitCode;

use clap::Parser;
use confide::command::{init, jobs, keys, up, verify};
use confide::{console, tour};

/// Serves the application of spin.toml on this machine.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    up: up::Arguments,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Build the functions and serve them (the default)
    Up(up::Arguments),
    /// Make a new deployment: keyrings, store files, a bootstrap code
    Init(init::Arguments),
    /// Look after the keyrings
    Keys(keys::Arguments),
    /// Run scheduled jobs, and look after what they log in with
    Jobs(jobs::Arguments),
    /// Walk one note through a running deployment and check every answer
    Tour(tour::Arguments),
    /// Check an exported audit trail or the receipt of a consent, offline
    Verify(verify::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command.unwrap_or(Command::Up(cli.up)) {
        Command::Up(arguments) => up::run(arguments).await,
        Command::Init(arguments) => init::run(arguments),
        Command::Keys(arguments) => keys::run(arguments).await,
        Command::Jobs(arguments) => jobs::run(arguments).await,
        Command::Tour(arguments) => tour::run(arguments).await,
        Command::Verify(arguments) => verify::run(arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console::line(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
