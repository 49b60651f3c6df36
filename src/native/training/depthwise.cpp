// Depthwise convolution in training, forward and backward: see kernels.h.
//
// A task is one image and up to 16 channels. Rows of what the convolution sees, activated on the way, lie in rings
// with zeros around them; in the backward pass the gradient of the convolution's result does too, and is nowhere else.

#include "activations.h"

namespace sbi {
namespace {

constexpr int WIDEST = DEPTHWISE_BLOCK / LANES;
#if defined(__AVX512F__)
constexpr int REGISTERS = 32;
#else
constexpr int REGISTERS = 16;
#endif
// Results computed side by side, at most. Sides of maps are multiples of 7 where images have 224 pixels.
constexpr int ABREAST = REGISTERS == 32 ? 7 : 4;

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

// Whether a batch of images of so many floats, `channels` a position, is larger than caches are, and so better written
// past them: a write into the cache reads its line from memory first. Lines must have the channels of one position alone.
// Tensors begin where lines do.
constexpr bool is_large(int64_t floats, int64_t channels) { return floats >= int64_t{32} << 10 && channels % 16 == 0; }

inline void store_past(float* to, Floats v) {
#if defined(__AVX512F__)
  _mm512_stream_ps(to, reinterpret_cast<__m512>(v));
#elif defined(__AVX2__)
  _mm256_stream_ps(to, reinterpret_cast<__m256>(v));
#else
  store(to, v);
#endif
}

// Has what was written past the cache seen by all.
inline void settle_past() {
#if defined(__SSE2__)
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

// Half a vector's lanes in float64: a register. One of all lanes is none, and scalars reach it by way of memory.
constexpr int HALF = LANES / 2;
typedef double Doubles __attribute__((vector_size(HALF * sizeof(double))));

inline Doubles load_doubles(const double* from) {
  Doubles v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

inline void store_doubles(double* to, Doubles v) { __builtin_memcpy(to, &v, sizeof v); }

inline Doubles doubled(const float* from) {
  float lanes __attribute__((vector_size(HALF * sizeof(float))));
  __builtin_memcpy(&lanes, from, sizeof lanes);
  return __builtin_convertvector(lanes, Doubles);
}

// body(first lane, ...the same lanes of vectors in float64) for all lanes.
template <int N, class F>
void in_doubles(const Floats* one, const Floats* other, F&& body) {
  float lanes[2][N * LANES];
  for (int v = 0; v < N; v++) store(lanes[0] + v * LANES, one[v]), store(lanes[1] + v * LANES, other[v]);
  for (int i = 0; i < N * LANES; i += HALF) body(i, doubled(lanes[0] + i), doubled(lanes[1] + i));
}

// Adds a row's moments to those of `count` values before it.
template <int N>
void add_moments(double count, double* mean, double* squares, double row_count, const Floats* row_mean,
                 const Floats* row_squares) {
  in_doubles<N>(row_mean, row_squares, [&](int i, Doubles its_mean, Doubles its_squares) {
    const Doubles before = load_doubles(mean + i), delta = its_mean - before;
    store_doubles(mean + i, before + delta * row_count / (count + row_count));
    const Doubles between = delta * delta * count * row_count / (count + row_count);
    store_doubles(squares + i, load_doubles(squares + i) + (its_squares + between));
  });
}

// body(place, how many) for places 0 to `end`, several at a time while there are as many.
template <int MOST, class F>
void abreast(int64_t end, F&& body) {
  int64_t at = 0;
  for (; at + MOST <= end; at += MOST) body(at, Number<MOST>());
  if constexpr (MOST > 4)
    for (; at + 4 <= end; at += 4) body(at, Number<4>());
  for (; at + 2 <= end; at += 2) body(at, Number<2>());
  for (; at < end; at++) body(at, Number<1>());
}

// Zeros in the columns of a ring's row that are outside the image.
inline void fill_margins(float* row, int64_t row_floats, int64_t before, int64_t inside) {
  fill(row, row + before, 0.0f);
  fill(row + before + inside, row + row_floats, 0.0f);
}

// Columns of a row, `N` vectors each: in registers where there are enough of them.
template <int COLUMNS, int N>
class Window {
 public:
  explicit Window(const float* from) : from_(from) {
    if constexpr (REGISTERS == 32) {
#pragma GCC unroll 32
      for (int i = 0; i < COLUMNS; i++)
        for (int v = 0; v < N; v++) columns_[i][v] = kept(load(from + (i * N + v) * LANES));
    }
  }

  Floats at(int column, int v) const {
    if constexpr (REGISTERS == 32) return columns_[column][v];
    else return load(from_ + (column * N + v) * LANES);
  }

 private:
  // In a register, where the compiler would rather read memory once more.
  static Floats kept(Floats v) {
#if defined(__AVX512F__)
    __asm__("" : "+v"(v));
#endif
    return v;
  }

  const float* from_;
  Floats columns_[REGISTERS == 32 ? COLUMNS : 1][N];
};

template <class Act, int N, int KERNEL, int STRIDE>
void forward_task(const DepthwiseShape& shape, const DepthwiseForward& task, int64_t c, float* ring) {
  // Copies, which nothing that is written can change.
  const DepthwiseShape s = shape;
  const DepthwiseForward of = task;
  constexpr int BLOCK = N * LANES;
  const int64_t row_floats = input_columns(s) * BLOCK;
  const bool normed = of.norm.scale != nullptr, large = is_large(s.out_height * s.out_width * s.channels, s.channels);
  Floats scale[N] = {}, shift[N] = {};
  if (normed) {
    load_all<N>(scale, of.norm.scale + c);
    load_all<N>(shift, of.norm.shift + c);
  }
  double *mean = of.mean + c, *squares = of.squares + c;
  for (int k = 0; k < KERNEL; k++) fill_margins(ring + k * row_floats, row_floats, s.before * BLOCK, s.width * BLOCK);
  fill(mean, mean + BLOCK, 0.0);
  fill(squares, squares + BLOCK, 0.0);

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

  int64_t filled = 0;
  for (int64_t oy = 0; oy < s.out_height; oy++) {
    for (; filled < oy * STRIDE + KERNEL; filled++) fill_row(filled);
    const float* rows[KERNEL];
    for (int ky = 0; ky < KERNEL; ky++) rows[ky] = ring + (oy * STRIDE + ky) % KERNEL * row_floats;
    Floats row_mean[N] = {}, row_squares[N] = {};
    float* results = ring + KERNEL * row_floats;
    float* out = of.y + oy * s.out_width * s.channels + c;

    abreast<ABREAST>(s.out_width, [&](int64_t ox, auto number) {
      constexpr int COUNT = decltype(number)::value;
      Floats sum[COUNT][N] = {};
#pragma GCC unroll 1
      for (int ky = 0; ky < KERNEL; ky++) {
        const float* in = rows[ky] + ox * STRIDE * BLOCK;
        const Window<(COUNT - 1) * STRIDE + KERNEL, N> window(in);
#pragma GCC unroll 8
        for (int kx = 0; kx < KERNEL; kx++)
#pragma GCC unroll 8
          for (int v = 0; v < N; v++) {
            const Floats tap = load(of.weight + (ky * KERNEL + kx) * s.channels + c + v * LANES);
#pragma GCC unroll 8
            for (int j = 0; j < COUNT; j++) sum[j][v] += tap * window.at(j * STRIDE + kx, v);
          }
      }
      float* to = out + ox * s.channels;
#pragma GCC unroll 8
      for (int j = 0; j < COUNT; j++)
        for (int v = 0; v < N; v++) {
          row_mean[v] += sum[j][v];
          store(results + (ox + j) * BLOCK + v * LANES, sum[j][v]);
          if (large) store_past(to + j * s.channels + v * LANES, sum[j][v]);
          else store(to + j * s.channels + v * LANES, sum[j][v]);
        }
    });
    for (int v = 0; v < N; v++) row_mean[v] /= static_cast<float>(s.out_width);
    for (int64_t i = 0; i < s.out_width; i++)
      for (int v = 0; v < N; v++) {
        const Floats d = load(results + i * BLOCK + v * LANES) - row_mean[v];
        row_squares[v] += d * d;
      }
    const double before = static_cast<double>(oy * s.out_width);
    add_moments<N>(before, mean, squares, static_cast<double>(s.out_width), row_mean, row_squares);
  }
  if (large) settle_past();
}

template <class Act, int N, int KERNEL, int STRIDE>
void backward_task(const DepthwiseShape& shape, const DepthwiseBackward& task, int64_t c, float* scratch) {
  const DepthwiseShape s = shape;
  const DepthwiseBackward of = task;
  constexpr int BLOCK = N * LANES;
  const int64_t seen_floats = input_columns(s) * BLOCK, grad_floats = gradient_columns(s) * BLOCK;
  const bool normed = of.x_norm.scale != nullptr;
  float *seen = scratch, *slopes = seen + KERNEL * seen_floats, *grads = slopes + KERNEL * seen_floats;
  double *total = of.dx_sum + c, *total_moment = of.dx_moment + c;
  for (int k = 0; k < KERNEL; k++) {
    fill_margins(seen + k * seen_floats, seen_floats, s.before * BLOCK, s.width * BLOCK);
    fill_margins(grads + k * grad_floats, grad_floats, (KERNEL - 1) * BLOCK, s.out_width * BLOCK);
  }
  if (normed) {
    fill(total, total + BLOCK, 0.0);
    fill(total_moment, total_moment + BLOCK, 0.0);
  }

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
  const auto fill_gradient = [&](int64_t row_number) {
    float* row = grads + row_number % KERNEL * grad_floats + (KERNEL - 1) * BLOCK;
    int64_t at = row_number * s.out_width * s.channels + c;
    const int64_t ahead = row_number + 1 < s.out_height ? s.out_width * s.channels : 0;
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
  // Rows of the kernel that are summed up together: for small ones a single row has too few sums to keep busy with.
  constexpr int ROWS = KERNEL == 3 && REGISTERS == 32 ? KERNEL : 1;
  const auto add_to_weight = [&](int64_t row_number) {
    const float* from = grads + row_number % KERNEL * grad_floats + (KERNEL - 1) * BLOCK;
    for (int first = 0; first < KERNEL; first += ROWS) {
      const float* in[ROWS];
      for (int i = 0; i < ROWS; i++) in[i] = seen + (row_number * STRIDE + first + i) % KERNEL * seen_floats;
      Floats sum[ROWS][KERNEL][N] = {};
      for (int64_t ox = 0; ox < s.out_width; ox++) {
        Floats gradient[N];
        load_all<N>(gradient, from + ox * BLOCK);
#pragma GCC unroll 8
        for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 8
          for (int kx = 0; kx < KERNEL; kx++)
#pragma GCC unroll 8
            for (int v = 0; v < N; v++)
              sum[i][kx][v] += gradient[v] * load(in[i] + (ox * STRIDE + kx) * BLOCK + v * LANES);
      }
#pragma GCC unroll 8
      for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 8
        for (int kx = 0; kx < KERNEL; kx++)
#pragma GCC unroll 8
          for (int v = 0; v < N; v++) dweight[(first + i) * KERNEL + kx][v] += sum[i][kx][v];
    }
  };

  const bool large = is_large(s.height * s.width * s.channels, s.channels);
  // The gradient of input row `iy`, once all rows of results that saw it are in the ring.
  const auto emit = [&](int64_t iy) {
    const int64_t y = iy + s.before;
    const float *rows[KERNEL], *taps[KERNEL];
    int count = 0;
    for (int64_t ky = y % STRIDE; ky < KERNEL && ky <= y; ky += STRIDE) {
      const int64_t from = (y - ky) / STRIDE;
      if (from >= s.out_height) continue;
      rows[count] = grads + from % KERNEL * grad_floats + (KERNEL - 1) * BLOCK;
      taps[count++] = of.weight + ky * KERNEL * s.channels + c;
    }
    const float* slope_row = slopes + y % KERNEL * seen_floats;
    const int64_t row_at = iy * s.width * s.channels + c;
    Floats row_sum[N] = {}, row_moment[N] = {};
    // Columns `ix`, `ix` + stride, ...: in padded columns, each has the remainder `phase` to the stride, and so
    // the same taps.
    const auto inputs = [&](int64_t ix, auto phase, auto number) {
      constexpr int PHASE = decltype(phase)::value, COUNT = decltype(number)::value;
      constexpr int TAPS = (KERNEL - PHASE + STRIDE - 1) / STRIDE;
      const int64_t first = (ix + s.before - PHASE) / STRIDE;
      Floats sum[COUNT][N] = {};
#pragma GCC unroll 1
      for (int i = 0; i < count; i++) {
        const Window<COUNT + TAPS - 1, N> window(rows[i] + (first - (TAPS - 1)) * BLOCK);
#pragma GCC unroll 8
        for (int k = 0; k < TAPS; k++)
#pragma GCC unroll 8
          for (int v = 0; v < N; v++) {
            const Floats tap = load(taps[i] + (k * STRIDE + PHASE) * s.channels + v * LANES);
#pragma GCC unroll 8
            for (int j = 0; j < COUNT; j++) sum[j][v] += tap * window.at(TAPS - 1 - k + j, v);
          }
      }
      if (normed) {
        const float* slope = slope_row + (ix + s.before) * BLOCK;
        const float* from = of.x + row_at + ix * s.channels;
        for (int v = 0; v < N; v++) {
          Floats total_here = row_sum[v], moment_here = row_moment[v];
#pragma GCC unroll 8
          for (int j = 0; j < COUNT; j++) {
            sum[j][v] *= load(slope + j * STRIDE * BLOCK + v * LANES);
            total_here += sum[j][v];
            moment_here += sum[j][v] * (load(from + j * STRIDE * s.channels + v * LANES) - x_mean[v]);
          }
          row_sum[v] = total_here, row_moment[v] = moment_here;
        }
      }
      float* to = of.dx + row_at + ix * s.channels;
#pragma GCC unroll 8
      for (int j = 0; j < COUNT; j++, to += STRIDE * s.channels)
        for (int v = 0; v < N; v++)
          if (large) store_past(to + v * LANES, sum[j][v]);
          else store(to + v * LANES, sum[j][v]);
    };
    const auto phase_of_columns = [&](auto phase) {
      const int64_t first = (decltype(phase)::value + s.before * (STRIDE - 1)) % STRIDE;
      const int64_t columns = first < s.width ? (s.width - first + STRIDE - 1) / STRIDE : 0;
      abreast<ABREAST>(columns, [&](int64_t column, auto number) { inputs(first + column * STRIDE, phase, number); });
    };
    phase_of_columns(Number<0>());
    if constexpr (STRIDE == 2) phase_of_columns(Number<1>());
    if (normed)
      in_doubles<N>(row_sum, row_moment, [&](int i, Doubles sum, Doubles moment) {
        store_doubles(total + i, load_doubles(total + i) + sum);
        store_doubles(total_moment + i, load_doubles(total_moment + i) + moment);
      });
  };

  int64_t filled = 0, emitted = 0;
  for (int64_t oy = 0; oy <= s.out_height; oy++) {
    int64_t end = s.height;
    if (oy < s.out_height) {
      for (; filled < oy * STRIDE + KERNEL; filled++) fill_seen(filled);
      fill_gradient(oy);
      add_to_weight(oy);
      end = smaller(end, (oy + 1) * STRIDE - s.before);
    }
    for (; emitted < end; emitted++) emit(emitted);
  }
  for (int k = 0; k < KERNEL * KERNEL; k++)
    for (int v = 0; v < N; v++) store(of.dweight + k * s.channels + c + v * LANES, dweight[k][v]);
  if (large) settle_past();
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
  return (shape.kernel * input_columns(shape) + shape.out_width) * DEPTHWISE_BLOCK;
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
