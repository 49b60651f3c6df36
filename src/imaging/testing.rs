//! Random images and windows for the tests.

use crate::rng::SampleRng;
use crate::types::{RgbImage, Window};
use proptest::prelude::*;
use rand::{Rng as _, SeedableRng};
use std::ops::Range;

/// An image between noise and plain: neighbouring values differ by up to a drawn amount.
pub(crate) fn any_image(widths: Range<usize>, heights: Range<usize>) -> impl Strategy<Value = RgbImage> {
    (widths, heights, any::<u64>(), 1..=256u64).prop_map(|(width, height, seed, spread)| {
        let mut rng = SampleRng::seed_from_u64(seed);
        let data = (0..width * height * 3)
            .map(|i| {
                let u: f32 = rng.random();
                let (x, y) = (i / 3 % width, i / 3 / width);
                let wave = 128.0 + 100.0 * ((x as f32) * 0.11 + (y as f32) * 0.07 + (i % 3) as f32).sin();
                (wave + (u - 0.5) * spread as f32).clamp(0.0, 255.0) as u8
            })
            .collect();
        RgbImage::from_raw(width, height, data)
    })
}

/// A window of at least one pixel.
pub(crate) fn any_window(width: usize, height: usize) -> impl Strategy<Value = Window> {
    (0..width, 0..height)
        .prop_flat_map(move |(x0, y0)| (Just((x0, y0)), x0 + 1..=width, y0 + 1..=height))
        .prop_map(|((x0, y0), x1, y1)| Window { y0, y1, x0, x1 })
}
