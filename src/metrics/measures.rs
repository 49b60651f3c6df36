//! What a labelled set says about a detector as a tool: its likelihood ratios, its errors at the border, its curves.
//!
//! Other than [`VideoMetrics`](super::VideoMetrics), which counts videos without a face as 0.5 because published numbers do,
//! these are about the videos that gave an answer; the others are counted.

use super::bootstrap::ci95;
use super::cllr::{costs, least_cost, mean_cost};
use super::det::{DetPoint, thinned};
use super::error_rates::{at_border, bpcer_at_apcer, tpr_at_fpr};
use super::reliability::{ReliabilityBin, reliability};
use super::roc::Level;
use super::tippett::{TippettPoint, tippett};
use super::{Bootstrap, Calibration, Error, LikelihoodRatios, Roc};
use crate::types::Label;
use serde::Serialize;
use std::collections::BTreeMap;

/// Points of a curve that are kept.
const POINTS: usize = 200;

/// A video with a face and its label.
#[derive(Clone, Copy, Debug)]
pub struct AnsweredVideo<'a> {
    /// Whether the video is real or fake.
    pub label: Label,
    /// Its score, 0..1.
    pub score: f64,
    /// The kind of forgery, if that is known.
    pub kind: Option<&'a str>,
}

/// What scores are measured by.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scale<'a> {
    /// The score from which a video is called fake.
    pub border: Option<f64>,
    /// What makes probabilities of scores.
    pub calibration: Option<Calibration>,
    /// What makes likelihood ratios of scores.
    pub ratios: Option<&'a LikelihoodRatios>,
}

/// A number with the interval in which 95 % of the resamples of the videos lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Measure {
    /// The number; `None` where it is undefined.
    pub value: Option<f64>,
    /// (low, high).
    pub ci95: Option<(f64, f64)>,
}

/// The kind of forgery that passes most often.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorstKind {
    /// Its name.
    pub kind: String,
    /// Share of these fakes that are not called fake at the border.
    pub apcer: f64,
    /// How many there are.
    pub fake: usize,
}

/// Points of the curves, at most 200 each.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Curves {
    /// False alarms and misses at every border.
    pub det: Vec<DetPoint>,
    /// Shares of fakes and real ones with at least a likelihood ratio; empty for detectors that tell none.
    pub tippett: Vec<TippettPoint>,
    /// Told probabilities and found shares; empty for detectors that are not calibrated.
    pub reliability: Vec<ReliabilityBin>,
}

/// Measures of a labelled set, over videos with a face. What is undefined is `None`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measures {
    /// Number of real videos with a face.
    pub real: usize,
    /// Number of fake ones.
    pub fake: usize,
    /// Number of real videos that gave no answer.
    pub real_unanswered: usize,
    /// Number of fake ones that gave none.
    pub fake_unanswered: usize,
    /// Cost of the likelihood ratios that are told, in bits.
    pub cllr: Measure,
    /// The least that it could be with the same order of scores.
    pub cllr_min: Measure,
    /// The score from which a video is called fake.
    pub border: Option<f64>,
    /// Share of fakes that are not called fake at the border.
    pub apcer: Measure,
    /// Share of real videos that are called fake at the border.
    pub bpcer: Measure,
    /// The kind with the largest APCER, which ISO/IEC 30107-3 wants told; only where several kinds have ten fakes
    /// or more.
    pub apcer_worst: Option<WorstKind>,
    /// The least BPCER where APCER is at most 5 %.
    pub bpcer_at_apcer_5: Measure,
    /// The least BPCER where APCER is at most 10 %.
    pub bpcer_at_apcer_10: Measure,
    /// The largest share of fakes found where at most 1 % of the real videos is called fake.
    pub tpr_at_fpr_1: Measure,
    /// The largest share of fakes found where at most 5 % of the real videos is called fake.
    pub tpr_at_fpr_5: Measure,
    /// Points of the curves.
    pub curves: Curves,
}

/// How many numbers of [`Measures`] get an interval.
const COUNT: usize = 8;

