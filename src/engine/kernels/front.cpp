// The front of EfficientNet's and MobileNet's blocks: 1 x 1 expansion, activation, depthwise convolution, activation.
//
// A task is two vectors of channels, of some rows where threads would lack work otherwise. Their expanded rows live in a
// ring as high as the kernel: what an expansion makes, six times the block's input, never goes to memory.

#include "maps.h"
#include "table.h"

namespace {

constexpr int64_t FLOATS_PER_LINE = 16;

// Rows with zeros around them. A small map is expanded as a whole, because a row of it would not fill a tile.
struct Ring {
  int64_t width, rows, row_floats;

  explicit Ring(const SbiFront& f) {
    // Outputs may reach as far as the last one's kernel.
    width = larger((f.out_width - 1) * f.stride + f.kernel, f.before + f.from.width);
    rows = is_small(f) ? larger((f.out_height - 1) * f.stride + f.kernel, f.before + f.from.height) : f.kernel;
    row_floats = width * BLOCK;
  }

  static bool is_small(const SbiFront& f) { return f.from.width <= 2 * TILE_ROWS && is_flat(f.from); }
};

// Rows of the output per task. A strip makes a kernel's height of rows again that the one above has, too.
Pieces strips(const SbiFront& f) {
  const int64_t blocks = whole(f.channels, BLOCK), enough = f.threads > 1 ? TASKS_PER_THREAD * f.threads : 1;
  constexpr int64_t LEAST = 16;
  const bool as_one = blocks >= enough || Ring::is_small(f);
  return Pieces(f.out_height, as_one ? f.out_height : larger(LEAST, f.out_height * blocks / enough), 1);
}

int64_t tasks(const void* operation) {
  const SbiFront& f = *static_cast<const SbiFront*>(operation);
  return strips(f).count * whole(f.channels, BLOCK);
}

int64_t scratch(const void* operation) {
  const Ring ring(*static_cast<const SbiFront*>(operation));
  return ring.rows * ring.row_floats + FLOATS_PER_LINE;
}

template <Kind KIND, int WIDE>
struct Task {
  const SbiFront& f;
  const Ring ring;
  float* memory;
  int64_t first, valid;
  int64_t top, bottom;  // rows of the output

  float* ring_row(int64_t padded_row) const { return memory + padded_row % ring.rows * ring.row_floats; }

  // Expands `count` pixels from (y, x) on, which may go on in the next row.
  void expand(int64_t y, int64_t x, int64_t count) const {
    const int64_t c_in = f.from.channels;
    const float* weight = f.expand + first * c_in;
    const Runs runs{1, c_in, 0, f.from.pixel_stride};
    const float* from = pixel(f.from, y, x);
    Floats bias[WIDE];
    for (int v = 0; v < WIDE; v++) bias[v] = load(f.expand_bias + first + v * LANES);
    cover<WIDE>(count, [&](int64_t at, auto rows) {
      constexpr int ROWS = decltype(rows)::value;
      Floats sums[ROWS][WIDE];
      for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < WIDE; v++) sums[r][v] = bias[v];
      multiply(runs, from + at * f.from.pixel_stride, weight, sums);
      int64_t py = y + (x + at) / f.from.width, px = (x + at) % f.from.width;
      for (int r = 0; r < ROWS; r++) {
        float* to = ring_row(py + f.before) + (px + f.before) * WIDE * LANES;
        for (int v = 0; v < WIDE; v++) store(to + v * LANES, activate<KIND>(sums[r][v], f.activation, first + v * LANES));
        if (++px == f.from.width) {
          px = 0;
          py++;
        }
      }
    });
  }

  void copy(int64_t y) const {
    const float* from = pixel(f.from, y, 0) + first;
    float* to = ring_row(y + f.before) + f.before * WIDE * LANES;
    for (int64_t x = 0; x < f.from.width; x++, from += f.from.pixel_stride, to += WIDE * LANES)
      for (int v = 0; v < WIDE; v++) store(to + v * LANES, load_some(from + v * LANES, valid - v * LANES));
  }

