//! Builds the functions: runs each component's `[component.ID.build]` as `spin build` does.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::console;
use crate::manifest::Manifest;

const TARGET: &str = "wasm32-wasip2";

/// Builds every component that has a build command, from the manifest's folder; equal commands run once. Unless `quiet`, what the
/// commands print is shown as they print it; if `quiet`, only when one fails.
///
/// # Errors
/// The component and command that failed, and what to do.
pub fn build(manifest_path: impl AsRef<Path>, quiet: bool) -> Result<()> {
    let path = manifest_path.as_ref();
    let manifest = Manifest::read(path)?;
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let steps = steps(&manifest, folder);
    if steps.iter().any(|step| step.command.contains(TARGET)) {
        ensure_target(folder)?;
    }
    for step in &steps {
        if !quiet {
            console::line(format_args!(
                "building {}: {}",
                step.components.join(", "),
                step.command
            ));
        }
        step.run(quiet)?;
    }
    Ok(())
}

/// Whether any component has a build command.
#[must_use]
pub fn can_build(manifest: &Manifest) -> bool {
    !steps(manifest, Path::new(".")).is_empty()
}

struct Step {
    components: Vec<String>,
    command: String,
    folder: PathBuf,
}

fn steps(manifest: &Manifest, folder: &Path) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (id, component) in &manifest.component {
        let Some(build) = &component.build else {
            continue;
        };
        let folder = match &build.workdir {
            Some(workdir) => folder.join(workdir),
            None => folder.to_owned(),
        };
        for command in build.commands() {
            match steps
                .iter_mut()
                .find(|step| step.command == *command && step.folder == folder)
            {
                Some(step) => step.components.push(id.clone()),
                None => steps.push(Step {
                    components: vec![id.clone()],
                    command: command.clone(),
                    folder: folder.clone(),
                }),
            }
        }
    }
    steps
}

impl Step {
    fn run(&self, quiet: bool) -> Result<()> {
        let mut shell = if cfg!(windows) {
            let mut shell = Command::new("cmd");
            shell.arg("/C");
            shell
        } else {
            let mut shell = Command::new("sh");
            shell.arg("-c");
            shell
        };
        shell.arg(&self.command).current_dir(&self.folder).stdin(Stdio::null());
        for name in CARGO_OUTPUT {
            shell.env_remove(name);
        }
        let what = || {
            format!(
                "component {}: build command `{}` in {}",
                self.components.join(", "),
                self.command,
                self.folder.display()
            )
        };
        if quiet {
            let Output { status, stdout, stderr } = shell.output().with_context(what)?;
            if !status.success() {
                bail!(
                    "{} failed ({status}):\n{}{}",
                    what(),
                    String::from_utf8_lossy(&stdout),
                    String::from_utf8_lossy(&stderr)
                );
            }
        } else {
            let status = shell.status().with_context(what)?;
            if !status.success() {
                bail!("{} failed ({status}); its output is above", what());
            }
        }
        Ok(())
    }
}

/// Whoever started this process may have sent cargo's output elsewhere, but the manifest's `source` names the default place.
const CARGO_OUTPUT: [&str; 2] = ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"];

/// Adds the functions' target to the toolchain of the manifest's folder. Without rustup (a distribution's own toolchain) there is
/// nothing to add it with, and the compiler's message says what is missing.
fn ensure_target(folder: &Path) -> Result<()> {
    let rustup = |arguments: &[&str]| {
        Command::new("rustup")
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()
    };
    let Ok(listed) = rustup(&["target", "list", "--installed"]) else {
        return Ok(());
    };
    let installed = String::from_utf8_lossy(&listed.stdout);
    if !listed.status.success() || installed.lines().any(|target| target.trim() == TARGET) {
        return Ok(());
    }
    console::line(format_args!("adding target {TARGET}"));
    let added = rustup(&["target", "add", TARGET]).context("rustup target add")?;
    if !added.status.success() {
        bail!(
            "target {TARGET} is missing and cannot be added; run `rustup target add {TARGET}` while online:\n{}",
            String::from_utf8_lossy(&added.stderr)
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_commands_in_one_folder_run_once() {
        let manifest = Manifest::parse(
            r#"
            spin_manifest_version = 2
            [application]
            name = "t"
            [component.a]
            source = "a.wasm"
            [component.a.build]
            command = "make all"
            [component.b]
            source = "b.wasm"
            [component.b.build]
            command = ["make all", "make b"]
            [component.c]
            source = "c.wasm"
            [component.c.build]
            command = "make all"
            workdir = "c"
            [component.d]
            source = "d.wasm"
            "#,
        )
        .unwrap();
        let steps: Vec<_> = steps(&manifest, Path::new("m"))
            .into_iter()
            .map(|step| (step.components.join(" "), step.command, step.folder))
            .collect();
        assert_eq!(
            steps,
            [
                ("a b".to_owned(), "make all".to_owned(), PathBuf::from("m")),
                ("b".to_owned(), "make b".to_owned(), PathBuf::from("m")),
                ("c".to_owned(), "make all".to_owned(), PathBuf::from("m/c")),
            ]
        );
    }

    #[test]
    fn a_failed_command_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spin.toml");
        std::fs::write(
            &path,
            "spin_manifest_version = 2\n[application]\nname = \"t\"\n[component.a]\nsource = \"a.wasm\"\n\
             [component.a.build]\ncommand = \"echo why; exit 3\"\n",
        )
        .unwrap();
        let message = format!("{:#}", build(&path, true).unwrap_err());
        assert!(message.contains("component a") && message.contains("exit 3") && message.contains("why"));
    }
}
