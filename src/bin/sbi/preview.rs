//! `sbi preview`.

use crate::args::{PhaseName, PreviewArgs};
use crate::{Outcome, Session};
use anyhow::Context;
use sbi::blending::Phase;
use sbi::dataset::{Compression, SourceSet, Split};
use sbi::preview::{self, Config, Source};
use serde::Deserialize;
use std::path::{Path, PathBuf};

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

/// What a preview needs of a training configuration; `sbi train` checks the rest.
#[derive(Default, Deserialize)]
#[serde(default)]
struct TrainingFile {
    image_size: Option<usize>,
    seed: Option<u64>,
    data: DataSection,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DataSection {
    root: Option<PathBuf>,
    compression: Option<String>,
    n_frames: Option<usize>,
}

fn config(args: &PreviewArgs, session: &Session) -> anyhow::Result<Config> {
    const FRAMES_PER_VIDEO: usize = 8;
    let file = args.config.as_deref().map(read_training_file).transpose()?.unwrap_or_default();
    let compression = match (args.compression, &file.data.compression) {
        (Some(compression), _) => compression,
        (None, Some(name)) => name.parse()?,
        (None, None) => Compression::default(),
    };
    let source = if args.input.is_empty() {
        Source::Set {
            set: args.dataset.unwrap_or(SourceSet::Original),
            data_root: file.data.root.clone().unwrap_or_else(|| session.global.data_root.clone()),
            compression,
            split: args.config.is_some().then_some(match args.phase {
                PhaseName::Train => Split::Train,
                PhaseName::Val => Split::Validation,
            }),
            per_video: file.data.n_frames.unwrap_or(FRAMES_PER_VIDEO),
        }
    } else {
        Source::Files {
            paths: args.input.clone(),
            landmarks: args.landmarks.config(),
            detector: args.detector.config(),
            device: session.global.device,
        }
    };
    let defaults = Config::new(source);
    Ok(Config {
        pairs: args.pairs.unwrap_or(defaults.pairs),
        seed: args.seed.or(file.seed).unwrap_or(defaults.seed),
        phase: match args.phase {
            PhaseName::Train => Phase::Train,
            PhaseName::Val => Phase::Validation,
        },
        image_size: args.image_size.or(file.image_size).unwrap_or(defaults.image_size),
        // Whoever saves hundreds of pairs does not want them on one sheet.
        sheet: args.output.clone().or(defaults.sheet.clone().filter(|_| args.save.is_none())),
        save: args.save.clone(),
        ..defaults
    })
}

fn read_training_file(path: &Path) -> anyhow::Result<TrainingFile> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| format!("{}: not a training configuration", path.display()))
}
