//! `sbi robustness`.

use crate::args::RobustnessArgs;
use crate::infer::base_config;
use crate::{Outcome, Session, report};
use anyhow::Context;
use sbi::atomic_file::check_writable;
use sbi::infer::robustness::{self, RobustnessRow, RobustnessSummary};
use sbi::infer::{Config, InferSource};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub fn run(args: &RobustnessArgs, session: &Session) -> anyhow::Result<Outcome> {
    let of_shard = |path: &Option<PathBuf>| path.as_ref().map(|path| args.shard.file(path));
    let (json, plot, html) = (of_shard(&args.json), of_shard(&args.plot), of_shard(&args.report));
    for path in [&json, &plot, &html].into_iter().flatten() {
        check_writable(path)?;
    }
    let summary = robustness::run(&config(args, session)?, session.progress, session.cancel)?;
    if let Some(path) = &html {
        robustness::write_report(path, &summary).context("the report")?;
    }
    write(&summary, json.as_deref(), plot.as_deref())?;
    Ok(outcome(&summary))
}

/// Writes the files that were asked for, and the table.
pub fn write(summary: &RobustnessSummary, json: Option<&Path>, plot: Option<&Path>) -> anyhow::Result<()> {
    if let Some(path) = json {
        report::write_json(path, summary).context("the result as JSON")?;
    }
    if let Some(path) = plot {
        robustness::write_plot(path, summary).context("the plot")?;
    }
    Ok(table(&mut io::stdout().lock(), summary)?)
}

pub fn outcome(summary: &RobustnessSummary) -> Outcome {
    if summary.interrupted {
        Outcome::Interrupted
    } else if !summary.left_out.is_empty() {
        Outcome::SomeFailed
    } else {
        Outcome::AllDone
    }
}

fn config(args: &RobustnessArgs, session: &Session) -> anyhow::Result<Config> {
    let source = args
        .test_set
        .source(&args.sampling, &session.global.data_root)
        .unwrap_or(InferSource::Files(Vec::new()));
    let defaults =
        base_config(args.weights.as_deref(), source, args.crop.over(args.detector.config()), session)?;
    Ok(Config {
        labels: args.labels.clone(),
        by_duration: false,
        frames: args.sampling.frames.unwrap_or(defaults.frames),
        batch_size: args.batch_size.unwrap_or(defaults.batch_size),
        device: session.global.device,
        jobs: args.sampling.jobs.unwrap_or(defaults.jobs),
        limit: args.sampling.limit,
        shard: args.shard.shard,
        limits: args.sampling.limits.limits(),
        ..defaults
    })
}

fn table(out: &mut impl Write, summary: &RobustnessSummary) -> io::Result<()> {
    for reason in &summary.left_out {
        writeln!(out, "left out  {reason}")?;
    }
    let RobustnessSummary { videos, faces, clean, .. } = summary;
    writeln!(out, "{videos} videos, {faces} faces, each in {} versions", summary.rows.len() + 1)?;
    writeln!(
        out,
        "what        severity                       AUC     95 % interval     frames  real     fake"
    )?;
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.4}"));
    let line =
        |out: &mut dyn Write, what: &str, severity: &str, auc, ci95: Option<(f64, f64)>, frames, shifts| {
            let interval = ci95.map_or("-".to_owned(), |(low, high)| format!("{low:.4} to {high:.4}"));
            let (auc, frames) = (number(auc), number(frames));
            writeln!(out, "{what:<11} {severity:<30} {auc:<7} {interval:<17} {frames:<7} {shifts}")
        };
    line(out, "as it is", "", clean.video_auc, clean.video_auc_ci95, clean.frame_auc, String::new())?;
    for row in &summary.rows {
        let RobustnessRow { kind, severity, strength, unit, .. } = row;
        let shift = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:+.3}"));
        let shifts = format!("{:<8} {}", shift(row.real_shift), shift(row.fake_shift));
        let severity = format!("{severity}  ({unit} {strength})");
        line(out, kind.name(), &severity, row.video_auc, row.video_auc_ci95, row.frame_auc, shifts)?;
    }
    if summary.interrupted {
        writeln!(out, "interrupted: only the videos before it are counted")?;
    }
    Ok(())
}
