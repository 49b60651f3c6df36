//! `sbi preview`.

use crate::args::{PhaseName, PreviewArgs};
use crate::{Outcome, Session};
use sbi::blending::Phase;
use sbi::dataset::{SourceSet, Split};
use sbi::preview::{self, Config, Source};
use sbi::train;

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
        Some(path) => train::Config::read(path, &[])?,
        None => train::Config::default(),
    };
    let (data, data_root) = (&training.data, &session.global.data_root);
    let source = if args.input.is_empty() {
        let split = match args.phase {
            PhaseName::Train => Split::Train,
            PhaseName::Val => Split::Validation,
        };
        Source::Set {
            set: args.dataset.unwrap_or(SourceSet::Original),
            data_root: data.root.as_ref().unwrap_or(data_root).clone(),
            compression: args.compression.unwrap_or(data.compression),
            id_list: args.config.is_some().then(|| data.split_list(split, data_root)),
            per_video: data.n_frames,
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
        seed: args.seed.unwrap_or(training.seed),
        phase: match args.phase {
            PhaseName::Train => Phase::Train,
            PhaseName::Val => Phase::Validation,
        },
        image_size: args.image_size.unwrap_or(training.image_size),
        // Whoever saves hundreds of pairs does not want them on one sheet.
        sheet: args.output.clone().or(defaults.sheet.clone().filter(|_| args.save.is_none())),
        save: args.save.clone(),
        ..defaults
    })
}
