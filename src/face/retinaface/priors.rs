//! Prior boxes and decoding of the network's offsets (RetinaFace, "Anchor settings").

use crate::model::retinaface::ANCHORS_PER_POSITION;

const STRIDES: [usize; 3] = [8, 16, 32];
/// Two box sides, in pixels of the network's input, at each position of a level.
const SIDES: [[usize; ANCHORS_PER_POSITION]; 3] = [[16, 32], [64, 128], [256, 512]];
/// Scales of the offsets of centres (and points) and of the logarithms of sizes.
const VARIANCES: (f32, f32) = (0.1, 0.2);

/// A prior box in fractions of the input: centre and size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    /// Centre, from the left.
    pub cx: f32,
    /// Centre, from the top.
    pub cy: f32,
    /// Width, as a share of the input's width.
    pub w: f32,
    /// Height, as a share of the input's height.
    pub h: f32,
}

impl Prior {
    /// A prior by its number in the network's order (level, row, column, side), for an input of this height and width.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn at(number: usize, (height, width): (usize, usize)) -> Self {
        let mut number = number;
        for (stride, sides) in STRIDES.into_iter().zip(SIDES) {
            let (rows, columns) = (height.div_ceil(stride), width.div_ceil(stride));
            let here = rows * columns * ANCHORS_PER_POSITION;
            if number >= here {
                number -= here;
                continue;
            }
            let (position, side) = (number / ANCHORS_PER_POSITION, sides[number % ANCHORS_PER_POSITION]);
            // Computed in float64 and rounded once, as the reference does.
            let centre = |i: usize, length: usize| ((i as f64 + 0.5) * stride as f64 / length as f64) as f32;
            return Prior {
                cx: centre(position % columns, width),
                cy: centre(position / columns, height),
                w: (side as f64 / width as f64) as f32,
                h: (side as f64 / height as f64) as f32,
            };
        }
        panic!("an input of {height} x {width} pixels has {number} priors less");
    }
}

/// All priors for an input of `height` x `width`, in the network's order.
pub fn priors(height: usize, width: usize) -> Vec<Prior> {
    let positions = STRIDES.map(|stride| height.div_ceil(stride) * width.div_ceil(stride));
    let all = positions.iter().sum::<usize>() * ANCHORS_PER_POSITION;
    (0..all).map(|number| Prior::at(number, (height, width))).collect()
}

/// A decoded candidate in pixels of the network's input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Left, top, right, bottom.
    pub corners: [f32; 4],
    /// x and y of the five points, in turn.
    pub points: [f32; 10],
    /// Probability of a face, 0..1.
    pub score: f32,
    /// Which prior it comes from.
    pub prior: usize,
}

/// Applies the offsets of one prior. `boxes` 4, `points` 10 raw outputs; `size`: height, width of the input.
pub fn decode(prior: Prior, boxes: &[f32], points: &[f32], size: (usize, usize)) -> ([f32; 4], [f32; 10]) {
    let (height, width) = (size.0 as f32, size.1 as f32);
    let (by_centre, by_size) = VARIANCES;
    let cx = prior.cx + boxes[0] * by_centre * prior.w;
    let cy = prior.cy + boxes[1] * by_centre * prior.h;
    let w = prior.w * (boxes[2] * by_size).exp();
    let h = prior.h * (boxes[3] * by_size).exp();
    let (x0, y0) = (cx - w / 2.0, cy - h / 2.0);
    let corners = [x0 * width, y0 * height, (w + x0) * width, (h + y0) * height];
    let mut decoded = [0.0; 10];
    for (point, raw) in decoded.chunks_exact_mut(2).zip(points.chunks_exact(2)) {
        point[0] = (prior.cx + raw[0] * by_centre * prior.w) * width;
        point[1] = (prior.cy + raw[1] * by_centre * prior.h) * height;
    }
    (corners, decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_rounds_its_map_up() {
        assert_eq!(priors(160, 192).len(), 1260);
        assert_eq!(priors(101, 77).len(), 2 * (13 * 10 + 7 * 5 + 4 * 3));
    }

    #[test]
    fn no_offset_gives_the_prior_itself() {
        let prior = Prior { cx: 0.5, cy: 0.25, w: 0.2, h: 0.1 };
        let (corners, points) = decode(prior, &[0.0; 4], &[0.0; 10], (100, 200));
        let expected = [80.0, 20.0, 120.0, 30.0];
        assert!(corners.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4), "{corners:?}");
        assert_eq!((points[0], points[1]), (100.0, 25.0));
    }
}
