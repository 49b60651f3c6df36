//! Where everything lies for one size of input: maps share memory when their times do not overlap.

use super::step::{Buffer, Size, Slice, Step, StepKind};
use super::{Operation, View};
use std::ops::Range;

/// Floats in a cache line.
const LINE: usize = 16;

/// A program's memory for one input size.
pub(super) struct Plan {
    pub sizes: Vec<Size>,
    pub offsets: Vec<usize>,
    /// Floats in all.
    pub floats: usize,
    /// Per step: maps that are written for the first time and have a halo.
    pub new_halos: Vec<Vec<usize>>,
}

/// From which step to which a buffer is in use.
#[derive(Clone, Copy)]
struct Lifetime {
    first: usize,
    last: usize,
}

fn lifetimes(buffers: usize, steps: &[Step], input: usize, outputs: &[usize]) -> Vec<Option<Lifetime>> {
    let mut times = vec![None; buffers];
    times[input] = Some(Lifetime { first: 0, last: 0 });
    for (number, step) in steps.iter().enumerate() {
        for buffer in step.kind.writes().into_iter().chain(step.kind.reads()) {
            times[buffer].get_or_insert(Lifetime { first: number, last: number }).last = number;
        }
    }
    for output in outputs {
        times[*output].get_or_insert(Lifetime { first: 0, last: 0 }).last = steps.len();
    }
    times
}

impl Plan {
    pub fn new(buffers: &[Buffer], steps: &[Step], input: (usize, Size), outputs: &[usize]) -> Self {
        let mut sizes = vec![(0, 0); buffers.len()];
        sizes[input.0] = input.1;
        for step in steps {
            let size = step.kind.size(&sizes);
            step.kind.writes().into_iter().for_each(|buffer| sizes[buffer] = size);
        }
        let times = lifetimes(buffers.len(), steps, input.0, outputs);
        let mut order: Vec<(usize, Lifetime)> =
            times.iter().enumerate().filter_map(|(buffer, time)| time.map(|time| (buffer, time))).collect();
        order.sort_by_key(|(_, time)| time.first);
        let mut offsets = vec![0; buffers.len()];
        let mut floats = 0;
        let mut living: Vec<(Lifetime, Range<usize>)> = Vec::new();
        for (buffer, time) in order {
            living.retain(|(other, _)| other.last >= time.first);
            living.sort_by_key(|(_, place)| place.start);
            let len = buffers[buffer].floats(sizes[buffer]).next_multiple_of(LINE);
            let mut at = 0;
            for (_, place) in &living {
                if at + len <= place.start {
                    break;
                }
                at = at.max(place.end);
            }
            offsets[buffer] = at;
            floats = floats.max(at + len);
            living.push((time, at..at + len));
        }
        let has_halo =
            |buffer: &usize| matches!(buffers[*buffer], Buffer::Map { halo, .. } if halo != (0, 0));
        let new_halos = steps
            .iter()
            .enumerate()
            .map(|(number, step)| {
                let is_new = |buffer: &usize| times[*buffer].is_some_and(|time| time.first == number);
                step.kind.writes().into_iter().filter(is_new).filter(has_halo).collect()
            })
            .collect();
        Plan { sizes, offsets, floats, new_halos }
    }

    /// A map, or some of its channels.
    pub fn view(&self, buffers: &[Buffer], slice: Slice) -> View {
        let Buffer::Map { channels, halo } = buffers[slice.map] else {
            unreachable!("buffer {} is no map", slice.map)
        };
        let (height, width) = self.sizes[slice.map];
        let row_stride = (width + halo.0 + halo.1) * channels;
        View {
            offset: self.offsets[slice.map] + halo.0 * (row_stride + channels) + slice.first,
            height,
            width,
            channels: slice.channels,
            row_stride,
            pixel_stride: channels,
            halo,
        }
    }

    /// A whole map.
    pub fn map(&self, buffers: &[Buffer], map: usize) -> View {
        let Buffer::Map { channels, .. } = buffers[map] else { unreachable!("buffer {map} is no map") };
        self.view(buffers, Slice { map, first: 0, channels })
    }

    /// A step with its places filled in.
    pub fn operation<'a>(&self, buffers: &[Buffer], step: &'a Step) -> Operation<'a> {
        let map = |number: &usize| self.map(buffers, *number);
        let at = |buffer: &usize| self.offsets[*buffer];
        match &step.kind {
            StepKind::Conv { from, to, onto, shape, packed } => Operation::Conv {
                from: map(from),
                to: self.view(buffers, *to),
                onto: onto.as_ref().map(map),
                kernel: shape.kernel,
                stride: shape.stride,
                before: shape.padding.before as usize,
                packed,
            },
            StepKind::Winograd { from, to, onto, packed } => Operation::Winograd {
                from: map(from),
                to: self.view(buffers, *to),
                onto: onto.as_ref().map(map),
                packed,
            },
            StepKind::Front { from, to, row_sums, channels, expand, shape, depthwise } => Operation::Front {
                from: map(from),
                channels: *channels,
                expand: expand.as_ref(),
                depthwise,
                kernel: shape.kernel,
                stride: shape.stride,
                before: shape.padding.before as usize,
                out: self.sizes[*to],
                to: at(to),
                row_sums: row_sums.as_ref().map(at),
            },
            StepKind::Gate { row_sums, to, channels, squeezed, reduce, expand } => Operation::Gate {
                row_sums: at(row_sums),
                size: self.sizes[*row_sums],
                channels: *channels,
                squeezed: *squeezed,
                reduce,
                expand,
                to: at(to),
            },
            StepKind::Project { from, gate, to, onto, channels, packed } => Operation::Project {
                from: at(from),
                gate: gate.as_ref().map(at),
                channels: *channels,
                to: map(to),
                onto: onto.as_ref().map(map),
                packed,
            },
            StepKind::MaxPool { from, to, shape } => {
                Operation::MaxPool { from: map(from), to: map(to), before: shape.padding.before as usize }
            }
            StepKind::Enlarge { from, to, onto } => {
                Operation::Enlarge { from: map(from), to: map(to), onto: map(onto) }
            }
            StepKind::MeanShortcut { from, to, onto } => {
                Operation::MeanShortcut { from: map(from), to: map(to), onto: map(onto) }
            }
            StepKind::Affine { from, to, packed } => {
                Operation::Affine { from: map(from), to: map(to), packed }
            }
        }
    }
}
