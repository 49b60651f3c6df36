//! Convolutions, alone and side by side.

use super::{Compiler, Incomplete};
use crate::checkpoint::Mismatch;
use crate::engine::buffer::Slice;
use crate::engine::fold::Folded;
use crate::engine::kernels::Kernels;
use crate::engine::operations::{Conv, Winograd, WinogradPart};
use crate::engine::pack;
use crate::network::{Activation, Convolution, Map, Padding, Window};

impl Compiler<'_> {
    /// A convolution whose result fills some channels of a map.
    pub(super) fn convolution(
        &mut self,
        from: Map,
        folded: &Folded,
        window: Window,
        activation: &Activation,
        onto: Option<Map>,
        to: Slice,
    ) -> Result<(), Box<Mismatch>> {
        // Worth it where a tile's transformation serves channels enough, and tiles share weights, which are four times as
        // many.
        const LEAST: usize = 16;
        const LEAST_TILES: usize = 12;
        let kernels = Kernels::for_channels(self.builds, folded.c_out);
        let activation = self.activation(activation, folded.c_out, kernels)?;
        let winograd = window == Window { kernel: 3, stride: 1, padding: Padding::even(1) }
            && folded.c_in.is_multiple_of(kernels.lanes())
            && folded.c_in.min(folded.c_out) >= LEAST
            && self.tiles(from, kernels.winograd_side()).is_none_or(|tiles| tiles >= LEAST_TILES);
        let (from, onto) = (self.buffer(from), onto.map(|map| self.buffer(map)));
        if winograd {
            self.need_halo(from, (1, kernels.winograd_side()));
            let packed = pack::winograd(kernels, folded);
            self.winograd(kernels, from, WinogradPart { to, onto, packed, activation })
        } else {
            self.need_halo(from, (window.padding.before, window.padding.after));
            let packed = pack::conv(kernels, folded);
            self.push(kernels, Conv { from, to, onto, window, packed, activation })
        }
    }

    /// A convolution by Winograd's way, together with an earlier one of the same map where there is one.
    fn winograd(
        &mut self,
        kernels: &'static Kernels,
        from: usize,
        part: WinogradPart,
    ) -> Result<(), Box<Mismatch>> {
        let steps = &self.program.steps;
        let joins = |(step, earlier): &&mut (usize, Winograd)| {
            earlier.from == from
                && std::ptr::eq(steps[*step].kernels, kernels)
                // What is added may not be there yet, and spans of one buffer's channels overlap.
                && part.onto.is_none()
                && earlier.parts.iter().all(|other| other.to.buffer != part.to.buffer)
        };
        match self.winograds.iter_mut().find(joins) {
            Some((_, earlier)) => {
                earlier.parts.push(part);
                Ok(())
            }
            None => {
                self.winograds.push((self.program.steps.len(), Winograd { from, parts: vec![part] }));
                self.push(kernels, Incomplete)
            }
        }
    }

    /// Convolutions side by side. Neighbours of one input and one window become one: a wide product costs less than
    /// several narrow ones.
    pub(super) fn beside(
        &mut self,
        parts: &[(Map, Convolution)],
        activation: &Activation,
        to: Map,
    ) -> Result<(), Box<Mismatch>> {
        let buffer = self.new_map(to);
        let mut first = 0;
        for run in parts.chunk_by(|(a, one), (b, other)| (a, one.spec.window) == (b, other.spec.window)) {
            let folded =
                run.iter().map(|(_, conv)| Folded::new(conv, self.weights)).collect::<Result<Vec<_>, _>>()?;
            let folded = Folded::beside(&folded);
            let (from, conv) = &run[0];
            let to = Slice { buffer, first, channels: folded.c_out };
            self.convolution(*from, &folded, conv.spec.window, activation, None, to)?;
            first += folded.c_out;
        }
        Ok(())
    }
}
