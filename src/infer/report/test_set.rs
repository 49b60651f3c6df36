//! The report of a labelled set: how well scores tell fakes from real videos, where they err, and by which protocol.

use super::{Material, detector, numbers, warnings, words, worst};
use crate::infer::{InferSummary, NEUTRAL_SCORE, Verdict, VideoResult};
use crate::metrics::{Bootstrap, Measure, Measures, ReliabilityBin, VideoMetrics, roc_band};
use crate::page::{
    Axis, Banner, Bar, Cell, Chart, Dot, Facts, Html, Layer, Page, Paint, Range, Section, Table,
};
use crate::types::Label;

/// Bars of a histogram.
const BARS: usize = 20;
/// Rates from which a DET curve is drawn.
const LOWEST: f64 = 0.001;
/// Methods that get a row in the chart; a table has all.
const KINDS: usize = 24;

/// The page of a labelled set.
pub(super) fn page(material: &Material, metrics: &VideoMetrics) -> Page {
    let summary = material.summary;
    let set = summary.dataset.as_deref().unwrap_or("labelled files");
    let level = summary.compression.as_deref().map_or(String::new(), |level| format!(" ({level})"));
    Page::new(&format!("Measurement on {set}{level}"))
        .with(warnings(summary))
        .with(banner(metrics))
        .with(protocol(summary))
        .with(measures(summary, metrics))
        .with(curves(summary))
        .with(kinds(metrics))
        .with(verdicts(summary))
        .with(worst::section(material))
        .with(worst::without_answer(summary))
        .with(all_scores(summary))
        .with(Section::new("detector", "The detector").with(detector::known(material)).html())
}

fn banner(metrics: &VideoMetrics) -> Html {
    let VideoMetrics { real, fake, unscored, .. } = metrics;
    let counted = format!("{} and {}", words::count(*real, "real video"), words::count(*fake, "fake one"));
    let Some(auc) = metrics.video_auc else {
        return Banner::new(Paint::Plain, "AUC is undefined")
            .with(format!("There are {counted}; it takes both to measure how well they are told apart."))
            .html();
    };
    let banner = Banner::new(Paint::Plain, &format!("AUC {auc:.4}")).with(format!(
        "Of a fake and a real video, drawn at random, the fake one scores higher in {:.1} of 100 cases; guessing gives 50. \
         Measured on {counted}.",
        100.0 * auc
    ));
    let banner = metrics.video_auc_ci95.into_iter().fold(banner, |banner, (low, high)| {
        banner.with(format!(
            "With other videos of the same kind it would lie between {low:.4} and {high:.4} in 95 of 100 cases. Videos of \
             another kind may give something else altogether."
        ))
    });
    let unanswered = (*unscored > 0).then(|| {
        format!(
            "{} gave no face and counted as {NEUTRAL_SCORE}, as published numbers have it.",
            words::count(*unscored, "video")
        )
    });
    unanswered.into_iter().fold(banner, Banner::with).html()
}

/// What a number has to be told with.
fn protocol(summary: &InferSummary) -> Html {
    let Some(protocol) = &summary.protocol else { return Html::default() };
    let remark =
        protocol.remark.as_deref().map_or_else(Html::default, |text| Html::warning(&words::sentence(text)));
    Section::new("protocol", "Protocol")
        .with(Html::paragraph("Figures of this field can be compared only where all of this is the same. To be copied with them:"))
        .with(Html::code(&protocol.line))
        .with(remark)
        .html()
}

fn told(measure: Measure) -> Vec<Cell> {
    row_of(measure.value, measure.ci95)
}

fn row_of(value: Option<f64>, ci95: Option<(f64, f64)>) -> Vec<Cell> {
    let interval = ci95.map_or("–".to_owned(), |(low, high)| format!("{low:.4} to {high:.4}"));
    vec![Cell::number(value, 4), Cell::text(interval)]
}

