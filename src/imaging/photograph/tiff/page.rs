//! One page: what its directory says, checked, and its pixels.

use super::super::opacity::GROUND;
use super::super::orientation::Orientation;
use super::super::report::Sink;
use super::super::{PhotographError, PixelLimit};
use super::chunks::{Chunk, Compression, Decoded};
use super::directory::Directory;
use super::samples::{Meaning, Opacity, Samples};
use super::unreadable;
use crate::types::RgbImage;

/// Numbers of the values that are used (TIFF 6.0 and its supplement).
mod tag {
    pub const WIDTH: u16 = 256;
    pub const HEIGHT: u16 = 257;
    pub const BITS: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const PHOTOMETRIC: u16 = 262;
    pub const FILL_ORDER: u16 = 266;
    pub const STRIP_OFFSETS: u16 = 273;
    pub const ORIENTATION: u16 = 274;
    pub const SAMPLES: u16 = 277;
    pub const ROWS_PER_STRIP: u16 = 278;
    pub const STRIP_BYTES: u16 = 279;
    pub const PLANAR: u16 = 284;
    pub const PREDICTOR: u16 = 317;
    pub const COLOUR_MAP: u16 = 320;
    pub const TILE_WIDTH: u16 = 322;
    pub const TILE_HEIGHT: u16 = 323;
    pub const TILE_OFFSETS: u16 = 324;
    pub const TILE_BYTES: u16 = 325;
    pub const EXTRA_SAMPLES: u16 = 338;
    pub const SAMPLE_FORMAT: u16 = 339;
    pub const JPEG_TABLES: u16 = 347;
}

/// A page whose header makes sense.
pub(super) struct Page<'a> {
    width: usize,
    height: usize,
    orientation: Orientation,
    samples: Samples,
    compression: Compression<'a>,
    differences: bool,
    reversed_bits: bool,
    /// Whether each sample has chunks of its own.
    planar: bool,
    /// Of strips and tiles, in pixels; the last ones of an image may be smaller or reach beyond it.
    chunk_width: usize,
    chunk_height: usize,
    is_tiled: bool,
    /// Where chunks are in the file, and how many bytes they have.
    places: Vec<(u64, u64)>,
}

/// Where the first missing row of a page is.
struct Gap {
    row: usize,
    /// Whether the file ends there.
    ends_early: bool,
    cause: Option<String>,
}

fn side(directory: &Directory, tag: u16) -> usize {
    directory.number(tag).and_then(|number| usize::try_from(number).ok()).unwrap_or(0)
}

