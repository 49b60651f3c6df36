//! Which frames of a video are looked at.

/// Positions of `wanted` frames spread over `total`, both ends included.
///
/// `linspace(0, total - 1, wanted)` with each value cut to an integer, as numpy does it; short videos
/// repeat indices. Kept so that published weights give published numbers.
pub fn frame_indices(total: usize, wanted: usize) -> Vec<usize> {
    if total == 0 {
        return Vec::new();
    }
    let last = (total - 1) as f64;
    let step = if wanted > 1 { last / (wanted - 1) as f64 } else { 0.0 };
    (0..wanted)
        .map(|i| match i {
            // numpy sets the end point itself, so that rounding of i * step cannot move it.
            i if i > 0 && i == wanted - 1 => total - 1,
            i => (i as f64 * step) as usize,
        })
        .collect()
}

/// [`frame_indices`] with equal neighbours collapsed: the frames that are really decoded.
pub fn distinct_frame_indices(total: usize, wanted: usize) -> Vec<usize> {
    let mut indices = frame_indices(total, wanted);
    indices.dedup();
    indices
}

/// Which of a video's `total` frame files the training set uses: all of them, or `wanted` positions spread
/// over them, rounded half to even as numpy and Python do.
pub fn training_positions(total: usize, wanted: usize) -> Vec<usize> {
    if wanted >= total {
        return (0..total).collect();
    }
    let step = if wanted > 1 { (total - 1) as f64 / (wanted - 1) as f64 } else { 0.0 };
    (0..wanted).map(|i| (i as f64 * step).round_ties_even() as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_cases_are_numpys() {
        assert_eq!(frame_indices(100, 10), [0, 11, 22, 33, 44, 55, 66, 77, 88, 99]);
        assert_eq!(frame_indices(2, 3), [0, 0, 1]);
        assert_eq!(distinct_frame_indices(2, 3), [0, 1]);
        assert_eq!(frame_indices(1, 4), [0, 0, 0, 0]);
        assert_eq!(frame_indices(1000, 1), [0]);
        assert!(frame_indices(0, 32).is_empty());
    }

    #[test]
    fn training_positions_round_halves_to_even() {
        assert_eq!(training_positions(10, 8), [0, 1, 3, 4, 5, 6, 8, 9]);
        assert_eq!(training_positions(18, 3), [0, 8, 17]);
        assert_eq!(training_positions(5, 8), [0, 1, 2, 3, 4]);
    }

    proptest! {
        #[test]
        fn indices_rise_from_the_first_to_the_last_frame(total in 1usize..100_000, wanted in 2usize..200) {
            let indices = frame_indices(total, wanted);
            prop_assert_eq!(indices.len(), wanted);
            prop_assert_eq!((indices[0], indices[wanted - 1]), (0, total - 1));
            prop_assert!(indices.windows(2).all(|pair| pair[0] <= pair[1]));
        }
    }
}
