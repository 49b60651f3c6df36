//! Faces and recipes for the tests.

use super::{Phase, Recipe};
use crate::rng::{Purpose, generator};
use crate::types::{BBox, FaceBox, Landmarks, RgbImage};

/// 81 points of a face about (x, y), `radius` wide to each side, and a box around them.
pub(crate) fn face_of(x: i32, y: i32, radius: i32) -> (Landmarks, FaceBox) {
    let at = |across: f64, down: f64| {
        (x + (f64::from(radius) * across) as i32, y + (f64::from(radius) * 1.2 * down) as i32)
    };
    let arc = |from: f64, to: f64, count: usize, size: f64, centre: (f64, f64)| {
        (0..count).map(move |i| {
            let angle = from + (to - from) * i as f64 / (count - 1) as f64;
            at(centre.0 + size * angle.cos(), centre.1 + size * angle.sin())
        })
    };
    use std::f64::consts::{PI, TAU};
    let points: Vec<(i32, i32)> = arc(PI, 0.0, 17, 1.0, (0.0, 0.0))
        .chain(arc(1.2 * PI, 1.8 * PI, 5, 0.3, (-0.45, -0.1)))
        .chain(arc(1.2 * PI, 1.8 * PI, 5, 0.3, (0.45, -0.1)))
        .chain((0..4).map(|i| at(0.0, -0.15 + 0.15 * f64::from(i))))
        .chain(arc(0.9 * PI, 0.1 * PI, 5, 0.15, (0.0, 0.35)))
        .chain(arc(PI, 3.0 * PI - TAU / 6.0, 6, 0.15, (-0.45, -0.1)))
        .chain(arc(PI, 3.0 * PI - TAU / 6.0, 6, 0.15, (0.45, -0.1)))
        .chain(arc(PI, 3.0 * PI - TAU / 12.0, 12, 0.35, (0.0, 0.6)))
        .chain(arc(PI, 3.0 * PI - TAU / 8.0, 8, 0.25, (0.0, 0.6)))
        .chain(arc(1.05 * PI, 1.95 * PI, 13, 0.95, (0.0, -0.05)))
        .collect();
    let landmarks = Landmarks::new(points).unwrap();
    let BBox { x0, y0, x1, y1 } = landmarks.bounds();
    let bbox = BBox { x0: x0 - 3.25, y0: y0 + 4.5, x1: x1 + 2.75, y1: y1 + 6.5 };
    (landmarks, FaceBox { bbox, points: [(f64::from(x), f64::from(y)); 5] })
}

/// The recipe of a sample.
pub(crate) fn recipe(index: u64, phase: Phase) -> Recipe {
    Recipe::draw(&mut generator(11, 0, index, Purpose::Sample), phase)
}

/// An image with some structure at every scale.
pub(crate) fn frame(width: usize, height: usize) -> RgbImage {
    let value = |i: usize| {
        let (x, y, c) = ((i / 3 % width) as f32, (i / 3 / width) as f32, (i % 3) as f32);
        let hash = ((i as u32).wrapping_mul(2_654_435_761) >> 24) as f32;
        (120.0 + 60.0 * (x * 0.021 + c).sin() + 40.0 * (y * 0.037 - c).cos() + 0.12 * (hash - 128.0)) as u8
    };
    RgbImage::from_raw(width, height, (0..width * height * 3).map(value).collect())
}
