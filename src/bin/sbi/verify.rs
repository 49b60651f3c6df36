//! `sbi verify`.

use crate::args::VerifyArgs;
use crate::{Outcome, Session, report};
use anyhow::Context;
use sbi::atomic_file::check_writable;
use sbi::infer::evidence::Seal;
use sbi::infer::verify::{self, FileCheck, FileState, VerifyConfig, VerifySummary};

/// Files shown one by one before they are only counted.
const SHOWN: usize = 20;

pub fn run(args: &VerifyArgs, session: &Session) -> anyhow::Result<Outcome> {
    if let Some(path) = &args.json {
        check_writable(path)?;
    }
    let config = VerifyConfig {
        result: args.result.clone(),
        weights: args.weights.clone(),
        face_detector_weights: args.detector_weights.clone(),
        files: args.files.clone(),
        device: session.global.device,
    };
    let summary = verify::verify(&config, session.progress, session.cancel)?;
    if let Some(path) = &args.json {
        report::write_json(path, &summary).context("what was found out as JSON")?;
    }
    print(args, &summary);
    Ok(match (summary.interrupted, summary.holds()) {
        (true, _) => Outcome::Interrupted,
        (false, true) => Outcome::AllDone,
        (false, false) => Outcome::SomeFailed,
    })
}

fn print(args: &VerifyArgs, summary: &VerifySummary) {
    println!("result         {}, made {} by sbi {}", args.result.display(), summary.date, summary.version);
    println!(
        "checksum       {}",
        match summary.seal {
            Seal::Whole => "right: the result is as it was written",
            Seal::Altered | Seal::Missing => "WRONG: the result was altered after it was written",
        }
    );
    println!("weights        {}", told(&summary.weights));
    if let Some(weights) = &summary.face_detector {
        println!("face detector  {}", told(weights));
    }
    let same = summary.files.iter().filter(|file| file.state == FileState::Same).count();
    println!("files          {same} of {} are the same files", summary.files.len());
    let others: Vec<&FileCheck> = summary.files.iter().filter(|file| file.state != FileState::Same).collect();
    for file in others.iter().take(SHOWN) {
        println!("  {}", told(file));
    }
    if others.len() > SHOWN {
        println!("  … and {} more, see --json", others.len() - SHOWN);
    }
    if summary.version != summary.version_now {
        println!("version        {} then, {} now", summary.version, summary.version_now);
    }
    match &summary.scores {
        None => println!(
            "scores         not compared: without the same weights and files there is nothing to score"
        ),
        Some(agreement) => {
            println!(
                "scores         {} scored again, largest difference {:.1e}",
                summary.scored, agreement.largest
            );
            for difference in &agreement.differences {
                let verify::Difference { path, entry, then, now } = difference;
                println!("  {path}: {entry} was {then}, is {now}");
            }
            if agreement.different > agreement.differences.len() {
                println!("  … and {} more", agreement.different - agreement.differences.len());
            }
        }
    }
    println!("{}", conclusion(summary));
}

/// One file in one line.
fn told(check: &FileCheck) -> String {
    let path = check.path.display();
    match &check.state {
        FileState::Same => format!("{path}: the same file"),
        FileState::Other(sum) => format!("{path}: ANOTHER FILE, its SHA-256 is {sum}"),
        FileState::Missing => {
            format!("{path}: not found (-w, --detector-weights and --files say where it is now)")
        }
        FileState::Unknown => format!("{path}: the result has no checksum of it"),
    }
}

/// The answer, the last line.
fn conclusion(summary: &VerifySummary) -> String {
    match (&summary.scores, summary.holds()) {
        _ if summary.interrupted => "interrupted: not verified".to_owned(),
        (Some(agreement), true) => format!("verified: {}", agreement.words()),
        (Some(agreement), false) if agreement.is_close() => {
            format!("NOT verified: scores are {}, but see above", agreement.words())
        }
        (Some(_), false) => "NOT verified: scores are not the same".to_owned(),
        (None, _) => "NOT verified: see above".to_owned(),
    }
}
