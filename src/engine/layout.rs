//! Where every buffer lies for one size of input: buffers share memory when their times do not overlap.

use super::buffer::{Buffer, BufferKind};
use super::operations::Operation;
use crate::network::Size;
use std::ops::Range;

/// Floats in a cache line.
const LINE: usize = 16;

/// A compiled network's memory for one input size.
pub(super) struct MemoryLayout {
    /// By the buffers' numbers.
    pub placed: Vec<Placed>,
    /// Floats in all.
    pub floats: usize,
    /// Per operation: the maps that it is the first to write, and that have a halo.
    pub new_halos: Vec<Vec<usize>>,
}

/// A buffer with its size and place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub kind: BufferKind,
    pub size: Size,
    /// Floats before it.
    pub offset: usize,
}

/// From which operation to which a buffer is in use.
#[derive(Clone, Copy)]
struct Lifetime {
    first: usize,
    last: usize,
}

fn lifetimes(
    buffers: usize,
    operations: &[&dyn Operation],
    input: usize,
    outputs: &[usize],
) -> Vec<Option<Lifetime>> {
    let mut times = vec![None; buffers];
    times[input] = Some(Lifetime { first: 0, last: 0 });
    for (number, operation) in operations.iter().enumerate() {
        for buffer in operation.writes().into_iter().chain(operation.reads()) {
            times[buffer].get_or_insert(Lifetime { first: number, last: number }).last = number;
        }
    }
    for output in outputs {
        times[*output].get_or_insert(Lifetime { first: 0, last: 0 }).last = operations.len();
    }
    times
}

impl MemoryLayout {
    /// Gives each buffer a place. `sizes`: rows and columns of the description's maps.
    pub fn new(
        buffers: &[Buffer],
        operations: &[&dyn Operation],
        sizes: &[Size],
        input: usize,
        outputs: &[usize],
    ) -> Self {
        let unplaced = |buffer: &Buffer| Placed { kind: buffer.kind, size: sizes[buffer.like.0], offset: 0 };
        let mut placed: Vec<Placed> = buffers.iter().map(unplaced).collect();
        let times = lifetimes(buffers.len(), operations, input, outputs);
        let mut order: Vec<(usize, Lifetime)> =
            times.iter().enumerate().filter_map(|(buffer, time)| time.map(|time| (buffer, time))).collect();
        order.sort_by_key(|(_, time)| time.first);
        let mut floats = 0;
        let mut living: Vec<(Lifetime, Range<usize>)> = Vec::new();
        for (buffer, time) in order {
            living.retain(|(other, _)| other.last >= time.first);
            living.sort_by_key(|(_, place)| place.start);
            let Placed { kind, size, .. } = placed[buffer];
            let len = kind.floats(size).next_multiple_of(LINE);
            let mut at = 0;
            for (_, place) in &living {
                if at + len <= place.start {
                    break;
                }
                at = at.max(place.end);
            }
            placed[buffer].offset = at;
            floats = floats.max(at + len);
            living.push((time, at..at + len));
        }
        let has_halo = |buffer: &usize| match buffers[*buffer].kind {
            BufferKind::Map { halo, .. } => halo != (0, 0),
            _ => false,
        };
        let new_halos = operations.iter().enumerate().map(|(number, operation)| {
            let is_new = |buffer: &usize| times[*buffer].is_some_and(|time| time.first == number);
            operation.writes().into_iter().filter(is_new).filter(has_halo).collect()
        });
        let new_halos = new_halos.collect();
        MemoryLayout { placed, floats, new_halos }
    }

    /// Where a whole map lies.
    pub fn map(&self, buffer: usize) -> View {
        let channels = match self.placed[buffer].kind {
            BufferKind::Map { channels, .. } => channels,
            kind => unreachable!("buffer {buffer} is no map but {kind:?}"),
        };
        self.view(buffer, 0..channels)
    }

    /// Where some channels of a map lie.
    ///
    /// # Panics
    /// When the buffer is no map or has fewer channels.
    pub fn view(&self, buffer: usize, shown: Range<usize>) -> View {
        let Placed { kind, size: (height, width), offset } = self.placed[buffer];
        let BufferKind::Map { channels, halo } = kind else {
            unreachable!("buffer {buffer} is no map but {kind:?}")
        };
        assert!(shown.start < shown.end && shown.end <= channels, "channels {shown:?} of {channels}");
        let row_stride = (width + halo.0 + halo.1) * channels;
        View {
            offset: offset + halo.0 * (row_stride + channels) + shown.start,
            height,
            width,
            channels: shown.len(),
            row_stride,
            pixel_stride: channels,
            halo,
        }
    }
}

/// Where a map of activations lies in memory, and its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct View {
    /// Floats before the first pixel's first channel.
    pub offset: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels that this view shows.
    pub channels: usize,
    /// Floats from a pixel to the one below.
    pub row_stride: usize,
    /// Floats from a pixel to its neighbour.
    pub pixel_stride: usize,
    /// Rows and columns of zeros that lie before and after, in memory too.
    pub halo: (usize, usize),
}

impl View {
    /// The floats that a kernel may touch through this view, halo included.
    ///
    /// # Panics
    /// When there are no pixels, or what lies before them would lie before the memory.
    pub fn span(&self) -> Range<usize> {
        assert!(self.height > 0 && self.width > 0, "a map without pixels: {self:?}");
        assert!(self.channels <= self.pixel_stride, "more channels than a pixel has: {self:?}");
        assert!(self.width * self.pixel_stride <= self.row_stride, "rows overlap: {self:?}");
        let (before, after) = self.halo;
        let before = before * (self.row_stride + self.pixel_stride);
        let first = self.offset.checked_sub(before);
        let first = first.unwrap_or_else(|| panic!("a halo before the memory: {self:?}"));
        let last = self.offset
            + (self.height - 1 + after) * self.row_stride
            + (self.width - 1 + after) * self.pixel_stride;
        first..last + self.channels
    }

    /// Writes zeros around the map.
    pub fn clear_halo(&self, memory: &mut [f32]) {
        let View { offset, height, width, row_stride, pixel_stride, halo: (before, after), .. } = *self;
        let first = offset - before * (row_stride + pixel_stride);
        memory[first..first + before * row_stride].fill(0.0);
        for y in 0..height {
            let row = first + (before + y) * row_stride;
            memory[row..row + before * pixel_stride].fill(0.0);
            let right = row + (before + width) * pixel_stride;
            memory[right..right + after * pixel_stride].fill(0.0);
        }
        let below = first + (before + height) * row_stride;
        memory[below..below + after * row_stride].fill(0.0);
    }
}
