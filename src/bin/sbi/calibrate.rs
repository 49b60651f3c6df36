//! `sbi calibrate`.

use crate::args::CalibrateArgs;
use crate::{Outcome, Session, report};
use anyhow::Context;
use sbi::calibrate::{self, CalibrateSummary, Config, Source};
use sbi::infer::{self, InferSource};
use sbi::train;

pub fn run(args: &CalibrateArgs, session: &Session) -> anyhow::Result<Outcome> {
    let config = Config {
        source: source(args, session)?,
        output: args.output.clone(),
        views: args.views.views(),
        overwrite: args.overwrite,
        precision: args.precision.map(Into::into),
    };
    let CalibrateSummary { calibration, fitted_on, likelihood_ratios, .. } =
        calibrate::run(&config, session.progress, session.cancel)?;
    println!("calibrated on {fitted_on}");
    println!("threshold     {:.4}", calibration.threshold);
    println!("temperature   {:.4}", calibration.temperature);
    if let Some(ratios) = &likelihood_ratios {
        report::fitted_ratios(ratios);
    }
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
    if let Some(result) = args.result.clone() {
        return Ok(Source::Result { weights, result });
    }
    let labelled = args.labels.as_ref().map(|_| InferSource::Files(Vec::new()));
    let source = args
        .test_set
        .source(&args.sampling, &session.global.data_root)
        .or(labelled)
        .context("no labelled set was named")?;
    let defaults = infer::Config::with_faces(weights, source, args.crop.over(args.detector.config()));
    Ok(Source::Videos(Box::new(infer::Config {
        labels: args.labels.clone(),
        frames: args.sampling.frames.unwrap_or(defaults.frames),
        device,
        jobs: args.sampling.jobs.unwrap_or(defaults.jobs),
        limit: args.sampling.limit,
        limits: args.sampling.limits.limits(),
        ..defaults
    })))
}
