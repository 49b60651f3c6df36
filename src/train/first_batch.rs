//! A sheet of the first batch: broken data is seen at once.

use super::PairBatch;
use crate::imaging::{Error, residual_image, resized, write_image};
use crate::types::RgbImage;
use std::path::Path;
use tch::{Kind, Tensor};

/// How many pairs the sheet shows at most.
const SHOWN: usize = 8;
/// Side of an image on the sheet in pixels.
const TILE: usize = 160;

/// The pixels of those pairs of a batch, or of a part of one, that the sheet shows: real and fake of each, RGB.
pub fn shown(batch: &PairBatch) -> Vec<u8> {
    let pairs = SHOWN.saturating_sub(batch.first).min(batch.real.size()[0] as usize);
    let of_pair = |row: i64| [bytes_of(&batch.real.get(row)), bytes_of(&batch.fake.get(row))];
    (0..pairs as i64).flat_map(of_pair).flatten().collect()
}

/// Writes a sheet with a row per pair: real, fake, residual. `pixels`: those that [`shown`] gives of a batch, or of its
/// parts one after the other; `side`: that of its images.
pub fn write_sheet(path: &Path, pixels: &[u8], side: usize) -> Result<(), Error> {
    let image = |bytes: &[u8]| RgbImage::from_raw(side, side, bytes.to_vec());
    let of_image = 3 * side * side;
    let pairs: Vec<&[u8]> = pixels.chunks_exact(2 * of_image).collect();
    let mut sheet = RgbImage::filled(3 * TILE, pairs.len() * TILE, [24; 3]);
    for (row, pair) in pairs.into_iter().enumerate() {
        let (real, fake) = (image(&pair[..of_image]), image(&pair[of_image..]));
        let residual = residual_image(&fake, &real);
        for (column, image) in [real, fake, residual].iter().enumerate() {
            let tile = resized(image, TILE, TILE)?;
            sheet.paste(&tile, column * TILE, row * TILE);
        }
    }
    write_image(path, &sheet)
}

/// `[3, h, w]`, RGB in 0..=1, as an image of bytes.
pub(super) fn image_of(planes: &Tensor) -> RgbImage {
    let size = planes.size();
    RgbImage::from_raw(size[2] as usize, size[1] as usize, bytes_of(planes))
}

/// `[3, h, w]`, RGB in 0..=1, as bytes.
fn bytes_of(planes: &Tensor) -> Vec<u8> {
    let bytes = (planes.clamp(0.0, 1.0) * 255.0).round().to_kind(Kind::Uint8).permute([1, 2, 0]);
    Vec::<u8>::try_from(bytes.contiguous().view([-1])).expect("an image of bytes")
}
