//! The chunks of a WebP file.

use super::super::animation::Place;
use super::super::orientation::Orientation;

/// What lies around the images of a WebP file with an extended header.
#[derive(Default)]
pub(super) struct Layout<'a> {
    /// Of an animation's canvas, in pixels. None in files with one image.
    pub canvas: Option<(usize, usize)>,
    /// Of an animation; those that the file breaks off in are left out.
    pub frames: Vec<Frame<'a>>,
    /// How the camera was held.
    pub orientation: Option<Orientation>,
    /// Whether the file is shorter than its first header says.
    pub breaks_off: bool,
}

/// A frame of an animation.
pub(super) struct Frame<'a> {
    pub place: Place,
    /// Whether it is drawn over what is there; otherwise instead of it.
    pub is_over: bool,
    /// Whether its place is cleared afterwards.
    pub vanishes: bool,
    /// Its image's chunks.
    pub chunks: &'a [u8],
}

/// Of a chunk: its name and its length.
const HEADER: usize = 8;
/// Of a file: the first chunk's header and a name.
const FILE_HEADER: usize = 12;

/// Name and content of each chunk. Content that the file does not hold as a whole comes last, as None.
fn chunks(mut bytes: &[u8]) -> impl Iterator<Item = (&[u8; 4], Option<&[u8]>)> {
    std::iter::from_fn(move || {
        let (header, rest) = bytes.split_at_checked(HEADER)?;
        let (name, length) = header.split_first_chunk()?;
        let length = length.first_chunk().map_or(0, |length| u32::from_le_bytes(*length)) as usize;
        let content = rest.get(..length);
        // Chunks begin at even places.
        bytes = rest.get(length.next_multiple_of(2)..).unwrap_or_default();
        Some((name, content))
    })
}

/// A number of three bytes.
fn number(bytes: &[u8], at: usize) -> Option<usize> {
    bytes
        .get(at..at + 3)
        .map(|bytes| bytes.iter().rev().fold(0, |number, &byte| number << 8 | usize::from(byte)))
}

impl<'a> Layout<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Layout<'a> {
        const ANIMATED: u8 = 2;
        let said =
            bytes.get(4..).and_then(|rest| rest.first_chunk()).map_or(0, |size| u32::from_le_bytes(*size));
        let mut layout = Layout { breaks_off: bytes.len() < HEADER + said as usize, ..Layout::default() };
        for (name, content) in chunks(bytes.get(FILE_HEADER..).unwrap_or_default()) {
            let Some(content) = content else {
                layout.breaks_off = true;
                break;
            };
            match name {
                b"VP8X" if content.first().is_some_and(|flags| flags & ANIMATED != 0) => {
                    layout.canvas = number(content, 4).zip(number(content, 7)).map(|(w, h)| (w + 1, h + 1));
                }
                b"ANMF" => layout.frames.extend(frame(content)),
                b"EXIF" => layout.orientation = Some(Orientation::of_exif(content)),
                _ => {}
            }
        }
        layout
    }
}

fn frame(content: &[u8]) -> Option<Frame<'_>> {
    const CHUNKS: usize = 16;
    const VANISHES: u8 = 1;
    const INSTEAD: u8 = 2;
    let place = Place {
        x: number(content, 0)? * 2,
        y: number(content, 3)? * 2,
        width: number(content, 6)? + 1,
        height: number(content, 9)? + 1,
    };
    let flags = *content.get(CHUNKS - 1)?;
    let chunks = &content[CHUNKS..];
    Some(Frame { place, is_over: flags & INSTEAD == 0, vanishes: flags & VANISHES != 0, chunks })
}

impl Frame<'_> {
    /// The frame as a file of its own.
    pub(super) fn file(&self) -> Vec<u8> {
        const OPACITY: u8 = 0x10;
        let has_opacity = chunks(self.chunks).any(|(name, _)| matches!(name, b"ALPH" | b"VP8L"));
        let three = |side: usize| {
            let [a, b, c, ..] = (side - 1).to_le_bytes();
            [a, b, c]
        };
        let mut content = b"WEBPVP8X\x0A\0\0\0".to_vec();
        content.extend_from_slice(&[if has_opacity { OPACITY } else { 0 }, 0, 0, 0]);
        content.extend_from_slice(&three(self.place.width));
        content.extend_from_slice(&three(self.place.height));
        content.extend_from_slice(self.chunks);
        let length = content.len() as u32;
        [b"RIFF", &length.to_le_bytes()[..], &content].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_gone_through_to_the_last_whole_one() {
        let bytes = b"abcd\x03\0\0\0xyz\0efgh\0\0\0\0ijkl\x05\0\0\0xyz";
        let found: Vec<_> = chunks(bytes).collect();
        assert_eq!(found, [(b"abcd", Some(&b"xyz"[..])), (b"efgh", Some(b"")), (b"ijkl", None)]);
        assert_eq!(chunks(b"abcd\xff\xff\xff\xff").next(), Some((b"abcd", None)));
        assert_eq!(chunks(b"abc").count(), 0);
    }
}
