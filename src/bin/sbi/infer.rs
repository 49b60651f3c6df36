//! `sbi infer`.

use crate::args::InferArgs;
use crate::{Outcome, Session, inputs, report};
use anyhow::{Context, bail};
use sbi::atomic_file::check_writable;
use sbi::face::FaceDetectorConfig;
use sbi::infer::{
    self, Config, Following, InferSource, InferSummary, LinesFile, Part, ResultLine, SavedLines, Verdict,
    VideoResult,
};
use sbi::progress::Progress;
use std::path::{Path, PathBuf};

/// What --jsonl calls standard output.
const STANDARD_OUTPUT: &str = "-";

pub fn run(args: &InferArgs, session: &Session) -> anyhow::Result<Outcome> {
    let of_shard = |path: &Option<PathBuf>| path.as_ref().map(|path| args.shard.file(path));
    let (json, csv, html) = (of_shard(&args.json), of_shard(&args.csv), of_shard(&args.report));
    let prints_lines = args.jsonl.as_deref() == Some(Path::new(STANDARD_OUTPUT));
    let lines = if prints_lines { None } else { of_shard(&args.jsonl) };
    for path in [&json, &csv, &lines, &html].into_iter().flatten() {
        check_writable(path)?;
    }
    if args.resume && lines.is_none() {
        bail!("--resume goes on with the file that --jsonl names, and standard output is none");
    }
    let config = Config { report: html, ..config(args, session)? };
    // Without a file, table or page that needs them, long results are not held in memory.
    let labelled = config.labels.is_some() || !matches!(config.source, InferSource::Files(_));
    let written = json.is_some() || csv.is_some() || config.report.is_some();
    let keep = args.jsonl.is_none() || written || labelled;
    let before = match lines.as_deref().filter(|_| args.resume) {
        Some(path) => SavedLines::read(path, keep)?,
        None => None,
    };
    let mut file = lines.as_deref().map(|path| LinesFile::open(path, before.as_ref())).transpose()?;
    let mut tell = |line: &ResultLine| match (&mut file, prints_lines) {
        (Some(file), _) => file.add(line),
        (None, true) => report::json_line(line)
            .map_err(|cause| sbi::Error::Output { path: "standard output".into(), cause }),
        (None, false) => Ok(()),
    };
    let following = Following { tell: &mut tell, before: before.as_ref(), keep };
    let summary = infer::run_with(&config, session.progress, session.cancel, following)?;
    // Files first: what a script waits for is there even when standard output is a closed pipe.
    if let Some(file) = &mut file {
        file.sync()?;
    }
    if let Some(path) = &json {
        report::write_sealed(path, &summary).context("the result as JSON")?;
    }
    if let Some(path) = &csv {
        report::csv(path, &summary).context("the result as CSV")?;
    }
    match (&lines, prints_lines) {
        (_, true) => {}
        (Some(path), false) if !keep && summary.metrics.is_none() => counted(&summary, path),
        _ => report::inference(&summary)?,
    }
    match &summary.report_failed {
        Some(why) => Err(anyhow::anyhow!("{why}").context("the report")),
        None => Ok(outcome(&summary)),
    }
}

/// The last words of a run whose results are in a file, line by line.
fn counted(summary: &InferSummary, lines: &Path) {
    let count =
        |which: &dyn Fn(&VideoResult) -> bool| summary.videos.iter().filter(|video| which(video)).count();
    println!("results     {}, in {}", summary.videos.len(), lines.display());
    if summary.decision.is_some() {
        for verdict in [Verdict::LikelyFake, Verdict::Undecided, Verdict::NoTraceFound] {
            println!("  {:<15} {}", verdict.words(), count(&|video| video.verdict() == Some(verdict)));
        }
    }
    let failed = summary.failed().count();
    if failed > 0 {
        println!("  {:<15} {failed}", "with problems");
    }
    if summary.interrupted {
        println!("interrupted: the same command with --resume goes on");
    }
}

pub fn outcome(summary: &InferSummary) -> Outcome {
    let scored = summary.videos.iter().any(|video| video.faces > 0);
    if summary.interrupted {
        Outcome::Interrupted
    } else if summary.part.as_ref().is_some_and(Part::is_empty) {
        // A list that is shorter than the number of shards leaves some of them nothing to do.
        Outcome::AllDone
    } else if !scored {
        Outcome::NothingDone
    } else if summary.failed().next().is_some() {
        Outcome::SomeFailed
    } else {
        Outcome::AllDone
    }
}

/// The weights and the face detector that were asked for; without weights the detector in the box, which is said.
pub fn base_config(
    weights: Option<&Path>,
    source: InferSource,
    faces: FaceDetectorConfig,
    session: &Session,
) -> anyhow::Result<Config> {
    if let Some(weights) = weights {
        return Ok(Config::with_faces(weights.to_owned(), source, faces));
    }
    let config = Config::bundled(source, faces)?;
    session.progress.note(&format!(
        "no -w: scoring with {}, the small detector that comes with sbi; MODEL_CARD.md beside it says how good it is",
        config.weights.display()
    ));
    Ok(config)
}

fn config(args: &InferArgs, session: &Session) -> anyhow::Result<Config> {
    let labelled = args.test_set.source(&args.sampling, &session.global.data_root);
    let listed = args.list.clone().zip(args.root.clone()).map(|(list, root)| InferSource::BenchmarkList {
        list,
        root,
        split: args.split.clone(),
        compression: args.sampling.compression,
    });
    let source = match labelled.or(listed) {
        Some(labelled) => labelled,
        None => InferSource::Files(inputs::listed(&[&args.files[..], &args.input[..]].concat(), args.null)?),
    };
    let defaults =
        base_config(args.weights.as_deref(), source, args.crop.over(args.detector.config()), session)?;
    let quick = defaults.face_detector.quick.filter(|_| !args.full_frames);
    Ok(Config {
        face_detector: FaceDetectorConfig { quick, ..defaults.face_detector },
        labels: args.labels.clone(),
        normalisation: args.input_normalisation,
        protocol: args.protocol,
        // A number that was asked for is that number, and labelled files are measured as test sets are.
        by_duration: defaults.by_duration && args.sampling.frames.is_none() && args.labels.is_none(),
        frames: args.sampling.frames.unwrap_or(defaults.frames),
        batch_size: args.batch_size.unwrap_or(defaults.batch_size),
        device: session.global.device,
        half: args.half,
        jobs: args.sampling.jobs.unwrap_or(defaults.jobs),
        annotate: args.annotate.clone(),
        heatmaps: args.heatmaps.clone(),
        threshold: args.threshold,
        views: args.views.views(),
        limit: args.sampling.limit,
        shard: args.shard.shard,
        limits: args.sampling.limits.limits(),
        ..defaults
    })
}
