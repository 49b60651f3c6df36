//! Strips and tiles: from their bytes in the file to samples.

use super::directory::ByteOrder;
use super::samples::{Meaning, Samples};
use crate::native::jpeg::{self, Colours, Missing};
use flate2::{Decompress, FlushDecompress};
use std::borrow::Cow;
use weezl::{BitOrder, LzwStatus};

/// How chunks are compressed.
pub(super) enum Compression<'a> {
    None,
    Lzw,
    Deflate,
    PackBits,
    /// With the tables that chunks share.
    Jpeg(Option<&'a [u8]>),
}

impl<'a> Compression<'a> {
    /// Fails, in words, for kinds that are not read.
    pub(super) fn of(number: u64, tables: Option<&'a [u8]>) -> Result<Compression<'a>, String> {
        Ok(match number {
            1 => Compression::None,
            5 => Compression::Lzw,
            7 => Compression::Jpeg(tables),
            8 | 32946 => Compression::Deflate,
            32773 => Compression::PackBits,
            other => return Err(format!("compression {other} is not read")),
        })
    }

    pub(super) fn is_jpeg(&self) -> bool {
        matches!(self, Compression::Jpeg(_))
    }
}

/// A strip or tile.
pub(super) struct Chunk<'a> {
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    pub samples: &'a Samples,
    /// Where its bytes are, and how many; one place, or one for each sample. None where the file does not say.
    pub places: Vec<Option<(u64, u64)>>,
    pub compression: &'a Compression<'a>,
    /// Whether samples are stored as differences to their left neighbours.
    pub differences: bool,
    /// Whether the lowest bit of a byte comes first.
    pub reversed_bits: bool,
}

/// What a chunk holds.
pub(super) struct Decoded {
    /// Rows of samples, padded to whole bytes: all samples of a pixel together, or a plane for each.
    pub planes: Vec<Vec<u8>>,
    /// In pixels.
    pub width: usize,
    /// How many rows are whole in all planes.
    pub rows: usize,
    /// Whether samples are red, green and blue already, whatever the page says.
    pub is_rgb: bool,
    /// Whether the file ends where the chunk should go on.
    pub ends_early: bool,
    /// Why rows are missing.
    pub cause: Option<String>,
}

impl Chunk<'_> {
    /// Decodes what is there.
    pub(super) fn decode(&self, file: &[u8]) -> Decoded {
        let mut decoded = Decoded {
            planes: Vec::new(),
            width: self.width,
            rows: self.height,
            is_rgb: self.compression.is_jpeg(),
            ends_early: false,
            cause: None,
        };
        for place in &self.places {
            let (bytes, whole) = within(file, *place);
            decoded.ends_early |= !whole;
            let plane = match self.compression {
                Compression::Jpeg(tables) => self.decode_jpeg(bytes, *tables, &mut decoded),
                _ => self.decode_plane(bytes, &mut decoded),
            };
            decoded.planes.push(plane);
        }
        decoded
    }

    /// One plane, or all samples together; `decoded` learns how many rows are whole.
    fn decode_plane(&self, bytes: &[u8], decoded: &mut Decoded) -> Vec<u8> {
        let samples = self.samples.count / self.places.len();
        let row_bytes = (self.width * samples * self.samples.bits).div_ceil(8);
        // No more than such data can ever become: headers may ask for any number of rows.
        const MOST_PER_BYTE: usize = 4096;
        let rows = self.height.min(bytes.len().saturating_mul(MOST_PER_BYTE) / row_bytes + 1);
        let length = row_bytes * rows;
        let bytes = if self.reversed_bits {
            Cow::Owned(bytes.iter().map(|byte| byte.reverse_bits()).collect())
        } else {
            Cow::Borrowed(bytes)
        };
        let mut plane = vec![0; length];
        let filled = match self.compression {
            Compression::Lzw => lzw(&bytes, &mut plane),
            Compression::Deflate => inflate(&bytes, &mut plane),
            Compression::PackBits => unpack_bits(&bytes, &mut plane),
            Compression::None | Compression::Jpeg(_) => {
                let count = bytes.len().min(length);
                plane[..count].copy_from_slice(&bytes[..count]);
                count
            }
        };
        decoded.rows = decoded.rows.min(filled / row_bytes);
        if self.differences {
            let rows = plane.chunks_exact_mut(row_bytes).take(filled / row_bytes);
            rows.for_each(|row| self.add_up(row, samples));
        }
        plane
    }

    /// Undoes differences within a row.
    fn add_up(&self, row: &mut [u8], samples: usize) {
        if self.samples.bits == 8 {
            for i in samples..row.len() {
                row[i] = row[i].wrapping_add(row[i - samples]);
            }
            return;
        }
        let order = self.samples.order;
        let pairs = row.as_chunks_mut::<2>().0;
        for i in samples..pairs.len() {
            let sum = (order.number(&pairs[i]) as u16).wrapping_add(order.number(&pairs[i - samples]) as u16);
            pairs[i] = match order {
                ByteOrder::LowFirst => sum.to_le_bytes(),
                ByteOrder::HighFirst => sum.to_be_bytes(),
            };
        }
    }

    /// A whole JPEG file but for the tables, as red, green and blue.
    fn decode_jpeg(&self, bytes: &[u8], tables: Option<&[u8]>, decoded: &mut Decoded) -> Vec<u8> {
        let mut none = |cause: String| {
            decoded.rows = 0;
            decoded.cause = Some(cause);
            Vec::new()
        };
        let file = with_tables(bytes, tables);
        let (width, height) = match jpeg::size(&file) {
            Ok(size) => size,
            Err(cause) => return none(cause),
        };
        // A strip may be a row or two higher than the image needs.
        const BLOCKS: usize = 16;
        if width != self.width || height > self.height.next_multiple_of(BLOCKS) {
            return none(format!("JPEG inside has {width} x {height} pixels"));
        }
        let colours = match self.samples.meaning {
            Meaning::Ycc => Colours::Ycc,
            Meaning::Rgb => Colours::Rgb,
            _ => Colours::ByHeader,
        };
        let mut pixels = vec![0; width * height * 3];
        match jpeg::decode(&file, colours, &mut pixels) {
            Err(cause) => return none(cause),
            Ok(None) => decoded.rows = height,
            Ok(Some(damage)) => {
                decoded.rows = match damage.missing {
                    Missing::RowsFrom(row) => row,
                    Missing::Colours | Missing::Details => height.saturating_sub(1),
                };
                decoded.ends_early |= damage.ends_early;
            }
        }
        pixels
    }
}

