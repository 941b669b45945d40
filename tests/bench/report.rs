use std::fmt::{Display, Formatter, Result};
use std::time::Duration;

use serde_json::{Value, json};

use crate::figures::{Figures, LIMIT, Ratio, Row};
use crate::log_in::LogIns;

/// The most that a function's component may have, in bytes.
const LARGEST_COMPONENT: u64 = 1_500_000;

/// Everything that a run found.
pub(crate) struct Report {
    pub(crate) figures: Figures,
    pub(crate) log_ins: Option<LogIns>,
    /// What was left out, and why.
    pub(crate) skipped: Vec<(&'static str, String)>,
    pub(crate) starts: Vec<(&'static str, Duration)>,
    pub(crate) sizes: Vec<(String, u64)>,
}

fn optional(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "n/a".to_owned(), |value| format!("{value:.digits$}"))
}

fn verdict(holds: bool) -> &'static str {
    if holds { "holds" } else { "DOES NOT HOLD" }
}

impl Report {
    fn read_verdict(&self, f: &mut Formatter<'_>, read: &Ratio) -> Result {
        for (connections, index) in [(1, 0), (16, 1)] {
            let within = |value: Option<f64>| value.is_none_or(|value| value <= LIMIT);
            let holds = within(read.processor[index]) && within(Some(read.median[index]));
            writeln!(
                f,
                "read within {LIMIT} x floor, {connections:>2} connection(s): CPU {}, p50 {:.2}: {}",
                optional(read.processor[index], 2),
                read.median[index],
                verdict(holds)
            )?;
        }
        Ok(())
    }

    pub(crate) fn json(&self) -> Value {
        let mut json = self.figures.json();
        json["skipped"] = self
            .skipped
            .iter()
            .map(|(name, why)| json!({"name": name, "why": why}))
            .collect();
        json["log_in"] = self.log_ins.as_ref().map_or(Value::Null, LogIns::json);
        json["starts_ms"] = self
            .starts
            .iter()
            .map(|(name, time)| json!({"name": name, "ms": time.as_secs_f64() * 1e3}))
            .collect();
        json["component_bytes"] = self
            .sizes
            .iter()
            .map(|(id, size)| json!({"name": id, "bytes": size}))
            .collect();
        json
    }
}

fn write_row(f: &mut Formatter<'_>, row: &Row) -> Result {
    write!(f, "{:<16}", row.name)?;
    for sample in &row.samples {
        write!(
            f,
            " |{:>8}{:>9.2}{:>9.2}{:>9.0}",
            optional(sample.processor, 0),
            sample.median,
            sample.slowest_percent,
            sample.rate
        )?;
    }
    let failed: u32 = row.samples.iter().map(|sample| sample.failed).sum();
    if failed > 0 {
        write!(f, "   {failed} answers were failures")?;
    }
    writeln!(f)
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "{:<16} |{:^35} |{:^35}", "", "1 connection", "16 connections")?;
        let heads = format!("{:>8}{:>9}{:>9}{:>9}", "CPU us", "p50 ms", "p99 ms", "req/s");
        writeln!(f, "{:<16} |{heads} |{heads}", "")?;
        for row in &self.figures.rows {
            write_row(f, row)?;
        }
        for (name, why) in &self.skipped {
            writeln!(f, "{name:<16} | not measured: {why}")?;
        }
        if !self.figures.ratios.is_empty() {
            writeln!(f, "\ntimes the floor (median over rounds of each round's ratio)")?;
        }
        for ratio in &self.figures.ratios {
            write!(f, "{:<16}", ratio.name)?;
            for index in [0, 1] {
                let processor = optional(ratio.processor[index], 2);
                let (median, rate) = (ratio.median[index], ratio.rate[index]);
                write!(f, " |{processor:>8}{median:>9.2}{:>9}{rate:>9.2}", "")?;
            }
            writeln!(f)?;
        }
        if let Some(read) = self.figures.read() {
            writeln!(f)?;
            self.read_verdict(f, read)?;
        }
        if let Some(log_ins) = &self.log_ins {
            writeln!(f, "\n{log_ins}")?;
        }
        if !self.starts.is_empty() {
            writeln!(f)?;
        }
        for (name, time) in &self.starts {
            writeln!(f, "{name:<36}{:>8.0} ms", time.as_secs_f64() * 1e3)?;
        }
        if !self.sizes.is_empty() {
            writeln!(f, "\ncomponent          bytes   (limit {LARGEST_COMPONENT})")?;
        }
        for (id, size) in &self.sizes {
            let note = if *size > LARGEST_COMPONENT { "   TOO LARGE" } else { "" };
            writeln!(f, "{id:<16}{size:>8}{note}")?;
        }
        Ok(())
    }
}
