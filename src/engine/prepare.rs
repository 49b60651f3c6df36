//! From an operation to the kernel's arguments, every extent checked.

use super::kernels::*;
use super::memory::{Memory, with_scratch};
use super::operation::{EngineActivation, Operation, Packed, View};
use std::ffi::c_void;
use std::marker::PhantomData;

impl View {
    fn raw(&self, memory: &Memory) -> RawMap {
        assert!(self.height > 0 && self.width > 0 && self.channels <= self.pixel_stride, "{self:?}");
        assert!(self.span().end <= memory.len(), "{self:?} lies outside of the memory");
        RawMap {
            // SAFETY: within the allocation, as was just seen.
            data: unsafe { memory.pointer().add(self.offset) },
            height: self.height as i64,
            width: self.width as i64,
            channels: self.channels as i64,
            row_stride: self.row_stride as i64,
            pixel_stride: self.pixel_stride as i64,
        }
    }
}

/// No map.
const NOTHING: RawMap =
    RawMap { data: std::ptr::null_mut(), height: 0, width: 0, channels: 0, row_stride: 0, pixel_stride: 0 };

impl EngineActivation {
    fn raw(&self) -> RawActivation {
        let plain = |kind, constant| RawActivation { kind, constant, slopes: std::ptr::null() };
        match self {
            EngineActivation::None => plain(RawActivationKind::None, 0.0),
            EngineActivation::Relu => plain(RawActivationKind::Relu, 0.0),
            EngineActivation::Clamp(limit) => plain(RawActivationKind::Clamp, *limit),
            EngineActivation::Swish => plain(RawActivationKind::Swish, 0.0),
            EngineActivation::Leaky(slope) => plain(RawActivationKind::Leaky, *slope),
            EngineActivation::Slopes(slopes) => {
                RawActivation { slopes: slopes.pointer(), ..plain(RawActivationKind::Slopes, 0.0) }
            }
        }
    }
}

/// An operation with its pointers, ready to run task by task: each task once, on any thread.
pub struct Prepared<'m> {
    functions: RawOperation,
    arguments: Arguments,
    /// The memory and the weights that the pointers are into.
    borrowed: PhantomData<&'m Memory>,
}

enum Arguments {
    Conv(RawConv),
    Winograd(RawWinograd),
    Front(RawFront),
    Gate(RawGate),
    Project(RawProject),
    MaxPool(RawMaxPool),
    Sum(RawSum),
    Affine(RawAffine),
}

// SAFETY: the pointers are into memory and weights that are borrowed, and tasks write disjoint parts.
unsafe impl Sync for Prepared<'_> {}
// SAFETY: as above.
unsafe impl Send for Prepared<'_> {}

impl Prepared<'_> {
    fn arguments(&self) -> *const c_void {
        match &self.arguments {
            Arguments::Conv(raw) => std::ptr::from_ref(raw).cast(),
            Arguments::Winograd(raw) => std::ptr::from_ref(raw).cast(),
            Arguments::Front(raw) => std::ptr::from_ref(raw).cast(),
            Arguments::Gate(raw) => std::ptr::from_ref(raw).cast(),
            Arguments::Project(raw) => std::ptr::from_ref(raw).cast(),
            Arguments::MaxPool(raw) => std::ptr::from_ref(raw).cast(),
            Arguments::Sum(raw) => std::ptr::from_ref(raw).cast(),
            Arguments::Affine(raw) => std::ptr::from_ref(raw).cast(),
        }
    }

    /// In how many tasks it is cut.
    pub fn tasks(&self) -> usize {
        // SAFETY: the function is the one for these arguments.
        unsafe { (self.functions.tasks)(self.arguments()) as usize }
    }

    /// Runs one of them on this thread.
    pub fn run(&self, task: usize) {
        // SAFETY: as above; views and weights were checked when this was prepared.
        let floats = unsafe { (self.functions.scratch)(self.arguments()) } as usize;
        with_scratch(floats, |scratch| unsafe {
            (self.functions.run)(self.arguments(), task as i64, scratch);
        });
    }
}

/// Floats from `at` on, which must lie within.
fn part(memory: &Memory, at: usize, floats: usize) -> *mut f32 {
    assert!(at + floats <= memory.len(), "{at} + {floats} lies outside of {}", memory.len());
    // SAFETY: within the allocation, as was just seen.
    unsafe { memory.pointer().add(at) }
}

/// The weights, which must be as many as the kernel reads.
fn weights(memory: &Memory, floats: usize) -> *const f32 {
    assert!(memory.len() >= floats, "{} weights instead of {floats}", memory.len());
    memory.pointer()
}

