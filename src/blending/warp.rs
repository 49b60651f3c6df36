//! How source and mask are moved.

use crate::imaging::{Displacements, Gaussian, ScaleShift, displaced};
use crate::rng::SampleRng;
use crate::types::{Mask, Window};
use multiversion::multiversion;
use rand::{Rng, RngCore, SeedableRng};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The affine map of source and mask, and the elastic map of the mask alone. SBI, "Mask Generator" and
/// "Source-Target Generator".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Warp {
    /// To the right, as a share of the width, -0.03..0.03.
    pub translate_x: f64,
    /// Down, as a share of the height, -0.015..0.015.
    pub translate_y: f64,
    /// Factor of the width about the centre, 0.95..1/0.95.
    pub scale_x: f64,
    /// Factor of the height, drawn by itself from the same range.
    pub scale_y: f64,
    /// Seed of the noise that the elastic map is made from.
    pub elastic_seed: u64,
}

/// Standard deviation in pixels of the Gaussian that smooths the elastic map.
const SMOOTHING: f64 = 7.0;
/// What the smoothed noise, uniform in -1..1, is multiplied by.
const STRENGTH: f64 = 50.0;
/// How far in pixels the elastic map may carry the mask. Displacements have a standard deviation of 1.16 pixels
/// (`STRENGTH / sqrt(3) / (2 sqrt(pi) SMOOTHING)`), so this is some 13 of them, and never reached. In the very corner
/// of the image, where mirrored noise counts four times, it is still 6.9.
const REACH: usize = 16;

/// The map of an image of `width` x `height`: scaled about its centre, then moved by shares of its sides.
pub fn affine(warp: &Warp, width: usize, height: usize) -> ScaleShift {
    let axis = |side: usize, scale: f64, share: f64| {
        let centre = side as f64 / 2.0 - 0.5;
        centre + share * side as f64 - scale * centre
    };
    ScaleShift {
        scale_x: warp.scale_x,
        scale_y: warp.scale_y,
        shift_x: axis(width, warp.scale_x, warp.translate_x),
        shift_y: axis(height, warp.scale_y, warp.translate_y),
    }
}

/// The part of one elastic displacement field of an image of `width` x `height` in `window`, in pixels. `noise`:
/// uniform in -1..1, in [`noise_window`].
pub fn elastic_field(noise: &[f32], width: usize, height: usize, window: Window) -> Vec<f32> {
    let have = noise_window(width, height, window);
    smoothing().smooth(noise, have, width, height, window)
}

/// Where noise is needed for the elastic map in `window` of an image of `width` x `height`.
pub fn noise_window(width: usize, height: usize, window: Window) -> Window {
    window.grown(smoothing().radius(), width, height)
}

fn smoothing() -> Gaussian {
    Gaussian::new(SMOOTHING, STRENGTH)
}

