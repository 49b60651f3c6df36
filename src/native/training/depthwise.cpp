// Depthwise convolution in training, forward and backward: see kernels.h.
//
// A task is one image and up to 16 channels. Rows of what the convolution sees, activated on the way, lie in rings
// with zeros around them; in the backward pass the gradient of the convolution's result does too, and is nowhere else.

#include "activations.h"

namespace sbi {
namespace {

constexpr int WIDEST = DEPTHWISE_BLOCK / LANES;
// Results computed side by side: of vectors of 8, 4 x 2 sums and the weights fill the 16 registers.
constexpr int ABREAST = 4;

template <int N>
void load_all(Floats* to, const float* from) {
  for (int v = 0; v < N; v++) to[v] = load(from + v * LANES);
}

// Has a row's vectors fetched that will be wanted next, while there is still work on this one. Into the second-level
// cache: in the first one, rows that lie a power of two apart would push one another out.
template <int N>
void prefetch(const float* from) {
  for (int v = 0; v < N; v++) __builtin_prefetch(from + v * LANES, 0, 2);
}

// Writes what is too large to be in the cache still when it is read again: past the cache, where whole lines can be.
inline void store_past(float* to, Floats v) {
#if defined(__AVX512F__)
  _mm512_stream_ps(to, reinterpret_cast<__m512>(v));
#else
  store(to, v);
#endif
}

// Has what was written past the cache seen by all.
inline void settle_past() {
#if defined(__AVX512F__)
  _mm_sfence();
#endif
}

// Columns of a ring of inputs: those of the image and the zeros around them.
int64_t input_columns(const DepthwiseShape& s) {
  return larger(s.before + s.width, (s.out_width - 1) * s.stride + s.kernel);
}

// Columns of a ring of results' gradients: kernel - 1 zeros before, and as many after as the last input reaches.
int64_t gradient_columns(const DepthwiseShape& s) {
  return s.kernel - 1 + larger(s.out_width, s.before + s.width);
}

// Adds a row's moments to those of `count` values before it.
template <int N>
void add_moments(double count, double* mean, double* squares, double row_count, const Floats* row_mean,
                 const Floats* row_squares) {
  for (int v = 0; v < N; v++)
    for (int lane = 0; lane < LANES; lane++) {
      const int i = v * LANES + lane;
      const double delta = row_mean[v][lane] - mean[i];
      mean[i] += delta * row_count / (count + row_count);
      squares[i] += row_squares[v][lane] + delta * delta * count * row_count / (count + row_count);
    }
}

template <class Act, int N, int KERNEL, int STRIDE>
void forward_task(const DepthwiseShape& s, const DepthwiseForward& of, int64_t c, float* ring) {
  constexpr int BLOCK = N * LANES;
  const int64_t row_floats = input_columns(s) * BLOCK;
  fill(ring, ring + KERNEL * row_floats, 0.0f);
  const bool normed = of.norm.scale != nullptr;
  Floats scale[N] = {}, shift[N] = {};
  if (normed) {
    load_all<N>(scale, of.norm.scale + c);
    load_all<N>(shift, of.norm.shift + c);
  }

  const auto fill_row = [&](int64_t padded_row) {
    float* row = ring + padded_row % KERNEL * row_floats;
    const int64_t source = padded_row - s.before;
    if (source < 0 || source >= s.height) return fill(row, row + row_floats, 0.0f);
    const int64_t ahead = source + 1 < s.height ? s.width * s.channels : 0;
    const float* from = of.x + source * s.width * s.channels + c;
    float* to = row + s.before * BLOCK;
    for (int64_t i = 0; i < s.width; i++, from += s.channels, to += BLOCK) {
      prefetch<N>(from + ahead);
      for (int v = 0; v < N; v++) {
        const Floats value = load(from + v * LANES);
        store(to + v * LANES, normed ? Act::value(value * scale[v] + shift[v]) : value);
      }
    }
  };

  double *mean = of.mean + c, *squares = of.squares + c;
  fill(mean, mean + BLOCK, 0.0);
  fill(squares, squares + BLOCK, 0.0);
  int64_t filled = 0;
  for (int64_t oy = 0; oy < s.out_height; oy++) {
    for (; filled < oy * STRIDE + KERNEL; filled++) fill_row(filled);
    const float* rows[KERNEL];
    for (int ky = 0; ky < KERNEL; ky++) rows[ky] = ring + (oy * STRIDE + ky) % KERNEL * row_floats;
    Floats row_mean[N] = {}, row_squares[N] = {};
    float* out = of.y + oy * s.out_width * s.channels + c;

    const auto outputs = [&](int64_t ox, auto abreast) {
      constexpr int COUNT = decltype(abreast)::value;
      Floats sum[COUNT][N] = {};
      for (int ky = 0; ky < KERNEL; ky++) {
        const float* in = rows[ky] + ox * STRIDE * BLOCK;
#pragma GCC unroll 8
        for (int kx = 0; kx < KERNEL; kx++)
#pragma GCC unroll 8
          for (int v = 0; v < N; v++) {
            const Floats tap = load(of.weight + (ky * KERNEL + kx) * s.channels + c + v * LANES);
#pragma GCC unroll 8
            for (int j = 0; j < COUNT; j++) sum[j][v] += tap * load(in + (j * STRIDE + kx) * BLOCK + v * LANES);
          }
      }
      for (int j = 0; j < COUNT; j++)
        for (int v = 0; v < N; v++) {
          row_mean[v] += sum[j][v];
          store(out + (ox + j) * s.channels + v * LANES, sum[j][v]);
        }
    };

    int64_t ox = 0;
    for (; ox + ABREAST <= s.out_width; ox += ABREAST) outputs(ox, Number<ABREAST>());
    for (; ox < s.out_width; ox++) outputs(ox, Number<1>());
    for (int v = 0; v < N; v++) row_mean[v] /= static_cast<float>(s.out_width);
    for (int64_t i = 0; i < s.out_width; i++)
      for (int v = 0; v < N; v++) {
        const Floats d = load(out + i * s.channels + v * LANES) - row_mean[v];
        row_squares[v] += d * d;
      }
    const double before = static_cast<double>(oy * s.out_width);
    add_moments<N>(before, mean, squares, static_cast<double>(s.out_width), row_mean, row_squares);
  }
}

template <class Act, int N, int KERNEL, int STRIDE>
void backward_task(const DepthwiseShape& s, const DepthwiseBackward& of, int64_t c, float* scratch) {
  constexpr int BLOCK = N * LANES;
  const int64_t seen_floats = input_columns(s) * BLOCK, grad_floats = gradient_columns(s) * BLOCK;
  const bool normed = of.x_norm.scale != nullptr;
  float *seen = scratch, *slopes = seen + KERNEL * seen_floats, *grads = slopes + KERNEL * seen_floats;
  fill(scratch, grads + KERNEL * grad_floats, 0.0f);

  Floats x_scale[N] = {}, x_shift[N] = {}, x_mean[N] = {};
  if (normed) {
    load_all<N>(x_scale, of.x_norm.scale + c);
    load_all<N>(x_shift, of.x_norm.shift + c);
    load_all<N>(x_mean, of.x_norm.mean + c);
  }
  const auto fill_seen = [&](int64_t padded_row) {
    float *row = seen + padded_row % KERNEL * seen_floats, *slope_row = slopes + padded_row % KERNEL * seen_floats;
    const int64_t source = padded_row - s.before;
    if (source < 0 || source >= s.height) return fill(row, row + seen_floats, 0.0f);
    const int64_t ahead = source + 1 < s.height ? s.width * s.channels : 0;
    const float* from = of.x + source * s.width * s.channels + c;
    for (int64_t i = s.before; i < s.before + s.width; i++, from += s.channels) {
      prefetch<N>(from + ahead);
      for (int v = 0; v < N; v++) {
        Floats value = load(from + v * LANES);
        if (normed) {
          Floats slope;
          Act::both(value * x_scale[v] + x_shift[v], value, slope);
          store(slope_row + i * BLOCK + v * LANES, slope);
        }
        store(row + i * BLOCK + v * LANES, value);
      }
    }
  };

  Floats scale[N], shift[N], mean[N], gate[N], pooled[N], slope_of[N], offset[N];
  load_all<N>(scale, of.b_norm.scale + c);
  load_all<N>(shift, of.b_norm.shift + c);
  load_all<N>(mean, of.b_norm.mean + c);
  load_all<N>(slope_of, of.b_gradient.slope + c);
  load_all<N>(offset, of.b_gradient.offset + c);
  for (int v = 0; v < N; v++) {
    const Floats outer = load(of.b_gradient.scale + c + v * LANES);
    gate[v] = load(of.gate + c + v * LANES) * outer;
    pooled[v] = load(of.pooled + c + v * LANES) * outer;
  }
  const auto fill_gradient = [&](int64_t oy) {
    float* row = grads + oy % KERNEL * grad_floats + (KERNEL - 1) * BLOCK;
    int64_t at = oy * s.out_width * s.channels + c;
    const int64_t ahead = oy + 1 < s.out_height ? s.out_width * s.channels : 0;
    for (int64_t i = 0; i < s.out_width; i++, at += s.channels) {
      prefetch<N>(of.b + at + ahead);
      prefetch<N>(of.dgated + at + ahead);
      for (int v = 0; v < N; v++) {
        const Floats b = load(of.b + at + v * LANES);
        Floats value, slope;
        Act::both(b * scale[v] + shift[v], value, slope);
        const Floats through = (load(of.dgated + at + v * LANES) * gate[v] + pooled[v]) * slope;
        store(row + i * BLOCK + v * LANES, through - (b - mean[v]) * slope_of[v] - offset[v]);
      }
    }
  };

  Floats dweight[KERNEL * KERNEL][N] = {};
  const auto add_to_weight = [&](int64_t oy) {
    const float* from = grads + oy % KERNEL * grad_floats + (KERNEL - 1) * BLOCK;
    for (int ky = 0; ky < KERNEL; ky++) {
      const float* in = seen + (oy * STRIDE + ky) % KERNEL * seen_floats;
      Floats sum[KERNEL][N] = {};
      for (int64_t ox = 0; ox < s.out_width; ox++) {
        Floats gradient[N];
        load_all<N>(gradient, from + ox * BLOCK);
#pragma GCC unroll 8
        for (int kx = 0; kx < KERNEL; kx++)
#pragma GCC unroll 8
          for (int v = 0; v < N; v++)
            sum[kx][v] += gradient[v] * load(in + (ox * STRIDE + kx) * BLOCK + v * LANES);
      }
      for (int kx = 0; kx < KERNEL; kx++)
        for (int v = 0; v < N; v++) dweight[ky * KERNEL + kx][v] += sum[kx][v];
    }
  };

  double *total = of.dx_sum + c, *total_moment = of.dx_moment + c;
  if (normed) {
    fill(total, total + BLOCK, 0.0);
    fill(total_moment, total_moment + BLOCK, 0.0);
  }
  // A batch of such images is larger than caches are. Tensors begin where lines of the cache do.
  constexpr int64_t LARGE = (1 << 20) / sizeof(float);
  const bool large = s.height * s.width * s.channels >= LARGE;
  // The gradient of input row `iy`, once all rows of results that saw it are in the ring.
  const auto emit = [&](int64_t iy) {
    const int64_t y = iy + s.before;
    const float *rows[KERNEL], *taps[KERNEL];
    int count = 0;
    for (int64_t ky = y % STRIDE; ky < KERNEL && ky <= y; ky += STRIDE) {
      const int64_t oy = (y - ky) / STRIDE;
      if (oy >= s.out_height) continue;
      rows[count] = grads + oy % KERNEL * grad_floats + (KERNEL - 1) * BLOCK;
      taps[count++] = of.weight + ky * KERNEL * s.channels + c;
    }
    const float* slope_row = slopes + y % KERNEL * seen_floats;
    const int64_t row_at = iy * s.width * s.channels + c;
    Floats row_sum[N] = {}, row_moment[N] = {};
    // Columns `ix`, `ix` + stride, ...: in padded columns, each has the remainder `phase` to the stride, and so
    // the same taps.
    const auto inputs = [&](int64_t ix, auto phase, auto abreast) {
      constexpr int PHASE = decltype(phase)::value, COUNT = decltype(abreast)::value;
      const int64_t first = (ix + s.before - PHASE) / STRIDE;
      Floats sum[COUNT][N] = {};
      for (int i = 0; i < count; i++)
#pragma GCC unroll 8
        for (int k = 0; k * STRIDE + PHASE < KERNEL; k++)
#pragma GCC unroll 8
          for (int v = 0; v < N; v++) {
            const Floats tap = load(taps[i] + (k * STRIDE + PHASE) * s.channels + v * LANES);
#pragma GCC unroll 8
            for (int j = 0; j < COUNT; j++) sum[j][v] += tap * load(rows[i] + (first - k + j) * BLOCK + v * LANES);
          }
      for (int j = 0; j < COUNT; j++) {
        const int64_t column = ix + j * STRIDE, at = row_at + column * s.channels;
        for (int v = 0; v < N; v++) {
          Floats value = sum[j][v];
          if (normed) {
            value *= load(slope_row + (column + s.before) * BLOCK + v * LANES);
            row_sum[v] += value;
            row_moment[v] += value * (load(of.x + at + v * LANES) - x_mean[v]);
          }
          if (large) store_past(of.dx + at + v * LANES, value);
          else store(of.dx + at + v * LANES, value);
        }
      }
    };
    const auto phase_of_columns = [&](auto phase) {
      int64_t ix = (decltype(phase)::value + s.before * (STRIDE - 1)) % STRIDE;
      for (; ix + (ABREAST - 1) * STRIDE < s.width; ix += ABREAST * STRIDE)
        inputs(ix, phase, Number<ABREAST>());
      for (; ix < s.width; ix += STRIDE) inputs(ix, phase, Number<1>());
    };
    phase_of_columns(Number<0>());
    if constexpr (STRIDE == 2) phase_of_columns(Number<1>());
    if (normed)
      for (int i = 0; i < BLOCK; i++) {
        total[i] += row_sum[i / LANES][i % LANES];
        total_moment[i] += row_moment[i / LANES][i % LANES];
      }
  };

  int64_t filled = 0, emitted = 0;
  for (int64_t oy = 0; oy < s.out_height; oy++) {
    for (; filled < oy * STRIDE + KERNEL; filled++) fill_seen(filled);
    fill_gradient(oy);
    add_to_weight(oy);
    for (; emitted < s.height && (emitted + s.before) / STRIDE <= oy; emitted++) emit(emitted);
  }
  for (; emitted < s.height; emitted++) emit(emitted);
  for (int k = 0; k < KERNEL * KERNEL; k++)
    for (int v = 0; v < N; v++) store(of.dweight + k * s.channels + c + v * LANES, dweight[k][v]);
  settle_past();
}

// body(vectors, kernel, stride), each as a type.
template <class F>
void with_shape(const DepthwiseShape& s, int64_t channel, F&& body) {
  const auto kernels = [&](auto vectors) {
    const auto strides = [&](auto kernel) {
      if (s.stride == 1) body(vectors, kernel, Number<1>());
      if (s.stride == 2) body(vectors, kernel, Number<2>());
    };
    if (s.kernel == 3) strides(Number<3>());
    if (s.kernel == 5) strides(Number<5>());
  };
  if (channel + DEPTHWISE_BLOCK <= s.channels) kernels(Number<WIDEST>());
  else kernels(Number<1>());
}

int64_t depthwise_forward_scratch(const DepthwiseShape& shape) {
  return shape.kernel * input_columns(shape) * DEPTHWISE_BLOCK;
}

int64_t depthwise_backward_scratch(const DepthwiseShape& shape) {
  return shape.kernel * (2 * input_columns(shape) + gradient_columns(shape)) * DEPTHWISE_BLOCK;
}

void depthwise_forward(const DepthwiseShape& shape, const DepthwiseForward& of, int64_t channel, float* scratch) {
  with_activation(of.activation, [&](auto act) {
    with_shape(shape, channel, [&](auto n, auto kernel, auto stride) {
      forward_task<decltype(act), decltype(n)::value, decltype(kernel)::value, decltype(stride)::value>(
          shape, of, channel, scratch);
    });
  });
}

void depthwise_backward(const DepthwiseShape& shape, const DepthwiseBackward& of, int64_t channel, float* scratch) {
  with_activation(of.activation, [&](auto act) {
    with_shape(shape, channel, [&](auto n, auto kernel, auto stride) {
      backward_task<decltype(act), decltype(n)::value, decltype(kernel)::value, decltype(stride)::value>(
          shape, of, channel, scratch);
    });
  });
}

}  // namespace
}  // namespace sbi

extern "C" void SBI_NAME(training_depthwise)(sbi::Kernels* kernels) {
  kernels->depthwise_forward_scratch = sbi::depthwise_forward_scratch;
  kernels->depthwise_backward_scratch = sbi::depthwise_backward_scratch;
  kernels->depthwise_forward = sbi::depthwise_forward;
  kernels->depthwise_backward = sbi::depthwise_backward;
}
