//! Makes visible how a fake differs from the real image.

use crate::types::RgbImage;

/// Factor by which differences are enlarged for viewing: most of them are only a few grey levels.
pub const RESIDUAL_GAIN: i32 = 4;

/// The difference `fake - real`, times [`RESIDUAL_GAIN`], around middle grey and limited to 0..=255.
///
/// # Panics
/// When the images differ in size.
pub fn residual_image(fake: &RgbImage, real: &RgbImage) -> RgbImage {
    assert_eq!((fake.width(), fake.height()), (real.width(), real.height()), "sizes of fake and real");
    const GREY: i32 = 128;
    let shown = |(&fake, &real): (&u8, &u8)| {
        (GREY + RESIDUAL_GAIN * (i32::from(fake) - i32::from(real))).clamp(0, 255) as u8
    };
    let data = fake.data().iter().zip(real.data()).map(shown).collect();
    RgbImage::from_raw(fake.width(), fake.height(), data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_amplified_around_grey_and_cut_off() {
        let fake = RgbImage::from_raw(2, 1, vec![100, 101, 97, 255, 0, 40]);
        let real = RgbImage::from_raw(2, 1, vec![100, 100, 100, 0, 255, 8]);
        assert_eq!(residual_image(&fake, &real).data(), [128, 132, 116, 255, 0, 255]);
    }
}
