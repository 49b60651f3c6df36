// The heart of every convolution here: a few pixels by two vectors of output channels, summed in registers.
#pragma once

#include "simd.h"

namespace {

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
#pragma GCC unroll 16
      for (int r = 0; r < ROWS; r++) {
        const float x = *(at[r / 3] + (r % 3) * stride + k);
#pragma GCC unroll 2
        for (int v = 0; v < WIDE; v++) sums[r][v] += w[v] * x;
      }
    }
  }
}

// Calls `tile(first, std::integral_constant<int, ROWS>)` so that all of `count` pixels are covered. The last tile may
// overlap the one before: what it writes again is the same.
template <int ROWS>
struct Rows {
  static constexpr int value = ROWS;
};

template <class F>
inline __attribute__((always_inline)) void cover(int64_t count, F&& tile) {
  constexpr int SMALL = 3;
  if (count >= TILE_ROWS) {
    for (int64_t at = 0; at + TILE_ROWS <= count; at += TILE_ROWS) tile(at, Rows<TILE_ROWS>());
    if (count % TILE_ROWS != 0) tile(count - TILE_ROWS, Rows<TILE_ROWS>());
  } else if (count >= SMALL) {
    for (int64_t at = 0; at + SMALL <= count; at += SMALL) tile(at, Rows<SMALL>());
    if (count % SMALL != 0) tile(count - SMALL, Rows<SMALL>());
  } else {
    for (int64_t at = 0; at < count; at++) tile(at, Rows<1>());
  }
}

}  // namespace
