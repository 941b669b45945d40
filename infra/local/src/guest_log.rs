//! A guest's standard output and error, shown as lines that begin with the function's name.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::console;

/// A longer line is shown in pieces.
const LONGEST_LINE: usize = 8 * 1024;

/// What one request may print. A function that prints in a loop must not fill the disk that the log goes to.
const MOST_BYTES: usize = 256 * 1024;

/// Where a function's output goes.
#[derive(Clone)]
pub(crate) struct GuestLog {
    function: Arc<str>,
    /// Shared by every stream of the request: a guest may open as many as it likes.
    left: Arc<AtomicUsize>,
}

impl GuestLog {
    #[must_use]
    pub(crate) fn new(function: Arc<str>) -> Self {
        Self {
            function,
            left: Arc::new(AtomicUsize::new(MOST_BYTES)),
        }
    }

    fn lines(&self) -> Lines {
        Lines {
            function: Arc::clone(&self.function),
            pending: Vec::new(),
            left: Arc::clone(&self.left),
        }
    }
}

impl IsTerminal for GuestLog {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestLog {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.lines())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.lines())
    }
}

struct Lines {
    function: Arc<str>,
    pending: Vec<u8>,
    left: Arc<AtomicUsize>,
}

impl Lines {
    fn take(&mut self, bytes: &[u8]) {
        // One request runs on one thread at a time, so nothing comes between the two.
        let left = self.left.load(Ordering::Relaxed);
        self.left.store(left.saturating_sub(bytes.len()), Ordering::Relaxed);
        if left == 0 {
            return;
        }
        for &byte in bytes {
            if byte == b'\n' || self.pending.len() >= LONGEST_LINE {
                self.show();
            }
            if byte != b'\n' {
                self.pending.push(byte);
            }
        }
        if left <= bytes.len() {
            self.show();
            console::line(format_args!(
                "{}: (printed too much; the rest is left out)",
                self.function
            ));
        }
    }

    fn show(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let line = String::from_utf8_lossy(&self.pending);
        // Control characters could move the cursor and forge other lines.
        let line: String = line
            .chars()
            .map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c })
            .collect();
        console::line(format_args!("{}: {line}", self.function));
        self.pending.clear();
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.show();
    }
}

#[async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 * 1024)
    }
}

impl AsyncWrite for Lines {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
