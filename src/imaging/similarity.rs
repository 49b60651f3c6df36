//! Squares cut out of frames and put back under a turn, a scale and a shift.

use crate::types::RgbImage;

/// Pixels of the source that a result's pixel is averaged over at most, per axis.
const MOST_SAMPLES: usize = 16;

/// The map (x, y) -> (a x - b y + x0, b x + a y + y0) between two images: a turn, a scale and a shift. Coordinates are
/// pixels, the centre of the first one at (0, 0).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    /// The scale times the cosine of the turn.
    pub a: f64,
    /// The scale times the sine of the turn.
    pub b: f64,
    /// Shift to the right, after the turn.
    pub x0: f64,
    /// Shift down, after the turn.
    pub y0: f64,
}

impl Similarity {
    /// Where a point comes to lie.
    pub fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.a * x - self.b * y + self.x0, self.b * x + self.a * y + self.y0)
    }

    /// The turn, scale and shift by which the points `from` come closest to `to`, pair by pair (least squares).
    ///
    /// `None` where the points say nothing, such as all in one place.
    pub fn fitted(from: &[(f64, f64)], to: &[(f64, f64)]) -> Option<Similarity> {
        let (before, after) = (mean(from), mean(to));
        let (mut a, mut b, mut spread) = (0.0, 0.0, 0.0);
        for (&(px, py), &(fx, fy)) in from.iter().zip(to) {
            let ((px, py), (fx, fy)) = ((px - before.0, py - before.1), (fx - after.0, fy - after.1));
            a += px * fx + py * fy;
            b += px * fy - py * fx;
            spread += px * px + py * py;
        }
        let turn = Similarity { a: a / spread, b: b / spread, x0: 0.0, y0: 0.0 };
        let (x, y) = turn.at(before);
        let fitted = Similarity { x0: after.0 - x, y0: after.1 - y, ..turn };
        (fitted.scale().is_finite() && fitted.scale() > 0.0).then_some(fitted)
    }

    /// How many pixels of the second image are as long as one of the first.
    pub fn scale(&self) -> f64 {
        self.a.hypot(self.b)
    }

    /// The way back. The scale must not be 0.
    pub fn inverse(&self) -> Similarity {
        let square = self.a * self.a + self.b * self.b;
        let (a, b) = (self.a / square, -self.b / square);
        let turned = Similarity { a, b, x0: 0.0, y0: 0.0 }.at((self.x0, self.y0));
        Similarity { a, b, x0: -turned.0, y0: -turned.1 }
    }

    /// The corners of a square of `side` pixels, edges and not centres, where they come to lie.
    pub fn corners(&self, side: usize) -> [(f64, f64); 4] {
        let (low, high) = (-0.5, side as f64 - 0.5);
        [(low, low), (high, low), (high, high), (low, high)].map(|corner| self.at(corner))
    }
}

fn mean(points: &[(f64, f64)]) -> (f64, f64) {
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    (x / count, y / count)
}

/// The square of `side` pixels that lies in `frame` where `frame_from_square` says: bilinear, averaged over the area of
/// a pixel where the square is smaller than what it shows. Outside the frame its outermost pixels go on.
pub fn cut_square(frame: &RgbImage, frame_from_square: &Similarity, side: usize) -> RgbImage {
    let offsets = offsets(frame_from_square.scale());
    let mut square = RgbImage::filled(side, side, [0; 3]);
    for (i, rgb) in square.data_mut().chunks_exact_mut(3).enumerate() {
        let centre = ((i % side) as f64, (i / side) as f64);
        let value = mean_over(&offsets, centre, |at| bilinear(frame, frame_from_square.at(at)));
        rgb.copy_from_slice(&value.map(|v| v.round() as u8));
    }
    square
}

