// Reading and writing maps of activations.
#pragma once

#include "activation.h"
#include "tile.h"

namespace {

inline float* pixel(const SbiMap& m, int64_t y, int64_t x) { return m.data + y * m.row_stride + x * m.pixel_stride; }

// Whether the map's pixels lie one behind the other across rows.
inline bool is_flat(const SbiMap& m) { return m.row_stride == m.width * m.pixel_stride; }

// A flat map as a single row.
inline SbiMap flat(SbiMap m) {
  m.width *= m.height;
  m.row_stride *= m.height;
  m.height = 1;
  return m;
}

// What becomes of the sums of a tile: `channel` is the first of WIDE vectors, of which `valid` channels exist.
template <Kind KIND, int ROWS, int WIDE>
inline __attribute__((always_inline)) void finish(const SbiActivation& activation, Floats (&sums)[ROWS][WIDE], float* to, int64_t to_stride,
                   const float* onto, int64_t onto_stride, int64_t channel, int64_t valid) {
  for (int r = 0; r < ROWS; r++)
    for (int v = 0; v < WIDE; v++) {
      const int64_t left = valid - v * LANES;
      Floats x = sums[r][v];
      if (onto != nullptr) x += load_some(onto + r * onto_stride + v * LANES, left);
      store_some(to + r * to_stride + v * LANES, activate<KIND>(x, activation, channel + v * LANES), left);
    }
}

// Calls `body(first channel, valid channels, offset of the block's weights, width)` for each block of output channels
// from number `from` to before `to`.
template <class F>
inline void blocks(int64_t channels, int64_t depth, int64_t from, int64_t to, F&& body) {
  for (int64_t block = from; block < to; block++) {
    const int64_t first = block * BLOCK, valid = smaller(channels - first, BLOCK);
    if (valid > LANES)
      body(first, valid, first * depth, Number<VECTORS>());
    else
      body(first, valid, first * depth, Number<1>());
  }
}

// Asks for the memory that a tile will read and write when it is done, while it is being computed: those lines are too far
// apart for the processor to guess.
template <int ROWS, int WIDE>
inline __attribute__((always_inline)) void ask_for(float* to, int64_t to_stride, const float* onto, int64_t onto_stride) {
  constexpr int LINE = 16, FLOATS = WIDE * LANES;
  for (int r = 0; r < ROWS; r++)
    for (int i = 0; i < FLOATS; i += LINE) {
      if (onto != nullptr) __builtin_prefetch(onto + r * onto_stride + i, 0, 2);
      __builtin_prefetch(to + r * to_stride + i, 1, 2);
    }
}

// Enough that threads end at about the same time.
constexpr int64_t TASKS_PER_THREAD = 4;

// Splits work: `count` things in pieces of about `size`, in whole units.
struct Pieces {
  int64_t count, size;
  Pieces(int64_t things, int64_t wanted, int64_t unit) {
    size = larger(unit, whole(wanted, unit) * unit);
    count = whole(things, size);
  }
};

}  // namespace
