//! Bodies that are not in memory as a whole: uploads as they arrive, downloads as they are made.

use http::HeaderValue;
use http::header::CONTENT_LENGTH;
use ports::{BrokenBody, RequestBody};

use crate::{Exchange, Problem, Reply};

impl<'a> Exchange<'a> {
    /// The body of a route that takes a stream.
    #[must_use]
    pub fn incoming(&self) -> &'a dyn RequestBody {
        self.connection.body
    }

    /// Sends an answer while it is made: the head of `reply` and a body of this length, which `produce` gives piece by piece.
    /// What must be true of the answer has to be so before: once the head has left, nothing can be taken back, and where `produce` fails the
    /// body is broken off, which whoever receives it sees by its length.
    ///
    /// # Errors
    /// A [`Problem`] of `produce` before its first piece; a later one is told to the operator.
    pub fn stream(
        &self,
        reply: Reply,
        length: u64,
        produce: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<(), BrokenBody>) -> Result<(), Problem>,
    ) -> Result<Reply, Problem> {
        let (head, reply) = reply.head();
        let mut head = Some(head);
        let mut body = None;
        let produced = produce(&mut |piece| {
            if let Some(mut head) = head.take() {
                self.headers.complete(head.headers_mut());
                head.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
                body = Some(self.connection.responder.begin(head)?);
            }
            body.as_mut().map_or(Err(BrokenBody), |body| body.write(piece))
        });
        match (produced, body) {
            (Ok(()), Some(body)) => {
                body.finish();
                Ok(reply.sent())
            }
            (Err(problem), None) => Err(problem),
            (Ok(()), None) => Err(Problem::defect("a stream without a piece")),
            (Err(problem), Some(_)) => {
                if let Some(line) = problem.operator_line() {
                    self.platform.log.write(&format!("{} {line}", self.headers.request_id));
                }
                Ok(reply.sent())
            }
        }
    }
}
