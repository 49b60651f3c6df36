//! The steps of a program, before sizes are known.

use super::{Kernels, Packed};
use crate::model::layers::Padding;

/// Rows and columns.
pub(super) type Size = (usize, usize);

/// What a stretch of memory is for; which one it is, is its number in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Buffer {
    /// A map of activations with zeros around it.
    Map { channels: usize, halo: (usize, usize) },
    /// A front's result; channels in whole vectors.
    Front { channels: usize },
    /// The sums of its rows.
    RowSums { channels: usize },
    /// A number per channel.
    PerChannel { channels: usize },
}

impl Buffer {
    /// Floats for this size.
    pub fn floats(self, (height, width): Size) -> usize {
        match self {
            Buffer::Map { channels, halo: (before, after) } => {
                (height + before + after) * (width + before + after) * channels
            }
            Buffer::Front { channels } => height * width * channels,
            Buffer::RowSums { channels } => height * channels,
            Buffer::PerChannel { channels } => channels,
        }
    }
}

/// Some neighbouring channels of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    pub map: usize,
    pub first: usize,
    pub channels: usize,
}

/// One operation.
pub(super) struct Step {
    pub kernels: &'static Kernels,
    pub kind: StepKind,
}

/// Numbers are those of buffers.
pub(super) enum StepKind {
    Conv {
        from: usize,
        to: Slice,
        onto: Option<usize>,
        shape: Shape,
        packed: Packed,
    },
    Winograd {
        from: usize,
        to: Slice,
        onto: Option<usize>,
        packed: Packed,
    },
    Front {
        from: usize,
        to: usize,
        row_sums: Option<usize>,
        channels: usize,
        expand: Option<Packed>,
        shape: Shape,
        depthwise: Packed,
    },
    Gate {
        row_sums: usize,
        to: usize,
        channels: usize,
        squeezed: usize,
        reduce: Packed,
        expand: Packed,
    },
    Project {
        from: usize,
        gate: Option<usize>,
        to: usize,
        onto: Option<usize>,
        channels: usize,
        packed: Packed,
    },
    MaxPool {
        from: usize,
        to: usize,
        shape: Shape,
    },
    Enlarge {
        from: usize,
        to: usize,
        onto: usize,
    },
    MeanShortcut {
        from: usize,
        to: usize,
        onto: usize,
    },
    Affine {
        from: usize,
        to: usize,
        packed: Packed,
    },
}

/// Kernel, step and padding of what slides over a map.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub kernel: usize,
    pub stride: usize,
    pub padding: Padding,
}

impl Shape {
    fn out(&self, (height, width): Size) -> Size {
        let Padding { before, after } = self.padding;
        let side =
            |side: usize| (side + (before + after) as usize).saturating_sub(self.kernel) / self.stride + 1;
        (side(height), side(width))
    }
}

impl StepKind {
    /// Buffers that are read.
    pub fn reads(&self) -> Vec<usize> {
        match self {
            StepKind::Conv { from, onto, .. } | StepKind::Winograd { from, onto, .. } => {
                [Some(*from), *onto].into_iter().flatten().collect()
            }
            StepKind::Front { from, .. } | StepKind::MaxPool { from, .. } | StepKind::Affine { from, .. } => {
                vec![*from]
            }
            StepKind::Gate { row_sums, .. } => vec![*row_sums],
            StepKind::Project { from, gate, onto, .. } => {
                [Some(*from), *gate, *onto].into_iter().flatten().collect()
            }
            StepKind::Enlarge { from, onto, .. } | StepKind::MeanShortcut { from, onto, .. } => {
                vec![*from, *onto]
            }
        }
    }

    /// Buffers that are written.
    pub fn writes(&self) -> Vec<usize> {
        match self {
            StepKind::Conv { to, .. } | StepKind::Winograd { to, .. } => vec![to.map],
            StepKind::Front { to, row_sums, .. } => [Some(*to), *row_sums].into_iter().flatten().collect(),
            StepKind::Gate { to, .. }
            | StepKind::Project { to, .. }
            | StepKind::MaxPool { to, .. }
            | StepKind::Enlarge { to, .. }
            | StepKind::MeanShortcut { to, .. }
            | StepKind::Affine { to, .. } => vec![*to],
        }
    }

    /// The size of what is written, from those of all buffers written before.
    pub fn size(&self, sizes: &[Size]) -> Size {
        match self {
            StepKind::Conv { from, shape, .. }
            | StepKind::Front { from, shape, .. }
            | StepKind::MaxPool { from, shape, .. } => shape.out(sizes[*from]),
            StepKind::Winograd { from, .. }
            | StepKind::Project { from, .. }
            | StepKind::Affine { from, .. } => sizes[*from],
            StepKind::Gate { row_sums, .. } => sizes[*row_sums],
            StepKind::Enlarge { onto, .. } => sizes[*onto],
            StepKind::MeanShortcut { from, onto, .. } => {
                let ((h, w), (oh, ow)) = (sizes[*from], sizes[*onto]);
                ((h / 2).max(oh), (w / 2).max(ow))
            }
        }
    }
}
