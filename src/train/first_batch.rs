//! A sheet of the first batch: broken data is seen at once.

use super::PairBatch;
use crate::imaging::{Error, residual_image, resized, write_image};
use crate::types::RgbImage;
use std::path::Path;
use tch::{Kind, Tensor};

/// How many pairs the sheet shows at most.
const SHOWN: i64 = 8;
/// Side of an image on the sheet in pixels.
const TILE: usize = 160;

/// Writes a sheet with a row per pair: real, fake, residual.
pub fn write_sheet(path: &Path, batch: &PairBatch) -> Result<(), Error> {
    let rows = batch.real.size()[0].min(SHOWN);
    let mut sheet = RgbImage::filled(3 * TILE, rows as usize * TILE, [24; 3]);
    for row in 0..rows {
        let (real, fake) = (image_of(&batch.real.get(row)), image_of(&batch.fake.get(row)));
        let residual = residual_image(&fake, &real);
        for (column, image) in [real, fake, residual].iter().enumerate() {
            let tile = resized(image, TILE, TILE)?;
            sheet.paste(&tile, column * TILE, row as usize * TILE);
        }
    }
    write_image(path, &sheet)
}

/// `[3, h, w]`, RGB in 0..=1, as an image of bytes.
pub(super) fn image_of(planes: &Tensor) -> RgbImage {
    let size = planes.size();
    let bytes = (planes.clamp(0.0, 1.0) * 255.0).round().to_kind(Kind::Uint8).permute([1, 2, 0]);
    let bytes = Vec::<u8>::try_from(bytes.contiguous().view([-1])).expect("an image of bytes");
    RgbImage::from_raw(size[2] as usize, size[1] as usize, bytes)
}
