//! Photographs from bytes: nothing here opens a file or writes a line, so that all of it can run where neither is allowed.

mod animation;
mod bitmap;
mod format;
mod heif;
mod jpeg;
mod jpeg_markers;
mod opacity;
mod orientation;
mod png_animation;
mod png_still;
mod report;
mod tiff;
mod webp;

#[cfg(test)]
mod tests;

pub use format::{FIRST_BYTES, IMAGE_EXTENSIONS, ImageFormat, image_format};
pub use report::PhotographReport;

use crate::types::RgbImage;
use report::Sink;
use std::ops::ControlFlow;

/// The most pixels that are decoded where nobody says otherwise: the largest sensors of phones have 200 million.
pub const PIXEL_LIMIT: u64 = 200_000_000;

/// Why a photograph cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhotographError {
    /// The first bytes are of no format that is read.
    #[error("not a photograph (expected JPEG, PNG, BMP, TIFF, WebP, PNM, HEIC or AVIF)")]
    NotAPhotograph,
    /// The image is larger than allowed. Nothing was allocated for it.
    #[error("a photograph of {width} x {height} pixels; the limit is {limit} pixels")]
    TooLarge {
        /// In pixels.
        width: usize,
        /// In pixels.
        height: usize,
        /// The most pixels that were allowed.
        limit: u64,
    },
    /// Not a single row can be decoded.
    #[error("unreadable {format}: {cause}")]
    Unreadable {
        /// What the file is by its first bytes.
        format: ImageFormat,
        /// In words, without the file's name.
        cause: String,
    },
    /// The format needs a library that is not installed.
    #[error("{format} needs the library {library}, which is not installed")]
    NeedsLibrary {
        /// What the file is.
        format: ImageFormat,
        /// The name of Debian's package.
        library: &'static str,
    },
}

impl PhotographError {
    fn unreadable(format: ImageFormat, cause: impl ToString) -> PhotographError {
        PhotographError::Unreadable { format, cause: cause.to_string() }
    }
}

/// A file of a known format whose header has been read.
trait Source {
    /// Width and height in pixels as the first image is shown.
    fn size(&self) -> (usize, usize);

    /// How many images there are by the header, at least one.
    fn pages(&self) -> usize {
        1
    }

    /// Hands the sink the images that it wants, first to last.
    fn read(&self, sink: &mut Sink) -> Result<(), PhotographError>;
}

/// A photograph whose header has been read and of which nothing is decoded yet.
pub struct Photograph<'a> {
    format: ImageFormat,
    source: Box<dyn Source + 'a>,
}

impl Photograph<'_> {
    /// Reads the header. `pixel_limit` is the largest allowed product of width and height, of each page.
    ///
    /// Fails for formats that are not read, headers that make no sense, and images beyond the limit, before anything
    /// is allocated for their pixels.
    pub fn open(bytes: &[u8], pixel_limit: u64) -> Result<Photograph<'_>, PhotographError> {
        let format = image_format(bytes).ok_or(PhotographError::NotAPhotograph)?;
        let limit = PixelLimit { format, pixels: pixel_limit };
        let source: Box<dyn Source> = match format {
            ImageFormat::Jpeg => Box::new(jpeg::Jpeg::open(bytes, limit)?),
            ImageFormat::Png => Box::new(png_still::Png::open(bytes, limit)?),
            ImageFormat::Bmp | ImageFormat::Pnm => Box::new(bitmap::Bitmap::open(bytes, limit)?),
            ImageFormat::Tiff => Box::new(tiff::Tiff::open(bytes, limit)?),
            ImageFormat::WebP => Box::new(webp::WebP::open(bytes, limit)?),
            ImageFormat::Heif | ImageFormat::Avif => Box::new(heif::Heif::open(bytes, limit)?),
        };
        Ok(Photograph { format, source })
    }

    /// What the file is by its first bytes.
    pub fn format(&self) -> ImageFormat {
        self.format
    }

    /// Width and height in pixels as the first page is shown: turned as the file asks.
    pub fn size(&self) -> (usize, usize) {
        self.source.size()
    }

    /// How many images the file says it has: frames of an animation, pages of a TIFF, else 1.
    pub fn pages(&self) -> usize {
        self.source.pages()
    }

    /// Decodes pages, upright, transparent parts on plain grey, and hands each that is in `wanted` to `consume` with its
    /// number, first to last and once, until that breaks. Animations are shown as players do, and one image of them is
    /// held at a time.
    ///
    /// Fails when a page cannot be decoded at all and none was before; later it counts as damage.
    pub fn read_pages(
        &self,
        wanted: &[usize],
        mut consume: impl FnMut(usize, RgbImage) -> ControlFlow<()>,
    ) -> Result<PhotographReport, PhotographError> {
        let mut sink = Sink::new(wanted, &mut consume);
        match self.source.read(&mut sink) {
            Err(error) if sink.is_empty() => return Err(error),
            Err(error) => sink.damage(match error {
                PhotographError::Unreadable { cause, .. } => cause,
                other => other.to_string(),
            }),
            Ok(()) => {}
        }
        Ok(sink.into_report())
    }

    /// The first page and what there is to say about it.
    ///
    /// Fails when it cannot be decoded at all.
    pub fn read(&self) -> Result<(RgbImage, PhotographReport), PhotographError> {
        let mut first = None;
        let report = self.read_pages(&[0], |_, image| {
            first = Some(image);
            ControlFlow::Break(())
        })?;
        let image = first.ok_or_else(|| PhotographError::unreadable(self.format, "it holds no image"))?;
        Ok((image, report))
    }
}

/// Loads the library for HEIC and AVIF, so that no file has to be opened when such a photograph comes. Says whether it
/// is installed.
pub fn preload() -> bool {
    heif::preload()
}

/// How large a page may be.
#[derive(Debug, Clone, Copy)]
struct PixelLimit {
    format: ImageFormat,
    pixels: u64,
}

impl PixelLimit {
    /// Fails for sides of 0 and for too many pixels.
    fn check(self, width: usize, height: usize) -> Result<(), PhotographError> {
        if width == 0 || height == 0 {
            let cause = format!("it says that it has {width} x {height} pixels");
            return Err(PhotographError::unreadable(self.format, cause));
        }
        match (width as u64).checked_mul(height as u64) {
            Some(pixels) if pixels <= self.pixels => Ok(()),
            _ => Err(PhotographError::TooLarge { width, height, limit: self.pixels }),
        }
    }
}
