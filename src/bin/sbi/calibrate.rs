//! `sbi calibrate`.

use crate::args::CalibrateArgs;
use crate::convert::{self, Form};
use crate::infer::{check_writable, labelled_source};
use crate::{Outcome, Session};
use anyhow::{Context, ensure};
use sbi::checkpoint;
use sbi::infer;
use sbi::metrics::Calibration;
use sbi::model::forgery_detector::detector_part;
use sbi::model::{ExecutionPlan, ForgeryDetector};
use sbi::progress::Progress;
use sbi::train::{self, score_held_out};
use sbi::types::Label;
use std::path::Path;

/// Fewer labelled videos than these make a coarse border.
const FEW: usize = 20;

/// What was fitted, and on what.
struct Fitted {
    calibration: Calibration,
    /// Tells where the numbers come from, for the file's metadata.
    on: String,
}

pub fn run(args: &CalibrateArgs, session: &Session) -> anyhow::Result<Outcome> {
    let form = Form::of(&args.output)?;
    let output = args.output.display();
    ensure!(args.overwrite || !args.output.exists(), "{output}: exists already; --overwrite replaces it");
    check_writable(&args.output)?;
    let mut file = checkpoint::read(&args.weights)?;
    file.state = detector_part(&file.state, &args.weights)?;
    let fitted = match &args.pairs {
        Some(config) => on_pairs(args, config, session)?,
        None => on_videos(args, session)?,
    };
    let Fitted { calibration, on } = fitted;
    file.metadata.extend(calibration.to_metadata());
    file.metadata.insert("calibrated_on".to_owned(), on.clone());
    file.state = convert::in_precision(&file.state, args.precision)?;
    convert::write(&file, form, &args.output).with_context(|| format!("writing {output}"))?;
    println!("calibrated on {on}");
    println!("threshold     {:.4}", calibration.threshold);
    println!("temperature   {:.4}", calibration.temperature);
    println!("written       {output}");
    Ok(Outcome::AllDone)
}

fn on_pairs(args: &CalibrateArgs, config: &Path, session: &Session) -> anyhow::Result<Fitted> {
    let config = train::Config::read(config, &args.set)?;
    let device = session.global.device;
    let detector = ForgeryDetector::load(&args.weights, ExecutionPlan::fastest(device.resolve()?))?;
    let root = &session.global.data_root;
    let found = score_held_out(&config, &detector, device, root, session.progress, session.cancel)?;
    let calibration =
        found.calibration.context("the pairs tell nothing: fakes do not score higher than real faces")?;
    let auc = found.auc.unwrap_or_default();
    let interval =
        found.auc_ci95.map_or(String::new(), |(low, high)| format!(", 95 % interval {low:.4} to {high:.4}"));
    let how = match config.data.degradation {
        0.0 => "".to_owned(),
        share => format!(", {share} of them degraded"),
    };
    let on = format!("{} held-out self-blended pairs{how} (AUC {auc:.4}{interval})", found.pairs);
    Ok(Fitted { calibration, on })
}

fn on_videos(args: &CalibrateArgs, session: &Session) -> anyhow::Result<Fitted> {
    let source = labelled_source(args.dataset, args.packed.as_deref(), &args.sampling, session)
        .context("no labelled set was named")?;
    let defaults = infer::Config::new(args.weights.clone(), source);
    let config = infer::Config {
        frames: args.sampling.frames.unwrap_or(defaults.frames),
        face_detector: args.detector.config(),
        device: session.global.device,
        jobs: args.sampling.jobs.unwrap_or(defaults.jobs),
        limit: args.sampling.limit,
        ..defaults
    };
    let summary = infer::run(&config, session.progress, session.cancel)?;
    ensure!(!summary.interrupted, "interrupted: nothing is written");
    let with_face = summary.videos.iter().filter(|video| video.faces > 0);
    let (labels, scores): (Vec<Label>, Vec<f64>) =
        with_face.filter_map(|video| Some((video.label?, video.score?))).unzip();
    if labels.len() < FEW {
        let count = labels.len();
        session
            .progress
            .note(&format!("only {count} videos: the border between real and fake is a rough guess"));
    }
    let calibration = Calibration::fit(&labels, &scores)?
        .context("the videos tell nothing: both classes are needed, and fakes must tend to score higher")?;
    let name = summary.dataset.as_deref().unwrap_or("a set");
    Ok(Fitted { calibration, on: format!("{} videos of {name}", labels.len()) })
}
