//! How a camera was held.

use crate::types::RgbImage;

/// Where a stored image's first row and first column belong, as EXIF and TIFF number it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Orientation(u8);

impl Orientation {
    /// The image is stored as it is shown.
    pub(super) const UPRIGHT: Orientation = Orientation(1);

    /// Orientation 1..=8; anything else counts as upright.
    pub(super) fn new(number: u64) -> Orientation {
        match number {
            2..=8 => Orientation(number as u8),
            _ => Orientation::UPRIGHT,
        }
    }

    /// Finds the orientation in a block of EXIF data, with or without its name in front. Upright where there is none.
    pub(super) fn of_exif(block: &[u8]) -> Orientation {
        let tiff = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
        find(tiff).map_or(Orientation::UPRIGHT, |number| Orientation::new(number.into()))
    }

    /// The size at which an image of `width` x `height` is shown.
    pub(super) fn size(self, width: usize, height: usize) -> (usize, usize) {
        if self.0 >= 5 { (height, width) } else { (width, height) }
    }

    /// The image as it is to be shown.
    pub(super) fn upright(self, stored: RgbImage) -> RgbImage {
        if self == Orientation::UPRIGHT {
            return stored;
        }
        let (w, h) = (stored.width(), stored.height());
        let (width, height) = self.size(w, h);
        let mut data = Vec::with_capacity(width * height * 3);
        for y in 0..height {
            for x in 0..width {
                let (column, row) = match self.0 {
                    2 => (w - 1 - x, y),
                    3 => (w - 1 - x, h - 1 - y),
                    4 => (x, h - 1 - y),
                    5 => (y, x),
                    6 => (y, h - 1 - x),
                    7 => (w - 1 - y, h - 1 - x),
                    _ => (w - 1 - y, x),
                };
                data.extend_from_slice(&stored.pixel(column, row));
            }
        }
        RgbImage::from_raw(width, height, data)
    }
}

/// The value of tag 274 in the first directory.
fn find(tiff: &[u8]) -> Option<u16> {
    const ORIENTATION: u16 = 0x112;
    const SHORT: u16 = 3;
    let big_endian = match tiff.get(..4)? {
        b"MM\0*" => true,
        b"II*\0" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = *tiff.get(at..)?.first_chunk()?;
        Some(if big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    };
    let offset = *tiff.get(4..)?.first_chunk()?;
    let offset = if big_endian { u32::from_be_bytes(offset) } else { u32::from_le_bytes(offset) } as usize;
    let entries = usize::from(short(offset)?);
    (0..entries).map_while(|i| offset.checked_add(2 + 12 * i)).find_map(|entry| {
        (short(entry)? == ORIENTATION && short(entry.checked_add(2)?)? == SHORT).then(|| short(entry + 8))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three columns, two rows, numbered from the top left.
    fn numbered() -> RgbImage {
        RgbImage::from_raw(3, 2, (0..6).flat_map(|i| [i; 3]).collect())
    }

    #[test]
    fn each_orientation_is_put_upright() {
        let cases: [(u64, usize, [u8; 6]); 9] = [
            (1, 3, [0, 1, 2, 3, 4, 5]),
            (2, 3, [2, 1, 0, 5, 4, 3]),
            (3, 3, [5, 4, 3, 2, 1, 0]),
            (4, 3, [3, 4, 5, 0, 1, 2]),
            (5, 2, [0, 3, 1, 4, 2, 5]),
            (6, 2, [3, 0, 4, 1, 5, 2]),
            (7, 2, [5, 2, 4, 1, 3, 0]),
            (8, 2, [2, 5, 1, 4, 0, 3]),
            (9, 3, [0, 1, 2, 3, 4, 5]),
        ];
        for (number, width, expected) in cases {
            let orientation = Orientation::new(number);
            let shown = orientation.upright(numbered());
            assert_eq!((shown.width(), shown.height()), orientation.size(3, 2));
            assert_eq!(shown.width(), width);
            let first: Vec<u8> = shown.data().iter().step_by(3).copied().collect();
            assert_eq!(first, expected, "orientation {number}");
        }
    }

    #[test]
    fn exif_of_both_byte_orders_is_understood() {
        let little = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        assert_eq!(Orientation::of_exif(little), Orientation(6));
        let big = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0\0\0\0\0";
        assert_eq!(Orientation::of_exif(big), Orientation(8));
        for length in 0..little.len() - 8 {
            assert_eq!(Orientation::of_exif(&little[..length]), Orientation::UPRIGHT, "{length} bytes");
        }
        assert_eq!(Orientation::of_exif(b"II*\0\xff\xff\xff\xff\x01\0"), Orientation::UPRIGHT);
    }
}
