//! The one place that writes to the terminal: whole lines to standard error, so that lines of concurrent requests never mix.

use std::fmt;
use std::io::Write as _;

use ports::OperatorLog;

/// Writes one line. A closed terminal must not take the server down, so a failed write is dropped.
pub fn line(text: fmt::Arguments<'_>) {
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "{text}");
}

/// The terminal as the place where operators look.
pub struct Console;

impl OperatorLog for Console {
    fn write(&self, text: &str) {
        line(format_args!("{text}"));
    }
}
