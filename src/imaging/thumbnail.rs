//! Frames so small that two of them are compared at once: has the scene changed?

use crate::types::RgbImage;

/// Fields per side.
const SIDE: usize = 16;
/// Pixels that a field is the mean of, per axis.
const SAMPLES: usize = 8;
/// Mean difference of fields, of 255, from which two frames show two scenes. It is chosen, not
/// measured: a cut that is none costs little, since faces are looked at once more, and a soft one that is missed is no harm.
const CUT: f64 = 18.0;

/// A frame in 16 x 16 fields of one colour each.
#[derive(Clone, Debug, PartialEq)]
pub struct Thumbnail(Vec<u8>);

impl Thumbnail {
    /// The frame, from a fixed number of its pixels: the time it takes does not grow with the frame.
    pub fn of(image: &RgbImage) -> Self {
        let mut fields = Vec::with_capacity(SIDE * SIDE * 3);
        if image.width() == 0 || image.height() == 0 {
            return Thumbnail(vec![0; SIDE * SIDE * 3]);
        }
        let place = |field: usize, sample: usize, pixels: usize| {
            (2 * (field * SAMPLES + sample) + 1) * pixels / (2 * SIDE * SAMPLES)
        };
        for row in 0..SIDE {
            for column in 0..SIDE {
                let mut sum = [0usize; 3];
                for sample in 0..SAMPLES * SAMPLES {
                    let y = place(row, sample / SAMPLES, image.height());
                    let x = place(column, sample % SAMPLES, image.width());
                    sum.iter_mut().zip(image.pixel(x, y)).for_each(|(sum, value)| *sum += usize::from(value));
                }
                fields.extend(sum.map(|sum| (sum / (SAMPLES * SAMPLES)) as u8));
            }
        }
        Thumbnail(fields)
    }

    /// Whether the other frame shows another scene.
    pub fn is_cut(&self, other: &Thumbnail) -> bool {
        let apart: usize = self.0.iter().zip(&other.0).map(|(a, b)| usize::from(a.abs_diff(*b))).sum();
        apart as f64 >= CUT * self.0.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn movement_is_no_cut_and_another_place_is() {
        let scene = |shift: usize, base: u8| {
            let value = |i: usize| {
                let (x, y) = (i / 3 % 96, i / 288);
                if (30 + shift..60 + shift).contains(&x) && (20..50).contains(&y) { 200 } else { base }
            };
            Thumbnail::of(&RgbImage::from_raw(96, 64, (0..96 * 64 * 3).map(value).collect()))
        };
        assert!(!scene(0, 60).is_cut(&scene(4, 60)));
        assert!(scene(0, 60).is_cut(&scene(0, 120)));
        assert_eq!(Thumbnail::of(&RgbImage::filled(5, 3, [7, 8, 9])).0[..3], [7, 8, 9]);
    }
}
