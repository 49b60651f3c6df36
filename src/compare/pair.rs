//! One result against another: does the difference exceed chance, and about which videos do they disagree.

use super::read::{ReadResult, ReadVideo};
use crate::Result;
use crate::infer::Verdict;
use crate::metrics::{DeLong, DeLongTest, McNemar, Measure, PairedAucs, kappa, rank_correlation};
use crate::types::Label;
use serde::Serialize;

/// Two results of the same videos. What labels are needed for is `None` without them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairComparison {
    /// Position of the first result, from 0.
    pub first: usize,
    /// Position of the second one.
    pub second: usize,
    /// AUC of the second less that of the first, with the interval of the paired bootstrap.
    pub difference: Option<Measure>,
    /// DeLong's test of that difference; `None` with fewer than two videos of a class.
    pub delong: Option<DeLongTest>,
    /// Its p-value after Holm's correction over all pairs of results; `None` for one pair.
    pub delong_holm: Option<f64>,
    /// Who is right at its own border.
    pub calls: Option<Calls>,
    /// The mid-p value of McNemar's test after Holm's correction; `None` for one pair.
    pub mcnemar_holm: Option<f64>,
    /// How far the scores agree.
    pub agreement: Agreement,
    /// How verdicts changed; `None` unless both results have verdicts.
    pub verdicts: Option<VerdictChanges>,
}

/// Calls at the border of each result: a score of at least the border calls a video fake.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Calls {
    /// Videos that both call rightly.
    pub both_right: usize,
    /// Videos that both call wrongly.
    pub both_wrong: usize,
    /// Videos that one of them calls rightly, and McNemar's test of that.
    #[serde(flatten)]
    pub mcnemar: McNemar,
}

/// How far scores agree, whatever is true; over videos that both results have a score of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// How many videos those are.
    pub scored: usize,
    /// How many others only the first has a score of.
    pub only_first: usize,
    /// How many only the second has a score of.
    pub only_second: usize,
    /// Whether they put videos into the same order, -1 to 1: Spearman's rank correlation.
    pub rank_correlation: Option<f64>,
    /// Mean of how far apart the two scores are.
    pub mean_apart: Option<f64>,
    /// The largest of these.
    pub most_apart: Option<f64>,
    /// Share of videos that both call fake at their borders, or neither.
    pub same_call: Option<f64>,
    /// Cohen's kappa of these calls: agreement beyond chance, at most 1.
    pub kappa: Option<f64>,
}

/// How verdicts of two results differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VerdictChanges {
    /// Videos that have a verdict in both.
    pub videos: usize,
    /// How many of them have another one in the second.
    pub changed: usize,
    /// Each kind of change that there is, the most frequent first.
    pub changes: Vec<VerdictChange>,
}

/// Videos whose verdict changed from one to another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct VerdictChange {
    /// What the first result says.
    pub from: Verdict,
    /// What the second says.
    pub to: Verdict,
    /// How many videos.
    pub videos: usize,
    /// How many of them are real.
    pub real: usize,
    /// How many of them are fake.
    pub fake: usize,
}

/// What is computed once for all results, over the labelled videos.
pub(super) struct Tests {
    /// AUC of each result.
    pub aucs: Vec<Measure>,
    pub delong: DeLong,
    pub paired: PairedAucs,
}

/// Two results, seen at the same videos, which labels tell where they are known.
pub(super) struct Pair<'a> {
    pub numbers: (usize, usize),
    pub results: (&'a ReadResult, &'a ReadResult),
    pub videos: &'a [(&'a ReadVideo, &'a ReadVideo)],
    pub labels: &'a [Option<Label>],
}

