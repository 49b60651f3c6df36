//! Other light on both images of a pair alike.
//!
//! Not part of the published training, whose videos were filmed everywhere. Portraits are taken in good light: a detector
//! that knows nothing else takes the dark, the coloured and the one-sided for something that is wrong with a face.

use crate::rng::{Purpose, SampleRng, generator};
use crate::types::RgbImage;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A change of brightness, colour and direction of the light.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Light {
    /// Exponent of brightness in 0..=1: above 1 darker, below brighter; 0.55..1.9.
    pub gamma: f64,
    /// Factors of red, green and blue, each 0.75..1.25.
    pub colour: [f64; 3],
    /// How much colour is left, 0..=1.3; 0: grey.
    pub saturation: f64,
    /// How much brighter the image is at its right and lower edge than in its middle, as a part of the brightness there;
    /// each from -0.45 to 0.45.
    pub slope: [f64; 2],
}

impl Light {
    /// Draws one with the given probability. Whatever it is, `rng` gives two draws.
    pub(super) fn draw(rng: &mut SampleRng, probability: f64) -> Option<Light> {
        let drawn = rng.random::<f64>() < probability;
        let seed = rng.random();
        drawn.then(|| Light::drawn(&mut generator(seed, 0, 0, Purpose::Light)))
    }

    fn drawn(rng: &mut SampleRng) -> Light {
        const COLOURED: f64 = 0.6;
        const GREY: f64 = 0.06;
        const ONE_SIDED: f64 = 0.5;
        let gamma = rng.random_range(f64::ln(0.55)..f64::ln(1.9)).exp();
        let coloured = rng.random_bool(COLOURED);
        let colour = [(); 3].map(|()| rng.random_range(0.75..1.25));
        let grey = rng.random_bool(GREY);
        let saturation = rng.random_range(0.5..1.3);
        let one_sided = rng.random_bool(ONE_SIDED);
        let slope = [(); 2].map(|()| rng.random_range(-0.45..0.45));
        Light {
            gamma,
            colour: if coloured { colour } else { [1.0; 3] },
            saturation: if grey { 0.0 } else { saturation },
            slope: if one_sided { slope } else { [0.0; 2] },
        }
    }

    /// Changes an image; its middle is the middle of the light.
    pub fn apply(&self, image: &mut RgbImage) {
        let (width, height) = (image.width(), image.height());
        let table: [[f32; 256]; 3] = self.colour.map(|gain| {
            std::array::from_fn(|value| (255.0 * gain * (value as f64 / 255.0).powf(self.gamma)) as f32)
        });
        let along = |at: usize, side: usize, slope: f64| {
            (slope * (2.0 * (at as f64 + 0.5) / side as f64 - 1.0)) as f32
        };
        let columns: Vec<f32> = (0..width).map(|x| along(x, width, self.slope[0])).collect();
        let saturation = self.saturation as f32;
        for (y, row) in image.data_mut().chunks_exact_mut(3 * width).enumerate() {
            let down = 1.0 + along(y, height, self.slope[1]);
            for (pixel, across) in row.chunks_exact_mut(3).zip(&columns) {
                let shade = (down + across).max(0.05);
                let lit = [0, 1, 2].map(|channel| shade * table[channel][pixel[channel] as usize]);
                let grey = 0.299 * lit[0] + 0.587 * lit[1] + 0.114 * lit[2];
                for (value, lit) in pixel.iter_mut().zip(lit) {
                    *value = (grey + saturation * (lit - grey)).round().clamp(0.0, 255.0) as u8;
                }
            }
        }
    }
}

impl fmt::Display for Light {
    /// What it is, in a few words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b] = self.colour;
        let [x, y] = self.slope;
        write!(
            f,
            "gamma {:.2}, colour {r:.2} {g:.2} {b:.2}, saturation {:.2}, slope {x:+.2} {y:+.2}",
            self.gamma, self.saturation
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEUTRAL: Light = Light { gamma: 1.0, colour: [1.0; 3], saturation: 1.0, slope: [0.0; 2] };

    fn lit(light: Light, rgb: [u8; 3]) -> RgbImage {
        let mut image = RgbImage::filled(21, 11, rgb);
        light.apply(&mut image);
        image
    }

    #[test]
    fn nothing_changes_in_neutral_light_and_each_part_does_what_it_says() {
        assert_eq!(lit(NEUTRAL, [7, 100, 250]).pixel(3, 4), [7, 100, 250]);
        assert!(lit(Light { gamma: 1.5, ..NEUTRAL }, [100; 3]).pixel(0, 0)[0] < 80);
        let red = lit(Light { colour: [1.2, 1.0, 0.8], ..NEUTRAL }, [100; 3]);
        assert_eq!(red.pixel(10, 5), [120, 100, 80]);
        let [r, g, b] = lit(Light { saturation: 0.0, ..NEUTRAL }, [200, 40, 90]).pixel(1, 1);
        assert!(r == g && g == b);
        let sloped = lit(Light { slope: [0.4, 0.0], ..NEUTRAL }, [100; 3]);
        assert!(sloped.pixel(0, 5)[0] < 65 && sloped.pixel(10, 5)[0] == 100 && sloped.pixel(20, 5)[0] > 135);
        let white = lit(Light { slope: [0.4, 0.4], ..NEUTRAL }, [250; 3]);
        assert_eq!(white.pixel(20, 10), [255; 3]);
    }

    #[test]
    fn draws_stay_in_their_ranges_and_take_as_many_draws() {
        let mut rng = generator(3, 0, 0, Purpose::Sample);
        let all: Vec<Light> = (0..4000).filter_map(|_| Light::draw(&mut rng, 0.5)).collect();
        assert!((1850..2150).contains(&all.len()), "{}", all.len());
        for light in &all {
            assert!((0.55..1.9).contains(&light.gamma) && (0.0..=1.3).contains(&light.saturation));
            assert!(light.colour.iter().all(|gain| (0.75..=1.25).contains(gain)));
            assert!(light.slope.iter().all(|slope| slope.abs() <= 0.45));
        }
        assert!(all.iter().any(|light| light.saturation == 0.0));
        let after = |probability| {
            let mut rng = generator(1, 0, 0, Purpose::Sample);
            (Light::draw(&mut rng, probability).is_some(), rng.random::<u64>())
        };
        assert_eq!((after(0.0).0, after(1.0).0), (false, true));
        assert_eq!(after(0.0).1, after(1.0).1);
    }
}
