//! A part of a PNG file, without decoding the rest of it, or at least the rows below.

use super::frame_png::{Bytes, IndexedPng};
use super::{Error, read_image};
use crate::file_error::FileError;
use crate::types::{RgbImage, Window};
use png::{BitDepth, ColorType, Decoder};
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Seek};
use std::path::{Path, PathBuf};

/// An image file from which one window is read. The image's size is known before any pixel is decoded.
pub struct PngRegion {
    path: PathBuf,
    width: usize,
    height: usize,
    source: Source,
}

enum Source {
    /// Decoded where the window lies, in a file that preprocessing writes.
    Indexed(Box<IndexedPng>),
    /// Rows as they come: 8-bit RGB, not interlaced.
    Rows(Box<png::Reader<BufReader<File>>>),
    /// The same, of a file in memory.
    Bytes(Box<png::Reader<Cursor<Vec<u8>>>>),
    /// An image in any other format, decoded whole.
    Whole(RgbImage),
}

impl PngRegion {
    /// Opens the file and reads its header. An image that is not an 8-bit RGB PNG in plain row order (grey,
    /// palette, alpha, 16 bits, interlaced, another format) is decoded whole here, by [`read_image`].
    ///
    /// Fails when the file cannot be opened, or is damaged where it has been read so far.
    pub fn open(path: &Path) -> Result<PngRegion, Error> {
        Self::of(path, Bytes::File(File::open(path).map_err(FileError::of(path))?))
    }

    /// An 8-bit RGB PNG in plain row order, as preprocessing writes it, whose file is in memory; messages call it `path`.
    ///
    /// Fails for anything else.
    pub fn of_bytes(path: &Path, bytes: Vec<u8>) -> Result<PngRegion, Error> {
        Self::of(path, Bytes::Memory(bytes))
    }

    fn of(path: &Path, bytes: Bytes) -> Result<PngRegion, Error> {
        match IndexedPng::of(bytes) {
            Ok(indexed) => {
                let (width, height) = indexed.size();
                Ok(PngRegion {
                    path: path.to_owned(),
                    width,
                    height,
                    source: Source::Indexed(Box::new(indexed)),
                })
            }
            Err(bytes) => Self::in_rows(path, bytes),
        }
    }

    /// To be decoded row by row.
    fn in_rows(path: &Path, bytes: Bytes) -> Result<PngRegion, Error> {
        match bytes {
            Bytes::File(file) => Self::of_file(path, file),
            Bytes::Memory(bytes) => Self::of_memory(path, bytes),
        }
    }

    fn of_file(path: &Path, file: File) -> Result<PngRegion, Error> {
        let whole = || {
            let image = read_image(path)?;
            let (width, height) = (image.width(), image.height());
            Ok(PngRegion { path: path.to_owned(), width, height, source: Source::Whole(image) })
        };
        const READ_AHEAD: usize = 64 << 10;
        let mut file = BufReader::with_capacity(READ_AHEAD, file);
        const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
        let mut start = [0; SIGNATURE.len()];
        if file.read_exact(&mut start).is_err() || start != SIGNATURE {
            return whole();
        }
        file.seek_relative(-(SIGNATURE.len() as i64)).map_err(FileError::of(path))?;
        let reader = Decoder::new(file).read_info().map_err(|cause| Error::Png {
            path: path.to_owned(),
            expected: "a PNG header and image data".to_owned(),
            cause,
        })?;
        let info = reader.info();
        let plain = info.color_type == ColorType::Rgb && info.bit_depth == BitDepth::Eight;
        if !plain || info.interlaced || info.exif_metadata.is_some() {
            return whole();
        }
        let (width, height) = (info.width as usize, info.height as usize);
        Ok(PngRegion { path: path.to_owned(), width, height, source: Source::Rows(Box::new(reader)) })
    }

