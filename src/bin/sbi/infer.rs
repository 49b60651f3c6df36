//! `sbi infer`.

use crate::args::InferArgs;
use crate::{Outcome, Session, report};
use anyhow::Context;
use sbi::atomic_file::check_writable;
use sbi::face::FaceDetectorConfig;
use sbi::infer::{self, Config, InferSource, InferSummary};
use sbi::progress::Progress;
use std::path::Path;

pub fn run(args: &InferArgs, session: &Session) -> anyhow::Result<Outcome> {
    for path in [&args.json, &args.csv].into_iter().flatten() {
        check_writable(path)?;
    }
    let summary = infer::run(&config(args, session)?, session.progress, session.cancel)?;
    // Files first: what a script waits for is there even when standard output is a closed pipe.
    if let Some(path) = &args.json {
        report::write_json(path, &summary).context("the result as JSON")?;
    }
    if let Some(path) = &args.csv {
        report::csv(path, &summary).context("the result as CSV")?;
    }
    report::inference(&summary)?;
    Ok(outcome(&summary))
}

fn outcome(summary: &InferSummary) -> Outcome {
    let scored = summary.videos.iter().any(|video| video.faces > 0);
    if summary.interrupted {
        Outcome::Interrupted
    } else if !scored {
        Outcome::NothingDone
    } else if summary.failed().next().is_some() {
        Outcome::SomeFailed
    } else {
        Outcome::AllDone
    }
}

/// The weights and the face detector that were asked for; without weights the detector in the box, which is said.
pub fn base_config(
    weights: Option<&Path>,
    source: InferSource,
    faces: FaceDetectorConfig,
    session: &Session,
) -> anyhow::Result<Config> {
    if let Some(weights) = weights {
        return Ok(Config { face_detector: faces, ..Config::new(weights.to_owned(), source) });
    }
    let config = Config::bundled(source, faces)?;
    session.progress.note(&format!(
        "no -w: scoring with {}, the small detector that comes with sbi; MODEL_CARD.md beside it says how good it is",
        config.weights.display()
    ));
    Ok(config)
}

fn config(args: &InferArgs, session: &Session) -> anyhow::Result<Config> {
    let labelled = args.test_set.source(&args.sampling, &session.global.data_root);
    let source = labelled.unwrap_or_else(|| InferSource::Files(args.input.clone()));
    let defaults = base_config(args.weights.as_deref(), source, args.detector.config(), session)?;
    Ok(Config {
        labels: args.labels.clone(),
        frames: args.sampling.frames.unwrap_or(defaults.frames),
        batch_size: args.batch_size.unwrap_or(defaults.batch_size),
        device: session.global.device,
        half: args.half,
        jobs: args.sampling.jobs.unwrap_or(defaults.jobs),
        annotate: args.annotate.clone(),
        heatmaps: args.heatmaps.clone(),
        threshold: args.threshold,
        looks: args.looks.looks(),
        limit: args.sampling.limit,
        limits: args.sampling.limits.limits(),
        ..defaults
    })
}
