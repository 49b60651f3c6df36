//! `sbi compare`.

use crate::args::CompareArgs;
use crate::{Outcome, report};
use anyhow::Context;
use sbi::atomic_file::{self, check_writable};
use sbi::compare::{
    self, CompareSummary, ComparedResult, ComparedVideo, Config, PairComparison, PartComparison,
    PartDifference, PartKind, SettingComparison, VerdictChanges, p_value, signed,
};
use sbi::infer::Verdict;
use sbi::metrics::Measure;
use sbi::types::Label;
use std::io::{self, Write};
use std::path::Path;

pub fn run(args: &CompareArgs) -> anyhow::Result<Outcome> {
    for path in [&args.json, &args.csv, &args.report].into_iter().flatten() {
        check_writable(path)?;
    }
    let config = Config { results: args.results.clone(), common: args.common };
    let summary = compare::run(&config)?;
    if let Some(path) = &args.json {
        report::write_json(path, &summary).context("the comparison as JSON")?;
    }
    if let Some(path) = &args.csv {
        csv(path, &summary).context("the comparison as CSV")?;
    }
    if let Some(path) = &args.report {
        compare::write_report(path, &summary).context("the comparison as a page")?;
    }
    table(&mut io::stdout().lock(), &summary, args.show)?;
    Ok(Outcome::AllDone)
}

/// One line per video.
fn csv(path: &Path, summary: &CompareSummary) -> anyhow::Result<()> {
    atomic_file::write(path, |file| {
        let mut table = csv::Writer::from_writer(file);
        let of_each =
            |what: &'static str| summary.results.iter().map(move |result| format!("{what}_{}", result.name));
        let head = ["path", "label", "group", "source", "apart"].map(str::to_owned);
        table.write_record(head.into_iter().chain(of_each("score")).chain(of_each("verdict")))?;
        for video in &summary.videos {
            let told = |text: &Option<String>| text.clone().unwrap_or_default();
            let label = video.label.map_or(String::new(), |label| label.class().to_string());
            let row =
                [video.path.clone(), label, told(&video.group), told(&video.source), video.apart.to_string()];
            let scores =
                video.scores.iter().map(|score| score.map_or(String::new(), |score| score.to_string()));
            let verdicts = video.verdicts.iter().map(|verdict| verdict.map_or("", Verdict::words).to_owned());
            table.write_record(row.into_iter().chain(scores).chain(verdicts))?;
        }
        table.flush()
    })?;
    Ok(())
}

/// What people read, the answer last.
fn table(out: &mut impl Write, summary: &CompareSummary, show: usize) -> io::Result<()> {
    results(out, summary)?;
    videos(out, summary)?;
    settings(out, summary)?;
    let judged = summary.real + summary.fake > 0;
    for pair in summary.against_first() {
        writeln!(out)?;
        against(out, summary, pair)?;
    }
    if summary.results.len() > 2 && judged {
        matrix(out, summary)?;
    }
    parts(out, summary)?;
    disagreements(out, summary, show)?;
    for note in &summary.notes {
        writeln!(out, "note: {note}")?;
    }
    summary.against_first().try_for_each(|pair| writeln!(out, "{}", summary.conclusion(pair)))
}

fn results(out: &mut impl Write, summary: &CompareSummary) -> io::Result<()> {
    for result in &summary.results {
        writeln!(out, "{:<3} {}", result.name, result.path)?;
    }
    let labelled = summary.real + summary.fake > 0;
    if labelled {
        writeln!(out, "\n    AUC     95 % interval      right at its border   without a score")?;
        for ComparedResult { name, auc, right_at_border, border, without_score, .. } in &summary.results {
            let auc = auc.unwrap_or_default();
            let right = format!("{} at {border:.3}", number(*right_at_border));
            let (value, interval) = (number(auc.value), interval(auc.ci95));
            writeln!(out, "{name:<3} {value:<7} {interval:<18} {right:<21} {without_score}")?;
        }
    } else {
        writeln!(out)?;
    }
    if summary.results.iter().any(|result| result.verdicts.is_some()) {
        for result in &summary.results {
            let Some(verdicts) = result.verdicts else { continue };
            let (fake, undecided, nothing) =
                (verdicts.likely_fake, verdicts.undecided, verdicts.no_trace_found);
            writeln!(
                out,
                "{:<3} {fake} likely fake, {undecided} undecided, {nothing} no trace found",
                result.name
            )?;
        }
    }
    Ok(())
}

