// Convolutions as products of a few pixels with packed weights: no patches are copied.

#include "maps.h"
#include "table.h"

namespace {

// How a convolution is cut up: pieces of the output's rows by groups of blocks of channels.
struct Split {
  SbiMap from, to, onto;
  int64_t rows_each, columns_each, row_pieces, column_pieces, groups, blocks;

  explicit Split(const SbiConv& c) : from(c.from), to(c.to), onto(c.onto) {
    const bool as_row = c.kernel == 1 && c.stride == 1 && is_flat(from) && is_flat(to) && (onto.data == nullptr || is_flat(onto));
    if (as_row) {
      from = flat(from);
      to = flat(to);
      onto = flat(onto);
    }
    // Pixels whose input and output stay in the second level cache while all output channels go over them, and enough to
    // be worth the weights that are read for them.
    constexpr int64_t PIECE = 96 << 10, LEAST = 96;
    const int64_t per_pixel = from.channels * c.stride * c.stride + to.channels * (onto.data == nullptr ? 1 : 2);
    int64_t wanted = larger(PIECE / per_pixel, LEAST);
    if (c.threads > 1) wanted = smaller(wanted, larger(to.width * to.height / (TASKS_PER_THREAD * c.threads), LEAST));
    const Pieces columns(to.width, as_row ? wanted : to.width, TILE_ROWS);
    const Pieces rows(to.height, as_row ? 1 : larger(wanted / to.width, 1), 1);
    columns_each = columns.size;
    column_pieces = columns.count;
    rows_each = rows.size;
    row_pieces = rows.count;
    blocks = whole(to.channels, BLOCK);
    const int64_t pieces = rows.count * columns.count, enough = c.threads > 1 ? TASKS_PER_THREAD * c.threads : 1;
    groups = smaller(blocks, whole(enough, pieces));
  }
};

int64_t tasks(const void* operation) {
  const Split s(*static_cast<const SbiConv*>(operation));
  return s.row_pieces * s.column_pieces * s.groups;
}

int64_t scratch(const void*) { return 0; }

template <Kind KIND>
void run_piece(const SbiConv& c, const Split& s, int64_t task) {
  const int64_t group = task % s.groups, piece = task / s.groups;
  const int64_t y0 = piece / s.column_pieces * s.rows_each, x0 = piece % s.column_pieces * s.columns_each;
  const int64_t y1 = smaller(y0 + s.rows_each, s.to.height), x1 = smaller(x0 + s.columns_each, s.to.width);
  const int64_t depth = c.kernel * c.kernel * s.from.channels;
  // Across a row of the kernel the channels of neighbouring pixels lie side by side.
  const Runs runs{c.kernel, c.kernel * s.from.channels, s.from.row_stride, c.stride * s.from.pixel_stride};
  const int64_t b0 = group * s.blocks / s.groups, b1 = (group + 1) * s.blocks / s.groups;
  blocks(s.to.channels, depth, b0, b1, [&](int64_t first, int64_t valid, int64_t at, auto wide) {
    constexpr int WIDE = decltype(wide)::value;
    const float* weight = c.weight + at;
    for (int64_t y = y0; y < y1; y++)
      cover<WIDE>(x1 - x0, [&](int64_t x, auto rows) {
        constexpr int ROWS = decltype(rows)::value;
        x += x0;
        Floats sums[ROWS][WIDE];
        for (int v = 0; v < WIDE; v++) {
          const Floats bias = load(c.bias + first + v * LANES);
          for (int r = 0; r < ROWS; r++) sums[r][v] = bias;
        }
        float* out = pixel(s.to, y, x) + first;
        const float* onto = s.onto.data == nullptr ? nullptr : pixel(s.onto, y, x) + first;
        ask_for<ROWS, WIDE>(out, s.to.pixel_stride, onto, s.onto.pixel_stride);
        multiply(runs, pixel(s.from, y * c.stride - c.before, x * c.stride - c.before), weight, sums);
        finish<KIND>(c.activation, sums, out, s.to.pixel_stride, onto, s.onto.pixel_stride, first, valid);
      });
  });
}

void run(const void* operation, int64_t task, float*) {
  const SbiConv& c = *static_cast<const SbiConv*>(operation);
  const Split split(c);
  with_kind(c.activation, [&](auto kind) { run_piece<decltype(kind)::value>(c, split, task); });
}

}  // namespace

SbiOperation SBI_NAME(conv)() { return {tasks, scratch, run}; }
