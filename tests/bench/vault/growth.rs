use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crate::load::{Sample, drive};
use crate::setting::{Chart, Deployment, Repeats};
use crate::target::{CONNECTIONS, Target, request};
use crate::{Clinic, median};

const FEW_RECORDS: usize = 10;
const MANY_RECORDS: usize = 10_000;
const FEW_CLIENTS: usize = 100;

/// How long a target is driven in a round.
const TURN: Duration = Duration::from_secs(1);

/// The fewest of which it is told how fast the first and the last were written.
const RATED: usize = 1_000;

/// How often it is looked how far the writers are.
const LOOK: Duration = Duration::from_millis(100);

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

/// What several writers do together, over HTTP.
struct Filling {
    count: usize,
    begun: AtomicUsize,
    done: AtomicUsize,
    contended: AtomicUsize,
    unavailable: AtomicUsize,
}

impl Filling {
    /// Whether there is one more for a writer to write.
    fn begin(&self) -> bool {
        self.begun.fetch_add(1, Ordering::Relaxed) < self.count
    }

    fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    /// Writes what is left as one of the writers.
    fn write(&self, deployment: &mut Deployment, write: impl Fn(&mut Deployment)) {
        while self.begin() {
            write(deployment);
            self.done.fetch_add(1, Ordering::Relaxed);
        }
        let Repeats { contended, unavailable } = deployment.repeats;
        self.contended.fetch_add(contended, Ordering::Relaxed);
        self.unavailable.fetch_add(unavailable, Ordering::Relaxed);
    }

    /// One writer cannot go on: the others end with what they have begun.
    fn give_up(&self) {
        self.begun.store(self.count, Ordering::Relaxed);
    }
}

/// Writes over HTTP, by several at once, and says how long it takes, and whether the last took longer than the first. Panics with
/// what a writer panics with.
fn fill(clinic: &Clinic, what: &str, count: usize, writers: usize, write: impl Fn(&mut Deployment) + Sync) {
    let filling = Filling {
        count,
        begun: AtomicUsize::new(0),
        done: AtomicUsize::new(0),
        contended: AtomicUsize::new(0),
        unavailable: AtomicUsize::new(0),
    };
    let begin = Instant::now();
    // When a tenth was done, and when all but a tenth.
    let (mut tenth, mut nine_tenths) = (None, None);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..writers)
            .map(|writer| {
                let (filling, write) = (&filling, &write);
                scope.spawn(move || {
                    let mut deployment = Deployment::new(&clinic.served.url, format!("{what}-{writer}"));
                    let written = catch_unwind(AssertUnwindSafe(|| filling.write(&mut deployment, write)));
                    written.inspect_err(|_| filling.give_up())
                })
            })
            .collect();
        loop {
            let (is_over, done) = (threads.iter().all(ScopedJoinHandle::is_finished), filling.done());
            let now = (begin.elapsed().as_secs_f64(), done);
            if done >= count / 10 {
                tenth.get_or_insert(now);
            }
            if done >= count - count / 10 {
                nine_tenths.get_or_insert(now);
            }
            print!("\r{what}: {done} of {count}, {:.0} s ", now.0);
            std::io::stdout().flush().unwrap();
            if is_over {
                break;
            }
            thread::sleep(LOOK);
        }
        println!();
        for thread in threads {
            if let Err(panic) = thread.join().unwrap() {
                resume_unwind(panic);
            }
        }
    });
    println!(
        "sent again: {} (409 contended), {} (503)",
        filling.contended.into_inner(),
        filling.unavailable.into_inner()
    );
    let all = (begin.elapsed().as_secs_f64(), count);
    let rate = |from: (f64, usize), to: (f64, usize)| {
        let written = u32::try_from(to.1 - from.1).expect("fewer than 2^32");
        f64::from(written) / (to.0 - from.0)
    };
    // Of a few a tenth is over before it is looked at.
    if let Some((tenth, nine_tenths)) = tenth.zip(nine_tenths).filter(|_| count >= RATED) {
        println!(
            "{:.0} a second of the first tenth, {:.0} of the last",
            rate((0.0, 0), tenth),
            rate(nine_tenths, all)
        );
    }
}

/// Lets a client have as many records. She has one.
fn add_records(clinic: &Clinic, chart: &Chart, count: usize) {
    // One writer: two would wait for each other at the client's list.
    fill(clinic, "records", count - 1, 1, |deployment| {
        deployment.note(&clinic.setting.token, &chart.client);
    });
}

/// Lets a clinic have as many clients, each with a consent and a note.
fn add_clients(clinic: &Clinic, count: usize) {
    let missing = count - clinic.setting.clients.len();
    fill(clinic, "clients", missing, CONNECTIONS, |deployment| {
        deployment.chart(&clinic.setting.token, &clinic.setting.consent);
    });
}

/// Reads of one record: of a client with few records and of one with many, in a clinic with few clients and in one with many.
pub(crate) fn measure(many_clients: usize, rounds: usize) {
    println!();
    // The large one first: a session of the other would not last that long unused.
    let large = Clinic::open();
    add_clients(&large, many_clients);
    let small = &Clinic::open();
    let [_, few, many, ..] = small.setting.clients.as_slice() else {
        panic!("three clients");
    };
    add_records(small, few, FEW_RECORDS);
    add_records(small, many, MANY_RECORDS);
    add_clients(small, FEW_CLIENTS);
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
