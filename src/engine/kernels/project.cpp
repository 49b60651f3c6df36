// The end of EfficientNet's blocks: channels weighed by squeeze and excitation, then brought down by a 1 x 1 convolution.

#include "maps.h"
#include "table.h"

namespace {

// ---- squeeze and excitation: from row sums to a factor per channel ----

int64_t gate_tasks(const void*) { return 1; }

int64_t gate_scratch(const void* operation) {
  return whole(static_cast<const SbiGate*>(operation)->channels, LANES) * LANES;
}

void gate_run(const void* operation, int64_t, float* means) {
  const SbiGate& g = *static_cast<const SbiGate*>(operation);
  const int64_t channels = whole(g.channels, LANES) * LANES;
  const float positions = static_cast<float>(g.positions);
  for (int64_t c = 0; c < channels; c += LANES) {
    Floats total = {};
    for (int64_t row = 0; row < g.rows; row++) total += load(g.row_sums + row * channels + c);
    store(means + c, total / positions);
    store(g.gate + c, load(g.expand_bias + c));
  }
  for (int64_t s = 0; s < g.squeezed; s++) {
    const float *reduce = g.reduce + s * channels, *expand = g.expand + s * channels;
    constexpr int CHAINS = 4;
    Floats sums[CHAINS] = {};
    int64_t c = 0;
    for (; c + CHAINS * LANES <= channels; c += CHAINS * LANES)
      for (int i = 0; i < CHAINS; i++) sums[i] += load(means + c + i * LANES) * load(reduce + c + i * LANES);
    for (; c < channels; c += LANES) sums[0] += load(means + c) * load(reduce + c);
    const Floats sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    float x = g.reduce_bias[s];
    for (int i = 0; i < LANES; i++) x += sum[i];
    const float squeezed = swish(Floats{} + x)[0];
    for (c = 0; c < channels; c += LANES) store(g.gate + c, load(g.gate + c) + load(expand + c) * squeezed);
  }
  for (int64_t c = 0; c < channels; c += LANES) store(g.gate + c, sigmoid(load(g.gate + c)));
}

// ---- projection ----

// Pixels of a task: all of a small map, because each task weighs its weights anew.
constexpr int64_t PIXELS = 48 * TILE_ROWS;

int64_t pieces(const SbiProject& p) { return whole(p.positions, PIXELS); }

int64_t tasks(const void* operation) {
  const SbiProject& p = *static_cast<const SbiProject*>(operation);
  return pieces(p) * whole(p.to.channels, BLOCK);
}

int64_t scratch(const void* operation) {
  return whole(static_cast<const SbiProject*>(operation)->channels, LANES) * LANES * BLOCK;
}

template <Kind KIND>
void run_task(const SbiProject& p, int64_t task, float* memory) {
  const int64_t depth = whole(p.channels, LANES) * LANES;
  const int64_t blocks_in_all = whole(p.to.channels, BLOCK), block = task % blocks_in_all;
  const int64_t from = task / blocks_in_all * PIXELS, end = smaller(from + PIXELS, p.positions);
  // Row by row only where zeros lie between the rows.
  const bool as_row = is_flat(p.to) && (p.onto.data == nullptr || is_flat(p.onto));
  const SbiMap to = as_row ? flat(p.to) : p.to, onto = as_row ? flat(p.onto) : p.onto;
  const Runs runs{depth / LANES, LANES, p.positions * LANES, LANES};
  blocks(p.to.channels, depth, block, block + 1, [&](int64_t first, int64_t valid, int64_t at, auto wide) {
    constexpr int WIDE = decltype(wide)::value;
    const float* weight = p.weight + at;
    if (p.gate != nullptr) {
      for (int64_t k = 0; k < depth; k++)
        for (int v = 0; v < WIDE; v++) {
          const int64_t i = (k * WIDE + v) * LANES;
          store(memory + i, load(weight + i) * p.gate[k]);
        }
      weight = memory;
    }
    for (int64_t start = from; start < end;) {
      const int64_t y = start / to.width, x0 = start % to.width, count = smaller(end - start, to.width - x0);
      cover<WIDE>(count, [&](int64_t x, auto rows) {
        constexpr int ROWS = decltype(rows)::value;
        Floats sums[ROWS][WIDE];
        for (int v = 0; v < WIDE; v++) {
          const Floats bias = load(p.bias + first + v * LANES);
          for (int r = 0; r < ROWS; r++) sums[r][v] = bias;
        }
        float* out = pixel(to, y, x0 + x) + first;
        const float* added = onto.data == nullptr ? nullptr : pixel(onto, y, x0 + x) + first;
        ask_for<ROWS, WIDE>(out, to.pixel_stride, added, onto.pixel_stride);
        multiply(runs, p.from + (start + x) * LANES, weight, sums);
        finish<KIND>(p.activation, sums, out, to.pixel_stride, added, onto.pixel_stride, first, valid);
      });
      start += count;
    }
  });
}

void run(const void* operation, int64_t task, float* memory) {
  const SbiProject& p = *static_cast<const SbiProject*>(operation);
  with_kind(p.activation, [&](auto kind) { run_task<decltype(kind)::value>(p, task, memory); });
}

}  // namespace

SbiOperation SBI_NAME(gate)() { return {gate_tasks, gate_scratch, gate_run}; }
SbiOperation SBI_NAME(project)() { return {tasks, scratch, run}; }
