//! Images on their way into a compiled network.

use crate::network::Size;

/// Images of one size, as a network takes them: row by row, where they will be needed, on any thread.
pub trait Images: Sync {
    /// How many images there are.
    fn count(&self) -> usize;
    /// Rows and columns of each.
    fn size(&self) -> Size;
    /// Channels of a pixel.
    fn channels(&self) -> usize;
    /// Writes row `y` of an image, `[width, channels]`.
    fn write_row(&self, image: usize, y: usize, row: &mut [f32]);
}

/// The images of a contiguous tensor.
pub(super) struct TensorImages<'a> {
    pub values: &'a [f32],
    /// `[n, channels, h, w]`, or else `[n, h, w, channels]`.
    pub planes: bool,
    pub count: usize,
    pub channels: usize,
    pub size: Size,
}

impl Images for TensorImages<'_> {
    fn count(&self) -> usize {
        self.count
    }

    fn size(&self) -> Size {
        self.size
    }

    fn channels(&self) -> usize {
        self.channels
    }

    fn write_row(&self, image: usize, y: usize, row: &mut [f32]) {
        let (height, width) = self.size;
        let values = &self.values[image * self.channels * height * width..];
        if !self.planes {
            return row.copy_from_slice(&values[y * row.len()..][..row.len()]);
        }
        for channel in 0..self.channels {
            let plane = &values[(channel * height + y) * width..][..width];
            row.iter_mut().skip(channel).step_by(self.channels).zip(plane).for_each(|(to, from)| *to = *from);
        }
    }
}
