//! What a network is: its layers and the names of their weights, listed once. No numbers, no tensors, no kernels.
//!
//! A network's own module turns its published table into a [`Network`]. From that come all ways to run it: libtorch's
//! modules ([`crate::model::modules`]: training, CUDA, numeric checks) and the engine's program for CPUs
//! ([`crate::engine::Compiled`]); and what a weight file must hold, how large maps are and how much is computed.
//!
//! Maps are numbered: the input is map 0, and layer number i makes map i + 1.

mod parts;
mod spec;
mod weights;
mod work;

pub use parts::{Block, Convolution, Linear, Norm, SqueezeExcite, Weight};
pub use spec::{Activation, ConvSpec, Padding, Size, Window};
pub use weights::Weights;
pub use work::Work;

/// A map of activations in the network that is being listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Map(pub(crate) usize);

/// A layer: what it reads, and what it does with that.
#[derive(Clone, Debug, PartialEq)]
pub enum Layer {
    /// A convolution with its batch norm; then a map of the same shape is added, if there is one; then the activation.
    Conv {
        /// The map that is read.
        from: Map,
        /// The convolution.
        conv: Convolution,
        /// The map that is added.
        onto: Option<Map>,
        /// The activation that follows.
        activation: Activation,
    },
    /// Several convolutions whose results have one size and lie side by side, the first one's channels first.
    Beside {
        /// What each reads, and the convolutions.
        parts: Vec<(Map, Convolution)>,
        /// The activation that follows each.
        activation: Activation,
    },
    /// A depthwise convolution with what is around it.
    Block {
        /// The map that is read, and added where the block skips.
        from: Map,
        /// The block.
        block: Box<Block>,
    },
    /// The largest of a window of 3 x 3, every second one.
    MaxPool {
        /// The map that is read.
        from: Map,
        /// The window.
        window: Window,
    },
    /// A map enlarged to the size of another one by its nearest pixels, plus that one.
    EnlargeAdd {
        /// The smaller map.
        from: Map,
        /// The larger one, of as many channels.
        onto: Map,
    },
    /// max(0, `onto` + means of `from` over 2 x 2): what either lacks in rows, columns or channels counts as 0.
    MeanShortcut {
        /// What the means are taken of.
        from: Map,
        /// What they are added to.
        onto: Map,
    },
    /// A batch norm that stands by itself, always with running statistics: a factor and an offset per channel.
    Affine {
        /// The map that is read.
        from: Map,
        /// The batch norm.
        norm: Norm,
    },
}

impl Layer {
    /// The maps that the layer reads.
    pub fn reads(&self) -> Vec<Map> {
        match self {
            Layer::Conv { from, onto, .. } => [*from].into_iter().chain(*onto).collect(),
            Layer::Beside { parts, .. } => parts.iter().map(|(from, _)| *from).collect(),
            Layer::Block { from, .. } | Layer::MaxPool { from, .. } | Layer::Affine { from, .. } => {
                vec![*from]
            }
            Layer::EnlargeAdd { from, onto } | Layer::MeanShortcut { from, onto } => vec![*from, *onto],
        }
    }

    /// The weights that the layer takes.
    fn weights(&self) -> Vec<Weight> {
        let convolution = |conv: &Convolution, activation: &Activation| {
            conv.weights().into_iter().chain(activation.slopes(conv.spec.c_out)).collect()
        };
        match self {
            Layer::Conv { conv, activation, .. } => convolution(conv, activation),
            Layer::Beside { parts, .. } => parts.iter().flat_map(|(_, conv)| conv.weights()).collect(),
            Layer::Block { block, .. } => {
                block.convolutions().into_iter().flat_map(Convolution::weights).collect()
            }
            Layer::Affine { norm, .. } => norm.weights(),
            Layer::MaxPool { .. } | Layer::EnlargeAdd { .. } | Layer::MeanShortcut { .. } => Vec::new(),
        }
    }
}

