//! The lossy part of baseline JPEG with colours at half resolution, in libjpeg's integer arithmetic.
//!
//! An image that is encoded only to be decoded again needs no entropy coding: what changes it is the conversion
//! of colours, their reduction, and the rounding of coefficients. Names and constants are those of ITU-T T.81 and of
//! the accurate integer transform of the Independent JPEG Group, after Loeffler, Ligtenberg and Moschytz.

use crate::types::RgbImage;
use multiversion::multiversion;

/// Side of a block of coefficients.
const SIDE: usize = 8;

/// Rows of a block, lane by lane.
type Block = [[i32; SIDE]; SIDE];

/// The divisors of T.81, table K.1.
#[rustfmt::skip]
const LUMINANCE: [[i32; SIDE]; SIDE] = [
    [16, 11, 10, 16, 24, 40, 51, 61],
    [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77],
    [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101],
    [72, 92, 95, 98, 112, 100, 103, 99],
];

/// The divisors of T.81, table K.2.
#[rustfmt::skip]
const CHROMINANCE: [[i32; SIDE]; SIDE] = [
    [17, 18, 24, 47, 99, 99, 99, 99],
    [18, 21, 26, 66, 99, 99, 99, 99],
    [24, 26, 56, 99, 99, 99, 99, 99],
    [47, 66, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
];

/// A divisor for each coefficient, 1..=255, by the Independent JPEG Group's scale of qualities, 1..=100.
fn divisors(base: &Block, quality: i32) -> Block {
    let percent = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    base.map(|row| row.map(|value| ((value * percent + 50) / 100).clamp(1, 255)))
}

/// One component: `[height, width]`, sides padded to whole blocks.
struct Plane {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

impl Plane {
    fn new(width: usize, height: usize) -> Plane {
        let (width, height) = (width.next_multiple_of(SIDE), height.next_multiple_of(SIDE));
        Plane { width, height, data: vec![0; width * height] }
    }

    fn row(&self, y: usize) -> &[u8] {
        &self.data[y * self.width..][..self.width]
    }

    fn row_mut(&mut self, y: usize) -> &mut [u8] {
        &mut self.data[y * self.width..][..self.width]
    }

    /// Repeats row `last` down to the plane's end.
    fn repeat_row(&mut self, last: usize) {
        let from = last * self.width;
        for y in last + 1..self.height {
            self.data.copy_within(from..from + self.width, y * self.width);
        }
    }
}

/// What encoding at `quality` (1..=100) and decoding leave of an image: pixel for pixel what libjpeg-turbo does.
pub(super) fn round_trip(image: &RgbImage, quality: i32) -> RgbImage {
    let (width, height) = (image.width(), image.height());
    let mut out = RgbImage::filled(width, height, [0; 3]);
    if width == 0 || height == 0 {
        return out;
    }
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    // Colours are halved from whole pairs of columns, those beyond the image among them.
    let colour_width = half_width.next_multiple_of(SIDE);
    let mut luma = Plane::new(width, height);
    let mut colours = [Plane::new(half_width, half_height), Plane::new(half_width, half_height)];
    let mut padded = vec![0; 2 * colour_width * 3];
    let mut full = [(); 4].map(|()| vec![0u8; 2 * colour_width]);
    let mut luma_row = vec![0u8; 2 * colour_width];
    for pair in 0..half_height {
        for (line, colour) in full.chunks_exact_mut(2).enumerate() {
            let [blue, red] = colour else { unreachable!("chunks of two") };
            let y = 2 * pair + line;
            let source = &image.data()[y.min(height - 1) * width * 3..][..width * 3];
            padded[..width * 3].copy_from_slice(source);
            let last = [source[width * 3 - 3], source[width * 3 - 2], source[width * 3 - 1]];
            padded[width * 3..].chunks_exact_mut(3).for_each(|pixel| pixel.copy_from_slice(&last));
            to_ycc(&padded, &mut luma_row, blue, red);
            if y < height {
                let row = luma.row_mut(y);
                row.copy_from_slice(&luma_row[..row.len()]);
            }
        }
        for (component, plane) in colours.iter_mut().enumerate() {
            halve(&full[component], &full[2 + component], plane.row_mut(pair));
        }
    }
    luma.repeat_row(height - 1);
    colours.iter_mut().for_each(|plane| plane.repeat_row(half_height - 1));

    let chrominance = divisors(&CHROMINANCE, quality);
    quantise(&mut luma, &divisors(&LUMINANCE, quality));
    colours.iter_mut().for_each(|plane| quantise(plane, &chrominance));

    let mut sums = vec![0u16; half_width];
    for (y, line) in out.data_mut().chunks_exact_mut(width * 3).enumerate() {
        let near = y / 2;
        let far = if y % 2 == 0 { near.saturating_sub(1) } else { (near + 1).min(half_height - 1) };
        let (one, two) = full.split_at_mut(1);
        for (component, row) in [&mut one[0], &mut two[0]].into_iter().enumerate() {
            let plane = &colours[component];
            enlarge(&plane.row(near)[..half_width], &plane.row(far)[..half_width], &mut sums, row);
        }
        to_rgb(&luma.row(y)[..width], &one[0], &two[0], line);
    }
    out
}

const FRACTION_BITS: i32 = 16;
const HALF: i32 = 1 << (FRACTION_BITS - 1);

/// `value` in parts of 65536, rounded.
const fn fixed(value: f64) -> i32 {
    (value * 65536.0 + 0.5) as i32
}

/// Pixels to luma and the two colour differences. The codec takes the first channel for blue.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn to_ycc(pixels: &[u8], luma: &mut [u8], blue: &mut [u8], red: &mut [u8]) {
    const OFFSET: i32 = (128 << FRACTION_BITS) + HALF - 1;
    let planes = luma.iter_mut().zip(blue).zip(red);
    for (pixel, ((y, cb), cr)) in pixels.chunks_exact(3).zip(planes) {
        let [b, g, r] = [i32::from(pixel[0]), i32::from(pixel[1]), i32::from(pixel[2])];
        *y = ((fixed(0.299) * r + fixed(0.587) * g + fixed(0.114) * b + HALF) >> FRACTION_BITS) as u8;
        *cb = ((fixed(0.5) * b - fixed(0.16874) * r - fixed(0.33126) * g + OFFSET) >> FRACTION_BITS) as u8;
        *cr = ((fixed(0.5) * r - fixed(0.41869) * g - fixed(0.08131) * b + OFFSET) >> FRACTION_BITS) as u8;
    }
}

/// Means of two by two values, rounded down and up in turn.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn halve(upper: &[u8], lower: &[u8], out: &mut [u8]) {
    let pairs = upper.chunks_exact(2).zip(lower.chunks_exact(2));
    for (x, (out, (upper, lower))) in out.iter_mut().zip(pairs).enumerate() {
        let bias = 1 + (x as u16 & 1);
        let sum = u16::from(upper[0]) + u16::from(upper[1]) + u16::from(lower[0]) + u16::from(lower[1]);
        *out = ((sum + bias) >> 2) as u8;
    }
}

