use std::cell::RefCell;
use std::collections::VecDeque;

use http::{HeaderValue, Request, Response, StatusCode};
use model::Function;
use ports::{Outbound, OutboundError, OutboundLimits};

use crate::bucket::Lost;
use crate::{World, survive};

/// The domain of chained calls, as Spin has it.
const CHAINING_DOMAIN: &str = ".spin.internal";

/// What a provider does with one request.
#[derive(Debug)]
pub enum Reaction {
    /// Takes no connection.
    Refuse,
    /// Acts, and answers.
    Answer(u16, &'static str),
    /// Acts, and hangs up without an answer.
    HangUp,
}

/// How a provider reacts that was told nothing else.
type Usual = Box<dyn Fn(&Request<Vec<u8>>) -> Reaction>;

/// Everybody outside the deployment: keeps what reached it, and reacts as it is told.
#[derive(Default)]
pub struct Provider {
    script: RefCell<VecDeque<Reaction>>,
    usual: RefCell<Option<Usual>>,
    received: RefCell<Vec<Request<Vec<u8>>>>,
}

impl Provider {
    /// How it reacts to requests, where it was not told otherwise. Else it answers 200 with an empty JSON object.
    pub fn usually(&self, reacts: impl Fn(&Request<Vec<u8>>) -> Reaction + 'static) {
        *self.usual.borrow_mut() = Some(Box::new(reacts));
    }

    /// How it reacts to the next requests, one each.
    pub fn reacts(&self, reactions: impl IntoIterator<Item = Reaction>) {
        self.script.borrow_mut().extend(reactions);
    }

    /// What reached it so far. It acted on each of these.
    #[must_use]
    pub fn received(&self) -> Vec<Request<Vec<u8>>> {
        self.received.borrow().clone()
    }

    fn react(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, OutboundError> {
        let told = self.script.borrow_mut().pop_front();
        let reaction = told.unwrap_or_else(|| match self.usual.borrow().as_ref() {
            Some(usual) => usual(&request),
            None => Reaction::Answer(200, "{}"),
        });
        let (status, body) = match reaction {
            Reaction::Refuse => return Err(OutboundError::NotSent),
            Reaction::HangUp => {
                self.received.borrow_mut().push(request);
                return Err(OutboundError::Unknown);
            }
            Reaction::Answer(status, body) => (status, body),
        };
        self.received.borrow_mut().push(request);
        let mut response = Response::new(body.as_bytes().to_vec());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        Ok(response)
    }
}

/// The way out of one function. Each request is an operation that can be made to fail, as those on stores are.
pub(crate) struct GrantedOutbound<'w> {
    pub(crate) world: &'w World,
    pub(crate) function: Function,
}

/// Whom the manifest lets a function send to, as the permission map of `spin.toml` has it.
pub(crate) fn may_send(function: Function, host: &str) -> bool {
    match function {
        Function::Auth | Function::Consent => host == "notify.spin.internal",
        Function::Notify => host == "identity.spin.internal" || !host.ends_with(CHAINING_DOMAIN),
        Function::Exchange => ["identity", "consent", "records", "billing"]
            .iter()
            .any(|callee| host == format!("{callee}{CHAINING_DOMAIN}")),
        Function::Identity | Function::Records | Function::Audit | Function::Billing => false,
    }
}

impl GrantedOutbound<'_> {
    /// A chained call: carries no caller and comes from no client, as on Spin. A callee that dies is an answer that
    /// never comes.
    fn chain(&self, callee: Function, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, OutboundError> {
        let routes = self.world.routes.borrow().get(&callee).cloned();
        let routes = routes.ok_or(OutboundError::NotSent)?;
        let mut received = Request::new(request.body().clone());
        *received.method_mut() = request.method().clone();
        *received.uri_mut() = request.uri().path_and_query().unwrap().as_str().parse().unwrap();
        *received.headers_mut() = request.headers().clone();
        received
            .headers_mut()
            .append("spin-client-addr", HeaderValue::from_static("0.0.0.0:0"));
        survive(|| self.world.serve(callee, &routes, &received)).ok_or(OutboundError::Unknown)
    }
}

impl Outbound for GrantedOutbound<'_> {
    fn send(&self, request: Request<Vec<u8>>, limits: OutboundLimits) -> Result<Response<Vec<u8>>, OutboundError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        if !may_send(self.function, &host) {
            return Err(OutboundError::NotSent);
        }
        let operation = format!("outbound {} {host}{}", request.method(), request.uri().path());
        let answered = self.world.stores.attempt(operation, || {
            match host.strip_suffix(CHAINING_DOMAIN).and_then(Function::from_name) {
                Some(callee) => self.chain(callee, &request),
                None => self.world.provider.react(request),
            }
        });
        let response = match answered {
            Ok(response) => response?,
            Err(Lost::Undone) => return Err(OutboundError::NotSent),
            Err(Lost::Done) => return Err(OutboundError::Unknown),
        };
        if response.body().len() > limits.body {
            return Err(OutboundError::Unknown);
        }
        Ok(response)
    }
}
