//! Bodies as streams of the host: read up to a limit, written as there is room, both until a deadline where there is one.

use wasi::http::types::{IncomingBody, OutgoingBody};
use wasi::io::poll::{Pollable, poll};
use wasi::io::streams::StreamError;

/// How much one read asks for, in bytes.
const CHUNK: u64 = 64 * 1024;

/// A body that could not be read or written to its end.
pub(crate) struct Broken;

/// Waits until something is ready, or until the deadline.
pub(crate) fn wait(ready: &Pollable, deadline: Option<&Pollable>) -> Result<(), Broken> {
    let Some(deadline) = deadline else {
        ready.block();
        return Ok(());
    };
    // What is ready counts also where the deadline has come by now.
    if poll(&[ready, deadline]).contains(&0) {
        Ok(())
    } else {
        Err(Broken)
    }
}

/// Reads a body, but never more than one byte past the limit: that is enough to refuse it.
pub(crate) fn read(incoming: &IncomingBody, limit: usize, deadline: Option<&Pollable>) -> Result<Vec<u8>, Broken> {
    let stream = incoming.stream().map_err(|()| Broken)?;
    let ready = stream.subscribe();
    let mut body = Vec::new();
    while body.len() <= limit {
        match stream.read(CHUNK) {
            Ok(bytes) if bytes.is_empty() => wait(&ready, deadline)?,
            Ok(bytes) => body.extend_from_slice(&bytes),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(_)) => return Err(Broken),
        }
    }
    Ok(body)
}

/// Writes a whole body.
pub(crate) fn write(body: &OutgoingBody, mut bytes: &[u8], deadline: Option<&Pollable>) -> Result<(), Broken> {
    let stream = body.write().map_err(|()| Broken)?;
    while !bytes.is_empty() {
        let room = match stream.check_write().map_err(|_| Broken)? {
            0 => {
                wait(&stream.subscribe(), deadline)?;
                continue;
            }
            room => usize::try_from(room).unwrap_or(usize::MAX),
        };
        let (now, later) = bytes.split_at(room.min(bytes.len()));
        stream.write(now).map_err(|_| Broken)?;
        bytes = later;
    }
    Ok(())
}
