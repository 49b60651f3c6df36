// What networks do between convolutions: pooling, enlarging, adding. A task is a row of the result.

#include "maps.h"
#include "table.h"

namespace {

int64_t no_scratch(const void*) { return 0; }

template <class Operation>
int64_t a_task_per_row(const void* operation) {
  return static_cast<const Operation*>(operation)->to.height;
}

// Calls `body(first channel, channels left)` for each vector of channels.
template <class F>
void vectors(int64_t channels, F&& body) {
  for (int64_t c = 0; c < channels; c += LANES) body(c, channels - c);
}

void max_pool(const void* operation, int64_t y, float*) {
  const SbiMaxPool& p = *static_cast<const SbiMaxPool*>(operation);
  constexpr int64_t KERNEL = 3, STRIDE = 2;
  const int64_t y0 = larger(y * STRIDE - p.before, 0), y1 = smaller(y * STRIDE - p.before + KERNEL, p.from.height);
  for (int64_t x = 0; x < p.to.width; x++) {
    const int64_t x0 = larger(x * STRIDE - p.before, 0), x1 = smaller(x * STRIDE - p.before + KERNEL, p.from.width);
    vectors(p.to.channels, [&](int64_t c, int64_t left) {
      Floats most = load_some(pixel(p.from, y0, x0) + c, left);
      for (int64_t iy = y0; iy < y1; iy++)
        for (int64_t ix = x0; ix < x1; ix++) {
          const Floats value = load_some(pixel(p.from, iy, ix) + c, left);
          most = value > most ? value : most;
        }
      store_some(pixel(p.to, y, x) + c, most, left);
    });
  }
}

// Which pixel is the nearest, as PyTorch's upsample_nearest2d has it.
int64_t nearest(int64_t at, int64_t from, int64_t to) {
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  return smaller(static_cast<int64_t>(static_cast<float>(at) * scale), from - 1);
}

void enlarge(const void* operation, int64_t y, float*) {
  const SbiSum& e = *static_cast<const SbiSum*>(operation);
  const int64_t from_y = nearest(y, e.from.height, e.to.height);
  for (int64_t x = 0; x < e.to.width; x++) {
    const float* from = pixel(e.from, from_y, nearest(x, e.from.width, e.to.width));
    const float* onto = pixel(e.onto, y, x);
    float* to = pixel(e.to, y, x);
    vectors(e.to.channels, [&](int64_t c, int64_t left) { store_some(to + c, load_some(from + c, left) + load_some(onto + c, left), left); });
  }
}

void mean_shortcut(const void* operation, int64_t y, float*) {
  const SbiSum& m = *static_cast<const SbiSum*>(operation);
  const int64_t height = m.from.height / 2, width = m.from.width / 2;
  for (int64_t x = 0; x < m.to.width; x++)
    vectors(m.to.channels, [&](int64_t c, int64_t left) {
      Floats sum = {};
      if (y < m.onto.height && x < m.onto.width && c < m.onto.channels)
        sum = load_some(pixel(m.onto, y, x) + c, smaller(left, m.onto.channels - c));
      if (y < height && x < width && c < m.from.channels) {
        const int64_t there = smaller(left, m.from.channels - c);
        const auto at = [&](int64_t dy, int64_t dx) { return load_some(pixel(m.from, 2 * y + dy, 2 * x + dx) + c, there); };
        sum += (at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1)) * 0.25f;
      }
      store_some(pixel(m.to, y, x) + c, sum > 0.0f ? sum : Floats{}, left);
    });
}

void affine(const void* operation, int64_t y, float*) {
  const SbiAffine& a = *static_cast<const SbiAffine*>(operation);
  for (int64_t x = 0; x < a.to.width; x++) {
    const float* from = pixel(a.from, y, x);
    float* to = pixel(a.to, y, x);
    vectors(a.to.channels, [&](int64_t c, int64_t left) {
      store_some(to + c, load_some(from + c, left) * load(a.scale + c) + load(a.shift + c), left);
    });
  }
}

}  // namespace

SbiOperation SBI_NAME(max_pool)() { return {a_task_per_row<SbiMaxPool>, no_scratch, max_pool}; }
SbiOperation SBI_NAME(enlarge)() { return {a_task_per_row<SbiSum>, no_scratch, enlarge}; }
SbiOperation SBI_NAME(mean_shortcut)() { return {a_task_per_row<SbiSum>, no_scratch, mean_shortcut}; }
SbiOperation SBI_NAME(affine)() { return {a_task_per_row<SbiAffine>, no_scratch, affine}; }

void SBI_NAME(kernels)(SbiKernels* table) {
  *table = {LANES, BLOCK,
            SBI_NAME(winograd_side)(), SBI_NAME(conv)(), SBI_NAME(winograd)(), SBI_NAME(front)(), SBI_NAME(gate)(), SBI_NAME(project)(), SBI_NAME(chain)(),
            SBI_NAME(max_pool)(), SBI_NAME(enlarge)(), SBI_NAME(mean_shortcut)(), SBI_NAME(affine)()};
}
