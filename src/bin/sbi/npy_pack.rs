//! `sbi npy-pack`.

use crate::args::NpyPackArgs;
use crate::{Outcome, Session, report};
use sbi::pack::{self, Config};

pub fn run(args: &NpyPackArgs, session: &Session) -> anyhow::Result<Outcome> {
    let summary = pack::run(&config(args, session), session.progress, session.cancel)?;
    report::packed(&summary);
    if let Some(shard) = args.shard.shard {
        println!("shard       {shard}; when all are done: sbi merge {}", summary.folder.display());
    }
    Ok(if summary.interrupted {
        Outcome::Interrupted
    } else if summary.total == 0 {
        // More shards than videos.
        Outcome::AllDone
    } else if summary.videos.iter().all(|video| video.faces == 0) {
        Outcome::NothingDone
    } else if summary.failed().next().is_some() {
        Outcome::SomeFailed
    } else {
        Outcome::AllDone
    })
}

fn config(args: &NpyPackArgs, session: &Session) -> Config {
    let defaults = Config::new(args.dataset, session.global.data_root.clone());
    Config {
        compression: args.sampling.compression,
        output: args.save.clone(),
        frames: args.sampling.frames.unwrap_or(defaults.frames),
        face_detector: args.crop.over(args.detector.config()),
        device: session.global.device,
        jobs: args.sampling.jobs.unwrap_or(defaults.jobs),
        allow_missing: args.sampling.allow_missing,
        overwrite: args.overwrite,
        limit: args.sampling.limit,
        shard: args.shard.shard,
        limits: args.sampling.limits.limits(),
        ..defaults
    }
}
