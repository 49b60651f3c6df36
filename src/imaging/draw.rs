//! Boxes and captions on images for people.

use super::Error;
use super::mat::as_mat_mut;
use crate::types::{BBox, RgbImage};
use opencv::core::{Point, Rect, Scalar, Size};
use opencv::imgproc;

fn colour([r, g, b]: [u8; 3]) -> Scalar {
    Scalar::new(r.into(), g.into(), b.into(), 0.0)
}

/// Draws the outline of a box, `thickness` pixels wide, into the image.
pub fn draw_box(image: &mut RgbImage, bbox: BBox, rgb: [u8; 3], thickness: i32) -> Result<(), Error> {
    let corner = |x: f64, y: f64| Point::new(x.round() as i32, y.round() as i32);
    let rect = Rect::from_points(corner(bbox.x0, bbox.y0), corner(bbox.x1, bbox.y1));
    imgproc::rectangle(&mut as_mat_mut(image)?, rect, colour(rgb), thickness, imgproc::LINE_AA, 0)?;
    Ok(())
}

/// Draws points (x, y) as dots two pixels across.
pub fn draw_points(image: &mut RgbImage, points: &[(f64, f64)], rgb: [u8; 3]) -> Result<(), Error> {
    let mut mat = as_mat_mut(image)?;
    for &(x, y) in points {
        let at = Point::new(x.round() as i32, y.round() as i32);
        imgproc::circle(&mut mat, at, 1, colour(rgb), imgproc::FILLED, imgproc::LINE_AA, 0)?;
    }
    Ok(())
}

const FONT: i32 = imgproc::FONT_HERSHEY_SIMPLEX;

/// Font scale, stroke and padding for a text of a given height.
struct Lettering {
    scale: f64,
    thickness: i32,
    /// Space between the text and the label's edge, in pixels.
    pad: i32,
    size: Size,
    /// How far letters such as g reach below the base line, in pixels.
    baseline: i32,
}

impl Lettering {
    fn new(text: &str, height: f64) -> Result<Self, Error> {
        // The height of capitals in this font at scale 1.
        const UNIT: f64 = 22.0;
        let scale = height / UNIT;
        let thickness = (height / 10.0).round().max(1.0) as i32;
        let mut baseline = 0;
        let size = imgproc::get_text_size(text, FONT, scale, thickness, &mut baseline)?;
        Ok(Lettering { scale, thickness, pad: (height / 4.0).ceil() as i32, size, baseline })
    }
}

/// Width and height in pixels of the label that [`draw_text`] draws.
pub fn text_size(text: &str, height: f64) -> Result<(f64, f64), Error> {
    let Lettering { pad, size, baseline, .. } = Lettering::new(text, height)?;
    Ok((f64::from(size.width + 2 * pad), f64::from(size.height + baseline + 2 * pad)))
}

/// Draws white text on a filled label whose lower left corner is (x, y). The label is moved inside the image where it
/// would leave it. `height` is the text's height in pixels.
pub fn draw_text(
    image: &mut RgbImage,
    text: &str,
    x: f64,
    y: f64,
    height: f64,
    rgb: [u8; 3],
) -> Result<(), Error> {
    let Lettering { scale, thickness, pad, size, baseline } = Lettering::new(text, height)?;
    let (label_w, label_h) = (size.width + 2 * pad, size.height + baseline + 2 * pad);
    let left = (x.round() as i32).min(image.width() as i32 - label_w).max(0);
    let top = (y.round() as i32 - label_h).min(image.height() as i32 - label_h).max(0);
    let mut mat = as_mat_mut(image)?;
    let label = Rect::new(left, top, label_w, label_h);
    imgproc::rectangle(&mut mat, label, colour(rgb), imgproc::FILLED, imgproc::LINE_8, 0)?;
    let origin = Point::new(left + pad, top + pad + size.height);
    let white = colour([255; 3]);
    imgproc::put_text(&mut mat, text, origin, FONT, scale, white, thickness, imgproc::LINE_AA, false)?;
    Ok(())
}

/// Draws a line between two points given to a fraction of a pixel, `thickness` pixels wide.
pub fn draw_line(
    image: &mut RgbImage,
    points: &[(f64, f64)],
    rgb: [u8; 3],
    thickness: i32,
) -> Result<(), Error> {
    /// Bits of a coordinate behind the point.
    const SHIFT: i32 = 4;
    let fixed = |value: f64| (value * f64::from(1 << SHIFT)).round() as i32;
    let mut mat = as_mat_mut(image)?;
    for ends in points.windows(2) {
        let [from, to] = [ends[0], ends[1]].map(|(x, y)| Point::new(fixed(x), fixed(y)));
        imgproc::line(&mut mat, from, to, colour(rgb), thickness, imgproc::LINE_AA, SHIFT)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_has_the_size_that_is_told() {
        const LABEL: [u8; 3] = [0, 0, 200];
        let mut image = RgbImage::filled(200, 60, [9; 3]);
        draw_text(&mut image, "val auc", 20.0, 50.0, 12.0, LABEL).unwrap();
        let (w, h) = text_size("val auc", 12.0).unwrap();
        // The pad around the letters is plain, so the edges are the label's.
        let columns = (0..200).filter(|&x| (0..60).any(|y| image.pixel(x, y) == LABEL)).count();
        let rows = (0..60).filter(|&y| (0..200).any(|x| image.pixel(x, y) == LABEL)).count();
        assert_eq!((columns as f64, rows as f64), (w, h));
        assert_eq!((image.pixel(20, 49), image.pixel(20, 50), image.pixel(19, 49)), (LABEL, [9; 3], [9; 3]));
    }

    #[test]
    fn a_line_goes_from_point_to_point() {
        const LINE: [u8; 3] = [200, 0, 0];
        let mut image = RgbImage::filled(20, 20, [0; 3]);
        draw_line(&mut image, &[(2.0, 3.0), (12.0, 3.0), (12.0, 15.0)], LINE, 1).unwrap();
        // The very ends are dimmed by smoothing.
        for at in [(3, 3), (7, 3), (11, 3), (12, 5), (12, 9), (12, 14)] {
            assert!(image.pixel(at.0, at.1)[0] > 150, "{at:?}");
        }
        assert_eq!([image.pixel(7, 9), image.pixel(2, 15), image.pixel(12, 18)], [[0; 3]; 3]);
    }
}