/// Puts a square back to where it lies in `frame`, over everything: each pixel whose centre is inside becomes the
/// square's, bicubic, averaged over the area of a pixel where the square is larger than its place.
pub fn paste_square(frame: &mut RgbImage, square: &RgbImage, frame_from_square: &Similarity) {
    let (side, width, height) = (square.width(), frame.width(), frame.height());
    let square_from_frame = frame_from_square.inverse();
    let offsets = offsets(square_from_frame.scale());
    let corners = frame_from_square.corners(side);
    let span = |of: fn(&(f64, f64)) -> f64, limit: usize| {
        let low = corners.iter().map(of).fold(f64::INFINITY, f64::min).floor().clamp(0.0, limit as f64);
        let high = corners.iter().map(of).fold(f64::NEG_INFINITY, f64::max).ceil() + 1.0;
        low as usize..high.clamp(0.0, limit as f64) as usize
    };
    let inside = |v: f64| (-0.5..side as f64 - 0.5).contains(&v);
    for y in span(|corner| corner.1, height) {
        for x in span(|corner| corner.0, width) {
            let centre = (x as f64, y as f64);
            let (u, v) = square_from_frame.at(centre);
            if inside(u) && inside(v) {
                let value = mean_over(&offsets, centre, |at| bicubic(square, square_from_frame.at(at)));
                let value = value.map(|v| v.round().clamp(0.0, 255.0) as u8);
                frame.data_mut()[(y * width + x) * 3..][..3].copy_from_slice(&value);
            }
        }
    }
}

/// Where within a pixel the other image is looked at, whose pixels are `scale` times as small.
fn offsets(scale: f64) -> Vec<f64> {
    let count = (scale.ceil() as usize).clamp(1, MOST_SAMPLES);
    (0..count).map(|i| (i as f64 + 0.5) / count as f64 - 0.5).collect()
}

fn mean_over(offsets: &[f64], (x, y): (f64, f64), value: impl Fn((f64, f64)) -> [f64; 3]) -> [f64; 3] {
    let mut sum = [0.0; 3];
    for dy in offsets {
        for dx in offsets {
            let value = value((x + dx, y + dy));
            sum.iter_mut().zip(value).for_each(|(sum, value)| *sum += value);
        }
    }
    sum.map(|sum| sum / (offsets.len() * offsets.len()) as f64)
}

/// The value between pixels, from the four around it.
fn bilinear(image: &RgbImage, at: (f64, f64)) -> [f64; 3] {
    weighed(image, at, 0, |fraction| [1.0 - fraction, fraction])
}

/// The value between pixels, from the sixteen around it (Catmull and Rom's cubic).
fn bicubic(image: &RgbImage, at: (f64, f64)) -> [f64; 3] {
    weighed(image, at, 1, |t| {
        let (t2, t3) = (t * t, t * t * t);
        [
            0.5 * (-t3 + 2.0 * t2 - t),
            0.5 * (3.0 * t3 - 5.0 * t2 + 2.0),
            0.5 * (-3.0 * t3 + 4.0 * t2 + t),
            0.5 * (t3 - t2),
        ]
    })
}

