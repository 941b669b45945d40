use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use confide::client::Client;
use confide::home::Home;
use confide::host::{Host, RunningHost};
use tempfile::TempDir;
use testkit::{Answer, Call};
use tokio::runtime::Runtime;

/// The manifest that is deployed.
#[must_use]
pub fn manifest() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .join("spin.toml")
}

/// Every file of the stores by name, write-ahead logs included, as whoever copies the folder has them. A log whose last connection closes
/// meanwhile goes into its store and vanishes: then they are read again.
#[must_use]
pub fn store_files(home: &Home) -> Vec<(String, Vec<u8>)> {
    let read = || -> std::io::Result<Vec<(String, Vec<u8>)>> {
        std::fs::read_dir(home.folder().join("stores"))?
            .map(|entry| {
                let entry = entry?;
                Ok((entry.file_name().into_string().unwrap(), std::fs::read(entry.path())?))
            })
            .collect()
    };
    (0..100).find_map(|_| read().ok()).expect("the stores can be read")
}

/// A deployment of its own: fresh keyrings, empty stores, a free port.
pub struct Deployment {
    pub home: Home,
    client: Client,
    host: Option<RunningHost>,
    variables: Vec<(String, String)>,
    runtime: Runtime,
    _folder: TempDir,
}

/// Builds the functions, one time for all tests of a program.
fn build() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| confide::functions::build(manifest(), true).expect("the functions build"));
}

fn serve(runtime: &Runtime, home: &Home, variables: &[(String, String)]) -> RunningHost {
    let mut builder = Host::builder(manifest())
        .home(home.folder())
        .listen("127.0.0.1:0".parse().unwrap())
        .quiet(true);
    for (name, value) in variables {
        builder = builder.variable(name, value);
    }
    runtime.block_on(builder.start()).expect("the host starts")
}

impl Deployment {
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// A deployment with variables of its own.
    #[must_use]
    pub fn start_with(variables: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        Home::new(folder.path().join("home")).initialise().unwrap();
        Self::serve(folder, variables)
    }

    /// Sets a variable, from the next restart on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// A deployment from the copy of this one's folder, as one that stands in for it has: the same keyrings, the same stores.
    pub fn replica(&mut self, variables: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        self.restart(|home| {
            let copy = || {
                let _ = std::fs::remove_dir_all(folder.path().join("home"));
                let mut copy = Command::new("cp");
                copy.arg("-a").arg(home.folder()).arg(folder.path());
                copy.status().unwrap().success()
            };
            // A log that was being moved to its store vanishes with its last connection: then what was copied of the two is copied again.
            assert!((0..100).any(|_| copy()), "the folder can be copied");
        });
        Self::serve(folder, variables)
    }

    fn serve(folder: TempDir, variables: &[(&str, &str)]) -> Self {
        build();
        let home = Home::new(folder.path().join("home"));
        let runtime = Runtime::new().unwrap();
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let host = serve(&runtime, &home, &variables);
        Self {
            variables,
            client: Client::new(host.url()),
            home,
            host: Some(host),
            runtime,
            _folder: folder,
        }
    }

    /// Stops, lets something happen to the folder, and starts again.
    pub fn restart(&mut self, meanwhile: impl FnOnce(&Home)) {
        if let Some(host) = self.host.take() {
            self.runtime.block_on(host.shutdown());
        }
        meanwhile(&self.home);
        let host = serve(&self.runtime, &self.home, &self.variables);
        self.client = Client::new(host.url());
        self.host = Some(host);
    }

    #[must_use]
    pub fn url(&self) -> String {
        self.host.as_ref().unwrap().url().to_owned()
    }

    /// The largest memory that any instance of a function has had since the last start, in bytes.
    #[must_use]
    pub fn peak_memory(&self, function: &str) -> usize {
        self.host.as_ref().unwrap().peak_memory(function).unwrap()
    }

    /// Sends a request and takes the answer apart.
    #[must_use]
    pub fn send(&self, call: &Call) -> Answer {
        self.try_send(call).expect("an answer")
    }

    /// Sends a request whose answer may break off.
    #[must_use]
    pub fn try_send(&self, call: &Call) -> Option<Answer> {
        let response = self.client.send(call.request()).ok()?;
        openapi::assert_described(&call.request(), &response);
        Some(Answer::from(response))
    }

    /// Sends a request that must be answered with this status.
    #[track_caller]
    pub fn expect(&self, status: u16, call: &Call) -> Answer {
        let answer = self.send(call);
        assert_eq!(answer.status, status, "{call:?} → {}", answer.json);
        answer
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        if let Some(host) = self.host.take() {
            self.runtime.block_on(host.shutdown());
        }
    }
}
