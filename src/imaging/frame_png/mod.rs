//! Prepared frames as PNG files of which a part can be decoded without the rest.
//!
//! Such a file is a PNG as any other, and every program reads it. Its image data are one block of deflate, in an
//! always equal prefix code and without references to what was before, so that decoding can begin anywhere; an
//! ancillary chunk of a private kind, `sbIX`, tells where. Rows come in strips of 32: the first of each holds the
//! differences of pixels to their left neighbours, the others those to the row above. A row comes in segments of 128
//! pixels. For each segment the chunk holds its length in bits, and for each strip where it begins, a checksum, and the
//! pixels to the left of its first row's segments.
//!
//! Who wants a window decodes the strips and the segments that it lies in. Whatever is not as described is left to the
//! ordinary decoder, which also finds words for damage.

mod code;
mod read;
mod write;

pub(super) use read::{Bytes, IndexedPng};
pub(super) use write::encoded;

/// Pixels of a segment.
const SEGMENT: usize = 128;
/// Rows of a strip.
const STRIP: usize = 32;
/// Bytes of a pixel.
const PIXEL: usize = 3;

/// 8 bits, RGB; compression and filters as there are no others, no interlacing.
const KIND: [u8; 5] = [8, 2, 0, 0, 0];
const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// Ancillary, private, and not to be copied by programs that change pixels.
const INDEX: [u8; 4] = *b"sbIX";
/// Of the filters that PNG has.
const FILTER_SUB: u8 = 1;
const FILTER_UP: u8 = 2;

/// The filter of a row.
fn filter_of(y: usize) -> u8 {
    match y % STRIP {
        0 => FILTER_SUB,
        _ => FILTER_UP,
    }
}

/// Where what lies in the image data of a file.
#[derive(Debug, PartialEq)]
struct Index {
    strips: Vec<Strip>,
    /// Bits of each segment, row by row; the first one of a row has the filter's number as well.
    bits: Vec<u16>,
}

#[derive(Debug, PartialEq)]
struct Strip {
    /// Its first bit in the image data.
    start: u32,
    /// CRC-32 of the bytes that its bits are in.
    checksum: u32,
    /// In its first row, the pixels before its segments, without the first one.
    left: Vec<[u8; PIXEL]>,
}

fn segments(width: usize) -> usize {
    width.div_ceil(SEGMENT)
}