/// A network: its layers in the order of their execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    layers: Vec<Layer>,
    /// Channels of every map.
    channels: Vec<usize>,
    outputs: Vec<Map>,
    /// The size of all its inputs, where it takes no other.
    input_size: Option<Size>,
}

impl Network {
    /// A network whose input has `channels` channels; `list` lists its layers and answers with the maps that come out.
    ///
    /// # Panics
    /// When a layer does not fit the maps it reads: a mistake in the list.
    pub fn new(channels: usize, list: impl FnOnce(&mut Layers, Map) -> Vec<Map>) -> Self {
        let mut layers = Layers { layers: Vec::new(), channels: vec![channels] };
        let outputs = list(&mut layers, Map(0));
        let Layers { layers, channels } = layers;
        assert!(outputs.iter().all(|output| output.0 < channels.len()), "outputs of another network");
        Network { layers, channels, outputs, input_size: None }
    }

    /// The network with inputs of one size alone, by which whoever compiles it may choose among ways to compute.
    pub fn for_inputs_of(self, size: Size) -> Self {
        Network { input_size: Some(size), ..self }
    }

    /// The size of all its inputs, where that is known.
    pub fn input_size(&self) -> Option<Size> {
        self.input_size
    }

    /// The layers in the order of their execution.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// How many channels a map has.
    pub fn channels(&self, map: Map) -> usize {
        self.channels[map.0]
    }

    /// The maps that come out.
    pub fn outputs(&self) -> &[Map] {
        &self.outputs
    }

    /// All weights, in the order of their use.
    pub fn weights(&self) -> Vec<Weight> {
        self.layers.iter().flat_map(Layer::weights).collect()
    }
}

/// Takes a network's layers one by one.
pub struct Layers {
    layers: Vec<Layer>,
    channels: Vec<usize>,
}

impl Layers {
    fn push(&mut self, layer: Layer, channels: usize) -> Map {
        let number = self.channels.len();
        assert!(layer.reads().iter().all(|map| map.0 < number), "a layer reads a map that is not there yet");
        self.layers.push(layer);
        self.channels.push(channels);
        Map(number)
    }

    fn channels(&self, map: Map) -> usize {
        self.channels[map.0]
    }

    fn check(&self, from: Map, conv: &Convolution, groups: usize) {
        assert_eq!(conv.spec.c_in, self.channels(from), "channels that {} reads", conv.name);
        assert_eq!(
            conv.spec.groups, groups,
            "groups of {}: only a block's convolution has several",
            conv.name
        );
        if let Some(norm) = &conv.norm {
            assert_eq!(conv.spec.c_out, norm.channels, "channels of {}", norm.name);
        }
    }

    /// A convolution.
    pub fn conv(&mut self, from: Map, conv: Convolution, activation: Activation) -> Map {
        self.check(from, &conv, 1);
        let channels = conv.spec.c_out;
        self.push(Layer::Conv { from, conv, onto: None, activation }, channels)
    }

    /// A convolution to which a map is added before the activation.
    pub fn conv_onto(&mut self, from: Map, conv: Convolution, onto: Map, activation: Activation) -> Map {
        self.check(from, &conv, 1);
        let channels = conv.spec.c_out;
        assert_eq!(channels, self.channels(onto), "channels of what is added to {}", conv.name);
        self.push(Layer::Conv { from, conv, onto: Some(onto), activation }, channels)
    }

    /// Convolutions whose results lie side by side.
    pub fn beside(&mut self, parts: Vec<(Map, Convolution)>, activation: Activation) -> Map {
        assert!(!parts.is_empty() && !matches!(activation, Activation::Slopes(_)));
        parts.iter().for_each(|(from, conv)| self.check(*from, conv, 1));
        let channels = parts.iter().map(|(_, conv)| conv.spec.c_out).sum();
        self.push(Layer::Beside { parts, activation }, channels)
    }

