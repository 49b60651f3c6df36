//! `sbi average`.

use crate::Outcome;
use crate::args::AverageArgs;
use sbi::average::{self, Config};

pub fn run(args: &AverageArgs) -> anyhow::Result<Outcome> {
    let summary = average::run(&Config {
        inputs: args.inputs.clone(),
        output: args.output.clone(),
        overwrite: args.overwrite,
    })?;
    for note in &summary.notes {
        eprintln!("note: {note}");
    }
    if summary.lost_calibration {
        eprintln!(
            "note: the calibration of the first file says nothing about the average: sbi calibrate makes one"
        );
    }
    let (files, tensors, megabytes) = (summary.files, summary.tensors, summary.bytes as f64 / 1e6);
    println!("{}: average of {files} files, {tensors} tensors, {megabytes:.1} MB", args.output.display());
    Ok(Outcome::AllDone)
}