fn measures(summary: &InferSummary, metrics: &VideoMetrics) -> Html {
    let plain = |value| row_of(value, None);
    let mut rows = vec![
        ("AUC over videos", row_of(metrics.video_auc, metrics.video_auc_ci95)),
        ("AUC over videos with a face", plain(metrics.video_auc_scored_only)),
        ("AUC over frames", plain(metrics.frame_auc)),
        ("Average precision", plain(metrics.ap)),
        ("Equal error rate", plain(metrics.eer)),
        ("Accuracy at 0.5", plain(metrics.acc)),
        ("Accuracy where both errors are equal", plain(metrics.acc_at_eer)),
    ];
    rows.extend(
        metrics
            .pairs
            .map(|pairs| ("A fake scores above its original", row_of(Some(pairs.above), pairs.above_ci95))),
    );
    if let Some(measures) = &summary.measures {
        rows.extend([
            ("Fakes missed at the border (APCER)", told(measures.apcer)),
            ("Real videos called fake at the border (BPCER)", told(measures.bpcer)),
            ("Fakes found where 1 % of real videos are called fake", told(measures.tpr_at_fpr_1)),
            ("Fakes found where 5 % of real videos are called fake", told(measures.tpr_at_fpr_5)),
            ("Real videos called fake where 5 % of fakes are missed", told(measures.bpcer_at_apcer_5)),
            ("Real videos called fake where 10 % of fakes are missed", told(measures.bpcer_at_apcer_10)),
            ("Cost of likelihood ratios (Cllr), bits", told(measures.cllr)),
            ("Least cost with the same order (Cllr min), bits", told(measures.cllr_min)),
        ]);
    }
    let rows = rows.into_iter().map(|(name, cells)| std::iter::once(Cell::text(name)).chain(cells).collect());
    let table = Table::new("All figures; error rates are over videos with a face")
        .text("what")
        .number("value")
        .text("95 % interval")
        .rows(rows);
    let facts = summary.measures.as_ref().map_or_else(Html::default, counts);
    let benchmark = summary.deepfakebench.as_ref().map_or_else(Html::default, |benchmark| {
        let told = serde_json::to_value(benchmark).unwrap_or_default();
        let facts = told.as_object().into_iter().flatten().fold(Facts::new(), |facts, (name, value)| {
            match value.is_number() {
                true => facts.fact(name, value.to_string()),
                false => facts,
            }
        });
        Html::heading(3, "In DeepfakeBench's protocol").with(facts.html())
    });
    Section::new("figures", "Figures").with(table.html()).with(facts).with(benchmark).html()
}

fn counts(measures: &Measures) -> Html {
    let Measures { real, fake, real_unanswered, fake_unanswered, border, apcer_worst, .. } = measures;
    Facts::new()
        .fact("Videos with a face", format!("{real} real, {fake} fake"))
        .fact("Videos without", format!("{real_unanswered} real, {fake_unanswered} fake"))
        .known("Border", border.map(|border| format!("{border:.4}")))
        .known(
            "Kind that is missed most",
            apcer_worst
                .as_ref()
                .map(|worst| format!("{}: {:.4} of {} fakes", worst.kind, worst.apcer, worst.fake)),
        )
        .html()
}

/// Labels and scores as AUC counts them: a video without a face by the neutral score.
fn scores(summary: &InferSummary) -> (Vec<Label>, Vec<f64>) {
    let labelled = summary.videos.iter();
    labelled.filter_map(|video| Some((video.label?, video.score.unwrap_or(NEUTRAL_SCORE)))).unzip()
}

fn curves(summary: &InferSummary) -> Html {
    let (labels, scores) = scores(summary);
    let points = roc_band(&labels, &scores, &Bootstrap::default()).unwrap_or_default();
    let border = summary.decision.map(|judge| judge.threshold);
    let mut section = Section::new("curves", "Curves");
    if !points.is_empty() {
        let found = |low_high: fn((f64, f64)) -> (f64, f64)| {
            points.iter().map(move |point| {
                let (low, high) = low_high(point.found_ci95);
                (point.false_alarms, low, high)
            })
        };
        let vertices = vertices(&labels, &scores);
        let roc = Chart::new(
            "roc",
            "ROC",
            "How many fakes are found for how many real videos called fake, at every border. The further up and left, the \
             better.",
        )
        .square()
        .axes(Axis::shares("share of real videos called fake"), Axis::shares("share of fakes found"))
        .with(Layer::diagonal("guessing"))
        .with(Layer::band("95 % interval", Paint::Series(0), found(|pair| pair).collect()))
        .with(Layer::line("this detector", Paint::Series(0), vertices.clone()));
        let det = Chart::new(
            "det",
            "DET",
            "Both errors, at every border, on axes that are stretched where they are small. The further down and left, the \
             better.",
        )
        .square()
        .axes(
            Axis::rates("real videos called fake", LOWEST, 0.99),
            Axis::rates("fakes missed", LOWEST, 0.99),
        )
        .with(Layer::band("95 % interval", Paint::Series(0), found(|(low, high)| (1.0 - high, 1.0 - low)).collect()))
        .with(Layer::line(
            "this detector",
            Paint::Series(0),
            vertices.iter().map(|(wrong, right)| (*wrong, 1.0 - right)).collect(),
        ));
        section = section.with(Html::side_by_side([roc.html(), det.html()]));
    }
    section = section.with(distribution(&labels, &scores, border));
    if let Some(measures) = &summary.measures {
        section = section.with(Html::side_by_side(
            [reliability(&measures.curves.reliability), tippett(measures)]
                .into_iter()
                .filter(|chart| !chart.is_empty()),
        ));
    }
    section.html()
}

