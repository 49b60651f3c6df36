//! What a frame went through before a face was put into it.
//!
//! Not part of the published training. A swap program is given a video: smoothed by a phone's filter, made smaller, encoded
//! for a site. The face that it puts in comes from a generator and has none of that, so swaps are often *sharper* and
//! cleaner than what surrounds them, and both are encoded again. Here the target of a blend, and with it the real image,
//! gets such a past, while the source is made of the frame as it was.

use super::Error;
use super::codec::Codec;
use super::kinds::Resample;
use crate::imaging::{edge_preserving, gaussian_blurred_image, median};
use crate::rng::{Purpose, SampleRng, generator};
use crate::types::{RgbImage, Window};
use crate::video::recompressed;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The losses of the frame that a face is put into, in the order in which they happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Past {
    /// The size that the frame had; `None`: the one it has.
    pub resample: Option<Resample>,
    /// What smoothed it, on that grid.
    pub smoothing: Option<Smoothing>,
    /// What it was encoded with, on that grid.
    pub codec: Option<Codec>,
    /// Whether the source is made of what is left as well: then it differs from the target as without a past.
    pub shared: bool,
    /// How much of what a blur takes is added to the source again, as programs that enhance faces do; 0: nothing.
    pub sharpened: f64,
}

/// A filter of a camera, a phone or an editor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Smoothing {
    /// A bilateral filter: skin without pores between edges that stay, the look of filters that beautify.
    EdgePreserving {
        /// 8-bit steps that it smooths away, 8..30.
        steps: f64,
    },
    /// The median of 3 x 3 pixels: what removes noise.
    Median,
    /// A Gaussian blur: out of focus.
    Blur {
        /// Its standard deviation in pixels, 0.5..1.4.
        sigma: f64,
    },
}

impl Past {
    /// Draws one with the given probability. Whatever it is, `rng` gives two draws. `whole`: nothing of the frame is
    /// left in the fake; then source and target share their past, or cleanness alone would be the mark of a fake.
    pub(super) fn draw(rng: &mut SampleRng, probability: f64, whole: bool) -> Option<Past> {
        let drawn = rng.random::<f64>() < probability;
        let seed = rng.random();
        drawn.then(|| {
            let mut past = Past::drawn(&mut generator(seed, 0, 0, Purpose::Past));
            past.shared |= whole;
            past
        })
    }

    fn drawn(rng: &mut SampleRng) -> Past {
        const SMALLER: f64 = 0.7;
        const SMOOTHED: f64 = 0.4;
        const ENCODED: f64 = 0.7;
        const SHARED: f64 = 0.2;
        const SHARPENED: f64 = 0.3;
        let smaller = rng.random_bool(SMALLER);
        let resample = Resample::draw(rng, 0.35..1.0);
        let smoothed = rng.random_bool(SMOOTHED);
        let smoothing = Smoothing::drawn(rng);
        let encoded = rng.random_bool(ENCODED);
        let codec = Codec::drawn(rng);
        let shared = rng.random_bool(SHARED);
        let sharpened = rng.random_bool(SHARPENED);
        let amount = rng.random_range(0.3..1.2);
        Past {
            resample: smaller.then_some(resample),
            smoothing: smoothed.then_some(smoothing),
            codec: encoded.then_some(codec),
            shared,
            sharpened: if sharpened { amount } else { 0.0 },
        }
    }

    /// A frame of which `part` has this past; outside it is as it was. `shown`: pixels of the pair's images per pixel.
    pub fn apply(&self, frame: &RgbImage, part: Window, shown: f64) -> Result<RgbImage, Error> {
        let mut frame = frame.clone();
        frame.paste(&self.lost(frame.cropped(part), shown)?, part.x0, part.y0);
        Ok(frame)
    }

    fn lost(&self, image: RgbImage, shown: f64) -> Result<RgbImage, Error> {
        let (width, height) = (image.width(), image.height());
        let mut image = match &self.resample {
            Some(resample) => resample.down(&image, shown)?,
            None => image,
        };
        if let Some(smoothing) = &self.smoothing {
            image = smoothing.apply(&image)?;
        }
        if let Some(codec) = &self.codec {
            image = recompressed(&[image], &codec.compression(), 0..1)?.swap_remove(0);
        }
        match &self.resample {
            Some(resample) => Ok(resample.up(&image, width, height)?),
            None => Ok(image),
        }
    }

    /// A source with what an enhancer adds.
    pub fn enhanced(&self, source: RgbImage) -> Result<RgbImage, Error> {
        const SIGMA: f64 = 1.0;
        if self.sharpened == 0.0 {
            return Ok(source);
        }
        let blurred = gaussian_blurred_image(&source, SIGMA)?;
        let sharp = source.data().iter().zip(blurred.data()).map(|(&value, &blurred)| {
            let value = f64::from(value);
            (value + self.sharpened * (value - f64::from(blurred))).round().clamp(0.0, 255.0) as u8
        });
        Ok(RgbImage::from_raw(source.width(), source.height(), sharp.collect()))
    }
}

