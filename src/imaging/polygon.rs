//! Filled shapes on masks.

use super::Error;
use super::mat::mask_as_mat_mut;
use crate::types::Mask;
use opencv::core::{Point, Scalar, Vector};
use opencv::imgproc;

/// Sets the pixels of the convex hull of `points` (x, y), edges included, to 1; points may lie outside.
pub fn fill_convex_hull(mask: &mut Mask, points: &[(i32, i32)]) -> Result<(), Error> {
    let points: Vector<Point> = points.iter().map(|&(x, y)| Point::new(x, y)).collect();
    let mut hull = Vector::<Point>::new();
    imgproc::convex_hull(&points, &mut hull, false, true)?;
    let (one, whole_pixels) = (Scalar::all(1.0), 0);
    imgproc::fill_convex_poly(&mut mask_as_mat_mut(mask)?, &hull, one, imgproc::LINE_8, whole_pixels)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hull_holds_its_edges_and_ends_at_the_border() {
        let mut mask = Mask::filled(6, 4, 0.0);
        fill_convex_hull(&mut mask, &[(1, 1), (3, 1), (2, 2), (3, 9), (1, 9)]).unwrap();
        let row = |y: usize| mask.data()[y * 6..][..6].to_vec();
        assert_eq!(row(0), [0.0; 6]);
        assert!((1..4).all(|y| row(y) == [0.0, 1.0, 1.0, 1.0, 0.0, 0.0]));
    }
}
