//! Shapes of what slides over a map, and what follows a convolution.

/// Rows and columns of a map.
pub type Size = (usize, usize);

/// Rows and columns of zeros around a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padding {
    /// Before the first row and column.
    pub before: usize,
    /// After the last row and column; may differ from `before` for TensorFlow's "same" padding.
    pub after: usize,
}

impl Padding {
    /// No zeros.
    pub const NONE: Padding = Padding::even(0);

    /// As many zeros on each of the four sides.
    pub const fn even(by: usize) -> Self {
        Padding { before: by, after: by }
    }

    /// TensorFlow's "same" padding for a square input of `side` pixels: output side = ceil(side / stride).
    pub fn same(side: usize, kernel: usize, stride: usize) -> Self {
        let wanted = (side.div_ceil(stride) - 1) * stride + kernel;
        let total = wanted.saturating_sub(side);
        Padding { before: total / 2, after: total - total / 2 }
    }
}

/// A square window that slides over a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Side in pixels.
    pub kernel: usize,
    /// Pixels from one position to the next, both ways.
    pub stride: usize,
    /// Zeros around the map.
    pub padding: Padding,
}

impl Window {
    /// How many positions the window has, in rows and columns, on a map of this size.
    pub fn positions(&self, (height, width): Size) -> Size {
        let Padding { before, after } = self.padding;
        let side = |side: usize| (side + before + after).saturating_sub(self.kernel) / self.stride + 1;
        (side(height), side(width))
    }
}

/// Shape of a convolution; dilation is always 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvSpec {
    /// Channels in.
    pub c_in: usize,
    /// Channels out.
    pub c_out: usize,
    /// Kernel, stride and padding.
    pub window: Window,
    /// 1, or `c_in` for a depthwise convolution.
    pub groups: usize,
    /// Whether the convolution has a bias of its own.
    pub bias: bool,
}

impl ConvSpec {
    /// A convolution with stride 1, one group, no bias and padding that keeps the size (odd kernels).
    pub const fn new(c_in: usize, c_out: usize, kernel: usize) -> Self {
        let window = Window { kernel, stride: 1, padding: Padding::even(kernel / 2) };
        ConvSpec { c_in, c_out, window, groups: 1, bias: false }
    }

    /// A convolution of each channel by itself, with stride 1, no bias and padding that keeps the size (odd kernels).
    pub const fn depthwise(channels: usize, kernel: usize) -> Self {
        ConvSpec { groups: channels, ..ConvSpec::new(channels, channels, kernel) }
    }

    /// This convolution with another stride.
    pub const fn strided(mut self, stride: usize) -> Self {
        self.window.stride = stride;
        self
    }

    /// This convolution with other zeros around its input.
    pub const fn padded(mut self, padding: Padding) -> Self {
        self.window.padding = padding;
        self
    }

    /// This convolution with, or without, a bias of its own.
    pub const fn biased(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// Channels that one output channel is computed from.
    pub const fn c_in_per_group(&self) -> usize {
        self.c_in / self.groups
    }

    /// Shape of the weight, `[c_out, c_in / groups, kernel, kernel]`.
    pub const fn weight_shape(&self) -> [usize; 4] {
        [self.c_out, self.c_in_per_group(), self.window.kernel, self.window.kernel]
    }
}

/// What follows a convolution and its batch norm.
///
/// `Slopes` is what a PReLU's slopes are known by: the name of their weight in a network's description, a tensor in
/// libtorch's modules, packed numbers in the engine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation<Slopes = String> {
    /// x as it is.
    None,
    /// max(x, 0).
    Relu,
    /// x within 0..=6.
    Relu6,
    /// x * sigmoid(x).
    Swish,
    /// x where positive, else slope * x, with a slope in 0..1.
    LeakyRelu(f64),
    /// x where positive, else x times the slope of its channel (PReLU).
    Slopes(Slopes),
}

impl<Slopes> Activation<Slopes> {
    /// The same activation with its slopes, if it has any, in another form.
    pub fn with_slopes<Other, Error>(
        &self,
        form: impl FnOnce(&Slopes) -> Result<Other, Error>,
    ) -> Result<Activation<Other>, Error> {
        Ok(match self {
            Activation::None => Activation::None,
            Activation::Relu => Activation::Relu,
            Activation::Relu6 => Activation::Relu6,
            Activation::Swish => Activation::Swish,
            Activation::LeakyRelu(slope) => Activation::LeakyRelu(*slope),
            Activation::Slopes(slopes) => Activation::Slopes(form(slopes)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_is_tensorflows() {
        assert_eq!(Padding::same(380, 3, 2), Padding { before: 0, after: 1 });
        assert_eq!(Padding::same(95, 3, 2), Padding { before: 1, after: 1 });
        assert_eq!(Padding::same(190, 5, 2), Padding { before: 1, after: 2 });
        assert_eq!(Padding::same(24, 5, 1), Padding::even(2));
        assert_eq!(Padding::same(10, 1, 1), Padding::NONE);
        // A stride beyond the kernel skips pixels instead of needing more.
        assert_eq!(Padding::same(10, 1, 2), Padding::NONE);
    }

    #[test]
    fn windows_have_the_positions_of_a_convolution() {
        let window = |kernel, stride, padding| Window { kernel, stride, padding };
        assert_eq!(window(3, 2, Padding { before: 0, after: 1 }).positions((380, 9)), (190, 4));
        assert_eq!(window(7, 2, Padding::even(3)).positions((160, 75)), (80, 38));
        assert_eq!(window(3, 2, Padding::NONE).positions((2, 3)), (1, 1));
    }
}