impl Pair<'_> {
    /// Compares the two; without labels there are no tests.
    pub fn compare(&self, tests: Option<&Tests>) -> Result<PairComparison> {
        let (first, second) = self.numbers;
        let delong = tests.and_then(|tests| tests.delong.test(first, second));
        let difference = tests.map(|tests| Measure {
            value: tests.aucs[second]
                .value
                .zip(tests.aucs[first].value)
                .map(|(second, first)| second - first),
            ci95: tests.paired.difference_ci95(first, second),
        });
        Ok(PairComparison {
            first,
            second,
            difference,
            delong,
            delong_holm: None,
            calls: tests.map(|_| self.calls()),
            mcnemar_holm: None,
            agreement: self.agreement()?,
            verdicts: self.verdicts(),
        })
    }

    fn borders(&self) -> (f64, f64) {
        (self.results.0.border().0, self.results.1.border().0)
    }

    fn calls(&self) -> Calls {
        let (border, other_border) = self.borders();
        let mut counts = [[0_usize; 2]; 2];
        for ((a, b), label) in self.videos.iter().zip(self.labels) {
            let Some(label) = label else { continue };
            let right = |video: &ReadVideo, border: f64| (video.counted() >= border) == label.is_fake();
            counts[usize::from(right(a, border))][usize::from(right(b, other_border))] += 1;
        }
        let [[both_wrong, only_second], [only_first, both_right]] = counts;
        Calls { both_right, both_wrong, mcnemar: McNemar::new(only_first, only_second) }
    }

    fn agreement(&self) -> Result<Agreement> {
        let both: Vec<&(&ReadVideo, &ReadVideo)> =
            self.videos.iter().filter(|(a, b)| a.answers() && b.answers()).collect();
        let only =
            |yes: fn(&(&ReadVideo, &ReadVideo)) -> bool| self.videos.iter().filter(|two| yes(two)).count();
        let (first, second): (Vec<f64>, Vec<f64>) =
            both.iter().map(|(a, b)| (a.counted(), b.counted())).unzip();
        let apart: Vec<f64> = first.iter().zip(&second).map(|(a, b)| (a - b).abs()).collect();
        let (border, other_border) = self.borders();
        let mut calls = [[0_usize; 2]; 2];
        for (a, b) in first.iter().zip(&second) {
            calls[usize::from(*a >= border)][usize::from(*b >= other_border)] += 1;
        }
        let scored = both.len();
        let some = |value: f64| (scored > 0).then_some(value);
        Ok(Agreement {
            scored,
            only_first: only(|(a, b)| a.answers() && !b.answers()),
            only_second: only(|(a, b)| !a.answers() && b.answers()),
            rank_correlation: rank_correlation(&first, &second)?,
            mean_apart: some(apart.iter().sum::<f64>() / scored.max(1) as f64),
            most_apart: some(apart.iter().copied().fold(0.0, f64::max)),
            same_call: some((calls[0][0] + calls[1][1]) as f64 / scored.max(1) as f64),
            kappa: kappa(&calls),
        })
    }

    fn verdicts(&self) -> Option<VerdictChanges> {
        let mut videos = 0;
        let mut changes: Vec<VerdictChange> = Vec::new();
        for ((a, b), label) in self.videos.iter().zip(self.labels) {
            let Some((from, to)) = a.verdict().zip(b.verdict()) else { continue };
            videos += 1;
            if from == to {
                continue;
            }
            let at = changes.iter().position(|change| (change.from, change.to) == (from, to));
            let at = at.unwrap_or_else(|| {
                changes.push(VerdictChange { from, to, videos: 0, real: 0, fake: 0 });
                changes.len() - 1
            });
            changes[at].videos += 1;
            changes[at].real += usize::from(*label == Some(Label::Real));
            changes[at].fake += usize::from(*label == Some(Label::Fake));
        }
        let order = |verdict: Verdict| match verdict {
            Verdict::LikelyFake => 0,
            Verdict::Undecided => 1,
            Verdict::NoTraceFound => 2,
        };
        changes
            .sort_by_key(|change| (std::cmp::Reverse(change.videos), order(change.from), order(change.to)));
        let changed = changes.iter().map(|change| change.videos).sum();
        (videos > 0).then_some(VerdictChanges { videos, changed, changes })
    }
}