impl Index {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = [SEGMENT as u16, STRIP as u16].map(u16::to_be_bytes).concat();
        for strip in &self.strips {
            bytes.extend([strip.start, strip.checksum].map(u32::to_be_bytes).as_flattened());
            bytes.extend(strip.left.as_flattened());
        }
        bytes.extend(self.bits.iter().flat_map(|bits| bits.to_be_bytes()));
        bytes
    }

    /// `None` where this is no index of an image of this size.
    fn of_bytes(bytes: &[u8], width: usize, height: usize) -> Option<Index> {
        let (layout, mut bytes) = bytes.split_first_chunk::<4>()?;
        if *layout != [SEGMENT as u16, STRIP as u16].map(u16::to_be_bytes).as_flattened() {
            return None;
        }
        let left_bytes = (segments(width) - 1) * PIXEL;
        // Grows with what is there: the height is what a file says.
        let mut strips = Vec::new();
        for _ in 0..height.div_ceil(STRIP) {
            let (start, rest) = bytes.split_first_chunk()?;
            let (checksum, rest) = rest.split_first_chunk()?;
            let (left, rest) = rest.split_at_checked(left_bytes)?;
            let (start, checksum) = (u32::from_be_bytes(*start), u32::from_be_bytes(*checksum));
            strips.push(Strip { start, checksum, left: left.as_chunks().0.to_vec() });
            bytes = rest;
        }
        let bits: Vec<u16> = bytes.as_chunks().0.iter().map(|bits| u16::from_be_bytes(*bits)).collect();
        (bytes.len() == 2 * segments(width) * height).then_some(Index { strips, bits })
    }

    /// The first bit of each row of a strip, and the bit after its last.
    fn rows(&self, strip: usize, width: usize) -> Vec<usize> {
        let row_bits = self.bits.chunks(segments(width)).skip(strip * STRIP).take(STRIP);
        let mut at = self.strips[strip].start as usize;
        let mut rows = vec![at];
        rows.extend(row_bits.map(|row| {
            at += row.iter().map(|&bits| usize::from(bits)).sum::<usize>();
            at
        }));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{any_image, any_window};
    use super::super::{Error, PngRegion, read_image, write_png};
    use super::*;
    use crate::types::{RgbImage, Window};
    use proptest::prelude::*;
    use std::fs::File;
    use std::path::Path;

    /// An image with noise, slopes and flat parts, of any size.
    fn picture(width: usize, height: usize) -> RgbImage {
        let mut state = 1_u32;
        let pixel = |at: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (x, y) = (at / PIXEL % width, at / PIXEL / width);
            match (x / 50 + y / 40) % 3 {
                0 => 77,
                1 => (x + 2 * y + at % PIXEL * 50) as u8,
                _ => (state >> 24) as u8,
            }
        };
        RgbImage::from_raw(width, height, (0..width * height * PIXEL).map(pixel).collect())
    }

    fn in_memory(bytes: &[u8]) -> Option<IndexedPng> {
        IndexedPng::of(Bytes::Memory(bytes.to_vec())).ok()
    }

    fn written(path: &Path, image: &RgbImage) -> Vec<u8> {
        write_png(path, image).unwrap();
        std::fs::read(path).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_window_is_that_of_the_whole_image(
            (image, window) in any_image(1..300, 1..80).prop_flat_map(|image| {
                let window = any_window(image.width(), image.height());
                (Just(image), window)
            }),
        ) {
            let file = tempfile::NamedTempFile::new().unwrap();
            let bytes = written(file.path(), &image);
            let from_file = IndexedPng::of(Bytes::File(File::open(file.path()).unwrap())).ok().unwrap();
            prop_assert_eq!(from_file.read(window), Some(image.cropped(window)));
            let from_bytes = in_memory(&bytes).unwrap();
            prop_assert_eq!(from_bytes.read(window), Some(image.cropped(window)));
            prop_assert_eq!(read_image(file.path()).unwrap(), image);
        }
    }

    #[test]
    fn a_frame_with_everything_is_read_alike_by_all() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let image = picture(700, 170);
        let bytes = written(file.path(), &image);
        assert_eq!(read_image(file.path()).unwrap(), image);
        let mut decoder = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
        let mut pixels = vec![0; image.data().len()];
        decoder.next_frame(&mut pixels).unwrap();
        decoder.finish().unwrap();
        assert_eq!(pixels, image.data());
        for window in [Window::whole(700, 170), Window { x0: 130, x1: 131, y0: 33, y1: 97 }] {
            let region = PngRegion::open(file.path()).unwrap();
            assert_eq!((region.width(), region.height()), (700, 170));
            assert_eq!(region.read(window).unwrap(), image.cropped(window));
            assert_eq!(in_memory(&bytes).unwrap().read(window), Some(image.cropped(window)));
        }
    }

    /// Each byte of the file is changed in turn (every 37th of a frame, all of what comes before its pixels).
    #[test]
    fn what_is_changed_is_never_taken_for_pixels() {
        let image = picture(200, 70);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let bytes = written(&path, &image);
        let pixels = bytes.windows(4).position(|name| name == b"IDAT").unwrap();
        let window = Window { x0: 150, x1: 190, y0: 40, y1: 50 };
        for at in (0..pixels).chain((pixels..bytes.len()).step_by(37)) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            if let Some(found) = in_memory(&changed).and_then(|png| png.read(window)) {
                assert_eq!(found, image.cropped(window), "byte {at}");
            }
        }
        let mut changed = bytes.clone();
        changed[bytes.len() / 2] ^= 0x10;
        std::fs::write(&path, &changed).unwrap();
        let whole = Window::whole(200, 70);
        let result = PngRegion::open(&path).and_then(|region| region.read(whole));
        assert!(matches!(result, Err(Error::Png { .. })), "{result:?}");
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let top = Window { x0: 0, x1: 9, y0: 0, y1: 20 };
        assert_eq!(PngRegion::open(&path).unwrap().read(top).unwrap(), image.cropped(top));
        assert!(PngRegion::open(&path).unwrap().read(whole).is_err());
    }

    #[test]
    fn other_files_have_no_index() {
        let image = picture(40, 30);
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 40, 30);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header().unwrap().write_image_data(image.data()).unwrap();
        assert!(in_memory(&bytes).is_none());
        bytes.truncate(20);
        assert!(in_memory(&bytes).is_none());
    }
}