/// Twice as many values, three parts the nearer row and column and one part the farther. Narrow images get
/// every value twice.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn enlarge(near: &[u8], far: &[u8], sums: &mut [u16], out: &mut [u8]) {
    const NARROW: usize = 2;
    let last = near.len() - 1;
    if near.len() <= NARROW {
        for (pair, value) in out.chunks_exact_mut(2).zip(near) {
            pair.copy_from_slice(&[*value; 2]);
        }
        return;
    }
    for ((sum, near), far) in sums.iter_mut().zip(near).zip(far) {
        *sum = 3 * u16::from(*near) + u16::from(*far);
    }
    out[0] = ((4 * sums[0] + 8) >> 4) as u8;
    out[1] = ((3 * sums[0] + sums[1] + 7) >> 4) as u8;
    for (pair, sums) in out[2..].chunks_exact_mut(2).zip(sums.windows(3)) {
        pair[0] = ((3 * sums[1] + sums[0] + 8) >> 4) as u8;
        pair[1] = ((3 * sums[1] + sums[2] + 7) >> 4) as u8;
    }
    out[2 * last] = ((3 * sums[last] + sums[last - 1] + 8) >> 4) as u8;
    out[2 * last + 1] = ((4 * sums[last] + 7) >> 4) as u8;
}

