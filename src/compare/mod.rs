//! The stage *compare*: two or more results of the same videos, and whether they differ by more than chance.
//!
//! It reads what the stage [`infer`](crate::infer) has written. Because every video is scored by all, what makes some videos
//! hard for everyone cancels out: the tests are paired.

mod error;
mod matching;
mod pair;
mod part;
mod read;
mod report;
mod settings;
mod words;

pub use error::{CompareError, Counted, OfResult};
pub use matching::MatchedBy;
pub use pair::{Agreement, Calls, PairComparison, VerdictChange, VerdictChanges};
pub use part::{PartComparison, PartDifference, PartKind};
pub use report::write_report;
pub use settings::SettingComparison;
pub use words::{p_value, signed};

use crate::Result;
use crate::infer::Verdict;
use crate::infer::evidence::Seal;
use crate::metrics::{Bootstrap, DeLong, DetPoint, Measure, Roc, holm};
use crate::types::Label;
use matching::{Matched, matched};
use pair::{Pair, Tests};
use read::{ReadResult, ReadVideo};
use serde::Serialize;
use std::path::PathBuf;

/// Points of a curve that are kept: what a drawing can show.
const POINTS: usize = 200;

/// What is to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Results that `infer` wrote as JSON or JSON Lines, two or more; each is compared with the first.
    pub results: Vec<PathBuf>,
    /// Whether videos that not all have, or whose labels differ, are left out instead of refused.
    pub common: bool,
}

/// One of the results.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparedResult {
    /// What it is called in tables: A, B, C and so on.
    pub name: String,
    /// Its file.
    pub path: String,
    /// Whether it is as it was written; results of other programs have no checksum.
    pub checksum: Seal,
    /// How it was scored, in one line; `None` where it does not say.
    pub protocol: Option<String>,
    /// AUC over the labelled videos, with the interval that the result itself tells.
    pub auc: Option<Measure>,
    /// The score from which a video is called fake.
    pub border: f64,
    /// Whether the result tells that border; if not, it is 0.5.
    pub border_known: bool,
    /// Share of labelled videos that are called rightly at the border.
    pub right_at_border: Option<f64>,
    /// Videos without a score of their own. With labels they count as 0.5.
    pub without_score: usize,
    /// How many videos got which verdict; `None` without verdicts.
    pub verdicts: Option<VerdictCounts>,
    /// Points of its DET curve, at most 200.
    pub det: Vec<DetPoint>,
}

/// How many videos got which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VerdictCounts {
    /// Likely fake.
    pub likely_fake: usize,
    /// Undecided.
    pub undecided: usize,
    /// No trace found.
    pub no_trace_found: usize,
}

/// A video in all results.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparedVideo {
    /// Its path in the first result.
    pub path: String,
    /// Real or fake, where a result tells.
    pub label: Option<Label>,
    /// The kind of forgery, where a result tells.
    pub group: Option<String>,
    /// Where it comes from, where a result tells.
    pub source: Option<String>,
    /// Its score in each result; `None` without one of its own.
    pub scores: Vec<Option<f64>>,
    /// Its verdict in each result.
    pub verdicts: Vec<Option<Verdict>>,
    /// How far the largest of its scores is from the least; without a score 0.5 counts.
    pub apart: f64,
    /// The scores that count.
    #[serde(skip)]
    counted: Vec<f64>,
}

