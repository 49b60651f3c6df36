//! AVI files of JPEGs whose format of pixels or size changes, written by hand: encoders keep to what they began with.

use sbi::imaging::{JpegSampling, encoded_jpeg, resized};
use sbi::types::RgbImage;
use std::fs;
use std::path::Path;

use super::Result;

/// Frames of each file.
const FRAMES: usize = 10;
/// Frames per second.
const RATE: u32 = 10;
const QUALITY: i32 = 90;
/// What a header may claim.
const A_MILLION: u32 = 1_000_000;

pub fn write(face: &RgbImage, folder: &Path) -> Result<()> {
    use JpegSampling::{Full, Grey, Half, HalfAcross};
    let sizes = [(960, 544), (640, 480), (320, 240)];
    let [big, middle, small] = sizes.map(|(width, height)| fitted(face, width, height));
    let (big, middle, small) = (big?, middle?, small?);
    let files = [
        ("pixels_420.avi", (&big, Half, 1), (&big, Half)),
        ("pixels_444_then_420.avi", (&big, Full, 1), (&big, Half)),
        ("pixels_420_then_444.avi", (&big, Half, 1), (&big, Full)),
        ("pixels_422_then_420.avi", (&middle, HalfAcross, 1), (&middle, Half)),
        ("pixels_420_then_grey.avi", (&middle, Half, 1), (&middle, Grey)),
        ("mjpeg_grows.avi", (&small, Half, 5), (&middle, Half)),
        ("mjpeg_shrinks.avi", (&middle, Half, 5), (&small, Half)),
    ];
    for (name, (first, sampling, count), (second, then)) in files {
        let before = encoded_jpeg(first, QUALITY, sampling)?;
        let after = encoded_jpeg(second, QUALITY, then)?;
        let jpegs: Vec<&[u8]> = (0..FRAMES).map(|at| if at < count { &before[..] } else { &after }).collect();
        fs::write(folder.join(name), avi(&jpegs, (first.width(), first.height()), FRAMES as u32))?;
    }
    let jpeg = encoded_jpeg(&small, QUALITY, Half)?;
    let few = avi(&[&jpeg[..]; FRAMES], (small.width(), small.height()), A_MILLION);
    Ok(fs::write(folder.join("declares_a_million.avi"), few)?)
}

/// The face at full height on a plain ground.
fn fitted(face: &RgbImage, width: usize, height: usize) -> Result<RgbImage> {
    let mut image = RgbImage::filled(width, height, [90; 3]);
    image.paste(&resized(face, height, height)?, (width - height) / 2, 0);
    Ok(image)
}

/// An AVI file of JPEGs that claims a size and a number of frames.
fn avi(jpegs: &[&[u8]], (width, height): (usize, usize), declared: u32) -> Vec<u8> {
    const HAS_INDEX: u32 = 0x10;
    const KEY_FRAME: u32 = 0x10;
    let (width, height) = (width as u32, height as u32);
    let biggest = jpegs.iter().map(|jpeg| jpeg.len() as u32).max().unwrap_or_default();
    let header =
        numbers(&[1_000_000 / RATE, 0, 0, HAS_INDEX, declared, 0, 1, biggest, width, height, 0, 0, 0, 0]);
    // Scale, rate, start, length, buffer, quality, sample size; then the corners of the picture, 16 bits each.
    let numbers_of_stream = [0, 0, 0, 1, RATE, 0, declared, biggest, u32::MAX, 0, 0, width | height << 16];
    let stream = [b"vidsMJPG".to_vec(), numbers(&numbers_of_stream)].concat();
    let planes_and_bits = 1 | 24 << 16;
    let colours = u32::from_le_bytes(*b"MJPG");
    let format = numbers(&[40, width, height, planes_and_bits, colours, width * height * 3, 0, 0, 0, 0]);
    let (mut frames, mut index) = (b"movi".to_vec(), Vec::new());
    for jpeg in jpegs {
        index.extend(b"00dc");
        index.extend(numbers(&[KEY_FRAME, frames.len() as u32, jpeg.len() as u32]));
        frames.extend(chunk(b"00dc", jpeg));
    }
    let description = [b"strl".to_vec(), chunk(b"strh", &stream), chunk(b"strf", &format)].concat();
    let headers = [b"hdrl".to_vec(), chunk(b"avih", &header), chunk(b"LIST", &description)].concat();
    let content =
        [b"AVI ".to_vec(), chunk(b"LIST", &headers), chunk(b"LIST", &frames), chunk(b"idx1", &index)]
            .concat();
    chunk(b"RIFF", &content)
}

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// A chunk of RIFF, padded to an even length.
pub fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut chunk = [&kind[..], &(content.len() as u32).to_le_bytes(), content].concat();
    chunk.resize(chunk.len().next_multiple_of(2), 0);
    chunk
}
