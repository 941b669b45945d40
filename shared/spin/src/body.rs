//! Bodies as streams of the host: read up to a limit, written as there is room, both until a deadline where there is one.

use std::cell::RefCell;

use ports::{BrokenBody, RequestBody};
use wasi::http::types::{IncomingBody, IncomingRequest, OutgoingBody};
use wasi::io::poll::{Pollable, poll};
use wasi::io::streams::{InputStream, OutputStream, StreamError};

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

/// The body of the request that is being answered. The host is asked for it when it is first read.
pub(crate) struct Incoming<'r> {
    request: &'r IncomingRequest,
    body: RefCell<Option<Arriving>>,
}

/// In this order: a stream must be dropped before the body that it is of, and what waits for it before both.
struct Arriving {
    ready: Pollable,
    stream: InputStream,
    _body: IncomingBody,
}

impl<'r> Incoming<'r> {
    pub(crate) fn new(request: &'r IncomingRequest) -> Self {
        Self {
            request,
            body: RefCell::new(None),
        }
    }

    fn arriving(&self) -> Result<Arriving, BrokenBody> {
        let body = self.request.consume().map_err(|()| BrokenBody)?;
        let stream = body.stream().map_err(|()| BrokenBody)?;
        Ok(Arriving {
            ready: stream.subscribe(),
            stream,
            _body: body,
        })
    }
}

impl RequestBody for Incoming<'_> {
    fn read(&self, most: usize, into: &mut Vec<u8>) -> Result<(), BrokenBody> {
        let mut body = self.body.borrow_mut();
        let Arriving { ready, stream, .. } = match &mut *body {
            Some(arriving) => arriving,
            none => none.insert(self.arriving()?),
        };
        let mut left = u64::try_from(most).unwrap_or(u64::MAX);
        while left > 0 {
            match stream.read(left.min(CHUNK)) {
                Ok(bytes) if bytes.is_empty() => ready.block(),
                Ok(bytes) => {
                    into.extend_from_slice(&bytes);
                    left = left.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                }
                Err(StreamError::Closed) => break,
                Err(StreamError::LastOperationFailed(_)) => return Err(BrokenBody),
            }
        }
        Ok(())
    }
}

/// Writes a whole body.
pub(crate) fn write(body: &OutgoingBody, bytes: &[u8], deadline: Option<&Pollable>) -> Result<(), Broken> {
    write_to(&body.write().map_err(|()| Broken)?, bytes, deadline)
}

/// Writes to a body's stream, of which a body gives out one and no second.
pub(crate) fn write_to(stream: &OutputStream, mut bytes: &[u8], deadline: Option<&Pollable>) -> Result<(), Broken> {
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
