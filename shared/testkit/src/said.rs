use std::sync::{Mutex, PoisonError};

use ports::OperatorLog;

/// What an operator was told, from whichever thread.
#[derive(Debug, Default)]
pub struct Said(Mutex<Vec<String>>);

impl OperatorLog for Said {
    fn write(&self, line: &str) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line.to_owned());
    }
}

impl Said {
    /// Every line so far.
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether there is this text in any line.
    pub fn has(&self, text: &str) -> bool {
        self.lines().iter().any(|line| line.contains(text))
    }
}
