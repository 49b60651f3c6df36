//! Stretching and moving images and masks, in OpenCV's fixed-point arithmetic.
//!
//! OpenCV's `warpAffine` computes whole results and looks every pixel up in two dimensions. A map without rotation
//! needs one table for the columns and one for the rows, works on any window, and gives the same pixels.

use super::interpolate::Lines;
use crate::types::{Mask, RgbImage, Window};
use multiversion::multiversion;

/// Positions are whole numbers of 1 / 1024 pixel.
const POSITION_BITS: u32 = 10;
/// Weights are whole numbers of 1 / 32.
const WEIGHT_BITS: u32 = 5;

/// The map (x, y) -> (scale_x * x + shift_x, scale_y * y + shift_y) from the source to the result. Scales are not 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleShift {
    /// Factor by which x is stretched.
    pub scale_x: f64,
    /// Factor by which y is stretched.
    pub scale_y: f64,
    /// Shift to the right in pixels, after stretching.
    pub shift_x: f64,
    /// Shift down in pixels, after stretching.
    pub shift_y: f64,
}

/// Where a column or row of the result comes from.
#[derive(Clone, Copy)]
struct Position {
    /// The pixel at or before it; may lie outside the source.
    low: i64,
    /// Parts of 32 on the way to the next.
    fraction: u16,
}

impl ScaleShift {
    /// The position in the source, in units of 1 / 1024 pixel, that column `x` of the result comes from.
    fn column(&self, x: usize) -> i64 {
        Self::position(x, 1.0 / (self.scale_x * self.scale_y) * self.scale_y, self.shift_x)
    }

    /// The position in the source, in units of 1 / 1024 pixel, that row `y` of the result comes from.
    fn row(&self, y: usize) -> i64 {
        // OpenCV rounds the sum for rows and the two terms for columns.
        let inverse = 1.0 / (self.scale_x * self.scale_y) * self.scale_x;
        let one = f64::from(1 << POSITION_BITS);
        ((inverse * y as f64 - inverse * self.shift_y) * one).round_ties_even() as i64
    }

    fn position(at: usize, inverse: f64, shift: f64) -> i64 {
        let one = f64::from(1 << POSITION_BITS);
        let term = |value: f64| value.round_ties_even() as i64;
        term(inverse * at as f64 * one) + term(-inverse * shift * one)
    }

    fn linear(position: i64) -> Position {
        let in_weights =
            (position + (1 << (POSITION_BITS - WEIGHT_BITS - 1))) >> (POSITION_BITS - WEIGHT_BITS);
        Position { low: in_weights >> WEIGHT_BITS, fraction: (in_weights & ((1 << WEIGHT_BITS) - 1)) as u16 }
    }

    fn nearest(position: i64) -> i64 {
        (position + (1 << (POSITION_BITS - 1))) >> POSITION_BITS
    }

    /// The part of a source of `width` x `height` that the pixels of `window` are made from; `None` when all of
    /// them come from outside.
    pub fn source_window(&self, window: Window, width: usize, height: usize) -> Option<Window> {
        let span = |low: i64, high: i64, side: usize| {
            // One more than the last pixel at or before, and one for the end being open.
            let limit = |edge: i64| edge.clamp(0, side as i64) as usize;
            (limit(low), limit(high + 2))
        };
        let column = |x| Self::linear(self.column(x)).low;
        let row = |y| Self::linear(self.row(y)).low;
        let (x0, x1) = span(column(window.x0), column(window.x1 - 1), width);
        let (y0, y1) = span(row(window.y0), row(window.y1 - 1), height);
        let source = Window { y0, y1, x0, x1 };
        (!source.is_empty()).then_some(source)
    }

    /// The pixels of the result in `window`, bilinear, 0 outside. `part` are the source's pixels in `part_window`,
    /// which is [`ScaleShift::source_window`] or holds it.
    pub fn image_window(&self, part: &RgbImage, part_window: Window, window: Window) -> RgbImage {
        let columns: Vec<Position> = (window.x0..window.x1).map(|x| Self::linear(self.column(x))).collect();
        let mut out = RgbImage::filled(window.width(), window.height(), [0; 3]);
        let (Some(first), Some(last)) = (columns.first(), columns.last()) else { return out };
        // A row of the source from the first to the last column looked at, with zeros outside.
        let from = first.low;
        let mut padded = vec![0; (last.low - from + 2) as usize * 3];
        let (have_x0, have_x1) = (part_window.x0 as i64, part_window.x1 as i64);
        let (copy_x0, copy_x1) = (from.max(have_x0), (last.low + 2).min(have_x1));
        let part_columns = (copy_x0 - have_x0) as usize * 3..(copy_x1 - have_x0).max(0) as usize * 3;
        let padded_from = (copy_x0 - from) as usize * 3;
        let offsets: Vec<(usize, u16)> =
            columns.iter().map(|p| ((p.low - from) as usize * 3, p.fraction)).collect();

        // Rows are numbered from 1; 0 is any row outside.
        let number = |y: i64| match (part_window.y0 as i64..part_window.y1 as i64).contains(&y) {
            true => (y - part_window.y0 as i64) as usize + 1,
            false => 0,
        };
        let mut lines = Lines::new(window.width() * 3, |number: usize, line: &mut [u16]| {
            if number == 0 || part_columns.is_empty() {
                return line.fill(0);
            }
            let source = &part.data()[(number - 1) * part.width() * 3..][part_columns.clone()];
            padded[padded_from..padded_from + source.len()].copy_from_slice(source);
            stretch(&padded, &offsets, line);
        });
        for (y, line) in (window.y0..window.y1).zip(out.data_mut().chunks_exact_mut(window.width() * 3)) {
            let at = Self::linear(self.row(y));
            let (upper, lower) = lines.pair([number(at.low), number(at.low + 1)]);
            mix(upper, lower, at.fraction.into(), line);
        }
        out
    }

