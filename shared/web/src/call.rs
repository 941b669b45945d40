//! Private calls, as HTTP carries them: `POST http://NAME.spin.internal/…` with the caller's proof in a header.

use std::time::Duration;

use access::{Caller, CallingFunction, InNameOf, PrivateCall, Unproven};
use crypto::KeyringPlan;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use model::Function;
use ports::{OutboundError, OutboundLimits};
use serde::{Deserialize, Serialize};

use crate::common_headers::REQUEST_ID;
use crate::exchange::PURPOSE_OF_USE;
use crate::serve::BODY_LIMIT;
use crate::{Exchange, Problem};

/// Carries the proof of [`PrivateCall`].
const PRIVATE_CALL: HeaderName = HeaderName::from_static("private-call");

/// Where a person came from in whose name a function calls. Believed under the proof alone.
const CALLERS_NETWORK: HeaderName = HeaderName::from_static("private-call-network");

/// What stands in an answer around what came in a body of its own.
const ENVELOPE: usize = 1024;

/// A callee may itself ask a provider, which it gives ten seconds; a whole request has thirty.
const LIMITS: OutboundLimits = OutboundLimits {
    connect: Duration::from_secs(2),
    total: Duration::from_secs(20),
    body: BODY_LIMIT + ENVELOPE,
};

#[derive(Deserialize)]
struct ProblemType {
    r#type: String,
}

fn is_no_such_route(body: &[u8]) -> bool {
    let kind = |problem: ProblemType| problem.r#type == Problem::no_such_route().body().kind;
    serde_json::from_slice(body).is_ok_and(kind)
}

/// When to ask again, in seconds, where an answer says so (RFC 9110, section 10.2.3). As a date it is not used.
fn asks_again_after(response: &Response<Vec<u8>>) -> Option<i64> {
    let value = response.headers().get(RETRY_AFTER)?;
    let seconds = value.to_str().ok().and_then(|text| text.trim().parse::<u32>().ok());
    Some(seconds.map_or(1, i64::from))
}

