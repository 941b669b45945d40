//! Runs functions: compiled once, and for every request a fresh instance that is wiped afterwards.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use hyper::body::Body;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::Instant;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Cache, CacheConfig, Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::{Error, WasiBody, WasiHttpCtx, WasiHttpView as _};

use crate::allowed_hosts::AllowedHosts;
use crate::console;
use crate::guest_log::GuestLog;
use crate::imports::{self, Sandbox};
use crate::keyvalue::OpenStore;
use crate::memory::{GuestMemory, Peak};
use crate::outbound::{Application, Chained, Outbound};
use crate::request::{self, Failure, Reached};
use crate::routes::RouteHeaders;
use crate::variables::ComponentVariables;

/// How often a running guest is made to let others run, and so how late a deadline can be noticed.
const TICK: Duration = Duration::from_millis(5);

/// Requests from the network that may run at once; more wait.
const CONCURRENT: u32 = 128;

/// Chained calls that may run at once. Counted apart: a caller holds its own place while it waits for its callee, so one count
/// for both could fill up with callers that wait for each other. A call beyond this is refused at once for the same reason.
const CONCURRENT_CHAINED: u32 = 128;

/// Handles (streams, stores, requests) one request may hold open on the host.
const HANDLES: usize = 10_000;

/// A component as its manifest grants: what it may read, reach and open.
struct Function {
    id: Arc<str>,
    stores: Arc<HashMap<String, OpenStore>>,
    variables: RwLock<Arc<ComponentVariables>>,
    allowed_hosts: Arc<AllowedHosts>,
    environment: Vec<(String, String)>,
    peak_memory: Peak,
    code: ProxyPre<Sandbox>,
}

/// A function before its component has been compiled.
pub(crate) struct Declared {
    pub(crate) id: String,
    pub(crate) source: PathBuf,
    pub(crate) stores: HashMap<String, OpenStore>,
    pub(crate) variables: ComponentVariables,
    pub(crate) allowed_hosts: AllowedHosts,
    pub(crate) environment: Vec<(String, String)>,
}

/// What one request may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// From the first byte to the last that the function writes.
    pub(crate) request: Duration,
    /// Linear memory of one instance, in bytes.
    pub(crate) memory: usize,
    /// Request body, in bytes.
    pub(crate) body: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(30),
            memory: 128 * 1024 * 1024,
            body: 32 * 1024 * 1024,
        }
    }
}

/// The host's life, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Serving,
    /// No new requests; the running ones end by themselves.
    Draining,
    /// Running requests are cut off.
    Stopped,
}

/// The compiled functions of one application, and the means to run them.
pub(crate) struct Engine {
    engine: wasmtime::Engine,
    functions: HashMap<String, Arc<Function>>,
    limits: Limits,
    places: Arc<Semaphore>,
    chained_places: Arc<Semaphore>,
    phase: watch::Receiver<Phase>,
    own_address: OnceLock<SocketAddr>,
    _ticker: Ticker,
}

impl Engine {
    /// Compiles every function, in parallel.
    ///
    /// # Errors
    /// A component that is missing, not a component, or imports what this host does not provide.
    pub(crate) async fn new(
        declared: Vec<Declared>,
        limits: Limits,
        cache_folder: &Path,
        phase: watch::Receiver<Phase>,
    ) -> Result<Self> {
        let engine = configure(limits, cache_folder)?;
        let mut linker = Linker::new(&engine);
        imports::link(&mut linker)?;
        let linker = Arc::new(linker);
        let compiling: Vec<_> = declared
            .into_iter()
            .map(|function| {
                let (engine, linker) = (engine.clone(), Arc::clone(&linker));
                tokio::task::spawn_blocking(move || compile(&engine, &linker, function))
            })
            .collect();
        let mut functions = HashMap::new();
        for function in compiling {
            let function = Arc::new(function.await??);
            functions.insert(function.id.to_string(), function);
        }
        Ok(Self {
            _ticker: Ticker::start(&engine)?,
            engine,
            functions,
            limits,
            places: Arc::new(Semaphore::new(usize::try_from(CONCURRENT)?)),
            chained_places: Arc::new(Semaphore::new(usize::try_from(CONCURRENT_CHAINED)?)),
            phase,
            own_address: OnceLock::new(),
        })
    }

    #[must_use]
    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Says where the application can be reached, once it listens.
    pub(crate) fn set_own_address(&self, address: SocketAddr) {
        let _ = self.own_address.set(address);
    }

    /// What a function reads in requests that begin now.
    pub(crate) fn variables(&self, component: &str) -> Option<Arc<ComponentVariables>> {
        Some(self.functions.get(component)?.variables())
    }

    /// Lets a function read these variables, from its next request on.
    pub(crate) fn set_variables(&self, component: &str, variables: ComponentVariables) {
        if let Some(function) = self.functions.get(component) {
            *function.variables.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(variables);
        }
    }

