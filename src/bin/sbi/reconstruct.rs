//! `sbi reconstruct`.

use crate::args::ReconstructArgs;
use crate::{Outcome, Session};
use sbi::datasets::{SetVersion, TrainingSet};
use sbi::model::autoencoder::Design;
use sbi::reconstruct::{self, Config, PreparedSet, ReconstructSummary};

pub fn run(args: &ReconstructArgs, session: &Session) -> anyhow::Result<Outcome> {
    let summary = reconstruct::run(&config(args, session)?, session.progress, session.cancel)?;
    report(&summary);
    Ok(if summary.interrupted {
        Outcome::Interrupted
    } else if summary.sets.iter().all(|set| set.before + set.written == 0) {
        Outcome::NothingDone
    } else if summary.sets.iter().any(|set| !set.failed.is_empty()) {
        Outcome::SomeFailed
    } else {
        Outcome::AllDone
    })
}

fn config(args: &ReconstructArgs, session: &Session) -> anyhow::Result<Config> {
    let mut sets: Vec<PreparedSet> = Vec::new();
    for name in &args.dataset {
        let set = TrainingSet::named(name);
        let folder = set.folder(&session.global.data_root, args.compression)?;
        if sets.iter().all(|other| other.folder != folder) {
            sets.push(PreparedSet { folder, set: SetVersion { set, compression: args.compression } });
        }
    }
    Ok(Config {
        design: design(args),
        steps: args.steps,
        seed: args.seed,
        device: session.global.device,
        overwrite: args.overwrite,
        sheet: args.sheet.clone(),
        ..Config::new(sets, &args.name)
    })
}

/// The design that was asked for; `None` where nothing was.
fn design(args: &ReconstructArgs) -> Option<Design> {
    let ReconstructArgs { design, side, up, width, kernel, halvings, bottleneck, loss, .. } = args;
    let asked = side.is_some() || up.is_some() || width.is_some() || kernel.is_some();
    let asked = asked || halvings.is_some() || bottleneck.is_some() || loss.is_some() || design.is_some();
    let base = design.unwrap_or(Config::DESIGN);
    asked.then(|| Design {
        side: side.unwrap_or(base.side),
        up: up.unwrap_or(base.up),
        width: width.unwrap_or(base.width),
        kernel: kernel.unwrap_or(base.kernel),
        halvings: halvings.unwrap_or(base.halvings),
        bottleneck: bottleneck.unwrap_or(base.bottleneck),
        loss: loss.unwrap_or(base.loss),
    })
}

fn report(summary: &ReconstructSummary) {
    println!("name       {}", summary.name);
    if let Some(network) = &summary.network {
        println!("design     {}", network.design);
        let how = if network.new { "trained now" } else { "as it was there" };
        let (steps, faces, loss) = (network.steps, network.faces, network.loss);
        println!("network    {steps} steps on {faces} faces, loss {loss:.4}, {how}");
    }
    for set in &summary.sets {
        let off = set.mean_difference.map_or(String::new(), |mean| format!(", {mean:.1} grey levels off"));
        println!("set        {}", set.folder.display());
        println!("  frames   {} with landmarks, {} without", set.frames, set.without_landmarks);
        println!("  written  {} now, {} before, {} failed{off}", set.written, set.before, set.failed.len());
    }
    for failure in summary.sets.iter().flat_map(|set| &set.failed) {
        println!("unused     {}", failure.reason);
    }
    if let Some(path) = &summary.sheet {
        println!("sheet      {}", path.display());
    }
    if summary.interrupted {
        println!("interrupted: the same command goes on");
    }
}
