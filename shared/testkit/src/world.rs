use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use model::Function;
use ports::{Clock, Entropy, OperatorLog, Platform, Secrets};
use web::Route;

use crate::bucket::{GrantedStores, MemoryStores};
use crate::connection::MemoryConnection;
use crate::outbound::{GrantedOutbound, Provider, may_send};
use crate::request::{BrokenOff, Call};

/// A clock that stands still, but for pauses and [`StandingClock::advance`].
#[derive(Debug)]
pub struct StandingClock(Cell<Timestamp>);

impl StandingClock {
    /// Lets time pass.
    pub fn advance(&self, duration: SignedDuration) {
        self.0.set(self.0.get() + duration);
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        self.0.get()
    }

    fn pause(&self, duration: Duration) {
        self.advance(SignedDuration::try_from(duration).unwrap());
    }
}

/// Randomness that is the same in every run: a counter under HMAC-SHA-256.
pub struct SeededEntropy {
    key: crypto::Secret,
    counter: Cell<u64>,
}

impl SeededEntropy {
    /// The stream of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Self {
            key: crypto::Secret::from_bytes(key),
            counter: Cell::new(0),
        }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let counter = self.counter.get();
            self.counter.set(counter + 1);
            let block = crypto::mac(
                &self.key,
                crypto::Label::new("confide 2026-11 test entropy"),
                &[&counter.to_le_bytes()],
            );
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        }
    }
}

/// Where a deployment keeps its data, unless the test says otherwise.
pub(crate) const REGION: &str = "local";

/// A whole deployment in memory.
pub struct World {
    /// The time.
    pub clock: StandingClock,
    /// The randomness.
    pub entropy: SeededEntropy,
    /// The stores of all functions.
    pub stores: MemoryStores,
    /// The keyrings, as secret stores deliver them.
    pub keyrings: BTreeMap<Function, String>,
    /// Everybody outside.
    pub provider: Provider,
    variables: RefCell<BTreeMap<(Function, String), String>>,
    pub(crate) routes: RefCell<BTreeMap<Function, Vec<Route>>>,
    log: RefCell<Vec<String>>,
}

/// What a function is handed: its keyring, and the variables that the test has set.
struct GrantedSecrets<'w> {
    world: &'w World,
    function: Function,
}

impl Secrets for GrantedSecrets<'_> {
    fn secret(&self, name: &str) -> Option<String> {
        if name == "keyring" {
            return self.world.keyrings.get(&self.function).cloned();
        }
        self.world
            .variables
            .borrow()
            .get(&(self.function, name.to_owned()))
            .cloned()
            .or_else(|| (name == "region").then(|| REGION.to_owned()))
    }
}

impl OperatorLog for World {
    fn write(&self, line: &str) {
        self.log.borrow_mut().push(line.to_owned());
    }
}

/// The stores that the manifest grants, as the permission map of `spin.toml` has them.
fn granted(function: Function) -> &'static [&'static str] {
    match function {
        Function::Auth => &["accounts", "sessions", "audit"],
        Function::Identity => &["identity", "identity-keys", "sessions", "permissions", "audit"],
        Function::Consent => &["consent", "permissions", "sessions", "audit"],
        Function::Records => &["health", "health-keys", "sessions", "permissions", "audit"],
        Function::Audit => &["audit", "sessions"],
        Function::Notify => &["notify", "sessions", "audit"],
        Function::Billing => &["billing", "billing-keys", "sessions", "permissions", "audit"],
        Function::Exchange => &["sessions"],
    }
}

/// Lets a function answer on a platform that the test has changed.
pub fn serve(
    platform: Platform<'_>,
    function: Function,
    routes: &[Route],
    request: &Request<Vec<u8>>,
) -> Response<Vec<u8>> {
    let (head, body) = request.clone().into_parts();
    let is_broken_off = head.extensions.get::<BrokenOff>().is_some();
    let connection = MemoryConnection::new(body, is_broken_off);
    let answer = web::serve(
        platform,
        function,
        routes,
        Request::from_parts(head, ()),
        connection.ports(),
    );
    let answer = answer.unwrap_or_else(|| connection.into_answer());
    openapi::assert_described(request, &answer);
    answer
}

