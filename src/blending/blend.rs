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
    mix(source.data(), mask.data(), out.data_mut());
    out
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn mix(source: &[u8], mask: &[f32], target: &mut [u8]) {
    for ((source, target), share) in source.chunks_exact(3).zip(target.chunks_exact_mut(3)).zip(mask) {
        for channel in 0..3 {
            let mixed = share * f32::from(source[channel]) + (1.0 - share) * f32::from(target[channel]);
            target[channel] = mixed as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_mixed_and_cut() {
        let source = RgbImage::from_raw(4, 1, vec![200, 100, 0, 200, 100, 0, 200, 100, 0, 200, 100, 0]);
        let target = RgbImage::filled(4, 1, [100, 101, 255]);
        let mask = Mask::from_raw(4, 1, vec![0.0, 1.0, 0.5, 0.25]);
        let mixed = composite(&source, &target, &mask);
        assert_eq!(mixed.data(), [100, 101, 255, 200, 100, 0, 150, 100, 127, 125, 100, 191]);
    }
}