/// What was left out on request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Of each result the videos that not all others have.
    pub lacking: Vec<Counted>,
    /// Videos of which the results say otherwise whether they are real.
    pub labels_differ: Counted,
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CompareSummary {
    /// The program, `sbi`.
    pub tool: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The results, in the order in which they were named.
    pub results: Vec<ComparedResult>,
    /// By what videos were found to be the same.
    pub matched_by: MatchedBy,
    /// Number of real videos.
    pub real: usize,
    /// Number of fake ones.
    pub fake: usize,
    /// Number of videos without a label.
    pub unlabelled: usize,
    /// What was left out on request.
    pub left_out: LeftOut,
    /// Videos that are not the same files in all results, by their checksums, although they are called the same.
    pub other_files: Counted,
    /// How the results were made; what differs comes first.
    pub settings: Vec<SettingComparison>,
    /// Each result against each later one.
    pub pairs: Vec<PairComparison>,
    /// The same for kinds of forgery and sources.
    pub parts: Vec<PartComparison>,
    /// What should be known before trusting the numbers.
    pub notes: Vec<String>,
    /// All videos, those first whose scores are furthest apart.
    pub videos: Vec<ComparedVideo>,
}

impl CompareSummary {
    /// Each further result against the first.
    pub fn against_first(&self) -> impl Iterator<Item = &PairComparison> {
        self.pairs.iter().filter(|pair| pair.first == 0)
    }
}

/// Reads results and compares them.
///
/// Fails when a file is no result or was altered, when the results are not of the same videos with the same labels and what
/// not all have is not to be left out, and when they have no video in common.
pub fn run(config: &Config) -> Result<CompareSummary> {
    if config.results.len() < 2 {
        return Err(CompareError::TooFew.into());
    }
    let results: Vec<ReadResult> =
        config.results.iter().map(|path| ReadResult::read(path)).collect::<Result<_>>()?;
    compare(&results, config.common)
}

fn compare(results: &[ReadResult], common: bool) -> Result<CompareSummary> {
    let found = matched(results)?;
    if !common && let Some(error) = found.other_videos(results) {
        return Err(error.into());
    }
    let mut labels_differ = Counted::default();
    let mut rows: Vec<Row> = Vec::new();
    for places in &found.videos {
        let row: Vec<&ReadVideo> =
            results.iter().zip(places).map(|(result, at)| &result.videos[*at]).collect();
        match label(&row) {
            Ok(label) => rows.push(Row { label, videos: row }),
            Err(()) => labels_differ.add(|| told_labels(&row, results)),
        }
    }
    if !common && labels_differ.count > 0 {
        return Err(CompareError::OtherLabels { differing: labels_differ }.into());
    }
    if rows.is_empty() {
        return Err(CompareError::NothingCommon.into());
    }
    summary(results, &found, labels_differ, &rows)
}

/// A video in all results.
struct Row<'a> {
    label: Option<Label>,
    videos: Vec<&'a ReadVideo>,
}

/// What those results that know it say; an error where they do not agree.
fn label(row: &[&ReadVideo]) -> Result<Option<Label>, ()> {
    let mut labels = row.iter().filter_map(|video| video.label);
    let first = labels.next();
    if labels.all(|label| Some(label) == first) { Ok(first) } else { Err(()) }
}

/// `x.mp4: real in a.json, fake in b.json`.
fn told_labels(row: &[&ReadVideo], results: &[ReadResult]) -> String {
    let told = |(video, result): (&&ReadVideo, &ReadResult)| {
        let label = if video.label?.is_fake() { "fake" } else { "real" };
        Some(format!("{label} in {}", result.path.display()))
    };
    let told: Vec<String> = row.iter().zip(results).filter_map(told).collect();
    format!("{}: {}", row[0].path, told.join(", "))
}

