//! How fast this machine is at each stage, on made inputs: what to expect of a run, and whether something is wrong.

mod inputs;
mod stages;

use crate::Result;
use crate::file_error::FileError;
use crate::model::DeviceChoice;
use crate::progress::{Cancel, Progress};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;

/// What is measured, and for how long.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Weights of the forgery detector.
    pub weights: PathBuf,
    /// The device on which networks run.
    pub device: DeviceChoice,
    /// Faces that go through the network at once.
    pub batch_size: usize,
    /// How long each stage is measured, in seconds.
    pub seconds: f64,
}

/// How fast one stage is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BenchRow {
    /// What was measured, in words.
    pub what: String,
    /// How many units per second, from the median of single steps.
    pub rate: f64,
    /// What the rate counts, such as `faces/s`.
    pub unit: &'static str,
    /// Floating-point operations per second in units of 10^9; `None` for stages without a network.
    pub gflops: Option<f64>,
    /// `gflops` as a share of what this machine reaches in multiplying matrices.
    pub share_of_peak: Option<f64>,
}

/// How fast all stages are, and on which machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BenchSummary {
    /// The program's name, `sbi`.
    pub tool: &'static str,
    /// The program's version.
    pub version: &'static str,
    /// The processor, as the system calls it.
    pub processor: String,
    /// How many threads compute.
    pub threads: usize,
    /// The device on which networks ran.
    pub device: String,
    /// Floating-point operations per second, in units of 10^9, that multiplying large float32 matrices reaches.
    pub peak_gflops: f64,
    /// One row per stage, in the order in which a run goes through them.
    pub rows: Vec<BenchRow>,
    /// What could not be measured, and why.
    pub left_out: Vec<String>,
    /// Whether the run was stopped early.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
}

/// Measures every stage. A face detector whose weights are missing is left out, and the summary says so.
///
/// Fails when the forgery detector's weights cannot be used, or the device is not there.
pub fn run(config: &Config, progress: &dyn Progress, cancel: &Cancel) -> Result<BenchSummary> {
    std::fs::metadata(&config.weights).map_err(FileError::of(&config.weights))?;
    let device = config.device.resolve()?;
    let mut summary = BenchSummary {
        tool: "sbi",
        version: env!("CARGO_PKG_VERSION"),
        processor: processor(),
        threads: crate::native::process::threads(),
        device: format!("{device:?}"),
        peak_gflops: 0.0,
        rows: Vec::new(),
        left_out: Vec::new(),
        interrupted: false,
    };
    let timer = Timer { seconds: config.seconds };
    let stages = stages::all();
    progress.begin(stages.len() + 1, "stages");
    summary.peak_gflops = stages::peak_gflops(device, &timer)?;
    progress.advance("matrices");
    for stage in stages {
        if cancel.is_requested() {
            summary.interrupted = true;
            break;
        }
        match (stage.measure)(config, device, &timer)? {
            stages::Found::Rate { what, rate, unit, flops } => {
                let gflops = flops.map(|flops| rate * flops / 1e9);
                let share_of_peak = gflops.map(|gflops| gflops / summary.peak_gflops);
                summary.rows.push(BenchRow { what, rate, unit, gflops, share_of_peak });
            }
            stages::Found::Missing(why) => summary.left_out.push(why),
        }
        progress.advance(stage.name);
    }
    progress.end();
    Ok(summary)
}

fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("model name"));
    line.map_or("unknown processor".to_owned(), |name| name.trim_start_matches(['\t', ' ', ':']).to_owned())
}

/// Measures for a while.
struct Timer {
    seconds: f64,
}

impl Timer {
    /// Seconds that the middle one of many steps takes. The first one warms up and does not count.
    fn median(&self, mut step: impl FnMut() -> Result<()>) -> Result<f64> {
        step()?;
        let started = Instant::now();
        let mut times = Vec::new();
        while times.is_empty() || started.elapsed().as_secs_f64() < self.seconds {
            let start = Instant::now();
            step()?;
            times.push(start.elapsed().as_secs_f64());
        }
        times.sort_by(f64::total_cmp);
        Ok(times[times.len() / 2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_the_steps_counts_and_the_first_does_not() {
        let timer = Timer { seconds: 0.05 };
        let mut number = 0;
        let median = timer.median(|| {
            number += 1;
            std::thread::sleep(std::time::Duration::from_millis(if number == 1 { 60 } else { 2 }));
            Ok(())
        });
        assert!((0.002..0.03).contains(&median.unwrap()) && number > 2);
    }
}
