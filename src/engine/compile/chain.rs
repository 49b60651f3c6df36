//! Layers one behind the other that are computed as one, row by row (`kernels/chain.cpp`).

use super::Compiler;
use crate::checkpoint::Mismatch;
use crate::engine::fold::Folded;
use crate::engine::kernels::Kernels;
use crate::engine::operations::{Chain, Pair, Stem};
use crate::engine::pack;
use crate::network::{Activation, Block, Convolution, Layer, Map, Network, Padding, Window};

/// Channels of the convolution before the first pair.
const STEM: usize = 8;
/// Pairs of a chain, at most.
const MOST: usize = 8;
/// Weights of a pair's 1 x 1 convolution that a row of pixels may be multiplied with while other pairs' rows lie beside them
/// in the cache. Pairs with more stand by themselves.
const SMALL: usize = 4096;

/// Some layers that are one chain.
pub(super) struct Found<'a> {
    /// The build of the kernels that computes it.
    pub kernels: &'static Kernels,
    /// The convolution before the first pair, with what follows it.
    pub stem: Option<(&'a Convolution, &'a Activation)>,
    /// The pairs, with the depthwise convolution and the projection of each block.
    pub pairs: Vec<&'a Block>,
}

impl Found<'_> {
    /// How many layers the chain takes the place of.
    pub fn layers(&self) -> usize {
        self.pairs.len() + usize::from(self.stem.is_some())
    }
}

/// The chain that begins with this layer, if one does.
pub(super) fn find<'a>(builds: &'static [Kernels], network: &'a Network, first: usize) -> Option<Found<'a>> {
    let layers = network.layers();
    let stem = stem(layers.get(first)?).filter(|_| only_next_reads(network, first));
    let mut number = first + usize::from(stem.is_some());
    let mut pairs = vec![pair(layers.get(number)?)?];
    while pairs.len() < MOST && only_next_reads(network, number) {
        number += 1;
        match layers.get(number).and_then(pair) {
            Some(next) if [pairs[0], next].into_iter().all(is_small) => pairs.push(next),
            _ => break,
        }
    }
    let kernels = builds.iter().find(|kernels| fit(kernels, &pairs))?;
    Some(Found { kernels, stem, pairs })
}

/// Whether the layer's map is read by the next layer alone.
fn only_next_reads(network: &Network, layer: usize) -> bool {
    let map = Map(layer + 1);
    let readers = network.layers().iter().enumerate().filter(|(_, other)| other.reads().contains(&map));
    readers.map(|(number, _)| number).eq([layer + 1]) && !network.outputs().contains(&map)
}

fn stem(layer: &Layer) -> Option<(&Convolution, &Activation)> {
    let Layer::Conv { conv, onto: None, activation, .. } = layer else { return None };
    let fits = conv.spec.c_out == STEM
        && is_padded(conv.spec.window)
        && !matches!(activation, Activation::Slopes(_) | Activation::Swish);
    fits.then_some((conv, activation))
}

fn pair(layer: &Layer) -> Option<&Block> {
    let Layer::Block { block, .. } = layer else { return None };
    let plain = block.expand.is_none() && block.squeeze.is_none() && !block.skip;
    let sloped = |activation: &Activation| matches!(activation, Activation::Slopes(_));
    let fits = plain
        && is_padded(block.depthwise.spec.window)
        && !sloped(&block.activation)
        && !sloped(&block.project_activation);
    fits.then_some(block)
}

fn is_padded(window: Window) -> bool {
    window.kernel == 3 && matches!(window.stride, 1 | 2) && window.padding == Padding::even(1)
}

fn is_small(block: &Block) -> bool {
    block.project.spec.c_in * block.project.spec.c_out <= SMALL
}

/// Whether channels fill whole vectors of this build. Those that go into the first pair may be half a vector.
fn fit(kernels: &Kernels, pairs: &[&Block]) -> bool {
    let lanes = kernels.lanes();
    let whole = |channels: usize| channels.is_multiple_of(lanes);
    let first = &pairs[0].depthwise.spec;
    let halves = 2 * first.c_in == lanes && first.window.stride == 1;
    (whole(first.c_in) || halves) && pairs.iter().all(|pair| whole(pair.project.spec.c_out))
}

impl Compiler<'_> {
    /// Layers one behind the other as one operation. The maps between them get no memory, because nothing touches them.
    pub(super) fn chain(&mut self, found: &Found, first: usize) -> Result<(), Box<Mismatch>> {
        let kernels = found.kernels;
        let from = self.buffer(self.network.layers()[first].reads()[0]);
        let stem = match found.stem {
            Some((conv, activation)) => {
                self.need_halo(from, (1, 1));
                let packed = pack::stem(&Folded::new(conv, self.weights)?);
                let activation = self.activation(activation, conv.spec.c_out, kernels)?;
                Some(Stem { stride: conv.spec.window.stride, packed, activation })
            }
            None => None,
        };
        let pairs = found.pairs.iter().map(|block| {
            let (depthwise, project) =
                (Folded::new(&block.depthwise, self.weights)?, Folded::new(&block.project, self.weights)?);
            Ok(Pair {
                stride: block.depthwise.spec.window.stride,
                c_in: depthwise.c_out,
                c_out: project.c_out,
                activation: self.activation(&block.activation, depthwise.c_out, kernels)?,
                project_activation: self.activation(&block.project_activation, project.c_out, kernels)?,
                depthwise: pack::depthwise_of_halves(kernels, &depthwise),
                project: pack::pointwise(kernels, &project),
            })
        });
        let pairs = pairs.collect::<Result<Vec<_>, Box<Mismatch>>>()?;
        let maps: Vec<usize> = (1..=found.layers()).map(|layer| self.new_map(Map(first + layer))).collect();
        self.push(kernels, Chain { from, to: maps[maps.len() - 1], stem, pairs })
    }
}
