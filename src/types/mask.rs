//! Masks.

/// One number per pixel of an image: a hull (0 or 1) or, softened, the share of the source in a blend (0..=1).
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    width: usize,
    height: usize,
    data: Vec<f32>,
}

impl Mask {
    /// `data`: `[height, width]`, flat.
    ///
    /// # Panics
    /// When the length is not `height * width`.
    pub fn from_raw(width: usize, height: usize, data: Vec<f32>) -> Self {
        assert_eq!(data.len(), width * height, "{width} x {height} mask");
        Mask { width, height, data }
    }

    /// The same number everywhere.
    pub fn filled(width: usize, height: usize, value: f32) -> Self {
        Mask { width, height, data: vec![value; width * height] }
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// `[height, width]`, flat.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// `[height, width]`, flat.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// The number in column `x`, row `y`.
    pub fn at(&self, x: usize, y: usize) -> f32 {
        self.data[y * self.width + x]
    }

    /// Whether no pixel is set.
    pub fn is_empty(&self) -> bool {
        self.data.iter().all(|&value| value <= 0.0)
    }
}