/// The vertices of the ROC curve: (share of real ones called fake, share of fakes found). Of many at most so many as a
/// drawing shows.
fn vertices(labels: &[Label], scores: &[f64]) -> Vec<(f64, f64)> {
    const MOST: usize = 1000;
    let Ok(roc) = crate::metrics::Roc::new(labels, scores) else { return Vec::new() };
    let det = roc.det();
    let step = det.len().div_ceil(MOST).max(1);
    let last = det.len().saturating_sub(1);
    let kept = det.iter().enumerate().filter(|(at, _)| at % step == 0 || *at == last);
    std::iter::once((0.0, 0.0))
        .chain(kept.map(|(_, point)| (point.false_alarms, 1.0 - point.missed)))
        .collect()
}

fn distribution(labels: &[Label], scores: &[f64], border: Option<f64>) -> Html {
    let of = |label: Label| {
        let mut counts = [0usize; BARS];
        for (_, score) in labels.iter().zip(scores).filter(|(other, _)| **other == label) {
            counts[((score * BARS as f64) as usize).min(BARS - 1)] += 1;
        }
        counts
    };
    let (real, fake) = (of(Label::Real), of(Label::Fake));
    let (all_real, all_fake) = (real.iter().sum::<usize>(), fake.iter().sum::<usize>());
    if all_real + all_fake == 0 {
        return Html::default();
    }
    // Shares of their class: sets have several times as many fakes as real videos.
    let share = |count: usize, all: usize| count as f64 / all.max(1) as f64;
    let highest =
        (0..BARS).map(|at| share(real[at], all_real).max(share(fake[at], all_fake))).fold(0.0, f64::max);
    let bars = |counts: [usize; BARS], all: usize| {
        let bar = |(at, count): (usize, usize)| Bar {
            from: at as f64 / BARS as f64,
            to: (at + 1) as f64 / BARS as f64,
            height: share(count, all),
        };
        counts.into_iter().enumerate().map(bar).collect()
    };
    Chart::new(
        "scores",
        "Distribution of scores",
        "Where real and fake videos lie; where they overlap the detector errs.",
    )
    .axes(Axis::shares("score of a video"), Axis::over("share of its class", 0.0, highest))
    .with(Layer::bars(&format!("real ({all_real})"), Paint::Real, bars(real, all_real)))
    .with(Layer::bars(&format!("fake ({all_fake})"), Paint::Fake, bars(fake, all_fake)))
    .with_all(border.map(|border| Layer::upright("border", Paint::Plain, border)))
    .html()
}

fn reliability(bins: &[ReliabilityBin]) -> Html {
    if bins.is_empty() {
        return Html::default();
    }
    let dot = |bin: &ReliabilityBin| Dot {
        x: bin.told,
        y: bin.found,
        text: format!("told {:.2}, found {:.2}: {} real, {} fake", bin.told, bin.found, bin.real, bin.fake),
    };
    Chart::new(
        "reliability",
        "Reliability",
        "Whether of videos that are called fake with a probability of 0.8 four in five are, if both classes were equally \
         frequent. On the diagonal told and found agree; below it probabilities are too high.",
    )
    .square()
    .axes(Axis::shares("probability that was told"), Axis::shares("share of fakes that was found"))
    .with(Layer::diagonal("told and found agree"))
    .with(Layer::line("", Paint::Series(0), bins.iter().map(|bin| (bin.told, bin.found)).collect()))
    .with(Layer::dots("videos of similar probability", Paint::Series(0), bins.iter().map(dot).collect()))
    .html()
}

fn tippett(measures: &Measures) -> Html {
    let points = &measures.curves.tippett;
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Html::default() };
    let of = |share: fn(&crate::metrics::TippettPoint) -> f64| {
        points.iter().rev().map(move |point| (point.log10_lr, share(point))).collect()
    };
    Chart::new(
        "tippett",
        "Tippett plot",
        "Share of fakes and of real videos with at least a likelihood ratio. To the right of 0 ratios speak for a forgery; real \
         videos there are misled about.",
    )
    .square()
    .axes(Axis::over("logarithm of the likelihood ratio", last.log10_lr, first.log10_lr), Axis::shares("share with at least it"))
    .with(Layer::upright("", Paint::Plain, 0.0))
    .with(Layer::steps("fake", Paint::Fake, of(|point| point.fake)))
    .with(Layer::steps("real", Paint::Real, of(|point| point.real)))
    .html()
}