/// Sums `N` x `N` pixels with their weights, beginning `before` pixels before the position's own.
fn weighed<const N: usize>(
    image: &RgbImage,
    (x, y): (f64, f64),
    before: i64,
    weights: impl Fn(f64) -> [f64; N],
) -> [f64; 3] {
    let column = |x: i64| x.clamp(0, image.width() as i64 - 1) as usize;
    let row = |y: i64| y.clamp(0, image.height() as i64 - 1) as usize;
    let (left, top) = (x.floor(), y.floor());
    let (across, down) = (weights(x - left), weights(y - top));
    let mut sum = [0.0; 3];
    for (j, down) in down.into_iter().enumerate() {
        for (i, across) in across.into_iter().enumerate() {
            let rgb =
                image.pixel(column(left as i64 - before + i as i64), row(top as i64 - before + j as i64));
            sum.iter_mut().zip(rgb).for_each(|(sum, value)| *sum += across * down * f64::from(value));
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_map() -> impl Strategy<Value = Similarity> {
        (0.3..4.0f64, -3.0..3.0f64, -50.0..50.0f64, -50.0..50.0f64).prop_map(|(scale, turn, x0, y0)| {
            Similarity { a: scale * turn.cos(), b: scale * turn.sin(), x0, y0 }
        })
    }

    /// An image without detail, which every size shows alike.
    fn smooth(width: usize, height: usize) -> RgbImage {
        let mut image = RgbImage::filled(width, height, [0; 3]);
        for (i, rgb) in image.data_mut().chunks_exact_mut(3).enumerate() {
            let (x, y) = ((i % width) as f64, (i / width) as f64);
            let value = |phase: f64| (128.0 + 60.0 * (x / 25.0 + phase).sin() * (y / 31.0).cos()) as u8;
            rgb.copy_from_slice(&[value(0.0), value(1.0), value(2.0)]);
        }
        image
    }

    proptest! {
        #[test]
        fn the_inverse_leads_back(map in any_map(), x in -100.0..100.0f64, y in -100.0..100.0f64) {
            let (u, v) = map.inverse().at(map.at((x, y)));
            prop_assert!((u - x).abs() < 1e-9 && (v - y).abs() < 1e-9);
            prop_assert!((map.scale() * map.inverse().scale() - 1.0).abs() < 1e-9);
        }

        #[test]
        fn the_map_between_points_is_found(map in any_map()) {
            let from = [(3.0, 4.0), (60.0, 7.0), (30.0, 40.0), (12.0, 70.0)];
            let found = Similarity::fitted(&from, &from.map(|point| map.at(point))).unwrap();
            for (found, map) in [(found.a, map.a), (found.b, map.b), (found.x0, map.x0), (found.y0, map.y0)] {
                prop_assert!((found - map).abs() < 1e-9);
            }
            prop_assert_eq!(Similarity::fitted(&from, &[(5.0, 5.0); 4]), None);
        }

        #[test]
        fn what_is_cut_out_and_put_back_is_what_was_there(
            scale in 0.5..2.5f64, turn in -0.6..0.6f64, x0 in 20.0..40.0f64, y0 in -20.0..40.0f64,
        ) {
            let map = Similarity { a: scale * turn.cos(), b: scale * turn.sin(), x0, y0 };
            let frame = smooth(120, 100);
            let mut back = frame.clone();
            paste_square(&mut back, &cut_square(&frame, &map, 32), &map);
            let inside = map.inverse();
            for (i, (a, b)) in frame.data().chunks_exact(3).zip(back.data().chunks_exact(3)).enumerate() {
                let (u, v) = inside.at(((i % 120) as f64, (i / 120) as f64));
                let off = a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
                // At the rim the square has nothing to go on from.
                let middle = |v: f64| (2.0..29.0).contains(&v);
                let outside = |v: f64| !(-0.5..31.5).contains(&v);
                prop_assert!(!(middle(u) && middle(v)) || off <= 3, "off by {off} at ({u}, {v})");
                prop_assert!(!(outside(u) || outside(v)) || off == 0, "changed outside");
            }
        }
    }

    #[test]
    fn a_square_of_the_same_size_has_the_frames_pixels() {
        let frame = RgbImage::from_raw(5, 4, (0..60).collect());
        let map = Similarity { a: 1.0, b: 0.0, x0: 1.0, y0: 1.0 };
        let square = cut_square(&frame, &map, 3);
        assert_eq!(square, frame.cropped(crate::types::Window { y0: 1, y1: 4, x0: 1, x1: 4 }));
        let mut black = RgbImage::filled(5, 4, [0; 3]);
        paste_square(&mut black, &square, &map);
        assert_eq!(
            (black.pixel(1, 1), black.pixel(3, 3), black.pixel(0, 1)),
            (frame.pixel(1, 1), frame.pixel(3, 3), [0; 3])
        );
    }
}