/// Back to pixels, blue first.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn to_rgb(luma: &[u8], blue: &[u8], red: &[u8], pixels: &mut [u8]) {
    let values = luma.iter().zip(blue).zip(red);
    for (pixel, ((y, cb), cr)) in pixels.chunks_exact_mut(3).zip(values) {
        let [y, cb, cr] = [i32::from(*y), i32::from(*cb) - 128, i32::from(*cr) - 128];
        let limit = |value: i32| value.clamp(0, 255) as u8;
        let green = (HALF - fixed(0.34414) * cb - fixed(0.71414) * cr) >> FRACTION_BITS;
        pixel[0] = limit(y + ((fixed(1.772) * cb + HALF) >> FRACTION_BITS));
        pixel[1] = limit(y + green);
        pixel[2] = limit(y + ((fixed(1.402) * cr + HALF) >> FRACTION_BITS));
    }
}

/// Every block to coefficients, each rounded to a multiple of its divisor, and back.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn quantise(plane: &mut Plane, divisors: &Block) {
    /// Coefficients come out this much too large.
    const SCALE: i32 = 8;
    let width = plane.width;
    // Exact for all coefficients, which are below 2^15: a quarter more never reaches the next multiple, and is
    // more than a float's rounding can take away.
    let inverse = divisors.map(|row| row.map(|divisor| 1.0 / (divisor * SCALE) as f32));
    for rows in plane.data.chunks_exact_mut(width * SIDE) {
        for x in (0..width).step_by(SIDE) {
            let mut block: Block = [[0; SIDE]; SIDE];
            for (y, line) in block.iter_mut().enumerate() {
                let source = &rows[y * width + x..][..SIDE];
                for i in 0..SIDE {
                    line[i] = i32::from(source[i]) - 128;
                }
            }
            // Rows first, by way of columns of the transposed block.
            let block = forward::<true>(transposed(block));
            let mut block = forward::<false>(transposed(block));
            for y in 0..SIDE {
                for i in 0..SIDE {
                    let (value, divisor) = (block[y][i], divisors[y][i]);
                    let half = divisor * SCALE / 2;
                    let size = whole_part(((value.abs() + half) as f32 + 0.25) * inverse[y][i]);
                    block[y][i] = size * value.signum() * divisor;
                }
            }
            let block = inverse_pass::<true>(block);
            let block = transposed(inverse_pass::<false>(transposed(block)));
            for (y, line) in block.iter().enumerate() {
                let out = &mut rows[y * width + x..][..SIDE];
                for i in 0..SIDE {
                    out[i] = (line[i] + 128).clamp(0, 255) as u8;
                }
            }
        }
    }
}

/// The whole number at or below a value from 0 to 2^22, in a form that compilers make vectors of.
#[inline(always)]
fn whole_part(value: f32) -> i32 {
    /// Floats from here on have no bits after the point.
    const NO_FRACTION: f32 = (1 << 23) as f32;
    let nearest = value + NO_FRACTION;
    nearest.to_bits() as i32 - NO_FRACTION.to_bits() as i32 - i32::from(nearest - NO_FRACTION > value)
}

#[inline(always)]
fn transposed(block: Block) -> Block {
    let mut out = [[0; SIDE]; SIDE];
    for y in 0..SIDE {
        for x in 0..SIDE {
            out[x][y] = block[y][x];
        }
    }
    out
}

/// Bits of the cosines' fractions.
const COSINE_BITS: i32 = 13;
/// Bits kept between the two passes.
const PASS_BITS: i32 = 2;

// Sums of cosines in parts of 8192, named by their values.
const C_0_298: i32 = 2446;
const C_0_390: i32 = 3196;
const C_0_541: i32 = 4433;
const C_0_765: i32 = 6270;
const C_0_899: i32 = 7373;
const C_1_175: i32 = 9633;
const C_1_501: i32 = 12299;
const C_1_847: i32 = 15137;
const C_1_961: i32 = 16069;
const C_2_053: i32 = 16819;
const C_2_562: i32 = 20995;
const C_3_072: i32 = 25172;

#[inline(always)]
fn descaled(value: i32, bits: i32) -> i32 {
    (value + (1 << (bits - 1))) >> bits
}

