//! Masks.

use super::Window;

/// One number per pixel of an image: 0 or 1 in a hull; in a softened mask the share of the source in a blend, 0..=1.
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    width: usize,
    height: usize,
    data: Vec<f32>,
}

impl Mask {
    /// Wraps numbers that are laid out as `[height, width]`, flat.
    ///
    /// # Panics
    /// When the length is not `height * width`.
    pub fn from_raw(width: usize, height: usize, data: Vec<f32>) -> Self {
        assert_eq!(data.len(), width * height, "{width} x {height} mask");
        Mask { width, height, data }
    }

    /// A mask that holds `value` in every pixel.
    pub fn filled(width: usize, height: usize, value: f32) -> Self {
        Mask { width, height, data: vec![value; width * height] }
    }

    /// The width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The numbers as `[height, width]`, flat.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// The numbers as `[height, width]`, flat, to be changed in place.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// The number in column `x`, row `y`.
    pub fn at(&self, x: usize, y: usize) -> f32 {
        self.data[y * self.width + x]
    }

    /// Whether every pixel is 0.
    pub fn is_empty(&self) -> bool {
        self.bounds().is_none()
    }

    /// The smallest window that holds every pixel that is not 0; `None` when all are 0.
    pub fn bounds(&self) -> Option<Window> {
        let row = |y: usize| &self.data[y * self.width..][..self.width];
        // The bits of all values or'ed, without a branch per pixel; -0 counts as set, which no mask holds.
        let any = |y: &usize| row(*y).iter().fold(0, |all, value| all | value.to_bits()) != 0;
        let y0 = (0..self.height).find(any)?;
        let y1 = (y0..self.height).rfind(any)? + 1;
        let (mut x0, mut x1) = (self.width, 0);
        for y in y0..y1 {
            // Only what lies left and right of the columns known so far.
            if let Some(first) = row(y)[..x0].iter().position(|&value| value != 0.0) {
                x0 = first;
            }
            if let Some(last) = row(y)[x1..].iter().rposition(|&value| value != 0.0) {
                x1 += last + 1;
            }
        }
        Some(Window { y0, y1, x0, x1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bounds_are_those_of_the_pixels_set(
            width in 1..9usize, height in 1..9usize, set in proptest::collection::vec(0..80usize, 0..6),
        ) {
            let mut mask = Mask::filled(width, height, 0.0);
            let mut expected: Option<Window> = None;
            for at in set.into_iter().filter(|&at| at < width * height) {
                mask.data_mut()[at] = 0.5;
                let (x, y) = (at % width, at / width);
                let old = expected.unwrap_or(Window { y0: y, y1: y + 1, x0: x, x1: x + 1 });
                let (y0, y1) = (old.y0.min(y), old.y1.max(y + 1));
                expected = Some(Window { y0, y1, x0: old.x0.min(x), x1: old.x1.max(x + 1) });
            }
            prop_assert_eq!(mask.bounds(), expected);
            prop_assert_eq!(mask.is_empty(), expected.is_none());
        }
    }
}
