//! How far results are apart, as a whole and kind by kind.

use super::{difference_cell, labelled, p_cell, verdict};
use crate::compare::part::ENOUGH;
use crate::compare::{CompareSummary, PairComparison, PartComparison, PartKind, VerdictChanges};
use crate::metrics::Measure;
use crate::page::{Axis, Cell, Chart, Html, Layer, Paint, Range, Section, Table};

/// AUCs with their intervals, on an axis that shows all of them.
pub(super) fn aucs(id: &str, title: &str, text: &str, ranges: Vec<Range>) -> Html {
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

pub(super) fn tests(summary: &CompareSummary) -> Html {
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

pub(super) fn parts(summary: &CompareSummary) -> Html {
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