fn videos(out: &mut impl Write, summary: &CompareSummary) -> io::Result<()> {
    let CompareSummary { real, fake, unlabelled, matched_by, left_out, .. } = summary;
    let counts = match (real + fake, unlabelled) {
        (0, unlabelled) => format!("{unlabelled}, without labels"),
        (_, 0) => format!("{real} real, {fake} fake"),
        _ => format!("{real} real, {fake} fake, {unlabelled} without a label"),
    };
    writeln!(out, "videos        {counts}, matched {}", matched_by.words())?;
    for (result, lacking) in
        summary.results.iter().zip(&left_out.lacking).filter(|(_, lacking)| lacking.count > 0)
    {
        writeln!(out, "left out      {} of {}, which not all have", lacking.as_text(), result.name)?;
    }
    if left_out.labels_differ.count > 0 {
        writeln!(out, "left out      {}, whose labels differ", left_out.labels_differ.as_text())?;
    }
    Ok(())
}

/// What differs in how results were made, one line each; what is the same in one line. A note tells what is not known.
fn settings(out: &mut impl Write, summary: &CompareSummary) -> io::Result<()> {
    for SettingComparison { what, values, .. } in summary.settings.iter().filter(|setting| setting.differs())
    {
        let told = |(result, value): (&ComparedResult, &Option<String>)| {
            format!("{} {}", result.name, value.as_deref().unwrap_or("unknown"))
        };
        let values: Vec<String> = summary.results.iter().zip(values).map(told).collect();
        writeln!(out, "differs       {what}: {}", values.join("; "))?;
    }
    let same: Vec<String> = summary
        .settings
        .iter()
        .filter(|setting| setting.same)
        .map(|setting| format!("{} {}", setting.what, setting.values[0].as_deref().unwrap_or_default()))
        .collect();
    if !same.is_empty() {
        writeln!(out, "the same      {}", same.join("; "))?;
    }
    Ok(())
}

/// Everything about one result against the first.
fn against(out: &mut impl Write, summary: &CompareSummary, pair: &PairComparison) -> io::Result<()> {
    let (first, second) = names(summary, pair);
    if let Some(difference) = pair.difference.filter(|difference| difference.value.is_some()) {
        writeln!(out, "{second} - {first:<9} AUC {}, paired bootstrap", signed(difference))?;
        match pair.delong {
            Some(test) => {
                let z = test.z.map_or("undefined, no variance".to_owned(), |z| format!("z = {z:.3}"));
                let holm = corrected(pair.delong_holm);
                writeln!(
                    out,
                    "DeLong        {z}, p = {}{holm}, standard error {:.4}",
                    p_value(test.p),
                    test.standard_error
                )?;
            }
            None => writeln!(out, "DeLong        undefined: too few videos of a class")?,
        }
    }
    if let Some(calls) = pair.calls {
        let test = calls.mcnemar;
        writeln!(
            out,
            "McNemar       {} only {first} right, {} only {second} right ({} both, {} neither): p = {} (mid-p), {} (exact){}",
            test.only_first_right,
            test.only_second_right,
            calls.both_right,
            calls.both_wrong,
            p_value(Some(test.mid_p)),
            p_value(Some(test.exact_p)),
            corrected(pair.mcnemar_holm)
        )?;
    }
    let agreement = &pair.agreement;
    let short = |value: Option<f64>| value.map_or("undefined".to_owned(), |value| format!("{value:.3}"));
    writeln!(
        out,
        "agreement     rank correlation {}, scores {} apart on average and {} at most, same call {} (kappa {})",
        short(agreement.rank_correlation),
        short(agreement.mean_apart),
        short(agreement.most_apart),
        short(agreement.same_call),
        short(agreement.kappa)
    )?;
    if agreement.only_first + agreement.only_second > 0 {
        let (only_first, only_second) = (agreement.only_first, agreement.only_second);
        writeln!(out, "              {only_first} scored by {first} only, {only_second} by {second} only")?;
    }
    pair.verdicts.as_ref().map_or(Ok(()), |changes| verdicts(out, (first, second), changes))
}

fn verdicts(out: &mut impl Write, (first, second): (&str, &str), all: &VerdictChanges) -> io::Result<()> {
    writeln!(out, "verdicts      {} of {} changed from {first} to {second}", all.changed, all.videos)?;
    for change in &all.changes {
        let classes = match (change.real, change.fake) {
            (0, 0) => String::new(),
            (real, fake) => format!("  ({real} real, {fake} fake)"),
        };
        writeln!(out, "{:>13} {} to {}{classes}", change.videos, change.from, change.to)?;
    }
    Ok(())
}

