//! From a page's samples to colours.

use super::super::opacity::{Colours, on_ground};
use super::chunks::Decoded;
use super::directory::ByteOrder;
use crate::types::RgbImage;

/// What the first samples of a pixel mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// One sample, 0 is white.
    Darkness,
    /// One sample, 0 is black.
    Brightness,
    Rgb,
    /// One sample, the number of a colour.
    Palette(Vec<[u8; 3]>),
    /// Cyan, magenta, yellow, black.
    Inks,
    /// Brightness and two differences of colour; JPEG inside knows how to undo it.
    Ycc,
}

impl Meaning {
    /// How many samples it takes.
    pub(super) fn samples(&self) -> usize {
        match self {
            Meaning::Darkness | Meaning::Brightness | Meaning::Palette(_) => 1,
            Meaning::Rgb | Meaning::Ycc => 3,
            Meaning::Inks => 4,
        }
    }
}

/// Whether the sample behind the colours is an opacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opacity {
    None,
    Plain,
    Premultiplied,
}

/// How pixels are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Samples {
    /// Per pixel.
    pub count: usize,
    /// Per sample: 1, 2, 4, 8 or 16.
    pub bits: usize,
    pub meaning: Meaning,
    pub opacity: Opacity,
    pub order: ByteOrder,
}

impl Samples {
    /// Draws a chunk at column `x`, row `y`, as far as it is there. Says whether anything is not opaque.
    pub(super) fn lay(&self, chunk: &Decoded, image: &mut RgbImage, x: usize, y: usize) -> bool {
        let columns = chunk.width.min(image.width() - x);
        let rows = chunk.rows.min(image.height() - y);
        let stride = image.width() * 3;
        let mut transparent = false;
        let mut values = vec![0; columns * self.count];
        for row in 0..rows {
            let start = (y + row) * stride + x * 3;
            let target = &mut image.data_mut()[start..start + columns * 3];
            if chunk.is_rgb {
                target.copy_from_slice(&chunk.planes[0][row * chunk.width * 3..][..columns * 3]);
                if self.meaning == Meaning::Darkness {
                    target.iter_mut().for_each(|value| *value = 255 - *value);
                }
                continue;
            }
            let planes = chunk.planes.len();
            for (plane, bytes) in chunk.planes.iter().enumerate() {
                let samples = self.count / planes;
                let row_bytes = (chunk.width * samples * self.bits).div_ceil(8);
                let bytes = &bytes[row * row_bytes..][..row_bytes];
                self.unpack(bytes, values[plane..].iter_mut().step_by(planes));
            }
            for (pixel, target) in values.chunks_exact(self.count).zip(target.as_chunks_mut().0) {
                let (colour, is_opaque) = self.colour(pixel);
                *target = colour;
                transparent |= !is_opaque;
            }
        }
        transparent
    }

    /// The samples of a row, as they are stored.
    fn unpack<'v>(&self, bytes: &[u8], values: impl Iterator<Item = &'v mut u16>) {
        match self.bits {
            16 => values
                .zip(bytes.as_chunks::<2>().0)
                .for_each(|(value, pair)| *value = self.order.number(pair) as u16),
            8 => values.zip(bytes).for_each(|(value, &byte)| *value = byte.into()),
            bits => {
                let mask = (1u16 << bits) - 1;
                for (i, value) in values.enumerate() {
                    let bit = i * bits;
                    *value = u16::from(bytes[bit / 8]) >> (8 - bits - bit % 8) & mask;
                }
            }
        }
    }

    /// A sample as a byte, as libtiff makes one: colours are rounded, grey is cut.
    fn byte(&self, value: u16) -> u8 {
        match self.bits {
            16 if matches!(self.meaning, Meaning::Brightness | Meaning::Darkness) => (value >> 8) as u8,
            16 => ((u32::from(value) + 128) / 257) as u8,
            8 => value as u8,
            bits => (u32::from(value) * 255 / ((1 << bits) - 1)) as u8,
        }
    }

    /// A pixel's colour on the ground, and whether it is opaque.
    fn colour(&self, pixel: &[u16]) -> ([u8; 3], bool) {
        let byte = |at: usize| self.byte(pixel[at]);
        let [red, green, blue] = match &self.meaning {
            Meaning::Darkness => [255 - byte(0); 3],
            Meaning::Brightness => [byte(0); 3],
            Meaning::Rgb | Meaning::Ycc => [byte(0), byte(1), byte(2)],
            Meaning::Palette(colours) => colours[usize::from(pixel[0])],
            Meaning::Inks => {
                let light = u32::from(255 - byte(3));
                [0, 1, 2].map(|at| (u32::from(255 - byte(at)) * light / 255) as u8)
            }
        };
        let opacity = match self.opacity {
            Opacity::None => 255,
            Opacity::Plain | Opacity::Premultiplied => byte(self.meaning.samples()),
        };
        let premultiplied = self.opacity == Opacity::Premultiplied;
        let colours = if premultiplied { Colours::Premultiplied } else { Colours::Plain };
        (on_ground([red, green, blue, opacity], colours), opacity == 255)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(bits: usize, order: ByteOrder) -> Samples {
        Samples { count: 1, bits, meaning: Meaning::Brightness, opacity: Opacity::None, order }
    }

    #[test]
    fn samples_of_all_widths_are_unpacked() {
        let unpacked = |bits, order, bytes: &[u8], count| {
            let mut values = vec![0; count];
            samples(bits, order).unpack(bytes, values.iter_mut());
            values
        };
        use ByteOrder::{HighFirst, LowFirst};
        assert_eq!(unpacked(1, LowFirst, &[0b1010_0000], 3), [1, 0, 1]);
        assert_eq!(unpacked(2, LowFirst, &[0b11_01_00_10], 4), [3, 1, 0, 2]);
        assert_eq!(unpacked(4, LowFirst, &[0x5A, 0xF0], 3), [5, 10, 15]);
        assert_eq!(unpacked(16, LowFirst, &[1, 2], 1), [0x201]);
        assert_eq!(unpacked(16, HighFirst, &[1, 2], 1), [0x102]);
    }

    #[test]
    fn full_range_stays_full_range() {
        for bits in [1, 2, 4, 8, 16] {
            let samples = samples(bits, ByteOrder::LowFirst);
            let most = ((1u32 << bits) - 1) as u16;
            assert_eq!((samples.byte(0), samples.byte(most)), (0, 255), "{bits} bits");
        }
    }
}