impl Exchange<'_> {
    /// Calls a private route of another function in this one's own name, and returns its answer where it has decided something: a status below
    /// 500 without `Retry-After`. The caller's request id goes along, so that the trails of both tell one story.
    ///
    /// # Errors
    /// 503 where the callee did not answer, failed, asks to be asked again, or does not know this function. What it did is unknown then; every
    /// private route that changes something is idempotent by a key in its body, so the same request is to be sent again.
    pub fn call<T: Serialize>(
        &self,
        callee: Function,
        path: &'static str,
        body: &T,
    ) -> Result<Response<Vec<u8>>, Problem> {
        let response = self.call_for(InNameOf::default(), callee, path, body)?;
        // Too many wrote there at once (409 `contended`), or it has no time now: that decides nothing, and the next try may find the opposite.
        // Nobody but this function will repeat the call.
        match asks_again_after(&response) {
            Some(seconds) => Err(self.unanswered(callee, seconds, "is to be repeated")),
            None => Ok(response),
        }
    }

    /// Calls a private route of another function in the name of whoever presents this request's token: the callee decides about her, for the
    /// purpose that she names. What it answers is an answer to her: also that she is to repeat the request, which she can.
    ///
    /// # Errors
    /// As [`Exchange::call`], but for the callee that asks to be asked again.
    pub fn call_in_name_of<T: Serialize>(
        &self,
        _: &Caller,
        callee: Function,
        path: &'static str,
        body: &T,
    ) -> Result<Response<Vec<u8>>, Problem> {
        let authorization = self.authorization()?;
        let network = self.network().unwrap_or_default();
        let person = InNameOf {
            authorization: &authorization,
            purpose: self.header(&PURPOSE_OF_USE)?.unwrap_or_default(),
            network: &network,
        };
        self.call_for(person, callee, path, body)
    }

    fn unanswered(&self, callee: Function, seconds: i64, why: &str) -> Problem {
        Problem::unavailable(
            seconds,
            "Another part of the service did not answer. Repeat the request.",
        )
        .log(format!("a call from {} to {callee} {why}", self.function))
    }

    fn call_for<T: Serialize>(
        &self,
        person: InNameOf<'_>,
        callee: Function,
        path: &'static str,
        body: &T,
    ) -> Result<Response<Vec<u8>>, Problem> {
        let failed = |why: &str| self.unanswered(callee, 1, why);
        let body = serde_json::to_vec(body).map_err(|_| Problem::defect("the body of a call does not serialise"))?;
        let call = PrivateCall {
            caller: self.function,
            callee,
            method: "POST",
            target: path,
            in_name_of: person,
            body: &body,
        };
        let proof = call.prove(self.keyring.calls(callee)?, self.platform.clock.now());
        let uri: Uri = format!("http://{callee}.spin.internal{path}")
            .parse()
            .map_err(|_| Problem::defect("the path of a call is none"))?;
        let header =
            |text: &str| HeaderValue::from_str(text).map_err(|_| Problem::defect("the header of a call is none"));
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (PRIVATE_CALL, header(&proof)?),
            (REQUEST_ID, header(&self.headers.request_id.to_string())?),
        ];
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        request.headers_mut().extend(headers);
        for (name, value) in [
            (AUTHORIZATION, person.authorization),
            (PURPOSE_OF_USE, person.purpose),
            (CALLERS_NETWORK, person.network),
        ] {
            if !value.is_empty() {
                request.headers_mut().insert(name, header(value)?);
            }
        }
        let response = self
            .platform
            .outbound
            .send(request, LIMITS)
            .map_err(|error| match error {
                OutboundError::NotSent => failed("was not sent: compare allowed_outbound_hosts in spin.toml"),
                OutboundError::Unknown => failed("was not answered"),
            })?;
        if response.status().is_server_error() {
            return Err(failed("failed there"));
        }
        // Not "there is no such thing", which a handler would say, but "who are you", which comes before every handler.
        if response.status() == StatusCode::NOT_FOUND && is_no_such_route(response.body()) {
            return Err(failed("was not believed there: compare their keyrings and clocks"));
        }
        Ok(response)
    }

    /// The function that calls this private route. Checked before the body is looked at. From then on all that is recorded of this request
    /// names it, and the network that a person came from in whose name it calls.
    ///
    /// # Errors
    /// Whoever has no genuine proof gets the 404 of a path that does not exist, so that private routes can't be told from
    /// nothing. 503 where this keyring lacks the key of a pair that is meant to have one.
    pub fn calling_function(&self) -> Result<CallingFunction, Problem> {
        let proof = self
            .header(&PRIVATE_CALL)
            .ok()
            .flatten()
            .ok_or_else(Problem::no_such_route)?;
        let caller = PrivateCall::claimed_caller(proof)
            .filter(|caller| KeyringPlan::has_calls(*caller, self.function))
            .ok_or_else(Problem::no_such_route)?;
        let call = PrivateCall {
            caller,
            callee: self.function,
            method: self.request.method().as_str(),
            target: self.target(),
            in_name_of: self.in_name_of()?,
            body: self.body(),
        };
        let key = self.keyring.called_by(caller)?;
        let calling = call
            .verify(key, proof, self.platform.clock.now())
            .map_err(|unproven| match unproven {
                Unproven::Forged => Problem::no_such_route(),
                // Told to the operator: it is a genuine call, so no stranger can fill the log with it.
                Unproven::OutOfTime => Problem::no_such_route().log(format!(
                    "a call from {caller} to {} is refused: {unproven}",
                    self.function
                )),
            })?;
        self.calling.set(Some(calling));
        Ok(calling)
    }

    /// The person in whose name this request says to be made.
    pub(crate) fn in_name_of(&self) -> Result<InNameOf<'_>, Problem> {
        let text = |name| Ok::<_, Problem>(self.header(&name)?.unwrap_or_default());
        Ok(InNameOf {
            authorization: text(AUTHORIZATION)?,
            purpose: text(PURPOSE_OF_USE)?,
            network: text(CALLERS_NETWORK)?,
        })
    }
}
