//! Writing a frame with its index.

use super::code::{self, Encoder};
use super::{FILTER_SUB, INDEX, Index, KIND, PIXEL, SEGMENT, SIGNATURE, STRIP, Strip, filter_of, segments};
use crate::types::RgbImage;
use std::io;

/// The file of an image. Fails for images without pixels and for such as PNG cannot hold.
pub fn encoded(image: &RgbImage) -> io::Result<Vec<u8>> {
    let refused = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, why.to_owned());
    let (width, height) = (image.width(), image.height());
    if width == 0 || height == 0 {
        return Err(refused("an image without pixels"));
    }
    let (index, stream) = compressed(image).ok_or_else(|| refused("an image too large for a frame"))?;
    let side =
        |side: usize| u32::try_from(side).map(u32::to_be_bytes).map_err(|_| refused("too large an image"));
    let mut file = SIGNATURE.to_vec();
    chunk(&mut file, *b"IHDR", &[&side(width)?[..], &side(height)?, &KIND].concat());
    chunk(&mut file, INDEX, &index.to_bytes());
    chunk(&mut file, *b"IDAT", &stream);
    chunk(&mut file, *b"IEND", &[]);
    Ok(file)
}

fn chunk(file: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    file.extend((data.len() as u32).to_be_bytes());
    let start = file.len();
    file.extend(kind);
    file.extend_from_slice(data);
    let checksum = crc32fast::hash(&file[start..]);
    file.extend(checksum.to_be_bytes());
}

/// The image data, and where in them what lies. `None` where they are larger than a chunk may be.
fn compressed(image: &RgbImage) -> Option<(Index, Vec<u8>)> {
    let (width, row_bytes) = (image.width(), image.width() * PIXEL);
    let rows: Vec<&[u8]> = image.data().chunks_exact(row_bytes).collect();
    let mut stream = Encoder::new();
    let mut checksum = simd_adler32::Adler32::new();
    let mut index = Index { strips: Vec::new(), bits: Vec::new() };
    let mut filtered = vec![0; 1 + row_bytes];
    for (y, row) in rows.iter().enumerate() {
        if y % STRIP == 0 {
            let left = (1..segments(width)).map(|segment| {
                let end = segment * SEGMENT * PIXEL;
                [row[end - 3], row[end - 2], row[end - 1]]
            });
            let start = u32::try_from(stream.bits()).ok()?;
            index.strips.push(Strip { start, checksum: 0, left: left.collect() });
        }
        filtered[0] = filter_of(y);
        let differences = &mut filtered[1..];
        match filter_of(y) {
            FILTER_SUB => {
                differences[..PIXEL].copy_from_slice(&row[..PIXEL]);
                let pairs = row[PIXEL..].iter().zip(*row);
                differences[PIXEL..].iter_mut().zip(pairs).for_each(|(to, (a, b))| *to = a.wrapping_sub(*b));
            }
            _ => {
                let pairs = row.iter().zip(rows[y - 1]);
                differences.iter_mut().zip(pairs).for_each(|(to, (a, b))| *to = a.wrapping_sub(*b));
            }
        }
        checksum.write(&filtered);
        let mut from = 0;
        for segment in 0..segments(width) {
            let end = (1 + (segment + 1) * SEGMENT * PIXEL).min(filtered.len());
            let before = stream.bits();
            stream.write(&filtered[from..end]);
            index.bits.push(u16::try_from(stream.bits() - before).ok()?);
            from = end;
        }
    }
    let end = stream.bits();
    let bytes = stream.finish(checksum.finish());
    let starts: Vec<usize> = index.strips.iter().map(|strip| strip.start as usize).chain([end]).collect();
    for (strip, span) in index.strips.iter_mut().zip(starts.windows(2)) {
        strip.checksum = crc32fast::hash(&bytes[span[0] / 8..span[1].div_ceil(8)]);
    }
    debug_assert!(bytes.starts_with(&code::HEADER[..code::HEADER.len() - 1]));
    i32::try_from(bytes.len()).is_ok().then_some((index, bytes))
}
