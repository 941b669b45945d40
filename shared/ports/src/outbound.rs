//! Requests to others: to another function of the deployment, or to a provider outside.

use std::time::Duration;

use http::{Request, Response};

/// What a request may cost the one who sends it. Hosts wait for ten minutes where nobody says anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboundLimits {
    /// How long it may take to be connected, TLS included.
    pub connect: Duration,
    /// How long all of it may take, until the last byte of the answer. A host may grant a little more, never less.
    pub total: Duration,
    /// The largest body of an answer, in bytes. A longer one is not cut but refused, as [`OutboundError::Unknown`].
    pub body: usize,
}

/// Why there is no answer. It says one thing only, which decides whether a request may be repeated: whether it may have
/// reached the other side. What was sent and to whom is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// Nothing left: the destination is not granted, not found, or takes no connection. Repeating is safe.
    #[error("the request was not sent")]
    NotSent,
    /// It may have left: the other side may have acted, and no answer, or none that could be read, came back.
    #[error("the request was sent, and what came of it is not known")]
    Unknown,
}

/// The way out. Where it leads is granted by the deployment, function by function.
pub trait Outbound {
    /// Sends a request with an absolute URI and waits for the whole answer, whatever its status. Redirects are answers:
    /// they are not followed, so that nobody is sent on to where the deployment does not let the function go.
    ///
    /// # Errors
    /// [`OutboundError`].
    fn send(&self, request: Request<Vec<u8>>, limits: OutboundLimits) -> Result<Response<Vec<u8>>, OutboundError>;
}