/// One pass over all columns at once: to coefficients.
#[inline(always)]
fn forward<const FIRST: bool>(rows: Block) -> Block {
    let bits = if FIRST { COSINE_BITS - PASS_BITS } else { COSINE_BITS + PASS_BITS };
    let mut out = [[0; SIDE]; SIDE];
    for i in 0..SIDE {
        let sum = |a: usize| rows[a][i] + rows[7 - a][i];
        let difference = |a: usize| rows[a][i] - rows[7 - a][i];
        let (t10, t13) = (sum(0) + sum(3), sum(0) - sum(3));
        let (t11, t12) = (sum(1) + sum(2), sum(1) - sum(2));
        let whole = |value: i32| if FIRST { value << PASS_BITS } else { descaled(value, PASS_BITS) };
        out[0][i] = whole(t10 + t11);
        out[4][i] = whole(t10 - t11);
        let z1 = (t12 + t13) * C_0_541;
        out[2][i] = descaled(z1 + t13 * C_0_765, bits);
        out[6][i] = descaled(z1 - t12 * C_1_847, bits);

        let [t4, t5, t6, t7] = [difference(3), difference(2), difference(1), difference(0)];
        let odd = odd_part([t4, t5, t6, t7]);
        for (at, value) in [7, 5, 3, 1].into_iter().zip(odd) {
            out[at][i] = descaled(value, bits);
        }
    }
    out
}

/// The rotations that odd coefficients share, both ways.
#[inline(always)]
fn odd_part([t0, t1, t2, t3]: [i32; 4]) -> [i32; 4] {
    let z5 = (t0 + t2 + t1 + t3) * C_1_175;
    let (z1, z2) = (-(t0 + t3) * C_0_899, -(t1 + t2) * C_2_562);
    let (z3, z4) = (z5 - (t0 + t2) * C_1_961, z5 - (t1 + t3) * C_0_390);
    [t0 * C_0_298 + z1 + z3, t1 * C_2_053 + z2 + z4, t2 * C_3_072 + z2 + z3, t3 * C_1_501 + z1 + z4]
}

/// One pass over all columns at once: from coefficients.
#[inline(always)]
fn inverse_pass<const FIRST: bool>(rows: Block) -> Block {
    /// The factor of 8 that the forward passes leave.
    const SCALE_BITS: i32 = 3;
    let bits = if FIRST { COSINE_BITS - PASS_BITS } else { COSINE_BITS + PASS_BITS + SCALE_BITS };
    let mut out = [[0; SIDE]; SIDE];
    for i in 0..SIDE {
        let z1 = (rows[2][i] + rows[6][i]) * C_0_541;
        let (t2, t3) = (z1 - rows[6][i] * C_1_847, z1 + rows[2][i] * C_0_765);
        let (t0, t1) = ((rows[0][i] + rows[4][i]) << COSINE_BITS, (rows[0][i] - rows[4][i]) << COSINE_BITS);
        let even = [t0 + t3, t1 + t2, t1 - t2, t0 - t3];
        let [o0, o1, o2, o3] = odd_part([rows[7][i], rows[5][i], rows[3][i], rows[1][i]]);
        for (at, (even, odd)) in even.into_iter().zip([o3, o2, o1, o0]).enumerate() {
            out[at][i] = descaled(even + odd, bits);
            out[7 - at][i] = descaled(even - odd, bits);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_whole_and_rounded_half_up() {
        for divisor in 1..=255i32 {
            let inverse = 1.0 / (divisor * 8) as f32;
            for size in 0..1 << 15 {
                let half = divisor * 8 / 2;
                let found = whole_part(((size + half) as f32 + 0.25) * inverse);
                assert_eq!(found, (size + half) / (divisor * 8), "{size} by {divisor}");
            }
        }
    }

    #[test]
    fn a_block_survives_both_ways_without_rounding_of_coefficients() {
        let values = |y: usize, x: usize| ((x * 31 + y * 17) % 255) as i32 - 128;
        let block: Block = std::array::from_fn(|y| std::array::from_fn(|x| values(y, x)));
        let coefficients = forward::<false>(transposed(forward::<true>(transposed(block))));
        // The forward way leaves a factor of 8, which quantisation takes away.
        let scaled = coefficients.map(|row| row.map(|value| (value + 4).div_euclid(8)));
        let back = transposed(inverse_pass::<false>(transposed(inverse_pass::<true>(scaled))));
        for (found, expected) in back.iter().flatten().zip(block.iter().flatten()) {
            assert!(found.abs_diff(*expected) <= 1, "{found}, expected {expected}");
        }
    }
}
