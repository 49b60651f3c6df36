//! Bilinear interpolation as OpenCV's `resize` places and weighs it, for a part of the result.
//!
//! OpenCV can only compute a whole result. Where a window of it is needed, these functions compute the window
//! alone, with the same pixels.

use crate::types::{Mask, RgbImage, Window};
use multiversion::multiversion;
use std::ops::Range;

/// Where one column or row of the result comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tap {
    /// The two positions in the source; equal at its ends.
    at: [usize; 2],
    /// Distance from the first, 0..1.
    fraction: f32,
}

/// What to do with positions outside the outermost centres of the source.
#[derive(Clone, Copy, PartialEq)]
enum Ends {
    /// OpenCV's columns: the outermost value, undivided.
    Whole,
    /// OpenCV's rows: the outermost value, divided between itself and itself, which only matters for rounding.
    Divided,
}

fn taps(source: usize, result: usize, range: Range<usize>, ends: Ends) -> Vec<Tap> {
    // OpenCV's detour over the inverse, for the same last bit.
    let scale = 1.0 / (result as f64 / source as f64);
    let last = source as i64 - 1;
    let tap = |i: usize| {
        let position = ((i as f64 + 0.5) * scale - 0.5) as f32;
        let low = position.floor();
        let (low, fraction) = (low as i64, position - low);
        let at = [low, low + 1].map(|at| at.clamp(0, last) as usize);
        let outside = low < 0 || low >= last;
        Tap { at, fraction: if outside && ends == Ends::Whole { 0.0 } else { fraction } }
    };
    range.map(tap).collect()
}

/// The part of `mask`, enlarged or reduced to `width` x `height`, that lies in `window`.
pub fn resized_mask_window(mask: &Mask, width: usize, height: usize, window: Window) -> Mask {
    let columns = taps(mask.width(), width, window.x0..window.x1, Ends::Whole);
    let rows = taps(mask.height(), height, window.y0..window.y1, Ends::Divided);
    let mut out = Mask::filled(window.width(), window.height(), 0.0);
    let mut lines = Lines::new(window.width(), |y: usize, line: &mut [f32]| {
        let source = &mask.data()[y * mask.width()..][..mask.width()];
        for (value, tap) in line.iter_mut().zip(&columns) {
            *value = source[tap.at[0]] * (1.0 - tap.fraction) + source[tap.at[1]] * tap.fraction;
        }
    });
    for (line, tap) in out.data_mut().chunks_exact_mut(window.width()).zip(&rows) {
        let (upper, lower) = lines.pair(tap.at);
        mix_floats(upper, lower, tap.fraction, line);
    }
    out
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn mix_floats(upper: &[f32], lower: &[f32], fraction: f32, out: &mut [f32]) {
    for ((out, upper), lower) in out.iter_mut().zip(upper).zip(lower) {
        *out = upper * (1.0 - fraction) + lower * fraction;
    }
}

/// An image made smaller by a factor, each pixel one of the original's, and enlarged again bilinearly.
pub struct DownUp {
    window: Window,
    /// Which rows and columns of the original the part of the small image consists of.
    sampled_rows: Vec<usize>,
    sampled_columns: Vec<usize>,
    /// Positions counted from that part's corner.
    rows: Vec<Tap>,
    columns: Vec<Tap>,
}

impl DownUp {
    /// For the part of the result in `window` of an image of `width` x `height`, which becomes `width / factor`
    /// x `height / factor`, at least one pixel, in between.
    pub fn new(width: usize, height: usize, factor: usize, window: Window) -> DownUp {
        let (sampled_columns, columns) = Self::axis(width, factor, window.x0..window.x1, Ends::Whole);
        let (sampled_rows, rows) = Self::axis(height, factor, window.y0..window.y1, Ends::Divided);
        DownUp { window, sampled_rows, sampled_columns, rows, columns }
    }

    fn axis(side: usize, factor: usize, range: Range<usize>, ends: Ends) -> (Vec<usize>, Vec<Tap>) {
        let small = (side / factor).max(1);
        let mut taps = taps(small, side, range, ends);
        let first = taps.first().map_or(0, |tap| tap.at[0]);
        let last = taps.last().map_or(0, |tap| tap.at[1]);
        for tap in &mut taps {
            tap.at = tap.at.map(|at| at - first);
        }
        let step = 1.0 / (small as f64 / side as f64);
        let sampled = (first..=last).map(|i| ((i as f64 * step).floor() as usize).min(side - 1)).collect();
        (sampled, taps)
    }

    /// The part of the small image that the window is made from.
    pub fn sampled(&self, image: &RgbImage) -> RgbImage {
        let mut data = Vec::with_capacity(self.sampled_rows.len() * self.sampled_columns.len() * 3);
        for &y in &self.sampled_rows {
            for &x in &self.sampled_columns {
                data.extend_from_slice(&image.pixel(x, y));
            }
        }
        RgbImage::from_raw(self.sampled_columns.len(), self.sampled_rows.len(), data)
    }

    /// The window, from the part of the small image.
    ///
    /// # Panics
    /// When `small` has not the size that [`DownUp::sampled`] gives.
    pub fn enlarged(&self, small: &RgbImage) -> RgbImage {
        /// Weights are whole numbers of this many parts.
        const ONE: f32 = 2048.0;
        let size = (small.width(), small.height());
        assert_eq!(size, (self.sampled_columns.len(), self.sampled_rows.len()), "small image");
        let weight = |share: f32| (share * ONE).round_ties_even() as i32;
        let columns: Vec<_> = self
            .columns
            .iter()
            .map(|tap| (tap.at.map(|at| at * 3), weight(1.0 - tap.fraction), weight(tap.fraction)))
            .collect();
        let row_len = self.window.width() * 3;
        let mut lines = Lines::new(row_len, |y: usize, line: &mut [i32]| {
            let source = &small.data()[y * small.width() * 3..][..small.width() * 3];
            for (out, (at, first, second)) in line.chunks_exact_mut(3).zip(&columns) {
                let (left, right) = (&source[at[0]..at[0] + 3], &source[at[1]..at[1] + 3]);
                for channel in 0..3 {
                    out[channel] = i32::from(left[channel]) * first + i32::from(right[channel]) * second;
                }
            }
        });
        let mut out = RgbImage::filled(self.window.width(), self.window.height(), [0; 3]);
        for (line, tap) in out.data_mut().chunks_exact_mut(row_len).zip(&self.rows) {
            let (upper, lower) = lines.pair(tap.at);
            mix_fixed(upper, lower, weight(1.0 - tap.fraction), weight(tap.fraction), line);
        }
        out
    }
}

/// OpenCV's fixed-point sum of two rows, which drops four bits before and sixteen after each product.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn mix_fixed(upper: &[i32], lower: &[i32], first: i32, second: i32, out: &mut [u8]) {
    for ((out, upper), lower) in out.iter_mut().zip(upper).zip(lower) {
        let sum = ((first * (upper >> 4)) >> 16) + ((second * (lower >> 4)) >> 16);
        *out = ((sum + 2) >> 2) as u8;
    }
}

