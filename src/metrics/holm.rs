//! Holm's correction: p-values of several tests at once, so that one of many is not small by chance alone.
//!
//! Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 1979.

/// The corrected p-values, in the same order. The least is multiplied by the number of tests, the next by one less, and so on;
/// none comes out below one that was smaller before, and none above 1. Tests without a p-value do not count.
pub fn holm(p_values: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<usize> = (0..p_values.len()).filter(|&at| p_values[at].is_some()).collect();
    order.sort_by(|&a, &b| p_values[a].partial_cmp(&p_values[b]).unwrap_or(std::cmp::Ordering::Equal));
    let mut corrected = vec![None; p_values.len()];
    let mut least = 0.0_f64;
    for (place, &at) in order.iter().enumerate() {
        let times = (order.len() - place) as f64;
        least = least.max(p_values[at].map_or(0.0, |p| p * times)).min(1.0);
        corrected[at] = Some(least);
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_counts_most_and_order_is_kept() {
        let corrected = holm(&[Some(0.04), None, Some(0.01), Some(0.03), Some(0.9)]);
        let expected = [Some(0.09), None, Some(0.04), Some(0.09), Some(0.9)];
        for (found, expected) in corrected.iter().zip(expected) {
            assert_eq!(found.is_some(), expected.is_some());
            assert!((found.unwrap_or(0.0) - expected.unwrap_or(0.0)).abs() < 1e-15, "{corrected:?}");
        }
        assert_eq!(holm(&[Some(0.5), Some(0.6)]), [Some(1.0), Some(1.0)]);
        assert_eq!(holm(&[]), []);
    }
}