    /// A block with a depthwise convolution.
    pub fn block(&mut self, from: Map, block: Block) -> Map {
        let wide = block.depthwise.spec.c_in;
        match &block.expand {
            Some(expand) => {
                self.check(from, expand, 1);
                assert_eq!(expand.spec.c_out, wide, "channels of {}", expand.name);
            }
            None => self.check(from, &block.depthwise, wide),
        }
        assert_eq!(block.depthwise.spec.groups, wide, "{} is depthwise", block.depthwise.name);
        assert_eq!(block.project.spec.c_in, wide, "channels that {} reads", block.project.name);
        let channels = block.project.spec.c_out;
        let keeps_shape = block.depthwise.spec.window.stride == 1 && channels == self.channels(from);
        assert!(!block.skip || keeps_shape, "{} adds its input to another shape", block.name);
        self.push(Layer::Block { from, block: Box::new(block) }, channels)
    }

    /// The largest of 3 x 3 pixels, every second one.
    pub fn max_pool(&mut self, from: Map, padding: Padding) -> Map {
        let window = Window { kernel: 3, stride: 2, padding };
        self.push(Layer::MaxPool { from, window }, self.channels(from))
    }

    /// `from` enlarged to the size of `onto` by its nearest pixels, plus `onto`.
    pub fn enlarge_add(&mut self, from: Map, onto: Map) -> Map {
        assert_eq!(self.channels(from), self.channels(onto), "channels of what is added");
        self.push(Layer::EnlargeAdd { from, onto }, self.channels(onto))
    }

    /// max(0, `onto` + means of `from` over 2 x 2): what either lacks in rows, columns or channels counts as 0.
    pub fn mean_shortcut(&mut self, from: Map, onto: Map) -> Map {
        let channels = self.channels(from).max(self.channels(onto));
        self.push(Layer::MeanShortcut { from, onto }, channels)
    }

    /// A batch norm that stands by itself.
    pub fn affine(&mut self, from: Map, norm: Norm) -> Map {
        assert_eq!(self.channels(from), norm.channels, "channels of {}", norm.name);
        self.push(Layer::Affine { from, norm }, self.channels(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_have_the_sizes_and_channels_of_their_layers_and_weights_their_names() {
        let network = Network::new(3, |layers, x| {
            let stem =
                Convolution::new("stem", ConvSpec::new(3, 8, 3).strided(2)).with_norm(Norm::new("bn", 8));
            let stem = layers.conv(x, stem, Activation::Slopes("prelu".into()));
            let pooled = layers.max_pool(stem, Padding::even(1));
            let larger = layers.enlarge_add(pooled, stem);
            let side = |name: &str, c_out| Convolution::new(name, ConvSpec::new(8, c_out, 1).biased(true));
            let both = layers.beside(vec![(stem, side("a", 5)), (larger, side("b", 2))], Activation::None);
            vec![both, pooled]
        });
        assert_eq!(network.sizes((9, 12)), [(9, 12), (5, 6), (3, 3), (5, 6), (5, 6)]);
        let channels: Vec<usize> = network.outputs().iter().map(|map| network.channels(*map)).collect();
        assert_eq!(channels, [7, 8]);
        let weights = network.weights();
        let names: Vec<&str> = weights.iter().map(|weight| weight.name.as_str()).collect();
        let expected = [
            "stem.weight",
            "bn.weight",
            "bn.bias",
            "bn.running_mean",
            "bn.running_var",
            "prelu.weight",
            "a.weight",
            "a.bias",
            "b.weight",
            "b.bias",
        ];
        assert_eq!(names, expected);
        assert_eq!(weights[0].shape, [8, 3, 3, 3]);
        assert_eq!((weights[4].initial, weights[4].trained), (1.0, false));
        let work = Work { multiplications: 30 * 8 * 27 + 30 * 7 * 8, values: 30 * 8 + 30 * 7 };
        assert_eq!(network.work((9, 12)), work);
    }

    #[test]
    #[should_panic(expected = "channels that second reads")]
    fn a_layer_that_does_not_fit_is_a_mistake() {
        Network::new(3, |layers, x| {
            vec![layers.conv(x, Convolution::new("second", ConvSpec::new(4, 8, 1)), Activation::None)]
        });
    }
}
