//! `sbi merge`.

use crate::args::MergeArgs;
use crate::{Outcome, Session, infer, inputs, report, robustness};
use anyhow::{Context, bail};
use sbi::atomic_file::check_writable;
use sbi::infer::merge::{self, Allowed, RecordKind};
use sbi::{packed_faces, preprocess};
use std::path::{Path, PathBuf};

/// Videos shown one by one before they are only counted.
const SHOWN: usize = 20;

pub fn run(args: &MergeArgs, session: &Session) -> anyhow::Result<Outcome> {
    let paths = inputs::listed(&args.paths, false)?;
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = paths.into_iter().partition(|path| path.is_dir());
    match (folders.is_empty(), files.is_empty()) {
        (false, false) => bail!(
            "{} is a folder and {} is none: merge one kind at a time",
            folders[0].display(),
            files[0].display()
        ),
        (false, true) => merge_folders(&folders, args),
        _ => merge_files(&files, args, session),
    }
}

fn merge_files(files: &[PathBuf], args: &MergeArgs, session: &Session) -> anyhow::Result<Outcome> {
    for path in [&args.json, &args.csv, &args.plot].into_iter().flatten() {
        check_writable(path)?;
    }
    let allowed = Allowed { missing: args.allow_missing, double: args.allow_double };
    let kind = merge::kind_of(&files[0])?;
    let (unused, flag) = match kind {
        RecordKind::Result => (&args.plot, "--plot is for records of robustness"),
        RecordKind::Robustness => (&args.csv, "--csv is for results of infer"),
    };
    if unused.is_some() {
        bail!("{flag}");
    }
    match kind {
        RecordKind::Result => {
            let merge::Merged { summary, notes } = merge::results(files, allowed)?;
            notes.iter().for_each(|note| session.note(note));
            if let Some(path) = &args.json {
                report::write_sealed(path, &summary).context("the result as JSON")?;
            }
            if let Some(path) = &args.csv {
                report::csv(path, &summary).context("the result as CSV")?;
            }
            report::inference(&summary)?;
            Ok(or_some_failed(infer::outcome(&summary), summary.part.is_some()))
        }
        RecordKind::Robustness => {
            let merge::Merged { summary, notes } = sbi::infer::robustness::merge(files, allowed)?;
            notes.iter().for_each(|note| session.note(note));
            robustness::write(&summary, args.json.as_deref(), args.plot.as_deref())?;
            Ok(or_some_failed(robustness::outcome(&summary), summary.part.is_some()))
        }
    }
}

fn or_some_failed(outcome: Outcome, incomplete: bool) -> Outcome {
    match outcome {
        Outcome::AllDone if incomplete => Outcome::SomeFailed,
        other => other,
    }
}

fn merge_folders(folders: &[PathBuf], args: &MergeArgs) -> anyhow::Result<Outcome> {
    if args.json.is_some() || args.csv.is_some() || args.plot.is_some() {
        bail!("--json, --csv and --plot are for results; what shards left in a folder is joined there");
    }
    let mut complete = true;
    for folder in folders {
        complete &= match is_packed(folder) {
            true => merge_packed(folder, args)?,
            false => merge_prepared(folder, args)?,
        };
    }
    Ok(if complete { Outcome::AllDone } else { Outcome::SomeFailed })
}

/// Whether there is a manifest of packed faces, of all or of a shard.
fn is_packed(folder: &Path) -> bool {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.map(|name| name.to_string_lossy().into_owned()).any(|name| {
        name == "manifest.json" || (name.starts_with("manifest.shard-") && name.ends_with(".json"))
    })
}

fn merge_packed(folder: &Path, args: &MergeArgs) -> anyhow::Result<bool> {
    let joined = packed_faces::join_shards(folder, args.allow_missing)?;
    println!("folder      {}", folder.display());
    println!("shards      {}", joined.shards);
    println!("videos      {} of {}", joined.manifest.videos.len(), joined.manifest.video_count);
    println!("faces       {}", joined.manifest.videos.iter().map(|video| video.faces).sum::<usize>());
    list("double", &joined.double);
    list("missing", &joined.missing);
    Ok(joined.missing.is_empty())
}

fn merge_prepared(folder: &Path, args: &MergeArgs) -> anyhow::Result<bool> {
    let mut complete = true;
    for set in preprocess::merge(folder, args.allow_missing)? {
        print!("{}", set.summary);
        println!("shards      {}", set.shards);
        list("double", &set.double);
        list("missing", &set.missing);
        complete &= set.missing.is_empty() && set.summary.unsaved.is_none();
    }
    Ok(complete)
}

fn list(what: &str, names: &[String]) {
    for name in names.iter().take(SHOWN) {
        println!("  {what:<10}  {name}");
    }
    if names.len() > SHOWN {
        println!("  {what:<10}  … and {} more", names.len() - SHOWN);
    }
}
