//! Reading a window of a frame by its index.

use super::code::{Decoding, PADDING, ROOM, decode};
use super::{FILTER_SUB, INDEX, Index, KIND, PIXEL, SEGMENT, SIGNATURE, STRIP, filter_of, segments};
use crate::types::{RgbImage, Window};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Up to the index's data: the signature, the header's chunk, the beginning of the index's.
const START: usize = SIGNATURE.len() + 25 + 8;
/// The end of the index's chunk and the beginning of the image data's.
const BETWEEN: usize = 4 + 8;
/// Rows that are decoded side by side.
const TOGETHER: usize = 4;
/// Larger ones are none of ours.
const MOST_INDEX_BYTES: usize = 16 << 20;

/// A PNG file with an index. What the index does not tell is read when a window is wanted.
pub struct IndexedPng {
    head: Head,
    bytes: Bytes,
}

/// A file, on a disk or in memory.
pub enum Bytes {
    /// Its position stays where it is.
    File(File),
    /// All of it.
    Memory(Vec<u8>),
}

impl Bytes {
    /// Bytes from `at`, as many as `to` takes; `None` where there are not so many.
    fn read(&self, at: u64, to: &mut [u8]) -> Option<()> {
        match self {
            Bytes::File(file) => file.read_exact_at(to, at).ok(),
            Bytes::Memory(bytes) => {
                let from = bytes.get(usize::try_from(at).ok()?..)?.get(..to.len())?;
                to.copy_from_slice(from);
                Some(())
            }
        }
    }
}

/// What comes before the pixels.
struct Head {
    width: usize,
    height: usize,
    index: Index,
    /// Where the image data are in the file.
    data: Range<u64>,
}

impl Head {
    /// `None` for files without an index.
    fn of(bytes: &Bytes) -> Option<Head> {
        let mut start = [0; START];
        bytes.read(0, &mut start)?;
        let word = |at: usize| Some(u32::from_be_bytes(*start.get(at..)?.first_chunk()?) as usize);
        let (width, height, index_bytes) = (word(16)?, word(20)?, word(33)?);
        let plain = start[..8] == SIGNATURE
            && start[8..16] == *b"\0\0\0\x0dIHDR"
            && start[24..29] == KIND
            && word(29)? == crc32fast::hash(&start[12..29]) as usize
            && start[37..] == INDEX
            && width.min(height) > 0
            && index_bytes <= MOST_INDEX_BYTES;
        if !plain {
            return None;
        }
        // The index and before it its name, which the checksum is of as well, then what lies between.
        let mut chunk = vec![0; INDEX.len() + index_bytes + BETWEEN];
        bytes.read((START - INDEX.len()) as u64, &mut chunk)?;
        let (index, between) = chunk.split_last_chunk::<BETWEEN>()?;
        let (checksum, data_chunk) = between.split_first_chunk()?;
        if crc32fast::hash(index) != u32::from_be_bytes(*checksum) || !data_chunk.ends_with(b"IDAT") {
            return None;
        }
        let length = u64::from(u32::from_be_bytes(*data_chunk.first_chunk()?));
        let data_at = (START + index_bytes + BETWEEN) as u64;
        let index = Index::of_bytes(&index[INDEX.len()..], width, height)?;
        Some(Head { width, height, index, data: data_at..data_at + length })
    }
}

impl IndexedPng {
    /// Reads what comes before the pixels. Gives files without an index back.
    pub fn of(bytes: Bytes) -> Result<IndexedPng, Bytes> {
        match Head::of(&bytes) {
            Some(head) => Ok(IndexedPng { head, bytes }),
            None => Err(bytes),
        }
    }

    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.head.width, self.head.height)
    }

    /// The pixels inside `window`, which lies in the image. `None` where the file is not what its index says.
    pub fn read(&self, window: Window) -> Option<RgbImage> {
        let mut pixels = Vec::with_capacity(window.width() * window.height() * PIXEL);
        if !window.is_empty() {
            for strip in window.y0 / STRIP..window.y1.div_ceil(STRIP) {
                self.read_strip(strip, window, &mut pixels)?;
            }
        }
        Some(RgbImage::from_raw(window.width(), window.height(), pixels))
    }

    /// Adds the rows of a strip that `window` shows.
    fn read_strip(&self, strip: usize, window: Window, pixels: &mut Vec<u8>) -> Option<()> {
        let Head { width, index, data, .. } = &self.head;
        let rows = index.rows(strip, *width);
        let (from, end) = (rows[0] / 8, rows.last()?.div_ceil(8));
        if data.start + end as u64 > data.end || end <= from {
            return None;
        }
        let mut stream = vec![0; end - from + PADDING];
        self.bytes.read(data.start + from as u64, &mut stream[..end - from])?;
        let known = &index.strips[strip];
        if crc32fast::hash(&stream[..end - from]) != known.checksum {
            return None;
        }
        let segment = window.x0 / SEGMENT;
        let count = (window.x1 - segment * SEGMENT) * PIXEL;
        // Of a row's first segment, the filter's number comes before the pixels.
        let named = usize::from(segment == 0);
        let mut together = vec![0; TOGETHER * (named + count + ROOM)];
        let mut row = vec![0; count];
        let shown = (window.x0 - segment * SEGMENT) * PIXEL..count;
        let end_row = window.y1.min((strip + 1) * STRIP);
        for first in (strip * STRIP..end_row).step_by(TOGETHER) {
            let numbers = first..end_row.min(first + TOGETHER);
            let mut parts = Vec::with_capacity(TOGETHER);
            for (y, out) in numbers.clone().zip(together.chunks_exact_mut(named + count + ROOM)) {
                let before = &index.bits[y * segments(*width)..][..segment];
                let at = rows[y % STRIP] + before.iter().map(|&bits| usize::from(bits)).sum::<usize>();
                parts.push(Decoding { at: at - 8 * from, done: 0, out });
            }
            decode(&stream, &mut parts)?;
            for (y, part) in numbers.zip(&parts) {
                if named == 1 && part.out[0] != filter_of(y) {
                    return None;
                }
                let left = match segment.checked_sub(1) {
                    Some(before) => known.left[before],
                    None => [0; PIXEL],
                };
                undo_filter(y, left, &part.out[named..][..count], &mut row);
                if y >= window.y0 {
                    pixels.extend_from_slice(&row[shown.clone()]);
                }
            }
        }
        Some(())
    }
}

/// From a row's differences to its pixels. `row` holds those of the row above; `left`: the pixel before.
fn undo_filter(y: usize, mut left: [u8; PIXEL], differences: &[u8], row: &mut [u8]) {
    match filter_of(y) {
        FILTER_SUB => {
            for (to, from) in
                row.as_chunks_mut::<PIXEL>().0.iter_mut().zip(differences.as_chunks::<PIXEL>().0)
            {
                *to = [0, 1, 2].map(|i: usize| from[i].wrapping_add(left[i]));
                left = *to;
            }
        }
        _ => row.iter_mut().zip(differences).for_each(|(to, from)| *to = to.wrapping_add(*from)),
    }
}
