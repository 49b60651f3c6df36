//! A comparison as a page that is read offline.

mod differences;
mod videos;

use super::{CompareSummary, ComparedResult, SettingComparison, p_value};
use crate::infer::Verdict;
use crate::page::{Cell, Details, Facts, Html, Page, Paint, Range, Section, Table};
use differences::{aucs, parts, tests};
use std::path::Path;
use videos::{curves, disagreements};

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
mod tests;
