// Convolutions of 3 x 3 by Winograd's minimal filtering: 16 outputs take 36 multiplications per channel instead of 144.
//
// Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, <https://arxiv.org/abs/1509.09308>.
// A tile of the input is transformed, multiplied position by position with transformed weights (products of matrices
// over the channels), and transformed back. Convolutions that read the same map share the transformed tiles. A task is some
// tiles; all they need lies in its scratch.

#include "maps.h"
#include "table.h"

namespace {

constexpr int OUT = 4, IN = OUT + 2, POSITIONS = IN * IN;
// For the points 0, 1, -1, 1/2, -2, infinity: rounding stays smaller than with the usual 0, 1, -1, 2, -2.
constexpr float FROM_INPUT[IN][IN] = {{1, -1.5f, -2, 1.5f, 1, 0}, {0, -1, 0.5f, 2.5f, 1, 0}, {0, 1, -2.5f, 0.5f, 1, 0},
                                      {0, -2, -1, 2, 1, 0},      {0, 0.5f, -1, -0.5f, 1, 0}, {0, 1, -1.5f, -2, 1.5f, 1}};
constexpr float TO_OUTPUT[OUT][IN] = {
    {1, 1, 1, 1, 1, 0}, {0, 1, -1, 0.5f, -2, 0}, {0, 1, 1, 0.25f, 4, 0}, {0, 1, -1, 0.125f, -8, 1}};

// y = M x for a small matrix whose numbers the compiler sees.
template <int ROWS, int COLUMNS>
inline __attribute__((always_inline)) void times(const float (&matrix)[ROWS][COLUMNS], const Floats (&x)[COLUMNS], Floats (&y)[ROWS]) {
#pragma GCC unroll 8
  for (int r = 0; r < ROWS; r++) {
    Floats sum = {};
    bool empty = true;
#pragma GCC unroll 8
    for (int c = 0; c < COLUMNS; c++) {
      const float m = matrix[r][c];
      if (m == 0.0f) continue;
      const Floats term = m == 1.0f ? x[c] : x[c] * m;
      sum = empty ? term : sum + term;
      empty = false;
    }
    y[r] = sum;
  }
}

// M x M^T
template <int ROWS, int COLUMNS>
inline __attribute__((always_inline)) void both_ways(const float (&matrix)[ROWS][COLUMNS], const Floats (&x)[COLUMNS][COLUMNS], Floats (&y)[ROWS][ROWS]) {
  Floats half[COLUMNS][ROWS];  // the columns of M x, one in a row
#pragma GCC unroll 8
  for (int c = 0; c < COLUMNS; c++) {
    Floats column[COLUMNS];
#pragma GCC unroll 8
    for (int r = 0; r < COLUMNS; r++) column[r] = x[r][c];
    times(matrix, column, half[c]);
  }
#pragma GCC unroll 8
  for (int r = 0; r < ROWS; r++) {
    Floats row[COLUMNS];
#pragma GCC unroll 8
    for (int c = 0; c < COLUMNS; c++) row[c] = half[c][r];
    times(matrix, row, y[r]);
  }
}

struct Tiles {
  int64_t across, all, each, pieces;

