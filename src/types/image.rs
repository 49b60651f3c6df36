//! Images in memory.

/// An 8-bit RGB image: rows from the top, pixels from the left, red first.
#[derive(Clone, PartialEq, Eq)]
pub struct RgbImage {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

impl RgbImage {
    /// Wraps pixels that are laid out as `[height, width, 3]`, flat, red first.
    ///
    /// # Panics
    /// When the length is not `height * width * 3`.
    pub fn from_raw(width: usize, height: usize, data: Vec<u8>) -> Self {
        assert_eq!(data.len(), width * height * 3, "{width} x {height} RGB image");
        RgbImage { width, height, data }
    }

    /// Builds an image from separate colour planes, `[3, height, width]`, flat: the inverse of [`RgbImage::to_planes`].
    ///
    /// # Panics
    /// When the length is not `3 * height * width`.
    pub fn from_planes(width: usize, height: usize, planes: &[u8]) -> Self {
        let area = width * height;
        assert_eq!(planes.len(), 3 * area, "planes of {width} x {height} pixels");
        let (red, rest) = planes.split_at(area);
        let (green, blue) = rest.split_at(area);
        let mut data = vec![0; 3 * area];
        for (pixel, ((r, g), b)) in data.chunks_exact_mut(3).zip(red.iter().zip(green).zip(blue)) {
            pixel.copy_from_slice(&[*r, *g, *b]);
        }
        RgbImage { width, height, data }
    }

    /// An image whose pixels all have the colour `rgb`.
    pub fn filled(width: usize, height: usize, rgb: [u8; 3]) -> Self {
        RgbImage { width, height, data: rgb.repeat(width * height) }
    }

    /// The width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The pixels as `[height, width, 3]`, flat, red first.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The pixels as `[height, width, 3]`, flat, red first, to be changed in place.
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// Red, green and blue of the pixel in column `x`, row `y`.
    pub fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        let at = (y * self.width + x) * 3;
        [self.data[at], self.data[at + 1], self.data[at + 2]]
    }

    /// A copy of the part inside `window`.
    ///
    /// # Panics
    /// When the window reaches outside the image.
    pub fn cropped(&self, window: Window) -> RgbImage {
        assert!(window.x1 <= self.width && window.y1 <= self.height, "{window:?} outside the image");
        let row_bytes = window.width() * 3;
        let mut data = Vec::with_capacity(row_bytes * window.height());
        for y in window.y0..window.y1 {
            let start = (y * self.width + window.x0) * 3;
            data.extend_from_slice(&self.data[start..start + row_bytes]);
        }
        RgbImage { width: window.width(), height: window.height(), data }
    }

    /// Copies another image into this one, its upper left corner at column `x`, row `y`.
    ///
    /// # Panics
    /// When `part` would reach outside this image.
    pub fn paste(&mut self, part: &RgbImage, x: usize, y: usize) {
        assert!(x + part.width <= self.width && y + part.height <= self.height, "{part:?} at ({x}, {y})");
        let (row_bytes, part_bytes) = (self.width * 3, part.width * 3);
        for (row, pixels) in part.data.chunks_exact(part_bytes).enumerate() {
            let at = (y + row) * row_bytes + x * 3;
            self.data[at..at + part_bytes].copy_from_slice(pixels);
        }
    }

    /// Copies the pixels into separate colour planes: `[3, height, width]`, flat, the red plane first.
    pub fn to_planes(&self) -> Vec<u8> {
        let area = self.width * self.height;
        let mut planes = vec![0; area * 3];
        for (i, rgb) in self.data.chunks_exact(3).enumerate() {
            for (channel, value) in rgb.iter().enumerate() {
                planes[channel * area + i] = *value;
            }
        }
        planes
    }
}

impl std::fmt::Debug for RgbImage {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "RgbImage {} x {}", self.width, self.height)
    }
}

/// A decoded frame: of a video, or a photograph, which counts as a video of one frame (index 0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The frame's position in its video, counted from 0 in decoding order.
    pub index: usize,
    /// The frame's pixels.
    pub image: RgbImage,
}

/// A rectangle of whole pixels, half open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first row inside.
    pub y0: usize,
    /// One past the last row inside.
    pub y1: usize,
    /// The first column inside.
    pub x0: usize,
    /// One past the last column inside.
    pub x1: usize,
}

impl Window {
    /// The width in pixels; 0 when the window ends before it starts.
    pub fn width(&self) -> usize {
        self.x1.saturating_sub(self.x0)
    }

    /// The height in pixels; 0 when the window ends before it starts.
    pub fn height(&self) -> usize {
        self.y1.saturating_sub(self.y0)
    }

    /// The window that covers a whole image of `width` x `height`.
    pub fn whole(width: usize, height: usize) -> Window {
        Window { y0: 0, y1: height, x0: 0, x1: width }
    }

    /// This window with `margin` more pixels on each side, cut off at the edges of an image of `width` x `height`.
    pub fn grown(&self, margin: usize, width: usize, height: usize) -> Window {
        Window {
            y0: self.y0.saturating_sub(margin),
            y1: (self.y1 + margin).min(height),
            x0: self.x0.saturating_sub(margin),
            x1: (self.x1 + margin).min(width),
        }
    }

    /// This window in coordinates of `outer`: where it lies in an image that was cropped to `outer`.
    ///
    /// # Panics
    /// When this window begins before `outer` does.
    pub fn within(&self, outer: Window) -> Window {
        assert!(self.y0 >= outer.y0 && self.x0 >= outer.x0, "{self:?} begins before {outer:?}");
        let (dx, dy) = (outer.x0, outer.y0);
        Window { y0: self.y0 - dy, y1: self.y1 - dy, x0: self.x0 - dx, x1: self.x1 - dx }
    }

    /// Where the pixels of this window lie after an image of `width` columns has been mirrored left to right.
    pub fn mirrored(&self, width: usize) -> Window {
        Window { y0: self.y0, y1: self.y1, x0: width - self.x1, x1: width - self.x0 }
    }

    /// Whether the window holds no pixel.
    pub fn is_empty(&self) -> bool {
        self.width() == 0 || self.height() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crop_keeps_its_pixels_and_planes_their_order() {
        let image = RgbImage::from_raw(3, 2, (0..18).collect());
        let part = image.cropped(Window { y0: 1, y1: 2, x0: 1, x1: 3 });
        assert_eq!((part.width(), part.height()), (2, 1));
        assert_eq!(part.data(), [12, 13, 14, 15, 16, 17]);
        assert_eq!(part.to_planes(), [12, 15, 13, 16, 14, 17]);
        assert_eq!(RgbImage::from_planes(2, 1, &part.to_planes()), part);
    }
}
