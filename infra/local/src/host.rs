//! The embedded host: one application, served from its manifest.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::allowed_hosts::{AllowedHost, AllowedHosts};
use crate::engine::{Declared, Engine, Limits, Phase};
use crate::keyvalue::{self, Stores};
use crate::manifest::{Component, Manifest, Source};
use crate::routes::Router;
use crate::server::{self, Server};
use crate::sources::{self, Sources};
use crate::template::Template;
use crate::variables::{self, Resolved, Value};

/// Where [`Host::builder`] begins.
pub struct Host;

impl Host {
    pub fn builder(manifest: impl AsRef<Path>) -> HostBuilder {
        HostBuilder {
            manifest: manifest.as_ref().to_owned(),
            home: None,
            variables: HashMap::new(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)),
            quiet: false,
            limits: Limits::default(),
        }
    }
}

/// An application that is about to start.
#[must_use]
pub struct HostBuilder {
    manifest: PathBuf,
    home: Option<PathBuf>,
    variables: HashMap<String, Value>,
    listen: SocketAddr,
    quiet: bool,
    limits: Limits,
}

impl HostBuilder {
    /// The folder of `stores/` and `.env`; `.confide` beside the manifest, if not set.
    pub fn home(mut self, folder: impl AsRef<Path>) -> Self {
        self.home = Some(folder.as_ref().to_owned());
        self
    }

    /// An application variable's value, before every other source.
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), Value::new(value.into()));
        self
    }

    /// Port 0 takes any free one.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// No access log. What functions print, and their failures, are still shown.
    pub fn quiet(mut self, quiet: bool) -> Self {
        self.quiet = quiet;
        self
    }

    /// What one request may take, in time.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.limits.request = timeout;
        self
    }

    /// What one request may take, in bytes of linear memory.
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.limits.memory = bytes;
        self
    }

    /// The longest request body, in bytes.
    pub fn body_limit(mut self, bytes: u64) -> Self {
        self.limits.body = bytes;
        self
    }

    /// Opens the stores, compiles the functions and begins to listen. Must be called in a Tokio runtime; a multi-threaded one
    /// keeps other requests going while one waits for its commit.
    ///
    /// # Errors
    /// A manifest, store, component or address that cannot be used, with what to do about it.
    pub async fn start(self) -> Result<RunningHost> {
        let manifest = Manifest::read(&self.manifest)?;
        let folder = folder_of(&self.manifest);
        let home = self.home.unwrap_or_else(|| default_home(&self.manifest));
        let stores_folder = home.join("stores");
        let stores = open_stores(&home, &manifest)?;

        let sources = Sources::new(self.variables, home.join(".env"));
        let resolved = sources.resolve(&manifest)?;
        let missing = resolved.missing();
        let mut warnings: Vec<String> = missing
            .iter()
            .map(|name| {
                format!(
                    "variable {name} is required and has no value: set {} or write it to {}",
                    variables::environment_name(name),
                    sources.dotenv().display()
                )
            })
            .collect();
        let mut declared = manifest
            .triggered()
            .into_iter()
            .map(|(id, component)| declare(id, component, folder, &stores, &resolved, &mut warnings))
            .collect::<Result<Vec<_>>>()?;
        // As in Spin, which resolves all variables before it looks at anybody's list: while one has no value, no function sends anything.
        if !missing.is_empty() {
            for component in &mut declared {
                component.allowed_hosts = AllowedHosts::default();
            }
            warnings.push(
                "no function can send a request, nor call another one, before every variable has a value and this is started again".to_owned(),
            );
        }

        let (phase, observed) = watch::channel(Phase::Serving);
        let engine = Engine::new(declared, self.limits, &home.join("cache"), observed.clone()).await?;
        let listener = TcpListener::bind(self.listen)
            .await
            .with_context(|| format!("cannot listen on {}: choose another address with --listen", self.listen))?;
        let address = listener.local_addr()?;
        engine.set_own_address(address);
        let router = manifest.router()?;
        let engine = Arc::new(engine);
        let manifest = Arc::new(manifest);
        let following = sources::follow(sources, Arc::clone(&manifest), Arc::clone(&engine), observed.clone());
        let following = tokio::spawn(following);
        let server = Arc::new(Server {
            engine: Arc::clone(&engine),
            router: router.clone(),
            access_log: !self.quiet,
            phase: observed.clone(),
        });
        let task = tokio::spawn(server::serve(server, listener, observed));
        Ok(RunningHost {
            address,
            url: format!("http://{address}"),
            engine,
            stores_folder,
            manifest,
            router,
            resolved,
            warnings,
            phase,
            task: Some(task),
            following,
        })
    }
}

fn open_stores(home: &Path, manifest: &Manifest) -> Result<Stores> {
    let folder = home.join("stores");
    create_private_folder(home)?;
    create_private_folder(&folder)?;
    Stores::open(&folder, manifest.store_labels())
}

