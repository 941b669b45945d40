//! The command as it is typed: what it refuses before it does harm, and what it prints to be typed next.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

const KEYRING: &str = "SPIN_VARIABLE_AUTH_KEYRING";

fn confide(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_confide"));
    command
        .current_dir(folder)
        .env_remove("CONFIDE_HOME")
        .env_remove(KEYRING);
    command
}

/// An application with nothing in it.
fn application() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let manifest = "spin_manifest_version = 2\n[application]\nname = 'practice'\n";
    fs::write(folder.path().join("spin.toml"), manifest).unwrap();
    folder
}

fn said(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// What is printed until the server says how it is stopped.
fn said_by_server(command: &mut Command) -> Vec<String> {
    let mut server = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut lines = Vec::new();
    for line in BufReader::new(server.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        let is_last = line.starts_with("stop with");
        lines.push(line);
        if is_last {
            break;
        }
    }
    server.kill().unwrap();
    server.wait().unwrap();
    lines
}

#[test]
fn keyrings_of_the_environment_are_the_only_ones() {
    let folder = application();
    let with_keyring = |arguments: &[&str]| {
        let mut command = confide(folder.path());
        command.env(KEYRING, "a document").args(arguments);
        command
    };
    let up = ["up", "--no-build", "--listen", "127.0.0.1:0"];
    let lines = said_by_server(&mut with_keyring(&up));
    assert!(lines.iter().any(|line| line.contains("none are made")), "{lines:?}");
    assert!(
        !lines.iter().any(|line| line.contains("cfb_")),
        "a code that founds nothing"
    );
    assert!(!folder.path().join(".confide/.env").exists());
    for arguments in [&["init"][..], &["keys", "list"], &["keys", "bootstrap-code"], &["tour"]] {
        let (is_done, text) = said(&mut with_keyring(arguments));
        assert!(
            !is_done && text.contains(KEYRING) && !text.contains("a document"),
            "{arguments:?}: {text}"
        );
    }
    assert!(!folder.path().join(".confide/.env").exists());

    // Without it a first start is complete.
    let lines = said_by_server(confide(folder.path()).args(up));
    assert!(lines.iter().any(|line| line.contains("cfb_")), "{lines:?}");
}

#[test]
fn what_is_to_be_typed_next_is_about_the_same_deployment() {
    let folder = application();
    let (is_done, text) = said(confide(folder.path()).args(["init", "--home", "practice"]));
    assert!(is_done, "{text}");
    for line in [
        "serve it with: cargo run -- up --home practice",
        "`cargo run -- keys bootstrap-code --home practice` makes another",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    let lines = said_by_server(confide(folder.path()).args([
        "up",
        "--no-build",
        "--listen",
        "127.0.0.1:0",
        "--home",
        "practice",
    ]));
    let next = "next, in another terminal: cargo run -- tour --home practice --url http://127.0.0.1:";
    assert!(lines.iter().any(|line| line.starts_with(next)), "{lines:?}");
}

/// A slip in the list of job secrets, made while everything runs, must not keep people out at the next start.
#[test]
fn jobs_that_cannot_run_keep_nobody_from_being_served() {
    let folder = application();
    fs::create_dir(folder.path().join("infra")).unwrap();
    let job = "[[job]]\nname = 'one'\npath = '/v1/one'\nevery = '1m'\ndescription = ''\n";
    fs::write(folder.path().join("infra/jobs.toml"), job).unwrap();
    assert!(said(confide(folder.path()).arg("init")).0);
    fs::write(folder.path().join(".confide/job-secrets"), "not a secret\n").unwrap();
    let lines = said_by_server(confide(folder.path()).args(["up", "--no-build", "--listen", "127.0.0.1:0"]));
    assert!(lines.iter().any(|line| line.starts_with("stop with")), "{lines:?}");
}
