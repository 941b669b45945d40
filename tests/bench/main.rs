//! Confide's read and write of a 2 KiB note against an empty function and against a hand-written floor, on one host, in one
//! run. `README.md` says how to run it and how to read what it prints.
// A benchmark stops at the first thing that is not as expected, prints what it finds, and is about real time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods
)]

mod connection;
mod figures;
mod load;
mod log_in;
mod prepared;
mod processor;
mod report;
#[allow(dead_code, reason = "the vault's benchmark asks for memory, this one does not")]
mod served;
#[allow(dead_code, reason = "the vault's benchmark fills clinics, this one does not")]
mod setting;
mod target;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::figures::{FLOOR, Figures, Round};
use crate::load::drive;
use crate::log_in::LogIns;
use crate::prepared::Prepared;
use crate::processor::Process;
use crate::report::Report;
use crate::served::Served;
use crate::setting::Setting;
use crate::target::{CONNECTIONS, Target};

/// Measures Confide's read and write of a 2 KiB note against an empty function and a hand-written floor.
#[derive(Parser, Debug)]
struct Options {
    /// Drive a deployment that runs already. Targets that it doesn't answer are left out
    #[arg(long, requires = "code")]
    url: Option<String>,

    /// A bootstrap code of that deployment, as `confide init` or `confide keys` print one
    #[arg(long)]
    code: Option<String>,

    /// The process of that deployment, where it is on this machine: without it there is no figure for the processor
    #[arg(long)]
    pid: Option<u32>,

    /// Seconds for each target, number of connections and round
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,

    /// Rounds through all targets; medians are taken over them
    #[arg(long, default_value_t = 7)]
    rounds: usize,

    /// Also requests that Confide ends early: their differences show where a read spends its time
    #[arg(long)]
    probes: bool,

    /// Only this target, and the floor beside it, such as "Confide read"; may be given several times
    #[arg(long, value_name = "TARGET")]
    only: Vec<String>,

    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,

    /// Only write manifest, keyrings and stores to this folder, to serve them with another host such as Spin
    #[arg(long, value_name = "FOLDER")]
    prepare: Option<PathBuf>,

    /// What the host process is started with
    #[arg(long, hide = true, value_name = "FOLDER")]
    serve: Option<PathBuf>,

    /// What `cargo bench` passes
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// Whether this is `cargo test --all-targets` coming by, which wants to know that the benchmark builds and no more.
    fn is_test(&self) -> bool {
        !self.bench && std::env::args_os().len() == 1
    }

    fn wants(&self, target: &Target) -> bool {
        self.only.is_empty() || target.name == FLOOR || self.only.iter().any(|name| name == target.name)
    }
}

fn measure(options: &Options, url: &str, code: &str, host: Option<Process>) -> Report {
    let setting = Setting::open(url, code);
    let mut skipped = Vec::new();
    let mut targets = Vec::new();
    for target in Target::all(&setting, options.probes) {
        if !options.wants(&target) {
            continue;
        }
        match target.try_once(url) {
            Ok(()) => targets.push(target),
            Err(reason) => skipped.push((target.name, reason)),
        }
    }
    let [hash, log_in] = Target::log_in(&setting);
    let log_ins = match options.wants(&log_in).then(|| LogIns::measure(url, &hash, &log_in)) {
        Some(Ok(log_ins)) => Some(log_ins),
        Some(Err(reason)) => {
            skipped.push((log_in.name, reason));
            None
        }
        None => None,
    };
    let time = Duration::from_secs_f64(options.seconds);
    for target in &targets {
        drive(url, target, CONNECTIONS, time.min(Duration::from_millis(500)), None);
    }
    let mut rounds = Vec::new();
    for round in 0..options.rounds {
        let mut results = Vec::new();
        for turn in 0..targets.len() {
            // Another one comes first in every round, so that none always follows the same.
            let index = (turn + round) % targets.len();
            let one = drive(url, &targets[index], 1, time, host.as_ref());
            let many = drive(url, &targets[index], CONNECTIONS, time, host.as_ref());
            results.push((index, [one, many]));
        }
        results.sort_by_key(|(index, _)| *index);
        rounds.push(Round(results.into_iter().map(|(_, samples)| samples).collect()));
    }
    Report {
        figures: Figures::new(&targets, &rounds),
        log_ins,
        skipped,
        starts: Vec::new(),
        sizes: Vec::new(),
    }
}

fn measure_own(options: &Options) -> Report {
    let prepared = Prepared::temporary();
    // The first start compiles every component; the second finds them compiled.
    let first = Served::start(&prepared);
    let compiling = first.start_time;
    drop(first);
    let served = Served::start(&prepared);
    let code = prepared.code();
    let mut report = measure(options, &served.url, &code, Some(served.process()));
    report.starts = vec![
        ("start, compiling every function", compiling),
        ("start, functions compiled before", served.start_time),
    ];
    report.sizes = prepared.sizes();
    report
}

fn main() {
    let options = Options::parse();
    if options.is_test() {
        println!("run with `cargo bench -p confide-tests --bench ratios`");
        return;
    }
    if let Some(folder) = &options.serve {
        served::serve(folder);
        return;
    }
    if let Some(folder) = &options.prepare {
        let prepared = Prepared::in_folder(folder.clone());
        drop(Served::start(&prepared));
        println!("{}", prepared.instructions());
        return;
    }
    let report = match (&options.url, &options.code) {
        (Some(url), Some(code)) => measure(&options, url.trim_end_matches('/'), code, options.pid.map(Process::new)),
        _ => measure_own(&options),
    };
    if options.json {
        println!("{:#}", report.json());
    } else {
        print!("{report}");
    }
}
