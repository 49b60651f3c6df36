//! Softening a hull into the mask that mixes source and target.

use super::{Error, Unusable};
use crate::imaging::{gaussian_blurred, resized_and_blurred_in_bytes, resized_mask, resized_mask_window};
use crate::rng::SampleRng;
use crate::types::{Mask, Window};
use rand::Rng;
use rand::seq::IndexedRandom;
use serde::{Deserialize, Serialize};

/// How a hull is softened. SBI, "Mask Generator".
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Softening {
    /// Rows that the hull is resized to before it is softened, 192..=256.
    pub height: usize,
    /// Columns that the hull is brought to first, 192..=256.
    pub width: usize,
    /// Side of the Gaussian that makes the hull smaller, odd, 5..=25.
    pub kernel_1: usize,
    /// Side of the Gaussian that makes its edge soft, odd, 5..=25.
    pub kernel_2: usize,
    /// The second Gaussian's standard deviation in pixels, 5..=45.
    pub sigma: usize,
    /// The largest share of the source: 0.25, 0.5, 0.75 or, half of the time, 1.
    pub ratio: f32,
}

impl Softening {
    /// Draws all parameters with their published probabilities.
    pub(super) fn draw(rng: &mut SampleRng) -> Softening {
        let side = |rng: &mut SampleRng| rng.random_range(192..=256);
        let odd = |rng: &mut SampleRng| 2 * rng.random_range(2..=12) + 1;
        const RATIOS: [f32; 6] = [0.25, 0.5, 0.75, 1.0, 1.0, 1.0];
        Softening {
            height: side(rng),
            width: side(rng),
            kernel_1: odd(rng),
            kernel_2: odd(rng),
            sigma: rng.random_range(5..=45),
            ratio: *RATIOS.choose(rng).expect("there are six"),
        }
    }
}

/// Every number over the largest one.
fn over_maximum(mut mask: Mask) -> Result<Mask, Unusable> {
    let largest = mask.data().iter().copied().fold(0.0, f32::max);
    if largest <= 0.0 {
        return Err(Unusable::VanishedMask);
    }
    mask.data_mut().iter_mut().for_each(|value| *value /= largest);
    Ok(mask)
}

/// 1 where the mask is as large as anywhere, 0 elsewhere.
fn core_of(blurred: Mask) -> Result<Mask, Unusable> {
    let mut core = over_maximum(blurred)?;
    core.data_mut().iter_mut().filter(|value| **value < 1.0).for_each(|value| *value = 0.0);
    Ok(core)
}

/// The hull, 0 or 1, at the drawn size and smaller all around: what the first blur leaves at its maximum. 0 or 1.
///
/// Fails with [`Unusable::VanishedMask`] when nothing is set.
pub fn eroded(hull: &Mask, softening: &Softening) -> Result<Mask, Error> {
    let small = resized_mask(hull, softening.width, softening.height)?;
    Ok(core_of(gaussian_blurred(&small, softening.kernel_1, None)?)?)
}

/// [`eroded`] for hulls held in bytes, which round to 0 or 1 again after every step and so hardly shrink. Only
/// for comparison with programs that do so when a library is missing.
pub fn eroded_in_bytes(hull: &Mask, softening: &Softening) -> Result<Mask, Error> {
    let Softening { width, height, kernel_1, .. } = *softening;
    Ok(core_of(resized_and_blurred_in_bytes(hull, width, height, kernel_1)?)?)
}

/// The blend mask of an image of `width` x `height`, as far as it lies in `window`: [`eroded`], softened at its
/// edge and enlarged. From 0 to at most the drawn ratio.
pub fn feathered(
    eroded: &Mask,
    softening: &Softening,
    width: usize,
    height: usize,
    window: Window,
) -> Result<Mask, Error> {
    let soft = gaussian_blurred(eroded, softening.kernel_2, Some(softening.sigma as f64))?;
    let mut mask = resized_mask_window(&over_maximum(soft)?, width, height, window);
    mask.data_mut().iter_mut().for_each(|value| *value *= softening.ratio);
    Ok(mask)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::testing::any_window;
    use crate::rng::{Purpose, generator};
    use proptest::prelude::*;

    fn disc(width: usize, height: usize, share: f64) -> Mask {
        let (cx, cy) = (width as f64 / 2.0, height as f64 / 2.0);
        let inside = |i: usize| {
            let (x, y) = ((i % width) as f64 + 0.5, (i / width) as f64 + 0.5);
            ((x - cx) / cx).powi(2) + ((y - cy) / cy).powi(2) < share * share
        };
        Mask::from_raw(width, height, (0..width * height).map(|i| f32::from(inside(i))).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn masks_are_between_0_and_their_ratio_in_any_window(
            (width, height, window) in (40..400usize, 40..400usize)
                .prop_flat_map(|(w, h)| (Just(w), Just(h), any_window(w, h))),
            share in 0.4..0.9f64, index in any::<u64>(),
        ) {
            let softening = Softening::draw(&mut generator(5, 0, index, Purpose::Sample));
            let hull = disc(width, height, share);
            let small = eroded(&hull, &softening).unwrap();
            prop_assert!(small.data().iter().all(|&value| value == 0.0 || value == 1.0));
            let all = Window::whole(width, height);
            let whole = feathered(&small, &softening, width, height, all).unwrap();
            prop_assert!(whole.data().iter().all(|value| (0.0..=softening.ratio).contains(value)));
            let part = feathered(&small, &softening, width, height, window).unwrap();
            for y in window.y0..window.y1 {
                for x in window.x0..window.x1 {
                    prop_assert_eq!(part.at(x - window.x0, y - window.y0), whole.at(x, y));
                }
            }
        }
    }

    #[test]
    fn erosion_shrinks_floats_and_hardly_bytes() {
        let softening =
            Softening { height: 200, width: 200, kernel_1: 15, kernel_2: 9, sigma: 7, ratio: 1.0 };
        let hull = disc(200, 200, 0.7);
        let set = |mask: &Mask| mask.data().iter().filter(|&&value| value > 0.0).count();
        let (floats, bytes) =
            (eroded(&hull, &softening).unwrap(), eroded_in_bytes(&hull, &softening).unwrap());
        assert!(set(&floats) * 10 < set(&hull) * 9, "{} of {}", set(&floats), set(&hull));
        assert!(set(&bytes) * 50 > set(&hull) * 49, "{} of {}", set(&bytes), set(&hull));
    }

    #[test]
    fn nothing_cannot_be_softened() {
        let softening = Softening::draw(&mut generator(5, 0, 0, Purpose::Sample));
        let error = eroded(&Mask::filled(300, 300, 0.0), &softening).unwrap_err();
        assert!(matches!(error, Error::Unusable(Unusable::VanishedMask)), "{error}");
    }
}