/// Makes the files of all stores that the manifest names; those that are there stay as they are.
///
/// # Errors
/// A file or folder that cannot be made.
pub fn create_stores(home: &Path, manifest: &Manifest) -> Result<()> {
    open_stores(home, manifest).map(drop)
}

fn declare(
    id: &str,
    component: &Component,
    folder: &Path,
    stores: &Stores,
    resolved: &Resolved,
    warnings: &mut Vec<String>,
) -> Result<Declared> {
    let source = match &component.source {
        Source::Path(path) => folder.join(path),
        Source::Remote(_) => {
            anyhow::bail!("component.{id}: source: this host loads local files only")
        }
    };
    let granted = component
        .key_value_stores
        .iter()
        .filter_map(|label| Some((label.clone(), stores.get(label)?)))
        .collect();
    // As in Spin, one entry that cannot be resolved closes them all: a list with a hole says nothing about what was meant.
    let allowed_hosts = match allowed_hosts(component, resolved) {
        Ok(hosts) => hosts,
        Err(error) => {
            warnings.push(format!("component {id} cannot send any request: {error:#}"));
            AllowedHosts::default()
        }
    };
    Ok(Declared {
        id: id.to_owned(),
        source,
        stores: granted,
        variables: resolved.component(&component.variables)?,
        allowed_hosts,
        environment: component
            .environment
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    })
}

fn allowed_hosts(component: &Component, resolved: &Resolved) -> Result<AllowedHosts> {
    component
        .allowed_outbound_hosts
        .iter()
        .map(|entry| {
            let template = Template::parse(entry)?;
            let filled = resolved
                .fill(&template)
                .map_err(|_| anyhow::anyhow!("allowed_outbound_hosts: {entry:?} has a variable without a value"))?;
            // The parser's message would quote the value, which may be secret.
            AllowedHost::parse(filled.expose())
                .map_err(|_| anyhow::anyhow!("allowed_outbound_hosts: {entry:?} is no host"))
        })
        .collect::<Result<Vec<_>>>()
        .map(AllowedHosts::new)
}

/// Relative paths of a manifest are relative to this; empty for the working directory.
fn folder_of(manifest: &Path) -> &Path {
    manifest.parent().unwrap_or_else(|| Path::new(""))
}

/// `.confide` beside the manifest.
#[must_use]
pub fn default_home(manifest: &Path) -> PathBuf {
    folder_of(manifest).join(".confide")
}

/// Makes a folder that only its owner can enter; one that is there already is left as it is.
///
/// # Errors
/// The folder, and what to check.
pub fn create_private_folder(path: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path).with_context(|| {
        format!(
            "{}: cannot be made; check the folder above it, or choose another with --home",
            path.display()
        )
    })
}

/// An application that is being served. Dropping it stops it at once; [`RunningHost::shutdown`] lets running requests end.
pub struct RunningHost {
    address: SocketAddr,
    url: String,
    engine: Arc<Engine>,
    stores_folder: PathBuf,
    manifest: Arc<Manifest>,
    router: Router,
    resolved: Resolved,
    warnings: Vec<String>,
    phase: watch::Sender<Phase>,
    task: Option<JoinHandle<()>>,
    following: JoinHandle<()>,
}

impl RunningHost {
    /// `http://ADDRESS:PORT`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The file behind a store label.
    #[must_use]
    pub fn store_file(&self, label: &str) -> PathBuf {
        keyvalue::file(&self.stores_folder, label)
    }

    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The public routes and their components, most specific first.
    pub fn routes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.router
            .iter()
            .map(|route| (route.pattern.as_str(), route.component.as_str()))
    }

    /// Whether a component's variable has this value. The value itself is not given out: it may be secret.
    #[must_use]
    pub fn is_set(&self, component: &str, variable: &str, value: &str) -> bool {
        self.manifest.component.get(component).is_some_and(|component| {
            let variables = self.resolved.component(&component.variables);
            variables.is_ok_and(|variables| variables.get(variable).is_ok_and(|text| text == value))
        })
    }

    /// The largest linear memory that any instance of a component has had since the start, in bytes; `None` for one that is not
    /// served.
    #[must_use]
    pub fn peak_memory(&self, component: &str) -> Option<usize> {
        self.engine.peak_memory(component)
    }

    /// What will not work, in sentences that name no value.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Takes no new requests, lets the running ones end (10 seconds at most), and returns when nothing is left.
    pub async fn shutdown(mut self) {
        self.phase.send_replace(Phase::Draining);
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
        // It holds the engine, and with it the stores, until it has seen the phase or is gone.
        self.following.abort();
        let _ = (&mut self.following).await;
    }
}

impl Drop for RunningHost {
    fn drop(&mut self) {
        self.phase.send_replace(Phase::Stopped);
        self.following.abort();
    }
}
