//! `sbi infer`.

use crate::args::InferArgs;
use crate::{Outcome, Session, inputs, report};
use anyhow::Context;
use sbi::atomic_file::check_writable;
use sbi::face::FaceDetectorConfig;
use sbi::infer::{self, Config, InferSource, InferSummary, VideoResult};
use sbi::progress::Progress;
use std::path::Path;

pub fn run(args: &InferArgs, session: &Session) -> anyhow::Result<Outcome> {
    for path in [&args.json, &args.csv].into_iter().flatten() {
        check_writable(path)?;
    }
    let mut tell = |video: &VideoResult| match args.jsonl {
        true => report::json_line(video)
            .map_err(|cause| sbi::Error::Output { path: "standard output".into(), cause }),
        false => Ok(()),
    };
    let summary = infer::run_telling(&config(args, session)?, session.progress, session.cancel, &mut tell)?;
    // Files first: what a script waits for is there even when standard output is a closed pipe.
    if let Some(path) = &args.json {
        report::write_sealed(path, &summary).context("the result as JSON")?;
    }
    if let Some(path) = &args.csv {
        report::csv(path, &summary).context("the result as CSV")?;
    }
    if !args.jsonl {
        report::inference(&summary)?;
    }
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
    let listed = args.list.clone().zip(args.root.clone()).map(|(list, root)| InferSource::BenchmarkList {
        list,
        root,
        split: args.split.clone(),
        compression: args.sampling.compression,
    });
    let source = match labelled.or(listed) {
        Some(labelled) => labelled,
        None => InferSource::Files(inputs::listed(&[&args.files[..], &args.input[..]].concat())?),
    };
    let defaults =
        base_config(args.weights.as_deref(), source, args.crop.over(args.detector.config()), session)?;
    Ok(Config {
        labels: args.labels.clone(),
        normalisation: args.input_normalisation,
        protocol: args.protocol,
        // A number that was asked for is that number, and labelled files are measured as test sets are.
        by_duration: defaults.by_duration && args.sampling.frames.is_none() && args.labels.is_none(),
        frames: args.sampling.frames.unwrap_or(defaults.frames),
        batch_size: args.batch_size.unwrap_or(defaults.batch_size),
        device: session.global.device,
        half: args.half,
        jobs: args.sampling.jobs.unwrap_or(defaults.jobs),
        annotate: args.annotate.clone(),
        heatmaps: args.heatmaps.clone(),
        threshold: args.threshold,
        views: args.views.views(),
        limit: args.sampling.limit,
        limits: args.sampling.limits.limits(),
        ..defaults
    })
}
