//! `confide init`: keyrings, store files, and the code that founds the first clinic.

use std::path::PathBuf;

use anyhow::Result;

use crate::command::typed;
use crate::console;
use crate::home::{self, Home};
use crate::host;
use crate::manifest::Manifest;

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The application whose stores are made
    #[arg(short = 'f', long, default_value = typed::USUAL_MANIFEST, value_name = "FILE")]
    pub manifest: PathBuf,

    /// The folder to make [default: .confide beside the manifest]
    #[arg(long, env = "CONFIDE_HOME", value_name = "FOLDER")]
    pub home: Option<PathBuf>,
}

/// Makes a new deployment.
///
/// # Errors
/// Where there is one already, or the folder can't be written.
pub fn run(arguments: Arguments) -> Result<()> {
    let manifest = Manifest::read(&arguments.manifest)?;
    let home = Home::chosen(arguments.home, &arguments.manifest);
    home::refuse_keyrings_of_the_environment()?;
    let code = home.initialise()?;
    host::create_stores(home.folder(), &manifest)?;
    announce(&home, &code);
    console::line(format_args!(
        "serve it with: {}\n",
        typed::up(&arguments.manifest, &home)
    ));
    Ok(())
}

/// Says what was made, and the code, which is shown here and never again.
pub fn announce(home: &Home, code: &str) {
    console::line(format_args!(
        "\nmade a new deployment in {folder}\n\
         \x20 keyrings   {env} (mode 0600; back it up apart from the stores)\n\
         \x20 code       {code}\n\
         \n\
         The code founds one clinic, one time: POST it to /v1/auth/clinics. It is shown now and kept nowhere;\n\
         `{another}` makes another.\n\
         \n\
         Messages are sent to nobody and shown at /v1/notify/capture instead; see .env.",
        folder = home.folder().display(),
        env = home.env_file().display(),
        another = typed::bootstrap_code(home),
    ));
}
