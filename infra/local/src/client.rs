//! A small HTTP client: one request, one whole answer, whatever its status.

use std::time::Duration;

use anyhow::{Context as _, Result};
use http::{Request, Response, Uri};

/// The largest answer that is read, in bytes: an audit export of 20 000 events has about 12 MiB.
const LARGEST_ANSWER: u64 = 64 * 1024 * 1024;

/// A client of one deployment. It keeps its connections.
#[derive(Debug, Clone)]
pub struct Client {
    agent: ureq::Agent,
    base: String,
}

impl Client {
    /// A client of the deployment at this URL, such as `http://127.0.0.1:3000`.
    #[must_use]
    pub fn new(base: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        Self {
            agent: config.into(),
            base: base.trim_end_matches('/').to_owned(),
        }
    }

    /// Sends a request whose URI is a path.
    ///
    /// # Errors
    /// Where there was no answer.
    pub fn send(&self, mut request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>> {
        let target = format!("{}{}", self.base, request.uri());
        *request.uri_mut() = target.parse::<Uri>().context("the URL of the deployment is not one")?;
        let response = self.agent.run(request).with_context(|| {
            format!(
                "no answer from {}: is it served? (`cargo run` in another terminal)",
                self.base
            )
        })?;
        let (head, mut body) = response.into_parts();
        let bytes = body.with_config().limit(LARGEST_ANSWER).read_to_vec()?;
        Ok(Response::from_parts(head, bytes))
    }
}
