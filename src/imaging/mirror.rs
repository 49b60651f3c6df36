//! Mirroring.

use super::Error;
use super::mat::{as_mat, as_mat_mut};
use crate::types::RgbImage;

/// Left and right exchanged: column x becomes column `width - 1 - x`.
pub fn mirrored(image: &RgbImage) -> Result<RgbImage, Error> {
    const AROUND_THE_VERTICAL: i32 = 1;
    let mut out = RgbImage::filled(image.width(), image.height(), [0; 3]);
    opencv::core::flip(&as_mat(image)?, &mut as_mat_mut(&mut out)?, AROUND_THE_VERTICAL)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::testing::any_image;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn columns_change_places(image in any_image(1..40, 1..20)) {
            let mirror = mirrored(&image).unwrap();
            let last = image.width() - 1;
            for (x, y) in [(0, 0), (last, 0), (last / 2, image.height() - 1)] {
                prop_assert_eq!(mirror.pixel(last - x, y), image.pixel(x, y));
            }
            prop_assert_eq!(mirrored(&mirror).unwrap(), image);
        }
    }
}
