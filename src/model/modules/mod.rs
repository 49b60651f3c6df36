//! A network's description as modules of libtorch: training, CUDA, and numeric checks.
//!
//! The other way to run a description is [`crate::engine::Compiled`].

mod block;
mod conv;
mod norm;
mod source;

pub use norm::BatchNorm;
pub use source::{DeviceWeights, TensorSource, linear};

use super::Error;
use crate::native::process_group::ProcessGroup;
use crate::network::{Activation, Layer, Map, Network, Window};
use crate::ranks::Share;
use block::BlockModule;
use conv::{ConvModule, activation};
use tch::Tensor;

/// How random the forward pass is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Running statistics, nothing dropped.
    Eval,
    /// Batch statistics, nothing dropped: repeatable, for numeric checks.
    BatchStatistics,
    /// Batch statistics and nothing dropped, in the form that training takes where there are kernels for it.
    FusedStatistics,
    /// That form, with drop-connect and dropout.
    Train,
}

impl Mode {
    /// Whether batch norms use (and move by) the batch's statistics.
    pub fn batch_statistics(self) -> bool {
        self != Mode::Eval
    }

    /// Whether layers may take the form that keeps less for the way back. Sums then come in another order.
    pub fn in_training_form(self) -> bool {
        matches!(self, Mode::FusedStatistics | Mode::Train)
    }
}

/// How a forward pass is made, and of what batch: this process's own, or its share of one that several have.
#[derive(Clone, Copy)]
pub struct Pass<'a> {
    /// How random the pass is.
    pub mode: Mode,
    /// This process's share; `None`: the whole batch is its own.
    pub share: Option<&'a Share>,
}

impl From<Mode> for Pass<'_> {
    fn from(mode: Mode) -> Self {
        Pass { mode, share: None }
    }
}

impl Pass<'_> {
    /// The processes whose batches are one to batch norms that take the batch's statistics.
    fn group_of_norms(&self) -> Option<&ProcessGroup> {
        self.share.filter(|_| self.mode.batch_statistics()).and_then(Share::group_of_norms)
    }

    /// What is drawn for `rows` rows of this process's, as if for the whole batch.
    fn drawn(&self, rows: i64, draw: impl FnOnce(i64) -> Tensor) -> Tensor {
        match self.share {
            Some(share) => share.own_rows(rows, draw),
            None => draw(rows),
        }
    }

    /// `x`, `[rows, width]`, with numbers dropped at `rate` in training.
    pub fn dropout(&self, x: &Tensor, rate: f64) -> Tensor {
        let train = self.mode == Mode::Train;
        match self.share {
            Some(share) if train => {
                let width = x.size()[1];
                x * share.own_rows(x.size()[0], |rows| {
                    Tensor::ones([rows, width], (x.kind(), x.device())).dropout(rate, true)
                })
            }
            _ => x.dropout(rate, train),
        }
    }
}

/// A network as modules of libtorch.
pub struct Modules {
    layers: Vec<Module>,
    /// Per layer: the maps that no later layer reads.
    done_with: Vec<Vec<Map>>,
    outputs: Vec<Map>,
}

/// A layer with its tensors.
enum Module {
    Conv { from: Map, conv: ConvModule, onto: Option<Map>, activation: Activation<Tensor> },
    Beside { parts: Vec<(Map, ConvModule)>, activation: Activation<Tensor> },
    Block { from: Map, block: Box<BlockModule> },
    MaxPool { from: Map, window: Window },
    EnlargeAdd { from: Map, onto: Map },
    MeanShortcut { from: Map, onto: Map },
    Affine { from: Map, norm: BatchNorm },
}

impl Modules {
    /// Takes the tensors of all weights of `network` from `source`.
    ///
    /// Fails when it lacks one.
    pub fn new(network: &Network, source: &dyn TensorSource) -> Result<Self, Error> {
        let layers = network.layers();
        let mut last_use = vec![0; layers.len() + 1];
        for (number, layer) in layers.iter().enumerate() {
            layer.reads().iter().for_each(|map| last_use[map.0] = number);
        }
        let mut done_with = vec![Vec::new(); layers.len()];
        for (map, last) in last_use.into_iter().enumerate().take(layers.len()) {
            if !network.outputs().contains(&Map(map)) {
                done_with[last].push(Map(map));
            }
        }
        Ok(Modules {
            layers: layers.iter().map(|layer| Module::new(layer, source)).collect::<Result<_, _>>()?,
            done_with,
            outputs: network.outputs().to_vec(),
        })
    }

    /// From `x`, `[n, channels, h, w]`, float32, to the network's outputs.
    pub fn forward<'a>(&self, x: &Tensor, pass: impl Into<Pass<'a>>) -> Vec<Tensor> {
        let pass = pass.into();
        self.run(x, |module, maps| module.forward(maps, pass))
    }

    /// [`Modules::forward`], showing `see` what comes out of every layer.
    pub fn forward_seeing<'a>(
        &self,
        x: &Tensor,
        pass: impl Into<Pass<'a>>,
        see: &mut dyn FnMut(&Tensor),
    ) -> Vec<Tensor> {
        let pass = pass.into();
        self.run(x, |module, maps| {
            let made = module.forward(maps, pass);
            see(&made);
            made
        })
    }

    /// [`Modules::forward`] with every operation by itself, showing `see` what comes out under the names of the
    /// weights: of convolutions, of batch norms (before the activation) and of blocks, for layer-by-layer checks.
    pub fn trace(&self, x: &Tensor, mode: Mode, see: &mut dyn FnMut(&str, &Tensor)) -> Vec<Tensor> {
        self.run(x, |module, maps| module.trace(maps, mode, see))
    }

    fn run(&self, x: &Tensor, mut execute: impl FnMut(&Module, &Maps) -> Tensor) -> Vec<Tensor> {
        let mut maps = Maps(vec![Some(x.shallow_clone())]);
        for (module, done_with) in self.layers.iter().zip(&self.done_with) {
            let made = execute(module, &maps);
            maps.0.push(Some(made));
            done_with.iter().for_each(|map| maps.0[map.0] = None);
        }
        self.outputs.iter().map(|output| maps.get(*output).shallow_clone()).collect()
    }
}