impl Measures {
    /// Measures `videos`; `unanswered` are the labels of those without a face.
    ///
    /// Draws the resamples of the intervals from the seed of `bootstrap`. Fails with [`Error::NotANumber`] when a score is
    /// NaN.
    pub fn of(
        videos: &[AnsweredVideo<'_>],
        unanswered: &[Label],
        scale: Scale<'_>,
        bootstrap: &Bootstrap,
    ) -> Result<Self, Error> {
        let (labels, scores): (Vec<Label>, Vec<f64>) =
            videos.iter().map(|video| (video.label, video.score)).unzip();
        let roc = Roc::new(&labels, &scores)?;
        let numbers = Numbers::new(&roc, scale);
        let counts: Vec<(u64, u64)> = roc.levels().iter().map(|level| (level.real, level.fake)).collect();
        let values = numbers.of(&counts);
        let mut resampled: [Vec<f64>; COUNT] = Default::default();
        bootstrap.resample(&roc, |counts| {
            for (all, value) in resampled.iter_mut().zip(numbers.of(counts)) {
                all.extend(value);
            }
        });
        let measures: [Measure; COUNT] =
            std::array::from_fn(|at| Measure { value: values[at], ci95: ci95(&mut resampled[at]) });
        let [cllr, cllr_min, apcer, bpcer, bpcer_at_apcer_5, bpcer_at_apcer_10, tpr_at_fpr_1, tpr_at_fpr_5] =
            measures;
        let count = |of: Label| unanswered.iter().filter(|label| **label == of).count();
        Ok(Measures {
            real: roc.real() as usize,
            fake: roc.fake() as usize,
            real_unanswered: count(Label::Real),
            fake_unanswered: count(Label::Fake),
            cllr,
            cllr_min,
            border: scale.border,
            apcer,
            bpcer,
            apcer_worst: scale.border.and_then(|border| worst_kind(videos, border)),
            bpcer_at_apcer_5,
            bpcer_at_apcer_10,
            tpr_at_fpr_1,
            tpr_at_fpr_5,
            curves: curves(&roc, &labels, &scores, scale)?,
        })
    }
}

fn curves(roc: &Roc, labels: &[Label], scores: &[f64], scale: Scale) -> Result<Curves, Error> {
    let mut curves = Curves { det: roc.det_of(POINTS), ..Curves::default() };
    if let Some(ratios) = scale.ratios {
        let log10_lrs: Vec<f64> = scores.iter().map(|score| ratios.of(*score).log10).collect();
        curves.tippett = thinned(tippett(labels, &log10_lrs)?, POINTS);
    }
    if let Some(calibration) = scale.calibration {
        let told: Vec<f64> = scores.iter().map(|score| calibration.probability(*score)).collect();
        curves.reliability = reliability(labels, &told)?;
    }
    Ok(curves)
}

/// Of fewer fakes of a kind than these, a share says little.
const ENOUGH_OF_A_KIND: usize = 10;

/// The kind of which most pass; the first of equal ones. `None` where fewer than two kinds have ten fakes.
fn worst_kind(videos: &[AnsweredVideo], border: f64) -> Option<WorstKind> {
    let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for video in videos.iter().filter(|video| video.label.is_fake()) {
        let (passed, all) = kinds.entry(video.kind?).or_default();
        *passed += usize::from(video.score < border);
        *all += 1;
    }
    kinds.retain(|_, (_, all)| *all >= ENOUGH_OF_A_KIND);
    let rate = |(passed, all): (usize, usize)| passed as f64 / all as f64;
    let worst = kinds.iter().reduce(|a, b| if rate(*b.1) > rate(*a.1) { b } else { a })?;
    let told = || WorstKind { kind: (*worst.0).to_owned(), apcer: rate(*worst.1), fake: worst.1.1 };
    (kinds.len() > 1).then(told)
}

/// What is the same for every resample: the scores, and what they cost.
struct Numbers<'a> {
    levels: &'a [Level],
    border: Option<f64>,
    /// Of each level, where it is real and where it is fake.
    costs: Option<Vec<(f64, f64)>>,
}

impl<'a> Numbers<'a> {
    fn new(roc: &'a Roc, scale: Scale) -> Self {
        let levels = roc.levels();
        let costs = scale
            .ratios
            .map(|ratios| levels.iter().map(|level| costs(ratios.of(level.score).log10)).collect());
        Numbers { levels, border: scale.border, costs }
    }