  explicit Tiles(const SbiWinograd& w) {
    across = whole(w.from.width, OUT);
    all = across * whole(w.from.height, OUT);
    // Transformed input that stays in the second level cache, and tiles enough for the weights that are read for them:
    // beside all of these weights, where they stay there, too.
    constexpr int64_t MEMORY = 64 << 10, CACHE = 192 << 10;
    const int64_t depth = POSITIONS * w.from.channels;
    int64_t wanted = MEMORY / depth, weights = 0;
    for (int64_t i = 0; i < w.count; i++) weights += depth * w.parts[i].to.channels;
    if (weights < CACHE) wanted = smaller(wanted, (CACHE - weights) / (depth + POSITIONS * BLOCK));
    if (w.threads > 1) wanted = smaller(wanted, all / (TASKS_PER_THREAD * w.threads));
    const Pieces split(all, larger(wanted, TILE_ROWS), TILE_ROWS);
    each = split.size;
    pieces = split.count;
  }
};

int64_t tasks(const void* operation) { return Tiles(*static_cast<const SbiWinograd*>(operation)).pieces; }

int64_t scratch(const void* operation) {
  const SbiWinograd& w = *static_cast<const SbiWinograd*>(operation);
  return POSITIONS * Tiles(w).each * (w.from.channels + BLOCK);
}

// Channels are a multiple of LANES. `to`: [position][tile][channel].
void transform_input(const SbiWinograd& w, const Tiles& tiles, int64_t first, int64_t count, float* to) {
  const int64_t channels = w.from.channels, position_stride = tiles.each * channels;
  for (int64_t t = 0; t < count; t++) {
    const int64_t tile = first + t;
    const float* corner = pixel(w.from, tile / tiles.across * OUT - 1, tile % tiles.across * OUT - 1);
    for (int64_t c = 0; c < channels; c += LANES) {
      Floats patch[IN][IN], made[IN][IN];
      for (int y = 0; y < IN; y++)
        for (int x = 0; x < IN; x++) patch[y][x] = load(corner + y * w.from.row_stride + x * w.from.pixel_stride + c);
      both_ways(FROM_INPUT, patch, made);
      float* at = to + t * channels + c;
      for (int y = 0; y < IN; y++)
        for (int x = 0; x < IN; x++, at += position_stride) store(at, made[y][x]);
    }
  }
}

template <Kind KIND, int WIDE>
void transform_output(const SbiWinogradPart& w, const Tiles& tiles, int64_t first_tile, int64_t count, const float* products,
                      int64_t channel, int64_t valid) {
  const int64_t position_stride = tiles.each * WIDE * LANES;
  for (int64_t t = 0; t < count; t++) {
    const int64_t tile = first_tile + t, y0 = tile / tiles.across * OUT, x0 = tile % tiles.across * OUT;
    const int64_t height = smaller(OUT, w.to.height - y0), width = smaller(OUT, w.to.width - x0);
    for (int v = 0; v < WIDE; v++) {
      const int64_t left = valid - v * LANES, c = channel + v * LANES;
      const float* at = products + t * WIDE * LANES + v * LANES;
      Floats product[IN][IN], made[OUT][OUT];
      for (int y = 0; y < IN; y++)
        for (int x = 0; x < IN; x++, at += position_stride) product[y][x] = load(at);
      both_ways(TO_OUTPUT, product, made);
      const Floats bias = load(w.bias + c);
      for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
          Floats value = made[y][x] + bias;
          if (w.onto.data != nullptr) value += load_some(pixel(w.onto, y0 + y, x0 + x) + c, left);
          store_some(pixel(w.to, y0 + y, x0 + x) + c, activate<KIND>(value, w.activation, c), left);
        }
    }
  }
}

template <Kind KIND>
void run_part(const SbiWinogradPart& part, const Tiles& tiles, int64_t depth, int64_t first, int64_t count, const float* input,
              float* products) {
  const int64_t outputs = whole(part.to.channels, LANES) * LANES;
  const Runs runs{1, depth, 0, depth};
  blocks(part.to.channels, depth, 0, whole(part.to.channels, BLOCK), [&](int64_t channel, int64_t valid, int64_t at, auto wide) {
    constexpr int WIDE = decltype(wide)::value;
    for (int64_t position = 0; position < POSITIONS; position++) {
      const float* weight = part.weight + position * outputs * depth + at;
      const float* from = input + position * tiles.each * depth;
      float* to = products + position * tiles.each * WIDE * LANES;
      cover<WIDE>(count, [&](int64_t t, auto rows) {
        constexpr int ROWS = decltype(rows)::value;
        Floats sums[ROWS][WIDE] = {};
        multiply(runs, from + t * depth, weight, sums);
        for (int r = 0; r < ROWS; r++)
          for (int v = 0; v < WIDE; v++) store(to + (t + r) * WIDE * LANES + v * LANES, sums[r][v]);
      });
    }
    transform_output<KIND, WIDE>(part, tiles, first, count, products, channel, valid);
  });
}

void run(const void* operation, int64_t task, float* memory) {
  const SbiWinograd& w = *static_cast<const SbiWinograd*>(operation);
  const Tiles tiles(w);
  const int64_t first = task * tiles.each, count = smaller(tiles.each, tiles.all - first);
  const int64_t depth = w.from.channels;
  float *input = memory, *products = memory + POSITIONS * tiles.each * depth;
  transform_input(w, tiles, first, count, input);
  for (int64_t i = 0; i < w.count; i++)
    with_kind(w.parts[i].activation, [&](auto kind) {
      run_part<decltype(kind)::value>(w.parts[i], tiles, depth, first, count, input, products);
    });
}

}  // namespace

SbiOperation SBI_NAME(winograd)() { return {tasks, scratch, run}; }
int64_t SBI_NAME(winograd_side)() { return OUT; }
