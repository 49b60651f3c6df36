//! The report of a robustness run.

use super::{PerturbationKind, RobustnessRow, RobustnessSummary, SEVERITIES};
use crate::atomic_file;
use crate::page::{Axis, Banner, Cell, Chart, Facts, Html, Layer, Page, Paint, Section, Table};
use std::path::Path;

/// Videos that were left out, in the list.
const LEFT_OUT: usize = 500;

/// Writes the report of a run as one HTML file.
///
/// Fails when it cannot be written.
pub fn write_report(path: &Path, summary: &RobustnessSummary) -> Result<(), atomic_file::Error> {
    page(summary).write(path)
}

fn page(summary: &RobustnessSummary) -> Page {
    let set = summary.dataset.as_deref().unwrap_or("labelled files");
    let mut page = Page::new(&format!("Robustness on {set}"));
    if summary.interrupted {
        page = page
            .with(Html::warning("The run was stopped early: the numbers are those of the videos before."));
    }
    let auc = "How well fakes are told from real videos at each severity; 0 is as they are, an AUC of 0.5 is guessing.";
    let shift = "How far scores move on average when faces get worse: above 0 they look more, below 0 less like forgeries.";
    let clean = &summary.clean;
    page.with(banner(summary))
        .with(
            Section::new("curves", "What worse images do")
                .with(chart(summary, "auc", "AUC over videos", auc, clean.video_auc, |row| row.video_auc))
                .with(chart(
                    summary,
                    "frames",
                    "AUC over frames",
                    "The same for single frames.",
                    clean.frame_auc,
                    |row| row.frame_auc,
                ))
                .with(Html::side_by_side([
                    chart(summary, "real", "Shift of real videos", shift, Some(0.0), |row| row.real_shift),
                    chart(summary, "fake", "Shift of fake videos", shift, Some(0.0), |row| row.fake_shift),
                ]))
                .html(),
        )
        .with(Section::new("numbers", "All numbers").with(table(summary)).html())
        .with(left_out(summary))
        .with(
            Section::new("made", "How it was made")
                .with(
                    Facts::new()
                        .fact("Program", format!("{} {}", summary.scored_by.tool, summary.scored_by.version))
                        .code("Weights", &summary.scored_by.weights)
                        .fact(
                            "Method",
                            format!(
                                "{} on {}",
                                summary.scored_by.model.to_uppercase(),
                                summary.scored_by.backbone
                            ),
                        )
                        .fact("Videos with a face", summary.videos.to_string())
                        .fact("Faces scored in each version", summary.faces.to_string())
                        .html(),
                )
                .html(),
        )
}

/// Which kind of damage costs most at the middle severity.
fn banner(summary: &RobustnessSummary) -> Html {
    let middle = SEVERITIES.div_ceil(2);
    let of_middle = summary.rows.iter().filter(|row| row.severity == middle);
    let worst = of_middle.filter_map(|row| Some((row, row.video_auc?))).min_by(|a, b| a.1.total_cmp(&b.1));
    let (Some(clean), Some((row, auc))) = (summary.clean.video_auc, worst) else {
        return Banner::new(Paint::Plain, "AUC is undefined")
            .with("It takes real and fake videos with a face to measure how well they are told apart.")
            .html();
    };
    let interval = summary
        .clean
        .video_auc_ci95
        .map_or(String::new(), |(low, high)| format!(" (95 % interval {low:.4} to {high:.4})"));
    Banner::new(Paint::Plain, &format!("AUC {clean:.4} as they are, {auc:.4} at the worst of middle severity"))
        .with(format!("As they are, the faces of {} videos give an AUC of {clean:.4}{interval}.", summary.videos))
        .with(format!(
            "Of five kinds of damage, {} costs most at severity {middle} ({} {}): an AUC of {auc:.4} is left. Guessing gives 0.5.",
            row.kind.name(),
            row.unit,
            row.strength
        ))
        .html()
}

fn chart(
    summary: &RobustnessSummary,
    id: &str,
    title: &str,
    text: &str,
    clean: Option<f64>,
    value: impl Fn(&RobustnessRow) -> Option<f64> + Copy,
) -> Html {
    let points = |kind: PerturbationKind| -> Vec<(f64, f64)> {
        let start = clean.map(|clean| (0.0, clean));
        let of_kind = summary.rows.iter().filter(move |row| row.kind == kind);
        start
            .into_iter()
            .chain(of_kind.filter_map(move |row| Some((row.severity as f64, value(row)?))))
            .collect()
    };
    let all = || PerturbationKind::ALL.into_iter().flat_map(points).map(|(_, value)| value);
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    if low > high {
        return Html::default();
    }
    let line = |(number, kind): (usize, PerturbationKind)| {
        Layer::line(kind.name(), Paint::Series(number), points(kind))
    };
    Chart::new(id, title, text)
        .axes(Axis::whole("severity", 0, SEVERITIES), Axis::over(title, low, high))
        .with_all(PerturbationKind::ALL.into_iter().enumerate().map(line))
        .html()
}

fn table(summary: &RobustnessSummary) -> Html {
    let interval = |ci95: Option<(f64, f64)>| {
        Cell::text(ci95.map_or("–".to_owned(), |(low, high)| format!("{low:.4} to {high:.4}")))
    };
    let clean = vec![
        Cell::text("as they are"),
        Cell::count(0),
        Cell::text("–"),
        Cell::number(summary.clean.video_auc, 4),
        interval(summary.clean.video_auc_ci95),
        Cell::number(summary.clean.frame_auc, 4),
        Cell::number(Some(0.0), 4),
        Cell::number(Some(0.0), 4),
    ];
    let row = |row: &RobustnessRow| {
        vec![
            Cell::text(row.kind.name()),
            Cell::count(row.severity),
            Cell::text(format!("{} {}", row.unit, row.strength)),
            Cell::number(row.video_auc, 4),
            interval(row.video_auc_ci95),
            Cell::number(row.frame_auc, 4),
            Cell::number(row.real_shift, 4),
            Cell::number(row.fake_shift, 4),
        ]
    };
    Table::new("Faces made worse in five kinds and severities")
        .text("kind")
        .number("severity")
        .text("strength")
        .number("AUC of videos")
        .text("95 % interval")
        .number("AUC of frames")
        .number("shift, real")
        .number("shift, fake")
        .row(clean)
        .rows(summary.rows.iter().map(row))
        .sortable("order")
        .html()
}

fn left_out(summary: &RobustnessSummary) -> Html {
    if summary.left_out.is_empty() {
        return Html::default();
    }
    let more = match summary.left_out.len().saturating_sub(LEFT_OUT) {
        0 => Html::default(),
        more => Html::remark(&format!("… and {more} more")),
    };
    Section::new("left-out", "Videos that were left out")
        .with(Html::list(summary.left_out.iter().take(LEFT_OUT)))
        .with(more)
        .html()
}
