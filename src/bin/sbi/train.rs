//! `sbi train`.

use crate::args::TrainArgs;
use crate::{Outcome, Session, advice};
use anyhow::Context;
use sbi::native::process;
use sbi::ranks::{Launch, RanksError};
use sbi::train::{
    self, Config, ReportConfig, RunConfig, RunEnd, RunFolder, RunPlace, RunRecord, Together, TrainSummary,
    UseOfWeights,
};
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
    let together = Launch::from_environment()?.map(|launch| Together { launch, last_resort });
    let first = together.as_ref().is_none_or(|together| together.launch.rank == 0);
    session.signals.among_processes(together.as_ref().map(|together| &together.launch));
    let asked = RunConfig {
        config,
        data_root: session.global.data_root.clone(),
        device: session.global.device,
        place,
        report: (!args.no_report).then(page),
        together,
    };
    let summary = train::run(&asked, session.progress, session.cancel)?;
    // One of several processes tells for all.
    if first {
        report(&summary, asked.config.epoch);
    }
    Ok(match summary.end {
        RunEnd::Interrupted => Outcome::Interrupted,
        RunEnd::Complete | RunEnd::StoppedEarly => Outcome::AllDone,
    })
}

/// What the run's page says of its weights.
fn page() -> ReportConfig {
    let uses = [
        ("To score a video or photograph", "sbi infer -w {weights} video.mp4"),
        (
            "To measure it on a test set, with a protocol line",
            "sbi infer -w {weights} -d CDF --json result.json",
        ),
        (
            "To learn what its scores mean on videos like yours",
            "sbi calibrate -w {weights} --labels labels.csv -o mine.safetensors",
        ),
        (
            "To pass it on, without what only training needs",
            "sbi convert {weights} mine.safetensors --detector-only",
        ),
        ("To follow the curves of several runs", "tensorboard --logdir {run}/logs"),
    ];
    let of =
        |(what, command): (&str, &str)| UseOfWeights { what: what.to_owned(), command: command.to_owned() };
    ReportConfig {
        uses: uses.into_iter().map(of).collect(),
        resume: Some("sbi train --resume {run}".to_owned()),
    }
}

/// Ends a process that waits for a lost one, in a place where nothing else can end it.
fn last_resort(error: &RanksError) {
    eprintln!("error: {}", advice::told(&anyhow::Error::from(sbi::Error::from(error.clone()))));
    process::end_at_once(2)
}

fn stem(path: &Path) -> anyhow::Result<String> {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    stem.map(str::to_owned).with_context(|| format!("{}: not a file name", path.display()))
}

fn report(summary: &TrainSummary, epochs: usize) {
    println!("run       {}", summary.folder.display());
    println!("epochs    {} of {epochs}", summary.epochs);
    let page = summary.folder.join("report.html");
    if page.is_file() {
        println!("report    {}", page.display());
    }
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