/// The bytes at a place as far as they are in the file, and whether they all are.
fn within(file: &[u8], place: Option<(u64, u64)>) -> (&[u8], bool) {
    let Some((at, count)) = place else { return (&[], false) };
    let length = file.len() as u64;
    let start = at.min(length);
    let end = at.saturating_add(count).min(length);
    // Both are at most the file's length.
    (&file[start as usize..end.max(start) as usize], count == u64::MAX || at.saturating_add(count) <= length)
}

/// Tables are a file of their own, to be put between a chunk's start marker and what follows it.
fn with_tables<'b>(bytes: &'b [u8], tables: Option<&[u8]>) -> Cow<'b, [u8]> {
    const START: &[u8] = b"\xFF\xD8";
    const END: &[u8] = b"\xFF\xD9";
    let Some(tables) = tables.and_then(|tables| tables.strip_prefix(START)) else {
        return Cow::Borrowed(bytes);
    };
    let tables = tables.strip_suffix(END).unwrap_or(tables);
    let rest = bytes.strip_prefix(START).unwrap_or(bytes);
    Cow::Owned([START, tables, rest].concat())
}

/// Fills `out` as far as the data reach and make sense; returns how many bytes that are.
fn lzw(bytes: &[u8], out: &mut [u8]) -> usize {
    const BITS: u8 = 8;
    let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(BitOrder::Msb, BITS);
    let (mut read, mut written) = (0, 0);
    while written < out.len() {
        let result = decoder.decode_bytes(&bytes[read..], &mut out[written..]);
        read += result.consumed_in;
        written += result.consumed_out;
        if !matches!(result.status, Ok(LzwStatus::Ok)) {
            break;
        }
    }
    written
}

/// As [`lzw`].
fn inflate(bytes: &[u8], out: &mut [u8]) -> usize {
    let mut decoder = Decompress::new(true);
    // What went wrong does not matter: the rows up to there are good.
    let _ = decoder.decompress(bytes, out, FlushDecompress::Finish);
    (decoder.total_out() as usize).min(out.len())
}

/// As [`lzw`]: runs of literal and repeated bytes.
fn unpack_bits(mut bytes: &[u8], out: &mut [u8]) -> usize {
    const NOTHING: u8 = 128;
    let mut written = 0;
    while let [control, rest @ ..] = bytes {
        let left = out.len() - written;
        if left == 0 {
            break;
        }
        bytes = match *control {
            NOTHING => rest,
            literal if literal < NOTHING => {
                let count = (usize::from(literal) + 1).min(rest.len());
                let kept = count.min(left);
                out[written..written + kept].copy_from_slice(&rest[..kept]);
                written += kept;
                &rest[count..]
            }
            repeated => {
                let [value, rest @ ..] = rest else { break };
                let count = (257 - usize::from(repeated)).min(left);
                out[written..written + count].fill(*value);
                written += count;
                rest
            }
        };
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_bits_are_unpacked_within_bounds() {
        let packed = [2, 7, 8, 9, 128, 254, 5, 0, 1];
        let mut out = [0; 7];
        assert_eq!(unpack_bits(&packed, &mut out), 7);
        assert_eq!(out, [7, 8, 9, 5, 5, 5, 1]);
        for length in 0..packed.len() {
            for room in 0..7 {
                assert!(unpack_bits(&packed[..length], &mut vec![0; room]) <= room);
            }
        }
    }

    #[test]
    fn places_beyond_the_file_are_cut() {
        let file = [1, 2, 3, 4];
        assert_eq!(within(&file, Some((1, 2))), (&file[1..3], true));
        assert_eq!(within(&file, Some((2, 5))), (&file[2..], false));
        assert_eq!(within(&file, Some((9, 1))), (&file[4..], false));
        assert_eq!(within(&file, Some((1, u64::MAX))), (&file[1..], true));
        assert_eq!(within(&file, Some((u64::MAX, 7))), (&file[4..], false));
        assert_eq!(within(&file, None), (&file[..0], false));
    }

    #[test]
    fn tables_go_before_the_first_segment() {
        assert_eq!(
            *with_tables(b"\xFF\xD8picture", Some(b"\xFF\xD8tables\xFF\xD9")),
            *b"\xFF\xD8tablespicture"
        );
        assert_eq!(*with_tables(b"\xFF\xD8picture", None), *b"\xFF\xD8picture");
    }
}