    /// In the order of [`Measures`]' fields.
    fn of(&self, counts: &[(u64, u64)]) -> [Option<f64>; COUNT] {
        let costs = self.costs.as_ref();
        let told = costs.and_then(|costs| {
            mean_cost(counts.iter().zip(costs).map(|(count, cost)| (count.0, count.1, *cost)))
        });
        let (apcer, bpcer) =
            self.border.map_or((None, None), |border| at_border(self.levels, counts, border));
        [
            told,
            least_cost(counts.iter().copied().rev()),
            apcer,
            bpcer,
            bpcer_at_apcer(counts, 0.05),
            bpcer_at_apcer(counts, 0.1),
            tpr_at_fpr(counts, 0.01),
            tpr_at_fpr(counts, 0.05),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::tests::lir_vectors;
    use Label::{Fake, Real};

    fn video(label: Label, score: f64, kind: Option<&str>) -> AnsweredVideo<'_> {
        AnsweredVideo { label, score, kind }
    }

    const BORDER: Scale = Scale { border: Some(0.5), calibration: None, ratios: None };

    #[test]
    fn errors_are_counted_at_the_border_and_by_kind() {
        let videos = [
            video(Real, 0.1, None),
            video(Real, 0.6, None),
            video(Fake, 0.9, Some("swap")),
            video(Fake, 0.5, Some("swap")),
            video(Fake, 0.2, Some("mouth")),
            video(Fake, 0.7, Some("mouth")),
        ];
        let many = videos.repeat(5);
        let found = Measures::of(&many, &[], BORDER, &Bootstrap::default()).unwrap();
        let worst = found.apcer_worst.unwrap();
        assert_eq!((worst.kind.as_str(), worst.apcer, worst.fake), ("mouth", 0.5, 10));
        let found = Measures::of(&videos, &[Real, Fake, Fake], BORDER, &Bootstrap::default()).unwrap();
        assert_eq!((found.real, found.fake, found.real_unanswered, found.fake_unanswered), (2, 4, 1, 2));
        assert_eq!((found.apcer.value, found.bpcer.value), (Some(0.25), Some(0.5)));
        assert_eq!(found.apcer_worst, None, "two fakes of a kind say little");
        assert_eq!((found.cllr.value, found.curves.tippett.len()), (None, 0), "no ratios are told");
        let (low, high) = found.apcer.ci95.unwrap();
        assert!(low == 0.0 && (0.5..=1.0).contains(&high), "{low} {high}");
        assert_eq!(found.curves.det.len(), 6);
    }

    #[test]
    fn one_class_has_an_error_rate_of_its_own_and_nothing_else() {
        let videos = [video(Real, 0.1, None), video(Real, 0.6, None)];
        let found = Measures::of(&videos, &[], BORDER, &Bootstrap::default()).unwrap();
        assert_eq!((found.bpcer.value, found.apcer.value), (Some(0.5), None));
        assert_eq!((found.cllr_min, found.tpr_at_fpr_5), (Measure::default(), Measure::default()));
        let json =
            serde_json::to_value(Measures::of(&[], &[], Scale::default(), &Bootstrap::default()).unwrap());
        assert!(json.unwrap()["cllr"]["value"].is_null());
    }

    #[test]
    fn intervals_hold_their_numbers_and_narrow_with_more_videos() {
        let width = |copies: usize| {
            let case = &lir_vectors()[0];
            let videos: Vec<AnsweredVideo> = std::iter::repeat_n((), copies)
                .flat_map(|()| case.labels.iter().zip(&case.scores))
                .map(|(label, score)| video(*label, *score, None))
                .collect();
            let found = Measures::of(&videos, &[], BORDER, &Bootstrap { resamples: 300, seed: 0 }).unwrap();
            for measure in [found.cllr_min, found.apcer, found.bpcer_at_apcer_10] {
                let (low, high) = measure.ci95.unwrap();
                assert!(low <= measure.value.unwrap() && measure.value.unwrap() <= high, "{measure:?}");
            }
            let (low, high) = found.apcer.ci95.unwrap();
            high - low
        };
        assert!(width(16) < 0.5 * width(1));
    }
}
