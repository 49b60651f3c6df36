//! How far two detectors agree about the same videos, whatever is true about them.

use super::{Error, compare};

/// The rank correlation of two lists of scores, -1 to 1 (Spearman's; equal scores share the mean of their ranks). `None` where
/// one of them does not vary.
///
/// Fails with [`Error::Lengths`] when the lists differ in length, with [`Error::NotANumber`] when a score is NaN.
pub fn rank_correlation(first: &[f64], second: &[f64]) -> Result<Option<f64>, Error> {
    if first.len() != second.len() {
        return Err(Error::Lengths { scores: first.len(), what: "scores beside them", others: second.len() });
    }
    if let Some(index) = first.iter().zip(second).position(|(a, b)| a.is_nan() || b.is_nan()) {
        return Err(Error::NotANumber { index });
    }
    let (a, b) = (twice_ranks(first), twice_ranks(second));
    let count = a.len() as i128;
    let sum = |list: &[i64]| list.iter().map(|value| i128::from(*value)).sum::<i128>();
    let products =
        |x: &[i64], y: &[i64]| x.iter().zip(y).map(|(x, y)| i128::from(*x) * i128::from(*y)).sum::<i128>();
    let covariance = |x: &[i64], y: &[i64]| (count * products(x, y) - sum(x) * sum(y)) as f64;
    let (of_a, of_b) = (covariance(&a, &a), covariance(&b, &b));
    Ok((of_a > 0.0 && of_b > 0.0).then(|| covariance(&a, &b) / (of_a * of_b).sqrt()))
}

/// Twice the rank of each score, from 2; whole numbers, also for ties.
fn twice_ranks(scores: &[f64]) -> Vec<i64> {
    let mut sorted = scores.to_vec();
    sorted.sort_by(compare);
    let rank = |score: &f64| {
        sorted.partition_point(|other| other < score) + sorted.partition_point(|other| other <= score) + 1
    };
    scores.iter().map(|score| rank(score) as i64).collect()
}

/// Cohen's kappa of a table of counts, rows what the first says and columns what the second does: agreement beyond that of
/// chance, 1 at most. `None` for an empty table and where both always say the same one thing.
pub fn kappa<const N: usize>(table: &[[usize; N]; N]) -> Option<f64> {
    let all: usize = table.iter().flatten().sum();
    let same: usize = (0..N).map(|at| table[at][at]).sum();
    let row = |at: usize| table[at].iter().sum::<usize>() as f64;
    let column = |at: usize| table.iter().map(|row| row[at]).sum::<usize>() as f64;
    let by_chance = (0..N).map(|at| row(at) * column(at)).sum::<f64>();
    let all = all as f64;
    let most = all * all - by_chance;
    (all > 0.0 && most > 0.0).then(|| (same as f64 * all - by_chance) / most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_decide_and_ties_share_theirs() {
        assert_eq!(twice_ranks(&[0.5, 0.1, 0.5]), [5, 2, 5]);
        let rho = |a: &[f64], b: &[f64]| rank_correlation(a, b).unwrap();
        assert_eq!(rho(&[0.1, 0.2, 0.9], &[0.3, 0.4, 0.5]), Some(1.0));
        assert_eq!(rho(&[0.1, 0.2, 0.9], &[0.5, 0.4, 0.3]), Some(-1.0));
        assert_eq!(rho(&[0.1, 0.1], &[0.5, 0.4]), None);
        assert_eq!(rho(&[], &[]), None);
        // 1 - 6 * (1 + 1) / (4 * 15)
        assert!((rho(&[1.0, 2.0, 3.0, 4.0], &[2.0, 1.0, 3.0, 4.0]).unwrap() - 0.8).abs() < 1e-15);
        assert!(rank_correlation(&[0.1], &[f64::NAN]).is_err() && rank_correlation(&[0.1], &[]).is_err());
    }

    #[test]
    fn kappa_is_agreement_beyond_chance() {
        // Cohen's own form: 0.7 found, 0.5 by chance.
        assert!((kappa(&[[20, 5], [10, 15]]).unwrap() - 0.4).abs() < 1e-15);
        assert_eq!(kappa(&[[3, 0], [0, 2]]), Some(1.0));
        assert_eq!(kappa(&[[5, 0], [0, 0]]), None);
        assert_eq!(kappa(&[[0; 3]; 3]), None);
        assert!(kappa(&[[0, 2, 0], [2, 0, 0], [0, 0, 1]]).unwrap() < 0.0);
    }
}
