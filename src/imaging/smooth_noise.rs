//! Smooth random fields.

use crate::types::Window;
use multiversion::multiversion;
use std::ops::Range;

/// A Gaussian filter for smoothing random fields, kept as half of its symmetric weights, the centre's first.
#[derive(Clone, Debug, PartialEq)]
pub struct Gaussian {
    weights: Vec<f32>,
}

/// Columns computed at once: as many as fit the registers.
const BLOCK: usize = 32;

impl Gaussian {
    /// A Gaussian with standard deviation `sigma` in pixels, cut off at four of them, whose weights add up to `total`.
    pub fn new(sigma: f64, total: f64) -> Gaussian {
        const DEVIATIONS: f64 = 4.0;
        let radius = (DEVIATIONS * sigma + 0.5) as usize;
        let half: Vec<f64> = (0..=radius).map(|i| (-0.5 * (i as f64 / sigma).powi(2)).exp()).collect();
        let sum = half[0] + 2.0 * half[1..].iter().sum::<f64>();
        // Each axis contributes a factor of the total.
        let factor = total.sqrt() / sum;
        Gaussian { weights: half.into_iter().map(|weight| (weight * factor) as f32).collect() }
    }

    /// The radius in pixels within which neighbours count.
    pub fn radius(&self) -> usize {
        self.weights.len() - 1
    }

    /// The part of a field of `width` x `height` in `window`, smoothed. `values` are the field's values in
    /// `have`, which is `window` grown by the radius. Beyond the field's ends it is mirrored, the last value twice
    /// (`c b a | a b c`).
    ///
    /// # Panics
    /// When `have` is smaller.
    pub fn smooth(
        &self,
        values: &[f32],
        have: Window,
        width: usize,
        height: usize,
        window: Window,
    ) -> Vec<f32> {
        let all = vec![vec![0..window.width()]; window.height()];
        self.smooth_where(values, have, width, height, window, &all)
    }

    /// [`Gaussian::smooth`] where it is wanted, at least, and 0 elsewhere. `wanted`: for each row of the window, columns
    /// of it from left to right.
    ///
    /// # Panics
    /// When `have` is smaller, or there is not one entry for each row.
    pub fn smooth_where(
        &self,
        values: &[f32],
        have: Window,
        width: usize,
        height: usize,
        window: Window,
        wanted: &[Vec<Range<usize>>],
    ) -> Vec<f32> {
        let radius = self.radius();
        assert_eq!(have, window.grown(radius, width, height), "values around {window:?}");
        assert_eq!(values.len(), have.width() * have.height(), "values in {have:?}");
        assert_eq!(wanted.len(), window.height(), "what is wanted of {window:?}");
        let row_start = |y: i64| (reflected(y, height) - have.y0) * have.width();
        let beyond =
            |columns: Range<i64>| -> Vec<usize> { columns.map(|x| reflected(x, width) - have.x0).collect() };
        // Columns of `have` with those that are mirrored before and after them.
        let first = window.x0 as i64 - radius as i64;
        let before = beyond(first..have.x0 as i64);
        let after = beyond(have.x1 as i64..(window.x1 + radius) as i64);
        let (inner_start, inner_end) = (before.len(), before.len() + have.width());
        let mut padded = vec![0.0; inner_end + after.len()];
        let across: Vec<[usize; 2]> =
            (0..=radius).map(|distance| [radius - distance, radius + distance]).collect();
        let mut down = vec![[0; 2]; radius + 1];
        let mut out = vec![0.0; window.width() * window.height()];
        let rows = (window.y0..window.y1).zip(wanted).zip(out.chunks_exact_mut(window.width()));
        for ((y, wanted), line) in rows {
            if wanted.is_empty() {
                continue;
            }
            for (distance, starts) in (0..).zip(&mut down) {
                *starts = [row_start(y as i64 - distance), row_start(y as i64 + distance)];
            }
            if before.is_empty() && after.is_empty() {
                let mut done = 0;
                for columns in wanted {
                    let columns = whole_blocks(columns, window.width());
                    let span = columns.start.max(done)..columns.end + 2 * radius;
                    done = span.end;
                    let span = whole_blocks(&span, padded.len());
                    sum_pairs(&self.weights, &values[span.start..], &down, &mut padded[span]);
                }
            } else {
                sum_pairs(&self.weights, values, &down, &mut padded[inner_start..inner_end]);
                let places = (0..inner_start).zip(&before).chain((inner_end..padded.len()).zip(&after));
                for (to, from) in places {
                    padded[to] = padded[inner_start + from];
                }
            }
            for columns in wanted {
                let span = whole_blocks(columns, window.width());
                sum_pairs(&self.weights, &padded[span.start..], &across, &mut line[span]);
            }
        }
        out
    }
}

/// These columns of `len`, and more where there are fewer than [`BLOCK`].
fn whole_blocks(columns: &Range<usize>, len: usize) -> Range<usize> {
    let start = columns.start.min(columns.end.saturating_sub(BLOCK));
    start..columns.end.max((start + BLOCK).min(len))
}

