//! `sbi train`.

use crate::args::TrainArgs;
use crate::{Outcome, Session};
use anyhow::Context;
use sbi::train::{self, Config, RunConfig, RunEnd, RunFolder, RunPlace, RunRecord, TrainSummary};
use std::io::Write;
use std::path::Path;

pub fn run(args: &TrainArgs, session: &Session) -> anyhow::Result<Outcome> {
    let (config, place) = match (&args.config, &args.resume) {
        (_, Some(folder)) => {
            let record = RunRecord::read(&RunFolder::open(folder)?)?;
            (record.config, RunPlace::Resume(folder.clone()))
        }
        (Some(path), None) => {
            let (output, name) = (args.output.clone(), args.name.clone());
            let place = RunPlace::New { output, name, config_name: stem(path)? };
            (Config::read(path, &args.set)?, place)
        }
        (None, None) => unreachable!("clap asks for one of the two"),
    };
    if args.print_config {
        // A reader that has seen enough is no error.
        let _ = writeln!(std::io::stdout(), "{}", config.to_json());
        return Ok(Outcome::AllDone);
    }
    let asked = RunConfig {
        config,
        data_root: session.global.data_root.clone(),
        device: session.global.device,
        place,
    };
    let summary = train::run(&asked, session.progress, session.cancel)?;
    report(&summary, asked.config.epoch);
    Ok(match summary.end {
        RunEnd::Interrupted => Outcome::Interrupted,
        RunEnd::Complete | RunEnd::StoppedEarly => Outcome::AllDone,
    })
}

fn stem(path: &Path) -> anyhow::Result<String> {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    stem.map(str::to_owned).with_context(|| format!("{}: not a file name", path.display()))
}

fn report(summary: &TrainSummary, epochs: usize) {
    println!("run       {}", summary.folder.display());
    println!("epochs    {} of {epochs}", summary.epochs);
    if let Some(last) = &summary.last {
        let auc = last.val_auc.map_or("undefined".to_owned(), |auc| format!("{auc:.4}"));
        println!("last      train loss {:.4}, validation AUC {auc}", last.train_loss);
    }
    if let Some(best) = &summary.best {
        let path = summary.folder.join("weights").join(best.file_name());
        println!("best      AUC {:.4} after epoch {}: {}", best.auc(), best.epoch, path.display());
    }
    if summary.end == RunEnd::Interrupted {
        println!("interrupted: sbi train --resume {} goes on", summary.folder.display());
    }
}