  // Makes rows of the padded input up to before `end` ready; returns it.
  int64_t fill(int64_t ready, int64_t end) const {
    for (; ready < end; ready++) {
      const int64_t y = ready - f.before;
      if (y < 0 || y >= f.from.height)
        __builtin_memset(ring_row(ready), 0, ring.row_floats * sizeof(float));
      else if (f.expand != nullptr)
        expand(y, 0, f.from.width);
      else
        copy(y);
    }
    return ready;
  }

  template <int KERNEL, int STRIDE>
  void convolve() const {
    // Outputs side by side, so that sums enough are under way.
    constexpr int ABREAST = 4;
    __builtin_memset(memory, 0, ring.rows * ring.row_floats * sizeof(float));
    int64_t ready = top * STRIDE;
    if (Ring::is_small(f) && f.expand != nullptr) {
      expand(0, 0, f.from.height * f.from.width);
      ready = ring.rows;
    }
    const int64_t positions = f.out_height * f.out_width;
    const float* weight[WIDE];
    float* to[WIDE];
    Floats bias[WIDE];
    for (int v = 0; v < WIDE; v++) {
      const int64_t vector = first / LANES + v;
      weight[v] = f.depthwise + vector * KERNEL * KERNEL * LANES;
      to[v] = f.to + vector * positions * LANES;
      bias[v] = load(f.bias + first + v * LANES);
    }
    for (int64_t oy = top; oy < bottom; oy++) {
      ready = fill(ready, oy * STRIDE + KERNEL);
      const float* rows[KERNEL];
      for (int ky = 0; ky < KERNEL; ky++) rows[ky] = ring_row(oy * STRIDE + ky);
      // A sum per row: one running sum over all positions would lose digits.
      Floats total[WIDE] = {};

      const auto outputs = [&](int64_t ox, auto abreast) {
        constexpr int N = decltype(abreast)::value;
        Floats sum[N][WIDE];
        for (int j = 0; j < N; j++)
          for (int v = 0; v < WIDE; v++) sum[j][v] = bias[v];
        for (int ky = 0; ky < KERNEL; ky++) {
          const float* in = rows[ky] + ox * STRIDE * WIDE * LANES;
#pragma GCC unroll 8
          for (int kx = 0; kx < KERNEL; kx++)
#pragma GCC unroll 8
            for (int v = 0; v < WIDE; v++) {
              const Floats tap = load(weight[v] + (ky * KERNEL + kx) * LANES);
#pragma GCC unroll 8
              for (int j = 0; j < N; j++) sum[j][v] += tap * load(in + ((j * STRIDE + kx) * WIDE + v) * LANES);
            }
        }
        for (int j = 0; j < N; j++)
          for (int v = 0; v < WIDE; v++) {
            const Floats value = activate<KIND>(sum[j][v], f.activation, first + v * LANES);
            total[v] += value;
            store(to[v] + (oy * f.out_width + ox + j) * LANES, value);
          }
      };
      int64_t ox = 0;
      for (; ox + ABREAST <= f.out_width; ox += ABREAST) outputs(ox, Number<ABREAST>());
      for (; ox < f.out_width; ox++) outputs(ox, Number<1>());
      if (f.row_sums != nullptr)
        for (int v = 0; v < WIDE; v++) store(f.row_sums + oy * whole(f.channels, LANES) * LANES + first + v * LANES, total[v]);
    }
  }

  void run() const {
    if (f.kernel == 3 && f.stride == 1) convolve<3, 1>();
    if (f.kernel == 3 && f.stride == 2) convolve<3, 2>();
    if (f.kernel == 5 && f.stride == 1) convolve<5, 1>();
    if (f.kernel == 5 && f.stride == 2) convolve<5, 2>();
  }
};

void run(const void* operation, int64_t task, float* memory) {
  const SbiFront& f = *static_cast<const SbiFront*>(operation);
  const Pieces strip = strips(f);
  const int64_t block = task / strip.count, top = task % strip.count * strip.size;
  const int64_t bottom = smaller(top + strip.size, f.out_height);
  with_kind(f.activation, [&](auto kind) {
    blocks(f.channels, 0, block, block + 1, [&](int64_t first, int64_t valid, int64_t, auto wide) {
      Task<decltype(kind)::value, decltype(wide)::value>{f, Ring(f), memory, first, valid, top, bottom}.run();
    });
  });
}

}  // namespace

SbiOperation SBI_NAME(front)() { return {tasks, scratch, run}; }
