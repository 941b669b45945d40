//! One service identity at one deployment: its session, and the runs of its jobs.

use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use http::header::RETRY_AFTER;
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::client::{self, Client};
use crate::jobs::list::Job;
use crate::jobs::schedule::Outcome;
use crate::jobs::secrets::JobSecret;

const TOKENS: &str = "/v1/auth/service-tokens";

/// A token is good for ten minutes, and used for nine. They are counted from before it was asked for, on this machine alone: the clocks of
/// two machines may differ.
const TOKEN_USED_FOR: Duration = Duration::from_mins(9);

/// Why a job did not run.
#[derive(Debug)]
pub(crate) enum Failure {
    /// `auth` says that the secret opens nothing, and never will.
    SecretRefused,
    /// `auth` gave no token.
    NoToken(StatusCode, Option<Duration>),
    /// The job answered something else than success.
    Refused(StatusCode, Option<Duration>),
    /// Nothing was answered. The job may have run.
    NoAnswer(anyhow::Error),
}

/// An identity. Its runs take it by `&mut`: two of them never overlap.
pub(crate) struct Identity {
    client: Client,
    secret: JobSecret,
    token: Option<Token>,
}

struct Token {
    text: Zeroizing<String>,
    asked_at: Instant,
}

#[derive(Deserialize)]
struct SessionAnswer {
    token: Zeroizing<String>,
}

impl Identity {
    pub(crate) fn new(client: Client, secret: JobSecret) -> Self {
        Self {
            client,
            secret,
            token: None,
        }
    }

    /// Runs a job.
    pub(crate) async fn run(&mut self, job: &Job) -> Result<Outcome, Failure> {
        let answered = self.ask(&job.path).await?;
        Ok(match answered.get("more") {
            Some(Value::Bool(true)) => Outcome::More,
            _ => Outcome::Done,
        })
    }

    /// Runs the job at this path, and gives what it answered.
    ///
    /// A token that is refused may have ended before its time, so it is renewed one time. One that was just given and is refused is a
    /// refusal of the job.
    pub(crate) async fn ask(&mut self, path: &str) -> Result<Value, Failure> {
        if let Some(token) = &self.token
            && token.asked_at.elapsed() < TOKEN_USED_FOR
        {
            match call(&self.client, path, &token.text).await {
                Err(Failure::Refused(StatusCode::UNAUTHORIZED, _)) => self.token = None,
                answered => return answered,
            }
        }
        let asked_at = Instant::now();
        let text = log_in(&self.client, &self.secret).await?;
        let token = self.token.insert(Token { text, asked_at });
        call(&self.client, path, &token.text).await
    }
}

async fn log_in(client: &Client, secret: &JobSecret) -> Result<Zeroizing<String>, Failure> {
    let answer = post(client, TOKENS, None, json!({"secret": secret.reveal()})).await?;
    match answer.status() {
        StatusCode::CREATED => {
            let session: serde_json::Result<SessionAnswer> = serde_json::from_slice(answer.body());
            // The error would quote the answer.
            let session = session.map_err(|_| Failure::NoAnswer(anyhow!("{TOKENS} answered no session")))?;
            Ok(session.token)
        }
        // A proxy in front can answer 401 too, and is asked again.
        StatusCode::UNAUTHORIZED if problem(&answer).is_some_and(|kind| kind.ends_with(":invalid-secret")) => {
            Err(Failure::SecretRefused)
        }
        status => Err(Failure::NoToken(status, retry_after(&answer))),
    }
}

async fn call(client: &Client, path: &str, token: &str) -> Result<Value, Failure> {
    let answer = post(client, path, Some(token), json!({})).await?;
    if !answer.status().is_success() {
        return Err(Failure::Refused(answer.status(), retry_after(&answer)));
    }
    Ok(serde_json::from_slice(answer.body()).unwrap_or_default())
}

/// The client waits for its answer on a thread of its own.
async fn post(client: &Client, path: &str, token: Option<&str>, body: Value) -> Result<Response<Vec<u8>>, Failure> {
    let request = client::request(Method::POST, path, token, Some(&body)).map_err(Failure::NoAnswer)?;
    let client = client.clone();
    tokio::task::spawn_blocking(move || client.send(request))
        .await
        .context("the call broke off")
        .flatten()
        .map_err(Failure::NoAnswer)
}

fn problem(answer: &Response<Vec<u8>>) -> Option<String> {
    let problem: Value = serde_json::from_slice(answer.body()).ok()?;
    Some(problem.get("type")?.as_str()?.to_owned())
}

/// RFC 9110, section 10.2.3. A date instead of seconds is no more than the usual waiting.
fn retry_after(answer: &Response<Vec<u8>>) -> Option<Duration> {
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

impl Failure {
    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::Failed {
            retry_after: match self {
                Self::NoToken(_, retry_after) | Self::Refused(_, retry_after) => *retry_after,
                Self::SecretRefused | Self::NoAnswer(_) => None,
            },
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecretRefused => formatter.write_str(
                "its secret opens nothing: the identity was deleted or disabled, or is of another deployment",
            ),
            Self::NoToken(status, _) => write!(formatter, "no token: {}", status.as_u16()),
            Self::Refused(status, _) => write!(formatter, "answered {}", status.as_u16()),
            Self::NoAnswer(error) => write!(formatter, "{error:#}"),
        }?;
        match self {
            Self::NoToken(status, _) | Self::Refused(status, _) if status.is_redirection() => {
                formatter.write_str(" (redirects are not followed)")
            }
            _ => Ok(()),
        }
    }
}