/// `count` numbers in -1..1, centres of 65536 equal steps: finer ones would be smoothed away.
fn noise(rng: &mut SampleRng, count: usize) -> Vec<f32> {
    let mut bytes = vec![0; 2 * count];
    rng.fill_bytes(&mut bytes);
    let mut values = vec![0.0; count];
    to_unit(&bytes, &mut values);
    values
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn to_unit(bytes: &[u8], values: &mut [f32]) {
    const STEPS: f32 = 32768.0;
    for (value, pair) in values.iter_mut().zip(bytes.chunks_exact(2)) {
        *value = (f32::from(u16::from_le_bytes([pair[0], pair[1]])) + 0.5) / STEPS - 1.0;
    }
}

/// The mask under the affine map and then the elastic map: nearest pixels, so that it stays 0 or 1.
///
/// The elastic map is only made where it can matter: around the edges of what is set, as far as displacements reach.
pub fn warp_mask(mask: &Mask, warp: &Warp) -> Mask {
    let (width, height) = (mask.width(), mask.height());
    let moved = affine(warp, width, height).mask(mask);
    let Some(set) = moved.bounds() else { return moved };
    let window = set.grown(REACH, width, height);
    let around = noise_window(width, height, window);
    let wanted = near_edges(&moved, window);
    let mut rng = SampleRng::seed_from_u64(warp.elastic_seed);
    let mut field = || {
        let noise = noise(&mut rng, around.width() * around.height());
        smoothing().smooth_where(&noise, around, width, height, window, &wanted)
    };
    let displacements = Displacements { window, dx: field(), dy: field() };
    displaced(&moved, &displacements)
}

/// For each row of `window`, the columns of it from where a step of up to [`REACH`] pixels may lead to another value.
fn near_edges(mask: &Mask, window: Window) -> Vec<Vec<Range<usize>>> {
    /// Columns that are looked at together.
    const CELL: usize = 16;
    /// Cells that are wanted together.
    const GROUP: usize = 2;
    const ZERO: u8 = 1;
    const SET: u8 = 2;
    let cells = mask.width().div_ceil(CELL);
    // Which values there are in the cells of each row.
    let mut values = vec![0u8; cells * mask.height()];
    for (row, values) in mask.data().chunks_exact(mask.width()).zip(values.chunks_exact_mut(cells)) {
        for (cell, value) in row.chunks(CELL).zip(values) {
            let zeros = cell.iter().filter(|value| **value == 0.0).count();
            *value = (ZERO * u8::from(zeros > 0)) | (SET * u8::from(zeros < cell.len()));
        }
    }
    let mut near = vec![0u8; cells];
    let mut wanted_of_row = |y: usize| {
        near.fill(0);
        let rows = y.saturating_sub(REACH)..(y + REACH + 1).min(mask.height());
        for row in values[rows.start * cells..rows.end * cells].chunks_exact(cells) {
            near.iter_mut().zip(row).for_each(|(near, value)| *near |= value);
        }
        let mut wanted: Vec<Range<usize>> = Vec::new();
        for start in (0..window.width()).step_by(GROUP * CELL) {
            let end = (start + GROUP * CELL).min(window.width());
            let first = (window.x0 + start).saturating_sub(REACH) / CELL;
            let last = ((window.x0 + end - 1 + REACH) / CELL).min(cells - 1);
            if near[first..=last].iter().fold(0, |all, value| all | value) != ZERO | SET {
                continue;
            }
            match wanted.last_mut() {
                Some(before) if before.end == start => before.end = end,
                _ => wanted.push(start..end),
            }
        }
        wanted
    };
    (window.y0..window.y1).map(&mut wanted_of_row).collect()
}

impl Warp {
    /// Draws all parameters uniformly from their ranges.
    pub(super) fn draw(rng: &mut SampleRng) -> Warp {
        const SMALLEST: f64 = 0.95;
        let scale = |rng: &mut SampleRng| rng.random_range(SMALLEST..1.0 / SMALLEST);
        Warp {
            translate_x: rng.random_range(-0.03..0.03),
            translate_y: rng.random_range(-0.015..0.015),
            scale_x: scale(rng),
            scale_y: scale(rng),
            elastic_seed: rng.random(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::testing::any_window;
    use crate::rng::{Purpose, generator};
    use proptest::prelude::*;

    /// The elastic map of all of the image, with the same noise where [`warp_mask`] draws any and other noise
    /// elsewhere.
    fn plain(mask: &Mask, warp: &Warp) -> Mask {
        let (width, height) = (mask.width(), mask.height());
        let moved = affine(warp, width, height).mask(mask);
        let Some(set) = moved.bounds() else { return moved };
        let around = noise_window(width, height, set.grown(REACH, width, height));
        let mut rng = SampleRng::seed_from_u64(warp.elastic_seed);
        let mut elsewhere = SampleRng::seed_from_u64(!warp.elastic_seed);
        let whole = Window::whole(width, height);
        let mut field = || {
            let mut all = noise(&mut elsewhere, width * height);
            let part = noise(&mut rng, around.width() * around.height());
            for (y, row) in (around.y0..around.y1).zip(part.chunks_exact(around.width())) {
                all[y * width..][around.x0..around.x1].copy_from_slice(row);
            }
            elastic_field(&all, width, height, whole)
        };
        displaced(&moved, &Displacements { window: whole, dx: field(), dy: field() })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn the_elastic_map_around_the_mask_is_that_of_the_whole_image(
            (width, height, set) in (2..260usize, 2..240usize)
                .prop_flat_map(|(w, h)| (Just(w), Just(h), any_window(w, h))),
            index in any::<u64>(),
        ) {
            let mut mask = Mask::filled(width, height, 0.0);
            for y in set.y0..set.y1 {
                mask.data_mut()[y * width..][set.x0..set.x1].fill(1.0);
            }
            let warp = Warp::draw(&mut generator(5, 0, index, Purpose::Sample));
            prop_assert_eq!(warp_mask(&mask, &warp), plain(&mask, &warp));
        }
    }

    #[test]
    fn noise_is_uniform() {
        const COUNT: usize = 200_000;
        let values = noise(&mut SampleRng::seed_from_u64(1), COUNT);
        assert!(values.iter().all(|value| value.abs() < 1.0));
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / COUNT as f64;
        let square = values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / COUNT as f64;
        // Five standard deviations of the two means.
        assert!(mean.abs() < 5.0 * (1.0 / 3.0 / COUNT as f64).sqrt(), "{mean}");
        assert!((square - 1.0 / 3.0).abs() < 5.0 * (4.0 / 45.0 / COUNT as f64).sqrt(), "{square}");
    }

    #[test]
    fn displacements_are_as_large_as_their_bound_says() {
        const SIDE: usize = 400;
        const FIELDS: u64 = 8;
        // Away from the borders, where mirrored noise counts twice.
        let inner = Window { y0: 30, y1: SIDE - 30, x0: 30, x1: SIDE - 30 };
        let around = noise_window(SIDE, SIDE, inner);
        let mut sum = 0.0;
        for seed in 0..FIELDS {
            let noise = noise(&mut SampleRng::seed_from_u64(seed), around.width() * around.height());
            let field = elastic_field(&noise, SIDE, SIDE, inner);
            assert!(field.iter().all(|v| v.abs() < REACH as f32 / 2.0));
            sum += field.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / field.len() as f64;
        }
        let deviation = (sum / FIELDS as f64).sqrt();
        // Each field has some 375 independent spots: one per 2 pi SMOOTHING^2 pixels. Five deviations of the
        // deviation of 3000 of them.
        assert!((deviation - 1.163).abs() < 5.0 * 1.163 / (2.0f64 * 3000.0).sqrt(), "{deviation}");
    }
}
