//! What the tour is played on: requests that are numbered, shown, and held against what was promised.

use anyhow::Result;
use http::header::IF_MATCH;
use http::{HeaderValue, Method, Request};
use ports::EntropyExt as _;
use serde_json::Value;

use crate::client::{self, Client};
use crate::console;
use crate::home::SystemEntropy;

/// A request in the making.
pub(crate) struct Ask<'a> {
    method: Method,
    path: String,
    token: Option<&'a str>,
    if_match: Option<String>,
    private_call: Option<String>,
    purpose: Option<&'static str>,
    body: Option<Value>,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) json: Value,
    pub(crate) audit_id: Option<String>,
    pub(crate) etag: Option<String>,
}

/// The tour so far.
pub(crate) struct Stage {
    client: Client,
    steps: usize,
    broken: usize,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            token: None,
            if_match: None,
            private_call: None,
            purpose: None,
            body: None,
        }
    }

    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn post(path: impl Into<String>, body: Value) -> Self {
        let mut ask = Self::new(Method::POST, path);
        ask.body = Some(body);
        ask
    }

    pub(crate) fn put(path: impl Into<String>, body: Value) -> Self {
        let mut ask = Self::new(Method::PUT, path);
        ask.body = Some(body);
        ask
    }

    pub(crate) fn by(mut self, token: &'a str) -> Self {
        self.token = Some(token);
        self
    }

    pub(crate) fn if_match(mut self, etag: Option<&str>) -> Self {
        self.if_match = etag.map(str::to_owned);
        self
    }

    /// For this purpose, an HL7 PurposeOfUse code.
    pub(crate) fn purpose(mut self, code: &'static str) -> Self {
        self.purpose = Some(code);
        self
    }

    /// As a private call between functions, with its proof.
    pub(crate) fn private_call(mut self, proof: String) -> Self {
        self.private_call = Some(proof);
        self
    }

    fn request(&self) -> Result<Request<Vec<u8>>> {
        let mut request = client::request(self.method.clone(), &self.path, self.token, self.body.as_ref())?;
        let headers = request.headers_mut();
        if let Some(etag) = &self.if_match {
            headers.insert(IF_MATCH, HeaderValue::try_from(etag)?);
        }
        if let Some(proof) = &self.private_call {
            headers.insert("private-call", HeaderValue::try_from(proof)?);
        }
        if let Some(code) = self.purpose {
            headers.insert("purpose-of-use", HeaderValue::from_static(code));
        }
        if self.method == Method::POST {
            let key: model::RequestId = SystemEntropy.id();
            headers.insert("idempotency-key", HeaderValue::try_from(key.to_string())?);
        }
        Ok(request)
    }
}

impl Answer {
    /// A text of the answer, empty where there is none: the step before has then been counted as broken.
    pub(crate) fn text(&self, pointer: &str) -> String {
        self.json
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }

    /// The name of the problem.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.json.get("type")?.as_str()?.rsplit(':').next()
    }
}

impl Stage {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            steps: 0,
            broken: 0,
        }
    }

    pub(crate) fn steps(&self) -> usize {
        self.steps
    }

    pub(crate) fn broken(&self) -> usize {
        self.broken
    }

    pub(crate) fn say(&self, text: &str) {
        console::line(format_args!("{text}"));
    }

    /// Sends without showing anything.
    pub(crate) fn ask(&self, ask: &Ask<'_>) -> Result<Answer> {
        self.ask_of(&self.client, ask)
    }

    /// The same of another deployment.
    pub(crate) fn ask_of(&self, client: &Client, ask: &Ask<'_>) -> Result<Answer> {
        let response = client.send(ask.request()?)?;
        let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
        Ok(Answer {
            status: response.status().as_u16(),
            audit_id: header("audit-id"),
            etag: header("etag"),
            json: serde_json::from_slice(response.body()).unwrap_or(Value::Null),
        })
    }

    /// Sends, shows, and holds the status against the one that is promised.
    pub(crate) fn expect(&mut self, status: u16, meaning: &str, ask: &Ask<'_>) -> Result<Answer> {
        let answer = self.ask(ask)?;
        let problem = answer
            .problem()
            .map(|problem| format!(" ({problem})"))
            .unwrap_or_default();
        let line = format!("{:<6} {}", ask.method, ask.path);
        self.show(
            answer.status == status,
            &format!("{}{problem}", answer.status),
            &line,
            meaning,
        );
        if answer.status != status {
            self.say(&format!("       promised {status}; the answer was {}", answer.json));
        }
        Ok(answer)
    }

    /// Shows something that was found out in another way.
    pub(crate) fn check(&mut self, holds: bool, what: &str, meaning: &str) {
        self.show(holds, if holds { "yes" } else { "no" }, what, meaning);
    }

    fn show(&mut self, holds: bool, outcome: &str, what: &str, meaning: &str) {
        self.steps += 1;
        let mark = if holds {
            "  "
        } else {
            self.broken += 1;
            "! "
        };
        self.say(&format!(
            "{mark}{:>3}. {meaning}\n       {what}\n       → {outcome}",
            self.steps
        ));
    }
}
