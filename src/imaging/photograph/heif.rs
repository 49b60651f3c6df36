//! HEIC and AVIF photographs: the main image of the file.

use super::opacity::Colours;
use super::report::Sink;
use super::{ImageFormat, PhotographError, PixelLimit, Source};
use crate::native::libheif::{self, Error, MainImage};
use crate::types::RgbImage;

pub(super) use libheif::preload;

/// Debian's package of the library.
const PACKAGE: &str = "libheif1";

pub(super) struct Heif<'a> {
    format: ImageFormat,
    image: MainImage<'a>,
    limit: PixelLimit,
}

fn named(format: ImageFormat) -> impl Fn(Error) -> PhotographError {
    move |error| match error {
        Error::NoLibrary => PhotographError::NeedsLibrary { format, library: PACKAGE },
        Error::Refused(cause) => PhotographError::unreadable(format, cause),
    }
}

impl<'a> Heif<'a> {
    pub(super) fn open(bytes: &'a [u8], limit: PixelLimit) -> Result<Heif<'a>, PhotographError> {
        let format = limit.format;
        let image = MainImage::open(bytes).map_err(named(format))?;
        let (width, height) = image.size();
        limit.check(width, height)?;
        Ok(Heif { format, image, limit })
    }
}

impl Source for Heif<'_> {
    fn size(&self) -> (usize, usize) {
        self.image.size()
    }

    fn read(&self, sink: &mut Sink) -> Result<(), PhotographError> {
        if !sink.wants(0) {
            return Ok(());
        }
        let decoded = self.image.decode().map_err(named(self.format))?;
        let (width, height) = (decoded.width, decoded.height);
        // What comes out need not be what the header said.
        self.limit.check(width, height)?;
        let image = if decoded.has_opacity {
            let colours = if decoded.premultiplied { Colours::Premultiplied } else { Colours::Plain };
            sink.flattened(width, height, &decoded.pixels, colours)
        } else {
            RgbImage::from_raw(width, height, decoded.pixels)
        };
        if self.image.images() > 1 {
            sink.remark(format!("only the main one of {} images was looked at", self.image.images()));
        }
        let _ = sink.page(0, image);
        Ok(())
    }
}
