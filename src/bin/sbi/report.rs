//! Results for people and programs: tables on standard output, JSON and CSV files.

use crate::files_report::files;
use crate::protocols;
use sbi::atomic_file;
use sbi::infer::evidence::sealed;
use sbi::infer::{InferSummary, Passage, PersonResult, ResultLine, Verdict, VideoResult};
use sbi::metrics::VideoMetrics;
use sbi::pack;
use sbi::types::{Label, VideoStatus};
use std::io::{self, Write};
use std::path::Path;

pub mod likelihood;

pub use likelihood::fitted_ratios;

/// Failures shown one by one before they are only counted.
const SHOWN_FAILURES: usize = 20;

/// The last words of `npy-pack`.
pub fn packed(summary: &pack::PackSummary) {
    let count = |status| summary.videos.iter().filter(|video| video.status == status).count();
    let faces: usize = summary.videos.iter().map(|video| video.faces).sum();
    println!("folder      {}", summary.folder.display());
    println!("videos      {} ({} packed now, {} before)", summary.total, summary.packed, summary.skipped);
    println!("faces       {faces}");
    for status in [VideoStatus::NoFace, VideoStatus::Truncated, VideoStatus::Unreadable] {
        if count(status) > 0 {
            println!("{:<11} {}", status.to_string(), count(status));
        }
    }
    let failed: Vec<_> = summary.failed().collect();
    for video in failed.iter().take(SHOWN_FAILURES) {
        println!(
            "  {:<10} {}  {}",
            video.status.to_string(),
            video.path,
            video.note.as_deref().unwrap_or("")
        );
    }
    if failed.len() > SHOWN_FAILURES {
        println!("  … and {} more, see manifest.json", failed.len() - SHOWN_FAILURES);
    }
    if summary.interrupted {
        println!("interrupted: the same command continues");
    }
}

/// Everything, as documented in docs/files.md.
pub fn write_json(path: &Path, result: &impl serde::Serialize) -> anyhow::Result<()> {
    atomic_file::write(path, |file| {
        serde_json::to_writer_pretty(&mut *file, result).map_err(io::Error::other)?;
        file.write_all(b"\n")
    })?;
    Ok(())
}

/// A result with the checksum by which `verify` sees whether it was altered.
pub fn write_sealed(path: &Path, result: &InferSummary) -> anyhow::Result<()> {
    write_json(path, &sealed(result)?)
}

/// One line per video.
pub fn csv(path: &Path, summary: &InferSummary) -> anyhow::Result<()> {
    atomic_file::write(path, |file| {
        let mut table = csv::Writer::from_writer(file);
        table.write_record([
            "path",
            "label",
            "group",
            "score",
            "verdict",
            "status",
            "frames",
            "faces",
            "note",
            "probability",
            "reasons",
            "persons",
            "deciding_person",
            "passages",
            "lr",
            "sha256",
        ])?;
        for video in &summary.videos {
            table.write_record([
                video.path.as_str(),
                &video.label.map_or(String::new(), |label| label.class().to_string()),
                video.group.as_deref().unwrap_or(""),
                &video.score.map_or(String::new(), |score| score.to_string()),
                verdict(video),
                &video.status.to_string(),
                &video.frames.to_string(),
                &video.faces.to_string(),
                video.note.as_deref().unwrap_or(""),
                &video.probability().map_or(String::new(), |probability| probability.to_string()),
                &video.judgement.as_ref().map_or(String::new(), |judgement| judgement.reasons.join("; ")),
                &video.persons.as_ref().map_or(String::new(), |persons| persons_told(persons)),
                &video.deciding_person.map_or(String::new(), |person| person.to_string()),
                &passages_told(video),
                &video.lr.map_or(String::new(), |lr| lr.value.to_string()),
                video.file.as_ref().and_then(|file| file.sum.as_ref()).map_or("", |sum| &sum.sha256),
            ])?;
        }
        table.flush()
    })?;
    Ok(())
}

/// Each person with its score, and its verdict where there is one: `1 0.0312 no trace found; 2 0.9871 likely fake`.
fn persons_told(persons: &[PersonResult]) -> String {
    let told = |person: &PersonResult| {
        let words = if person.stray { "stray" } else { person.verdict().map_or("", Verdict::words) };
        format!("{} {:.4} {words}", person.person, person.score).trim_end().to_owned()
    };
    persons.iter().map(told).collect::<Vec<_>>().join("; ")
}

/// Each passage with its person: `2 in 0:42 to 0:51`.
fn passages_told(video: &VideoResult) -> String {
    let told = |passage: &Passage| format!("{} in {}", passage.person, passage.times());
    video.passages.iter().flatten().map(told).collect::<Vec<_>>().join("; ")
}

/// A result as a line of JSON on standard output, at once.
pub fn json_line(line: &ResultLine) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, line).map_err(io::Error::other)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// The table of `infer` on standard output.
pub fn inference(summary: &InferSummary) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match &summary.metrics {
        Some(metrics) => test_set(&mut out, summary, metrics),
        None => files(&mut out, summary),
    }
}

