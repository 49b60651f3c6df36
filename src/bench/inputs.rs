//! Made inputs: images with structure at every scale, a face's landmarks.

use crate::model::fill;
use crate::types::{BBox, FaceBox, Landmarks, RgbImage};
use std::f64::consts::{PI, TAU};

/// An image like a video's, a little different from frame to frame.
pub fn frame(width: usize, height: usize, number: usize) -> RgbImage {
    let noise: Vec<f32> = fill::uniform("noise", 1, 4096).collect();
    let value = |i: usize| {
        let (x, y, c) = ((i / 3 % width) as f32, (i / 3 / width) as f32, (i % 3) as f32);
        let grain = 12.0 * noise[(i * 31 + number * 17) % noise.len()];
        let t = number as f32 * 0.1;
        (112.0 + 60.0 * (x * 0.021 + c + t).sin() + 40.0 * (y * 0.037 - c).cos() + grain) as u8
    };
    RgbImage::from_raw(width, height, (0..width * height * 3).map(value).collect())
}

/// 68 points about (x, y) where a face of this half width has them, and its box.
pub fn face_at(x: f64, y: f64, half: f64) -> (Landmarks, FaceBox) {
    let ring = |from: f64, to: f64, count: usize, size: f64, cx: f64, cy: f64| {
        (0..count).map(move |i| {
            let angle = from + (to - from) * i as f64 / (count - 1) as f64;
            (
                (x + half * (cx + size * angle.cos())) as i32,
                (y + 1.2 * half * (cy + size * angle.sin())) as i32,
            )
        })
    };
    let points = ring(PI, 0.0, 17, 1.0, 0.0, 0.0)
        .chain(ring(1.2 * PI, 1.8 * PI, 5, 0.3, -0.45, -0.1))
        .chain(ring(1.2 * PI, 1.8 * PI, 5, 0.3, 0.45, -0.1))
        .chain(ring(1.5 * PI, 2.5 * PI, 4, 0.15, 0.0, 0.1))
        .chain(ring(0.9 * PI, 0.1 * PI, 5, 0.15, 0.0, 0.35))
        .chain(ring(PI, PI + TAU * 5.0 / 6.0, 6, 0.15, -0.45, -0.1))
        .chain(ring(PI, PI + TAU * 5.0 / 6.0, 6, 0.15, 0.45, -0.1))
        .chain(ring(PI, PI + TAU * 11.0 / 12.0, 12, 0.35, 0.0, 0.6))
        .chain(ring(PI, PI + TAU * 7.0 / 8.0, 8, 0.25, 0.0, 0.6))
        .collect();
    let landmarks = Landmarks::new(points).expect("68 points");
    let BBox { x0, y0, x1, y1 } = landmarks.bounds();
    (landmarks, FaceBox { bbox: BBox { x0, y0, x1, y1 }, points: [(x, y); 5] })
}
