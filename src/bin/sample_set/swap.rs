//! A face swap as programs for it did before neural networks: landmarks bring another face into place, Poisson blending
//! hides its border.
//!
//! Pérez, Gangnet & Blake, "Poisson Image Editing", SIGGRAPH 2003. The other face belongs to nobody: it is made from the
//! portrait by mirroring, another shape of head and features, another skin.

use sbi::face::{LandmarkDetector, LandmarkModel};
use sbi::imaging::{self, fill_convex_hull, mirrored, resized, shrunk, warped};
use sbi::types::{Landmarks, Mask, RgbImage};

/// How often the blend's correction is smoothed; by then it no longer changes.
const SWEEPS: usize = 1500;
/// Over-relaxation, which spares most of the sweeps that plain averaging would need.
const RELAXATION: f64 = 1.9;
/// What is left of the face's outline, measured from its middle: the border lies on skin.
const INSIDE: f64 = 0.9;

/// The portrait with the face of somebody else.
pub fn swapped(
    portrait: &RgbImage,
    detector: &LandmarkModel,
) -> Result<RgbImage, Box<dyn std::error::Error>> {
    let target = face(portrait, detector)?;
    let stranger = stranger(portrait, &target)?;
    let source = face(&stranger, detector)?;
    let (width, height) = (portrait.width(), portrait.height());
    let placed = warped(&stranger, similarity(&source, &target), width, height)?;
    Ok(poisson_blended(portrait, &placed, &inside(&target, width, height)?))
}

fn face(image: &RgbImage, detector: &LandmarkModel) -> Result<Landmarks, Box<dyn std::error::Error>> {
    Ok(detector.detect(image)?.into_iter().next().ok_or("no face was found")?.without_forehead())
}

/// A face of nobody: the portrait mirrored, its head wider below and narrower above, its features nearer together, its
/// skin darker and warmer, its finest details lost.
fn stranger(portrait: &RgbImage, face: &Landmarks) -> Result<RgbImage, imaging::Error> {
    const SKIN: [f64; 3] = [0.86, 0.74, 0.66];
    let image = mirrored(portrait)?;
    let width = image.width() as f64;
    let bounds = face.face_bounds();
    let (cx, cy) = (width - (bounds.x0 + bounds.x1) / 2.0, (bounds.y0 + bounds.y1) / 2.0);
    let (rx, ry) = (bounds.width(), bounds.height());
    let mut out = image.clone();
    for (i, rgb) in out.data_mut().chunks_exact_mut(3).enumerate() {
        let (x, y) = ((i % image.width()) as f64, (i / image.width()) as f64);
        let (u, v) = ((x - cx) / rx, (y - cy) / ry);
        // The change fades with the distance from the face's middle.
        let near = (-(u * u + v * v)).exp();
        let from_x = cx + rx * u * (1.0 - near * (0.10 + 0.30 * v));
        let from_y = cy + ry * v * (1.0 + near * 0.14 * (1.0 - 2.0 * v * v));
        for (channel, value) in rgb.iter_mut().enumerate() {
            *value = (SKIN[channel] * sampled(&image, from_x, from_y, channel)) as u8;
        }
    }
    let small = shrunk(&out, image.width() * 4 / 5, image.height() * 4 / 5)?;
    resized(&small, image.width(), image.height())
}

/// The image between its pixels, linearly.
fn sampled(image: &RgbImage, x: f64, y: f64, channel: usize) -> f64 {
    let (x, y) = (x.clamp(0.0, (image.width() - 2) as f64), y.clamp(0.0, (image.height() - 2) as f64));
    let (left, top) = (x as usize, y as usize);
    let value = |x: usize, y: usize| f64::from(image.pixel(x, y)[channel]);
    let row = |y: usize| value(left, y) + (x - left as f64) * (value(left + 1, y) - value(left, y));
    row(top) + (y - top as f64) * (row(top + 1) - row(top))
}

/// Turn, scale and shift that bring one face's landmarks nearest to another's, as a matrix from source to target.
fn similarity(source: &Landmarks, target: &Landmarks) -> [[f64; 3]; 2] {
    let middle = |landmarks: &Landmarks| {
        let points = landmarks.points();
        let sum = points.iter().fold((0.0, 0.0), |sum, p| (sum.0 + f64::from(p.0), sum.1 + f64::from(p.1)));
        (sum.0 / points.len() as f64, sum.1 / points.len() as f64)
    };
    let (from, to) = (middle(source), middle(target));
    let (mut cos, mut sin, mut length) = (0.0, 0.0, 0.0);
    for (p, q) in source.points().iter().zip(target.points()) {
        let (px, py) = (f64::from(p.0) - from.0, f64::from(p.1) - from.1);
        let (qx, qy) = (f64::from(q.0) - to.0, f64::from(q.1) - to.1);
        cos += px * qx + py * qy;
        sin += px * qy - py * qx;
        length += px * px + py * py;
    }
    let (a, b) = (cos / length, sin / length);
    [[a, -b, to.0 - a * from.0 + b * from.1], [b, a, to.1 - b * from.0 - a * from.1]]
}

/// 1 inside the face's outline, a little smaller, else 0.
fn inside(face: &Landmarks, width: usize, height: usize) -> Result<Mask, imaging::Error> {
    let bounds = face.face_bounds();
    let (cx, cy) = ((bounds.x0 + bounds.x1) / 2.0, (bounds.y0 + bounds.y1) / 2.0);
    let towards = |value: i32, middle: f64| (middle + INSIDE * (f64::from(value) - middle)).round() as i32;
    let points: Vec<(i32, i32)> =
        face.points().iter().map(|&(x, y)| (towards(x, cx), towards(y, cy))).collect();
    let mut mask = Mask::filled(width, height, 0.0);
    fill_convex_hull(&mut mask, &points)?;
    Ok(mask)
}

/// `source` inside the mask, with the correction added that meets `target` at the border and is smooth (harmonic)
/// inside: what Poisson blending comes to.
fn poisson_blended(target: &RgbImage, source: &RgbImage, mask: &Mask) -> RgbImage {
    let width = target.width();
    let within: Vec<usize> = (0..mask.data().len()).filter(|&i| mask.data()[i] > 0.0).collect();
    let mut out = target.clone();
    for channel in 0..3 {
        let value = |image: &RgbImage, i: usize| f64::from(image.data()[3 * i + channel]);
        let mut correction: Vec<f64> =
            (0..mask.data().len()).map(|i| value(target, i) - value(source, i)).collect();
        within.iter().for_each(|&i| correction[i] = 0.0);
        for _ in 0..SWEEPS {
            for &i in &within {
                let around = [i - 1, i + 1, i - width, i + width].map(|at| correction[at]);
                let mean = around.iter().sum::<f64>() / 4.0;
                correction[i] += RELAXATION * (mean - correction[i]);
            }
        }
        for &i in &within {
            out.data_mut()[3 * i + channel] = (value(source, i) + correction[i]).round() as u8;
        }
    }
    out
}
