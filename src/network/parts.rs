//! The parts of networks that have weights, and the names and shapes of these.

use super::{Activation, ConvSpec};

/// A tensor that a network takes from a weight file.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// Its name, without what stands before all names of the network in a file.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The value of all its elements before anything is loaded or drawn.
    pub initial: f32,
    /// Whether training moves it by its gradient: running statistics and fixed values are not.
    pub trained: bool,
}

impl Weight {
    /// A weight that is trained and 0 at first.
    pub fn new(name: impl Into<String>, shape: &[usize]) -> Self {
        Weight { name: name.into(), shape: shape.to_vec(), initial: 0.0, trained: true }
    }

    /// A value that is kept as it is loaded, 0 at first.
    pub fn fixed(name: impl Into<String>, shape: &[usize]) -> Self {
        Weight { trained: false, ..Weight::new(name, shape) }
    }

    /// This weight with another value before anything is loaded.
    fn from(self, initial: f32) -> Self {
        Weight { initial, ..self }
    }

    /// This weight with `prefix` before its name.
    pub fn under(mut self, prefix: &str) -> Self {
        self.name.insert_str(0, prefix);
        self
    }
}

/// A batch norm over channels, with PyTorch's names for its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Norm {
    /// What its weights' names begin with.
    pub name: String,
    /// How many channels it has.
    pub channels: usize,
    /// What is added to the variance.
    pub eps: f64,
    /// The share of the new batch in the running statistics.
    pub momentum: f64,
    /// Whether the bias stays what it is loaded as instead of being trained.
    pub fixed_bias: bool,
}

impl Norm {
    /// A batch norm with PyTorch's default constants.
    pub fn new(name: impl Into<String>, channels: usize) -> Self {
        Norm { name: name.into(), channels, eps: 1e-5, momentum: 0.1, fixed_bias: false }
    }

    /// The factor, `[channels]`.
    pub fn weight(&self) -> Weight {
        self.part("weight").from(1.0)
    }

    /// The offset, `[channels]`.
    pub fn bias(&self) -> Weight {
        Weight { trained: !self.fixed_bias, ..self.part("bias") }
    }

    /// The running mean, `[channels]`.
    pub fn running_mean(&self) -> Weight {
        Weight { trained: false, ..self.part("running_mean") }
    }

    /// The running variance, `[channels]`.
    pub fn running_var(&self) -> Weight {
        Weight { trained: false, ..self.part("running_var").from(1.0) }
    }

    fn part(&self, leaf: &str) -> Weight {
        Weight::new(format!("{}.{leaf}", self.name), &[self.channels])
    }

    /// All four.
    pub fn weights(&self) -> Vec<Weight> {
        vec![self.weight(), self.bias(), self.running_mean(), self.running_var()]
    }
}

/// A convolution and the batch norm behind it, if there is one.
#[derive(Clone, Debug, PartialEq)]
pub struct Convolution {
    /// What the names of the convolution's own weights begin with.
    pub name: String,
    /// Its shape.
    pub spec: ConvSpec,
    /// The batch norm.
    pub norm: Option<Norm>,
}

impl Convolution {
    /// A convolution without batch norm.
    pub fn new(name: impl Into<String>, spec: ConvSpec) -> Self {
        Convolution { name: name.into(), spec, norm: None }
    }

    /// This convolution with a batch norm behind it.
    pub fn with_norm(self, norm: Norm) -> Self {
        Convolution { norm: Some(norm), ..self }
    }

    /// The kernels, `[c_out, c_in / groups, kernel, kernel]`.
    pub fn weight(&self) -> Weight {
        Weight::new(format!("{}.weight", self.name), &self.spec.weight_shape())
    }

    /// The convolution's own bias, `[c_out]`, if it has one.
    pub fn bias(&self) -> Option<Weight> {
        self.spec.bias.then(|| Weight::new(format!("{}.bias", self.name), &[self.spec.c_out]))
    }

    /// All weights, those of the batch norm too.
    pub fn weights(&self) -> Vec<Weight> {
        let norm = self.norm.iter().flat_map(Norm::weights);
        [self.weight()].into_iter().chain(self.bias()).chain(norm).collect()
    }
}

impl Activation {
    /// The slopes of a PReLU over so many channels, `[channels]`.
    pub fn slopes(&self, channels: usize) -> Option<Weight> {
        const INITIAL: f32 = 0.25;
        match self {
            Activation::Slopes(name) => {
                Some(Weight::new(format!("{name}.weight"), &[channels]).from(INITIAL))
            }
            _ => None,
        }
    }
}

/// Squeeze and excitation: from the means of the channels over all positions, a factor 0..1 for each channel.
///
/// Two convolutions of 1 x 1 with biases; swish follows the first and a sigmoid the second.
#[derive(Clone, Debug, PartialEq)]
pub struct SqueezeExcite {
    /// To fewer channels.
    pub reduce: Convolution,
    /// Back to all channels.
    pub expand: Convolution,
}

/// A depthwise convolution with what is around it: an EfficientNet's block, or a MobileNet's pair of convolutions.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The block's own name, for whoever looks at its result.
    pub name: String,
    /// A 1 x 1 convolution to more channels, before.
    pub expand: Option<Convolution>,
    /// The depthwise convolution.
    pub depthwise: Convolution,
    /// What follows expansion and depthwise convolution, each.
    pub activation: Activation,
    /// The weighing of the channels.
    pub squeeze: Option<SqueezeExcite>,
    /// The 1 x 1 convolution behind.
    pub project: Convolution,
    /// What follows the projection.
    pub project_activation: Activation,
    /// Whether the block's input is added to its result.
    pub skip: bool,
    /// How likely training drops all but the input for an image, 0..1; only with `skip`.
    pub drop_connect: f64,
}

impl Block {
    /// All convolutions of the block, in the order of their execution.
    pub fn convolutions(&self) -> Vec<&Convolution> {
        let squeeze = self.squeeze.iter().flat_map(|squeeze| [&squeeze.reduce, &squeeze.expand]);
        self.expand.iter().chain([&self.depthwise]).chain(squeeze).chain([&self.project]).collect()
    }
}

/// A linear layer: what stands behind a network's maps.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// What its weights' names begin with.
    pub name: String,
    /// Numbers in.
    pub c_in: usize,
    /// Numbers out.
    pub c_out: usize,
    /// Whether it has a bias.
    pub bias: bool,
}

impl Linear {
    /// A linear layer with a bias.
    pub fn new(name: impl Into<String>, c_in: usize, c_out: usize) -> Self {
        Linear { name: name.into(), c_in, c_out, bias: true }
    }

    /// A linear layer without a bias.
    pub fn without_bias(name: impl Into<String>, c_in: usize, c_out: usize) -> Self {
        Linear { bias: false, ..Linear::new(name, c_in, c_out) }
    }

    /// The matrix, `[c_out, c_in]`.
    pub fn weight(&self) -> Weight {
        Weight::new(format!("{}.weight", self.name), &[self.c_out, self.c_in])
    }

    /// The offset, `[c_out]`, if there is one.
    pub fn bias(&self) -> Option<Weight> {
        self.bias.then(|| Weight::new(format!("{}.bias", self.name), &[self.c_out]))
    }

    /// Both.
    pub fn weights(&self) -> Vec<Weight> {
        [self.weight()].into_iter().chain(self.bias()).collect()
    }
}
