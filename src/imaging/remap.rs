//! Images under any smooth map.

use super::Error;
use super::mat::{as_mat, as_mat_mut};
use crate::types::RgbImage;
use opencv::core::{BORDER_REFLECT_101, Mat, Scalar};
use opencv::imgproc;

/// Where in a source each pixel of a result comes from: x and y in pixels, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Positions {
    width: usize,
    height: usize,
    x: Vec<f32>,
    y: Vec<f32>,
}

/// Pixels between two points at which a map is computed; it is linear between them.
const STEP: usize = 8;

impl Positions {
    /// The positions of a result of `width` x `height`. `of` maps a pixel of the result to the source, and should hardly
    /// bend within 8 pixels.
    pub fn of(width: usize, height: usize, of: impl Fn(f64, f64) -> (f64, f64)) -> Positions {
        let (columns, rows) = (width.div_ceil(STEP) + 1, height.div_ceil(STEP) + 1);
        let knot = |i: usize| {
            let (x, y) = of((i % columns * STEP) as f64, (i / columns * STEP) as f64);
            (x as f32, y as f32)
        };
        let knots: Vec<(f32, f32)> = (0..columns * rows).map(knot).collect();
        let (mut all_x, mut all_y) = (Vec::with_capacity(width * height), Vec::with_capacity(width * height));
        for row in 0..height {
            let down = (row % STEP) as f32 / STEP as f32;
            let (upper, lower) = knots[row / STEP * columns..].split_at(columns);
            let between =
                |(a, b): (&(f32, f32), &(f32, f32)), t: f32| (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1));
            let line: Vec<(f32, f32)> = upper.iter().zip(lower).map(|pair| between(pair, down)).collect();
            for column in 0..width {
                let at = column / STEP;
                let (x, y) = between((&line[at], &line[at + 1]), (column % STEP) as f32 / STEP as f32);
                all_x.push(x);
                all_y.push(y);
            }
        }
        Positions { width, height, x: all_x, y: all_y }
    }
}

/// The result whose pixels come from the given positions of `image`: bilinear, mirrored outside.
pub fn remapped(image: &RgbImage, positions: &Positions) -> Result<RgbImage, Error> {
    let Positions { width, height, x, y } = positions;
    let mut out = RgbImage::filled(*width, *height, [0; 3]);
    imgproc::remap(
        &as_mat(image)?,
        &mut as_mat_mut(&mut out)?,
        &Mat::new_rows_cols_with_data(*height as i32, *width as i32, x)?,
        &Mat::new_rows_cols_with_data(*height as i32, *width as i32, y)?,
        imgproc::INTER_LINEAR,
        BORDER_REFLECT_101,
        Scalar::default(),
    )?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::testing::any_image;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whole_pixels_come_from_where_the_map_says(
            image in any_image(4..50, 4..50), dx in -3..4i32, dy in -3..4i32,
        ) {
            let (width, height) = (image.width(), image.height());
            let map = Positions::of(width, height, |x, y| (x + f64::from(dx), y + f64::from(dy)));
            let moved = remapped(&image, &map).unwrap();
            let mirrored = |at: i32, side: usize| {
                let last = side as i32 - 1;
                (last - (last - at.abs()).abs()) as usize
            };
            for (x, y) in [(0, 0), (width - 1, height - 1), (width / 2, height / 3)] {
                let from = (mirrored(x as i32 + dx, width), mirrored(y as i32 + dy, height));
                prop_assert_eq!(moved.pixel(x, y), image.pixel(from.0, from.1));
            }
        }
    }

    #[test]
    fn maps_are_linear_between_their_knots() {
        let map = Positions::of(19, 11, |x, y| (2.0 * x - y, x + 0.5 * y));
        for (i, (x, y)) in map.x.iter().zip(&map.y).enumerate() {
            let (column, row) = ((i % 19) as f32, (i / 19) as f32);
            assert!((x - (2.0 * column - row)).abs() < 1e-4 && (y - (column + 0.5 * row)).abs() < 1e-4);
        }
    }
}
