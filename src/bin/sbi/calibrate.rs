//! `sbi calibrate`.

use crate::args::CalibrateArgs;
use crate::{Outcome, Session};
use anyhow::Context;
use sbi::calibrate::{self, CalibrateSummary, Config, Source};
use sbi::{infer, train};

pub fn run(args: &CalibrateArgs, session: &Session) -> anyhow::Result<Outcome> {
    let config = Config {
        source: source(args, session)?,
        output: args.output.clone(),
        looks: args.looks.looks(),
        overwrite: args.overwrite,
        precision: args.precision.map(Into::into),
    };
    let CalibrateSummary { calibration, fitted_on, .. } =
        calibrate::run(&config, session.progress, session.cancel)?;
    println!("calibrated on {fitted_on}");
    println!("threshold     {:.4}", calibration.threshold);
    println!("temperature   {:.4}", calibration.temperature);
    println!("written       {}", args.output.display());
    Ok(Outcome::AllDone)
}

fn source(args: &CalibrateArgs, session: &Session) -> anyhow::Result<Source> {
    let (weights, device) = (args.weights.clone(), session.global.device);
    if let Some(config) = &args.pairs {
        let training = Box::new(train::Config::read(config, &args.set)?);
        let data_root = session.global.data_root.clone();
        return Ok(Source::HeldOutPairs { weights, training, data_root, device });
    }
    let source = args
        .test_set
        .source(&args.sampling, &session.global.data_root)
        .context("no labelled set was named")?;
    let defaults = infer::Config::new(weights, source);
    Ok(Source::Videos(Box::new(infer::Config {
        frames: args.sampling.frames.unwrap_or(defaults.frames),
        face_detector: args.detector.config(),
        device,
        jobs: args.sampling.jobs.unwrap_or(defaults.jobs),
        limit: args.sampling.limit,
        limits: args.sampling.limits.limits(),
        ..defaults
    })))
}
