//! A comparison as a page that is read offline.

use super::part::ENOUGH;
use super::{
    CompareSummary, ComparedResult, ComparedVideo, PairComparison, PartComparison, PartKind,
    SettingComparison, VerdictChanges, p_value,
};
use crate::infer::Verdict;
use crate::metrics::Measure;
use crate::page::{Axis, Cell, Chart, Details, Dot, Facts, Html, Layer, Page, Paint, Range, Section, Table};
use crate::types::Label;
use std::path::Path;

/// Dots of a drawing: more cannot be told apart, and make the file heavy.
const DOTS: usize = 1500;
/// Videos in the table of those furthest apart.
const ROWS: usize = 200;

/// Writes the page.
///
/// Fails when the file cannot be written.
pub fn write_report(path: &Path, summary: &CompareSummary) -> Result<(), crate::atomic_file::Error> {
    page(summary).write(path)
}

pub(super) fn page(summary: &CompareSummary) -> Page {
    let names: Vec<&str> = summary.results.iter().map(|result| file_name(&result.path)).collect();
    Page::new(&format!("Comparison of {}", names.join(", ")))
        .with(answer(summary))
        .with(results(summary))
        .with(tests(summary))
        .with(curves(summary))
        .with(parts(summary))
        .with(disagreements(summary))
        .with(settings(summary))
}

fn file_name(path: &str) -> &str {
    Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or(path)
}

fn labelled(summary: &CompareSummary) -> bool {
    summary.real + summary.fake > 0
}

