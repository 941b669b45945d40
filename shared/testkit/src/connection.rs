use std::cell::{Cell, RefCell};

use http::Response;
use ports::{BrokenBody, Connection, RequestBody, Responder, ResponseBody};

/// A request's body and the answer that is sent while it is made, in memory.
pub(crate) struct MemoryConnection {
    body: Vec<u8>,
    /// Whether the sender is gone after these bytes.
    is_broken_off: bool,
    read: Cell<usize>,
    answer: RefCell<Option<Response<Vec<u8>>>>,
}

impl MemoryConnection {
    pub(crate) fn new(body: Vec<u8>, is_broken_off: bool) -> Self {
        Self {
            body,
            is_broken_off,
            read: Cell::new(0),
            answer: RefCell::default(),
        }
    }

    pub(crate) fn ports(&self) -> Connection<'_> {
        Connection {
            body: self,
            responder: self,
        }
    }

    /// What was sent. A body that was broken off is shorter than its head says.
    pub(crate) fn into_answer(self) -> Response<Vec<u8>> {
        self.answer.into_inner().expect("an answer")
    }
}

impl RequestBody for MemoryConnection {
    fn read(&self, most: usize, into: &mut Vec<u8>) -> Result<(), BrokenBody> {
        let from = self.read.get();
        let to = self.body.len().min(from.saturating_add(most));
        into.extend_from_slice(&self.body[from..to]);
        self.read.set(to);
        match self.is_broken_off && to - from < most {
            true => Err(BrokenBody),
            false => Ok(()),
        }
    }
}

impl Responder for MemoryConnection {
    fn begin(&self, head: Response<()>) -> Result<Box<dyn ResponseBody + '_>, BrokenBody> {
        let earlier = self.answer.borrow_mut().replace(head.map(|()| Vec::new()));
        assert!(earlier.is_none(), "an answer has one head");
        Ok(Box::new(MemoryBody(&self.answer)))
    }
}

struct MemoryBody<'c>(&'c RefCell<Option<Response<Vec<u8>>>>);

impl ResponseBody for MemoryBody<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), BrokenBody> {
        let mut answer = self.0.borrow_mut();
        answer.as_mut().expect("a head").body_mut().extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>) {}
}
