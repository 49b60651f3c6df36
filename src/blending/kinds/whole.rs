//! The whole image as a generator returns it: heads made from a single photograph or from nothing, enhanced and enlarged
//! faces.
//!
//! There is no boundary to find here, only what generators leave everywhere: a grid of fewer pixels, patterns of their
//! upsampling (Odena et al., "Deconvolution and checkerboard artifacts", Distill 2016), a spectrum that no camera gives
//! (Durall et al., "Watch your up-convolution", CVPR 2020), skin without pores between sharpened edges. Blur alone never
//! makes a fake: photographs are blurred too.

use super::bands::{BANDS, Bands};
use super::{Available, Canvas, Resample, Shape, Wants};
use crate::blending::{Error, Recipe};
use crate::imaging::{self, edge_preserving, gaussian_blurred_image, median};
use crate::rng::SampleRng;
use crate::types::RgbImage;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An image made whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whole {
    /// Which of the frame's counterparts is in place of the face; `None`: none.
    pub counterpart: Option<u64>,
    /// The generator's grid.
    pub resample: Resample,
    /// What the generator leaves on that grid.
    pub touch: Touch,
    /// Whether the real image goes through the grid as well, so that only the touch makes the difference.
    pub real_resampled: bool,
    /// The mask's shape: everything, or the head.
    pub shape: Shape,
}

/// What a generator leaves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "touch", rename_all = "snake_case", deny_unknown_fields)]
pub enum Touch {
    /// Fine structures gone, edges sharpened: what face enhancers do.
    Enhanced {
        /// Whether by a median instead of a bilateral filter.
        by_median: bool,
        /// 8-bit steps that the bilateral filter smooths away.
        steps: f64,
        /// How much of what blur takes is added again.
        sharpened: f64,
    },
    /// Neighbouring pixels treated unequally, in blocks of 2 x 2: what upsampling by transposed convolutions leaves.
    Checkered {
        /// For each pixel of a block, how much its fine structures are strengthened or weakened, at most by 0.9; 0 on average.
        gains: [f64; 4],
        /// The same pattern added to all, in 8-bit steps.
        steps: f64,
    },
    /// Structures of three sizes, the finest first, multiplied.
    Spectrum {
        /// The factors.
        gains: [f64; BANDS],
    },
}

impl Whole {
    pub(super) fn draw(rng: &mut SampleRng, available: Available, recipe: &mut Recipe) -> Whole {
        recipe.softening.ratio = 1.0;
        let with_counterpart = rng.random_bool(0.4);
        let pick = rng.random();
        Whole {
            counterpart: (with_counterpart && available.counterparts).then_some(pick),
            resample: Resample::draw(rng, 0.6..1.0),
            touch: Touch::draw(rng),
            real_resampled: rng.random_bool(0.5),
            shape: if rng.random_bool(0.75) { Shape::Everything } else { Shape::Head },
        }
    }

    pub(super) fn wants(&self) -> Wants {
        self.counterpart.map_or(Wants::Nothing, |pick| Wants::Counterpart { pick })
    }

    /// How the real image changes before anything else.
    pub(super) fn real_resampled(&self) -> Option<&Resample> {
        Some(&self.resample).filter(|_| self.real_resampled)
    }

    pub(super) fn source(&self, canvas: &Canvas) -> Result<RgbImage, Error> {
        let image = match self.counterpart {
            Some(_) => canvas.counterpart()?,
            None => canvas.own.clone(),
        };
        let small = self.resample.down(&image, canvas.shown)?;
        let touched = self.touch.apply(&small)?;
        Ok(self.resample.up(&touched, image.width(), image.height())?)
    }
}

impl Touch {
    fn draw(rng: &mut SampleRng) -> Touch {
        match rng.random_range(0..3) {
            0 => Touch::Enhanced {
                by_median: rng.random_bool(0.3),
                steps: rng.random_range(12.0..35.0),
                sharpened: rng.random_range(0.4..1.2),
            },
            1 => Touch::Checkered { gains: draw_gains(rng), steps: rng.random_range(0.8..2.5) },
            _ => {
                // The finest structures strengthened as often as weakened, the next the other way round.
                let strong = rng.random_range(1.3..2.0);
                let weak = rng.random_range(0.45..0.8);
                let (fine, middle) = if rng.random_bool(0.5) { (strong, weak) } else { (weak, strong) };
                Touch::Spectrum { gains: [fine, middle, rng.random_range(0.75..1.35)] }
            }
        }
    }

    /// The image, on the generator's grid, after this.
    fn apply(&self, image: &RgbImage) -> Result<RgbImage, imaging::Error> {
        const FINE: f64 = 1.0;
        match *self {
            Touch::Enhanced { by_median, steps, sharpened } => {
                const SIDE: usize = 5;
                let smooth = match by_median {
                    true => median(image, 3)?,
                    false => edge_preserving(image, SIDE, steps)?,
                };
                let bands = Bands::of(&smooth, 1.0)?;
                Ok(bands.merged([1.0 + sharpened, 1.0 + sharpened / 2.0, 1.0]))
            }
            Touch::Checkered { gains, steps } => {
                let smooth = gaussian_blurred_image(image, FINE)?;
                let mut out = image.clone();
                let width = image.width();
                let (gains, steps) = (gains.map(|gain| gain as f32), steps as f32);
                let pixels = out.data_mut().chunks_exact_mut(3).zip(smooth.data().chunks_exact(3));
                for (i, (pixel, smooth)) in pixels.enumerate() {
                    let gain = gains[(i % width) % 2 + 2 * ((i / width) % 2)];
                    for (value, smooth) in pixel.iter_mut().zip(smooth) {
                        let fine = f32::from(*value) - f32::from(*smooth);
                        *value = (f32::from(*value) + gain * (fine + steps)).round().clamp(0.0, 255.0) as u8;
                    }
                }
                Ok(out)
            }
            Touch::Spectrum { gains } => Ok(Bands::of(image, 1.0)?.merged(gains)),
        }
    }
}

/// Gains of a block's pixels: on the whole neither blur nor sharpening, and strong enough to be seen.
fn draw_gains(rng: &mut SampleRng) -> [f64; 4] {
    let gains = [(); 4].map(|()| rng.random_range(-1.0..1.0));
    let mean = gains.iter().sum::<f64>() / gains.len() as f64;
    let gains = gains.map(|gain| gain - mean);
    let largest = gains.iter().fold(f64::MIN_POSITIVE, |most: f64, gain| most.max(gain.abs()));
    let strength = rng.random_range(0.4..0.9);
    gains.map(|gain| strength * gain / largest)
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.counterpart.is_some() {
            f.write_str("a counterpart in place, ")?;
        }
        match self.touch {
            Touch::Enhanced { by_median: true, sharpened, .. } => {
                write!(f, "enhanced by median, sharpened {sharpened:.2}")?
            }
            Touch::Enhanced { steps, sharpened, .. } => {
                write!(f, "enhanced, {steps:.0} steps smoothed, sharpened {sharpened:.2}")?
            }
            Touch::Checkered { gains, steps } => {
                let gains = gains.map(|gain| format!("{gain:+.2}")).join(" ");
                write!(f, "checkered by {gains}, {steps:.1} steps")?
            }
            Touch::Spectrum { gains } => {
                write!(f, "spectrum times {}", gains.map(|gain| format!("{gain:.2}")).join(" "))?
            }
        }
        write!(f, ", {}", self.resample)?;
        f.write_str(if self.real_resampled { " like the real image" } else { "" })
    }
}
