//! What an autoencoder is shown of a face in training, and what it is to give back.

use crate::imaging::mirrored;
use crate::rng::SampleRng;
use crate::types::RgbImage;
use rand::Rng;
use rand_distr::StandardNormal;

/// Points of the warp's grid along a side.
const GRID: usize = 5;
/// How far, in parts of the side, its points are moved: the standard deviation.
const WARP: f32 = 0.01;
/// How much a colour's values are stretched at most, each way.
const GAIN: f32 = 0.12;
/// How far they are moved at most, of 0..=1.
const SHIFT: f32 = 0.05;

/// A face as input and as target: `[3, side, side]` flat, 0..=1 each, red first.
pub struct Shown {
    /// Warped a little, so that the network learns what faces look like and not only to copy.
    pub input: Vec<f32>,
    /// The same face unwarped.
    pub target: Vec<f32>,
}

/// Draws how a face is shown: mirrored or not, in changed colours, the input warped if `warped`. Draws the same number of
/// values in every case.
pub fn shown(face: &RgbImage, warped: bool, rng: &mut SampleRng) -> Result<Shown, crate::imaging::Error> {
    let mirror: bool = rng.random();
    let colour: [(f32, f32); 3] =
        std::array::from_fn(|_| (1.0 + rng.random_range(-GAIN..GAIN), rng.random_range(-SHIFT..SHIFT)));
    let side = face.width();
    let scale = if warped { WARP * side as f32 } else { 0.0 };
    let moves: Vec<[f32; 2]> = (0..GRID * GRID)
        .map(|_| std::array::from_fn(|_| scale * rng.sample::<f32, _>(StandardNormal)))
        .collect();
    let turned = if mirror { Some(mirrored(face)?) } else { None };
    let planes = turned.as_ref().unwrap_or(face).to_planes();
    let mut target = vec![0.0; planes.len()];
    let area = side * side;
    for (channel, (gain, shift)) in colour.into_iter().enumerate() {
        let of = channel * area..(channel + 1) * area;
        for (out, &value) in target[of.clone()].iter_mut().zip(&planes[of]) {
            *out = (f32::from(value) / 255.0 * gain + shift).clamp(0.0, 1.0);
        }
    }
    let input = if warped { warp(&target, side, &moves) } else { target.clone() };
    Ok(Shown { input, target })
}

/// Three planes with every pixel taken from somewhere near, by moves that are given at the points of a grid.
fn warp(planes: &[f32], side: usize, moves: &[[f32; 2]]) -> Vec<f32> {
    let mut out = vec![0.0; planes.len()];
    let last = (side - 1) as f32;
    for y in 0..side {
        for x in 0..side {
            let [dx, dy] = between(moves, x as f32 / last, y as f32 / last);
            let (u, v) = ((x as f32 + dx).clamp(0.0, last), (y as f32 + dy).clamp(0.0, last));
            let (left, top) = ((u as usize).min(side - 2), (v as usize).min(side - 2));
            let (across, down) = (u - left as f32, v - top as f32);
            for channel in 0..3 {
                let at = channel * side * side + top * side + left;
                let row = |at: usize| planes[at] * (1.0 - across) + planes[at + 1] * across;
                out[channel * side * side + y * side + x] = row(at) * (1.0 - down) + row(at + side) * down;
            }
        }
    }
    out
}

/// The move at (x, y), 0..=1 both, between the grid's points.
fn between(moves: &[[f32; 2]], x: f32, y: f32) -> [f32; 2] {
    let cells = (GRID - 1) as f32;
    let (u, v) = (x * cells, y * cells);
    let (column, row) = ((u as usize).min(GRID - 2), (v as usize).min(GRID - 2));
    // Without corners at the grid's lines.
    let smooth = |t: f32| t * t * (3.0 - 2.0 * t);
    let (across, down) = (smooth(u - column as f32), smooth(v - row as f32));
    std::array::from_fn(|axis| {
        let point = |row: usize, column: usize| moves[row * GRID + column][axis];
        let line = |row: usize| point(row, column) * (1.0 - across) + point(row, column + 1) * across;
        line(row) * (1.0 - down) + line(row + 1) * down
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, generator};

    fn face() -> RgbImage {
        let pixels = crate::model::fill::image("face", 32, 32, 1);
        RgbImage::from_raw(32, 32, pixels)
    }

    #[test]
    fn the_input_is_warped_only_where_asked_and_the_target_never() {
        let draw = |warped, index| {
            shown(&face(), warped, &mut generator(1, 0, index, Purpose::Reconstruction)).unwrap()
        };
        for index in 0..6 {
            let (plain, warped) = (draw(false, index), draw(true, index));
            assert!(plain.input == plain.target && plain.target == warped.target);
            assert!(warped.input != warped.target);
            assert!(warped.input.iter().all(|value| (0.0..=1.0).contains(value)));
        }
        assert!(draw(true, 0).target != draw(true, 1).target);
    }

    #[test]
    fn equal_moves_of_all_points_shift_the_image() {
        let plane: Vec<f32> = (0..3 * 64).map(|i| (i % 8) as f32).collect();
        let moved = warp(&plane, 8, &[[1.0, 0.0]; GRID * GRID]);
        let expected: Vec<f32> = (0..3 * 64).map(|i| ((i % 8) as f32 + 1.0).min(7.0)).collect();
        assert!(moved.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5), "{moved:?}");
    }
}
