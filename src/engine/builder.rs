//! Listing a network's layers.

use super::Program;
use super::pack::{self, Folded};
use super::step::{Buffer, Shape, Slice, Step, StepKind};
use super::{EngineActivation, Kernels, Memory, Packed};
use crate::model::layers::{Activation, Padding};
use std::sync::Arc;

/// A map of activations of the network that is being listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Map(pub(super) usize);

/// A depthwise convolution with what is around it: an EfficientNet's block, or a MobileNet's pair.
pub struct Block {
    /// 1 x 1, before; takes the activation too.
    pub expand: Option<Folded>,
    /// Depthwise.
    pub depthwise: Folded,
    /// Its step.
    pub stride: usize,
    /// Its padding.
    pub padding: Padding,
    /// After expansion and depthwise convolution.
    pub activation: Activation,
    /// Squeeze and excitation: the two layers.
    pub squeeze: Option<(Folded, Folded)>,
    /// 1 x 1, behind.
    pub project: Folded,
    /// After that.
    pub last_activation: Activation,
    /// Whether the block's input is added to its result.
    pub skip: bool,
}

/// Takes a network's layers in the order of their execution.
pub struct Builder {
    all: &'static [Kernels],
    pub(super) buffers: Vec<Buffer>,
    pub(super) steps: Vec<Step>,
    input: usize,
}

fn engine(activation: Activation) -> EngineActivation {
    match activation {
        Activation::None => EngineActivation::None,
        Activation::Relu => EngineActivation::Relu,
        Activation::Relu6 => EngineActivation::Clamp(6.0),
        Activation::Swish => EngineActivation::Swish,
        Activation::LeakyRelu(slope) => EngineActivation::Leaky(slope as f32),
    }
}

impl Builder {
    /// A network whose input has this number of channels.
    pub fn new(channels: usize) -> (Self, Map) {
        Self::with_kernels(Kernels::all(), channels)
    }

    /// The same with some of the builds of the kernels, the fastest first.
    pub fn with_kernels(all: &'static [Kernels], channels: usize) -> (Self, Map) {
        let mut builder = Builder { all, buffers: Vec::new(), steps: Vec::new(), input: 0 };
        let input = builder.map(channels);
        builder.input = input.0;
        (builder, input)
    }

    fn buffer(&mut self, buffer: Buffer) -> usize {
        self.buffers.push(buffer);
        self.buffers.len() - 1
    }

    /// A map that several convolutions will write parts of.
    pub fn map(&mut self, channels: usize) -> Map {
        Map(self.buffer(Buffer::Map { channels, halo: (0, 0) }))
    }

    fn channels(&self, map: Map) -> usize {
        match self.buffers[map.0] {
            Buffer::Map { channels, .. } => channels,
            _ => unreachable!("every Map is made as one"),
        }
    }

    /// Sees to it that at least so many zeros lie around a map.
    fn need_halo(&mut self, map: Map, needed: (usize, usize)) {
        if let Buffer::Map { halo, .. } = &mut self.buffers[map.0] {
            *halo = (halo.0.max(needed.0), halo.1.max(needed.1));
        }
    }

    fn push(&mut self, kernels: &'static Kernels, kind: StepKind) {
        self.steps.push(Step { kernels, kind });
    }

    /// A convolution.
    pub fn conv(
        &mut self,
        from: Map,
        folded: &Folded,
        stride: usize,
        padding: Padding,
        activation: Activation,
    ) -> Map {
        let to = self.map(folded.c_out);
        self.conv_into(from, folded, stride, padding, engine(activation), None, (to, 0));
        to
    }

    /// A convolution, to which a map is added before the activation.
    pub fn conv_onto(
        &mut self,
        from: Map,
        folded: &Folded,
        stride: usize,
        padding: Padding,
        activation: Activation,
        onto: Map,
    ) -> Map {
        let to = self.map(folded.c_out);
        self.conv_into(from, folded, stride, padding, engine(activation), Some(onto), (to, 0));
        to
    }

    /// A convolution that fills the channels of a map from one on.
    pub fn conv_beside(
        &mut self,
        from: Map,
        folded: &Folded,
        padding: Padding,
        activation: Activation,
        to: (Map, usize),
    ) {
        self.conv_into(from, folded, 1, padding, engine(activation), None, to);
    }

    /// A convolution whose negative results are multiplied by a slope per channel (PReLU).
    pub fn conv_slopes(
        &mut self,
        from: Map,
        folded: &Folded,
        stride: usize,
        padding: Padding,
        slopes: &[f32],
    ) -> Map {
        let to = self.map(folded.c_out);
        let mut all = slopes.to_vec();
        // Any build's block.
        all.resize(slopes.len().next_multiple_of(self.all[0].block()), 0.0);
        let activation = EngineActivation::Slopes(Arc::new(Memory::from_slice(&all)));
        self.conv_into(from, folded, stride, padding, activation, None, (to, 0));
        to
    }

