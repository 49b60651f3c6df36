//! The frames of a group: one image under a moving camera.

use super::Motion;
use crate::imaging::{self, warped};
use crate::rng::{Purpose, generator};
use crate::types::RgbImage;
use rand::RngCore;

impl Motion {
    /// The image as it is seen `time` frames after its own moment, below `offset` pixels of what lies around it. At time 0
    /// its pixels are its own. Beyond its edges it is mirrored.
    pub(super) fn seen_at(
        &self,
        time: i32,
        image: &RgbImage,
        offset: [usize; 2],
    ) -> Result<RgbImage, imaging::Error> {
        let (width, height) = (image.width(), image.height());
        let zoom = self.zoom.powi(time);
        // Zoomed about the middle.
        let shift = |side: usize, step: f64, offset: usize| {
            let middle = (side as f64 - 1.0) / 2.0;
            middle - zoom * middle + step * f64::from(time) + offset as f64
        };
        let matrix = [
            [zoom, 0.0, shift(width, self.step[0], offset[0])],
            [0.0, zoom, shift(height, self.step[1], offset[1])],
        ];
        warped(image, matrix, width + offset[0], height + offset[1])
    }
}

/// Adds the sensor's noise of frame number `number`, the same for every image of its size. It is grey: of colours, which
/// are stored at half resolution, little noise is left.
pub fn add_noise(frame: &mut RgbImage, deviation: f64, seed: u64, number: u64) {
    let steps = steps_of_bytes(deviation);
    if steps.iter().all(|&step| step == 0) {
        return;
    }
    let mut rng = generator(seed, number, 0, Purpose::Noise);
    let mut bytes = vec![0; frame.width() * frame.height()];
    rng.fill_bytes(&mut bytes);
    for (pixel, byte) in frame.data_mut().chunks_exact_mut(3).zip(bytes) {
        let step = steps[usize::from(byte)];
        for value in pixel {
            *value = value.saturating_add_signed(step);
        }
    }
}

/// The step for each random byte. Sums of eight even bits are near enough to a normal distribution; their deviation is the
/// root of two.
fn steps_of_bytes(deviation: f64) -> [i8; 256] {
    std::array::from_fn(|byte| {
        let sum = f64::from(byte.count_ones()) - 4.0;
        (deviation * sum / std::f64::consts::SQRT_2).round() as i8
    })
}
