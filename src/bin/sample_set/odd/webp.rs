//! WebP files: one image with a note of how to turn it, and an animation, which is put together by hand.

use image_webp::{ColorType, WebPEncoder};
use sbi::types::RgbImage;

use super::Result;
use super::avi::chunk;

/// A lossless image with EXIF data.
pub fn with_exif(image: &RgbImage, exif: Vec<u8>) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut encoder = WebPEncoder::new(&mut out);
    encoder.set_exif_metadata(exif);
    encoder.encode(image.data(), image.width() as u32, image.height() as u32, ColorType::Rgb8)?;
    Ok(out)
}

/// An animation of images of one size, a tenth of a second each.
pub fn animation(images: &[RgbImage]) -> Result<Vec<u8>> {
    const ANIMATED: u8 = 2;
    const MILLISECONDS: u32 = 100;
    // Where the coded image of a plain file begins, behind the file's own header.
    const HEADER: usize = 12;
    let three = |number: usize| (number as u32).to_le_bytes()[..3].to_vec();
    let (width, height) = images.first().map_or((1, 1), |image| (image.width(), image.height()));
    let size = [three(width - 1), three(height - 1)].concat();
    let canvas = [vec![ANIMATED, 0, 0, 0], size.clone()].concat();
    let mut content = [b"WEBP".to_vec(), chunk(b"VP8X", &canvas), chunk(b"ANIM", &[0; 6])].concat();
    for image in images {
        let mut plain = Vec::new();
        WebPEncoder::new(&mut plain).encode(image.data(), width as u32, height as u32, ColorType::Rgb8)?;
        let position = [0; 6];
        let frame = [&position[..], &size, &MILLISECONDS.to_le_bytes()[..3], &[0], &plain[HEADER..]].concat();
        content.extend(chunk(b"ANMF", &frame));
    }
    Ok(chunk(b"RIFF", &content))
}
