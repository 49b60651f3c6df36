//! What happens to images on their way to a viewer: five kinds, each in five severities.

use crate::imaging::{self, gaussian_blurred_image, jpeg_round_trip, resized, shrunk};
use crate::rng::{Purpose, generator};
use crate::types::RgbImage;
use rand_distr::{Distribution, Normal};
use serde::{Serialize, Serializer};

/// How many severities each kind has; they count from 1.
pub const SEVERITIES: usize = 5;

/// How many versions of a crop there are: as it is, and every kind at every severity.
pub(super) const VERSIONS: usize = 1 + PerturbationKind::ALL.len() * SEVERITIES;

/// What happens to an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PerturbationKind {
    /// Compression as JPEG.
    Jpeg,
    /// A Gaussian blur, as out of focus.
    Blur,
    /// Gaussian noise, independent per value, as from a sensor in the dark.
    Noise,
    /// Shrinking by averaging over areas, and enlarging again bilinearly.
    Resize,
    /// Less light: values are multiplied by a factor below 1.
    Brightness,
}

impl PerturbationKind {
    /// All of them, in the order of reports.
    pub const ALL: [PerturbationKind; 5] = [
        PerturbationKind::Jpeg,
        PerturbationKind::Blur,
        PerturbationKind::Noise,
        PerturbationKind::Resize,
        PerturbationKind::Brightness,
    ];

    /// What the kind is called in reports: `jpeg`, `blur`, `noise`, `resize`, `brightness`.
    pub fn name(self) -> &'static str {
        match self {
            PerturbationKind::Jpeg => "jpeg",
            PerturbationKind::Blur => "blur",
            PerturbationKind::Noise => "noise",
            PerturbationKind::Resize => "resize",
            PerturbationKind::Brightness => "brightness",
        }
    }

    /// The name of the strength, and its value at each severity.
    fn strengths(self) -> (&'static str, [f64; SEVERITIES]) {
        match self {
            PerturbationKind::Jpeg => ("quality", [75.0, 55.0, 40.0, 25.0, 15.0]),
            PerturbationKind::Blur => ("sigma, px", [1.0, 1.5, 2.5, 4.0, 6.0]),
            PerturbationKind::Noise => ("deviation of 255", [4.0, 8.0, 14.0, 22.0, 32.0]),
            PerturbationKind::Resize => ("scale", [0.75, 0.5, 0.35, 0.25, 0.15]),
            PerturbationKind::Brightness => ("factor", [0.8, 0.65, 0.5, 0.35, 0.2]),
        }
    }
}

impl Serialize for PerturbationKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// One kind at one severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Perturbation {
    /// What happens to the image.
    pub kind: PerturbationKind,
    /// The severity, 1..=[`SEVERITIES`].
    pub severity: usize,
}

impl Perturbation {
    /// Every kind at every severity, in the order of reports.
    pub fn all() -> impl Iterator<Item = Perturbation> {
        let severities = |kind| (1..=SEVERITIES).map(move |severity| Perturbation { kind, severity });
        PerturbationKind::ALL.into_iter().flat_map(severities)
    }

    /// The severity's strength, and what it measures.
    pub fn strength(self) -> (f64, &'static str) {
        let (what, strengths) = self.kind.strengths();
        (strengths[self.severity.clamp(1, SEVERITIES) - 1], what)
    }

    /// What becomes of an image. `number` seeds the noise: the same number, the same noise.
    pub fn apply(self, image: &RgbImage, number: u64) -> Result<RgbImage, imaging::Error> {
        let (strength, _) = self.strength();
        Ok(match self.kind {
            PerturbationKind::Jpeg => jpeg_round_trip(image, strength as i32),
            PerturbationKind::Blur => gaussian_blurred_image(image, strength)?,
            PerturbationKind::Noise => noisy(image, strength, number),
            PerturbationKind::Resize => {
                let (width, height) = (image.width(), image.height());
                let side = |side: usize| ((side as f64 * strength).round() as usize).max(1);
                resized(&shrunk(image, side(width), side(height))?, width, height)?
            }
            PerturbationKind::Brightness => {
                let mut dark = image.clone();
                for value in dark.data_mut() {
                    *value = (f64::from(*value) * strength).round() as u8;
                }
                dark
            }
        })
    }
}

fn noisy(image: &RgbImage, deviation: f64, number: u64) -> RgbImage {
    let mut rng = generator(0, 0, number, Purpose::Noise);
    let normal = Normal::new(0.0, deviation).expect("a finite deviation");
    let mut out = image.clone();
    for value in out.data_mut() {
        // Values beyond 0 and 255 saturate.
        *value = (f64::from(*value) + normal.sample(&mut rng)).round() as u8;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Detail of every size, whose loss every kind shows.
    fn image() -> RgbImage {
        let values = crate::model::fill::uniform("picture", 1, 64 * 48 * 3);
        let image = RgbImage::from_raw(64, 48, values.map(|value| (value * 255.0) as u8).collect());
        gaussian_blurred_image(&image, 1.0).unwrap()
    }

    fn difference(a: &RgbImage, b: &RgbImage) -> f64 {
        let sum: u64 = a.data().iter().zip(b.data()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        sum as f64 / a.data().len() as f64
    }

    #[test]
    fn every_severity_changes_more_than_the_one_before_and_keeps_the_size() {
        let clean = image();
        for kind in PerturbationKind::ALL {
            let changes: Vec<f64> = (1..=SEVERITIES)
                .map(|severity| {
                    let out = Perturbation { kind, severity }.apply(&clean, 7).unwrap();
                    assert_eq!((out.width(), out.height()), (64, 48));
                    difference(&out, &clean)
                })
                .collect();
            assert!(changes[0] > 0.2, "{kind:?}: {changes:?}");
            assert!(changes.windows(2).all(|pair| pair[1] > pair[0] * 0.99), "{kind:?}: {changes:?}");
        }
        assert_eq!(1 + Perturbation::all().count(), VERSIONS);
    }

    #[test]
    fn noise_has_its_deviation_and_repeats_itself() {
        let grey = RgbImage::filled(200, 200, [128; 3]);
        let noise = Perturbation { kind: PerturbationKind::Noise, severity: 3 };
        let out = noise.apply(&grey, 1).unwrap();
        let squares: f64 = out.data().iter().map(|&value| (f64::from(value) - 128.0).powi(2)).sum();
        assert!(((squares / 120_000.0).sqrt() - 14.0).abs() < 0.3);
        assert!(out == noise.apply(&grey, 1).unwrap() && out != noise.apply(&grey, 2).unwrap());
    }
}