fn summary(
    results: &[ReadResult],
    found: &Matched,
    labels_differ: Counted,
    rows: &[Row],
) -> Result<CompareSummary> {
    let bootstrap = Bootstrap::default();
    let labelled: Vec<(&Row, Label)> = rows.iter().filter_map(|row| Some((row, row.label?))).collect();
    let labels: Vec<Label> = labelled.iter().map(|(_, label)| *label).collect();
    let scores: Vec<Vec<f64>> = (0..results.len())
        .map(|at| labelled.iter().map(|(row, _)| row.videos[at].counted()).collect())
        .collect();
    let lists: Vec<&[f64]> = scores.iter().map(Vec::as_slice).collect();
    let tests = match labels.is_empty() {
        true => None,
        false => Some(Tests {
            aucs: lists
                .iter()
                .map(|scores| part::measure(&labels, scores, &bootstrap))
                .collect::<Result<_>>()?,
            delong: DeLong::new(&labels, &lists)?,
            paired: bootstrap.paired_aucs(&labels, &lists)?,
        }),
    };
    let compared = results
        .iter()
        .enumerate()
        .map(|(at, result)| compared_result(at, result, rows, tests.as_ref(), (&labels, lists[at])))
        .collect::<Result<_>>()?;
    let pairs = pairs(results, rows, tests.as_ref())?;
    let mut videos: Vec<ComparedVideo> = rows.iter().map(compared_video).collect();
    let parts = part::parts(&videos, &bootstrap)?;
    // Of equals the order of the names stays.
    videos.sort_by(|a, b| b.apart.total_cmp(&a.apart));
    let fake = labels.iter().filter(|label| label.is_fake()).count();
    let mut summary = CompareSummary {
        tool: "sbi",
        version: env!("CARGO_PKG_VERSION"),
        results: compared,
        matched_by: found.by,
        real: labels.len() - fake,
        fake,
        unlabelled: rows.len() - labels.len(),
        left_out: LeftOut { lacking: found.lacking.clone(), labels_differ },
        other_files: other_files(rows),
        settings: settings::settings(results),
        pairs,
        parts,
        notes: Vec::new(),
        videos,
    };
    summary.notes = notes(&summary);
    Ok(summary)
}

fn compared_result(
    at: usize,
    result: &ReadResult,
    rows: &[Row],
    tests: Option<&Tests>,
    (labels, scores): (&[Label], &[f64]),
) -> Result<ComparedResult> {
    let (border, border_known) = result.border();
    let roc = Roc::new(labels, scores)?;
    let mut verdicts = VerdictCounts::default();
    for row in rows {
        match row.videos[at].verdict() {
            Some(Verdict::LikelyFake) => verdicts.likely_fake += 1,
            Some(Verdict::Undecided) => verdicts.undecided += 1,
            Some(Verdict::NoTraceFound) => verdicts.no_trace_found += 1,
            None => {}
        }
    }
    Ok(ComparedResult {
        name: name(at),
        path: result.path.display().to_string(),
        checksum: result.seal,
        protocol: result.text(&["protocol", "line"]).map(str::to_owned),
        auc: tests.map(|tests| tests.aucs[at]),
        border,
        border_known,
        right_at_border: roc.accuracy(border),
        without_score: rows.iter().filter(|row| !row.videos[at].answers()).count(),
        verdicts: (verdicts != VerdictCounts::default()).then_some(verdicts),
        det: roc.det_of(POINTS),
    })
}

/// A to Z, then AA, AB and so on.
fn name(at: usize) -> String {
    let letter = char::from(b'A' + (at % 26) as u8);
    match at / 26 {
        0 => letter.to_string(),
        more => format!("{}{letter}", name(more - 1)),
    }
}

fn compared_video(row: &Row) -> ComparedVideo {
    let first =
        |of: fn(&ReadVideo) -> Option<&String>| row.videos.iter().find_map(|video| of(video)).cloned();
    let counted: Vec<f64> = row.videos.iter().map(|video| video.counted()).collect();
    let most = counted.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = counted.iter().copied().fold(f64::INFINITY, f64::min);
    ComparedVideo {
        path: row.videos[0].path.clone(),
        label: row.label,
        group: first(|video| video.group.as_ref()),
        source: first(|video| video.source.as_ref()),
        scores: row.videos.iter().map(|video| video.score.filter(|_| video.answers())).collect(),
        verdicts: row.videos.iter().map(|video| video.verdict()).collect(),
        apart: most - least,
        counted,
    }
}

