//! Curves, and the videos on which results disagree.

use super::verdict;
use crate::compare::{CompareSummary, ComparedResult, ComparedVideo, PairComparison};
use crate::page::{Axis, Cell, Chart, Dot, Html, Layer, Paint, Section, Table};
use crate::types::Label;

/// Dots of a drawing: more cannot be told apart, and make the file heavy.
const DOTS: usize = 1500;
/// Videos in the table of those furthest apart.
const ROWS: usize = 200;

/// ROC curves, and the scores of each further result against those of the first.
pub(super) fn curves(summary: &CompareSummary) -> Html {
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

pub(super) fn disagreements(summary: &CompareSummary) -> Html {
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
pub(super) fn shared_folder(videos: &[ComparedVideo]) -> String {
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
