//! Weights in the layouts that the engine's kernels read (`kernels.h`).

use super::fold::Folded;
use super::kernels::Kernels;
use super::memory::Memory;
use rayon::prelude::*;

/// A kernel's weights. The layouts are those of `kernels.h`.
pub(super) struct Packed {
    /// The factors, in the kernel's order.
    pub weight: Memory,
    /// What sums begin with, padded to whole blocks.
    pub bias: Memory,
}

/// `values`, and zeros up to whole blocks: kernels read whole vectors.
pub(super) fn padded(kernels: &Kernels, values: &[f32]) -> Memory {
    let mut all = values.to_vec();
    all.resize(values.len().next_multiple_of(kernels.block()), 0.0);
    Memory::from_slice(&all)
}

/// Fills `[c_out / block][depth][block]` of a matrix that `value(c_out, depth)` gives; the last block may be a vector wide.
fn fill_blocks(
    kernels: &Kernels,
    c_out: usize,
    depth: usize,
    value: impl Fn(usize, usize) -> f32 + Sync,
    to: &mut [f32],
) {
    to.par_chunks_mut(kernels.block() * depth).enumerate().for_each(|(block, to)| {
        let first = block * kernels.block();
        let left = (c_out - first).min(kernels.block());
        for (k, row) in to.chunks_exact_mut(to.len() / depth).enumerate() {
            row[..left].iter_mut().enumerate().for_each(|(i, to)| *to = value(first + i, k));
        }
    });
}

/// Such blocks in memory of their own.
fn blocks(
    kernels: &Kernels,
    c_out: usize,
    depth: usize,
    value: impl Fn(usize, usize) -> f32 + Sync,
) -> Memory {
    let mut all = Memory::zeroed(c_out.next_multiple_of(kernels.lanes()) * depth);
    fill_blocks(kernels, c_out, depth, value, all.as_mut_slice());
    all
}

fn packed(kernels: &Kernels, weight: Memory, bias: &[f32]) -> Packed {
    Packed { weight, bias: padded(kernels, bias) }
}

/// An ordinary convolution.
pub(super) fn conv(kernels: &Kernels, folded: &Folded) -> Packed {
    let Folded { c_in, kernel, .. } = *folded;
    let value = |o: usize, k: usize| folded.at(o, k % c_in, k / c_in / kernel, k / c_in % kernel);
    let weight = blocks(kernels, folded.c_out, kernel * kernel * c_in, value);
    packed(kernels, weight, &folded.bias)
}

/// A 1 x 1 convolution of a front's result, whose channels are padded to whole vectors.
pub(super) fn project(kernels: &Kernels, folded: &Folded) -> Packed {
    let depth = folded.c_in.next_multiple_of(kernels.lanes());
    let value = |o: usize, k: usize| if k < folded.c_in { folded.at(o, k, 0, 0) } else { 0.0 };
    packed(kernels, blocks(kernels, folded.c_out, depth, value), &folded.bias)
}

/// A depthwise convolution: `[channels / lanes][kernel][kernel][lanes]`.
pub(super) fn depthwise(kernels: &Kernels, folded: &Folded) -> Packed {
    let taps = folded.kernel * folded.kernel;
    let mut weight = Vec::with_capacity(folded.weight.len());
    for first in (0..folded.c_out).step_by(kernels.lanes()) {
        for tap in 0..taps {
            let channel = |c: usize| folded.weight.get(c * taps + tap).copied().unwrap_or(0.0);
            weight.extend((first..first + kernels.lanes()).map(channel));
        }
    }
    packed(kernels, Memory::from_slice(&weight), &folded.bias)
}

/// The two layers of squeeze and excitation, each `[squeezed][channels in whole vectors]`.
pub(super) fn gate(kernels: &Kernels, reduce: &Folded, expand: &Folded) -> (Packed, Packed) {
    let (squeezed, channels) = (reduce.c_out, reduce.c_in);
    let row = channels.next_multiple_of(kernels.lanes());
    let rows = |value: &dyn Fn(usize, usize) -> f32| -> Memory {
        let mut all = Memory::zeroed(squeezed * row);
        for (s, row) in all.as_mut_slice().chunks_exact_mut(row).enumerate() {
            row[..channels].iter_mut().enumerate().for_each(|(c, to)| *to = value(s, c));
        }
        all
    };
    let by_input = rows(&|s, c| reduce.at(s, c, 0, 0));
    let by_output = rows(&|s, c| expand.at(c, s, 0, 0));
    (packed(kernels, by_input, &reduce.bias), packed(kernels, by_output, &expand.bias))
}

/// How Winograd's filtering brings a kernel's 3 taps to 6 positions: the points 0, 1, -1, 1/2, -2 and infinity, as in
/// `winograd.cpp`.
const TRANSFORM: [[f64; 3]; 6] = [
    [1.0, 0.0, 0.0],
    [1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0],
    [-1.0 / 3.0, 1.0 / 3.0, -1.0 / 3.0],
    [-16.0 / 15.0, -8.0 / 15.0, -4.0 / 15.0],
    [1.0 / 15.0, -2.0 / 15.0, 4.0 / 15.0],
    [0.0, 0.0, 1.0],
];

/// A 3 x 3 convolution in Winograd's form: `[position][c_out / block][c_in][block]`.
pub(super) fn winograd(kernels: &Kernels, folded: &Folded) -> Packed {
    assert_eq!((folded.kernel, kernels.winograd_side() + 2), (3, TRANSFORM.len()));
    let positions = TRANSFORM.len() * TRANSFORM.len();
    let transformed: Vec<f32> = folded
        .weight
        .par_chunks_exact(9)
        .flat_map_iter(|taps| {
            (0..positions).map(|position| {
                let (rows, columns) = (TRANSFORM[position / 6], TRANSFORM[position % 6]);
                let tap = |i: usize| rows[i / 3] * columns[i % 3] * f64::from(taps[i]);
                (0..9).map(tap).sum::<f64>() as f32
            })
        })
        .collect();
    let each = folded.c_out.next_multiple_of(kernels.lanes()) * folded.c_in;
    let mut weight = Memory::zeroed(positions * each);
    for (position, to) in weight.as_mut_slice().chunks_exact_mut(each).enumerate() {
        let value = |o: usize, k: usize| transformed[(o * folded.c_in + k) * positions + position];
        fill_blocks(kernels, folded.c_out, folded.c_in, value, to);
    }
    packed(kernels, weight, &folded.bias)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_every_weight_once_and_zeros_besides() {
        for kernels in Kernels::all() {
            for c_out in [1, 4, 8, 24, 40, 56] {
                let made = blocks(kernels, c_out, 3, |o, k| (1 + o * 3 + k) as f32);
                let made = made.as_slice();
                assert_eq!(made.len(), c_out.next_multiple_of(kernels.lanes()) * 3);
                let mut there: Vec<usize> = made.iter().filter(|v| **v != 0.0).map(|v| *v as usize).collect();
                there.sort_unstable();
                assert_eq!(there, (1..=c_out * 3).collect::<Vec<_>>());
            }
        }
    }
}