    /// The largest linear memory that any instance of a function has had, in bytes.
    pub(crate) fn peak_memory(&self, component: &str) -> Option<usize> {
        Some(self.functions.get(component)?.peak_memory.bytes())
    }

    /// Resolves when no request runs any more.
    pub(crate) async fn idle(&self) {
        let _ = self.places.acquire_many(CONCURRENT).await;
        let _ = self.chained_places.acquire_many(CONCURRENT_CHAINED).await;
    }

    /// Runs a function on a request from the network.
    ///
    /// # Errors
    /// Why there is no response.
    pub(crate) async fn serve<B>(
        self: &Arc<Self>,
        component: &str,
        request: Request<B>,
    ) -> Result<Response<HyperOutgoingBody>, Failure>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Error>,
    {
        let deadline = Instant::now() + self.limits.request;
        let place = Arc::clone(&self.places).acquire_owned();
        let place = match tokio::time::timeout_at(deadline, place).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Err(Failure::Stopped),
            Err(_) => return Err(Failure::Crowded),
        };
        let function = self.functions.get(component).ok_or(Failure::Unroutable)?;
        self.run(function, request, deadline, place).await
    }

    async fn call(
        self: Arc<Self>,
        component: String,
        mut request: Request<WasiBody>,
    ) -> Result<Response<WasiBody>, Error> {
        let function = self.functions.get(&component).ok_or(Error::DestinationNotFound)?;
        let deadline = Instant::now() + self.limits.request;
        let place = Arc::clone(&self.chained_places)
            .try_acquire_owned()
            .map_err(|_| Error::ConnectionLimitReached)?;
        request.headers_mut().remove(http::header::HOST);
        let reached = Reached {
            headers: &RouteHeaders::chained(),
            path_info: request.uri().path().to_owned(),
            // No host header, no client: what Spin writes for both in a chained call.
            host: "localhost",
            client: HeaderValue::from_static("0.0.0.0:0"),
        };
        request::describe(&mut request, &reached).map_err(|_| Error::HttpRequestUriInvalid)?;
        // A failed callee answers its caller with a status, as it would a client.
        match self.run(function, request, deadline, place).await {
            Ok(response) => Ok(response),
            Err(failure) => Ok(request::failure(failure)),
        }
    }

    async fn run<B>(
        self: &Arc<Self>,
        function: &Arc<Function>,
        request: Request<B>,
        deadline: Instant,
        place: tokio::sync::OwnedSemaphorePermit,
    ) -> Result<Response<HyperOutgoingBody>, Failure>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Error>,
    {
        let mut store = Store::new(&self.engine, self.sandbox(function));
        store.limiter(|sandbox| &mut sandbox.memory);
        // Each tick the guest yields once, which is where the deadline below can cut it off.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let (sender, response) = oneshot::channel();
        let request = store
            .data_mut()
            .http()
            .new_incoming_request(Scheme::Http, request)
            .map_err(|_| Failure::Unroutable)?;
        let outparam = store
            .data_mut()
            .http()
            .new_response_outparam(sender)
            .map_err(|_| Failure::Trapped)?;
        let function = Arc::clone(function);
        let mut phase = self.phase.clone();
        // A task of its own: a client that hangs up must not choose between which two writes the function stops.
        let running = tokio::spawn(async move {
            let id = Arc::clone(&function.id);
            let work = async move {
                let instance = function.code.instantiate_async(&mut store).await?;
                instance
                    .wasi_http_incoming_handler()
                    .call_handle(&mut store, request, outparam)
                    .await
            };
            let end = tokio::select! {
                biased;
                end = tokio::time::timeout_at(deadline, work) => end,
                _ = phase.wait_for(|phase| *phase == Phase::Stopped) => return Failure::Stopped,
            };
            // The instance is gone by here, so its place is free for the next.
            drop(place);
            match end {
                Ok(Ok(())) => Failure::Trapped,
                Ok(Err(trap)) => {
                    console::line(format_args!("{id}: trapped: {}", first_line(&trap)));
                    Failure::Trapped
                }
                Err(_) => {
                    console::line(format_args!("{id}: stopped at its deadline"));
                    Failure::Late
                }
            }
        });
        match response.await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(_)) => Err(Failure::Trapped),
            // The sender went down with the instance: the task knows why.
            Err(_) => Err(running.await.unwrap_or(Failure::Trapped)),
        }
    }

    fn sandbox(self: &Arc<Self>, function: &Arc<Function>) -> Sandbox {
        let log = GuestLog::new(Arc::clone(&function.id));
        let mut wasi = WasiCtx::builder();
        wasi.stdout(log.clone())
            .stderr(log)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .envs(&function.environment);
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES);
        Sandbox {
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            table,
            memory: GuestMemory::new(self.limits.memory, function.peak_memory.clone()),
            outbound: Outbound::new(Arc::<Self>::clone(self), Arc::clone(&function.allowed_hosts)),
            variables: function.variables(),
            stores: Arc::clone(&function.stores),
        }
    }
}

