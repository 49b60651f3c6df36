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

/// `[c_out / block][depth][block]` of a matrix, zeros past the last channel; the last block may be a vector wide.
/// `weight`: a row per output channel; `column(depth)`: which of a row's numbers it is, if any.
fn blocks(
    kernels: &Kernels,
    c_out: usize,
    depth: usize,
    weight: &[f32],
    column: impl Fn(usize) -> Option<usize> + Sync,
) -> Memory {
    let mut all = Memory::zeroed(c_out.next_multiple_of(kernels.lanes()) * depth);
    let row = weight.len() / c_out;
    all.as_mut_slice()
        .par_chunks_mut(kernels.block() * depth)
        .zip(weight.par_chunks(kernels.block() * row))
        .for_each(|(to, weight)| {
            let wide = to.len() / depth;
            for (to, column) in to.chunks_exact_mut(wide).zip((0..depth).map(&column)) {
                let Some(column) = column else { continue };
                to.iter_mut().zip(weight.chunks_exact(row)).for_each(|(to, row)| *to = row[column]);
            }
        });
    all
}

fn packed(kernels: &Kernels, weight: Memory, bias: &[f32]) -> Packed {
    Packed { weight, bias: padded(kernels, bias) }
}

/// Packs an ordinary convolution as `[c_out / block][kernel][kernel][c_in][block]`.
pub(super) fn conv(kernels: &Kernels, folded: &Folded) -> Packed {
    let Folded { c_in, c_out, kernel, .. } = *folded;
    let taps = kernel * kernel;
    let column = |k: usize| Some(k % c_in * taps + k / c_in);
    packed(kernels, blocks(kernels, c_out, taps * c_in, &folded.weight, column), &folded.bias)
}

/// A 1 x 1 convolution of a front's result, whose channels are padded to whole vectors.
pub(super) fn project(kernels: &Kernels, folded: &Folded) -> Packed {
    let Folded { c_in, c_out, .. } = *folded;
    let depth = c_in.next_multiple_of(kernels.lanes());
    let column = |k: usize| (k < c_in).then_some(k);
    packed(kernels, blocks(kernels, c_out, depth, &folded.weight, column), &folded.bias)
}

/// A 1 x 1 convolution of channels in whole vectors, or fewer: `[c_out / block][c_in][block]`.
pub(super) fn pointwise(kernels: &Kernels, folded: &Folded) -> Packed {
    assert_eq!(folded.kernel, 1, "a convolution of one pixel");
    conv(kernels, folded)
}

/// A convolution whose output channels fill a block of their own: `[kernel][kernel][c_in][c_out]`.
pub(super) fn stem(folded: &Folded) -> Packed {
    let Folded { c_in, c_out, kernel, .. } = *folded;
    let taps = kernel * kernel;
    let numbers =
        (0..taps * c_in).flat_map(|k| (0..c_out).map(move |o| (o * c_in + k % c_in) * taps + k / c_in));
    let weight: Vec<f32> = numbers.map(|number| folded.weight[number]).collect();
    Packed { weight: Memory::from_slice(&weight), bias: Memory::from_slice(&folded.bias) }
}

/// A depthwise convolution as [`depthwise`] packs it, whose channels stand twice where they fill half a vector.
pub(super) fn depthwise_of_halves(kernels: &Kernels, folded: &Folded) -> Packed {
    if folded.c_out >= kernels.lanes() {
        return depthwise(kernels, folded);
    }
    let twice = |values: &[f32]| [values, values].concat();
    let (weight, bias) = (twice(&folded.weight), twice(&folded.bias));
    depthwise(kernels, &Folded { weight, bias, c_out: 2 * folded.c_out, ..*folded })
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
    let Folded { c_in, c_out, .. } = *folded;
    let (each, block) = (c_out.next_multiple_of(kernels.lanes()) * c_in, kernels.block());
    let mut weight = Memory::zeroed(TRANSFORM.len() * TRANSFORM.len() * each);
    // The blocks of each position become the positions of each block, which threads share.
    let mut by_position: Vec<_> = weight
        .as_mut_slice()
        .chunks_exact_mut(each)
        .map(|position| position.chunks_mut(block * c_in))
        .collect();
    let by_block: Vec<Vec<&mut [f32]>> = (0..c_out.div_ceil(block))
        .map(|_| by_position.iter_mut().filter_map(Iterator::next).collect())
        .collect();
    by_block.into_par_iter().zip(folded.weight.par_chunks(block * c_in * TAPS)).for_each(
        |(mut positions, filters)| {
            let wide = positions[0].len() / c_in;
            for k in 0..c_in {
                let mut taps = [[0.0; MOST_CHANNELS]; TAPS];
                for (o, filter) in filters.chunks_exact(c_in * TAPS).enumerate() {
                    let own = &filter[k * TAPS..][..TAPS];
                    taps.iter_mut().zip(own).for_each(|(row, tap)| row[o] = f64::from(*tap));
                }
                for (position, to) in positions.iter_mut().enumerate() {
                    let made = at_position(position, &taps);
                    to[k * wide..][..wide].iter_mut().zip(made).for_each(|(to, value)| *to = value as f32);
                }
            }
        },
    );
    packed(kernels, weight, &folded.bias)
}

/// Taps of a kernel.
const TAPS: usize = 9;
/// Channels of the widest block.
const MOST_CHANNELS: usize = 32;

/// The weights at one of Winograd's positions, of a block of channels whose taps these are.
fn at_position(position: usize, taps: &[[f64; MOST_CHANNELS]; TAPS]) -> [f64; MOST_CHANNELS] {
    let (rows, columns) = (TRANSFORM[position / TRANSFORM.len()], TRANSFORM[position % TRANSFORM.len()]);
    let mut sums = [0.0; MOST_CHANNELS];
    for (i, taps) in taps.iter().enumerate() {
        let factor = rows[i / 3] * columns[i % 3];
        if factor != 0.0 {
            sums.iter_mut().zip(taps).for_each(|(sum, tap)| *sum += factor * tap);
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_every_weight_once_and_zeros_besides() {
        for kernels in Kernels::all() {
            for c_out in [1, 4, 8, 24, 40, 56] {
                let weight: Vec<f32> = (1..=c_out * 3).map(|v| v as f32).collect();
                let made = blocks(kernels, c_out, 3, &weight, Some);
                let made = made.as_slice();
                assert_eq!(made.len(), c_out.next_multiple_of(kernels.lanes()) * 3);
                let mut there: Vec<usize> = made.iter().filter(|v| **v != 0.0).map(|v| *v as usize).collect();
                there.sort_unstable();
                assert_eq!(there, (1..=c_out * 3).collect::<Vec<_>>());
            }
        }
    }
}
