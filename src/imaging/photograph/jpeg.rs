//! JPEG photographs.

use super::jpeg_markers::Segments;
use super::opacity::GROUND;
use super::orientation::Orientation;
use super::report::Sink;
use super::{ImageFormat, PhotographError, PixelLimit, Source};
use crate::native::jpeg::{self, Colours, Missing};
use crate::types::RgbImage;

pub(super) struct Jpeg<'a> {
    bytes: &'a [u8],
    width: usize,
    height: usize,
    orientation: Orientation,
}

fn unreadable(cause: impl ToString) -> PhotographError {
    PhotographError::unreadable(ImageFormat::Jpeg, cause)
}

impl<'a> Jpeg<'a> {
    pub(super) fn open(bytes: &'a [u8], limit: PixelLimit) -> Result<Jpeg<'a>, PhotographError> {
        let segments = Segments::of(bytes);
        if !segments.has_scan {
            return Err(unreadable("the file breaks off before the image begins"));
        }
        let bytes = &bytes[..segments.usable];
        let (width, height) = jpeg::size(bytes).map_err(unreadable)?;
        limit.check(width, height)?;
        let orientation = segments.exif.map_or(Orientation::UPRIGHT, Orientation::of_exif);
        Ok(Jpeg { bytes, width, height, orientation })
    }
}

impl Source for Jpeg<'_> {
    fn size(&self) -> (usize, usize) {
        self.orientation.size(self.width, self.height)
    }

    fn read(&self, sink: &mut Sink) -> Result<(), PhotographError> {
        if !sink.wants(0) {
            return Ok(());
        }
        let mut image = RgbImage::filled(self.width, self.height, [GROUND; 3]);
        let damage = jpeg::decode(self.bytes, Colours::ByHeader, image.data_mut()).map_err(unreadable)?;
        if let Some(damage) = damage {
            let what = if damage.ends_early { "the file breaks off" } else { "the file is damaged" };
            match damage.missing {
                Missing::RowsFrom(row) => sink.rows_missing(row, self.height, damage.ends_early),
                Missing::Colours => sink.damage(format!("{what}: its colours are missing")),
                Missing::Details => sink.damage(format!("{what}: fine details are missing")),
            }
        }
        // Whether more pages are wanted does not matter behind the only one.
        let _ = sink.page(0, self.orientation.upright(image));
        Ok(())
    }
}
