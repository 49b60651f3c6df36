//! The segments of a JPEG file: what lies around its coefficients.

/// What the segments tell.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Segments<'a> {
    /// EXIF data, without their name.
    pub exif: Option<&'a [u8]>,
    /// Whether the coefficients begin.
    pub has_scan: bool,
    /// How many bytes hold whole segments and coefficients: where a file breaks off within a segment, all before it.
    pub usable: usize,
}

const START_OF_IMAGE: u8 = 0xD8;
const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;
const APP1: u8 = 0xE1;

impl<'a> Segments<'a> {
    /// Goes over the segments of a file up to its end marker.
    pub(super) fn of(bytes: &'a [u8]) -> Segments<'a> {
        let mut segments = Segments { usable: bytes.len(), ..Segments::default() };
        let mut at = 0;
        while let Some((marker, start, after)) = next_marker(bytes, at) {
            at = match marker {
                END_OF_IMAGE => return segments,
                // Markers that stand alone: nothing belongs to them.
                START_OF_IMAGE | 0x01 | 0xD0..=0xD7 => after,
                _ => match segment(bytes, after) {
                    Some((content, end)) => {
                        if marker == START_OF_SCAN {
                            segments.has_scan = true;
                        } else if marker == APP1 && segments.exif.is_none() {
                            segments.exif = content.strip_prefix(b"Exif\0\0");
                        }
                        end
                    }
                    None => {
                        segments.usable = start;
                        return segments;
                    }
                },
            };
        }
        segments
    }
}

/// The next marker from `at` on, where its first byte is, and where what follows begins. Coefficients are passed over.
fn next_marker(bytes: &[u8], at: usize) -> Option<(u8, usize, usize)> {
    let mut start = at;
    loop {
        start += bytes.get(start..)?.iter().position(|&byte| byte == 0xFF)?;
        // Any number of 0xFF may stand before a marker's number.
        let number = start + bytes[start..].iter().position(|&byte| byte != 0xFF)?;
        match bytes[number] {
            // A byte of the coefficients.
            0 => start = number + 1,
            marker => return Some((marker, start, number + 1)),
        }
    }
}

/// A segment's content behind its length, and where it ends. None where the file ends first, or the length is none.
fn segment(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let length = usize::from(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let end = at + length;
    Some((bytes.get(at + 2..end)?, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = b"\xFF\xD8\xFF\xE1\0\x0AExif\0\0Tx\xFF\xDA\0\x03s\x01\xFF\0\x02\xFF\xD0\x03\xFF\xC4\0\x04hh\xFF\xDA\0\x03t\x05\xFF\xD9garbage";

    #[test]
    fn exif_and_the_begin_of_the_image_are_found() {
        let expected = Segments { exif: Some(b"Tx"), has_scan: true, usable: FILE.len() };
        assert_eq!(Segments::of(FILE), expected);
        assert_eq!(Segments::of(b"no image"), Segments { usable: 8, ..Segments::default() });
    }

    #[test]
    fn a_file_that_breaks_off_within_a_segment_counts_up_to_it() {
        let tables = FILE.windows(2).position(|pair| pair == b"\xFF\xC4").unwrap();
        for length in tables + 2..tables + 6 {
            let segments = Segments::of(&FILE[..length]);
            assert_eq!((segments.usable, segments.has_scan), (tables, true), "{length} bytes");
        }
        assert_eq!(Segments::of(&FILE[..8]), Segments { usable: 2, ..Segments::default() });
    }
}
