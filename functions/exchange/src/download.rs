//! An answer that is made whole, and sent in pieces.

use web::{Exchange, Problem, Reply};

/// How much is sent at once, in bytes.
const PIECE: usize = 64 * 1024;

/// Sends a body as a download.
pub(crate) fn download(exchange: &Exchange<'_>, media_type: &str, body: &[u8]) -> Result<Reply, Problem> {
    let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
    exchange.stream(Reply::attachment(media_type), length, |send| {
        // Whoever has gone needs no answer.
        body.chunks(PIECE)
            .try_for_each(send)
            .map_err(|_| Problem::broken_body())
    })
}
