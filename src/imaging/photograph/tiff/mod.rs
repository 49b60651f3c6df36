//! TIFF: pages of strips or tiles. Written here because palettes, inks and JPEG inside have to come out as libtiff reads
//! them, and because what a header says is checked against the file's length before it is believed.

mod chunks;
mod directory;
mod page;
mod samples;

use super::report::Sink;
use super::{ImageFormat, PhotographError, PixelLimit, Source};
use directory::Directories;
use page::Page;

pub(super) struct Tiff<'a> {
    bytes: &'a [u8],
    directories: Directories<'a>,
    first: Page<'a>,
    limit: PixelLimit,
}

fn unreadable(cause: impl ToString) -> PhotographError {
    PhotographError::unreadable(ImageFormat::Tiff, cause)
}

impl<'a> Tiff<'a> {
    pub(super) fn open(bytes: &'a [u8], limit: PixelLimit) -> Result<Tiff<'a>, PhotographError> {
        let directories = Directories::of(bytes).map_err(unreadable)?;
        let first = Page::of(&directories.pages[0], limit)?;
        Ok(Tiff { bytes, directories, first, limit })
    }
}

impl Source for Tiff<'_> {
    fn size(&self) -> (usize, usize) {
        self.first.size()
    }

    fn pages(&self) -> usize {
        self.directories.pages.len()
    }

    fn read(&self, sink: &mut Sink) -> Result<(), PhotographError> {
        for (number, directory) in self.directories.pages.iter().enumerate() {
            if !sink.wants(number) {
                continue;
            }
            let image = Page::of(directory, self.limit)?.decode(self.bytes, sink)?;
            if sink.page(number, image).is_break() {
                break;
            }
        }
        if self.directories.breaks_off {
            sink.damage("the file breaks off: pages are missing".to_owned());
        }
        Ok(())
    }
}
