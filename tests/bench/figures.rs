use serde_json::{Value, json};

use crate::load::Sample;
use crate::target::Target;

/// The most that Confide's read may take, in times of the floor.
pub(crate) const LIMIT: f64 = 1.5;

/// What every target is compared with.
pub(crate) const FLOOR: &str = "floor";
const READ: &str = "Confide read";

/// One round: for each target what one connection and what many gave.
pub(crate) struct Round(pub(crate) Vec<[Sample; 2]>);

/// The medians over all rounds.
pub(crate) struct Figures {
    pub(crate) rows: Vec<Row>,
    pub(crate) ratios: Vec<Ratio>,
}

/// A target's medians, with one connection and with many.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) samples: [Sample; 2],
}

/// How many times the floor a target takes. Each round is compared with itself before the median is taken, so that what
/// changes from round to round on a shared machine cancels out.
pub(crate) struct Ratio {
    pub(crate) name: &'static str,
    pub(crate) processor: [Option<f64>; 2],
    pub(crate) median: [f64; 2],
    pub(crate) rate: [f64; 2],
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn median_if_all(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    values.collect::<Option<Vec<_>>>().map(median)
}

fn middle(samples: &[Sample]) -> Sample {
    let of = |value: fn(&Sample) -> f64| median(samples.iter().map(value).collect());
    Sample {
        processor: median_if_all(samples.iter().map(|sample| sample.processor)),
        median: of(|sample| sample.median),
        slowest_percent: of(|sample| sample.slowest_percent),
        rate: of(|sample| sample.rate),
        failed: samples.iter().map(|sample| sample.failed).sum(),
    }
}

impl Figures {
    pub(crate) fn new(targets: &[Target], rounds: &[Round]) -> Self {
        let samples = |target: usize, connections: usize| -> Vec<Sample> {
            rounds
                .iter()
                .map(|Round(results)| results[target][connections])
                .collect()
        };
        let rows = targets
            .iter()
            .enumerate()
            .map(|(index, target)| Row {
                name: target.name,
                samples: [0, 1].map(|connections| middle(&samples(index, connections))),
            })
            .collect();
        let ratios = match targets.iter().position(|target| target.name == FLOOR) {
            None => Vec::new(),
            Some(floor) => (0..targets.len())
                .filter(|target| *target != floor)
                .map(|target| {
                    let of = |connections: usize, value: fn(&Sample) -> Option<f64>| {
                        let pairs = samples(target, connections)
                            .into_iter()
                            .zip(samples(floor, connections));
                        median_if_all(pairs.map(|(this, floor)| Some(value(&this)? / value(&floor)?)))
                    };
                    Ratio {
                        name: targets[target].name,
                        processor: [0, 1].map(|connections| of(connections, |sample| sample.processor)),
                        median: [0, 1].map(|connections| of(connections, |sample| Some(sample.median)).unwrap()),
                        rate: [0, 1].map(|connections| of(connections, |sample| Some(sample.rate)).unwrap()),
                    }
                })
                .collect(),
        };
        Self { rows, ratios }
    }

    /// The read's ratio, where read and floor were measured.
    pub(crate) fn read(&self) -> Option<&Ratio> {
        self.ratios.iter().find(|ratio| ratio.name == READ)
    }

    pub(crate) fn json(&self) -> Value {
        let sample = |sample: &Sample| {
            json!({
                "cpu_us": sample.processor, "p50_ms": sample.median, "p99_ms": sample.slowest_percent,
                "requests_per_second": sample.rate, "failed": sample.failed,
            })
        };
        json!({
            "targets": self.rows.iter().map(|row| json!({
                "name": row.name, "connections_1": sample(&row.samples[0]), "connections_16": sample(&row.samples[1]),
            })).collect::<Vec<_>>(),
            "ratios_to_floor": self.ratios.iter().map(|ratio| json!({
                "name": ratio.name, "cpu": ratio.processor, "p50": ratio.median, "requests_per_second": ratio.rate,
            })).collect::<Vec<_>>(),
        })
    }
}
