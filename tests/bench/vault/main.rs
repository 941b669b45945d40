//! What documents cost beside the cipher that seals them, how much memory they take, and whether a clinic's size costs its readers
//! anything. `../README.md` says how to run it and how to read what it prints.
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
// What both benchmarks are made of; each leaves out what the other alone needs.
#![allow(dead_code)]

#[path = "../connection.rs"]
mod connection;
mod document;
mod growth;
#[path = "../load.rs"]
mod load;
#[path = "../prepared.rs"]
mod prepared;
#[path = "../processor.rs"]
mod processor;
#[path = "../served.rs"]
mod served;
#[path = "../setting.rs"]
mod setting;
#[path = "../target.rs"]
mod target;

use std::path::PathBuf;

use clap::Parser;

use crate::prepared::Prepared;
use crate::served::Served;
use crate::setting::Setting;

/// Measures documents of 25 MiB against their cipher, their memory, and reads in clients and clinics of different size.
#[derive(Parser, Debug)]
struct Options {
    /// Clients of the large clinic
    #[arg(long, default_value_t = 10_000)]
    clients: usize,

    /// 100 000 clients, as promised
    #[arg(long, conflicts_with = "clients")]
    full: bool,

    /// Rounds; medians are taken over them
    #[arg(long, default_value_t = 7)]
    rounds: usize,

    /// Documents and memory alone
    #[arg(long)]
    documents: bool,

    /// Growth alone
    #[arg(long, conflicts_with = "documents")]
    growth: bool,

    /// What the host process is started with
    #[arg(long, hide = true, value_name = "FOLDER")]
    serve: Option<PathBuf>,

    /// What `cargo bench` passes
    #[arg(long, hide = true)]
    bench: bool,
}

/// A clinic on a host of its own.
struct Clinic {
    served: Served,
    setting: Setting,
    _prepared: Prepared,
}

impl Clinic {
    fn open() -> Self {
        let prepared = Prepared::temporary();
        let served = Served::start(&prepared);
        let setting = Setting::open(&served.url, &prepared.code());
        Self {
            served,
            setting,
            _prepared: prepared,
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn verdict(holds: bool) -> &'static str {
    if holds { "holds" } else { "DOES NOT HOLD" }
}

fn load() -> String {
    std::fs::read_to_string("/proc/loadavg").unwrap_or_else(|_| "unknown".to_owned())
}

fn main() {
    let options = Options::parse();
    if !options.bench && std::env::args_os().len() == 1 {
        // `cargo test --all-targets` wants to know that the benchmark builds and no more.
        println!("run with `cargo bench -p confide-tests --bench vault`");
        return;
    }
    if let Some(folder) = &options.serve {
        served::serve(folder);
        return;
    }
    println!("load before: {}", load().trim());
    if !options.growth {
        document::measure(&mut Clinic::open(), options.rounds);
    }
    if !options.documents {
        let clients = if options.full { 100_000 } else { options.clients };
        growth::measure(clients, options.rounds);
    }
    println!("load after: {}", load().trim());
}