/// What came out, in sentences, and what they do not say.
fn answer(summary: &CompareSummary) -> Html {
    let mut answer = Html::default();
    for pair in summary.against_first() {
        answer.push(Html::paragraph(&format!("{}.", summary.conclusion(pair))));
    }
    answer.push(Html::remark(match labelled(summary) {
        true => {
            "An AUC is the probability that a fake scores higher than a real video. Every video was scored by all, so the \
             tests are paired: what makes a video hard for all cancels out. A small p says that chance alone would rarely \
             bring about such a difference. A large one does not say that detectors are equal: the interval says how far \
             they may be apart."
        }
        false => {
            "The results have no labels, so nothing is said about who is right: only how far they agree."
        }
    }));
    summary.notes.iter().for_each(|note| answer.push(Html::warning(&format!("{}.", capital(note)))));
    answer
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

fn results(summary: &CompareSummary) -> Html {
    let mut table = Table::new("The results").text("").text("file");
    if labelled(summary) {
        table = table.number("AUC").text("95 % interval").number("right at its border").number("border");
    }
    table = table.number("without a score");
    let row = |result: &ComparedResult| {
        let mut row = vec![Cell::text(result.name.clone()), Cell::text(file_name(&result.path))];
        if labelled(summary) {
            let auc = result.auc.unwrap_or_default();
            row.extend([
                Cell::number(auc.value, 4),
                Cell::text(interval(auc.ci95)),
                Cell::number(result.right_at_border, 4),
                Cell::number(Some(result.border), 3),
            ]);
        }
        row.push(Cell::count(result.without_score));
        row
    };
    let table = table.rows(summary.results.iter().map(row));
    let mut verdicts =
        Table::new("Verdicts").text("").number("likely fake").number("undecided").number("no trace found");
    for (result, counts) in summary.results.iter().filter_map(|result| Some((result, result.verdicts?))) {
        let counts = [counts.likely_fake, counts.undecided, counts.no_trace_found].map(Cell::count);
        verdicts = verdicts.row(std::iter::once(Cell::text(result.name.clone())).chain(counts));
    }
    let mut section = Section::new("results", "Results")
        .with(table.html())
        .with(verdicts.html())
        .with(Html::paragraph(&videos(summary)));
    for lacking in left_out(summary) {
        section = section.with(Html::paragraph(&lacking));
    }
    if summary.results.iter().any(|result| result.auc.and_then(|auc| auc.ci95).is_some()) {
        let range = |(at, result): (usize, &ComparedResult)| {
            let auc = result.auc.unwrap_or_default();
            Range {
                label: result.name.clone(),
                value: auc.value,
                interval: auc.ci95,
                paint: Paint::Series(at),
            }
        };
        let ranges = summary.results.iter().enumerate().map(range).collect();
        section = section.with(aucs("auc", "AUC of each result", "With 95 % intervals.", ranges));
    }
    section.html()
}

fn videos(summary: &CompareSummary) -> String {
    let CompareSummary { real, fake, unlabelled, matched_by, .. } = summary;
    let counts = match (real + fake, unlabelled) {
        (0, unlabelled) => format!("{unlabelled} videos without labels"),
        (_, 0) => format!("{real} real and {fake} fake videos"),
        _ => format!("{real} real and {fake} fake videos and {unlabelled} without a label"),
    };
    format!("{counts}, found to be the same {}.", matched_by.words())
}

fn left_out(summary: &CompareSummary) -> Vec<String> {
    let left_out = &summary.left_out;
    let lacking = summary.results.iter().zip(&left_out.lacking).filter(|(_, lacking)| lacking.count > 0);
    let mut told: Vec<String> = lacking
        .map(|(result, lacking)| {
            format!("Left out: {} of {}, which not all have.", lacking.as_text(), result.name)
        })
        .collect();
    if left_out.labels_differ.count > 0 {
        told.push(format!("Left out: {}, whose labels differ.", left_out.labels_differ.as_text()));
    }
    told
}

/// AUCs with their intervals, on an axis that shows all of them.
fn aucs(id: &str, title: &str, text: &str, ranges: Vec<Range>) -> Html {
    let low = ranges.iter().filter_map(|range| Some(range.interval?.0.min(range.value?))).fold(1.0, f64::min);
    Chart::new(id, title, text).ranges(Axis::over("AUC", low.min(0.99), 1.0), ranges).html()
}

/// Differences with their intervals, on an axis with 0 on it.
fn differences(id: &str, title: &str, text: &str, ranges: Vec<Range>) -> Html {
    let ends = ranges.iter().filter_map(|range| range.interval.or(range.value.map(|value| (value, value))));
    let (low, high) =
        ends.fold((-0.01, 0.01), |(low, high): (f64, f64), (from, to)| (low.min(from), high.max(to)));
    let nothing = Layer::upright("no difference", Paint::Plain, 0.0);
    Chart::new(id, title, text)
        .ranges(Axis::over("difference of AUC", low, high), ranges)
        .with(nothing)
        .html()
}

fn tests(summary: &CompareSummary) -> Html {
    let mut section = Section::new("tests", "Differences");
    let name = |at: usize| summary.results[at].name.as_str();
    let title = |pair: &PairComparison| format!("{} less {}", name(pair.second), name(pair.first));
    let several = summary.pairs.len() > 1;
    if labelled(summary) {
        let range = |pair: &PairComparison| {
            let Measure { value, ci95: interval } = pair.difference.unwrap_or_default();
            Range { label: title(pair), value, interval, paint: Paint::Series(pair.second) }
        };
        let ranges: Vec<Range> = summary.pairs.iter().map(range).collect();
        if ranges.iter().any(|range| range.value.is_some()) {
            let text = "With the 95 % intervals of a paired bootstrap over videos.";
            section = section.with(differences("differences", "Difference of AUCs", text, ranges));
        }
        let mut table = Table::new("Tests")
            .text("")
            .number("difference")
            .text("95 % interval")
            .number("DeLong's z")
            .number("p");
        table = if several { table.number("p, corrected") } else { table };
        table = table.text("right alone").number("McNemar's mid-p").number("exact p");
        table = if several { table.number("mid-p, corrected") } else { table };
        let row = |pair: &PairComparison| {
            let Measure { value, ci95 } = pair.difference.unwrap_or_default();
            let interval = ci95.map_or("–".to_owned(), |(low, high)| format!("{low:+.4} to {high:+.4}"));
            let mut row = vec![Cell::text(title(pair)), difference_cell(value), Cell::text(interval)];
            row.push(Cell::number(pair.delong.and_then(|test| test.z), 3));
            row.push(p_cell(pair.delong.and_then(|test| test.p)));
            row.extend(several.then(|| p_cell(pair.delong_holm)));
            if let Some(calls) = pair.calls {
                let test = calls.mcnemar;
                let (first, second) = (test.only_first_right, test.only_second_right);
                row.push(Cell::text(format!("{} {first}, {} {second}", name(pair.first), name(pair.second))));
                row.extend([p_cell(Some(test.mid_p)), p_cell(Some(test.exact_p))]);
                row.extend(several.then(|| p_cell(pair.mcnemar_holm)));
            }
            row
        };
        section = section.with(table.rows(summary.pairs.iter().map(row)).html());
        section = section.with(Html::remark(
            "DeLong's test is about the order of scores, McNemar's about the calls at each result's own border: videos that \
             only one of the two calls rightly. Corrected p-values are Holm's, over all pairs of results.",
        ));
    }
    let mut agreement = Table::new("How far scores agree")
        .text("")
        .number("videos")
        .number("rank correlation")
        .number("mean distance")
        .number("largest")
        .number("same call")
        .number("kappa");
    for pair in &summary.pairs {
        let found = &pair.agreement;
        agreement = agreement.row([
            Cell::text(format!("{} and {}", name(pair.first), name(pair.second))),
            Cell::count(found.scored),
            Cell::number(found.rank_correlation, 3),
            Cell::number(found.mean_apart, 4),
            Cell::number(found.most_apart, 4),
            Cell::number(found.same_call, 3),
            Cell::number(found.kappa, 3),
        ]);
    }
    section = section.with(agreement.html());
    for pair in &summary.pairs {
        if let Some(changes) = &pair.verdicts {
            section =
                section.with(verdicts((name(pair.first), name(pair.second)), changes, labelled(summary)));
        }
    }
    section.html()
}

fn verdicts((first, second): (&str, &str), all: &VerdictChanges, labelled: bool) -> Html {
    let caption = format!("{} of {} verdicts changed from {first} to {second}", all.changed, all.videos);
    if all.changed == 0 {
        return Html::paragraph(&format!("{caption}."));
    }
    let table = Table::new(&caption).text(first).text(second).number("videos");
    let table = if labelled { table.number("real").number("fake") } else { table };
    let rows = all.changes.iter().map(|change| {
        let mut row = vec![verdict(Some(change.from)), verdict(Some(change.to)), Cell::count(change.videos)];
        row.extend(labelled.then(|| [change.real, change.fake].map(Cell::count)).into_iter().flatten());
        row
    });
    table.rows(rows).html()
}

/// ROC curves, and the scores of each further result against those of the first.
fn curves(summary: &CompareSummary) -> Html {
    let mut pieces = Vec::new();
    if summary.results.iter().any(|result| !result.det.is_empty()) {
        let line = |(at, result): (usize, &ComparedResult)| {
            let points = result.det.iter().map(|point| (point.false_alarms, 1.0 - point.missed));
            let points =
                std::iter::once((0.0, 0.0)).chain(points).chain(std::iter::once((1.0, 1.0))).collect();
            let auc =
                result.auc.and_then(|auc| auc.value).map_or(String::new(), |auc| format!(", AUC {auc:.4}"));
            Layer::line(&format!("{}{auc}", result.name), Paint::Series(at), points)
        };
        let chart = Chart::new("roc", "ROC curves", "Share of fakes found for each share of false alarms.")
            .axes(Axis::shares("real videos called fake"), Axis::shares("fakes found"))
            .square()
            .with(Layer::diagonal("guessing"))
            .with_all(summary.results.iter().enumerate().map(line));
        pieces.push(chart.html());
    }
    for pair in summary.against_first() {
        pieces.push(scatter(summary, pair));
    }
    Section::new("curves", "Curves and scores").with(Html::side_by_side(pieces)).html()
}

fn scatter(summary: &CompareSummary, pair: &PairComparison) -> Html {
    let (first, second) = (&summary.results[pair.first], &summary.results[pair.second]);
    let both =
        |video: &&ComparedVideo| video.scores[pair.first].is_some() && video.scores[pair.second].is_some();
    let shown: Vec<&ComparedVideo> = summary.videos.iter().filter(both).take(DOTS).collect();
    let dots = |label: Option<Label>| -> Vec<Dot> {
        let of_label = shown.iter().filter(|video| video.label == label);
        let dot = |video: &&ComparedVideo| {
            let (x, y) = (video.counted[pair.first], video.counted[pair.second]);
            Dot { x, y, text: format!("{}: {x:.4} and {y:.4}", video.path) }
        };
        of_label.map(dot).collect()
    };
    let all = summary.videos.iter().filter(both).count();
    let left_out = match all.checked_sub(DOTS) {
        None | Some(0) => String::new(),
        Some(_) => format!(" Of {all} videos the {DOTS} that are furthest apart are shown."),
    };
    let text = format!("Each dot is a video; on the diagonal both scores are equal.{left_out}");
    let classes = [
        ("real", Paint::Real, dots(Some(Label::Real))),
        ("fake", Paint::Fake, dots(Some(Label::Fake))),
        ("unlabelled", Paint::Series(0), dots(None)),
    ];
    let layers = classes.into_iter().filter(|(_, _, dots)| !dots.is_empty());
    let id = format!("scores-{}-{}", first.name, second.name);
    Chart::new(&id, &format!("Scores of {} and {}", first.name, second.name), &text)
        .axes(
            Axis::shares(&format!("score of {}", first.name)),
            Axis::shares(&format!("score of {}", second.name)),
        )
        .square()
        .with(Layer::diagonal(""))
        .with_all(first.border_known.then(|| Layer::upright("borders", Paint::Plain, first.border)))
        .with_all(second.border_known.then(|| Layer::level("", Paint::Plain, second.border)))
        .with_all(layers.map(|(name, paint, dots)| Layer::dots(name, paint, dots)))
        .html()
}

fn parts(summary: &CompareSummary) -> Html {
    let titles = [
        (PartKind::Group, "groups", "Kinds of forgery", "Fakes of a kind against all real videos"),
        (PartKind::Source, "sources", "Sources", "Fake and real videos of one source"),
    ];
    let mut all = Html::default();
    for (kind, id, title, caption) in titles {
        let parts: Vec<&PartComparison> = summary.parts.iter().filter(|part| part.kind == kind).collect();
        if !parts.is_empty() {
            all.push(of_kind(summary, &parts, (id, title, caption)));
        }
    }
    all
}

fn of_kind(
    summary: &CompareSummary,
    parts: &[&PartComparison],
    (id, title, caption): (&str, &str, &str),
) -> Html {
    let first = &summary.results[0].name;
    let mut table = Table::new(caption).text("name").number("real").number("fake");
    for result in &summary.results {
        table = table.number(&format!("AUC of {}", result.name));
    }
    for result in &summary.results[1..] {
        table =
            table.number(&format!("{} less {first}", result.name)).text("95 % interval").number("DeLong's p");
    }
    let row = |part: &&PartComparison| {
        let mut row = vec![Cell::text(part.name.clone()), Cell::count(part.real), Cell::count(part.fake)];
        row.extend(part.aucs.iter().map(|auc| Cell::number(auc.value, 4)));
        for against in &part.against_first {
            let Measure { value, ci95 } = against.difference;
            row.push(difference_cell(value));
            row.push(Cell::text(
                ci95.map_or("–".to_owned(), |(low, high)| format!("{low:+.4} to {high:+.4}")),
            ));
            row.push(against.delong_p.map_or(Cell::text("–").sorted_by(2.0), |p| p_cell(Some(p))));
        }
        row
    };
    let table = table.rows(parts.iter().map(row)).sortable(id);
    let mut section = Section::new(&format!("part-{id}"), title);
    for (at, result) in summary.results[1..].iter().enumerate() {
        let range = |part: &&PartComparison| {
            let Measure { value, ci95: interval } = part.against_first[at].difference;
            Range { label: part.name.clone(), value, interval, paint: Paint::Series(at + 1) }
        };
        let title = format!("{} less {first}", result.name);
        let ranges: Vec<Range> =
            parts.iter().filter(|part| part.real.min(part.fake) >= ENOUGH).map(range).collect();
        let text = "Difference of AUCs, with the 95 % intervals of a paired bootstrap.";
        if !ranges.is_empty() {
            section = section.with(differences(&format!("{id}-{}", result.name), &title, text, ranges));
        }
    }
    section
        .with(table.html())
        .with(Html::remark("These p-values are not corrected for the number of rows: of twenty, one is below 0.05 by chance. None is told where a \
             class has fewer than ten videos, and nothing is drawn: intervals are too narrow there."))
        .html()
}

fn disagreements(summary: &CompareSummary) -> Html {
    let apart: Vec<&ComparedVideo> = summary.videos.iter().filter(|video| video.apart > 0.0).collect();
    let section = Section::new("apart", "Where they disagree");
    if apart.is_empty() {
        return section.with(Html::paragraph("All scores are the same.")).html();
    }
    let judged = summary.results.iter().any(|result| result.verdicts.is_some());
    let folder = shared_folder(&summary.videos);
    let below = if folder.is_empty() { String::new() } else { format!(", below {folder}") };
    let caption = format!("Videos whose scores are furthest apart{below}");
    let mut table = Table::new(&caption).text("file").text("label").text("kind");
    table = table.number("apart");
    for result in &summary.results {
        table = table.number(&result.name);
    }
    for result in summary.results.iter().filter(|_| judged) {
        table = table.text(&format!("verdict of {}", result.name));
    }
    let row = |video: &&ComparedVideo| {
        let (label, class) = match video.label {
            Some(Label::Real) => ("real", "real"),
            Some(Label::Fake) => ("fake", "fake"),
            None => ("–", ""),
        };
        let mut row = vec![Cell::text(&video.path[folder.len()..]), Cell::text(label).class(class)];
        row.push(Cell::text(video.group.clone().unwrap_or_default()));
        row.push(Cell::number(Some(video.apart), 4));
        row.extend(video.scores.iter().map(|score| Cell::number(*score, 4)));
        row.extend(video.verdicts.iter().filter(|_| judged).map(|found| verdict(*found)));
        row
    };
    let more = match apart.len().checked_sub(ROWS) {
        None | Some(0) => String::new(),
        Some(more) => format!("{more} more differ; the JSON and the CSV have all."),
    };
    section
        .with(table.rows(apart.iter().take(ROWS).map(row)).sortable("videos").html())
        .with(if more.is_empty() { Html::default() } else { Html::remark(&more) })
        .html()
}

/// The folder that all paths begin with, with the stroke at its end; empty where there is none.
fn shared_folder(videos: &[ComparedVideo]) -> String {
    let Some(first) = videos.first() else { return String::new() };
    let folder_of = |until: usize| first.path[..until].rfind('/').map_or(0, |stroke| stroke + 1);
    let mut shared = folder_of(first.path.len());
    for video in videos {
        while !video.path.starts_with(&first.path[..shared]) {
            shared = folder_of(shared - 1);
        }
    }
    first.path[..shared].to_owned()
}

/// How the results were made, what differs first.
fn settings(summary: &CompareSummary) -> Html {
    let mut table = Table::new("Settings").text("").text("");
    for result in &summary.results {
        table = table.text(&result.name);
    }
    let row = |setting: &SettingComparison| {
        let mut row = vec![
            Cell::text(setting.what.clone()),
            match (setting.same, setting.differs()) {
                (true, _) => Cell::text("the same"),
                (false, true) => Cell::text("differs").class("doubt"),
                (false, false) => Cell::text("not told by all"),
            },
        ];
        row.extend(
            setting
                .values
                .iter()
                .map(|value| Cell::text(value.clone().unwrap_or_else(|| "unknown".to_owned()))),
        );
        row
    };
    let table = table.rows(summary.settings.iter().map(row));
    let protocol = |facts: Facts, result: &ComparedResult| {
        facts.fact(&result.name, result.protocol.clone().unwrap_or_else(|| "not told".to_owned()))
    };
    let protocols = summary.results.iter().fold(Facts::new(), protocol);
    let paths: Vec<String> = summary.results.iter().map(|result| result.path.clone()).collect();
    let command = format!("sbi compare {}", paths.join(" "));
    Section::new("settings", "How the results were made")
        .with(table.html())
        .with(Details::new("Protocol lines").open(true).with(protocols.html()).html())
        .with(Html::paragraph("To compare again:"))
        .with(Html::code(&command))
        .with(Html::remark(&format!(
            "Intervals are of 2000 resamples, drawn with seed 0 in the order of the videos' names. sbi {}.",
            summary.version
        )))
        .html()
}

fn interval(ci95: Option<(f64, f64)>) -> String {
    ci95.map_or("–".to_owned(), |(low, high)| format!("{low:.4} to {high:.4}"))
}

fn p_cell(p: Option<f64>) -> Cell {
    Cell::text(p_value(p)).sorted_by(p.unwrap_or(2.0))
}

/// A difference of AUCs, with its sign.
fn difference_cell(value: Option<f64>) -> Cell {
    Cell::text(value.map_or("–".to_owned(), |value| format!("{value:+.4}"))).sorted_by(value.unwrap_or(-2.0))
}

/// Coloured as everywhere.
fn verdict(verdict: Option<Verdict>) -> Cell {
    let class = match verdict {
        Some(Verdict::LikelyFake) => "fake",
        Some(Verdict::Undecided) => "doubt",
        Some(Verdict::NoTraceFound) => "real",
        None => "",
    };
    Cell::text(verdict.map_or("–", Verdict::words)).class(class)
}

#[cfg(test)]
mod tests {
    use super::super::read::tests::result;
    use super::*;
    use crate::page::testing::{assert_offline, assert_sound};
    use serde_json::{Value, json};

    const HOSTILE: &str = "<script>alert(1)</script>\"'&\u{202E}";

    /// Ten videos with hostile names, of which the second half is fake.
    fn hostile(name: &str, shift: f64, labels: bool) -> super::super::ReadResult {
        let video = |at: usize| {
            let score = (0.1 * at as f64 + shift).clamp(0.0, 1.0);
            let mut video = json!({"path": format!("{HOSTILE}{at}"), "score": score, "verdict": "undecided"});
            if labels {
                video["label"] = json!(usize::from(at >= 5));
                video["source"] = json!(HOSTILE);
                video["group"] = if at >= 5 { json!(HOSTILE) } else { Value::Null };
            }
            if at == 3 {
                video["verdict"] = json!(if shift > 0.0 { "likely_fake" } else { "no_trace_found" });
            }
            video
        };
        let videos: Vec<Value> = (0..10).map(video).collect();
        let protocol = json!({"line": HOSTILE, "crop": HOSTILE});
        result(name, json!({"videos": videos, "weights": HOSTILE, "protocol": protocol, "dataset": name}))
    }

    fn rendered(labels: bool) -> String {
        let results = [hostile(HOSTILE, 0.0, labels), hostile("b", 0.15, labels), hostile("c", 0.05, labels)];
        let text = page(&super::super::compare(&results, false).unwrap()).render();
        assert_sound(&text);
        assert_offline(&text);
        // A folder ends at the slash of the second tag.
        assert_eq!(
            text.matches("alert(1)").count(),
            text.matches("&#60;script&#62;alert(1)&#60;").count(),
            "{text}"
        );
        text
    }

    #[test]
    fn a_page_of_labelled_results_shows_everything_and_trusts_no_name() {
        let text = rendered(true);
        for part in [
            "Difference of AUCs",
            "ROC curves",
            "Scores of A and C",
            "Kinds of forgery",
            "Sources",
            "1 of 10 verdicts changed from A to B",
            "Videos whose scores are furthest apart",
            "test set</td><td class=\"doubt\">differs",
            "More than the detector differs",
        ] {
            assert!(text.contains(part), "{part} is not in the page");
        }
    }

    #[test]
    fn what_all_paths_begin_with_is_told_once() {
        let video = |path: &str| ComparedVideo {
            path: path.to_owned(),
            label: None,
            group: None,
            source: None,
            scores: Vec::new(),
            verdicts: Vec::new(),
            apart: 0.0,
            counted: Vec::new(),
        };
        let shared =
            |paths: &[&str]| shared_folder(&paths.iter().map(|path| video(path)).collect::<Vec<_>>());
        assert_eq!(shared(&["/a/b/1.mp4", "/a/bc/2.mp4"]), "/a/");
        assert_eq!(shared(&["/a/1.mp4"]), "/a/");
        assert_eq!(shared(&["a/é/1.mp4", "a/è/1.mp4"]), "a/");
        assert_eq!(shared(&["1.mp4", "a/1.mp4"]), "");
        assert_eq!(shared(&["/1", "2"]), "");
        assert_eq!(shared(&[]), "");
    }

    #[test]
    fn without_labels_a_page_tells_of_agreement_alone() {
        let text = rendered(false);
        assert!(text.contains("How far scores agree") && text.contains("Scores of A and B"));
        assert!(text.contains("The results have no labels") && !text.contains("AUC of each result"));
        assert!(!text.contains("ROC curves") && !text.contains("Kinds of forgery"));
    }
}
