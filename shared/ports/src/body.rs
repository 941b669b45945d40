//! Bodies that are too large to be in memory as a whole, as they come and go.

use http::Response;

/// A body that was broken off: whoever sends or takes it is gone, or the host's patience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body was broken off")]
pub struct BrokenBody;

/// The body of the request, as it arrives.
pub trait RequestBody {
    /// Appends what comes next, up to `most` bytes. Less than that is the end.
    ///
    /// # Errors
    /// [`BrokenBody`]; what was appended before is genuine, and not all of it.
    fn read(&self, most: usize, into: &mut Vec<u8>) -> Result<(), BrokenBody>;
}

/// The body of an answer whose head has left.
pub trait ResponseBody {
    /// Sends what comes next.
    ///
    /// # Errors
    /// [`BrokenBody`] where nobody takes it any more.
    fn write(&mut self, bytes: &[u8]) -> Result<(), BrokenBody>;

    /// Ends the body. One that is dropped instead is broken off, so that nobody takes a part for the whole.
    fn finish(self: Box<Self>);
}

/// Where an answer goes that is sent while it is made.
pub trait Responder {
    /// Sends the head, which says the length. It can be done once.
    ///
    /// # Errors
    /// [`BrokenBody`] where nobody takes it.
    fn begin(&self, head: Response<()>) -> Result<Box<dyn ResponseBody + '_>, BrokenBody>;
}

/// A request's two ways: what is still to come of it, and where the answer goes.
#[derive(Clone, Copy)]
pub struct Connection<'c> {
    /// The rest of the request.
    pub body: &'c dyn RequestBody,
    /// The way back.
    pub responder: &'c dyn Responder,
}
