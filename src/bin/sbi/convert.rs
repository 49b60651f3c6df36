//! `sbi convert`.

use crate::Outcome;
use crate::args::{self, ConvertArgs};
use sbi::checkpoint::Precision;
use sbi::convert::{self, Config, Names};

pub fn run(args: &ConvertArgs) -> anyhow::Result<Outcome> {
    let summary = convert::run(&Config {
        input: args.input.clone(),
        key: args.key.clone(),
        output: args.output.clone(),
        overwrite: args.overwrite,
        detector_only: args.detector_only,
        names: match args.layout {
            Some(args::WeightLayout::Deepfakebench) => Names::DeepfakeBench,
            None => Names::Published,
        },
        precision: args.precision.map(Precision::from),
    })?;
    for note in &summary.notes {
        eprintln!("note: {note}");
    }
    if let Some(left_out) = &summary.left_out {
        eprintln!("note: {left_out}");
    }
    let megabytes = summary.bytes as f64 / 1e6;
    println!("{}: {} tensors, {megabytes:.1} MB", args.output.display(), summary.tensors);
    Ok(Outcome::AllDone)
}

impl From<args::Precision> for Precision {
    fn from(precision: args::Precision) -> Self {
        match precision {
            args::Precision::F32 => Precision::F32,
            args::Precision::F16 => Precision::F16,
        }
    }
}