/// Metrics per method and per source.
fn kinds(metrics: &VideoMetrics) -> Html {
    let part = |id: &str, title: &str, text: &str, parts: &[(String, VideoMetrics)]| {
        if parts.is_empty() {
            return Html::default();
        }
        let range = |(name, of): &(String, VideoMetrics)| Range {
            label: name.clone(),
            value: of.video_auc,
            interval: of.video_auc_ci95,
            paint: Paint::Series(0),
        };
        let ranges: Vec<Range> = parts.iter().take(KINDS).map(range).collect();
        let least = ranges
            .iter()
            .filter_map(|range| range.interval.map(|(low, _)| low).or(range.value))
            .fold(0.5, f64::min);
        let chart = Chart::new(&format!("{id}-auc"), "AUC", text)
            .with_all((least <= 0.5).then(|| Layer::upright("guessing", Paint::Plain, 0.5)))
            .ranges(Axis::over("AUC with its 95 % interval", least, 1.0), ranges);
        let row = |(name, of): &(String, VideoMetrics)| {
            let mut cells = vec![Cell::text(name.as_str())];
            cells.extend(row_of(of.video_auc, of.video_auc_ci95));
            cells.extend([
                Cell::number(of.eer, 4),
                Cell::count(of.real),
                Cell::count(of.fake),
                Cell::count(of.unscored),
            ]);
            cells
        };
        let table = Table::new(title)
            .text("name")
            .number("AUC")
            .text("95 % interval")
            .number("EER")
            .number("real")
            .number("fake")
            .number("no face")
            .rows(parts.iter().map(row))
            .sortable(&format!("{id}-order"));
        Section::new(id, title).with(chart.html()).with(table.html()).html()
    };
    let groups =
        part("kinds", "By manipulation", "Each method's fakes against all real videos.", &metrics.groups);
    groups.with(part("sources", "By source", "Fakes and real videos of one source.", &metrics.sources))
}

/// How many real and how many fake videos were called what.
fn verdicts(summary: &InferSummary) -> Html {
    if summary.decision.is_none() {
        return Html::default();
    }
    let row = |(label, name): (Label, &str)| {
        let of_label = || summary.videos.iter().filter(move |video| video.label == Some(label));
        let count = |verdict: Verdict| {
            Cell::count(of_label().filter(|video| video.verdict() == Some(verdict)).count())
        };
        let counts = [Verdict::LikelyFake, Verdict::Undecided, Verdict::NoTraceFound].map(count);
        std::iter::once(Cell::text(name)).chain(counts).chain([Cell::count(of_label().count())]).collect()
    };
    let table = Table::new("Videos and what they were called")
        .text("videos")
        .number("likely fake")
        .number("undecided")
        .number("no trace found")
        .number("all")
        .rows([(Label::Real, "real"), (Label::Fake, "fake")].map(row));
    Section::new("verdicts", "Verdicts").with(table.html()).html()
}

/// Every video with its score, to be sorted and copied.
fn all_scores(summary: &InferSummary) -> Html {
    let row = |video: &VideoResult| {
        vec![
            Cell::text(video.path.as_str()),
            Cell::text(label(video)),
            Cell::text(video.group.as_deref().unwrap_or("")),
            video.score.map_or_else(Cell::default, numbers::exact),
            Cell::text(video.verdict().map_or("", Verdict::words)),
            Cell::count(video.faces),
            Cell::text(video.status.to_string()),
        ]
    };
    let table = Table::new("Every video, in the order of the set")
        .text("video")
        .text("label")
        .text("kind")
        .number("score")
        .text("verdict")
        .number("faces")
        .text("status")
        .rows(summary.videos.iter().take(numbers::ROWS).map(row))
        .sortable("all-order");
    let more = match summary.videos.len().saturating_sub(numbers::ROWS) {
        0 => Html::default(),
        more => Html::remark(&format!("… and {more} more, which the JSON has")),
    };
    let folded =
        crate::page::Details::new(&format!("Scores of {}", words::count(summary.videos.len(), "video")));
    Section::new("all", "All scores").with(folded.with(table.html()).with(more).html()).html()
}

/// The label of a video in words.
pub(super) fn label(video: &VideoResult) -> &'static str {
    match video.label {
        Some(Label::Real) => "real",
        Some(Label::Fake) => "fake",
        None => "",
    }
}
