//! `sbi preprocess`.

use crate::args::{FrameLayout, PreprocessArgs};
use crate::{Outcome, Session, inputs};
use sbi::preprocess::{self, Config, VideoSource};
use std::path::Path;

pub fn run(args: &PreprocessArgs, session: &Session) -> anyhow::Result<Outcome> {
    if let Some(FrameLayout::Deepfakebench) = args.layout {
        return benchmark_layout(args, session);
    }
    let summary = preprocess::run(&config(args, session)?, session.progress, session.cancel)?;
    print!("{summary}");
    if let Some(shard) = args.shard.shard {
        println!("shard       {shard}; when all are done: sbi merge {}", summary.folder.display());
    }
    if summary.videos.iter().any(|video| !video.problems.is_empty()) {
        println!("problems with files of other runs: --overwrite prepares everything anew");
    }
    Ok(if summary.interrupted {
        Outcome::Interrupted
    } else if summary.total == 0 && args.shard.shard.is_some() {
        // More shards than videos.
        Outcome::AllDone
    } else if summary.is_empty() {
        Outcome::NothingDone
    } else if summary.failed().next().is_some() || summary.unsaved.is_some() {
        Outcome::SomeFailed
    } else {
        Outcome::AllDone
    })
}

/// Prepares for DeepfakeBench's training instead of the one here.
fn benchmark_layout(args: &PreprocessArgs, session: &Session) -> anyhow::Result<Outcome> {
    let config = config(args, session)?;
    let summary = preprocess::run_benchmark_layout(&config, session.progress, session.cancel)?;
    print!("{summary}");
    Ok(if summary.interrupted {
        Outcome::Interrupted
    } else if summary.videos.iter().all(|video| video.crops == 0) {
        Outcome::NothingDone
    } else if summary.failed().next().is_some() {
        Outcome::SomeFailed
    } else {
        Outcome::AllDone
    })
}

fn config(args: &PreprocessArgs, session: &Session) -> anyhow::Result<Config> {
    let data_root = session.global.data_root.clone();
    let source = match (args.dataset, &args.output) {
        (Some(set), _) => VideoSource::Set { set, data_root, compression: args.compression },
        (None, output) => VideoSource::Files {
            inputs: inputs::listed(&args.input, args.null)?,
            folder: sbi::datasets::set_folder(&data_root, output.as_deref().unwrap_or(Path::new(""))),
        },
    };
    let defaults = Config::new(source);
    Ok(Config {
        frames: args.frames.unwrap_or(defaults.frames),
        as_video: args.as_video.then_some(args.seed),
        steps: args.steps,
        landmarks: args.landmarks.config(),
        face_detector: args.detector.config(),
        device: session.global.device,
        jobs: args.jobs.or(session.global.threads).unwrap_or(defaults.jobs),
        archive: args.archive,
        overwrite: args.overwrite,
        limit: args.limit,
        shard: args.shard.shard,
        limits: args.limits.limits(),
        ..defaults
    })
}
