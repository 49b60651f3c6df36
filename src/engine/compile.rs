//! From a network's description to operations on buffers, with packed weights.

mod chain;
mod convolution;

use super::buffer::{Buffer, BufferKind, Slice};
use super::compiled::Step;
use super::fold::{Folded, scale_and_shift};
use super::kernels::Kernels;
use super::memory::Memory;
use super::operations::{
    Affine, EnlargeAdd, Front, Gate, MaxPool, MeanShortcut, Operation, Project, Winograd,
};
use super::pack::{self, Packed};
use super::places::Places;
use crate::checkpoint::Mismatch;
use crate::network::{Activation, Block, Convolution, Layer, Map, Network, Size, Weights};

/// What becomes of a description.
pub(super) struct Program {
    pub buffers: Vec<Buffer>,
    pub steps: Vec<Step>,
    /// The buffer of each of the description's maps.
    pub maps: Vec<usize>,
}

/// Compiles a description for some of the builds of the kernels, the fastest first.
///
/// Fails when a weight is missing or of another shape.
pub(super) fn compile(
    builds: &'static [Kernels],
    network: &Network,
    weights: Weights,
) -> Result<Program, Box<Mismatch>> {
    let program = Program { buffers: Vec::new(), steps: Vec::new(), maps: Vec::new() };
    let sizes = network.input_size().map(|size| network.sizes(size));
    let winograds = Vec::new();
    let mut compiler = Compiler { builds, network, sizes, weights, program, winograds };
    compiler.new_map(Map(0));
    let mut number = 0;
    while let Some(layer) = network.layers().get(number) {
        number += match chain::find(builds, network, number) {
            Some(found) => {
                compiler.chain(&found, number)?;
                found.layers()
            }
            None => {
                compiler.layer(layer, Map(number + 1))?;
                1
            }
        };
    }
    let Compiler { mut program, winograds, .. } = compiler;
    for (step, operation) in winograds {
        program.steps[step].operation = Box::new(operation);
    }
    Ok(program)
}

/// Takes the place of an operation that is not yet complete.
struct Incomplete;

impl Operation for Incomplete {
    fn reads(&self) -> Vec<usize> {
        Vec::new()
    }

    fn writes(&self) -> Vec<usize> {
        Vec::new()
    }

    fn run(&self, _: Places) {
        unreachable!("every operation is complete when a network is compiled")
    }
}

struct Compiler<'a> {
    builds: &'static [Kernels],
    network: &'a Network,
    /// Rows and columns of all maps, where the description tells of which size inputs are.
    sizes: Option<Vec<Size>>,
    weights: Weights<'a>,
    program: Program,
    /// Operations that others may still join, with their steps.
    winograds: Vec<(usize, Winograd)>,
}