/// All pairs: rows minus columns, with Holm's p.
fn matrix(out: &mut impl Write, summary: &CompareSummary) -> io::Result<()> {
    writeln!(
        out,
        "\nAUC of the row less that of the column (p of DeLong's test, corrected for all pairs by Holm)"
    )?;
    let names: Vec<&str> = summary.results.iter().map(|result| result.name.as_str()).collect();
    let head: Vec<String> = names[..names.len() - 1].iter().map(|name| format!("{name:<19}")).collect();
    writeln!(out, "    {}", head.join(" ").trim_end())?;
    for (row, name) in names.iter().enumerate().skip(1) {
        let cell = |column: usize| {
            let pair = summary.pairs.iter().find(|pair| (pair.first, pair.second) == (column, row));
            let told = pair.and_then(|pair| {
                let difference = pair.difference?.value?;
                Some(format!("{difference:+.4} (p {})", p_value(pair.delong_holm)))
            });
            format!("{:<19}", told.unwrap_or_else(|| "undefined".to_owned()))
        };
        let cells: Vec<String> = (0..row).map(cell).collect();
        writeln!(out, "{name:<3} {}", cells.join(" ").trim_end())?;
    }
    Ok(())
}

fn parts(out: &mut impl Write, summary: &CompareSummary) -> io::Result<()> {
    let titles = [
        (
            PartKind::Group,
            "per kind of forgery, with all real videos (p is not corrected for the number of kinds):",
        ),
        (PartKind::Source, "within a source:"),
    ];
    for (kind, title) in titles {
        let parts: Vec<&PartComparison> = summary.parts.iter().filter(|part| part.kind == kind).collect();
        if parts.is_empty() {
            continue;
        }
        let names: Vec<String> = summary.results.iter().map(|result| format!("{:<7}", result.name)).collect();
        let first = &summary.results[0].name;
        let against: Vec<String> = summary.results[1..]
            .iter()
            .map(|result| format!("{:<28} {:<7}", format!("{} - {first}", result.name), "p"))
            .collect();
        writeln!(out, "\n{title}\n  real  fake  {} {} name", names.join(" "), against.join(" "))?;
        parts.iter().try_for_each(|part| one_part(out, part))?;
    }
    Ok(())
}

fn one_part(out: &mut impl Write, part: &PartComparison) -> io::Result<()> {
    let PartComparison { name, real, fake, aucs, against_first, .. } = part;
    let aucs: Vec<String> = aucs.iter().map(|auc| format!("{:<7}", number(auc.value))).collect();
    let of = |against: &PartDifference| {
        let Measure { value, ci95 } = against.difference;
        let value = value.map_or("-".to_owned(), |value| format!("{value:+.4}"));
        let interval = ci95.map_or(String::new(), |(low, high)| format!(" ({low:+.4} to {high:+.4})"));
        let p = against.delong_p.map_or("-".to_owned(), |p| p_value(Some(p)));
        format!("{:<28} {p:<7}", format!("{value}{interval}"))
    };
    let against: Vec<String> = against_first.iter().map(of).collect();
    writeln!(out, "  {real:>4}  {fake:>4}  {} {} {name}", aucs.join(" "), against.join(" "))
}

fn disagreements(out: &mut impl Write, summary: &CompareSummary, show: usize) -> io::Result<()> {
    let apart: Vec<&ComparedVideo> = summary.videos.iter().filter(|video| video.apart > 0.0).collect();
    if apart.is_empty() {
        return writeln!(out, "\nall scores are the same");
    }
    if show == 0 {
        return Ok(());
    }
    let head: Vec<String> = summary.results.iter().map(|result| format!("{:<7}", result.name)).collect();
    writeln!(out, "\nscores furthest apart:\n  apart   {} label  file", head.join(" "))?;
    for video in apart.iter().take(show) {
        let score = |score: &Option<f64>| {
            format!("{:<7}", score.map_or("-".to_owned(), |score| format!("{score:.4}")))
        };
        let scores: Vec<String> = video.scores.iter().map(score).collect();
        let label = match video.label {
            Some(Label::Real) => "real",
            Some(Label::Fake) => "fake",
            None => "-",
        };
        let group = video.group.as_ref().map_or(String::new(), |group| format!("  ({group})"));
        writeln!(out, "  {:<7.4} {} {label:<6} {}{group}", video.apart, scores.join(" "), video.path)?;
    }
    if apart.len() > show {
        writeln!(out, "  … and {} more that differ, see --json or --csv", apart.len() - show)?;
    }
    Ok(())
}

fn names<'a>(summary: &'a CompareSummary, pair: &PairComparison) -> (&'a str, &'a str) {
    (&summary.results[pair.first].name, &summary.results[pair.second].name)
}

fn number(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.4}"))
}

fn interval(ci95: Option<(f64, f64)>) -> String {
    ci95.map_or("-".to_owned(), |(low, high)| format!("{low:.4} to {high:.4}"))
}

fn corrected(holm: Option<f64>) -> String {
    holm.map_or(String::new(), |holm| format!(", {} corrected", p_value(Some(holm))))
}
