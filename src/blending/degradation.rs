//! What cameras, networks and sites do to a video, on both images of a pair alike.
//!
//! Not part of the published training, which has compressed videos to learn from: with sharp photographs the absence
//! of compression would become a cue.

use crate::imaging::{Error, jpeg_round_trip, shrunk};
use crate::rng::SampleRng;
use crate::types::RgbImage;
use rand::Rng;
use serde::{Deserialize, Serialize};

/// A loss of detail, then JPEG.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Degradation {
    /// What is left of both sides, 0.5..1; pixels are averaged over the area that a new one covers.
    pub scale: f64,
    /// JPEG quality, 30..=90.
    pub quality: i32,
}

impl Degradation {
    /// Draws one with the given probability.
    pub(super) fn draw(rng: &mut SampleRng, probability: f64) -> Option<Degradation> {
        let drawn = rng.random_bool(probability);
        let degradation =
            Degradation { scale: rng.random_range(0.5..1.0), quality: rng.random_range(30..=90) };
        drawn.then_some(degradation)
    }

    /// Shrinks the image by the scale and applies the loss of a JPEG encoding. The result is smaller than the input.
    pub fn apply(&self, image: &RgbImage) -> Result<RgbImage, Error> {
        let side = |side: usize| ((side as f64 * self.scale).round() as usize).max(1);
        Ok(jpeg_round_trip(&shrunk(image, side(image.width()), side(image.height()))?, self.quality))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, generator};

    #[test]
    fn images_lose_size_and_detail_and_keep_their_mean() {
        let checked = (0..64 * 48 * 3).map(|i| if i / 3 % 2 == 0 { 40 } else { 200 }).collect();
        let image = RgbImage::from_raw(64, 48, checked);
        let small = Degradation { scale: 0.5, quality: 90 }.apply(&image).unwrap();
        assert_eq!((small.width(), small.height()), (32, 24));
        assert!(small.data().iter().all(|value| value.abs_diff(120) < 8));
        let one = RgbImage::filled(1, 1, [9, 9, 9]);
        assert_eq!(Degradation { scale: 0.5, quality: 30 }.apply(&one).unwrap().width(), 1);
    }

    #[test]
    fn draws_have_their_frequency_and_range() {
        let mut rng = generator(3, 0, 0, Purpose::Sample);
        let draws: Vec<_> = (0..2000).filter_map(|_| Degradation::draw(&mut rng, 0.6)).collect();
        assert!((1090..1310).contains(&draws.len()), "{}", draws.len());
        assert!(draws.iter().all(|d| (0.5..1.0).contains(&d.scale) && (30..=90).contains(&d.quality)));
        assert!(draws.iter().any(|d| d.quality == 30) && draws.iter().any(|d| d.quality == 90));
    }
}