impl Compiler<'_> {
    fn layer(&mut self, layer: &Layer, to: Map) -> Result<(), Box<Mismatch>> {
        match layer {
            Layer::Conv { from, conv, onto, activation } => {
                let folded = Folded::new(conv, self.weights)?;
                let to = self.new_map(to);
                let to = Slice { buffer: to, first: 0, channels: conv.spec.c_out };
                self.convolution(*from, &folded, conv.spec.window, activation, *onto, to)
            }
            Layer::Beside { parts, activation } => self.beside(parts, activation, to),
            Layer::Block { from, block } => self.block(*from, block, to),
            Layer::MaxPool { from, window } => {
                let (kernels, from, to) = (self.kernels_for(*from), self.buffer(*from), self.new_map(to));
                self.push(kernels, MaxPool { from, to, padding: window.padding })
            }
            Layer::EnlargeAdd { from, onto } => {
                let (kernels, from, onto) = (self.kernels_for(*from), self.buffer(*from), self.buffer(*onto));
                let to = self.new_map(to);
                self.push(kernels, EnlargeAdd { from, to, onto })
            }
            Layer::MeanShortcut { from, onto } => {
                let (kernels, from, onto) = (self.kernels_for(*from), self.buffer(*from), self.buffer(*onto));
                let to = self.new_map(to);
                self.push(kernels, MeanShortcut { from, to, onto })
            }
            Layer::Affine { from, norm } => {
                let (kernels, from, to) = (self.kernels_for(*from), self.buffer(*from), self.new_map(to));
                let channels = scale_and_shift(norm, self.weights)?;
                let (scale, shift): (Vec<f32>, Vec<f32>) =
                    channels.into_iter().map(|(scale, shift)| (scale as f32, shift as f32)).unzip();
                let packed =
                    Packed { weight: pack::padded(kernels, &scale), bias: pack::padded(kernels, &shift) };
                self.push(kernels, Affine { from, to, packed })
            }
        }
    }

    fn new_buffer(&mut self, kind: BufferKind, like: Map) -> usize {
        self.program.buffers.push(Buffer { kind, like });
        self.program.buffers.len() - 1
    }

    /// The buffer of the next map of the description.
    fn new_map(&mut self, map: Map) -> usize {
        let kind = BufferKind::Map { channels: self.network.channels(map), halo: (0, 0) };
        let buffer = self.new_buffer(kind, map);
        self.program.maps.push(buffer);
        buffer
    }

    fn buffer(&self, map: Map) -> usize {
        self.program.maps[map.0]
    }

    /// The build of the kernels for operations on a map's channels.
    fn kernels_for(&self, map: Map) -> &'static Kernels {
        Kernels::for_channels(self.builds, self.network.channels(map))
    }

    fn push(
        &mut self,
        kernels: &'static Kernels,
        operation: impl Operation + 'static,
    ) -> Result<(), Box<Mismatch>> {
        self.program.steps.push(Step { kernels, operation: Box::new(operation) });
        Ok(())
    }

    /// How many squares of this side cover a map, where that is known.
    fn tiles(&self, map: Map, side: usize) -> Option<usize> {
        let (height, width) = self.sizes.as_ref()?[map.0];
        Some(height.div_ceil(side) * width.div_ceil(side))
    }

    /// Sees to it that at least so many zeros lie around a map.
    fn need_halo(&mut self, buffer: usize, needed: (usize, usize)) {
        if let BufferKind::Map { halo, .. } = &mut self.program.buffers[buffer].kind {
            *halo = (halo.0.max(needed.0), halo.1.max(needed.1));
        }
    }

    /// The engine's form of an activation over so many channels.
    fn activation(
        &self,
        described: &Activation,
        channels: usize,
        kernels: &Kernels,
    ) -> Result<Activation<Memory>, Box<Mismatch>> {
        let slopes = described.slopes(channels).map(|weight| self.weights.values(&weight)).transpose()?;
        described.with_slopes(|_| Ok(pack::padded(kernels, slopes.as_deref().unwrap_or_default())))
    }

    fn block(&mut self, from: Map, block: &Block, to: Map) -> Result<(), Box<Mismatch>> {
        let channels = block.depthwise.spec.c_out;
        let kernels = Kernels::for_channels(self.builds, channels);
        let wide = channels.next_multiple_of(kernels.lanes());
        let folded = |conv: &Convolution| Folded::new(conv, self.weights);
        let expand = block.expand.as_ref().map(folded).transpose()?;
        let depthwise = folded(&block.depthwise)?;
        let project = folded(&block.project)?;
        let squeeze = match &block.squeeze {
            Some(squeeze) => Some((folded(&squeeze.reduce)?, folded(&squeeze.expand)?)),
            None => None,
        };

        let front = self.new_buffer(BufferKind::Front { channels: wide }, to);
        let row_sums = squeeze.is_some().then(|| self.new_buffer(BufferKind::RowSums { channels: wide }, to));
        let operation = Front {
            from: self.buffer(from),
            to: front,
            row_sums,
            channels,
            expand: expand.map(|folded| pack::conv(kernels, &folded)),
            window: block.depthwise.spec.window,
            depthwise: pack::depthwise(kernels, &depthwise),
            activation: self.activation(&block.activation, channels, kernels)?,
        };
        self.push(kernels, operation)?;
        let gate = match squeeze.zip(row_sums) {
            Some(((reduce, expand), row_sums)) => {
                let to = self.new_buffer(BufferKind::PerChannel { channels: wide }, to);
                let squeezed = reduce.c_out;
                let (reduce, expand) = pack::gate(kernels, &reduce, &expand);
                self.push(kernels, Gate { row_sums, to, channels, squeezed, reduce, expand })?;
                Some(to)
            }
            None => None,
        };
        let operation = Project {
            from: front,
            gate,
            to: self.new_map(to),
            onto: block.skip.then(|| self.buffer(from)),
            channels,
            packed: pack::project(kernels, &project),
            activation: self.activation(&block.project_activation, project.c_out, kernels)?,
        };
        self.push(kernels, operation)
    }
}
