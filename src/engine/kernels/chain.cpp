// Pairs of a depthwise and a 1 x 1 convolution, one behind the other, as MobileNet's body has them, and the convolution
// before the first of them.
//
// A task is some rows of the last result. It makes them one by one, and of the results before them just the rows that
// each needs: the last three of every result stay in the task's scratch, in the second level cache, and never go to
// memory. Where two tasks meet, a few rows are made twice.

#include "maps.h"
#include "table.h"

namespace {

constexpr int KERNEL = 3;
// Channels that the convolution before the first pair makes.
constexpr int STEM = 8;
typedef float StemFloats __attribute__((vector_size(STEM * sizeof(float))));
constexpr int64_t FLOATS_PER_LINE = 16;
// Where two of a pair's pixels fill a vector: its channels are half as many, and its numbers lie pixel by pixel.
inline bool is_half(const SbiPair& p) { return p.c_in < LANES; }

inline int64_t in_lines(int64_t floats) { return whole(floats, FLOATS_PER_LINE) * FLOATS_PER_LINE; }

// Of a side of a map with a zero before and behind.
inline int64_t strided(int64_t side, int64_t stride) { return (side - 1) / stride + 1; }

// The last rows of a pair's input: `[channels / LANES][width + 2][LANES]` each, or `[width + 2][channels]`.
struct Ring {
  float* memory;
  const float* zeros;
  int64_t height, width, row_floats, vector_stride;

  Ring() = default;
  Ring(const SbiPair& p, int64_t height, int64_t width) : memory(nullptr), zeros(nullptr), height(height), width(width) {
    vector_stride = (width + 2) * LANES;
    // Behind a row of halves the last vector may reach.
    row_floats = in_lines(is_half(p) ? (width + 2) * p.c_in + LANES : p.c_in / LANES * vector_stride);
  }

  float* row(int64_t y) const { return memory + y % KERNEL * row_floats; }
  const float* read(int64_t y) const { return y < 0 || y >= height ? zeros : row(y); }
};

// Everything that a task has: where rows lie, and which of them are there.
struct Chain {
  static constexpr int64_t MOST = 8;
  const SbiChain& c;
  Ring rings[MOST];
  // Rows of each ring up to before this one have been made.
  int64_t ready[MOST];
  float* line;
  int64_t line_floats, zero_floats, floats;

  explicit Chain(const SbiChain& c) : c(c), line(nullptr), line_floats(0), zero_floats(0) {
    int64_t height = c.from.height, width = c.from.width;
    if (c.stem != nullptr) {
      height = strided(height, c.stem_stride);
      width = strided(width, c.stem_stride);
    }
    floats = 0;
    for (int64_t i = 0; i < c.count; i++) {
      const SbiPair& p = c.pairs[i];
      rings[i] = Ring(p, height, width);
      floats += KERNEL * rings[i].row_floats;
      zero_floats = larger(zero_floats, rings[i].row_floats);
      height = strided(height, p.stride);
      width = strided(width, p.stride);
      line_floats = larger(line_floats, in_lines(width * p.c_in + LANES));
    }
    floats += line_floats + zero_floats;
  }

  void begin(float* memory, int64_t top) {
    __builtin_memset(memory, 0, floats * sizeof(float));
    line = memory;
    const float* zeros = memory + line_floats;
    memory += line_floats + zero_floats;
    for (int64_t i = 0; i < c.count; i++) {
      rings[i].memory = memory;
      rings[i].zeros = zeros;
      memory += KERNEL * rings[i].row_floats;
    }
    for (int64_t i = c.count - 1; i >= 0; i--) {
      top = larger(top * c.pairs[i].stride - 1, 0);
      ready[i] = top;
    }
  }

  // Makes rows of a pair's input up to before `end`, as far as there are any.
  void fill(int64_t i, int64_t end) {
    end = smaller(end, rings[i].height);
    for (; ready[i] < end; ready[i]++) {
      if (i > 0)
        pair(i - 1, ready[i]);
      else if (c.stem != nullptr)
        stem(ready[0]);
      else
        copy(ready[0]);
    }
  }

  void copy(int64_t y) const {
    const SbiPair& p = c.pairs[0];
    const Ring& ring = rings[0];
    const float* from = pixel(c.from, y, 0);
    if (is_half(p)) {
      __builtin_memcpy(ring.row(y) + p.c_in, from, ring.width * p.c_in * sizeof(float));
      return;
    }
    for (int64_t x = 0; x < ring.width; x++, from += c.from.pixel_stride)
      for (int64_t v = 0; v < p.c_in / LANES; v++)
        store(ring.row(y) + v * ring.vector_stride + (x + 1) * LANES, load(from + v * LANES));
  }

  void stem(int64_t y) const;

