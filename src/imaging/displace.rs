//! Moving each pixel of a mask by its own distance.

use crate::types::{Mask, Window};

/// How far each pixel of a window is moved: pixel (x, y) of the result is taken from (x + dx, y + dy).
#[derive(Clone, Debug, PartialEq)]
pub struct Displacements {
    /// The pixels that move.
    pub window: Window,
    /// Horizontal displacements in pixels, `[height, width]` of the window, flat.
    pub dx: Vec<f32>,
    /// Vertical displacements in pixels, `[height, width]` of the window, flat.
    pub dy: Vec<f32>,
}

/// The mask with its pixels in the window of `displacements` taken from elsewhere, nearest (halves to even),
/// mirrored at the borders (`c b | a b c`); 0 outside the window.
///
/// # Panics
/// When a field has not the window's size or the window reaches outside the mask.
pub fn displaced(mask: &Mask, displacements: &Displacements) -> Mask {
    let (width, height) = (mask.width(), mask.height());
    let Displacements { window, dx, dy } = displacements;
    let area = window.width() * window.height();
    assert!(dx.len() == area && dy.len() == area, "displacements of {window:?}");
    let mut out = Mask::filled(width, height, 0.0);
    if area == 0 {
        return out;
    }
    let rows = dx.chunks_exact(window.width()).zip(dy.chunks_exact(window.width()));
    for (y, (dx, dy)) in (window.y0..window.y1).zip(rows) {
        let line = &mut out.data_mut()[y * width..][window.x0..window.x1];
        for ((i, value), (dx, dy)) in line.iter_mut().enumerate().zip(dx.iter().zip(dy)) {
            let from_x = mirrored_inside(nearest((window.x0 + i) as f32 + dx), width);
            let from_y = mirrored_inside(nearest(y as f32 + dy), height);
            *value = mask.data()[from_y * width + from_x];
        }
    }
    out
}

/// Halves to even, for numbers up to a few million: adding this number leaves no bits after the point.
fn nearest(value: f32) -> i32 {
    const NO_FRACTION: f32 = (3 << 22) as f32;
    (value + NO_FRACTION).to_bits() as i32 - NO_FRACTION.to_bits() as i32
}

fn mirrored_inside(at: i32, len: usize) -> usize {
    if (at as usize) < len {
        return at as usize;
    }
    if len == 1 {
        return 0;
    }
    let last = len as i32 - 1;
    let folded = at.rem_euclid(2 * last);
    folded.min(2 * last - folded) as usize
}

#[cfg(test)]
mod tests {
    use super::super::mat::{mask_as_mat, mask_as_mat_mut};
    use super::super::testing::any_window;
    use super::*;
    use crate::rng::SampleRng;
    use opencv::core::{BORDER_REFLECT_101, Mat, Scalar};
    use opencv::imgproc;
    use proptest::prelude::*;
    use rand::{Rng as _, SeedableRng};

    proptest! {
        #[test]
        fn pixels_are_opencvs_in_the_window_and_0_outside(
            (width, height, window) in (1..50usize, 1..50usize)
                .prop_flat_map(|(w, h)| (Just(w), Just(h), any_window(w, h))),
            seed in any::<u64>(), far in 0.5..60.0f32,
        ) {
            let mut rng = SampleRng::seed_from_u64(seed);
            let area = window.width() * window.height();
            let mut field = || (0..area).map(|_| rng.random_range(-far..far)).collect::<Vec<f32>>();
            let displacements = Displacements { window, dx: field(), dy: field() };
            let mask = Mask::from_raw(width, height, (0..width * height).map(|_| rng.random()).collect());
            let position = |of_x: bool| -> Vec<f32> {
                let at = |i: usize| (window.x0 + i % window.width(), window.y0 + i / window.width());
                let field = if of_x { &displacements.dx } else { &displacements.dy };
                field.iter().enumerate().map(|(i, by)| (if of_x { at(i).0 } else { at(i).1 }) as f32 + by).collect()
            };
            let (rows, columns) = (window.height() as i32, window.width() as i32);
            let (xs, ys) = (position(true), position(false));
            let map_x = Mat::new_rows_cols_with_data(rows, columns, &xs).unwrap();
            let map_y = Mat::new_rows_cols_with_data(rows, columns, &ys).unwrap();
            let mut part = Mask::filled(window.width(), window.height(), 0.0);
            let (from, mut to) = (mask_as_mat(&mask).unwrap(), mask_as_mat_mut(&mut part).unwrap());
            imgproc::remap(
                &from, &mut to, &map_x, &map_y, imgproc::INTER_NEAREST, BORDER_REFLECT_101, Scalar::default(),
            ).unwrap();
            drop(to);
            let out = displaced(&mask, &displacements);
            for y in 0..height {
                for x in 0..width {
                    let inside = (window.x0..window.x1).contains(&x) && (window.y0..window.y1).contains(&y);
                    let expected = if inside { part.at(x - window.x0, y - window.y0) } else { 0.0 };
                    prop_assert_eq!(out.at(x, y), expected, "({}, {})", x, y);
                }
            }
        }
    }

    #[test]
    fn halves_go_to_the_even_neighbour() {
        assert_eq!([0.5, 1.5, 2.5, -0.5, -1.5, 3.49].map(nearest), [0, 2, 2, 0, -2, 3]);
    }
}