/// Every pair, with p-values corrected for their number.
fn pairs(results: &[ReadResult], rows: &[Row], tests: Option<&Tests>) -> Result<Vec<PairComparison>> {
    let labels: Vec<Option<Label>> = rows.iter().map(|row| row.label).collect();
    let mut pairs = Vec::new();
    for first in 0..results.len() {
        for second in first + 1..results.len() {
            let videos: Vec<(&ReadVideo, &ReadVideo)> =
                rows.iter().map(|row| (row.videos[first], row.videos[second])).collect();
            let results = (&results[first], &results[second]);
            let pair = Pair { numbers: (first, second), results, videos: &videos, labels: &labels };
            pairs.push(pair.compare(tests)?);
        }
    }
    if pairs.len() > 1 {
        let of = |p: fn(&PairComparison) -> Option<f64>| holm(&pairs.iter().map(p).collect::<Vec<_>>());
        let delong = of(|pair| pair.delong?.p);
        let mcnemar = of(|pair| Some(pair.calls?.mcnemar.mid_p));
        for (pair, (delong, mcnemar)) in pairs.iter_mut().zip(delong.into_iter().zip(mcnemar)) {
            (pair.delong_holm, pair.mcnemar_holm) = (delong, mcnemar);
        }
    }
    Ok(pairs)
}

fn other_files(rows: &[Row]) -> Counted {
    let mut others = Counted::default();
    for row in rows {
        let mut sums = row.videos.iter().filter_map(|video| video.sha256());
        let first = sums.next();
        if !sums.all(|sum| Some(sum) == first) {
            others.add(|| row.videos[0].path.clone());
        }
    }
    others
}

fn notes(summary: &CompareSummary) -> Vec<String> {
    let mut notes = Vec::new();
    if summary.other_files.count > 0 {
        let files = summary.other_files.as_text();
        notes.push(format!("not the same files in all results, by their checksums: {files}"));
    }
    let named = |wanted: fn(&&SettingComparison) -> bool| -> String {
        let settings = summary.settings.iter().filter(|setting| !setting.of_detector).filter(wanted);
        settings.map(|setting| setting.what.as_str()).collect::<Vec<_>>().join(", ")
    };
    let differing = named(|setting| setting.differs());
    if !differing.is_empty() {
        notes.push(format!(
            "more than the detector differs, so a difference need not be the detector's: {differing}"
        ));
    }
    let tells = |at: usize| summary.settings.iter().any(|setting| setting.values[at].is_some());
    let silent: Vec<usize> = (0..summary.results.len()).filter(|at| !tells(*at)).collect();
    for at in &silent {
        notes.push(format!("{} does not tell how it was made", summary.results[*at].name));
    }
    let unknown = named(|setting| setting.unknown && !setting.differs());
    if silent.is_empty() && !unknown.is_empty() {
        notes.push(format!("not told by all results, so nobody knows whether it is the same: {unknown}"));
    }
    for result in summary.results.iter().filter(|result| !result.border_known) {
        notes.push(format!("{} tells no border: calls are made at 0.5", result.name));
    }
    let labelled = summary.real + summary.fake;
    if labelled > 0 {
        if summary.unlabelled > 0 {
            let unlabelled = summary.unlabelled;
            notes.push(format!("{unlabelled} videos without a label count for agreement only"));
        }
        if summary.real == 0 || summary.fake == 0 {
            let only = if summary.real == 0 { "fake" } else { "real" };
            notes.push(format!("AUC is undefined: there are only {only} videos"));
        } else if summary.real.min(summary.fake) < part::ENOUGH {
            let (real, fake) = (summary.real, summary.fake);
            notes.push(format!(
                "{real} real and {fake} fake videos are too few to trust a p-value or an interval"
            ));
        }
    }
    for result in summary.results.iter().filter(|result| result.checksum == Seal::Missing) {
        notes.push(format!("{} has no checksum: nobody can see whether it was altered", result.name));
    }
    notes
}

#[cfg(test)]
mod tests;