    fn of_memory(path: &Path, bytes: Vec<u8>) -> Result<PngRegion, Error> {
        let damaged = |cause| Error::Png {
            path: path.to_owned(),
            expected: "an 8-bit RGB PNG, not interlaced".to_owned(),
            cause,
        };
        let reader = Decoder::new(Cursor::new(bytes)).read_info().map_err(damaged)?;
        let info = reader.info();
        if info.color_type != ColorType::Rgb || info.bit_depth != BitDepth::Eight || info.interlaced {
            return Err(damaged(std::io::Error::from(std::io::ErrorKind::InvalidData).into()));
        }
        let (width, height) = (info.width as usize, info.height as usize);
        Ok(PngRegion { path: path.to_owned(), width, height, source: Source::Bytes(Box::new(reader)) })
    }

    /// The whole image's width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The whole image's height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The pixels inside `window`; what lies outside is not read as far as that can be helped, so damage there goes
    /// unnoticed.
    ///
    /// Fails when the file is damaged or ends before the window's last row.
    ///
    /// # Panics
    /// When the window reaches outside the image.
    pub fn read(self, window: Window) -> Result<RgbImage, Error> {
        assert!(window.x1 <= self.width && window.y1 <= self.height, "{window:?} outside the image");
        let size = (self.width, self.height);
        match self.source {
            Source::Indexed(indexed) => match indexed.read(window) {
                Some(image) => Ok(image),
                // Decoding row by row tells what is wrong.
                None => Self::in_rows(&self.path, indexed.into_bytes())?.read(window),
            },
            Source::Whole(image) => Ok(image.cropped(window)),
            Source::Rows(reader) => read_rows(*reader, &self.path, size, window),
            Source::Bytes(reader) => read_rows(*reader, &self.path, size, window),
        }
    }
}