    #[allow(clippy::too_many_arguments, reason = "private; the public forms have fewer")]
    fn conv_into(
        &mut self,
        from: Map,
        folded: &Folded,
        stride: usize,
        padding: Padding,
        activation: EngineActivation,
        onto: Option<Map>,
        (to, first): (Map, usize),
    ) {
        let c_in = self.channels(from);
        assert_eq!(folded.c_in, c_in, "channels of a convolution's input");
        let kernels = Kernels::for_channels(self.all, folded.c_out);
        let to = Slice { map: to.0, first, channels: folded.c_out };
        let onto = onto.map(|map| map.0);
        // Worth it where a tile's transformation serves channels enough.
        const LEAST: usize = 16;
        let winograd = folded.kernel == 3
            && stride == 1
            && padding == Padding::even(1)
            && c_in.is_multiple_of(kernels.lanes())
            && c_in.min(folded.c_out) >= LEAST;
        if winograd {
            self.need_halo(from, (1, kernels.winograd_side()));
            let packed = pack::winograd(kernels, folded, activation);
            return self.push(kernels, StepKind::Winograd { from: from.0, to, onto, packed });
        }
        self.need_halo(from, (padding.before as usize, padding.after as usize));
        let packed = pack::conv(kernels, folded, activation);
        let shape = Shape { kernel: folded.kernel, stride, padding };
        self.push(kernels, StepKind::Conv { from: from.0, to, onto, shape, packed });
    }

    /// A block with a depthwise convolution.
    pub fn block(&mut self, from: Map, block: &Block) -> Map {
        let channels = block.depthwise.c_out;
        let kernels = Kernels::for_channels(self.all, channels);
        let inside = channels.next_multiple_of(kernels.lanes());
        let activation = || engine(block.activation);
        let front = self.buffer(Buffer::Front { channels: inside });
        let row_sums = block.squeeze.is_some().then(|| self.buffer(Buffer::RowSums { channels: inside }));
        let shape = Shape { kernel: block.depthwise.kernel, stride: block.stride, padding: block.padding };
        let kind = StepKind::Front {
            from: from.0,
            to: front,
            row_sums,
            channels,
            expand: block.expand.as_ref().map(|folded| pack::conv(kernels, folded, activation())),
            shape,
            depthwise: pack::depthwise(kernels, &block.depthwise, activation()),
        };
        self.push(kernels, kind);
        let gate = block.squeeze.as_ref().zip(row_sums).map(|((reduce, expand), row_sums)| {
            let to = self.buffer(Buffer::PerChannel { channels: inside });
            let squeezed = reduce.c_out;
            let (reduce, expand) = pack::gate(kernels, reduce, expand);
            self.push(kernels, StepKind::Gate { row_sums, to, channels, squeezed, reduce, expand });
            to
        });
        let to = self.map(block.project.c_out);
        let packed = pack::project(kernels, &block.project, engine(block.last_activation));
        let onto = block.skip.then_some(from.0);
        self.push(kernels, StepKind::Project { from: front, gate, to: to.0, onto, channels, packed });
        to
    }

    fn kernels_for(&self, map: Map) -> &'static Kernels {
        Kernels::for_channels(self.all, self.channels(map))
    }

    /// The largest of 3 x 3, every second one.
    pub fn max_pool(&mut self, from: Map, padding: Padding) -> Map {
        let to = self.map(self.channels(from));
        let shape = Shape { kernel: 3, stride: 2, padding };
        self.push(self.kernels_for(from), StepKind::MaxPool { from: from.0, to: to.0, shape });
        to
    }

    /// `from` enlarged to the size of `onto` by nearest neighbours, plus `onto`.
    pub fn enlarge_onto(&mut self, from: Map, onto: Map) -> Map {
        let to = self.map(self.channels(onto));
        self.push(self.kernels_for(from), StepKind::Enlarge { from: from.0, to: to.0, onto: onto.0 });
        to
    }

    /// max(0, `onto` + means of `from` over 2 x 2): what either lacks in rows, columns or channels counts as 0.
    pub fn mean_shortcut(&mut self, from: Map, onto: Map) -> Map {
        let to = self.map(self.channels(from).max(self.channels(onto)));
        self.push(self.kernels_for(from), StepKind::MeanShortcut { from: from.0, to: to.0, onto: onto.0 });
        to
    }

    /// A factor and an offset per channel.
    pub fn affine(&mut self, from: Map, scale: &[f32], shift: &[f32]) -> Map {
        let to = self.map(self.channels(from));
        let kernels = self.kernels_for(from);
        let (weight, bias) = (pack::padded(kernels, scale), pack::padded(kernels, shift));
        let packed = Packed { weight, bias, activation: EngineActivation::None };
        self.push(kernels, StepKind::Affine { from: from.0, to: to.0, packed });
        to
    }

    /// The program, which will give these maps.
    pub fn finish(self, outputs: &[Map]) -> Program {
        Program::new(self.buffers, self.steps, self.input, outputs.iter().map(|map| map.0).collect())
    }
}
