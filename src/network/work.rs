//! How large a network's maps are and how much it computes, without running it.

use super::{Convolution, Layer, Network, Size};

/// What the convolutions of a network do with one image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Multiplications. One with its addition is two floating-point operations.
    pub multiplications: u64,
    /// Numbers that come out.
    pub values: u64,
}

impl Work {
    /// Adds a convolution that is computed at so many positions.
    fn add(&mut self, conv: &Convolution, (height, width): Size) {
        let [c_out, taps @ ..] = conv.spec.weight_shape();
        let values = (height * width * c_out) as u64;
        self.values += values;
        self.multiplications += values * taps.iter().product::<usize>() as u64;
    }
}

impl Network {
    /// Rows and columns of every map, for an input of this size.
    pub fn sizes(&self, input: Size) -> Vec<Size> {
        let mut sizes = vec![input];
        for layer in &self.layers {
            let of = |map: &super::Map| sizes[map.0];
            let size = match layer {
                Layer::Conv { from, conv, .. } => conv.spec.window.positions(of(from)),
                Layer::Beside { parts, .. } => {
                    let (from, conv) = &parts[0];
                    conv.spec.window.positions(of(from))
                }
                Layer::Block { from, block } => block.depthwise.spec.window.positions(of(from)),
                Layer::MaxPool { from, window } => window.positions(of(from)),
                Layer::EnlargeAdd { onto, .. } => of(onto),
                Layer::MeanShortcut { from, onto } => {
                    let ((height, width), (least_height, least_width)) = (of(from), of(onto));
                    ((height / 2).max(least_height), (width / 2).max(least_width))
                }
                Layer::Affine { from, .. } => of(from),
            };
            sizes.push(size);
        }
        sizes
    }

    /// What the convolutions do with an image of this size.
    pub fn work(&self, input: Size) -> Work {
        let sizes = self.sizes(input);
        let mut work = Work::default();
        for (number, layer) in self.layers.iter().enumerate() {
            let size = sizes[number + 1];
            match layer {
                Layer::Conv { conv, .. } => work.add(conv, size),
                Layer::Beside { parts, .. } => parts.iter().for_each(|(_, conv)| work.add(conv, size)),
                Layer::Block { from, block } => {
                    block.expand.iter().for_each(|conv| work.add(conv, sizes[from.0]));
                    work.add(&block.depthwise, size);
                    let squeeze = block.squeeze.iter().flat_map(|squeeze| [&squeeze.reduce, &squeeze.expand]);
                    squeeze.for_each(|conv| work.add(conv, (1, 1)));
                    work.add(&block.project, size);
                }
                Layer::MaxPool { .. }
                | Layer::EnlargeAdd { .. }
                | Layer::MeanShortcut { .. }
                | Layer::Affine { .. } => {}
            }
        }
        work
    }
}