impl Application for Engine {
    fn own_address(&self) -> Option<SocketAddr> {
        self.own_address.get().copied()
    }

    fn chain(self: Arc<Self>, component: String, request: Request<WasiBody>) -> Chained {
        Box::pin(self.call(component, request))
    }
}

impl Function {
    /// What it may read now. A request keeps what it began with, so that it never sees half of a change.
    fn variables(&self) -> Arc<ComponentVariables> {
        Arc::clone(&self.variables.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A trap's cause: the rest of its text is a backtrace.
fn first_line(trap: &wasmtime::Error) -> String {
    let cause = trap.root_cause().to_string();
    cause.lines().next().unwrap_or_default().to_owned()
}

fn configure(limits: Limits, cache_folder: &Path) -> Result<wasmtime::Engine> {
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.cache(cache(cache_folder));
    let instances = CONCURRENT.saturating_add(CONCURRENT_CHAINED);
    // A Rust component has one memory, and a main module with a few adapters. Memories are counted closely: each takes over 4 GiB of
    // address space, whatever its size.
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(8))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(8))
        .total_stacks(instances)
        .max_memory_size(limits.memory)
        // Pages that nearly every request touches are wiped in place: cheaper than giving them back and faulting them in again. Where
        // the kernel can list the touched ones, only those are wiped.
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(KEPT_MEMORY)
        .table_keep_resident(KEPT_TABLE)
        .async_stack_keep_resident(KEPT_STACK);
    // A guest cannot read what an earlier one left on its stack, unless the compiler errs: 5 us a request against that.
    config.async_stack_zeroing(true);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    wasmtime::Engine::new(&config)
        .map_err(|error| anyhow!("{error:#}; the pool of sandboxes needs address space: raise `ulimit -v`"))
}

const KEPT_MEMORY: usize = 2 * 1024 * 1024;
const KEPT_TABLE: usize = 16 * 1024;
const KEPT_STACK: usize = 64 * 1024;

/// Compiled code is kept between starts. What is in this folder is run as it is, so it is the user's own cache folder, and the
/// home where there is none. Where neither can be written to, every start compiles.
fn cache(fallback: &Path) -> Option<Cache> {
    Cache::new(CacheConfig::new())
        .or_else(|_| cache_in(fallback))
        .inspect_err(|error| {
            console::line(format_args!(
                "compiled functions are not kept for the next start: {error:#}"
            ))
        })
        .ok()
}

fn cache_in(folder: &Path) -> wasmtime::Result<Cache> {
    let mut config = CacheConfig::new();
    // The library takes no relative folder, and the usual home is one.
    config.with_directory(std::path::absolute(folder)?);
    Cache::new(config)
}

fn compile(engine: &wasmtime::Engine, linker: &Linker<Sandbox>, declared: Declared) -> Result<Function> {
    let Declared {
        id,
        source,
        stores,
        variables,
        allowed_hosts,
        environment,
    } = declared;
    if !source.is_file() {
        anyhow::bail!(
            "component.{id}: {} is missing; build the functions first (`confide up` does, unless --no-build is given)",
            source.display()
        );
    }
    let component = Component::from_file(engine, &source)
        .map_err(|error| anyhow!("{error:#}"))
        .with_context(|| format!("component.{id}: {} cannot be loaded", source.display()))?;
    let code = linker
        .instantiate_pre(&component)
        .and_then(ProxyPre::new)
        .map_err(|error| anyhow!("{error:#}"))
        .with_context(|| {
            format!(
                "component.{id}: {} is not a WASI 0.2 HTTP component, or it imports what this host does not provide",
                source.display()
            )
        })?;
    Ok(Function {
        id: id.into(),
        stores: Arc::new(stores),
        variables: RwLock::new(Arc::new(variables)),
        allowed_hosts: Arc::new(allowed_hosts),
        environment,
        peak_memory: Peak::default(),
        code,
    })
}

/// Advances the engine's epoch from a thread of its own: a task could not run while guests hold every worker.
struct Ticker {
    _stop: std::sync::mpsc::Sender<()>,
}

impl Ticker {
    fn start(engine: &wasmtime::Engine) -> Result<Self> {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let engine = engine.weak();
        std::thread::Builder::new().name("epoch".to_owned()).spawn(move || {
            // The sender is never used, only dropped: that ends the wait.
            while let Err(std::sync::mpsc::RecvTimeoutError::Timeout) = stopped.recv_timeout(TICK) {
                match engine.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => return,
                }
            }
        })?;
        Ok(Self { _stop: stop })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_home_can_hold_the_cache() {
        let folder = tempfile::tempdir_in(".").unwrap();
        let relative = Path::new(folder.path().file_name().unwrap()).join("cache");
        assert!(relative.is_relative());
        assert!(cache_in(&relative).is_ok());
        assert!(relative.is_dir());
    }
}