impl<'a> Page<'a> {
    /// Fails when the directory makes no sense, asks for what is not read, or for too many pixels.
    pub(super) fn of(directory: &Directory<'a>, limit: PixelLimit) -> Result<Page<'a>, PhotographError> {
        let (width, height) = (side(directory, tag::WIDTH), side(directory, tag::HEIGHT));
        limit.check(width, height)?;
        let number = |tag, usual| directory.number(tag).unwrap_or(usual);
        let compression = Compression::of(number(tag::COMPRESSION, 1), directory.bytes(tag::JPEG_TABLES))
            .map_err(unreadable)?;
        let samples = samples(directory).map_err(unreadable)?;
        if samples.meaning == Meaning::Ycc && !compression.is_jpeg() {
            return Err(unreadable("brightness and colour differences outside JPEG are not read"));
        }
        if compression.is_jpeg() && (samples.bits != 8 || samples.count > 3) {
            return Err(unreadable("JPEG inside with other than 8 bits or up to 3 samples is not read"));
        }
        let planar = number(tag::PLANAR, 1) == 2 && samples.count > 1;
        if planar && compression.is_jpeg() {
            return Err(unreadable("JPEG inside with colours apart is not read"));
        }
        let differences = match number(tag::PREDICTOR, 1) {
            1 => false,
            2 if samples.bits >= 8 => true,
            other => return Err(unreadable(format!("predictor {other} is not read"))),
        };
        let is_tiled = directory.number(tag::TILE_WIDTH).is_some();
        let (chunk_width, chunk_height, offsets, bytes) = if is_tiled {
            let sides = (side(directory, tag::TILE_WIDTH), side(directory, tag::TILE_HEIGHT));
            limit.check(sides.0, sides.1)?;
            (sides.0, sides.1, tag::TILE_OFFSETS, tag::TILE_BYTES)
        } else {
            let rows = side(directory, tag::ROWS_PER_STRIP);
            let rows = if rows == 0 { height } else { rows.min(height) };
            (width, rows, tag::STRIP_OFFSETS, tag::STRIP_BYTES)
        };
        let counts = directory.numbers(bytes).map(Some).chain(std::iter::repeat(None));
        // Without counts, a chunk goes on to the file's end.
        let places = directory
            .numbers(offsets)
            .zip(counts)
            .map(|(at, count)| (at, count.unwrap_or(u64::MAX)))
            .collect();
        Ok(Page {
            width,
            height,
            orientation: Orientation::new(number(tag::ORIENTATION, 1)),
            samples,
            compression,
            differences,
            reversed_bits: number(tag::FILL_ORDER, 1) == 2,
            planar,
            chunk_width,
            chunk_height,
            is_tiled,
            places,
        })
    }

    /// Width and height in pixels, upright.
    pub(super) fn size(&self) -> (usize, usize) {
        self.orientation.size(self.width, self.height)
    }

    /// Decodes the page. Fails where not a single chunk is whole.
    pub(super) fn decode(&self, file: &[u8], sink: &mut Sink) -> Result<RgbImage, PhotographError> {
        let mut image = RgbImage::filled(self.width, self.height, [GROUND; 3]);
        let (mut is_empty, mut transparent, mut first_gap) = (true, false, None);
        let across = self.width.div_ceil(self.chunk_width);
        let down = self.height.div_ceil(self.chunk_height);
        for (row, column) in (0..down).flat_map(|row| (0..across).map(move |column| (row, column))) {
            let (x, y) = (column * self.chunk_width, row * self.chunk_height);
            let number = row * across + column;
            if number >= self.places.len() {
                first_gap.get_or_insert(Gap { row: y, ends_early: true, cause: None });
                break;
            }
            let chunk = self.chunk(number, across * down, y);
            let decoded = chunk.decode(file);
            is_empty &= decoded.rows == 0;
            transparent |= self.samples.lay(&decoded, &mut image, x, y);
            if decoded.rows < chunk.height.min(self.height - y) {
                let Decoded { rows, ends_early, cause, .. } = decoded;
                first_gap.get_or_insert(Gap { row: y + rows, ends_early, cause });
            }
        }
        match first_gap {
            Some(Gap { ends_early: true, .. }) if is_empty => return Err(unreadable("the file breaks off")),
            Some(gap) if is_empty => {
                return Err(unreadable(gap.cause.unwrap_or_else(|| "its data make no sense".to_owned())));
            }
            Some(gap) => sink.rows_missing(gap.row, self.height, gap.ends_early),
            None => {}
        }
        if transparent {
            sink.transparent();
        }
        Ok(self.orientation.upright(image))
    }

    /// The chunk of a number, of `chunks` that each plane has, whose first row is `y`.
    fn chunk(&self, number: usize, chunks: usize, y: usize) -> Chunk<'_> {
        // Strips end with the image, tiles reach beyond.
        let height = if self.is_tiled { self.chunk_height } else { self.chunk_height.min(self.height - y) };
        let planes = if self.planar { self.samples.count } else { 1 };
        let place = |plane: usize| self.places.get(plane * chunks + number).copied();
        Chunk {
            width: self.chunk_width,
            height,
            samples: &self.samples,
            places: (0..planes).map(place).collect(),
            compression: &self.compression,
            differences: self.differences,
            reversed_bits: self.reversed_bits,
        }
    }
}

/// What the samples of a page are. Fails, in words, for what is not read.
fn samples(directory: &Directory) -> Result<Samples, String> {
    const MOST: u64 = 5;
    let count = directory.number(tag::SAMPLES).unwrap_or(1);
    let bits = directory.number(tag::BITS).unwrap_or(1);
    if !(1..=MOST).contains(&count) || !matches!(bits, 1 | 2 | 4 | 8 | 16) {
        return Err(format!("{count} samples of {bits} bits are not read"));
    }
    if directory.numbers(tag::BITS).any(|other| other != bits) {
        return Err("samples of different bits are not read".to_owned());
    }
    // Floats and negative numbers are no photographs.
    if directory.numbers(tag::SAMPLE_FORMAT).any(|format| !matches!(format, 1 | 4)) {
        return Err("only samples that are whole numbers are read".to_owned());
    }
    let meaning = match directory.number(tag::PHOTOMETRIC).unwrap_or(1) {
        0 => Meaning::Darkness,
        1 => Meaning::Brightness,
        2 => Meaning::Rgb,
        3 => Meaning::Palette(palette(directory, bits as u32)?),
        5 => Meaning::Inks,
        6 => Meaning::Ycc,
        other => return Err(format!("colours of kind {other} are not read")),
    };
    if (count as usize) < meaning.samples() {
        return Err(format!("{count} samples are too few for its colours"));
    }
    let opacity = match directory.number(tag::EXTRA_SAMPLES) {
        _ if count as usize == meaning.samples() => Opacity::None,
        Some(1) => Opacity::Premultiplied,
        Some(2) => Opacity::Plain,
        _ => Opacity::None,
    };
    Ok(Samples { count: count as usize, bits: bits as usize, meaning, opacity, order: directory.order })
}

/// Colours by index. Three numbers of 16 bits each; some programs write 8.
fn palette(directory: &Directory, bits: u32) -> Result<Vec<[u8; 3]>, String> {
    let map: Vec<u64> = directory.numbers(tag::COLOUR_MAP).collect();
    let colours = 1 << bits;
    if map.len() < 3 * colours {
        return Err("its palette is not there".to_owned());
    }
    let shift = if map.iter().any(|&value| value > 255) { 8 } else { 0 };
    Ok((0..colours).map(|i| [i, i + colours, i + 2 * colours].map(|at| (map[at] >> shift) as u8)).collect())
}
