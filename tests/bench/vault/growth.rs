use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::load::{Sample, drive};
use crate::setting::{Chart, Deployment};
use crate::target::{CONNECTIONS, Target, request};
use crate::{Clinic, median};

const FEW_RECORDS: usize = 10;
const MANY_RECORDS: usize = 10_000;
const FEW_CLIENTS: usize = 100;

/// How long a target is driven in a round.
const TURN: Duration = Duration::from_secs(1);

/// Something to read, in a clinic.
struct Read<'c> {
    name: String,
    clinic: &'c Clinic,
    target: Target,
}

impl<'c> Read<'c> {
    fn new(name: String, clinic: &'c Clinic, chart: &Chart) -> Self {
        let path = format!("/v1/records/clients/{}/records/{}", chart.client, chart.note);
        let bearer = format!("Bearer {}", clinic.setting.token);
        let target = Target::same("read", 200, request("GET", &path, &[("authorization", &bearer)], ""));
        Self { name, clinic, target }
    }

    fn drive(&self) -> Sample {
        let sample = drive(
            &self.clinic.served.url,
            &self.target,
            1,
            TURN,
            Some(&self.clinic.served.process()),
        );
        assert_eq!(sample.failed, 0);
        sample
    }
}

/// Writes over HTTP, by several at once, and says how long it takes.
fn fill(what: &str, count: usize, writers: usize, write: impl Fn(usize, &AtomicUsize) + Sync) {
    let done = AtomicUsize::new(0);
    let begin = Instant::now();
    thread::scope(|scope| {
        for writer in 0..writers {
            let (write, done) = (&write, &done);
            scope.spawn(move || write(writer, done));
        }
        loop {
            let done = done.load(Ordering::Relaxed);
            print!("\r{what}: {done} of {count}, {:.0} s ", begin.elapsed().as_secs_f64());
            std::io::stdout().flush().unwrap();
            if done >= count {
                break;
            }
            thread::sleep(Duration::from_secs(1));
        }
    });
    println!();
}

/// Lets a client have as many records. She has one.
fn add_records(clinic: &Clinic, chart: &Chart, count: usize) {
    let missing = count - 1;
    // One writer: two would wait for each other at the client's list.
    fill("records of one client", missing, 1, |_, done| {
        let mut deployment = Deployment::new(&clinic.served.url, format!("records-{count}"));
        for _ in 0..missing {
            deployment.note(&clinic.setting.token, &chart.client);
            done.fetch_add(1, Ordering::Relaxed);
        }
    });
}

/// Lets a clinic have as many clients, each with a consent and a note.
fn add_clients(clinic: &Clinic, count: usize) {
    let missing = count - clinic.setting.clients.len();
    let begun = AtomicUsize::new(0);
    fill("clients", missing, CONNECTIONS, |writer, done| {
        let mut deployment = Deployment::new(&clinic.served.url, format!("clients-{writer}"));
        while begun.fetch_add(1, Ordering::Relaxed) < missing {
            deployment.chart(&clinic.setting.token, &clinic.setting.consent);
            done.fetch_add(1, Ordering::Relaxed);
        }
    });
}

/// Reads of one record: of a client with few records and of one with many, in a clinic with few clients and in one with many.
pub(crate) fn measure(small: &Clinic, many_clients: usize, rounds: usize) {
    println!();
    let large = Clinic::open();
    let [_, few, many, ..] = small.setting.clients.as_slice() else {
        panic!("three clients");
    };
    add_records(small, few, FEW_RECORDS);
    add_records(small, many, MANY_RECORDS);
    add_clients(small, FEW_CLIENTS);
    add_clients(&large, many_clients);
    let pairs = [
        [
            Read::new(format!("a client with {FEW_RECORDS} records"), small, few),
            Read::new(format!("a client with {MANY_RECORDS} records"), small, many),
        ],
        [
            Read::new(
                format!("a clinic with {FEW_CLIENTS} clients"),
                small,
                &small.setting.clients[3],
            ),
            Read::new(
                format!("a clinic with {many_clients} clients"),
                &large,
                &large.setting.clients[3],
            ),
        ],
    ];
    println!("\na read of one record, in turns, median of {rounds} rounds");
    for pair in &pairs {
        for read in pair {
            read.drive();
        }
        let sampled: Vec<[Sample; 2]> = (0..rounds)
            .map(|round| {
                // Another one comes first in every other round.
                if round % 2 == 0 {
                    pair.each_ref().map(Read::drive)
                } else {
                    let [one, other] = pair;
                    let other = other.drive();
                    [one.drive(), other]
                }
            })
            .collect();
        let of = |value: &dyn Fn(&[Sample; 2]) -> f64| median(sampled.iter().map(value).collect());
        let processor = |sample: &Sample| sample.processor.unwrap_or(f64::NAN);
        for (index, read) in pair.iter().enumerate() {
            println!(
                "{:<34} CPU {:>5.0} us, p50 {:.2} ms",
                read.name,
                of(&|samples| processor(&samples[index])),
                of(&|samples| samples[index].median)
            );
        }
        println!(
            "{:<34} CPU {:>5.2}   , p50 {:.2}   (median of the rounds' ratios)",
            "times",
            of(&|samples| processor(&samples[1]) / processor(&samples[0])),
            of(&|samples| samples[1].median / samples[0].median)
        );
    }
}
