//! Transparent images on a plain ground.

use crate::types::RgbImage;

/// The grey that shows through: what lies under full transparency is nobody's image, and may be anything.
pub(super) const GROUND: u8 = 128;

/// Whether colours have already been multiplied with their opacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colours {
    Plain,
    Premultiplied,
}

/// Lays one value on the ground.
fn laid(value: u8, opacity: u8, colours: Colours) -> u8 {
    const HALF: u32 = 127;
    let ground = u32::from(GROUND) * (255 - u32::from(opacity));
    match colours {
        Colours::Plain => ((u32::from(value) * u32::from(opacity) + ground + HALF) / 255) as u8,
        Colours::Premultiplied => (u32::from(value) + (ground + HALF) / 255).min(255) as u8,
    }
}

/// A pixel on the ground: red, green and blue, from these and an opacity.
pub(super) fn on_ground([red, green, blue, opacity]: [u8; 4], colours: Colours) -> [u8; 3] {
    [red, green, blue].map(|value| laid(value, opacity, colours))
}

/// Lays `[height, width, 4]`, opacity last, on the ground. Says whether anything is not opaque.
///
/// # Panics
/// When the length is not `height * width * 4`.
pub(super) fn flattened(width: usize, height: usize, rgba: &[u8], colours: Colours) -> (RgbImage, bool) {
    let mut transparent = false;
    let mut data = Vec::with_capacity(width * height * 3);
    for pixel in rgba.as_chunks().0 {
        transparent |= pixel[3] != 255;
        data.extend_from_slice(&on_ground(*pixel, colours));
    }
    (RgbImage::from_raw(width, height, data), transparent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opaque_pixels_stay_and_hidden_ones_vanish() {
        for value in 0..=255 {
            for colours in [Colours::Plain, Colours::Premultiplied] {
                assert_eq!(on_ground([value, 0, 255, 255], colours), [value, 0, 255]);
            }
            assert_eq!(on_ground([value, 0, 255, 0], Colours::Plain), [GROUND; 3]);
        }
        assert_eq!(on_ground([200, 0, 128, 128], Colours::Plain), [164, 64, 128]);
        assert_eq!(on_ground([100, 0, 64, 128], Colours::Premultiplied), [164, 64, 128]);
    }

    #[test]
    fn transparency_is_noticed() {
        let (image, transparent) = flattened(1, 2, &[1, 2, 3, 255, 9, 9, 9, 0], Colours::Plain);
        assert_eq!((image.pixel(0, 0), image.pixel(0, 1), transparent), ([1, 2, 3], [GROUND; 3], true));
        assert!(!flattened(1, 1, &[1, 2, 3, 255], Colours::Plain).1);
    }
}
