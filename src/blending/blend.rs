//! Mixing source and target.

use crate::types::{Mask, RgbImage};
use multiversion::multiversion;

/// `mask * source + (1 - mask) * target`, cut to whole numbers. SBI, "Blending".
///
/// # Panics
/// When the sizes differ.
pub fn composite(source: &RgbImage, target: &RgbImage, mask: &Mask) -> RgbImage {
    let size = (mask.width(), mask.height());
    assert_eq!((source.width(), source.height()), size, "source and mask");
    assert_eq!((target.width(), target.height()), size, "target and mask");
    let mut out = target.clone();
    let row = 3 * mask.width();
    let mut shares = vec![0.0; row];
    let rows = source.data().chunks_exact(row).zip(mask.data().chunks_exact(mask.width()));
    for ((source, mask), target) in rows.zip(out.data_mut().chunks_exact_mut(row)) {
        for (shares, share) in shares.chunks_exact_mut(3).zip(mask) {
            (shares[0], shares[1], shares[2]) = (*share, *share, *share);
        }
        mix(source, &shares, target);
    }
    out
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn mix(source: &[u8], shares: &[f32], target: &mut [u8]) {
    for ((source, target), share) in source.iter().zip(target).zip(shares) {
        *target = cut(share * f32::from(*source) + (1.0 - share) * f32::from(*target));
    }
}

/// The whole number at or below `value`, which is between 0 and 255: what `as u8` gives, in a form that
/// compilers make vectors of.
#[inline(always)]
fn cut(value: f32) -> u8 {
    /// Floats from here on have no bits after the point.
    const NO_FRACTION: f32 = (1 << 23) as f32;
    let nearest = value + NO_FRACTION;
    (nearest.to_bits() as u8).wrapping_sub(u8::from(nearest - NO_FRACTION > value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_is_that_of_the_language() {
        // All floats from 0 to 255 in steps of 1 / 1024, and those next to them.
        for step in 0..=255 * 1024u32 {
            let value = step as f32 / 1024.0;
            for value in [value, value.next_down().max(0.0), value.next_up().min(255.0)] {
                assert_eq!(cut(value), value as u8, "{value}");
            }
        }
    }

    #[test]
    fn shares_are_mixed_and_cut() {
        let source = RgbImage::from_raw(4, 1, vec![200, 100, 0, 200, 100, 0, 200, 100, 0, 200, 100, 0]);
        let target = RgbImage::filled(4, 1, [100, 101, 255]);
        let mask = Mask::from_raw(4, 1, vec![0.0, 1.0, 0.5, 0.25]);
        let mixed = composite(&source, &target, &mask);
        assert_eq!(mixed.data(), [100, 101, 255, 200, 100, 0, 150, 100, 127, 125, 100, 191]);
    }
}