impl Operation<'_> {
    /// Checks every extent and makes the kernel's arguments. `threads`: how many will share the work.
    ///
    /// # Panics
    /// When a view lies outside of `memory` or weights are too few: a bug of ours.
    pub fn prepare<'m>(&'m self, kernels: &Kernels, memory: &'m Memory, threads: usize) -> Prepared<'m> {
        let lanes = kernels.lanes();
        let whole = |channels: usize| channels.next_multiple_of(lanes);
        let added = |onto: &Option<View>, to: &View| {
            onto.as_ref().map_or(NOTHING, |view| {
                assert_eq!((view.height, view.width, view.channels), (to.height, to.width, to.channels));
                view.raw(memory)
            })
        };
        let table = &kernels.raw;
        let (functions, arguments) = match self {
            Operation::Conv { from, to, onto, kernel, stride, before, packed } => {
                assert_eq!(from.channels, from.pixel_stride, "a convolution reads whole pixels");
                assert!(from.halo.0 >= *before, "padding without a halo");
                let reach =
                    |out: usize, side: usize| (out - 1) * stride + kernel <= before + side + from.halo.1;
                assert!(reach(to.height, from.height) && reach(to.width, from.width), "{from:?} to {to:?}");
                let raw = RawConv {
                    from: from.raw(memory),
                    to: to.raw(memory),
                    onto: added(onto, to),
                    kernel: *kernel as i64,
                    stride: *stride as i64,
                    before: *before as i64,
                    weight: weights(&packed.weight, kernel * kernel * from.channels * whole(to.channels)),
                    bias: weights(&packed.bias, whole(to.channels)),
                    activation: packed.activation.raw(),
                    threads: threads as i64,
                };
                (table.conv, Arguments::Conv(raw))
            }
            Operation::Winograd { from, to, onto, packed } => {
                let tile = kernels.winograd_side();
                assert!(from.channels % lanes == 0 && from.halo.0 >= 1, "{from:?}");
                let reach = |out: usize, side: usize| out.next_multiple_of(tile) < side + from.halo.1;
                assert!(reach(to.height, from.height) && reach(to.width, from.width), "{from:?} to {to:?}");
                let raw = RawWinograd {
                    from: from.raw(memory),
                    to: to.raw(memory),
                    onto: added(onto, to),
                    weight: weights(
                        &packed.weight,
                        (tile + 2) * (tile + 2) * from.channels * whole(to.channels),
                    ),
                    bias: weights(&packed.bias, whole(to.channels)),
                    activation: packed.activation.raw(),
                    threads: threads as i64,
                };
                (table.winograd_conv, Arguments::Winograd(raw))
            }
            Operation::Front {
                from,
                channels,
                expand,
                depthwise,
                kernel,
                stride,
                before,
                out,
                to,
                row_sums,
            } => {
                assert!(matches!((kernel, stride), (3 | 5, 1 | 2)), "kernel {kernel}, stride {stride}");
                assert!(expand.is_some() || from.channels == *channels);
                let taken = |packed: &Packed| weights(&packed.weight, from.channels * whole(*channels));
                let raw = RawFront {
                    from: from.raw(memory),
                    channels: *channels as i64,
                    expand: expand.map_or(std::ptr::null(), taken),
                    expand_bias: expand
                        .map_or(std::ptr::null(), |packed| weights(&packed.bias, whole(*channels))),
                    depthwise: weights(&depthwise.weight, kernel * kernel * whole(*channels)),
                    bias: weights(&depthwise.bias, whole(*channels)),
                    kernel: *kernel as i64,
                    stride: *stride as i64,
                    before: *before as i64,
                    out_height: out.0 as i64,
                    out_width: out.1 as i64,
                    to: part(memory, *to, out.0 * out.1 * whole(*channels)),
                    row_sums: row_sums
                        .map_or(std::ptr::null_mut(), |at| part(memory, at, out.0 * whole(*channels))),
                    activation: depthwise.activation.raw(),
                    threads: threads as i64,
                };
                (table.front, Arguments::Front(raw))
            }
            Operation::Gate { row_sums, size, channels, squeezed, reduce, expand, to } => {
                let floats = squeezed * whole(*channels);
                let raw = RawGate {
                    row_sums: part(memory, *row_sums, size.0 * whole(*channels)),
                    rows: size.0 as i64,
                    positions: (size.0 * size.1) as i64,
                    channels: *channels as i64,
                    squeezed: *squeezed as i64,
                    reduce: weights(&reduce.weight, floats),
                    reduce_bias: weights(&reduce.bias, *squeezed),
                    expand: weights(&expand.weight, floats),
                    expand_bias: weights(&expand.bias, whole(*channels)),
                    gate: part(memory, *to, whole(*channels)),
                };
                (table.gate, Arguments::Gate(raw))
            }
            Operation::Project { from, gate, channels, to, onto, packed } => {
                let positions = to.height * to.width;
                let raw = RawProject {
                    from: part(memory, *from, positions * whole(*channels)),
                    gate: gate.map_or(std::ptr::null(), |at| part(memory, at, whole(*channels)).cast_const()),
                    positions: positions as i64,
                    channels: *channels as i64,
                    to: to.raw(memory),
                    onto: added(onto, to),
                    weight: weights(&packed.weight, whole(*channels) * whole(to.channels)),
                    bias: weights(&packed.bias, whole(to.channels)),
                    activation: packed.activation.raw(),
                };
                (table.project, Arguments::Project(raw))
            }
            Operation::MaxPool { from, to, before } => {
                assert!(
                    2 * (to.height - 1) < from.height + before && 2 * (to.width - 1) < from.width + before
                );
                assert_eq!(from.channels, to.channels);
                let raw = RawMaxPool { from: from.raw(memory), to: to.raw(memory), before: *before as i64 };
                (table.max_pool, Arguments::MaxPool(raw))
            }
            Operation::Enlarge { from, to, onto } => {
                assert_eq!((from.channels, onto.channels), (to.channels, to.channels));
                let raw =
                    RawSum { from: from.raw(memory), to: to.raw(memory), onto: added(&Some(*onto), to) };
                (table.enlarge, Arguments::Sum(raw))
            }
            Operation::MeanShortcut { from, to, onto } => {
                let raw = RawSum { from: from.raw(memory), to: to.raw(memory), onto: onto.raw(memory) };
                (table.mean_shortcut, Arguments::Sum(raw))
            }
            Operation::Affine { from, to, packed } => {
                assert_eq!((from.height, from.width, from.channels), (to.height, to.width, to.channels));
                let raw = RawAffine {
                    from: from.raw(memory),
                    to: to.raw(memory),
                    scale: weights(&packed.weight, whole(to.channels)),
                    shift: weights(&packed.bias, whole(to.channels)),
                };
                (table.affine, Arguments::Affine(raw))
            }
        };
        Prepared { functions, arguments, borrowed: PhantomData }
    }
}