    /// The mask under the map, nearest pixels, 0 outside.
    pub fn mask(&self, mask: &Mask) -> Mask {
        let (width, height) = (mask.width(), mask.height());
        let mut out = Mask::filled(width, height, 0.0);
        let Some(bounds) = mask.bounds() else { return out };
        let inside = |low: usize, high: usize| move |at: &i64| (low as i64..high as i64).contains(at);
        let columns: Vec<i64> = (0..width).map(|x| Self::nearest(self.column(x))).collect();
        let Some(x0) = columns.iter().position(inside(bounds.x0, bounds.x1)) else { return out };
        let count = columns[x0..].iter().take_while(|at| inside(bounds.x0, bounds.x1)(at)).count();
        let columns = &columns[x0..x0 + count];
        for (y, line) in out.data_mut().chunks_exact_mut(width).enumerate() {
            let from = Self::nearest(self.row(y));
            if !inside(bounds.y0, bounds.y1)(&from) {
                continue;
            }
            let source = &mask.data()[from as usize * width..][..width];
            for (value, &column) in line[x0..x0 + count].iter_mut().zip(columns) {
                *value = source[column as usize];
            }
        }
        out
    }
}

/// One row in the direction of x: values times 32.
fn stretch(padded: &[u8], offsets: &[(usize, u16)], line: &mut [u16]) {
    for (out, &(at, fraction)) in line.chunks_exact_mut(3).zip(offsets) {
        let pair = &padded[at..at + 6];
        for channel in 0..3 {
            let (left, right) = (u16::from(pair[channel]), u16::from(pair[channel + 3]));
            out[channel] = left * (32 - fraction) + right * fraction;
        }
    }
}

/// Mixes two rows made by [`stretch`] and rounds the result to 8-bit values.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn mix(upper: &[u16], lower: &[u16], fraction: u32, out: &mut [u8]) {
    const HALF: u32 = 1 << (2 * WEIGHT_BITS - 1);
    for ((out, &upper), &lower) in out.iter_mut().zip(upper).zip(lower) {
        let sum = u32::from(upper) * (32 - fraction) + u32::from(lower) * fraction;
        *out = ((sum + HALF) >> (2 * WEIGHT_BITS)) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::super::mat::{as_mat, as_mat_mut, mask_as_mat, mask_as_mat_mut};
    use super::super::testing::{any_image, any_window};
    use super::*;
    use opencv::core::{BORDER_CONSTANT, Mat, Scalar, Size, ToInputArray};
    use opencv::imgproc;
    use opencv::prelude::*;
    use proptest::prelude::*;

    fn warp(from: &(impl MatTraitConst + ToInputArray), to: &mut Mat, map: ScaleShift, interpolation: i32) {
        let matrix = [[map.scale_x, 0.0, map.shift_x], [0.0, map.scale_y, map.shift_y]];
        let matrix = Mat::from_slice_2d(&matrix).unwrap();
        let size = Size::new(from.cols(), from.rows());
        imgproc::warp_affine(from, to, &matrix, size, interpolation, BORDER_CONSTANT, Scalar::default())
            .unwrap();
    }

    fn any_map() -> impl Strategy<Value = ScaleShift> {
        (0.7..1.4f64, 0.7..1.4f64, -60.0..60.0f64, -60.0..60.0f64).prop_map(
            |(scale_x, scale_y, shift_x, shift_y)| ScaleShift { scale_x, scale_y, shift_x, shift_y },
        )
    }

    proptest! {
        #[test]
        fn a_window_of_an_image_is_opencvs(
            (image, window) in any_image(1..90, 1..90).prop_flat_map(|image| {
                let window = any_window(image.width(), image.height());
                (Just(image), window)
            }),
            map in any_map(),
        ) {
            let (width, height) = (image.width(), image.height());
            let mut whole = RgbImage::filled(width, height, [0; 3]);
            let mut mat = Mat::default();
            warp(&as_mat(&image).unwrap(), &mut mat, map, imgproc::INTER_LINEAR);
            mat.copy_to(&mut as_mat_mut(&mut whole).unwrap()).unwrap();
            let nothing = RgbImage::filled(window.width(), window.height(), [0; 3]);
            let part = map.source_window(window, width, height).map_or(nothing, |source| {
                map.image_window(&image.cropped(source), source, window)
            });
            prop_assert_eq!(part, whole.cropped(window));
        }

        #[test]
        fn a_mask_is_opencvs(
            (width, height) in (1..70usize, 1..70usize), seed in any::<u64>(), map in any_map(),
        ) {
            let data: Vec<f32> = (0..width * height)
                .map(|i| if (seed >> (i % 61)) & 3 == 1 { 1.0 } else { 0.0 })
                .collect();
            let mask = Mask::from_raw(width, height, data);
            let mut whole = Mask::filled(width, height, 0.0);
            let mut mat = Mat::default();
            warp(&mask_as_mat(&mask).unwrap(), &mut mat, map, imgproc::INTER_NEAREST);
            mat.copy_to(&mut mask_as_mat_mut(&mut whole).unwrap()).unwrap();
            prop_assert_eq!(map.mask(&mask), whole);
        }
    }
}
