//! The reliability curve: whether of those that are called fake with a probability of 0.8 four in five are.

use super::Error;
use crate::types::Label;
use serde::Serialize;

/// Bins of equal width.
const BINS: usize = 10;

/// The samples whose probabilities lie in one part of 0..1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// From this probability on.
    pub from: f64,
    /// To below this one; the last bin includes it.
    pub to: f64,
    /// How many real samples.
    pub real: usize,
    /// How many fake ones.
    pub fake: usize,
    /// Their mean probability.
    pub told: f64,
    /// The share of fakes if both classes were equally frequent in the whole set, which is what probabilities assume.
    pub found: f64,
}

/// The bins with samples in them, rising. Both classes must be there for `found` to mean anything, so there are none
/// otherwise.
///
/// Fails when there is not one label per probability or one is NaN.
pub fn reliability(labels: &[Label], probabilities: &[f64]) -> Result<Vec<ReliabilityBin>, Error> {
    if labels.len() != probabilities.len() {
        return Err(Error::Lengths { scores: probabilities.len(), what: "labels", others: labels.len() });
    }
    if let Some(index) = probabilities.iter().position(|probability| probability.is_nan()) {
        return Err(Error::NotANumber { index });
    }
    let all_fake = labels.iter().filter(|label| label.is_fake()).count();
    let all_real = labels.len() - all_fake;
    if all_fake == 0 || all_real == 0 {
        return Ok(Vec::new());
    }
    let mut sums = [(0_usize, 0_usize, 0.0_f64); BINS];
    for (label, probability) in labels.iter().zip(probabilities) {
        let bin = ((probability * BINS as f64) as usize).min(BINS - 1);
        let sum = &mut sums[bin];
        sum.0 += usize::from(!label.is_fake());
        sum.1 += usize::from(label.is_fake());
        sum.2 += probability;
    }
    let bin = |(number, (real, fake, sum)): (usize, (usize, usize, f64))| {
        let (of_real, of_fake) = (real as f64 / all_real as f64, fake as f64 / all_fake as f64);
        ReliabilityBin {
            from: number as f64 / BINS as f64,
            to: (number + 1) as f64 / BINS as f64,
            real,
            fake,
            told: sum / (real + fake) as f64,
            found: of_fake / (of_fake + of_real),
        }
    };
    Ok(sums.into_iter().enumerate().filter(|(_, (real, fake, _))| real + fake > 0).map(bin).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Label::{Fake, Real};

    #[test]
    fn bins_hold_what_is_in_them_and_weigh_classes_alike() {
        let labels = [Real, Real, Real, Fake, Real, Fake];
        let bins = reliability(&labels, &[0.0, 0.05, 0.42, 0.48, 0.45, 1.0]).unwrap();
        let counts: Vec<_> = bins.iter().map(|bin| (bin.from, bin.real, bin.fake)).collect();
        assert_eq!(counts, [(0.0, 2, 0), (0.4, 2, 1), (0.9, 0, 1)]);
        // Half of the fakes and half of the real ones are in the middle.
        assert_eq!((bins[1].found, bins[2].found, bins[2].told), (0.5, 1.0, 1.0));
        assert!((bins[1].told - 0.45).abs() < 1e-12);
        assert!(reliability(&[Real], &[0.3]).unwrap().is_empty());
        assert!(reliability(&[Real], &[f64::NAN]).is_err());
    }
}
