// The heart of every convolution here: a few pixels by two vectors of output channels, summed in registers.
#pragma once

#include "native/simd/vectors.h"

namespace {

// Channels of a block of packed weights: two vectors.
constexpr int VECTORS = 2;
constexpr int BLOCK = VECTORS * LANES;
// Pixels that a tile is high: its sums fill 24 of AVX-512's 32 registers, or 12 of 16.
constexpr int TILE_ROWS = LANES == 16 ? 12 : 6;

// Where the numbers that a pixel is multiplied with lie: `runs` stretches of `length` floats.
struct Runs {
  int64_t count, length, stride;
  int64_t pixel_stride;
};

// sums[r][v] += sum over k of a[r][k] * b[k][v]. `b`: [runs * length][WIDE vectors], `b_stride` floats apart.
template <int ROWS, int WIDE>
inline __attribute__((always_inline)) void multiply(const Runs& runs, const float* a, const float* b, Floats (&sums)[ROWS][WIDE]) {
  // Pixels in threes: an address is a pointer and once or twice the stride, which costs no register of its own.
  constexpr int GROUPS = (ROWS + 2) / 3;
  const int64_t stride = runs.pixel_stride;
  for (int64_t run = 0; run < runs.count; run++, a += runs.stride) {
    const float* at[GROUPS];
#pragma GCC unroll 8
    for (int g = 0; g < GROUPS; g++) at[g] = a + 3 * g * stride;
#pragma GCC unroll 2
    for (int64_t k = 0; k < runs.length; k++, b += WIDE * LANES) {
      Floats w[WIDE];
#pragma GCC unroll 2
      for (int v = 0; v < WIDE; v++) w[v] = load(b + v * LANES);
#pragma GCC unroll 24
      for (int r = 0; r < ROWS; r++) {
        const float x = *(at[r / 3] + (r % 3) * stride + k);
#pragma GCC unroll 2
        for (int v = 0; v < WIDE; v++) sums[r][v] += w[v] * x;
      }
    }
  }
}

// Calls `tile(first, Number<ROWS>)` for tiles of ROWS pixels. The last one may overlap the one before: what it writes again
// is the same.
template <int ROWS, class F>
inline __attribute__((always_inline)) void cover_by(int64_t count, F&& tile) {
  for (int64_t at = 0; at + ROWS <= count; at += ROWS) tile(at, Number<ROWS>());
  if (count % ROWS != 0) tile(count - ROWS, Number<ROWS>());
}

// Covers `count` pixels with tiles as large as registers allow, where there are pixels enough: twice as many where they are
// one vector of channels wide.
template <int WIDE, class F>
inline __attribute__((always_inline)) void cover(int64_t count, F&& tile) {
  constexpr int LARGE = TILE_ROWS * VECTORS / WIDE, SMALL = 3;
  if (count >= LARGE)
    cover_by<LARGE>(count, tile);
  else if (LARGE > TILE_ROWS && count >= TILE_ROWS)
    cover_by<TILE_ROWS>(count, tile);
  else if (count >= SMALL)
    cover_by<SMALL>(count, tile);
  else
    cover_by<1>(count, tile);
}

}  // namespace
