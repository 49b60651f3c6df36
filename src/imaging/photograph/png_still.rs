//! PNG photographs; those that move are in `png_animation`.

use super::opacity::{Colours, GROUND, on_ground};
use super::orientation::Orientation;
use super::png_animation;
use super::report::{Sink, rows_missing};
use super::{ImageFormat, PhotographError, PixelLimit, Source};
use crate::types::RgbImage;
use png::{ColorType, Decoder, DecodingError, Limits, Reader, Transformations};
use std::io::{Cursor, ErrorKind};

pub(super) struct Png<'a> {
    bytes: &'a [u8],
    width: usize,
    height: usize,
    frames: usize,
    orientation: Orientation,
    limit: PixelLimit,
}

pub(super) type PngReader<'a> = Reader<Cursor<&'a [u8]>>;

pub(super) fn unreadable(cause: impl ToString) -> PhotographError {
    PhotographError::unreadable(ImageFormat::Png, cause)
}

/// Whether the file ended where it should go on.
pub(super) fn ends_early(error: &DecodingError) -> bool {
    matches!(error, DecodingError::IoError(cause) if cause.kind() == ErrorKind::UnexpectedEof)
}

/// An error before the first row, in words.
fn at_start(error: DecodingError) -> PhotographError {
    if ends_early(&error) {
        unreadable("the file breaks off before the image begins")
    } else {
        unreadable(error)
    }
}

impl<'a> Png<'a> {
    pub(super) fn open(bytes: &'a [u8], limit: PixelLimit) -> Result<Png<'a>, PhotographError> {
        let mut header = decoder(bytes, limit);
        let info = header.read_header_info().map_err(at_start)?;
        let (width, height) = (info.width as usize, info.height as usize);
        limit.check(width, height)?;
        let reader = header.read_info().map_err(at_start)?;
        let info = reader.info();
        let orientation = info.exif_metadata.as_deref().map_or(Orientation::UPRIGHT, Orientation::of_exif);
        let frames = info.animation_control.map_or(1, |animation| animation.num_frames.max(1) as usize);
        Ok(Png { bytes, width, height, frames, orientation, limit })
    }
}

/// A decoder to 8 bits of grey or colour, without and with opacity, that neither keeps texts nor allocates more than rows
/// of an allowed image need.
fn decoder(bytes: &[u8], limit: PixelLimit) -> Decoder<Cursor<&[u8]>> {
    const BYTES_PER_PIXEL: u64 = 8;
    const LEAST: u64 = 64 << 20;
    let allowed = limit.pixels.saturating_mul(BYTES_PER_PIXEL).max(LEAST);
    let limits = Limits { bytes: usize::try_from(allowed).unwrap_or(usize::MAX) };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder
}

impl Source for Png<'_> {
    fn size(&self) -> (usize, usize) {
        self.orientation.size(self.width, self.height)
    }

    fn pages(&self) -> usize {
        self.frames
    }

    fn read(&self, sink: &mut Sink) -> Result<(), PhotographError> {
        let reader = decoder(self.bytes, self.limit).read_info().map_err(at_start)?;
        if self.frames > 1 {
            return png_animation::read(reader, self.frames, self.orientation, sink);
        }
        if sink.wants(0) {
            let image =
                if reader.info().interlaced { interlaced(reader, sink)? } else { rows(reader, sink)? };
            let _ = sink.page(0, self.orientation.upright(image));
        }
        Ok(())
    }
}

/// An image row by row: all that is there of a damaged one.
fn rows(mut reader: PngReader, sink: &mut Sink) -> Result<RgbImage, PhotographError> {
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    let colour = reader.output_color_type().0;
    let mut image = RgbImage::filled(width, height, [GROUND; 3]);
    let mut transparent = false;
    for (y, target) in image.data_mut().chunks_exact_mut(width * 3).enumerate() {
        match reader.next_row() {
            Ok(Some(row)) => transparent |= lay(colour, row.data(), target),
            Ok(None) => break,
            Err(error) if y == 0 => return Err(at_start(error)),
            Err(error) => {
                sink.rows_missing(y, height, ends_early(&error));
                break;
            }
        }
    }
    if transparent {
        sink.transparent();
    }
    Ok(image)
}

/// An image that is stored in seven ever finer passes.
fn interlaced(mut reader: PngReader, sink: &mut Sink) -> Result<RgbImage, PhotographError> {
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    let colour = reader.output_color_type().0;
    let length = reader.output_buffer_size().ok_or_else(|| unreadable("it is too large"))?;
    let mut pixels = vec![GROUND; length];
    if let Err(error) = reader.next_frame(&mut pixels) {
        if pixels.iter().all(|&value| value == GROUND) {
            return Err(unreadable(rows_missing(0, height, ends_early(&error))));
        }
        let what = if ends_early(&error) { "the file breaks off" } else { "the file is damaged" };
        sink.damage(format!("{what}: fine details are missing"));
    }
    let mut image = RgbImage::filled(width, height, [GROUND; 3]);
    if lay(colour, &pixels, image.data_mut()) {
        sink.transparent();
    }
    Ok(image)
}

/// Lays pixels of the decoder's colours on the ground, red first. Says whether anything is not opaque.
fn lay(colour: ColorType, pixels: &[u8], rgb: &mut [u8]) -> bool {
    let targets = rgb.as_chunks_mut().0.iter_mut();
    let mut transparent = false;
    let mut lay_one = |target: &mut [u8; 3], pixel: [u8; 4]| {
        transparent |= pixel[3] != 255;
        *target = on_ground(pixel, Colours::Plain);
    };
    match colour {
        ColorType::Grayscale | ColorType::Indexed => {
            targets.zip(pixels).for_each(|(target, &value)| *target = [value; 3]);
        }
        ColorType::Rgb => targets.zip(pixels.as_chunks().0).for_each(|(target, pixel)| *target = *pixel),
        ColorType::GrayscaleAlpha => {
            let pixels = pixels.as_chunks().0;
            targets.zip(pixels).for_each(|(target, &[v, opacity])| lay_one(target, [v, v, v, opacity]));
        }
        ColorType::Rgba => {
            targets.zip(pixels.as_chunks().0).for_each(|(target, pixel)| lay_one(target, *pixel));
        }
    }
    transparent
}

/// Pixels of the decoder's colours as red, green, blue and opacity.
pub(super) fn with_opacity(colour: ColorType, pixels: &[u8]) -> Vec<[u8; 4]> {
    match colour {
        ColorType::Grayscale | ColorType::Indexed => pixels.iter().map(|&v| [v, v, v, 255]).collect(),
        ColorType::Rgb => pixels.as_chunks().0.iter().map(|&[r, g, b]| [r, g, b, 255]).collect(),
        ColorType::GrayscaleAlpha => pixels.as_chunks().0.iter().map(|&[v, a]| [v, v, v, a]).collect(),
        ColorType::Rgba => pixels.as_chunks().0.to_vec(),
    }
}