/// `out[i]`: the sum over distances of weight times (one neighbour + the other); the centre counts once.
/// `starts`: where in `values` the neighbours of `out[0]` are, by distance.
// Not for AVX-512: vectors that begin anywhere would all reach over the ends of cache lines.
#[multiversion(targets("x86_64+avx2"))]
fn sum_pairs(weights: &[f32], values: &[f32], starts: &[[usize; 2]], out: &mut [f32]) {
    let len = out.len();
    if len < BLOCK {
        for (i, out) in out.iter_mut().enumerate() {
            *out = weights[0] * values[starts[0][0] + i];
            for (weight, [one, other]) in weights.iter().zip(starts).skip(1) {
                *out += weight * (values[one + i] + values[other + i]);
            }
        }
        return;
    }
    for number in 0..len.div_ceil(BLOCK) {
        // The last block overlaps the one before it, so that every block is whole.
        let from = (number * BLOCK).min(len - BLOCK);
        let block = |start: usize| -> &[f32; BLOCK] {
            values[start + from..][..BLOCK].try_into().expect("as long as a block")
        };
        let mut sums = block(starts[0][0]).map(|value| weights[0] * value);
        for (weight, [one, other]) in weights.iter().zip(starts).skip(1) {
            let (one, other) = (block(*one), block(*other));
            for i in 0..BLOCK {
                sums[i] += weight * (one[i] + other[i]);
            }
        }
        out[from..from + BLOCK].copy_from_slice(&sums);
    }
}

/// Position `at` in a row of `len` that is mirrored at its ends, the last value twice.
fn reflected(at: i64, len: usize) -> usize {
    let len = len as i64;
    let folded = at.rem_euclid(2 * len);
    folded.min(2 * len - 1 - folded) as usize
}

#[cfg(test)]
mod tests {
    use super::super::testing::any_window;
    use super::*;
    use crate::rng::SampleRng;
    use opencv::core::{BORDER_REFLECT, CV_64F, Mat, Point};
    use opencv::imgproc;
    use opencv::prelude::*;
    use proptest::prelude::*;
    use rand::{Rng as _, SeedableRng};

    fn smooth_with_opencv(values: &[f32], width: usize, height: usize, sigma: f64, total: f64) -> Vec<f32> {
        let side = 2 * (4.0 * sigma + 0.5) as i32 + 1;
        let kernel = imgproc::get_gaussian_kernel(side, sigma, CV_64F).unwrap();
        let values: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
        let field = Mat::new_rows_cols_with_data(height as i32, width as i32, &values).unwrap();
        let mut out = Mat::default();
        let centre = Point::new(-1, -1);
        imgproc::sep_filter_2d(&field, &mut out, CV_64F, &kernel, &kernel, centre, 0.0, BORDER_REFLECT)
            .unwrap();
        out.data_typed::<f64>().unwrap().iter().map(|value| (value * total) as f32).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn what_is_wanted_is_computed(
            (width, height, window) in (1..250usize, 1..110usize)
                .prop_flat_map(|(w, h)| (Just(w), Just(h), any_window(w, h))),
            seed in any::<u64>(), sigma in 1.0..8.0f64,
        ) {
            let mut rng = SampleRng::seed_from_u64(seed);
            let gaussian = Gaussian::new(sigma, 50.0);
            let have = window.grown(gaussian.radius(), width, height);
            let values: Vec<f32> = (0..have.width() * have.height()).map(|_| rng.random_range(-1.0..1.0)).collect();
            let mut wanted_of_row = || -> Vec<Range<usize>> {
                let mut ends: Vec<usize> = (0..4).map(|_| rng.random_range(0..=window.width())).collect();
                ends.sort();
                let ranges = [ends[0]..ends[1], ends[2]..ends[3]];
                ranges.into_iter().filter(|range| !range.is_empty()).collect()
            };
            let wanted: Vec<_> = (0..window.height()).map(|_| wanted_of_row()).collect();
            let whole = gaussian.smooth(&values, have, width, height, window);
            let part = gaussian.smooth_where(&values, have, width, height, window, &wanted);
            for (y, columns) in wanted.iter().enumerate() {
                for x in 0..window.width() {
                    let at = y * window.width() + x;
                    let is_wanted = columns.iter().any(|columns| columns.contains(&x));
                    prop_assert!(part[at] == whole[at] || !is_wanted && part[at] == 0.0, "({x}, {y})");
                }
            }
        }

        #[test]
        fn any_window_is_the_whole_fields(
            (width, height, window) in (1..150usize, 1..110usize)
                .prop_flat_map(|(w, h)| (Just(w), Just(h), any_window(w, h))),
            seed in any::<u64>(), sigma in 1.0..8.0f64,
        ) {
            let mut rng = SampleRng::seed_from_u64(seed);
            let values: Vec<f32> = (0..width * height).map(|_| rng.random_range(-1.0..1.0)).collect();
            let whole = smooth_with_opencv(&values, width, height, sigma, 50.0);
            let gaussian = Gaussian::new(sigma, 50.0);
            let have = window.grown(gaussian.radius(), width, height);
            let part: Vec<f32> = (have.y0..have.y1).flat_map(|y| &values[y * width..][have.x0..have.x1]).copied().collect();
            let smooth = gaussian.smooth(&part, have, width, height, window);
            let mut found = smooth.iter();
            for y in window.y0..window.y1 {
                for x in window.x0..window.x1 {
                    let (found, expected) = (found.next().unwrap(), whole[y * width + x]);
                    prop_assert!((found - expected).abs() < 2e-5, "({x}, {y}): {found}, expected {expected}");
                }
            }
        }
    }
}
