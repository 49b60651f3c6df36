//! `sbi infer`.

use crate::args::{InferArgs, SamplingArgs};
use crate::{Outcome, Session, report};
use anyhow::Context;
use sbi::datasets::TestSet;
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

/// The test set or packed folder that was asked for, if one was.
pub fn labelled_source(
    dataset: Option<TestSet>,
    packed: Option<&Path>,
    sampling: &SamplingArgs,
    session: &Session,
) -> Option<InferSource> {
    let test_set = dataset.map(|set| InferSource::TestSet {
        set,
        data_root: session.global.data_root.clone(),
        compression: sampling.compression,
        allow_missing: sampling.allow_missing,
    });
    test_set.or_else(|| packed.map(|folder| InferSource::Packed(folder.to_owned())))
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
    let labelled = labelled_source(args.dataset, args.packed.as_deref(), &args.sampling, session);
    let source = labelled.unwrap_or_else(|| InferSource::Files(args.input.clone()));
    let defaults = base_config(args.weights.as_deref(), source, args.detector.config(), session)?;
    Ok(Config {
        frames: args.sampling.frames.unwrap_or(defaults.frames),
        batch_size: args.batch_size.unwrap_or(defaults.batch_size),
        device: session.global.device,
        half: args.half,
        jobs: args.sampling.jobs.unwrap_or(defaults.jobs),
        annotate: args.annotate.clone(),
        heatmaps: args.heatmaps.clone(),
        threshold: args.threshold,
        limit: args.sampling.limit,
        ..defaults
    })
}

/// Finds out before hours of work that the result could not be written.
pub fn check_writable(path: &Path) -> anyhow::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: cannot make this folder", folder.display()))?;
    tempfile::Builder::new()
        .prefix(".tmp-")
        .tempfile_in(folder)
        .with_context(|| format!("{}: cannot write into this folder", folder.display()))?;
    anyhow::ensure!(!path.is_dir(), "{}: is a folder, expected a file name", path.display());
    Ok(())
}