/// The last two rows computed: neighbouring rows of a result mostly come from the same two.
pub(super) struct Lines<T, F> {
    compute: F,
    lines: [(Option<usize>, Vec<T>); 2],
}

impl<T: Copy + Default, F: FnMut(usize, &mut [T])> Lines<T, F> {
    /// Rows of `len` values, computed by `compute(y, row)`.
    pub(super) fn new(len: usize, compute: F) -> Self {
        Lines { compute, lines: [(); 2].map(|()| (None, vec![T::default(); len])) }
    }

    /// Rows number `upper` and `lower`.
    pub(super) fn pair(&mut self, [upper, lower]: [usize; 2]) -> (&[T], &[T]) {
        if self.lines[0].0 != Some(upper) {
            self.lines.swap(0, 1);
            self.fill(0, upper);
        }
        if upper == lower {
            return (&self.lines[0].1, &self.lines[0].1);
        }
        self.fill(1, lower);
        (&self.lines[0].1, &self.lines[1].1)
    }

    fn fill(&mut self, slot: usize, y: usize) {
        let (held, line) = &mut self.lines[slot];
        if *held != Some(y) {
            (self.compute)(y, line);
            *held = Some(y);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::mat::{as_mat, as_mat_mut, mask_as_mat, mask_as_mat_mut};
    use super::super::testing::{any_image, any_window};
    use super::*;
    use opencv::core::{Mat, Size};
    use opencv::imgproc;
    use proptest::prelude::*;

    fn down_up(image: &RgbImage, factor: usize) -> RgbImage {
        let (width, height) = (image.width() as i32, image.height() as i32);
        let small_size = Size::new((width / factor as i32).max(1), (height / factor as i32).max(1));
        let mut small = Mat::default();
        let nearest = imgproc::INTER_NEAREST;
        imgproc::resize(&as_mat(image).unwrap(), &mut small, small_size, 0.0, 0.0, nearest).unwrap();
        let mut out = RgbImage::filled(image.width(), image.height(), [0; 3]);
        let mut out_mat = as_mat_mut(&mut out).unwrap();
        imgproc::resize(&small, &mut out_mat, Size::new(width, height), 0.0, 0.0, imgproc::INTER_LINEAR)
            .unwrap();
        drop(out_mat);
        out
    }

    proptest! {
        #[test]
        fn down_and_up_is_opencvs_in_any_window(
            (image, window) in any_image(1..90, 1..90).prop_flat_map(|image| {
                let window = any_window(image.width(), image.height());
                (Just(image), window)
            }),
            factor in prop_oneof![Just(2usize), Just(4)],
        ) {
            let plan = DownUp::new(image.width(), image.height(), factor, window);
            let part = plan.enlarged(&plan.sampled(&image));
            prop_assert_eq!(part, down_up(&image, factor).cropped(window));
        }

        #[test]
        fn a_mask_is_resized_as_opencv_does(
            (width, height) in (8..60usize, 8..60usize),
            (window, wide, high) in (61..150usize, 61..150usize)
                .prop_flat_map(|(w, h)| (any_window(w, h), Just(w), Just(h))),
            values in proptest::collection::vec(0.0..1.0f32, 60 * 60),
        ) {
            let mask = Mask::from_raw(width, height, values[..width * height].to_vec());
            let mut whole = Mask::filled(wide, high, 0.0);
            let size = Size::new(wide as i32, high as i32);
            let from = mask_as_mat(&mask).unwrap();
            let mut to = mask_as_mat_mut(&mut whole).unwrap();
            imgproc::resize(&from, &mut to, size, 0.0, 0.0, imgproc::INTER_LINEAR).unwrap();
            drop(to);
            let part = resized_mask_window(&mask, wide, high, window);
            for y in window.y0..window.y1 {
                for x in window.x0..window.x1 {
                    // The sums of two products may be fused on one side.
                    let difference = part.at(x - window.x0, y - window.y0) - whole.at(x, y);
                    prop_assert!(difference.abs() < 1e-6, "({x}, {y}): {difference}");
                }
            }
        }
    }
}