impl World {
    /// A fresh deployment: empty stores, new keyrings, the morning of 1 December 2026.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let entropy = SeededEntropy::new(seed);
        let keyrings = crypto::issue_keyrings(&entropy)
            .unwrap()
            .into_iter()
            .map(|(function, text)| (function, text.to_string()))
            .collect();
        Self {
            clock: StandingClock(Cell::new("2026-12-01T08:00:00Z".parse().unwrap())),
            entropy,
            stores: MemoryStores::default(),
            keyrings,
            provider: Provider::default(),
            variables: RefCell::default(),
            routes: RefCell::default(),
            log: RefCell::default(),
        }
    }

    /// A private call of one function to another, as the first would make it now.
    #[must_use]
    pub fn private_call(&self, caller: Function, callee: Function, path: &str, body: &serde_json::Value) -> Call {
        self.private_call_for(access::InNameOf::default(), caller, callee, path, body)
    }

    /// The same in the name of whoever has this token, for the purpose that she names.
    #[must_use]
    pub fn private_call_in_name_of(
        &self,
        token: &str,
        purpose: Option<&str>,
        [caller, callee]: [Function; 2],
        path: &str,
        body: &serde_json::Value,
    ) -> Call {
        let authorization = format!("Bearer {token}");
        let person = access::InNameOf {
            authorization: &authorization,
            purpose: purpose.unwrap_or_default(),
            network: "",
        };
        let call = self
            .private_call_for(person, caller, callee, path, body)
            .header("authorization", &authorization);
        match purpose {
            Some(purpose) => call.header("purpose-of-use", purpose),
            None => call,
        }
    }

    fn private_call_for(
        &self,
        person: access::InNameOf<'_>,
        caller: Function,
        callee: Function,
        path: &str,
        body: &serde_json::Value,
    ) -> Call {
        let text = self.keyrings.get(&caller).map(String::as_str);
        let keyring = crypto::Keyring::parse(caller, text).unwrap();
        let body = body.to_string();
        let call = access::PrivateCall {
            caller,
            callee,
            method: "POST",
            target: path,
            in_name_of: person,
            body: body.as_bytes(),
        };
        let proof = call.prove(keyring.calls(callee).unwrap(), self.clock.now());
        Call::new(http::Method::POST, path)
            .header("content-type", "application/json")
            .header("private-call", &proof)
            .body(body)
    }

    /// Sets a variable of a function.
    pub fn set(&self, function: Function, name: &str, value: &str) {
        self.variables
            .borrow_mut()
            .insert((function, name.to_owned()), value.to_owned());
    }

    /// Whether the manifest lets a function send requests to this host.
    #[must_use]
    pub fn may_send(&self, function: Function, host: &str) -> bool {
        may_send(function, host)
    }

    /// Lets a function be reached by the chained calls of others.
    pub fn deploy(&self, function: Function, routes: &[Route]) {
        self.routes.borrow_mut().insert(function, routes.to_vec());
    }

    /// Lets a function answer, as its exported handler would.
    pub fn serve(&self, function: Function, routes: &[Route], request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        self.with_platform(function, |platform| serve(platform, function, routes, request))
    }

    /// Runs a test against a store with the platform of `function`.
    pub fn with_platform<R>(&self, function: Function, run: impl FnOnce(Platform<'_>) -> R) -> R {
        let stores = GrantedStores {
            stores: self.stores.clone(),
            clock: &self.clock,
            labels: granted(function),
        };
        run(Platform {
            clock: &self.clock,
            entropy: &self.entropy,
            secrets: &GrantedSecrets { world: self, function },
            stores: &stores,
            outbound: &GrantedOutbound { world: self, function },
            log: self,
        })
    }

    /// The operators' log so far.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.log.borrow().clone()
    }
}
