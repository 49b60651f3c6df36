//! Formats without much of a header: Windows bitmaps and the portable family.

use super::opacity::{Colours, GROUND};
use super::orientation::Orientation;
use super::report::Sink;
use super::{ImageFormat, PhotographError, PixelLimit, Source};
use crate::types::RgbImage;
use image::codecs::{bmp::BmpDecoder, pnm::PnmDecoder};
use image::{ColorType, ImageDecoder, ImageError, ImageResult};
use std::io::{Cursor, ErrorKind};

pub(super) struct Bitmap<'a> {
    bytes: &'a [u8],
    width: usize,
    height: usize,
    format: ImageFormat,
}

/// Does something with the decoder of a format, whose type depends on it.
macro_rules! with_decoder {
    ($format:expr, $bytes:expr, $decoder:ident => $work:expr) => {
        match $format {
            ImageFormat::Bmp => BmpDecoder::new(Cursor::new($bytes)).and_then(|$decoder| $work),
            _ => PnmDecoder::new(Cursor::new($bytes)).and_then(|$decoder| $work),
        }
    };
}

impl<'a> Bitmap<'a> {
    pub(super) fn open(bytes: &'a [u8], limit: PixelLimit) -> Result<Bitmap<'a>, PhotographError> {
        let format = limit.format;
        let (width, height) = with_decoder!(format, bytes, decoder => Ok(decoder.dimensions()))
            .map_err(|error| unreadable(format, &error))?;
        let (width, height) = (width as usize, height as usize);
        limit.check(width, height)?;
        Ok(Bitmap { bytes, width, height, format })
    }
}

fn ends_early(error: &ImageError) -> bool {
    matches!(error, ImageError::IoError(cause) if cause.kind() == ErrorKind::UnexpectedEof)
}

fn unreadable(format: ImageFormat, error: &ImageError) -> PhotographError {
    let cause = if ends_early(error) { "the file breaks off".to_owned() } else { error.to_string() };
    PhotographError::unreadable(format, cause)
}

/// The pixels of a decoder, as far as they could be decoded, and what ended that.
fn decoded(decoder: impl ImageDecoder) -> ImageResult<(ColorType, Vec<u8>, Option<ImageError>)> {
    let colour = decoder.color_type();
    let too_large = |_| ImageError::IoError(ErrorKind::OutOfMemory.into());
    let mut pixels = vec![GROUND; usize::try_from(decoder.total_bytes()).map_err(too_large)?];
    let end = decoder.read_image(&mut pixels).err();
    Ok((colour, pixels, end))
}

impl Source for Bitmap<'_> {
    fn size(&self) -> (usize, usize) {
        Orientation::UPRIGHT.size(self.width, self.height)
    }

    fn read(&self, sink: &mut Sink) -> Result<(), PhotographError> {
        if !sink.wants(0) {
            return Ok(());
        }
        let (colour, pixels, end) = with_decoder!(self.format, self.bytes, decoder => decoded(decoder))
            .map_err(|error| unreadable(self.format, &error))?;
        if let Some(error) = end {
            if pixels.iter().all(|&value| value == GROUND) {
                return Err(unreadable(self.format, &error));
            }
            let what = if ends_early(&error) { "the file breaks off" } else { "the file is damaged" };
            sink.damage(format!("{what}: a part of the image is missing"));
        }
        let image = self.laid(colour, &pixels, sink)?;
        let _ = sink.page(0, image);
        Ok(())
    }
}

impl Bitmap<'_> {
    /// 8 bits of colour from whatever the decoder gives.
    fn laid(&self, colour: ColorType, pixels: &[u8], sink: &mut Sink) -> Result<RgbImage, PhotographError> {
        // The decoder gives 16 bits in the machine's order; the high byte counts, as in PNG.
        let high = |pair: &[u8; 2]| (u16::from_ne_bytes(*pair) >> 8) as u8;
        let bytes = if matches!(colour.bytes_per_pixel() / colour.channel_count(), 2) {
            pixels.as_chunks().0.iter().map(high).collect()
        } else {
            pixels.to_vec()
        };
        let (width, height) = (self.width, self.height);
        Ok(match colour.channel_count() {
            1 => RgbImage::from_raw(width, height, bytes.iter().flat_map(|&value| [value; 3]).collect()),
            2 => {
                let rgba: Vec<u8> =
                    bytes.as_chunks().0.iter().flat_map(|&[v, opacity]| [v, v, v, opacity]).collect();
                sink.flattened(width, height, &rgba, Colours::Plain)
            }
            3 => RgbImage::from_raw(width, height, bytes),
            4 => sink.flattened(width, height, &bytes, Colours::Plain),
            channels => {
                return Err(PhotographError::unreadable(self.format, format!("it has {channels} channels")));
            }
        })
    }
}
