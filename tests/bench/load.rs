use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::connection::Connection;
use crate::processor::Process;
use crate::target::Target;

/// What one run of one target gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Microseconds of the host's processors for each request.
    pub(crate) processor: Option<f64>,
    /// Milliseconds.
    pub(crate) median: f64,
    /// Milliseconds.
    pub(crate) slowest_percent: f64,
    /// Requests in a second.
    pub(crate) rate: f64,
    /// Answers with another status than the target gives when all is well.
    pub(crate) failed: u32,
}

/// Drives a target over some connections, each sending its next request when it has the answer to the one before.
pub(crate) fn drive(url: &str, target: &Target, connections: usize, time: Duration, host: Option<&Process>) -> Sample {
    let ready = Barrier::new(connections + 1);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..connections)
            .map(|index| {
                let ready = &ready;
                scope.spawn(move || {
                    let mut connection = Connection::open(url).expect("a connection");
                    let mut request = target.request(index);
                    let mut times = Vec::with_capacity(16 * 1024);
                    let mut failed = 0_u32;
                    ready.wait();
                    let begin = Instant::now();
                    let mut now = begin;
                    while now.duration_since(begin) < time {
                        let status = connection.exchange(request.next()).expect("an answer");
                        let then = std::mem::replace(&mut now, Instant::now());
                        times.push(now.duration_since(then));
                        failed += u32::from(status != target.status);
                    }
                    (times, failed)
                })
            })
            .collect();
        let used_before = host.and_then(Process::time);
        ready.wait();
        let begin = Instant::now();
        let results: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        let elapsed = begin.elapsed();
        let used = host
            .and_then(Process::time)
            .zip(used_before)
            .map(|(after, before)| after - before);
        let failed = results.iter().map(|(_, failed)| failed).sum();
        let mut times: Vec<Duration> = results.into_iter().flat_map(|(times, _)| times).collect();
        times.sort_unstable();
        let count = f64::from(u32::try_from(times.len()).expect("fewer than 2^32 requests"));
        let quantile = |percent: usize| {
            let at = (times.len() * percent / 100).min(times.len() - 1);
            times[at].as_secs_f64() * 1e3
        };
        Sample {
            processor: used.map(|used| used.as_secs_f64() * 1e6 / count),
            median: quantile(50),
            slowest_percent: quantile(99),
            rate: count / elapsed.as_secs_f64(),
            failed,
        }
    })
}
