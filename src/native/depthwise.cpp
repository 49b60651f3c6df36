// Depthwise convolution as EfficientNet has it: swish of the input, convolution, bias, swish, and the mean over
// positions, in one pass over memory. Channels-last float32, built for AVX2 where the processor is an x86-64.
//
// A task is one image and up to 16 channels. The rows that the kernel sees lie in a ring with zeros around
// them, so padding may differ between the sides and costs no copy of the tensor.

#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>
#include <vector>

#include "vectors.h"

extern "C" {

// Sides in pixels; `before` and `after` are rows and columns of zeros around the input.
struct SbiDepthwise {
  int64_t images, channels, height, width, out_height, out_width;
  int64_t kernel, stride, before, after;
  int64_t swish_input, threads;
};
}

namespace {

template <int VECTORS, int KERNEL, int STRIDE>
void channel_block(const SbiDepthwise& s, const float* x, const float* weight, const float* bias, float* y,
                   float* mean, std::vector<float>& ring) {
  constexpr int BLOCK = VECTORS * LANES;
  // Outputs computed side by side: 4 x 2 sums and the weights fill the 16 registers.
  constexpr int ABREAST = 4;
  const int64_t padded_width = s.before + s.width + s.after;
  const int64_t row_floats = padded_width * BLOCK;
  ring.assign(KERNEL * row_floats, 0.0f);

  const auto fill_row = [&](int64_t padded_row) {
    float* row = ring.data() + padded_row % KERNEL * row_floats;
    const int64_t source = padded_row - s.before;
    if (source < 0 || source >= s.height) {
      std::memset(row, 0, row_floats * sizeof(float));
      return;
    }
    const float* from = x + source * s.width * s.channels;
    float* to = row + s.before * BLOCK;
    for (int64_t i = 0; i < s.width; i++, from += s.channels, to += BLOCK)
      for (int v = 0; v < VECTORS; v++) {
        const Floats value = load(from + v * LANES);
        store(to + v * LANES, s.swish_input ? swish(value) : value);
      }
  };

  Floats total[VECTORS] = {};
  Floats offset[VECTORS];
  for (int v = 0; v < VECTORS; v++) offset[v] = load(bias + v * LANES);
  int64_t filled = 0;
  for (int64_t oy = 0; oy < s.out_height; oy++) {
    for (; filled < oy * STRIDE + KERNEL; filled++) fill_row(filled);
    const float* rows[KERNEL];
    for (int ky = 0; ky < KERNEL; ky++) rows[ky] = ring.data() + (oy * STRIDE + ky) % KERNEL * row_floats;
    // A sum per row first: one running sum over all positions would lose digits.
    Floats row_total[VECTORS] = {};
    float* out = y + oy * s.out_width * s.channels;

    const auto outputs = [&](int64_t ox, auto abreast) {
      constexpr int N = decltype(abreast)::value;
      Floats sum[N][VECTORS];
      for (int j = 0; j < N; j++)
        for (int v = 0; v < VECTORS; v++) sum[j][v] = offset[v];
      for (int ky = 0; ky < KERNEL; ky++) {
        const float* in = rows[ky] + ox * STRIDE * BLOCK;
        const float* taps = weight + ky * KERNEL * BLOCK;
#pragma GCC unroll 8
        for (int kx = 0; kx < KERNEL; kx++)
#pragma GCC unroll 8
          for (int v = 0; v < VECTORS; v++) {
            const Floats tap = load(taps + kx * BLOCK + v * LANES);
#pragma GCC unroll 8
            for (int j = 0; j < N; j++) sum[j][v] += tap * load(in + (j * STRIDE + kx) * BLOCK + v * LANES);
          }
      }
      for (int j = 0; j < N; j++)
        for (int v = 0; v < VECTORS; v++) {
          const Floats value = swish(sum[j][v]);
          row_total[v] += value;
          store(out + (ox + j) * s.channels + v * LANES, value);
        }
    };

    int64_t ox = 0;
    for (; ox + ABREAST <= s.out_width; ox += ABREAST) outputs(ox, std::integral_constant<int, ABREAST>());
    for (; ox < s.out_width; ox++) outputs(ox, std::integral_constant<int, 1>());
    for (int v = 0; v < VECTORS; v++) total[v] += row_total[v];
  }
  const float positions = static_cast<float>(s.out_height * s.out_width);
  for (int v = 0; v < VECTORS; v++) store(mean + v * LANES, total[v] / positions);
}

using Block = void (*)(const SbiDepthwise&, const float*, const float*, const float*, float*, float*,
                       std::vector<float>&);

template <int VECTORS>
Block block_for(int64_t kernel, int64_t stride) {
  if (kernel == 3 && stride == 1) return channel_block<VECTORS, 3, 1>;
  if (kernel == 3 && stride == 2) return channel_block<VECTORS, 3, 2>;
  if (kernel == 5 && stride == 1) return channel_block<VECTORS, 5, 1>;
  if (kernel == 5 && stride == 2) return channel_block<VECTORS, 5, 2>;
  return nullptr;
}

}  // namespace

extern "C" {

// Whether this processor can run the code above; the file is compiled for AVX2 and FMA on x86-64.
int sbi_depthwise_supported() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return 1;
#endif
}

// x: [images, height, width, channels]; weight: [channels / 16 blocks][kernel * kernel][16 or, in the last
// block, 8]; y: [images, out_height, out_width, channels]; mean: [images, channels]. Channels in eights.
// 0 when done, 1 for a shape without a kernel, 2 when memory ran out.
int sbi_depthwise(const SbiDepthwise* shape, const float* x, const float* weight, const float* bias, float* y,
                  float* mean) {
  const SbiDepthwise& s = *shape;
  constexpr int64_t WIDE = 2 * LANES;
  const Block wide = block_for<2>(s.kernel, s.stride), narrow = block_for<1>(s.kernel, s.stride);
  if (wide == nullptr || s.channels % LANES != 0) return 1;
  const int64_t blocks = (s.channels + WIDE - 1) / WIDE;
  int out_of_memory = 0;
#pragma omp parallel num_threads(s.threads) reduction(| : out_of_memory)
  {
    std::vector<float> ring;
#pragma omp for schedule(dynamic)
    for (int64_t task = 0; task < s.images * blocks; task++) {
      const int64_t image = task / blocks, c = task % blocks * WIDE;
      const Block run = c + WIDE <= s.channels ? wide : narrow;
      try {
        run(s, x + image * s.height * s.width * s.channels + c, weight + c * s.kernel * s.kernel, bias + c,
            y + image * s.out_height * s.out_width * s.channels + c, mean + image * s.channels + c, ring);
      } catch (const std::bad_alloc&) {
        out_of_memory = 1;
      }
    }
  }
  return out_of_memory ? 2 : 0;
}
}