/// The maps that later layers may read.
struct Maps(Vec<Option<Tensor>>);

impl Maps {
    fn get(&self, map: Map) -> &Tensor {
        self.0[map.0].as_ref().expect("a map is kept until nobody reads it any more")
    }
}

impl Module {
    fn new(layer: &Layer, source: &dyn TensorSource) -> Result<Self, Error> {
        Ok(match layer {
            Layer::Conv { from, conv, onto, activation: described } => Module::Conv {
                from: *from,
                conv: ConvModule::new(conv, source)?,
                onto: *onto,
                activation: activation(described, conv.spec.c_out, source)?,
            },
            Layer::Beside { parts, activation: described } => {
                let part = |(from, conv): &(Map, _)| Ok((*from, ConvModule::new(conv, source)?));
                Module::Beside {
                    parts: parts.iter().map(part).collect::<Result<_, Error>>()?,
                    activation: activation(described, 0, source)?,
                }
            }
            Layer::Block { from, block } => {
                Module::Block { from: *from, block: Box::new(BlockModule::new(block, source)?) }
            }
            Layer::MaxPool { from, window } => Module::MaxPool { from: *from, window: *window },
            Layer::EnlargeAdd { from, onto } => Module::EnlargeAdd { from: *from, onto: *onto },
            Layer::MeanShortcut { from, onto } => Module::MeanShortcut { from: *from, onto: *onto },
            Layer::Affine { from, norm } => {
                Module::Affine { from: *from, norm: BatchNorm::new(norm, source)? }
            }
        })
    }

    fn forward(&self, maps: &Maps, pass: Pass) -> Tensor {
        match self {
            Module::Conv { from, conv, onto: None, activation } if pass.mode.in_training_form() => {
                conv.forward_training(maps.get(*from), activation, pass)
            }
            Module::Conv { from, conv, onto, activation } => {
                activation.apply(added(conv.forward(maps.get(*from), pass), *onto, maps))
            }
            Module::Beside { parts, activation } => {
                let parts: Vec<Tensor> =
                    parts.iter().map(|(from, conv)| conv.forward(maps.get(*from), pass)).collect();
                activation.apply(Tensor::cat(&parts, 1))
            }
            Module::Block { from, block } => block.forward(maps.get(*from), pass),
            Module::MaxPool { from, window } => {
                let [kernel, stride, padding] =
                    [window.kernel, window.stride, window.padding.before].map(|side| [side as i64; 2]);
                maps.get(*from).max_pool2d(kernel, stride, padding, [1, 1], false)
            }
            Module::EnlargeAdd { from, onto } => {
                let onto = maps.get(*onto);
                maps.get(*from).upsample_nearest2d(&onto.size()[2..], None, None) + onto
            }
            Module::MeanShortcut { from, onto } => mean_shortcut(maps.get(*from), maps.get(*onto)),
            Module::Affine { from, norm } => norm.forward(maps.get(*from), Mode::Eval),
        }
    }

    fn trace(&self, maps: &Maps, mode: Mode, see: &mut dyn FnMut(&str, &Tensor)) -> Tensor {
        match self {
            Module::Conv { from, conv, onto, activation } => {
                activation.apply(added(conv.trace(maps.get(*from), mode, see), *onto, maps))
            }
            Module::Block { from, block } => {
                let y = block.forward(maps.get(*from), mode.into());
                see(&block.name, &y);
                y
            }
            _ => self.forward(maps, mode.into()),
        }
    }
}

fn added(y: Tensor, onto: Option<Map>, maps: &Maps) -> Tensor {
    match onto {
        Some(onto) => y + maps.get(onto),
        None => y,
    }
}

/// max(0, `onto` + means of `from` over 2 x 2): what either lacks in rows, columns or channels counts as 0.
fn mean_shortcut(from: &Tensor, onto: &Tensor) -> Tensor {
    let means = from.avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None::<i64>);
    let larger: Vec<i64> = onto.size().iter().zip(means.size()).map(|(&a, b)| a.max(b)).collect();
    (enlarged(onto, &larger) + enlarged(&means, &larger)).relu_()
}

/// `x` with zeros after the last channel, row and column, up to the shape `[n, c, h, w]`.
fn enlarged(x: &Tensor, shape: &[i64]) -> Tensor {
    let lacks: Vec<i64> = shape.iter().zip(x.size()).map(|(&wanted, has)| wanted - has).collect();
    match lacks[..] {
        [0, 0, 0, 0] => x.shallow_clone(),
        _ => x.constant_pad_nd([0, lacks[3], 0, lacks[2], 0, lacks[1]]),
    }
}

/// The values of `x` in channels-last memory order, which libtorch's convolutions are fastest with.
pub fn channels_last(x: &Tensor) -> Tensor {
    x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}
