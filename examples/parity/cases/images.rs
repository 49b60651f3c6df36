//! Images, faces and descriptions that several cases share.

use super::digest;
use sbi::imaging;
use sbi::model::fill;
use sbi::types::{Landmarks, Mask, RgbImage};
use serde_json::{Value, json};

/// 81 points of a frontal face in a 320 x 280 image: jaw, brows, nose, eyes, mouth, forehead.
#[rustfmt::skip]
pub const FACE: [(i32, i32); 81] = [
    (82, 120), (83, 138), (86, 156), (90, 173), (97, 189), (108, 203), (121, 214), (138, 222), (158, 225),
    (178, 222), (196, 214), (209, 203), (221, 189), (228, 173), (233, 156), (236, 138), (237, 120),
    (96, 103), (106, 95), (119, 92), (132, 94), (144, 99), (174, 99), (186, 94), (199, 92), (212, 96), (222, 104),
    (159, 117), (159, 128), (160, 139), (160, 150), (144, 159), (151, 162), (159, 165), (167, 162), (175, 158),
    (111, 119), (119, 114), (129, 114), (138, 120), (129, 123), (119, 123),
    (180, 120), (189, 114), (199, 114), (207, 119), (199, 123), (189, 123),
    (127, 184), (138, 179), (150, 176), (158, 178), (167, 176), (179, 179), (191, 184),
    (180, 193), (168, 198), (158, 199), (148, 198), (137, 193),
    (132, 184), (149, 183), (158, 184), (167, 183), (186, 184), (167, 188), (158, 189), (149, 188),
    (85, 104), (88, 88), (94, 72), (103, 57), (116, 45), (132, 37), (150, 33), (168, 33),
    (186, 38), (202, 46), (216, 58), (226, 73), (233, 90),
];

/// The face alone.
pub fn face() -> Landmarks {
    Landmarks::new(FACE.to_vec()).expect("81 points")
}

/// The image fill of this label after a box blur.
pub fn smooth(label: &str, height: usize, width: usize, seed: u64) -> RgbImage {
    let noise = RgbImage::from_raw(width, height, fill::image(label, height, width, seed));
    imaging::blurred(&noise, 5).expect("a blur")
}

/// The image that [`smooth`] makes, with its contrast tripled.
pub fn stretched(label: &str, height: usize, width: usize, seed: u64) -> RgbImage {
    let mut image = smooth(label, height, width, seed);
    for value in image.data_mut() {
        *value = ((i32::from(*value) - 128) * 3 + 128).clamp(0, 255) as u8;
    }
    image
}

pub fn channel_sums(image: &RgbImage) -> [u64; 3] {
    [0, 1, 2].map(|c| image.data().iter().skip(c).step_by(3).map(|&v| u64::from(v)).sum())
}

pub fn describe(image: &RgbImage) -> Value {
    json!({
        "shape": [image.height(), image.width(), 3], "channel_sums": channel_sums(image),
        "fnv1a64": digest(image.data()),
    })
}

pub fn describe_with_grid(image: &RgbImage) -> Value {
    let channel = |c: usize| {
        let values = image.data().iter().skip(c).step_by(3).map(|&value| f64::from(value)).collect();
        grid(values, image.width(), image.height())
    };
    let channels = [0, 1, 2].map(channel);
    let cell = |y: usize, x: usize| json!(channels.each_ref().map(|grid| grid[y][x]));
    let rows: Vec<Value> = (0..GRID).map(|y| (0..GRID).map(|x| cell(y, x)).collect()).collect();
    let mut fields = describe(image);
    fields["grid8"] = rows.into();
    fields
}

pub fn describe_mask(mask: &Mask) -> Value {
    let values: Vec<f64> = mask.data().iter().map(|&value| f64::from(value)).collect();
    json!({
        "shape": [mask.height(), mask.width()], "sum": values.iter().sum::<f64>(),
        "max": values.iter().copied().fold(0.0, f64::max),
        "nonzero": values.iter().filter(|value| **value > 0.0).count(),
        "grid8": grid(values, mask.width(), mask.height()),
    })
}

const GRID: usize = 8;

/// Means of 8 x 8 cells of a field.
pub fn grid(values: Vec<f64>, width: usize, height: usize) -> [[f64; GRID]; GRID] {
    let part = |side: usize, i: usize| i * side / GRID..(i + 1) * side / GRID;
    let cell = |row: usize, column: usize| {
        let columns = part(width, column);
        let count = part(height, row).len() * columns.len();
        let rows = part(height, row).map(|y| values[y * width..][columns.clone()].iter().sum::<f64>());
        rows.sum::<f64>() / count as f64
    };
    std::array::from_fn(|row| std::array::from_fn(|column| cell(row, column)))
}
