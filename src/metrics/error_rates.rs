//! Error rates in the words of ISO/IEC 30107-3: of fakes that pass (APCER) and of real ones that are stopped (BPCER).
//!
//! A forgery is an attack presentation and a real video a bona fide one. Rates are read off the scores that there are and not
//! interpolated, so that each of them is one that some border really has.

use super::roc::Level;

/// What is called fake at a border, out of how many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rates {
    /// Share of the fakes that are not called fake, 0..1: APCER.
    pub missed: f64,
    /// Share of the real ones that are called fake, 0..1: BPCER.
    pub false_alarms: f64,
}

/// Both rates at each border from the highest on: above all scores, then at each distinct one. The counts (real, fake) of
/// distinct scores come from the highest to the lowest; none unless both classes are there.
fn vertices(counts: &[(u64, u64)]) -> impl Iterator<Item = Rates> {
    let (real, fake) = counts.iter().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    let rates = move |(wrong, right): (u64, u64)| Rates {
        missed: (fake - right) as f64 / fake as f64,
        false_alarms: wrong as f64 / real as f64,
    };
    let mut called = (0, 0);
    let later = counts.iter().map(move |count| {
        called = (called.0 + count.0, called.1 + count.1);
        rates(called)
    });
    std::iter::once(rates((0, 0))).chain(later).filter(move |_| real > 0 && fake > 0)
}

/// At a border, at which a score counts as fake: the share of fakes that are missed and that of real ones that are called
/// fake. Each needs its own class only.
pub(super) fn at_border(levels: &[Level], counts: &[(u64, u64)], border: f64) -> (Option<f64>, Option<f64>) {
    let (mut real, mut fake, mut wrong, mut right) = (0, 0, 0, 0);
    for (level, count) in levels.iter().zip(counts) {
        real += count.0;
        fake += count.1;
        if level.score >= border {
            wrong += count.0;
            right += count.1;
        }
    }
    let missed = (fake > 0).then(|| (fake - right) as f64 / fake as f64);
    (missed, (real > 0).then(|| wrong as f64 / real as f64))
}

/// The least share of real ones that are called fake where at most this share of the fakes is missed.
pub(super) fn bpcer_at_apcer(counts: &[(u64, u64)], most_missed: f64) -> Option<f64> {
    vertices(counts).find(|rates| rates.missed <= most_missed).map(|rates| rates.false_alarms)
}

/// The largest share of fakes that are found where at most this share of the real ones is called fake.
pub(super) fn tpr_at_fpr(counts: &[(u64, u64)], most_false: f64) -> Option<f64> {
    let within = vertices(counts).take_while(|rates| rates.false_alarms <= most_false);
    within.last().map(|rates| 1.0 - rates.missed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Roc;
    use crate::types::Label;
    use proptest::prelude::*;

    /// From the highest score: a fake, a real one, two fakes, a real and a fake one with the same score, two real ones.
    const COUNTS: [(u64, u64); 5] = [(0, 1), (1, 0), (0, 2), (1, 1), (2, 0)];

    #[test]
    fn rates_by_hand() {
        assert_eq!(bpcer_at_apcer(&COUNTS, 0.05), Some(0.5));
        assert_eq!(bpcer_at_apcer(&COUNTS, 0.25), Some(0.25));
        assert_eq!(bpcer_at_apcer(&COUNTS, 1.0), Some(0.0));
        assert_eq!(tpr_at_fpr(&COUNTS, 0.01), Some(0.25));
        assert_eq!(tpr_at_fpr(&COUNTS, 0.25), Some(0.75));
        assert_eq!(bpcer_at_apcer(&[(3, 0)], 0.05), None);
        assert_eq!(tpr_at_fpr(&[], 0.05), None);
        let level = |score| Level { score, real: 1, fake: 1 };
        let levels = [0.9, 0.8, 0.7, 0.6, 0.5].map(level);
        let rates = |border| at_border(&levels, &COUNTS, border);
        assert_eq!(rates(0.8), (Some(0.75), Some(0.25)));
        assert_eq!((rates(0.95), rates(0.1)), ((Some(1.0), Some(0.0)), (Some(0.0), Some(1.0))));
        assert_eq!(at_border(&levels[..1], &[(2, 0)], 0.1), (None, Some(1.0)));
    }

    proptest! {
        #[test]
        fn rates_are_those_of_counting_at_every_border(
            samples in proptest::collection::vec((any::<bool>(), 0..9_u8), 2..40), most in 0.0..1.0f64,
        ) {
            let label = |fake: &bool| if *fake { Label::Fake } else { Label::Real };
            let (labels, scores): (Vec<Label>, Vec<f64>) =
                samples.iter().map(|(fake, score)| (label(fake), f64::from(*score))).unzip();
            let roc = Roc::new(&labels, &scores).unwrap();
            let counts: Vec<(u64, u64)> = roc.levels().iter().map(|level| (level.real, level.fake)).collect();
            let share = |of: Label, border: f64| {
                let class = || samples.iter().filter(|(fake, _)| label(fake) == of);
                class().filter(|(_, score)| f64::from(*score) >= border).count() as f64 / class().count() as f64
            };
            let borders = || (0..=9).map(f64::from);
            if roc.real() > 0 && roc.fake() > 0 {
                let least = borders()
                    .filter(|border| 1.0 - share(Label::Fake, *border) <= most + 1e-12)
                    .map(|border| share(Label::Real, border)).fold(1.0, f64::min);
                prop_assert!((bpcer_at_apcer(&counts, most + 1e-12).unwrap() - least).abs() < 1e-9);
                let largest = borders()
                    .filter(|border| share(Label::Real, *border) <= most)
                    .map(|border| share(Label::Fake, border)).fold(0.0, f64::max);
                prop_assert!((tpr_at_fpr(&counts, most).unwrap() - largest).abs() < 1e-9);
            } else {
                prop_assert_eq!(bpcer_at_apcer(&counts, most), None);
            }
        }
    }
}
