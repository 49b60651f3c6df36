//! `sbi preview`.

use crate::args::{PhaseName, PreviewArgs};
use crate::{Outcome, Session};
use sbi::blending::Phase;
use sbi::datasets::{SetVersion, Split, TrainingSet};
use sbi::preview::{self, Config, PreviewSource};
use sbi::train;
use sbi::training_pairs::{FrameSelection, VideoChoice};
use std::path::Path;

pub fn run(args: &PreviewArgs, session: &Session) -> anyhow::Result<Outcome> {
    let summary = preview::run(&config(args, session)?, session.progress, session.cancel)?;
    println!("pairs   {}", summary.pairs);
    for (what, path) in [("sheet", &summary.sheet), ("saved", &summary.saved)] {
        if let Some(path) = path {
            println!("{what:<7} {}", path.display());
        }
    }
    for failure in &summary.failed {
        println!("unused  {}", failure.reason);
    }
    Ok(if summary.interrupted {
        Outcome::Interrupted
    } else if summary.pairs == 0 {
        Outcome::NothingDone
    } else if !summary.failed.is_empty() {
        Outcome::SomeFailed
    } else {
        Outcome::AllDone
    })
}

fn config(args: &PreviewArgs, session: &Session) -> anyhow::Result<Config> {
    // Without a file, the published training: the same frames, size and seed.
    let training = match &args.config {
        Some(path) => train::Config::read(path, &args.set)?,
        None => train::Config::of_overrides(&args.set)?,
    };
    let source = if args.input.is_empty() {
        PreviewSource::Prepared(selections(args, training.clone(), &session.global.data_root)?)
    } else {
        PreviewSource::Files {
            paths: args.input.clone(),
            landmarks: args.landmarks.config(),
            face_detector: args.detector.config(),
            device: session.global.device,
        }
    };
    let defaults = Config::new(source);
    Ok(Config {
        pairs: args.pairs.unwrap_or(defaults.pairs),
        seed: args.seed.unwrap_or(training.seed),
        phase: match args.phase {
            PhaseName::Train => Phase::Train,
            PhaseName::Val => Phase::Validation,
        },
        extras: training.data.extras(),
        image_size: args.image_size.unwrap_or(training.image_size),
        // Whoever saves hundreds of pairs does not want them on one sheet.
        sheet: args.output.clone().or(defaults.sheet.clone().filter(|_| args.save.is_none())),
        save: args.save.clone(),
        ..defaults
    })
}

/// A set by its name, all of it; or the sets and the split of a configuration.
fn selections(
    args: &PreviewArgs,
    mut training: train::Config,
    data_root: &Path,
) -> anyhow::Result<Vec<FrameSelection>> {
    let compression = args.compression.unwrap_or(training.data.compression);
    let Some(name) = &args.dataset else {
        training.data.compression = compression;
        let split = match args.phase {
            PhaseName::Train => Split::Train,
            PhaseName::Val => Split::Validation,
        };
        return Ok(train::selections(&training, split, data_root)?);
    };
    let set = TrainingSet::named(name);
    let root = training.data.root.as_deref().unwrap_or(data_root);
    Ok(vec![FrameSelection {
        folder: set.folder(root, compression)?,
        videos: VideoChoice::All,
        per_video: training.data.n_frames,
        min_face: 0.0,
        set: SetVersion { set, compression },
    }])
}