impl Smoothing {
    fn drawn(rng: &mut SampleRng) -> Smoothing {
        let kind = rng.random::<f64>();
        let part = rng.random::<f64>();
        match kind {
            0.0..0.5 => Smoothing::EdgePreserving { steps: 8.0 + 22.0 * part },
            0.5..0.7 => Smoothing::Median,
            _ => Smoothing::Blur { sigma: 0.5 + 0.9 * part },
        }
    }

    fn apply(&self, image: &RgbImage) -> Result<RgbImage, Error> {
        const SIDE: usize = 5;
        Ok(match *self {
            Smoothing::EdgePreserving { steps } => edge_preserving(image, SIDE, steps)?,
            Smoothing::Median => median(image, 3)?,
            Smoothing::Blur { sigma } => gaussian_blurred_image(image, sigma)?,
        })
    }
}

impl fmt::Display for Past {
    /// What it is, in a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let smoothing = self.smoothing.map(|smoothing| match smoothing {
            Smoothing::EdgePreserving { steps } => format!("smoothed up to {steps:.0} steps"),
            Smoothing::Median => "smoothed by the median".to_owned(),
            Smoothing::Blur { sigma } => format!("blurred by {sigma:.1} px"),
        });
        let parts = [
            self.resample.map(|resample| resample.to_string()),
            smoothing,
            self.codec.map(|codec| codec.described()),
            self.shared.then(|| "source alike".to_owned()),
            (self.sharpened > 0.0).then(|| format!("source sharpened by {:.2}", self.sharpened)),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(&if parts.is_empty() { "nothing lost".to_owned() } else { parts.join(", ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blending::testing::frame;

    fn draws(whole: bool) -> Vec<Past> {
        let draw = |index| Past::draw(&mut generator(5, 0, index, Purpose::Sample), 1.0, whole);
        (0..4000).filter_map(draw).collect()
    }

    #[test]
    fn draws_have_their_frequencies_and_write_down_the_same() {
        let all = draws(false);
        assert_eq!(all.len(), 4000);
        let share = |of: &dyn Fn(&Past) -> bool| all.iter().filter(|past| of(past)).count() as f64 / 4000.0;
        let near =
            |found: f64, expected: f64| assert!((found - expected).abs() < 0.04, "{found}, {expected}");
        near(share(&|past| past.resample.is_some()), 0.7);
        near(share(&|past| past.smoothing.is_some()), 0.4);
        near(share(&|past| past.codec.is_some()), 0.7);
        near(share(&|past| past.shared), 0.2);
        near(share(&|past| past.sharpened > 0.0), 0.3);
        for past in &all[..200] {
            let json = serde_json::to_string(past).unwrap();
            assert_eq!(&serde_json::from_str::<Past>(&json).unwrap(), past);
        }
        assert!(draws(true).iter().all(|past| past.shared), "nothing of the frame is left to compare with");
    }

    #[test]
    fn whatever_is_drawn_takes_as_many_draws() {
        let after = |probability| {
            let mut rng = generator(1, 0, 0, Purpose::Sample);
            let past = Past::draw(&mut rng, probability, false);
            (past.is_some(), rng.random::<u64>())
        };
        assert_eq!((after(0.0).0, after(1.0).0), (false, true));
        assert_eq!(after(0.0).1, after(1.0).1);
    }

    #[test]
    fn a_part_loses_detail_and_the_rest_nothing() {
        let frame = frame(160, 120);
        let part = Window { y0: 20, y1: 100, x0: 30, x1: 130 };
        let past = Past {
            resample: None,
            smoothing: Some(Smoothing::Blur { sigma: 1.2 }),
            codec: None,
            shared: false,
            sharpened: 0.0,
        };
        let lost = past.apply(&frame, part, 1.0).unwrap();
        let detail = |image: &RgbImage| -> u64 {
            let part = image.cropped(part);
            part.data().windows(4).map(|pair| u64::from(pair[0].abs_diff(pair[3]))).sum()
        };
        assert!(detail(&lost) < detail(&frame));
        for y in 0..120 {
            for x in 0..160 {
                let inside = (20..100).contains(&y) && (30..130).contains(&x);
                assert!(inside || lost.pixel(x, y) == frame.pixel(x, y), "({x}, {y})");
            }
        }
    }

    #[test]
    fn enhancing_strengthens_edges_and_keeps_flat_parts() {
        let past = Past { resample: None, smoothing: None, codec: None, shared: false, sharpened: 1.0 };
        let flat = RgbImage::filled(20, 20, [90, 120, 60]);
        assert_eq!(past.enhanced(flat.clone()).unwrap(), flat);
        let mut edge = flat;
        edge.paste(&RgbImage::filled(10, 20, [150, 120, 60]), 10, 0);
        let sharp = past.enhanced(edge).unwrap();
        assert!(sharp.pixel(10, 10)[0] > 150 && sharp.pixel(9, 10)[0] < 90);
        assert_eq!(sharp.pixel(9, 10)[1], 120);
    }
}
