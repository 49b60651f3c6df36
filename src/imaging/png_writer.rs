//! Lossless images, written fast.

use super::{Error, frame_png};
use crate::atomic_file;
use crate::types::RgbImage;
use std::io::{self, Write};
use std::path::Path;

/// Writes a frame as 8-bit RGB PNG of which [`PngRegion`](super::PngRegion) decodes a window without the rest, to a
/// temporary file that is then renamed (not waiting for the disk: see [`atomic_file::write_unsynced`]).
pub fn write_png(path: &Path, image: &RgbImage) -> Result<(), Error> {
    atomic_file::write_unsynced(path, |file| file.write_all(&frame_png::encoded(image)?))?;
    Ok(())
}

/// An image as 8-bit RGB PNG, with the settings that encode and decode fastest. Fails for images without pixels.
pub(super) fn encoded(image: &RgbImage) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    encode(image, &mut bytes)?;
    Ok(bytes)
}

fn encode(image: &RgbImage, target: impl io::Write) -> io::Result<()> {
    let mut encoder = png::Encoder::new(target, image.width() as u32, image.height() as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    // Undone by one addition per byte, where the usual choice of the smallest costs as much as inflating.
    encoder.set_filter(png::Filter::Up);
    let mut writer = encoder.write_header().map_err(io::Error::from)?;
    writer.write_image_data(image.data()).map_err(io::Error::from)?;
    writer.finish().map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::read_image;

    #[test]
    fn other_decoders_read_the_same_pixels() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let data = (0..37 * 23 * 3).map(|i| (i * i % 251) as u8).collect();
        let image = RgbImage::from_raw(37, 23, data);
        write_png(&path, &image).unwrap();
        assert_eq!(read_image(&path).unwrap(), image);
    }
}