fn verdict(video: &VideoResult) -> &'static str {
    video.verdict().map_or("", Verdict::words)
}

fn test_set(out: &mut impl Write, summary: &InferSummary, metrics: &VideoMetrics) -> io::Result<()> {
    let name = summary.dataset.as_deref().unwrap_or("set");
    let failed: Vec<&VideoResult> = summary.failed().collect();
    for video in failed.iter().take(SHOWN_FAILURES) {
        let note = video.note.as_deref().unwrap_or("");
        writeln!(out, "{:<10}  {}  {note}", video.status.to_string(), video.path)?;
    }
    if failed.len() > SHOWN_FAILURES {
        writeln!(out, "… and {} more, see --json or --csv", failed.len() - SHOWN_FAILURES)?;
    }
    let VideoMetrics { real, fake, unscored, .. } = metrics;
    writeln!(
        out,
        "videos              {real} real, {fake} fake, {unscored} without a score (counted as 0.5)"
    )?;
    let rows = [
        ("AUC", metrics.video_auc),
        ("AUC, scored only", metrics.video_auc_scored_only),
        ("AUC of frames", metrics.frame_auc),
        ("average precision", metrics.ap),
        ("equal error rate", metrics.eer),
        ("accuracy at 0.5", metrics.acc),
        ("accuracy at EER", metrics.acc_at_eer),
    ];
    for (label, value) in rows {
        let interval = interval(metrics.video_auc_ci95.filter(|_| label == "AUC"));
        writeln!(out, "{label:<18}  {}{interval}", number(value))?;
    }
    if let Some(decision) = &summary.decision {
        let threshold = decision.threshold;
        let right = |video: &&VideoResult| {
            video.label.is_some_and(|label| label.is_fake() == video.score.is_some_and(|s| s >= threshold))
        };
        let share = |count: usize| count as f64 / summary.videos.len().max(1) as f64;
        let right = summary.videos.iter().filter(right).count();
        writeln!(
            out,
            "{:<18}  {:.4}",
            format!("accuracy at {}", (threshold * 1e3).round() / 1e3),
            share(right)
        )?;
    }
    if let Some(pairs) = &metrics.pairs {
        let interval = interval(pairs.above_ci95);
        writeln!(out, "{:<18}  {:.4}{interval}, {} pairs", "above its original", pairs.above, pairs.pairs)?;
    }
    likelihood::measures(out, summary)?;
    verdicts(out, summary)?;
    for (group, metrics) in &metrics.groups {
        let interval = interval(metrics.video_auc_ci95);
        writeln!(out, "  {group:<16}  AUC {}{interval}  ({} fake)", number(metrics.video_auc), metrics.fake)?;
    }
    if !metrics.sources.is_empty() {
        writeln!(out, "within a source:")?;
    }
    for (source, metrics) in &metrics.sources {
        let VideoMetrics { real, fake, .. } = metrics;
        let interval = interval(metrics.video_auc_ci95);
        writeln!(
            out,
            "  {source:<16}  AUC {}{interval}  ({real} real, {fake} fake)",
            number(metrics.video_auc)
        )?;
    }
    if let Some(benchmark) = &summary.deepfakebench {
        protocols::compare(out, metrics, benchmark)?;
    }
    if metrics.video_auc.is_none() {
        writeln!(
            out,
            "AUC is undefined: there are only {} videos",
            if *real == 0 { "fake" } else { "real" }
        )?;
    }
    likelihood::protocol(out, summary)?;
    interrupted(out, summary)?;
    writeln!(out, "{name}| AUC: {}", number(metrics.video_auc))
}

/// How many real and how many fake videos were called what.
fn verdicts(out: &mut impl Write, summary: &InferSummary) -> io::Result<()> {
    if summary.decision.is_none() {
        return Ok(());
    }
    for label in [Label::Real, Label::Fake] {
        let of_label: Vec<&VideoResult> =
            summary.videos.iter().filter(|video| video.label == Some(label)).collect();
        let count = |words: Verdict| {
            let called = of_label.iter().filter(|video| verdict(video) == words.words()).count();
            format!("{called} {words}")
        };
        let counts = [Verdict::LikelyFake, Verdict::Undecided, Verdict::NoTraceFound].map(count).join(", ");
        let name = if label.is_fake() { "fake videos" } else { "real videos" };
        writeln!(out, "{name:<18}  {counts}")?;
    }
    Ok(())
}

fn interval(ci95: Option<(f64, f64)>) -> String {
    ci95.map_or(String::new(), |(low, high)| format!("  (95 % interval {low:.4} to {high:.4})"))
}

fn number(value: Option<f64>) -> String {
    value.map_or("undefined".to_owned(), |value| format!("{value:.4}"))
}

pub fn interrupted(out: &mut impl Write, summary: &InferSummary) -> io::Result<()> {
    match summary.interrupted {
        true => writeln!(out, "interrupted: only the videos above the line were scored"),
        false => Ok(()),
    }
}
