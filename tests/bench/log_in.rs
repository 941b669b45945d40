use std::fmt::{Display, Formatter, Result};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::connection::Connection;
use crate::target::Target;

/// The most that a log-in may take, in times of the hash alone.
const LIMIT: f64 = 1.15;

/// Pairs of a hash and a log-in. A network may send 60 passwords in a minute, and setting up has sent some.
const PAIRS: usize = 40;

/// Log-ins against the one Argon2id that each of them costs, in turns.
pub(crate) struct LogIns {
    hash: Duration,
    log_in: Duration,
    ratio: f64,
}

fn median<T: Copy>(mut values: Vec<T>, order: impl Fn(&T, &T) -> std::cmp::Ordering) -> T {
    values.sort_by(order);
    values[values.len() / 2]
}

impl LogIns {
    /// Measures, or says why not.
    pub(crate) fn measure(url: &str, hash: &Target, log_in: &Target) -> std::result::Result<Self, String> {
        let mut connection = Connection::open(url).map_err(|error| error.to_string())?;
        let mut time = |target: &Target| {
            let mut request = target.request(0);
            let begin = Instant::now();
            match connection.exchange(request.next()) {
                Ok(status) if status == target.status => Ok(begin.elapsed()),
                Ok(status) => Err(format!("answers {status} instead of {}", target.status)),
                Err(error) => Err(error.to_string()),
            }
        };
        let (mut hashes, mut log_ins, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..PAIRS {
            let (hash, log_in) = (time(hash)?, time(log_in)?);
            hashes.push(hash);
            log_ins.push(log_in);
            ratios.push(log_in.as_secs_f64() / hash.as_secs_f64());
        }
        Ok(Self {
            hash: median(hashes, Duration::cmp),
            log_in: median(log_ins, Duration::cmp),
            ratio: median(ratios, f64::total_cmp),
        })
    }
}

impl LogIns {
    pub(crate) fn json(&self) -> Value {
        json!({
            "hash_p50_ms": self.hash.as_secs_f64() * 1e3, "log_in_p50_ms": self.log_in.as_secs_f64() * 1e3,
            "ratio": self.ratio,
        })
    }
}

impl Display for LogIns {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let verdict = if self.ratio <= LIMIT { "holds" } else { "DOES NOT HOLD" };
        write!(
            f,
            "log-in within {LIMIT} x its hash: {:.1} ms against {:.1} ms, median of pairs {:.3}: {verdict}",
            self.log_in.as_secs_f64() * 1e3,
            self.hash.as_secs_f64() * 1e3,
            self.ratio
        )
    }
}