/// The pixels inside a window of an image of this width and height.
fn read_rows<R: BufRead + Seek>(
    mut reader: png::Reader<R>,
    path: &Path,
    (width, height): (usize, usize),
    window: Window,
) -> Result<RgbImage, Error> {
    let damaged = |y: usize, cause| Error::Png {
        path: path.to_owned(),
        expected: format!("{height} rows of {width} pixels, row {y} among them"),
        cause,
    };
    let mut data = Vec::with_capacity(window.width() * window.height() * 3);
    for y in 0..window.y1 {
        let row = reader.next_row().map_err(|cause| damaged(y, cause))?;
        let row =
            row.ok_or_else(|| damaged(y, std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()))?;
        if y >= window.y0 {
            data.extend_from_slice(&row.data()[window.x0 * 3..window.x1 * 3]);
        }
    }
    Ok(RgbImage::from_raw(window.width(), window.height(), data))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{any_image, any_window};
    use super::super::write_image;
    use super::*;
    use proptest::prelude::*;

    fn write_png(path: &Path, image: &RgbImage, filter: png::Filter) {
        let file = File::create(path).unwrap();
        let mut encoder = png::Encoder::new(file, image.width() as u32, image.height() as u32);
        encoder.set_color(ColorType::Rgb);
        encoder.set_filter(filter);
        encoder.write_header().unwrap().write_image_data(image.data()).unwrap();
    }

    fn gradient() -> RgbImage {
        RgbImage::from_raw(40, 30, (0..3600).map(|i| (i * 7 % 251) as u8).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_window_is_that_of_the_whole_image(
            (image, window) in any_image(1..60, 1..60).prop_flat_map(|image| {
                let window = any_window(image.width(), image.height());
                (Just(image), window)
            }),
            filter in prop_oneof![
                Just(png::Filter::NoFilter), Just(png::Filter::Up), Just(png::Filter::Paeth),
                Just(png::Filter::Avg), Just(png::Filter::Adaptive),
            ],
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.png");
            write_png(&path, &image, filter);
            let region = PngRegion::open(&path).unwrap();
            prop_assert_eq!((region.width(), region.height()), (image.width(), image.height()));
            prop_assert_eq!(region.read(window).unwrap(), image.cropped(window));
            write_image(&path, &image).unwrap();
            prop_assert_eq!(PngRegion::open(&path).unwrap().read(window).unwrap(), image.cropped(window));
        }
    }

    #[test]
    fn other_kinds_of_images_are_read_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let window = Window { y0: 2, y1: 9, x0: 3, x1: 20 };
        let bmp = folder.path().join("a.bmp");
        write_image(&bmp, &gradient()).unwrap();
        assert_eq!(PngRegion::open(&bmp).unwrap().read(window).unwrap(), gradient().cropped(window));

        let path = folder.path().join("other.png");
        let grey: Vec<u8> = (0..1200).map(|i| (i % 256) as u8).collect();
        let as_rgb = RgbImage::from_raw(40, 30, grey.iter().flat_map(|&value| [value; 3]).collect());
        let with_alpha: Vec<u8> =
            gradient().data().chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
        let sixteen: Vec<u8> = gradient().data().iter().flat_map(|&value| [value, 3]).collect();
        let kinds = [
            (ColorType::Grayscale, BitDepth::Eight, grey, as_rgb),
            (ColorType::Rgba, BitDepth::Eight, with_alpha, gradient()),
            (ColorType::Rgb, BitDepth::Sixteen, sixteen, gradient()),
        ];
        for (colour, depth, bytes, expected) in kinds {
            let mut encoder = png::Encoder::new(File::create(&path).unwrap(), 40, 30);
            encoder.set_color(colour);
            encoder.set_depth(depth);
            encoder.write_header().unwrap().write_image_data(&bytes).unwrap();
            let region = PngRegion::open(&path).unwrap();
            assert_eq!(region.read(window).unwrap(), expected.cropped(window), "{colour:?} {depth:?}");
        }
    }

    #[test]
    fn a_palette_is_looked_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("palette.png");
        let mut encoder = png::Encoder::new(File::create(&path).unwrap(), 2, 1);
        encoder.set_color(ColorType::Indexed);
        encoder.set_palette(vec![9, 8, 7, 200, 100, 0]);
        encoder.write_header().unwrap().write_image_data(&[1, 0]).unwrap();
        let read = PngRegion::open(&path).unwrap().read(Window::whole(2, 1)).unwrap();
        assert_eq!(read.data(), [200, 100, 0, 9, 8, 7]);
    }

    #[test]
    fn a_cut_file_is_named_and_only_where_its_rows_are_needed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.png");
        let noise = RgbImage::from_raw(200, 200, {
            let mut state = 1u32;
            let mut next = || {
                state = state.wrapping_mul(1664525).wrapping_add(1013904223);
                (state >> 24) as u8
            };
            (0..120_000).map(|_| next()).collect()
        });
        write_png(&path, &noise, png::Filter::NoFilter);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let top = Window { y0: 0, y1: 20, x0: 5, x1: 50 };
        assert_eq!(PngRegion::open(&path).unwrap().read(top).unwrap(), noise.cropped(top));
        let error = PngRegion::open(&path).unwrap().read(Window::whole(200, 200)).unwrap_err();
        assert!(matches!(error, Error::Png { .. }), "{error}");
        let error = error.to_string();
        assert!(error.contains("cut.png") && error.contains("200 rows of 200 pixels"), "{error}");
        std::fs::write(&path, &bytes[..20]).unwrap();
        assert!(matches!(PngRegion::open(&path), Err(Error::Png { .. })));
        std::fs::write(&path, b"no image").unwrap();
        assert!(matches!(PngRegion::open(&path), Err(Error::Unreadable { .. })));
        assert!(matches!(PngRegion::open(&folder.path().join("none.png")), Err(Error::File(_))));
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("changed.png");
        write_png(&path, &gradient(), png::Filter::Sub);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x40;
        std::fs::write(&path, &bytes).unwrap();
        let result = PngRegion::open(&path).and_then(|region| region.read(Window::whole(40, 30)));
        assert!(matches!(result, Err(Error::Png { .. })));
    }
}