  void pair(int64_t i, int64_t y) {
    const SbiPair& p = c.pairs[i];
    fill(i, y * p.stride + 2);
    with_kind(p.activation, [&](auto kind) {
      constexpr Kind KIND = decltype(kind)::value;
      if (is_half(p))
        depthwise_of_halves<KIND>(i, y);
      else if (p.stride == 1)
        depthwise<KIND, 1>(i, y);
      else
        depthwise<KIND, 2>(i, y);
    });
    with_kind(p.project_activation, [&](auto kind) { project<decltype(kind)::value>(i, y); });
  }

  template <Kind KIND, int STRIDE>
  void depthwise(int64_t i, int64_t y) const;
  template <Kind KIND>
  void depthwise_of_halves(int64_t i, int64_t y) const;
  template <Kind KIND>
  void project(int64_t i, int64_t y) const;
};

// Calls `tile(first, Number<ROWS>)` for tiles of as many pixels as registers allow, then for what is left, in powers of two.
template <int LARGE, class F>
inline __attribute__((always_inline)) void cover_exactly(int64_t count, F&& tile) {
  int64_t at = 0;
  for (; at + LARGE <= count; at += LARGE) tile(at, Number<LARGE>());
  if constexpr (LARGE > 16)
    if (at + 16 <= count) tile(at, Number<16>()), at += 16;
  if constexpr (LARGE > 8)
    if (at + 8 <= count) tile(at, Number<8>()), at += 8;
  if (at + 4 <= count) tile(at, Number<4>()), at += 4;
  if (at + 2 <= count) tile(at, Number<2>()), at += 2;
  if (at < count) tile(at, Number<1>());
}

void Chain::stem(int64_t y) const {
  const int64_t depth = KERNEL * c.from.channels, stride = c.stem_stride * c.from.pixel_stride;
  const float* from = pixel(c.from, y * c.stem_stride - 1, -1);
  // Channels of a vector, or all of them where they fill half of one.
  constexpr int PART = LANES < STEM ? LANES : STEM;
  float* to = rings[0].row(y) + PART;
  StemFloats bias;
  __builtin_memcpy(&bias, c.stem_bias, sizeof bias);
  with_kind(c.stem_activation, [&](auto kind) {
    cover_exactly<TILE_ROWS>(rings[0].width, [&](int64_t x, auto rows) {
      constexpr int ROWS = decltype(rows)::value;
      StemFloats sums[ROWS];
      for (int r = 0; r < ROWS; r++) sums[r] = bias;
      const float* weight = c.stem;
      for (int ky = 0; ky < KERNEL; ky++) {
        const float* at = from + ky * c.from.row_stride + x * stride;
        for (int64_t k = 0; k < depth; k++, weight += STEM) {
          StemFloats w;
          __builtin_memcpy(&w, weight, sizeof w);
#pragma GCC unroll 24
          for (int r = 0; r < ROWS; r++) sums[r] += w * at[r * stride + k];
        }
      }
      for (int r = 0; r < ROWS; r++) {
        const StemFloats value = activate_any<decltype(kind)::value>(sums[r], c.stem_activation);
        float channels[STEM];
        __builtin_memcpy(channels, &value, sizeof value);
        for (int part = 0; part < STEM / PART; part++)
          __builtin_memcpy(to + part * rings[0].vector_stride + (x + r) * PART, channels + part * PART, PART * sizeof(float));
      }
    });
  });
}

template <Kind KIND, int STRIDE>
void Chain::depthwise(int64_t i, int64_t y) const {
  // Outputs side by side, which share what they read.
  constexpr int ABREAST = 4, READ = (ABREAST - 1) * STRIDE + KERNEL;
  const SbiPair& p = c.pairs[i];
  const Ring& ring = rings[i];
  const int64_t width = strided(ring.width, STRIDE);
  for (int64_t v = 0; v < p.c_in / LANES; v++) {
    const Floats bias = load(p.depthwise_bias + v * LANES);
    Floats taps[KERNEL * KERNEL];
    for (int t = 0; t < KERNEL * KERNEL; t++) taps[t] = load(p.depthwise + (v * KERNEL * KERNEL + t) * LANES);
    const float* rows[KERNEL];
    for (int ky = 0; ky < KERNEL; ky++) rows[ky] = ring.read(y * STRIDE - 1 + ky) + v * ring.vector_stride;
    float* to = line + v * width * LANES;
    int64_t x = 0;
    for (; x + ABREAST <= width; x += ABREAST) {
      Floats sums[ABREAST];
      for (int j = 0; j < ABREAST; j++) sums[j] = bias;
#pragma GCC unroll 3
      for (int ky = 0; ky < KERNEL; ky++) {
        const float* in = rows[ky] + x * STRIDE * LANES;
        Floats seen[READ];
#pragma GCC unroll 16
        for (int r = 0; r < READ; r++) seen[r] = load(in + r * LANES);
#pragma GCC unroll 3
        for (int kx = 0; kx < KERNEL; kx++)
#pragma GCC unroll 8
          for (int j = 0; j < ABREAST; j++) sums[j] += taps[ky * KERNEL + kx] * seen[j * STRIDE + kx];
      }
      for (int j = 0; j < ABREAST; j++) store(to + (x + j) * LANES, activate<KIND>(sums[j], p.activation, 0));
    }
    for (; x < width; x++) {
      Floats sum = bias;
      for (int ky = 0; ky < KERNEL; ky++)
        for (int kx = 0; kx < KERNEL; kx++) sum += taps[ky * KERNEL + kx] * load(rows[ky] + (x * STRIDE + kx) * LANES);
      store(to + x * LANES, activate<KIND>(sum, p.activation, 0));
    }
  }
}

// With a stride of 1: neighbouring pixels of neighbouring windows are as far apart as channels are many.
template <Kind KIND>
void Chain::depthwise_of_halves(int64_t i, int64_t y) const {
  const SbiPair& p = c.pairs[i];
  const Ring& ring = rings[i];
  const Floats bias = load(p.depthwise_bias);
  Floats taps[KERNEL * KERNEL];
  for (int t = 0; t < KERNEL * KERNEL; t++) taps[t] = load(p.depthwise + t * LANES);
  const float* rows[KERNEL];
  for (int ky = 0; ky < KERNEL; ky++) rows[ky] = ring.read(y - 1 + ky);
  for (int64_t at = 0; at < ring.width * p.c_in; at += LANES) {
    Floats sum = bias;
#pragma GCC unroll 3
    for (int ky = 0; ky < KERNEL; ky++)
#pragma GCC unroll 3
      for (int kx = 0; kx < KERNEL; kx++) sum += taps[ky * KERNEL + kx] * load(rows[ky] + at + kx * p.c_in);
    store(line + at, activate<KIND>(sum, p.activation, 0));
  }
}

template <Kind KIND>
void Chain::project(int64_t i, int64_t y) const {
  const SbiPair& p = c.pairs[i];
  const int64_t width = strided(rings[i].width, p.stride);
  const bool last = i + 1 == c.count;
  const Runs runs = is_half(p) ? Runs{1, p.c_in, 0, p.c_in} : Runs{p.c_in / LANES, LANES, width * LANES, LANES};
  blocks(p.c_out, p.c_in, 0, whole(p.c_out, BLOCK), [&](int64_t first, int64_t, int64_t at, auto wide) {
    constexpr int WIDE = decltype(wide)::value;
    float* to[WIDE];
    for (int v = 0; v < WIDE; v++) {
      const int64_t vector = first / LANES + v;
      to[v] = last ? pixel(c.to, y, 0) + vector * LANES : rings[i + 1].row(y) + vector * rings[i + 1].vector_stride + LANES;
    }
    const int64_t step = last ? c.to.pixel_stride : LANES;
    Floats bias[WIDE];
    for (int v = 0; v < WIDE; v++) bias[v] = load(p.bias + first + v * LANES);
    cover_exactly<TILE_ROWS * VECTORS / WIDE>(width, [&](int64_t x, auto rows) {
      constexpr int ROWS = decltype(rows)::value;
      Floats sums[ROWS][WIDE];
      for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < WIDE; v++) sums[r][v] = bias[v];
      multiply(runs, line + x * runs.pixel_stride, p.weight + at, sums);
      for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < WIDE; v++) store(to[v] + (x + r) * step, activate<KIND>(sums[r][v], p.project_activation, 0));
    });
  });
}

// A strip of rows each. Of a long chain as few as there are threads: what strips make twice costs more than threads that
// wait a little.
int64_t tasks(const void* operation) {
  constexpr int64_t STRIPS_PER_THREAD = 8, LEAST = 8;
  const SbiChain& c = *static_cast<const SbiChain*>(operation);
  if (c.threads == 1) return 1;
  return c.count == 1 ? smaller(c.to.height, STRIPS_PER_THREAD * c.threads) : smaller(whole(c.to.height, LEAST), c.threads);
}

int64_t scratch(const void* operation) { return Chain(*static_cast<const SbiChain*>(operation)).floats; }

void run(const void* operation, int64_t task, float* memory) {
  const SbiChain& c = *static_cast<const SbiChain*>(operation);
  const int64_t strips = tasks(operation), top = task * c.to.height / strips, bottom = (task + 1) * c.to.height / strips;
  Chain chain(c);
  chain.begin(memory, top);
  for (int64_t y = top; y < bottom; y++) chain.pair(c.count - 1, y);
}

}  // namespace

SbiOperation SBI_NAME(chain)() { return {tasks, scratch, run}; }
